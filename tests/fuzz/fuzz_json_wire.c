/*
 * Wire bytes of an upstream become JSON for a client. What was written must be read back, into a
 * message that gives the same JSON; and it must be what a parser with a tree in between would have
 * read, merged and written (canonical.c). The first byte chooses type and options.
 */
#include <errno.h>
#include <weft/json.h>

#include "../conformance/canonical.h"
#include "everything.h"
#include "fuzz.h"

static const char *const types[] = {
	"weft.test.Everything",
	"weft.test.Inner",
	"google.protobuf.Struct",
	"google.protobuf.Any",
};

static void round_trip(const struct weft_schema_message *type, const struct weft_buffer *text,
		       const struct weft_json_options *options)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT, again = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	assert(weft_json_to_wire(type, (char *)text->data, text->len, options, &wire, &error) == 0);
	assert(weft_wire_to_json(type, wire.data, wire.len, options, &again, &error) == 0);
	fuzz_same((struct weft_bytes) { text->data, text->len },
		  (struct weft_bytes) { again.data, again.len });
	weft_buffer_fini(&wire);
	weft_buffer_fini(&again);
}

static void merged(const struct weft_schema_message *type, struct weft_bytes wire,
		   const struct weft_buffer *text, const struct weft_json_options *options)
{
	struct weft_buffer one = WEFT_BUFFER_INIT, again = WEFT_BUFFER_INIT;
	struct weft_arena *arena = weft_arena_new();
	struct weft_json_error error;

	/* what a oneof dropped need not be right for JSON */
	if (canonical(arena, type, wire, &one) == 0) {
		assert(weft_wire_to_json(type, one.data, one.len, options, &again, &error) == 0);
		fuzz_same((struct weft_bytes) { text->data, text->len },
			  (struct weft_bytes) { again.data, again.len });
	}
	weft_buffer_fini(&one);
	weft_buffer_fini(&again);
	weft_arena_free(arena);
}

static void fields(const struct weft_schema_message *type, const uint8_t *wire, size_t len,
		   const struct weft_json_options *options)
{
	struct weft_buffer text = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	for (size_t i = 0; i < type->n_fields; i++)
		assert(weft_wire_field_to_json(type, &type->fields[i], wire, len, options, &text,
					       &error) == 0);
	weft_buffer_fini(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	uint8_t choice = fuzz_byte(&input);
	const struct weft_schema_message *type =
		weft_schema_message(everything_schema(), types[choice % WEFT_COUNT(types)]);
	struct weft_json_options options = { .size = sizeof(options),
					     .schema = everything_schema(),
					     .emit_defaults = choice & 8,
					     .proto_names = choice & 16,
					     .indent = choice >> 6 };
	struct weft_buffer text = WEFT_BUFFER_INIT;
	struct weft_json_error error = { 0 };
	uint8_t *wire = fuzz_copy(input);
	int r = weft_wire_to_json(type, wire, input.len, &options, &text, &error);

	if (r == 0) {
		round_trip(type, &text, &options);
		merged(type, (struct weft_bytes) { wire, input.len }, &text, &options);
		if (choice & 32)
			fields(type, wire, input.len, &options);
	} else {
		assert(r == -EBADMSG && text.len == 0);
		assert(error.message[0] && error.offset <= input.len);
	}
	weft_buffer_fini(&text);
	free(wire);
	return 0;
}
