/*
 * The status of a call on the wire. Reading is forgiving, because the code alone is already an
 * answer and must not be lost over a message or details that are garbled.
 */
#include "wire/trailer.h"

#include <errno.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/base64.h"
#include "wire/percent.h"

/* Nearly every call ends with this. */
static struct weft_h2_header code_field(enum weft_code code, struct weft_arena *arena)
{
	if (code == WEFT_OK)
		return WEFT_H2_CONSTANT("grpc-status", "0");
	return WEFT_H2_HEADER("grpc-status", weft_arena_printf(arena, "%u", (unsigned)code));
}

int weft_trailer_write(const struct weft_status *status, struct weft_arena *arena,
		       struct weft_h2_header headers[WEFT_TRAILER_FIELDS])
{
	const char *message = status->message ? status->message : "";
	size_t len = strlen(message);
	char *text;
	int n = 0;

	headers[n++] = code_field(status->code, arena);
	if (len > WEFT_TRAILER_MESSAGE_MAX)
		len = weft_utf8_floor((const uint8_t *)message, WEFT_TRAILER_MESSAGE_MAX);
	if (len > 0) {
		headers[n] = WEFT_H2_HEADER("grpc-message", "");
		headers[n].value = weft_percent_encode(arena, message, len, &headers[n].value_len);
		if (!headers[n++].value)
			return -ENOMEM;
	}
	if (status->details.len > 0 && status->details.len <= WEFT_TRAILER_DETAILS_MAX) {
		text = weft_arena_alloc(arena, weft_base64_encoded_size(status->details.len) + 1);
		if (!text)
			return -ENOMEM;
		headers[n] = WEFT_H2_HEADER("grpc-status-details-bin", "");
		headers[n].value = text;
		headers[n].value_len = weft_base64_encode(status->details.data, status->details.len,
							  WEFT_BASE64_STANDARD, false, text);
		text[headers[n++].value_len] = '\0';
	}
	return n;
}

static const struct weft_h2_header *find(const struct weft_h2_header *headers, size_t n,
					 const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (headers[i].name_len == strlen(name) &&
		    memcmp(headers[i].name, name, headers[i].name_len) == 0)
			return &headers[i];
	return NULL;
}

static enum weft_code parse_code(const char *text, size_t len)
{
	unsigned code = 0;

	if (len == 0 || len > 2)
		return WEFT_UNKNOWN;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return WEFT_UNKNOWN;
		code = code * 10 + (unsigned)(text[i] - '0');
	}
	return code <= WEFT_UNAUTHENTICATED ? (enum weft_code)code : WEFT_UNKNOWN;
}

static int decode_details(const struct weft_h2_header *header, struct weft_arena *arena,
			  struct weft_bytes *ret_details)
{
	uint8_t *bytes = weft_arena_alloc(arena, weft_base64_decoded_size(header->value_len));
	size_t len;

	if (!bytes)
		return -ENOMEM;
	if (weft_base64_decode(header->value, header->value_len, WEFT_BASE64_STANDARD, bytes,
			       &len) == 0)
		*ret_details = (struct weft_bytes) { bytes, len };
	return 0;
}

int weft_trailer_read(const struct weft_h2_header *headers, size_t n, struct weft_arena *arena,
		      struct weft_status *ret_status)
{
	const struct weft_h2_header *code = find(headers, n, "grpc-status");
	const struct weft_h2_header *message = find(headers, n, "grpc-message");
	const struct weft_h2_header *details = find(headers, n, "grpc-status-details-bin");
	struct weft_status status = { .message = "" };
	int r;

	if (!code)
		return 0;
	status.code = parse_code(code->value, code->value_len);
	if (message) {
		status.message = weft_percent_decode(arena, message->value, message->value_len);
		if (!status.message)
			return -ENOMEM;
	}
	if (details) {
		r = decode_details(details, arena, &status.details);
		if (r < 0)
			return r;
	}
	*ret_status = status;
	return 1;
}
