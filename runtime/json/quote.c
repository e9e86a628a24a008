#include "quote.h"

#include <errno.h>

#include "append.h"
#include "base/utf8.h"

/* What stands for a byte that may not stand for itself. */
static int append_escaped(struct weft_buffer *out, uint8_t byte)
{
	static const char from[] = "\"\\\b\f\n\r\t", to[] = "\"\\bfnrt", hex[] = "0123456789abcdef";
	char text[6] = { '\\', 'u', '0', '0', hex[byte >> 4], hex[byte & 15] };
	const char *found = byte ? strchr(from, byte) : NULL;

	if (!found)
		return append(out, text, sizeof(text));
	text[1] = to[found - from];
	return append(out, text, 2);
}

/* The bytes from `plain` on up to `at`, which is special, and what stands for that. */
static int append_special(struct weft_buffer *out, const uint8_t *plain, const uint8_t *at,
			  bool strict)
{
	int r;

	if (*at >= 0x80 && strict)
		return -EINVAL;
	r = append(out, plain, (size_t)(at - plain));
	if (r < 0)
		return r;
	return *at >= 0x80 ? append(out, "\xef\xbf\xbd", 3) : append_escaped(out, *at);
}

/* Nearly all strings need no more than their quotes. */
static int quote_plain(const uint8_t *bytes, size_t len, struct weft_buffer *out)
{
	uint8_t *room;
	int r;

	r = reserve(out, len + 2, &room);
	if (r < 0)
		return r;
	room[0] = '"';
	memcpy(room + 1, bytes, len);
	room[len + 1] = '"';
	out->len += len + 2;
	return 0;
}

int quote(const uint8_t *bytes, size_t len, bool strict, struct weft_buffer *out)
{
	const uint8_t *at, *end, *plain;
	size_t run;
	int r;

	if (len == 0) /* `bytes` may be NULL */
		bytes = (const uint8_t *)"";
	run = plain_run(bytes, len);
	if (run == len)
		return quote_plain(bytes, len, out);
	plain = bytes;
	at = bytes + run;
	end = bytes + len;
	r = append_byte(out, '"');
	for (; r >= 0 && at < end; at += plain_run(at, (size_t)(end - at))) {
		size_t step = *at >= 0x80 ? weft_utf8_step(at, (size_t)(end - at)) : 0;

		at += step;
		if (step > 0)
			continue;
		r = append_special(out, plain, at, strict);
		plain = ++at;
	}
	if (r >= 0)
		r = append(out, plain, (size_t)(end - plain));
	return r < 0 ? r : append_byte(out, '"');
}
