/*
 * A session: the HTTP/2 protocol of one connection as pure bytes, in either role. Bytes of the peer
 * go into session_receive, bytes for the peer come out of session_send; there is no descriptor,
 * timer or clock here. It owns the streams. This is the only place that knows nghttp2.
 *
 * When an owner's callback runs: on_stream, on_headers, on_data and on_end inside session_receive;
 * on_writable and on_close inside session_dispatch, which is asked for by events.on_dispatch. So no
 * callback runs inside a function that its owner has called, and no stream dies under its own
 * callback.
 */
#ifndef H2_SESSION_H
#define H2_SESSION_H

#include <weft/h2.h>

#include "h2/stream.h"

enum session_role { SESSION_SERVER, SESSION_CLIENT };

typedef const struct weft_h2_stream_events *session_stream_cb(struct weft_h2_stream *stream,
							      const struct weft_h2_header *headers,
							      size_t n, bool end, void **ret_data,
							      void *data);

struct session_events {
	/* As in struct weft_h2_events. */
	session_stream_cb *on_stream;
	session_stream_cb *on_oversized; /* may be NULL */
	void (*on_ready)(void *data);
	void (*on_goaway)(uint32_t error_code, void *data);
	void (*on_drain_answer)(void *data); /* all that was sent before session_drain is here */
	void (*on_ping)(void *data);         /* of the peer; may be NULL */
	/* session_send has something to give. Often, and cheap. */
	void (*on_output)(void *data);
	/* session_dispatch has something to do. Never from within it. */
	void (*on_dispatch)(void *data);
};

struct session *session_new(enum session_role role, const struct weft_h2_options *options,
			    const struct session_events *events, void *data);
void session_free(struct session *session); /* after session_abort and session_dispatch */

bool session_ready(const struct session *session); /* the peer has sent its SETTINGS */

/* 0, or -EPROTO when the peer is beyond understanding: close. `now` refills the budgets. */
int session_receive(struct session *session, const uint8_t *bytes, size_t len, uint64_t now);
/* Fills `bytes` with frames, cutting the last one: less than `cap` means that is all. */
size_t session_send(struct session *session, uint8_t *bytes, size_t cap);
void session_dispatch(struct session *session);

/* Both sides are done: nothing to send, nothing to wait for. */
bool session_finished(const struct session *session);
/* So much waits to be sent that reading more of the peer would only add to it. */
bool session_congested(const struct session *session);
/* The peer has begun a header block, and what follows is still missing. */
bool session_in_headers(const struct session *session);
/* Why it ended badly, or "". */
const char *session_error(const struct session *session);

/* Announces the end (GOAWAY with 2^31-1) and asks for an answer; session_drain_last says which
 * stream was the last. Both are harmless when repeated. */
void session_drain(struct session *session);
void session_drain_last(struct session *session);
bool session_draining(const struct session *session);
/* GOAWAY with the code; every stream is closed with it. */
void session_terminate(struct session *session, uint32_t error_code);
/* The wire is gone: every stream is closed with the code. */
void session_abort(struct session *session, uint32_t error_code);

/* Keepalive. The answer needs no event: any byte is a sign of life. */
void session_ping(struct session *session);
void session_say_too_many_pings(struct session *session); /* before session_terminate */
bool session_heard_too_many_pings(const struct session *session);
uint64_t session_payloads(const struct session *session); /* HEADERS and DATA that we have sent */

struct session_patience {
	uint64_t window_ns;  /* no byte of a stream has left, though some wait */
	uint64_t message_ns; /* a large message has not come, and others wait for its room */
};

/* Resets the streams of which a peer has made us wait for so long. True: some wait still. Time
 * counts from the first sweep that sees them. */
bool session_sweep(struct session *session, uint64_t now, const struct session_patience *patience);
/* Large messages wait for room in the budget; how much of it is taken. */
bool session_starved(const struct session *session);
size_t session_reserved(const struct session *session);

struct weft_h2_counters *session_counters(struct session *session);
size_t session_streams(const struct session *session);
bool session_can_request(const struct session *session);
struct weft_h2_stream *session_request(struct session *session,
				       const struct weft_h2_header *headers, size_t n, bool end,
				       const struct weft_h2_stream_events *events, void *data);
void *session_data(const struct session *session); /* the `data` of session_new */

void session_stream_resume(struct weft_h2_stream *stream); /* its queue has grown */

/* The public functions on a stream that speak to nghttp2 are in session_stream.c (weft_h2_respond,
 * weft_h2_stream_end, _reset, _abort) and session_window.c (_consume, _expect). */

#endif
