/* The HTTP/2 session without a wire: its exchanges, its end, and what it does not put up with.
 * What a peer may send is in test_window.c. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pair.h"

static void test_exchange_with_trailers(void **state)
{
	const struct weft_h2_header trailer = WEFT_H2_HEADER("grpc-status", "0");
	struct pair pair;
	struct weft_h2_stream *stream;

	pair_init(&pair, NULL);
	pair.client.consume = pair.server.consume = true;
	stream = request(&pair, false);
	write_bytes(stream, 5000);
	weft_h2_stream_end(stream, NULL, 0);
	settle(&pair);
	assert_string_equal(pair.server.log, "stream(5) end ");
	assert_int_equal(pair.server.received, 5000);

	respond(pair.server.stream, false);
	write_bytes(pair.server.stream, 30000);
	weft_h2_stream_end(pair.server.stream, &trailer, 1);
	settle(&pair);
	assert_string_equal(pair.client.log,
			    "headers(:status=200) headers(grpc-status=0,end) end close(0) ");
	assert_int_equal(pair.client.received, 30000);
	assert_string_equal(pair.server.log, "stream(5) end close(0) ");
	assert_int_equal(session_streams(pair.server.session), 0);
	pair_fini(&pair);
}

static void test_trailers_after_the_queue_has_drained(void **state)
{
	const struct weft_h2_header trailer = WEFT_H2_HEADER("grpc-status", "5");
	struct pair pair;

	pair_init(&pair, NULL);
	pair.client.consume = true;
	request(&pair, true);
	settle(&pair);
	respond(pair.server.stream, false);
	write_bytes(pair.server.stream, 10);
	settle(&pair);
	assert_string_equal(pair.client.log, "headers(:status=200) ");
	weft_h2_stream_end(pair.server.stream, &trailer, 1);
	settle(&pair);
	assert_string_equal(pair.client.log,
			    "headers(:status=200) headers(grpc-status=5,end) end close(0) ");
	pair_fini(&pair);
}

/* However the rooms cut the frames, and also when the end is said while a frame waits for room. */
static void test_rooms_of_any_size(void **state)
{
	const struct weft_h2_header trailer = WEFT_H2_HEADER("grpc-status", "0");

	for (size_t cap = 1; cap < 130; cap++) {
		struct pair pair;
		uint8_t room[130];
		size_t n;

		pair_init(&pair, NULL);
		pair.client.consume = true;
		request(&pair, true);
		settle(&pair);
		respond(pair.server.stream, false);
		write_bytes(pair.server.stream, 100);
		n = session_send(pair.server.session, room, cap);
		session_receive(pair.client.session, room, n, 1);
		weft_h2_stream_end(pair.server.stream, &trailer, 1);
		while ((n = session_send(pair.server.session, room, cap)))
			session_receive(pair.client.session, room, n, 1);
		settle(&pair);
		assert_int_equal(pair.client.received, 100);
		dispatch(&pair.client);
		assert_string_equal(
			pair.client.log,
			"headers(:status=200) headers(grpc-status=0,end) end close(0) ");
		pair_fini(&pair);
	}
}

static void test_abort_resets_after_the_queue(void **state)
{
	struct pair pair;

	pair_init(&pair, NULL);
	pair.client.consume = true;
	request(&pair, true);
	settle(&pair);
	respond(pair.server.stream, false);
	write_bytes(pair.server.stream, 100000);
	weft_h2_stream_abort(pair.server.stream, WEFT_H2_INTERNAL_ERROR);
	settle(&pair);
	assert_int_equal(pair.client.received, 100000);
	assert_string_equal(pair.client.log, "headers(:status=200) close(2) ");
	assert_int_equal(session_streams(pair.server.session), 0);
	pair_fini(&pair);

	/* Nothing is queued: the headers go out all the same. */
	pair_init(&pair, NULL);
	request(&pair, true);
	settle(&pair);
	respond(pair.server.stream, false);
	weft_h2_stream_abort(pair.server.stream, WEFT_H2_INTERNAL_ERROR);
	settle(&pair);
	assert_string_equal(pair.client.log, "headers(:status=200) close(2) ");
	pair_fini(&pair);
}

static void test_an_early_answer_stops_the_request(void **state)
{
	struct pair pair;
	struct weft_h2_stream *stream;

	pair_init(&pair, NULL);
	stream = request(&pair, false);
	write_bytes(stream, 10);
	settle(&pair);
	respond(pair.server.stream, true);
	settle(&pair);
	assert_string_equal(pair.server.log, "stream(5) close(0) ");
	assert_string_equal(pair.client.log, "headers(:status=200,end) end close(0) ");
	pair_fini(&pair);
}

static void test_interim_answers_are_skipped(void **state)
{
	const struct weft_h2_header interim = WEFT_H2_HEADER(":status", "100");
	struct pair pair;

	pair_init(&pair, NULL);
	request(&pair, true);
	settle(&pair);
	weft_h2_respond(pair.server.stream, &interim, 1, false);
	respond(pair.server.stream, true);
	settle(&pair);
	assert_string_equal(pair.client.log, "headers(:status=200,end) end close(0) ");
	pair_fini(&pair);
}

static void test_resets(void **state)
{
	struct pair pair;
	struct weft_h2_stream *stream;

	pair_init(&pair, NULL);
	stream = request(&pair, false);
	write_bytes(stream, 10);
	settle(&pair);
	weft_h2_stream_reset(stream, WEFT_H2_CANCEL);
	weft_h2_stream_end(stream, NULL, 0);
	write_bytes(stream, 10);
	settle(&pair);
	assert_string_equal(pair.client.log, "close(8) ");
	assert_string_equal(pair.server.log, "stream(5) close(8) ");

	/* Before the request has left: the server never hears of it. */
	stream = request(&pair, true);
	weft_h2_stream_reset(stream, WEFT_H2_CANCEL);
	settle(&pair);
	assert_string_equal(pair.client.log, "close(8) close(8,refused) ");
	assert_string_equal(pair.server.log, "stream(5) close(8) ");

	pair.server.refuse = true;
	request(&pair, true);
	settle(&pair);
	assert_string_equal(pair.client.log, "close(8) close(8,refused) close(7,refused) ");
	pair_fini(&pair);
}

/* What was under way, the peer may have processed; what had not left yet, it has not. */
static void test_a_lost_connection_tells_what_has_left(void **state)
{
	struct pair pair;

	pair_init(&pair, NULL);
	request(&pair, true);
	settle(&pair);
	session_abort(pair.client.session, WEFT_H2_CONNECT_ERROR);
	dispatch(&pair.client);
	assert_string_equal(pair.client.log, "close(10) ");
	pair_fini(&pair);

	pair_init(&pair, NULL);
	request(&pair, true);
	session_abort(pair.client.session, WEFT_H2_CONNECT_ERROR);
	dispatch(&pair.client);
	assert_string_equal(pair.client.log, "close(10,refused) ");
	assert_string_equal(pair.server.log, "");
	pair_fini(&pair);
}

static void let_go(struct weft_h2_stream *stream, const struct weft_h2_header *headers, size_t n,
		   bool end, void *data)
{
	weft_h2_stream_reset(stream, WEFT_H2_NO_ERROR);
}

/* Each would count as an attack (CVE-2023-44487): the owner lets go of a stream that is over. */
static void test_a_finished_stream_is_not_reset(void **state)
{
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":method", "POST"),
		WEFT_H2_HEADER(":scheme", "http"),
		WEFT_H2_HEADER(":path", "/"),
		WEFT_H2_HEADER(":authority", "a"),
	};
	struct weft_h2_stream_events events = pair_stream_events;
	struct pair pair;
	uint8_t room[1000];
	size_t n;

	events.on_headers = let_go;
	for (int ended = 0; ended < 2; ended++) {
		pair_init(&pair, NULL);
		session_request(pair.client.session, headers, WEFT_COUNT(headers), ended, &events,
				&pair.client);
		settle(&pair);
		respond(pair.server.stream, true);
		n = session_send(pair.server.session, room, sizeof(room));
		assert_int_equal(session_receive(pair.client.session, room, n, 1), 0);
		n = session_send(pair.client.session, room, sizeof(room));
		assert_int_equal(n, ended ? 0 : 9 + 4); /* a RST_STREAM */
		settle(&pair);
		assert_string_equal(pair.client.log, "close(0) ");
		assert_int_equal(session_streams(pair.client.session), 0);
		pair_fini(&pair);
	}
}

static void request_with_large_headers(struct pair *pair, size_t len)
{
	char *large = calloc(1, len + 1);
	struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":method", "POST"),
		WEFT_H2_HEADER(":scheme", "http"),
		WEFT_H2_HEADER(":path", "/"),
		WEFT_H2_HEADER(":authority", "a"),
		WEFT_H2_HEADER("large", memset(large, 'x', len)),
	};

	session_request(pair->client.session, headers, WEFT_COUNT(headers), false,
			&pair_stream_events, &pair->client);
	free(large);
}

static void test_large_headers(void **state)
{
	const struct weft_h2_header fields[] = {
		WEFT_H2_HEADER(":status", "200"),
		WEFT_H2_HEADER("a", "b"),
	};
	struct weft_h2_header many[600];
	struct pair pair;

	pair_init(&pair, NULL);
	request_with_large_headers(&pair, 17000);
	settle(&pair);
	assert_string_equal(pair.client.log, "headers(:status=431,end) end close(0) ");
	assert_string_equal(pair.server.log, "");
	request_with_large_headers(&pair, 15000);
	settle(&pair);
	assert_string_equal(pair.server.log, "stream(5) ");

	/* The other way round the stream is reset. Many small fields count: 32 bytes each. */
	pair.client.log[0] = '\0';
	for (size_t i = 0; i < WEFT_COUNT(many); i++)
		many[i] = fields[i > 0];
	weft_h2_respond(pair.server.stream, many, WEFT_COUNT(many), false);
	settle(&pair);
	assert_string_equal(pair.client.log, "oversized close(11) ");

	/* So is it for trailers. */
	pair.client.log[0] = '\0';
	request(&pair, true);
	settle(&pair);
	respond(pair.server.stream, false);
	weft_h2_stream_end(pair.server.stream, many + 1, WEFT_COUNT(many) - 1);
	settle(&pair);
	assert_string_equal(pair.client.log, "headers(:status=200) oversized close(0) ");
	pair_fini(&pair);
}

/* How many of so many requests of this size are refused. */
static unsigned count_refused(struct pair *pair, size_t size, unsigned n)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < n; i++) {
		pair->server.stream = NULL;
		pair->server.log[0] = pair->client.log[0] = '\0';
		request_with_large_headers(pair, size);
		settle(pair);
		refused += !pair->server.stream;
		if (pair->server.stream)
			respond(pair->server.stream, true);
		settle(pair);
	}
	return refused;
}

static void test_headers_above_the_soft_limit(void **state)
{
	const struct weft_h2_options options = { .size = sizeof(options),
						 .soft_header_list = 2000,
						 .max_header_list = 4000 };
	const size_t others = 200; /* about that much is not the one header */
	struct pair pair;

	pair_init(&pair, &options);
	assert_int_equal(count_refused(&pair, 2000 - 2 * others, 50), 0);
	assert_in_range(count_refused(&pair, 2500 - others, 400), 20, 250); /* a quarter: 100 */
	assert_in_range(count_refused(&pair, 3500 - others, 400), 150, 380);
	assert_int_equal(count_refused(&pair, 4000, 50), 50);
	pair_fini(&pair);
}

static void test_drain_lets_streams_finish(void **state)
{
	struct pair pair;

	pair_init(&pair, NULL);
	request(&pair, true);
	settle(&pair);
	session_drain(pair.server.session);
	settle(&pair);
	assert_string_equal(pair.client.log, "goaway(0) ");
	assert_string_equal(pair.server.log, "stream(5,end) end answer ");
	assert_false(session_can_request(pair.client.session));
	session_drain_last(pair.server.session);
	settle(&pair);
	assert_false(session_finished(pair.server.session));
	respond(pair.server.stream, true);
	settle(&pair);
	assert_true(session_finished(pair.server.session));
	assert_true(session_finished(pair.client.session));
	assert_string_equal(pair.client.log, "goaway(0) goaway(0) headers(:status=200,end) end "
					     "close(0) ");
	pair_fini(&pair);
}

static void test_terminate_and_abort_close_every_stream_once(void **state)
{
	struct pair pair;

	pair_init(&pair, NULL);
	write_bytes(request(&pair, false), 100000);
	request(&pair, true);
	settle(&pair);
	session_terminate(pair.server.session, WEFT_H2_ENHANCE_YOUR_CALM);
	settle(&pair);
	assert_string_equal(pair.server.log, "stream(5) stream(5,end) end close(11) close(11) ");
	assert_string_equal(pair.client.log, "goaway(11) ");
	assert_true(session_finished(pair.server.session));
	session_abort(pair.client.session, WEFT_H2_CONNECT_ERROR);
	session_abort(pair.client.session, WEFT_H2_CONNECT_ERROR);
	dispatch(&pair.client);
	assert_string_equal(pair.client.log, "goaway(11) close(10) close(10) ");
	pair_fini(&pair);
}

static void test_too_many_streams_wait_for_no_one(void **state)
{
	const struct weft_h2_options options = { .size = sizeof(options),
						 .max_concurrent_streams = 2 };
	struct pair pair;

	pair_init(&pair, &options);
	request(&pair, false);
	request(&pair, false);
	assert_false(session_can_request(pair.client.session));
	settle(&pair);
	assert_int_equal(session_streams(pair.server.session), 2);
	pair_fini(&pair);
}

static void test_garbage_is_an_error(void **state)
{
	struct pair pair;
	struct session *session;

	memset(&pair, 0, sizeof(pair));
	session = session_new(SESSION_SERVER, NULL, &pair_events, &pair.server);
	assert_true(session_receive(session, (const uint8_t *)"GET / HTTP/1.1\r\n\r\n", 18, 1) < 0);
	assert_true(session_error(session)[0] != '\0');
	session_free(session);
}

/* Frames as a hostile peer sends them, after a preface and an empty SETTINGS. */
static struct session *hostile_session(struct side *side)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";

	memset(side, 0, sizeof(*side));
	side->session = session_new(SESSION_SERVER, NULL, &pair_events, side);
	assert_int_equal(
		session_receive(side->session, (const uint8_t *)preface, sizeof(preface) - 1, 1),
		0);
	return side->session;
}

static bool flood(struct side *side, const uint8_t *frame, size_t len, unsigned times)
{
	uint8_t room[65536];

	for (unsigned i = 0; i < times && !session_finished(side->session); i++) {
		if (session_receive(side->session, frame, len, 1) < 0)
			return true;
		while (session_send(side->session, room, sizeof(room)) == sizeof(room))
			;
	}
	dispatch(side);
	return session_finished(side->session);
}

static void test_useless_frames_are_counted(void **state)
{
	static const uint8_t ping[] = { 0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8 };
	static const uint8_t settings[] = { 0, 0, 0, 4, 0, 0, 0, 0, 0 };
	struct side side;

	hostile_session(&side);
	assert_false(flood(&side, ping, sizeof(ping), 5000));
	assert_true(flood(&side, ping, sizeof(ping), 20000));
	side_fini(&side);

	hostile_session(&side);
	assert_true(flood(&side, settings, sizeof(settings), 20000));
	side_fini(&side);
}

static void receive_request_headers(struct side *side, uint8_t id, uint8_t flags)
{
	const uint8_t frame[] = { 0, 0, 6, 1, flags, 0, 0, 0, id, 0x83, 0x86, 0x84, 0x41, 1, 'a' };

	assert_int_equal(session_receive(side->session, frame, sizeof(frame), 1), 0);
	dispatch(side);
}

/* RFC 9113, 5.1.1; but trailers may cross our reset of a stream, which is no error. */
static void test_a_stream_behind_others_ends_the_connection(void **state)
{
	uint8_t room[1000];
	struct side side;

	hostile_session(&side);
	receive_request_headers(&side, 5, 4);
	weft_h2_stream_reset(side.stream, WEFT_H2_CANCEL);
	session_send(side.session, room, sizeof(room));
	receive_request_headers(&side, 5, 5);
	receive_request_headers(&side, 7, 4);
	assert_string_equal(side.log, "ready stream(4) close(8) stream(4) ");
	receive_request_headers(&side, 3, 4);
	assert_string_equal(side.log, "ready stream(4) close(8) stream(4) close(1) ");
	session_send(side.session, room, sizeof(room));
	assert_true(session_finished(side.session));
	side_fini(&side);
}

static void receive_end(struct side *side, uint8_t type, size_t len, uint8_t id)
{
	const uint8_t frame[] = { 0, 0, (uint8_t)len, type, type == 0, 0, 0, 0, id, 0, 0, 0, 8 };

	assert_int_equal(session_receive(side->session, frame, 9 + len, 1), 0);
	dispatch(side);
}

/* RFC 9113, 5.1, "closed": nghttp2 would drop the frame without a word. */
static void test_a_stream_that_its_peer_has_ended_stays_so(void **state)
{
	const struct weft_h2_header ok = WEFT_H2_HEADER(":status", "200");
	uint8_t room[1000];
	struct side side;

	hostile_session(&side);
	receive_request_headers(&side, 1, 4);
	receive_end(&side, 3, 4, 1);
	receive_request_headers(&side, 3, 5);
	assert_string_equal(side.log, "ready stream(4) close(8) stream(4,end) end ");
	receive_end(&side, 0, 0, 1);
	assert_string_equal(side.log, "ready stream(4) close(8) stream(4,end) end close(5) ");
	side_fini(&side);

	hostile_session(&side);
	receive_request_headers(&side, 1, 5);
	weft_h2_respond(side.stream, &ok, 1, true);
	session_send(side.session, room, sizeof(room));
	dispatch(&side);
	receive_request_headers(&side, 3, 4);
	assert_string_equal(side.log, "ready stream(4,end) end close(0) stream(4) ");
	receive_end(&side, 0, 0, 1);
	assert_string_equal(side.log, "ready stream(4,end) end close(0) stream(4) close(5) ");
	side_fini(&side);
}

static void test_unfinished_headers_are_known(void **state)
{
	static const uint8_t rest[] = { 0, 0, 0, 9, 4, 0, 0, 0, 1 };
	struct side side;

	hostile_session(&side);
	assert_false(session_in_headers(side.session));
	receive_request_headers(&side, 1, 1);
	assert_true(session_in_headers(side.session));
	session_receive(side.session, rest, sizeof(rest), 1);
	assert_false(session_in_headers(side.session));
	assert_non_null(side.stream);
	side_fini(&side);
}

/* CVE-2025-8671: each stream is opened properly and then made to be reset by us. */
static void test_provoked_resets_are_counted(void **state)
{
	uint8_t frames[] = {
		/* HEADERS: POST http a/, by HPACK's static table */
		0,
		0,
		6,
		1,
		4,
		0,
		0,
		0,
		0,
		0x83,
		0x86,
		0x84,
		0x41,
		1,
		'a',
		/* WINDOW_UPDATE of the same stream, too large by far */
		0,
		0,
		4,
		8,
		0,
		0,
		0,
		0,
		0,
		0x7f,
		0xff,
		0xff,
		0xff,
	};
	struct side side;
	uint8_t room[65536];
	unsigned streams = 0;

	hostile_session(&side);
	while (!session_finished(side.session) && streams < 5000) {
		uint32_t id = streams++ * 2 + 1;

		frames[7] = frames[22] = (uint8_t)(id >> 8);
		frames[8] = frames[23] = (uint8_t)id;
		if (session_receive(side.session, frames, sizeof(frames), 1) < 0)
			break;
		session_send(side.session, room, sizeof(room));
		dispatch(&side);
	}
	assert_in_range(streams, 900, 1100);
	side_fini(&side);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange_with_trailers),
		cmocka_unit_test(test_trailers_after_the_queue_has_drained),
		cmocka_unit_test(test_rooms_of_any_size),
		cmocka_unit_test(test_abort_resets_after_the_queue),
		cmocka_unit_test(test_an_early_answer_stops_the_request),
		cmocka_unit_test(test_interim_answers_are_skipped),
		cmocka_unit_test(test_resets),
		cmocka_unit_test(test_a_lost_connection_tells_what_has_left),
		cmocka_unit_test(test_a_finished_stream_is_not_reset),
		cmocka_unit_test(test_large_headers),
		cmocka_unit_test(test_headers_above_the_soft_limit),
		cmocka_unit_test(test_drain_lets_streams_finish),
		cmocka_unit_test(test_terminate_and_abort_close_every_stream_once),
		cmocka_unit_test(test_too_many_streams_wait_for_no_one),
		cmocka_unit_test(test_garbage_is_an_error),
		cmocka_unit_test(test_useless_frames_are_counted),
		cmocka_unit_test(test_a_stream_behind_others_ends_the_connection),
		cmocka_unit_test(test_a_stream_that_its_peer_has_ended_stays_so),
		cmocka_unit_test(test_unfinished_headers_are_known),
		cmocka_unit_test(test_provoked_resets_are_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
