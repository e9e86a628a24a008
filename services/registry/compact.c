/*
 * Compaction: one write says from where on history may be read, and that is what the answer waits
 * for; what is before goes in pieces, a write each. The compactor does this for the process: it is
 * kicked by each compaction, and once at the start, for one that a crash has broken off. A call
 * that asks for `physical` does the pieces itself and is answered after the last.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include "registry.h"

#define PAUSE_NS WEFT_SECOND /* after a failure */

/* ---- a sweep, piece by piece */

struct sweep {
	struct store_write write;
	struct kv_sweep at;
	struct kv_sweep next;
};

static int sweep_txn(struct store_txn *txn, struct store_write *write)
{
	struct sweep *sweep = weft_container_of(write, struct sweep, write);
	struct kv_view view = { .txn = txn };
	struct kv_state state;
	int r;

	r = kv_state(&view, &state);
	if (r != 0)
		return r;
	sweep->next = sweep->at;
	if (sweep->next.revision == 0)
		sweep->next.revision = state.compacted;
	if (state.swept >= sweep->next.revision) {
		sweep->next.done = true;
		return 0;
	}
	return kv_sweep(txn, &sweep->next);
}

/* `sweep->at.revision` 0: up to whatever is compacted. */
static void sweep_piece(struct sweep *sweep, struct store *store, struct weft_worker *worker,
			struct weft_call *call, store_done_cb *done)
{
	sweep->write = (struct store_write) {
		.txn = sweep_txn,
		.done = done,
		.owner = worker,
		.call = call,
		.deadline_ns = call ? weft_call_deadline(call) : 0,
	};
	store_write(store, &sweep->write);
}

/* ---- the process's */

struct compactor {
	struct sweep sweep;
	struct store *store;
	struct weft_worker *worker;
	struct weft_timer timer;
	struct weft_task kick;
	atomic_bool kicked; /* the task is on its way */
	bool sweeping;
	bool again; /* kicked while it sweeps */
	bool freed; /* gone when nothing is under way */
};

static void release(struct compactor *compactor)
{
	if (compactor->freed && !compactor->sweeping && !atomic_load(&compactor->kicked))
		free(compactor);
}

static void on_piece(struct store_write *write, int r);

static void go_on(struct compactor *compactor)
{
	compactor->sweeping = true;
	sweep_piece(&compactor->sweep, compactor->store, compactor->worker, NULL, on_piece);
}

static void begin(struct compactor *compactor)
{
	compactor->again = false;
	compactor->sweep.at = (struct kv_sweep) { 0 };
	go_on(compactor);
}

static void on_piece(struct store_write *write, int r)
{
	struct compactor *compactor = weft_container_of(write, struct compactor, sweep.write);

	compactor->sweeping = false;
	if (compactor->freed) {
		release(compactor);
		return;
	}
	if (r != 0) {
		if (r < 0)
			weft_log_warning("history was not swept", WEFT_ERRNO(r));
		weft_timer_start(weft_worker_loop(compactor->worker), &compactor->timer, PAUSE_NS);
		return;
	}
	compactor->sweep.at = compactor->sweep.next;
	if (!compactor->sweep.at.done)
		go_on(compactor);
	else if (compactor->again)
		begin(compactor);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	begin(data);
}

static void on_kick(struct weft_task *task)
{
	struct compactor *compactor = weft_container_of(task, struct compactor, kick);

	atomic_store(&compactor->kicked, false);
	if (compactor->freed)
		release(compactor);
	else if (compactor->sweeping || weft_timer_started(&compactor->timer))
		compactor->again = true;
	else
		begin(compactor);
}

struct compactor *compactor_new(struct store *store, struct weft_worker *worker)
{
	struct compactor *compactor = calloc(1, sizeof(*compactor));

	if (!compactor)
		abort();
	compactor->store = store;
	compactor->worker = worker;
	compactor->kick.run = on_kick;
	weft_timer_init(&compactor->timer, on_timer, compactor);
	begin(compactor);
	return compactor;
}

void compactor_free(struct compactor *compactor)
{
	if (!compactor)
		return;
	weft_timer_stop(weft_worker_loop(compactor->worker), &compactor->timer);
	compactor->freed = true;
	release(compactor);
}

void compactor_kick(struct compactor *compactor)
{
	if (!atomic_exchange(&compactor->kicked, true))
		weft_worker_post(compactor->worker, &compactor->kick);
}

/* ---- Compact */

struct compact { /* in the call's arena */
	struct store_write write;
	struct sweep sweep;
	struct registry *registry;
	const Etcdserverpb__CompactionRequest *req;
	int64_t revision; /* of the answer */
};

static int compact_txn(struct store_txn *txn, struct store_write *write)
{
	struct compact *compact = weft_container_of(write, struct compact, write);
	struct kv_view view = { .txn = txn };
	struct kv_state state;
	int r;

	r = kv_state(&view, &state);
	if (r != 0)
		return r;
	if (compact->req->revision <= state.compacted)
		return ETCD_COMPACTED;
	if (compact->req->revision > state.revision)
		return ETCD_FUTURE_REVISION;
	compact->revision = state.revision;
	return kv_set_compacted(txn, compact->req->revision);
}

static void reply(struct compact *compact, struct weft_call *call)
{
	Etcdserverpb__CompactionResponse res = ETCDSERVERPB__COMPACTION_RESPONSE__INIT;

	res.header = header_new(weft_call_arena(call), compact->revision);
	registry_fill(compact->registry, res.header);
	etcdserverpb_kv_compact_reply(call, &res);
}

static void on_own_piece(struct store_write *write, int r)
{
	struct compact *compact = weft_container_of(write, struct compact, sweep.write);
	struct registry *registry = compact->registry;
	struct weft_call *call = write->call;

	compact->sweep.at = compact->sweep.next;
	if (r != 0)
		etcd_fail(call, r);
	else if (compact->sweep.at.done)
		reply(compact, call);
	else
		sweep_piece(&compact->sweep, registry->store, registry->worker, call, on_own_piece);
}

static void on_compacted(struct store_write *write, int r)
{
	struct compact *compact = weft_container_of(write, struct compact, write);
	struct registry *registry = compact->registry;
	struct weft_call *call = write->call;

	if (r != 0) {
		etcd_fail(call, r);
		return;
	}
	compactor_kick(registry->compactor);
	compact->sweep.at.revision = compact->req->revision;
	if (compact->req->physical)
		sweep_piece(&compact->sweep, registry->store, registry->worker, call, on_own_piece);
	else
		reply(compact, call);
}

int handle_compact(struct weft_call *call, const Etcdserverpb__CompactionRequest *req, void *self)
{
	struct compact *compact = weft_arena_zalloc(weft_call_arena(call), sizeof(*compact));

	compact->registry = self;
	compact->req = req;
	compact->write = (struct store_write) {
		.txn = compact_txn,
		.done = on_compacted,
		.owner = compact->registry->worker,
		.call = call,
		.deadline_ns = weft_call_deadline(call),
	};
	store_write(compact->registry->store, &compact->write);
	return 0; /* answered in on_compacted() or on_own_piece() */
}
