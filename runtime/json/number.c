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

/* Digits alone, as nearly all integers are. */
static bool is_plain(const char *text, size_t len, bool *ret_negative, uint64_t *ret_magnitude)
{
	bool negative = len > 0 && *text == '-';
	uint64_t value = 0;

	text += negative;
	len -= negative;
	if (len == 0 || len > 18 || (len > 1 && *text == '0'))
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	*ret_negative = negative;
	*ret_magnitude = value;
	return true;
}

static int parse_integer(const char *text, size_t len, bool *ret_negative, uint64_t *ret_magnitude)
{
	struct decimal decimal;
	int r;

	if (is_plain(text, len, ret_negative, ret_magnitude))
		return 0;
	r = decimal_parse(text, len, &decimal);
	if (r < 0)
		return r;
	*ret_negative = decimal.negative;
	return decimal_to_integer(&decimal, ret_magnitude);
}

int number_to_uint(const char *text, size_t len, uint64_t most, uint64_t *ret_value)
{
	uint64_t value;
	bool negative;
	int r;

	r = parse_integer(text, len, &negative, &value);
	if (r < 0)
		return r;
	if (value > most || (negative && value != 0))
		return -ERANGE;
	*ret_value = value;
	return 0;
}

int number_to_int(const char *text, size_t len, int64_t least, int64_t most, int64_t *ret_value)
{
	uint64_t value;
	bool negative;
	int r;

	r = parse_integer(text, len, &negative, &value);
	if (r < 0)
		return r;
	if (value > (negative ? -(uint64_t)least : (uint64_t)most))
		return -ERANGE;
	*ret_value = (int64_t)(negative ? -value : value);
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

#define EXACT ((uint64_t)1 << 53) /* up to here a double holds every integer */

/* Those that a double holds exactly. */
static const double powers_of_ten[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
					1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
					1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };

/* Whether a double lies in the middle between two floats: if it was rounded to get there, rounding
 * it again could go the wrong way. */
static bool is_between_floats(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (bits & 0x1fffffff) == 0x10000000;
}

/* Digits and a power of ten that are exact make one multiplication or division, rounded once. */
static bool to_exact(const char *text, size_t len, bool narrow, double *ret_value)
{
	struct decimal decimal;
	uint64_t digits = 0;
	double value;

	if (decimal_parse(text, len, &decimal) < 0 || decimal.too_long || decimal.n > 16 ||
	    decimal.exponent > 22 || decimal.exponent < -22)
		return false;
	for (size_t i = 0; i < decimal.n; i++)
		digits = digits * 10 + (uint64_t)(decimal.digits[i] - '0');
	if (digits > EXACT)
		return false;
	value = decimal.exponent < 0 ? (double)digits / powers_of_ten[-decimal.exponent]
				     : (double)digits * powers_of_ten[decimal.exponent];
	if (narrow && (is_between_floats(value) || value < 1e-30 || value > 1e30))
		return false;
	*ret_value = decimal.negative ? -value : value;
	return true;
}

/* strtod wants a NUL at the end: a number longer than the room is copied to the heap. */
static int to_floating(const char *text, size_t len, bool narrow, double *ret_value)
{
	char room[64], *copy = room;
	double value;

	if (to_exact(text, len, narrow, ret_value))
		return 0;
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

/* Two digits at a time, from the end. */
size_t number_from_integer(bool negative, uint64_t magnitude, char text[NUMBER_MAX])
{
	static const char pairs[] = "00010203040506070809"
				    "10111213141516171819"
				    "20212223242526272829"
				    "30313233343536373839"
				    "40414243444546474849"
				    "50515253545556575859"
				    "60616263646566676869"
				    "70717273747576777879"
				    "80818283848586878889"
				    "90919293949596979899";
	char digits[NUMBER_MAX], *at = digits + sizeof(digits);
	size_t len;

	*--at = '\0';
	for (; magnitude >= 10; magnitude /= 100) {
		at -= 2;
		memcpy(at, &pairs[magnitude % 100 * 2], 2);
	}
	if (magnitude > 0 || *at == '\0')
		*--at = (char)('0' + magnitude);
	if (negative)
		*--at = '-';
	len = (size_t)(digits + sizeof(digits) - at);
	memcpy(text, at, len);
	return len - 1;
}

/* `digits` with the point `scale` places from the right, and a 0 before it if need be. */
static size_t put_point(bool negative, uint64_t digits, size_t scale, char text[NUMBER_MAX])
{
	char room[NUMBER_MAX];
	size_t n = number_from_integer(false, digits, room), whole = n > scale ? n - scale : 0,
	       len = 0;

	if (negative)
		text[len++] = '-';
	if (whole == 0)
		text[len++] = '0';
	memcpy(text + len, room, whole);
	len += whole;
	if (scale > 0)
		text[len++] = '.';
	for (; n < scale; scale--)
		text[len++] = '0';
	memcpy(text + len, room + whole, n - whole);
	len += n - whole;
	text[len] = '\0';
	return len;
}

/* Most numbers are short decimals. The fewest places after the point for which the digits, read
 * back, give the value: reading them is a division of exact numbers, rounded once. Returns 0 for
 * numbers that are not so. */
static size_t from_short(double value, bool narrow, char text[NUMBER_MAX])
{
	const double most = narrow ? 1e9 : 1e15, magnitude = fabs(value);

	/* beyond these, fewer digits and zeros may do for a whole number */
	if (magnitude >= (narrow ? 0x1p24 : most) || magnitude < 1e-4)
		return 0;
	for (size_t scale = 0; scale <= 15; scale++) {
		double scaled = magnitude * powers_of_ten[scale] + 0.5, back;

		if (scaled >= most)
			return 0;
		back = (double)(uint64_t)scaled / powers_of_ten[scale];
		if (narrow ? (float)back == (float)magnitude && !is_between_floats(back)
			   : back == magnitude)
			return put_point(value < 0, (uint64_t)scaled, scale, text);
	}
	return 0;
}

size_t number_from_double(double value, char text[NUMBER_MAX])
{
	size_t len = from_short(value, false, text);

	if (len > 0)
		return len;
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
	size_t len = from_short((double)value, true, text);

	if (len > 0)
		return len;
	for (int precision = isnormal(value) ? 6 : 1; precision <= 9; precision++) {
		snprintf(text, NUMBER_MAX, "%.*g", precision, (double)value);
		len = mend_point(text);
		if (strtof_l(text, NULL, get_c_locale()) == value)
			break;
	}
	return len;
}
