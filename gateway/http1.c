/*
 *	          ┌────────────────── keep-alive ──────────────────┐
 *	          ▼                                                │
 *	IDLE ──▶ HEAD ──▶ EXCHANGE (request and response) ──▶ complete ──▶ LINGER ──▶ CLOSING
 *
 * LINGER: the response is complete, the request is not: what still comes is thrown away for a
 * moment, because closing with bytes unread would reset the connection and could take the response
 * with it.
 *
 * What an exchange says only fills buffers and marks; the next step is taken by a deferred task,
 * before the turn's flush. So no exchange is freed under its own call, and the response's head,
 * which is written out at the flush, knows whether the request was complete by then: a refused
 * request whose body came along keeps its connection.
 */
#include "http1.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/buffer.h>
#include <weft/http1.h>

#include "exchange.h"

#define LINGER_NS (2 * WEFT_SECOND)
#define KEPT_ROOM ((size_t)16384) /* an output buffer above it is given back when it is empty */

enum state { IDLE, HEAD, EXCHANGE, LINGER, CLOSING, GONE };

struct http1 {
	struct edge_connection connection;
	struct weft_transport *transport;
	struct weft_http1 *parser;
	struct weft_timer timer;
	struct weft_task task;
	bool queued; /* `task` is */
	enum state state;

	struct exchange *exchange; /* NULL but in EXCHANGE */
	bool request_open;         /* bytes of it may follow */
	bool response_open;
	bool broken;     /* the response was broken off: nobody waits for the request's rest */
	bool exhausted;  /* memory for it was out */
	bool keep_alive; /* as far as is known */
	bool http_1_0;
	bool chunked;
	bool full;               /* on_writable is owed */
	struct weft_buffer held; /* the bytes behind the request that is being answered */

	struct weft_buffer out;
	size_t out_at;           /* bytes of it that have left */
	bool head_open;          /* `out` ends with a head without its last lines … */
	struct weft_buffer body; /* … and this comes after them */
	size_t unsent_before;    /* as the timer last saw it */
};

static struct weft_loop *loop_of(const struct http1 *http1)
{
	return weft_worker_loop(http1->connection.worker->worker);
}

static const struct config *config_of(const struct http1 *http1)
{
	return edge_config(http1->connection.worker);
}

static void schedule(struct http1 *http1)
{
	if (http1->queued)
		return;
	http1->queued = true;
	weft_loop_defer(loop_of(http1), &http1->task);
}

static size_t unsent(const struct http1 *http1)
{
	return http1->out.len - http1->out_at + http1->body.len;
}

/* The one setter of the state; it owns the timer. An exchange has timers of its own. */
static void set_state(struct http1 *http1, enum state state)
{
	const struct config *config = config_of(http1);
	uint64_t delay = 0;

	http1->state = state;
	switch (state) {
	case IDLE: delay = config->idle_timeout_ns; break;
	case HEAD: delay = config->head_timeout_ns; break;
	case LINGER: delay = LINGER_NS; break;
	case CLOSING: delay = config->stall_timeout_ns; break;
	case EXCHANGE:
	case GONE: break;
	}
	http1->unsent_before = unsent(http1);
	if (delay)
		weft_timer_start(loop_of(http1), &http1->timer, delay);
	else
		weft_timer_stop(loop_of(http1), &http1->timer);
}

static void close_connection(struct http1 *http1)
{
	if (http1->state >= CLOSING)
		return;
	set_state(http1, CLOSING);
	weft_transport_close(http1->transport, false);
}

static void close_now(struct http1 *http1)
{
	if (http1->state < CLOSING)
		set_state(http1, CLOSING);
	weft_transport_close(http1->transport, true);
}

/* --- The response ---------------------------------------------------------------------------- */

static const char *reason(const char *status)
{
	static const struct {
		char status[4];
		const char *phrase;
	} reasons[] = {
		{ "200", "OK" },
		{ "204", "No Content" },
		{ "400", "Bad Request" },
		{ "401", "Unauthorized" },
		{ "403", "Forbidden" },
		{ "404", "Not Found" },
		{ "405", "Method Not Allowed" },
		{ "408", "Request Timeout" },
		{ "409", "Conflict" },
		{ "413", "Content Too Large" },
		{ "414", "URI Too Long" },
		{ "415", "Unsupported Media Type" },
		{ "429", "Too Many Requests" },
		{ "431", "Request Header Fields Too Large" },
		{ "499", "Client Closed Request" },
		{ "500", "Internal Server Error" },
		{ "501", "Not Implemented" },
		{ "503", "Service Unavailable" },
		{ "504", "Gateway Timeout" },
		{ "505", "HTTP Version Not Supported" },
	};

	for (size_t i = 0; i < WEFT_COUNT(reasons); i++) {
		if (strcmp(reasons[i].status, status) == 0)
			return reasons[i].phrase;
	}
	return "";
}

/* What was written still leaves, but nothing that would end it. */
static void break_off(struct http1 *http1)
{
	http1->response_open = false;
	http1->broken = true;
	http1->keep_alive = false;
	schedule(http1);
}

static void append(struct http1 *http1, const void *bytes, size_t len)
{
	struct weft_buffer *buffer = http1->head_open ? &http1->body : &http1->out;

	if (http1->exhausted || weft_buffer_append(buffer, bytes, len) == 0)
		return;
	http1->exhausted = true;
	break_off(http1);
}

static void append_text(struct http1 *http1, const char *text)
{
	append(http1, text, strlen(text));
}

static void append_header(struct http1 *http1, const struct weft_h2_header *header)
{
	append(http1, header->name, header->name_len);
	append_text(http1, ": ");
	append(http1, header->value, header->value_len);
	append_text(http1, "\r\n");
}

/* The last lines of a head, when it leaves. */
static void finish_head(struct http1 *http1)
{
	struct weft_buffer body = http1->body;

	http1->head_open = false;
	http1->body = (struct weft_buffer)WEFT_BUFFER_INIT;
	if (!http1->keep_alive)
		append_text(http1, "connection: close\r\n");
	else if (http1->http_1_0)
		append_text(http1, "connection: keep-alive\r\n");
	append_text(http1, "\r\n");
	append(http1, body.data, body.len);
	weft_buffer_fini(&body);
}

static void on_respond(struct exchange *exchange, const struct weft_h2_header *headers, size_t n,
		       bool end)
{
	struct http1 *http1 = exchange->front_data;
	const char *status = headers[0].value;
	bool has_length = false;

	if (*status == '1') {
		append_text(http1, "HTTP/1.1 100 Continue\r\n\r\n");
		weft_transport_want_write(http1->transport);
		return;
	}

	append_text(http1, "HTTP/1.1 ");
	append_text(http1, status);
	append_text(http1, " ");
	append_text(http1, reason(status));
	append_text(http1, "\r\n");
	for (size_t i = 1; i < n; i++) {
		has_length |= strcmp(headers[i].name, "content-length") == 0;
		append_header(http1, &headers[i]);
	}
	/* A body of unknown length: in chunks, or up to the end of the connection. */
	http1->chunked = !end && !has_length && !http1->http_1_0;
	if (!end && !has_length && http1->http_1_0)
		http1->keep_alive = false;
	if (http1->chunked)
		append_text(http1, "transfer-encoding: chunked\r\n");

	http1->head_open = true;
	http1->response_open = !end;
	weft_transport_want_write(http1->transport);
	schedule(http1);
}

static void on_write(struct exchange *exchange, const void *bytes, size_t len)
{
	struct http1 *http1 = exchange->front_data;
	char size[24];

	if (http1->chunked) {
		snprintf(size, sizeof(size), "%zx\r\n", len);
		append_text(http1, size);
	}
	append(http1, bytes, len);
	if (http1->chunked)
		append_text(http1, "\r\n");
	http1->full |= unsent(http1) >= EXCHANGE_HIGH_WATER;
	weft_transport_want_write(http1->transport);
}

static void on_end(struct exchange *exchange, const struct weft_h2_header *trailers, size_t n)
{
	struct http1 *http1 = exchange->front_data;

	if (http1->chunked)
		append_text(http1, "0\r\n\r\n");
	http1->response_open = false;
	weft_transport_want_write(http1->transport);
	schedule(http1);
}

static void on_abort(struct exchange *exchange, bool now)
{
	struct http1 *http1 = exchange->front_data;

	break_off(http1);
	if (now)
		close_now(http1);
}

static void on_hold(struct exchange *exchange, bool held)
{
	struct http1 *http1 = exchange->front_data;

	if (held)
		weft_transport_pause(http1->transport);
	else
		weft_transport_resume(http1->transport);
}

static size_t on_unsent(const struct exchange *exchange)
{
	return unsent(exchange->front_data);
}

static const struct exchange_front front = {
	.respond = on_respond,
	.write = on_write,
	.end = on_end,
	.abort = on_abort,
	.hold = on_hold,
	.unsent = on_unsent,
};

/* --- The request ----------------------------------------------------------------------------- */

static void on_request(const struct weft_http1_request *request, void *data)
{
	struct http1 *http1 = data;
	struct exchange *exchange = exchange_new(http1->connection.worker, &front, http1,
						 request->http_1_0 ? "HTTP/1.0" : "HTTP/1.1",
						 weft_transport_peer(http1->transport));

	set_state(http1, EXCHANGE);
	http1->exchange = exchange;
	http1->request_open = true;
	http1->response_open = true;
	http1->http_1_0 = request->http_1_0;
	http1->keep_alive = request->keep_alive && !http1->connection.worker->draining;
	exchange_start(exchange, request->headers, request->n, request->body,
		       request->expect_continue);
}

static void on_request_body(const uint8_t *bytes, size_t len, void *data)
{
	struct http1 *http1 = data;

	exchange_body(http1->exchange, bytes, len);
}

static void on_request_end(void *data)
{
	struct http1 *http1 = data;

	http1->request_open = false;
	exchange_body_end(http1->exchange);
	schedule(http1);
}

static const struct weft_http1_events parser_events = {
	.on_request = on_request,
	.on_body = on_request_body,
	.on_end = on_request_end,
};

/* Nothing more can be read on this connection. What is said about it takes the way of any other
 * answer. */
static void refuse(struct http1 *http1, unsigned status, const char *message)
{
	if (http1->state != EXCHANGE) {
		http1->exchange = exchange_new(http1->connection.worker, &front, http1, "HTTP/1.1",
					       weft_transport_peer(http1->transport));
		http1->request_open = true;
		http1->response_open = true;
		http1->http_1_0 = false;
		set_state(http1, EXCHANGE);
	}
	http1->keep_alive = false;
	exchange_broken(http1->exchange, status, message);
	schedule(http1);
}

/* Bytes behind the request that is being answered: they wait, and the client with them. */
static void hold_back(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	weft_transport_pause(http1->transport);
	if (weft_buffer_append(&http1->held, bytes, len) < 0)
		close_now(http1);
}

void http1_receive(struct http1 *http1, const uint8_t *bytes, size_t len)
{
	struct weft_http1_error error;
	size_t used = 0;
	int r;

	if (len == 0 || http1->state >= LINGER)
		return;
	if (http1->state == IDLE)
		set_state(http1, HEAD);
	if (http1->state == EXCHANGE && !http1->request_open) {
		hold_back(http1, bytes, len);
		return;
	}
	r = weft_http1_feed(http1->parser, bytes, len, &used, &error);
	if (r == -EBADMSG)
		refuse(http1, error.status, error.message);
	else if (r < 0)
		close_now(http1);
	else if (used < len)
		hold_back(http1, bytes + used, len - used);
}

/* --- What follows from what has been said ---------------------------------------------------- */

/* The exchange is complete: on with the next request, or to the end. */
static void finish_exchange(struct http1 *http1)
{
	struct exchange *exchange = http1->exchange;

	http1->exchange = NULL;
	if (http1->request_open)
		http1->keep_alive = false; /* before the head leaves */
	exchange_gone(exchange);

	if (http1->broken || (!http1->keep_alive && !http1->request_open)) {
		close_connection(http1);
	} else if (http1->request_open) {
		set_state(http1, LINGER);
		weft_transport_resume(http1->transport);
	} else {
		set_state(http1, IDLE);
	}
}

static void take_held(struct http1 *http1)
{
	struct weft_buffer held = http1->held;

	http1->held = (struct weft_buffer)WEFT_BUFFER_INIT;
	weft_transport_resume(http1->transport);
	http1_receive(http1, held.data, held.len);
	weft_buffer_fini(&held);
}

static void http1_free(struct http1 *http1)
{
	weft_http1_free(http1->parser);
	weft_buffer_fini(&http1->held);
	weft_buffer_fini(&http1->out);
	weft_buffer_fini(&http1->body);
	free(http1);
}

static void on_task(struct weft_task *task)
{
	struct http1 *http1 = weft_container_of(task, struct http1, task);

	http1->queued = false;
	if (http1->state == GONE) {
		http1_free(http1);
		return;
	}
	if (http1->state == EXCHANGE && !http1->response_open)
		finish_exchange(http1);
	if (http1->state == IDLE && http1->held.len > 0)
		take_held(http1);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	struct http1 *http1 = data;

	if (unsent(http1) > 0 && unsent(http1) != http1->unsent_before)
		set_state(http1, http1->state); /* a slow client, not a silent one */
	else if (http1->state == HEAD && unsent(http1) == 0)
		refuse(http1, 408, "the request's head stopped coming");
	else if (http1->state == CLOSING || unsent(http1) > 0)
		close_now(http1);
	else
		close_connection(http1);
}

/* --- The transport --------------------------------------------------------------------------- */

static void on_open(struct weft_transport *transport, void *data)
{
}

static void on_data(struct weft_transport *transport, const uint8_t *bytes, size_t len, void *data)
{
	http1_receive(data, bytes, len);
}

/* A client that has said its last is taken for gone: on TLS, and in most clients, it is. */
static void on_transport_end(struct weft_transport *transport, void *data)
{
	struct http1 *http1 = data;

	if (http1->state == EXCHANGE) {
		struct exchange *exchange = http1->exchange;

		http1->keep_alive = false;
		if (!http1->response_open && !http1->request_open)
			return; /* the task closes it when the answer is out */
		http1->exchange = NULL;
		exchange_gone(exchange);
	}
	close_connection(http1);
}

static size_t on_flush(struct weft_transport *transport, uint8_t *room, size_t cap, void *data)
{
	struct http1 *http1 = data;
	size_t n;

	if (http1->head_open)
		finish_head(http1);
	n = http1->out.len - http1->out_at;
	n = n < cap ? n : cap;
	if (n > 0)
		memcpy(room, http1->out.data + http1->out_at, n);
	http1->out_at += n;
	if (http1->out_at == http1->out.len) {
		http1->out_at = 0;
		if (http1->out.cap > KEPT_ROOM)
			weft_buffer_fini(&http1->out);
		else
			weft_buffer_clear(&http1->out);
	}
	if (http1->full && unsent(http1) < EXCHANGE_HIGH_WATER) {
		http1->full = false;
		if (http1->exchange)
			exchange_writable(http1->exchange);
	}
	return n;
}

static void on_close(struct weft_transport *transport, int error, void *data)
{
	struct http1 *http1 = data;
	struct exchange *exchange = http1->exchange;

	http1->exchange = NULL;
	set_state(http1, GONE);
	if (exchange)
		exchange_gone(exchange);
	edge_connection_remove(&http1->connection);
	if (!http1->queued)
		http1_free(http1);
}

static const struct weft_transport_events transport_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_end = on_transport_end,
	.on_flush = on_flush,
	.on_close = on_close,
};

/* --- Its life -------------------------------------------------------------------------------- */

static void drain(struct edge_connection *connection)
{
	struct http1 *http1 = weft_container_of(connection, struct http1, connection);

	http1->keep_alive = false;
	if (http1->state == IDLE)
		close_connection(http1);
}

static void force_close(struct edge_connection *connection)
{
	close_now(weft_container_of(connection, struct http1, connection));
}

static const struct edge_connection_ops connection_ops = {
	.drain = drain,
	.close = force_close,
};

struct http1 *http1_take(struct edge_connection *from, struct weft_transport *transport)
{
	struct http1 *http1 = calloc(1, sizeof(*http1));
	struct weft_http1_limits limits = { .max_head = edge_config(from->worker)->max_head };

	if (!http1 || weft_http1_new(&limits, &parser_events, http1, &http1->parser) < 0)
		abort();
	http1->transport = transport;
	http1->task.run = on_task;
	weft_timer_init(&http1->timer, on_timer, http1);
	edge_connection_replace(from, &http1->connection, &connection_ops);
	weft_transport_set_events(transport, &transport_events, http1);
	set_state(http1, IDLE);
	/* Who has just come has something to say: no long wait for the first byte. */
	weft_timer_start(loop_of(http1), &http1->timer, config_of(http1)->head_timeout_ns);
	return http1;
}
