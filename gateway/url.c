#include "url.h"

#include <errno.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that stands at `text`, and how many characters it takes; -EINVAL. */
static int step(const char *text, size_t len, size_t *ret_len)
{
	int high, low;

	*ret_len = 1;
	if (*text != '%')
		return (unsigned char)*text;
	if (len < 3 || (high = hex(text[1])) < 0 || (low = hex(text[2])) < 0)
		return -EINVAL;
	*ret_len = 3;
	return high << 4 | low;
}

int url_decode(const char *text, size_t len, enum url_part part, struct weft_buffer *out)
{
	const char *end = text + len;
	size_t n;
	int c, r;

	for (; text < end; text += n) {
		c = step(text, (size_t)(end - text), &n);
		if (c < 0)
			return c;
		if (part == URL_QUERY && *text == '+')
			c = ' ';
		if (part == URL_SEGMENTS && n == 3 && c == '/')
			r = weft_buffer_append(out, text, 3);
		else
			r = weft_buffer_append_byte(out, (uint8_t)c);
		if (r < 0)
			return r;
	}
	return 0;
}

bool url_segment_equals(const char *text, size_t len, const char *literal, size_t literal_len)
{
	const char *end = text + len;
	size_t n;

	for (; text < end && literal_len > 0; text += n, literal++, literal_len--)
		if (step(text, (size_t)(end - text), &n) != (unsigned char)*literal)
			return false;
	return text == end && literal_len == 0;
}
