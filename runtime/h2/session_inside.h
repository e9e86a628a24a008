/*
 * A session from inside: what session.c (the protocol, what is received), session_stream.c (what
 * the owners of streams ask for) and session_window.c (what the peer may send) share.
 */
#ifndef H2_SESSION_INSIDE_H
#define H2_SESSION_INSIDE_H

#include <nghttp2/nghttp2.h>

#include "h2/budget.h"
#include "h2/room.h"
#include "h2/session.h"
#include "h2/session_headers.h"
#include "h2/walk.h"

#define MOST_GAPS 8

/* Stream ids that the peer has passed over, and must not open any more. Peers count by twos, so one
 * that leaves gaps is odd, and the last few of them are enough to catch it. */
struct gaps {
	int32_t highest; /* id that was opened */
	unsigned n;
	struct {
		int32_t first;
		int32_t last;
	} ring[MOST_GAPS];
};

#define MOST_FINISHED 16

/* The last streams that the peer itself has ended, by END_STREAM or a reset: it may not go on with
 * them. What it sends on a stream that we have reset is no fault of its, so these do not count. */
struct finished {
	int32_t ring[MOST_FINISHED];
	unsigned n;
};

extern nghttp2_mem session_memory; /* of the thread's pool; never written */

struct session {
	nghttp2_session *nghttp2;
	enum session_role role;
	const struct session_events *events;
	void *data;
	struct weft_list streams;
	struct weft_list pending;
	struct weft_h2_stream *latest; /* that was looked for; or NULL */
	struct weft_list waiting;      /* streams whose large message finds no room */
	size_t message_budget;
	size_t reserved;  /* of it, in bytes */
	size_t n_streams; /* open on the wire, or about to be */
	struct headers headers;
	struct budget useless; /* frames that carry nothing, or are wrong */
	struct budget resets;  /* streams that the peer made us reset */
	/* Resets that the peer sent. Below nghttp2's own limit (1,000, and 33 a second), which
	 * ends the connection too but goes on to hand us what its GOAWAY says was not looked at. */
	struct budget received_resets;
	struct walk walk;
	struct gaps gaps;
	struct finished finished;
	uint64_t payloads;
	struct weft_h2_counters counters;
	uint32_t stream_window;
	bool ready;          /* the peer's SETTINGS have come */
	bool draining;       /* session_drain */
	bool drained;        /* session_drain_last */
	bool too_many_pings; /* says the peer */
	bool in_headers;     /* a header block has begun and not ended */
	bool ended;          /* session_terminate or session_abort: no stream is opened any more */
	bool dispatching;    /* on_dispatch is called, session_dispatch is due */
	struct room room;    /* of session_send, while it runs */
	char error[160];
};

/* The stream with that id, while nghttp2 knows it; or NULL. */
struct weft_h2_stream *session_stream(struct session *session, int32_t id);
/* session_window.c: lets the peer send what it may. */
/* session_budget.c */
void session_init_budgets(struct session *session);
void session_refill_budgets(struct session *session, uint64_t now);
bool session_overspent(const struct session *session);
/* nghttp2's on_begin_frame. */
int session_spend(nghttp2_session *nghttp2, const nghttp2_frame_hd *frame, void *data);

void session_open_window(struct weft_h2_stream *stream);
/* After a frame that had padding. */
void session_open_for_padding(struct weft_h2_stream *stream);
/* Gives back what a stream holds of the budget, or its place in the line. */
void session_release(struct weft_h2_stream *stream);
/* Resets the stream when its large message takes too long to come while others wait. */
void session_sweep_message(struct weft_h2_stream *stream, uint64_t now, uint64_t timeout_ns);
/* nghttp2's source of a stream's body, and the trailers that end it. */
nghttp2_data_provider session_body(void);
void session_submit_trailers(struct weft_h2_stream *stream, const struct weft_h2_header *trailers,
			     size_t n);

#endif
