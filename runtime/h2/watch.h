/*
 * What time does to a connection, beyond its beginning, its idleness and its drain: a peer that
 * does not finish its headers, does not read, keeps its windows shut, holds large messages back,
 * does not answer PING, or sends too many of them; and age. It decides; connection.c acts.
 *
 * Nothing ticks while there is nothing to watch.
 */
#ifndef H2_WATCH_H
#define H2_WATCH_H

#include <weft/h2.h>

#include "h2/session.h"

struct watch_events {
	void (*on_age)(void *data); /* old enough: drain */
	/* Give it up, for a reason in words. `now`: it would not hear a good-bye. */
	void (*on_fault)(uint32_t error_code, const char *why, bool now, void *data);
};

struct watch {
	struct weft_loop *loop;
	struct weft_transport *transport;
	struct session *session;
	const struct watch_events *events;
	void *data;

	uint64_t headers_timeout_ns;
	struct weft_timer headers;

	uint64_t write_timeout_ns;
	struct session_patience patience;
	struct weft_timer sweep;
	bool flushed;  /* since the last sweep: the transport takes bytes */
	size_t unsent; /* at the last sweep */

	uint64_t keepalive_ns;
	uint64_t keepalive_timeout_ns;
	bool keepalive_idle; /* also without a stream */
	bool pinged;         /* an answer is due */
	uint64_t heard;      /* when the peer last said anything */
	struct weft_timer keepalive;

	uint64_t permit_ping_ns;
	bool permit_ping_idle;
	unsigned strikes;
	uint64_t last_ping;
	uint64_t payloads; /* that we had sent by then */

	uint64_t grace_ns;
	bool aged;
	struct weft_timer age;
};

void watch_init(struct watch *watch, struct weft_loop *loop, struct weft_transport *transport,
		struct session *session, const struct weft_h2_options *options,
		const struct watch_events *events, void *data);
void watch_stop(struct watch *watch);

void watch_received(struct watch *watch); /* bytes */
void watch_sent(struct watch *watch);     /* the transport has asked for bytes, and got some */
void watch_pinged(struct watch *watch);   /* by the peer */
void watch_streams(struct watch *watch);  /* there may be some now, or none */

#endif
