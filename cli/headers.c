#include "headers.h"

#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#include "command.h"

/* base64, by the codec: what a bytes field of JSON would take. */
static int decode_binary(const char *text, struct weft_buffer *wire, struct weft_bytes *ret_bytes)
{
	static const struct weft_schema_field field = {
		.name = "value", .number = 1, .type = WEFT_TYPE_BYTES, .oneof = -1
	};
	struct weft_wire_field value;
	struct weft_bytes rest;
	int r;

	r = weft_json_field_to_wire(&field, text, strlen(text), wire, NULL);
	if (r < 0)
		return r;
	rest = (struct weft_bytes) { wire->data, wire->len };
	weft_wire_next(&rest, &value);
	*ret_bytes = value.bytes;
	return 0;
}

/* "name: value" as -H has it. */
static int add_header(const char *header, struct weft_arena *arena, struct weft_metadata *metadata)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	const char *colon = strchr(header, ':'), *value = colon + 1;
	char *name = weft_arena_strndup(arena, header, (size_t)(colon - header));
	size_t len = strlen(name);
	struct weft_bytes bytes;
	int r = 0;

	value += *value == ' ';
	bytes = (struct weft_bytes) { (const uint8_t *)value, strlen(value) };
	if (len > 4 && strcmp(name + len - 4, "-bin") == 0)
		r = decode_binary(value, &wire, &bytes);
	if (r == 0)
		r = weft_metadata_add(metadata, arena, name, bytes.data, bytes.len);
	weft_buffer_fini(&wire);
	if (r < 0)
		return complain(EXIT_USAGE, "-H: \"%s\" cannot be sent as metadata", header);
	return 0;
}

int headers_read(const struct options *options, struct weft_arena *arena,
		 struct weft_metadata *metadata)
{
	int code = 0;

	for (size_t i = 0; i < options->n_headers && code == 0; i++)
		code = add_header(options->headers[i], arena, metadata);
	return code;
}
