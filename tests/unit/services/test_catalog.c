/* Catalog: what a product must be, and products in the store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "catalog/store.h"
#include "chassis/money.h"
#include "shelf.h"

static int open_shelf(void **state)
{
	static struct shelf shelf;

	shelf_open(&shelf, catalog_migrations, catalog_n_migrations);
	*state = &shelf;
	return 0;
}

static int close_shelf(void **state)
{
	shelf_close(*state);
	return 0;
}

static size_t check(const char *title, int64_t price_nanos, int32_t grams,
		    struct product_fault *faults)
{
	Catalog__V1__Product product = CATALOG__V1__PRODUCT__INIT;
	struct product_fields fields = { .id = "X1" };
	struct weft_arena *arena = weft_arena_new();
	size_t n;

	product.title = (char *)title;
	product.unit_price = money_to_message(money_from_nanos(price_nanos), arena);
	product.weight_grams = grams;
	n = product_check(&product, &fields, faults);
	if (n == 0 && !title[0])
		assert_string_equal(fields.title, "X1");
	weft_arena_free(arena);
	return n;
}

static void test_products_are_checked(void **state)
{
	const int64_t most = INT64_C(1000000) * 1000000000;
	struct product_fault faults[PRODUCT_FAULTS];
	char title[4 * 201 + 1] = "";

	assert_int_equal(check("GLOBE", 1, 0, faults), 0);
	assert_int_equal(check("", most, 1000000, faults), 0);
	assert_int_equal(check("GLOBE", most + 1, 0, faults), 1);
	assert_string_equal(faults[0].field, "unit_price");
	assert_int_equal(check("GLOBE", 0, 0, faults), 1);
	assert_int_equal(check("GLOBE", -1, 0, faults), 1);
	assert_int_equal(check("GLOBE", 1, -1, faults), 1);
	assert_string_equal(faults[0].field, "weight_grams");
	assert_int_equal(check("GL\nBE", 0, 1000001, faults), 3);
	assert_string_equal(faults[0].field, "title");

	for (int i = 0; i < 200; i++)
		strcat(title, "\xf0\x9f\x8e\x81");
	assert_int_equal(check(title, 1, 0, faults), 0);
	strcat(title, "x");
	assert_int_equal(check(title, 1, 0, faults), 1);
}

struct put {
	struct product_fields fields;
	int64_t now;
	enum put_result result;
};

static int put_txn(struct store_txn *txn, void *data)
{
	struct put *put = data;

	return store_put_product(txn, &put->fields, put->now, &put->result);
}

static enum put_result put(struct shelf *shelf, const char *id, const char *title, int64_t now)
{
	struct put put = {
		.fields = { .title = title, .price_nanos = 850000000, .weight_grams = 91 },
		.now = now,
	};

	strcpy(put.fields.id, id);
	assert_int_equal(shelf_write(shelf, put_txn, &put), 0);
	return put.result;
}

static int insert_txn(struct store_txn *txn, void *data)
{
	struct put *put = data;
	int64_t sequence;

	return store_insert_product(txn, &put->fields, put->now, &sequence);
}

struct look {
	struct weft_arena *arena;
	const char *id; /* or the key that a list goes on after */
	Catalog__V1__Product *product;
	Catalog__V1__Product **products;
	size_t n;
};

static int get_read(struct store_reader *reader, void *data)
{
	struct look *look = data;

	return store_get_product(reader, look->id, look->arena, &look->product);
}

static int list_read(struct store_reader *reader, void *data)
{
	struct look *look = data;

	return store_list_products(reader, look->id, false, 4, look->arena, &look->products,
				   &look->n);
}

static Catalog__V1__Product *get(struct shelf *shelf, const char *id)
{
	struct look look = { .arena = shelf->arena, .id = id };

	assert_int_equal(shelf_read(shelf, get_read, &look), 0);
	return look.product;
}

static void test_a_product_is_put_read_and_changed(void **state)
{
	struct shelf *shelf = *state;
	struct look look = { .arena = shelf->arena, .id = "10002" };
	Catalog__V1__Product *product, *changed;
	const int64_t now = 1700000000123456789;

	assert_int_equal(shelf_read(shelf, get_read, &look), STORE_NOT_FOUND);
	assert_int_equal(put(shelf, "10002", "GLOBE", now), PUT_CREATED);
	product = get(shelf, "10002");
	assert_string_equal(product->name, "products/10002");
	assert_string_equal(product->title, "GLOBE");
	assert_int_equal(product->unit_price->nanos, 850000000);
	assert_int_equal(product->weight_grams, 91);
	assert_int_equal(product->create_time->seconds, 1700000000);
	assert_int_equal(product->create_time->nanos, 123456789);

	assert_int_equal(put(shelf, "10002", "GLOBE", now + 1), PUT_UNCHANGED);
	assert_string_equal(get(shelf, "10002")->etag, product->etag);
	assert_int_equal(get(shelf, "10002")->update_time->nanos, 123456789);

	assert_int_equal(put(shelf, "10002", "ANOTHER GLOBE", now + 2), PUT_UPDATED);
	changed = get(shelf, "10002");
	assert_string_equal(changed->title, "ANOTHER GLOBE");
	assert_string_not_equal(changed->etag, product->etag);
	assert_int_equal(changed->create_time->nanos, 123456789);
	assert_int_equal(changed->update_time->nanos, 123456791);
}

static void test_upper_and_lower_case_are_two_products(void **state)
{
	struct shelf *shelf = *state;

	assert_int_equal(put(shelf, "85123A", "HEART", 1), PUT_CREATED);
	assert_int_equal(put(shelf, "85123a", "heart", 1), PUT_CREATED);
	assert_string_equal(get(shelf, "85123A")->title, "HEART");
	assert_string_equal(get(shelf, "85123a")->title, "heart");
}

static void test_an_id_is_inserted_once(void **state)
{
	struct shelf *shelf = *state;
	struct put put = { .fields = { .id = "M", .title = "MANUAL", .price_nanos = 1 }, .now = 1 };

	assert_int_equal(shelf_write(shelf, insert_txn, &put), 0);
	put.fields.title = "OTHER";
	assert_int_equal(shelf_write(shelf, insert_txn, &put), STORE_CONFLICT);
	assert_string_equal(get(shelf, "M")->title, "MANUAL");
}

static void test_lists_go_on_after_a_key(void **state)
{
	static const char *const ids[] = { "B", "10", "a", "9", "A-1", "A" };
	static const char *const sorted[] = { "10", "9", "A", "A-1", "B", "a" };
	struct shelf *shelf = *state;
	char after[RESOURCE_ID_MOST + 1] = "";
	struct look look = { .arena = shelf->arena, .id = after };
	size_t seen = 0;

	for (size_t i = 0; i < WEFT_COUNT(ids); i++)
		put(shelf, ids[i], "T", 1);
	do {
		assert_int_equal(shelf_read(shelf, list_read, &look), 0);
		for (size_t i = 0; i < look.n; i++, seen++) {
			strcpy(after, look.products[i]->name + strlen("products/"));
			assert_string_equal(after, sorted[seen]);
		}
	} while (look.n > 0);
	assert_int_equal(seen, WEFT_COUNT(sorted));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_products_are_checked),
		cmocka_unit_test_setup_teardown(test_a_product_is_put_read_and_changed, open_shelf,
						close_shelf),
		cmocka_unit_test_setup_teardown(test_upper_and_lower_case_are_two_products,
						open_shelf, close_shelf),
		cmocka_unit_test_setup_teardown(test_an_id_is_inserted_once, open_shelf,
						close_shelf),
		cmocka_unit_test_setup_teardown(test_lists_go_on_after_a_key, open_shelf,
						close_shelf),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
