#include "call_options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST (UINT64_C(366) * 86400 * WEFT_SECOND)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits, at most nine of them: no overflow below. */
static bool take_digits(const char **text, uint64_t *ret_number, size_t *ret_n)
{
	uint64_t number = 0;
	size_t n = 0;

	for (; is_digit(**text) && n < 10; n++)
		number = number * 10 + (uint64_t)(*(*text)++ - '0');
	*ret_number = number;
	*ret_n = n;
	return n > 0 && n < 10;
}

/* "2", "2.5", "0.005" */
static bool parse_seconds(const char *text, uint64_t *ret_ns)
{
	uint64_t whole, part = 0;
	size_t n;

	if (!take_digits(&text, &whole, &n))
		return false;
	if (*text == '.') {
		text++;
		if (!take_digits(&text, &part, &n))
			return false;
		for (; n < 9; n++)
			part *= 10;
	}
	*ret_ns = whole * WEFT_SECOND + part;
	return *text == '\0' && *ret_ns > 0;
}

/* gRPC's TimeoutValue TimeoutUnit: at most eight digits. */
static bool parse_grpc_timeout(const char *text, uint64_t *ret_ns)
{
	static const struct {
		char unit;
		uint64_t ns;
	} units[] = {
		{ 'H', 3600 * WEFT_SECOND },
		{ 'M', 60 * WEFT_SECOND },
		{ 'S', WEFT_SECOND },
		{ 'm', WEFT_MS },
		{ 'u', WEFT_US },
		{ 'n', 1 },
	};
	uint64_t number;
	size_t n;

	if (!take_digits(&text, &number, &n) || n > 8 || number == 0)
		return false;
	for (size_t i = 0; i < WEFT_COUNT(units); i++) {
		if (text[0] == units[i].unit && text[1] == '\0') {
			*ret_ns = number * units[i].ns;
			return true;
		}
	}
	return false;
}

int call_options_timeout(const struct exchange *exchange, uint64_t *ret_ns, const char **ret_fault)
{
	const char *seconds = exchange_header(exchange, "x-request-timeout");
	const char *grpc = exchange_header(exchange, "grpc-timeout");
	uint64_t ns = 0;

	if (seconds && !parse_seconds(seconds, &ns)) {
		*ret_fault = "X-Request-Timeout is no number of seconds above 0, such as 2.5";
		return -EINVAL;
	}
	if (!seconds && grpc && !parse_grpc_timeout(grpc, &ns)) {
		*ret_fault = "grpc-timeout is none, such as 100m or 5S";
		return -EINVAL;
	}
	*ret_ns = ns > LONGEST ? LONGEST : ns;
	return 0;
}

/* The name under which a header goes on, or NULL. */
static const char *metadata_name(const char *header)
{
	static const char prefix[] = "grpc-metadata-";
	static const char *const safe[] = { "authorization", "accept-language", "tracestate" };
	size_t len = strlen(header);

	/* Binary values would have to be decoded, and nobody has asked for them yet. */
	if (len > 4 && strcmp(header + len - 4, "-bin") == 0)
		return NULL;
	if (strncmp(header, prefix, sizeof(prefix) - 1) == 0)
		return header + sizeof(prefix) - 1;
	for (size_t i = 0; i < WEFT_COUNT(safe); i++) {
		if (strcmp(header, safe[i]) == 0)
			return header;
	}
	return NULL;
}

void call_options_metadata(const struct exchange *exchange, struct weft_metadata *metadata)
{
	struct weft_arena *arena = exchange->arena;
	char traceparent[56];

	weft_trace_format(&exchange->trace, traceparent);
	weft_metadata_add_string(metadata, arena, "traceparent", traceparent);
	weft_metadata_add_string(metadata, arena, "x-request-id", exchange->request_id);
	for (size_t i = 0; i < exchange->n_headers; i++) {
		const struct weft_h2_header *header = &exchange->headers[i];
		const char *name = metadata_name(header->name);

		/* A name that is reserved, or a value that is not ASCII, is no metadata: it stays
		 * here. */
		if (name && !weft_metadata_find(metadata, name))
			(void)weft_metadata_add(metadata, arena, name, header->value,
						header->value_len);
	}
}
