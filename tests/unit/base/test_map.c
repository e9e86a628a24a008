/* Maps: growth, removal, tombstones that are recycled, keys that are bytes; and the hash below. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <weft/map.h>

#include "base/siphash.h"

#include <cmocka.h>

#define MANY 5000

struct entry {
	char key[16];
	bool in;
};

static struct entry entries[MANY];

static void name_entries(void)
{
	for (int i = 0; i < MANY; i++) {
		snprintf(entries[i].key, sizeof(entries[i].key), "key-%d", i);
		entries[i].in = false;
	}
}

static int put(struct weft_map *map, struct entry *entry)
{
	return weft_map_put(map, entry->key, strlen(entry->key), entry);
}

static void what_was_put_is_found(void **state)
{
	struct weft_map map = WEFT_MAP_INIT;

	name_entries();
	assert_null(weft_map_get(&map, "key-1", 5));
	for (int i = 0; i < MANY; i++)
		assert_int_equal(put(&map, &entries[i]), 0);
	assert_int_equal(map.len, MANY);
	assert_int_equal(put(&map, &entries[7]), -EEXIST);
	for (int i = 0; i < MANY; i++)
		assert_ptr_equal(weft_map_get(&map, entries[i].key, strlen(entries[i].key)),
				 &entries[i]);
	assert_null(weft_map_get(&map, "key-", 4));
	assert_null(weft_map_get(&map, "key-5000", 8));
	weft_map_fini(&map);
	assert_int_equal(map.len, 0);
}

static void keys_are_bytes(void **state)
{
	struct weft_map map = WEFT_MAP_INIT;
	int a, b, c;

	assert_int_equal(weft_map_put(&map, "x\0y", 3, &a), 0);
	assert_int_equal(weft_map_put(&map, "x\0z", 3, &b), 0);
	assert_int_equal(weft_map_put(&map, NULL, 0, &c), 0);
	assert_ptr_equal(weft_map_get(&map, "x\0y", 3), &a);
	assert_ptr_equal(weft_map_get(&map, "x\0z", 3), &b);
	assert_ptr_equal(weft_map_get(&map, "", 0), &c);
	assert_null(weft_map_get(&map, "x", 1));
	weft_map_fini(&map);
}

/* Entries that come and go leave tombstones; they must neither pile up nor hide what is there. */
static void a_map_that_churns_does_not_grow(void **state)
{
	struct weft_map map = WEFT_MAP_INIT;

	name_entries();
	for (int i = 0; i < 100; i++)
		assert_int_equal(put(&map, &entries[i]), 0);
	for (int round = 0; round < 50; round++) {
		for (int i = 0; i < MANY - 100; i++) {
			struct entry *old = &entries[i];

			assert_ptr_equal(weft_map_remove(&map, old->key, strlen(old->key)), old);
			assert_null(weft_map_remove(&map, old->key, strlen(old->key)));
			assert_int_equal(put(&map, &entries[i + 100]), 0);
		}
		for (int i = MANY - 100; i < MANY; i++) {
			struct entry *old = &entries[i];

			assert_ptr_equal(weft_map_remove(&map, old->key, strlen(old->key)), old);
			assert_int_equal(put(&map, &entries[i - (MANY - 100)]), 0);
		}
	}
	assert_int_equal(map.len, 100);
	assert_in_range(map.cap, 100, 512);
	weft_map_fini(&map);
}

static void a_random_history_matches_a_plain_table(void **state)
{
	struct weft_map map = WEFT_MAP_INIT;
	uint32_t random = 1;
	size_t in = 0;

	name_entries();
	for (int step = 0; step < 100000; step++) {
		struct entry *entry;

		random = random * 1664525 + 1013904223;
		entry = &entries[(random >> 8) % 700];
		if (random >> 31) {
			assert_int_equal(put(&map, entry), entry->in ? -EEXIST : 0);
			in += !entry->in;
			entry->in = true;
		} else {
			assert_ptr_equal(weft_map_remove(&map, entry->key, strlen(entry->key)),
					 entry->in ? entry : NULL);
			in -= entry->in;
			entry->in = false;
		}
		assert_int_equal(map.len, in);
	}
	weft_map_fini(&map);
}

static void a_walk_sees_each_entry_once(void **state)
{
	struct weft_map map = WEFT_MAP_INIT;
	size_t at = 0, seen = 0;
	void *value;

	assert_false(weft_map_next(&map, &at, &value));
	name_entries();
	for (int i = 0; i < 300; i++)
		put(&map, &entries[i]);
	for (int i = 0; i < 300; i += 3)
		weft_map_remove(&map, entries[i].key, strlen(entries[i].key));
	at = 0;
	while (weft_map_next(&map, &at, &value)) {
		struct entry *entry = value;

		assert_int_not_equal((entry - entries) % 3, 0);
		assert_false(entry->in);
		entry->in = true;
		seen++;
	}
	assert_int_equal(seen, 200);
	weft_map_fini(&map);
}

/* From a model of the algorithm in another language, which gives SipHash-2-4's published value. */
static void siphash_13_is_siphash_13(void **state)
{
	uint64_t key[2] = { UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908) };
	uint8_t input[64];

	for (size_t i = 0; i < sizeof(input); i++)
		input[i] = (uint8_t)i;
	assert_true(weft_siphash13(key, input, 0) == UINT64_C(0xabac0158050fc4dc));
	assert_true(weft_siphash13(key, input, 1) == UINT64_C(0xc9f49bf37d57ca93));
	assert_true(weft_siphash13(key, input, 8) == UINT64_C(0x369095118d299a8e));
	assert_true(weft_hash("a", 1) == weft_hash("a", 1));
	assert_true(weft_hash("a", 1) != weft_hash("b", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_found),
		cmocka_unit_test(keys_are_bytes),
		cmocka_unit_test(a_map_that_churns_does_not_grow),
		cmocka_unit_test(a_random_history_matches_a_plain_table),
		cmocka_unit_test(a_walk_sees_each_entry_once),
		cmocka_unit_test(siphash_13_is_siphash_13),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
