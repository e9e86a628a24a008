/*
 * What a peer may send: windows that open as they are consumed, and large messages that share a
 * budget. In the latter a stream carries one message whose length the server knows, and gives back
 * once it is complete, as gRPC does.
 */
#include <stdlib.h>
#include <string.h>

#include "pair.h"

static void test_the_window_holds_a_sender_back(void **state)
{
	const struct weft_h2_options options = { .size = sizeof(options), .stream_window = 20000 };
	struct pair pair;
	struct weft_h2_stream *stream;

	pair_init(&pair, &options);
	stream = request(&pair, false);
	write_bytes(stream, 200000);
	assert_false(weft_h2_stream_writable(stream));
	settle(&pair);
	assert_int_equal(pair.server.received, 20000);
	assert_int_equal(weft_h2_stream_unsent(stream), 180000);
	assert_string_equal(pair.client.log, "");

	/* What the owner gives back, and no more, comes. */
	weft_h2_stream_consume(pair.server.stream, 15000);
	settle(&pair);
	assert_int_equal(pair.server.received, 35000);

	pair.server.consume = true;
	weft_h2_stream_consume(pair.server.stream, 20000);
	settle(&pair);
	assert_int_equal(pair.server.received, 200000);
	assert_string_equal(pair.client.log, "writable ");
	pair_fini(&pair);
}

static void test_a_stalled_stream_does_not_stall_the_connection(void **state)
{
	const struct weft_h2_options options = { .size = sizeof(options),
						 .stream_window = 60000,
						 .connection_window = 70000 };
	struct pair pair;

	pair_init(&pair, &options);
	for (unsigned i = 0; i < 4; i++)
		write_bytes(request(&pair, false), 100000);
	settle(&pair);
	assert_int_equal(pair.server.received, 4 * 60000);
	pair_fini(&pair);
}

static void test_expect_lets_a_large_message_in(void **state)
{
	const struct weft_h2_options options = { .size = sizeof(options), .stream_window = 20000 };
	struct pair pair;
	struct weft_h2_stream *stream;

	pair_init(&pair, &options);
	stream = request(&pair, false);
	write_bytes(stream, 400000);
	settle(&pair);
	assert_int_equal(pair.server.received, 20000);
	weft_h2_stream_expect(pair.server.stream, 80000);
	settle(&pair);
	assert_int_equal(pair.server.received, 100000);

	/* Afterwards the window is as small as before. */
	weft_h2_stream_consume(pair.server.stream, 100000);
	settle(&pair);
	assert_in_range(pair.server.received, 110000, 120000);
	pair_fini(&pair);
}

/* Before it has seen our SETTINGS a client sends by HTTP/2's own window; what it lacks when ours
 * takes its place must be granted anew. */
static void test_a_client_that_was_early_gets_its_window(void **state)
{
	struct pair pair = { 0 };
	uint8_t room[100000];
	size_t n;

	pair.server.session = session_new(SESSION_SERVER, NULL, &pair_events, &pair.server);
	pair.client.session = session_new(SESSION_CLIENT, NULL, &pair_events, &pair.client);
	pair.server.consume = true;
	write_bytes(request(&pair, false), 200000);
	n = session_send(pair.client.session, room, sizeof(room));
	session_receive(pair.server.session, room, n, 1);
	settle(&pair);
	assert_int_equal(pair.server.received, 200000);
	pair_fini(&pair);
}

/* --- Large messages ----------------------------------------------------------------------- */

#define LARGE   ((size_t)200000)
#define UPLOADS 32
#define WINDOW  ((size_t)32 << 10)

struct upload {
	struct weft_h2_stream *client;
	struct weft_h2_stream *server;
	size_t len;
	size_t received;
	bool keep; /* what is complete is not consumed */
	bool closed;
	uint32_t error_code;
	unsigned rank; /* the how manieth it was to be complete; 0: it is not */
};

static struct {
	struct pair pair;
	struct upload uploads[UPLOADS];
	unsigned n;
	unsigned complete;
	size_t held;
	size_t most_held;
	size_t most_reserved;
} line;

static struct upload *upload_of(const struct weft_h2_stream *stream)
{
	return &line.uploads[weft_h2_stream_id(stream) / 2];
}

static void note_most(void)
{
	size_t reserved = session_reserved(line.pair.server.session);

	line.most_held = line.held > line.most_held ? line.held : line.most_held;
	line.most_reserved = reserved > line.most_reserved ? reserved : line.most_reserved;
}

static void on_upload_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len,
			   void *data)
{
	struct upload *upload = upload_of(stream);

	upload->server = stream;
	upload->received += len;
	line.held += len;
	if (upload->received < upload->len)
		weft_h2_stream_expect(stream, upload->len - upload->received);
	note_most();
	if (upload->received < upload->len)
		return;
	upload->rank = ++line.complete;
	if (upload->keep)
		return;
	line.held -= upload->len;
	weft_h2_stream_consume(stream, upload->len);
}

static void on_upload_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused,
			    void *data)
{
	upload_of(stream)->closed = true;
	upload_of(stream)->error_code = error_code;
}

static void on_upload_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
			      size_t n, bool end, void *data)
{
}

static void on_upload_event(struct weft_h2_stream *stream, void *data)
{
}

static const struct weft_h2_stream_events upload_events = {
	.on_headers = on_upload_headers,
	.on_data = on_upload_data,
	.on_end = on_upload_event,
	.on_writable = on_upload_event,
	.on_close = on_upload_close,
};

static void line_init(size_t budget)
{
	const struct weft_h2_options options = { .size = sizeof(options),
						 .message_budget = budget };

	memset(&line, 0, sizeof(line));
	pair_init(&line.pair, &options);
	line.pair.server.stream_events = &upload_events;
}

static struct upload *begin(size_t len, size_t sent)
{
	struct upload *upload = &line.uploads[line.n++];

	upload->len = len;
	upload->client = request(&line.pair, false);
	assert_ptr_equal(upload_of(upload->client), upload);
	write_bytes(upload->client, sent);
	settle(&line.pair);
	return upload;
}

static void go_on(struct upload *upload)
{
	write_bytes(upload->client, upload->len - upload->received);
	settle(&line.pair);
}

static void sweep(uint64_t now)
{
	static const struct session_patience patience = { .window_ns = WEFT_NEVER,
							  .message_ns = WEFT_SECOND };

	session_sweep(line.pair.server.session, now, &patience);
	settle(&line.pair);
}

/* Five of them have room; they come half, the others would come whole. */
static void test_large_messages_share_a_budget(void **state)
{
	const size_t budget = 5 * LARGE + LARGE / 2;
	struct upload *small;

	line_init(budget);
	for (unsigned i = 0; i < UPLOADS - 1; i++)
		begin(LARGE, i < 5 ? LARGE / 2 : LARGE);
	assert_int_equal(session_reserved(line.pair.server.session), 5 * LARGE);
	assert_true(session_starved(line.pair.server.session));
	assert_int_equal(line.held, 5 * LARGE / 2 + (UPLOADS - 1 - 5) * WINDOW);
	assert_int_equal(line.complete, 0);

	small = begin(100, 100);
	assert_int_equal(small->rank, 1); /* passes them all */

	for (unsigned i = 0; i < 5; i++)
		go_on(&line.uploads[i]);
	assert_int_equal(line.complete, UPLOADS);
	for (unsigned i = 5; i < UPLOADS - 1; i++) /* the first one let them all in, by turns */
		assert_int_equal(line.uploads[i].rank, i - 5 + 3);
	assert_int_equal(line.most_reserved, 5 * LARGE);
	assert_true(line.most_held <= budget + UPLOADS * WINDOW);
	assert_int_equal(session_reserved(line.pair.server.session), 0);
	assert_false(session_starved(line.pair.server.session));
	pair_fini(&line.pair);
}

static void test_a_message_larger_than_the_budget_comes_alone(void **state)
{
	struct upload *first, *second, *third;

	line_init(LARGE / 2);
	first = begin(LARGE, LARGE / 2);
	second = begin(LARGE, LARGE);
	third = begin(LARGE / 2, LARGE / 2); /* would fit, but not beside them, nor before */
	assert_int_equal(line.complete, 0);
	assert_int_equal(session_reserved(line.pair.server.session), LARGE);
	go_on(first);
	assert_int_equal(first->rank, 1);
	assert_int_equal(second->rank, 2);
	assert_int_equal(third->rank, 3);
	assert_int_equal(line.most_reserved, LARGE);
	pair_fini(&line.pair);
}

static void test_room_is_given_back_by_whoever_goes(void **state)
{
	struct upload *holder, *leaver, *third, *fourth;

	line_init(LARGE);
	holder = begin(LARGE, 10);
	leaver = begin(LARGE, LARGE);
	third = begin(LARGE, 10);
	fourth = begin(LARGE, LARGE);
	weft_h2_stream_reset(leaver->client, WEFT_H2_CANCEL);
	settle(&line.pair);
	assert_true(leaver->closed);
	assert_int_equal(line.complete, 0);
	weft_h2_stream_reset(holder->server, WEFT_H2_CANCEL); /* third's turn */
	assert_int_equal(session_reserved(line.pair.server.session), LARGE);
	settle(&line.pair);
	assert_int_equal(fourth->received, WINDOW);
	weft_h2_stream_expect(third->server, 0);
	settle(&line.pair);
	assert_int_equal(fourth->rank, 1);
	assert_int_equal(session_reserved(line.pair.server.session), 0);
	pair_fini(&line.pair);
}

/* The next message of the same stream stands behind those that wait already. */
static void test_a_complete_message_holds_its_room_until_it_is_consumed(void **state)
{
	struct upload *first, *second;

	line_init(LARGE);
	first = begin(LARGE, 10);
	first->keep = true;
	second = begin(LARGE, LARGE);
	go_on(first);
	assert_int_equal(first->rank, 1);
	assert_int_equal(second->rank, 0);
	sweep(1);
	sweep(3600 * WEFT_SECOND); /* its owner is no peer of ours */
	assert_false(first->closed);

	weft_h2_stream_consume(first->server, 1);
	settle(&line.pair);
	assert_int_equal(second->rank, 2);
	pair_fini(&line.pair);
}

static void test_a_message_that_does_not_come_gives_way(void **state)
{
	struct upload *first, *second;

	line_init(LARGE);
	first = begin(LARGE, LARGE / 2);
	sweep(1);
	sweep(3600 * WEFT_SECOND); /* nobody waits: it may take its time */
	assert_false(first->closed);

	second = begin(LARGE, LARGE);
	sweep(3600 * WEFT_SECOND + 1);
	sweep(3601 * WEFT_SECOND + 1); /* a second, and as much again for each MiB */
	assert_false(first->closed);
	assert_int_equal(second->received, WINDOW);
	sweep(3601 * WEFT_SECOND + 200 * WEFT_MS);
	assert_true(first->closed);
	assert_int_equal(first->error_code, WEFT_H2_ENHANCE_YOUR_CALM);
	assert_int_equal(second->rank, 1);
	pair_fini(&line.pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_window_holds_a_sender_back),
		cmocka_unit_test(test_a_stalled_stream_does_not_stall_the_connection),
		cmocka_unit_test(test_expect_lets_a_large_message_in),
		cmocka_unit_test(test_a_client_that_was_early_gets_its_window),
		cmocka_unit_test(test_large_messages_share_a_budget),
		cmocka_unit_test(test_a_message_larger_than_the_budget_comes_alone),
		cmocka_unit_test(test_room_is_given_back_by_whoever_goes),
		cmocka_unit_test(test_a_complete_message_holds_its_room_until_it_is_consumed),
		cmocka_unit_test(test_a_message_that_does_not_come_gives_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
