/* See utf8.h. */
#include "base/utf8.h"

#include <string.h>

/* The second byte is where overlong forms, surrogates and what is too large are told apart. */
static int second_byte_fits(uint8_t first, uint8_t second)
{
	switch (first) {
	case 0xe0: return second >= 0xa0 && second <= 0xbf;
	case 0xed: return second >= 0x80 && second <= 0x9f;
	case 0xf0: return second >= 0x90 && second <= 0xbf;
	case 0xf4: return second >= 0x80 && second <= 0x8f;
	default: return second >= 0x80 && second <= 0xbf;
	}
}

static size_t length_by_first(uint8_t first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

size_t weft_utf8_step(const uint8_t *at, size_t len)
{
	size_t n = length_by_first(at[0]);

	if (n <= 1)
		return n;
	if (n > len || !second_byte_fits(at[0], at[1]))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return n;
}

size_t weft_utf8_floor(const uint8_t *at, size_t len)
{
	size_t start = len;

	for (size_t back = 1; back <= 3 && back <= len; back++) {
		start = len - back;
		if ((at[start] & 0xc0) != 0x80)
			return length_by_first(at[start]) > back ? start : len;
	}
	return len;
}

bool weft_utf8_valid(const uint8_t *bytes, size_t len)
{
	size_t i = 0;

	while (i < len) {
		uint64_t eight;
		size_t n;

		/* nearly all text is ASCII: eight bytes in one look */
		if (len - i >= sizeof(eight)) {
			memcpy(&eight, bytes + i, sizeof(eight));
			if ((eight & UINT64_C(0x8080808080808080)) == 0) {
				i += sizeof(eight);
				continue;
			}
		}
		n = weft_utf8_step(bytes + i, len - i);
		if (n == 0)
			return false;
		i += n;
	}
	return true;
}
