/* The small values of services: UUIDs, resource names, page sizes and tokens. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "chassis/page.h"
#include "chassis/resource.h"
#include "chassis/uuid.h"

static void test_uuids_follow_rfc_9562(void **state)
{
	char text[UUID_TEXT + 1];

	/* The example of the RFC's appendix A.6: 2022-02-22T19:22:22Z. */
	uuid_make(UINT64_C(1645557742000) * WEFT_MS, 0x18c4dc0c0c07398f, text);
	assert_memory_equal(text, "017f22e2-79b0-7000-", 19);
	assert_non_null(strchr("89ab", text[19]));
	assert_int_equal(strlen(text), UUID_TEXT);
	uuid_make(UINT64_C(1645557742000) * WEFT_MS + 999999, UINT64_MAX, text);
	assert_string_equal(text, "017f22e2-79b0-7fff-bfff-ffffffffffff");
}

static void test_uuids_sort_by_time(void **state)
{
	char before[UUID_TEXT + 1], after[UUID_TEXT + 1];
	uint64_t time = UINT64_C(1645557742999) * WEFT_MS;

	uuid_make(time, UINT64_MAX, before);
	for (int i = 0; i < 1000; i++) {
		time += 777;
		uuid_make(time, 0, after);
		assert_true(strcmp(before, after) < 0);
		strcpy(before, after);
	}
}

static void test_new_uuids_differ(void **state)
{
	char a[UUID_TEXT + 1], b[UUID_TEXT + 1], read[UUID_TEXT + 1];

	uuid_new(a);
	uuid_new(b);
	assert_string_not_equal(a, b);
	assert_int_equal(uuid_read(a, read), 0);
	assert_string_equal(a, read);
}

static void test_what_is_no_uuid(void **state)
{
	static const char *const wrong[] = {
		"",
		"1",
		"00000000-0000-0000-0000-000000000000",
		"017f22e2-79b0-7000-8000-00000000000",
		"017f22e2-79b0-7000-8000-0000000000000",
		"017f22e279b07000800000000000000000000",
		"017f22e2-79b0-7000-8000_000000000001",
		"017f22e2-79b0-7000-8000-00000000000g",
		"{17f22e2-79b0-7000-8000-00000000000}",
	};
	char text[UUID_TEXT + 1] = "untouched";

	for (size_t i = 0; i < WEFT_COUNT(wrong); i++)
		assert_int_equal(uuid_read(wrong[i], text), -EINVAL);
	assert_string_equal(text, "untouched");
	assert_int_equal(uuid_read("017F22E2-79B0-7000-8000-00000000ABCD", text), 0);
	assert_string_equal(text, "017f22e2-79b0-7000-8000-00000000abcd");
}

static void test_resource_names(void **state)
{
	const char *id = "untouched";

	assert_int_equal(resource_id("products/85123A", "products", &id), 0);
	assert_string_equal(id, "85123A");
	assert_int_equal(resource_id("products/gift_0001_20", "products", &id), 0);
	assert_int_equal(resource_id("products/BANK-CHARGES", "products", &id), 0);
	assert_int_equal(resource_id("products/m", "products", &id), 0);
	id = "untouched";
	assert_int_equal(resource_id("", "products", &id), -EINVAL);
	assert_int_equal(resource_id("products", "products", &id), -EINVAL);
	assert_int_equal(resource_id("products/", "products", &id), -EINVAL);
	assert_int_equal(resource_id("products/..", "products", &id), -EINVAL);
	assert_int_equal(resource_id("products/a/b", "products", &id), -EINVAL);
	assert_int_equal(resource_id("products/a b", "products", &id), -EINVAL);
	assert_int_equal(resource_id("products/\xc3\xa9", "products", &id), -EINVAL);
	assert_int_equal(resource_id("orders/a", "products", &id), -EINVAL);
	assert_int_equal(resource_id("productsX/a", "products", &id), -EINVAL);
	assert_string_equal(id, "untouched");
}

static void test_resource_ids_are_bounded(void **state)
{
	char id[RESOURCE_ID_MOST + 2];

	memset(id, 'a', sizeof(id));
	id[RESOURCE_ID_MOST + 1] = '\0';
	assert_false(resource_id_valid(id));
	id[RESOURCE_ID_MOST] = '\0';
	assert_true(resource_id_valid(id));
}

static void test_page_sizes(void **state)
{
	int32_t size = 7;

	assert_int_equal(page_size(-1, 50, 1000, &size), -EINVAL);
	assert_int_equal(size, 7);
	assert_int_equal(page_size(0, 50, 1000, &size), 0);
	assert_int_equal(size, 50);
	assert_int_equal(page_size(1000, 50, 1000, &size), 0);
	assert_int_equal(size, 1000);
	assert_int_equal(page_size(INT32_MAX, 50, 1000, &size), 0);
	assert_int_equal(size, 1000);
}

static void test_page_tokens_lead_back_to_their_key(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	const char *key;

	assert_int_equal(page_token_read(arena, "list", "", &key), 0);
	assert_string_equal(key, "");
	assert_int_equal(
		page_token_read(arena, "list", page_token_new(arena, "list", "85123A"), &key), 0);
	assert_string_equal(key, "85123A");
	weft_arena_free(arena);
}

static void test_page_tokens_are_checked(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	char *token = page_token_new(arena, "list", "85123A");
	const char *key = "untouched";

	assert_int_equal(page_token_read(arena, "other list", token, &key), -EINVAL);
	assert_int_equal(page_token_read(arena, "lis", token, &key), -EINVAL);
	assert_int_equal(page_token_read(arena, "list", "85123A", &key), -EINVAL);
	assert_int_equal(page_token_read(arena, "list", "zz", &key), -EINVAL);
	for (size_t i = 0; token[i]; i++) {
		char was = token[i];

		token[i] = was == '0' ? '1' : '0';
		assert_int_equal(page_token_read(arena, "list", token, &key), -EINVAL);
		token[i] = 'X';
		assert_int_equal(page_token_read(arena, "list", token, &key), -EINVAL);
		token[i] = was;
	}
	token[strlen(token) - 2] = '\0';
	assert_int_equal(page_token_read(arena, "list", token, &key), -EINVAL);
	assert_string_equal(key, "untouched");
	weft_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uuids_follow_rfc_9562),
		cmocka_unit_test(test_uuids_sort_by_time),
		cmocka_unit_test(test_new_uuids_differ),
		cmocka_unit_test(test_what_is_no_uuid),
		cmocka_unit_test(test_resource_names),
		cmocka_unit_test(test_resource_ids_are_bounded),
		cmocka_unit_test(test_page_sizes),
		cmocka_unit_test(test_page_tokens_lead_back_to_their_key),
		cmocka_unit_test(test_page_tokens_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
