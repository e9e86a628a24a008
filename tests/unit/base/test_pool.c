/* Pieces of every size are whole, apart, and aligned, whether they are new or kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/pool.h"

#define LARGEST (POOL_LARGEST + 64)
#define TURNS   3

static uint8_t *pieces[LARGEST + 1];

/* Every small size, and some large ones; POOL_LARGEST is among them. */
static size_t next_size(size_t size)
{
	if (size < 2200)
		return size + 1;
	if (size < POOL_LARGEST && size * 2 > POOL_LARGEST)
		return POOL_LARGEST;
	return size < POOL_LARGEST ? size * 2 : size + 64;
}

static void assert_filled(const uint8_t *piece, size_t size)
{
	for (size_t i = 0; i < size; i++)
		assert_int_equal(piece[i], (uint8_t)size);
}

static void test_pieces_do_not_overlap(void **state)
{
	for (int turn = 0; turn < TURNS; turn++) {
		for (size_t size = 1; size <= LARGEST; size = next_size(size)) {
			pieces[size] = pool_alloc(size);
			assert_non_null(pieces[size]);
			assert_int_equal((uintptr_t)pieces[size] % _Alignof(max_align_t), 0);
			memset(pieces[size], (uint8_t)size, size);
		}
		for (size_t size = 1; size <= LARGEST; size = next_size(size)) {
			assert_filled(pieces[size], size);
			pool_free(pieces[size], size);
		}
	}
}

static void test_nothing_is_freed(void **state)
{
	pool_free(NULL, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pieces_do_not_overlap),
		cmocka_unit_test(test_nothing_is_freed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
