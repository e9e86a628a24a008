/*
 * A client's and a server's session without a wire, for tests: they exchange byte arrays, and each
 * side writes down what its owner would have been told.
 */
#ifndef TESTS_H2_PAIR_H
#define TESTS_H2_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "h2/session.h"

struct side {
	struct session *session;
	char log[8192];                /* what was told, a word each */
	struct weft_h2_stream *stream; /* the last one that was opened here */
	const struct weft_h2_stream_events
		*stream_events; /* of a server; NULL: pair_stream_events */
	size_t received;
	size_t headers;
	bool consume;
	bool refuse;
	bool dispatch;
};

struct pair {
	struct side client;
	struct side server;
};

extern const struct session_events pair_events;               /* data: a side */
extern const struct weft_h2_stream_events pair_stream_events; /* the same */

/* `options` are the server's. Ready when it returns, and nothing is written down yet. */
void pair_init(struct pair *pair, const struct weft_h2_options *options);
void pair_fini(struct pair *pair);
void settle(struct pair *pair); /* until neither side has anything to say */
void dispatch(struct side *side);
void side_fini(struct side *side);

struct weft_h2_stream *request(struct pair *pair, bool end);
void respond(struct weft_h2_stream *stream, bool end);
void write_bytes(struct weft_h2_stream *stream, size_t len);

#endif
