/* Small texts on the wire: timeouts, percent-encoding, base64, paths, protobuf's varints. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/protobuf.h>

#include <cmocka.h>

#include "wire/base64.h"
#include "wire/path.h"
#include "wire/percent.h"
#include "wire/spiffe.h"
#include "wire/timeout.h"

static void timeouts_are_formatted_in_the_finest_unit(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0n" },
		{ 1, "1n" },
		{ 99999999, "99999999n" },
		{ 100000000, "100000u" },
		{ 100000001, "100001u" }, /* rounded up */
		{ 5 * WEFT_SECOND, "5000000u" },
		{ 99999999 * WEFT_US + 1, "100000m" },
		{ 100000 * WEFT_SECOND, "100000S" },
		{ UINT64_MAX, "5124096H" },
	};

	for (size_t i = 0; i < WEFT_COUNT(cases); i++) {
		char text[WEFT_TIMEOUT_SIZE];
		uint64_t back;
		size_t len;

		len = weft_timeout_format(cases[i].ns, text);
		assert_int_equal(len, strlen(text));
		assert_string_equal(text, cases[i].text);
		assert_int_equal(weft_timeout_parse(text, strlen(text), &back), 0);
		assert_true(back >= cases[i].ns);
	}
}

static void timeouts_are_parsed_strictly(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "1H", 3600 * WEFT_SECOND }, { "2M", 120 * WEFT_SECOND },
		{ "3S", 3 * WEFT_SECOND },    { "4m", 4 * WEFT_MS },
		{ "5u", 5 * WEFT_US },        { "00000006n", 6 },
		{ "99999999H", WEFT_NEVER },
	};
	static const char *const bad[] = { "",    "1",    "S",  "1s",         "-1S", "+1S", " 1S",
					   "1S ", "1.5S", "1h", "100000000S", "1SS", "0x1S" };
	uint64_t ns = 42;

	for (size_t i = 0; i < WEFT_COUNT(bad); i++)
		assert_int_equal(weft_timeout_parse(bad[i], strlen(bad[i]), &ns), -EINVAL);
	assert_int_equal(ns, 42);
	for (size_t i = 0; i < WEFT_COUNT(good); i++) {
		assert_int_equal(weft_timeout_parse(good[i].text, strlen(good[i].text), &ns), 0);
		assert_true(ns == good[i].ns);
	}
}

static void percent_encoding_goes_both_ways(void **state)
{
	static const char *const pairs[][2] = {
		{ "", "" },
		{ "plain ~ text", "plain ~ text" },
		{ "100%", "100%25" },
		{ "a\tb\r\n", "a%09b%0D%0A" },
		{ "\u2603", "%E2%98%83" },
		{ "\x7f\xff", "%7F%FF" },
	};
	struct weft_arena *arena = weft_arena_new();

	for (size_t i = 0; i < WEFT_COUNT(pairs); i++) {
		const char *text = pairs[i][0], *encoded = pairs[i][1];
		size_t len;

		assert_string_equal(weft_percent_encode(arena, text, strlen(text), &len), encoded);
		assert_int_equal(len, strlen(encoded));
		assert_string_equal(weft_percent_decode(arena, encoded, len), text);
	}
	weft_arena_free(arena);
}

static void garbled_percents_stay(void **state)
{
	static const char *const pairs[][2] = {
		{ "100%", "100%" }, { "%4", "%4" },       { "%zz!", "%zz!" },
		{ "%%41", "%A" },   { "a%00b", "a%00b" }, { "%e2%98%83", "\u2603" },
	};
	struct weft_arena *arena = weft_arena_new();

	for (size_t i = 0; i < WEFT_COUNT(pairs); i++)
		assert_string_equal(weft_percent_decode(arena, pairs[i][0], strlen(pairs[i][0])),
				    pairs[i][1]);
	weft_arena_free(arena);
}

static int decode(const char *text, enum weft_base64 alphabet, uint8_t bytes[64], size_t *len)
{
	char *copy = malloc(strlen(text) + !*text); /* no NUL: a read beyond it is noticed */
	int r;

	memcpy(copy, text, strlen(text));
	r = weft_base64_decode(copy, strlen(text), alphabet, bytes, len);
	free(copy);
	return r;
}

static void base64_goes_both_ways(void **state)
{
	static const char *const pairs[][2] = { { "", "" },
						{ "f", "Zg==" },
						{ "fo", "Zm8=" },
						{ "foo", "Zm9v" },
						{ "foob", "Zm9vYg==" },
						{ "fooba", "Zm9vYmE=" },
						{ "foobar", "Zm9vYmFy" } };

	for (size_t i = 0; i < WEFT_COUNT(pairs); i++) {
		const char *plain = pairs[i][0], *encoded = pairs[i][1];
		size_t bare = strcspn(encoded, "="), len;
		char text[64] = "";
		uint8_t bytes[64];

		len = weft_base64_encode(plain, strlen(plain), WEFT_BASE64_STANDARD, true, text);
		assert_int_equal(len, strlen(encoded));
		assert_memory_equal(text, encoded, len);
		assert_true(len <= weft_base64_encoded_size(strlen(plain)));
		assert_int_equal(
			weft_base64_encode(plain, strlen(plain), WEFT_BASE64_STANDARD, false, text),
			bare);
		assert_int_equal(decode(encoded, WEFT_BASE64_STANDARD, bytes, &len), 0);
		assert_int_equal(len, strlen(plain));
		assert_memory_equal(bytes, plain, len);
		text[bare] = '\0';
		assert_int_equal(decode(text, WEFT_BASE64_URL, bytes, &len), 0);
		assert_int_equal(len, strlen(plain));
	}
}

static void base64_is_strict(void **state)
{
	static const char *const bad[] = {
		"Z",      "Zg=",  "Zg===", "=",    "====",     "Zm9v=", "Zm=9v", "Zm 9v",
		"Zm9v\n", "Zh==", "Zm9=",  "Z===", "Zg==Zg==", "Zm9v*", "-_-_",  "Zm8\xc3"
	};
	uint8_t bytes[64];
	size_t len = 42;

	for (size_t i = 0; i < WEFT_COUNT(bad); i++)
		assert_int_equal(decode(bad[i], WEFT_BASE64_STANDARD, bytes, &len), -EINVAL);
	assert_int_equal(decode("+/+/", WEFT_BASE64_URL, bytes, &len), -EINVAL);
	assert_int_equal(len, 42);
	assert_int_equal(decode("-_-_", WEFT_BASE64_URL, bytes, &len), 0);
	assert_memory_equal(bytes, "\xfb\xff\xbf", 3);
	/* proto3 JSON: either alphabet, spare bits may be set */
	assert_int_equal(decode("-_", WEFT_BASE64_ANY, bytes, &len), 0);
	assert_int_equal(len, 1);
	assert_int_equal(bytes[0], 0xfb);
	assert_int_equal(decode("+_+/", WEFT_BASE64_ANY, bytes, &len), 0);
}

static void paths_are_split(void **state)
{
	static const char *const bad[] = { "",    "/",     "//",     "/a",       "/a/",
					   "//b", "a.B/c", "/a b/c", "/a/b\x7f", "/a/\xc3" };
	static const char good[] = "/pkg.Service/Method";
	struct weft_path path;

	for (size_t i = 0; i < WEFT_COUNT(bad); i++)
		assert_int_equal(weft_path_split(bad[i], strlen(bad[i]), &path), -EINVAL);
	assert_int_equal(weft_path_split(good, sizeof(good) - 1, &path), 0);
	assert_int_equal(path.service_len, strlen("pkg.Service"));
	assert_memory_equal(path.service, "pkg.Service", path.service_len);
	assert_int_equal(path.method_len, strlen("Method"));
	assert_memory_equal(path.method, "Method", path.method_len);
}

static void varints_go_both_ways(void **state)
{
	static const uint64_t values[] = { 0, 1, 127, 128, 16383, 16384, UINT32_MAX, UINT64_MAX };

	for (size_t i = 0; i < WEFT_COUNT(values); i++) {
		struct weft_buffer buffer = WEFT_BUFFER_INIT;
		struct weft_wire_field field;
		struct weft_bytes rest;

		assert_int_equal(weft_wire_append_number(&buffer, 536870911, values[i]), 0);
		rest = (struct weft_bytes) { buffer.data, buffer.len };
		assert_int_equal(weft_wire_next(&rest, &field), 1);
		assert_int_equal(field.number, 536870911);
		assert_true(field.value == values[i]);
		assert_int_equal(rest.len, 0);
		rest = (struct weft_bytes) { buffer.data, buffer.len - 1 };
		assert_int_equal(weft_wire_next(&rest, &field), -EBADMSG);
		weft_buffer_fini(&buffer);
	}
}

static void spiffe_ids_are_strict(void **state)
{
	static const char *const good[] = {
		"spiffe://example.org",
		"spiffe://example.org/shop/orders",
		"spiffe://a-b_c.d/A.b-c_9/...",
		"spiffe://1.2.3.4/x",
	};
	static const char *const bad[] = {
		"",
		"spiffe:",
		"spiffe://",
		"spiffe:///shop",
		"https://example.org/shop",
		"SPIFFE://example.org",
		"spiffe://Example.org",
		"spiffe://example.org/",
		"spiffe://example.org/a/",
		"spiffe://example.org//a",
		"spiffe://example.org/./a",
		"spiffe://example.org/../a",
		"spiffe://example.org:443/a",
		"spiffe://me@example.org",
		"spiffe://example.org/a?b",
		"spiffe://example.org/a#b",
		"spiffe://example.org/%41",
		"spiffe://example.org/a b",
		"spiffe://ex\u00e4mple.org/a",
	};
	char *longest = strdup("spiffe://example.org/");

	for (size_t i = 0; i < WEFT_COUNT(good); i++)
		if (!weft_spiffe_id_valid(good[i]))
			fail_msg("\"%s\" is one", good[i]);
	for (size_t i = 0; i < WEFT_COUNT(bad); i++)
		if (weft_spiffe_id_valid(bad[i]))
			fail_msg("\"%s\" is none", bad[i]);
	longest = realloc(longest, 2050);
	memset(longest + strlen(longest), 'a', 2048 - strlen("spiffe://example.org/"));
	longest[2048] = '\0';
	assert_true(weft_spiffe_id_valid(longest));
	strcpy(longest + 2048, "a");
	assert_false(weft_spiffe_id_valid(longest));
	free(longest);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timeouts_are_formatted_in_the_finest_unit),
		cmocka_unit_test(timeouts_are_parsed_strictly),
		cmocka_unit_test(percent_encoding_goes_both_ways),
		cmocka_unit_test(garbled_percents_stay),
		cmocka_unit_test(base64_goes_both_ways),
		cmocka_unit_test(base64_is_strict),
		cmocka_unit_test(paths_are_split),
		cmocka_unit_test(spiffe_ids_are_strict),
		cmocka_unit_test(varints_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
