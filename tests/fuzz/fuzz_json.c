/*
 * JSON from a client becomes wire bytes. What was taken must be right by its syntax alone and a
 * message to the gRPC side's check, and its JSON must give the same bytes again. The first byte
 * chooses type and options.
 */
#include <errno.h>
#include <weft/json.h>

#include "everything.h"
#include "everything.weft.h"
#include "fuzz.h"
#include "rpc/codec.h"

static const char *const types[] = {
	"weft.test.Everything",
	"weft.test.Inner",
	"google.protobuf.Value",
	"google.protobuf.Timestamp",
};

static void check_error(const struct weft_json_error *error, size_t len)
{
	assert(error->message[0] && strlen(error->message) < sizeof(error->message));
	assert(strlen(error->path) < sizeof(error->path));
	assert(error->offset <= len && error->line > 0 && error->column > 0);
}

/* What the gRPC side thinks of it: strings with a NUL are all that it may refuse. */
static void check_wire(const char *what, const struct weft_buffer *wire)
{
	struct weft_bytes bytes = { wire->data, wire->len };
	char error[256] = "";

	if (weft_message_check(&weft__test__everything__descriptor, bytes, 0, error) == 0 ||
	    strstr(error, "holds a NUL byte"))
		return;
	fprintf(stderr, "%s: %s\n", what, error);
	abort();
}

static void fields(const struct weft_schema_message *type, const char *text, size_t len)
{
	struct weft_json_error error = { 0 };
	struct weft_buffer out = WEFT_BUFFER_INIT;

	for (size_t i = 0; i < type->n_fields; i++) {
		weft_json_field_to_wire(&type->fields[i], text, len, &out, &error);
		check_wire(type->fields[i].name, &out);
	}
	weft_buffer_fini(&out);
}

static void round_trip(const struct weft_schema_message *type, const struct weft_buffer *wire,
		       struct weft_json_options options)
{
	struct weft_buffer text = WEFT_BUFFER_INIT, again = WEFT_BUFFER_INIT;
	struct weft_buffer second = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	assert(weft_wire_to_json(type, wire->data, wire->len, &options, &text, &error) == 0);
	assert(weft_json_to_wire(type, (char *)text.data, text.len, &options, &again, &error) == 0);
	assert(weft_wire_to_json(type, again.data, again.len, &options, &second, &error) == 0);
	fuzz_same((struct weft_bytes) { text.data, text.len },
		  (struct weft_bytes) { second.data, second.len });
	weft_buffer_fini(&text);
	weft_buffer_fini(&again);
	weft_buffer_fini(&second);
}

/* A value's end is where the codec finds it too. */
static void scan(const char *text, size_t len)
{
	struct weft_json_scanner scanner = { 0 };
	size_t whole = 0, cut = 0;
	int r = weft_json_value_length(text, len, &whole);
	int s = -EAGAIN;

	for (size_t n = 0; n <= len && (s == -EAGAIN || s == -ENODATA); n += 3)
		s = weft_json_scan(&scanner, text, n, &cut);
	if (s == -EAGAIN || s == -ENODATA)
		s = weft_json_scan(&scanner, text, len, &cut);
	assert(r == s && whole == cut);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	uint8_t choice = fuzz_byte(&input);
	const struct weft_schema_message *type =
		weft_schema_message(everything_schema(), types[choice % WEFT_COUNT(types)]);
	struct weft_json_options options = { .size = sizeof(options),
					     .schema = everything_schema(),
					     .ignore_unknown = choice & 4,
					     .emit_defaults = choice & 8,
					     .proto_names = choice & 16,
					     .indent = choice >> 6 };
	char *text = (char *)fuzz_copy(input);
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct weft_json_error error = { 0 };
	int r = weft_json_to_wire(type, text, input.len, &options, &wire, &error);

	if (r == 0) {
		assert(weft_json_check(text, input.len, 1000, &error) == 0);
		round_trip(type, &wire, options);
		if (choice % WEFT_COUNT(types) == 0)
			check_wire("the message", &wire);
	} else {
		assert(r == -EINVAL && wire.len == 0);
		check_error(&error, input.len);
	}
	if (choice % WEFT_COUNT(types) == 0 && input.len < 64)
		fields(type, text, input.len);
	scan(text, input.len);
	weft_buffer_fini(&wire);
	free(text);
	return 0;
}
