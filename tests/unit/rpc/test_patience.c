/*
 * What silence does to a client's connection: a channel that nobody calls lets its connection go,
 * and one whose server complains of PINGs sends fewer. The intervals of a channel are long, so that
 * PINGs themselves are tried on a connection.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"
#include "rpc/channel.h"
#include "rpc/connection.h"

/* ---- idleness ---- */

static bool no_connections(void *data)
{
	return weft_server_connections(server) == 0;
}

static bool a_connection(void *data)
{
	return weft_server_connections(server) == 1;
}

static void open_impatient(void)
{
	start_server(target, NULL);
	open_channel(target, &(struct weft_channel_options) {
				     .size = sizeof(struct weft_channel_options),
				     .idle_timeout_ns = 20 * WEFT_MS,
			     });
}

static void call_echo(void)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
}

static void an_idle_channel_hangs_up(void **state)
{
	open_impatient();
	for (unsigned i = 0; i < 3; i++) {
		call_echo();
		assert_int_equal(weft_server_connections(server), 1);
		run_until(no_connections, NULL);
	}
}

/* That is no failure: the next call does not wait, nor fail. */
static void a_connection_that_served_nobody(void **state)
{
	struct outcome outcome = { 0 };

	open_impatient();
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	run_until(a_connection, NULL);
	run_until(no_connections, NULL);
	call_echo();
	outcome_fini(&outcome);
}

static bool is_late(void *data)
{
	return weft_now() > *(uint64_t *)data;
}

static void a_call_keeps_the_connection(void **state)
{
	struct outcome outcome = { 0 };
	uint64_t late = weft_now() + 100 * WEFT_MS;

	open_impatient();
	start(&outcome, "/test.Test/Hang", "hello", NULL);
	run_until(is_nonzero, &hanging);
	run_until(is_late, &late);
	assert_int_equal(outcome.ends, 0);
	assert_int_equal(weft_server_connections(server), 1);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	run_until(no_connections, NULL);
	outcome_fini(&outcome);
}

/* ---- age ---- */

static unsigned adopted;

static void adopt(struct weft_listener *listener, int take_fd, const char *peer, void *data)
{
	adopted++;
	weft_server_adopt(server, take_fd, NULL);
}

/* Connections come of age under calls, which never see it. */
static void calls_outlive_connections(void **state)
{
	const struct weft_server_options options = { .size = sizeof(options),
						     .max_age_ns = 5 * WEFT_MS,
						     .max_age_grace_ns = 20 * WEFT_SECOND };
	struct weft_listener *listener;
	struct outcome outcomes[20] = { 0 };
	char error[256];

	adopted = 0;
	assert_int_equal(weft_server_new(worker, &options, &server), 0);
	weft_server_set_fallback(server, peers_serve, NULL);
	assert_int_equal(weft_listener_new(worker, target, adopt, NULL, error, &listener), 0);
	open_channel(target, NULL);
	while (adopted < 10) {
		for (size_t i = 0; i < WEFT_COUNT(outcomes); i++)
			start(&outcomes[i], "/test.Test/Stream", "20 20000", NULL);
		for (size_t i = 0; i < WEFT_COUNT(outcomes); i++) {
			run_until_end(&outcomes[i]);
			assert_int_equal(outcomes[i].code, WEFT_OK);
			assert_int_equal(outcomes[i].messages, 20);
			outcome_fini(&outcomes[i]);
		}
	}
	close_channel();
	weft_listener_free(listener);
}

/* ---- keepalive ---- */

/* A server that says one thing, and then nothing more. */
struct script {
	const char *words;
	size_t len;
	struct weft_listener *listener;
	int fds[8];
	unsigned accepted;
};

#define SETTINGS "\0\0\0\4\0\0\0\0\0"
/* No stream was seen, ENHANCE_YOUR_CALM. */
#define GOAWAY   "\0\0\x16\7\0\0\0\0\0\0\0\0\0\0\0\0\x0btoo_many_pings"

static void on_accept(struct weft_listener *listener, int take_fd, const char *peer, void *data)
{
	struct script *script = data;

	assert_true(script->accepted < WEFT_COUNT(script->fds));
	script->fds[script->accepted++] = take_fd;
	assert_int_equal(write(take_fd, script->words, script->len), (ssize_t)script->len);
}

static void script_init(struct script *script, const char *words, size_t len)
{
	char error[256];

	*script = (struct script) { .words = words, .len = len };
	assert_int_equal(
		weft_listener_new(worker, target, on_accept, script, error, &script->listener), 0);
}

static void script_fini(struct script *script)
{
	for (unsigned i = 0; i < script->accepted; i++)
		close(script->fds[i]);
	weft_listener_free(script->listener);
}

static bool slow_after_two(void *data)
{
	const struct script *script = data;

	return script->accepted == 2 && weft_channel_keepalive(channel) == 60 * WEFT_SECOND;
}

/* Twice for each connection that is told so, however often it is told. */
static void a_channel_slows_down(void **state)
{
	static const char words[] = SETTINGS GOAWAY GOAWAY;
	struct outcome outcome = { 0 };
	struct script script;

	script_init(&script, words, sizeof(words) - 1);
	open_channel(target, &(struct weft_channel_options) {
				     .size = sizeof(struct weft_channel_options),
				     .keepalive_ns = 15 * WEFT_SECOND,
				     .backoff_ns = 20 * WEFT_MS,
			     });
	assert_int_equal(weft_channel_keepalive(channel), 15 * WEFT_SECOND);
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	run_until(slow_after_two, &script);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	close_channel();
	script_fini(&script);
	outcome_fini(&outcome);
}

static void keepalive_is_off_and_never_hasty(void **state)
{
	open_channel(target, NULL);
	assert_int_equal(weft_channel_keepalive(channel), 0);
	close_channel();
	open_channel(target, &(struct weft_channel_options) {
				     .size = sizeof(struct weft_channel_options),
				     .keepalive_ns = WEFT_MS,
			     });
	assert_int_equal(weft_channel_keepalive(channel), 10 * WEFT_SECOND);
}

struct seen {
	unsigned ready;
	unsigned too_many;
	unsigned draining;
	unsigned closed;
	int error;
};

static void on_ready(struct weft_connection *connection, void *data)
{
	((struct seen *)data)->ready++;
}

static void on_too_many_pings(struct weft_connection *connection, void *data)
{
	struct seen *seen = data;

	assert_int_equal(seen->draining, 0);
	seen->too_many++;
}

static void on_draining(struct weft_connection *connection, void *data)
{
	((struct seen *)data)->draining++;
}

static void on_closed(struct weft_connection *connection, int r, const char *error, void *data)
{
	struct seen *seen = data;

	seen->closed++;
	seen->error = r;
}

static const struct weft_connection_events connection_events = {
	.on_ready = on_ready,
	.on_too_many_pings = on_too_many_pings,
	.on_draining = on_draining,
	.on_closed = on_closed,
};

static struct weft_connection *ping_often(struct seen *seen, bool idle)
{
	return weft_connection_new(worker, target, 0,
				   &(struct weft_connection_options) { .keepalive_ns = WEFT_MS,
								       .keepalive_idle = idle },
				   &connection_events, seen);
}

static void a_server_complains_of_pings(void **state)
{
	struct seen seen = { 0 };

	start_server(target, NULL);
	ping_often(&seen, true);
	run_until(is_nonzero, &seen.closed);
	assert_int_equal(seen.ready, 1);
	assert_int_equal(seen.too_many, 1);
	assert_true(seen.draining > 0);
}

static void no_pings_without_calls(void **state)
{
	struct seen seen = { 0 };
	uint64_t late;
	struct weft_connection *connection;

	start_server(target, NULL);
	connection = ping_often(&seen, false);
	run_until(is_nonzero, &seen.ready);
	late = weft_now() + 50 * WEFT_MS;
	run_until(is_late, &late);
	assert_int_equal(seen.draining, 0);
	weft_connection_drain(connection);
	run_until(is_nonzero, &seen.closed);
	assert_int_equal(seen.too_many, 0);
}

static void a_server_that_is_silent(void **state)
{
	static const char words[] = SETTINGS;
	struct seen seen = { 0 };
	struct script script;

	script_init(&script, words, sizeof(words) - 1);
	weft_connection_new(worker, target, 0,
			    &(struct weft_connection_options) {
				    .keepalive_ns = WEFT_MS,
				    .keepalive_timeout_ns = 5 * WEFT_MS,
				    .keepalive_idle = true,
			    },
			    &connection_events, &seen);
	run_until(is_nonzero, &seen.closed);
	assert_int_equal(seen.ready, 1);
	assert_int_equal(seen.error, -ETIMEDOUT);
	script_fini(&script);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, peers_setup, peers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_idle_channel_hangs_up),    TEST(a_connection_that_served_nobody),
		TEST(a_call_keeps_the_connection), TEST(calls_outlive_connections),
		TEST(a_channel_slows_down),        TEST(keepalive_is_off_and_never_hasty),
		TEST(a_server_complains_of_pings), TEST(no_pings_without_calls),
		TEST(a_server_that_is_silent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
