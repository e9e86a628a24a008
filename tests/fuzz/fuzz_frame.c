/*
 * gRPC's frames, cut anywhere: however the input arrives, the same messages come out and the same
 * error ends them. The first byte says how it is cut.
 */
#include "fuzz.h"
#include "wire/frame.h"

#define MAX_MESSAGE 4096

struct outcome {
	struct weft_buffer messages; /* each with its prefix, as it was on the wire */
	int error;
	bool at_boundary;
};

static void collect(struct weft_deframer *deframer, struct outcome *outcome, bool saves)
{
	struct weft_frame frame;
	uint8_t prefix[WEFT_FRAME_PREFIX];
	int r;

	while ((r = weft_deframer_next(deframer, &frame)) > 0) {
		assert(frame.message.len <= MAX_MESSAGE);
		weft_frame_prefix(prefix, frame.compressed, frame.message.len);
		weft_buffer_append(&outcome->messages, prefix, sizeof(prefix));
		weft_buffer_append(&outcome->messages, frame.message.data, frame.message.len);
		if (saves)
			assert(weft_deframer_save(deframer) == 0);
	}
	outcome->error = r;
}

/* Pieces of 1 to `piece` bytes; 0: all at once. */
static void deframe(struct weft_bytes wire, uint8_t piece, struct outcome *outcome)
{
	struct weft_deframer deframer;
	size_t len = piece ? 1 : wire.len;

	weft_deframer_init(&deframer, MAX_MESSAGE);
	do {
		struct weft_bytes cut = fuzz_take(&wire, len);
		uint8_t *copy = fuzz_copy(cut);

		weft_deframer_feed(&deframer, copy, cut.len);
		collect(&deframer, outcome, piece & 1);
		free(copy);
		len = piece ? len % piece + 1 : wire.len;
	} while (wire.len > 0 && outcome->error == 0);
	outcome->at_boundary = outcome->error == 0 && weft_deframer_at_boundary(&deframer);
	assert(!outcome->at_boundary || weft_deframer_missing(&deframer) == 0);
	weft_deframer_fini(&deframer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	uint8_t piece = fuzz_byte(&input);
	struct outcome whole = { 0 }, cut = { 0 };

	deframe(input, 0, &whole);
	deframe(input, piece ? piece : 1, &cut);
	assert(whole.error == cut.error && whole.at_boundary == cut.at_boundary);
	fuzz_same((struct weft_bytes) { whole.messages.data, whole.messages.len },
		  (struct weft_bytes) { cut.messages.data, cut.messages.len });
	if (whole.at_boundary)
		assert(whole.messages.len == input.len);
	weft_buffer_fini(&whole.messages);
	weft_buffer_fini(&cut.messages);
	return 0;
}
