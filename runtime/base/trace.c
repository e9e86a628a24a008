/*
 * W3C Trace Context, level 1: `00-<32 hex>-<16 hex>-<2 hex>`, in lower case. A later version may be
 * longer, and is read as far as this one knows it.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/log.h>

#include "base/random.h"

#define TEXT_LEN 55
#define SAMPLED  1

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

static bool read_hex(const char *text, uint8_t *ret_bytes, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		int high = hex_digit(text[2 * i]);
		int low = hex_digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		ret_bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static char *write_hex(char *text, const uint8_t *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		*text++ = digits[bytes[i] >> 4];
		*text++ = digits[bytes[i] & 15];
	}
	return text;
}

static bool all_zero(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i])
			return false;
	return true;
}

static bool length_fits(uint8_t version, const char *text, size_t len)
{
	if (version == 0xff)
		return false;
	if (len == TEXT_LEN)
		return true;
	return version > 0 && text[TEXT_LEN] == '-';
}

int weft_trace_parse(const char *text, size_t len, struct weft_trace *ret_trace)
{
	struct weft_trace trace;
	uint8_t version;

	if (len < TEXT_LEN || text[2] != '-' || text[35] != '-' || text[52] != '-')
		return -EINVAL;
	if (!read_hex(text, &version, 1) || !length_fits(version, text, len))
		return -EINVAL;
	if (!read_hex(text + 3, trace.trace_id, sizeof(trace.trace_id)) ||
	    !read_hex(text + 36, trace.span_id, sizeof(trace.span_id)) ||
	    !read_hex(text + 53, &trace.flags, 1))
		return -EINVAL;
	if (all_zero(trace.trace_id, sizeof(trace.trace_id)) ||
	    all_zero(trace.span_id, sizeof(trace.span_id)))
		return -EINVAL;
	trace.flags &= SAMPLED; /* the others are not ours to pass on */
	*ret_trace = trace;
	return 0;
}

void weft_trace_format(const struct weft_trace *trace, char text[56])
{
	char *at = text;

	*at++ = '0';
	*at++ = '0';
	*at++ = '-';
	at = write_hex(at, trace->trace_id, sizeof(trace->trace_id));
	*at++ = '-';
	at = write_hex(at, trace->span_id, sizeof(trace->span_id));
	*at++ = '-';
	at = write_hex(at, &trace->flags, 1);
	*at = '\0';
}

/* An id of zeros means that there is none. */
static void draw_id(uint8_t *ret_id, size_t n)
{
	do
		weft_random_bytes(ret_id, n);
	while (all_zero(ret_id, n));
}

void weft_trace_generate(struct weft_trace *ret_trace)
{
	struct weft_trace trace = { .flags = SAMPLED };

	draw_id(trace.trace_id, sizeof(trace.trace_id));
	draw_id(trace.span_id, sizeof(trace.span_id));
	*ret_trace = trace;
}

void weft_trace_child(const struct weft_trace *parent, struct weft_trace *ret_trace)
{
	struct weft_trace trace = *parent;

	if (all_zero(parent->trace_id, sizeof(parent->trace_id))) {
		weft_trace_generate(ret_trace);
		return;
	}
	draw_id(trace.span_id, sizeof(trace.span_id));
	*ret_trace = trace;
}
