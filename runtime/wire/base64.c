/*
 * Base64. One canonical text for each run of bytes: no white space, no padding in the middle, no
 * set bits beyond the last byte. What gRPC carries in "-bin" headers comes padded or not, so both
 * are taken.
 */
#include "wire/base64.h"

#include <errno.h>

static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static char character(unsigned value, enum weft_base64 alphabet)
{
	if (value < 62)
		return common[value];
	if (alphabet == WEFT_BASE64_URL)
		return value == 62 ? '-' : '_';
	return value == 62 ? '+' : '/';
}

static int value_of(char c, enum weft_base64 alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (alphabet != WEFT_BASE64_URL && (c == '+' || c == '/'))
		return c == '+' ? 62 : 63;
	if (alphabet != WEFT_BASE64_STANDARD && (c == '-' || c == '_'))
		return c == '-' ? 62 : 63;
	return -1;
}

size_t weft_base64_encode(const void *bytes, size_t len, enum weft_base64 alphabet, bool padded,
			  char *text)
{
	const uint8_t *in = bytes;
	char *out = text;

	for (; len > 0; in += 3) {
		size_t n = len < 3 ? len : 3;
		uint32_t group = (uint32_t)in[0] << 16;

		if (n > 1)
			group |= (uint32_t)in[1] << 8;
		if (n > 2)
			group |= in[2];
		for (size_t i = 0; i < n + 1; i++)
			*out++ = character(group >> (18 - 6 * i) & 63, alphabet);
		for (size_t i = n; padded && i < 3; i++)
			*out++ = '=';
		len -= n;
	}
	return (size_t)(out - text);
}

/* How many of `len` characters are not padding, or -EINVAL when the padding is not the right
 * one. */
static int strip_padding(const char *text, size_t *len)
{
	size_t n = *len;

	while (n > 0 && *len - n < 2 && text[n - 1] == '=')
		n--;
	if (n != *len && *len % 4 != 0)
		return -EINVAL;
	if (n % 4 == 1)
		return -EINVAL;
	*len = n;
	return 0;
}

int weft_base64_decode(const char *text, size_t len, enum weft_base64 alphabet, uint8_t *bytes,
		       size_t *ret_len)
{
	uint32_t group = 0;
	unsigned bits = 0;
	size_t n = 0;
	int r;

	r = strip_padding(text, &len);
	if (r < 0)
		return r;
	for (size_t i = 0; i < len; i++) {
		int value = value_of(text[i], alphabet);

		if (value < 0)
			return -EINVAL;
		group = group << 6 | (uint32_t)value;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[n++] = (uint8_t)(group >> bits);
		}
	}
	if (alphabet != WEFT_BASE64_ANY && (group & ((1u << bits) - 1)) != 0)
		return -EINVAL;
	*ret_len = n;
	return 0;
}
