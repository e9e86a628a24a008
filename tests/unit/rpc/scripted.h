/*
 * A server that follows a script: the n-th request that reaches it gets the n-th answer, and what
 * it saw of each is kept. For the tests of retries, hedging and circuit breaking.
 */
#ifndef SCRIPTED_H
#define SCRIPTED_H

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

static inline struct weft_service_config *config_of(const char *json)
{
	char error[WEFT_SERVICE_CONFIG_ERROR] = "";
	struct weft_service_config *config = NULL;

	if (weft_service_config_parse(json, strlen(json), error, &config) < 0)
		fail_msg("%s: %s", json, error);
	return config;
}

static inline void open_with(const char *json)
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
static inline enum weft_code call_with(const struct step *steps,
				       const struct weft_call_options *options)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
