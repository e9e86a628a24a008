/* The pool: what protoc wrote is found again, and what is broken leaves the pool as it was. */
#include "fixture.h"

#include <errno.h>
#include <weft/protobuf.h>

static const struct weft_schema_field *field(const char *message, const char *name)
{
	const struct weft_schema_message *found = weft_schema_message(fixture_schema, message);
	const struct weft_schema_field *result;

	assert_non_null(found);
	result = weft_schema_field_named(found, name, strlen(name));
	assert_non_null(result);
	return result;
}

static void test_messages_are_found(void **state)
{
	const struct weft_schema_message *message =
		weft_schema_message(fixture_schema, "weft.test.Everything");

	assert_non_null(message);
	assert_string_equal(message->full_name, "weft.test.Everything");
	assert_string_equal(message->file, "everything.proto");
	assert_string_equal(message->comment, "One of everything.");
	assert_true(message->proto3);
	assert_null(weft_schema_message(fixture_schema, "weft.test.Color"));
	assert_null(weft_schema_message(fixture_schema, "Everything"));
	assert_false(weft_schema_message(fixture_schema, "weft.test.Elder")->proto3);
}

static void test_fields_are_found_by_number_and_both_names(void **state)
{
	const struct weft_schema_message *message =
		weft_schema_message(fixture_schema, "weft.test.Everything");

	for (size_t i = 0; i < message->n_fields; i++) {
		const struct weft_schema_field *at = &message->fields[i];

		assert_ptr_equal(weft_schema_field(message, at->number), at);
		assert_ptr_equal(weft_schema_field_named(message, at->name, strlen(at->name)), at);
		assert_ptr_equal(
			weft_schema_field_named(message, at->json_name, strlen(at->json_name)), at);
	}
	assert_null(weft_schema_field(message, 10));
	assert_null(weft_schema_field(message, 0));
	assert_null(weft_schema_field(message, 9999));
	assert_null(weft_schema_field_named(message, "a_doubl", 7));
	assert_null(weft_schema_field_named(message, "", 0));
	assert_string_equal(field("weft.test.Everything", "@other")->name, "renamed");
	assert_string_equal(field("weft.test.Everything", "odd_name__with_underscores_")->json_name,
			    "oddNameWithUnderscores");
}

static void test_what_a_field_is(void **state)
{
	const struct weft_schema_message *message =
		weft_schema_message(fixture_schema, "weft.test.Everything");

	assert_string_equal(field("weft.test.Everything", "a_string")->comment, "Of any length.");
	assert_true(field("weft.test.Everything", "int32s")->packed);
	assert_false(field("weft.test.Everything", "unpacked")->packed);
	assert_false(field("weft.test.Everything", "strings")->packed);
	assert_false(field("weft.test.Elder", "numbers")->packed);
	assert_true(field("weft.test.Elder", "packed")->packed);
	assert_true(field("weft.test.Elder", "number")->presence);
	assert_int_equal(field("weft.test.Elder", "pair")->type, WEFT_TYPE_GROUP);

	assert_false(field("weft.test.Everything", "an_int32")->presence);
	assert_true(field("weft.test.Everything", "inner")->presence);
	assert_true(field("weft.test.Everything", "maybe_int32")->presence);
	assert_int_equal(field("weft.test.Everything", "maybe_int32")->oneof, -1);
	assert_int_equal(message->n_oneofs, 1);
	assert_string_equal(message->oneofs[field("weft.test.Everything", "chosen_inner")->oneof],
			    "choice");

	assert_true(field("weft.test.Everything", "by_bool")->map);
	assert_true(field("weft.test.Everything", "by_bool")->message->map_entry);
	assert_int_equal(field("weft.test.Everything", "value")->message->well_known,
			 WEFT_WKT_VALUE);
	assert_int_equal(field("weft.test.Everything", "wrapped_bool")->message->well_known,
			 WEFT_WKT_WRAPPER);
	assert_ptr_equal(field("weft.test.Inner", "inner")->message,
			 weft_schema_message(fixture_schema, "weft.test.Inner"));
}

static void test_enums(void **state)
{
	const struct weft_schema_enum *color = weft_schema_enum(fixture_schema, "weft.test.Color");

	assert_string_equal(color->comment, "A colour.\nIt has three values.");
	assert_string_equal(weft_schema_enum_numbered(color, -2)->name, "COLOR_BLUE");
	assert_string_equal(weft_schema_enum_numbered(color, 1)->comment, "Like blood.");
	assert_null(weft_schema_enum_numbered(color, 2));
	assert_int_equal(weft_schema_enum_named(color, "COLOR_RED", 9)->number, 1);
	assert_null(weft_schema_enum_named(color, "COLOR_RED", 8));
	assert_null(weft_schema_enum_named(color, "COLOR_RED\0x", 11));
}

static void test_services_and_methods(void **state)
{
	const struct weft_schema_service *service = weft_schema_service_at(fixture_schema, 0);
	const struct weft_schema_method *method;

	assert_string_equal(service->full_name, "weft.test.Answers");
	assert_null(weft_schema_service_at(fixture_schema, 1));
	assert_ptr_equal(weft_schema_service(fixture_schema, "weft.test.Answers"), service);
	assert_int_equal(service->n_methods, 4);
	method = weft_schema_method(fixture_schema, "/weft.test.Answers/Get");
	assert_ptr_equal(weft_schema_method(fixture_schema, "weft.test.Answers/Get"), method);
	assert_string_equal(method->path, "/weft.test.Answers/Get");
	assert_string_equal(method->comment, "Gives one.");
	assert_int_equal(method->idempotency, WEFT_NO_SIDE_EFFECTS);
	assert_int_equal(method->kind, WEFT_UNARY);
	assert_string_equal(method->response->full_name, "weft.test.Everything");
	assert_int_equal(service->methods[1].kind, WEFT_SERVER_STREAM);
	assert_int_equal(service->methods[2].kind, WEFT_CLIENT_STREAM);
	assert_int_equal(service->methods[3].kind, WEFT_BIDIRECTIONAL);
	assert_null(weft_schema_method(fixture_schema, "weft.test.Answers/Got"));
	assert_null(weft_schema_method(fixture_schema, "weft.test.Answers"));
}

static void test_a_set_may_be_added_twice(void **state)
{
	assert_int_equal(weft_schema_add_set(
				 fixture_schema,
				 (struct weft_bytes) { fixture_set.data, fixture_set.len }, NULL),
			 0);
	assert_null(weft_schema_service_at(fixture_schema, 1));
}

/* Builds a set of one file with one message, whose field has the type `type`. */
static void build_set(struct weft_buffer *set, const char *file, const char *message,
		      const char *type)
{
	size_t in_set, in_file, in_message;

	weft_wire_begin(set, 1, &in_set);
	weft_wire_append_bytes(set, 1, file, strlen(file));
	weft_wire_append_bytes(set, 12, "proto3", 6);
	weft_wire_begin(set, 4, &in_file);
	weft_wire_append_bytes(set, 1, message, strlen(message));
	if (type) {
		weft_wire_begin(set, 2, &in_message);
		weft_wire_append_bytes(set, 1, "f", 1);
		weft_wire_append_number(set, 3, 1);
		weft_wire_append_number(set, 5, WEFT_TYPE_MESSAGE);
		weft_wire_append_bytes(set, 6, type, strlen(type));
		weft_wire_end(set, in_message);
	}
	weft_wire_end(set, in_file);
	weft_wire_end(set, in_set);
}

static void add(struct weft_schema *schema, const struct weft_buffer *set, int expected,
		const char *words)
{
	char error[256] = "";

	assert_int_equal(
		weft_schema_add_set(schema, (struct weft_bytes) { set->data, set->len }, error),
		expected);
	if (words && !strstr(error, words))
		fail_msg("\"%s\" does not say \"%s\"", error, words);
}

static void test_a_missing_type_is_named_and_leaves_no_trace(void **state)
{
	struct weft_buffer set = WEFT_BUFFER_INIT;
	struct weft_schema *schema;

	weft_schema_new(&schema);
	build_set(&set, "a.proto", "A", ".missing.B");
	add(schema, &set, -ENOENT, "a.proto: A.f: no type \"missing.B\"");
	assert_null(weft_schema_message(schema, "A"));
	weft_buffer_clear(&set);
	build_set(&set, "a.proto", "A", "B"); /* the same file's name: it is not there */
	build_set(&set, "b.proto", "B", NULL);
	add(schema, &set, 0, NULL);
	assert_ptr_equal(weft_schema_message(schema, "A")->fields[0].message,
			 weft_schema_message(schema, "B"));
	weft_buffer_clear(&set);
	build_set(&set, "c.proto", "A", NULL);
	add(schema, &set, -EEXIST, "c.proto: \"A\" is already defined in a.proto");
	weft_buffer_fini(&set);
	weft_schema_free(schema);
}

/* Every cut and many flips of a real set: refused or accepted, never worse. */
static void test_broken_sets(void **state)
{
	struct weft_buffer set = WEFT_BUFFER_INIT;
	struct weft_schema *schema;
	unsigned seed = 1;

	for (size_t len = 0; len < fixture_set.len; len += 97) {
		weft_schema_new(&schema);
		weft_schema_add_set(schema, (struct weft_bytes) { fixture_set.data, len }, NULL);
		weft_schema_free(schema);

		weft_schema_new(&schema);
		weft_buffer_clear(&set);
		weft_buffer_append(&set, fixture_set.data, fixture_set.len);
		set.data[len] = (uint8_t)rand_r(&seed);
		set.data[(size_t)rand_r(&seed) % set.len] = (uint8_t)rand_r(&seed);
		weft_schema_add_set(schema, (struct weft_bytes) { set.data, set.len }, NULL);
		weft_schema_free(schema);
	}
	weft_schema_new(&schema);
	weft_buffer_clear(&set);
	weft_buffer_append(&set, "\x0a\xff\xff\xff\xff\x0f", 6);
	add(schema, &set, -EBADMSG, "FileDescriptorSet");
	weft_schema_free(schema);
	weft_buffer_fini(&set);
}

static void print_is(const char *name, const char *expected)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;

	assert_int_equal(weft_schema_print(fixture_schema, name, &out), 0);
	weft_buffer_append_byte(&out, 0);
	assert_string_equal((const char *)out.data, expected);
	weft_buffer_fini(&out);
}

static void test_print(void **state)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;

	print_is("weft.test.Inner", "// weft.test.Inner, in everything.proto\n"
				    "message Inner {\n"
				    "  int32 number = 1;\n"
				    "  string text = 2;\n"
				    "  // Itself again.\n"
				    "  weft.test.Inner inner = 3;\n"
				    "  repeated weft.test.Inner inners = 4;\n"
				    "}\n");
	print_is("weft.test.Color", "// weft.test.Color, in everything.proto\n"
				    "// A colour.\n"
				    "// It has three values.\n"
				    "enum Color {\n"
				    "  COLOR_UNSPECIFIED = 0;\n"
				    "  // Like blood.\n"
				    "  COLOR_RED = 1;\n"
				    "  COLOR_BLUE = -2;\n"
				    "}\n");
	print_is("weft.test.Answers/Get",
		 "// Gives one.\n"
		 "rpc Get(weft.test.Inner) returns (weft.test.Everything) {\n"
		 "  option idempotency_level = NO_SIDE_EFFECTS;\n"
		 "}\n");
	assert_int_equal(weft_schema_print(fixture_schema, "weft.test.Nothing", &out), -ENOENT);
	assert_int_equal(weft_schema_print(fixture_schema, "weft.test.Everything", &out), 0);
	weft_buffer_append_byte(&out, 0);
	assert_non_null(strstr((const char *)out.data, "  map<string, int32> by_string = 41;\n"));
	assert_non_null(strstr((const char *)out.data, "  optional string maybe_string = 52;\n"));
	assert_non_null(
		strstr((const char *)out.data, "  oneof choice {\n    int32 chosen_int32 = 61;\n"));
	weft_buffer_fini(&out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_messages_are_found),
		cmocka_unit_test(test_fields_are_found_by_number_and_both_names),
		cmocka_unit_test(test_what_a_field_is),
		cmocka_unit_test(test_enums),
		cmocka_unit_test(test_services_and_methods),
		cmocka_unit_test(test_a_set_may_be_added_twice),
		cmocka_unit_test(test_a_missing_type_is_named_and_leaves_no_trace),
		cmocka_unit_test(test_broken_sets),
		cmocka_unit_test(test_print),
	};
	int failed;

	if (argc != 2 || fixture_load(argv[1]) < 0)
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	fixture_free();
	return failed;
}
