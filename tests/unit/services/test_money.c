/* Money: exact, rounded half away from zero where asked, and never wrapped. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "chassis/money.h"

static struct money nanos(int64_t n)
{
	return money_from_nanos(n);
}

static int64_t pence(struct money amount)
{
	int64_t result = INT64_MIN;

	assert_int_equal(money_to_pence(amount, &result), 0);
	return result;
}

static void test_rounding_is_half_away_from_zero(void **state)
{
	static const struct {
		int64_t nanos;
		int64_t pence;
	} cases[] = {
		{ 0, 0 },         { 4999999, 0 },      { 5000000, 1 },        { -4999999, 0 },
		{ -5000000, -1 }, { 15000000, 2 },     { 25000000, 3 },       { -25000000, -3 },
		{ 24999999, 2 },  { 1005000000, 101 }, { -1005000000, -101 }, { 2550000000, 255 },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++)
		assert_int_equal(pence(money_round(nanos(cases[i].nanos))), cases[i].pence);
}

static void test_shares_are_rounded_once(void **state)
{
	/* 0.125 exactly, then half away; two roundings would give another penny for 0.1249. */
	assert_int_equal(pence(money_share_rounded(money_from_pence(250), 500, 10000)), 13);
	assert_int_equal(pence(money_share_rounded(money_from_pence(-250), 500, 10000)), -13);
	assert_int_equal(pence(money_share_rounded(money_from_pence(249), 500, 10000)), 12);
	assert_int_equal(pence(money_share_rounded(money_from_pence(100), 1, 3)), 33);
	assert_int_equal(pence(money_share_rounded(money_from_pence(200), 1, 3)), 67);
	assert_int_equal(pence(money_share_rounded(money_from_pence(-200), 1, 3)), -67);
	assert_int_equal(pence(money_share_rounded(money_from_pence(1234), 10000, 10000)), 1234);
	assert_int_equal(pence(money_share_rounded(money_from_pence(1234), 0, 10000)), 0);
}

static void test_beyond_the_bounds_is_no_amount_and_stays_it(void **state)
{
	struct money most = money_times(money_from_pence(100), INT64_MAX);
	struct money past;
	int64_t ignored = 7;

	assert_true(money_valid(most));
	assert_true(money_valid(money_times(most, -1)));

	past = money_add(most, money_from_pence(100));
	assert_false(money_valid(past));
	assert_false(money_valid(money_subtract(past, most)));
	assert_false(money_valid(money_subtract(most, past)));
	assert_false(money_valid(money_times(past, 0)));
	assert_false(money_valid(money_round(past)));
	assert_false(money_valid(money_share_rounded(past, 1, 1000000)));
	assert_false(money_valid(money_times(most, 2)));
	assert_false(money_valid(money_times(most, INT64_MIN)));
	assert_false(money_valid(money_share_rounded(most, INT64_MAX, INT64_MAX)));
	assert_int_equal(money_to_pence(past, &ignored), -ERANGE);
	assert_int_equal(money_to_pence(most, &ignored), -ERANGE);
	assert_int_equal(money_to_nanos(most, &ignored), -ERANGE);
	assert_int_equal(money_to_pence(nanos(1), &ignored), -ERANGE);
	assert_int_equal(ignored, 7);
}

static void test_text(void **state)
{
	struct weft_arena *arena = weft_arena_new();

	assert_string_equal(money_format(money_from_pence(123450), arena), "1234.50");
	assert_string_equal(money_format(money_from_pence(-5), arena), "-0.05");
	assert_string_equal(money_format(nanos(1001000000), arena), "1.001");
	assert_string_equal(money_format(nanos(1), arena), "0.000000001");
	assert_string_equal(money_format(MONEY_ZERO, arena), "0.00");
	weft_arena_free(arena);
}

static int read_message(const char *currency, int64_t units, int32_t fraction,
			struct money *ret_amount)
{
	Google__Type__Money message = GOOGLE__TYPE__MONEY__INIT;

	message.currency_code = (char *)currency;
	message.units = units;
	message.nanos = fraction;
	return money_from_message(&message, ret_amount);
}

static void test_messages_are_checked(void **state)
{
	struct money amount = money_from_pence(42);

	assert_int_equal(money_from_message(NULL, &amount), -EINVAL);
	assert_int_equal(read_message("EUR", 1, 0, &amount), -EINVAL);
	assert_int_equal(read_message("", 1, 0, &amount), -EINVAL);
	assert_int_equal(read_message("GBP", 1, 1000000000, &amount), -EINVAL);
	assert_int_equal(read_message("GBP", -1, -1000000000, &amount), -EINVAL);
	assert_int_equal(read_message("GBP", 1, -1, &amount), -EINVAL);
	assert_int_equal(read_message("GBP", -1, 1, &amount), -EINVAL);
	assert_int_equal(read_message("GBP", INT64_MIN, 0, &amount), -EINVAL);
	assert_int_equal(pence(amount), 42);

	assert_int_equal(read_message("GBP", -1, -750000000, &amount), 0);
	assert_int_equal(pence(amount), -175);
	assert_int_equal(read_message("GBP", INT64_MAX, 999999999, &amount), 0);
	assert_true(money_valid(amount));
}

static void test_messages_go_there_and_back(void **state)
{
	static const int64_t samples[] = { 0,           1,          -1,
					   999999999,   -999999999, 1000000000,
					   -2550000000, INT64_MAX,  INT64_MIN };
	struct weft_arena *arena = weft_arena_new();

	for (size_t i = 0; i < WEFT_COUNT(samples); i++) {
		Google__Type__Money *message = money_to_message(nanos(samples[i]), arena);
		struct money back;
		int64_t n;

		assert_int_equal(money_from_message(message, &back), 0);
		assert_int_equal(money_to_nanos(back, &n), 0);
		assert_true(n == samples[i]);
	}
	weft_arena_free(arena);
}

/* Against long division in plain integers, where those suffice. */
static void test_rounding_at_random(void **state)
{
	srandom(20101201);
	for (int i = 0; i < 100000; i++) {
		int64_t n = (random() - (INT64_C(1) << 30)) * (random() % 1000 + 1);
		int64_t whole = n / 10000000, rest = n % 10000000;
		int64_t expected = whole + (rest >= 5000000) - (rest <= -5000000);

		assert_int_equal(pence(money_round(nanos(n))), expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rounding_is_half_away_from_zero),
		cmocka_unit_test(test_shares_are_rounded_once),
		cmocka_unit_test(test_beyond_the_bounds_is_no_amount_and_stays_it),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_messages_are_checked),
		cmocka_unit_test(test_messages_go_there_and_back),
		cmocka_unit_test(test_rounding_at_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
