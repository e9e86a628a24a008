/*
 * Durations as people write them in flags and configuration. No strtod: it takes "0x1p3" and "1e3",
 * and in some places of the world a comma.
 */
#include <errno.h>
#include <string.h>
#include <weft/base.h>

#define MOST UINT64_C(1000000) /* of any unit: far from an overflow */

static const struct unit {
	const char *suffix;
	uint64_t ns;
} units[] = {
	{ "ms", WEFT_MS },
	{ "s", WEFT_SECOND },
	{ "m", 60 * WEFT_SECOND },
	{ "h", 3600 * WEFT_SECOND },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

int weft_duration_parse(const char *text, uint64_t *ret_ns)
{
	uint64_t whole = 0, fraction = 0, scale = 1;

	if (!is_digit(*text))
		return -EINVAL;
	for (; is_digit(*text) && whole <= MOST; text++)
		whole = whole * 10 + (uint64_t)(*text - '0');
	if (text[0] == '.' && is_digit(text[1])) {
		for (text++; is_digit(*text) && scale < MOST; text++) {
			fraction = fraction * 10 + (uint64_t)(*text - '0');
			scale *= 10;
		}
	}
	if (whole > MOST)
		return -EINVAL;
	for (size_t i = 0; i < WEFT_COUNT(units); i++) {
		if (strcmp(text, units[i].suffix) == 0) {
			*ret_ns = whole * units[i].ns + fraction * (units[i].ns / scale);
			return 0;
		}
	}
	return -EINVAL;
}
