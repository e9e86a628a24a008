/* Wire to JSON: what no encoder of ours would write, but a peer may; and the options. */
#include "fixture.h"

#include <errno.h>
#include <weft/json.h>
#include <weft/protobuf.h>

static const struct weft_schema_message *everything(void)
{
	return weft_schema_message(fixture_schema, "weft.test.Everything");
}

static void is(const void *wire, size_t len, const struct weft_json_options *options,
	       const char *expected)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	struct weft_json_error error = { 0 };

	if (weft_wire_to_json(everything(), wire, len, options, &out, &error) < 0)
		fail_msg("%s: %s", error.path, error.message);
	weft_buffer_append_byte(&out, 0);
	assert_string_equal((const char *)out.data, expected);
	weft_buffer_fini(&out);
}

static void refused(const void *wire, size_t len, size_t offset, const char *words)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	struct weft_json_error error = { 0 };
	char text[400];

	assert_int_equal(weft_wire_to_json(everything(), wire, len, NULL, &out, &error), -EBADMSG);
	assert_int_equal(out.len, 0);
	snprintf(text, sizeof(text), "%s: %s", error.path, error.message);
	assert_string_equal(text, words);
	assert_int_equal(error.offset, offset);
	weft_buffer_fini(&out);
}

#define IS(wire, expected)              is(wire, sizeof(wire) - 1, NULL, expected)
#define REFUSED(wire, offset, expected) refused(wire, sizeof(wire) - 1, offset, expected)

static void test_the_last_of_a_singular_field_counts(void **state)
{
	IS("\x28\x01\x28\x02", "{\"anInt32\":2}");
	IS("\x28\x01\x28\x00", "{}");
}

static void test_a_list_may_be_scattered_and_half_packed(void **state)
{
	IS("\xca\x01\x02\x01\x02\x28\x07\xc8\x01\x03\xca\x01\x00\xca\x01\x01\x04",
	   "{\"anInt32\":7,\"int32s\":[1,2,3,4]}");
	IS("\xca\x01\x00", "{}");
}

static void test_pieces_of_a_submessage_are_merged(void **state)
{
	IS("\x5a\x02\x08\x01\x28\x05\x5a\x03\x12\x01x\x5a\x02\x08\x02",
	   "{\"anInt32\":5,\"inner\":{\"number\":2,\"text\":\"x\"}}");
}

static void test_the_last_member_of_a_oneof_counts(void **state)
{
	/* chosen_inner { number: 1 }, chosen_int32: 0, chosen_inner { text: "x" } */
	IS("\xfa\x03\x02\x08\x01\xe8\x03\x00", "{\"chosenInt32\":0}");
	IS("\xfa\x03\x02\x08\x01\xe8\x03\x00\xfa\x03\x03\x12\x01x",
	   "{\"chosenInner\":{\"text\":\"x\"}}");
}

static void test_the_last_entry_of_a_key_counts(void **state)
{
	IS("\xca\x02\x05\x0a\x01"
	   "a\x10\x01\xca\x02\x05\x0a\x01"
	   "b\x10\x02\xca\x02\x05\x10\x03\x0a\x01"
	   "a",
	   "{\"byString\":{\"b\":2,\"a\":3}}");
	IS("\xca\x02\x00", "{\"byString\":{\"\":0}}");
	IS("\xda\x02\x02\x08\x01", "{\"byBool\":{\"true\":{}}}");
}

static void test_unknown_fields_are_passed_over(void **state)
{
	IS("\x50\x01\xf8\x3f\x01\x53\x5b\x08\x01\x5c\x54\x28\x01\x2d\x00\x00\x00\x00",
	   "{\"anInt32\":1}");
}

static void test_broken_wire_is_refused(void **state)
{
	REFUSED("\x28", 1, ": the bytes are no protobuf");
	REFUSED("\x4a\x05\x61", 2, ": the bytes are no protobuf");
	REFUSED("\x00\x00", 1, ": the bytes are no protobuf");
	REFUSED("\x53\x08\x01", 3, ": the bytes are no protobuf");
	REFUSED("\x54", 1, ": the bytes are no protobuf");
	REFUSED("\x28\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 1, ": the bytes are no protobuf");
	REFUSED("\x4a\x01\xff", 2, "a_string: the string is not UTF-8");
	REFUSED("\xfa\x01\x02\x08\x01\xfa\x01\x03\x12\x01\xff", 10,
		"inners[1].text: the string is not UTF-8");
	REFUSED("\xca\x02\x05\x0a\x01\xff\x10\x01", 5,
		"by_string[\"\xff\"]: the string is not UTF-8");
}

static void test_options(void **state)
{
	const struct weft_json_options names = { .size = sizeof(names), .proto_names = true };
	const struct weft_json_options pretty = { .size = sizeof(pretty), .indent = 2 };
	const struct weft_json_options defaults = { .size = sizeof(defaults),
						    .emit_defaults = true };
	/* of a program that was compiled when the struct ended before the indent */
	const struct weft_json_options elder = { .size = offsetof(struct weft_json_options, indent),
						 .proto_names = true,
						 .indent = 2,
						 .max_depth = 1 };
	const struct weft_schema_message *inner =
		weft_schema_message(fixture_schema, "weft.test.Inner");
	struct weft_buffer out = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	is("\x28\x01\x5a\x00", 4, &elder, "{\"an_int32\":1,\"inner\":{}}");
	is("\x28\x01", 2, &names, "{\"an_int32\":1}");
	is("", 0, &pretty, "{}");
	is("\x28\x01\x5a\x02\x08\x01\xca\x01\x02\x01\x02", 11, &pretty,
	   "{\n  \"anInt32\": 1,\n  \"inner\": {\n    \"number\": 1\n  },\n"
	   "  \"int32s\": [\n    1,\n    2\n  ]\n}");
	assert_int_equal(
		weft_wire_to_json(inner, (const uint8_t *)"\x1a\x00", 2, &defaults, &out, &error),
		0);
	weft_buffer_append_byte(&out, 0);
	assert_string_equal((char *)out.data,
			    "{\"number\":0,\"text\":\"\",\"inner\":{\"number\":0,\"text\":\"\","
			    "\"inners\":[]},\"inners\":[]}");
	weft_buffer_fini(&out);
}

static void test_a_field_alone(void **state)
{
	static const uint8_t wire[] = "\xca\x01\x02\x01\x02\x5a\x02\x08\x01";
	static const struct {
		const char *field, *expected;
	} cases[] = {
		{ "int32s", "[1,2]" },  { "inner", "{\"number\":1}" }, { "strings", "[]" },
		{ "a_string", "\"\"" }, { "an_int64", "\"0\"" },       { "empty", "null" },
		{ "by_string", "{}" },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		const struct weft_schema_field *field = weft_schema_field_named(
			everything(), cases[i].field, strlen(cases[i].field));
		struct weft_buffer out = WEFT_BUFFER_INIT;

		assert_int_equal(weft_wire_field_to_json(everything(), field, wire,
							 sizeof(wire) - 1, NULL, &out, NULL),
				 0);
		weft_buffer_append_byte(&out, 0);
		assert_string_equal((char *)out.data, cases[i].expected);
		weft_buffer_fini(&out);
	}
}

static void test_depth_is_bounded(void **state)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT, outer = WEFT_BUFFER_INIT,
			   out = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	for (int depth = 1; depth <= 101; depth++) {
		weft_buffer_clear(&outer);
		weft_wire_append_bytes(&outer, depth == 101 ? 11 : 3, wire.data, wire.len);
		weft_buffer_clear(&wire);
		weft_buffer_append(&wire, outer.data, outer.len);
	}
	assert_int_equal(weft_wire_to_json(everything(), wire.data, wire.len, NULL, &out, &error),
			 -EBADMSG);
	assert_string_equal(error.message, "the message is nested too deep");
	weft_buffer_fini(&wire);
	weft_buffer_fini(&outer);
	weft_buffer_fini(&out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_last_of_a_singular_field_counts),
		cmocka_unit_test(test_a_list_may_be_scattered_and_half_packed),
		cmocka_unit_test(test_pieces_of_a_submessage_are_merged),
		cmocka_unit_test(test_the_last_member_of_a_oneof_counts),
		cmocka_unit_test(test_the_last_entry_of_a_key_counts),
		cmocka_unit_test(test_unknown_fields_are_passed_over),
		cmocka_unit_test(test_broken_wire_is_refused),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_a_field_alone),
		cmocka_unit_test(test_depth_is_bounded),
	};
	int failed;

	if (argc != 2 || fixture_load(argv[1]) < 0)
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free();
	return failed;
}
