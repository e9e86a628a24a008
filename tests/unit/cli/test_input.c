/* Requests as they are typed, piped or read from a file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "input.h"

static void value_is(struct input *input, const char *expected)
{
	const char *text;
	size_t len;

	assert_int_equal(input_next(input, &text, &len), INPUT_VALUE);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(text, expected, len);
}

static enum input_result next(struct input *input)
{
	const char *text;
	size_t len;

	return input_next(input, &text, &len);
}

static void test_values_on_the_command_line(void **state)
{
	struct input input;

	assert_int_equal(input_open(&input, "{\"a\":1} [2]\n3"), 0);
	value_is(&input, "{\"a\":1}");
	value_is(&input, "[2]");
	value_is(&input, "3");
	assert_int_equal(next(&input), INPUT_END);
	assert_int_equal(next(&input), INPUT_END);
	input_close(&input);
}

static void test_nothing(void **state)
{
	static const char *const nothings[] = { NULL, "", " \n\t" };
	struct input input;

	for (size_t i = 0; i < WEFT_COUNT(nothings); i++) {
		assert_int_equal(input_open(&input, nothings[i]), 0);
		assert_int_equal(next(&input), INPUT_END);
		input_close(&input);
	}
}

static void test_what_is_cut_off_is_handed_out(void **state)
{
	struct input input;

	assert_int_equal(input_open(&input, "{} {\"a\":"), 0);
	value_is(&input, "{}");
	value_is(&input, "{\"a\":");
	assert_int_equal(next(&input), INPUT_END);
	input_close(&input);
	assert_int_equal(input_open(&input, "{}}"), 0);
	value_is(&input, "{}");
	assert_int_equal(next(&input), INPUT_BROKEN);
	assert_int_equal(input.column, 2);
	input_close(&input);
}

static void test_a_pipe_is_read_as_it_fills(void **state)
{
	struct input input = { .name = "a pipe" };
	int ends[2];

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	input.fd = ends[0];
	assert_int_equal(next(&input), INPUT_MORE);
	assert_int_equal(write(ends[1], "{}\n{\"a\"", 7), 7);
	assert_int_equal(input_read(&input), 0);
	value_is(&input, "{}");
	assert_int_equal(next(&input), INPUT_MORE);
	assert_int_equal(write(ends[1], ":1}", 3), 3);
	assert_int_equal(input_read(&input), 0);
	value_is(&input, "{\"a\":1}");
	assert_int_equal(next(&input), INPUT_MORE);
	close(ends[1]);
	assert_int_equal(input_read(&input), 0);
	assert_int_equal(next(&input), INPUT_END);
	input_close(&input);
}

static void test_places_are_those_of_the_whole_input(void **state)
{
	unsigned line = 1, column = 5;
	struct input input;

	assert_int_equal(input_open(&input, "{}\n\n  {\n}\n"), 0);
	value_is(&input, "{}");
	value_is(&input, "{\n}");
	input_place(&input, &line, &column);
	assert_int_equal(line, 3);
	assert_int_equal(column, 7);
	line = 2;
	column = 1;
	input_place(&input, &line, &column);
	assert_int_equal(line, 4);
	assert_int_equal(column, 1);
	input_close(&input);
}

static void test_a_file(void **state)
{
	char path[] = "/tmp/weft-input-XXXXXX", data[64];
	int fd = mkstemp(path);
	struct input input;

	assert_int_equal(write(fd, "{}\n[]", 5), 5);
	close(fd);
	snprintf(data, sizeof(data), "@%s", path);
	assert_int_equal(input_open(&input, data), 0);
	assert_string_equal(input.name, path);
	assert_int_equal(input_read(&input), 0);
	value_is(&input, "{}");
	assert_int_equal(input_read(&input), 0);
	value_is(&input, "[]");
	assert_int_equal(next(&input), INPUT_END);
	input_close(&input);
	unlink(path);
	assert_int_equal(input_open(&input, data), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values_on_the_command_line),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_what_is_cut_off_is_handed_out),
		cmocka_unit_test(test_a_pipe_is_read_as_it_fills),
		cmocka_unit_test(test_places_are_those_of_the_whole_input),
		cmocka_unit_test(test_a_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
