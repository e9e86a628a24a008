/*
 * A channel with several servers behind it: how calls are spread, and what becomes of them when a
 * server dies, comes, goes, moves, is full, or says that it is not well. All on one worker.
 */
#include "peers.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <weft/service_config.h>

#include "rpc/channel.h"

#define REPLICAS 5

struct replica {
	struct weft_server *server;
	struct weft_port *port;
	unsigned calls;
	enum { NO_HEALTH, SERVING, NOT_SERVING } health;
	struct weft_call *watch; /* of its health */
	bool fails;              /* every call */
	unsigned drained;
};

static struct replica replicas[REPLICAS];

/* ---- the servers ---- */

static int on_bytes(struct weft_call *call, struct weft_bytes message, void *data)
{
	return 0;
}

static int send_health(struct replica *replica)
{
	const uint8_t status[] = { 0x08, replica->health == SERVING ? 1 : 2 };

	return weft_call_send_bytes(replica->watch, (struct weft_bytes) { status, 2 });
}

static int on_asked(struct weft_call *call, void *self)
{
	struct replica *replica = self;

	replica->watch = call;
	return send_health(replica);
}

static void on_unwatched(struct weft_call *call, void *self)
{
	((struct replica *)self)->watch = NULL;
}

static int on_called(struct weft_call *call, void *self)
{
	struct replica *replica = self;

	if (replica->fails)
		return weft_call_fail(call, WEFT_UNAVAILABLE, "out of order");
	return weft_call_reply_bytes(call, (struct weft_bytes) { (const uint8_t *)"", 0 });
}

static int on_hang(struct weft_call *call, void *self)
{
	hanging++;
	return 0;
}

static int serve(struct weft_call *call, void *self)
{
	struct replica *replica = self;

	if (strcmp(weft_call_path(call), "/grpc.health.v1.Health/Watch") == 0) {
		if (replica->health == NO_HEALTH)
			return weft_call_fail(call, WEFT_UNIMPLEMENTED, "no health here");
		weft_call_on_cancel(call, on_unwatched, replica);
		weft_call_receive_bytes(call, on_bytes, on_asked, replica);
		return 0;
	}
	replica->calls++;
	weft_call_receive_bytes(call, on_bytes,
				strstr(weft_call_path(call), "Hang") ? on_hang : on_called,
				replica);
	return 0;
}

static void start_replica(unsigned n, const struct weft_server_options *options)
{
	struct replica *replica = &replicas[n];
	char error[256] = "";

	assert_int_equal(weft_server_new(worker, options, &replica->server), 0);
	weft_server_set_fallback(replica->server, serve, replica);
	if (weft_port_new(worker, "127.0.0.1:0", NULL, &replica->server, 1, error, &replica->port) <
	    0)
		fail_msg("%s", error);
}

static void kill_replica(unsigned n)
{
	weft_port_free(replicas[n].port);
	weft_server_free(replicas[n].server);
	replicas[n].port = NULL;
	replicas[n].server = NULL;
}

/* ---- the channel, on a file that lists them ---- */

static char list[128];

/* `numbers` of the replicas, "012". */
static void write_list(const char *numbers)
{
	char next[160];
	FILE *file;

	snprintf(next, sizeof(next), "%s.next", list);
	file = fopen(next, "w");
	for (; *numbers; numbers++)
		fprintf(file, "%s\n", weft_port_address(replicas[*numbers - '0'].port));
	fclose(file);
	assert_int_equal(rename(next, list), 0);
}

static void open_list(const char *numbers, const struct weft_channel_options *options)
{
	char text[160];

	write_list(numbers);
	snprintf(text, sizeof(text), "file://%s", list);
	open_channel(text, options);
}

#define OPTIONS(...)                                                                               \
	(&(const struct weft_channel_options) { .size = sizeof(struct weft_channel_options),       \
						.backoff_ns = 20 * WEFT_MS,                        \
						.backoff_max_ns = 100 * WEFT_MS,                   \
						__VA_ARGS__ })
#define ROUND_ROBIN OPTIONS(.balancing = "round_robin")

static enum weft_code call_once(bool wait_for_ready)
{
	struct outcome outcome = { 0 };
	enum weft_code code;

	start(&outcome, "/test.Test/Call", "", WEFT_CALL_OPTIONS(.wait_for_ready = wait_for_ready));
	run_until_end(&outcome);
	code = outcome.code;
	outcome_fini(&outcome);
	return code;
}

/* That all went well, one after the other. */
static void call_times(unsigned times)
{
	for (unsigned n = 0; n < REPLICAS; n++)
		replicas[n].calls = 0;
	for (unsigned i = 0; i < times; i++)
		assert_int_equal(call_once(false), WEFT_OK);
}

struct seen {
	unsigned total;
	unsigned ready;   /* connections */
	unsigned serving; /* of these, found well */
	unsigned ejected;
	char error[256];
};

static void see(const struct weft_endpoint_view *view, void *data)
{
	struct seen *seen = data;

	seen->total++;
	seen->ready += view->state == WEFT_READY;
	seen->serving += view->health == WEFT_ENDPOINT_SERVING;
	seen->ejected += view->health == WEFT_ENDPOINT_EJECTED;
	if (view->state == WEFT_TRANSIENT_FAILURE)
		snprintf(seen->error, sizeof(seen->error), "%s", view->error);
}

static struct seen look(void)
{
	struct seen seen = { 0 };

	weft_channel_each_endpoint(channel, see, &seen);
	return seen;
}

static bool are_serving(void *number)
{
	struct seen seen = look();

	return seen.serving == *(unsigned *)number;
}

static void wait_for_serving(unsigned number)
{
	weft_channel_state(channel, true);
	run_until(are_serving, &number);
}

static int setup(void **state)
{
	if (peers_setup(state) != 0)
		return -1;
	memset(replicas, 0, sizeof(replicas));
	snprintf(list, sizeof(list), "%s/list", directory);
	for (unsigned n = 0; n < 3; n++)
		start_replica(n, NULL);
	return 0;
}

static int teardown(void **state)
{
	if (channel)
		close_channel();
	for (unsigned n = 0; n < REPLICAS; n++)
		if (replicas[n].server)
			kill_replica(n);
	return peers_teardown(state);
}

/* ---- tests ---- */

static void calls_are_spread_evenly(void **state)
{
	open_list("012", ROUND_ROBIN);
	assert_int_equal(weft_channel_state(channel, false), WEFT_IDLE);
	assert_int_equal(look().total, 0);
	wait_for_serving(3);
	call_times(30);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(replicas[n].calls, 10);
}

static void the_first_is_picked(void **state)
{
	open_list("012", OPTIONS(.balancing = NULL));
	call_times(5);
	assert_int_equal(replicas[0].calls, 5);
	assert_int_equal(look().ready, 1);
	assert_int_equal(look().total, 3);
}

static void one_dies(void **state)
{
	open_list("012", ROUND_ROBIN);
	wait_for_serving(3);
	kill_replica(1);
	wait_for_serving(2);
	call_times(20);
	assert_int_equal(replicas[0].calls, 10);
	assert_int_equal(replicas[2].calls, 10);
	/* it is known by its last error while it is tried again */
	while (!look().error[0])
		assert_int_equal(call_once(false), WEFT_OK);
	assert_non_null(strstr(look().error, "127.0.0.1:"));
}

static void one_comes_and_one_goes(void **state)
{
	open_list("01", ROUND_ROBIN);
	wait_for_serving(2);
	write_list("012"); /* found without a call */
	wait_for_serving(3);
	call_times(30);
	assert_int_equal(replicas[2].calls, 10);
	write_list("12");
	wait_for_serving(2);
	call_times(20);
	assert_int_equal(replicas[0].calls, 0);
	assert_int_equal(replicas[1].calls, 10);
}

static void on_drained(struct weft_server *which, void *data)
{
	((struct replica *)data)->drained++;
}

static void one_drains(void **state)
{
	struct outcome slow[3] = { { 0 } };

	open_list("012", ROUND_ROBIN);
	wait_for_serving(3);
	for (unsigned i = 0; i < 3; i++)
		start(&slow[i], "/test.Test/Hang", "", NULL);
	while (hanging < 3)
		call_once(false);
	weft_port_free(replicas[1].port);
	replicas[1].port = NULL;
	weft_server_drain(replicas[1].server, 30 * WEFT_SECOND, on_drained, &replicas[1]);
	call_times(40);
	assert_int_equal(replicas[0].calls + replicas[1].calls + replicas[2].calls, 40);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(slow[i].ends, 0); /* none of those under way was lost */
		weft_rpc_cancel(slow[i].rpc);
		run_until_end(&slow[i]);
	}
	run_until(is_nonzero, &replicas[1].drained);
	kill_replica(1);
}

static void all_move(void **state)
{
	open_list("012", ROUND_ROBIN);
	wait_for_serving(3);
	for (unsigned n = 0; n < 3; n++) {
		kill_replica(n);
		start_replica(n, NULL);
		write_list("012");
		assert_int_equal(call_once(true), WEFT_OK);
	}
	wait_for_serving(3);
	call_times(30);
	for (unsigned n = 0; n < 3; n++)
		assert_int_equal(replicas[n].calls, 10);
}

/* What is full is left out; when all are, calls wait for the first stream that ends. */
static void the_full_are_left_out(void **state)
{
	const struct weft_server_options one = { .size = sizeof(one), .max_concurrent_streams = 1 };
	struct outcome slow[2] = { { 0 } }, waiting = { 0 };

	start_replica(3, &one);
	start_replica(4, &one);
	open_list("34", ROUND_ROBIN);
	wait_for_serving(2);
	start(&slow[0], "/test.Test/Hang", "", NULL);
	run_until(is_nonzero, &hanging);
	call_times(5);
	assert_true(replicas[3].calls == 5 || replicas[4].calls == 5);
	hanging = 0;
	start(&slow[1], "/test.Test/Hang", "", NULL);
	run_until(is_nonzero, &hanging);
	start(&waiting, "/test.Test/Call", "", NULL);
	assert_int_equal(weft_channel_state(channel, false), WEFT_READY);
	weft_rpc_cancel(slow[1].rpc);
	run_until_end(&waiting);
	assert_int_equal(waiting.code, WEFT_OK);
	weft_rpc_cancel(slow[0].rpc);
	run_until_end(&slow[0]);
	assert_int_equal(slow[1].ends, 1);
	outcome_fini(&waiting);
}

/* Nobody accepts there, and the one place in the queue is taken: SYNs are not answered. */
static int open_dead_end(char address[64], int *ret_filler)
{
	struct sockaddr_in at = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(at);

	at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
	assert_int_equal(listen(fd, 0), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	*ret_filler = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(*ret_filler, (struct sockaddr *)&at, sizeof(at)), 0);
	snprintf(address, 64, "127.0.0.1:%u", ntohs(at.sin_port));
	return fd;
}

static void a_dead_first_address_is_overtaken(void **state)
{
	int filler, fd;
	char dead[64], text[160];
	uint64_t before = weft_now();

	fd = open_dead_end(dead, &filler);
	snprintf(text, sizeof(text), "ipv4:%s,%s", dead, weft_port_address(replicas[0].port));
	open_channel(text, OPTIONS(.connect_timeout_ns = 20 * WEFT_SECOND));
	call_times(3);
	assert_int_equal(replicas[0].calls, 3);
	/* 250 ms, and far less than the 20 s of one attempt */
	assert_true(weft_now() - before > 240 * WEFT_MS);
	assert_true(weft_now() - before < 10 * WEFT_SECOND);
	assert_int_equal(look().ready, 1);
	close(filler);
	close(fd);
}

struct told {
	unsigned times;
	struct weft_channel_watch *watch;
	enum weft_connectivity states[32];
	unsigned n;
};

static void on_told(struct weft_channel *from, void *data)
{
	struct told *told = data;
	enum weft_connectivity state = weft_channel_state(from, false);

	told->times++;
	if (told->n < 32 && (told->n == 0 || told->states[told->n - 1] != state))
		told->states[told->n++] = state;
	if (state == WEFT_TRANSIENT_FAILURE) { /* a watch may end itself */
		weft_channel_unwatch(told->watch);
		told->watch = NULL;
	}
}

static bool is_unwatched(void *data)
{
	return ((struct told *)data)->watch == NULL;
}

static void states_are_told(void **state)
{
	struct told told = { 0 };

	open_list("0", OPTIONS(.balancing = NULL));
	told.watch = weft_channel_watch(channel, on_told, &told);
	assert_int_equal(weft_channel_state(channel, true), WEFT_IDLE);
	assert_int_equal(told.times, 0);
	wait_for_serving(1);
	assert_int_equal(weft_channel_state(channel, false), WEFT_READY);
	assert_string_equal(weft_channel_error(channel), "");
	assert_int_equal(call_once(false), WEFT_OK);
	kill_replica(0);
	while (told.watch)
		call_once(false);
	run_until(is_unwatched, &told);
	assert_int_equal(told.states[0], WEFT_CONNECTING);
	assert_int_equal(told.states[1], WEFT_READY);
	assert_int_equal(told.states[told.n - 1], WEFT_TRANSIENT_FAILURE);
	assert_int_equal(weft_channel_state(channel, false), WEFT_TRANSIENT_FAILURE);
	assert_non_null(strstr(weft_channel_error(channel), "127.0.0.1:"));
	assert_string_equal(weft_connectivity_name(WEFT_TRANSIENT_FAILURE), "TRANSIENT_FAILURE");
}

/* Servers cut off a client that resets a thousand streams at once: calls that end well are none of
 * these. */
static void long_use_keeps_the_connection(void **state)
{
	struct told told = { 0 };
	struct outcome *calls = calloc(100, sizeof(*calls));

	open_list("0", OPTIONS(.balancing = NULL));
	wait_for_serving(1);
	told.watch = weft_channel_watch(channel, on_told, &told);
	for (int round = 0; round < 15; round++) {
		for (int i = 0; i < 100; i++)
			start(&calls[i], "/test.Test/Call", "", NULL);
		for (int i = 0; i < 100; i++) {
			run_until_end(&calls[i]);
			assert_int_equal(calls[i].code, WEFT_OK);
			outcome_fini(&calls[i]);
		}
	}
	assert_int_equal(told.times, 0);
	weft_channel_unwatch(told.watch);
	free(calls);
}

static bool is_watched(void *data)
{
	return ((struct replica *)data)->watch != NULL;
}

static void the_sick_are_left_out(void **state)
{
	replicas[0].health = NO_HEALTH; /* which counts as well */
	replicas[1].health = SERVING;
	replicas[2].health = NOT_SERVING;
	open_list("012", OPTIONS(.balancing = "round_robin", .health_service = "test.Test"));
	wait_for_serving(2);
	call_times(20);
	assert_int_equal(replicas[2].calls, 0);
	assert_int_equal(replicas[1].calls, 10);
	run_until(is_watched, &replicas[2]);
	replicas[2].health = SERVING;
	assert_int_equal(send_health(&replicas[2]), 0);
	wait_for_serving(3);
	call_times(30);
	assert_int_equal(replicas[2].calls, 10);
	replicas[1].health = NOT_SERVING;
	assert_int_equal(send_health(&replicas[1]), 0);
	wait_for_serving(2);
	call_times(20);
	assert_int_equal(replicas[1].calls, 0);
	assert_int_equal(look().ready, 3);
}

/* By a server that closes the stream: it is opened again, and told once more. */
static void health_is_asked_again(void **state)
{
	replicas[0].health = SERVING;
	open_list("0", OPTIONS(.balancing = "round_robin", .health_service = ""));
	wait_for_serving(1);
	for (int i = 0; i < 3; i++) {
		struct weft_call *before = replicas[0].watch;

		replicas[0].watch = NULL;
		weft_call_fail(before, WEFT_UNAVAILABLE, "not now");
		run_until(is_watched, &replicas[0]);
		wait_for_serving(1);
		assert_int_equal(call_once(true), WEFT_OK);
	}
}

static bool is_one_ejected(void *data)
{
	return look().ejected == 1;
}

static void the_one_that_fails_is_ejected(void **state)
{
	struct weft_balancing balancing = {
		.policy = &weft_round_robin,
		.detects_outliers = true,
		.outlier = weft_outlier_defaults,
	};

	balancing.outlier.interval_ns = 20 * WEFT_MS;
	balancing.outlier.base_ejection_ns = 60 * WEFT_SECOND;
	balancing.outlier.failure_percentage.on = true;
	balancing.outlier.failure_percentage.minimum_hosts = 3;
	balancing.outlier.failure_percentage.volume = 1;
	open_list("012", ROUND_ROBIN);
	wait_for_serving(3);
	weft_channel_set_balancing(channel, &balancing);
	assert_int_equal(look().serving, 3); /* the connections stay */
	replicas[1].fails = true;
	while (!is_one_ejected(NULL)) {
		call_once(false);
		call_once(false);
		call_once(false);
	}
	call_times(20);
	assert_int_equal(replicas[1].calls, 0);
	assert_int_equal(look().ready, 3);
	/* without detection it is back */
	weft_channel_set_balancing(channel,
				   &(struct weft_balancing) { .policy = &weft_round_robin });
	assert_int_equal(look().serving, 3);
}

/* Its word goes before the options', and one that comes later before both. */
static void a_service_config_balances(void **state)
{
	static const char robin[] =
		"{\"loadBalancingConfig\":[{\"unknown\":{}},{\"round_robin\":{}}],"
		"\"healthCheckConfig\":{\"serviceName\":\"test.Test\"}}";
	static const char first[] = "{\"loadBalancingConfig\":[{\"pick_first\":{}}]}";
	struct weft_service_config *config;
	char error[WEFT_SERVICE_CONFIG_ERROR] = "";

	replicas[2].health = NOT_SERVING;
	if (weft_service_config_parse(robin, strlen(robin), error, &config) < 0)
		fail_msg("%s", error);
	open_list("012", OPTIONS(.balancing = "pick_first", .service_config = config));
	weft_service_config_unref(config);
	wait_for_serving(2);
	call_times(20);
	assert_int_equal(replicas[0].calls, 10);
	assert_int_equal(replicas[1].calls, 10);

	assert_int_equal(weft_service_config_parse(first, strlen(first), error, &config), 0);
	weft_channel_set_service_config(channel, config);
	weft_service_config_unref(config);
	call_times(20);
	assert_true(replicas[0].calls == 20 || replicas[1].calls == 20 || replicas[2].calls == 20);
}

static void an_unknown_policy_is_refused(void **state)
{
	struct weft_channel *none;
	char error[256];

	assert_int_equal(
		weft_channel_new(worker, target, OPTIONS(.balancing = "robin"), error, &none),
		-EINVAL);
	assert_non_null(strstr(error, "\"robin\""));
	assert_non_null(strstr(error, "round_robin"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(calls_are_spread_evenly),
		TEST(the_first_is_picked),
		TEST(one_dies),
		TEST(one_comes_and_one_goes),
		TEST(one_drains),
		TEST(all_move),
		TEST(the_full_are_left_out),
		TEST(a_dead_first_address_is_overtaken),
		TEST(states_are_told),
		TEST(long_use_keeps_the_connection),
		TEST(the_sick_are_left_out),
		TEST(health_is_asked_again),
		TEST(the_one_that_fails_is_ejected),
		TEST(a_service_config_balances),
		TEST(an_unknown_policy_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
