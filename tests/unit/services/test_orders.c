/* Orders: what a request must be, when two are the same, and orders in the store. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "chassis/money.h"
#include "orders/order.h"
#include "orders/store.h"
#include "shelf.h"

static int open_shelf(void **state)
{
	static struct shelf shelf;

	shelf_open(&shelf, orders_migrations, orders_n_migrations);
	*state = &shelf;
	return 0;
}

static int close_shelf(void **state)
{
	shelf_close(*state);
	return 0;
}

/* ---- requests */

struct request {
	Orders__V1__PlaceOrderRequest req;
	Orders__V1__PlaceOrderRequest__Line lines[2];
	Orders__V1__PlaceOrderRequest__Line *pointers[2];
};

static void request_init(struct request *request)
{
	orders__v1__place_order_request__init(&request->req);
	request->req.request_id = (char *)"017f22e2-79b0-7000-8000-0000000000AA";
	request->req.region_code = (char *)"GB";
	request->req.customer_id = (char *)"17850";
	request->req.coupon = (char *)"TEN";
	request->req.external_reference = (char *)"536365";
	request->req.lines = request->pointers;
	request->req.n_lines = 2;
	for (size_t i = 0; i < 2; i++) {
		orders__v1__place_order_request__line__init(&request->lines[i]);
		request->lines[i].product = (char *)(i ? "products/B" : "products/A");
		request->lines[i].quantity = 120;
		request->pointers[i] = &request->lines[i];
	}
}

/* The first field at fault, or NULL. */
static const char *fault(const struct request *request, struct weft_arena *arena)
{
	struct refusal refusal = { .arena = arena, .domain = ORDERS_DOMAIN };
	char request_id[UUID_TEXT + 1];

	check_order(&request->req, &refusal, request_id);
	return refusal.n ? refusal.violations[0].field : NULL;
}

static void test_requests_are_checked(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	struct request request;

#define FAULT_OF(change, field)                                                                    \
	do {                                                                                       \
		request_init(&request);                                                            \
		change;                                                                            \
		assert_string_equal(fault(&request, arena), field);                                \
	} while (0)

	request_init(&request);
	assert_null(fault(&request, arena));
	FAULT_OF(request.req.request_id = (char *)"", "request_id");
	FAULT_OF(request.req.request_id = (char *)"7", "request_id");
	FAULT_OF(request.req.customer_id = (char *)"a b", "customer_id");
	FAULT_OF(request.req.region_code = (char *)"", "region_code");
	FAULT_OF(request.req.region_code = (char *)"gb", "region_code");
	FAULT_OF(request.req.region_code = (char *)"GBR", "region_code");
	FAULT_OF(request.req.coupon = (char *)"\xc3\xa9", "coupon");
	FAULT_OF(request.req.external_reference = (char *)"a\nb", "external_reference");
	FAULT_OF(request.req.n_lines = 0, "lines");
	FAULT_OF(request.req.n_lines = 1001, "lines");
	FAULT_OF(request.lines[1].quantity = 0, "lines[1].quantity");
	FAULT_OF(request.lines[1].quantity = -6, "lines[1].quantity");
	FAULT_OF(request.lines[0].quantity = 1000001, "lines[0].quantity");
	FAULT_OF(request.lines[1].product = (char *)"", "lines[1].product");
	FAULT_OF(request.lines[1].product = (char *)"B", "lines[1].product");
	weft_arena_free(arena);
}

static void test_every_fault_is_counted_but_few_are_told(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	struct refusal refusal = { .arena = arena, .domain = ORDERS_DOMAIN };
	Orders__V1__PlaceOrderRequest__Line *lines[1000];
	struct request request;
	char request_id[UUID_TEXT + 1];

	request_init(&request);
	request.lines[0].quantity = 0;
	for (size_t i = 0; i < WEFT_COUNT(lines); i++)
		lines[i] = &request.lines[0];
	request.req.lines = lines;
	request.req.n_lines = WEFT_COUNT(lines);
	check_order(&request.req, &refusal, request_id);
	assert_int_equal(refusal.n, 1000);
	assert_string_equal(refusal.violations[REFUSAL_MOST - 1].field, "lines[15].quantity");
	weft_arena_free(arena);
}

static void test_what_makes_two_requests_the_same(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	struct request request;
	uint8_t first[HASH_BYTES], other[HASH_BYTES];

	request_init(&request);
	assert_int_equal(hash_order(&request.req, arena, first), 0);
	request.req.request_id = (char *)"017f22e2-79b0-7000-8000-0000000000bb";
	assert_int_equal(hash_order(&request.req, arena, other), 0);
	assert_memory_equal(first, other, HASH_BYTES);
	request.lines[1].quantity++;
	assert_int_equal(hash_order(&request.req, arena, other), 0);
	assert_memory_not_equal(first, other, HASH_BYTES);
	weft_arena_free(arena);
}

/* ---- orders made of a bill */

struct bill {
	Catalog__V1__Product products[2];
	Catalog__V1__Product *product_pointers[2];
	Pricing__V1__PricedLine lines[2];
	Pricing__V1__PricedLine *line_pointers[2];
	Pricing__V1__Charge charges[2];
	Pricing__V1__Charge *charge_pointers[2];
	Pricing__V1__ComputePriceResponse res;
};

static Google__Type__Money *pence(struct weft_arena *arena, int64_t amount)
{
	return money_to_message(money_from_pence(amount), arena);
}

/* Two lines of 120 at 0.25, the second one with a discount; amounts need not add up here. */
static void bill_init(struct bill *bill, struct weft_arena *arena)
{
	pricing__v1__compute_price_response__init(&bill->res);
	for (size_t i = 0; i < 2; i++) {
		Pricing__V1__Charge *charge = &bill->charges[i];
		Pricing__V1__PricedLine *line = &bill->lines[i];

		pricing__v1__charge__init(charge);
		charge->amount = pence(arena, 100 + (int64_t)i);
		charge->rule = (char *)(i ? "volume/100" : "line/unit-price");
		charge->description = (char *)(i ? "2% off" : "120 × 0.25");
		bill->charge_pointers[i] = charge;
		pricing__v1__priced_line__init(line);
		line->quantity = 120;
		line->subtotal = charge;
		line->total = pence(arena, 3000);
		bill->line_pointers[i] = line;
		catalog__v1__product__init(&bill->products[i]);
		bill->products[i].title = (char *)(i ? "BEE" : "");
		bill->products[i].unit_price = money_to_message(money_from_nanos(250000001), arena);
		bill->product_pointers[i] = &bill->products[i];
	}
	bill->lines[1].discounts = &bill->charge_pointers[1];
	bill->lines[1].n_discounts = 1;
	bill->res.lines = bill->line_pointers;
	bill->res.n_lines = 2;
	bill->res.discounts = bill->charge_pointers;
	bill->res.n_discounts = 2;
	bill->res.goods = pence(arena, 6000);
	bill->res.shipping = &bill->charges[0];
	bill->res.tax = &bill->charges[1];
	bill->res.total = pence(arena, INT64_C(123456789012));
	bill->res.weight_grams = 2400;
}

static void test_a_bill_of_another_basket_is_refused(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	struct request request;
	struct bill bill;
	Orders__V1__Order *order = NULL;

#define REFUSED(change)                                                                            \
	do {                                                                                       \
		request_init(&request);                                                            \
		bill_init(&bill, arena);                                                           \
		change;                                                                            \
		assert_int_equal(order_from_bill(&request.req, bill.product_pointers, &bill.res,   \
						 "x", 1, arena, &order),                           \
				 -EPROTO);                                                         \
	} while (0)

	REFUSED(bill.res.n_lines = 1);
	REFUSED(bill.lines[0].quantity = 121);
	REFUSED(bill.lines[1].total = NULL);
	REFUSED(bill.lines[1].subtotal = NULL);
	REFUSED(bill.charges[0].amount = NULL);
	REFUSED(bill.res.total = NULL);
	REFUSED(bill.res.tax = NULL);
	REFUSED(bill.res.shipping = NULL);
	REFUSED(bill.products[0].unit_price = NULL);
	assert_null(order);
	weft_arena_free(arena);
}

/* ---- the store */

struct placing {
	const char *id;
	Orders__V1__Order *order;
	int64_t now;
	const char *request_id;
	struct request_key key;
};

static int place_txn(struct store_txn *txn, void *data)
{
	struct placing *placing = data;
	int r;

	r = store_insert_order(txn, placing->id, placing->order, placing->now);
	if (r != 0)
		return r;
	return store_insert_key(txn, placing->request_id, &placing->key, placing->id, placing->now);
}

static Orders__V1__Order *make_order(struct shelf *shelf, struct request *request, const char *id)
{
	struct bill *bill = weft_arena_zalloc(shelf->arena, sizeof(*bill));
	Orders__V1__Order *order;

	bill_init(bill, shelf->arena);
	for (size_t i = 0; i < request->req.n_lines; i++)
		bill->lines[i].quantity = request->lines[i].quantity;
	assert_int_equal(order_from_bill(&request->req, bill->product_pointers, &bill->res, id,
					 1700000000123456789, shelf->arena, &order),
			 0);
	return order;
}

static int place(struct shelf *shelf, struct request *request, const char *id,
		 const char *request_id, int64_t now)
{
	struct placing placing = {
		.id = id,
		.order = make_order(shelf, request, id),
		.now = now,
		.request_id = request_id,
		.key = { .reply = { (const uint8_t *)"reply", 5 } },
	};

	memset(placing.key.body_hash, 'h', HASH_BYTES);
	return shelf_write(shelf, place_txn, &placing);
}

struct look {
	struct weft_arena *arena;
	const char *id;
	Orders__V1__Order *order;
	struct request_key key;
	struct order_filter filter;
	const char *before;
	Orders__V1__Order **orders;
	size_t n;
};

static int get_read(struct store_reader *reader, void *data)
{
	struct look *look = data;

	return store_get_order(reader, look->id, look->arena, &look->order);
}

static int key_read(struct store_reader *reader, void *data)
{
	struct look *look = data;

	return store_get_key(reader, look->id, look->arena, &look->key);
}

static int list_read(struct store_reader *reader, void *data)
{
	struct look *look = data;

	return store_list_orders(reader, &look->filter, look->before, 10, look->arena,
				 &look->orders, &look->n);
}

/* 0 or STORE_NOT_FOUND */
static int look_for(struct shelf *shelf, shelf_read_fn *read, const char *id)
{
	struct look look = { .arena = shelf->arena, .id = id };

	return shelf_read(shelf, read, &look);
}

static void assert_same(const Orders__V1__Order *a, const Orders__V1__Order *b,
			struct weft_arena *arena)
{
	size_t len = orders__v1__order__get_packed_size(a);
	uint8_t *x = weft_arena_alloc(arena, len), *y = weft_arena_alloc(arena, len);

	assert_int_equal(orders__v1__order__get_packed_size(b), len);
	orders__v1__order__pack(a, x);
	orders__v1__order__pack(b, y);
	assert_memory_equal(x, y, len);
}

#define ID_1  "01800000-0000-7000-8000-000000000001"
#define ID_2  "01800000-0000-7000-8000-000000000002"
#define ID_3  "01800000-0000-7000-8000-000000000003"
#define KEY_1 "00000000-0000-4000-8000-000000000001"
#define KEY_2 "00000000-0000-4000-8000-000000000002"
#define KEY_3 "00000000-0000-4000-8000-000000000003"

static void test_an_order_comes_back_as_it_was(void **state)
{
	struct shelf *shelf = *state;
	struct look look = { .arena = shelf->arena, .id = ID_1 };
	struct request request;

	request_init(&request);
	assert_int_equal(place(shelf, &request, ID_1, KEY_1, 1700000000123456789), 0);
	assert_int_equal(shelf_read(shelf, get_read, &look), 0);
	assert_same(look.order, make_order(shelf, &request, ID_1), shelf->arena);
	assert_int_equal(look.order->n_lines, 2);
	assert_int_equal(look.order->lines[1]->n_discounts, 1);
	assert_int_equal(look.order->n_discounts, 2);
	assert_int_equal(look_for(shelf, get_read, ID_2), STORE_NOT_FOUND);
}

static void test_half_an_order_is_none(void **state)
{
	struct shelf *shelf = *state;
	struct request request;

	request_init(&request);
	assert_int_equal(place(shelf, &request, ID_1, KEY_1, 1), 0);
	/* The key is the last row of the write, and is taken: what was written before it goes
	 * too. */
	assert_int_equal(place(shelf, &request, ID_2, KEY_1, 1), STORE_CONFLICT);
	assert_int_equal(look_for(shelf, get_read, ID_2), STORE_NOT_FOUND);
	/* The table refuses the second line: the first one goes too. */
	request.lines[1].quantity = 0;
	assert_true(place(shelf, &request, ID_3, KEY_3, 1) != 0);
	assert_int_equal(look_for(shelf, get_read, ID_3), STORE_NOT_FOUND);
	assert_int_equal(look_for(shelf, key_read, KEY_3), STORE_NOT_FOUND);
}

static void expect_list(struct shelf *shelf, const char *customer, const char *reference,
			const char *before, const char *expected)
{
	struct look look = { .arena = shelf->arena,
			     .filter = { customer, reference },
			     .before = before };
	char found[16] = "";

	assert_int_equal(shelf_read(shelf, list_read, &look), 0);
	for (size_t i = 0; i < look.n; i++) {
		found[i] = look.orders[i]->name[strlen(look.orders[i]->name) - 1];
		assert_int_equal(look.orders[i]->n_lines, 0);
		assert_int_equal(look.orders[i]->line_count, 2);
	}
	assert_string_equal(found, expected);
}

static void test_lists_are_newest_first_and_filtered(void **state)
{
	struct shelf *shelf = *state;
	struct request request;

	request_init(&request);
	assert_int_equal(place(shelf, &request, ID_2, KEY_2, 1), 0);
	assert_int_equal(place(shelf, &request, ID_1, KEY_1, 1), 0);
	request.req.customer_id = (char *)"";
	request.req.external_reference = (char *)"536366";
	assert_int_equal(place(shelf, &request, ID_3, KEY_3, 1), 0);

	expect_list(shelf, "", "", "", "321");
	expect_list(shelf, "", "", ID_3, "21");
	expect_list(shelf, "", "", ID_1, "");
	expect_list(shelf, "17850", "", "", "21");
	expect_list(shelf, "17850", "", ID_2, "1");
	expect_list(shelf, "", "536366", "", "3");
	expect_list(shelf, "17850", "536365", "", "21");
	expect_list(shelf, "17850", "536366", "", "");
	expect_list(shelf, "nobody", "", "", "");
}

struct sweep {
	int64_t before;
	int64_t deleted;
};

static int sweep_txn(struct store_txn *txn, void *data)
{
	struct sweep *sweep = data;

	return store_delete_keys(txn, sweep->before, 2, &sweep->deleted);
}

static void test_old_keys_are_swept_a_few_at_a_time(void **state)
{
	struct shelf *shelf = *state;
	struct sweep sweep = { .before = 30 };
	struct look look = { .arena = shelf->arena, .id = KEY_1 };
	struct request request;

	request_init(&request);
	assert_int_equal(place(shelf, &request, ID_1, KEY_1, 10), 0);
	assert_int_equal(place(shelf, &request, ID_2, KEY_2, 20), 0);
	assert_int_equal(place(shelf, &request, ID_3, KEY_3, 30), 0);
	assert_int_equal(shelf_read(shelf, key_read, &look), 0);
	assert_int_equal(look.key.reply.len, 5);
	assert_memory_equal(look.key.reply.data, "reply", 5);
	assert_int_equal(look.key.body_hash[HASH_BYTES - 1], 'h');

	assert_int_equal(shelf_write(shelf, sweep_txn, &sweep), 0);
	assert_int_equal(sweep.deleted, 2);
	assert_int_equal(shelf_write(shelf, sweep_txn, &sweep), 0);
	assert_int_equal(sweep.deleted, 0);
	assert_int_equal(look_for(shelf, key_read, KEY_1), STORE_NOT_FOUND);
	assert_int_equal(look_for(shelf, key_read, KEY_3), 0);
	expect_list(shelf, "", "", "", "321");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests_are_checked),
		cmocka_unit_test(test_every_fault_is_counted_but_few_are_told),
		cmocka_unit_test(test_what_makes_two_requests_the_same),
		cmocka_unit_test(test_a_bill_of_another_basket_is_refused),
		cmocka_unit_test_setup_teardown(test_an_order_comes_back_as_it_was, open_shelf,
						close_shelf),
		cmocka_unit_test_setup_teardown(test_half_an_order_is_none, open_shelf,
						close_shelf),
		cmocka_unit_test_setup_teardown(test_lists_are_newest_first_and_filtered,
						open_shelf, close_shelf),
		cmocka_unit_test_setup_teardown(test_old_keys_are_swept_a_few_at_a_time, open_shelf,
						close_shelf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
