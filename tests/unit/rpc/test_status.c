/*
 * Statuses: the bytes of google.rpc.Status beside those of the contracts' own generated code, and
 * codes' names.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <weft/details.h>
#include <weft/status.h>

#include <cmocka.h>

#include "google/rpc/error_details.pb-c.h"
#include "google/rpc/status.pb-c.h"
#include "rpc/outcome.h"

static Google__Rpc__Status *unpack(const struct weft_status *status)
{
	Google__Rpc__Status *message =
		google__rpc__status__unpack(NULL, status->details.len, status->details.data);

	assert_non_null(message);
	return message;
}

/* Packed again by generated code it must be the same bytes. */
static void assert_canonical(const struct weft_status *status)
{
	Google__Rpc__Status *message = unpack(status);
	size_t size = google__rpc__status__get_packed_size(message);
	uint8_t *bytes = malloc(size);

	google__rpc__status__pack(message, bytes);
	assert_int_equal(size, status->details.len);
	assert_memory_equal(bytes, status->details.data, size);
	assert_int_equal(message->code, status->code);
	assert_string_equal(message->message, status->message);
	free(bytes);
	google__rpc__status__free_unpacked(message, NULL);
}

/* As python's protobuf writes code 3, "bad", ErrorInfo(BAD_LINE, shop.example), RetryInfo(1.5
 * s). */
static void the_bytes_are_those_of_protobuf(void **state)
{
	static const char expected[] = "\x08\x03\x12\x03"
				       "bad"
				       "\x1a\x44\x0a\x28type.googleapis.com/google.rpc.ErrorInfo"
				       "\x12\x18\x0a\x08"
				       "BAD_LINE"
				       "\x12\x0c"
				       "shop.example"
				       "\x1a\x36\x0a\x28type.googleapis.com/google.rpc.RetryInfo"
				       "\x12\x0a\x0a\x08\x08\x01\x10\x80\xca\xb5\xee\x01";
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status;

	weft_status_init(&status, arena, WEFT_INVALID_ARGUMENT, "bad");
	assert_int_equal(status.details.len, 0);
	weft_status_add_error_info(&status, arena, "BAD_LINE", "shop.example");
	weft_status_add_retry_info(&status, arena, 1500 * WEFT_MS);
	assert_canonical(&status);
	assert_int_equal(status.details.len, sizeof(expected) - 1);
	assert_memory_equal(status.details.data, expected, sizeof(expected) - 1);
	weft_arena_free(arena);
}

static void violations_share_one_bad_request(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	Google__Rpc__BadRequest *request;
	Google__Rpc__Status *message;
	struct weft_status status;

	weft_status_init(&status, arena, WEFT_INVALID_ARGUMENT, "%d lines are wrong", 2);
	weft_status_add_violation(&status, arena, "lines[2].quantity", "%d is negative", -1);
	weft_status_add_error_info(&status, arena, "BAD_LINES", "shop.example");
	weft_status_add_violation(&status, arena, "lines[3].product", "no such product");
	assert_canonical(&status);
	message = unpack(&status);
	assert_int_equal(message->n_details, 2);
	request = google__rpc__bad_request__unpack(NULL, message->details[0]->value.len,
						   message->details[0]->value.data);
	assert_non_null(request);
	assert_int_equal(request->n_field_violations, 2);
	assert_string_equal(request->field_violations[0]->field, "lines[2].quantity");
	assert_string_equal(request->field_violations[0]->description, "-1 is negative");
	assert_string_equal(request->field_violations[1]->field, "lines[3].product");
	google__rpc__bad_request__free_unpacked(request, NULL);
	google__rpc__status__free_unpacked(message, NULL);
	assert_string_equal(weft_status_reason(&status, arena), "BAD_LINES");
	weft_arena_free(arena);
}

static void words_that_are_not_utf8_do_not_spoil_the_details(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	Google__Rpc__Status *message;
	struct weft_status status;

	weft_status_init(&status, arena, WEFT_INVALID_ARGUMENT, "%s",
			 "a\xff"
			 "b\u2603\xe2\x98");
	weft_status_add_error_info(&status, arena, "R", "d");
	message = unpack(&status);
	assert_string_equal(message->message, "a?b\u2603??");
	google__rpc__status__free_unpacked(message, NULL);
	weft_arena_free(arena);
}

static void a_reason_is_not_found_in_rubbish(void **state)
{
	static const char *const rubbish[] = { "",         "\x1a",
					       "\x1a\x7f", "\x1a\x02\x0a\x05",
					       "\xff\xff", "\x1a\x04\x0a\x02/x" };
	struct weft_arena *arena = weft_arena_new();

	for (size_t i = 0; i < WEFT_COUNT(rubbish); i++) {
		struct weft_status status = {
			.message = "",
			.details = { (const uint8_t *)rubbish[i], strlen(rubbish[i]) },
		};

		assert_null(weft_status_reason(&status, arena));
	}
	weft_arena_free(arena);
}

/* ---- as messages ---- */

static struct weft_bytes bytes_of(const char *text)
{
	return (struct weft_bytes) { (const uint8_t *)text, strlen(text) };
}

static void add(struct weft_status *status, struct weft_arena *arena,
		const ProtobufCMessage *message)
{
	assert_int_equal(weft_status_add(status, arena, message), 0);
}

static void *find(const struct weft_status *status, struct weft_arena *arena,
		  const ProtobufCMessageDescriptor *type)
{
	ProtobufCMessage *message;

	assert_int_equal(weft_status_find(status, arena, type, &message), 0);
	assert_ptr_equal(message->descriptor, type);
	return message;
}

static void messages_are_added_and_found(void **state)
{
	Google__Rpc__ResourceInfo info = GOOGLE__RPC__RESOURCE_INFO__INIT, *got_info;
	Google__Rpc__Help__Link link = GOOGLE__RPC__HELP__LINK__INIT, *links[] = { &link };
	Google__Rpc__Help help = GOOGLE__RPC__HELP__INIT, second = GOOGLE__RPC__HELP__INIT,
			  *got_help;
	Google__Rpc__RetryInfo *retry;
	struct weft_arena *arena = weft_arena_new();
	ProtobufCMessage *none = NULL;
	struct weft_status status;

	weft_status_init(&status, arena, WEFT_NOT_FOUND, "no such book");
	assert_int_equal(weft_status_find(&status, arena, &google__rpc__help__descriptor, &none),
			 -ENOENT);
	info.resource_name = (char *)"shelves/1/books/2";
	add(&status, arena, &info.base);
	weft_status_add_detail(&status, arena, "test.Unknown", bytes_of("?"));
	link.url = (char *)"https://example.org/help";
	help.links = links;
	help.n_links = 1;
	add(&status, arena, &help.base);
	add(&status, arena, &second.base); /* empty, and behind the first */
	weft_status_add_retry_info(&status, arena, 1500 * WEFT_MS);
	assert_canonical(&status);

	got_info = find(&status, arena, &google__rpc__resource_info__descriptor);
	assert_string_equal(got_info->resource_name, info.resource_name);
	got_help = find(&status, arena, &google__rpc__help__descriptor);
	assert_int_equal(got_help->n_links, 1);
	assert_string_equal(got_help->links[0]->url, link.url);
	retry = find(&status, arena, &google__rpc__retry_info__descriptor);
	assert_int_equal(retry->retry_delay->nanos, 500000000);
	assert_int_equal(
		weft_status_find(&status, arena, &google__rpc__bad_request__descriptor, &none),
		-ENOENT);
	assert_null(none);
	weft_arena_free(arena);
}

static void details_of_any_type_are_there(void **state)
{
	static const char *const types[] = { "test.Unknown", "google.rpc.ErrorInfo", "test.Empty" };
	static const size_t lengths[] = { 2, 10, 0 };
	struct weft_arena *arena = weft_arena_new();
	struct weft_detail detail;
	struct weft_status status;
	struct weft_bytes rest;

	weft_status_init(&status, arena, WEFT_ABORTED, "no");
	weft_status_add_detail(&status, arena, types[0], bytes_of("\xff?"));
	weft_status_add_error_info(&status, arena, "NO", "test");
	weft_status_add_detail(&status, arena, types[2], (struct weft_bytes) { 0 });
	rest = status.details;
	for (size_t i = 0; i < WEFT_COUNT(types); i++) {
		assert_true(weft_status_next_detail(&rest, &detail));
		assert_int_equal(detail.type.len, strlen(types[i]));
		assert_memory_equal(detail.type.data, types[i], detail.type.len);
		assert_int_equal(detail.value.len, lengths[i]);
	}
	assert_false(weft_status_next_detail(&rest, &detail));
	weft_arena_free(arena);
}

static void a_malformed_detail_is_told_apart(void **state)
{
	struct weft_arena *arena = weft_arena_new();
	ProtobufCMessage *none = NULL;
	struct weft_status status;

	weft_status_init(&status, arena, WEFT_ABORTED, "no");
	weft_status_add_detail(&status, arena, "google.rpc.Help", bytes_of("\x0a\x7f"));
	assert_int_equal(weft_status_find(&status, arena, &google__rpc__help__descriptor, &none),
			 -EBADMSG);
	assert_null(none);
	weft_arena_free(arena);
}

/* Written down from gRPC's http-grpc-status-mapping, and from PROTOCOL-HTTP2, "Errors"; what these
 * leave out is UNKNOWN, and INTERNAL. CONNECT_ERROR is ours, for a connection that was lost. */
static void codes_of_http(void **state)
{
	static const struct {
		unsigned http;
		enum weft_code code;
	} rows[] = {
		{ 400, WEFT_INTERNAL },          { 401, WEFT_UNAUTHENTICATED },
		{ 403, WEFT_PERMISSION_DENIED }, { 404, WEFT_UNIMPLEMENTED },
		{ 429, WEFT_UNAVAILABLE },       { 502, WEFT_UNAVAILABLE },
		{ 503, WEFT_UNAVAILABLE },       { 504, WEFT_UNAVAILABLE },
	};

	for (unsigned http = 0; http < 1000; http++) {
		enum weft_code expected = WEFT_UNKNOWN;

		for (size_t i = 0; i < WEFT_COUNT(rows); i++)
			if (rows[i].http == http)
				expected = rows[i].code;
		assert_int_equal(weft_code_from_http(http), expected);
	}
}

static void codes_of_resets(void **state)
{
	static const struct {
		uint32_t error;
		enum weft_code code;
	} rows[] = {
		{ WEFT_H2_REFUSED_STREAM, WEFT_UNAVAILABLE },
		{ WEFT_H2_CANCEL, WEFT_CANCELLED },
		{ WEFT_H2_CONNECT_ERROR, WEFT_UNAVAILABLE },
		{ WEFT_H2_ENHANCE_YOUR_CALM, WEFT_RESOURCE_EXHAUSTED },
		{ WEFT_H2_INADEQUATE_SECURITY, WEFT_PERMISSION_DENIED },
	};

	for (uint32_t error = 0; error < 100; error++) {
		enum weft_code expected = WEFT_INTERNAL;

		for (size_t i = 0; i < WEFT_COUNT(rows); i++)
			if (rows[i].error == error)
				expected = rows[i].code;
		assert_int_equal(weft_code_from_h2(error), expected);
		assert_int_equal(strcmp(weft_h2_error_name(error), "unknown") == 0,
				 error > WEFT_H2_HTTP_1_1_REQUIRED);
	}
}

static void codes_have_names(void **state)
{
	assert_string_equal(weft_code_name(WEFT_OK), "OK");
	assert_string_equal(weft_code_name(WEFT_UNAUTHENTICATED), "UNAUTHENTICATED");
	assert_string_equal(weft_code_name((enum weft_code)17), "UNKNOWN");
	assert_string_equal(weft_code_name((enum weft_code) - 1), "UNKNOWN");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_bytes_are_those_of_protobuf),
		cmocka_unit_test(violations_share_one_bad_request),
		cmocka_unit_test(words_that_are_not_utf8_do_not_spoil_the_details),
		cmocka_unit_test(a_reason_is_not_found_in_rubbish),
		cmocka_unit_test(messages_are_added_and_found),
		cmocka_unit_test(details_of_any_type_are_there),
		cmocka_unit_test(a_malformed_detail_is_told_apart),
		cmocka_unit_test(codes_of_http),
		cmocka_unit_test(codes_of_resets),
		cmocka_unit_test(codes_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
