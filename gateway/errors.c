#include "errors.h"

#include <stdarg.h>
#include <string.h>
#include <weft/protobuf.h>

#include "http_status.h"

/* google.rpc.RetryInfo in the details of a google.rpc.Status. */
enum { STATUS_DETAILS = 3, ANY_TYPE_URL = 1, ANY_VALUE = 2, RETRY_DELAY = 1 };

/* The last field of that number, as messages of one field count are read. */
static bool find_field(struct weft_bytes message, uint32_t number, enum weft_wire_type type,
		       struct weft_wire_field *ret_field)
{
	struct weft_wire_field field;
	bool found = false;

	while (weft_wire_next(&message, &field) > 0) {
		if (field.number != number || field.type != type)
			continue;
		*ret_field = field;
		found = true;
	}
	return found;
}

static unsigned seconds_of(struct weft_bytes retry_info, unsigned fallback)
{
	struct weft_wire_field delay, seconds = { 0 }, nanos = { 0 };
	uint64_t whole;

	if (!find_field(retry_info, RETRY_DELAY, WEFT_WIRE_BYTES, &delay))
		return fallback;
	find_field(delay.bytes, 1, WEFT_WIRE_VARINT, &seconds);
	find_field(delay.bytes, 2, WEFT_WIRE_VARINT, &nanos);
	whole = seconds.value + (nanos.value > 0 ? 1 : 0);
	return whole > 86400 ? 86400 : (unsigned)whole;
}

unsigned errors_retry_after(struct weft_bytes details, unsigned fallback)
{
	static const char type[] = "type.googleapis.com/google.rpc.RetryInfo";
	struct weft_wire_field any, url, value;

	while (weft_wire_next(&details, &any) > 0) {
		if (any.number != STATUS_DETAILS || any.type != WEFT_WIRE_BYTES ||
		    !find_field(any.bytes, ANY_TYPE_URL, WEFT_WIRE_BYTES, &url) ||
		    url.bytes.len != sizeof(type) - 1 ||
		    memcmp(url.bytes.data, type, sizeof(type) - 1) != 0)
			continue;
		if (find_field(any.bytes, ANY_VALUE, WEFT_WIRE_BYTES, &value))
			return seconds_of(value.bytes, fallback);
	}
	return fallback;
}

static void add_headers(struct exchange *exchange, unsigned http_status,
			const struct weft_status *status)
{
	unsigned delay = errors_retry_after(status->details, http_status == 503 ? 1 : 0);

	if (http_status == 401)
		exchange_add_header(exchange, "www-authenticate", "Bearer");
	if ((http_status == 429 || http_status == 503) && delay > 0)
		exchange_add_header(exchange, "retry-after",
				    weft_arena_printf(exchange->arena, "%u", delay));
}

static int write_error(const struct exchange *exchange, const struct weft_status *status,
		       struct weft_buffer *out)
{
	const struct weft_schema *schema = exchange->view->site->schema;
	int r;

	switch (exchange->framing) {
	case EXCHANGE_LINES: return http_status_error_line(status, schema, out);
	case EXCHANGE_EVENTS:
		r = weft_buffer_append_string(out, "event: error\ndata: ");
		if (r >= 0)
			r = http_status_body(status, schema, out);
		return r < 0 ? r : weft_buffer_append_string(out, "\n\n");
	case EXCHANGE_BYTES: break;
	}
	return 0;
}

static void answer(struct exchange *exchange, unsigned http_status,
		   const struct weft_status *status)
{
	const struct weft_schema *schema = exchange->view->site->schema;
	struct weft_buffer body = WEFT_BUFFER_INIT;

	exchange->code = status->code;
	if (exchange->state == EXCHANGE_OPEN) {
		add_headers(exchange, http_status, status);
		if (http_status_body(status, schema, &body) == 0)
			exchange_answer(exchange, http_status, "application/json", body.data,
					body.len);
		else
			exchange_answer(exchange, http_status, NULL, NULL, 0);
	} else if (exchange->state == EXCHANGE_RESPONDED) {
		/* A 200 is on its way already: what is said last is what happened, and the framing
		 * that it is no end. */
		if (write_error(exchange, status, &body) == 0)
			exchange_write(exchange, body.data, body.len);
		exchange_abort(exchange);
	}
	weft_buffer_fini(&body);
}

struct weft_status errors_outward(const struct exchange *exchange, const struct weft_status *status)
{
	struct weft_status outward = *status;

	if (status->details.len > 0)
		return outward;
	switch (status->code) {
	case WEFT_UNAVAILABLE: outward.message = "the service is unavailable"; break;
	case WEFT_DEADLINE_EXCEEDED: outward.message = "the deadline has passed"; break;
	case WEFT_INTERNAL:
	case WEFT_UNKNOWN: outward.message = "internal error"; break;
	default: return outward;
	}
	weft_log(WEFT_LOG_WARNING, &exchange->trace, "a call failed behind the edge",
		 WEFT_STR("rpc", exchange->rpc), WEFT_STR("code", weft_code_name(status->code)),
		 WEFT_STR("why", status->message));
	return outward;
}

void errors_answer(struct exchange *exchange, const struct weft_status *status)
{
	answer(exchange, http_status_of(status->code), status);
}

static enum weft_code code_of(unsigned http_status)
{
	switch (http_status) {
	case 403: return WEFT_PERMISSION_DENIED;
	case 404: return WEFT_NOT_FOUND;
	case 408:
	case 504: return WEFT_DEADLINE_EXCEEDED;
	case 413:
	case 414:
	case 431: return WEFT_RESOURCE_EXHAUSTED;
	case 405:
	case 501:
	case 505: return WEFT_UNIMPLEMENTED;
	case 503: return WEFT_UNAVAILABLE;
	default: return http_status < 500 ? WEFT_INVALID_ARGUMENT : WEFT_INTERNAL;
	}
}

void errors_refuse(struct exchange *exchange, unsigned http_status, const char *format, ...)
{
	struct weft_status status;
	const char *message;
	va_list args;

	va_start(args, format);
	message = weft_arena_vprintf(exchange->arena, format, args);
	va_end(args);
	weft_status_init(&status, exchange->arena, code_of(http_status), "%s",
			 message ? message : "");
	answer(exchange, http_status, &status);
}
