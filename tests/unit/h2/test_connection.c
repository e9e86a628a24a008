/* Two connections on one worker, joined by a socket pair: what time and the loop add to a
 * session. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/h2.h>

#define PATIENCE (20 * WEFT_SECOND)

struct end {
	struct weft_worker *worker;
	struct weft_h2 *h2;
	struct weft_h2_options options;
	bool server;
	bool ready;
	bool goaway;
	uint32_t goaway_code;
	struct weft_h2_counters counters; /* at the end */
	bool too_many_pings;
	size_t body;   /* that each request is answered with */
	size_t expect; /* this much of its body */
	bool reset;
	uint32_t reset_code;
	bool closed;
	int error;
};

struct rig {
	struct weft_worker *worker;
	struct weft_timer poll;
	uint64_t give_up;
	const bool *until;
	int fds[2];
	struct end client;
	struct end server;
};

static void on_poll(struct weft_timer *timer, void *data)
{
	struct rig *rig = data;

	if (*rig->until || weft_now() > rig->give_up)
		weft_worker_stop(rig->worker);
	else
		weft_timer_start(weft_worker_loop(rig->worker), timer, WEFT_MS);
}

static void run_until(struct rig *rig, const bool *until)
{
	rig->until = until;
	rig->give_up = weft_now() + PATIENCE;
	weft_timer_start(weft_worker_loop(rig->worker), &rig->poll, 0);
	weft_worker_run(rig->worker);
	assert_true(*until);
}

static const struct weft_h2_stream_events *on_stream(struct weft_h2 *h2,
						     struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data);

static void on_stream_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
			      size_t n, bool end, void *data)
{
}

static void on_stream_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len,
			   void *data)
{
}

static void on_stream_event(struct weft_h2_stream *stream, void *data)
{
}

static void on_stream_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused,
			    void *data)
{
	struct end *end = data;

	end->reset = true;
	end->reset_code = error_code;
}

static const struct weft_h2_stream_events stream_events = {
	.on_headers = on_stream_headers,
	.on_data = on_stream_data,
	.on_end = on_stream_event,
	.on_writable = on_stream_event,
	.on_close = on_stream_close,
};

static const struct weft_h2_stream_events *on_stream(struct weft_h2 *h2,
						     struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool last, void **ret_data, void *data)
{
	const struct weft_h2_header ok = WEFT_H2_HEADER(":status", "200");
	struct end *end = data;
	uint8_t *room;

	weft_h2_respond(stream, &ok, 1, false);
	room = weft_h2_stream_reserve(stream, end->body);
	assert_non_null(room);
	memset(room, 0, end->body);
	weft_h2_stream_expect(stream, end->expect);
	*ret_data = end;
	return &stream_events;
}

static void on_ready(struct weft_h2 *h2, void *data)
{
	struct end *end = data;

	end->ready = true;
}

static void on_goaway(struct weft_h2 *h2, uint32_t error_code, void *data)
{
	struct end *end = data;

	end->goaway = true;
	end->goaway_code = error_code;
	end->too_many_pings = weft_h2_too_many_pings(h2);
}

static void on_close(struct weft_h2 *h2, int r, const char *error, void *data)
{
	struct end *end = data;

	assert_false(end->closed);
	assert_true((r < 0) == (error[0] != '\0'));
	end->closed = true;
	end->error = r;
	end->counters = *weft_h2_counters(h2);
}

static const struct weft_h2_events events = {
	.on_stream = on_stream,
	.on_ready = on_ready,
	.on_goaway = on_goaway,
	.on_close = on_close,
};

static void on_open(struct weft_transport *transport, void *data)
{
	struct end *end = data;

	end->h2 = end->server ? weft_h2_server_new(transport, &end->options, &events, end)
			      : weft_h2_client_new(transport, &end->options, &events, end);
}

static const struct weft_transport_events transport_events = { .on_open = on_open };

static void open_end(struct rig *rig, struct end *end, int fd)
{
	end->options.size = sizeof(end->options);
	weft_transport_accept(rig->worker, fd, NULL, 0, &transport_events, end);
}

static void rig_init(struct rig *rig)
{
	memset(rig, 0, sizeof(*rig));
	rig->server.server = true;
	weft_timer_init(&rig->poll, on_poll, rig);
	assert_int_equal(weft_worker_new(0, &rig->worker), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, rig->fds), 0);
}

static void test_an_idle_connection_is_drained(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.idle_timeout_ns = 20 * WEFT_MS;
	open_end(&rig, &rig.server, rig.fds[0]);
	open_end(&rig, &rig.client, rig.fds[1]);
	run_until(&rig, &rig.client.closed);
	run_until(&rig, &rig.server.closed);
	assert_true(rig.client.ready && rig.client.goaway);
	assert_int_equal(rig.client.goaway_code, WEFT_H2_NO_ERROR);
	assert_int_equal(rig.client.error, 0);
	assert_int_equal(rig.server.error, 0);
	weft_worker_free(rig.worker);
}

static void test_a_client_without_streams_drains_at_once(void **state)
{
	struct rig rig;

	rig_init(&rig);
	open_end(&rig, &rig.server, rig.fds[0]);
	open_end(&rig, &rig.client, rig.fds[1]);
	run_until(&rig, &rig.client.ready);
	weft_h2_drain(rig.client.h2);
	assert_false(rig.client.closed);
	run_until(&rig, &rig.client.closed);
	run_until(&rig, &rig.server.closed);
	assert_true(rig.server.goaway);
	assert_int_equal(rig.client.error, 0);
	weft_worker_free(rig.worker);
}

static void test_early_bytes_are_heard_from_the_loop(void **state)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
	const size_t cut = 10;
	struct rig rig;
	bool opened = false;

	rig_init(&rig);
	open_end(&rig, &rig.server, rig.fds[0]);
	while (!opened) {
		bool now = true;

		run_until(&rig, &now);
		opened = rig.server.h2;
	}
	weft_h2_receive(rig.server.h2, (const uint8_t *)preface, cut);
	weft_h2_receive(rig.server.h2, (const uint8_t *)preface + cut, sizeof(preface) - 1 - cut);
	assert_false(rig.server.ready);
	run_until(&rig, &rig.server.ready);
	close(rig.fds[1]);
	run_until(&rig, &rig.server.closed);
	weft_worker_free(rig.worker);
}

static void test_garbage_closes(void **state)
{
	struct rig rig;

	rig_init(&rig);
	open_end(&rig, &rig.server, rig.fds[0]);
	assert_int_equal(write(rig.fds[1], "GET / HTTP/1.1\r\n\r\n", 18), 18);
	run_until(&rig, &rig.server.closed);
	assert_int_equal(rig.server.error, -EPROTO);
	close(rig.fds[1]);
	weft_worker_free(rig.worker);
}

/* --- A peer that speaks from a script, and does not listen --------------------------------- */

static const uint8_t greeting[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
				  /* SETTINGS: streams may send 2 GiB; then the connection too */
				  "\0\0\6\4\0\0\0\0\0\0\4\x7f\xff\xff\xff"
				  "\0\0\4\x8\0\0\0\0\0\x7f\0\0\0";
static const uint8_t shut_greeting[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
				       /* SETTINGS: streams may send nothing */
				       "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0";
static const uint8_t request[] = "\0\0\6\1\5\0\0\0\1\x83\x86\x84\x41\1a";
static const uint8_t half_a_body[] = "\0\0\6\1\4\0\0\0\1\x83\x86\x84\x41\1a";
static const uint8_t another_half_a_body[] = "\0\0\6\1\4\0\0\0\3\x83\x86\x84\x41\1a";
static const uint8_t half_a_request[] = "\0\0\6\1\1\0\0\0\1\x83\x86\x84\x41\1a";

static void say(struct rig *rig, const uint8_t *bytes, size_t len)
{
	assert_int_equal(write(rig->fds[1], bytes, len), (ssize_t)len);
}

#define SAY(rig, text) say((rig), (text), sizeof(text) - 1)

static void end_of_scripted(struct rig *rig)
{
	run_until(rig, &rig->server.closed);
	assert_int_equal(rig->server.error, -ETIMEDOUT);
	close(rig->fds[1]);
	weft_worker_free(rig->worker);
}

static void test_a_peer_that_says_nothing(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.headers_timeout_ns = 20 * WEFT_MS;
	open_end(&rig, &rig.server, rig.fds[0]);
	end_of_scripted(&rig);
}

static void test_a_peer_that_does_not_finish_its_headers(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.headers_timeout_ns = 20 * WEFT_MS;
	open_end(&rig, &rig.server, rig.fds[0]);
	SAY(&rig, greeting);
	SAY(&rig, half_a_request);
	end_of_scripted(&rig);
	assert_true(rig.server.ready);
}

static void test_a_peer_that_does_not_read(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.write_timeout_ns = 20 * WEFT_MS;
	rig.server.body = (size_t)8 << 20;
	open_end(&rig, &rig.server, rig.fds[0]);
	SAY(&rig, greeting);
	SAY(&rig, request);
	end_of_scripted(&rig);
	assert_int_equal(rig.server.reset_code, WEFT_H2_CONNECT_ERROR);
}

static void test_a_peer_that_keeps_its_window_shut(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.write_timeout_ns = 5 * WEFT_MS;
	rig.server.options.window_timeout_ns = 20 * WEFT_MS;
	rig.server.body = 100;
	open_end(&rig, &rig.server, rig.fds[0]);
	SAY(&rig, shut_greeting);
	SAY(&rig, request);
	run_until(&rig, &rig.server.reset);
	assert_int_equal(rig.server.reset_code, WEFT_H2_CANCEL);
	assert_false(rig.server.closed); /* only the stream pays */
	close(rig.fds[1]);
	run_until(&rig, &rig.server.closed);
	weft_worker_free(rig.worker);
}

static void test_a_peer_that_does_not_answer_ping(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.keepalive_ns = 10 * WEFT_MS;
	rig.server.options.keepalive_timeout_ns = 10 * WEFT_MS;
	rig.server.options.keepalive_idle = true;
	open_end(&rig, &rig.server, rig.fds[0]);
	SAY(&rig, greeting);
	end_of_scripted(&rig);
	assert_true(rig.server.ready);
}

/* Two large messages, of which one has room, and none comes: the first gives way to the second. */
static void test_a_peer_that_holds_a_message_back(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.write_timeout_ns = 5 * WEFT_MS;
	rig.server.options.message_timeout_ns = 10 * WEFT_MS;
	rig.server.options.message_budget = 100000;
	rig.server.expect = 100000;
	open_end(&rig, &rig.server, rig.fds[0]);
	SAY(&rig, greeting);
	SAY(&rig, half_a_body);
	SAY(&rig, another_half_a_body);
	run_until(&rig, &rig.server.reset);
	assert_int_equal(rig.server.reset_code, WEFT_H2_ENHANCE_YOUR_CALM);
	assert_int_equal(weft_h2_streams(rig.server.h2), 1);
	close(rig.fds[1]);
	run_until(&rig, &rig.server.closed);
	weft_worker_free(rig.worker);
}

/* --- Keepalive and age, between two of us ------------------------------------------------- */

static void test_too_many_pings(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.client.options.keepalive_ns = WEFT_MS;
	rig.client.options.keepalive_timeout_ns = PATIENCE;
	rig.client.options.keepalive_idle = true;
	rig.server.options.permit_ping_ns = 3600 * WEFT_SECOND;
	open_end(&rig, &rig.server, rig.fds[0]);
	open_end(&rig, &rig.client, rig.fds[1]);
	run_until(&rig, &rig.client.goaway);
	assert_int_equal(rig.client.goaway_code, WEFT_H2_ENHANCE_YOUR_CALM);
	assert_true(rig.client.too_many_pings);
	run_until(&rig, &rig.client.closed);
	run_until(&rig, &rig.server.closed);
	weft_worker_free(rig.worker);
}

/* Many times its silence and its patience long: only a PING that is not answered ends it. */
static void test_keepalive_keeps_alive(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.client.options.keepalive_ns = 5 * WEFT_MS;
	rig.client.options.keepalive_timeout_ns = PATIENCE;
	rig.client.options.keepalive_idle = true;
	rig.server.options.max_age_ns = 100 * WEFT_MS;
	open_end(&rig, &rig.server, rig.fds[0]);
	open_end(&rig, &rig.client, rig.fds[1]);
	run_until(&rig, &rig.client.closed);
	assert_int_equal(rig.client.goaway_code, WEFT_H2_NO_ERROR);
	assert_int_equal(rig.client.error, 0);
	assert_true(rig.client.counters.keepalives > 1);
	assert_int_equal(rig.client.counters.goaway, WEFT_H2_NO_ERROR + 1);
	assert_true(rig.client.counters.peer_max_streams > 0);
	run_until(&rig, &rig.server.closed);
	assert_int_equal(rig.server.error, 0); /* of age */
	assert_int_equal(rig.server.counters.keepalives, 0);
	assert_int_equal(rig.server.counters.goaway, 0);
	weft_worker_free(rig.worker);
}

static void test_age_has_a_grace(void **state)
{
	struct rig rig;

	rig_init(&rig);
	rig.server.options.max_age_ns = 10 * WEFT_MS;
	rig.server.options.max_age_grace_ns = 20 * WEFT_MS;
	rig.server.body = 10; /* and never an end */
	open_end(&rig, &rig.server, rig.fds[0]);
	SAY(&rig, greeting);
	SAY(&rig, request);
	end_of_scripted(&rig);
	assert_true(rig.server.reset);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_idle_connection_is_drained),
		cmocka_unit_test(test_a_client_without_streams_drains_at_once),
		cmocka_unit_test(test_early_bytes_are_heard_from_the_loop),
		cmocka_unit_test(test_garbage_closes),
		cmocka_unit_test(test_a_peer_that_says_nothing),
		cmocka_unit_test(test_a_peer_that_does_not_finish_its_headers),
		cmocka_unit_test(test_a_peer_that_does_not_read),
		cmocka_unit_test(test_a_peer_that_keeps_its_window_shut),
		cmocka_unit_test(test_a_peer_that_holds_a_message_back),
		cmocka_unit_test(test_a_peer_that_does_not_answer_ping),
		cmocka_unit_test(test_too_many_pings),
		cmocka_unit_test(test_keepalive_keeps_alive),
		cmocka_unit_test(test_age_has_a_grace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
