/* What a request's headers say about the call upstream, and what an error's details say about the
 * answer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "call_options.h"
#include "errors.h"

static int timeout_of(const char *name, const char *value, uint64_t *ret_ns)
{
	struct weft_h2_header header = WEFT_H2_HEADER(name, value);
	struct exchange exchange = { .headers = &header, .n_headers = 1 };
	const char *fault = NULL;
	int r = call_options_timeout(&exchange, ret_ns, &fault);

	assert_true((r < 0) == (fault != NULL));
	return r;
}

static void test_timeouts(void **state)
{
	static const struct {
		const char *name, *value;
		uint64_t ns; /* 0: refused */
	} table[] = {
		{ "x-request-timeout", "2", 2 * WEFT_SECOND },
		{ "x-request-timeout", "2.5", 2500 * WEFT_MS },
		{ "x-request-timeout", "0.000000001", 1 },
		{ "x-request-timeout", "999999999", UINT64_C(366) * 86400 * WEFT_SECOND },
		{ "x-request-timeout", "0", 0 },
		{ "x-request-timeout", "", 0 },
		{ "x-request-timeout", "-1", 0 },
		{ "x-request-timeout", "1s", 0 },
		{ "x-request-timeout", "1.", 0 },
		{ "x-request-timeout", ".5", 0 },
		{ "x-request-timeout", "1e3", 0 },
		{ "x-request-timeout", "0.0000000001", 0 },
		{ "x-request-timeout", "9999999999", 0 },
		{ "grpc-timeout", "1H", 3600 * WEFT_SECOND },
		{ "grpc-timeout", "1M", 60 * WEFT_SECOND },
		{ "grpc-timeout", "5S", 5 * WEFT_SECOND },
		{ "grpc-timeout", "100m", 100 * WEFT_MS },
		{ "grpc-timeout", "7u", 7 * WEFT_US },
		{ "grpc-timeout", "99999999n", 99999999 },
		{ "grpc-timeout", "99999999H", UINT64_C(366) * 86400 * WEFT_SECOND },
		{ "grpc-timeout", "100000000n", 0 },
		{ "grpc-timeout", "5", 0 },
		{ "grpc-timeout", "S", 0 },
		{ "grpc-timeout", "5s", 0 },
		{ "grpc-timeout", "5S ", 0 },
		{ "grpc-timeout", "0S", 0 },
	};

	for (size_t i = 0; i < WEFT_COUNT(table); i++) {
		uint64_t ns = 0;

		assert_int_equal(timeout_of(table[i].name, table[i].value, &ns),
				 table[i].ns ? 0 : -EINVAL);
		assert_int_equal(ns, table[i].ns);
	}

	uint64_t none = 1;

	assert_int_equal(timeout_of("accept", "5S", &none), 0);
	assert_int_equal(none, 0);
}

static void test_metadata_that_goes_on(void **state)
{
	struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":path", "/"),
		WEFT_H2_HEADER("authorization", "Bearer t"),
		WEFT_H2_HEADER("authorization", "Bearer second"),
		WEFT_H2_HEADER("cookie", "secret"),
		WEFT_H2_HEADER("grpc-metadata-shop", "north"),
		WEFT_H2_HEADER("grpc-metadata-key-bin", "AAAA"),
		WEFT_H2_HEADER("grpc-metadata-grpc-status", "0"),
		WEFT_H2_HEADER("grpc-metadata-traceparent", "mine"),
		WEFT_H2_HEADER("grpc-metadata-", "empty"),
		WEFT_H2_HEADER("accept-language", "caf\xc3\xa9"),
		WEFT_H2_HEADER("x-request-id", "the client's"),
	};
	struct exchange exchange = {
		.arena = weft_arena_new(),
		.headers = headers,
		.n_headers = WEFT_COUNT(headers),
		.request_id = "kept",
	};
	struct weft_metadata metadata = WEFT_METADATA_INIT;

	call_options_metadata(&exchange, &metadata);
	assert_int_equal(metadata.n, 4);
	assert_string_equal(weft_metadata_get(&metadata, "authorization"), "Bearer t");
	assert_string_equal(weft_metadata_get(&metadata, "shop"), "north");
	assert_string_equal(weft_metadata_get(&metadata, "x-request-id"), "kept");
	assert_int_equal(strlen(weft_metadata_get(&metadata, "traceparent")), 55);
	weft_arena_free(exchange.arena);
}

static void test_retry_after(void **state)
{
	static const struct {
		uint64_t delay_ns;
		unsigned seconds;
	} table[] = {
		{ 1, 1 },
		{ WEFT_SECOND, 1 },
		{ WEFT_SECOND + 1, 2 },
		{ 2500 * WEFT_MS, 3 },
		{ UINT64_C(1000000) * WEFT_SECOND, 86400 },
	};

	for (size_t i = 0; i < WEFT_COUNT(table); i++) {
		struct weft_arena *arena = weft_arena_new();
		struct weft_status status;

		weft_status_init(&status, arena, WEFT_UNAVAILABLE, "later");
		weft_status_add_error_info(&status, arena, "BUSY", "test");
		assert_int_equal(errors_retry_after(status.details, 7), 7);
		weft_status_add_retry_info(&status, arena, table[i].delay_ns);
		assert_int_equal(errors_retry_after(status.details, 7), table[i].seconds);

		/* Cut anywhere, it says the same or nothing, and reads no further. */
		for (size_t len = 0; len < status.details.len; len++) {
			uint8_t *copy = malloc(len ? len : 1);
			unsigned seconds;

			assert_non_null(copy);
			memcpy(copy, status.details.data, len);
			seconds = errors_retry_after((struct weft_bytes) { copy, len }, 7);
			assert_true(seconds == 7 || seconds == table[i].seconds);
			free(copy);
		}
		weft_arena_free(arena);
	}
	assert_int_equal(errors_retry_after((struct weft_bytes) { NULL, 0 }, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_metadata_that_goes_on),
		cmocka_unit_test(test_retry_after),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
