/*
 * The registry of what <weft/inspect.h> shows: who is entered into it, and how it counts. An entity
 * is embedded in what it stands for, and belongs to that one's worker.
 */
#ifndef RPC_REGISTRY_H
#define RPC_REGISTRY_H

#include <weft/inspect.h>

#include "base/counter.h"

/* Enters a zeroed entity, whose id is a new one unless it is set. What its strings point at stays
 * until it leaves. */
void entity_enter(struct weft_entity *entity, enum weft_entity_kind kind, int64_t parent,
		  const char *name);
void entity_leave(struct weft_entity *entity); /* harmless when it has not entered */

/* To be logged, an entity is given room for it before it enters. */
struct weft_entity_trace *entity_trace_new(void);
void entity_log(struct weft_entity *entity, enum weft_entity_severity severity, int64_t child,
		const char *format, ...) WEFT_PRINTF(4, 5);

/* What changes after it has entered and is no counter is changed between these two. */
void entity_lock(void);
void entity_unlock(void);

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

static inline void traffic_sent(struct weft_entity_traffic *traffic, uint64_t now)
{
	counter_add(&traffic->messages_sent);
	counter_set(&traffic->last_sent, now);
}

static inline void traffic_received(struct weft_entity_traffic *traffic, uint64_t now)
{
	counter_add(&traffic->messages_received);
	counter_set(&traffic->last_received, now);
}

static inline void entity_set_state(struct weft_entity *entity, enum weft_entity_state state)
{
	counter_set(&entity->state, state);
}

#endif
