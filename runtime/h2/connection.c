/*
 * A connection: a session on a transport. It moves bytes between the two, and adds what a session
 * cannot know: time, and the loop's turns. nghttp2's protocol is in session.c.
 *
 *	OPEN ──► CLOSING ──► GONE
 *
 * CLOSING: nothing is read any more and the transport flushes what is left; GONE: the transport's
 * last call has come. Callbacks that are due (on_close, on_writable) run from a deferred task; the
 * memory goes when the owner's on_close has returned and that task is not queued.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/buffer.h>
#include <weft/h2.h>

#include "base/counter.h"
#include "h2/session.h"
#include "h2/watch.h"

#define HEADERS_TIMEOUT (10 * WEFT_SECOND)
#define DRAIN_TIMEOUT   WEFT_SECOND /* for peers that do not answer PING */

enum connection_state { OPEN, CLOSING, GONE };

struct weft_h2 {
	enum session_role role;
	enum connection_state state;
	struct weft_transport *transport;
	struct weft_loop *loop;
	struct session *session;
	const struct weft_h2_events *events;
	void *data;
	uint64_t idle_timeout_ns;
	struct weft_timer
		timer; /* for the preface, then for idleness, then for the drain's answer */
	struct watch watch;
	struct weft_task task;
	bool queued; /* `task` is */
	bool paused;
	const char *fault;        /* why we have given it up, or NULL */
	struct weft_buffer early; /* weft_h2_receive: its callbacks must wait for the loop */
};

static void defer(struct weft_h2 *h2)
{
	if (h2->queued)
		return;
	h2->queued = true;
	weft_loop_defer(h2->loop, &h2->task);
}

static void connection_free(struct weft_h2 *h2)
{
	session_free(h2->session);
	weft_buffer_fini(&h2->early);
	free(h2);
}

/* --- What follows from the state the session is in ---------------------------------------- */

static void close_transport(struct weft_h2 *h2)
{
	if (h2->state != OPEN)
		return;
	h2->state = CLOSING;
	weft_timer_stop(h2->loop, &h2->timer);
	watch_stop(&h2->watch);
	weft_transport_close(h2->transport, false);
}

static void watch_congestion(struct weft_h2 *h2)
{
	bool congested = session_congested(h2->session);

	if (congested == h2->paused)
		return;
	h2->paused = congested;
	if (congested)
		weft_transport_pause(h2->transport);
	else
		weft_transport_resume(h2->transport);
}

static void watch_idleness(struct weft_h2 *h2)
{
	if (!h2->idle_timeout_ns || !session_ready(h2->session) || session_draining(h2->session))
		return;
	if (session_streams(h2->session))
		weft_timer_stop(h2->loop, &h2->timer);
	else if (!weft_timer_started(&h2->timer))
		weft_timer_start(h2->loop, &h2->timer, h2->idle_timeout_ns);
}

static void settle(struct weft_h2 *h2)
{
	if (h2->state != OPEN)
		return;
	if (h2->role == SESSION_CLIENT && session_draining(h2->session) &&
	    !session_streams(h2->session))
		session_drain_last(h2->session);
	if (session_finished(h2->session)) {
		close_transport(h2);
		return;
	}
	watch_congestion(h2);
	watch_idleness(h2);
	watch_streams(&h2->watch);
}

static void receive(struct weft_h2 *h2, const uint8_t *bytes, size_t len)
{
	if (h2->state != OPEN)
		return;
	if (session_receive(h2->session, bytes, len, weft_loop_now(h2->loop)) < 0) {
		/* At once: the transport may take its time to send what is left. */
		session_abort(h2->session, WEFT_H2_CONNECT_ERROR);
		close_transport(h2);
	}
	if (h2->state == OPEN)
		watch_received(&h2->watch);
	settle(h2);
}

static void receive_early(struct weft_h2 *h2)
{
	struct weft_buffer early = h2->early;

	h2->early = (struct weft_buffer)WEFT_BUFFER_INIT;
	if (early.len)
		receive(h2, early.data, early.len);
	weft_buffer_fini(&early);
}

static void on_task(struct weft_task *task)
{
	struct weft_h2 *h2 = weft_container_of(task, struct weft_h2, task);

	h2->queued = false;
	if (h2->state == GONE) {
		connection_free(h2);
		return;
	}
	receive_early(h2);
	session_dispatch(h2->session);
	settle(h2);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	struct weft_h2 *h2 = data;

	if (session_draining(h2->session)) {
		session_drain_last(h2->session);
	} else if (!session_ready(h2->session)) {
		h2->fault = "the peer does not speak HTTP/2";
		weft_h2_close(h2, WEFT_H2_SETTINGS_TIMEOUT);
	} else if (!session_streams(h2->session)) {
		weft_h2_drain(h2);
	}
	settle(h2);
}

/* --- What time finds ---------------------------------------------------------------------- */

static void on_age(void *data)
{
	weft_h2_drain(data);
}

static void on_fault(uint32_t error_code, const char *why, bool now, void *data)
{
	struct weft_h2 *h2 = data;

	h2->fault = why;
	if (!now) {
		weft_h2_close(h2, error_code);
		return;
	}
	session_abort(h2->session, WEFT_H2_CONNECT_ERROR);
	close_transport(h2);
	weft_transport_close(h2->transport, true);
}

static const struct watch_events watch_events = { .on_age = on_age, .on_fault = on_fault };

/* --- The session's events ----------------------------------------------------------------- */

static void count_stream(struct weft_h2 *h2)
{
	struct weft_h2_counters *counters = session_counters(h2->session);

	counter_add(&counters->streams);
	counter_set(&counters->last_stream, weft_loop_now(h2->loop));
}

static const struct weft_h2_stream_events *on_stream(struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data)
{
	const struct weft_h2_stream_events *events;
	struct weft_h2 *h2 = data;

	if (h2->state != OPEN)
		return NULL;
	events = h2->events->on_stream(h2, stream, headers, n, end, ret_data, h2->data);
	if (events)
		count_stream(h2);
	return events;
}

static const struct weft_h2_stream_events *on_oversized(struct weft_h2_stream *stream,
							const struct weft_h2_header *headers,
							size_t n, bool end, void **ret_data,
							void *data)
{
	struct weft_h2 *h2 = data;

	if (h2->state != OPEN || !h2->events->on_oversized)
		return NULL;
	count_stream(h2); /* it is answered: by the owner or by us */
	return h2->events->on_oversized(h2, stream, headers, n, end, ret_data, h2->data);
}

static void on_ready(void *data)
{
	struct weft_h2 *h2 = data;

	if (!session_draining(h2->session))
		weft_timer_stop(h2->loop, &h2->timer);
	if (h2->events->on_ready)
		h2->events->on_ready(h2, h2->data);
}

static void on_goaway(uint32_t error_code, void *data)
{
	struct weft_h2 *h2 = data;

	if (h2->events->on_goaway)
		h2->events->on_goaway(h2, error_code, h2->data);
}

static void on_drain_answer(void *data)
{
	struct weft_h2 *h2 = data;

	if (h2->role == SESSION_SERVER)
		session_drain_last(h2->session);
}

static void on_ping(void *data)
{
	struct weft_h2 *h2 = data;

	if (h2->state == OPEN)
		watch_pinged(&h2->watch);
}

static void on_output(void *data)
{
	struct weft_h2 *h2 = data;

	if (h2->state != GONE)
		weft_transport_want_write(h2->transport);
}

static void on_dispatch(void *data)
{
	defer(data);
}

static const struct session_events session_events = {
	.on_stream = on_stream,
	.on_oversized = on_oversized,
	.on_ready = on_ready,
	.on_goaway = on_goaway,
	.on_drain_answer = on_drain_answer,
	.on_ping = on_ping,
	.on_output = on_output,
	.on_dispatch = on_dispatch,
};

/* --- The transport's events --------------------------------------------------------------- */

static void on_open(struct weft_transport *transport, void *data)
{
}

static void on_data(struct weft_transport *transport, const uint8_t *bytes, size_t len, void *data)
{
	struct weft_h2 *h2 = data;

	receive_early(h2);
	receive(h2, bytes, len);
}

static size_t on_flush(struct weft_transport *transport, uint8_t *room, size_t cap, void *data)
{
	struct weft_h2 *h2 = data;
	size_t n = session_send(h2->session, room, cap);

	if (n && h2->state == OPEN)
		watch_sent(&h2->watch);
	if (n < cap)
		settle(h2);
	return n;
}

static void on_close(struct weft_transport *transport, int error, void *data)
{
	struct weft_h2 *h2 = data;
	const char *words = weft_transport_error(transport);
	char text[256];

	snprintf(text, sizeof(text), "%s", words ? words : "");
	if (h2->fault) {
		error = -ETIMEDOUT;
		snprintf(text, sizeof(text), "%s", h2->fault);
	} else if (!error && session_error(h2->session)[0]) {
		error = -EPROTO;
		snprintf(text, sizeof(text), "%s", session_error(h2->session));
	}

	h2->state = GONE;
	weft_timer_stop(h2->loop, &h2->timer);
	watch_stop(&h2->watch);
	session_abort(h2->session, WEFT_H2_CONNECT_ERROR);
	session_dispatch(h2->session);
	h2->events->on_close(h2, error, text, h2->data);
	if (!h2->queued)
		connection_free(h2);
}

static const struct weft_transport_events transport_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_flush = on_flush,
	.on_close = on_close,
};

/* --- The connection ----------------------------------------------------------------------- */

static struct weft_h2 *connection_new(enum session_role role, struct weft_transport *transport,
				      const struct weft_h2_options *options,
				      const struct weft_h2_events *events, void *data)
{
	struct weft_h2 *h2 = calloc(1, sizeof(*h2));
	struct weft_h2_options own = { .size = sizeof(own) };

	if (!h2)
		abort();
	if (options) /* an older caller's struct is shorter */
		memcpy(&own, options, options->size < sizeof(own) ? options->size : sizeof(own));
	if (!own.headers_timeout_ns)
		own.headers_timeout_ns = HEADERS_TIMEOUT;
	h2->idle_timeout_ns = own.idle_timeout_ns;
	h2->role = role;
	h2->transport = transport;
	h2->loop = weft_worker_loop(weft_transport_worker(transport));
	h2->events = events;
	h2->data = data;
	h2->task.run = on_task;
	h2->session = session_new(role, &own, &session_events, h2);
	watch_init(&h2->watch, h2->loop, transport, h2->session, &own, &watch_events, h2);
	weft_timer_init(&h2->timer, on_timer, h2);
	weft_timer_start(h2->loop, &h2->timer, own.headers_timeout_ns);
	weft_transport_set_events(transport, &transport_events, h2);
	weft_transport_want_write(transport);
	return h2;
}

struct weft_h2 *weft_h2_server_new(struct weft_transport *take_transport,
				   const struct weft_h2_options *options,
				   const struct weft_h2_events *events, void *data)
{
	return connection_new(SESSION_SERVER, take_transport, options, events, data);
}

struct weft_h2 *weft_h2_client_new(struct weft_transport *take_transport,
				   const struct weft_h2_options *options,
				   const struct weft_h2_events *events, void *data)
{
	return connection_new(SESSION_CLIENT, take_transport, options, events, data);
}

void weft_h2_receive(struct weft_h2 *h2, const uint8_t *bytes, size_t len)
{
	if (!len)
		return;
	if (weft_buffer_append(&h2->early, bytes, len) < 0)
		weft_h2_close(h2, WEFT_H2_INTERNAL_ERROR);
	defer(h2);
}

void weft_h2_drain(struct weft_h2 *h2)
{
	if (h2->state != OPEN || session_draining(h2->session))
		return;
	session_drain(h2->session);
	weft_timer_start(h2->loop, &h2->timer, DRAIN_TIMEOUT);
	defer(h2);
}

void weft_h2_close(struct weft_h2 *h2, uint32_t error_code)
{
	if (h2->state == GONE)
		return;
	session_terminate(h2->session, error_code);
	close_transport(h2);
}

bool weft_h2_can_request(const struct weft_h2 *h2)
{
	return h2->state == OPEN && session_can_request(h2->session);
}

bool weft_h2_too_many_pings(const struct weft_h2 *h2)
{
	return session_heard_too_many_pings(h2->session);
}

size_t weft_h2_streams(const struct weft_h2 *h2)
{
	return session_streams(h2->session);
}

struct weft_transport *weft_h2_transport(const struct weft_h2 *h2)
{
	return h2->transport;
}

const struct weft_h2_counters *weft_h2_counters(const struct weft_h2 *h2)
{
	return session_counters(h2->session);
}

struct weft_h2_stream *weft_h2_request(struct weft_h2 *h2, const struct weft_h2_header *headers,
				       size_t n, bool end,
				       const struct weft_h2_stream_events *events, void *data)
{
	struct weft_h2_stream *stream;

	if (h2->state != OPEN)
		return NULL;
	stream = session_request(h2->session, headers, n, end, events, data);
	if (stream)
		count_stream(h2);
	return stream;
}

static void count_messages(const struct weft_h2_stream *stream, uint64_t n, uint64_t *counter,
			   uint64_t *last)
{
	const struct weft_h2 *h2 = session_data(stream->session);

	if (n == 0)
		return;
	counter_set(counter, *counter + n);
	counter_set(last, weft_loop_now(h2->loop));
}

void weft_h2_stream_count_sent(const struct weft_h2_stream *stream, uint64_t n)
{
	struct weft_h2_counters *counters = session_counters(stream->session);

	count_messages(stream, n, &counters->messages_sent, &counters->last_sent);
}

void weft_h2_stream_count_received(const struct weft_h2_stream *stream)
{
	struct weft_h2_counters *counters = session_counters(stream->session);

	count_messages(stream, 1, &counters->messages_received, &counters->last_received);
}

struct weft_h2 *weft_h2_stream_connection(const struct weft_h2_stream *stream)
{
	return session_data(stream->session);
}
