/* Two connections on one worker, joined by a socket pair: what time and the loop add to a session. */
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
						     bool end, void **ret_data, void *data)
{
	return NULL;
}

static void on_ready(struct weft_h2 *h2, void *data)
{
	struct end *end = data;

	end->ready = true;
}

static void on_goaway(struct weft_h2 *h2, uint32_t error_code, void *data)
{
	struct end *end = data;

	assert_int_equal(error_code, WEFT_H2_NO_ERROR);
	end->goaway = true;
}

static void on_close(struct weft_h2 *h2, int r, const char *error, void *data)
{
	struct end *end = data;

	assert_false(end->closed);
	assert_true((r < 0) == (error[0] != '\0'));
	end->closed = true;
	end->error = r;
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_idle_connection_is_drained),
		cmocka_unit_test(test_a_client_without_streams_drains_at_once),
		cmocka_unit_test(test_early_bytes_are_heard_from_the_loop),
		cmocka_unit_test(test_garbage_closes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
