/* YAML as JSON, and where it came from. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "yaml_json.h"

static const struct {
	const char *yaml, *json;
} same[] = {
	{ "", "{}" },
	{ "# nothing\n", "{}" },
	{ "a: 1", "{\"a\":1}" },
	{ "a: -1.5e3\nb: 007\nc: +1\nd: 1.\ne: .5",
	  "{\"a\":-1.5e3,\"b\":\"007\",\"c\":\"+1\",\"d\":\"1.\",\"e\":\".5\"}" },
	{ "a: true\nb: yes\nc: null\nd: ~\ne:",
	  "{\"a\":true,\"b\":\"yes\",\"c\":null,\"d\":null,\"e\":null}" },
	{ "a: '1'\nb: \"true\"\nc: 10s", "{\"a\":\"1\",\"b\":\"true\",\"c\":\"10s\"}" },
	{ "1: x\ntrue: y", "{\"1\":\"x\",\"true\":\"y\"}" },
	{ "a:\n  - b\n  - c: d\n    e: [1, {f: g}]\nh: {}",
	  "{\"a\":[\"b\",{\"c\":\"d\",\"e\":[1,{\"f\":\"g\"}]}],\"h\":{}}" },
	{ "a: |\n  two\n  lines\n", "{\"a\":\"two\\nlines\\n\"}" },
	{ "a: \"\\u00e9\\0\"", "{\"a\":\"é\\u0000\"}" },
	{ "[]", "[]" },
	{ "a: 1\na: 2", "{\"a\":1,\"a\":2}" }, /* for the codec to refuse */
};

static void test_what_it_says(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(same); i++) {
		struct yaml_json json;
		char error[256] = "";

		if (yaml_to_json(same[i].yaml, strlen(same[i].yaml), &json, error) < 0)
			fail_msg("%s: %s", same[i].yaml, error);
		assert_int_equal(weft_buffer_append_byte(&json.text, 0), 0);
		assert_string_equal((char *)json.text.data, same[i].json);
		yaml_json_fini(&json);
	}
}

static const struct {
	const char *yaml, *words;
} refused[] = {
	{ "a: &x 1", "line 1, column 4: anchors, aliases and tags are not taken here" },
	{ "a: 1\nb: *x", "line 2, column 4: anchors, aliases and tags are not taken here" },
	{ "a: !!str 1", "line 1, column 4: anchors, aliases and tags are not taken here" },
	{ "a: 1\n---\nb: 2", "line 2, column 1: one document is enough" },
	{ "[a]: 1", "line 1, column 1: a key is a plain word" },
	{ "a: [1", "line 2, column 1: did not find expected ',' or ']'" },
	{ "a: 1\n b: 2", "line 2, column 3: mapping values are not allowed in this context" },
	{ "a: \"x", "line 1, column 6: found unexpected end of stream" },
};

static void test_what_is_refused(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(refused); i++) {
		struct yaml_json json;
		char error[256] = "";

		assert_int_equal(
			yaml_to_json(refused[i].yaml, strlen(refused[i].yaml), &json, error),
			-EINVAL);
		assert_string_equal(error, refused[i].words);
		yaml_json_fini(&json);
	}
}

static void test_nesting_is_bounded(void **state)
{
	struct yaml_json json;
	char deep[100], error[256];

	memset(deep, '[', sizeof(deep));
	assert_int_equal(yaml_to_json(deep, sizeof(deep), &json, error), -EINVAL);
	assert_non_null(strstr(error, "nested deeper than 64 levels"));
	yaml_json_fini(&json);
}

static void test_places(void **state)
{
	static const char yaml[] = "a: 1\nb:\n  - c: x\n    d: y\n";
	struct yaml_json json;
	struct yaml_place place;
	char error[256];
	size_t at;

	assert_int_equal(yaml_to_json(yaml, sizeof(yaml) - 1, &json, error), 0);
	weft_buffer_append_byte(&json.text, 0);
	at = (size_t)(strstr((char *)json.text.data, "\"y\"") - (char *)json.text.data);
	place = yaml_place_of(&json, at);
	assert_int_equal(place.line, 4);
	assert_int_equal(place.column, 8);
	place = yaml_place_of(&json, at - 4); /* the key */
	assert_int_equal(place.line, 4);
	assert_int_equal(place.column, 5);
	yaml_json_fini(&json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_it_says),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_nesting_is_bounded),
		cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
