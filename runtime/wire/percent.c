/*
 * grpc-message is percent-encoded (gRPC's PROTOCOL-HTTP2, "Status-Message"). Decoding must not lose
 * a status because its words are garbled, so it has no failure but memory.
 */
#include "wire/percent.h"

static bool is_plain(unsigned char byte)
{
	return byte >= 0x20 && byte <= 0x7e && byte != '%';
}

char *weft_percent_encode(struct weft_arena *arena, const char *text, size_t len, size_t *ret_len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t encoded = 0;
	char *out, *at;

	for (size_t i = 0; i < len; i++)
		encoded += is_plain((unsigned char)text[i]) ? 1 : 3;
	at = out = weft_arena_alloc(arena, encoded + 1);
	if (!out)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)text[i];

		if (is_plain(byte)) {
			*at++ = (char)byte;
			continue;
		}
		*at++ = '%';
		*at++ = hex[byte >> 4];
		*at++ = hex[byte & 15];
	}
	*at = '\0';
	*ret_len = encoded;
	return out;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

/* The byte that %XX at `text` stands for, or -1. */
static int escaped_byte(const char *text, size_t len)
{
	int high, low;

	if (len < 3 || text[0] != '%')
		return -1;
	high = hex_value(text[1]);
	low = hex_value(text[2]);
	if (high < 0 || low < 0 || (high | low) == 0)
		return -1;
	return high << 4 | low;
}

char *weft_percent_decode(struct weft_arena *arena, const char *text, size_t len)
{
	char *out = weft_arena_alloc(arena, len + 1), *to = out;

	if (!out)
		return NULL;
	for (size_t i = 0; i < len;) {
		int byte = escaped_byte(text + i, len - i);

		*to++ = byte < 0 ? text[i] : (char)byte;
		i += byte < 0 ? 1 : 3;
	}
	*to = '\0';
	return out;
}
