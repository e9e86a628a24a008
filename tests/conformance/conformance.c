/*
 * weft-conformance: what protobuf's conformance_test_runner asks, answered. On standard input come
 * requests, each after its length in four bytes (little-endian); an answer to each goes to standard
 * output in the same way. See conformance.proto.
 *
 * Binary messages are read and written by canonical.c, JSON by the runtime's codec; both are driven
 * by descriptors. Text format, JSPB and messages that the descriptors do not have are skipped.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#include "canonical.h"
#include "contracts.h"

/* conformance.WireFormat and conformance.TestCategory */
enum { FORMAT_PROTOBUF = 1, FORMAT_JSON = 2 };
enum { CATEGORY_IGNORE_UNKNOWN = 3 };

/* Fields of conformance.ConformanceRequest; payloads that are none of these are not spoken. */
enum {
	REQUEST_PROTOBUF = 1,
	REQUEST_JSON = 2,
	REQUEST_OUTPUT = 3,
	REQUEST_TYPE = 4,
	REQUEST_CATEGORY = 5,
	REQUEST_JSPB = 7,
	REQUEST_TEXT = 8,
};

/* Fields of conformance.ConformanceResponse: the outcome of a request. */
enum outcome {
	PARSE_ERROR = 1,
	RUNTIME_ERROR = 2,
	PROTOBUF_PAYLOAD = 3,
	JSON_PAYLOAD = 4,
	SKIPPED = 5,
	SERIALIZE_ERROR = 6,
};

struct request {
	uint32_t format; /* the payload's field; 0: none */
	struct weft_bytes payload;
	uint64_t output;
	uint64_t category;
	struct weft_bytes type;
};

static int parse_request(struct weft_bytes rest, struct request *ret_request)
{
	struct request request = { 0 };
	struct weft_wire_field field;
	int r;

	while ((r = weft_wire_next(&rest, &field)) > 0) {
		switch (field.number) {
		case REQUEST_PROTOBUF:
		case REQUEST_JSON:
		case REQUEST_JSPB:
		case REQUEST_TEXT:
			request.format = field.number;
			request.payload = field.bytes;
			break;
		case REQUEST_OUTPUT: request.output = field.value; break;
		case REQUEST_TYPE: request.type = field.bytes; break;
		case REQUEST_CATEGORY: request.category = field.value; break;
		}
	}
	if (r == 0)
		*ret_request = request;
	return r;
}

static enum outcome say(struct weft_buffer *out, enum outcome outcome, const char *sentence)
{
	weft_buffer_clear(out);
	weft_buffer_append_string(out, sentence);
	return outcome;
}

static enum outcome say_where(struct weft_buffer *out, enum outcome outcome,
			      const struct weft_json_error *error)
{
	weft_buffer_clear(out);
	weft_buffer_printf(out, "line %u, column %u: %s: %s", error->line, error->column,
			   error->path, error->message);
	return outcome;
}

/* The payload as canonical wire bytes; 0, or what went wrong. */
static enum outcome parse(const struct request *request, const struct weft_schema_message *message,
			  const struct weft_json_options *options, struct weft_arena *arena,
			  struct weft_buffer *wire, struct weft_buffer *out)
{
	struct weft_json_error error = { 0 };
	int r;

	if (request->format == REQUEST_PROTOBUF) {
		r = canonical(arena, message, request->payload, wire);
		return r < 0 ? say(out, PARSE_ERROR, strerror(-r)) : 0;
	}
	r = weft_json_to_wire(message, (const char *)request->payload.data, request->payload.len,
			      options, wire, &error);
	return r < 0 ? say_where(out, PARSE_ERROR, &error) : 0;
}

static enum outcome serialize(const struct request *request,
			      const struct weft_schema_message *message,
			      const struct weft_json_options *options,
			      const struct weft_buffer *wire, struct weft_buffer *out)
{
	struct weft_json_error error = { 0 };

	if (request->output == FORMAT_PROTOBUF) {
		weft_buffer_append(out, wire->data, wire->len);
		return PROTOBUF_PAYLOAD;
	}
	if (weft_wire_to_json(message, wire->data, wire->len, options, out, &error) < 0)
		return say_where(out, SERIALIZE_ERROR, &error);
	return JSON_PAYLOAD;
}

static enum outcome answer(const struct weft_schema *schema, const struct request *request,
			   struct weft_arena *arena, struct weft_buffer *out)
{
	const struct weft_json_options options = {
		.size = sizeof(options),
		.schema = schema,
		.ignore_unknown = request->category == CATEGORY_IGNORE_UNKNOWN,
	};
	const char *type =
		weft_arena_strndup(arena, (const char *)request->type.data, request->type.len);
	const struct weft_schema_message *message = weft_schema_message(schema, type);
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	enum outcome outcome;

	if (request->format == 0)
		return say(out, RUNTIME_ERROR, "the request has no payload");
	if (request->format == REQUEST_JSPB || request->format == REQUEST_TEXT)
		return say(out, SKIPPED, "only binary and JSON are read");
	if (request->output != FORMAT_PROTOBUF && request->output != FORMAT_JSON)
		return say(out, SKIPPED, "only binary and JSON are written");
	if (!message)
		return say(out, SKIPPED, "the message is not known");
	outcome = parse(request, message, &options, arena, &wire, out);
	if (outcome == 0)
		outcome = serialize(request, message, &options, &wire, out);
	weft_buffer_fini(&wire);
	return outcome;
}

/* False: the end. */
static bool read_request(struct weft_buffer *into)
{
	uint8_t head[4], *room;
	size_t len;

	weft_buffer_clear(into);
	if (fread(head, 1, sizeof(head), stdin) != sizeof(head))
		return false;
	len = (size_t)head[0] | (size_t)head[1] << 8 | (size_t)head[2] << 16 |
	      (size_t)head[3] << 24;
	if (weft_buffer_reserve(into, len, &room) < 0)
		return false;
	into->len = fread(room, 1, len, stdin);
	return into->len == len;
}

static void write_response(enum outcome outcome, const struct weft_buffer *text)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	uint8_t head[4];

	weft_wire_append_bytes(&out, outcome, text->data, text->len);
	for (size_t i = 0; i < sizeof(head); i++)
		head[i] = (uint8_t)(out.len >> (8 * i));
	fwrite(head, 1, sizeof(head), stdout);
	fwrite(out.data, 1, out.len, stdout);
	fflush(stdout);
	weft_buffer_fini(&out);
}

int main(void)
{
	struct weft_buffer in = WEFT_BUFFER_INIT, out = WEFT_BUFFER_INIT;
	struct weft_arena *arena = weft_arena_new();
	struct weft_schema *schema;
	struct request request;
	char error[256];

	weft_schema_new(&schema);
	if (weft_schema_add_set(schema, contracts_descriptor_set, error) < 0) {
		fprintf(stderr, "weft-conformance: %s\n", error);
		return 1;
	}
	while (read_request(&in)) {
		enum outcome outcome;

		weft_arena_reset(arena);
		weft_buffer_clear(&out);
		if (parse_request((struct weft_bytes) { in.data, in.len }, &request) < 0)
			outcome = say(&out, RUNTIME_ERROR, "this is no ConformanceRequest");
		else
			outcome = answer(schema, &request, arena, &out);
		write_response(outcome, &out);
	}
	weft_buffer_fini(&in);
	weft_buffer_fini(&out);
	weft_arena_free(arena);
	weft_schema_free(schema);
	return 0;
}
