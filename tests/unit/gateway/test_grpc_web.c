/* The forms of gRPC-Web. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "grpc_web.h"

static void test_content_types(void **state)
{
	static const struct {
		const char *type;
		int dialect; /* -1: none */
	} cases[] = {
		{ "application/grpc", GRPC_PLAIN },
		{ "application/grpc+proto", GRPC_PLAIN },
		{ "application/grpc;charset=x", GRPC_PLAIN },
		{ "application/grpc-web", GRPC_WEB },
		{ "application/grpc-web+proto", GRPC_WEB },
		{ "application/grpc-web-text", GRPC_WEB_TEXT },
		{ "application/grpc-web-text+proto", GRPC_WEB_TEXT },
		{ "application/grpc-webs", -1 },
		{ "application/grpcx", -1 },
		{ "application/json", -1 },
		{ "", -1 },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		enum grpc_dialect dialect;
		bool known = grpc_dialect_of(cases[i].type, &dialect);

		assert_int_equal(known ? (int)dialect : -1, cases[i].dialect);
	}
}

/* Whatever the pieces, and with padding in the middle. */
static void test_text(void **state)
{
	static const char text[] = "AAAAAAI=aGkhbW9yZQ==bGFzdA==";
	static const char expected[] = "\0\0\0\0\2hi!morelast";

	for (size_t piece = 1; piece < sizeof(text); piece++) {
		struct grpc_web_decoder decoder = { 0 };
		struct weft_buffer out = WEFT_BUFFER_INIT;

		for (size_t at = 0; at < sizeof(text) - 1; at += piece) {
			size_t len = sizeof(text) - 1 - at;

			len = len < piece ? len : piece;
			assert_int_equal(
				grpc_web_decode(&decoder, (const uint8_t *)text + at, len, &out),
				0);
		}
		assert_int_equal(decoder.n, 0);
		assert_int_equal(out.len, sizeof(expected) - 1);
		assert_memory_equal(out.data, expected, out.len);
		weft_buffer_fini(&out);
	}
}

static void test_what_is_no_base64(void **state)
{
	static const char *const texts[] = { "AA*A", "A===", "====", "A A=", "AA=A" };

	for (size_t i = 0; i < WEFT_COUNT(texts); i++) {
		struct grpc_web_decoder decoder = { 0 };
		struct weft_buffer out = WEFT_BUFFER_INIT;

		assert_int_equal(grpc_web_decode(&decoder, (const uint8_t *)texts[i], 4, &out),
				 -EINVAL);
		weft_buffer_fini(&out);
	}
}

static void test_encoding_and_back(void **state)
{
	uint8_t bytes[64];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 37 + 11);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct weft_buffer text = WEFT_BUFFER_INIT, out = WEFT_BUFFER_INIT;
		struct grpc_web_decoder decoder = { 0 };

		assert_int_equal(grpc_web_encode(bytes, len, &text), 0);
		assert_int_equal(text.len, (len + 2) / 3 * 4);
		assert_int_equal(grpc_web_decode(&decoder, text.data, text.len, &out), 0);
		assert_int_equal(out.len, len);
		if (len > 0)
			assert_memory_equal(out.data, bytes, len);
		weft_buffer_fini(&text);
		weft_buffer_fini(&out);
	}
}

static void test_trailers(void **state)
{
	static const char expected[] = "\x80\0\0\0\x28"
				       "grpc-status: 5\r\ngrpc-message: not here\r\n";
	const struct weft_h2_header fields[] = {
		WEFT_H2_HEADER("grpc-status", "5"),
		WEFT_H2_HEADER("grpc-message", "not here"),
	};
	struct weft_buffer out = WEFT_BUFFER_INIT;

	assert_int_equal(grpc_web_trailers(fields, 2, &out), 0);
	assert_int_equal(out.len, sizeof(expected) - 1);
	assert_memory_equal(out.data, expected, out.len);
	weft_buffer_fini(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content_types),     cmocka_unit_test(test_text),
		cmocka_unit_test(test_what_is_no_base64), cmocka_unit_test(test_encoding_and_back),
		cmocka_unit_test(test_trailers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
