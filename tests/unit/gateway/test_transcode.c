/*
 * Requests as a REST client sends them, and the message that comes of each, as JSON; or the words
 * with which it is refused.
 */
#include "rules.h"

#include <errno.h>
#include <weft/json.h>

#include "transcode.h"

static struct weft_schema *schema;
static struct route_table *table;

struct request {
	const char *method, *target, *body;
	const char *message; /* what the service gets; or NULL and */
	const char *words;   /* "line:column field: description" */
};

static const struct request requests[] = {
	/* Path variables. */
	{ "GET", "/v1/shelves/1/books/2", "", "{\"name\":\"shelves/1/books/2\"}", NULL },
	{ "GET", "/v1/books/a%2Fb%20c%C3%A9", "", "{\"name\":\"a/b cé\"}", NULL },
	{ "GET", "/v1/shelves/a%2Fb/books/c%20d", "", "{\"name\":\"shelves/a%2Fb/books/c d\"}",
	  NULL },
	{ "GET", "/v1/books/a+b", "", "{\"name\":\"a+b\"}", NULL },
	{ "GET", "/files/a/b%2fc", "", "{\"name\":\"a/b%2fc\"}", NULL },
	{ "GET", "/v1/books/a%2", "", NULL,
	  "0:0 name: in the path: a '%' without two hexadecimal digits" },
	{ "GET", "/v1/books/%ff", "", NULL, "0:0 name: in the path: the text is not UTF-8" },

	/* The query. */
	{ "GET", "/v1/shelves/1/books?pageSize=5", "", "{\"parent\":\"shelves/1\",\"pageSize\":5}",
	  NULL },
	{ "GET", "/v1/shelves/1/books?page_size=5&", "",
	  "{\"parent\":\"shelves/1\",\"pageSize\":5}", NULL },
	{ "GET", "/v1/pages?kinds=NOVEL&kinds=2&kinds=COMIC", "",
	  "{\"kinds\":[\"NOVEL\",\"COMIC\",\"COMIC\"]}", NULL },
	{ "GET", "/v1/pages?filter.author=A+B%26&filter.numbers=1&filter.numbers=-2", "",
	  "{\"filter\":{\"author\":\"A B&\",\"numbers\":[\"1\",\"-2\"]}}", NULL },
	{ "GET", "/v1/pages?filter.and.and.author=x&filter.author=y", "",
	  "{\"filter\":{\"author\":\"y\",\"and\":{\"and\":{\"author\":\"x\"}}}}", NULL },
	{ "GET", "/v1/pages?least=0&read_mask=a,bC&within=1.5s&token=_-8", "",
	  "{\"least\":0,\"readMask\":\"a,bC\",\"within\":\"1.500s\",\"token\":\"/+8=\"}", NULL },
	{ "GET", "/v1/pages?by_title=true", "", "{\"byTitle\":true}", NULL },
	{ "GET", "/v1/pages?&&", "", "{}", NULL },
	{ "GET", "/v1/pages?page_siz=5", "", NULL,
	  "0:0 page_siz: no field \"page_siz\" in shelf.v1.ListBooksRequest; did you mean "
	  "\"page_size\"?" },
	{ "GET", "/v1/pages?filter.x=5", "", NULL,
	  "0:0 filter.x: no field \"x\" in shelf.v1.Filter" },
	{ "GET", "/v1/pages?page_size=x", "", NULL,
	  "0:0 page_size: in the query: \"x\" is not an int32" },
	{ "GET", "/v1/pages?page_size=1&page_size=2", "", NULL,
	  "0:0 page_size: the query gives it twice" },
	{ "GET", "/v1/pages?page_size=99999999999", "", NULL,
	  "0:0 page_size: in the query: 99999999999 is out of range for an int32 (-2147483648 to "
	  "2147483647)" },
	{ "GET", "/v1/pages?kinds=NOVELL", "", NULL,
	  "0:0 kinds: in the query: \"NOVELL\" is no value of shelf.v1.Kind; did you mean "
	  "\"NOVEL\"?" },
	{ "GET", "/v1/pages?filter=x", "", NULL,
	  "0:0 filter: it is a shelf.v1.Filter: name one of its fields" },
	{ "GET", "/v1/pages?books=x", "", NULL,
	  "0:0 books: it is a list of shelf.v1.Book: it cannot be given in the query" },
	{ "GET", "/v1/pages?books.title=x", "", NULL,
	  "0:0 books.title: it cannot be given in the query" },
	{ "GET", "/v1/pages?labels=x", "", NULL, "0:0 labels: a map cannot be given in the query" },
	{ "GET", "/v1/pages?page_size.x=1", "", NULL,
	  "0:0 page_size.x: it cannot be given in the query" },
	{ "GET", "/v1/pages?by_title=true&by_age=true", "", NULL,
	  "0:0 by_age: \"by_title\" is given by the query: only one of them can be" },
	{ "GET", "/v1/pages?page_size=%zz", "", NULL,
	  "0:0 : in the query: a '%' without two hexadecimal digits" },
	{ "GET", "/v1/pages?=1", "", NULL, "0:0 : no field \"\" in shelf.v1.ListBooksRequest" },
	{ "GET", "/v1/shelves/1/books?parent=shelves/1", "", NULL,
	  "0:0 parent: the path gives it already" },

	/* body: "*" */
	{ "POST", "/v1/books/search", "{\"parent\":\"p\",\"kinds\":[\"NOVEL\"]}",
	  "{\"parent\":\"p\",\"kinds\":[\"NOVEL\"]}", NULL },
	{ "POST", "/v1/books/search", "", "{}", NULL },
	{ "POST", "/v1/books/search", " \n", "{}", NULL },
	{ "POST", "/v1/books/search?page_size=1", "{}", NULL,
	  "0:0 page_size: POST /v1/books/search takes no query: the body is the whole request" },
	{ "POST", "/v1/books/search", "{\n \"pageSize\": \"x\"}", NULL,
	  "2:14 pageSize: \"x\" is not an int32" },
	{ "POST", "/v1/books/search", "{\"books\":[{},{\"pages\":true}]}", NULL,
	  "1:23 books[1].pages: expected a number, found true" },
	{ "POST", "/v1/shelves/1/books:move", "{\"bookId\":\"x\"}",
	  "{\"parent\":\"shelves/1\",\"bookId\":\"x\"}", NULL },
	{ "POST", "/v1/shelves/1/books:move", "{\"parent\":\"shelves/1\"}",
	  "{\"parent\":\"shelves/1\"}", NULL },
	{ "POST", "/v1/shelves/1/books:move", "{\"parent\":\"shelves/2\"}", NULL,
	  "0:0 parent: the body says something else than the path" },
	{ "PUT", "/v1/shelves/1/books/2", "{\"book\":{\"title\":\"T\"},\"updateMask\":\"title\"}",
	  "{\"book\":{\"name\":\"shelves/1/books/2\",\"title\":\"T\"},\"updateMask\":\"title\"}",
	  NULL },
	{ "PUT", "/v1/shelves/1/books/2", "{\"book\":{\"name\":\"shelves/1/books/2\"}}",
	  "{\"book\":{\"name\":\"shelves/1/books/2\"}}", NULL },
	{ "PUT", "/v1/shelves/1/books/2", "{\"book\":{\"name\":\"other\"}}", NULL,
	  "0:0 book.name: the body says something else than the path" },

	/* body: "book" */
	{ "POST", "/v1/shelves/1/books?book_id=b", "{\"title\":\"T\"}",
	  "{\"parent\":\"shelves/1\",\"book\":{\"title\":\"T\"},\"bookId\":\"b\"}", NULL },
	{ "POST", "/v1/shelves/1/books", "", "{\"parent\":\"shelves/1\"}", NULL },
	{ "POST", "/v1/shelves/1/books", "{}", "{\"parent\":\"shelves/1\",\"book\":{}}", NULL },
	{ "POST", "/v1/shelves/1/books", "{\"titel\":\"T\"}", NULL,
	  "1:2 book.titel: no field \"titel\" in shelf.v1.Book; did you mean \"title\"?" },
	{ "POST", "/v1/shelves/1/books?book.title=T", "{}", NULL,
	  "0:0 book: the body gives it already" },
	{ "PATCH", "/v1/shelves/1/books/2?updateMask=title", "{\"title\":\"T\"}",
	  "{\"book\":{\"name\":\"shelves/1/books/2\",\"title\":\"T\"},\"updateMask\":\"title\"}",
	  NULL },
	{ "PATCH", "/v1/shelves/1/books/2", "{\"name\":\"shelves/1/books/2\",\"pages\":3}",
	  "{\"book\":{\"name\":\"shelves/1/books/2\",\"pages\":3},\"updateMask\":\"pages\"}",
	  NULL },
	{ "PATCH", "/v1/shelves/1/books/2",
	  "{\"pages\":0,\"title\":null,\"printed\":\"2026-01-01T00:00:00Z\",\"authors\":[],"
	  "\"press\":{\"cityName\":\"\"},\"cover\":{}}",
	  "{\"book\":{\"name\":\"shelves/1/books/"
	  "2\",\"printed\":\"2026-01-01T00:00:00Z\",\"press\":{"
	  "},\"cover\":{}},\"updateMask\":\"pages,title,printed,authors,press.cityName,cover\"}",
	  NULL },
	{ "PATCH", "/v1/shelves/1/books/2", "{}", "{\"book\":{\"name\":\"shelves/1/books/2\"}}",
	  NULL },
	{ "PATCH", "/v1/shelves/1/books/2?updateMask=", "{\"pages\":3}",
	  "{\"book\":{\"name\":\"shelves/1/books/2\",\"pages\":3},\"updateMask\":\"\"}", NULL },
	{ "PUT", "/v1/shelves/1/books/2", "{\"book\":{\"pages\":3}}",
	  "{\"book\":{\"name\":\"shelves/1/books/2\",\"pages\":3}}", NULL },

	/* google.api.HttpBody: as it comes. */
	{ "POST", "/v1/covers/x", "\xff not JSON",
	  "{\"name\":\"x\",\"cover\":{\"contentType\":\"text/plain\",\"data\":\"/"
	  "yBub3QgSlNPTg==\"}}",
	  NULL },
	{ "POST", "/v1/covers/x", "", "{\"name\":\"x\",\"cover\":{\"contentType\":\"text/plain\"}}",
	  NULL },
	{ "POST", "/v1/raw", "{}", "{\"contentType\":\"text/plain\",\"data\":\"e30=\"}", NULL },

	/* Taken up again after Last-Event-ID (41 in all of these), unless the query says where. */
	{ "GET", "/v1/watch", "", "{\"afterSequence\":\"41\"}", NULL },
	{ "GET", "/v1/watch?after_sequence=7", "", "{\"afterSequence\":\"7\"}", NULL },
	{ "PATCH", "/v1/shelves/1/books/2", "{\"name\":\"shelves/1/books/3\"}", NULL,
	  "0:0 book.name: the body says something else than the path" },
	{ "PUT", "/v1/tags/7?revision=2", "[\"a\",\"b\"]",
	  "{\"id\":\"7\",\"tags\":[\"a\",\"b\"],\"revision\":2}", NULL },
	{ "PUT", "/v1/tags/7", "[\"a\",1]", NULL,
	  "1:6 tags[1]: expected a string, found a number" },
	{ "PUT", "/v1/tags/7", "[],\"id\":1", NULL, "1:3 : more text after the value" },

	/* No body. */
	{ "GET", "/v1/pages", "{}", NULL, "0:0 : GET /v1/pages takes no body" },
};

#define INPUT(...)                                                                                 \
	(&(const struct transcode_input) { .schema = schema, .match = &match, __VA_ARGS__ })

static bool find(const char *method, const char *target, struct route_match *match)
{
	char allow[ROUTE_ALLOW_MAX];

	return route_lookup(table, method, target, strcspn(target, "?"), match, allow) ==
	       ROUTE_FOUND;
}

static const char *query_of(const char *target)
{
	const char *mark = strchr(target, '?');

	return mark ? mark + 1 : "";
}

static void words_of(const struct transcode_error *error, char *text, size_t size)
{
	snprintf(text, size, "%u:%u %s: %s", error->line, error->column, error->field,
		 error->description);
}

static void message_is(const struct request *request, const struct weft_schema_message *message,
		       const struct weft_buffer *wire)
{
	struct weft_buffer json = WEFT_BUFFER_INIT;

	assert_int_equal(weft_wire_to_json(message, wire->data, wire->len, NULL, &json, NULL), 0);
	weft_buffer_append_byte(&json, 0);
	if (strcmp((char *)json.data, request->message) != 0)
		fail_msg("%s %s: %s, not %s", request->method, request->target, (char *)json.data,
			 request->message);
	weft_buffer_fini(&json);
}

static void test_requests(void **state)
{
	for (size_t i = 0; i < WEFT_COUNT(requests); i++) {
		const struct request *request = &requests[i];
		const char *query = query_of(request->target);
		struct weft_buffer wire = WEFT_BUFFER_INIT;
		struct transcode_error error = { 0 };
		struct route_match match;
		char words[512];
		int r;

		if (!find(request->method, request->target, &match))
			fail_msg("%s %s: no route", request->method, request->target);
		r = transcode_request(INPUT(.query = query, .query_len = strlen(query),
					    .content_type = "text/plain", .last_event_id = "41"),
				      request->body, strlen(request->body), &wire, &error);
		words_of(&error, words, sizeof(words));
		if (request->message && r == 0) {
			message_is(request, match.binding->method->request, &wire);
		} else if (request->message || r == 0) {
			fail_msg("%s %s: %d %s", request->method, request->target, r, words);
		} else {
			assert_int_equal(r, TRANSCODE_REFUSED);
			assert_int_equal(error.code, WEFT_INVALID_ARGUMENT);
			assert_string_equal(words, request->words);
			assert_int_equal(wire.len, 0);
		}
		weft_buffer_fini(&wire);
	}
}

static void test_oneofs_across_body_and_query(void **state)
{
	static const char body[] = "{\"url\":\"u\"}";
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct transcode_error error;
	struct route_match match;

	assert_true(find("POST", "/v1/shelves/1/books", &match));
	assert_int_equal(transcode_request(INPUT(.query = "url=a&path=b", .query_len = 12), "{}", 2,
					   &wire, &error),
			 TRANSCODE_REFUSED);
	assert_string_equal(error.field, "path");
	assert_true(find("POST", "/v1/shelves/1/books:move", &match));
	assert_int_equal(transcode_request(INPUT(.query = NULL), body, strlen(body), &wire, &error),
			 0);
	weft_buffer_fini(&wire);
}

/* The message of an AIP-134 update is in one piece, though path and body both have a share in it.
 */
static void test_a_body_field_is_written_once(void **state)
{
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct transcode_error error;
	struct route_match match;

	assert_true(find("PATCH", "/v1/shelves/1/books/2", &match));
	assert_int_equal(transcode_request(INPUT(.query = "updateMask=pages", .query_len = 16),
					   "{\"pages\":3}", 11, &wire, &error),
			 0);
	assert_memory_equal(wire.data, "\x0a\x15\x18\x03\x0a\x11shelves/1/books/2", 23);
	assert_int_equal(wire.len, 23 + 9);
	weft_buffer_fini(&wire);
}

static struct transcode_reader *reader_for(const char *target, size_t max_message)
{
	struct transcode_reader *reader;
	struct transcode_error error;
	struct route_match match;

	assert_true(find("POST", target, &match));
	assert_int_equal(transcode_reader_new(INPUT(.content_type = "text/plain"), max_message,
					      &reader, &error),
			 0);
	return reader;
}

static void test_a_stream_of_messages(void **state)
{
	static const char body[] =
		"{\"bookId\":\"1\"}\n{\"bookId\":\"2\",\n\"book\":{\"title\":\"}\"}}"
		"\n\n{\"bookId\":\"3\"}{}  \n";
	static const char *const expected[] = {
		"{\"parent\":\"shelves/1\",\"bookId\":\"1\"}",
		"{\"parent\":\"shelves/1\",\"book\":{\"title\":\"}\"},\"bookId\":\"2\"}",
		"{\"parent\":\"shelves/1\",\"bookId\":\"3\"}",
		"{\"parent\":\"shelves/1\"}",
	};

	for (size_t piece = 1; piece < sizeof(body); piece += 3) {
		struct transcode_reader *reader = reader_for("/v1/shelves/1/books:import", 0);
		struct weft_buffer wire = WEFT_BUFFER_INIT;
		struct transcode_error error;
		size_t fed = 0, n = 0;
		int r;

		while ((r = transcode_reader_next(reader, &wire, &error)) != TRANSCODE_END) {
			struct request request = { "POST", "import", body, NULL, NULL };
			size_t len = sizeof(body) - 1 - fed;

			if (r == TRANSCODE_MORE && len == 0) {
				transcode_reader_end(reader);
			} else if (r == TRANSCODE_MORE) {
				len = len < piece ? len : piece;
				assert_int_equal(transcode_reader_feed(reader, body + fed, len), 0);
				fed += len;
			} else {
				assert_int_equal(r, TRANSCODE_MESSAGE);
				assert_true(n < WEFT_COUNT(expected));
				request.message = expected[n++];
				message_is(
					&request,
					weft_schema_message(schema, "shelf.v1.CreateBookRequest"),
					&wire);
				weft_buffer_clear(&wire);
			}
		}
		assert_int_equal(n, WEFT_COUNT(expected));
		assert_int_equal(transcode_reader_pending(reader), 0);
		transcode_reader_free(reader);
		weft_buffer_fini(&wire);
	}
}

static void stream_refused(const char *body, size_t max_message, enum weft_code code,
			   const char *expected)
{
	struct transcode_reader *reader = reader_for("/v1/shelves/1/books:import", max_message);
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct transcode_error error = { 0 };
	char words[512];
	int r;

	transcode_reader_feed(reader, body, strlen(body));
	transcode_reader_end(reader);
	while ((r = transcode_reader_next(reader, &wire, &error)) == TRANSCODE_MESSAGE)
		;
	assert_int_equal(r, TRANSCODE_REFUSED);
	assert_int_equal(error.code, code);
	words_of(&error, words, sizeof(words));
	assert_string_equal(words, expected);
	transcode_reader_free(reader);
	weft_buffer_fini(&wire);
}

static void test_broken_streams(void **state)
{
	stream_refused("{}\n{\"bookId\":1}\n", 0, WEFT_INVALID_ARGUMENT,
		       "2:11 bookId: expected a string, found a number");
	stream_refused(
		"{} {\n\"bookID\":\"\"}\n", 0, WEFT_INVALID_ARGUMENT,
		"2:1 bookID: no field \"bookID\" in shelf.v1.CreateBookRequest; did you mean "
		"\"bookId\"?");
	stream_refused("{}{\"bookId\":1}", 0, WEFT_INVALID_ARGUMENT,
		       "1:13 bookId: expected a string, found a number");
	stream_refused("{}\n{\"bookId\":", 0, WEFT_INVALID_ARGUMENT,
		       "2:11 bookId: expected a string, found the end of the text");
	stream_refused("{},{}", 0, WEFT_INVALID_ARGUMENT, "1:3 : expected a JSON value");
	stream_refused("{}\n:", 0, WEFT_INVALID_ARGUMENT, "2:1 : expected a JSON value");
	stream_refused("{\"parent\":\"shelves/2\"}", 0, WEFT_INVALID_ARGUMENT,
		       "0:0 parent: the body says something else than the path");
	stream_refused("{}\n{\"bookId\":\"12345678901234567890\"}", 16, WEFT_RESOURCE_EXHAUSTED,
		       "2:1 : a message is longer than the limit");
	stream_refused("{}\n{\"bookId\":\"12345678901234567890", 16, WEFT_RESOURCE_EXHAUSTED,
		       "2:1 : a message is longer than the limit");
}

static void response_is(const char *method, const char *target, const char *wire, size_t len,
			const char *expected)
{
	struct weft_buffer json = WEFT_BUFFER_INIT;
	struct route_match match;

	assert_true(find(method, target, &match));
	assert_int_equal(transcode_response(schema, match.binding,
					    (struct weft_bytes) { (const uint8_t *)wire, len },
					    &json),
			 0);
	weft_buffer_append_byte(&json, 0);
	assert_string_equal((char *)json.data, expected);
	weft_buffer_fini(&json);
}

static void test_responses(void **state)
{
	struct weft_buffer json = WEFT_BUFFER_INIT;
	struct route_match match;

	response_is("GET", "/v1/books/x", "\x0a\x01x", 3,
		    "{\"name\":\"x\",\"title\":\"\",\"pages\":0,\"kind\":\"KIND_UNSPECIFIED\","
		    "\"authors\":[]}");
	response_is("GET", "/v1/pages", "", 0, "[]");
	response_is("GET", "/v1/pages", "\x12\x01t\x0a\x02\x18\x03", 7,
		    "[{\"name\":\"\",\"title\":\"\",\"pages\":3,\"kind\":\"KIND_UNSPECIFIED\","
		    "\"authors\":[]}]");
	assert_true(find("GET", "/v1/pages", &match));
	assert_int_equal(transcode_response(schema, match.binding,
					    (struct weft_bytes) { (const uint8_t *)"\x0a\x05", 2 },
					    &json),
			 -EBADMSG);
	assert_int_equal(json.len, 0);
	weft_buffer_fini(&json);
}

static void test_raw_responses(void **state)
{
	static const uint8_t message[] = "\x0a\x09image/png\x12\x03\x00\x01\x02";
	struct weft_bytes type, data;
	struct route_match match;

	assert_true(find("POST", "/v1/raw", &match));
	assert_true(match.binding->body_raw && match.binding->response_raw);
	assert_int_equal(transcode_raw_response(match.binding, (struct weft_bytes) { message, 16 },
						&type, &data),
			 0);
	assert_int_equal(type.len, 9);
	assert_memory_equal(type.data, "image/png", 9);
	assert_int_equal(data.len, 3);
	assert_memory_equal(data.data, "\0\1\2", 3);
	assert_int_equal(transcode_raw_response(match.binding, (struct weft_bytes) { message, 15 },
						&type, &data),
			 -EBADMSG);
}

/* Pieces as they come; the first says the type. */
static void test_a_raw_stream(void **state)
{
	struct transcode_reader *reader = reader_for("/v1/covers:stream", 4);
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct transcode_error error;

	assert_int_equal(transcode_reader_next(reader, &wire, &error), TRANSCODE_MORE);
	transcode_reader_feed(reader, "abcdef", 6);
	assert_int_equal(transcode_reader_next(reader, &wire, &error), TRANSCODE_MESSAGE);
	assert_int_equal(wire.len, 18);
	assert_memory_equal(wire.data,
			    "\x0a\x0atext/plain\x12\x04"
			    "abcd",
			    18);
	weft_buffer_clear(&wire);
	assert_int_equal(transcode_reader_next(reader, &wire, &error), TRANSCODE_MESSAGE);
	assert_int_equal(wire.len, 4);
	assert_memory_equal(wire.data,
			    "\x12\x02"
			    "ef",
			    4);
	transcode_reader_end(reader);
	assert_int_equal(transcode_reader_next(reader, &wire, &error), TRANSCODE_END);
	transcode_reader_free(reader);
	weft_buffer_fini(&wire);
}

static void test_the_number_of_an_event(void **state)
{
	static const uint8_t message[] = "\x08\xac\x02";
	struct route_match match;
	char id[64];

	assert_true(find("GET", "/v1/watch", &match));
	assert_true(transcode_sequence(match.binding, (struct weft_bytes) { message, 3 }, id));
	assert_string_equal(id, "300");
	assert_false(transcode_sequence(match.binding, (struct weft_bytes) { message, 0 }, id));
	assert_true(find("GET", "/v1/pages", &match));
	assert_null(transcode_resume_field(match.binding));
	assert_false(transcode_sequence(match.binding, (struct weft_bytes) { message, 3 }, id));
}

static void test_an_error_becomes_a_status(void **state)
{
	const struct transcode_error error = {
		.code = WEFT_INVALID_ARGUMENT,
		.field = "lines[2].quantity",
		.description = "\"abc\" is not an int32",
		.line = 3,
		.column = 17,
	};
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status;

	transcode_error_status(&error, arena, &status);
	assert_int_equal(status.code, WEFT_INVALID_ARGUMENT);
	assert_string_equal(status.message,
			    "line 3, column 17: lines[2].quantity: \"abc\" is not an int32");
	assert_non_null(memmem(status.details.data, status.details.len, "lines[2].quantity", 17));
	weft_arena_free(arena);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_oneofs_across_body_and_query),
		cmocka_unit_test(test_a_body_field_is_written_once),
		cmocka_unit_test(test_a_stream_of_messages),
		cmocka_unit_test(test_broken_streams),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_raw_responses),
		cmocka_unit_test(test_a_raw_stream),
		cmocka_unit_test(test_the_number_of_an_event),
		cmocka_unit_test(test_an_error_becomes_a_status),
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
