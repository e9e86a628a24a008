#include "http2.h"

#include <stdlib.h>
#include <string.h>

#include "errors.h"
#include "exchange.h"

#define MAX_STREAMS 100
#define LINGER_NS   (2 * WEFT_SECOND)

struct http2 {
	struct edge_connection connection;
	struct weft_h2 *h2;
};

/*
 * A response may be complete before its request. Its end makes the other floor reset the stream
 * (NO_ERROR), which is right, and which some clients take for a failure while they still send: curl
 * 7.88 then loses the response. So the end lingers, until the request is complete or the client has
 * had a moment to see that nobody wants the rest.
 */
struct stream {
	struct weft_h2_stream *stream;
	struct exchange *exchange;
	bool request_open;
	bool lingering;
	struct weft_timer linger;
	bool held;
	size_t owed; /* bytes that were received while it was held */
};

static struct weft_loop *loop_of(const struct stream *stream)
{
	return weft_worker_loop(stream->exchange->worker->worker);
}

/* --- The response ---------------------------------------------------------------------------- */

static void end(struct stream *stream)
{
	if (stream->request_open) {
		stream->lingering = true;
		weft_timer_start(loop_of(stream), &stream->linger, LINGER_NS);
	} else {
		weft_h2_stream_end(stream->stream, NULL, 0);
	}
}

static void on_linger(struct weft_timer *timer, void *data)
{
	struct stream *stream = data;

	weft_h2_stream_end(stream->stream, NULL, 0);
}

static void on_respond(struct exchange *exchange, const struct weft_h2_header *headers, size_t n,
		       bool last)
{
	struct stream *stream = exchange->front_data;
	bool linger = last && stream->request_open;

	weft_h2_respond(stream->stream, headers, n, last && !linger);
	if (linger)
		end(stream);
}

static void on_write(struct exchange *exchange, const void *bytes, size_t len)
{
	struct stream *stream = exchange->front_data;

	if (weft_h2_stream_write(stream->stream, bytes, len) < 0)
		weft_h2_stream_reset(stream->stream, WEFT_H2_INTERNAL_ERROR);
}

static void on_end(struct exchange *exchange, const struct weft_h2_header *trailers, size_t n)
{
	struct stream *stream = exchange->front_data;

	/* gRPC's clients know this case well. */
	if (n > 0)
		weft_h2_stream_end(stream->stream, trailers, n);
	else
		end(stream);
}

static void on_abort(struct exchange *exchange, bool now)
{
	struct stream *stream = exchange->front_data;

	if (now)
		weft_h2_stream_reset(stream->stream, WEFT_H2_CANCEL);
	else
		weft_h2_stream_abort(stream->stream, WEFT_H2_INTERNAL_ERROR);
}

static void on_hold(struct exchange *exchange, bool held)
{
	struct stream *stream = exchange->front_data;

	stream->held = held;
	if (held)
		return;
	weft_h2_stream_consume(stream->stream, stream->owed);
	stream->owed = 0;
}

static size_t on_unsent(const struct exchange *exchange)
{
	struct stream *stream = exchange->front_data;

	return weft_h2_stream_unsent(stream->stream);
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

static void on_trailers(struct weft_h2_stream *h2_stream, const struct weft_h2_header *headers,
			size_t n, bool end, void *data)
{
}

static void on_data(struct weft_h2_stream *h2_stream, const uint8_t *bytes, size_t len, void *data)
{
	struct stream *stream = data;

	exchange_body(stream->exchange, bytes, len);
	if (stream->held)
		stream->owed += len;
	else
		weft_h2_stream_consume(h2_stream, len);
}

static void on_request_end(struct weft_h2_stream *h2_stream, void *data)
{
	struct stream *stream = data;

	stream->request_open = false;
	exchange_body_end(stream->exchange);
	if (!stream->lingering)
		return;
	stream->lingering = false;
	weft_timer_stop(loop_of(stream), &stream->linger);
	end(stream);
}

static void on_writable(struct weft_h2_stream *h2_stream, void *data)
{
	struct stream *stream = data;

	exchange_writable(stream->exchange);
}

static void on_stream_close(struct weft_h2_stream *h2_stream, uint32_t error_code, bool refused,
			    void *data)
{
	struct stream *stream = data;

	weft_timer_stop(loop_of(stream), &stream->linger);
	exchange_gone(stream->exchange);
	free(stream);
}

static const struct weft_h2_stream_events stream_events = {
	.on_headers = on_trailers,
	.on_data = on_data,
	.on_end = on_request_end,
	.on_writable = on_writable,
	.on_close = on_stream_close,
};

static bool expects(const struct weft_h2_header *headers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (strcmp(headers[i].name, "expect") == 0)
			return strcmp(headers[i].value, "100-continue") == 0;
	}
	return false;
}

static struct stream *stream_new(struct http2 *http2, struct weft_h2 *h2,
				 struct weft_h2_stream *h2_stream)
{
	struct stream *stream = calloc(1, sizeof(*stream));

	if (!stream)
		return NULL;
	stream->stream = h2_stream;
	stream->request_open = true; /* on_request_end follows in any case */
	weft_timer_init(&stream->linger, on_linger, stream);
	stream->exchange = exchange_new(http2->connection.worker, &front, stream, "HTTP/2",
					weft_transport_peer(weft_h2_transport(h2)));
	return stream;
}

static const struct weft_h2_stream_events *on_stream(struct weft_h2 *h2,
						     struct weft_h2_stream *h2_stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data)
{
	struct stream *stream = stream_new(data, h2, h2_stream);

	if (!stream)
		return NULL;
	*ret_data = stream;
	exchange_start(stream->exchange, headers, n, !end, expects(headers, n));
	return &stream_events;
}

static const struct weft_h2_stream_events *on_oversized(struct weft_h2 *h2,
							struct weft_h2_stream *h2_stream,
							const struct weft_h2_header *headers,
							size_t n, bool end, void **ret_data,
							void *data)
{
	struct http2 *http2 = data;
	struct stream *stream = stream_new(http2, h2, h2_stream);

	if (!stream)
		return NULL;
	*ret_data = stream;
	errors_refuse(stream->exchange, 431, "the headers are longer than %llu bytes",
		      (unsigned long long)edge_config(http2->connection.worker)->max_head);
	return &stream_events;
}

/* --- Its life -------------------------------------------------------------------------------- */

static void on_close(struct weft_h2 *h2, int r, const char *error, void *data)
{
	struct http2 *http2 = data;

	edge_connection_remove(&http2->connection);
	free(http2);
}

static const struct weft_h2_events h2_events = {
	.on_stream = on_stream,
	.on_oversized = on_oversized,
	.on_close = on_close,
};

static void drain(struct edge_connection *connection)
{
	struct http2 *http2 = weft_container_of(connection, struct http2, connection);

	weft_h2_drain(http2->h2);
}

static void force_close(struct edge_connection *connection)
{
	struct http2 *http2 = weft_container_of(connection, struct http2, connection);

	weft_h2_close(http2->h2, WEFT_H2_NO_ERROR);
}

static const struct edge_connection_ops connection_ops = {
	.drain = drain,
	.close = force_close,
};

struct weft_h2 *http2_take(struct edge_connection *from, struct weft_transport *transport)
{
	const struct config *config = edge_config(from->worker);
	struct weft_h2_options options = {
		.size = sizeof(options),
		.max_concurrent_streams = MAX_STREAMS,
		.stream_window = 65536,
		.max_header_list = (uint32_t)config->max_head,
		.idle_timeout_ns = config->idle_timeout_ns,
	};
	struct http2 *http2 = calloc(1, sizeof(*http2));

	if (!http2)
		abort();
	edge_connection_replace(from, &http2->connection, &connection_ops);
	http2->h2 = weft_h2_server_new(transport, &options, &h2_events, http2);
	return http2->h2;
}
