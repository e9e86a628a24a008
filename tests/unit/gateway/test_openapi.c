/* Which paths, parameters and bodies the rules become. What a validator thinks of a whole document
 * is tests/integration/test_explorer.py's. */
#include "rules.h"

#include <errno.h>

#include "openapi.h"

static const char *rules_path, *bad_path;

static char *document_of(const char *set, char error[256], int *ret_r)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	struct weft_schema *schema = rules_load(set);
	struct route_table *table;

	assert_non_null(schema);
	assert_int_equal(route_table_new(schema, error, &table), 0);
	*ret_r = openapi_write(schema, table, &out, error);
	weft_buffer_append_byte(&out, 0);
	route_table_free(table);
	weft_schema_free(schema);
	return (char *)out.data;
}

static void has(const char *document, const char *part)
{
	if (strstr(document, part))
		return;
	print_error("%s\n", document);
	fail_msg("not there: %s", part);
}

static unsigned count(const char *document, const char *part)
{
	unsigned n = 0;

	while ((document = strstr(document, part))) {
		document++;
		n++;
	}
	return n;
}

static void test_paths(void **state)
{
	char error[256];
	char *document;
	int r;

	document = document_of(rules_path, error, &r);
	assert_int_equal(r, 0);

	/* a parameter for each wildcard, called after its collection */
	has(document, "\"/v1/shelves/{shelve}/books/{book}\":{\"get\":");
	has(document, "\"/v1/shelves/{shelve}/books:move\":{\"post\":");
	has(document, "\"/v1/books/search\":{\"post\":");
	/* the second binding of a method has an id of its own */
	has(document, "\"operationId\":\"shelf_v1_Shelf_GetBook\"");
	has(document, "\"operationId\":\"shelf_v1_Shelf_GetBook_2\"");
	/* "**" may have slashes; "*" as a method is a POST */
	has(document, "\"/files/{name}\":{\"get\":");
	has(document, "It may have slashes.");
	has(document, "\"/any/{name}\":{\"post\":");
	/* one entry for a path, however many methods */
	assert_int_equal(count(document, "\"/v1/shelves/{shelve}/books/{book}\":"), 1);
	assert_int_equal(count(document, "\"/v1/books/{name}\":"), 1);
	/* without a rule there is no path */
	assert_null(strstr(document, "Unbound"));
	free(document);
}

static void test_a_wrong_example_is_refused(void **state)
{
	char error[256];
	char *document;
	int r;

	document = document_of(bad_path, error, &r);
	assert_int_equal(r, -EINVAL);
	assert_non_null(strstr(error, "the example of the field \"size\", \"many\": "));
	free(document);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_paths),
		cmocka_unit_test(test_a_wrong_example_is_refused),
	};

	rules_path = argv[1];
	bad_path = argv[2];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
