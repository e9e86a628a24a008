/* Metadata and statuses as header fields: what users may see, and what a garbled peer can do. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/metadata_wire.h"
#include "wire/trailer.h"

static void metadata_is_what_is_left(void **state)
{
	static const uint8_t first[] = { 0, 1 }, second[] = { 0xff };
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":path", "/a/b"),
		WEFT_H2_HEADER("content-type", "application/grpc"),
		WEFT_H2_HEADER("grpc-timeout", "1S"),
		WEFT_H2_HEADER("te", "trailers"),
		WEFT_H2_HEADER("x-plain", "  a, b "),
		WEFT_H2_HEADER("x-data-bin", "AAE=,  /w"),
		WEFT_H2_HEADER("x-plain", "c"),
		WEFT_H2_HEADER("x-empty-bin", ""),
	};
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	struct weft_arena *arena = weft_arena_new();

	assert_int_equal(weft_metadata_from_wire(headers, WEFT_COUNT(headers), arena, &metadata),
			 0);
	assert_int_equal(metadata.n, 5);
	assert_string_equal(metadata.entries[0].name, "x-plain");
	assert_string_equal((char *)metadata.entries[0].value, "a, b");
	assert_string_equal(metadata.entries[1].name, "x-data-bin");
	assert_int_equal(metadata.entries[1].len, sizeof(first));
	assert_memory_equal(metadata.entries[1].value, first, sizeof(first));
	assert_int_equal(metadata.entries[2].len, sizeof(second));
	assert_memory_equal(metadata.entries[2].value, second, sizeof(second));
	assert_string_equal((char *)metadata.entries[3].value, "c");
	assert_int_equal(metadata.entries[4].len, 0);
	weft_arena_free(arena);
}

static void garbled_metadata_is_refused(void **state)
{
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER("x-bin", "!!"),      WEFT_H2_HEADER("x-bin", "AA==,A"),
		WEFT_H2_HEADER("x-text", "a\x01b"), WEFT_H2_HEADER("x-text", "\xc3\xbc"),
		WEFT_H2_HEADER("x-bin", "-_-_"),
	};
	struct weft_arena *arena = weft_arena_new();

	for (size_t i = 0; i < WEFT_COUNT(headers); i++) {
		struct weft_metadata metadata = WEFT_METADATA_INIT;

		assert_int_equal(weft_metadata_from_wire(&headers[i], 1, arena, &metadata),
				 -EBADMSG);
	}
	weft_arena_free(arena);
}

static void metadata_goes_out_and_comes_back(void **state)
{
	struct weft_metadata metadata = WEFT_METADATA_INIT, back = WEFT_METADATA_INIT;
	struct weft_arena *arena = weft_arena_new();
	struct weft_h2_header headers[20];
	uint8_t bytes[20];

	for (uint8_t i = 0; i < 20; i++) {
		bytes[i] = (uint8_t)(i * 13);
		assert_int_equal(
			weft_metadata_append(&metadata, arena, i % 2 ? "a-bin" : "b-bin", bytes, i),
			0);
	}
	assert_int_equal(weft_metadata_to_wire(&metadata, arena, headers), 0);
	assert_null(strchr(headers[1].value, '='));
	assert_int_equal(weft_metadata_from_wire(headers, 20, arena, &back), 0);
	assert_int_equal(back.n, 20);
	for (size_t i = 0; i < 20; i++) {
		assert_string_equal(back.entries[i].name, metadata.entries[i].name);
		assert_int_equal(back.entries[i].len, i);
		assert_memory_equal(back.entries[i].value, bytes, i);
	}
	weft_arena_free(arena);
}

static void names_are_judged(void **state)
{
	static const char *const reserved[] = { ":path", "grpc-status",  "grpc-x",
						"te",    "content-type", "connection" };
	static const char *const invalid[] = { "", "X", "a b", "a:b", "\xc3\xbc", "a/b" };

	for (size_t i = 0; i < WEFT_COUNT(reserved); i++)
		assert_true(weft_metadata_name_reserved(reserved[i], strlen(reserved[i])));
	for (size_t i = 0; i < WEFT_COUNT(invalid); i++)
		assert_false(weft_metadata_name_valid(invalid[i], strlen(invalid[i])));
	assert_false(weft_metadata_name_reserved("tea", 3));
	assert_true(weft_metadata_name_valid("x-1_a.b", 7));
	assert_false(weft_metadata_name_binary("-bin", 4));
	assert_true(weft_metadata_name_binary("a-bin", 5));
}

static struct weft_status round_trip(const struct weft_status *status, struct weft_arena *arena)
{
	struct weft_h2_header headers[WEFT_TRAILER_FIELDS];
	struct weft_status back;
	int n;

	n = weft_trailer_write(status, arena, headers);
	assert_in_range(n, 1, WEFT_TRAILER_FIELDS);
	assert_int_equal(weft_trailer_read(headers, (size_t)n, arena, &back), 1);
	return back;
}

static void statuses_go_out_and_come_back(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status = {
		.code = WEFT_NOT_FOUND,
		.message = "no \u2603\n",
		.details = { (const uint8_t *)"\x08\x05", 2 },
	};
	struct weft_status back = round_trip(&status, arena);

	assert_int_equal(back.code, WEFT_NOT_FOUND);
	assert_string_equal(back.message, status.message);
	assert_int_equal(back.details.len, 2);
	assert_memory_equal(back.details.data, status.details.data, 2);

	status = (struct weft_status) { .code = WEFT_OK };
	back = round_trip(&status, arena);
	assert_int_equal(back.code, WEFT_OK);
	assert_string_equal(back.message, "");
	assert_int_equal(back.details.len, 0);
	weft_arena_free(arena);
}

/* The status itself must arrive, whatever its words weigh. */
static void what_is_too_long_is_cut(void **state)
{
	static uint8_t details[WEFT_TRAILER_DETAILS_MAX + 1];
	static char message[2 * WEFT_TRAILER_MESSAGE_MAX];
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status = {
		.code = WEFT_INTERNAL,
		.message = message,
		.details = { details, sizeof(details) },
	};
	struct weft_status back;

	memset(message, 'a', WEFT_TRAILER_MESSAGE_MAX - 1);
	strcpy(message + WEFT_TRAILER_MESSAGE_MAX - 1, "\u2603\u2603");
	back = round_trip(&status, arena);
	assert_int_equal(strlen(back.message), WEFT_TRAILER_MESSAGE_MAX - 1); /* no half \u2603 */
	assert_int_equal(back.details.len, 0);
	weft_arena_free(arena);
}

static void a_garbled_status_is_still_one(void **state)
{
	static const char *const codes[] = { "", "17", "-1", "x", "099", "1 " };
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status;

	for (size_t i = 0; i < WEFT_COUNT(codes); i++) {
		const struct weft_h2_header headers[] = {
			WEFT_H2_HEADER("grpc-status", codes[i]),
			WEFT_H2_HEADER("grpc-message", "100%"),
			WEFT_H2_HEADER("grpc-status-details-bin", "!"),
		};

		assert_int_equal(weft_trailer_read(headers, 3, arena, &status), 1);
		assert_int_equal(status.code, WEFT_UNKNOWN);
		assert_string_equal(status.message, "100%");
		assert_int_equal(status.details.len, 0);
	}
	assert_int_equal(weft_trailer_read(NULL, 0, arena, &status), 0);
	weft_arena_free(arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(metadata_is_what_is_left),
		cmocka_unit_test(garbled_metadata_is_refused),
		cmocka_unit_test(metadata_goes_out_and_comes_back),
		cmocka_unit_test(names_are_judged),
		cmocka_unit_test(statuses_go_out_and_come_back),
		cmocka_unit_test(what_is_too_long_is_cut),
		cmocka_unit_test(a_garbled_status_is_still_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
