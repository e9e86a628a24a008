/*
 * What requests do to the keys.
 *
 * A txn is done in three passes, as etcd does it: first all comparisons, those of nested txns too,
 * against the state before it; then what could fail; then the operations, none of which can fail
 * any more for a reason that is the client's.
 */
#include "apply.h"

#include <errno.h>

#include "check.h"

typedef Etcdserverpb__RequestOp RequestOp;
typedef Etcdserverpb__ResponseOp ResponseOp;

int apply_begin(struct apply *apply, struct kv_view view, struct weft_arena *arena)
{
	int r;

	*apply = (struct apply) { .view = view, .arena = arena };
	r = kv_state(&view, &apply->state);
	apply->change = (struct kv_change) { .txn = view.txn, .main = apply->state.revision + 1 };
	return r;
}

int64_t apply_revision(const struct apply *apply)
{
	return apply->change.sub ? apply->change.main : apply->state.revision;
}

void apply_end(struct apply *apply)
{
	if (apply->change.sub)
		store_txn_touch(apply->change.txn, TOPIC_KEYS);
}

Etcdserverpb__ResponseHeader *header_new(struct weft_arena *arena, int64_t revision)
{
	Etcdserverpb__ResponseHeader *header = weft_arena_alloc(arena, sizeof(*header));

	etcdserverpb__response_header__init(header);
	header->revision = revision;
	return header;
}

/* ---- range */

static int check_revision(const struct apply *apply, int64_t revision)
{
	if (revision > apply->state.revision)
		return ETCD_FUTURE_REVISION;
	if (revision > 0 && revision < apply->state.compacted)
		return ETCD_COMPACTED;
	return 0;
}

static int64_t bound(int64_t given, int64_t otherwise)
{
	return given ? given : otherwise;
}

static struct kv_query query_of(const struct apply *apply, const Etcdserverpb__RangeRequest *req)
{
	/* The present is the cheaper one to read. */
	bool now = req->revision <= 0 ||
		   (req->revision == apply->state.revision && !apply->change.sub);
	int target = (int)req->sort_target;

	return (struct kv_query) {
		.interval = interval_of(req->key, req->range_end),
		.revision = now ? 0 : req->revision,
		.min_mod = req->min_mod_revision,
		.max_mod = bound(req->max_mod_revision, INT64_MAX),
		.min_create = req->min_create_revision,
		.max_create = bound(req->max_create_revision, INT64_MAX),
		/* One more than wanted says whether there are more. */
		.limit = req->limit > 0 && req->limit < INT64_MAX ? req->limit + 1 : -1,
		.target = target >= KV_KEY && target <= KV_VALUE ? (enum kv_target)target : KV_KEY,
		.descending = req->sort_order == ETCDSERVERPB__RANGE_REQUEST__SORT_ORDER__DESCEND,
		.keys_only = req->keys_only,
	};
}

/* All of the range, whatever is left out of the answer. */
static int count(struct apply *apply, const struct kv_query *query, int64_t *ret_count)
{
	struct kv_query all = KV_QUERY(.interval = query->interval, .revision = query->revision);

	return kv_count(&apply->view, &all, ret_count);
}

int apply_range(struct apply *apply, const Etcdserverpb__RangeRequest *req,
		Etcdserverpb__RangeResponse **ret_res)
{
	Etcdserverpb__RangeResponse *res = weft_arena_alloc(apply->arena, sizeof(*res));
	struct kv_query query = query_of(apply, req);
	int r;

	etcdserverpb__range_response__init(res);
	res->header = header_new(apply->arena, apply_revision(apply));
	r = check_revision(apply, req->revision);
	if (r == 0)
		r = count(apply, &query, &res->count);
	if (r == 0 && !req->count_only && res->count)
		r = kv_range(&apply->view, &query, apply->arena, &res->kvs, &res->n_kvs);
	if (r != 0)
		return r;
	if (query.limit > 0 && res->n_kvs == (size_t)query.limit) {
		res->n_kvs--;
		res->more = true;
	}
	*ret_res = res;
	return 0;
}

/* ---- put and delete */

/* The key as it is, or NULL. */
static int find(struct apply *apply, struct weft_bytes key, Mvccpb__KeyValue **ret_kv)
{
	int r = kv_get(&apply->view, key, apply->arena, ret_kv);

	if (r == STORE_NOT_FOUND)
		*ret_kv = NULL;
	return r == STORE_NOT_FOUND ? 0 : r;
}

/* Before anything is done. */
static int check_now(struct apply *apply, const Etcdserverpb__PutRequest *req)
{
	Mvccpb__KeyValue *was;
	int r;

	if (req->ignore_value || req->ignore_lease) {
		r = find(apply, key_of(req->key), &was);
		if (r != 0 || !was)
			return r ? r : ETCD_KEY_NOT_FOUND;
	}
	if (!req->lease)
		return 0;
	r = lease_find(&apply->view, req->lease);
	return r == STORE_NOT_FOUND ? ETCD_LEASE_NOT_FOUND : r;
}

static int put(struct apply *apply, const Etcdserverpb__PutRequest *req,
	       Etcdserverpb__PutResponse *res)
{
	struct weft_bytes value = key_of(req->value);
	int64_t lease = req->lease;
	Mvccpb__KeyValue *was;
	int r;

	etcdserverpb__put_response__init(res);
	r = find(apply, key_of(req->key), &was);
	if (r < 0)
		return r;
	/* It was there when it was checked; an operation of the same txn may have deleted it. */
	if ((req->ignore_value || req->ignore_lease) && !was)
		return ETCD_KEY_NOT_FOUND;
	if (req->ignore_value)
		value = key_of(was->value);
	if (req->ignore_lease)
		lease = was->lease;
	if (req->prev_kv)
		res->prev_kv = was;
	r = kv_put(&apply->change, key_of(req->key), value, lease, was);
	res->header = header_new(apply->arena, apply_revision(apply));
	return r;
}

int apply_put(struct apply *apply, const Etcdserverpb__PutRequest *req,
	      Etcdserverpb__PutResponse **ret_res)
{
	int r;

	*ret_res = weft_arena_alloc(apply->arena, sizeof(**ret_res));
	r = check_now(apply, req);
	return r ? r : put(apply, req, *ret_res);
}

static int delete_all(struct apply *apply, Mvccpb__KeyValue *const *kvs, size_t n)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = kv_delete(&apply->change, kvs[i]);
	return r;
}

int apply_delete(struct apply *apply, const Etcdserverpb__DeleteRangeRequest *req,
		 Etcdserverpb__DeleteRangeResponse **ret_res)
{
	Etcdserverpb__DeleteRangeResponse *res = weft_arena_alloc(apply->arena, sizeof(*res));
	struct kv_query query = KV_QUERY(.interval = interval_of(req->key, req->range_end),
					 .keys_only = !req->prev_kv);
	Mvccpb__KeyValue **kvs = NULL;
	size_t n = 0;
	int r;

	etcdserverpb__delete_range_response__init(res);
	r = kv_range(&apply->view, &query, apply->arena, &kvs, &n);
	if (r == 0)
		r = delete_all(apply, kvs, n);
	if (r != 0)
		return r;
	res->header = header_new(apply->arena, apply_revision(apply));
	res->deleted = (int64_t)n;
	if (req->prev_kv) {
		res->prev_kvs = kvs;
		res->n_prev_kvs = n;
	}
	*ret_res = res;
	return 0;
}

int apply_revoke(struct apply *apply, int64_t lease)
{
	Mvccpb__KeyValue **kvs = NULL;
	size_t n = 0;
	int r;

	r = lease_delete(apply->view.txn, lease);
	if (r != 0)
		return r == STORE_NOT_FOUND ? ETCD_LEASE_NOT_FOUND : r;
	r = lease_keys(&apply->view, lease, apply->arena, &kvs, &n);
	return r == 0 ? delete_all(apply, kvs, n) : r;
}

/* ---- txn */

/* A txn with the list that its comparisons have chosen. */
struct plan {
	RequestOp *const *ops;
	size_t n;
	bool succeeded;
	struct plan *nested; /* by the place of its operation */
};

static int compare(struct apply *apply, const Etcdserverpb__Compare *compare, bool *ret_holds)
{
	struct kv_query query = KV_QUERY(.interval = interval_of(compare->key, compare->range_end));
	Mvccpb__KeyValue **kvs = NULL;
	size_t n = 0;
	int r;

	query.keys_only = compare->target != ETCDSERVERPB__COMPARE__COMPARE_TARGET__VALUE;
	r = kv_range(&apply->view, &query, apply->arena, &kvs, &n);
	if (r != 0)
		return r;
	*ret_holds = n > 0 || compare_holds(compare, NULL);
	for (size_t i = 0; *ret_holds && i < n; i++)
		*ret_holds = compare_holds(compare, kvs[i]);
	return 0;
}

static int make_plan(struct apply *apply, const Etcdserverpb__TxnRequest *req, struct plan *plan)
{
	int r = 0;

	plan->succeeded = true;
	for (size_t i = 0; r == 0 && plan->succeeded && i < req->n_compare; i++)
		r = compare(apply, req->compare[i], &plan->succeeded);
	plan->ops = plan->succeeded ? req->success : req->failure;
	plan->n = plan->succeeded ? req->n_success : req->n_failure;
	plan->nested = weft_arena_new_array(apply->arena, struct plan, plan->n);
	if (!plan->nested)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < plan->n; i++)
		if (plan->ops[i]->request_case == ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_TXN)
			r = make_plan(apply, plan->ops[i]->request_txn, &plan->nested[i]);
	return r;
}

static int check_plan(struct apply *apply, const struct plan *plan)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < plan->n; i++) {
		const RequestOp *op = plan->ops[i];

		if (op->request_case == ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_RANGE)
			r = check_revision(apply, op->request_range->revision);
		else if (op->request_case == ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_PUT)
			r = check_now(apply, op->request_put);
		else if (op->request_case == ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_TXN)
			r = check_plan(apply, &plan->nested[i]);
	}
	return r;
}

static int run_plan(struct apply *apply, const struct plan *plan,
		    Etcdserverpb__TxnResponse **ret_res);

static int run_op(struct apply *apply, const RequestOp *op, const struct plan *nested,
		  ResponseOp *res)
{
	switch (op->request_case) {
	case ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_RANGE:
		res->response_case = ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_RANGE;
		return apply_range(apply, op->request_range, &res->response_range);
	case ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_PUT:
		res->response_case = ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_PUT;
		res->response_put = weft_arena_alloc(apply->arena, sizeof(*res->response_put));
		return put(apply, op->request_put, res->response_put);
	case ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_DELETE_RANGE:
		res->response_case = ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_DELETE_RANGE;
		return apply_delete(apply, op->request_delete_range, &res->response_delete_range);
	case ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_TXN:
		res->response_case = ETCDSERVERPB__RESPONSE_OP__RESPONSE_RESPONSE_TXN;
		return run_plan(apply, nested, &res->response_txn);
	default: return -EPROTO; /* check_txn() has refused it */
	}
}

static int run_plan(struct apply *apply, const struct plan *plan,
		    Etcdserverpb__TxnResponse **ret_res)
{
	Etcdserverpb__TxnResponse *res = weft_arena_alloc(apply->arena, sizeof(*res));
	int r = 0;

	etcdserverpb__txn_response__init(res);
	res->header = header_new(apply->arena, 0); /* a nested one says nothing */
	res->succeeded = plan->succeeded;
	res->responses = weft_arena_new_array(apply->arena, ResponseOp *, plan->n);
	if (!res->responses)
		return -ENOMEM;
	for (; r == 0 && res->n_responses < plan->n; res->n_responses++) {
		size_t at = res->n_responses;

		res->responses[at] = weft_arena_alloc(apply->arena, sizeof(ResponseOp));
		etcdserverpb__response_op__init(res->responses[at]);
		r = run_op(apply, plan->ops[at], &plan->nested[at], res->responses[at]);
	}
	*ret_res = res;
	return r;
}

int apply_txn(struct apply *apply, const Etcdserverpb__TxnRequest *req,
	      Etcdserverpb__TxnResponse **ret_res)
{
	struct plan plan;
	int r;

	r = make_plan(apply, req, &plan);
	if (r == 0)
		r = check_plan(apply, &plan);
	if (r == 0)
		r = run_plan(apply, &plan, ret_res);
	if (r == 0)
		(*ret_res)->header->revision = apply_revision(apply);
	return r;
}
