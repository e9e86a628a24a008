/*
 * A REST request to the gateway's test contract. The first line is method and target, the rest the
 * body. A stream's body is cut in two ways, which must give the same messages; what any request
 * gives must be the message that the method takes. The body is also tried as what an upstream
 * answers.
 */
#include <errno.h>
#include <weft/json.h>

#include "everything.h"
#include "fuzz.h"
#include "transcode.h"

struct request {
	const struct route_match *match;
	const char *query;
	struct weft_bytes body;
};

static const struct route_table *routes(void)
{
	static struct route_table *table;
	char error[256];

	if (!table && route_table_new(everything_schema(), error, &table) < 0)
		abort();
	return table;
}

static void check_refusal(const struct transcode_error *error)
{
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status;

	assert(error->description[0] && strlen(error->description) < sizeof(error->description));
	assert(strlen(error->field) < sizeof(error->field));
	transcode_error_status(error, arena, &status);
	assert(status.code != WEFT_OK && status.message);
	weft_arena_free(arena);
}

static void check_message(const struct request *request, const uint8_t *wire, size_t len)
{
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = everything_schema() };
	struct weft_buffer text = WEFT_BUFFER_INIT;
	struct weft_json_error error;

	assert(weft_wire_to_json(request->match->binding->method->request, wire, len, &options,
				 &text, &error) == 0);
	weft_buffer_fini(&text);
}

static struct transcode_input input_of(const struct request *request)
{
	return (struct transcode_input) {
		.schema = everything_schema(),
		.match = request->match,
		.query = request->query,
		.query_len = strlen(request->query),
		.content_type = "text/plain",
	};
}

static void unary(const struct request *request)
{
	struct transcode_error error = { 0 };
	struct weft_buffer out = WEFT_BUFFER_INIT;
	const struct transcode_input input = input_of(request);
	int r = transcode_request(&input, (const char *)request->body.data, request->body.len, &out,
				  &error);

	assert(r == 0 || r == TRANSCODE_REFUSED);
	if (r == 0) {
		check_message(request, out.data, out.len);
	} else {
		assert(out.len == 0);
		check_refusal(&error);
	}
	weft_buffer_fini(&out);
}

/* Its messages one after the other in `out`, then how it ended. */
static int stream(const struct request *request, size_t piece, struct weft_buffer *out,
		  struct transcode_error *error)
{
	const struct transcode_input input = input_of(request);
	struct weft_bytes body = request->body;
	struct transcode_reader *reader;
	int r;

	r = transcode_reader_new(&input, 512, &reader, error);
	if (r != 0)
		return r;
	do {
		struct weft_bytes cut = fuzz_take(&body, piece);
		uint8_t *copy = fuzz_copy(cut);

		assert(transcode_reader_feed(reader, copy, cut.len) == 0);
		free(copy);
		if (body.len == 0)
			transcode_reader_end(reader);
		do {
			size_t before = out->len;

			r = transcode_reader_next(reader, out, error);
			if (r == TRANSCODE_MESSAGE)
				check_message(request, out->data + before, out->len - before);
		} while (r == TRANSCODE_MESSAGE);
	} while (r == TRANSCODE_MORE && body.len > 0);
	assert(r == TRANSCODE_END || r == TRANSCODE_REFUSED);
	if (r == TRANSCODE_END)
		assert(transcode_reader_pending(reader) == 0);
	transcode_reader_free(reader);
	return r;
}

static void both_streams(const struct request *request)
{
	struct weft_buffer whole = WEFT_BUFFER_INIT, cut = WEFT_BUFFER_INIT;
	struct transcode_error error = { 0 }, cut_error = { 0 };
	int r = stream(request, request->body.len, &whole, &error);

	assert(r == stream(request, 1, &cut, &cut_error));
	fuzz_same((struct weft_bytes) { whole.data, whole.len },
		  (struct weft_bytes) { cut.data, cut.len });
	if (r == TRANSCODE_REFUSED) {
		check_refusal(&error);
		assert(strcmp(error.description, cut_error.description) == 0);
		assert(error.line == cut_error.line && error.column == cut_error.column);
	}
	weft_buffer_fini(&whole);
	weft_buffer_fini(&cut);
}

static void respond(const struct request *request)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	int r = transcode_response(everything_schema(), request->match->binding, request->body,
				   &out);

	assert(r == 0 || r == -EBADMSG);
	weft_buffer_fini(&out);
}

static void run(char *line, struct weft_bytes body)
{
	char *path = strchr(line, ' '), *query;
	char allow[ROUTE_ALLOW_MAX];
	struct route_match match;
	struct request request = { .match = &match, .query = "", .body = body };
	enum weft_kind kind;

	if (!path)
		return;
	*path++ = '\0';
	query = strchr(path, '?');
	if (query) {
		*query++ = '\0';
		request.query = query;
	}
	if (route_lookup(routes(), line, path, strlen(path), &match, allow) != ROUTE_FOUND)
		return;
	kind = match.binding->method->kind;
	if (kind == WEFT_CLIENT_STREAM || kind == WEFT_BIDIRECTIONAL)
		both_streams(&request);
	else
		unary(&request);
	respond(&request);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, '\n', size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;
	char *line = fuzz_string((struct weft_bytes) { data, len });
	struct weft_bytes body = { NULL, end ? size - len - 1 : 0 };

	if (end)
		body.data = fuzz_copy((struct weft_bytes) { end + 1, body.len });
	run(line, body);
	free((void *)body.data);
	free(line);
	return 0;
}
