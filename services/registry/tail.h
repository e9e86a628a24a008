/*
 * The newest part of history in memory, one for each worker, and the watchers that wait at its end.
 *
 * A commit wakes the tail, which reads what is new once, however many watch. An event that concerns
 * a watcher makes it due: it notes the revision it has to go on from, and its owner is told. A
 * watcher that is not due has been told everything up to the tail's end.
 *
 *	idle ──an event concerns it──▶ due ──told up to the tail's end──▶ idle
 *
 * Who goes on from before the beginning of the tail (a watcher of old revisions, a peer that reads
 * slowly) reads pages of history from the store.
 */
#ifndef REGISTRY_TAIL_H
#define REGISTRY_TAIL_H

#include <weft/list.h>
#include <weft/map.h>

#include "store.h"

struct tail;

struct tail_event {
	int64_t main;
	bool is_delete;
	bool prev_read; /* `prev` is as it should be */
	Mvccpb__KeyValue kv;
	Mvccpb__KeyValue *prev; /* what was there before; NULL: nothing, or compacted */
	struct weft_arena *prev_arena;
};

struct watcher;
/* An event concerns it, or it has lost its place; it is not due any more before this is called. */
typedef void watcher_due_cb(struct watcher *watcher);

/* Embedded by its owner. */
struct watcher {
	struct interval interval;
	bool no_put, no_delete;
	int64_t least; /* earlier revisions are none of its business */
	int64_t next;  /* while due: the first revision that it has not been told of */
	bool due;
	watcher_due_cb *on_due;

	struct weft_list node; /* among those of its key, or of all ranges */
	struct point *point;   /* of a watcher of one key */
};

int tail_new(struct store_reader *reader, struct tail **ret_tail);
void tail_free(struct tail *tail); /* no watcher is left; takes NULL */

/* Reads what has been committed until now: nothing that was answered before is missing. */
int tail_refresh(struct tail *tail);
int64_t tail_revision(const struct tail *tail);  /* of its end */
int64_t tail_compacted(const struct tail *tail); /* as of the last refresh */

/* It is idle. The interval's bytes stay where they are until it is removed. */
void tail_add(struct tail *tail, struct watcher *watcher);
void tail_remove(struct tail *tail, struct watcher *watcher);
bool watcher_wants(const struct watcher *watcher, const struct tail_event *event);

/*
 * The events that a due watcher has to be told next, whole revisions, perhaps none. Moves it on,
 * and makes it idle when it has come to the tail's end. `with_prev`: each has its `prev`. They live
 * until the next refresh, or are in the arena. 0, ETCD_COMPACTED, or negative.
 */
int tail_take(struct tail *tail, struct watcher *watcher, bool with_prev, struct weft_arena *arena,
	      struct tail_event ***ret_events, size_t *ret_n);

#endif
