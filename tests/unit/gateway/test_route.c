/* Which rule answers which request; and rules that are none. */
#include "rules.h"

#include <errno.h>
#include <weft/protobuf.h>

#include "route.h"

static struct weft_schema *schema;
static struct route_table *table;

static const struct {
	const char *method, *path;
	const char *expected; /* "Method var=capture …", "404", or "405 GET, POST" */
} requests[] = {
	{ "GET", "/v1/shelves/1/books/2", "GetBook name=shelves/1/books/2" },
	{ "DELETE", "/v1/shelves/1/books/2", "DeleteBook name=shelves/1/books/2" },
	{ "PATCH", "/v1/shelves/1/books/2", "UpdateBook book.name=shelves/1/books/2" },
	{ "POST", "/v1/shelves/1/books/2", "405 GET, PATCH, PUT, DELETE" },
	{ "GET", "/v1/shelves/1/books", "ListBooks parent=shelves/1" },
	{ "POST", "/v1/shelves/1/books", "CreateBook parent=shelves/1" },
	{ "GET", "/v1/books/x", "GetBook name=x" },
	{ "HEAD", "/v1/books/x", "Head name=x" },
	{ "PUT", "/v1/books/x", "405 GET, HEAD" },

	/* A literal comes first, but does not hide the variable from another HTTP method. */
	{ "POST", "/v1/books/search", "SearchBooks" },
	{ "GET", "/v1/books/search", "GetBook name=search" },
	{ "DELETE", "/v1/books/search", "405 POST, GET, HEAD" },

	/* Verbs. */
	{ "POST", "/v1/shelves/1/books:move", "MoveBook parent=shelves/1" },
	{ "POST", "/v1/shelves/1/books:import", "ImportBooks parent=shelves/1" },
	{ "GET", "/v1/shelves/1/books:move", "405 POST" },
	{ "POST", "/v1/shelves/1/books:burn", "404" },
	{ "GET", "/v1/books/a:b", "GetBook name=a:b" },
	{ "POST", "/v1/shelves/1/books%3Amove", "404" },

	/* "**" */
	{ "GET", "/files/a", "GetFile name=a" },
	{ "GET", "/files/a/b/c.txt", "GetFile name=a/b/c.txt" },
	{ "GET", "/files", "GetFile name=" },

	/* Encoding: kept in captures, undone in literals. */
	{ "GET", "/v1/books/a%2Fb%20c", "GetBook name=a%2Fb%20c" },
	{ "GET", "/%761/%62ooks/x", "GetBook name=x" },
	{ "GET", "/v1%2Fbooks/x", "404" },

	{ "WHATEVER", "/any/x", "Anything name=x" },

	{ "GET", "", "404" },
	{ "GET", "/", "404" },
	{ "GET", "v1/books/x", "404" },
	{ "GET", "/v1/books", "404" },
	{ "GET", "/v1/books/", "404" },
	{ "GET", "/v1/books//", "404" },
	{ "GET", "/v1//books/x", "404" },
	{ "GET", "/v1/books/x/", "404" },
	{ "GET", "/v1/books/..", "404" },
	{ "GET", "/v1/books/%2e%2E", "404" },
	{ "GET", "/files/a/../b", "404" },
	{ "GET", "/v1/Books/x", "404" },
	{ "get", "/v1/books/x", "405 GET, HEAD" },
	{ "POST", "/shelf.v1.Shelf/Unbound", "404" },
};

static void describe(enum route_result result, const struct route_match *match, const char *allow,
		     char *text, size_t size)
{
	int n;

	if (result != ROUTE_FOUND) {
		snprintf(text, size, result == ROUTE_NOT_FOUND ? "404" : "405 %s", allow);
		return;
	}
	n = snprintf(text, size, "%s", match->binding->method->name);
	for (size_t i = 0; i < match->binding->n_variables; i++)
		n += snprintf(text + n, size - (size_t)n, " %s=%.*s",
			      match->binding->variables[i].path.text, (int)match->captures[i].len,
			      match->captures[i].data);
}

static void test_requests(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(requests); i++) {
		char allow[ROUTE_ALLOW_MAX], text[256];
		struct route_match match;
		enum route_result result = route_lookup(table, requests[i].method, requests[i].path,
							strlen(requests[i].path), &match, allow);

		describe(result, &match, allow, text, sizeof(text));
		if (strcmp(text, requests[i].expected) != 0)
			fail_msg("%s %s: %s, not %s", requests[i].method, requests[i].path, text,
				 requests[i].expected);
	}
}

static void test_a_path_may_be_of_any_length(void **state)
{
	struct weft_buffer path = WEFT_BUFFER_INIT;
	char allow[ROUTE_ALLOW_MAX];
	struct route_match match;

	weft_buffer_append_string(&path, "/files");
	for (size_t i = 1; i < ROUTE_MAX_SEGMENTS; i++)
		weft_buffer_append_string(&path, "/x");
	assert_int_equal(route_lookup(table, "GET", (char *)path.data, path.len, &match, allow),
			 ROUTE_FOUND);
	weft_buffer_append_string(&path, "/x");
	assert_int_equal(route_lookup(table, "GET", (char *)path.data, path.len, &match, allow),
			 ROUTE_NOT_FOUND);
	weft_buffer_fini(&path);
}

static void test_bindings_are_listed_in_order(void **state)
{
	assert_string_equal(route_table_at(table, 0)->template, "/v1/{name=shelves/*/books/*}");
	assert_string_equal(route_table_at(table, 1)->template, "/v1/books/{name}");
	assert_string_equal(route_table_at(table, 1)->service->full_name, "shelf.v1.Shelf");
	assert_null(route_table_at(table, 100));
}

/* A set with one service "S" of methods with the given rules; each has the field `name` in request
 * and response, a message `inner` of the same, and a list `names`. */
static void put_field(struct weft_buffer *set, const char *name, int number, int label, int type)
{
	size_t field;

	weft_wire_begin(set, 2, &field);
	weft_wire_append_bytes(set, 1, name, strlen(name));
	weft_wire_append_number(set, 3, (uint64_t)number);
	weft_wire_append_number(set, 4, (uint64_t)label);
	weft_wire_append_number(set, 5, (uint64_t)type);
	if (type == WEFT_TYPE_MESSAGE)
		weft_wire_append_bytes(set, 6, ".M", 2);
	weft_wire_end(set, field);
}

static void put_method(struct weft_buffer *set, const char *name, const char *get, const char *body)
{
	size_t method, options, rule;

	weft_wire_begin(set, 2, &method);
	weft_wire_append_bytes(set, 1, name, strlen(name));
	weft_wire_append_bytes(set, 2, ".M", 2);
	weft_wire_append_bytes(set, 3, ".M", 2);
	weft_wire_begin(set, 4, &options);
	weft_wire_begin(set, 72295728, &rule);
	if (get)
		weft_wire_append_bytes(set, 2, get, strlen(get));
	if (body)
		weft_wire_append_bytes(set, 7, body, strlen(body));
	weft_wire_end(set, rule);
	weft_wire_end(set, options);
	weft_wire_end(set, method);
}

struct set {
	struct weft_buffer bytes;
	size_t file, service;
};

static void begin_set(struct set *set)
{
	size_t message;

	*set = (struct set) { .bytes = WEFT_BUFFER_INIT };
	weft_wire_begin(&set->bytes, 1, &set->file);
	weft_wire_append_bytes(&set->bytes, 1, "s.proto", 7);
	weft_wire_append_bytes(&set->bytes, 12, "proto3", 6);
	weft_wire_begin(&set->bytes, 4, &message);
	weft_wire_append_bytes(&set->bytes, 1, "M", 1);
	put_field(&set->bytes, "name", 1, 1, WEFT_TYPE_STRING);
	put_field(&set->bytes, "inner", 2, 1, WEFT_TYPE_MESSAGE);
	put_field(&set->bytes, "names", 3, 3, WEFT_TYPE_STRING);
	weft_wire_end(&set->bytes, message);
	weft_wire_begin(&set->bytes, 6, &set->service);
	weft_wire_append_bytes(&set->bytes, 1, "S", 1);
}

static struct weft_schema *end_set(struct set *set)
{
	struct weft_schema *loaded;
	char error[256];

	weft_wire_end(&set->bytes, set->service);
	weft_wire_end(&set->bytes, set->file);
	weft_schema_new(&loaded);
	assert_int_equal(
		weft_schema_add_set(loaded, (struct weft_bytes) { set->bytes.data, set->bytes.len },
				    error),
		0);
	weft_buffer_fini(&set->bytes);
	return loaded;
}

static void refused(const char *first, const char *second, const char *body, int expected,
		    const char *words)
{
	struct route_table *built = NULL;
	struct weft_schema *one;
	char error[256] = "";
	struct set set;
	int r;

	begin_set(&set);
	put_method(&set.bytes, "A", first, body);
	if (second)
		put_method(&set.bytes, "B", second, NULL);
	one = end_set(&set);
	r = route_table_new(one, error, &built);
	if (r != expected || strcmp(error, words) != 0)
		fail_msg("%s: %d \"%s\", not %d \"%s\"", first ?: "", r, error, expected, words);
	assert_null(built);
	weft_schema_free(one);
}

#define MANY 10000

static unsigned steps_in(const struct route_table *routes, unsigned i)
{
	char path[64], allow[ROUTE_ALLOW_MAX];
	struct route_match match;

	snprintf(path, sizeof(path), "/v1/kind%u/x/part%u/y", i, i);
	assert_int_equal(route_lookup(routes, "GET", path, strlen(path), &match, allow),
			 ROUTE_FOUND);
	snprintf(path, sizeof(path), "M%u", i);
	assert_string_equal(match.binding->method->name, path);
	return match.steps;
}

/* A lookup walks as many nodes as its path has segments, however many routes there are. */
static void test_ten_thousand_routes(void **state)
{
	char template[64], name[16], allow[ROUTE_ALLOW_MAX], error[256];
	struct route_table *routes;
	struct weft_schema *many;
	struct route_match match;
	struct set set;

	begin_set(&set);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "M%u", i);
		snprintf(template, sizeof(template), "/v1/kind%u/{name=*}/part%u/*", i, i);
		put_method(&set.bytes, name, template, NULL);
	}
	many = end_set(&set);
	assert_int_equal(route_table_new(many, error, &routes), 0);
	for (unsigned i = 0; i < MANY; i += 97)
		assert_int_equal(steps_in(routes, i), 6);
	assert_int_equal(steps_in(routes, MANY - 1), 6);
	assert_int_equal(route_lookup(routes, "GET", "/v1/kind10000/x/part1/y", 23, &match, allow),
			 ROUTE_NOT_FOUND);
	route_table_free(routes);
	weft_schema_free(many);
}

static void test_rules_that_are_none(void **state)
{
	static const struct {
		const char *template, *words;
	} cases[] = {
		{ "v1", "S/A: \"v1\", character 1: it must begin with '/'" },
		{ "/", "S/A: \"/\", character 2: expected a segment" },
		{ "/a//b", "S/A: \"/a//b\", character 4: expected a segment" },
		{ "/a/", "S/A: \"/a/\", character 4: expected a segment" },
		{ "/a:", "S/A: \"/a:\", character 4: expected a verb after ':'" },
		{ "/a:b/c", "S/A: \"/a:b/c\", character 5: expected '/', ':' or the end" },
		{ "/{name", "S/A: \"/{name\", character 7: expected '}'" },
		{ "/{}", "S/A: \"/{}\", character 3: expected a field's name" },
		{ "/{name=}", "S/A: \"/{name=}\", character 8: expected a segment" },
		{ "/{name=a/{names}}",
		  "S/A: \"/{name=a/{names}}\", character 10: a variable cannot have another one "
		  "inside" },
		{ "/**/a", "S/A: \"/**/a\", character 6: \"**\" must be the last segment" },
		{ "/{name=**}/a",
		  "S/A: \"/{name=**}/a\", character 13: \"**\" must be the last segment" },
		{ "/{name}/{name}",
		  "S/A: \"/{name}/{name}\", character 14: a variable stands there twice" },
		{ "/a*", "S/A: \"/a*\", character 3: expected '/', ':' or the end" },
		{ "/{nam}", "S/A: no field \"nam\" in M" },
		{ "/{inner}", "S/A: \"inner\" cannot be a variable of the path" },
		{ "/{names}", "S/A: \"names\" cannot be a variable of the path" },
		{ "/{name.x}", "S/A: no field \"name.x\" in M" },
		{ NULL, "S/A: the rule has no HTTP method and path" },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++)
		refused(cases[i].template, NULL, NULL, -EINVAL, cases[i].words);
	refused("/a", NULL, "nothing", -EINVAL, "S/A: no field \"nothing\" in M");
}

static void test_two_rules_for_the_same_requests(void **state)
{
	refused("/v1/{name=a/*}", "/v1/a/{inner.name}", NULL, -EEXIST,
		"S/B: GET \"/v1/a/{inner.name}\" is S/A's already (\"/v1/{name=a/*}\")");
	refused("/v1/**", "/v1/{name=**}", NULL, -EEXIST,
		"S/B: GET \"/v1/{name=**}\" is S/A's already (\"/v1/**\")");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_a_path_may_be_of_any_length),
		cmocka_unit_test(test_bindings_are_listed_in_order),
		cmocka_unit_test(test_rules_that_are_none),
		cmocka_unit_test(test_two_rules_for_the_same_requests),
		cmocka_unit_test(test_ten_thousand_routes),
	};
	char error[256];
	int failed;

	schema = argc == 2 ? rules_load(argv[1]) : NULL;
	if (!schema || route_table_new(schema, error, &table) < 0)
		return 99;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	route_table_free(table);
	weft_schema_free(schema);
	return failed;
}
