/* Log lines as they arrive on standard error, whatever a field holds; and traceparent. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/log.h>

#include <cmocka.h>

static char captured[64 * 1024];
static int true_stderr = -1;
static FILE *capture;

static int capture_begin(void **state)
{
	capture = tmpfile();
	true_stderr = dup(STDERR_FILENO);
	return capture && dup2(fileno(capture), STDERR_FILENO) >= 0 ? 0 : -1;
}

static int capture_end(void **state)
{
	dup2(true_stderr, STDERR_FILENO);
	close(true_stderr);
	fclose(capture);
	weft_log_set_level(WEFT_LOG_INFO);
	weft_log_set_service(NULL);
	return 0;
}

/* What was logged since the last look. */
static const char *logged(void)
{
	ssize_t n = pread(fileno(capture), captured, sizeof(captured) - 1, 0);

	assert_true(n >= 0);
	captured[n] = '\0';
	assert_int_equal(ftruncate(fileno(capture), 0), 0);
	lseek(STDERR_FILENO, 0, SEEK_SET);
	return captured;
}

/* The line without its time, after a look at the form of that. */
static const char *logged_after_time(void)
{
	const char *line = logged();
	int year, micros, end = 0;

	assert_int_equal(sscanf(line, "{\"time\":\"%4d-%*2d-%*2dT%*2d:%*2d:%*2d.%6dZ\",%n", &year,
				&micros, &end),
			 2);
	assert_int_equal(end, 38);
	assert_true(year >= 2024);
	return line + end;
}

static void a_line_holds_all_kinds(void **state)
{
	weft_log_set_service("catalog");
	weft_log_info("listening", WEFT_STR("address", "unix:/run/catalog"), WEFT_INT("i", -5),
		      WEFT_UINT("u", UINT64_MAX), WEFT_DOUBLE("d", 0.1), WEFT_BOOL("b", true),
		      WEFT_STR("none", NULL), WEFT_DOUBLE("nan", (double)NAN),
		      WEFT_ERRNO(-ECONNREFUSED));
	assert_string_equal(logged_after_time(),
			    "\"level\":\"info\",\"service\":\"catalog\",\"message\":\"listening\","
			    "\"address\":\"unix:/run/catalog\",\"i\":-5,\"u\":18446744073709551615,"
			    "\"d\":0.1,\"b\":true,\"none\":null,\"nan\":null,"
			    "\"error\":\"Connection refused\"}\n");
}

static void control_characters_are_escaped(void **state)
{
	weft_log_warning("a\nb\r\"\\\t\x01\x7f\xc2\x85\xc3\xa9", WEFT_STR("k\n", "é"));
	assert_string_equal(logged_after_time(),
			    "\"level\":\"warning\",\"message\":\"a\\nb\\r\\\"\\\\\\t\\u0001\\u007f"
			    "\\u0085é\",\"k\\n\":\"é\"}\n");
}

static void broken_utf8_is_replaced(void **state)
{
	/* a lone continuation, an overlong '/', a surrogate, too large, cut short */
	weft_log_error("\x80|\xc0\xaf|\xed\xa0\x80|\xf4\x90\x80\x80|\xe2\x82");
	assert_string_equal(logged_after_time(),
			    "\"level\":\"error\",\"message\":\"\ufffd|\ufffd\ufffd|"
			    "\ufffd\ufffd\ufffd|\ufffd\ufffd\ufffd\ufffd|\ufffd\ufffd\"}\n");
}

static void a_long_value_is_cut_between_characters(void **state)
{
	char *value = malloc(30001);
	const char *line;
	size_t len;

	for (size_t i = 0; i < 30000; i += 3)
		memcpy(value + i, "€", 3);
	value[30000] = '\0';
	weft_log_info("long", WEFT_STR("v", value));
	free(value);
	line = logged_after_time();
	len = strlen(line);
	assert_in_range(len, 8000, 8400);
	assert_non_null(strstr(line, "€€…\"}\n"));
	assert_null(strstr(line, "\ufffd"));
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
}

static void the_level_is_a_threshold(void **state)
{
	weft_log_debug("hidden");
	assert_string_equal(logged(), "");
	weft_log_set_level(WEFT_LOG_DEBUG);
	assert_true(weft_log_enabled(WEFT_LOG_DEBUG));
	weft_log_debug("shown");
	assert_non_null(strstr(logged(), "\"shown\""));
	weft_log_set_level(WEFT_LOG_ERROR);
	weft_log_warning("hidden");
	assert_string_equal(logged(), "");
}

static void a_trace_is_named(void **state)
{
	struct weft_trace trace, none = { 0 };

	assert_int_equal(weft_trace_parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
					  55, &trace),
			 0);
	weft_log(WEFT_LOG_INFO, &trace, "answered", WEFT_INT("code", 5));
	assert_string_equal(logged_after_time(),
			    "\"level\":\"info\",\"message\":\"answered\","
			    "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
			    "\"span_id\":\"00f067aa0ba902b7\",\"code\":5}\n");
	weft_log(WEFT_LOG_INFO, &none, "nobody");
	assert_null(strstr(logged(), "trace_id"));
}

static void errno_has_words(void **state)
{
	assert_string_equal(weft_errno_string(-ENOMEM), "Cannot allocate memory");
	assert_string_equal(weft_errno_string(ENOMEM), "Cannot allocate memory");
	assert_string_equal(weft_errno_string(-99999), "error 99999");
}

static int parse(const char *text)
{
	struct weft_trace trace;

	return weft_trace_parse(text, strlen(text), &trace);
}

static void traceparent_is_parsed_strictly(void **state)
{
#define ID   "4bf92f3577b34da6a3ce929d0e0e4736"
#define SPAN "00f067aa0ba902b7"
	assert_int_equal(parse("00-" ID "-" SPAN "-01"), 0);
	assert_int_equal(parse("cc-" ID "-" SPAN "-01"), 0);
	assert_int_equal(parse("cc-" ID "-" SPAN "-01-what-comes-later"), 0);

	assert_int_equal(parse(""), -EINVAL);
	assert_int_equal(parse("00-" ID "-" SPAN "-0"), -EINVAL);
	assert_int_equal(parse("00-" ID "-" SPAN "-01-more"), -EINVAL);
	assert_int_equal(parse("cc-" ID "-" SPAN "-01x"), -EINVAL);
	assert_int_equal(parse("ff-" ID "-" SPAN "-01"), -EINVAL);
	assert_int_equal(parse("0x-" ID "-" SPAN "-01"), -EINVAL);
	assert_int_equal(parse("00_" ID "-" SPAN "-01"), -EINVAL);
	assert_int_equal(parse("00-4BF92F3577B34DA6A3CE929D0E0E4736-" SPAN "-01"), -EINVAL);
	assert_int_equal(parse("00-00000000000000000000000000000000-" SPAN "-01"), -EINVAL);
	assert_int_equal(parse("00-" ID "-0000000000000000-01"), -EINVAL);
	assert_int_equal(parse("00-" ID "-" SPAN "-g1"), -EINVAL);
}

static void traceparent_goes_round(void **state)
{
	static const char text[] = "00-" ID "-" SPAN "-01";
	struct weft_trace trace, child, other;
	char again[56];

	assert_int_equal(weft_trace_parse(text, strlen(text), &trace), 0);
	weft_trace_format(&trace, again);
	assert_string_equal(again, text);

	weft_trace_child(&trace, &child);
	assert_memory_equal(child.trace_id, trace.trace_id, 16);
	assert_memory_not_equal(child.span_id, trace.span_id, 8);
	assert_int_equal(child.flags, trace.flags);

	weft_trace_generate(&trace);
	weft_trace_generate(&other);
	assert_memory_not_equal(trace.trace_id, other.trace_id, 16);
	weft_trace_format(&trace, again);
	assert_int_equal(parse(again), 0);

	weft_trace_child(&(struct weft_trace) { 0 }, &child);
	weft_trace_format(&child, again);
	assert_int_equal(parse(again), 0);
}

#define captures(test) cmocka_unit_test_setup_teardown(test, capture_begin, capture_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		captures(a_line_holds_all_kinds),
		captures(control_characters_are_escaped),
		captures(broken_utf8_is_replaced),
		captures(a_long_value_is_cut_between_characters),
		captures(the_level_is_a_threshold),
		captures(a_trace_is_named),
		cmocka_unit_test(errno_has_words),
		cmocka_unit_test(traceparent_is_parsed_strictly),
		cmocka_unit_test(traceparent_goes_round),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
