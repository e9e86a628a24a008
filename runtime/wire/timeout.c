/*
 * grpc-timeout (gRPC's PROTOCOL-HTTP2, "Timeout"). A remaining time is nearly never a round number,
 * so formatting picks the finest unit whose value has at most eight digits: the error stays under
 * 1e-4 of it.
 */
#include "wire/timeout.h"

#include <errno.h>

#define DIGITS_MAX 8
#define VALUE_MAX  UINT64_C(99999999)

/* Finest first. */
static const struct unit {
	char letter;
	uint64_t ns;
} units[] = {
	{ 'n', 1 },           { 'u', WEFT_US },          { 'm', WEFT_MS },
	{ 'S', WEFT_SECOND }, { 'M', 60 * WEFT_SECOND }, { 'H', 3600 * WEFT_SECOND },
};

static const struct unit *find_unit(char letter)
{
	for (size_t i = 0; i < WEFT_COUNT(units); i++)
		if (units[i].letter == letter)
			return &units[i];
	return NULL;
}

int weft_timeout_parse(const char *text, size_t len, uint64_t *ret_ns)
{
	const struct unit *unit;
	uint64_t value = 0;

	if (len < 2 || len > DIGITS_MAX + 1)
		return -EINVAL;
	unit = find_unit(text[len - 1]);
	if (!unit)
		return -EINVAL;
	for (size_t i = 0; i < len - 1; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -EINVAL;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*ret_ns = value > UINT64_MAX / unit->ns ? WEFT_NEVER : value * unit->ns;
	return 0;
}

static uint64_t divide_up(uint64_t value, uint64_t by)
{
	return value / by + (value % by != 0);
}

size_t weft_timeout_format(uint64_t ns, char text[WEFT_TIMEOUT_SIZE])
{
	const struct unit *unit = units;
	char digits[DIGITS_MAX];
	size_t n = 0, len = 0;
	uint64_t value;

	while (divide_up(ns, unit->ns) > VALUE_MAX)
		unit++; /* UINT64_MAX is some five million hours: the last unit always fits */
	value = divide_up(ns, unit->ns);
	do {
		digits[n++] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	while (n)
		text[len++] = digits[--n];
	text[len++] = unit->letter;
	text[len] = '\0';
	return len;
}
