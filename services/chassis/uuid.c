/*
 * Version 7 with RFC 9562's method 3: the 12 bits after the milliseconds are the fraction of the
 * millisecond, so that order needs neither a counter nor a lock.
 */
#include "uuid.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

void uuid_make(uint64_t time_ns, uint64_t random, char text[UUID_TEXT + 1])
{
	uint64_t ms = time_ns / WEFT_MS;
	unsigned fraction = (unsigned)((time_ns % WEFT_MS) * 4096 / WEFT_MS);

	snprintf(text, UUID_TEXT + 1, "%08x-%04x-7%03x-%04x-%012llx",
		 (unsigned)(ms >> 16 & 0xffffffff), (unsigned)(ms & 0xffff), fraction,
		 0x8000 | (unsigned)(random >> 48 & 0x3fff),
		 (unsigned long long)(random & 0xffffffffffff));
}

void uuid_new(char text[UUID_TEXT + 1])
{
	uint64_t random;

	/* Up to 256 bytes come whole once the kernel is seeded, which it is long before a
	 * service starts. */
	if (getrandom(&random, sizeof(random), 0) != sizeof(random))
		abort();
	uuid_make(weft_wall_clock(), random, text);
}

static bool is_dash_place(size_t at)
{
	return at == 8 || at == 13 || at == 18 || at == 23;
}

int uuid_read(const char *given, char text[UUID_TEXT + 1])
{
	char copy[UUID_TEXT + 1] = { 0 };
	bool nil = true;

	if (strnlen(given, UUID_TEXT + 1) != UUID_TEXT)
		return -EINVAL;
	for (size_t i = 0; i < UUID_TEXT; i++) {
		unsigned char c = (unsigned char)given[i];

		if (is_dash_place(i) ? c != '-' : !isxdigit(c))
			return -EINVAL;
		nil = nil && (c == '-' || c == '0');
		copy[i] = (char)tolower(c);
	}
	if (nil)
		return -EINVAL;
	memcpy(text, copy, sizeof(copy));
	return 0;
}
