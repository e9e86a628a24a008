/* Quoting, the ends of values, and fields from text that is not JSON. */
#include "fixture.h"

#include <errno.h>
#include <weft/json.h>

static void test_quote(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *quoted;
	} cases[] = {
		{ "", 0, "\"\"" },
		{ "a\"\\\n\x01\x7f", 6, "\"a\\\"\\\\\\n\\u0001\x7f\"" },
		{ "\0", 1, "\"\\u0000\"" },
		{ "é𝄞", 6, "\"é𝄞\"" },
		{ "\xff\xc3", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		struct weft_buffer out = WEFT_BUFFER_INIT;

		assert_int_equal(weft_json_quote(cases[i].bytes, cases[i].len, &out), 0);
		weft_buffer_append_byte(&out, 0);
		assert_string_equal((char *)out.data, cases[i].quoted);
		weft_buffer_fini(&out);
	}
}

static void test_value_length(void **state)
{
	static const struct {
		const char *text;
		int r;
		size_t len;
	} cases[] = {
		{ "{}", 0, 2 },
		{ " \n{\"a\":\"}\\\"\"} x", 0, 13 },
		{ "[[1],{}]\n[", 0, 8 },
		{ "\"a\\\"b\"1", 0, 6 },
		{ "12 ", 0, 2 },
		{ "true\n", 0, 4 },
		{ "null{", 0, 4 },
		{ "12", -EAGAIN, 0 },
		{ "{\"a\":1", -EAGAIN, 0 },
		{ "\"abc\\\"", -EAGAIN, 0 },
		{ "", -ENODATA, 0 },
		{ " \t\r\n", -ENODATA, 0 },
		{ "}", -EINVAL, 0 },
		{ ",{}", -EINVAL, 0 },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		size_t len = 0;

		assert_int_equal(weft_json_value_length(cases[i].text, strlen(cases[i].text), &len),
				 cases[i].r);
		assert_int_equal(len, cases[i].len);
	}
}

static void test_values_may_arrive_byte_by_byte(void **state)
{
	static const char text[] = "  {\"a\\\"\":[1,{\"b\":\"]}\"}]} ";
	struct weft_json_scanner scanner = { 0 };
	size_t len = 0;

	for (size_t i = 0; i < sizeof(text) - 2; i++)
		assert_int_not_equal(weft_json_scan(&scanner, text, i, &len), 0);
	assert_int_equal(weft_json_scan(&scanner, text, sizeof(text) - 1, &len), 0);
	assert_int_equal(len, sizeof(text) - 2);
}

static void test_field_from_text(void **state)
{
	static const struct {
		const char *field, *text, *json; /* json NULL: refused with `words` */
		const char *words;
	} cases[] = {
		{ "an_int32", "12", "{\"anInt32\":12}", NULL },
		{ "an_int32", "", NULL, "\"\" is not an int32" },
		{ "a_string", "a b\"", "{\"aString\":\"a b\\\"\"}", NULL },
		{ "a_string", "\xff", NULL, "the text is not UTF-8" },
		{ "a_bytes", "AQI", "{\"aBytes\":\"AQI=\"}", NULL },
		{ "a_bool", "true", "{\"aBool\":true}", NULL },
		{ "a_bool", "1", NULL, "\"1\" is not a bool" },
		{ "a_double", "-Infinity", "{\"aDouble\":\"-Infinity\"}", NULL },
		{ "color", "COLOR_RED", "{\"color\":\"COLOR_RED\"}", NULL },
		{ "color", "1", "{\"color\":\"COLOR_RED\"}", NULL },
		{ "int32s", "0", "{\"int32s\":[0]}", NULL },
		{ "timestamp", "1970-01-01T00:00:01Z", "{\"timestamp\":\"1970-01-01T00:00:01Z\"}",
		  NULL },
		{ "duration", "1.5s", "{\"duration\":\"1.500s\"}", NULL },
		{ "duration", "x", NULL, "\"x\" is not a google.protobuf.Duration" },
		{ "mask", "a,bC", "{\"mask\":\"a,bC\"}", NULL },
		{ "wrapped_int64", "5", "{\"wrappedInt64\":\"5\"}", NULL },
		{ "wrapped_string", "", "{\"wrappedString\":\"\"}", NULL },
		{ "wrapped_int32", "x", NULL, "\"x\" is not an int32" },
		{ "inner", "x", NULL, "\"x\" is not a weft.test.Inner" },
	};
	const struct weft_schema_message *message =
		weft_schema_message(fixture_schema, "weft.test.Everything");

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		const struct weft_schema_field *field =
			weft_schema_field_named(message, cases[i].field, strlen(cases[i].field));
		struct weft_buffer wire = WEFT_BUFFER_INIT, json = WEFT_BUFFER_INIT;
		struct weft_json_error error = { 0 };
		int r = weft_json_field_to_wire(field, cases[i].text, strlen(cases[i].text), &wire,
						&error);

		if (cases[i].json) {
			assert_int_equal(r, 0);
			assert_int_equal(weft_wire_to_json(message, wire.data, wire.len, NULL,
							   &json, &error),
					 0);
			weft_buffer_append_byte(&json, 0);
			assert_string_equal((char *)json.data, cases[i].json);
		} else {
			assert_int_equal(r, -EINVAL);
			assert_string_equal(error.message, cases[i].words);
			assert_int_equal(wire.len, 0);
		}
		weft_buffer_fini(&wire);
		weft_buffer_fini(&json);
	}
}

static void test_a_field_from_json(void **state)
{
	const struct weft_schema_message *message =
		weft_schema_message(fixture_schema, "weft.test.Everything");
	const struct weft_schema_field *field = weft_schema_field_named(message, "inners", 6);
	static const char good[] = "[{\"number\":1}]", bad[] = "[{\"number\":\"x\"}]",
			  two[] = "[],1";
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	assert_int_equal(weft_json_value_to_wire(field, good, strlen(good), NULL, &wire, &error),
			 0);
	assert_int_equal(wire.len, 5);
	assert_memory_equal(wire.data, "\xfa\x01\x02\x08\x01", 5);
	assert_int_equal(weft_json_value_to_wire(field, bad, strlen(bad), NULL, &wire, &error),
			 -EINVAL);
	assert_string_equal(error.path, "inners[0].number");
	assert_int_equal(weft_json_value_to_wire(field, two, strlen(two), NULL, &wire, &error),
			 -EINVAL);
	weft_buffer_fini(&wire);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_quote),
		cmocka_unit_test(test_value_length),
		cmocka_unit_test(test_values_may_arrive_byte_by_byte),
		cmocka_unit_test(test_field_from_text),
		cmocka_unit_test(test_a_field_from_json),
	};
	int failed;

	if (argc != 2 || fixture_load(argv[1]) < 0)
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free();
	return failed;
}
