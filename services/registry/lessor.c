/*
 * The leases of the process.
 *
 *	granted ──timer──▶ expiring ──its write is done──▶ gone
 *	   │ ▲                 │ renewals wait here, and hear that it is gone
 *	   │ └─renew           └─the write failed: tried again
 *	   └──────revoke: its write is done──────────────▶ gone
 *
 * The writes of all operations have one owner, so their done() come in the order of their commits.
 */
#include "lessor.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "apply.h"
#include "errors.h"

#define RETRY_NS WEFT_SECOND

struct lease {
	int64_t id; /* its key in the map */
	int64_t ttl;
	struct lessor *lessor;
	struct weft_timer timer;
	struct store_write write; /* of the expiry */
	bool expiring;
	struct weft_list waiting; /* renewals of an expiring one */
};

struct lessor {
	struct store *store;
	struct weft_worker *worker;
	struct weft_map leases;
	size_t writing; /* writes under way */
	bool freed;     /* gone when there is none */
};

static struct weft_loop *loop_of(const struct lessor *lessor)
{
	return weft_worker_loop(lessor->worker);
}

static struct lease *find(struct lessor *lessor, int64_t id)
{
	return weft_map_get(&lessor->leases, (const char *)&id, sizeof(id));
}

/* ---- an operation's way back */

static void on_back(struct weft_task *task)
{
	struct lease_op *op = weft_container_of(task, struct lease_op, task);

	op->done(op, op->r);
}

static void finish(struct lease_op *op, int r)
{
	op->r = r;
	op->task.run = on_back;
	weft_worker_post(op->owner, &op->task);
}

/* ---- leases come and go */

static void on_expired(struct weft_timer *timer, void *data);

static void renew(struct lease *lease)
{
	weft_timer_start(loop_of(lease->lessor), &lease->timer, (uint64_t)lease->ttl * WEFT_SECOND);
}

static void add(struct lessor *lessor, int64_t id, int64_t ttl)
{
	struct lease *lease = calloc(1, sizeof(*lease));

	if (!lease)
		abort();
	lease->id = id;
	lease->ttl = ttl;
	lease->lessor = lessor;
	weft_list_init(&lease->waiting);
	weft_timer_init(&lease->timer, on_expired, lease);
	if (weft_map_put(&lessor->leases, (const char *)&lease->id, sizeof(lease->id), lease) < 0)
		abort();
	renew(lease);
}

static void tell_waiting(struct lease *lease, int r)
{
	struct weft_list *node;

	while ((node = weft_list_pop(&lease->waiting)))
		finish(weft_list_entry(node, struct lease_op, node), r);
}

static void discard(struct lease *lease)
{
	struct lessor *lessor = lease->lessor;

	weft_timer_stop(loop_of(lessor), &lease->timer);
	tell_waiting(lease, ETCD_LEASE_NOT_FOUND);
	weft_map_remove(&lessor->leases, (const char *)&lease->id, sizeof(lease->id));
	free(lease);
}

static void release(struct lessor *lessor)
{
	void *lease;

	if (!lessor->freed || lessor->writing)
		return;
	for (size_t at = 0; weft_map_next(&lessor->leases, &at, &lease);)
		free(lease);
	weft_map_fini(&lessor->leases);
	free(lessor);
}

/* ---- expiry */

static int revoke_txn(struct store_txn *txn, struct weft_arena *arena, int64_t id)
{
	struct apply apply;
	int r;

	r = apply_begin(&apply, (struct kv_view) { .txn = txn }, arena);
	if (r == 0)
		r = apply_revoke(&apply, id);
	if (r == 0)
		apply_end(&apply);
	return r;
}

static int expire_txn(struct store_txn *txn, struct store_write *write)
{
	struct lease *lease = weft_container_of(write, struct lease, write);

	return revoke_txn(txn, write->arena, lease->id);
}

static void on_expiry_done(struct store_write *write, int r)
{
	struct lease *lease = weft_container_of(write, struct lease, write);
	struct lessor *lessor = lease->lessor;

	weft_arena_free(write->arena);
	lessor->writing--;
	if (lessor->freed) {
		release(lessor);
		return;
	}
	if (r == 0 || r == ETCD_LEASE_NOT_FOUND) {
		discard(lease);
		return;
	}
	if (r < 0)
		weft_log_warning("a lease could not expire yet", WEFT_ERRNO(r));
	weft_timer_start(loop_of(lessor), &lease->timer, RETRY_NS);
}

static void on_expired(struct weft_timer *timer, void *data)
{
	struct lease *lease = data;
	struct lessor *lessor = lease->lessor;

	lease->expiring = true;
	lease->write = (struct store_write) {
		.txn = expire_txn,
		.done = on_expiry_done,
		.owner = lessor->worker,
		.arena = weft_arena_new(),
	};
	lessor->writing++;
	store_write(lessor->store, &lease->write);
}

/* ---- operations */

static int op_txn(struct store_txn *txn, struct store_write *write)
{
	struct lease_op *op = weft_container_of(write, struct lease_op, write);
	int r;

	if (op->kind == LEASE_REVOKE)
		return revoke_txn(txn, write->arena, op->id);
	r = lease_insert(txn, &(struct kv_lease) { op->id, op->ttl });
	return r == STORE_CONFLICT ? ETCD_LEASE_EXISTS : r;
}

static void on_op_done(struct store_write *write, int r)
{
	struct lease_op *op = weft_container_of(write, struct lease_op, write);
	struct lessor *lessor = op->lessor;
	struct lease *lease;

	weft_arena_free(write->arena);
	lessor->writing--;
	if (lessor->freed) {
		finish(op, r);
		release(lessor);
		return;
	}
	lease = find(lessor, op->id);
	if (op->kind == LEASE_GRANT && r == 0)
		add(lessor, op->id, op->ttl);
	/* An expiring one has a write under way that needs it. */
	else if (op->kind == LEASE_REVOKE && r == 0 && lease && !lease->expiring)
		discard(lease);
	finish(op, r);
}

static void write_op(struct lessor *lessor, struct lease_op *op)
{
	op->write = (struct store_write) {
		.txn = op_txn,
		.done = on_op_done,
		.owner = lessor->worker,
		.arena = weft_arena_new(),
	};
	lessor->writing++;
	store_write(lessor->store, &op->write);
}

/* Positive, and no other's. */
static int64_t choose_id(struct lessor *lessor)
{
	int64_t id;

	do {
		if (getrandom(&id, sizeof(id), 0) != sizeof(id))
			abort();
		id &= INT64_MAX;
	} while (id == 0 || find(lessor, id));
	return id;
}

static void grant(struct lessor *lessor, struct lease_op *op)
{
	if (op->ttl > LEASE_TTL_MOST) {
		finish(op, ETCD_LEASE_TTL_TOO_LARGE);
		return;
	}
	if (op->ttl < LEASE_TTL_LEAST)
		op->ttl = LEASE_TTL_LEAST;
	if (op->id == 0)
		op->id = choose_id(lessor);
	write_op(lessor, op);
}

static void renew_or_look(struct lessor *lessor, struct lease_op *op)
{
	struct lease *lease = find(lessor, op->id);
	uint64_t now = weft_loop_now(loop_of(lessor));

	if (!lease) {
		finish(op, ETCD_LEASE_NOT_FOUND);
		return;
	}
	op->ttl = lease->ttl;
	if (op->kind == LEASE_LOOK) {
		op->left = !lease->expiring && lease->timer.at > now
				   ? (int64_t)((lease->timer.at - now) / WEFT_SECOND)
				   : 0;
	} else if (lease->expiring) {
		weft_list_append(&lease->waiting, &op->node);
		return;
	} else {
		renew(lease);
	}
	finish(op, 0);
}

static void on_op(struct weft_task *task)
{
	struct lease_op *op = weft_container_of(task, struct lease_op, task);
	struct lessor *lessor = op->lessor;

	switch (op->kind) {
	case LEASE_GRANT: grant(lessor, op); break;
	case LEASE_REVOKE: write_op(lessor, op); break;
	case LEASE_RENEW:
	case LEASE_LOOK: renew_or_look(lessor, op); break;
	}
}

void lessor_start(struct lessor *lessor, struct lease_op *op)
{
	op->lessor = lessor;
	op->task.run = on_op;
	weft_list_init(&op->node);
	weft_worker_post(lessor->worker, &op->task);
}

/* ---- its life */

static int load(struct lessor *lessor)
{
	struct weft_arena *arena = weft_arena_new();
	struct store_reader *reader;
	struct kv_lease *leases = NULL;
	size_t n = 0;
	int r;

	r = store_reader_new(lessor->store, lessor->worker, &reader);
	if (r == 0) {
		r = lease_list(&(struct kv_view) { .reader = reader }, arena, &leases, &n);
		store_reader_free(reader);
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		add(lessor, leases[i].id, leases[i].ttl);
	weft_arena_free(arena);
	return r;
}

int lessor_new(struct store *store, struct weft_worker *worker, struct lessor **ret_lessor)
{
	struct lessor *lessor = calloc(1, sizeof(*lessor));
	int r;

	if (!lessor)
		abort();
	lessor->store = store;
	lessor->worker = worker;
	r = load(lessor);
	if (r < 0) {
		lessor_free(lessor);
		return r;
	}
	*ret_lessor = lessor;
	return 0;
}

void lessor_free(struct lessor *lessor)
{
	void *value;

	if (!lessor)
		return;
	for (size_t at = 0; weft_map_next(&lessor->leases, &at, &value);) {
		struct lease *lease = value;

		weft_timer_stop(loop_of(lessor), &lease->timer);
		tell_waiting(lease, -ECANCELED);
	}
	lessor->freed = true;
	release(lessor);
}
