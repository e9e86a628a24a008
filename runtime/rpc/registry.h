/*
 * The registry of what <weft/inspect.h> shows: who is entered into it, and how it counts. An entity
 * is embedded in what it stands for, and belongs to that one's worker.
 */
#ifndef RPC_REGISTRY_H
#define RPC_REGISTRY_H

#include <weft/inspect.h>

#include "base/counter.h"
#include "io/address.h"

/* Enters a zeroed entity, whose id is a new one unless it is set. What its strings point at stays
 * until it leaves. */
void entity_enter(struct weft_entity *entity, enum weft_entity_kind kind, int64_t parent,
		  const char *name);
/* The same for a connection that has begun HTTP/2; `local` is room for an address of its own. */
void entity_enter_connection(struct weft_entity *entity, int64_t parent, const struct weft_h2 *h2,
			     char local[WEFT_ADDRESS_MAX]);
void entity_leave(struct weft_entity *entity); /* harmless when it has not entered */

/* A channel's or subchannel's; a change is logged, with its reason where there is one. */
void entity_set_state(struct weft_entity *entity, enum weft_connectivity state, const char *reason);
/* Of a server, channel or subchannel. */
void entity_log(struct weft_entity *entity, enum weft_entity_severity severity, int64_t child,
		const char *format, ...) WEFT_PRINTF(4, 5);

/* The owner's alone, as all of these. */
static inline void calls_started(struct weft_entity_calls *calls, uint64_t now)
{
	counter_add(&calls->started);
	counter_set(&calls->last_started, now);
}

static inline void calls_ended(struct weft_entity_calls *calls, bool good)
{
	counter_add(good ? &calls->succeeded : &calls->failed);
}

#endif
