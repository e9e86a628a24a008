/* See pair.h. */
#include "pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM 1000 /* odd on purpose: frames are split across rooms */

static void note(struct side *side, const char *format, ...)
{
	size_t at = strlen(side->log);
	va_list args;

	va_start(args, format);
	vsnprintf(side->log + at, sizeof(side->log) - at, format, args);
	va_end(args);
}

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
	struct side *side = data;

	side->headers = n;
	note(side, "headers(%s=%s%s) ", headers[0].name, headers[0].value, end ? ",end" : "");
}

static void on_oversized(struct weft_h2_stream *stream, void *data)
{
	note(data, "oversized ");
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	struct side *side = data;

	side->received += len;
	if (side->consume)
		weft_h2_stream_consume(stream, len);
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	note(data, "end ");
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
	note(data, "writable ");
}

static void on_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused, void *data)
{
	note(data, "close(%u%s) ", error_code, refused ? ",refused" : "");
}

const struct weft_h2_stream_events pair_stream_events = {
	.on_headers = on_headers,
	.on_oversized = on_oversized,
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_close = on_close,
};

static const struct weft_h2_stream_events *on_stream(struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data)
{
	struct side *side = data;

	note(side, "stream(%zu%s) ", n, end ? ",end" : "");
	if (side->refuse)
		return NULL;
	side->stream = stream;
	*ret_data = side;
	return side->stream_events ? side->stream_events : &pair_stream_events;
}

static void on_ready(void *data)
{
	note(data, "ready ");
}

static void on_goaway(uint32_t error_code, void *data)
{
	note(data, "goaway(%u) ", error_code);
}

static void on_drain_answer(void *data)
{
	note(data, "answer ");
}

static void on_output(void *data)
{
}

static void on_dispatch(void *data)
{
	struct side *side = data;

	side->dispatch = true;
}

const struct session_events pair_events = {
	.on_stream = on_stream,
	.on_ready = on_ready,
	.on_goaway = on_goaway,
	.on_drain_answer = on_drain_answer,
	.on_output = on_output,
	.on_dispatch = on_dispatch,
};

void dispatch(struct side *side)
{
	if (!side->dispatch)
		return;
	side->dispatch = false;
	session_dispatch(side->session);
}

static size_t move(struct side *from, struct side *to)
{
	uint8_t room[ROOM];
	size_t n, sum = 0;

	do {
		n = session_send(from->session, room, sizeof(room));
		sum += n;
		dispatch(from);
		if (n)
			session_receive(to->session, room, n, 1);
		dispatch(to);
	} while (n == sizeof(room));
	return sum;
}

/* Until neither side has anything to say. */
void settle(struct pair *pair)
{
	while (move(&pair->client, &pair->server) + move(&pair->server, &pair->client))
		;
}

void pair_init(struct pair *pair, const struct weft_h2_options *options)
{
	memset(pair, 0, sizeof(*pair));
	pair->server.session = session_new(SESSION_SERVER, options, &pair_events, &pair->server);
	pair->client.session = session_new(SESSION_CLIENT, NULL, &pair_events, &pair->client);
	settle(pair);
	assert_string_equal(pair->client.log, "ready ");
	assert_string_equal(pair->server.log, "ready ");
	pair->client.log[0] = pair->server.log[0] = '\0';
}

void side_fini(struct side *side)
{
	session_abort(side->session, WEFT_H2_CONNECT_ERROR);
	dispatch(side);
	assert_int_equal(session_streams(side->session), 0);
	session_free(side->session);
}

void pair_fini(struct pair *pair)
{
	side_fini(&pair->client);
	side_fini(&pair->server);
}

struct weft_h2_stream *request(struct pair *pair, bool end)
{
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":method", "POST"), WEFT_H2_HEADER(":scheme", "http"),
		WEFT_H2_HEADER(":path", "/a.B/C"), WEFT_H2_HEADER(":authority", "localhost"),
		WEFT_H2_HEADER("te", "trailers"),
	};
	struct weft_h2_stream *stream;

	stream = session_request(pair->client.session, headers, WEFT_COUNT(headers), end,
				 &pair_stream_events, &pair->client);
	assert_non_null(stream);
	return stream;
}

void respond(struct weft_h2_stream *stream, bool end)
{
	const struct weft_h2_header header = WEFT_H2_HEADER(":status", "200");

	weft_h2_respond(stream, &header, 1, end);
}

void write_bytes(struct weft_h2_stream *stream, size_t len)
{
	uint8_t *room = weft_h2_stream_reserve(stream, len);

	assert_non_null(room);
	memset(room, 'x', len);
}
