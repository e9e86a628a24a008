/* C names of contracts' names: protobuf-c's as protoc-gen-c 1.4 writes them, and our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "names.h"

static void message_names_are_those_of_protobuf_c(void **state)
{
	static const struct {
		const char *name, *type, *descriptor;
	} cases[] = {
		{ "catalog.v1.GetProductRequest", "Catalog__V1__GetProductRequest",
		  "catalog__v1__get_product_request__descriptor" },
		{ "google.protobuf.Empty", "Google__Protobuf__Empty",
		  "google__protobuf__empty__descriptor" },
		{ "a_b.v1X.HTTPFoo2bar.Foo_bar2Baz", "AB__V1X__HTTPFoo2bar__FooBar2Baz",
		  "a_b__v1_x__httpfoo2bar__foo_bar2_baz__descriptor" },
		{ "x.Foo_bar2Baz.Inner_", "X__FooBar2Baz__Inner",
		  "x__foo_bar2_baz__inner___descriptor" },
		{ "Bare", "Bare", "bare__descriptor" },
		{ "_under.Score", "Under__Score", "_under__score__descriptor" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_string_equal(names_message_type(cases[i].name), cases[i].type);
		assert_string_equal(names_message_descriptor(cases[i].name), cases[i].descriptor);
	}
}

static void methods_are_snakes(void **state)
{
	static const char *const cases[][2] = {
		{ "GetProduct", "get_product" },
		{ "get_product", "get_product" },
		{ "HTTPServer2Start", "http_server2_start" },
		{ "GetURL", "get_url" },
		{ "Get_URL", "get_url" },
		{ "_Hidden__Thing_", "hidden_thing" },
		{ "X", "x" },
		{ "V1", "v1" },
		{ "catalog.v1", "catalog_v1" },
		{ "__", "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(names_snake(cases[i][0]), cases[i][1]);
}

static void files_are_names(void **state)
{
	assert_string_equal(names_of_path("catalog/v1/catalog.proto"), "catalog_v1_catalog_proto");
	assert_string_equal(names_of_path("../up-to/2.proto"), "up_to_2_proto");
	assert_string_equal(names_of_path("2/two.proto"), "file_2_two_proto");
	assert_string_equal(names_guard("catalog/v1/catalog"), "CATALOG_V1_CATALOG_WEFT_H");
}

static void words_of_c_get_an_underscore(void **state)
{
	assert_string_equal(names_member("delete"), "delete_");
	assert_string_equal(names_member("register"), "register_");
	assert_string_equal(names_member("linux"), "linux_");
	assert_string_equal(names_member("xor_eq"), "xor_eq_");
	assert_string_equal(names_member("deleted"), "deleted");
}

static void a_service_may_repeat_its_package(void **state)
{
	assert_true(names_repeats("catalog.v1", "Catalog"));
	assert_true(names_repeats("grpc.health.v1", "Health"));
	assert_true(names_repeats("order_book.v2beta1", "OrderBook"));
	assert_true(names_repeats("shop.cart.v1", "Shop"));
	assert_false(names_repeats("catalog.v1", "V1"));
	assert_false(names_repeats("catalog.v1", "Catalogs"));
	assert_false(names_repeats("catalog.v1", "Cat"));
	assert_false(names_repeats("", "Catalog"));
}

static void qualified_names(void **state)
{
	assert_true(names_is_qualified_name("a.b_2.C"));
	assert_false(names_is_qualified_name("a..b"));
	assert_false(names_is_qualified_name("a."));
	assert_false(names_is_qualified_name(".a"));
	assert_false(names_is_qualified_name("a.2b"));
	assert_false(names_is_qualified_name(""));
	assert_false(names_is_identifier("_a"));
	assert_false(names_is_identifier("a-b"));
	assert_false(names_is_identifier(NULL));
}

static void a_name_is_claimed_once(void **state)
{
	FileProto file = GOOGLE__PROTOBUF__FILE_DESCRIPTOR_PROTO__INIT;
	struct place place = { .file = &file };
	struct names names = { 0 };
	const char *error;

	file.name = (char[]) { "a.proto" };
	assert_null(names_claim(&names, "get", "method A/Get", "help", place));
	assert_null(names_claim(&names, "get_wait", "method A/Get", "help", place));
	error = names_claim(&names, "get", "method B/Get", "help", place);
	assert_non_null(error);
	assert_string_equal(error,
			    "a.proto: method B/Get needs the C name \"get\", which method A/Get "
			    "(a.proto) has: help");
	names_fini(&names);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(message_names_are_those_of_protobuf_c),
		cmocka_unit_test(methods_are_snakes),
		cmocka_unit_test(files_are_names),
		cmocka_unit_test(words_of_c_get_an_underscore),
		cmocka_unit_test(a_service_may_repeat_its_package),
		cmocka_unit_test(qualified_names),
		cmocka_unit_test(a_name_is_claimed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
