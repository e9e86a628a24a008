/* Arenas: alignment, growth, what a reset keeps, the order of deferred functions, splicing. */
#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <weft/arena.h>

#include <cmocka.h>

static char order[16];
static size_t order_len;

/* What a deferred function is given: a place that holds the letter. */
static void *letter(char c)
{
	static char letters[128];

	letters[(int)c] = c;
	return &letters[(int)c];
}

static void note(void *data)
{
	order[order_len++] = *(const char *)data;
	order[order_len] = '\0';
}

static int forget_order(void **state)
{
	order_len = 0;
	order[0] = '\0';
	return 0;
}

static void pieces_are_aligned_and_apart(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	uint8_t *pieces[300];

	for (size_t i = 0; i < 300; i++) {
		pieces[i] = weft_arena_alloc(arena, i * 7);
		assert_non_null(pieces[i]);
		assert_int_equal((uintptr_t)pieces[i] % alignof(max_align_t), 0);
		memset(pieces[i], (int)i, i * 7);
	}
	for (size_t i = 0; i < 300; i++)
		for (size_t k = 0; k < i * 7; k++)
			assert_int_equal(pieces[i][k], (uint8_t)i);
	weft_arena_free(arena);
}

static void empty_pieces_are_not_null_and_differ(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	void *a = weft_arena_alloc(arena, 0);
	void *b = weft_arena_alloc(arena, 0);

	assert_non_null(a);
	assert_ptr_not_equal(a, b);
	weft_arena_free(arena);
}

static void an_impossible_size_is_null(void **state)
{
	struct weft_arena *arena = weft_arena_new();

	assert_null(weft_arena_alloc(arena, SIZE_MAX));
	assert_null(weft_arena_alloc(arena, SIZE_MAX - 8));
	assert_null(weft_arena_zalloc(arena, SIZE_MAX / 2));
	assert_null(weft_arena_strndup(arena, "x", SIZE_MAX));
	assert_non_null(weft_arena_alloc(arena, 8));
	weft_arena_free(arena);
}

static void strings_are_copied(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	const uint8_t *zeros = weft_arena_zalloc(arena, 5000);

	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(zeros[i], 0);
	assert_string_equal(weft_arena_strdup(arena, "basket"), "basket");
	assert_string_equal(weft_arena_strndup(arena, "basket", 3), "bas");
	assert_string_equal(weft_arena_printf(arena, "%s-%d", "order", 17), "order-17");
	assert_memory_equal(weft_arena_memdup(arena, "a\0b", 3), "a\0b", 3);
	weft_arena_free(arena);
}

static void a_reset_keeps_one_block(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	size_t kept;

	for (int i = 0; i < 1000; i++)
		weft_arena_alloc(arena, 500);
	weft_arena_alloc(arena, 1 << 20);
	assert_true(weft_arena_size(arena) > (1 << 20) + 500000);
	weft_arena_reset(arena);
	kept = weft_arena_size(arena);
	assert_in_range(kept, 1, 64 * 1024);

	for (int round = 0; round < 100; round++) {
		for (int i = 0; i < 60; i++)
			memset(weft_arena_alloc(arena, 500), 1, 500);
		assert_int_equal(weft_arena_size(arena), kept);
		weft_arena_reset(arena);
	}
	weft_arena_free(arena);
}

static void a_reset_gives_a_giant_back(void **state)
{
	struct weft_arena *arena = weft_arena_new();

	weft_arena_alloc(arena, 1 << 20);
	weft_arena_reset(arena);
	assert_int_equal(weft_arena_size(arena), 0);
	assert_string_equal(weft_arena_strdup(arena, "still good"), "still good");
	weft_arena_free(arena);
}

static void deferred_functions_run_last_first(void **state)
{
	struct weft_arena *arena = weft_arena_new();

	weft_arena_defer(arena, note, letter('1'));
	weft_arena_defer(arena, note, letter('2'));
	weft_arena_reset(arena);
	assert_string_equal(order, "21");
	weft_arena_defer(arena, note, letter('3'));
	weft_arena_free(arena);
	assert_string_equal(order, "213");
}

static void defer_from_deferred(void *data)
{
	weft_arena_defer(data, note, letter('b'));
	note(letter('a'));
}

static void a_deferred_function_may_defer(void **state)
{
	struct weft_arena *arena = weft_arena_new();

	weft_arena_defer(arena, defer_from_deferred, arena);
	weft_arena_free(arena);
	assert_string_equal(order, "ab");
}

static void splice_moves_memory_and_functions(void **state)
{
	struct weft_arena *parent = weft_arena_new();
	struct weft_arena *child = weft_arena_new();
	size_t parent_size, child_size;
	char *name;

	weft_arena_defer(parent, note, letter('p'));
	weft_arena_alloc(parent, 10000);
	weft_arena_defer(child, note, letter('c'));
	weft_arena_defer(child, note, letter('d'));
	name = weft_arena_strdup(child, "from the child");
	parent_size = weft_arena_size(parent);
	child_size = weft_arena_size(child);

	weft_arena_splice(parent, child);
	assert_int_equal(weft_arena_size(parent), parent_size + child_size);
	assert_string_equal(name, "from the child");
	weft_arena_alloc(parent, 100);
	assert_string_equal(order, "");
	weft_arena_free(parent);
	assert_string_equal(order, "dcp");
}

static void splice_into_and_of_empty_arenas(void **state)
{
	struct weft_arena *parent = weft_arena_new();
	struct weft_arena *child = weft_arena_new();
	char *name = weft_arena_strdup(child, "kept");

	weft_arena_splice(parent, child);
	weft_arena_splice(parent, weft_arena_new());
	assert_string_equal(weft_arena_strdup(parent, "more"), "more");
	assert_string_equal(name, "kept");
	weft_arena_free(parent);
	weft_arena_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_aligned_and_apart),
		cmocka_unit_test(empty_pieces_are_not_null_and_differ),
		cmocka_unit_test(an_impossible_size_is_null),
		cmocka_unit_test(strings_are_copied),
		cmocka_unit_test(a_reset_keeps_one_block),
		cmocka_unit_test(a_reset_gives_a_giant_back),
		cmocka_unit_test_setup(deferred_functions_run_last_first, forget_order),
		cmocka_unit_test_setup(a_deferred_function_may_defer, forget_order),
		cmocka_unit_test_setup(splice_moves_memory_and_functions, forget_order),
		cmocka_unit_test(splice_into_and_of_empty_arenas),
	};

	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
