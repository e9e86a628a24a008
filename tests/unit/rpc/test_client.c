/*
 * Our client against our server, in one process: the four kinds, every way to end, and what a
 * channel does when peers come and go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "peers.h"

static int setup(void **state)
{
	if (peers_setup(state) != 0)
		return -1;
	start_server(target, NULL);
	open_channel(target, NULL);
	return 0;
}

/* ---- the kinds ---- */

static void unary(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	assert_int_equal(outcome.ends, 0); /* never before the starter has returned */
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.headers, 1);
	assert_int_equal(outcome.messages, 1);
	assert_string_equal((char *)outcome.last.data, "hello");
	assert_string_equal(outcome.peer, target);
	outcome_fini(&outcome);
}

static void an_empty_message_is_a_message(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.messages, 1);
	assert_int_equal(outcome.bytes, 0);
	outcome_fini(&outcome);
}

static void a_large_message_both_ways(void **state)
{
	struct outcome outcome = { 0 };
	size_t len = 3u << 20;
	char *text = malloc(len + 1);

	memset(text, 'y', len);
	text[len] = '\0';
	start(&outcome, "/test.Test/Echo", text, NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.bytes, len);
	assert_memory_equal(outcome.last.data, text, len);
	free(text);
	outcome_fini(&outcome);
}

static void server_stream(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Stream", "1000 1000", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.messages, 1000);
	assert_int_equal(outcome.bytes, 1000000);
	outcome_fini(&outcome);
}

static void pump_a_megabyte(struct outcome *outcome)
{
	static const char piece[1025] = { [0 ... 1023] = 'z' };

	while (weft_rpc_writable(outcome->rpc)) {
		send_text(outcome, piece);
		outcome->bytes += 1024;
		if (outcome->bytes == 1u << 20)
			weft_rpc_half_close(outcome->rpc);
	}
}

static void client_stream(void **state)
{
	struct outcome outcome = { .in_writable = pump_a_megabyte };

	start(&outcome, "/test.Test/Sum", NULL, NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal((char *)outcome.last.data, "1048576");
	assert_true(outcome.writables > 2); /* the queue is bounded: it had to wait */
	outcome_fini(&outcome);
}

static void answer_ten_times(struct outcome *outcome)
{
	if (outcome->messages == 10)
		weft_rpc_half_close(outcome->rpc);
	else
		send_text(outcome, "again");
}

static void chat(void **state)
{
	struct outcome outcome = { .in_message = answer_ten_times };

	start(&outcome, "/test.Test/Chat", NULL, NULL);
	send_text(&outcome, "first");
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.messages, 10);
	outcome_fini(&outcome);
}

static void many_calls_at_once(void **state)
{
	struct outcome outcomes[1000] = { 0 }; /* above the server's limit of concurrent streams */

	for (size_t i = 0; i < WEFT_COUNT(outcomes); i++)
		start(&outcomes[i], "/test.Test/Echo", "hello", NULL);
	for (size_t i = 0; i < WEFT_COUNT(outcomes); i++) {
		run_until_end(&outcomes[i]);
		assert_int_equal(outcomes[i].code, WEFT_OK);
		outcome_fini(&outcomes[i]);
	}
	assert_int_equal(weft_server_connections(server), 1);
}

/* ---- metadata and status ---- */

static void metadata_travels(void **state)
{
	static const uint8_t binary[] = { 0, 1, 0xff, ',' };
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	struct weft_arena *arena = weft_arena_new();
	struct outcome outcome = { 0 };

	assert_int_equal(weft_metadata_add_string(&metadata, arena, "X-Echo", "a, b"), 0);
	assert_int_equal(weft_metadata_add(&metadata, arena, "x-echo-bin", binary, sizeof(binary)),
			 0);
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.metadata = &metadata));
	weft_arena_free(arena); /* it was copied */
	run_until_end(&outcome);
	assert_string_equal(outcome.echo, "a, b");
	assert_int_equal(outcome.echo_bin_len, sizeof(binary));
	assert_memory_equal(outcome.echo_bin, binary, sizeof(binary));
	outcome_fini(&outcome);
}

static void a_status_comes_with_words_and_details(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Fail", "", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_NOT_FOUND);
	assert_string_equal(outcome.message, "no \"snow\u2603man\"\n");
	assert_string_equal(outcome.reason, "NO_SNOWMAN");
	assert_int_equal(outcome.messages, 0);
	outcome_fini(&outcome);
}

static void an_unknown_method(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Nothing", "", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNIMPLEMENTED);
	outcome_fini(&outcome);
}

/* ---- ends ---- */

static void cancel_before_there_is_a_connection(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	weft_rpc_cancel(outcome.rpc);
	weft_rpc_cancel(outcome.rpc);
	assert_int_equal(outcome.ends, 0);
	assert_int_equal(weft_rpc_send_bytes(outcome.rpc, (struct weft_bytes) { 0 }), -ECANCELED);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	outcome_fini(&outcome);
}

static void cancel_while_the_server_thinks(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Hang", "", NULL);
	run_until(is_nonzero, &hanging);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	assert_int_equal(outcome.ends, 1);
	run_until(is_nonzero, &cancelled); /* the handler hears of it */
	outcome_fini(&outcome);
}

static void cancel(struct outcome *outcome)
{
	weft_rpc_cancel(outcome->rpc);
}

static void cancel_inside_a_message(void **state)
{
	struct outcome outcome = { .in_message = cancel };

	start(&outcome, "/test.Test/Stream", "1000 10000", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	assert_int_equal(outcome.messages, 1); /* none after it, though more were there */
	run_until(is_nonzero, &cancelled);
	outcome_fini(&outcome);
}

static void cancel_inside_headers(void **state)
{
	struct outcome outcome = { .in_headers = cancel };

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	assert_int_equal(outcome.messages, 0);
	outcome_fini(&outcome);
}

static void the_deadline_passes_at_both_ends(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Hang", "", WEFT_CALL_OPTIONS(.timeout_ns = 50 * WEFT_MS));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_DEADLINE_EXCEEDED);
	run_until(is_nonzero, &cancelled);
	outcome_fini(&outcome);
}

static void the_deadline_passes_in_the_queue(void **state)
{
	struct outcome outcome = { 0 };

	close_channel();
	open_channel("unix:/nowhere/at/all", NULL);
	start(&outcome, "/test.Test/Echo", "",
	      WEFT_CALL_OPTIONS(.timeout_ns = 50 * WEFT_MS, .wait_for_ready = true));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_DEADLINE_EXCEEDED);
	assert_non_null(strstr(outcome.message, "unix:/nowhere/at/all"));
	outcome_fini(&outcome);
}

/* A channel and a server of which each compresses what it sends, and calls that do not. */
static void compression_by_default(void **state)
{
	struct weft_server_options server_options = { .size = sizeof(server_options),
						      .encoding = WEFT_DEFLATE };
	struct weft_channel_options options = { .size = sizeof(options), .encoding = WEFT_GZIP };
	struct outcome outcome = { 0 };

	close_channel();
	stop_server();
	start_server(target, &server_options);
	open_channel(target, &options);
	start(&outcome, "/test.Test/Stream", "3 100000", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.bytes, 300000);
	assert_int_equal(outcome.compressed, 3);
	outcome_fini(&outcome);

	start(&outcome, "/test.Test/Echo", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	      WEFT_CALL_OPTIONS(.encoding = WEFT_IDENTITY));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.compressed, 1);
	assert_string_equal((char *)outcome.last.data,
			    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
	outcome_fini(&outcome);
}

static void too_large_a_message_is_refused(void **state)
{
	struct outcome outcome = { 0 };

	close_channel();
	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .max_message = 1000 });
	start(&outcome, "/test.Test/Stream", "1 1000", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
	start(&outcome, "/test.Test/Stream", "1 1001", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_RESOURCE_EXHAUSTED);
	assert_int_equal(outcome.messages, 0);
	outcome_fini(&outcome);
}

/* ---- back-pressure ---- */

static void hold(struct outcome *outcome)
{
	weft_rpc_hold(outcome->rpc);
}

static bool turned_often(void *data)
{
	unsigned *turns = data;

	return (*turns)++ == 50;
}

static void a_held_stream_waits(void **state)
{
	struct outcome outcome = { .in_message = hold };
	unsigned turns = 0;

	start(&outcome, "/test.Test/Stream", "20 100000", NULL);
	run_until(is_nonzero, &outcome.messages);
	run_until(turned_often, &turns);
	assert_int_equal(outcome.messages, 1);
	for (unsigned i = 2; i <= 20; i++) {
		outcome.messages = 0;
		weft_rpc_resume(outcome.rpc);
		run_until(is_nonzero, &outcome.messages);
		assert_int_equal(outcome.messages, 1);
		assert_int_equal(outcome.ends, 0);
	}
	weft_rpc_resume(outcome.rpc);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.bytes, 2000000);
	outcome_fini(&outcome);
}

/* The status is there and the stream closed, but the last messages are held. */
static void the_end_waits_behind_held_messages(void **state)
{
	struct outcome outcome = { .in_message = hold };
	unsigned turns = 0;

	start(&outcome, "/test.Test/Stream", "3 10", NULL);
	run_until(is_nonzero, &outcome.messages);
	run_until(turned_often, &turns);
	assert_int_equal(outcome.messages, 1);
	assert_int_equal(outcome.ends, 0);
	assert_false(weft_rpc_writable(outcome.rpc));
	outcome.in_message = NULL;
	weft_rpc_resume(outcome.rpc);
	run_until_end(&outcome);
	assert_int_equal(outcome.messages, 3);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
}

/* ---- peers that come and go ---- */

static void nobody_listens(void **state)
{
	struct outcome outcome = { 0 };

	stop_server();
	start(&outcome, "/test.Test/Echo", "", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_non_null(strstr(outcome.message, target));
	outcome_fini(&outcome);

	/* during the pause the next call fails at once, with the same words */
	start(&outcome, "/test.Test/Echo", "", NULL);
	assert_int_equal(outcome.ends, 0);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_non_null(strstr(outcome.message, target));
	outcome_fini(&outcome);
}

static bool waited_for_a_while(void *data)
{
	return weft_now() > *(uint64_t *)data;
}

static void a_patient_call_waits_for_the_server(void **state)
{
	uint64_t later = weft_now() + 300 * WEFT_MS; /* two attempts fail */
	struct outcome outcome = { 0 };

	stop_server();
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	run_until(waited_for_a_while, &later);
	assert_int_equal(outcome.ends, 0);
	start_server(target, NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
}

static void the_server_dies_and_comes_back(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Hang", "", NULL);
	run_until(is_nonzero, &hanging);
	stop_server();
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	outcome_fini(&outcome);

	start_server(target, NULL);
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
}

static void on_drained(struct weft_server *drained, void *data)
{
	unsigned *count = data;

	(*count)++;
}

/* The server drains: the call under way goes on, a new one finds the server that took its place. */
static void a_draining_connection_is_left(void **state)
{
	struct weft_server *old = server;
	struct weft_port *old_port = port;
	struct outcome under_way = { 0 }, fresh = { 0 };
	unsigned drained = 0;

	start(&under_way, "/test.Test/Chat", NULL, NULL);
	send_text(&under_way, "one");
	run_until(is_nonzero, &under_way.messages);
	weft_port_free(old_port);
	start_server(target, NULL);
	weft_server_drain(old, 30 * WEFT_SECOND, on_drained, &drained);

	start(&fresh, "/test.Test/Echo", "hello", NULL);
	run_until_end(&fresh);
	assert_int_equal(fresh.code, WEFT_OK);
	assert_int_equal(under_way.ends, 0);
	start(&fresh, "/test.Test/Echo", "hello", NULL);
	fresh.ends = 0;
	run_until_end(&fresh);
	assert_int_equal(fresh.code, WEFT_OK);
	assert_int_equal(weft_server_connections(server), 1);

	under_way.messages = 0;
	send_text(&under_way, "two");
	run_until(is_nonzero, &under_way.messages);
	weft_rpc_half_close(under_way.rpc);
	run_until_end(&under_way);
	assert_int_equal(under_way.code, WEFT_OK);
	run_until(is_nonzero, &drained);
	weft_server_free(old);
	outcome_fini(&fresh);
	outcome_fini(&under_way);
}

static void write_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	fputs(text, file);
	fclose(file);
}

static void a_file_target_is_read_again(void **state)
{
	struct outcome outcome = { 0 };
	char path[128], text[256], at[160];

	close_channel();
	snprintf(path, sizeof(path), "%s/target", directory);
	snprintf(at, sizeof(at), "file://%s", path);
	open_channel(at, NULL);

	start(&outcome, "/test.Test/Echo", "", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_non_null(strstr(outcome.message, path));
	outcome_fini(&outcome);

	/* the first line leads nowhere, the second to the server */
	snprintf(text, sizeof(text), "# by hand\nunix:%s/nobody\n\n  %s\r\n", directory, target);
	write_file(path, text);
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal(outcome.peer, target);
	outcome_fini(&outcome);

	/* the server moves */
	stop_server();
	start_server("127.0.0.1:0", NULL);
	snprintf(text, sizeof(text), "%s\n", weft_port_address(port));
	write_file(path, text);
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal(outcome.peer, weft_port_address(port));
	outcome_fini(&outcome);
}

/* An impatient call fails at once as long as nothing is known but the last failure. */
static void a_file_written_anew_ends_a_pause(void **state)
{
	struct outcome outcome = { 0 };
	char path[128], text[256], at[160];

	close_channel();
	snprintf(path, sizeof(path), "%s/target", directory);
	snprintf(at, sizeof(at), "file://%s", path);
	snprintf(text, sizeof(text), "unix:%s/nobody\n", directory);
	write_file(path, text);
	open_channel(at, NULL);

	for (int i = 0; i < 3; i++) {
		start(&outcome, "/test.Test/Echo", "", WEFT_CALL_OPTIONS(.wait_for_ready = false));
		run_until_end(&outcome);
		assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
		assert_non_null(strstr(outcome.message, "nobody"));
		outcome_fini(&outcome);
	}

	snprintf(text, sizeof(text), "%s\n", target);
	write_file(path, text);
	start(&outcome, "/test.Test/Echo", "hello", WEFT_CALL_OPTIONS(.wait_for_ready = false));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_string_equal(outcome.peer, target);
	outcome_fini(&outcome);
}

static void the_channel_outlives_its_user_while_calls_are_under_way(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Echo", "hello", NULL);
	weft_channel_unref(channel);
	channel = NULL;
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
}

/* ---- TLS ---- */

static void certificate_path(char path[128], const char *name)
{
	snprintf(path, 128, "%s/%s", directory, name);
}

static void make_certificate(void)
{
	char command[1024];

	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		 "-subj /CN=shop -addext subjectAltName=DNS:shop.example "
		 "-keyout %s/key.pem -out %s/cert.pem >/dev/null 2>&1",
		 directory, directory);
	assert_int_equal(system(command), 0);
}

static void over_tls(void **state)
{
	struct weft_tls_options tls = { .size = sizeof(tls) };
	struct weft_channel_options options = { .size = sizeof(options) };
	struct outcome outcome = { 0 };
	char cert[128], key[128], error[256] = "";

	make_certificate();
	certificate_path(cert, "cert.pem");
	certificate_path(key, "key.pem");
	close_channel();
	stop_server();
	tls.cert_file = cert;
	tls.key_file = key;
	assert_int_equal(weft_tls_server_new(&tls, error, &server_tls), 0);
	start_server("127.0.0.1:0", NULL);
	tls = (struct weft_tls_options) { .size = sizeof(tls), .ca_file = cert };
	assert_int_equal(weft_tls_client_new(&tls, error, &options.tls), 0);

	options.authority = "shop.example";
	open_channel(weft_port_address(port), &options);
	start(&outcome, "/test.Test/Stream", "100 10000", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(outcome.bytes, 1000000);
	outcome_fini(&outcome);
	close_channel();

	options.authority = "other.example"; /* not in the certificate */
	open_channel(weft_port_address(port), &options);
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_non_null(strstr(outcome.message, "certificate"));
	outcome_fini(&outcome);
	close_channel();
	weft_tls_unref(options.tls);
}

static bool starting;

static void count_close(void *data)
{
	assert_false(starting);
	(*(unsigned *)data)++;
}

static void close_and_wait(void)
{
	unsigned closed = 0;

	starting = true;
	weft_channel_close(channel, count_close, &closed);
	starting = false;
	channel = NULL;
	run_until(is_nonzero, &closed);
	assert_int_equal(closed, 1);
}

static void a_channel_says_that_it_is_gone(void **state)
{
	struct outcome outcome = { 0 };

	close_and_wait(); /* never used: nothing of it waits for anything */
	open_channel(target, NULL);
	start(&outcome, "/test.Test/Echo", "hello", NULL);
	run_until_end(&outcome);
	close_and_wait();
	outcome_fini(&outcome);
}

/* Nothing turns the loop any more, so only the worker's end can end the call and the
 * connections. */
static void a_worker_may_go_with_a_call_under_way(void **state)
{
	struct outcome outcome = { 0 };

	start(&outcome, "/test.Test/Hang", "hello", NULL);
	run_until(is_nonzero, &hanging);
	weft_channel_unref(channel);
	channel = NULL;
	weft_port_free(port);
	weft_server_free(server);
	port = NULL;
	server = NULL;
	weft_worker_free(worker);
	assert_int_equal(outcome.ends, 1);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	outcome_fini(&outcome);
	assert_int_equal(weft_worker_new(0, &worker), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, peers_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unary),
		TEST(an_empty_message_is_a_message),
		TEST(a_large_message_both_ways),
		TEST(server_stream),
		TEST(client_stream),
		TEST(chat),
		TEST(many_calls_at_once),
		TEST(metadata_travels),
		TEST(a_status_comes_with_words_and_details),
		TEST(an_unknown_method),
		TEST(cancel_before_there_is_a_connection),
		TEST(cancel_while_the_server_thinks),
		TEST(cancel_inside_a_message),
		TEST(cancel_inside_headers),
		TEST(the_deadline_passes_at_both_ends),
		TEST(the_deadline_passes_in_the_queue),
		TEST(compression_by_default),
		TEST(too_large_a_message_is_refused),
		TEST(a_held_stream_waits),
		TEST(the_end_waits_behind_held_messages),
		TEST(nobody_listens),
		TEST(a_patient_call_waits_for_the_server),
		TEST(the_server_dies_and_comes_back),
		TEST(a_draining_connection_is_left),
		TEST(a_file_target_is_read_again),
		TEST(a_file_written_anew_ends_a_pause),
		TEST(the_channel_outlives_its_user_while_calls_are_under_way),
		TEST(over_tls),
		TEST(a_channel_says_that_it_is_gone),
		TEST(a_worker_may_go_with_a_call_under_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
