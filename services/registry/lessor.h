/*
 * The leases of the process. They belong to one worker, which keeps their time and makes every
 * write that begins or ends one, so that what it knows is what the store holds. Other workers post
 * it an operation, and get it back when it is done.
 *
 * The store keeps a lease and what it was granted, not what is left of it: a renewal is no write.
 * So after a restart each lease has its whole time again, as etcd gives it after a change of
 * leader.
 */
#ifndef REGISTRY_LESSOR_H
#define REGISTRY_LESSOR_H

#include <weft/list.h>
#include <weft/map.h>

#include "store.h"

/* In seconds, as etcd has them: one and a half times its election timeout, rounded up. */
#define LEASE_TTL_LEAST 2
#define LEASE_TTL_MOST  9000000000

struct lessor;
struct lease_op;

enum lease_op_kind {
	LEASE_GRANT,  /* `id` 0: chosen. ETCD_LEASE_EXISTS, ETCD_LEASE_TTL_TOO_LARGE */
	LEASE_REVOKE, /* ETCD_LEASE_NOT_FOUND */
	LEASE_RENEW,  /* the same; one that is expiring is waited for */
	LEASE_LOOK,   /* the same */
};

/* Embedded by its owner; the lessor's from start to done. */
struct lease_op {
	enum lease_op_kind kind;
	int64_t id;
	int64_t ttl;  /* in: asked for, of a grant. Out: granted, in seconds */
	int64_t left; /* out, of a look: seconds */
	struct weft_worker *owner;
	/* On the owner's loop, exactly once: 0, an etcd_error, an outcome of a write, or
	 * negative. */
	void (*done)(struct lease_op *op, int r);

	struct weft_task task;
	struct weft_list node;
	struct lessor *lessor;
	struct store_write write;
	int r;
};

/* On `worker`, which runs; reads the leases that there are. */
int lessor_new(struct store *store, struct weft_worker *worker, struct lessor **ret_lessor);
void lessor_free(struct lessor *lessor); /* there too; takes NULL */

/* From the owner's loop; cannot fail. */
void lessor_start(struct lessor *lessor, struct lease_op *op);

#endif
