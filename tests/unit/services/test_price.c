/* Pricing's arithmetic: a table of baskets worked out by hand, and what must hold for any
 * basket. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "chassis/money.h"
#include "pricing/price.h"

/* Small numbers, unlike the shop's, so that a case can be worked out in the head. */
static const struct rules plain = {
	.volumes = { { 100, 1000 }, { 10, 500 } },
	.n_volumes = 2,
	.zone = "near",
	.extra_kg_pence = 50,
	.free_from_pence = 10000,
	.rates = { { 1000, 300 }, { 5000, 700 } },
	.n_rates = 2,
	.tax = "GB",
	.tax_description = "UK VAT",
	.tax_basis_points = 2000,
};

struct basket {
	Pricing__V1__ComputePriceRequest req;
	Pricing__V1__ComputePriceRequest__Line lines[16];
	Pricing__V1__ComputePriceRequest__Line *pointers[16];
	struct weft_arena *arena;
};

static void basket_init(struct basket *basket)
{
	pricing__v1__compute_price_request__init(&basket->req);
	basket->req.lines = basket->pointers;
	basket->arena = weft_arena_new();
}

static void basket_fini(struct basket *basket)
{
	weft_arena_free(basket->arena);
}

static void basket_add(struct basket *basket, int32_t quantity, int64_t price_nanos, int32_t grams)
{
	size_t at = basket->req.n_lines++;
	Pricing__V1__ComputePriceRequest__Line *line = &basket->lines[at];

	assert_true(at < WEFT_COUNT(basket->lines));
	pricing__v1__compute_price_request__line__init(line);
	line->quantity = quantity;
	line->unit_price = money_to_message(money_from_nanos(price_nanos), basket->arena);
	line->weight_grams = grams;
	basket->pointers[at] = line;
}

static int64_t pence(const Google__Type__Money *message)
{
	struct money amount;
	int64_t result;

	assert_int_equal(money_from_message(message, &amount), 0);
	assert_int_equal(money_to_pence(amount, &result), 0);
	return result;
}

struct expectation {
	const char *title;
	int32_t quantity;
	int64_t price_nanos;
	int32_t grams;
	const char *coupon;
	enum coupon_kind kind;
	int64_t value;
	int64_t goods, discount, shipping, tax, total;
	const char *shipping_rule;
};

#define PENNY INT64_C(10000000)

static const struct expectation expectations[] = {
	{ "one thing", 1, 1000 * PENNY, 100, NULL, 0, 0, 1000, 0, 300, 260, 1560,
	  "shipping/near/1000" },
	{ "half a penny is a penny", 1, PENNY / 2, 0, NULL, 0, 0, 1, 0, 0, 0, 1, "shipping/none" },
	{ "below half a penny is nothing", 1, PENNY / 2 - 1, 0, NULL, 0, 0, 0, 0, 0, 0, 0,
	  "shipping/none" },
	{ "tax is rounded too", 1, 3 * PENNY, 0, NULL, 0, 0, 3, 0, 0, 1, 4, "shipping/none" },
	{ "up to the rate's last gram", 1, 100 * PENNY, 1000, NULL, 0, 0, 100, 0, 300, 80, 480,
	  "shipping/near/1000" },
	{ "one gram more", 1, 100 * PENNY, 1001, NULL, 0, 0, 100, 0, 700, 160, 960,
	  "shipping/near/5000" },
	{ "beyond the last rate", 1, 100 * PENNY, 5001, NULL, 0, 0, 100, 0, 750, 170, 1020,
	  "shipping/near/over-5000" },
	{ "two kilograms beyond", 1, 100 * PENNY, 7000, NULL, 0, 0, 100, 0, 800, 180, 1080,
	  "shipping/near/over-5000" },
	{ "nine are no ten", 9, 100 * PENNY, 0, NULL, 0, 0, 900, 0, 0, 180, 1080, "shipping/none" },
	{ "ten pieces", 10, 101 * PENNY, 0, NULL, 0, 0, 959, 0, 0, 192, 1151, "shipping/none" },
	{ "a hundred pieces", 100, PENNY / 4, 0, NULL, 0, 0, 22, 0, 0, 4, 26, "shipping/none" },
	{ "free from the threshold", 1, 10000 * PENNY, 100, NULL, 0, 0, 10000, 0, 0, 2000, 12000,
	  "shipping/near/free" },
	{ "a penny below the threshold", 1, 9999 * PENNY, 100, NULL, 0, 0, 9999, 0, 300, 2060,
	  12359, "shipping/near/1000" },
	{ "percent, rounded", 1, 1005 * PENNY, 0, "TEN", COUPON_PERCENT, 1000, 1005, 101, 0, 181,
	  1085, "shipping/none" },
	{ "a coupon can cost free shipping", 1, 10000 * PENNY, 100, "TEN", COUPON_PERCENT, 1000,
	  10000, 1000, 300, 1860, 11160, "shipping/near/1000" },
	{ "an amount", 1, 1000 * PENNY, 0, "FIVER", COUPON_AMOUNT, 500, 1000, 500, 0, 100, 600,
	  "shipping/none" },
	{ "no more than the goods", 1, 300 * PENNY, 0, "FIVER", COUPON_AMOUNT, 500, 300, 300, 0, 0,
	  0, "shipping/none" },
	{ "free shipping", 1, 1000 * PENNY, 9000, "POST", COUPON_FREE_SHIPPING, 0, 1000, 0, 0, 200,
	  1200, "coupon/POST" },
};

static void check_expectation(const struct expectation *wanted)
{
	Pricing__V1__ComputePriceResponse res = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
	struct rules rules = plain;
	struct basket basket = { 0 };

	basket_init(&basket);
	basket_add(&basket, wanted->quantity, wanted->price_nanos, wanted->grams);
	rules.coupon = (struct coupon) { .code = wanted->coupon,
					 .kind = wanted->kind,
					 .value = wanted->value };
	assert_int_equal(price_basket(&rules, &basket.req, basket.arena, &res), 0);
	if (pence(res.goods) != wanted->goods || pence(res.shipping->amount) != wanted->shipping ||
	    pence(res.tax->amount) != wanted->tax || pence(res.total) != wanted->total ||
	    (res.n_discounts ? pence(res.discounts[0]->amount) : 0) != wanted->discount)
		fail_msg("%s: goods %lld, shipping %lld, tax %lld, total %lld", wanted->title,
			 (long long)pence(res.goods), (long long)pence(res.shipping->amount),
			 (long long)pence(res.tax->amount), (long long)pence(res.total));
	assert_string_equal(res.shipping->rule, wanted->shipping_rule);
	assert_string_equal(res.tax->rule, "tax/GB");
	basket_fini(&basket);
}

static void test_baskets_worked_out_by_hand(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(expectations); i++)
		check_expectation(&expectations[i]);
}

static void test_lines_of_one_product_stay_apart(void **state)
{
	Pricing__V1__ComputePriceResponse res = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
	struct basket basket = { 0 };

	/* Twice half a penny: rounded line by line that is twopence, and five and five are no
	 * ten. */
	basket_init(&basket);
	basket_add(&basket, 5, PENNY / 10, 0);
	basket_add(&basket, 5, PENNY / 10, 0);
	assert_int_equal(price_basket(&plain, &basket.req, basket.arena, &res), 0);
	assert_int_equal(res.n_lines, 2);
	assert_int_equal(pence(res.goods), 2);
	assert_int_equal(res.lines[0]->n_discounts, 0);
	basket_fini(&basket);
}

static void test_each_amount_names_its_rule(void **state)
{
	Pricing__V1__ComputePriceResponse res = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
	struct rules rules = plain;
	struct basket basket = { 0 };

	basket_init(&basket);
	basket_add(&basket, 120, 25 * PENNY, 10);
	rules.coupon = (struct coupon) { .code = "TEN", .kind = COUPON_PERCENT, .value = 1000 };
	assert_int_equal(price_basket(&rules, &basket.req, basket.arena, &res), 0);
	assert_string_equal(res.lines[0]->subtotal->rule, "line/unit-price");
	assert_string_equal(res.lines[0]->subtotal->description, "120 × 0.25");
	assert_string_equal(res.lines[0]->discounts[0]->rule, "volume/100");
	assert_string_equal(res.lines[0]->discounts[0]->description, "10% off from 100 pieces");
	assert_string_equal(res.discounts[0]->rule, "coupon/TEN");
	assert_string_equal(res.shipping->description, "up to 5000 g to near");
	assert_string_equal(res.tax->description, "UK VAT 20%");
	assert_int_equal(res.weight_grams, 1200);
	basket_fini(&basket);
}

static void test_a_coupon_wants_its_goods(void **state)
{
	Pricing__V1__ComputePriceResponse res = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
	struct rules rules = plain;
	struct basket basket = { 0 };

	basket_init(&basket);
	basket_add(&basket, 1, 1000 * PENNY, 0);
	rules.coupon = (struct coupon) { "TEN", COUPON_PERCENT, 1000, 1001 };
	assert_int_equal(price_basket(&rules, &basket.req, basket.arena, &res),
			 PRICE_COUPON_NOT_REACHED);
	rules.coupon.least_goods_pence = 1000;
	pricing__v1__compute_price_response__init(&res);
	assert_int_equal(price_basket(&rules, &basket.req, basket.arena, &res), 0);
	basket_fini(&basket);
}

static void test_too_much_is_an_error(void **state)
{
	Pricing__V1__ComputePriceResponse res = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
	struct basket basket = { 0 };

	basket_init(&basket);
	basket_add(&basket, INT32_MAX, 0, 1);
	basket.lines[0].unit_price->units = INT64_MAX;
	assert_int_equal(price_basket(&plain, &basket.req, basket.arena, &res), -EOVERFLOW);
	basket_fini(&basket);
}

static void random_basket(struct basket *basket)
{
	size_t n = (size_t)(1 + random() % 8);

	for (size_t i = 0; i < n; i++)
		basket_add(basket, (int32_t)(1 + random() % 300),
			   random() % 2 ? random() % 5000 * PENNY : random() % (500 * PENNY),
			   (int32_t)(random() % 3000));
}

static void random_coupon(struct rules *rules)
{
	static const enum coupon_kind kinds[] = { COUPON_PERCENT, COUPON_AMOUNT,
						  COUPON_FREE_SHIPPING };

	if (random() % 2)
		rules->coupon = (struct coupon) { "C", kinds[random() % 3], random() % 10001, 0 };
}

/* No part is negative, no discount exceeds what it is taken from, and the parts are the total. */
static void check_bill(const Pricing__V1__ComputePriceResponse *res)
{
	int64_t goods = 0, discount = res->n_discounts ? pence(res->discounts[0]->amount) : 0;

	for (size_t i = 0; i < res->n_lines; i++) {
		const Pricing__V1__PricedLine *line = res->lines[i];
		int64_t off = line->n_discounts ? pence(line->discounts[0]->amount) : 0;

		assert_true(off >= 0 && off <= pence(line->subtotal->amount));
		assert_int_equal(pence(line->total), pence(line->subtotal->amount) - off);
		goods += pence(line->total);
	}
	assert_int_equal(pence(res->goods), goods);
	assert_true(discount >= 0 && discount <= goods);
	assert_true(pence(res->shipping->amount) >= 0 && pence(res->tax->amount) >= 0);
	assert_int_equal(pence(res->taxable), goods - discount + pence(res->shipping->amount));
	assert_int_equal(pence(res->total), pence(res->taxable) + pence(res->tax->amount));
}

static void reverse(struct basket *basket)
{
	for (size_t i = 0, j = basket->req.n_lines - 1; i < j; i++, j--) {
		Pricing__V1__ComputePriceRequest__Line *line = basket->pointers[i];

		basket->pointers[i] = basket->pointers[j];
		basket->pointers[j] = line;
	}
}

static void test_any_basket(void **state)
{
	srandom(536365);
	for (int i = 0; i < 20000; i++) {
		Pricing__V1__ComputePriceResponse res = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
		Pricing__V1__ComputePriceResponse other = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
		struct rules rules = plain;
		struct basket basket = { 0 };

		basket_init(&basket);
		random_basket(&basket);
		random_coupon(&rules);
		assert_int_equal(price_basket(&rules, &basket.req, basket.arena, &res), 0);
		check_bill(&res);
		reverse(&basket);
		assert_int_equal(price_basket(&rules, &basket.req, basket.arena, &other), 0);
		assert_int_equal(pence(other.total), pence(res.total));
		basket_fini(&basket);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_baskets_worked_out_by_hand),
		cmocka_unit_test(test_lines_of_one_product_stay_apart),
		cmocka_unit_test(test_each_amount_names_its_rule),
		cmocka_unit_test(test_a_coupon_wants_its_goods),
		cmocka_unit_test(test_too_much_is_an_error),
		cmocka_unit_test(test_any_basket),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
