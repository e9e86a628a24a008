/*
 * HTTP/1.1 requests, whole and cut: the parser must see the same requests, the same bodies and the
 * same error in both, or a proxy in front of it could make it see others. The first byte says how
 * the input is cut and how narrow the limits are.
 */
#include <errno.h>
#include <weft/buffer.h>
#include <weft/http1.h>

#include "fuzz.h"

struct outcome {
	struct weft_buffer text; /* all events, written down */
	struct weft_http1_error error;
	int r;
	bool in_request;
	bool body; /* may come */
};

static void on_request(const struct weft_http1_request *request, void *data)
{
	struct outcome *outcome = data;

	assert(!outcome->in_request);
	outcome->in_request = true;
	outcome->body = request->body;
	assert(request->n >= 2 && strcmp(request->headers[0].name, ":method") == 0 &&
	       strcmp(request->headers[1].name, ":path") == 0);
	weft_buffer_printf(&outcome->text, "request%s%s%s%s\n", request->body ? " body" : "",
			   request->keep_alive ? " alive" : "",
			   request->expect_continue ? " expects" : "",
			   request->http_1_0 ? " 1.0" : "");
	for (size_t i = 0; i < request->n; i++) {
		const struct weft_h2_header *header = &request->headers[i];

		assert(strlen(header->name) == header->name_len && header->name_len > 0);
		assert(strlen(header->value) == header->value_len); /* no NUL within */
		assert(!strpbrk(header->value, "\r\n") && !strpbrk(header->name, "\r\n \t"));
		weft_buffer_printf(&outcome->text, "%s=%s\n", header->name, header->value);
	}
}

static void on_body(const uint8_t *bytes, size_t len, void *data)
{
	struct outcome *outcome = data;

	assert(outcome->in_request && outcome->body && len > 0);
	weft_buffer_append(&outcome->text, bytes, len);
}

static void on_end(void *data)
{
	struct outcome *outcome = data;

	assert(outcome->in_request);
	outcome->in_request = false;
	weft_buffer_append_string(&outcome->text, "\nend\n");
}

static const struct weft_http1_events events = {
	.on_request = on_request,
	.on_body = on_body,
	.on_end = on_end,
};

static void feed(struct weft_http1 *parser, struct weft_bytes cut, struct outcome *outcome)
{
	uint8_t *copy = fuzz_copy(cut);
	size_t at = 0;

	while (at < cut.len && outcome->r == 0) {
		size_t used = 0;

		outcome->r =
			weft_http1_feed(parser, copy + at, cut.len - at, &used, &outcome->error);
		assert(outcome->r == -EBADMSG || (outcome->r == 0 && used > 0));
		at += used;
	}
	free(copy);
}

/* Pieces of 1 to `piece` bytes; 0: all at once. */
static void parse(struct weft_bytes wire, uint8_t piece, const struct weft_http1_limits *limits,
		  struct outcome *outcome)
{
	struct weft_http1 *parser;
	size_t len = piece ? 1 : wire.len;

	assert(weft_http1_new(limits, &events, outcome, &parser) == 0);
	while (wire.len > 0 && outcome->r == 0) {
		feed(parser, fuzz_take(&wire, len), outcome);
		len = piece ? len % piece + 1 : wire.len;
	}
	weft_http1_free(parser);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	uint8_t choice = fuzz_byte(&input);
	struct weft_http1_limits limits = { .max_head = choice & 0x80 ? 200 : 0,
					    .max_headers = choice & 0x80 ? 5 : 0 };
	struct outcome whole = { 0 }, cut = { 0 };

	parse(input, 0, &limits, &whole);
	parse(input, (choice & 0x7f) + 1, &limits, &cut);
	assert(whole.r == cut.r && whole.error.status == cut.error.status);
	assert(strcmp(whole.error.message, cut.error.message) == 0);
	fuzz_same((struct weft_bytes) { whole.text.data, whole.text.len },
		  (struct weft_bytes) { cut.text.data, cut.text.len });
	weft_buffer_fini(&whole.text);
	weft_buffer_fini(&cut.text);
	return 0;
}
