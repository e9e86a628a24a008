/* What stands under a name in etcd, as an endpoint. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <weft/etcd.h>

#include <cmocka.h>

static int read_endpoint(const char *json, struct weft_arena *arena, char error[256],
			 struct weft_endpoint *ret_endpoint)
{
	return weft_etcd_endpoint(json, strlen(json), arena, error, ret_endpoint);
}

static void endpoints_as_etcd_has_them(void **state)
{
	static const struct {
		const char *json;
		const char *address;
		uint32_t weight;
		const char *attributes;
	} cases[] = {
		{ "{\"Op\":0,\"Addr\":\"10.0.0.1:80\",\"Metadata\":null}", "10.0.0.1:80", 0, NULL },
		{ "{\"Addr\":\"[::1]:80\"}", "[::1]:80", 0, NULL },
		{ "{\"Addr\":\"a\",\"Metadata\":\"words\"}", "a", 0, NULL },
		{ "{\"Addr\":\"a\",\"Metadata\":{\"weight\":7}}", "a", 7, "{\"weight\":7}" },
		{ "{\"Addr\":\"a\",\"Metadata\":{\"weight\":-7}}", "a", 0, "{\"weight\":-7}" },
		{ "{\"Addr\":\"a\",\"Metadata\":{\"weight\":\"7\"}}", "a", 0,
		  "{\"weight\":\"7\"}" },
		{ "{\"Addr\":\"a\",\"New\":[{}],\"Metadata\":{}}", "a", 0, "{}" },
	};
	struct weft_arena *arena = weft_arena_new();

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		struct weft_endpoint endpoint = { 0 };
		char error[256] = "";

		if (read_endpoint(cases[i].json, arena, error, &endpoint) < 0)
			fail_msg("%s: %s", cases[i].json, error);
		assert_string_equal(endpoint.address, cases[i].address);
		assert_int_equal(endpoint.weight, cases[i].weight);
		assert_int_equal(!endpoint.attributes, !cases[i].attributes);
		if (endpoint.attributes)
			assert_string_equal(endpoint.attributes, cases[i].attributes);
	}
	weft_arena_free(arena);
}

static void what_is_none_is_refused_in_words(void **state)
{
	static const struct {
		const char *json;
		const char *words;
	} cases[] = {
		{ "", "" },
		{ "nonsense", "" },
		{ "{}", "Addr" },
		{ "{\"Op\":0,\"Addr\":\"\"}", "Addr" },
		{ "{\"Addr\":1}", "Addr" },
		{ "[]", "" },
	};
	struct weft_arena *arena = weft_arena_new();

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		struct weft_endpoint endpoint;
		char error[256] = "";

		assert_int_equal(read_endpoint(cases[i].json, arena, error, &endpoint), -EINVAL);
		assert_true(error[0] != '\0');
		assert_non_null(strstr(error, cases[i].words));
	}
	weft_arena_free(arena);
}

static void versions_in_ranges(void **state)
{
	static const struct {
		const char *version, *range;
		int in;
	} cases[] = {
		{ "1.2.0", "1.2", 1 },
		{ "1.2.0", "1", 1 },
		{ "1.10.0", "1.9.9", 1 },
		{ "1.2.3", "1.2.3", 1 },
		{ "1.2.2", "1.2.3", 0 },
		{ "1.1.9", "1.2", 0 },
		{ "2.0.0", "1.2", 0 },
		{ "0.3.9", "0.3", 1 },
		{ "0.4.0", "0.3", 0 },
		{ "0.3.0", "0", 1 },
		{ "1.2.0+build", "1.2", 1 },
		{ "1.3.0-rc.1", "1.2", 0 },
		{ "1.2", "1.2", 0 },
		{ "", "1", 0 },
		{ NULL, "1", 0 },
		{ "1.2.0.1", "1.2", 0 },
		{ "1.9999999999.0", "1", 0 },
		{ "1.2.0", "", -EINVAL },
		{ "1.2.0", "^1.2", -EINVAL },
		{ "1.2.0", "1.", -EINVAL },
		{ "1.2.0", "1.2.3.4", -EINVAL },
		{ NULL, "x", -EINVAL },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++)
		if (weft_version_in(cases[i].version, cases[i].range) != cases[i].in)
			fail_msg("%s in %s is not %d", cases[i].version, cases[i].range,
				 cases[i].in);
}

static void the_scheme_is_registered_once(void **state)
{
	assert_int_equal(weft_etcd_register(NULL, NULL), 0);
	assert_int_equal(weft_etcd_register(NULL, NULL), -EEXIST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(endpoints_as_etcd_has_them),
		cmocka_unit_test(what_is_none_is_refused_in_words),
		cmocka_unit_test(versions_in_ranges),
		cmocka_unit_test(the_scheme_is_registered_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
