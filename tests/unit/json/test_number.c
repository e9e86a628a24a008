/*
 * Numbers and their text: floating point reads back as itself from the fewest digits, and is read
 * as libc reads it; many at random, and those where short cuts end.
 */
#include "fixture.h"

#include <errno.h>
#include <math.h>

#include "json/number.h"

static uint64_t seed = 1;

static uint64_t next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static size_t count_digits(const char *text)
{
	size_t n = 0, zeros = 0;

	for (; *text && *text != 'e'; text++) {
		if (*text < '0' || *text > '9' || (*text == '0' && n == 0))
			continue;
		n++;
		zeros = *text == '0' ? zeros + 1 : 0;
	}
	return n - zeros;
}

static void is_double(double value)
{
	char text[NUMBER_MAX] = "", shortest[NUMBER_MAX];
	double back;
	size_t len;

	if (!isfinite(value))
		return;
	len = number_from_double(value, text);
	assert_int_equal(len, strlen(text));
	assert_true(strtod(text, NULL) == value && !signbit(strtod(text, NULL)) == !signbit(value));
	assert_int_equal(number_to_double(text, strlen(text), &back), 0);
	assert_memory_equal(&back, &value, sizeof(value));
	for (int precision = 1; precision <= 17; precision++) {
		snprintf(shortest, sizeof(shortest), "%.*g", precision, value);
		if (strtod(shortest, NULL) == value)
			break;
	}
	assert_true(count_digits(text) <= count_digits(shortest));
}

static void is_float(float value)
{
	char text[NUMBER_MAX] = "", shortest[NUMBER_MAX];
	float back;
	size_t len;

	if (!isfinite(value))
		return;
	len = number_from_float(value, text);
	assert_int_equal(len, strlen(text));
	assert_true(strtof(text, NULL) == value);
	assert_int_equal(number_to_float(text, strlen(text), &back), 0);
	assert_memory_equal(&back, &value, sizeof(value));
	for (int precision = 1; precision <= 9; precision++) {
		snprintf(shortest, sizeof(shortest), "%.*g", precision, (double)value);
		if (strtof(shortest, NULL) == value)
			break;
	}
	assert_true(count_digits(text) <= count_digits(shortest));
}

static void test_edges(void **state)
{
	static const double values[] = {
		0,
		-0.0,
		1,
		-1,
		0.1,
		0.5,
		1e-4,
		0.000099999999999999,
		1e14,
		999999999999999,
		1e15,
		1e15 + 1,
		9007199254740991,
		9007199254740993,
		1e22,
		1e23,
		123456789.123456789,
		1e9,
		999999999,
		2.2250738585072014e-308,
		5e-324,
		1.7976931348623157e308,
		16777217,
		0.30000000000000004,
		3.4028234663852886e38,
		1.1754943508222875e-38,
	};

	for (size_t i = 0; i < WEFT_COUNT(values); i++) {
		double wide = values[i];
		float narrow = (float)values[i];
		uint64_t bits;
		uint32_t small;

		is_double(wide);
		is_float(narrow);
		memcpy(&bits, &wide, sizeof(bits));
		bits++;
		memcpy(&wide, &bits, sizeof(bits));
		is_double(wide);
		memcpy(&small, &narrow, sizeof(small));
		small++;
		memcpy(&narrow, &small, sizeof(small));
		is_float(narrow);
	}
}

static void test_random(void **state)
{
	for (int i = 0; i < 5000; i++) {
		uint64_t bits = next();
		uint32_t small = (uint32_t)next();
		double wide;
		float narrow;

		memcpy(&wide, &bits, sizeof(wide));
		memcpy(&narrow, &small, sizeof(narrow));
		is_double(wide);
		is_float(narrow);
		is_double((double)(next() % 1000000000) / 1000);
		is_double((double)next() / 1e10);
		is_float((float)(next() % 100000000) / 100);
		is_float((float)next() / 1e12f);
	}
}

/* Texts as libc reads them, with digits beyond what is exact, and halfway between two floats. */
static void test_reading(void **state)
{
	for (int i = 0; i < 5000; i++) {
		char text[64];
		double wide;
		float narrow;
		int n = snprintf(
			text, sizeof(text), "%s%llu.%0*llue%d", next() & 1 ? "-" : "",
			(unsigned long long)(next() >> next() % 64), (int)(next() % 20 + 1),
			(unsigned long long)(next() >> next() % 64), (int)(next() % 60) - 30);

		if (number_to_double(text, (size_t)n, &wide) == 0)
			assert_true(wide == strtod(text, NULL));
		if (number_to_float(text, (size_t)n, &narrow) == 0)
			assert_true(narrow == strtof(text, NULL));
		n = snprintf(text, sizeof(text), "%.*f", (int)(next() % 20),
			     (double)(float)(next() >> 40) + 0.5);
		assert_int_equal(number_to_float(text, (size_t)n, &narrow), 0);
		assert_true(narrow == strtof(text, NULL));
	}
}

static void test_integers(void **state)
{
	static const struct {
		const char *text;
		int r;
		int64_t value;
	} cases[] = {
		{ "0", 0, 0 },
		{ "-0", 0, 0 },
		{ "999999999999999999", 0, 999999999999999999 },
		{ "-999999999999999999", 0, -999999999999999999 },
		{ "1000000000000000000", 0, 1000000000000000000 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "9223372036854775808", -ERANGE, 0 },
		{ "1e3", 0, 1000 },
		{ "12.50e1", 0, 125 },
		{ "12.55e1", -EINVAL, 0 },
		{ "00", -EINVAL, 0 },
		{ "-", -EINVAL, 0 },
		{ "", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 },
		{ "12a", -EINVAL, 0 },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		char text[NUMBER_MAX];
		int64_t value = 0;
		size_t len;

		assert_int_equal(number_to_int(cases[i].text, strlen(cases[i].text), INT64_MIN,
					       INT64_MAX, &value),
				 cases[i].r);
		assert_true(value == cases[i].value);
		snprintf(text, sizeof(text), "%lld", (long long)value);
		len = number_from_integer(value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value,
					  text);
		assert_int_equal(len, strlen(text));
		assert_true(strtoll(text, NULL, 10) == value);
	}
	for (uint64_t value = 1; value < UINT64_MAX / 11; value = value * 10 + value % 10) {
		char text[NUMBER_MAX], expected[NUMBER_MAX];

		snprintf(expected, sizeof(expected), "%llu", (unsigned long long)value);
		number_from_integer(false, value, text);
		assert_string_equal(text, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_edges),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_integers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
