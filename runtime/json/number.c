#include "number.h"

#include <errno.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lexer.h"

/* A number's sign, its digits without leading zeros, and how far the decimal point is to the right
 * of them. */
struct decimal {
	bool negative;
	char digits[24];
	size_t n;
	bool too_long;
	int64_t exponent;
};

static bool is_number(const char *text, size_t len)
{
	struct weft_bytes number;
	struct lexer lexer;

	if (len == 0 || (*text != '-' && (*text < '0' || *text > '9')))
		return false;
	lexer_init(&lexer, text, len); /* takes no memory for a number */
	return lexer_take_number(&lexer, &number) == 0 && number.len == len;
}

static void decimal_digit(struct decimal *decimal, char digit)
{
	if (decimal->n == 0 && digit == '0')
		return;
	if (decimal->n < sizeof(decimal->digits))
		decimal->digits[decimal->n++] = digit;
	else if (digit != '0')
		decimal->too_long = true;
	else
		decimal->exponent++;
}

/* Trailing zeros become exponent, so that 1000e-3 and 1.000 are seen to be whole. */
static void decimal_trim(struct decimal *decimal)
{
	while (decimal->n > 0 && decimal->digits[decimal->n - 1] == '0') {
		decimal->n--;
		decimal->exponent++;
	}
}

static int decimal_parse(const char *text, size_t len, struct decimal *ret_decimal)
{
	struct decimal decimal = { 0 };
	const char *end = text + len;
	int64_t exponent = 0;
	bool fraction = false, minus = false;

	if (!is_number(text, len))
		return -EINVAL;
	if (*text == '-') {
		decimal.negative = true;
		text++;
	}
	for (; text < end && *text != 'e' && *text != 'E'; text++) {
		if (*text == '.') {
			fraction = true;
			continue;
		}
		decimal_digit(&decimal, *text);
		decimal.exponent -= fraction;
	}
	if (text < end) {
		text++;
		minus = *text == '-';
		text += *text == '-' || *text == '+';
		for (; text < end; text++)
			if (exponent < 1000000000)
				exponent = exponent * 10 + (*text - '0');
		decimal.exponent += minus ? -exponent : exponent;
	}
	decimal_trim(&decimal);
	*ret_decimal = decimal;
	return 0;
}

/* The absolute value. */
static int decimal_to_integer(const struct decimal *decimal, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (decimal->n > 0 && decimal->exponent < 0)
		return -EINVAL;
	if (decimal->too_long || (decimal->n > 0 && decimal->exponent > 20))
		return -ERANGE;
	for (size_t i = 0; i < decimal->n + (decimal->n ? (size_t)decimal->exponent : 0); i++) {
		uint64_t digit = i < decimal->n ? (uint64_t)(decimal->digits[i] - '0') : 0;

		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return -ERANGE;
	}
	*ret_value = value;
	return 0;
}

int number_to_uint(const char *text, size_t len, uint64_t most, uint64_t *ret_value)
{
	struct decimal decimal;
	uint64_t value;
	int r;

	r = decimal_parse(text, len, &decimal);
	if (r < 0)
		return r;
	r = decimal_to_integer(&decimal, &value);
	if (r < 0)
		return r;
	if (value > most || (decimal.negative && value != 0))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int number_to_int(const char *text, size_t len, int64_t least, int64_t most, int64_t *ret_value)
{
	struct decimal decimal;
	uint64_t value;
	int r;

	r = decimal_parse(text, len, &decimal);
	if (r < 0)
		return r;
	r = decimal_to_integer(&decimal, &value);
	if (r < 0)
		return r;
	if (value > (decimal.negative ? -(uint64_t)least : (uint64_t)most))
		return -ERANGE;
	*ret_value = (int64_t)(decimal.negative ? -value : value);
	return 0;
}

static locale_t c_locale;

static void make_c_locale(void)
{
	c_locale = newlocale(LC_ALL_MASK, "C", NULL);
	if (!c_locale)
		abort();
}

static locale_t get_c_locale(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, make_c_locale);
	return c_locale;
}

static int special(const char *text, size_t len, double *ret_value)
{
	if (len == 3 && memcmp(text, "NaN", 3) == 0)
		*ret_value = NAN;
	else if (len == 8 && memcmp(text, "Infinity", 8) == 0)
		*ret_value = INFINITY;
	else if (len == 9 && memcmp(text, "-Infinity", 9) == 0)
		*ret_value = -INFINITY;
	else
		return -EINVAL;
	return 0;
}

/* strtod wants a NUL at the end: a number longer than the room is copied to the heap. */
static int to_floating(const char *text, size_t len, bool narrow, double *ret_value)
{
	char room[64], *copy = room;
	double value;

	if (!is_number(text, len))
		return special(text, len, ret_value);
	if (len >= sizeof(room)) {
		copy = malloc(len + 1);
		if (!copy)
			return -ENOMEM;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	value = narrow ? (double)strtof_l(copy, NULL, get_c_locale())
		       : strtod_l(copy, NULL, get_c_locale());
	if (copy != room)
		free(copy);
	if (isinf(value))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int number_to_double(const char *text, size_t len, double *ret_value)
{
	return to_floating(text, len, false, ret_value);
}

int number_to_float(const char *text, size_t len, float *ret_value)
{
	double value;
	int r;

	r = to_floating(text, len, true, &value);
	if (r >= 0)
		*ret_value = (float)value;
	return r;
}

/* A locale's decimal point, whatever its bytes, becomes '.'. Negative zero gets a fraction: readers
 * that take "-0" for an integer would lose its sign. */
static size_t mend_point(char *text)
{
	char *to = text;

	for (const char *at = text; *at; at++) {
		if (strchr("0123456789+-e", *at))
			*to++ = *at;
		else if (to > text && to[-1] != '.')
			*to++ = '.';
	}
	*to = '\0';
	if (strcmp(text, "-0") == 0) {
		strcpy(text, "-0.0");
		to = text + 4;
	}
	return (size_t)(to - text);
}

size_t number_from_double(double value, char text[NUMBER_MAX])
{
	size_t len = 0;

	/* Fifteen digits always survive, and %g drops zeros; but a subnormal number may need fewer.
	 */
	for (int precision = isnormal(value) ? 15 : 1; precision <= 17; precision++) {
		snprintf(text, NUMBER_MAX, "%.*g", precision, value);
		len = mend_point(text);
		if (strtod_l(text, NULL, get_c_locale()) == value)
			break;
	}
	return len;
}

size_t number_from_float(float value, char text[NUMBER_MAX])
{
	size_t len = 0;

	for (int precision = isnormal(value) ? 6 : 1; precision <= 9; precision++) {
		snprintf(text, NUMBER_MAX, "%.*g", precision, (double)value);
		len = mend_point(text);
		if (strtof_l(text, NULL, get_c_locale()) == value)
			break;
	}
	return len;
}
