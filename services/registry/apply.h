/*
 * What requests do to the keys: on a reader for those that only read, inside a txn for the others.
 * All of a txn's changes are one revision.
 *
 * The functions give 0, an etcd_error, or negative. What they answer lives in the arena.
 */
#ifndef REGISTRY_APPLY_H
#define REGISTRY_APPLY_H

#include "etcdserverpb/rpc.pb-c.h"
#include "store.h"

struct apply {
	struct kv_view view;
	struct weft_arena *arena;
	struct kv_state state; /* before it */
	struct kv_change change;
};

/* On a reader, whose snapshot is the caller's, or in a txn. */
int apply_begin(struct apply *apply, struct kv_view view, struct weft_arena *arena);
/* The revision that its answer carries. */
int64_t apply_revision(const struct apply *apply);
/* Tells who watches, if anything has changed. */
void apply_end(struct apply *apply);

int apply_range(struct apply *apply, const Etcdserverpb__RangeRequest *req,
		Etcdserverpb__RangeResponse **ret_res);
int apply_put(struct apply *apply, const Etcdserverpb__PutRequest *req,
	      Etcdserverpb__PutResponse **ret_res);
int apply_delete(struct apply *apply, const Etcdserverpb__DeleteRangeRequest *req,
		 Etcdserverpb__DeleteRangeResponse **ret_res);
int apply_txn(struct apply *apply, const Etcdserverpb__TxnRequest *req,
	      Etcdserverpb__TxnResponse **ret_res);

/* Ends the lease and deletes its keys. */
int apply_revoke(struct apply *apply, int64_t lease);

/* A header with the revision alone; the rest is registry_fill()'s. */
Etcdserverpb__ResponseHeader *header_new(struct weft_arena *arena, int64_t revision);

#endif
