/*
 * A stream: the queue of its body, and what has become of either side.
 *
 * The session owns it from the request's headers until its on_close has returned. Two sides end it
 * independently: ours (`body`), the peer's (`remote_ended`); `life` says whether events still reach
 * the owner and whether nghttp2 still knows it.
 */
#ifndef H2_STREAM_H
#define H2_STREAM_H

#include <weft/h2.h>
#include <weft/list.h>

struct room;
struct session;

enum stream_life {
	STREAM_LIVE,
	STREAM_SILENT, /* we have reset it: nothing but on_close follows */
	STREAM_CLOSED, /* gone on the wire: on_close is due */
};

enum stream_body {
	BODY_NONE,     /* a server that has not responded yet */
	BODY_OPEN,     /* headers are on their way; the owner writes */
	BODY_ENDING,   /* the owner is done, the queue is not */
	BODY_BREAKING, /* the same, but a reset with `error_code` follows the queue */
	BODY_ENDED,
};

struct chunk {
	struct chunk *next;
	size_t cap;
	size_t len;
	size_t at; /* bytes that have been sent */
	uint8_t bytes[];
};

/* Trailers that wait for the queue: the fields and, behind them, their strings. */
struct trailers {
	size_t size; /* with all that is behind it */
	size_t n;
	struct weft_h2_header fields[];
};

struct weft_h2_stream {
	struct weft_list all;     /* in session.streams */
	struct weft_list pending; /* in session.pending while an on_close or on_writable is due */
	struct weft_list waiting; /* in session.waiting while its message finds no room */
	struct session *session;
	const struct weft_h2_stream_events *events;
	void *data;
	int32_t id;

	enum stream_life life;
	enum stream_body body;
	bool remote_started; /* the final headers of the peer are there */
	bool remote_ended;
	bool deferred; /* nghttp2 waits for us to have something to send */
	bool refused;
	bool was_full; /* on_writable is owed */
	uint32_t error_code;
	uint64_t stuck_since; /* a sweep has seen unsent bytes, and none has left since; or 0 */

	struct chunk *first;
	struct chunk *last;
	size_t unsent;
	size_t unconsumed; /* bytes that the owner still has to give back */
	size_t expected;   /* bytes that must be able to come nevertheless */
	bool padded;       /* the peer sends padding, which takes of the window as well */
	size_t wanted;     /* the large message's length, of which `reserved` is 0 while it waits */
	size_t reserved;
	uint64_t late_since; /* a sweep has seen others wait for it; or 0 */
	struct trailers *trailers;
};

struct weft_h2_stream *stream_new(struct session *session);
void stream_free(struct weft_h2_stream *stream);

/* Moves the first `len` unsent bytes into the room; len <= unsent. */
void stream_take(struct weft_h2_stream *stream, size_t len, struct room *room);

struct trailers *trailers_copy(const struct weft_h2_header *fields, size_t n);

#endif
