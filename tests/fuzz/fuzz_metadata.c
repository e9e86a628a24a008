/*
 * Received header fields become metadata, and a status. What was taken must come out the same when
 * it is sent on and received again.
 */
#include "fuzz.h"
#include "wire/metadata_wire.h"
#include "wire/trailer.h"

#define MAX_FIELDS 32

static const char *const names[] = {
	"grpc-status", "grpc-message", "grpc-status-details-bin",
	"some-bin",    "some",         "content-type",
};

/* A copy of its own, ended by a NUL, as headers come from a session. */
static const char *field_part(struct weft_arena *arena, struct weft_bytes bytes, size_t *ret_len)
{
	char *copy = weft_arena_alloc(arena, bytes.len + 1);

	assert(copy);
	if (bytes.len)
		memcpy(copy, bytes.data, bytes.len);
	copy[bytes.len] = '\0';
	*ret_len = bytes.len;
	return copy;
}

static size_t read_fields(struct weft_bytes input, struct weft_arena *arena,
			  struct weft_h2_header headers[MAX_FIELDS])
{
	size_t n = 0;

	while (input.len > 0 && n < MAX_FIELDS) {
		struct weft_h2_header *header = &headers[n++];
		uint8_t name = fuzz_byte(&input);

		if (name < WEFT_COUNT(names)) {
			header->name = names[name];
			header->name_len = strlen(names[name]);
		} else {
			header->name =
				field_part(arena, fuzz_take(&input, name - WEFT_COUNT(names)),
					   &header->name_len);
		}
		header->value =
			field_part(arena, fuzz_take(&input, fuzz_byte(&input)), &header->value_len);
	}
	return n;
}

static void metadata(const struct weft_h2_header *headers, size_t n, struct weft_arena *arena)
{
	struct weft_metadata first = WEFT_METADATA_INIT, second = WEFT_METADATA_INIT;
	struct weft_h2_header *again;

	if (weft_metadata_from_wire(headers, n, arena, &first) < 0)
		return;
	again = weft_arena_new_array(arena, struct weft_h2_header, first.n);
	assert(weft_metadata_to_wire(&first, arena, again) == 0);
	assert(weft_metadata_from_wire(again, first.n, arena, &second) == 0);
	assert(first.n == second.n);
	for (size_t i = 0; i < first.n; i++) {
		const struct weft_metadata_entry *a = &first.entries[i], *b = &second.entries[i];

		assert(a->value[a->len] == '\0');
		assert(strcmp(a->name, b->name) == 0);
		fuzz_same((struct weft_bytes) { a->value, a->len },
			  (struct weft_bytes) { b->value, b->len });
	}
}

static void trailer(const struct weft_h2_header *headers, size_t n, struct weft_arena *arena)
{
	struct weft_h2_header again[WEFT_TRAILER_FIELDS];
	struct weft_status first, second;
	int n_again;

	if (weft_trailer_read(headers, n, arena, &first) != 1)
		return;
	assert(first.message && first.code <= WEFT_UNAUTHENTICATED);
	n_again = weft_trailer_write(&first, arena, again);
	assert(n_again > 0 && n_again <= WEFT_TRAILER_FIELDS);
	assert(weft_trailer_read(again, (size_t)n_again, arena, &second) == 1);
	assert(first.code == second.code);
	if (strlen(first.message) <= WEFT_TRAILER_MESSAGE_MAX / 3)
		assert(strcmp(first.message, second.message) == 0);
	if (first.details.len <= WEFT_TRAILER_DETAILS_MAX / 2)
		fuzz_same(first.details, second.details);
}

/* A status with a detail more than it came with, as one that is passed up. */
static void details(const struct weft_h2_header *headers, size_t n, struct weft_arena *arena)
{
	struct weft_status status;

	if (weft_trailer_read(headers, n, arena, &status) != 1)
		return;
	weft_status_reason(&status, arena);
	weft_status_add_violation(&status, arena, "lines[2]", "%s", status.message);
	if (!weft_status_reason(&status, arena))
		weft_status_add_error_info(&status, arena, "REASON", "weft");
	weft_status_reason(&status, arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_arena *arena = weft_arena_new();
	struct weft_h2_header headers[MAX_FIELDS];
	size_t n = read_fields((struct weft_bytes) { data, size }, arena, headers);

	metadata(headers, n, arena);
	trailer(headers, n, arena);
	details(headers, n, arena);
	weft_arena_free(arena);
	return 0;
}
