/*
 * Range, Put, DeleteRange, Txn.
 *
 * A read of one key is done at once on the worker's reader; a range, which may be long, goes to the
 * pool. Both see every write that was answered before. Writes and txns that write go through the
 * writer.
 */
#include <errno.h>

#include "check.h"
#include "registry.h"

/* ---- reading */

struct read { /* in the call's arena */
	struct store_query query;
	struct registry *registry;
	const Etcdserverpb__RangeRequest *range; /* one of both */
	const Etcdserverpb__TxnRequest *txn;
	Etcdserverpb__RangeResponse *range_res;
	Etcdserverpb__TxnResponse *txn_res;
};

/* In one snapshot of the view. */
static int run_read(struct read *read, struct kv_view view, struct weft_arena *arena)
{
	struct apply apply;
	int r;

	r = apply_begin(&apply, view, arena);
	if (r != 0)
		return r;
	if (read->range)
		return apply_range(&apply, read->range, &read->range_res);
	return apply_txn(&apply, read->txn, &read->txn_res);
}

static int reply_read(struct read *read, struct weft_call *call)
{
	if (read->range) {
		registry_fill(read->registry, read->range_res->header);
		return etcdserverpb_kv_range_reply(call, read->range_res);
	}
	registry_fill(read->registry, read->txn_res->header);
	return etcdserverpb_kv_txn_reply(call, read->txn_res);
}

static int read_here(struct read *read, struct weft_call *call)
{
	struct kv_view view = { .reader = read->registry->reader };
	int r;

	r = store_reader_begin(view.reader);
	if (r != 0)
		return r;
	r = run_read(read, view, weft_call_arena(call));
	store_reader_end(view.reader);
	return r ? etcd_fail(call, r) : reply_read(read, call);
}

static int on_pool(struct store_reader *reader, struct store_query *query)
{
	return run_read(weft_container_of(query, struct read, query),
			(struct kv_view) { .reader = reader }, query->arena);
}

static void on_read(struct store_query *query, int r)
{
	struct read *read = weft_container_of(query, struct read, query);
	struct weft_arena *arena = query->arena;

	if (r != 0)
		etcd_fail(query->call, r);
	else
		reply_read(read, query->call);
	weft_arena_free(arena);
}

static int read_in_pool(struct read *read, struct weft_call *call)
{
	read->query = (struct store_query) {
		.run = on_pool,
		.done = on_read,
		.owner = read->registry->worker,
		.call = call,
		.arena = weft_arena_new(),
		.deadline_ns = weft_call_deadline(call),
	};
	store_query(read->registry->store, &read->query);
	return 0; /* answered in on_read() */
}

int kv_handle_range(struct weft_call *call, const Etcdserverpb__RangeRequest *req, void *self)
{
	struct read *read = weft_arena_zalloc(weft_call_arena(call), sizeof(*read));
	int r = check_range(req);

	if (r != 0)
		return etcd_fail(call, r);
	read->registry = self;
	read->range = req;
	return req->range_end.len ? read_in_pool(read, call) : read_here(read, call);
}

/* ---- writing */

struct change { /* in the call's arena */
	struct store_write write;
	struct registry *registry;
	const Etcdserverpb__PutRequest *put; /* one of the three */
	const Etcdserverpb__DeleteRangeRequest *delete;
	const Etcdserverpb__TxnRequest *txn;
	Etcdserverpb__PutResponse *put_res;
	Etcdserverpb__DeleteRangeResponse *delete_res;
	Etcdserverpb__TxnResponse *txn_res;
};

static int change_txn(struct store_txn *txn, struct store_write *write)
{
	struct change *change = weft_container_of(write, struct change, write);
	struct apply apply;
	int r;

	r = apply_begin(&apply, (struct kv_view) { .txn = txn }, write->arena);
	if (r != 0)
		return r;
	if (change->put)
		r = apply_put(&apply, change->put, &change->put_res);
	else if (change->delete)
		r = apply_delete(&apply, change->delete, &change->delete_res);
	else
		r = apply_txn(&apply, change->txn, &change->txn_res);
	apply_end(&apply);
	return r;
}

static int reply_change(struct change *change, struct weft_call *call)
{
	if (change->put) {
		registry_fill(change->registry, change->put_res->header);
		return etcdserverpb_kv_put_reply(call, change->put_res);
	}
	if (change->delete) {
		registry_fill(change->registry, change->delete_res->header);
		return etcdserverpb_kv_delete_range_reply(call, change->delete_res);
	}
	registry_fill(change->registry, change->txn_res->header);
	return etcdserverpb_kv_txn_reply(call, change->txn_res);
}

static void on_changed(struct store_write *write, int r)
{
	struct change *change = weft_container_of(write, struct change, write);
	struct weft_arena *arena = write->arena;

	if (r != 0)
		etcd_fail(write->call, r);
	else
		reply_change(change, write->call);
	weft_arena_free(arena);
}

static struct change *change_new(struct weft_call *call, struct registry *registry)
{
	struct change *change = weft_arena_zalloc(weft_call_arena(call), sizeof(*change));

	change->registry = registry;
	change->write = (struct store_write) {
		.txn = change_txn,
		.done = on_changed,
		.owner = registry->worker,
		.call = call,
		.arena = weft_arena_new(),
		.deadline_ns = weft_call_deadline(call),
	};
	return change;
}

int kv_handle_put(struct weft_call *call, const Etcdserverpb__PutRequest *req, void *self)
{
	struct registry *registry = self;
	struct change *change;
	int r = check_put(req);

	if (r != 0)
		return etcd_fail(call, r);
	change = change_new(call, registry);
	change->put = req;
	store_write(registry->store, &change->write);
	return 0; /* answered in on_changed() */
}

int kv_handle_delete(struct weft_call *call, const Etcdserverpb__DeleteRangeRequest *req,
		     void *self)
{
	struct registry *registry = self;
	struct change *change;
	int r = check_delete(req);

	if (r != 0)
		return etcd_fail(call, r);
	change = change_new(call, registry);
	change->delete = req;
	store_write(registry->store, &change->write);
	return 0; /* answered in on_changed() */
}

int kv_handle_txn(struct weft_call *call, const Etcdserverpb__TxnRequest *req, void *self)
{
	struct registry *registry = self;
	struct change *change;
	int r = check_txn(req);

	if (r != 0)
		return etcd_fail(call, r);
	if (txn_is_readonly(req)) {
		struct read *read = weft_arena_zalloc(weft_call_arena(call), sizeof(*read));

		read->registry = registry;
		read->txn = req;
		return read_in_pool(read, call);
	}
	change = change_new(call, registry);
	change->txn = req;
	store_write(registry->store, &change->write);
	return 0; /* answered in on_changed() */
}
