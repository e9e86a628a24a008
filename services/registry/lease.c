/* LeaseGrant, LeaseRevoke, LeaseKeepAlive, LeaseTimeToLive, LeaseLeases. */
#include <errno.h>

#include "registry.h"

struct lease_call { /* in the call's arena, which is kept while the lessor has it */
	struct lease_op op;
	struct registry *registry;
	struct weft_call *call;
	bool keys;
};

static void start(struct lease_call *lease, struct weft_call *call, struct registry *registry)
{
	lease->registry = registry;
	lease->call = weft_call_ref(call);
	lease->op.owner = registry->worker;
	lessor_start(registry->lessor, &lease->op);
}

static struct lease_call *lease_call_new(struct weft_call *call, enum lease_op_kind kind,
					 int64_t id, void (*done)(struct lease_op *op, int r))
{
	struct lease_call *lease = weft_arena_zalloc(weft_call_arena(call), sizeof(*lease));

	lease->op.kind = kind;
	lease->op.id = id;
	lease->op.done = done;
	return lease;
}

/* ---- grant and revoke */

static int answer_grant(struct lease_call *lease)
{
	Etcdserverpb__LeaseGrantResponse res = ETCDSERVERPB__LEASE_GRANT_RESPONSE__INIT;
	int r;

	r = registry_header(lease->registry, weft_call_arena(lease->call), &res.header);
	if (r < 0)
		return r;
	res.id = lease->op.id;
	res.ttl = lease->op.ttl;
	return etcdserverpb_lease_lease_grant_reply(lease->call, &res);
}

static void on_granted(struct lease_op *op, int r)
{
	struct lease_call *lease = weft_container_of(op, struct lease_call, op);

	if (r == 0)
		r = answer_grant(lease);
	if (r != 0)
		etcd_fail(lease->call, r);
	weft_call_unref(lease->call);
}

int lease_grant(struct weft_call *call, const Etcdserverpb__LeaseGrantRequest *req, void *self)
{
	struct lease_call *lease = lease_call_new(call, LEASE_GRANT, req->id, on_granted);

	lease->op.ttl = req->ttl;
	start(lease, call, self);
	return 0; /* answered in on_granted() */
}

static int answer_revoke(struct lease_call *lease)
{
	Etcdserverpb__LeaseRevokeResponse res = ETCDSERVERPB__LEASE_REVOKE_RESPONSE__INIT;
	int r;

	r = registry_header(lease->registry, weft_call_arena(lease->call), &res.header);
	return r < 0 ? r : etcdserverpb_lease_lease_revoke_reply(lease->call, &res);
}

static void on_revoked(struct lease_op *op, int r)
{
	struct lease_call *lease = weft_container_of(op, struct lease_call, op);

	if (r == 0)
		r = answer_revoke(lease);
	if (r != 0)
		etcd_fail(lease->call, r);
	weft_call_unref(lease->call);
}

int lease_revoke(struct weft_call *call, const Etcdserverpb__LeaseRevokeRequest *req, void *self)
{
	start(lease_call_new(call, LEASE_REVOKE, req->id, on_revoked), call, self);
	return 0; /* answered in on_revoked() */
}

/* ---- time to live */

static int read_keys(struct lease_call *lease, Etcdserverpb__LeaseTimeToLiveResponse *res)
{
	struct weft_arena *arena = weft_call_arena(lease->call);
	struct kv_view view = { .reader = lease->registry->reader };
	Mvccpb__KeyValue **kvs = NULL;
	size_t n = 0;
	int r;

	r = lease_keys(&view, lease->op.id, arena, &kvs, &n);
	if (r != 0)
		return r;
	res->keys = weft_arena_new_array(arena, ProtobufCBinaryData, n);
	if (!res->keys)
		return -ENOMEM;
	for (; res->n_keys < n; res->n_keys++)
		res->keys[res->n_keys] = kvs[res->n_keys]->key;
	return 0;
}

static int answer_time(struct lease_call *lease, bool found)
{
	Etcdserverpb__LeaseTimeToLiveResponse res = ETCDSERVERPB__LEASE_TIME_TO_LIVE_RESPONSE__INIT;
	int r;

	r = registry_header(lease->registry, weft_call_arena(lease->call), &res.header);
	if (r < 0)
		return r;
	res.id = lease->op.id;
	res.ttl = found ? lease->op.left : -1;
	res.grantedttl = found ? lease->op.ttl : 0;
	if (found && lease->keys)
		r = read_keys(lease, &res);
	return r != 0 ? r : etcdserverpb_lease_lease_time_to_live_reply(lease->call, &res);
}

static void on_looked(struct lease_op *op, int r)
{
	struct lease_call *lease = weft_container_of(op, struct lease_call, op);

	if (r == 0 || r == ETCD_LEASE_NOT_FOUND)
		r = answer_time(lease, r == 0);
	if (r != 0)
		etcd_fail(lease->call, r);
	weft_call_unref(lease->call);
}

int lease_time_to_live(struct weft_call *call, const Etcdserverpb__LeaseTimeToLiveRequest *req,
		       void *self)
{
	struct lease_call *lease = lease_call_new(call, LEASE_LOOK, req->id, on_looked);

	lease->keys = req->keys;
	start(lease, call, self);
	return 0; /* answered in on_looked() */
}

int lease_leases(struct weft_call *call, const Etcdserverpb__LeaseLeasesRequest *req, void *self)
{
	Etcdserverpb__LeaseLeasesResponse res = ETCDSERVERPB__LEASE_LEASES_RESPONSE__INIT;
	struct weft_arena *arena = weft_call_arena(call);
	struct registry *registry = self;
	struct kv_lease *leases = NULL;
	size_t n = 0;
	int r;

	r = lease_list(&(struct kv_view) { .reader = registry->reader }, arena, &leases, &n);
	if (r == 0)
		r = registry_header(registry, arena, &res.header);
	if (r != 0)
		return r;
	res.leases = weft_arena_new_array(arena, Etcdserverpb__LeaseStatus *, n);
	if (!res.leases)
		return -ENOMEM;
	for (; res.n_leases < n; res.n_leases++) {
		Etcdserverpb__LeaseStatus *status = weft_arena_alloc(arena, sizeof(*status));

		etcdserverpb__lease_status__init(status);
		status->id = leases[res.n_leases].id;
		res.leases[res.n_leases] = status;
	}
	return etcdserverpb_lease_lease_leases_reply(call, &res);
}

/* ---- keep alive: one after the other, each answered before the next is heard */

struct keep_alive { /* in the call's arena */
	struct lease_op op;
	struct weft_list node;
	struct registry *registry;
	struct weft_call *call;
	int64_t revision; /* before the renewal: the lease was there at this one */
	bool renewing;    /* the call is held and kept */
	bool half_closed;
};

/* The next message is heard when this one is out and the peer reads. */
static void go_on(struct keep_alive *keep)
{
	if (keep->renewing)
		return;
	if (keep->half_closed)
		weft_call_finish(keep->call);
	else if (weft_call_writable(keep->call))
		weft_call_resume(keep->call);
}

static int send_renewed(struct keep_alive *keep, int64_t ttl)
{
	Etcdserverpb__LeaseKeepAliveResponse res = ETCDSERVERPB__LEASE_KEEP_ALIVE_RESPONSE__INIT;
	struct weft_arena *scratch = weft_call_scratch(keep->call);

	weft_arena_reset(scratch);
	res.header = header_new(scratch, keep->revision);
	registry_fill(keep->registry, res.header);
	res.id = keep->op.id;
	res.ttl = ttl;
	return etcdserverpb_lease_lease_keep_alive_send(keep->call, &res);
}

static void on_renewed(struct lease_op *op, int r)
{
	struct keep_alive *keep = weft_container_of(op, struct keep_alive, op);
	struct weft_call *call = keep->call;

	keep->renewing = false;
	if (!weft_call_ended(call)) {
		/* A lease that is gone is an answer, not an error. */
		if (r == 0 || r == ETCD_LEASE_NOT_FOUND)
			r = send_renewed(keep, r == 0 ? op->ttl : 0);
		if (r != 0)
			etcd_fail(call, r);
		else
			go_on(keep);
	}
	weft_call_unref(call);
}

static int on_keep_alive(struct weft_call *call, const Etcdserverpb__LeaseKeepAliveRequest *req,
			 void *data)
{
	struct keep_alive *keep = data;
	struct kv_view view = { .reader = keep->registry->reader };
	struct kv_state state;
	int r;

	r = kv_state(&view, &state);
	if (r < 0)
		return r;
	keep->revision = state.revision;
	weft_call_hold(call);
	weft_call_ref(call);
	keep->renewing = true;
	keep->op = (struct lease_op) {
		.kind = LEASE_RENEW,
		.id = req->id,
		.owner = keep->registry->worker,
		.done = on_renewed,
	};
	lessor_start(keep->registry->lessor, &keep->op);
	return 0; /* goes on in on_renewed() */
}

static int on_half_close(struct weft_call *call, void *data)
{
	struct keep_alive *keep = data;

	keep->half_closed = true;
	go_on(keep);
	return 0;
}

static int keep_alive_pump(struct weft_call *call, void *data)
{
	go_on(data);
	return 0;
}

static void on_gone(void *data)
{
	struct keep_alive *keep = data;

	weft_list_remove(&keep->node);
}

int lease_keep_alive(struct weft_call *call, void *self)
{
	struct keep_alive *keep = weft_arena_zalloc(weft_call_arena(call), sizeof(*keep));

	keep->registry = self;
	keep->call = call;
	weft_list_append(&keep->registry->keep_alives, &keep->node);
	weft_arena_defer(weft_call_arena(call), on_gone, keep);
	etcdserverpb_lease_lease_keep_alive_receive(call, on_keep_alive, on_half_close, keep);
	weft_call_on_ready(call, keep_alive_pump, keep);
	return 0;
}

/* Clients keep such a stream for as long as they live: no drain waits for them. */
void keep_alives_end(struct registry *registry)
{
	weft_list_each (node, after, &registry->keep_alives)
		etcd_fail(weft_list_entry(node, struct keep_alive, node)->call, ETCD_STOPPED);
}
