#include "violations.h"

#include <errno.h>
#include <string.h>
#include <weft/protobuf.h>

/* google.rpc.Status, google.protobuf.Any, google.rpc.BadRequest and its FieldViolation. */
enum {
	STATUS_DETAILS = 3,
	ANY_TYPE_URL = 1,
	ANY_VALUE = 2,
	BAD_REQUEST_FIELD_VIOLATIONS = 1,
	VIOLATION_FIELD = 1,
};

/* One name with the index behind it, "lines[0]". What the message has no field for stays. */
static int append_name(const struct weft_schema_message **message, const char *name, size_t len,
		       struct weft_buffer *out)
{
	const char *bracket = memchr(name, '[', len);
	size_t name_len = bracket ? (size_t)(bracket - name) : len;
	const struct weft_schema_field *field = NULL;
	int r;

	if (*message)
		field = weft_schema_field_named(*message, name, name_len);
	*message = field ? field->message : NULL;
	if (!field)
		return weft_buffer_append(out, name, len);
	r = weft_buffer_append_string(out, field->json_name);
	return r < 0 ? r : weft_buffer_append(out, name + name_len, len - name_len);
}

static int append_path(const struct weft_schema_message *message, struct weft_bytes path,
		       struct weft_buffer *out)
{
	const char *at = (const char *)path.data, *end = at + path.len;
	int r = 0;

	while (at < end && r >= 0) {
		const char *dot = memchr(at, '.', (size_t)(end - at)) ?: end;

		r = append_name(&message, at, (size_t)(dot - at), out);
		if (r >= 0 && dot < end)
			r = weft_buffer_append_byte(out, '.');
		at = dot + 1;
	}
	return r;
}

/* What is copied from one message to another but for the fields that `change` has a word about:
 * positive, and it has appended them. */
typedef int change_cb(const struct weft_schema_message *request,
		      const struct weft_wire_field *field, struct weft_buffer *out);

static int copy(const struct weft_schema_message *request, struct weft_bytes from,
		change_cb *change, struct weft_buffer *out)
{
	struct weft_wire_field field;
	const uint8_t *start = from.data;
	int r, changed;

	while ((r = weft_wire_next(&from, &field)) > 0) {
		changed = change(request, &field, out);
		r = changed;
		if (changed == 0)
			r = weft_buffer_append(out, start, (size_t)(from.data - start));
		if (r < 0)
			return r;
		start = from.data;
	}
	return r;
}

static int change_violation(const struct weft_schema_message *request,
			    const struct weft_wire_field *field, struct weft_buffer *out)
{
	size_t mark;
	int r;

	if (field->number != VIOLATION_FIELD || field->type != WEFT_WIRE_BYTES)
		return 0;
	r = weft_wire_begin(out, VIOLATION_FIELD, &mark);
	if (r >= 0)
		r = append_path(request, field->bytes, out);
	if (r >= 0)
		r = weft_wire_end(out, mark);
	return r < 0 ? r : 1;
}

/* A field that is a message, with its content changed. */
static int change_inside(const struct weft_schema_message *request,
			 const struct weft_wire_field *field, change_cb *change,
			 struct weft_buffer *out)
{
	size_t mark;
	int r;

	r = weft_wire_begin(out, field->number, &mark);
	if (r >= 0)
		r = copy(request, field->bytes, change, out);
	if (r >= 0)
		r = weft_wire_end(out, mark);
	return r < 0 ? r : 1;
}

static int change_bad_request(const struct weft_schema_message *request,
			      const struct weft_wire_field *field, struct weft_buffer *out)
{
	if (field->number != BAD_REQUEST_FIELD_VIOLATIONS || field->type != WEFT_WIRE_BYTES)
		return 0;
	return change_inside(request, field, change_violation, out);
}

static int change_any(const struct weft_schema_message *request,
		      const struct weft_wire_field *field, struct weft_buffer *out)
{
	if (field->number != ANY_VALUE || field->type != WEFT_WIRE_BYTES)
		return 0;
	return change_inside(request, field, change_bad_request, out);
}

static bool is_bad_request(struct weft_bytes any)
{
	static const char type[] = "type.googleapis.com/google.rpc.BadRequest";
	struct weft_wire_field field;

	while (weft_wire_next(&any, &field) > 0)
		if (field.number == ANY_TYPE_URL && field.type == WEFT_WIRE_BYTES)
			return field.bytes.len == sizeof(type) - 1 &&
			       memcmp(field.bytes.data, type, sizeof(type) - 1) == 0;
	return false;
}

static int change_status(const struct weft_schema_message *request,
			 const struct weft_wire_field *field, struct weft_buffer *out)
{
	if (field->number != STATUS_DETAILS || field->type != WEFT_WIRE_BYTES ||
	    !is_bad_request(field->bytes))
		return 0;
	return change_inside(request, field, change_any, out);
}

int violations_in_json_names(const struct weft_schema_message *request, struct weft_bytes status,
			     struct weft_buffer *out)
{
	return copy(request, status, change_status, out);
}
