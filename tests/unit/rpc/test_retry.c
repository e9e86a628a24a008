/*
 * Retries and hedging (gRFC A6) against a server that follows a script: the n-th request that
 * reaches it gets the n-th answer. What it saw of each is kept.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/h2.h>
#include <weft/service_config.h>

#include "peers.h"
#include "rpc/channel.h"
#include "rpc/rpc.h"
#include "rpc/service_config.h"
#include "rpc/upstream.h"

#define MAX_REQUESTS 16

enum answer {
	REPLY = 1,  /* OK with a message */
	FAIL,       /* Trailers-Only */
	FAIL_LATE,  /* headers first: the call is committed */
	BEGIN,      /* headers and a message, and then nothing */
	BREAK_OFF,  /* headers and half a message, then a reset */
	REFUSE,     /* REFUSED_STREAM */
	RESET,      /* INTERNAL_ERROR before any headers */
	HANG_UP,    /* the connection closes */
	HANG,       /* nothing */
	HTTP_ERROR, /* 503 without gRPC */
};

static const struct step {
	enum answer answer;
	enum weft_code code;
	const char *pushback;
} * script;

static struct request {
	char previous[8]; /* grpc-previous-rpc-attempts */
	uint64_t at;
	size_t bytes; /* of its body */
	bool ended;   /* it has come whole */
	uint32_t closed;
	bool is_closed;
} requests[MAX_REQUESTS];
static unsigned n_requests, n_closed;
static struct weft_listener *listener;
static struct weft_listener *other; /* which answers all that comes: a second endpoint */
static struct request spare;        /* there */
static unsigned n_spare;
static unsigned connections;

/* ---- the server ---- */

static void fail_call(struct weft_h2_stream *stream, const struct step *step)
{
	struct weft_h2_header headers[4] = {
		WEFT_H2_HEADER(":status", "200"),
		WEFT_H2_HEADER("content-type", "application/grpc"),
	};
	char code[8];

	snprintf(code, sizeof(code), "%d", (int)step->code);
	headers[2] = WEFT_H2_HEADER("grpc-status", code);
	headers[3] = WEFT_H2_HEADER("grpc-retry-pushback-ms", step->pushback ? step->pushback : "");
	if (step->answer == FAIL) {
		weft_h2_respond(stream, headers, step->pushback ? 4 : 3, true);
	} else {
		weft_h2_respond(stream, headers, 2, false);
		weft_h2_stream_end(stream, headers + 2, 1);
	}
}

static void reply(struct weft_h2_stream *stream, enum answer answer)
{
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":status", "200"),
		WEFT_H2_HEADER("content-type", "application/grpc"),
		WEFT_H2_HEADER("grpc-status", "0"),
	};

	weft_h2_respond(stream, headers, 2, false);
	weft_h2_stream_write(stream, "\0\0\0\0\2hi", answer == BREAK_OFF ? 6 : 7);
	if (answer == REPLY)
		weft_h2_stream_end(stream, headers + 2, 1);
	else if (answer == BREAK_OFF)
		weft_h2_stream_abort(stream, WEFT_H2_INTERNAL_ERROR);
}

static void give_answer(struct weft_h2_stream *stream, const struct step *step)
{
	const struct weft_h2_header error = WEFT_H2_HEADER(":status", "503");

	switch (step->answer) {
	case REPLY:
	case BEGIN:
	case BREAK_OFF: reply(stream, step->answer); break;
	case FAIL:
	case FAIL_LATE: fail_call(stream, step); break;
	case REFUSE: weft_h2_stream_reset(stream, WEFT_H2_REFUSED_STREAM); break;
	case RESET: weft_h2_stream_reset(stream, WEFT_H2_INTERNAL_ERROR); break;
	case HANG_UP: weft_h2_close(weft_h2_stream_connection(stream), WEFT_H2_NO_ERROR); break;
	case HANG: break;
	case HTTP_ERROR: weft_h2_respond(stream, &error, 1, true); break;
	}
}

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	struct request *request = data;

	request->bytes += len;
	weft_h2_stream_consume(stream, len);
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	struct request *request = data;

	request->ended = true;
	give_answer(stream,
		    request == &spare ? &(struct step) { REPLY } : &script[request - requests]);
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
}

static void on_stream_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused,
			    void *data)
{
	struct request *request = data;

	n_closed++;
	request->is_closed = true;
	request->closed = error_code;
}

static const struct weft_h2_stream_events stream_events = {
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_close = on_stream_close,
};

static const struct weft_h2_stream_events *on_stream(struct weft_h2 *h2,
						     struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data)
{
	struct request *request = &requests[n_requests];

	if (data) {
		n_spare++;
		*ret_data = &spare;
		return &stream_events;
	}
	assert_true(n_requests < MAX_REQUESTS && script[n_requests].answer);
	n_requests++;
	*request = (struct request) { .at = weft_now() };
	for (size_t i = 0; i < n; i++)
		if (strcmp(headers[i].name, "grpc-previous-rpc-attempts") == 0)
			snprintf(request->previous, sizeof(request->previous), "%s",
				 headers[i].value);
	*ret_data = request;
	return &stream_events;
}

static void on_close(struct weft_h2 *h2, int r, const char *error, void *data)
{
	connections--;
}

static const struct weft_h2_events events = { .on_stream = on_stream, .on_close = on_close };

static void on_open(struct weft_transport *transport, void *data)
{
	connections++;
	weft_h2_server_new(transport, NULL, &events, data);
}

static void on_transport_data(struct weft_transport *transport, const uint8_t *bytes, size_t len,
			      void *data)
{
}

static size_t on_flush(struct weft_transport *transport, uint8_t *room, size_t cap, void *data)
{
	return 0;
}

static void on_transport_close(struct weft_transport *transport, int error, void *data)
{
}

static const struct weft_transport_events transport_events = {
	.on_open = on_open,
	.on_data = on_transport_data,
	.on_flush = on_flush,
	.on_close = on_transport_close,
};

static void on_accept(struct weft_listener *from, int take_fd, const char *peer, void *data)
{
	weft_transport_accept(worker, take_fd, NULL, 0, &transport_events,
			      from == other ? &spare : NULL);
}

/* ---- setting up ---- */

static void listen_again(void)
{
	char error[256] = "";

	if (weft_listener_new(worker, target, on_accept, NULL, error, &listener) < 0)
		fail_msg("%s", error);
}

static int setup(void **state)
{
	if (peers_setup(state) != 0)
		return -1;
	n_requests = n_closed = connections = 0;
	memset(requests, 0, sizeof(requests));
	listen_again();
	return 0;
}

static bool no_connections(void *data)
{
	return connections == 0;
}

static int teardown(void **state)
{
	weft_channel_unref(channel);
	channel = NULL;
	run_until(no_connections, NULL);
	weft_listener_free(listener);
	weft_listener_free(other);
	other = NULL;
	return peers_teardown(state);
}

static struct weft_service_config *config_of(const char *json)
{
	char error[WEFT_SERVICE_CONFIG_ERROR] = "";
	struct weft_service_config *config = NULL;

	if (weft_service_config_parse(json, strlen(json), error, &config) < 0)
		fail_msg("%s: %s", json, error);
	return config;
}

static void open_with(const char *json)
{
	struct weft_service_config *config = config_of(json);

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .service_config = config });
	weft_service_config_unref(config);
}

#define NAMED(policy) "{\"methodConfig\":[{\"name\":[{\"service\":\"test.Test\"}]," policy "}]"
#define RETRY(attempts, pause)                                                                     \
	NAMED("\"retryPolicy\":{\"maxAttempts\":" attempts ",\"initialBackoff\":\"" pause          \
	      "\",\"maxBackoff\":\"" pause "\",\"backoffMultiplier\":1,"                           \
	      "\"retryableStatusCodes\":[\"UNAVAILABLE\"]}")
#define HEDGE(attempts, delay)                                                                     \
	NAMED("\"hedgingPolicy\":{\"maxAttempts\":" attempts ",\"hedgingDelay\":\"" delay          \
	      "\",\"nonFatalStatusCodes\":[\"UNAVAILABLE\"]}")
#define QUICK RETRY("4", "0.001s") "}"

/* Makes a call, and tells how it went. */
static enum weft_code call_with(const struct step *steps, const struct weft_call_options *options)
{
	struct outcome outcome = { 0 };
	enum weft_code code;

	script = steps;
	n_requests = n_closed = 0;
	start(&outcome, "/test.Test/Any", "hi", options);
	run_until_end(&outcome);
	code = outcome.code;
	assert_int_equal(outcome.ends, 1);
	assert_int_equal(outcome.messages, code == WEFT_OK);
	outcome_fini(&outcome);
	return code;
}

#define IDEMPOTENT WEFT_CALL_OPTIONS(.idempotency = WEFT_IDEMPOTENT, .timeout_ns = 20 * WEFT_SECOND)

/* ---- retries ---- */

/* The rules of gRFC A6, row by row: what the server does, how the call ends, and how many requests
 * it has seen when it may be repeated, and when not. */
static void each_rule_of_retrying_holds(void **state)
{
	static const struct {
		struct step steps[8];
		enum weft_code code;
		unsigned requests;
		enum weft_code plain_code; /* the same, without idempotency */
		unsigned plain_requests;
	} rows[] = {
		{ { { REPLY } }, WEFT_OK, 1, WEFT_OK, 1 },
		/* a retryable code, up to maxAttempts */
		{ { { FAIL, WEFT_UNAVAILABLE }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { REPLY } },
		  WEFT_OK,
		  4,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { REPLY } },
		  WEFT_UNAVAILABLE,
		  4,
		  WEFT_UNAVAILABLE,
		  1 },
		/* another code, at once or later */
		{ { { FAIL, WEFT_NOT_FOUND }, { REPLY } }, WEFT_NOT_FOUND, 1, WEFT_NOT_FOUND, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL, WEFT_INTERNAL }, { REPLY } },
		  WEFT_INTERNAL,
		  2,
		  WEFT_UNAVAILABLE,
		  1 },
		/* the response's headers commit */
		{ { { FAIL_LATE, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL_LATE, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  2,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { BREAK_OFF }, { REPLY } }, WEFT_INTERNAL, 1, WEFT_INTERNAL, 1 },
		/* an HTTP error does not */
		{ { { HTTP_ERROR }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		/* a reset stream, a lost connection: by their codes */
		{ { { RESET }, { REPLY } }, WEFT_INTERNAL, 1, WEFT_INTERNAL, 1 },
		{ { { HANG_UP }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		/* refused: once by itself, then by policy, for anybody */
		{ { { REFUSE }, { REPLY } }, WEFT_OK, 2, WEFT_OK, 2 },
		{ { { REFUSE }, { REFUSE }, { REPLY } }, WEFT_OK, 3, WEFT_OK, 3 },
		{ { { REFUSE }, { REFUSE }, { FAIL, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_OK,
		  4,
		  WEFT_UNAVAILABLE,
		  3 },
		/* pushback: come at once, or not at all, or what is no number */
		{ { { FAIL, WEFT_UNAVAILABLE, "0" }, { REPLY } }, WEFT_OK, 2, WEFT_UNAVAILABLE, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "-1" }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "soon" }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "007" }, { REPLY } },
		  WEFT_UNAVAILABLE,
		  1,
		  WEFT_UNAVAILABLE,
		  1 },
		{ { { FAIL, WEFT_NOT_FOUND, "0" }, { REPLY } },
		  WEFT_NOT_FOUND,
		  1,
		  WEFT_NOT_FOUND,
		  1 },
	};

	open_with(QUICK);
	for (size_t i = 0; i < WEFT_COUNT(rows); i++) {
		enum weft_code code = call_with(rows[i].steps, IDEMPOTENT);

		if (code != rows[i].code || n_requests != rows[i].requests)
			fail_msg("row %zu: %s after %u requests", i, weft_code_name(code),
				 n_requests);
		code = call_with(rows[i].steps, NULL);
		if (code != rows[i].plain_code || n_requests != rows[i].plain_requests)
			fail_msg("row %zu, not idempotent: %s after %u requests", i,
				 weft_code_name(code), n_requests);
	}
}

static void attempts_are_counted_for_the_server(void **state)
{
	static const struct step steps[] = {
		{ FAIL, WEFT_UNAVAILABLE }, { REFUSE }, { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 }
	};

	open_with(QUICK);
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_string_equal(requests[0].previous, "");
	assert_string_equal(requests[1].previous, "1");
	assert_string_equal(requests[2].previous, "1"); /* a transparent retry does not count */
	assert_string_equal(requests[3].previous, "2");
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(requests[i].bytes, 7);
}

static void the_pause_is_the_server_s(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE, "60" }, { REPLY }, { 0 } };

	open_with(RETRY("2", "30s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_true(requests[1].at - requests[0].at >= 60 * WEFT_MS);
}

/* After the server's word the pauses begin anew: the third one here would be above the deadline. */
static void pauses_begin_anew(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE, "1" },
					     { FAIL, WEFT_UNAVAILABLE },
					     { REPLY },
					     { 0 } };

	open_with(NAMED("\"retryPolicy\":{\"maxAttempts\":4,\"initialBackoff\":\"0.01s\","
			"\"maxBackoff\":\"300s\",\"backoffMultiplier\":10000,"
			"\"retryableStatusCodes\":[14]}") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_int_equal(n_requests, 4);
}

static void the_deadline_is_one_for_all_attempts(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };

	open_with(RETRY("2", "30s") "}");
	assert_int_equal(call_with(steps, WEFT_CALL_OPTIONS(.idempotency = WEFT_IDEMPOTENT,
							    .timeout_ns = 50 * WEFT_MS)),
			 WEFT_DEADLINE_EXCEEDED);
	assert_int_equal(n_requests, 1);
}

static bool has_one_request_ended(void *data)
{
	return n_closed == 1;
}

static void a_pause_can_be_cancelled(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { 0 } };
	struct outcome outcome = { 0 };

	open_with(RETRY("2", "30s") "}");
	script = steps;
	start(&outcome, "/test.Test/Any", "hi", IDEMPOTENT);
	run_until(has_one_request_ended, NULL);
	weft_rpc_cancel(outcome.rpc);
	assert_int_equal(outcome.ends, 0);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_CANCELLED);
	outcome_fini(&outcome);
}

static bool has_failed_once(void *data)
{
	return n_requests == 1 && n_closed == 1;
}

/* What a stream has sent before, between and after its attempts reaches the last one whole. */
static void a_stream_is_sent_again(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };
	struct outcome outcome = { 0 };

	open_with(RETRY("2", "0.05s") "}");
	script = steps;
	start(&outcome, "/test.Test/Any", NULL, IDEMPOTENT);
	send_text(&outcome, "one");
	send_text(&outcome, "two");
	weft_rpc_half_close(outcome.rpc);
	run_until(has_failed_once, NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(requests[0].bytes, 16);
	assert_int_equal(requests[1].bytes, 16);
	outcome_fini(&outcome);
}

/* Two endpoints, of which the first fails whatever it gets: an attempt after it goes to the other.
 * The balancing is the service config's too. */
static void another_attempt_goes_elsewhere(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { 0 } };
	char path[128], at[160], list[256], error[256];
	struct weft_service_config *config =
		config_of(RETRY("2", "0.001s") ",\"loadBalancingConfig\":[{\"round_robin\":{}}]}");
	struct outcome outcomes[4] = { 0 };
	FILE *file;

	snprintf(at, sizeof(at), "unix:%s/other", directory);
	assert_int_equal(weft_listener_new(worker, at, on_accept, NULL, error, &other), 0);
	snprintf(path, sizeof(path), "%s/endpoints", directory);
	file = fopen(path, "w");
	assert_non_null(file);
	fprintf(file, "%s\n%s\n", target, at);
	fclose(file);
	snprintf(list, sizeof(list), "file://%s", path);
	open_channel(list,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .service_config = config });
	weft_service_config_unref(config);
	n_spare = 0;
	script = steps;
	for (unsigned i = 0; i < WEFT_COUNT(outcomes); i++)
		start(&outcomes[i], "/test.Test/Any", "hi", IDEMPOTENT);
	for (unsigned i = 0; i < WEFT_COUNT(outcomes); i++) {
		run_until_end(&outcomes[i]);
		assert_int_equal(outcomes[i].code, WEFT_OK);
		outcome_fini(&outcomes[i]);
	}
	assert_int_equal(n_spare, 4);
	assert_true(n_requests > 0);
}

/* What is too much to be kept goes once. */
static void a_large_request_is_sent_once(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };
	struct outcome outcome = { 0 };
	size_t size = (size_t)2 << 20;
	char *text = malloc(size + 1);

	memset(text, 'x', size);
	text[size] = '\0';
	open_with(QUICK);
	script = steps;
	start(&outcome, "/test.Test/Any", text, IDEMPOTENT);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 1);
	free(text);
	outcome_fini(&outcome);
}

static void on_nobody_a_call_waits_by_policy(void **state)
{
	static const struct step steps[] = { { REPLY }, { 0 } };
	struct outcome outcome = { 0 };

	weft_listener_free(listener);
	listener = NULL;
	open_with(QUICK);
	script = steps;
	start(&outcome, "/test.Test/Any", "hi", NULL); /* it has certainly not been seen */
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 0);
	outcome_fini(&outcome);
	listen_again();
}

/* ---- what else the config says ---- */

static void the_config_sets_limits(void **state)
{
	static const struct step one[] = { { HANG }, { 0 } },
				 good[] = { { REPLY }, { REPLY }, { 0 } };
	struct weft_service_config *config;
	struct outcome outcome = { 0 };

	open_with(NAMED("\"timeout\":\"0.05s\"") "}");
	assert_int_equal(call_with(one, IDEMPOTENT), WEFT_DEADLINE_EXCEEDED);

	config = config_of(NAMED("\"maxResponseMessageBytes\":1") "}");
	weft_channel_set_service_config(channel, config);
	weft_service_config_unref(config);
	script = good;
	n_requests = 0;
	start(&outcome, "/test.Test/Any", "hi", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_RESOURCE_EXHAUSTED);
	assert_int_equal(outcome.messages, 0);
	outcome_fini(&outcome);

	weft_channel_set_service_config(channel, NULL);
	start(&outcome, "/test.Test/Any", "hi", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	outcome_fini(&outcome);
}

static void a_request_may_be_too_large(void **state)
{
	struct outcome outcome = { 0 };

	open_with(NAMED("\"maxRequestMessageBytes\":1") "}");
	outcome.rpc =
		weft_rpc_start_raw(channel, "/test.Test/Any", NULL, &outcome_events, &outcome);
	assert_int_equal(
		weft_rpc_send_bytes(outcome.rpc, (struct weft_bytes) { (const uint8_t *)"hi", 2 }),
		-EMSGSIZE);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	outcome_fini(&outcome);
}

/* A name's own config goes before ours; one that is wrong changes nothing. */
static void a_name_may_bring_its_config(void **state)
{
	struct weft_service_config *config = config_of(NAMED("\"timeout\":\"1s\"") "}");
	const struct weft_channel_options options = { .service_config = config };
	struct weft_upstream upstream = { 0 };

	weft_upstream_init(&upstream, &options);
	assert_false(weft_upstream_resolved(&upstream, NULL, "name"));
	assert_true(weft_upstream_resolved(&upstream, NAMED("\"timeout\":\"2s\"") "}", "name"));
	assert_int_equal(weft_upstream_method(&upstream, "/test.Test/Any")->timeout_ns,
			 2 * WEFT_SECOND);
	assert_false(weft_upstream_resolved(&upstream, NAMED("\"timeout\":\"2s\"") "}", "name"));
	assert_false(weft_upstream_resolved(&upstream, "{\"methodConfigs\":[]}", "name"));
	assert_int_equal(weft_upstream_method(&upstream, "/test.Test/Any")->timeout_ns,
			 2 * WEFT_SECOND);
	assert_true(weft_upstream_resolved(&upstream, NULL, "name"));
	assert_int_equal(weft_upstream_method(&upstream, "/test.Test/Any")->timeout_ns,
			 WEFT_SECOND);
	weft_upstream_fini(&upstream);
	weft_service_config_unref(config);
}

/* ---- throttling ---- */

static void tokens_go_and_come(void **state)
{
	struct weft_service_config *config =
		config_of("{\"retryThrottling\":{\"maxTokens\":4,\"tokenRatio\":0.5}}");
	struct weft_service_config *twice =
		config_of("{\"retryThrottling\":{\"maxTokens\":8,\"tokenRatio\":0.5}}");
	const struct weft_channel_options options = { .service_config = config };
	struct weft_upstream upstream = { 0 };

	weft_upstream_init(&upstream, &options);
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_failed(&upstream); /* 3 */
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_failed(&upstream); /* 2: half */
	assert_false(weft_upstream_may_retry(&upstream));
	weft_upstream_succeeded(&upstream); /* 2.5 */
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_set_config(&upstream, twice); /* 5 of 8 */
	assert_int_equal(upstream.tokens, 5000);
	for (unsigned i = 0; i < 20; i++)
		weft_upstream_failed(&upstream);
	assert_int_equal(upstream.tokens, 0);
	for (unsigned i = 0; i < 40; i++)
		weft_upstream_succeeded(&upstream);
	assert_int_equal(upstream.tokens, 8000);
	weft_upstream_set_config(&upstream, NULL);
	assert_true(weft_upstream_may_retry(&upstream));
	weft_upstream_fini(&upstream);
	weft_service_config_unref(config);
	weft_service_config_unref(twice);
}

static void throttled_calls_are_not_retried(void **state)
{
	static const struct step fails[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { 0 } };
	static const struct step good[] = { { REPLY }, { 0 } };
	static const struct step wrong[] = { { FAIL, WEFT_NOT_FOUND }, { 0 } };

	open_with(RETRY("4", "0.001s") ",\"retryThrottling\":{\"maxTokens\":4,\"tokenRatio\":1}}");
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE); /* 4, 3, 2 */
	assert_int_equal(n_requests, 2);
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE); /* 1 */
	assert_int_equal(n_requests, 1);
	assert_int_equal(call_with(wrong, IDEMPOTENT), WEFT_NOT_FOUND); /* it costs nothing */
	for (unsigned i = 0; i < 3; i++)                                /* 4 */
		assert_int_equal(call_with(good, NULL), WEFT_OK);
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 2);
}

static void backoff_grows_and_is_bounded(void **state)
{
	const struct weft_retry_policy policy = {
		.initial_ns = 100 * WEFT_MS,
		.max_ns = 1000 * WEFT_MS,
		.multiplier = 3,
	};
	static const double expected[] = { 0.1, 0.3, 0.9, 1, 1, 1 };
	bool below = false, above = false;

	for (unsigned n = 0; n < WEFT_COUNT(expected); n++) {
		for (unsigned i = 0; i < 200; i++) {
			double pause = (double)weft_retry_backoff(&policy, n) / WEFT_SECOND;

			assert_true(pause >= expected[n] * 0.799 && pause <= expected[n] * 1.201);
			below |= pause < expected[n] * 0.9;
			above |= pause > expected[n] * 1.1;
		}
	}
	assert_true(below && above);
}

/* ---- hedging ---- */

static bool all_closed(void *data)
{
	return n_closed == n_requests;
}

static void the_first_response_wins(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { REPLY }, { 0 } };

	open_with(HEDGE("3", "0.02s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_int_equal(n_requests, 3);
	assert_string_equal(requests[0].previous, "");
	assert_string_equal(requests[1].previous, "1");
	assert_string_equal(requests[2].previous, "2");
	assert_true(requests[1].at - requests[0].at >= 19 * WEFT_MS);
	assert_true(requests[2].at - requests[1].at >= 19 * WEFT_MS);
	run_until(all_closed, NULL);
	assert_int_equal(requests[0].closed, WEFT_H2_CANCEL); /* the losers */
	assert_int_equal(requests[1].closed, WEFT_H2_CANCEL);
}

static bool has_first_closed(void *data)
{
	return requests[0].is_closed;
}

/* As soon as one has begun to answer, not only when it has ended. */
static void losers_are_cancelled_at_once(void **state)
{
	static const struct step steps[] = { { HANG }, { BEGIN }, { 0 } };
	struct outcome outcome = { 0 };

	open_with(HEDGE("3", "0.01s") "}");
	script = steps;
	start(&outcome, "/test.Test/Any", "hi", IDEMPOTENT);
	run_until(has_first_closed, NULL);
	assert_int_equal(requests[0].closed, WEFT_H2_CANCEL);
	assert_int_equal(outcome.headers, 1);
	assert_int_equal(outcome.ends, 0);
	assert_false(requests[1].is_closed);
	weft_rpc_cancel(outcome.rpc);
	run_until_end(&outcome);
	assert_int_equal(n_requests, 2);
	outcome_fini(&outcome);
}

static void without_delay_all_go_at_once(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { HANG }, { REPLY }, { 0 } };

	open_with(HEDGE("4", "0s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	assert_int_equal(n_requests, 4);
}

/* As the table of retries. The delay is so long that only failures bring the next attempt. */
static void each_rule_of_hedging_holds(void **state)
{
	static const struct {
		struct step steps[6];
		enum weft_code code;
		unsigned requests;
	} rows[] = {
		{ { { REPLY } }, WEFT_OK, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { REPLY } }, WEFT_OK, 2 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL, WEFT_UNAVAILABLE }, { REPLY } },
		  WEFT_OK,
		  3 },
		{ { { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { FAIL, WEFT_UNAVAILABLE },
		    { REPLY } },
		  WEFT_UNAVAILABLE,
		  3 },
		{ { { FAIL, WEFT_INTERNAL }, { REPLY } }, WEFT_INTERNAL, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE }, { FAIL, WEFT_INTERNAL }, { REPLY } },
		  WEFT_INTERNAL,
		  2 },
		{ { { FAIL_LATE, WEFT_UNAVAILABLE }, { REPLY } }, WEFT_UNAVAILABLE, 1 },
		{ { { FAIL, WEFT_UNAVAILABLE, "0" }, { REPLY } }, WEFT_OK, 2 },
		{ { { FAIL, WEFT_UNAVAILABLE, "-1" }, { REPLY } }, WEFT_UNAVAILABLE, 1 },
		{ { { REFUSE }, { REPLY } }, WEFT_OK, 2 },
	};

	open_with(HEDGE("3", "30s") "}");
	for (size_t i = 0; i < WEFT_COUNT(rows); i++) {
		enum weft_code code = call_with(rows[i].steps, IDEMPOTENT);

		if (code != rows[i].code || n_requests != rows[i].requests)
			fail_msg("row %zu: %s after %u requests", i, weft_code_name(code),
				 n_requests);
	}
}

static void only_what_may_be_repeated_is_hedged(void **state)
{
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };

	open_with(HEDGE("3", "0s") "}");
	assert_int_equal(call_with(steps, NULL), WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 1);
}

static void a_fatal_failure_cancels_the_others(void **state)
{
	static const struct step steps[] = { { HANG }, { FAIL, WEFT_INTERNAL }, { 0 } };

	open_with(HEDGE("2", "0.01s") "}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_INTERNAL);
	run_until(all_closed, NULL);
	assert_int_equal(requests[0].closed, WEFT_H2_CANCEL);
}

static void throttled_calls_are_not_hedged(void **state)
{
	static const struct step fails[] = { { FAIL, WEFT_UNAVAILABLE },
					     { FAIL, WEFT_UNAVAILABLE },
					     { 0 } };

	open_with(HEDGE("5", "30s") ",\"retryThrottling\":{\"maxTokens\":4,\"tokenRatio\":1}}");
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE); /* 3, 2 */
	assert_int_equal(n_requests, 2);
	assert_int_equal(call_with(fails, IDEMPOTENT), WEFT_UNAVAILABLE);
	assert_int_equal(n_requests, 1);
}

static void hedges_end_with_the_call(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { 0 } };

	open_with(HEDGE("2", "0.005s") "}");
	assert_int_equal(call_with(steps, WEFT_CALL_OPTIONS(.idempotency = WEFT_NO_SIDE_EFFECTS,
							    .timeout_ns = 100 * WEFT_MS)),
			 WEFT_DEADLINE_EXCEEDED);
	assert_int_equal(n_requests, 2);
	run_until(all_closed, NULL);
}

static bool is_past(void *time)
{
	return weft_now() >= *(uint64_t *)time;
}

/* Else all of them would go out when a connection is there. */
static void waiting_calls_are_not_hedged(void **state)
{
	static const struct step steps[] = { { REPLY }, { 0 } };
	struct weft_service_config *config = config_of(HEDGE("4", "0.002s") "}");
	struct outcome outcome = { 0 };
	uint64_t time = weft_now() + 100 * WEFT_MS;

	weft_listener_free(listener);
	listener = NULL;
	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .backoff_ns = 10 * WEFT_MS,
						      .backoff_max_ns = 10 * WEFT_MS,
						      .service_config = config });
	weft_service_config_unref(config);
	script = steps;
	start(&outcome, "/test.Test/Any", "hi",
	      WEFT_CALL_OPTIONS(.idempotency = WEFT_IDEMPOTENT, .wait_for_ready = true));
	run_until(is_past, &time);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 1);
	listen_again();
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(n_requests, 1);
	outcome_fini(&outcome);
}

static void note_ejected(const struct weft_endpoint_view *view, void *data)
{
	*(bool *)data |= view->health == WEFT_ENDPOINT_EJECTED;
}

static bool is_ejected(void *data)
{
	bool ejected = false;

	weft_channel_each_endpoint(channel, note_ejected, &ejected);
	return ejected;
}

static void the_overtaken_count_as_failures(void **state)
{
	static const struct step steps[] = { { HANG }, { REPLY }, { 0 } };

	open_with(HEDGE("2", "0.002s") ",\"loadBalancingConfig\":[{"
				       "\"outlier_detection_experimental\":{\"interval\":\"0.02s\","
				       "\"failurePercentageEjection\":{\"threshold\":40,"
				       "\"minimumHosts\":1,\"requestVolume\":1},"
				       "\"childPolicy\":[{\"round_robin\":{}}]}}]}");
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_OK);
	run_until(is_ejected, NULL);
}

/* ---- circuit breaking ---- */

static void beyond_the_limit_calls_end_at_once(void **state)
{
	static const struct step steps[] = { { HANG }, { HANG }, { REPLY }, { 0 } };
	struct outcome first = { 0 }, second = { 0 }, third = { 0 };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .max_outstanding = 2 });
	script = steps;
	start(&first, "/test.Test/Any", "hi", NULL);
	start(&second, "/test.Test/Any", "hi", NULL);
	start(&third, "/test.Test/Any", "hi", NULL);
	run_until_end(&third);
	assert_int_equal(third.code, WEFT_UNAVAILABLE);
	assert_non_null(strstr(third.message, "2 calls are under way"));
	assert_int_equal(first.ends + second.ends, 0);
	outcome_fini(&third);

	weft_rpc_cancel(first.rpc);
	run_until_end(&first);
	weft_rpc_cancel(second.rpc);
	run_until_end(&second);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 0);
	assert_int_equal(call_with(steps + 2, NULL), WEFT_OK); /* there is room again */
	outcome_fini(&first);
	outcome_fini(&second);
}

static void shed_calls_are_not_retried(void **state)
{
	struct weft_service_config *config = config_of(QUICK);
	static const struct step steps[] = { { HANG }, { 0 } };
	struct outcome first = { 0 }, second = { 0 };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .service_config = config,
						      .max_outstanding = 1 });
	weft_service_config_unref(config);
	script = steps;
	start(&first, "/test.Test/Any", "hi", IDEMPOTENT);
	start(&second, "/test.Test/Any", "hi", IDEMPOTENT);
	run_until_end(&second);
	assert_int_equal(second.code, WEFT_UNAVAILABLE);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 1);
	weft_rpc_cancel(first.rpc);
	run_until_end(&first);
	assert_int_equal(weft_channel_upstream(channel)->attempts, 0);
	assert_int_equal(weft_channel_upstream(channel)->kept, 0);
	outcome_fini(&first);
	outcome_fini(&second);
}

static void only_so_many_calls_wait(void **state)
{
	struct outcome first = { 0 }, second = { 0 };

	open_channel("unix:/nowhere/at/all",
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .max_pending = 1 });
	start(&first, "/test.Test/Any", "hi", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	start(&second, "/test.Test/Any", "hi", WEFT_CALL_OPTIONS(.wait_for_ready = true));
	run_until_end(&second);
	assert_int_equal(second.code, WEFT_RESOURCE_EXHAUSTED);
	assert_int_equal(first.ends, 0);
	weft_rpc_cancel(first.rpc);
	run_until_end(&first);
	outcome_fini(&first);
	outcome_fini(&second);
}

/* What all calls keep in sum is bounded too: beyond it a call is sent once. */
static void what_is_kept_is_bounded(void **state)
{
	struct weft_service_config *config = config_of(QUICK);
	static const struct step steps[] = { { FAIL, WEFT_UNAVAILABLE }, { REPLY }, { 0 } };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .service_config = config,
						      .retry_buffer = 6 });
	weft_service_config_unref(config);
	assert_int_equal(call_with(steps, IDEMPOTENT), WEFT_UNAVAILABLE); /* 7 bytes */
	assert_int_equal(n_requests, 1);
	assert_int_equal(weft_channel_upstream(channel)->kept, 0);
}

/* So many windows of calls of that latency, with so many beside each. */
static void sample(struct weft_limit *limit, uint64_t *now, unsigned windows, uint64_t latency_ns,
		   size_t under_way)
{
	for (unsigned i = 0; i < windows * 11; i++) {
		*now += 10 * WEFT_MS;
		weft_limit_sample(limit, *now, latency_ns, under_way);
	}
}

static void the_limit_follows_latency(void **state)
{
	struct weft_limit limit;
	uint64_t now = WEFT_SECOND;
	double before;

	weft_limit_init(&limit);
	sample(&limit, &now, 20, 5 * WEFT_MS, 1);
	assert_true(limit.value == WEFT_LIMIT_FIRST); /* it is not used: it stays */
	sample(&limit, &now, 100, 5 * WEFT_MS, 2000);
	before = limit.value;
	assert_true(before > 50); /* used, and no slower: it grows */
	sample(&limit, &now, 10, 7 * WEFT_MS, 2000);
	assert_true(limit.value >= before); /* within what is tolerated */
	before = limit.value;
	sample(&limit, &now, 15, 50 * WEFT_MS, 2000);
	assert_true(limit.value < before / 3); /* ten times slower: it falls */
	sample(&limit, &now, 100, 500 * WEFT_MS, 2000);
	assert_true(limit.value >= WEFT_LIMIT_MIN);
	sample(&limit, &now, 400, 5 * WEFT_MS, 2000);
	assert_true(limit.value > before); /* and comes back */
	sample(&limit, &now, 4000, 5 * WEFT_MS, 2000);
	assert_true(limit.value <= WEFT_LIMIT_MAX);
}

static void an_adapting_channel_measures(void **state)
{
	static const struct step steps[] = { { REPLY }, { 0 } };

	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .adaptive_limit = true });
	assert_int_equal(call_with(steps, NULL), WEFT_OK);
	assert_int_equal(weft_channel_upstream(channel)->limit.samples, 1);
	assert_int_equal(weft_upstream_limit(weft_channel_upstream(channel)), WEFT_LIMIT_FIRST);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_rule_of_retrying_holds),
		TEST(attempts_are_counted_for_the_server),
		TEST(the_pause_is_the_server_s),
		TEST(pauses_begin_anew),
		TEST(the_deadline_is_one_for_all_attempts),
		TEST(a_pause_can_be_cancelled),
		TEST(a_stream_is_sent_again),
		TEST(another_attempt_goes_elsewhere),
		TEST(a_large_request_is_sent_once),
		TEST(on_nobody_a_call_waits_by_policy),
		TEST(the_config_sets_limits),
		TEST(a_request_may_be_too_large),
		cmocka_unit_test(a_name_may_bring_its_config),
		cmocka_unit_test(tokens_go_and_come),
		TEST(throttled_calls_are_not_retried),
		cmocka_unit_test(backoff_grows_and_is_bounded),
		TEST(the_first_response_wins),
		TEST(losers_are_cancelled_at_once),
		TEST(without_delay_all_go_at_once),
		TEST(each_rule_of_hedging_holds),
		TEST(only_what_may_be_repeated_is_hedged),
		TEST(a_fatal_failure_cancels_the_others),
		TEST(throttled_calls_are_not_hedged),
		TEST(hedges_end_with_the_call),
		TEST(waiting_calls_are_not_hedged),
		TEST(the_overtaken_count_as_failures),
		TEST(beyond_the_limit_calls_end_at_once),
		TEST(shed_calls_are_not_retried),
		TEST(only_so_many_calls_wait),
		TEST(what_is_kept_is_bounded),
		cmocka_unit_test(the_limit_follows_latency),
		TEST(an_adapting_channel_measures),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
