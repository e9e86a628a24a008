#include "http_status.h"

#include <errno.h>
#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#define MAX_DETAILS    64
#define STATUS_DETAILS 3 /* google.rpc.Status.details */

unsigned http_status_of(enum weft_code code)
{
	switch (code) {
	case WEFT_OK: return 200;
	case WEFT_CANCELLED: return 499;
	case WEFT_INVALID_ARGUMENT:
	case WEFT_FAILED_PRECONDITION:
	case WEFT_OUT_OF_RANGE: return 400;
	case WEFT_UNAUTHENTICATED: return 401;
	case WEFT_PERMISSION_DENIED: return 403;
	case WEFT_NOT_FOUND: return 404;
	case WEFT_ALREADY_EXISTS:
	case WEFT_ABORTED: return 409;
	case WEFT_RESOURCE_EXHAUSTED: return 429;
	case WEFT_UNIMPLEMENTED: return 501;
	case WEFT_UNAVAILABLE: return 503;
	case WEFT_DEADLINE_EXCEEDED: return 504;
	case WEFT_UNKNOWN:
	case WEFT_INTERNAL:
	case WEFT_DATA_LOSS: break;
	}
	return 500;
}

/* A google.protobuf.Any whose type is not known: {"@type":"…","value":"<base64>"}. */
static int append_opaque(struct weft_bytes any, struct weft_buffer *out)
{
	struct weft_bytes url = { 0 }, value = { 0 };
	struct weft_wire_field field;
	int r;

	while (weft_wire_next(&any, &field) > 0) {
		if (field.number == 1)
			url = field.bytes;
		else if (field.number == 2)
			value = field.bytes;
	}
	r = weft_buffer_append_string(out, "{\"@type\":");
	if (r >= 0)
		r = weft_json_quote((const char *)url.data, url.len, out);
	if (r >= 0)
		r = weft_buffer_append_string(out, ",\"value\":");
	if (r >= 0)
		r = weft_json_base64(value.data, value.len, out);
	return r < 0 ? r : weft_buffer_append_byte(out, '}');
}

static int append_detail(struct weft_bytes any, const struct weft_schema *schema,
			 struct weft_buffer *out)
{
	const struct weft_json_options options = { .size = sizeof(options), .schema = schema };
	const struct weft_schema_message *message;
	int r = -EBADMSG;

	message = schema ? weft_schema_message(schema, "google.protobuf.Any") : NULL;
	if (message)
		r = weft_wire_to_json(message, any.data, any.len, &options, out, NULL);
	return r == -EBADMSG ? append_opaque(any, out) : r;
}

static int append_details(struct weft_bytes status, const struct weft_schema *schema,
			  struct weft_buffer *out)
{
	struct weft_wire_field field;
	unsigned n = 0;
	int r = 0;

	while (r >= 0 && n < MAX_DETAILS && weft_wire_next(&status, &field) > 0) {
		if (field.number != STATUS_DETAILS || field.type != WEFT_WIRE_BYTES)
			continue;
		if (n++ > 0)
			r = weft_buffer_append_byte(out, ',');
		if (r >= 0)
			r = append_detail(field.bytes, schema, out);
	}
	return r;
}

int http_status_body(const struct weft_status *status, const struct weft_schema *schema,
		     struct weft_buffer *out)
{
	const char *message = status->message ? status->message : "";
	int r;

	r = weft_buffer_printf(out, "{\"code\":%d,\"message\":", (int)status->code);
	if (r >= 0)
		r = weft_json_quote(message, strlen(message), out);
	if (r >= 0)
		r = weft_buffer_append_string(out, ",\"details\":[");
	if (r >= 0)
		r = append_details(status->details, schema, out);
	return r < 0 ? r : weft_buffer_append_string(out, "]}");
}

int http_status_error_line(const struct weft_status *status, const struct weft_schema *schema,
			   struct weft_buffer *out)
{
	int r;

	r = weft_buffer_append_string(out, "{\"error\":");
	if (r >= 0)
		r = http_status_body(status, schema, out);
	return r < 0 ? r : weft_buffer_append_string(out, "}\n");
}
