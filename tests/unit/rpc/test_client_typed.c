/*
 * The typed calls, through generated stubs: unary and server stream, children of a server's call,
 * the blocking client. The contract is grpc.health.v1, whose answers here depend on the service's
 * name.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grpc/health/v1/health.weft.h"
#include "peers.h"

typedef Grpc__Health__V1__HealthCheckRequest Request;
typedef Grpc__Health__V1__HealthCheckResponse Response;

struct result {
	unsigned ends;
	unsigned messages;
	enum weft_code code;
	char message[256];
	int serving;
};

static struct result child;         /* of the call that the handler makes */
static struct weft_trace traces[2]; /* the parent's, the child's */
static uint64_t deadlines[2];

static void fill(struct result *result, const struct weft_status *status, const Response *res)
{
	result->ends++;
	result->code = status->code;
	snprintf(result->message, sizeof(result->message), "%s", status->message);
	result->serving = res ? (int)res->status : -1;
}

/* ---- the server ---- */

static void on_child(struct weft_rpc *rpc, const struct weft_status *status, Response *res,
		     void *data)
{
	struct weft_call *call = data;

	fill(&child, status, res);
	if (status->code != WEFT_OK) {
		weft_call_fail_from(call, status);
		return;
	}
	weft_rpc_keep(rpc, call);
	grpc_health_v1_check_reply(call, res);
}

static void on_cancel(struct weft_call *call, void *data)
{
	cancelled++;
}

/* "parent NAME" asks for NAME by a call of its own. */
static int check(struct weft_call *call, const Request *req, void *self)
{
	Response res = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;
	Request inner = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;

	if (strncmp(req->service, "parent ", 7) == 0) {
		traces[0] = *weft_call_trace(call);
		deadlines[0] = weft_call_deadline(call);
		inner.service = req->service + 7;
		grpc_health_v1_check(channel, &inner, WEFT_CHILD_OF(call), on_child, call);
		return 0;
	}
	traces[1] = *weft_call_trace(call);
	deadlines[1] = weft_call_deadline(call);
	if (strcmp(req->service, "hang") == 0) {
		hanging++;
		weft_call_on_cancel(call, on_cancel, NULL);
		return 0;
	}
	if (strcmp(req->service, "good") != 0)
		return weft_call_fail(call, WEFT_NOT_FOUND, "no service \"%s\"", req->service);
	res.status = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	return grpc_health_v1_check_reply(call, &res);
}

static int watch(struct weft_call *call, const Request *req, void *self)
{
	Response res = GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__INIT;

	for (int i = 0; i < 3; i++) {
		res.status = i;
		grpc_health_v1_watch_send(call, &res);
	}
	return weft_call_finish(call);
}

static const struct grpc_health_v1_handlers handlers = { .check = check, .watch = watch };

static int setup(void **state)
{
	char error[256];

	child = (struct result) { 0 };
	if (peers_setup(state) != 0)
		return -1;
	if (weft_server_new(worker, NULL, &server) < 0 ||
	    grpc_health_v1_add(server, &handlers, NULL) < 0 ||
	    weft_port_new(worker, target, NULL, &server, 1, error, &port) < 0)
		return -1;
	open_channel(target, NULL);
	return 0;
}

/* ---- the client ---- */

static void on_checked(struct weft_rpc *rpc, const struct weft_status *status, Response *res,
		       void *data)
{
	fill(data, status, res);
}

static void start_check(const char *service, const struct weft_call_options *options,
			struct result *result, struct weft_rpc **ret_rpc)
{
	Request req = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	struct weft_rpc *rpc;

	req.service = (char *)service;
	rpc = grpc_health_v1_check(channel, &req, options, on_checked, result);
	assert_int_equal(result->ends, 0);
	if (ret_rpc)
		*ret_rpc = rpc;
}

static void unary(void **state)
{
	struct result result = { 0 };

	start_check("good", NULL, &result, NULL);
	run_until(is_nonzero, &result.ends);
	assert_int_equal(result.code, WEFT_OK);
	assert_int_equal(result.serving, 1);

	result.ends = 0;
	start_check("bad", NULL, &result, NULL);
	run_until(is_nonzero, &result.ends);
	assert_int_equal(result.code, WEFT_NOT_FOUND);
	assert_string_equal(result.message, "no service \"bad\"");
	assert_int_equal(result.serving, -1);
}

static void on_watched(struct weft_rpc *rpc, const Response *message, void *data)
{
	struct result *result = data;

	assert_int_equal(message->status, result->messages++);
}

static void on_watch_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	fill(data, status, NULL);
}

static void server_stream(void **state)
{
	static const struct grpc_health_v1_watch_events events = {
		.on_message = on_watched,
		.on_end = on_watch_end,
	};
	Request req = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	struct result result = { 0 };

	grpc_health_v1_watch(channel, &req, NULL, &events, &result);
	run_until(is_nonzero, &result.ends);
	assert_int_equal(result.code, WEFT_OK);
	assert_int_equal(result.messages, 3);
}

static void a_child_inherits(void **state)
{
	struct result result = { 0 };

	start_check("parent good", WEFT_CALL_OPTIONS(.timeout_ns = 20 * WEFT_SECOND), &result,
		    NULL);
	run_until(is_nonzero, &result.ends);
	assert_int_equal(result.code, WEFT_OK);
	assert_int_equal(result.serving, 1);
	assert_memory_equal(traces[0].trace_id, traces[1].trace_id, 16);
	assert_memory_not_equal(traces[0].span_id, traces[1].span_id, 8);
	assert_true(deadlines[1] != WEFT_NEVER);
	/* what is left travels, so clocks of one machine agree within a moment */
	assert_true(deadlines[1] <= deadlines[0] + WEFT_SECOND);

	result.ends = 0;
	start_check("parent bad", NULL, &result, NULL);
	run_until(is_nonzero, &result.ends);
	assert_int_equal(result.code, WEFT_NOT_FOUND);
	assert_string_equal(result.message, "no service \"bad\"");
}

static void cancelling_the_parent_cancels_the_child(void **state)
{
	struct result result = { 0 };
	struct weft_rpc *rpc;

	start_check("parent hang", NULL, &result, &rpc);
	run_until(is_nonzero, &hanging);
	weft_rpc_cancel(rpc);
	run_until(is_nonzero, &cancelled); /* at the end of the chain */
	run_until(is_nonzero, &child.ends);
	assert_int_equal(child.code, WEFT_CANCELLED);
	assert_int_equal(result.ends, 1);
	assert_int_equal(result.code, WEFT_CANCELLED);
}

/* ---- the blocking client ---- */

struct blocking {
	struct weft_client *client;
	const char *service;
	const struct weft_call_options *options;
	unsigned done;
	int r;
	int serving;
	char message[256];
};

static void *call_blocking(void *data)
{
	struct blocking *blocking = data;
	Request req = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status;
	Response *res = NULL;

	req.service = (char *)blocking->service;
	blocking->r = grpc_health_v1_check_wait(blocking->client, &req, blocking->options, arena,
						&res, &status);
	blocking->serving = res ? (int)res->status : -1;
	snprintf(blocking->message, sizeof(blocking->message), "%s", status.message);
	weft_arena_free(arena);
	__atomic_store_n(&blocking->done, 1, __ATOMIC_RELEASE);
	return NULL;
}

static bool is_done(void *data)
{
	return __atomic_load_n((unsigned *)data, __ATOMIC_ACQUIRE);
}

static void threads_call_at_the_same_time(void **state)
{
	struct blocking calls[8];
	pthread_t threads[8];
	struct weft_client *client;
	char error[256];

	assert_int_equal(weft_client_new(target, NULL, error, &client), 0);
	for (size_t i = 0; i < 8; i++) {
		calls[i] =
			(struct blocking) { .client = client, .service = i % 2 ? "good" : "bad" };
		pthread_create(&threads[i], NULL, call_blocking, &calls[i]);
	}
	for (size_t i = 0; i < 8; i++) {
		run_until(is_done, &calls[i].done);
		pthread_join(threads[i], NULL);
		assert_int_equal(calls[i].r, i % 2 ? 0 : WEFT_NOT_FOUND);
		assert_int_equal(calls[i].serving, i % 2 ? 1 : -1);
		assert_string_equal(calls[i].message, i % 2 ? "" : "no service \"bad\"");
	}
	weft_client_free(client);
}

static void blocking_calls_time_out(void **state)
{
	struct blocking call = {
		.service = "hang",
		.options = WEFT_CALL_OPTIONS(.timeout_ns = 50 * WEFT_MS),
	};
	pthread_t thread;
	char error[256];

	assert_int_equal(weft_client_new(target, NULL, error, &call.client), 0);
	pthread_create(&thread, NULL, call_blocking, &call);
	run_until(is_done, &call.done);
	pthread_join(thread, NULL);
	assert_int_equal(call.r, WEFT_DEADLINE_EXCEEDED);
	weft_client_free(call.client);
}

struct deadlock {
	struct weft_task task;
	struct weft_client *client;
	int r;
	unsigned done;
};

static void call_on_the_loop(struct weft_task *task)
{
	struct deadlock *deadlock = weft_container_of(task, struct deadlock, task);
	struct weft_arena *arena = weft_arena_new();
	Request req = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	struct weft_status status;
	Response *res;

	deadlock->r = grpc_health_v1_check_wait(deadlock->client, &req, NULL, arena, &res, &status);
	weft_arena_free(arena);
	deadlock->done = 1;
}

static void blocking_a_loop_is_refused(void **state)
{
	struct deadlock deadlock = { .task.run = call_on_the_loop };
	char error[256];

	assert_int_equal(weft_client_new(target, NULL, error, &deadlock.client), 0);
	weft_worker_post(worker, &deadlock.task);
	run_until(is_nonzero, &deadlock.done);
	assert_int_equal(deadlock.r, -EDEADLK);
	weft_client_free(deadlock.client);
}

static void bad_targets_are_refused_in_words(void **state)
{
	static const char *const bad[] = { "",
					   "unix:",
					   "file:relative",
					   "ipv4:host:80",
					   "ipv6:1.2.3.4:80",
					   "ipv4:1.2.3.4:99999",
					   "a/b",
					   "host:",
					   "dns://ns.example/host:80",
					   "dns://8.8.8.8",
					   "dns://8.8.8.8:0/host:80",
					   "[::1:80",
					   "ipv4:" };
	struct weft_client *client;
	char error[256];

	for (size_t i = 0; i < WEFT_COUNT(bad); i++) {
		error[0] = '\0';
		assert_int_equal(weft_client_new(bad[i], NULL, error, &client), -EINVAL);
		assert_non_null(strstr(error, "is no target"));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, peers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unary),
		TEST(server_stream),
		TEST(a_child_inherits),
		TEST(cancelling_the_parent_cancels_the_child),
		TEST(threads_call_at_the_same_time),
		TEST(blocking_calls_time_out),
		TEST(blocking_a_loop_is_refused),
		cmocka_unit_test(bad_targets_are_refused_in_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
