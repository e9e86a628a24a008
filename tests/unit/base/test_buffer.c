/* Buffers: growth, the limit, consuming. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <weft/buffer.h>

#include <cmocka.h>

static void appends_stand_in_order(void **state)
{
	struct weft_buffer buffer = WEFT_BUFFER_INIT;

	assert_null(buffer.data);
	assert_int_equal(weft_buffer_append(&buffer, NULL, 0), 0);
	assert_null(buffer.data);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(weft_buffer_printf(&buffer, "%03d", i), 0);
	assert_int_equal(weft_buffer_append_byte(&buffer, '!'), 0);
	assert_int_equal(weft_buffer_append_string(&buffer, "end"), 0);
	assert_int_equal(buffer.len, 3004);
	assert_memory_equal(buffer.data + 3 * 417, "417", 3);
	assert_memory_equal(buffer.data + 3000, "!end", 4);

	weft_buffer_consume(&buffer, 3001);
	assert_int_equal(buffer.len, 3);
	assert_memory_equal(buffer.data, "end", 3);
	weft_buffer_consume(&buffer, 3);
	assert_int_equal(buffer.len, 0);
	weft_buffer_fini(&buffer);
	assert_null(buffer.data);
}

static void the_limit_is_exact(void **state)
{
	struct weft_buffer buffer = { .limit = 10 };
	uint8_t *room;

	assert_int_equal(weft_buffer_append(&buffer, "12345", 5), 0);
	assert_int_equal(weft_buffer_append(&buffer, "123456", 6), -EMSGSIZE);
	assert_int_equal(weft_buffer_printf(&buffer, "%s", "123456"), -EMSGSIZE);
	assert_int_equal(weft_buffer_reserve(&buffer, 6, &room), -EMSGSIZE);
	assert_int_equal(buffer.len, 5);
	assert_int_equal(weft_buffer_printf(&buffer, "%s", "67890"), 0);
	assert_int_equal(weft_buffer_append_byte(&buffer, 'x'), -EMSGSIZE);
	assert_int_equal(buffer.len, 10);
	assert_memory_equal(buffer.data, "1234567890", 10);
	weft_buffer_fini(&buffer);
}

static void an_impossible_size_leaves_what_was_there(void **state)
{
	struct weft_buffer buffer = WEFT_BUFFER_INIT;
	uint8_t *room;

	assert_int_equal(weft_buffer_append(&buffer, "abc", 3), 0);
	assert_int_equal(weft_buffer_reserve(&buffer, SIZE_MAX, &room), -ENOMEM);
	assert_int_equal(buffer.len, 3);
	assert_memory_equal(buffer.data, "abc", 3);
	weft_buffer_fini(&buffer);
}

static void clear_keeps_the_memory(void **state)
{
	struct weft_buffer buffer = WEFT_BUFFER_INIT;
	uint8_t *room, *data;

	assert_int_equal(weft_buffer_reserve(&buffer, 1000, &room), 0);
	memset(room, 'x', 1000);
	buffer.len += 1000;
	data = buffer.data;
	weft_buffer_clear(&buffer);
	assert_int_equal(weft_buffer_append(&buffer, "y", 1), 0);
	assert_ptr_equal(buffer.data, data);
	weft_buffer_fini(&buffer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(appends_stand_in_order),
		cmocka_unit_test(the_limit_is_exact),
		cmocka_unit_test(an_impossible_size_leaves_what_was_there),
		cmocka_unit_test(clear_keeps_the_memory),
	};

	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
