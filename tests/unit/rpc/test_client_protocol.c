/*
 * The client against a server that says what no good server says: the peer here is a bare HTTP/2
 * connection, and each row of the table is an answer and what must become of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/h2.h>
#include <weft/interceptor.h>

#include "peers.h"

#define OK_HEAD ":status=200;content-type=application/grpc"
#define MESSAGE "\0\0\0\0\2hi"

struct answer {
	const char *head; /* "name=value;…"; NULL: none */
	const char *body; /* or NULL */
	size_t body_len;
	const char *trailers; /* or NULL */
	bool leave_open;      /* no end of the stream */
	int reset;            /* an error code, or -1 */
	bool goaway;          /* hang up on the whole connection */

	enum weft_code code;
	const char *words; /* somewhere in the message */
	unsigned messages;
};

static struct weft_listener *listener;
static const struct answer *answer;
static unsigned requests;
static unsigned refusals; /* so many requests are refused before one is answered */
static unsigned connections;
static char request_headers[4096];

/* Cuts "a=b;c=d" into fields that point into `text`. */
static size_t cut(char *text, struct weft_h2_header headers[8])
{
	size_t n = 0;
	char *save;

	for (char *part = strtok_r(text, ";", &save); part; part = strtok_r(NULL, ";", &save)) {
		char *value = strchr(part, '=');

		*value++ = '\0';
		headers[n++] = WEFT_H2_HEADER(part, value);
	}
	return n;
}

static void give_answer(struct weft_h2_stream *stream)
{
	struct weft_h2_header headers[8];
	char text[512];
	size_t n;

	if (answer->head) {
		snprintf(text, sizeof(text), "%s", answer->head);
		n = cut(text, headers);
		weft_h2_respond(stream, headers, n,
				!answer->body && !answer->trailers && !answer->leave_open &&
					answer->reset < 0);
	}
	if (answer->body)
		weft_h2_stream_write(stream, answer->body, answer->body_len);
	if (answer->trailers) {
		snprintf(text, sizeof(text), "%s", answer->trailers);
		n = cut(text, headers);
		weft_h2_stream_end(stream, headers, n);
	} else if (answer->body && !answer->leave_open && answer->reset < 0) {
		weft_h2_stream_end(stream, NULL, 0);
	}
	if (answer->reset >= 0)
		weft_h2_stream_reset(stream, (uint32_t)answer->reset);
	if (answer->goaway)
		weft_h2_close(weft_h2_stream_connection(stream), WEFT_H2_NO_ERROR);
}

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	weft_h2_stream_consume(stream, len);
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	if (refusals) {
		refusals--;
		weft_h2_stream_reset(stream, WEFT_H2_REFUSED_STREAM);
	} else {
		give_answer(stream);
	}
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
}

static void on_stream_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused,
			    void *data)
{
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
	size_t len = 0;

	requests++;
	for (size_t i = 0; i < n; i++)
		len += (size_t)snprintf(request_headers + len, sizeof(request_headers) - len,
					"%s=%s;", headers[i].name, headers[i].value);
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
	weft_h2_server_new(transport, NULL, &events, NULL);
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
	weft_transport_accept(worker, take_fd, NULL, 0, &transport_events, NULL);
}

static int setup(void **state)
{
	char error[256] = "";

	if (peers_setup(state) != 0)
		return -1;
	requests = refusals = connections = 0;
	if (weft_listener_new(worker, target, on_accept, NULL, error, &listener) < 0)
		return -1;
	open_channel(target, NULL);
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
	return peers_teardown(state);
}

static const struct answer good = {
	OK_HEAD,     MESSAGE,         7,           "grpc-status=0",
	.reset = -1, .code = WEFT_OK, .words = "", .messages = 1,
};

static void answers_become_statuses(void **state)
{
	static const struct answer answers[] = {
		{ OK_HEAD, MESSAGE, 7, "grpc-status=0", false, -1, false, WEFT_OK, "", 1 },
		{ OK_HEAD ";grpc-encoding=gzip", MESSAGE, 7, "grpc-status=0", false, -1, false,
		  WEFT_OK, "", 1 },
		{ ":status=200;content-type=application/grpc+proto", MESSAGE, 7, "grpc-status=0",
		  false, -1, false, WEFT_OK, "", 1 },
		/* Trailers-Only */
		{ OK_HEAD ";grpc-status=5;grpc-message=no%20%E2%98%83", NULL, 0, NULL, false, -1,
		  false, WEFT_NOT_FOUND, "no \u2603", 0 },
		{ ":status=404;grpc-status=5", NULL, 0, NULL, false, -1, false, WEFT_NOT_FOUND, "",
		  0 },
		/* a message, then an error */
		{ OK_HEAD, MESSAGE, 7, "grpc-status=8;grpc-message=full", false, -1, false,
		  WEFT_RESOURCE_EXHAUSTED, "full", 1 },
		/* no gRPC at all */
		{ ":status=400", NULL, 0, NULL, false, -1, false, WEFT_INTERNAL, "400", 0 },
		{ ":status=401", NULL, 0, NULL, false, -1, false, WEFT_UNAUTHENTICATED, "401", 0 },
		{ ":status=403", NULL, 0, NULL, false, -1, false, WEFT_PERMISSION_DENIED, "403",
		  0 },
		{ ":status=404", NULL, 0, NULL, false, -1, false, WEFT_UNIMPLEMENTED, "404", 0 },
		{ ":status=503;content-type=text/html", "<p>", 3, NULL, false, -1, false,
		  WEFT_UNAVAILABLE, "503", 0 },
		{ ":status=302", NULL, 0, NULL, false, -1, false, WEFT_UNKNOWN, "302", 0 },
		{ ":status=200;content-type=text/html", "<p>", 3, NULL, true, -1, false,
		  WEFT_UNKNOWN, "text/html", 0 },
		{ ":status=200", MESSAGE, 7, "grpc-status=0", false, -1, false, WEFT_UNKNOWN,
		  "content-type", 0 },
		/* no status */
		{ OK_HEAD, MESSAGE, 7, NULL, false, -1, false, WEFT_UNKNOWN, "grpc-status", 1 },
		{ OK_HEAD, MESSAGE, 7, "x-other=1", false, -1, false, WEFT_UNKNOWN, "grpc-status",
		  1 },
		{ OK_HEAD, NULL, 0, NULL, false, -1, false, WEFT_UNKNOWN, "grpc-status", 0 },
		{ OK_HEAD, NULL, 0, "grpc-status=99", false, -1, false, WEFT_UNKNOWN, "", 0 },
		/* frames */
		{ OK_HEAD, "\0\0\0\0\5hi", 7, "grpc-status=0", false, -1, false, WEFT_INTERNAL,
		  "cut off", 0 },
		{ OK_HEAD, "\2\0\0\0\2hi", 7, NULL, true, -1, false, WEFT_INTERNAL, "malformed",
		  0 },
		{ OK_HEAD, "\1\0\0\0\2hi", 7, NULL, true, -1, false, WEFT_INTERNAL, "compressed",
		  0 },
		{ OK_HEAD ";grpc-encoding=identity", "\1\0\0\0\2hi", 7, NULL, true, -1, false,
		  WEFT_INTERNAL, "compressed", 0 },
		{ OK_HEAD ";grpc-encoding=gzip", "\1\0\0\0\2hi", 7, NULL, true, -1, false,
		  WEFT_INTERNAL, "malformed", 0 },
		{ OK_HEAD ";grpc-encoding=br", MESSAGE, 7, NULL, true, -1, false, WEFT_INTERNAL,
		  "br", 0 },
		{ OK_HEAD, "\0\x7f\0\0\0hi", 7, NULL, true, -1, false, WEFT_RESOURCE_EXHAUSTED,
		  "bytes", 0 },
		{ OK_HEAD ";x-bin=!", MESSAGE, 7, "grpc-status=0", false, -1, false, WEFT_INTERNAL,
		  "metadata", 0 },
		/* resets */
		{ OK_HEAD, NULL, 0, NULL, true, WEFT_H2_NO_ERROR, false, WEFT_INTERNAL, "NO_ERROR",
		  0 },
		{ OK_HEAD, NULL, 0, NULL, true, WEFT_H2_CANCEL, false, WEFT_CANCELLED, "CANCEL",
		  0 },
		{ OK_HEAD, NULL, 0, NULL, true, WEFT_H2_ENHANCE_YOUR_CALM, false,
		  WEFT_RESOURCE_EXHAUSTED, "ENHANCE_YOUR_CALM", 0 },
		{ OK_HEAD, NULL, 0, NULL, true, WEFT_H2_INADEQUATE_SECURITY, false,
		  WEFT_PERMISSION_DENIED, "INADEQUATE_SECURITY", 0 },
		{ NULL, NULL, 0, NULL, true, WEFT_H2_PROTOCOL_ERROR, false, WEFT_INTERNAL,
		  "PROTOCOL_ERROR", 0 },
		{ OK_HEAD, NULL, 0, NULL, true, WEFT_H2_CONNECT_ERROR, false, WEFT_INTERNAL,
		  "reset the stream", 0 },
		{ NULL, NULL, 0, NULL, true, -1, true, WEFT_UNAVAILABLE, "", 0 },
	};

	for (size_t i = 0; i < WEFT_COUNT(answers); i++) {
		struct outcome outcome = { 0 };

		answer = &answers[i];
		start(&outcome, "/test.Test/Any", "hi", WEFT_CALL_OPTIONS(.wait_for_ready = true));
		run_until_end(&outcome);
		if (outcome.code != answer->code || !strstr(outcome.message, answer->words) ||
		    outcome.messages != answer->messages)
			fail_msg("answer %zu: %s \"%s\" after %u messages", i,
				 weft_code_name(outcome.code), outcome.message, outcome.messages);
		outcome_fini(&outcome);
	}
}

static int count_starts(struct weft_rpc *rpc, void *data)
{
	(*(unsigned *)data)++;
	return 0;
}

/* Which its interceptors are not asked about again. */
static void a_refused_call_is_made_once_more(void **state)
{
	unsigned starts = 0;
	const struct weft_rpc_interceptor counter = {
		.size = sizeof(counter),
		.on_start = count_starts,
		.data = &starts,
	};
	const struct weft_rpc_interceptor *const chain[] = { &counter, NULL };
	struct outcome outcome = { 0 };

	close_channel();
	open_channel(target,
		     &(struct weft_channel_options) { .size = sizeof(struct weft_channel_options),
						      .interceptors = chain });
	answer = &good;
	refusals = 1;
	start(&outcome, "/test.Test/Any", "hi", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(requests, 2);
	assert_int_equal(starts, 1);
	outcome_fini(&outcome);

	refusals = 2;
	start(&outcome, "/test.Test/Any", "hi", NULL);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_UNAVAILABLE);
	assert_int_equal(requests, 4);
	outcome_fini(&outcome);
	close_channel(); /* before the chain goes */
}

static void the_request_is_as_the_protocol_has_it(void **state)
{
	struct outcome outcome = { 0 };

	answer = &good;
	start(&outcome, "/test.Test/Any", "hi", WEFT_CALL_OPTIONS(.timeout_ns = 90 * WEFT_SECOND));
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_non_null(strstr(request_headers, ";grpc-accept-encoding=identity,deflate,gzip;"));
	assert_null(strstr(request_headers, ";grpc-encoding="));
	assert_non_null(strstr(request_headers, ":method=POST;:scheme=http;:path=/test.Test/Any;"
						":authority=localhost;te=trailers;"
						"content-type=application/grpc;"
						"user-agent=grpc-c-weft/0.1.0;grpc-timeout=8"));
	outcome_fini(&outcome);
}

static bool is_late(void *data)
{
	return weft_now() > *(uint64_t *)data;
}

/* A tenth of a second passes before there is a server. */
static void the_deadline_travels_less_the_time_spent(void **state)
{
	struct outcome outcome = { 0 };
	char error[256] = "", unit;
	uint64_t late;
	unsigned number;

	weft_listener_free(listener);
	answer = &good;
	start(&outcome, "/test.Test/Any", "hi",
	      WEFT_CALL_OPTIONS(.timeout_ns = 90 * WEFT_SECOND, .wait_for_ready = true));
	late = weft_now() + 100 * WEFT_MS;
	run_until(is_late, &late);
	assert_int_equal(weft_listener_new(worker, target, on_accept, NULL, error, &listener), 0);
	run_until_end(&outcome);
	assert_int_equal(outcome.code, WEFT_OK);
	assert_int_equal(sscanf(strstr(request_headers, "grpc-timeout="), "grpc-timeout=%u%c",
				&number, &unit),
			 2);
	assert_int_equal(unit, 'u');
	assert_in_range(number, 45000000, 89900000);
	outcome_fini(&outcome);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answers_become_statuses),
		TEST(a_refused_call_is_made_once_more),
		TEST(the_request_is_as_the_protocol_has_it),
		TEST(the_deadline_travels_less_the_time_spent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
