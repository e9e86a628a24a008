/* What the handlers of registry share: a worker's state, and the handlers, grouped by file. */
#ifndef REGISTRY_REGISTRY_H
#define REGISTRY_REGISTRY_H

#include <weft/list.h>

#include "apply.h"
#include "errors.h"
#include "etcdserverpb/rpc.weft.h"
#include "lessor.h"
#include "store.h"
#include "tail.h"

/* The etcd whose behaviour this is. */
#define ETCD_VERSION "3.4.23"
/* There has been one election, in which nobody else stood. */
#define RAFT_TERM    1

struct registry { /* a worker's */
	struct store *store;
	struct store_reader *reader;
	struct weft_worker *worker;
	struct lessor *lessor;       /* the process's, on its worker */
	struct compactor *compactor; /* the same */
	struct tail *tail;
	struct watches *watches;
	struct weft_list keep_alives; /* streams */
	uint64_t cluster_id;
	uint64_t member_id;
	const char *scheme; /* of our URLs */
};

/* kv.c */
int kv_handle_range(struct weft_call *call, const Etcdserverpb__RangeRequest *req, void *self);
int kv_handle_put(struct weft_call *call, const Etcdserverpb__PutRequest *req, void *self);
int kv_handle_delete(struct weft_call *call, const Etcdserverpb__DeleteRangeRequest *req,
		     void *self);
int kv_handle_txn(struct weft_call *call, const Etcdserverpb__TxnRequest *req, void *self);

/* compact.c */
int handle_compact(struct weft_call *call, const Etcdserverpb__CompactionRequest *req, void *self);
/* Sweeps what compactions have left behind, on its worker. */
struct compactor *compactor_new(struct store *store, struct weft_worker *worker);
void compactor_free(struct compactor *compactor); /* takes NULL */
void compactor_kick(struct compactor *compactor); /* there is work; any thread */

/* lease.c */
int lease_grant(struct weft_call *call, const Etcdserverpb__LeaseGrantRequest *req, void *self);
int lease_revoke(struct weft_call *call, const Etcdserverpb__LeaseRevokeRequest *req, void *self);
int lease_keep_alive(struct weft_call *call, void *self);
void keep_alives_end(struct registry *registry); /* the server stops */
int lease_time_to_live(struct weft_call *call, const Etcdserverpb__LeaseTimeToLiveRequest *req,
		       void *self);
int lease_leases(struct weft_call *call, const Etcdserverpb__LeaseLeasesRequest *req, void *self);

/* watch.c: a worker's streams. */
struct watches *watches_new(struct registry *registry, uint64_t progress_ns);
void watches_end(struct watches *watches);  /* the server stops: clients go elsewhere */
void watches_free(struct watches *watches); /* no stream is left; takes NULL */
int watch(struct weft_call *call, void *self);

/* member.c */
/* Says in the header who answers; it has its revision. */
void registry_fill(const struct registry *registry, Etcdserverpb__ResponseHeader *header);
/* A whole header, with the revision as it is now. */
int registry_header(struct registry *registry, struct weft_arena *arena,
		    Etcdserverpb__ResponseHeader **ret_header);
int member_list(struct weft_call *call, const Etcdserverpb__MemberListRequest *req, void *self);
int alarm_list(struct weft_call *call, const Etcdserverpb__AlarmRequest *req, void *self);
int member_status(struct weft_call *call, const Etcdserverpb__StatusRequest *req, void *self);
int authenticate(struct weft_call *call, const Etcdserverpb__AuthenticateRequest *req, void *self);
int auth_status(struct weft_call *call, const Etcdserverpb__AuthStatusRequest *req, void *self);

#endif
