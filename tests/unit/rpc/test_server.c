/*
 * A server and one HTTP/2 client on the same worker, joined by a socket pair: what a handler may
 * rely on, step by step. Whole conversations with a foreign client are in tests/integration.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <weft/h2.h>
#include <weft/server.h>

#include "rpc/child.h"

#define PATIENCE (20 * WEFT_SECOND)

struct rig {
	struct weft_worker *worker;
	struct weft_server *server;
	struct weft_h2 *client;
	struct weft_h2_stream *stream;
	struct weft_timer poll;
	uint64_t give_up;
	bool (*condition)(struct rig *rig);

	weft_fallback_cb *handler;
	struct weft_call *call;
	struct weft_child child;
	char log[1000]; /* what happened at the server, a word each */
	char status[100];
	bool closed; /* the client's stream */
	bool gone;   /* the client's connection */
	bool drained;
};

static void note(struct rig *rig, const char *word)
{
	strncat(rig->log, word, sizeof(rig->log) - strlen(rig->log) - 1);
}

/* --- The loop runs until something is so -------------------------------------------------- */

static void on_poll(struct weft_timer *timer, void *data)
{
	struct rig *rig = data;

	if (rig->condition(rig) || weft_now() > rig->give_up)
		weft_worker_stop(rig->worker);
	else
		weft_timer_start(weft_worker_loop(rig->worker), timer, WEFT_MS);
}

static void run_until(struct rig *rig, bool (*condition)(struct rig *rig))
{
	rig->condition = condition;
	rig->give_up = weft_now() + PATIENCE;
	weft_timer_start(weft_worker_loop(rig->worker), &rig->poll, 0);
	weft_worker_run(rig->worker);
	assert_true(condition(rig));
}

static bool is_closed(struct rig *rig)
{
	return rig->closed;
}

static bool is_gone(struct rig *rig)
{
	return rig->gone;
}

static bool is_drained(struct rig *rig)
{
	return rig->drained;
}

static bool has_call(struct rig *rig)
{
	return rig->call;
}

static bool has_no_calls(struct rig *rig)
{
	return weft_server_calls(rig->server) == 0;
}

static bool has_log(struct rig *rig)
{
	return rig->log[0];
}

static unsigned turns;

static bool after_some_turns(struct rig *rig)
{
	return ++turns > 20;
}

static void run_a_while(struct rig *rig)
{
	turns = 0;
	run_until(rig, after_some_turns);
}

/* --- The client --------------------------------------------------------------------------- */

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
	struct rig *rig = data;

	for (size_t i = 0; i < n; i++)
		if (!strcmp(headers[i].name, "grpc-status"))
			snprintf(rig->status, sizeof(rig->status), "%s", headers[i].value);
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	weft_h2_stream_consume(stream, len);
}

static void ignore(struct weft_h2_stream *stream, void *data)
{
}

static void on_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused, void *data)
{
	struct rig *rig = data;

	rig->closed = true;
}

static const struct weft_h2_stream_events stream_events = {
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = ignore,
	.on_writable = ignore,
	.on_close = on_close,
};

static const struct weft_h2_stream_events *on_stream(struct weft_h2 *h2,
						     struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data)
{
	return NULL;
}

static void on_h2_close(struct weft_h2 *h2, int r, const char *error, void *data)
{
	struct rig *rig = data;

	rig->gone = true;
}

static const struct weft_h2_events h2_events = { .on_stream = on_stream, .on_close = on_h2_close };

static void on_open(struct weft_transport *transport, void *data)
{
	struct rig *rig = data;

	rig->client = weft_h2_client_new(transport, NULL, &h2_events, rig);
}

static const struct weft_transport_events transport_events = { .on_open = on_open };

static bool has_client(struct rig *rig)
{
	return rig->client;
}

static void start_request(struct rig *rig, bool end)
{
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":method", "POST"),
		WEFT_H2_HEADER(":scheme", "http"),
		WEFT_H2_HEADER(":path", "/test.Unit/Call"),
		WEFT_H2_HEADER(":authority", "localhost"),
		WEFT_H2_HEADER("content-type", "application/grpc"),
		WEFT_H2_HEADER("te", "trailers"),
	};

	rig->stream = weft_h2_request(rig->client, headers, WEFT_COUNT(headers), end,
				      &stream_events, rig);
	assert_non_null(rig->stream);
}

static void send_message(struct rig *rig, const char *text)
{
	const uint8_t prefix[] = { 0, 0, 0, 0, (uint8_t)strlen(text) };

	weft_h2_stream_write(rig->stream, prefix, sizeof(prefix));
	weft_h2_stream_write(rig->stream, text, strlen(text));
}

/* --- The rig ------------------------------------------------------------------------------ */

static int handle(struct weft_call *call, void *self)
{
	struct rig *rig = self;

	rig->call = call;
	return rig->handler(call, rig);
}

static void rig_init_with(struct rig *rig, weft_fallback_cb *handler,
			  const struct weft_server_options *options)
{
	int fds[2];

	memset(rig, 0, sizeof(*rig));
	rig->handler = handler;
	weft_timer_init(&rig->poll, on_poll, rig);
	assert_int_equal(weft_worker_new(0, &rig->worker), 0);
	assert_int_equal(weft_server_new(rig->worker, options, &rig->server), 0);
	weft_server_set_fallback(rig->server, handle, rig);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds),
			 0);
	weft_server_adopt(rig->server, fds[0], NULL);
	weft_transport_accept(rig->worker, fds[1], NULL, 0, &transport_events, rig);
	assert_int_equal(weft_server_connections(rig->server), 1);
	run_until(rig, has_client);
}

static void rig_init(struct rig *rig, weft_fallback_cb *handler)
{
	rig_init_with(rig, handler, NULL);
}

static void rig_fini(struct rig *rig)
{
	if (!rig->gone) {
		weft_h2_close(rig->client, WEFT_H2_NO_ERROR);
		run_until(rig, is_gone);
	}
	weft_server_free(rig->server);
	weft_worker_free(rig->worker);
}

/* --- Life and death ----------------------------------------------------------------------- */

static void on_cancel(struct weft_call *call, void *data)
{
	note(data, "cancel ");
	assert_true(weft_call_ended(call));
	assert_int_equal(weft_call_finish(call), -ECANCELED);
	assert_int_equal(weft_call_fail(call, WEFT_INTERNAL, "late"), -ECANCELED);
	assert_int_equal(weft_call_send_bytes(call, (struct weft_bytes) { 0 }), -ECANCELED);
	assert_false(weft_call_writable(call));
}

static void on_child_cancel(struct weft_child *child)
{
	note(weft_container_of(child, struct rig, child), "child ");
}

static int wait_first(struct weft_call *call, void *self)
{
	return 0;
}

static int never(struct weft_call *call, void *self)
{
	weft_call_on_cancel(call, on_cancel, self);
	return 0;
}

static int with_child(struct weft_call *call, void *self)
{
	struct rig *rig = self;

	rig->child.cancel = on_child_cancel;
	weft_list_init(&rig->child.node);
	assert_int_equal(weft_call_add_child(call, &rig->child), 0);
	return never(call, self);
}

static int finish_with_child(struct weft_call *call, void *self)
{
	with_child(call, self);
	return weft_call_finish(call);
}

static int finish(struct weft_call *call, void *self)
{
	weft_call_ref(call);
	return weft_call_finish(call);
}

static void test_a_reference_keeps_the_memory(void **state)
{
	struct rig rig;

	rig_init(&rig, finish);
	start_request(&rig, true);
	run_until(&rig, is_closed);
	assert_string_equal(rig.status, "0");
	assert_true(weft_call_ended(rig.call));
	assert_string_equal(weft_call_path(rig.call), "/test.Unit/Call");
	assert_int_equal(weft_server_calls(rig.server), 0);
	rig_fini(&rig);
	weft_call_unref(rig.call); /* even beyond its server */
}

static void test_a_reset_cancels_once_children_first(void **state)
{
	struct weft_child late = { .cancel = on_child_cancel };
	struct rig rig;

	rig_init(&rig, with_child);
	start_request(&rig, false);
	run_until(&rig, has_call);
	weft_h2_stream_reset(rig.stream, WEFT_H2_CANCEL);
	run_until(&rig, has_no_calls);
	assert_string_equal(rig.log, "child cancel ");
	assert_int_equal(weft_call_add_child(rig.call, &late), -ECANCELED);
	weft_call_remove_child(rig.call, &rig.child);
	rig_fini(&rig);
	assert_string_equal(rig.log, "child cancel ");
}

static void test_a_taken_back_on_cancel_is_not_called(void **state)
{
	struct rig rig;

	rig_init(&rig, wait_first);
	start_request(&rig, false);
	run_until(&rig, has_call);
	weft_call_ref(rig.call);
	weft_h2_stream_reset(rig.stream, WEFT_H2_CANCEL);
	run_until(&rig, has_no_calls);
	weft_call_on_cancel(rig.call, on_cancel, &rig); /* late: due from the loop */
	weft_call_on_cancel(rig.call, NULL, NULL);
	run_a_while(&rig);
	assert_string_equal(rig.log, "");
	weft_call_unref(rig.call);
	rig_fini(&rig);
}

static void free_server(struct weft_call *call, void *data)
{
	struct rig *rig = data;

	note(rig, "free ");
	weft_server_free(rig->server);
	rig->server = NULL;
}

static int free_when_cancelled(struct weft_call *call, void *self)
{
	weft_call_on_cancel(call, free_server, self);
	return 0;
}

static void test_a_server_may_go_when_a_call_is_cancelled(void **state)
{
	struct rig rig;

	rig_init(&rig, free_when_cancelled);
	start_request(&rig, false);
	run_until(&rig, has_call);
	weft_h2_stream_reset(rig.stream, WEFT_H2_CANCEL);
	run_until(&rig, is_gone);
	assert_string_equal(rig.log, "free ");
	rig_fini(&rig);
}

static void test_an_answer_cancels_nothing(void **state)
{
	struct rig rig;

	rig_init(&rig, finish_with_child);
	start_request(&rig, true);
	run_until(&rig, is_closed);
	assert_string_equal(rig.log, "");
	assert_string_equal(weft_call_path(rig.call), "/test.Unit/Call"); /* the child keeps it */
	weft_call_remove_child(rig.call, &rig.child);
	rig_fini(&rig);
	assert_string_equal(rig.log, "");
}

static void test_a_server_that_goes_cancels_before_it_is_gone(void **state)
{
	struct rig rig;

	rig_init(&rig, never);
	start_request(&rig, false);
	run_until(&rig, has_call);
	weft_server_free(rig.server);
	assert_string_equal(rig.log, "cancel ");
	rig.server = NULL;
	run_until(&rig, is_gone);
	assert_string_equal(rig.log, "cancel ");
	weft_worker_free(rig.worker);
}

/* --- Pump --------------------------------------------------------------------------------- */

static bool in_handler;
static unsigned pumped;

static int pump(struct weft_call *call, void *data)
{
	assert_false(in_handler);
	in_handler = true;
	if (++pumped == 1)
		weft_call_wake(call); /* comes later, does not nest */
	note(data, "pump ");
	in_handler = false;
	return pumped == 3 ? weft_call_finish(call) : 0;
}

static int pumping(struct weft_call *call, void *self)
{
	in_handler = true;
	weft_call_on_ready(call, pump, self);
	in_handler = false;
	return 0;
}

static void test_a_pump_runs_from_the_loop(void **state)
{
	struct rig rig;

	pumped = 0;
	rig_init(&rig, pumping);
	start_request(&rig, true);
	run_a_while(&rig);
	assert_string_equal(rig.log, "pump pump ");
	weft_call_wake(rig.call);
	weft_call_wake(rig.call);
	assert_string_equal(rig.log, "pump pump ");
	run_until(&rig, is_closed);
	assert_string_equal(rig.log, "pump pump pump ");
	assert_string_equal(rig.status, "0");
	rig_fini(&rig);
}

/* --- Receiving ---------------------------------------------------------------------------- */

static int on_message(struct weft_call *call, struct weft_bytes message, void *data)
{
	char word[20];

	assert_false(in_handler);
	snprintf(word, sizeof(word), "%.*s ", (int)message.len, (const char *)message.data);
	note(data, word);
	if (message.len == 4)
		weft_call_hold(call);
	return 0;
}

static int on_half_close(struct weft_call *call, void *data)
{
	note(data, "end ");
	return weft_call_finish(call);
}

static void test_messages_wait_for_whoever_receives(void **state)
{
	struct rig rig;

	rig_init(&rig, wait_first);
	start_request(&rig, false);
	send_message(&rig, "one");
	send_message(&rig, "hold");
	send_message(&rig, "two");
	weft_h2_stream_end(rig.stream, NULL, 0);
	run_until(&rig, has_call);
	run_a_while(&rig);
	assert_string_equal(rig.log, "");

	in_handler = true;
	weft_call_receive_bytes(rig.call, on_message, on_half_close, &rig);
	in_handler = false;
	assert_string_equal(rig.log, "");
	run_until(&rig, has_log);
	run_a_while(&rig);
	assert_string_equal(rig.log, "one hold ");

	weft_call_resume(rig.call);
	assert_string_equal(rig.log, "one hold ");
	run_until(&rig, is_closed);
	assert_string_equal(rig.log, "one hold two end ");
	assert_string_equal(rig.status, "0");
	rig_fini(&rig);
}

/* --- Drain -------------------------------------------------------------------------------- */

static void on_drained(struct weft_server *server, void *data)
{
	struct rig *rig = data;

	assert_false(in_handler);
	assert_int_equal(weft_server_connections(server), 0);
	assert_false(rig->drained);
	rig->drained = true;
}

static void drain(struct rig *rig, uint64_t grace_ns)
{
	in_handler = true;
	weft_server_drain(rig->server, grace_ns, on_drained, rig);
	in_handler = false;
}

static void test_a_drain_waits_for_calls(void **state)
{
	struct rig rig;

	rig_init(&rig, wait_first);
	start_request(&rig, true);
	run_until(&rig, has_call);
	drain(&rig, PATIENCE);
	run_a_while(&rig);
	assert_false(rig.drained);
	assert_false(weft_h2_can_request(rig.client));
	assert_int_equal(weft_call_finish(rig.call), 0);
	run_until(&rig, is_drained);
	run_until(&rig, is_gone);
	assert_string_equal(rig.status, "0");
	rig_fini(&rig);
}

static void test_a_drain_ends_with_its_grace(void **state)
{
	struct rig rig;

	rig_init(&rig, never);
	start_request(&rig, true);
	run_until(&rig, has_call);
	drain(&rig, 10 * WEFT_MS);
	run_until(&rig, is_drained);
	run_until(&rig, is_gone);
	assert_string_equal(rig.log, "cancel ");
	assert_string_equal(rig.status, "14");
	rig_fini(&rig);
}

static void test_a_drain_without_connections(void **state)
{
	struct rig rig;

	rig_init(&rig, never);
	weft_h2_close(rig.client, WEFT_H2_NO_ERROR);
	run_until(&rig, is_gone);
	run_a_while(&rig);
	drain(&rig, PATIENCE);
	assert_false(rig.drained);
	run_until(&rig, is_drained);
	rig_fini(&rig);
}

static void test_a_server_may_go_before_it_has_said_so(void **state)
{
	struct rig rig;

	rig_init(&rig, never);
	weft_h2_close(rig.client, WEFT_H2_NO_ERROR);
	run_until(&rig, is_gone);
	run_a_while(&rig);
	drain(&rig, PATIENCE);
	weft_server_free(rig.server);
	run_a_while(&rig);
	assert_false(rig.drained);
	weft_worker_free(rig.worker);
}

/* --- Limits ------------------------------------------------------------------------------- */

/* Its handler still holds the call that was reset: until it lets go there is no place for
 * another. */
static void test_a_reset_call_counts_until_its_handler_ends(void **state)
{
	const struct weft_server_options options = { .size = sizeof(options),
						     .max_concurrent_streams = 1 };
	struct rig rig;
	struct weft_call *first;

	rig_init_with(&rig, wait_first, &options);
	start_request(&rig, false);
	run_until(&rig, has_call);
	first = weft_call_ref(rig.call);
	weft_h2_stream_reset(rig.stream, WEFT_H2_CANCEL);
	run_until(&rig, has_no_calls);

	rig.call = NULL;
	rig.closed = false;
	start_request(&rig, false);
	run_until(&rig, is_closed);
	assert_null(rig.call);

	weft_call_unref(first);
	start_request(&rig, false);
	run_until(&rig, has_call);
	rig_fini(&rig);
}

static void test_one_connection_too_many_is_closed(void **state)
{
	const struct weft_server_options options = { .size = sizeof(options),
						     .max_connections = 1 };
	struct rig rig;
	int fds[2];
	char byte;

	rig_init_with(&rig, wait_first, &options);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	weft_server_adopt(rig.server, fds[0], NULL);
	assert_int_equal(read(fds[1], &byte, 1), 0);
	close(fds[1]);
	assert_int_equal(weft_server_connections(rig.server), 1);
	rig_fini(&rig);
}

/* --- Ports -------------------------------------------------------------------------------- */

static bool is_promised(struct rig *rig)
{
	return weft_server_connections(rig->server) == 1;
}

/* The worker that accepts hands a connection on, and all goes before the other one has looked. */
static void test_a_connection_may_arrive_after_its_server(void **state)
{
	struct rig rig = { 0 };
	struct weft_worker *other;
	struct weft_port *port;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char text[sizeof("unix-abstract:") + sizeof(address.sun_path)], byte;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "weft-port-%d", getpid());
	snprintf(text, sizeof(text), "unix-abstract:%s", address.sun_path + 1);
	weft_timer_init(&rig.poll, on_poll, &rig);
	assert_int_equal(weft_worker_new(0, &rig.worker), 0);
	assert_int_equal(weft_worker_new(1, &other), 0);
	assert_int_equal(weft_server_new(other, NULL, &rig.server), 0);
	assert_int_equal(weft_port_new(rig.worker, text, NULL, &rig.server, 1, NULL, &port), 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&address,
				 (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
					     strlen(address.sun_path + 1))),
			 0);
	run_until(&rig, is_promised);
	weft_port_free(port);
	weft_server_free(rig.server);
	weft_worker_free(other);
	assert_int_equal(read(fd, &byte, 1), 0);
	close(fd);
	weft_worker_free(rig.worker);
}

/* Nobody turns the loop until the good-byes are said. */
static void test_a_worker_may_go_with_open_connections(void **state)
{
	struct rig rig;

	rig_init(&rig, never);
	start_request(&rig, false);
	run_until(&rig, has_call);
	weft_server_free(rig.server);
	assert_string_equal(rig.log, "cancel ");
	weft_worker_free(rig.worker);
	assert_true(rig.gone && rig.closed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_reference_keeps_the_memory),
		cmocka_unit_test(test_a_reset_cancels_once_children_first),
		cmocka_unit_test(test_a_taken_back_on_cancel_is_not_called),
		cmocka_unit_test(test_a_server_may_go_when_a_call_is_cancelled),
		cmocka_unit_test(test_an_answer_cancels_nothing),
		cmocka_unit_test(test_a_server_that_goes_cancels_before_it_is_gone),
		cmocka_unit_test(test_a_pump_runs_from_the_loop),
		cmocka_unit_test(test_messages_wait_for_whoever_receives),
		cmocka_unit_test(test_a_drain_waits_for_calls),
		cmocka_unit_test(test_a_drain_ends_with_its_grace),
		cmocka_unit_test(test_a_drain_without_connections),
		cmocka_unit_test(test_a_server_may_go_before_it_has_said_so),
		cmocka_unit_test(test_a_reset_call_counts_until_its_handler_ends),
		cmocka_unit_test(test_one_connection_too_many_is_closed),
		cmocka_unit_test(test_a_connection_may_arrive_after_its_server),
		cmocka_unit_test(test_a_worker_may_go_with_open_connections),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
