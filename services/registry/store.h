/*
 * The registry's keys, leases and history. Reads run on a worker's reader, a pool thread or inside
 * a txn; what changes something runs inside a txn, on the writer's thread.
 */
#ifndef REGISTRY_STORE_H
#define REGISTRY_STORE_H

#include "chassis/store.h"
#include "interval.h"
#include "mvccpb/kv.pb-c.h"

extern const struct store_migration registry_migrations[];
extern const size_t registry_n_migrations;

#define TOPIC_KEYS 1u /* keys have changed */

/* Where a read looks: one of both. */
struct kv_view {
	struct store_reader *reader;
	struct store_txn *txn;
};

struct kv_state {
	int64_t revision;  /* the last one; a store begins with 1 */
	int64_t compacted; /* earlier ones cannot be read */
	int64_t sweeping;  /* of earlier ones, a part may be gone from the file */
	int64_t swept;     /* of earlier ones, nothing is there that need not be */
	uint64_t cluster_id;
	uint64_t member_id;
};
int kv_state(const struct kv_view *view, struct kv_state *ret_state);

/* The key as it is: 0 or STORE_NOT_FOUND. */
int kv_get(const struct kv_view *view, struct weft_bytes key, struct weft_arena *arena,
	   Mvccpb__KeyValue **ret_kv);

/* In the order of etcd's SortTarget. */
enum kv_target { KV_KEY, KV_VERSION, KV_CREATE, KV_MOD, KV_VALUE };

struct kv_query {
	struct interval interval;
	int64_t revision; /* 0: as they are; else one that is there and not compacted */
	int64_t min_mod, max_mod, min_create, max_create;
	int64_t limit; /* -1: none */
	enum kv_target target;
	bool descending;
	bool keys_only;
};
#define KV_QUERY(...)                                                                              \
	((struct kv_query) {                                                                       \
		.max_mod = INT64_MAX, .max_create = INT64_MAX, .limit = -1, __VA_ARGS__ })

/* What it finds, in order. -ENOMEM */
int kv_range(const struct kv_view *view, const struct kv_query *query, struct weft_arena *arena,
	     Mvccpb__KeyValue ***ret_kvs, size_t *ret_n);
/* How many there are, whatever the limit. */
int kv_count(const struct kv_view *view, const struct kv_query *query, int64_t *ret_count);

/* ---- writing */

/* One txn's revision. `sub` counts its changes: as long as it is 0, nothing has happened. */
struct kv_change {
	struct store_txn *txn;
	int64_t main;
	int64_t sub;
};

/* `was`: the key as kv_get() has just found it, or NULL. */
int kv_put(struct kv_change *change, struct weft_bytes key, struct weft_bytes value, int64_t lease,
	   const Mvccpb__KeyValue *was);
int kv_delete(struct kv_change *change, const Mvccpb__KeyValue *was);

/* ---- history */

struct kv_event {
	int64_t main;
	bool is_delete;
	Mvccpb__KeyValue kv; /* of a deletion, key and mod_revision alone */
};

/* Called for each change, oldest first; what it is shown is gone when it returns. Negative ends
 * the walk. */
typedef int kv_event_cb(const struct kv_event *event, void *data);
/* Whole revisions from `from` to `to`, as many as `rows` and `bytes` let be read before one more
 * begins. *ret_next is the first that was not, `to` + 1 at the end. */
int kv_walk(const struct kv_view *view, int64_t from, int64_t to, size_t rows, size_t bytes,
	    kv_event_cb *cb, void *data, int64_t *ret_next);

/* Says that history before `revision` is not to be read any more. */
int kv_set_compacted(struct store_txn *txn, int64_t revision);

/* Where a sweep stands. */
struct kv_sweep {
	int64_t revision; /* what was superseded before it goes */
	int64_t main, sub;
	bool done;
};
/* Takes the sweep on by a piece; the last one is noted in the state. */
int kv_sweep(struct store_txn *txn, struct kv_sweep *sweep);

/* ---- leases */

struct kv_lease {
	int64_t id;
	int64_t ttl; /* seconds */
};

int lease_insert(struct store_txn *txn, const struct kv_lease *lease); /* 0 or STORE_CONFLICT */
int lease_delete(struct store_txn *txn, int64_t id);                   /* 0 or STORE_NOT_FOUND */
int lease_find(const struct kv_view *view, int64_t id);                /* 0 or STORE_NOT_FOUND */
int lease_list(const struct kv_view *view, struct weft_arena *arena, struct kv_lease **ret_leases,
	       size_t *ret_n);
/* Its keys, in their order. */
int lease_keys(const struct kv_view *view, int64_t id, struct weft_arena *arena,
	       Mvccpb__KeyValue ***ret_kvs, size_t *ret_n);

/* Of the file, in bytes. */
int kv_size(const struct kv_view *view, int64_t *ret_size, int64_t *ret_in_use);

#endif
