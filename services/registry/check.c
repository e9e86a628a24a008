/* What can be said of a request without the store. */
#include "check.h"

#include <errno.h>
#include <string.h>
#include <weft/buffer.h>
#include <weft/map.h>

#include "interval.h"

typedef Etcdserverpb__RequestOp Op;
typedef Etcdserverpb__TxnRequest Txn;

#define OP_RANGE  ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_RANGE
#define OP_PUT    ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_PUT
#define OP_DELETE ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_DELETE_RANGE
#define OP_TXN    ETCDSERVERPB__REQUEST_OP__REQUEST_REQUEST_TXN

int check_range(const Etcdserverpb__RangeRequest *req)
{
	return req->key.len ? 0 : ETCD_EMPTY_KEY;
}

int check_put(const Etcdserverpb__PutRequest *req)
{
	if (!req->key.len)
		return ETCD_EMPTY_KEY;
	if (req->ignore_value && req->value.len)
		return ETCD_VALUE_PROVIDED;
	if (req->ignore_lease && req->lease)
		return ETCD_LEASE_PROVIDED;
	if (protobuf_c_message_get_packed_size(&req->base) > REQUEST_BYTES_MOST)
		return ETCD_REQUEST_TOO_LARGE;
	return 0;
}

int check_delete(const Etcdserverpb__DeleteRangeRequest *req)
{
	return req->key.len ? 0 : ETCD_EMPTY_KEY;
}

/* ---- a txn's lists: how long, and each operation for itself */

static int check_lists(const Txn *req, size_t most, size_t *total);

static int check_op(const Op *op, size_t most, size_t *total)
{
	switch (op->request_case) {
	case OP_RANGE: return check_range(op->request_range);
	case OP_PUT: return check_put(op->request_put);
	case OP_DELETE: return check_delete(op->request_delete_range);
	case OP_TXN: return check_lists(op->request_txn, most, total);
	default: return ETCD_KEY_NOT_FOUND; /* etcd's word for an empty operation */
	}
}

static int check_list(Op *const *ops, size_t n, size_t most, size_t *total)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_op(ops[i], most, total);
	return r;
}

static int check_lists(const Txn *req, size_t most, size_t *total)
{
	size_t n = req->n_compare;
	int r;

	n = n < req->n_success ? req->n_success : n;
	n = n < req->n_failure ? req->n_failure : n;
	*total += req->n_compare + req->n_success + req->n_failure;
	if (n > most || *total > TXN_OPS_TOTAL)
		return ETCD_TOO_MANY_OPS;
	for (size_t i = 0; i < req->n_compare; i++)
		if (!req->compare[i]->key.len)
			return ETCD_EMPTY_KEY;
	r = check_list(req->success, req->n_success, most - n, total);
	return r ? r : check_list(req->failure, req->n_failure, most - n, total);
}

/* ---- a key is put once, and not beside its deletion */

/* What a list does, its nested txns included. */
struct effects {
	struct weft_map puts;       /* the Op, by its key */
	struct weft_buffer deletes; /* struct interval */
};

static void effects_fini(struct effects *effects)
{
	weft_map_fini(&effects->puts);
	weft_buffer_fini(&effects->deletes);
}

static bool is_deleted(const struct effects *effects, struct weft_bytes key)
{
	const struct interval *deletes = (const struct interval *)effects->deletes.data;

	for (size_t i = 0; i < effects->deletes.len / sizeof(*deletes); i++)
		if (interval_contains(&deletes[i], key))
			return true;
	return false;
}

static bool is_put(const struct effects *effects, ProtobufCBinaryData key)
{
	return weft_map_get(&effects->puts, (const char *)key.data, key.len) != NULL;
}

/* `but`: a list of which either this put's or it is done, so that it may put the key as well; or
 * NULL. */
static int add_put(struct effects *effects, const Op *op, const struct effects *but)
{
	ProtobufCBinaryData key = op->request_put->key;

	if (is_deleted(effects, key_of(key)))
		return ETCD_DUPLICATE_KEY;
	if (!is_put(effects, key))
		return weft_map_put(&effects->puts, (const char *)key.data, key.len, (void *)op);
	return but && is_put(but, key) ? 0 : ETCD_DUPLICATE_KEY;
}

static int add_puts(struct effects *effects, const struct effects *from, const struct effects *but)
{
	void *op;
	int r = 0;

	for (size_t at = 0; r == 0 && weft_map_next(&from->puts, &at, &op);)
		r = add_put(effects, op, but);
	return r;
}

static int collect(Op *const *ops, size_t n, struct effects *effects);

static int add_nested(struct effects *effects, const Txn *req)
{
	struct effects success = { 0 }, failure = { 0 };
	int r;

	r = collect(req->success, req->n_success, &success);
	if (r == 0)
		r = collect(req->failure, req->n_failure, &failure);
	if (r == 0)
		r = add_puts(effects, &success, NULL);
	if (r == 0)
		r = add_puts(effects, &failure, &success);
	if (r == 0)
		r = weft_buffer_append(&effects->deletes, success.deletes.data,
				       success.deletes.len);
	if (r == 0)
		r = weft_buffer_append(&effects->deletes, failure.deletes.data,
				       failure.deletes.len);
	effects_fini(&success);
	effects_fini(&failure);
	return r;
}

/* In etcd's order: the list's deletions, its nested txns one after the other, its puts. What passes
 * there passes here: a put in one nested txn and the deletion in a later one, and a put beside a
 * deletion without an upper end. They are done in their order. */
static int collect(Op *const *ops, size_t n, struct effects *effects)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		const Etcdserverpb__DeleteRangeRequest *req = ops[i]->request_delete_range;
		struct interval interval;

		if (ops[i]->request_case != OP_DELETE)
			continue;
		interval = interval_of(req->key, req->range_end);
		if (interval.kind == INTERVAL_OPEN)
			continue;
		r = weft_buffer_append(&effects->deletes, &interval, sizeof(interval));
	}
	for (size_t i = 0; r == 0 && i < n; i++)
		if (ops[i]->request_case == OP_TXN)
			r = add_nested(effects, ops[i]->request_txn);
	for (size_t i = 0; r == 0 && i < n; i++)
		if (ops[i]->request_case == OP_PUT)
			r = add_put(effects, ops[i], NULL);
	return r;
}

static int check_effects(Op *const *ops, size_t n)
{
	struct effects effects = { 0 };
	int r = collect(ops, n, &effects);

	effects_fini(&effects);
	return r;
}

int check_txn(const Txn *req)
{
	size_t total = 0;
	int r;

	r = check_lists(req, TXN_OPS_MOST, &total);
	if (r == 0)
		r = check_effects(req->success, req->n_success);
	if (r == 0)
		r = check_effects(req->failure, req->n_failure);
	if (r == 0 && protobuf_c_message_get_packed_size(&req->base) > REQUEST_BYTES_MOST)
		r = ETCD_REQUEST_TOO_LARGE;
	return r;
}

static bool all_ranges(Op *const *ops, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (ops[i]->request_case != OP_RANGE)
			return false;
	return true;
}

bool txn_is_readonly(const Txn *req)
{
	return all_ranges(req->success, req->n_success) && all_ranges(req->failure, req->n_failure);
}

/* ---- comparisons */

static int order_of(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

#define GIVEN(compare, name, NAME)                                                                 \
	((compare)->target_union_case == ETCDSERVERPB__COMPARE__TARGET_UNION_##NAME                \
		 ? (compare)->name                                                                 \
		 : 0)

/* The key's side against the request's: below, at or above 0. */
static int compare_order(const Etcdserverpb__Compare *compare, const Mvccpb__KeyValue *kv)
{
	struct weft_bytes value = { 0 };

	switch (compare->target) {
	case ETCDSERVERPB__COMPARE__COMPARE_TARGET__VERSION:
		return order_of(kv->version, GIVEN(compare, version, VERSION));
	case ETCDSERVERPB__COMPARE__COMPARE_TARGET__CREATE:
		return order_of(kv->create_revision,
				GIVEN(compare, create_revision, CREATE_REVISION));
	case ETCDSERVERPB__COMPARE__COMPARE_TARGET__MOD:
		return order_of(kv->mod_revision, GIVEN(compare, mod_revision, MOD_REVISION));
	case ETCDSERVERPB__COMPARE__COMPARE_TARGET__LEASE:
		return order_of(kv->lease, GIVEN(compare, lease, LEASE));
	case ETCDSERVERPB__COMPARE__COMPARE_TARGET__VALUE:
		if (compare->target_union_case == ETCDSERVERPB__COMPARE__TARGET_UNION_VALUE)
			value = key_of(compare->value);
		return key_compare(key_of(kv->value), value);
	default: return 0; /* a target that etcd does not know either */
	}
}

bool compare_holds(const Etcdserverpb__Compare *compare, const Mvccpb__KeyValue *kv)
{
	static const Mvccpb__KeyValue absent = MVCCPB__KEY_VALUE__INIT;
	int order;

	if (!kv && compare->target == ETCDSERVERPB__COMPARE__COMPARE_TARGET__VALUE)
		return false; /* "" would be a value */
	order = compare_order(compare, kv ? kv : &absent);
	switch (compare->result) {
	case ETCDSERVERPB__COMPARE__COMPARE_RESULT__EQUAL: return order == 0;
	case ETCDSERVERPB__COMPARE__COMPARE_RESULT__NOT_EQUAL: return order != 0;
	case ETCDSERVERPB__COMPARE__COMPARE_RESULT__GREATER: return order > 0;
	case ETCDSERVERPB__COMPARE__COMPARE_RESULT__LESS: return order < 0;
	default: return true; /* as etcd takes a result that it does not know */
	}
}
