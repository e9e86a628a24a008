/*
 * Generated stubs of all four kinds, both ends in one process: test.echo.v1.Echo on a worker of its
 * own, its typed client on the worker of this thread.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "echo.h"
#include "rpc/channel.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>

struct fixture {
	struct weft_task close;
	struct weft_worker *server_worker;
	struct weft_server *server;
	struct weft_port *port;
	char target[128];
};

static int set_up(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	char error[256];

	assert_non_null(fixture);
	assert_int_equal(weft_worker_new(1, &fixture->server_worker), 0);
	assert_int_equal(weft_server_new(fixture->server_worker, NULL, &fixture->server), 0);
	assert_int_equal(test_echo_v1_add(fixture->server, &echo_handlers, NULL), 0);
	assert_int_equal(test_echo_v1_add(fixture->server, &echo_handlers, NULL), -EEXIST);
	if (weft_port_new(fixture->server_worker, "127.0.0.1:0", NULL, &fixture->server, 1, error,
			  &fixture->port) < 0)
		fail_msg("%s", error);
	snprintf(fixture->target, sizeof(fixture->target), "ipv4:%s",
		 weft_port_address(fixture->port));
	assert_int_equal(weft_worker_start(fixture->server_worker), 0);
	*state = fixture;
	return 0;
}

/* The port goes first, on its worker: a connection that it has handed on still finds its server. */
static void on_close(struct weft_task *task)
{
	struct fixture *fixture = weft_container_of(task, struct fixture, close);

	weft_port_free(fixture->port);
	weft_worker_stop(fixture->server_worker);
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	fixture->close.run = on_close;
	weft_worker_post(fixture->server_worker, &fixture->close);
	weft_worker_join(fixture->server_worker);
	weft_server_free(fixture->server);
	weft_worker_free(fixture->server_worker);
	free(fixture);
	return 0;
}

/* --- Tables
 * --------------------------------------------------------------------------------------- */

static void the_tables_say_what_the_contract_says(void **state)
{
	const struct weft_service *service = &test_echo_v1_service;
	static const enum weft_kind kinds[] = { WEFT_UNARY, WEFT_SERVER_STREAM, WEFT_CLIENT_STREAM,
						WEFT_BIDIRECTIONAL, WEFT_UNARY };

	assert_string_equal(service->name, "test.echo.v1.Echo");
	assert_ptr_equal(service->file, &echo_proto);
	assert_string_equal(service->file->name, "echo.proto");
	assert_null(service->file->imports[0]);
	assert_int_equal(service->n_methods, WEFT_COUNT(kinds));
	for (size_t i = 0; i < WEFT_COUNT(kinds); i++)
		assert_int_equal(service->methods[i].kind, kinds[i]);
	assert_string_equal(service->methods[1].path, "/test.echo.v1.Echo/Repeat");
	assert_ptr_equal(service->methods[1].request, &test__echo__v1__repeat_request__descriptor);
	assert_ptr_equal(service->methods[1].response, &test__echo__v1__text__descriptor);
}

/* --- Blocking
 * ------------------------------------------------------------------------------------- */

static void blocking_calls(void **state)
{
	struct fixture *fixture = *state;
	struct weft_arena *arena = weft_arena_new();
	Test__Echo__V1__Text req = TEST__ECHO__V1__TEXT__INIT, *res = NULL;
	struct weft_client *client;
	struct weft_status status;
	char error[256];

	assert_int_equal(weft_client_new(fixture->target, NULL, error, &client), 0);
	req.text = (char[]) { "hello" };
	req.has_number_case = TEST__ECHO__V1__TEXT__HAS_NUMBER_NUMBER;
	assert_int_equal(test_echo_v1_say_wait(client, &req, NULL, arena, &res, &status), 0);
	assert_string_equal(res->text, "hello");
	assert_int_equal(res->has_number_case, TEST__ECHO__V1__TEXT__HAS_NUMBER_NUMBER);
	assert_int_equal(res->number, 0);

	req.text = (char[]) { "missing" };
	assert_int_equal(test_echo_v1_say_wait(client, &req, NULL, arena, &res, &status),
			 WEFT_NOT_FOUND);
	assert_string_equal(status.message, "no text \"missing\"");
	assert_int_equal(test_echo_v1_register_wait(client, &req, NULL, arena, &res, NULL),
			 WEFT_UNIMPLEMENTED);
	weft_client_free(client);
	weft_arena_free(arena);
}

/* --- On a loop
 * ------------------------------------------------------------------------------------ */

/* One call from its start to its end, and what was seen of it. */
struct run {
	struct weft_task task;
	void (*start)(struct run *run);
	struct weft_worker *worker;
	struct weft_channel *channel;
	struct weft_rpc *rpc;
	bool started; /* the starter has returned */
	int ends;
	enum weft_code code;
	char text[64];
	int32_t number;
	int messages;
	int sent;
};

static void on_task(struct weft_task *task)
{
	struct run *run = weft_container_of(task, struct run, task);

	run->start(run);
	run->started = true;
}

static struct run run_on_loop(const char *target, void (*start)(struct run *run))
{
	struct run run = { .task.run = on_task, .start = start };
	char error[256];

	assert_int_equal(weft_worker_new(0, &run.worker), 0);
	assert_int_equal(weft_channel_new(run.worker, target, NULL, error, &run.channel), 0);
	weft_worker_post(run.worker, &run.task);
	weft_worker_run(run.worker);
	weft_worker_free(run.worker);
	assert_int_equal(run.ends, 1);
	return run;
}

/* The channel's last connection is closed. */
static void on_gone(void *data)
{
	struct run *run = data;

	weft_worker_stop(run->worker);
}

static void finish(struct run *run, const struct weft_status *status,
		   const Test__Echo__V1__Text *res)
{
	assert_true(run->started);
	run->ends++;
	run->code = status->code;
	if (res) {
		snprintf(run->text, sizeof(run->text), "%s", res->text);
		run->number = res->number;
	}
	weft_channel_close(run->channel, on_gone, run);
}

static void on_said(struct weft_rpc *rpc, const struct weft_status *status,
		    Test__Echo__V1__Text *res, void *data)
{
	assert_true((res != NULL) == (status->code == WEFT_OK));
	finish(data, status, res);
}

static void say(struct run *run)
{
	Test__Echo__V1__Text req = TEST__ECHO__V1__TEXT__INIT;
	char text[] = "hello";

	req.text = text;
	run->rpc = test_echo_v1_say(run->channel, &req, NULL, on_said, run);
	text[0] = 'X'; /* it was serialised before */
}

static void unary(void **state)
{
	struct fixture *fixture = *state;
	struct run run = run_on_loop(fixture->target, say);

	assert_int_equal(run.code, WEFT_OK);
	assert_string_equal(run.text, "hello");
}

static void a_dead_channel_answers_in_the_callback(void **state)
{
	assert_int_equal(run_on_loop("unix:/nonexistent/socket", say).code, WEFT_UNAVAILABLE);
}

static void on_repeated(struct weft_rpc *rpc, const Test__Echo__V1__Text *message, void *data)
{
	struct run *run = data;

	assert_int_equal(message->has_number_case, TEST__ECHO__V1__TEXT__HAS_NUMBER_NUMBER);
	assert_int_equal(message->number, run->messages);
	run->messages++;
}

static void on_repeat_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	finish(data, status, NULL);
}

static const struct test_echo_v1_repeat_events repeat_events = {
	.on_message = on_repeated,
	.on_end = on_repeat_end,
};

static void repeat(struct run *run)
{
	Test__Echo__V1__RepeatRequest req = TEST__ECHO__V1__REPEAT_REQUEST__INIT;

	req.text = (char[]) { "again" };
	req.times = 5000;
	run->rpc = test_echo_v1_repeat(run->channel, &req, NULL, &repeat_events, run);
}

static void server_stream(void **state)
{
	struct fixture *fixture = *state;
	struct run run = run_on_loop(fixture->target, repeat);

	assert_int_equal(run.code, WEFT_OK);
	assert_int_equal(run.messages, 5000);
}

static void repeat_and_cancel(struct run *run)
{
	repeat(run);
	weft_rpc_cancel(run->rpc);
	weft_rpc_cancel(run->rpc);
}

static void a_cancelled_call_ends_once(void **state)
{
	struct fixture *fixture = *state;
	struct run run = run_on_loop(fixture->target, repeat_and_cancel);

	assert_int_equal(run.code, WEFT_CANCELLED);
	assert_int_equal(run.messages, 0);
}

#define N_SENT 2000

static void on_join_writable(struct weft_rpc *rpc, void *data)
{
	Test__Echo__V1__Text message = TEST__ECHO__V1__TEXT__INIT;
	struct run *run = data;

	message.text = (char[]) { "-" };
	for (; weft_rpc_writable(rpc) && run->sent < N_SENT; run->sent++)
		assert_int_equal(test_echo_v1_join_send(rpc, &message), 0);
	if (run->sent == N_SENT)
		weft_rpc_half_close(rpc);
}

static void on_join_end(struct weft_rpc *rpc, const struct weft_status *status,
			Test__Echo__V1__Text *res, void *data)
{
	assert_true((res != NULL) == (status->code == WEFT_OK));
	finish(data, status, res);
}

static const struct test_echo_v1_join_events join_events = {
	.on_writable = on_join_writable,
	.on_end = on_join_end,
};

static void join(struct run *run)
{
	run->rpc = test_echo_v1_join(run->channel, NULL, &join_events, run);
	on_join_writable(run->rpc, run);
}

static void client_stream(void **state)
{
	struct fixture *fixture = *state;
	struct run run = run_on_loop(fixture->target, join);

	assert_int_equal(run.code, WEFT_OK);
	assert_int_equal(run.number, N_SENT);
}

/* A dialogue: each answer leads to the next message. */
static void send_shout(struct run *run)
{
	Test__Echo__V1__Text message = TEST__ECHO__V1__TEXT__INIT;

	if (run->sent == 10) {
		weft_rpc_half_close(run->rpc);
		return;
	}
	message.text = (char[]) { "quiet" };
	assert_int_equal(test_echo_v1_shout_send(run->rpc, &message), 0);
	run->sent++;
}

static void on_shouted(struct weft_rpc *rpc, const Test__Echo__V1__Text *message, void *data)
{
	struct run *run = data;

	assert_string_equal(message->text, "QUIET");
	run->messages++;
	assert_int_equal(run->messages, run->sent);
	send_shout(run);
}

static void on_shout_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	finish(data, status, NULL);
}

static const struct test_echo_v1_shout_events shout_events = {
	.on_message = on_shouted,
	.on_end = on_shout_end,
};

static void shout(struct run *run)
{
	run->rpc = test_echo_v1_shout(run->channel, NULL, &shout_events, run);
	send_shout(run);
}

static void bidirectional(void **state)
{
	struct fixture *fixture = *state;
	struct run run = run_on_loop(fixture->target, shout);

	assert_int_equal(run.code, WEFT_OK);
	assert_int_equal(run.messages, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_tables_say_what_the_contract_says),
		cmocka_unit_test_setup_teardown(blocking_calls, set_up, tear_down),
		cmocka_unit_test_setup_teardown(unary, set_up, tear_down),
		cmocka_unit_test(a_dead_channel_answers_in_the_callback),
		cmocka_unit_test_setup_teardown(server_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_cancelled_call_ends_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(client_stream, set_up, tear_down),
		cmocka_unit_test_setup_teardown(bidirectional, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
