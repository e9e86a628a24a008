/*
 * The HTTP/2 protocol of one connection, by nghttp2; session.h says when callbacks run.
 *
 * nghttp2 knows a stream by its user data alone: once that is NULL (refused, closed, aborted)
 * nothing of ours is touched any more. Bodies are never copied into nghttp2: it asks how much there
 * is (read_body) and then has us write the frame into the room of session_send (send_body).
 */
#include "h2/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/counter.h"
#include "h2/session_inside.h"

#define DEFAULT_STREAMS           256
#define DEFAULT_STREAM_WINDOW     (32 * 1024)
#define DEFAULT_CONNECTION_WINDOW (1024 * 1024)
#define DEFAULT_HEADER_LIST       (16 * 1024)
#define DEFAULT_MESSAGE_BUDGET    ((size_t)8 << 20)
#define MOST_QUEUED_FRAMES        2048 /* above: stop reading */
#define FRAME_HEADER              9

static const uint8_t drain_ping[8] = { 'w', 'e', 'f', 't', 'g', 'o', 'n', 'e' };

static const char too_many_pings[] = "too_many_pings"; /* gRFC A8 */

struct weft_h2_stream *session_stream(struct session *session, int32_t id)
{
	if (!session->latest || session->latest->id != id)
		session->latest = nghttp2_session_get_stream_user_data(session->nghttp2, id);
	return session->latest;
}

/* --- Streams that have something to tell their owner -------------------------------------- */

static void make_pending(struct weft_h2_stream *stream)
{
	struct session *session = stream->session;

	if (weft_list_empty(&stream->pending))
		weft_list_append(&session->pending, &stream->pending);
	if (session->dispatching)
		return;
	session->dispatching = true;
	session->events->on_dispatch(session->data);
}

static void close_stream(struct weft_h2_stream *stream, uint32_t error_code)
{
	if (stream->life == STREAM_CLOSED)
		return;
	stream->life = STREAM_CLOSED;
	stream->session->latest = NULL;
	stream->error_code = error_code;
	if (error_code == NGHTTP2_REFUSED_STREAM)
		stream->refused = true;
	session_release(stream);
	stream->session->n_streams--;
	make_pending(stream);
}

void session_dispatch(struct session *session)
{
	struct weft_h2_counters *counters = &session->counters;
	struct weft_list *node;

	while ((node = weft_list_pop(&session->pending))) {
		struct weft_h2_stream *stream =
			weft_list_entry(node, struct weft_h2_stream, pending);

		if (stream->life == STREAM_CLOSED) {
			counter_add(stream->error_code ? &counters->streams_failed
						       : &counters->streams_succeeded);
			stream->events->on_close(stream, stream->error_code, stream->refused,
						 stream->data);
			stream_free(stream);
		} else if (stream->life == STREAM_LIVE && weft_h2_stream_writable(stream)) {
			stream->events->on_writable(stream, stream->data);
		}
	}
	session->dispatching = false;
}

/* --- Output ------------------------------------------------------------------------------- */

static ssize_t read_body(nghttp2_session *nghttp2, int32_t id, uint8_t *room, size_t cap,
			 uint32_t *flags, nghttp2_data_source *source, void *data)
{
	struct weft_h2_stream *stream = session_stream(data, id);
	size_t n;

	if (!stream || stream->life != STREAM_LIVE)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (!stream->unsent && (stream->body == BODY_OPEN || stream->body == BODY_BREAKING)) {
		stream->deferred = true;
		if (stream->body == BODY_BREAKING)
			weft_h2_stream_reset(stream, stream->error_code);
		return NGHTTP2_ERR_DEFERRED;
	}

	n = stream->unsent < cap ? stream->unsent : cap;
	*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n == stream->unsent && stream->body == BODY_ENDING) {
		stream->body = BODY_ENDED;
		*flags |= NGHTTP2_DATA_FLAG_EOF;
		if (stream->trailers) {
			/* Here and not in send_body: nghttp2 leaves out a frame that would be
			 * empty. */
			*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
			session_submit_trailers(stream, stream->trailers->fields,
						stream->trailers->n);
		}
	}
	return (ssize_t)n;
}

nghttp2_data_provider session_body(void)
{
	return (nghttp2_data_provider) { .read_callback = read_body };
}

static int send_body(nghttp2_session *nghttp2, nghttp2_frame *frame, const uint8_t *frame_header,
		     size_t len, nghttp2_data_source *source, void *data)
{
	struct session *session = data;
	struct weft_h2_stream *stream = session_stream(session, frame->hd.stream_id);

	if (room_full(&session->room))
		return NGHTTP2_ERR_WOULDBLOCK;
	if (!stream)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;

	room_put(&session->room, frame_header, FRAME_HEADER);
	stream_take(stream, len, &session->room);
	if (stream->was_full && weft_h2_stream_writable(stream)) {
		stream->was_full = false;
		make_pending(stream);
	}
	return 0;
}

static void count_windows(struct session *session)
{
	nghttp2_session *nghttp2 = session->nghttp2;
	int32_t send = nghttp2_session_get_remote_window_size(nghttp2);
	int32_t receive = nghttp2_session_get_local_window_size(nghttp2);

	counter_set(&session->counters.send_window, send > 0 ? (uint64_t)send : 0);
	counter_set(&session->counters.receive_window, receive > 0 ? (uint64_t)receive : 0);
}

size_t session_send(struct session *session, uint8_t *bytes, size_t cap)
{
	struct room *room = &session->room;
	const uint8_t *frame;
	ssize_t n = 1;

	room_begin(room, bytes, cap);
	while (n > 0 && !room_full(room)) {
		n = nghttp2_session_mem_send(session->nghttp2, &frame);
		if (n > 0)
			room_put(room, frame, (size_t)n);
	}
	count_windows(session);
	return room_end(room);
}

static void ask_to_stop_sending(struct session *session, int32_t id)
{
	const struct weft_h2_stream *stream = session_stream(session, id);

	/* RFC 9113, 8.1: the response is complete, so the rest of the request is of no use. */
	if (stream ? !stream->remote_ended
		   : nghttp2_session_get_stream_remote_close(session->nghttp2, id) == 0)
		nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, id,
					  NGHTTP2_NO_ERROR);
}

static int on_frame_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *data)
{
	struct session *session = data;

	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		budget_earn(&session->useless, 2);
		session->payloads++;
		if (session->role == SESSION_SERVER && frame->hd.flags & NGHTTP2_FLAG_END_STREAM)
			ask_to_stop_sending(session, frame->hd.stream_id);
		break;
	case NGHTTP2_RST_STREAM:
		if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR &&
		    frame->rst_stream.error_code != NGHTTP2_CANCEL)
			budget_spend(&session->resets, 1);
		break;
	case NGHTTP2_GOAWAY:
		if (frame->goaway.error_code && !session->error[0])
			snprintf(session->error, sizeof(session->error), "%s",
				 nghttp2_http2_strerror(frame->goaway.error_code));
		break;
	}
	return 0;
}

static int on_frame_not_send(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error,
			     void *data)
{
	struct weft_h2_stream *stream;

	if (frame->hd.type != NGHTTP2_HEADERS || frame->headers.cat != NGHTTP2_HCAT_REQUEST)
		return 0;
	stream = session_stream(data, frame->hd.stream_id);
	if (stream)
		stream->refused = true; /* the peer has never seen it */
	return 0;
}

/* --- Input -------------------------------------------------------------------------------- */

/* RFC 9113, 5.1.1: a stream that is opened behind others is an error of the connection. nghttp2 only
 * ignores it. A frame on a stream that was open is no business of this. */
static bool is_passed_over(struct gaps *gaps, int32_t id)
{
	if (id > gaps->highest) {
		if (id > gaps->highest + 2) {
			gaps->ring[gaps->n % MOST_GAPS].first = gaps->highest + 1;
			gaps->ring[gaps->n++ % MOST_GAPS].last = id - 1;
		}
		gaps->highest = id;
		return false;
	}
	for (size_t i = 0; i < MOST_GAPS; i++)
		if (gaps->ring[i].first <= id && id <= gaps->ring[i].last)
			return true;
	return false;
}

static void remember_finished(struct session *session, int32_t id)
{
	session->finished.ring[session->finished.n++ % MOST_FINISHED] = id;
}

/* RFC 9113, 5.1, "closed". nghttp2 keeps no closed streams for us, which it would need to tell. */
static bool is_finished(const struct session *session, int32_t id)
{
	for (size_t i = 0; i < MOST_FINISHED; i++)
		if (session->finished.ring[i] == id)
			return true;
	return false;
}

/* What is wrong with a frame for its stream's sake alone, or NO_ERROR. */
static uint32_t judge(struct session *session, const struct walk_frame *frame)
{
	switch (frame->type) {
	case NGHTTP2_RST_STREAM: remember_finished(session, frame->id); break;
	case NGHTTP2_DATA:
	case NGHTTP2_HEADERS:
		if (is_finished(session, frame->id))
			return NGHTTP2_STREAM_CLOSED;
		if (frame->type == NGHTTP2_HEADERS && session->role == SESSION_SERVER &&
		    is_passed_over(&session->gaps, frame->id))
			return NGHTTP2_PROTOCOL_ERROR;
		break;
	}
	return NGHTTP2_NO_ERROR;
}

static void judge_frames(struct session *session, const uint8_t *bytes, size_t len)
{
	struct walk_frame frame;
	uint32_t error = NGHTTP2_NO_ERROR;

	while (!error && walk_next(&session->walk, &bytes, &len, &frame))
		error = judge(session, &frame);
	if (error)
		session_terminate(session, error);
}

static int on_begin_headers(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *data)
{
	struct session *session = data;

	headers_begin(&session->headers);
	session->in_headers = true;
	return 0;
}

static int on_header(nghttp2_session *nghttp2, const nghttp2_frame *frame, nghttp2_rcbuf *name,
		     nghttp2_rcbuf *value, uint8_t flags, void *data)
{
	struct session *session = data;

	headers_add(&session->headers, name, value);
	return 0;
}

static void end_remote(struct weft_h2_stream *stream)
{
	stream->remote_ended = true;
	if (stream->life == STREAM_LIVE)
		stream->events->on_end(stream, stream->data);
}

static void answer_431(struct session *session, int32_t id)
{
	nghttp2_nv status = { (uint8_t *)":status", (uint8_t *)"431", 7, 3, NGHTTP2_NV_FLAG_NONE };

	nghttp2_submit_response(session->nghttp2, id, &status, 1, NULL);
}

static void receive_request(struct session *session, int32_t id, bool end)
{
	const struct weft_h2_header *fields = session->headers.fields;
	bool over = headers_are_over(&session->headers);
	session_stream_cb *open;
	struct weft_h2_stream *stream;

	/* A GOAWAY is under way: what it says was not looked at, the peer may send again. */
	if (session->ended || session_overspent(session))
		return;
	if (over)
		budget_spend(&session->useless, 10);

	stream = stream_new(session);
	stream->id = id;
	stream->remote_started = true;
	weft_list_append(&session->streams, &stream->all);
	session->n_streams++;
	nghttp2_session_set_stream_user_data(session->nghttp2, id, stream);
	open = over ? session->events->on_oversized : session->events->on_stream;
	if (open)
		stream->events =
			open(stream, fields, session->headers.n, end, &stream->data, session->data);
	if (!stream->events) {
		session->latest = NULL;
		nghttp2_session_set_stream_user_data(session->nghttp2, id, NULL);
		if (over)
			answer_431(session, id);
		else
			nghttp2_submit_rst_stream(session->nghttp2, NGHTTP2_FLAG_NONE, id,
						  NGHTTP2_REFUSED_STREAM);
		if (stream->life != STREAM_CLOSED) /* the owner may have ended all */
			session->n_streams--;
		stream_free(stream);
		return;
	}
	if (end)
		end_remote(stream);
}

/* A response, or trailers in either direction. */
static void receive_headers(struct session *session, int32_t id, bool end)
{
	struct weft_h2_stream *stream = session_stream(session, id);
	const struct weft_h2_header *fields = session->headers.fields;

	if (!stream || stream->life == STREAM_CLOSED)
		return;
	if (headers_are_over(&session->headers)) {
		if (stream->life == STREAM_LIVE && stream->events->on_oversized)
			stream->events->on_oversized(stream, stream->data);
		weft_h2_stream_reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
		return;
	}
	if (!stream->remote_started) {
		if (session->headers.n && fields[0].value[0] == '1')
			return; /* an interim answer */
		stream->remote_started = true;
	}
	stream->remote_ended |= end; /* before the owner, who may let go of it, hears of it */
	if (stream->life == STREAM_LIVE)
		stream->events->on_headers(stream, fields, session->headers.n, end, stream->data);
	if (end)
		end_remote(stream);
}

/* From now on our window is what we said, and not HTTP/2's 65,535 bytes: a stream that was opened
 * before may have lost what it was granted. */
static void receive_settings_ack(struct session *session)
{
	weft_list_each (at, after, &session->streams)
		session_open_window(weft_list_entry(at, struct weft_h2_stream, all));
}

static void receive_settings(struct session *session, const nghttp2_frame *frame)
{
	if (frame->hd.flags & NGHTTP2_FLAG_ACK) {
		receive_settings_ack(session);
		return;
	}
	if (session->role == SESSION_CLIENT)
		counter_set(&session->counters.peer_max_streams,
			    nghttp2_session_get_remote_settings(
				    session->nghttp2, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS));
	if (session->ready)
		return;
	session->ready = true;
	if (session->events->on_ready)
		session->events->on_ready(session->data);
}

static void receive_ping(struct session *session, const nghttp2_frame *frame)
{
	if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) {
		if (session->events->on_ping)
			session->events->on_ping(session->data);
		return;
	}
	if (session->draining && !memcmp(frame->ping.opaque_data, drain_ping, sizeof(drain_ping)))
		session->events->on_drain_answer(session->data);
}

static void receive_goaway(struct session *session, const nghttp2_frame *frame)
{
	if (frame->goaway.error_code)
		snprintf(session->error, sizeof(session->error), "the peer says %s",
			 nghttp2_http2_strerror(frame->goaway.error_code));
	if (frame->goaway.error_code == NGHTTP2_ENHANCE_YOUR_CALM &&
	    frame->goaway.opaque_data_len == sizeof(too_many_pings) - 1 &&
	    !memcmp(frame->goaway.opaque_data, too_many_pings, sizeof(too_many_pings) - 1))
		session->too_many_pings = true;
	counter_set(&session->counters.goaway, (uint64_t)frame->goaway.error_code + 1);
	session->events->on_goaway(frame->goaway.error_code, session->data);
}

static int on_frame_recv(nghttp2_session *nghttp2, const nghttp2_frame *frame, void *data)
{
	struct session *session = data;
	struct weft_h2_stream *stream;
	bool end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;

	switch (frame->hd.type) {
	case NGHTTP2_SETTINGS: receive_settings(session, frame); return 0;
	case NGHTTP2_PING: receive_ping(session, frame); return 0;
	case NGHTTP2_GOAWAY: receive_goaway(session, frame); return 0;
	case NGHTTP2_HEADERS:
		session->in_headers = false;
		if (frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			receive_request(session, frame->hd.stream_id, end);
		else
			receive_headers(session, frame->hd.stream_id, end);
		headers_drop(&session->headers);
		return 0;
	case NGHTTP2_DATA:
		if (frame->hd.length <= frame->data.padlen)
			budget_spend(&session->useless, 1);
		stream = session_stream(session, frame->hd.stream_id);
		if (stream && frame->data.padlen > 0)
			session_open_for_padding(stream);
		break;
	default: return 0;
	}

	stream = end ? session_stream(session, frame->hd.stream_id) : NULL;
	if (stream && stream->life != STREAM_CLOSED)
		end_remote(stream);
	return 0;
}

static int on_data_chunk(nghttp2_session *nghttp2, uint8_t flags, int32_t id, const uint8_t *bytes,
			 size_t len, void *data)
{
	struct weft_h2_stream *stream = session_stream(data, id);

	nghttp2_session_consume_connection(nghttp2, len);
	if (!stream || stream->life != STREAM_LIVE)
		return 0;
	stream->unconsumed += len;
	stream->expected -= len < stream->expected ? len : stream->expected;
	stream->events->on_data(stream, bytes, len, stream->data);
	return 0;
}

static int on_invalid_frame(nghttp2_session *nghttp2, const nghttp2_frame *frame, int error,
			    void *data)
{
	struct session *session = data;

	session->in_headers = false;
	budget_spend(&session->useless, 10);
	return 0;
}

static int on_stream_close(nghttp2_session *nghttp2, int32_t id, uint32_t error_code, void *data)
{
	struct weft_h2_stream *stream = session_stream(data, id);

	if (!stream)
		return 0;
	if (stream->remote_ended)
		remember_finished(stream->session, id);
	if (error_code == NGHTTP2_CONNECT_ERROR)
		error_code = NGHTTP2_INTERNAL_ERROR; /* the connection is not lost */
	close_stream(stream, error_code);
	return 0;
}

static int on_error(nghttp2_session *nghttp2, int error, const char *message, size_t len,
		    void *data)
{
	struct session *session = data;

	snprintf(session->error, sizeof(session->error), "%.*s", (int)len, message);
	return 0;
}

int session_receive(struct session *session, const uint8_t *bytes, size_t len, uint64_t now)
{
	ssize_t n;

	session_refill_budgets(session, now);
	if (!session->ended)
		judge_frames(session, bytes, len);
	n = nghttp2_session_mem_recv(session->nghttp2, bytes, len);
	if (n < 0) {
		if (!session->error[0])
			snprintf(session->error, sizeof(session->error), "%s",
				 nghttp2_strerror((int)n));
		return -EPROTO;
	}
	if (!session->ended && session_overspent(session))
		session_terminate(session, NGHTTP2_ENHANCE_YOUR_CALM);
	session->events->on_output(session->data);
	return 0;
}

/* --- The session itself ------------------------------------------------------------------- */

static void set_callbacks(nghttp2_session_callbacks *callbacks)
{
	nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, session_spend);
	nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback2(callbacks, on_header);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, on_frame_recv);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, on_frame_send);
	nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, on_frame_not_send);
	nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
	nghttp2_session_callbacks_set_error_callback2(callbacks, on_error);
}

/* nghttp2 fails here for want of memory only. */
static void create(struct session *session)
{
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
	int r;

	if (nghttp2_session_callbacks_new(&callbacks) || nghttp2_option_new(&option))
		abort();
	set_callbacks(callbacks);
	nghttp2_option_set_no_auto_window_update(option, 1);
	nghttp2_option_set_no_closed_streams(option, 1);
	if (session->role == SESSION_SERVER)
		r = nghttp2_session_server_new3(&session->nghttp2, callbacks, session, option,
						&session_memory);
	else
		r = nghttp2_session_client_new3(&session->nghttp2, callbacks, session, option,
						&session_memory);
	if (r)
		abort();
	nghttp2_option_del(option);
	nghttp2_session_callbacks_del(callbacks);
}

static void submit_settings(struct session *session, const struct weft_h2_options *options)
{
	uint32_t window =
		options->connection_window ? options->connection_window : DEFAULT_CONNECTION_WINDOW;
	nghttp2_settings_entry entries[3] = {
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, session->stream_window },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, (uint32_t)session->headers.limit },
	};

	if (session->role == SESSION_SERVER)
		entries[2] = (nghttp2_settings_entry) { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
							options->max_concurrent_streams
								? options->max_concurrent_streams
								: DEFAULT_STREAMS };
	else
		entries[2] = (nghttp2_settings_entry) { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 };
	nghttp2_submit_settings(session->nghttp2, NGHTTP2_FLAG_NONE, entries, WEFT_COUNT(entries));
	nghttp2_session_set_local_window_size(session->nghttp2, NGHTTP2_FLAG_NONE, 0,
					      (int32_t)window);
}

struct session *session_new(enum session_role role, const struct weft_h2_options *options,
			    const struct session_events *events, void *data)
{
	static const struct weft_h2_options defaults = { .size = sizeof(defaults) };
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		abort();
	if (!options)
		options = &defaults;
	session->role = role;
	session->walk.skip = role == SESSION_SERVER ? WALK_PREFACE : 0;
	session->events = events;
	session->data = data;
	weft_list_init(&session->streams);
	weft_list_init(&session->pending);
	weft_list_init(&session->waiting);
	session->stream_window =
		options->stream_window ? options->stream_window : DEFAULT_STREAM_WINDOW;
	session->headers.limit =
		options->max_header_list ? options->max_header_list : DEFAULT_HEADER_LIST;
	session->message_budget =
		options->message_budget ? options->message_budget : DEFAULT_MESSAGE_BUDGET;
	session->headers.soft =
		options->soft_header_list ? options->soft_header_list : session->headers.limit;
	session_init_budgets(session);
	create(session);
	submit_settings(session, options);
	return session;
}

void session_free(struct session *session)
{
	if (!session)
		return;
	nghttp2_session_del(session->nghttp2);
	headers_fini(&session->headers);
	room_fini(&session->room);
	free(session);
}

bool session_finished(const struct session *session)
{
	return !session->room.spill.len && !nghttp2_session_want_read(session->nghttp2) &&
	       !nghttp2_session_want_write(session->nghttp2);
}

bool session_congested(const struct session *session)
{
	return nghttp2_session_get_outbound_queue_size(session->nghttp2) > MOST_QUEUED_FRAMES;
}

bool session_in_headers(const struct session *session)
{
	return session->in_headers;
}

bool session_ready(const struct session *session)
{
	return session->ready;
}

const char *session_error(const struct session *session)
{
	return session->error;
}

void session_drain(struct session *session)
{
	if (session->draining || session->ended)
		return;
	session->draining = true;
	if (session->role == SESSION_SERVER)
		nghttp2_submit_shutdown_notice(session->nghttp2);
	nghttp2_submit_ping(session->nghttp2, NGHTTP2_FLAG_NONE, drain_ping);
	session->events->on_output(session->data);
}

void session_drain_last(struct session *session)
{
	if (session->drained || session->ended)
		return;
	session->drained = true;
	nghttp2_submit_goaway(session->nghttp2, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(session->nghttp2),
			      NGHTTP2_NO_ERROR, NULL, 0);
	session->events->on_output(session->data);
}

bool session_draining(const struct session *session)
{
	return session->draining;
}

void session_abort(struct session *session, uint32_t error_code)
{
	session->ended = true;
	weft_list_each (at, after, &session->streams) {
		struct weft_h2_stream *stream = weft_list_entry(at, struct weft_h2_stream, all);

		if (session->role == SESSION_CLIENT && stream->life == STREAM_LIVE &&
		    !nghttp2_session_find_stream(session->nghttp2, stream->id))
			stream->refused = true; /* its HEADERS still wait to be sent */
		nghttp2_session_set_stream_user_data(session->nghttp2, stream->id, NULL);
		close_stream(stream, error_code);
	}
}

void session_terminate(struct session *session, uint32_t error_code)
{
	if (session->ended)
		return;
	nghttp2_session_terminate_session(session->nghttp2, error_code);
	session_abort(session, error_code ? error_code : NGHTTP2_CANCEL);
	session->events->on_output(session->data);
}

struct weft_h2_counters *session_counters(struct session *session)
{
	return &session->counters;
}

void session_ping(struct session *session)
{
	counter_add(&session->counters.keepalives);
	nghttp2_submit_ping(session->nghttp2, NGHTTP2_FLAG_NONE, NULL);
	session->events->on_output(session->data);
}

void session_say_too_many_pings(struct session *session)
{
	nghttp2_submit_goaway(session->nghttp2, NGHTTP2_FLAG_NONE,
			      nghttp2_session_get_last_proc_stream_id(session->nghttp2),
			      NGHTTP2_ENHANCE_YOUR_CALM, (const uint8_t *)too_many_pings,
			      sizeof(too_many_pings) - 1);
}

bool session_heard_too_many_pings(const struct session *session)
{
	return session->too_many_pings;
}

uint64_t session_payloads(const struct session *session)
{
	return session->payloads;
}

/* True: bytes wait. */
static bool sweep_output(struct weft_h2_stream *stream, uint64_t now, uint64_t timeout_ns)
{
	if (stream->life != STREAM_LIVE || !stream->unsent)
		return false;
	if (!stream->stuck_since)
		stream->stuck_since = now;
	else if (now - stream->stuck_since >= timeout_ns)
		weft_h2_stream_reset(stream, NGHTTP2_CANCEL);
	return true;
}

bool session_sweep(struct session *session, uint64_t now, const struct session_patience *patience)
{
	bool waiting = false;

	weft_list_each (at, after, &session->streams) {
		struct weft_h2_stream *stream = weft_list_entry(at, struct weft_h2_stream, all);

		if (sweep_output(stream, now, patience->window_ns))
			waiting = true;
		session_sweep_message(stream, now, patience->message_ns);
	}
	return waiting || session_starved(session);
}

size_t session_streams(const struct session *session)
{
	return session->n_streams;
}

void *session_data(const struct session *session)
{
	return session->data;
}
