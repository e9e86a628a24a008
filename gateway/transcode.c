/*
 * A request's message is put together from a tree of what the path and the query say (plan.h) and
 * from the body's wire bytes. The body is decoded first; each path variable is then looked for in
 * it, because clients that send a resource back as they got it say its name twice.
 */
#include "transcode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#include "plan.h"

#define DEFAULT_MAX_MESSAGE ((size_t)4 << 20)

void transcode_error_status(const struct transcode_error *error, struct weft_arena *arena,
			    struct weft_status *ret_status)
{
	const char *field = error->field, *colon = *error->field ? ": " : "";

	if (error->line > 0)
		weft_status_init(ret_status, arena, error->code, "line %u, column %u: %s%s%s",
				 error->line, error->column, field, colon, error->description);
	else
		weft_status_init(ret_status, arena, error->code, "%s%s%s", field, colon,
				 error->description);
	if (error->code == WEFT_INVALID_ARGUMENT)
		weft_status_add_violation(ret_status, arena, field, "%s", error->description);
}

static bool is_blank(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!strchr(" \t\r\n", text[i]) || !text[i])
			return false;
	return true;
}

static int refuse_json(const struct weft_json_error *json, struct transcode_error *ret_error)
{
	*ret_error = (struct transcode_error) {
		.code = WEFT_INVALID_ARGUMENT,
		.line = json->line,
		.column = json->column,
	};
	snprintf(ret_error->field, sizeof(ret_error->field), "%s", json->path);
	snprintf(ret_error->description, sizeof(ret_error->description), "%s", json->message);
	return TRANSCODE_REFUSED;
}

/* The body's share of the message, as wire bytes of the request. */
static int decode_body(const struct plan *plan, const char *body, size_t len,
		       struct weft_buffer *out, struct transcode_error *ret_error)
{
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = plan->schema };
	const struct route_binding *binding = plan->binding;
	struct weft_json_error error;
	int r;

	if (is_blank(body, len))
		return 0;
	if (binding->body_all)
		r = weft_json_to_wire(binding->method->request, body, len, &options, out, &error);
	else if (binding->body)
		r = weft_json_value_to_wire(binding->body, body, len, &options, out, &error);
	else
		return transcode_refuse(ret_error, "", "%s %s takes no body", binding->http_method,
					binding->template);
	return r == -EINVAL ? refuse_json(&error, ret_error) : r;
}

static int build_message(struct plan *plan, const char *body, size_t len, struct weft_buffer *out,
			 struct transcode_error *ret_error)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	size_t start = out->len;
	int r;

	r = decode_body(plan, body, len, &wire, ret_error);
	if (r == 0)
		r = plan_emit(plan, (struct weft_bytes) { wire.data, wire.len }, out, ret_error);
	if (r != 0)
		out->len = start;
	weft_buffer_fini(&wire);
	return r;
}

int transcode_request(const struct weft_schema *schema, const struct route_match *match,
		      const char *query, size_t query_len, const char *body, size_t body_len,
		      struct weft_buffer *out, struct transcode_error *ret_error)
{
	struct plan plan;
	int r;

	r = plan_init(&plan, schema, match, query, query_len, ret_error);
	if (r == 0)
		r = build_message(&plan, body, body_len, out, ret_error);
	plan_fini(&plan);
	return r;
}

struct transcode_reader {
	struct plan plan;
	struct weft_buffer text; /* what was fed */
	size_t taken; /* of text: what many short messages take goes at once, with the next feed */
	struct weft_json_scanner scanner;
	size_t max_message;
	unsigned line;   /* of the text's first byte, from 0 */
	unsigned column; /* from 0 */
	bool ended;
};

int transcode_reader_new(const struct weft_schema *schema, const struct route_match *match,
			 const char *query, size_t query_len, size_t max_message,
			 struct transcode_reader **ret_reader, struct transcode_error *ret_error)
{
	struct transcode_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->max_message = max_message ? max_message : DEFAULT_MAX_MESSAGE;
	r = plan_init(&reader->plan, schema, match, query, query_len, ret_error);
	if (r != 0) {
		transcode_reader_free(reader);
		return r;
	}
	*ret_reader = reader;
	return 0;
}

void transcode_reader_free(struct transcode_reader *reader)
{
	if (!reader)
		return;
	plan_fini(&reader->plan);
	weft_buffer_fini(&reader->text);
	free(reader);
}

int transcode_reader_feed(struct transcode_reader *reader, const void *bytes, size_t len)
{
	weft_buffer_consume(&reader->text, reader->taken);
	reader->taken = 0;
	return weft_buffer_append(&reader->text, bytes, len);
}

void transcode_reader_end(struct transcode_reader *reader)
{
	reader->ended = true;
}

size_t transcode_reader_pending(const struct transcode_reader *reader)
{
	return reader->text.len - reader->taken;
}

/* Takes `len` bytes, counting lines, so that an error names its place in the whole body. */
static void take(struct transcode_reader *reader, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		reader->column++;
		if (reader->text.data[reader->taken + i] == '\n') {
			reader->line++;
			reader->column = 0;
		}
	}
	reader->taken += len;
	reader->scanner = (struct weft_json_scanner) { 0 };
}

/* What stands between messages belongs to none: neither to its length nor to its place. */
static void skip_space(struct transcode_reader *reader)
{
	size_t n = 0, left = transcode_reader_pending(reader);
	const uint8_t *text;

	if (left == 0 || reader->scanner.begun)
		return;
	text = reader->text.data + reader->taken;
	while (n < left && text[n] && strchr(" \t\r\n", text[n]))
		n++;
	if (n > 0)
		take(reader, n);
}

static int refuse_here(struct transcode_reader *reader, enum weft_code code, const char *what,
		       struct transcode_error *ret_error)
{
	transcode_refuse(ret_error, "", "%s", what);
	ret_error->code = code;
	ret_error->line = reader->line + 1;
	ret_error->column = reader->column + 1;
	return TRANSCODE_REFUSED;
}

static int take_message(struct transcode_reader *reader, size_t len, struct weft_buffer *out,
			struct transcode_error *ret_error)
{
	const char *text = (const char *)reader->text.data + reader->taken;
	int r;

	r = build_message(&reader->plan, text, len, out, ret_error);
	if (r == TRANSCODE_REFUSED && ret_error->line > 0) {
		ret_error->column += ret_error->line == 1 ? reader->column : 0;
		ret_error->line += reader->line;
	}
	take(reader, len);
	return r == 0 ? TRANSCODE_MESSAGE : r;
}

int transcode_reader_next(struct transcode_reader *reader, struct weft_buffer *out,
			  struct transcode_error *ret_error)
{
	size_t left, len = 0;
	int r;

	skip_space(reader);
	left = transcode_reader_pending(reader);
	if (left == 0)
		return reader->ended ? TRANSCODE_END : TRANSCODE_MORE;
	r = weft_json_scan(&reader->scanner, (const char *)reader->text.data + reader->taken, left,
			   &len);
	if (r == 0 && len > reader->max_message)
		r = -EMSGSIZE;
	if (r == -EAGAIN && left > reader->max_message)
		r = -EMSGSIZE;
	switch (r) {
	case 0: return take_message(reader, len, out, ret_error);
	case -EAGAIN:
		if (!reader->ended)
			return TRANSCODE_MORE;
		/* The codec knows what is missing; or it is a number, which nothing but the end
		 * could end. */
		return take_message(reader, left, out, ret_error);
	case -ENODATA: take(reader, left); return reader->ended ? TRANSCODE_END : TRANSCODE_MORE;
	case -EMSGSIZE:
		return refuse_here(reader, WEFT_RESOURCE_EXHAUSTED,
				   "a message is longer than the limit", ret_error);
	default:
		return refuse_here(reader, WEFT_INVALID_ARGUMENT, "expected a JSON value",
				   ret_error);
	}
}

int transcode_response(const struct weft_schema *schema, const struct route_binding *binding,
		       struct weft_bytes message, struct weft_buffer *out)
{
	/* A REST client sees every field of the contract: what is zero is not left out. */
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = schema,
						   .emit_defaults = true };

	if (binding->response_body)
		return weft_wire_field_to_json(binding->method->response, binding->response_body,
					       message.data, message.len, &options, out, NULL);
	return weft_wire_to_json(binding->method->response, message.data, message.len, &options,
				 out, NULL);
}
