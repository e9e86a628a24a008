/* gRPC's status in HTTP's terms. */
#include "rules.h"

#include "contracts.h"
#include "http_status.h"

static void test_codes(void **state)
{
	static const unsigned expected[] = { 200, 499, 500, 400, 504, 404, 409, 403, 429,
					     400, 409, 400, 501, 500, 503, 500, 401 };

	for (size_t i = 0; i < WEFT_COUNT(expected); i++)
		assert_int_equal(http_status_of((enum weft_code)i), expected[i]);
	assert_int_equal(http_status_of((enum weft_code)99), 500);
}

static void body_is(const struct weft_status *status, const struct weft_schema *schema,
		    const char *expected)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;

	assert_int_equal(http_status_body(status, schema, &out), 0);
	weft_buffer_append_byte(&out, 0);
	assert_string_equal((char *)out.data, expected);
	weft_buffer_fini(&out);
}

static void test_bodies(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	struct weft_buffer line = WEFT_BUFFER_INIT;
	struct weft_schema *schema;
	struct weft_status status;

	weft_schema_new(&schema);
	assert_int_equal(weft_schema_add_set(schema, contracts_descriptor_set, NULL), 0);
	weft_status_init(&status, arena, WEFT_NOT_FOUND, "no product \"%s\"", "x");
	body_is(&status, schema,
		"{\"code\":5,\"message\":\"no product \\\"x\\\"\",\"details\":[]}");

	weft_status_init(&status, arena, WEFT_INVALID_ARGUMENT, "bad");
	weft_status_add_violation(&status, arena, "lines[2]", "is empty");
	weft_status_add_detail(&status, arena, "nobody.knows.This",
			       (struct weft_bytes) { (const uint8_t *)"\xff\x00", 2 });
	body_is(&status, schema,
		"{\"code\":3,\"message\":\"bad\",\"details\":["
		"{\"@type\":\"type.googleapis.com/google.rpc.BadRequest\","
		"\"fieldViolations\":[{\"field\":\"lines[2]\",\"description\":\"is empty\"}]},"
		"{\"@type\":\"type.googleapis.com/nobody.knows.This\",\"value\":\"/wA=\"}]}");
	body_is(&(struct weft_status) { .code = WEFT_INTERNAL }, NULL,
		"{\"code\":13,\"message\":\"\",\"details\":[]}");

	weft_status_init(&status, arena, WEFT_ABORTED, "gone");
	assert_int_equal(http_status_error_line(&status, NULL, &line), 0);
	weft_buffer_append_byte(&line, 0);
	assert_string_equal((char *)line.data,
			    "{\"error\":{\"code\":10,\"message\":\"gone\",\"details\":[]}}\n");
	weft_buffer_fini(&line);
	weft_schema_free(schema);
	weft_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_bodies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
