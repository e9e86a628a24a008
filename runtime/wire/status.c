/*
 * Statuses and their details. The details are the bytes of a google.rpc.Status, which repeats code
 * and message and holds a list of Any. They are written by hand here: five tiny messages do not
 * need generated code, and the runtime would otherwise depend on its own generator.
 *
 * Adding a detail rewrites the bytes in the arena. Errors are rare and their details few. When
 * memory is out the detail is lost and the status stays.
 */
#include <weft/status.h>

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weft/buffer.h>
#include <weft/protobuf.h>

#include "base/utf8.h"

#define TYPE_PREFIX "type.googleapis.com/"
#define ERROR_INFO  "google.rpc.ErrorInfo"
#define BAD_REQUEST "google.rpc.BadRequest"
#define RETRY_INFO  "google.rpc.RetryInfo"

/* The field numbers of the contracts. */
enum { STATUS_CODE = 1, STATUS_MESSAGE = 2, STATUS_DETAILS = 3 };
enum { ANY_TYPE_URL = 1, ANY_VALUE = 2 };
enum { ERROR_INFO_REASON = 1, ERROR_INFO_DOMAIN = 2 };
enum { BAD_REQUEST_VIOLATIONS = 1 };
enum { VIOLATION_FIELD = 1, VIOLATION_DESCRIPTION = 2 };
enum { RETRY_INFO_DELAY = 1 };
enum { DURATION_SECONDS = 1, DURATION_NANOS = 2 };

const char *weft_code_name(enum weft_code code)
{
	static const char *const names[] = {
		[WEFT_OK] = "OK",
		[WEFT_CANCELLED] = "CANCELLED",
		[WEFT_UNKNOWN] = "UNKNOWN",
		[WEFT_INVALID_ARGUMENT] = "INVALID_ARGUMENT",
		[WEFT_DEADLINE_EXCEEDED] = "DEADLINE_EXCEEDED",
		[WEFT_NOT_FOUND] = "NOT_FOUND",
		[WEFT_ALREADY_EXISTS] = "ALREADY_EXISTS",
		[WEFT_PERMISSION_DENIED] = "PERMISSION_DENIED",
		[WEFT_RESOURCE_EXHAUSTED] = "RESOURCE_EXHAUSTED",
		[WEFT_FAILED_PRECONDITION] = "FAILED_PRECONDITION",
		[WEFT_ABORTED] = "ABORTED",
		[WEFT_OUT_OF_RANGE] = "OUT_OF_RANGE",
		[WEFT_UNIMPLEMENTED] = "UNIMPLEMENTED",
		[WEFT_INTERNAL] = "INTERNAL",
		[WEFT_UNAVAILABLE] = "UNAVAILABLE",
		[WEFT_DATA_LOSS] = "DATA_LOSS",
		[WEFT_UNAUTHENTICATED] = "UNAUTHENTICATED",
	};

	return (size_t)code < WEFT_COUNT(names) ? names[code] : "UNKNOWN";
}

void weft_status_init(struct weft_status *status, struct weft_arena *arena, enum weft_code code,
		      const char *format, ...)
{
	va_list args;
	char *message;

	va_start(args, format);
	message = weft_arena_vprintf(arena, format, args);
	va_end(args);
	*status = (struct weft_status) { .code = code, .message = message ? message : "" };
}

/* ---- writing ---- */

/* A string field. Others refuse a message whose strings are not UTF-8, so what is not becomes
 * '?'. */
static void put_string(struct weft_buffer *buffer, uint32_t number, const char *text)
{
	struct weft_buffer clean = WEFT_BUFFER_INIT;
	const uint8_t *at = (const uint8_t *)text;
	size_t left = strlen(text);

	if (left == 0)
		return;
	if (weft_utf8_valid(at, left)) {
		weft_wire_append_bytes(buffer, number, text, left);
		return;
	}
	while (left > 0) {
		size_t n = weft_utf8_step(at, left);

		weft_buffer_append(&clean, n ? (const char *)at : "?", n ? n : 1);
		at += n ? n : 1;
		left -= n ? n : 1;
	}
	weft_wire_append_bytes(buffer, number, clean.data, clean.len);
	weft_buffer_fini(&clean);
}

static void put_buffer(struct weft_buffer *buffer, uint32_t number, const struct weft_buffer *value)
{
	weft_wire_append_bytes(buffer, number, value->data, value->len);
}

static void put_any(struct weft_buffer *buffer, const char *type, struct weft_bytes value)
{
	struct weft_buffer any = WEFT_BUFFER_INIT, url = WEFT_BUFFER_INIT;

	weft_buffer_append_string(&url, TYPE_PREFIX);
	weft_buffer_append_string(&url, type);
	put_buffer(&any, ANY_TYPE_URL, &url);
	if (value.len)
		weft_wire_append_bytes(&any, ANY_VALUE, value.data, value.len);
	put_buffer(buffer, STATUS_DETAILS, &any);
	weft_buffer_fini(&any);
	weft_buffer_fini(&url);
}

/* Begins with code and message, as every google.rpc.Status; or with what is there. */
static void begin_details(struct weft_buffer *buffer, const struct weft_status *status)
{
	if (status->details.len) {
		weft_buffer_append(buffer, status->details.data, status->details.len);
		return;
	}
	if (status->code != WEFT_OK)
		weft_wire_append_number(buffer, STATUS_CODE, (uint64_t)status->code);
	put_string(buffer, STATUS_MESSAGE, status->message ? status->message : "");
}

/* Consumes the buffer. */
static void set_details(struct weft_status *status, struct weft_arena *arena,
			struct weft_buffer *buffer)
{
	uint8_t *bytes = weft_arena_memdup(arena, buffer->data, buffer->len);

	if (bytes)
		status->details = (struct weft_bytes) { bytes, buffer->len };
	weft_buffer_fini(buffer);
}

/* ---- reading ---- */

static bool find_bytes(struct weft_bytes bytes, uint32_t number, struct weft_bytes *ret_value)
{
	struct weft_wire_field field;

	while (weft_wire_next(&bytes, &field) > 0) {
		if (field.number != number || field.type != WEFT_WIRE_BYTES)
			continue;
		*ret_value = field.bytes;
		return true;
	}
	return false;
}

/* A google.protobuf.Any. Its type is what stands behind the last slash of its URL. */
static bool read_any(struct weft_bytes any, struct weft_detail *ret_detail)
{
	struct weft_detail detail = { 0 };
	const uint8_t *slash;

	if (!find_bytes(any, ANY_TYPE_URL, &detail.type) || detail.type.len == 0)
		return false;
	slash = memrchr(detail.type.data, '/', detail.type.len);
	if (!slash)
		return false;
	detail.type.len -= (size_t)(slash + 1 - detail.type.data);
	detail.type.data = slash + 1;
	find_bytes(any, ANY_VALUE, &detail.value);
	*ret_detail = detail;
	return true;
}

/* Whether `field` of a google.rpc.Status is a detail of that type; *ret_value is it then. */
static bool is_detail(const struct weft_wire_field *field, const char *type,
		      struct weft_bytes *ret_value)
{
	struct weft_detail detail;

	if (field->number != STATUS_DETAILS || field->type != WEFT_WIRE_BYTES ||
	    !read_any(field->bytes, &detail))
		return false;
	if (detail.type.len != strlen(type) || memcmp(detail.type.data, type, detail.type.len) != 0)
		return false;
	*ret_value = detail.value;
	return true;
}

bool weft_status_next_detail(struct weft_bytes *rest, struct weft_detail *ret_detail)
{
	struct weft_wire_field field;

	while (weft_wire_next(rest, &field) > 0)
		if (field.number == STATUS_DETAILS && field.type == WEFT_WIRE_BYTES &&
		    read_any(field.bytes, ret_detail))
			return true;
	return false;
}

/* ---- the details ---- */

void weft_status_add_detail(struct weft_status *status, struct weft_arena *arena, const char *type,
			    struct weft_bytes value)
{
	struct weft_buffer buffer = WEFT_BUFFER_INIT;

	begin_details(&buffer, status);
	put_any(&buffer, type, value);
	set_details(status, arena, &buffer);
}

static void add_detail(struct weft_status *status, struct weft_arena *arena, const char *type,
		       struct weft_buffer *take_value)
{
	weft_status_add_detail(status, arena, type,
			       (struct weft_bytes) { take_value->data, take_value->len });
	weft_buffer_fini(take_value);
}

void weft_status_add_error_info(struct weft_status *status, struct weft_arena *arena,
				const char *reason, const char *domain)
{
	struct weft_buffer value = WEFT_BUFFER_INIT;

	put_string(&value, ERROR_INFO_REASON, reason);
	put_string(&value, ERROR_INFO_DOMAIN, domain);
	add_detail(status, arena, ERROR_INFO, &value);
}

void weft_status_add_retry_info(struct weft_status *status, struct weft_arena *arena,
				uint64_t delay_ns)
{
	struct weft_buffer value = WEFT_BUFFER_INIT, duration = WEFT_BUFFER_INIT;

	if (delay_ns >= WEFT_SECOND)
		weft_wire_append_number(&duration, DURATION_SECONDS, delay_ns / WEFT_SECOND);
	if (delay_ns % WEFT_SECOND)
		weft_wire_append_number(&duration, DURATION_NANOS, delay_ns % WEFT_SECOND);
	put_buffer(&value, RETRY_INFO_DELAY, &duration);
	weft_buffer_fini(&duration);
	add_detail(status, arena, RETRY_INFO, &value);
}

/* Appends the violation to the BadRequest that is there already. False: there is none. */
static bool extend_bad_request(struct weft_status *status, struct weft_arena *arena,
			       const struct weft_buffer *violation)
{
	struct weft_buffer buffer = WEFT_BUFFER_INIT;
	struct weft_bytes rest = status->details, value;
	struct weft_wire_field field;
	bool extended = false;

	for (const uint8_t *at = rest.data; weft_wire_next(&rest, &field) > 0; at = rest.data) {
		struct weft_buffer request = WEFT_BUFFER_INIT;

		if (extended || !is_detail(&field, BAD_REQUEST, &value)) {
			weft_buffer_append(&buffer, at, (size_t)(rest.data - at));
			continue;
		}
		weft_buffer_append(&request, value.data, value.len);
		put_buffer(&request, BAD_REQUEST_VIOLATIONS, violation);
		put_any(&buffer, BAD_REQUEST, (struct weft_bytes) { request.data, request.len });
		weft_buffer_fini(&request);
		extended = true;
	}
	if (extended)
		set_details(status, arena, &buffer);
	weft_buffer_fini(&buffer);
	return extended;
}

void weft_status_add_violation(struct weft_status *status, struct weft_arena *arena,
			       const char *field, const char *format, ...)
{
	struct weft_buffer violation = WEFT_BUFFER_INIT, request = WEFT_BUFFER_INIT;
	char *description;
	va_list args;

	va_start(args, format);
	description = weft_arena_vprintf(arena, format, args);
	va_end(args);
	put_string(&violation, VIOLATION_FIELD, field);
	put_string(&violation, VIOLATION_DESCRIPTION, description ? description : "");
	if (!extend_bad_request(status, arena, &violation)) {
		put_buffer(&request, BAD_REQUEST_VIOLATIONS, &violation);
		add_detail(status, arena, BAD_REQUEST, &request);
	}
	weft_buffer_fini(&violation);
}

const char *weft_status_reason(const struct weft_status *status, struct weft_arena *arena)
{
	struct weft_bytes bytes = status->details, info, reason;
	struct weft_wire_field field;

	while (weft_wire_next(&bytes, &field) > 0)
		if (is_detail(&field, ERROR_INFO, &info) &&
		    find_bytes(info, ERROR_INFO_REASON, &reason))
			return weft_arena_strndup(arena, (const char *)reason.data, reason.len);
	return NULL;
}
