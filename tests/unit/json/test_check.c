/*
 * The syntax alone: what RFC 8259 says, and what it leaves open, which docs/json.md decides. The
 * classes are those of JSONTestSuite.
 */
#include "fixture.h"

#include <errno.h>
#include <weft/json.h>

static int check(const char *text, size_t len, struct weft_json_error *error)
{
	/* on the heap, so that a byte too far is seen */
	char *copy = malloc(len + 1);
	int r;

	memcpy(copy, text, len);
	copy = realloc(copy, len ? len : 1);
	r = weft_json_check(copy, len, 0, error);
	free(copy);
	return r;
}

static void test_accepted(void **state)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		" [ ] ",
		"\t\r\n null\n",
		"true",
		"false",
		"\"\"",
		"\" \"",
		"\"\x7f\"",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
		"\"\\u0000\\u0012\\uFFFF\\uabcd\"",
		"\"\\uD801\\udc37 \\ud83d\\ude39\\ud83d\\udc8d\"",
		"\"\\uDBFF\\uDFFF\"",
		"\"\\\\u0000 \\\\n\"",
		"\"\xe2\x80\xa8 \xf4\x8f\xbf\xbf \xef\xbf\xbf\"",
		"\"/* */ // # <>\"",
		"0",
		"-0",
		"-1",
		"42 ",
		"1.0",
		"-0.1e1",
		"1e2",
		"1E+2",
		"0e-2",
		"20e1",
		"0.000000000000000000000000000000000000000000000000000000000000000001",
		"[1,\"a\" , null,[],{}]",
		"{\"a\":1,\"\":{\"a\":[]} , \"b\" : false}",
		"{\"a\":1,\"a\":2}", /* twice is right by the syntax; the codec refuses it */
		"{\"\\u0061\\u0000\":0}",
		/* left open: numbers of any size are numbers */
		"1e9999",
		"-123123e100000",
		"0.4e00669999999999999999999999999999999999999999999999999999999999999",
		"123e-10000000",
		"-237462374673276894279832749832423479823246327846",
	};
	struct weft_json_error error;

	for (size_t i = 0; i < WEFT_COUNT(texts); i++)
		if (check(texts[i], strlen(texts[i]), &error) != 0)
			fail_msg("%s: %s", texts[i], error.message);
}

static void test_refused(void **state)
{
	static const struct {
		const char *text, *words;
		size_t offset;
	} cases[] = {
		{ "", "expected a value, found the end of the text", 0 },
		{ " ", "expected a value, found the end of the text", 1 },
		{ "[", "expected a value, found the end of the text", 1 },
		{ "[1", "expected ',' or ']', found the end of the text", 2 },
		{ "[1,", "expected a value, found the end of the text", 3 },
		{ "[1,]", "a ',' with nothing after it", 2 },
		{ "[,1]", "expected a value, found ','", 1 },
		{ "[1,,2]", "expected a value, found ','", 3 },
		{ "[1 2]", "expected ',' or ']', found a number", 3 },
		{ "[1:2]", "expected ',' or ']', found ':'", 2 },
		{ "[1]]", "expected the end of the text, found ']'", 3 },
		{ "[1}", "expected ',' or ']', found '}'", 2 },
		{ "{\"a\":1]", "expected ',' or '}', found ']'", 6 },
		{ "{", "expected a name in quotes or '}', found the end of the text", 1 },
		{ "{a:1}", "expected a name in quotes or '}', found 'a'", 1 },
		{ "{1:1}", "expected a name in quotes or '}', found a number", 1 },
		{ "{\"a\"}", "expected ':', found '}'", 4 },
		{ "{\"a\",1}", "expected ':', found ','", 4 },
		{ "{\"a\":}", "expected a value, found '}'", 5 },
		{ "{\"a\":1,}", "a ',' with nothing after it", 6 },
		{ "{\"a\"::1}", "expected a value, found ':'", 5 },
		{ "{}{}", "expected the end of the text, found an object", 2 },
		{ "{}#", "expected the end of the text, found '#'", 2 },
		{ "[] // x", "expected the end of the text, found '/'", 3 },
		{ "/**/[]", "expected a value, found '/'", 0 },
		{ "'a'", "expected a value, found '''", 0 },
		{ "nul", "expected a value", 0 },
		{ "truth", "expected a value", 0 },
		{ "nulls", "expected the end of the text, found 's'", 4 },
		{ "NaN", "expected a value, found 'N'", 0 },
		{ "-Infinity", "a number needs a digit after '-'", 0 },
		{ "+1", "expected a value, found '+'", 0 },
		{ ".5", "expected a value, found '.'", 0 },
		{ "-.5", "a number needs a digit after '-'", 0 },
		{ "1.", "a number needs a digit after '.'", 0 },
		{ "1.e1", "a number needs a digit after '.'", 0 },
		{ "1e", "a number needs a digit after 'e'", 0 },
		{ "1e+", "a number needs a digit after 'e'", 0 },
		{ "01", "a number must not begin with 0", 0 },
		{ "-01.5", "a number must not begin with 0", 0 },
		{ "0x1", "expected the end of the text, found 'x'", 1 },
		{ "1_000", "expected the end of the text, found '_'", 1 },
		{ "\"a", "the string does not end", 0 },
		{ "\"\\\"", "the string does not end", 0 },
		{ "\"\\", "the string does not end", 2 },
		{ "\"\\x00\"", "no such escape in JSON", 1 },
		{ "\"\\u00A\"", "\\u needs four hexadecimal digits", 1 },
		{ "\"\\U0041\"", "no such escape in JSON", 1 },
		{ "\"\\a\"", "no such escape in JSON", 1 },
		{ "\"a\tb\"", "a control character in a string must be escaped", 2 },
		{ "\"a\nb\"", "a control character in a string must be escaped", 2 },
		{ "[\f]", "expected a value, found no JSON", 1 },
		{ "\xc2\xa0[]", "expected a value, found no JSON", 0 },
		/* left open: halves of surrogates, what is not UTF-8, a byte order mark */
		{ "\"\\uDADA\"", "a high surrogate without a low one after it", 1 },
		{ "\"\\uD888\\u1234\"", "a high surrogate without a low one after it", 1 },
		{ "\"\\uD800\\uD800\\n\"", "a high surrogate without a low one after it", 1 },
		{ "\"\\uDd1e\\uD834\"", "a low surrogate without a high one before it", 1 },
		{ "{\"\\uDFAA\":0}", "a low surrogate without a high one before it", 2 },
		{ "\"\xff\"", "the string is not UTF-8", 1 },
		{ "\"\xe9\"", "the string is not UTF-8", 1 },
		{ "\"\xc0\xaf\"", "the string is not UTF-8", 1 },
		{ "\"\xed\xa0\x80\"", "the string is not UTF-8", 1 },
		{ "\"\xf4\xbf\xbf\xbf\"", "the string is not UTF-8", 1 },
		{ "\"\xe0\xff\"", "the string is not UTF-8", 1 },
		{ "\xef\xbb\xbf{}", "expected a value, found no JSON", 0 },
		{ "\xff\xfe[", "expected a value, found no JSON", 0 },
	};
	struct weft_json_error error;

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		if (check(cases[i].text, strlen(cases[i].text), &error) != -EINVAL)
			fail_msg("%s was taken", cases[i].text);
		assert_string_equal(error.message, cases[i].words);
		assert_int_equal(error.offset, cases[i].offset);
		assert_int_equal(error.line, 1);
	}
	assert_int_equal(check("[\"a\0b\"]", 7, &error), -EINVAL);
	assert_int_equal(error.offset, 3);
	assert_int_equal(check("123\0", 4, &error), -EINVAL);
	assert_int_equal(check("[\n1,\n 2 x", 9, &error), -EINVAL);
	assert_int_equal(error.line, 3);
	assert_int_equal(error.column, 4);
}

static void test_depth_is_bounded(void **state)
{
	enum { DEEP = 100000 };
	struct weft_json_error error;
	char *text = malloc(DEEP);

	memset(text, '[', DEEP);
	assert_int_equal(weft_json_check(text, DEEP, 0, &error), -EINVAL);
	assert_string_equal(error.message, "nested too deep");
	assert_int_equal(error.offset, 100);
	memset(text + 100, ']', 100);
	assert_int_equal(weft_json_check(text, 200, 0, &error), 0);
	assert_int_equal(weft_json_check(text, 200, 99, &error), -EINVAL);
	assert_int_equal(weft_json_check(text, 200, 99, NULL), -EINVAL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_depth_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
