/*
 * The registry: one ring of entities for each kind, in the order of their ids.
 *
 * It is the process's, and locked, because who asks about it sits on any worker and asks about all
 * of them. The lock is taken when something begins, ends or logs an event, and by who looks; never
 * by a call.
 */
#include "rpc/registry.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/identity.h"

#define KINDS (WEFT_ENTITY_CONNECTION + 1)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct weft_list rings[KINDS] = {
	WEFT_LIST_INIT(rings[WEFT_ENTITY_SERVER]),
	WEFT_LIST_INIT(rings[WEFT_ENTITY_LISTENER]),
	WEFT_LIST_INIT(rings[WEFT_ENTITY_CHANNEL]),
	WEFT_LIST_INIT(rings[WEFT_ENTITY_SUBCHANNEL]),
	WEFT_LIST_INIT(rings[WEFT_ENTITY_CONNECTION]),
};
static int64_t last_id; /* under the lock */

static struct weft_entity_trace *trace_new(void)
{
	struct weft_entity_trace *trace = calloc(1, sizeof(*trace));

	if (!trace)
		abort();
	return trace;
}

void entity_enter(struct weft_entity *entity, enum weft_entity_kind kind, int64_t parent,
		  const char *name)
{
	entity->kind = kind;
	entity->parent = parent;
	entity->name = name;
	entity->created = weft_wall_clock();
	if (kind != WEFT_ENTITY_LISTENER && kind != WEFT_ENTITY_CONNECTION)
		entity->trace = trace_new();
	pthread_mutex_lock(&lock);
	if (!entity->id)
		entity->id = ++last_id;
	weft_list_append(&rings[kind], &entity->node);
	pthread_mutex_unlock(&lock);
}

void entity_enter_connection(struct weft_entity *entity, int64_t parent, const struct weft_h2 *h2,
			     char local[WEFT_ADDRESS_MAX])
{
	const struct weft_transport *transport = weft_h2_transport(h2);
	const struct weft_identity *identity = weft_transport_identity(transport);

	weft_transport_local(transport, local);
	entity->local = local;
	entity->remote = weft_transport_peer(transport);
	entity->cipher = weft_transport_cipher(transport);
	if (identity)
		entity->remote_certificate = identity->certificate;
	entity->h2 = weft_h2_counters(h2);
	entity_enter(entity, WEFT_ENTITY_CONNECTION, parent, entity->remote);
}

void entity_leave(struct weft_entity *entity)
{
	if (!entity->id)
		return;
	pthread_mutex_lock(&lock);
	weft_list_remove(&entity->node);
	pthread_mutex_unlock(&lock);
	free(entity->trace);
	entity->trace = NULL;
}

void entity_log(struct weft_entity *entity, enum weft_entity_severity severity, int64_t child,
		const char *format, ...)
{
	struct weft_entity_event event = {
		.at = weft_wall_clock(),
		.severity = severity,
		.child = child,
	};
	struct weft_entity_trace *trace = entity->trace;
	va_list args;

	va_start(args, format);
	vsnprintf(event.text, sizeof(event.text), format, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	trace->events[trace->logged++ % WEFT_ENTITY_EVENTS] = event;
	pthread_mutex_unlock(&lock);
}

void entity_set_state(struct weft_entity *entity, enum weft_connectivity state, const char *reason)
{
	if (entity->state == state)
		return;
	counter_set(&entity->state, state);
	entity_log(entity, *reason ? WEFT_EVENT_WARNING : WEFT_EVENT_INFO, 0, "%s%s%.90s",
		   weft_connectivity_name(state), *reason ? ": " : "", reason);
}

void weft_entities(enum weft_entity_kind kind, int64_t parent, int64_t from, weft_entity_cb *cb,
		   void *data)
{
	pthread_mutex_lock(&lock);
	weft_list_each (at, after, &rings[kind]) {
		const struct weft_entity *entity = weft_list_entry(at, struct weft_entity, node);

		if (entity->id < from || (parent && entity->parent != parent))
			continue;
		if (!cb(entity, data))
			break;
	}
	pthread_mutex_unlock(&lock);
}

struct search {
	int64_t id;
	weft_entity_cb *cb;
	void *data;
	bool found;
};

static bool on_candidate(const struct weft_entity *entity, void *data)
{
	struct search *search = data;

	search->found = entity->id == search->id;
	if (search->found)
		search->cb(entity, search->data);
	return false; /* the first one from that id on is it, or none is */
}

bool weft_entity_find(enum weft_entity_kind kind, int64_t id, weft_entity_cb *cb, void *data)
{
	struct search search = { .id = id, .cb = cb, .data = data };

	weft_entities(kind, 0, id, on_candidate, &search);
	return search.found;
}
