/*
 * A subchannel: one address, its connection, and when the next attempt may be made. The policy
 * decides whether it connects; it says how that goes.
 *
 *	       ┌──────────────────────────────┐ lost, or the peer goes away
 *	       ▼                              │
 *	IDLE ──connect──► CONNECTING ──────► READY
 *	 ▲                    │ failed        │ lost at once, of no use
 *	 └──the time is over─ TRANSIENT_FAILURE ◄┘
 *
 * A connection whose peer said GOAWAY is let go: its calls go on, and keep the subchannel's memory.
 */
#ifndef WEFT_RPC_SUBCHANNEL_H
#define WEFT_RPC_SUBCHANNEL_H

#include "rpc/balance.h"
#include "rpc/connection.h"
#include "rpc/health_check.h"
#include "rpc/registry.h"

struct weft_subchannel_owner {
	void (*on_changed)(struct weft_subchannel *subchannel, void *data);
	void (*on_too_many_pings)(void *data); /* of a connection: see connection.h */
	/* The last call: nothing is left of it. Also after weft_subchannel_release(). */
	void (*on_gone)(void *data);
};

/* What all subchannels of a channel share; outlives them. */
struct weft_subchannel_options {
	struct weft_entity *channel;
	struct weft_worker *worker;
	struct weft_connection_options connection;
	uint64_t backoff_ns;     /* 0: 1 s */
	uint64_t backoff_max_ns; /* 0: 120 s */
	/* gRFC A17, for the connections from now on; its `service` NULL: not asked for */
	struct weft_health_check_options health;
	const struct weft_subchannel_owner *owner;
	void *data;
};

struct weft_subchannel *weft_subchannel_new(const struct weft_subchannel_options *options,
					    const struct weft_endpoint *endpoint, uint32_t id);
/* The resolver has named it again, perhaps with another weight or other attributes. */
void weft_subchannel_describe(struct weft_subchannel *subchannel,
			      const struct weft_endpoint *endpoint);
/* These two: see struct weft_balance_ops. */
void weft_subchannel_connect(struct weft_subchannel *subchannel);
void weft_subchannel_disconnect(struct weft_subchannel *subchannel);
/* Its failures are forgotten, a pause is over. Nobody is told. */
void weft_subchannel_forgive(struct weft_subchannel *subchannel);
/* Its connections close when their calls have ended. on_changed comes no more. */
void weft_subchannel_release(struct weft_subchannel *subchannel);

bool weft_subchannel_has_room(const struct weft_subchannel *subchannel);
struct weft_h2 *weft_subchannel_h2(const struct weft_subchannel *subchannel); /* while READY */

/* A call has been given to it, and has ended there; in between it keeps the memory. */
void weft_subchannel_begin_call(struct weft_subchannel *subchannel);
void weft_subchannel_end_call(struct weft_subchannel *subchannel, enum weft_call_result result);

#endif
