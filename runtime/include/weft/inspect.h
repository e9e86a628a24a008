/*
 * What the process has of servers, channels and connections, and how they fare: what channelz tells
 * (gRFC A14), for whoever wants to show it otherwise.
 *
 * Each of them is entered into one registry when it begins, and taken out when it ends. A look at
 * them holds the registry's lock: what is shown stays until the callback has returned, and nothing
 * begins or ends meanwhile. So a callback copies what it wants and returns, and neither begins nor
 * ends anything itself. Counters are written by the worker that owns the entity, without a lock,
 * and go on while they are looked at: read them with weft_counter_read().
 */
#ifndef WEFT_INSPECT_H
#define WEFT_INSPECT_H

#include <weft/channel.h>
#include <weft/h2.h>
#include <weft/list.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum weft_entity_kind {
	WEFT_ENTITY_SERVER,
	WEFT_ENTITY_LISTENER, /* of a server; entered once for each server that it serves */
	WEFT_ENTITY_CHANNEL,
	WEFT_ENTITY_SUBCHANNEL, /* of a channel */
	WEFT_ENTITY_CONNECTION, /* of a server or a subchannel */
};

enum weft_entity_severity { WEFT_EVENT_INFO = 1, WEFT_EVENT_WARNING, WEFT_EVENT_ERROR };

#define WEFT_ENTITY_EVENTS 16 /* that are kept */

struct weft_entity_event {
	uint64_t at; /* wall clock, ns */
	enum weft_entity_severity severity;
	int64_t child; /* the id of the subchannel that it is about, or 0 */
	char text[112];
};

struct weft_entity_trace {
	uint64_t logged; /* events, ever; the last ones are in events[i % WEFT_ENTITY_EVENTS] */
	struct weft_entity_event events[WEFT_ENTITY_EVENTS];
};

/* Of a server, channel or subchannel. Moments are of weft_now(), 0: never. */
struct weft_entity_calls {
	uint64_t started;
	uint64_t succeeded;
	uint64_t failed;
	uint64_t last_started;
};

struct weft_entity {
	enum weft_entity_kind kind;
	int64_t id;        /* positive, never used again */
	int64_t parent;    /* the id of whose it is; 0 for servers and channels */
	uint64_t created;  /* wall clock, ns */
	const char *name;  /* a server's worker, a channel's target, an address */
	const char *local; /* a connection's addresses, as weft/transport.h writes them */
	const char *remote;
	bool server; /* a connection is a server's, not a subchannel's */

	/* Counters. */
	uint64_t state; /* enum weft_connectivity, of a channel or subchannel */
	struct weft_entity_calls calls;
	const struct weft_h2_counters *h2; /* of a connection; else NULL */

	/* Of a connection with TLS. */
	const char *cipher;                   /* IANA's name, or NULL */
	struct weft_bytes remote_certificate; /* DER, when it was verified; or empty */

	struct weft_entity_trace *trace; /* NULL: nothing is logged of its kind */
	struct weft_list node;           /* the registry's */
};

/* A value that another thread writes, as it was a moment ago. */
static inline uint64_t weft_counter_read(const uint64_t *counter)
{
	return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* Returns whether it wants more. */
typedef bool weft_entity_cb(const struct weft_entity *entity, void *data);

/* Those of a kind from an id on, in the order of ids; of one parent alone unless `parent` is 0. Any
 * thread. */
void weft_entities(enum weft_entity_kind kind, int64_t parent, int64_t from, weft_entity_cb *cb,
		   void *data);
/* The one of that kind and id: false when there is none. The callback's answer means nothing. */
bool weft_entity_find(enum weft_entity_kind kind, int64_t id, weft_entity_cb *cb, void *data);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
