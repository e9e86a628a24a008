/*
 * JSON to wire: tables of texts with the JSON that the wire bytes give back, and of texts that are
 * refused with the words that say why.
 */
#include "fixture.h"

#include <errno.h>
#include <weft/json.h>

struct accepted {
	const char *text;
	const char *again; /* the same as canonical JSON */
};

struct refused {
	const char *text;
	const char *words; /* "line:column path: message" */
};

static const struct weft_schema_message *everything(void)
{
	return weft_schema_message(fixture_schema, "weft.test.Everything");
}

static void accept(const struct accepted *cases, size_t n)
{
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = fixture_schema };

	for (size_t i = 0; i < n; i++) {
		struct weft_buffer wire = WEFT_BUFFER_INIT, text = WEFT_BUFFER_INIT;
		struct weft_json_error error = { 0 };

		if (weft_json_to_wire(everything(), cases[i].text, strlen(cases[i].text), &options,
				      &wire, &error) < 0)
			fail_msg("%s: %s: %s", cases[i].text, error.path, error.message);
		assert_int_equal(weft_wire_to_json(everything(), wire.data, wire.len, &options,
						   &text, &error),
				 0);
		weft_buffer_append_byte(&text, 0);
		assert_string_equal((const char *)text.data, cases[i].again);
		weft_buffer_fini(&wire);
		weft_buffer_fini(&text);
	}
}

static void refuse(const struct refused *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct weft_buffer wire = WEFT_BUFFER_INIT;
		struct weft_json_error error = { 0 };
		char words[400];

		weft_buffer_append(&wire, "kept", 4);
		if (weft_json_to_wire(everything(), cases[i].text, strlen(cases[i].text), NULL,
				      &wire, &error) != -EINVAL)
			fail_msg("%s was not refused", cases[i].text);
		assert_int_equal(wire.len, 4);
		snprintf(words, sizeof(words), "%u:%u %s: %s", error.line, error.column, error.path,
			 error.message);
		assert_string_equal(words, cases[i].words);
		weft_buffer_fini(&wire);
	}
}

#define ACCEPT(...)                                                                                \
	do {                                                                                       \
		static const struct accepted cases[] = { __VA_ARGS__ };                            \
		accept(cases, WEFT_COUNT(cases));                                                  \
	} while (0)
#define REFUSE(...)                                                                                \
	do {                                                                                       \
		static const struct refused cases[] = { __VA_ARGS__ };                             \
		refuse(cases, WEFT_COUNT(cases));                                                  \
	} while (0)

static void test_integers(void **state)
{
	ACCEPT({ "{\"anInt32\":1}", "{\"anInt32\":1}" }, { "{\"an_int32\":1}", "{\"anInt32\":1}" },
	       { "{\"anInt32\":1e2}", "{\"anInt32\":100}" },
	       { "{\"anInt32\":100e-2}", "{\"anInt32\":1}" },
	       { "{\"anInt32\":1.0}", "{\"anInt32\":1}" },
	       { "{\"anInt32\":-2147483648}", "{\"anInt32\":-2147483648}" },
	       { "{\"anInt32\":\"17\"}", "{\"anInt32\":17}" }, { "{\"anInt32\":-0}", "{}" },
	       { "{\"anInt32\":0e999999999999}", "{}" },
	       { "{\"anInt64\":9223372036854775807}", "{\"anInt64\":\"9223372036854775807\"}" },
	       { "{\"anInt64\":\"-9223372036854775808\"}",
		 "{\"anInt64\":\"-9223372036854775808\"}" },
	       { "{\"aUint64\":18446744073709551615}", "{\"aUint64\":\"18446744073709551615\"}" },
	       { "{\"aUint64\":1.8446744073709551615e19}",
		 "{\"aUint64\":\"18446744073709551615\"}" },
	       { "{\"aSint64\":\"-1\"}", "{\"aSint64\":\"-1\"}" },
	       { "{\"aFixed32\":4294967295}", "{\"aFixed32\":4294967295}" },
	       { "{\"maybeInt32\":0}", "{\"maybeInt32\":0}" });
	REFUSE({ "{\"anInt32\":1.5}", "1:12 an_int32: \"1.5\" is not an int32" },
	       { "{\"anInt32\":2147483648}",
		 "1:12 an_int32: 2147483648 is out of range for an int32 "
		 "(-2147483648 to 2147483647)" },
	       { "{\"aUint32\":-1}",
		 "1:12 a_uint32: -1 is out of range for a uint32 (0 to 4294967295)" },
	       { "{\"anInt64\":9223372036854775808}",
		 "1:12 an_int64: 9223372036854775808 is out of range for an int64 "
		 "(-9223372036854775808 to 9223372036854775807)" },
	       { "{\"anInt32\":1e-1}", "1:12 an_int32: \"1e-1\" is not an int32" },
	       { "{\"anInt32\":\"\"}", "1:12 an_int32: \"\" is not an int32" },
	       { "{\"anInt32\":\" 1\"}", "1:12 an_int32: \" 1\" is not an int32" },
	       { "{\"anInt32\":\"0x1\"}", "1:12 an_int32: \"0x1\" is not an int32" },
	       { "{\"anInt32\":true}", "1:12 an_int32: expected a number, found true" },
	       { "{\"anInt32\":01}", "1:12 an_int32: a number must not begin with 0" },
	       { "{\"anInt32\":-}", "1:12 an_int32: a number needs a digit after '-'" },
	       { "{\"anInt32\":1.}", "1:12 an_int32: a number needs a digit after '.'" },
	       { "{\"anInt32\":1e}", "1:12 an_int32: a number needs a digit after 'e'" },
	       { "{\"anInt32\":+1}", "1:12 an_int32: expected a number, found '+'" });
}

static void test_floating_point(void **state)
{
	ACCEPT({ "{\"aDouble\":0.1}", "{\"aDouble\":0.1}" },
	       { "{\"aDouble\":-0}", "{\"aDouble\":-0.0}" },
	       { "{\"aDouble\":1e23}", "{\"aDouble\":1e+23}" },
	       { "{\"aDouble\":\"1.5\"}", "{\"aDouble\":1.5}" },
	       { "{\"aDouble\":5e-324}", "{\"aDouble\":5e-324}" },
	       { "{\"aFloat\":0.1}", "{\"aFloat\":0.1}" },
	       { "{\"aFloat\":16777217}", "{\"aFloat\":16777216}" },
	       { "{\"aDouble\":\"NaN\"}", "{\"aDouble\":\"NaN\"}" },
	       { "{\"aFloat\":\"-Infinity\"}", "{\"aFloat\":\"-Infinity\"}" });
	REFUSE({ "{\"aDouble\":1e400}", "1:12 a_double: 1e400 is out of range for a double" },
	       { "{\"aFloat\":3.5e38}", "1:11 a_float: 3.5e38 is out of range for a float" },
	       { "{\"aDouble\":NaN}", "1:12 a_double: expected a number, found 'N'" },
	       { "{\"aDouble\":\"nan\"}", "1:12 a_double: \"nan\" is not a double" });
}

static void test_text_and_bytes(void **state)
{
	ACCEPT({ "{\"aString\":\"\\u00e9\\ud834\\udd1e\\n\\/\"}", "{\"aString\":\"é𝄞\\n/\"}" },
	       { "{\"aBytes\":\"AQI=\"}", "{\"aBytes\":\"AQI=\"}" },
	       { "{\"aBytes\":\"AQI\"}", "{\"aBytes\":\"AQI=\"}" },
	       { "{\"aBytes\":\"-_\"}", "{\"aBytes\":\"+w==\"}" },
	       { "{\"maybeString\":\"\"}", "{\"maybeString\":\"\"}" });
	REFUSE({ "{\"aString\":1}", "1:12 a_string: expected a string, found a number" },
	       { "{\"aString\":\"\\ud834\"}",
		 "1:13 a_string: a high surrogate without a low one after it" },
	       { "{\"aString\":\"\\udd1e\"}",
		 "1:13 a_string: a low surrogate without a high one before it" },
	       { "{\"aString\":\"\\x\"}", "1:13 a_string: no such escape in JSON" },
	       { "{\"aString\":\"\\u12g4\"}", "1:13 a_string: \\u needs four hexadecimal digits" },
	       { "{\"aString\":\"\xff\"}", "1:13 a_string: the string is not UTF-8" },
	       { "{\"aString\":\"\xc0\x80\"}", "1:13 a_string: the string is not UTF-8" },
	       { "{\"aString\":\"a\nb\"}",
		 "1:14 a_string: a control character in a string must be escaped" },
	       { "{\"aString\":\"abc", "1:12 a_string: the string does not end" },
	       { "{\"aBytes\":\"A*==\"}", "1:11 a_bytes: \"A*==\" is not base64" });
}

static void test_enums_and_booleans(void **state)
{
	ACCEPT({ "{\"color\":\"COLOR_RED\"}", "{\"color\":\"COLOR_RED\"}" },
	       { "{\"color\":-2}", "{\"color\":\"COLOR_BLUE\"}" },
	       { "{\"color\":77}", "{\"color\":77}" },
	       { "{\"color\":\"COLOR_UNSPECIFIED\"}", "{}" },
	       { "{\"aBool\":true}", "{\"aBool\":true}" }, { "{\"aBool\":false}", "{}" });
	REFUSE({ "{\"color\":\"COLOR_RAD\"}", "1:10 color: \"COLOR_RAD\" is no value of "
					      "weft.test.Color; did you mean \"COLOR_RED\"?" },
	       { "{\"color\":\"x\"}",
		 "1:10 color: \"x\" is no value of weft.test.Color; it has COLOR_UNSPECIFIED, "
		 "COLOR_RED, COLOR_BLUE" },
	       { "{\"color\":2147483648}", "1:10 color: 2147483648 is out of range for a "
					   "weft.test.Color (-2147483648 to 2147483647)" },
	       { "{\"aBool\":\"true\"}", "1:10 a_bool: expected true or false, found a string" },
	       { "{\"aBool\":1}", "1:10 a_bool: expected true or false, found a number" });
}

static void test_names(void **state)
{
	ACCEPT({ "{\"@other\":\"x\"}", "{\"@other\":\"x\"}" },
	       { "{\"renamed\":\"x\"}", "{\"@other\":\"x\"}" });
	REFUSE({ "{\"inner\":{\"nubmer\":1}}", "1:11 inner.nubmer: no field \"nubmer\" in "
					       "weft.test.Inner; did you mean \"number\"?" },
	       { "{\"zzzzzz\":1}", "1:2 zzzzzz: no field \"zzzzzz\" in weft.test.Everything" },
	       { "{\"anInt32\":1,\"an_int32\":2}", "1:14 an_int32: \"an_int32\" is given twice" },
	       { "{\"chosenInt32\":1,\"chosenString\":\"\"}",
		 "1:18 chosen_string: \"chosen_string\" and another of \"choice\" are given: only "
		 "one can be" });
}

static void test_null(void **state)
{
	ACCEPT({ "{\"anInt32\":null,\"inner\":null,\"int32s\":null,\"byString\":null}", "{}" },
	       { "{\"chosenInt32\":null,\"chosenString\":\"a\"}", "{\"chosenString\":\"a\"}" },
	       { "{\"chosenNull\":null}", "{\"chosenNull\":null}" },
	       { "{\"value\":null}", "{\"value\":null}" }, { "{\"struct\":null}", "{}" },
	       { "{\"values\":[null]}", "{\"values\":[null]}" },
	       { "{\"wrappedInt32\":null}", "{}" });
	REFUSE({ "{\"int32s\":[1,null]}", "1:14 int32s[1]: null is no element of a list" },
	       { "{\"byString\":{\"a\":null}}",
		 "1:18 by_string[\"a\"]: null is no value of a map" },
	       { "{\"anInt32\":null,\"anInt32\":1}",
		 "1:17 an_int32: \"an_int32\" is given twice" });
}

static void test_lists_and_maps(void **state)
{
	ACCEPT({ "{\"int32s\":[]}", "{}" }, { "{\"int32s\":[0,1]}", "{\"int32s\":[0,1]}" },
	       { "{\"unpacked\":[0,1]}", "{\"unpacked\":[0,1]}" },
	       { "{\"strings\":[\"\",\"a\"]}", "{\"strings\":[\"\",\"a\"]}" },
	       { "{\"inners\":[{},{\"number\":1}]}", "{\"inners\":[{},{\"number\":1}]}" },
	       { "{\"byString\":{\"a\":0,\"\":1}}", "{\"byString\":{\"a\":0,\"\":1}}" },
	       { "{\"byBool\":{\"true\":{}}}", "{\"byBool\":{\"true\":{}}}" },
	       { "{\"bySint64\":{\"-1\":\"COLOR_RED\"}}",
		 "{\"bySint64\":{\"-1\":\"COLOR_RED\"}}" });
	REFUSE({ "{\"int32s\":1}", "1:11 int32s: expected an array, found a number" },
	       { "{\"inners\":[{},{\"number\":\"x\"}]}",
		 "1:25 inners[1].number: \"x\" is not an int32" },
	       { "{\"byString\":{\"a\":1,\"a\":2}}", "1:20 by_string: this key is given twice" },
	       { "{\"byInt32\":{\"1\":\"\",\"1.0\":\"\"}}",
		 "1:20 by_int32: this key is given twice" },
	       { "{\"byInt32\":{\"x\":\"\"}}", "1:13 by_int32: \"x\" is not an int32" },
	       { "{\"byBool\":{\"1\":{}}}", "1:12 by_bool: \"1\" is not a bool" },
	       { "{\"int32s\":[1,]}", "1:13 int32s: a ',' with nothing after it" },
	       { "{\"int32s\":[1 2]}", "1:14 int32s: expected ',' or ']', found a number" });
}

static void test_well_known_types(void **state)
{
	ACCEPT({ "{\"timestamp\":\"1970-01-01T00:00:00Z\"}",
		 "{\"timestamp\":\"1970-01-01T00:00:00Z\"}" },
	       { "{\"timestamp\":\"2024-02-29T23:59:59.5+01:30\"}",
		 "{\"timestamp\":\"2024-02-29T22:29:59.500Z\"}" },
	       { "{\"timestamp\":\"0001-01-01T00:00:00.000001Z\"}",
		 "{\"timestamp\":\"0001-01-01T00:00:00.000001Z\"}" },
	       { "{\"duration\":\"-0.5s\"}", "{\"duration\":\"-0.500s\"}" },
	       { "{\"duration\":\"3s\"}", "{\"duration\":\"3s\"}" },
	       { "{\"duration\":\"-315576000000.999999999s\"}",
		 "{\"duration\":\"-315576000000.999999999s\"}" },
	       { "{\"mask\":\"fooBar,a.bC\"}", "{\"mask\":\"fooBar,a.bC\"}" },
	       { "{\"mask\":\"\"}", "{\"mask\":\"\"}" },
	       { "{\"struct\":{\"a\":[1,\"b\",null,{\"c\":true}]}}",
		 "{\"struct\":{\"a\":[1,\"b\",null,{\"c\":true}]}}" },
	       { "{\"list\":[]}", "{\"list\":[]}" }, { "{\"value\":{}}", "{\"value\":{}}" },
	       { "{\"wrappedInt64\":\"5\"}", "{\"wrappedInt64\":\"5\"}" },
	       { "{\"wrappedBool\":false}", "{\"wrappedBool\":false}" },
	       { "{\"wrappedBytes\":\"\"}", "{\"wrappedBytes\":\"\"}" },
	       { "{\"empty\":{}}", "{\"empty\":{}}" });
	REFUSE({ "{\"timestamp\":\"2023-02-29T00:00:00Z\"}",
		 "1:14 timestamp: expected a time such as \"2026-01-31T12:00:00Z\"" },
	       { "{\"timestamp\":\"2023-01-01t00:00:00z\"}",
		 "1:14 timestamp: expected a time such as \"2026-01-31T12:00:00Z\"" },
	       { "{\"timestamp\":\"0001-01-01T00:00:00+00:01\"}",
		 "1:14 timestamp: the time is not in the years 1 to 9999" },
	       { "{\"duration\":\"1\"}", "1:13 duration: expected a duration such as \"1.5s\"" },
	       { "{\"duration\":\"315576000001s\"}",
		 "1:13 duration: the duration is longer than 10000 years" },
	       { "{\"mask\":\"foo_bar\"}",
		 "1:9 mask: expected field names such as \"displayName,price.units\"" },
	       { "{\"struct\":{\"a\":1,\"a\":2}}", "1:18 struct: this key is given twice" },
	       { "{\"empty\":{\"a\":1}}",
		 "1:11 empty.a: no field \"a\" in google.protobuf.Empty" });
}

static void test_any(void **state)
{
	ACCEPT({ "{\"any\":{}}", "{\"any\":{}}" },
	       { "{\"any\":{\"number\":1,\"@type\":\"type.googleapis.com/weft.test.Inner\"}}",
		 "{\"any\":{\"@type\":\"type.googleapis.com/weft.test.Inner\",\"number\":1}}" },
	       { "{\"any\":{\"@type\":\"a/google.protobuf.Duration\",\"value\":\"1s\"}}",
		 "{\"any\":{\"@type\":\"a/google.protobuf.Duration\",\"value\":\"1s\"}}" });
	REFUSE({ "{\"any\":{\"@type\":\"x/weft.test.Inner\"}}",
		 "1:9 any: no type \"x/weft.test.Inner\" is known here" },
	       { "{\"any\":{\"number\":1}}", "1:9 any: an Any needs its \"@type\"" });
}

static void test_syntax(void **state)
{
	REFUSE({ "", "1:1 : expected an object (weft.test.Everything), found the end of the text" },
	       { "[]", "1:1 : expected an object (weft.test.Everything), found an array" },
	       { "{", "1:2 : expected a name in quotes or '}', found the end of the text" },
	       { "{\n \"anInt32\" 1}", "2:12 : expected ':', found a number" },
	       { "{} {}", "1:4 : more text after the value" },
	       { "{anInt32:1}", "1:2 : expected a name in quotes or '}', found 'a'" },
	       { "{\"anInt32\":1,}", "1:13 : a ',' with nothing after it" },
	       { "\xef\xbb\xbf{}",
		 "1:1 : expected an object (weft.test.Everything), found no JSON" });
}

static void nest(struct weft_buffer *text, size_t depth)
{
	weft_buffer_clear(text);
	for (size_t i = 0; i < depth; i++)
		weft_buffer_append_string(text, "{\"inner\":");
	weft_buffer_append_string(text, "{}");
	for (size_t i = 0; i < depth; i++)
		weft_buffer_append_byte(text, '}');
}

static void test_depth_is_bounded(void **state)
{
	struct weft_buffer text = WEFT_BUFFER_INIT, wire = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	nest(&text, 99);
	assert_int_equal(
		weft_json_to_wire(everything(), (char *)text.data, text.len, NULL, &wire, &error),
		0);
	nest(&text, 100);
	assert_int_equal(
		weft_json_to_wire(everything(), (char *)text.data, text.len, NULL, &wire, &error),
		-EINVAL);
	assert_string_equal(error.message, "nested deeper than 100 levels");
	assert_string_equal(error.path + strlen(error.path) - 3, "...");
	weft_buffer_fini(&text);
	weft_buffer_fini(&wire);
}

static void test_unknown_fields_may_be_ignored(void **state)
{
	static const char text[] = "{\"x\":[{\"y\":\"\\u0041\"},1e3,null],\"anInt32\":1,"
				   "\"color\":\"NEW\",\"colors\":[\"NEW\",\"COLOR_RED\"]}";
	static const char broken[] = "{\"x\":[}";
	const struct weft_json_options options = { .size = sizeof(options),
						   .ignore_unknown = true };
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	assert_int_equal(
		weft_json_to_wire(everything(), text, strlen(text), &options, &wire, &error), 0);
	assert_int_equal(wire.len, 6);
	assert_memory_equal(wire.data, "\x28\x01\x92\x02\x01\x01", 6);
	assert_int_equal(
		weft_json_to_wire(everything(), broken, strlen(broken), &options, &wire, &error),
		-EINVAL);
	weft_buffer_fini(&wire);
}

static void test_lengths_that_need_more_than_a_byte(void **state)
{
	struct weft_buffer text = WEFT_BUFFER_INIT, wire = WEFT_BUFFER_INIT,
			   again = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	for (size_t len = 100; len < 40000; len += len / 7) {
		weft_buffer_clear(&text);
		weft_buffer_clear(&wire);
		weft_buffer_clear(&again);
		weft_buffer_append_string(&text, "{\"inner\":{\"inner\":{\"text\":\"");
		for (size_t i = 0; i < len; i++)
			weft_buffer_append_byte(&text, 'x');
		weft_buffer_append_string(&text, "\"}}}");
		assert_int_equal(weft_json_to_wire(everything(), (char *)text.data, text.len, NULL,
						   &wire, &error),
				 0);
		assert_int_equal(
			weft_wire_to_json(everything(), wire.data, wire.len, NULL, &again, &error),
			0);
		assert_int_equal(again.len, text.len);
		assert_memory_equal(again.data, text.data, text.len);
	}
	weft_buffer_fini(&text);
	weft_buffer_fini(&wire);
	weft_buffer_fini(&again);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_floating_point),
		cmocka_unit_test(test_text_and_bytes),
		cmocka_unit_test(test_enums_and_booleans),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_null),
		cmocka_unit_test(test_lists_and_maps),
		cmocka_unit_test(test_well_known_types),
		cmocka_unit_test(test_any),
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_unknown_fields_may_be_ignored),
		cmocka_unit_test(test_lengths_that_need_more_than_a_byte),
	};
	int failed;

	if (argc != 2 || fixture_load(argv[1]) < 0)
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free();
	return failed;
}
