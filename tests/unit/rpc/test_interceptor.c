/*
 * Interceptors at both ends: the order in which they are asked and told, what they may add, refuse
 * and put off, and that each is told of the end of every call that it was asked about, once.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/interceptor.h>

#include "peers.h"

/* ---- what they do, and what they have seen ---- */

enum way { PASS, WAIT, WAIT_AND_PASS, REFUSE, RETURN_ERRNO };

struct guard {
	const char *name; /* a letter, for `order` */
	enum way way;
	unsigned asked;
	unsigned told;
	struct weft_call *call; /* that waits */
	struct weft_rpc *rpc;
	struct weft_summary last;
	enum weft_code code;
	char words[128];
};

static char order[64]; /* "ab" asked, "BA" told */
static struct guard server_guards[2], client_guards[2];
static const char key;

static void note(const char *name, bool end)
{
	strncat(order, name, sizeof(order) - strlen(order) - 1);
	if (end)
		order[strlen(order) - 1] -= 'a' - 'A';
}

static void remember(struct guard *guard, const struct weft_summary *summary)
{
	guard->told++;
	guard->last = *summary;
	guard->last.status = NULL;
	guard->code = summary->status->code;
	snprintf(guard->words, sizeof(guard->words), "%s", summary->status->message);
	guard->call = NULL;
	guard->rpc = NULL;
	note(guard->name, true);
}

static int on_call(struct weft_call *call, void *data)
{
	struct guard *guard = data;

	guard->asked++;
	note(guard->name, false);
	assert_false(weft_call_ended(call));
	assert_null(weft_call_attached(call, guard));
	weft_call_attach(call, guard, guard);
	weft_call_attach(call, &key, (void *)guard->name);
	weft_call_add_header(call, "x-guard", guard->name, 1);
	switch (guard->way) {
	case PASS: return 0;
	case REFUSE:
		return weft_call_fail(call, WEFT_PERMISSION_DENIED, "not you, %s",
				      weft_call_path(call));
	case RETURN_ERRNO: return -EIO;
	case WAIT_AND_PASS: weft_call_proceed(call); return WEFT_INTERCEPTOR_WAITS;
	case WAIT: guard->call = call; return WEFT_INTERCEPTOR_WAITS;
	}
	return 0;
}

static void on_call_end(struct weft_call *call, const struct weft_summary *summary, void *data)
{
	struct guard *guard = data;

	assert_ptr_equal(weft_call_attached(call, guard), guard);
	weft_call_add_trailer(call, "x-echo", guard->name, 1);
	remember(guard, summary);
}

static int on_start(struct weft_rpc *rpc, void *data)
{
	struct guard *guard = data;

	guard->asked++;
	note(guard->name, false);
	weft_rpc_attach(rpc, guard, guard);
	assert_ptr_equal(weft_rpc_channel(rpc), channel);
	assert_int_equal(weft_rpc_add_metadata(rpc, "x-echo", guard->name, 1), 0);
	switch (guard->way) {
	case PASS: return 0;
	case REFUSE:
		weft_rpc_refuse(rpc, WEFT_UNAUTHENTICATED, "no token for %s", weft_rpc_path(rpc));
		return 0;
	case RETURN_ERRNO: return -EIO;
	case WAIT_AND_PASS: weft_rpc_proceed(rpc); return WEFT_INTERCEPTOR_WAITS;
	case WAIT: guard->rpc = rpc; return WEFT_INTERCEPTOR_WAITS;
	}
	return 0;
}

static void on_rpc_end(struct weft_rpc *rpc, const struct weft_summary *summary, void *data)
{
	struct guard *guard = data;

	assert_ptr_equal(weft_rpc_attached(rpc, guard), guard);
	assert_int_equal(weft_rpc_add_metadata(rpc, "x-late", "", 0), -EALREADY);
	remember(guard, summary);
}

static const struct weft_call_interceptor at_server = {
	.size = sizeof(at_server),
	.on_call = on_call,
	.on_end = on_call_end,
};
static const struct weft_rpc_interceptor at_client[2] = {
	{ sizeof(at_client[0]), on_start, on_rpc_end, &client_guards[0] },
	{ sizeof(at_client[1]), on_start, on_rpc_end, &client_guards[1] },
};
/* The one in the middle wants to know nothing, which is allowed. */
static const struct weft_rpc_interceptor mute = { .size = sizeof(mute) };
static const struct weft_rpc_interceptor *const client_chain[] = { &at_client[0], &mute,
								   &at_client[1], NULL };

static int setup(bool guard_server, bool guard_client)
{
	static const struct weft_call_interceptor silent = { .size = sizeof(silent) };
	const struct weft_channel_options options = {
		.size = sizeof(options),
		.interceptors = guard_client ? client_chain : NULL,
	};

	if (peers_setup(NULL) != 0)
		return -1;
	*order = '\0';
	server_guards[0] = client_guards[0] = (struct guard) { .name = "a" };
	server_guards[1] = client_guards[1] = (struct guard) { .name = "b" };
	start_server(target, NULL);
	if (guard_server) {
		weft_server_intercept(server, &at_server, &server_guards[0]);
		weft_server_intercept(server, &silent, NULL);
		weft_server_intercept(server, &at_server, &server_guards[1]);
	}
	open_channel(target, &options);
	return 0;
}

static int setup_server(void **state)
{
	return setup(true, false);
}

static int setup_client(void **state)
{
	return setup(false, true);
}

static void call(struct outcome *outcome, const char *path, const char *text)
{
	outcome_fini(outcome);
	start(outcome, path, text, NULL);
	run_until_end(outcome);
}

/* ---- the server's ---- */

static void asked_in_order_told_in_reverse(void **state)
{
	struct outcome outcome = { 0 };

	call(&outcome, "/test.Test/Echo", "hello");
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal((char *)outcome.last.data, "hello");
	assert_string_equal(order, "abBA");
	assert_string_equal(outcome.echo, "b"); /* the first of the trailers that they added */
	for (size_t i = 0; i < WEFT_COUNT(server_guards); i++) {
		const struct weft_summary *last = &server_guards[i].last;

		assert_int_equal(server_guards[i].code, WEFT_OK);
		assert_int_equal(last->messages_sent, 1);
		assert_int_equal(last->messages_received, 1);
		assert_int_equal(last->bytes_sent, 5);
		assert_int_equal(last->bytes_received, 5);
		assert_true(last->duration_ns < 60 * WEFT_SECOND);
	}
	outcome_fini(&outcome);
}

static void a_stream_is_counted(void **state)
{
	struct outcome outcome = { 0 };

	call(&outcome, "/test.Test/Stream", "1000 1000");
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(server_guards[0].last.messages_sent, 1000);
	assert_int_equal(server_guards[0].last.bytes_sent, 1000000);
	assert_int_equal(server_guards[0].last.messages_received, 1);
	outcome_fini(&outcome);
}

static void the_handler_does_not_see_what_was_refused(void **state)
{
	struct outcome outcome = { 0 };

	server_guards[0].way = REFUSE;
	call(&outcome, "/test.Test/Hang", "hello");
	assert_int_equal(outcome.code, WEFT_PERMISSION_DENIED);
	assert_string_equal(outcome.message, "not you, /test.Test/Hang");
	assert_int_equal(hanging, 0);
	assert_string_equal(order, "aA");
	assert_int_equal(server_guards[0].code, WEFT_PERMISSION_DENIED);
	assert_string_equal(server_guards[0].words, "not you, /test.Test/Hang");

	server_guards[0].way = PASS;
	server_guards[1].way = RETURN_ERRNO;
	*order = '\0';
	call(&outcome, "/test.Test/Hang", "hello");
	assert_int_equal(outcome.code, WEFT_INTERNAL);
	assert_string_equal(outcome.message, "internal error");
	assert_int_equal(hanging, 0);
	assert_string_equal(order, "abBA");
	outcome_fini(&outcome);
}

static void they_see_what_no_service_has(void **state)
{
	struct outcome outcome = { 0 };

	weft_server_set_fallback(server, NULL, NULL);
	call(&outcome, "/test.Test/Echo", "hello");
	assert_int_equal(outcome.code, WEFT_UNIMPLEMENTED);
	assert_string_equal(order, "abBA");
	assert_int_equal(server_guards[1].code, WEFT_UNIMPLEMENTED);
	outcome_fini(&outcome);
}

static void a_call_may_be_put_off(void **state)
{
	struct outcome outcome = { 0 }, chat = { 0 };

	server_guards[0].way = WAIT_AND_PASS;
	server_guards[1].way = WAIT;
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	run_until(is_nonzero, &server_guards[1].asked);
	assert_int_equal(outcome.ends, 0);
	weft_call_proceed(server_guards[1].call);
	assert_int_equal(outcome.ends, 0);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal((char *)outcome.last.data, "hello");
	assert_string_equal(order, "abBA");

	server_guards[1].asked = 0;
	start(&chat, "/test.Test/Chat", "first", NULL);
	run_until(is_nonzero, &server_guards[1].asked);
	weft_call_proceed(server_guards[1].call);
	run_until_end(&chat);
	assert_int_equal(chat.code, WEFT_OK);
	assert_int_equal(chat.messages, 1);
	outcome_fini(&outcome);
	outcome_fini(&chat);
}

static void the_client_goes_while_its_call_waits(void **state)
{
	struct outcome outcome = { 0 };
	struct weft_call *call;

	server_guards[0].way = WAIT;
	start(&outcome, "/test.Test/Hang", "hello", NULL);
	run_until(is_nonzero, &server_guards[0].asked);
	call = weft_call_ref(server_guards[0].call);
	weft_rpc_cancel(outcome.rpc);
	run_until(is_nonzero, &server_guards[0].told);
	assert_int_equal(server_guards[0].code, WEFT_CANCELLED);
	assert_string_equal(order, "aA");
	weft_call_proceed(call); /* it comes too late */
	weft_call_unref(call);
	assert_int_equal(hanging, 0);
	run_until_end(&outcome);
	outcome_fini(&outcome);
}

static void a_call_that_waits_has_its_deadline(void **state)
{
	struct outcome outcome = { 0 };

	server_guards[1].way = WAIT;
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.timeout_ns = 30 * WEFT_MS));
	run_until(is_nonzero, &server_guards[0].told);
	assert_int_equal(server_guards[0].code, WEFT_DEADLINE_EXCEEDED);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_DEADLINE_EXCEEDED);
	assert_string_equal(order, "abBA");
	outcome_fini(&outcome);
}

static int tell_what_is_attached(struct weft_call *call, void *self)
{
	const char *name = weft_call_attached(call, &key);

	return weft_call_fail(call, WEFT_ABORTED, "%s, %s", name,
			      weft_call_attached(call, &order) ? "more" : "no more");
}

static void the_handler_sees_what_is_attached(void **state)
{
	struct outcome outcome = { 0 };

	weft_server_set_fallback(server, tell_what_is_attached, NULL);
	call(&outcome, "/test.Test/Echo", "hello");
	assert_string_equal(outcome.message, "b, no more"); /* the later one's */
	outcome_fini(&outcome);
}

/* ---- the client's ---- */

static void a_client_asks_in_order_too(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	assert_string_equal(order, "ab"); /* before the starter has returned */
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal(order, "abBA");
	assert_string_equal(outcome.echo, "a"); /* sent as metadata, and echoed */
	assert_int_equal(client_guards[0].last.messages_sent, 1);
	assert_int_equal(client_guards[0].last.bytes_sent, 5);
	assert_int_equal(client_guards[1].last.messages_received, 1);
	assert_int_equal(client_guards[1].last.bytes_received, 5);
	outcome_fini(&outcome);
}

static void a_client_refuses_before_anything_is_sent(void **state)
{
	struct outcome outcome = { 0 };

	client_guards[1].way = REFUSE;
	call(&outcome, "/test.Test/Hang", "hello");
	assert_int_equal(outcome.code, WEFT_UNAUTHENTICATED);
	assert_string_equal(outcome.message, "no token for /test.Test/Hang");
	assert_string_equal(order, "abBA");
	assert_int_equal(client_guards[0].code, WEFT_UNAUTHENTICATED);

	client_guards[0].way = RETURN_ERRNO;
	*order = '\0';
	call(&outcome, "/test.Test/Hang", "hello");
	assert_int_equal(outcome.code, WEFT_INTERNAL);
	assert_string_equal(outcome.message, "an interceptor failed: Input/output error");
	assert_string_equal(order, "aA");
	assert_int_equal(weft_server_connections(server), 0); /* none was needed */
	outcome_fini(&outcome);
}

static void a_client_puts_a_call_off(void **state)
{
	struct outcome outcome = { 0 };

	client_guards[0].way = WAIT_AND_PASS;
	client_guards[1].way = WAIT;
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	assert_non_null(client_guards[1].rpc);
	assert_int_equal(weft_rpc_metadata(outcome.rpc)->n, 2);
	weft_rpc_proceed(client_guards[1].rpc);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal((char *)outcome.last.data, "hello");
	outcome_fini(&outcome);
}

static void a_call_ends_while_it_waits(void **state)
{
	struct outcome outcome = { 0 };

	client_guards[0].way = WAIT;
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	weft_rpc_cancel(outcome.rpc);
	weft_rpc_proceed(outcome.rpc); /* it has ended, though nobody knows yet */
	assert_int_equal(client_guards[0].told, 0);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	assert_string_equal(order, "aA");
	assert_null(client_guards[0].rpc);

	outcome_fini(&outcome);
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.timeout_ns = 20 * WEFT_MS));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_DEADLINE_EXCEEDED);
	assert_int_equal(client_guards[0].told, 2);
	outcome_fini(&outcome);
}

static void a_client_sets_a_deadline(void **state)
{
	struct outcome outcome = { 0 };
	uint64_t at = weft_now() + 30 * WEFT_MS;

	client_guards[1].way = WAIT;
	start(&outcome, "/test.Test/Hang", "hello", NULL);
	assert_true(weft_rpc_deadline(outcome.rpc) == WEFT_NEVER);
	weft_rpc_limit(outcome.rpc, at);
	weft_rpc_limit(outcome.rpc, at + WEFT_SECOND);
	assert_true(weft_rpc_deadline(outcome.rpc) == at);
	weft_rpc_proceed(client_guards[1].rpc);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_DEADLINE_EXCEEDED);
	assert_true(weft_now() >= at);
	outcome_fini(&outcome);
}

#define TEST_SERVER(name) cmocka_unit_test_setup_teardown(name, setup_server, peers_teardown)
#define TEST_CLIENT(name) cmocka_unit_test_setup_teardown(name, setup_client, peers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST_SERVER(asked_in_order_told_in_reverse),
		TEST_SERVER(a_stream_is_counted),
		TEST_SERVER(the_handler_does_not_see_what_was_refused),
		TEST_SERVER(they_see_what_no_service_has),
		TEST_SERVER(a_call_may_be_put_off),
		TEST_SERVER(the_client_goes_while_its_call_waits),
		TEST_SERVER(a_call_that_waits_has_its_deadline),
		TEST_SERVER(the_handler_sees_what_is_attached),
		TEST_CLIENT(a_client_asks_in_order_too),
		TEST_CLIENT(a_client_refuses_before_anything_is_sent),
		TEST_CLIENT(a_client_puts_a_call_off),
		TEST_CLIENT(a_call_ends_while_it_waits),
		TEST_CLIENT(a_client_sets_a_deadline),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
