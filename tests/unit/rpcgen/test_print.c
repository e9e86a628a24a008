/* Layout of what is generated: argument lists within 100 columns, comments that stay comments. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "comment.h"
#include "printer.h"

#include <string.h>

static void a_short_list_is_one_line(void **state)
{
	struct printer printer = { 0 };

	PRINT_LIST(&printer, 1, "int (*get)", ";\n", "void *a", "void *b");
	assert_string_equal(printer.text, "\tint (*get)(void *a, void *b);\n");
}

static void a_long_list_is_aligned(void **state)
{
	struct printer printer = { 0 };

	PRINT_LIST(&printer, 0, "\nint a_function_of_some_length", ";\n",
		   "struct weft_channel *channel", "const Some__Message *req",
		   "const struct weft_call_options *options", "void *data");
	assert_string_equal(printer.text,
			    "\nint a_function_of_some_length(struct weft_channel *channel, const "
			    "Some__Message *req,\n"
			    "\t\t\t      const struct weft_call_options *options, void *data);\n");
}

static void what_cannot_be_aligned_is_indented(void **state)
{
	struct printer printer = { 0 };
	char head[91];

	memset(head, 'f', 90);
	head[90] = '\0';
	PRINT_LIST(&printer, 0, head, ";\n", "struct weft_call *call", "void *data");
	assert_non_null(strstr(printer.text, "f(\n\tstruct weft_call *call, void *data);\n"));
}

static void lines_end_at_the_hundredth_column(void **state)
{
	for (unsigned len = 1; len < 100; len++) {
		struct printer printer = { 0 };
		char arg[101];

		memset(arg, 'a', len);
		arg[len] = '\0';
		PRINT_LIST(&printer, 0, "head", ";\n", arg, "tail");
		for (char *line = strtok(printer.text, "\n"); line; line = strtok(NULL, "\n")) {
			size_t tabs = strspn(line, "\t");

			assert_true(strlen(line) + 7 * tabs <= PRINTER_COLUMNS || len > 91);
		}
	}
}

static void assert_comment(const char *title, const char *text, const char *expected)
{
	struct printer printer = { 0 };

	comment_print(&printer, 0, title, text);
	assert_string_equal(printer.text ? printer.text : "", expected);
}

static void comments(void **state)
{
	assert_comment(NULL, NULL, "");
	assert_comment(NULL, " \n\n", "");
	assert_comment(NULL, " One line.\n", "/* One line. */\n");
	assert_comment(NULL, "\n Two\n\n   lines. \n\n", "/*\n * Two\n *\n *   lines.\n */\n");
	assert_comment("title", NULL, "/* title */\n");
	assert_comment("title", " Text.\n", "/*\n * title\n *\n * Text.\n */\n");
}

static void comments_cannot_end_early(void **state)
{
	assert_comment(NULL, " a */ b /* c\n", "/* a * / b / * c */\n");
	assert_comment(NULL, " */*/*\n", "/* * / * / * */\n");
	assert_comment(NULL, " what?\?/\n", "/* what? ?/ */\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_short_list_is_one_line),
		cmocka_unit_test(a_long_list_is_aligned),
		cmocka_unit_test(what_cannot_be_aligned_is_indented),
		cmocka_unit_test(lines_end_at_the_hundredth_column),
		cmocka_unit_test(comments),
		cmocka_unit_test(comments_cannot_end_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
