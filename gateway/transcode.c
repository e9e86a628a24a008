/*
 * A request's message is put together from a tree of what the path and the query say (plan.h) and
 * from the body's wire bytes. The body is decoded first; each path variable is then looked for in
 * it, because clients that send a resource back as they got it say its name twice.
 */
#include "transcode.h"

#include <errno.h>
#include <inttypes.h>
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

/* A google.api.HttpBody (google/api/httpbody.proto) of a body as it came. */
enum { HTTP_BODY_CONTENT_TYPE = 1, HTTP_BODY_DATA = 2 };

static int append_raw(const struct plan *plan, const char *body, size_t len,
		      struct weft_buffer *out)
{
	const char *type = plan->content_type;
	size_t mark = 0;
	int r = 0;

	if (plan->binding->body)
		r = weft_wire_begin(out, plan->binding->body->number, &mark);
	if (r >= 0 && type)
		r = weft_wire_append_bytes(out, HTTP_BODY_CONTENT_TYPE, type, strlen(type));
	if (r >= 0 && len > 0)
		r = weft_wire_append_bytes(out, HTTP_BODY_DATA, body, len);
	if (r >= 0 && plan->binding->body)
		r = weft_wire_end(out, mark);
	return r < 0 ? r : 0;
}

/* The body's share of the message, as wire bytes of the request, and what it gives, for a mask. */
static int decode_body(const struct plan *plan, const char *body, size_t len,
		       struct weft_buffer *out, struct weft_buffer *given,
		       struct transcode_error *ret_error)
{
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = plan->schema,
						   .json_paths = true,
						   .given = plan->mask ? given : NULL };
	const struct route_binding *binding = plan->binding;
	struct weft_json_error error;
	int r;

	if (binding->body_raw)
		return append_raw(plan, body, len, out);
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

/* Whether the path says it: "book.name". */
static bool is_variable(const struct route_binding *binding, const char *path, size_t len)
{
	for (size_t i = 0; i < binding->n_variables; i++) {
		const char *text = binding->variables[i].path.text;

		if (strlen(text) == len && memcmp(text, path, len) == 0)
			return true;
	}
	return false;
}

/* A path of JSON names, "unitPrice.units", in the contract's names. */
static int append_path(const struct weft_schema_message *message, const char *path, size_t len,
		       struct weft_buffer *out)
{
	const char *end = path + len;
	int r = 0;

	while (path < end && message && r >= 0) {
		const char *dot = memchr(path, '.', (size_t)(end - path)) ?: end;
		const struct weft_schema_field *field =
			weft_schema_field_named(message, path, (size_t)(dot - path));

		if (!field)
			return -EINVAL;
		r = weft_buffer_append_string(out, field->name);
		if (r >= 0 && dot < end)
			r = weft_buffer_append_byte(out, '.');
		message = field->message;
		path = dot + 1;
	}
	return r;
}

/* One path of the mask; what the body gives begins with the body's own name, "book.title". */
static int append_mask_path(const struct plan *plan, const char *given, size_t len,
			    struct weft_buffer *out)
{
	struct weft_buffer path = WEFT_BUFFER_INIT;
	size_t skip = strlen(plan->binding->body->name) + 1;
	int r;

	r = append_path(plan->binding->method->request, given, len, &path);
	if (r >= 0 && path.len > skip &&
	    !is_variable(plan->binding, (const char *)path.data, path.len))
		r = weft_wire_append_bytes(out, 1, path.data + skip, path.len - skip);
	weft_buffer_fini(&path);
	return r;
}

static int append_mask(const struct plan *plan, const struct weft_buffer *given,
		       struct weft_buffer *out)
{
	size_t start = out->len, mark;
	const char *at, *end;
	int r;

	if (given->len == 0)
		return 0;
	at = (const char *)given->data;
	end = at + given->len;
	r = weft_wire_begin(out, plan->mask->number, &mark);
	while (r >= 0 && at < end) {
		const char *comma = memchr(at, ',', (size_t)(end - at)) ?: end;

		r = append_mask_path(plan, at, (size_t)(comma - at), out);
		at = comma + 1;
	}
	if (r >= 0 && out->len == mark)
		out->len = start; /* the body says nothing */
	return r < 0 || out->len == start ? r : weft_wire_end(out, mark);
}

static int build_message(struct plan *plan, const char *body, size_t len, struct weft_buffer *out,
			 struct transcode_error *ret_error)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT, given = WEFT_BUFFER_INIT;
	size_t start = out->len;
	int r;

	r = decode_body(plan, body, len, &wire, &given, ret_error);
	if (r == 0)
		r = plan_emit(plan, (struct weft_bytes) { wire.data, wire.len }, out, ret_error);
	if (r == 0)
		r = append_mask(plan, &given, out);
	if (r != 0)
		out->len = start;
	weft_buffer_fini(&given);
	weft_buffer_fini(&wire);
	return r;
}

int transcode_request(const struct transcode_input *input, const char *body, size_t body_len,
		      struct weft_buffer *out, struct transcode_error *ret_error)
{
	struct plan plan;
	int r;

	r = plan_init(&plan, input, ret_error);
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

int transcode_reader_new(const struct transcode_input *input, size_t max_message,
			 struct transcode_reader **ret_reader, struct transcode_error *ret_error)
{
	struct transcode_reader *reader = calloc(1, sizeof(*reader));
	int r;

	if (!reader)
		return -ENOMEM;
	reader->max_message = max_message ? max_message : DEFAULT_MAX_MESSAGE;
	r = plan_init(&reader->plan, input, ret_error);
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

/* A piece of a raw body is a message of its own; the first one says its type. */
static int next_raw(struct transcode_reader *reader, struct weft_buffer *out,
		    struct transcode_error *ret_error)
{
	size_t len = transcode_reader_pending(reader);
	int r;

	if (len == 0)
		return reader->ended ? TRANSCODE_END : TRANSCODE_MORE;
	if (len > reader->max_message)
		len = reader->max_message;
	r = take_message(reader, len, out, ret_error);
	reader->plan.content_type = NULL;
	return r;
}

int transcode_reader_next(struct transcode_reader *reader, struct weft_buffer *out,
			  struct transcode_error *ret_error)
{
	size_t left, len = 0;
	int r;

	if (reader->plan.binding->body_raw)
		return next_raw(reader, out, ret_error);
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

static bool find_bytes(struct weft_bytes message, uint32_t number, struct weft_bytes *ret_bytes)
{
	struct weft_wire_field field;
	bool found = false;

	while (weft_wire_next(&message, &field) > 0) {
		if (field.number != number || field.type != WEFT_WIRE_BYTES)
			continue;
		*ret_bytes = field.bytes;
		found = true;
	}
	return found;
}

int transcode_raw_response(const struct route_binding *binding, struct weft_bytes message,
			   struct weft_bytes *ret_type, struct weft_bytes *ret_data)
{
	struct weft_wire_field field;
	struct weft_bytes rest;
	int r;

	*ret_type = *ret_data = (struct weft_bytes) { (const uint8_t *)"", 0 };
	if (binding->response_body &&
	    !find_bytes(message, binding->response_body->number, &message))
		return 0;
	rest = message;
	while ((r = weft_wire_next(&rest, &field)) > 0)
		;
	if (r < 0)
		return r;
	find_bytes(message, HTTP_BODY_CONTENT_TYPE, ret_type);
	find_bytes(message, HTTP_BODY_DATA, ret_data);
	return 0;
}

static const struct weft_schema_field *numbered(const struct weft_schema_message *message,
						const char *name)
{
	const struct weft_schema_field *field =
		weft_schema_field_named(message, name, strlen(name));

	if (!field || field->repeated || field->message || field->enumeration)
		return NULL;
	switch (field->type) {
	case WEFT_TYPE_INT64:
	case WEFT_TYPE_UINT64:
	case WEFT_TYPE_INT32:
	case WEFT_TYPE_UINT32:
	case WEFT_TYPE_STRING: return field;
	default: return NULL;
	}
}

const struct weft_schema_field *transcode_resume_field(const struct route_binding *binding)
{
	return numbered(binding->method->request, "after_sequence");
}

bool transcode_sequence(const struct route_binding *binding, struct weft_bytes message,
			char ret_id[64])
{
	const struct weft_schema_field *field = numbered(binding->method->response, "sequence");
	struct weft_wire_field at;
	bool found = false;

	if (!field || !transcode_resume_field(binding))
		return false;
	while (weft_wire_next(&message, &at) > 0) {
		if (at.number != field->number)
			continue;
		if (at.type == WEFT_WIRE_VARINT)
			snprintf(ret_id, 64,
				 field->type == WEFT_TYPE_UINT64 ? "%" PRIu64 : "%" PRId64,
				 at.value);
		else if (at.type == WEFT_WIRE_BYTES && at.bytes.len < 64 &&
			 !memchr(at.bytes.data, '\n', at.bytes.len))
			snprintf(ret_id, 64, "%.*s", (int)at.bytes.len, at.bytes.data);
		else
			continue;
		found = true;
	}
	return found;
}
