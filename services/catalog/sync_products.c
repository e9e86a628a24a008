/*
 * SyncProducts: a supplier's changes, each written and answered before the next is heard.
 *
 *	message ──▶ hold, write ──done──▶ answer ──(the client reads)──▶ resume ──▶ message …
 *
 * So an answer means that its change is durable, and a stream holds one change of memory however
 * long it is. Streams that run beside each other share their commits.
 */
#include <string.h>

#include "catalog.h"

typedef Catalog__V1__SyncProductsResponse Response;

struct sync { /* in the call's arena */
	struct store_write write;
	struct catalog *catalog;
	struct weft_call *call;
	struct product_change what;
	struct weft_arena *strings; /* of `what` */
	struct weft_arena *results; /* the write's */
	Catalog__V1__Product *product;
	int64_t index; /* of the change that is next answered */
	bool writing;
	bool half_closed;
};

/* ---- answers */

static int answer(struct sync *sync, Response *res)
{
	res->index = sync->index++;
	return catalog_v1_sync_products_send(sync->call, res);
}

static int refuse_one(struct sync *sync, const char *reason, const char *field, const char *words)
{
	Catalog__V1__SyncProductsResponse__Refusal refusal =
		CATALOG__V1__SYNC_PRODUCTS_RESPONSE__REFUSAL__INIT;
	Response res = CATALOG__V1__SYNC_PRODUCTS_RESPONSE__INIT;

	refusal.reason = (char *)reason;
	refusal.field = (char *)field;
	refusal.message = (char *)words;
	res.result_case = CATALOG__V1__SYNC_PRODUCTS_RESPONSE__RESULT_REFUSAL;
	res.refusal = &refusal;
	return answer(sync, &res);
}

static int answer_change(struct sync *sync, int r)
{
	Response res = CATALOG__V1__SYNC_PRODUCTS_RESPONSE__INIT;
	struct change_refusal why;

	if (change_refusal(sync->what.kind, r, &why))
		return refuse_one(sync, why.reason, "",
				  weft_arena_printf(sync->strings, "the product \"%s\" %s",
						    sync->what.fields.id, why.words));
	res.result_case = CATALOG__V1__SYNC_PRODUCTS_RESPONSE__RESULT_PRODUCT;
	res.product = sync->product;
	return answer(sync, &res);
}

/* ---- a change */

static int sync_txn(struct store_txn *txn, struct store_write *write)
{
	struct sync *sync = weft_container_of(write, struct sync, write);

	return store_change_product(txn, &sync->what, write->arena, &sync->product);
}

static void on_synced(struct store_write *write, int r)
{
	struct sync *sync = weft_container_of(write, struct sync, write);
	struct change_refusal why;

	sync->writing = false;
	if (r != 0 && !change_refusal(sync->what.kind, r, &why)) {
		refuse_write(sync->call, CATALOG_DOMAIN, r);
		return;
	}
	r = answer_change(sync, r);
	if (r < 0)
		weft_call_fail_errno(sync->call, r);
	else if (sync->half_closed)
		weft_call_finish(sync->call);
	else
		weft_call_wake(sync->call);
}

static int write_change(struct sync *sync)
{
	weft_call_hold(sync->call);
	weft_arena_reset(sync->results);
	sync->writing = true;
	sync->what.now = (int64_t)weft_wall_clock();
	sync->write = (struct store_write) {
		.txn = sync_txn,
		.done = on_synced,
		.owner = sync->catalog->worker,
		.call = sync->call,
		.arena = sync->results,
		.deadline_ns = weft_call_deadline(sync->call),
	};
	store_write(sync->catalog->store, &sync->write);
	return 0; /* answered in on_synced() */
}

static int put(struct sync *sync, const Catalog__V1__Product *product)
{
	struct product_change *what = &sync->what;
	struct product_fault faults[PRODUCT_FAULTS];
	const char *id;

	if (resource_id(product->name, PRODUCTS, &id) < 0)
		return refuse_one(sync, "INVALID_REQUEST", "product.name", PRODUCT_NAME_WORDS);
	*what = (struct product_change) { .kind = CHANGE_PUT, .mask = PRODUCT_ALL };
	strcpy(what->fields.id, id);
	if (product_check(product, &what->fields, faults) > 0)
		return refuse_one(sync, "INVALID_REQUEST",
				  weft_arena_printf(sync->strings, "product.%s", faults[0].field),
				  faults[0].words);
	if (what->fields.title != what->fields.id)
		what->fields.title = weft_arena_strdup(sync->strings, product->title);
	what->etag = weft_arena_strdup(sync->strings, product->etag);
	return write_change(sync);
}

static int take_out(struct sync *sync, const char *name)
{
	const char *id;

	if (resource_id(name, PRODUCTS, &id) < 0)
		return refuse_one(sync, "INVALID_REQUEST", "deleted_name", PRODUCT_NAME_WORDS);
	sync->what = (struct product_change) { .kind = CHANGE_DELETE, .etag = "" };
	strcpy(sync->what.fields.id, id);
	return write_change(sync);
}

/* ---- the stream */

static int on_change(struct weft_call *call, const Catalog__V1__SyncProductsRequest *req,
		     void *data)
{
	struct sync *sync = data;
	int r;

	weft_arena_reset(sync->strings);
	if (req->change_case == CATALOG__V1__SYNC_PRODUCTS_REQUEST__CHANGE_PRODUCT)
		r = put(sync, req->product);
	else if (req->change_case == CATALOG__V1__SYNC_PRODUCTS_REQUEST__CHANGE_DELETED_NAME)
		r = take_out(sync, req->deleted_name);
	else
		r = refuse_one(sync, "INVALID_REQUEST", "change",
			       "must be a product or a deleted_name");
	if (r == 0 && !sync->writing && !weft_call_writable(call))
		weft_call_hold(call); /* resumed in sync_pump() */
	return r;
}

static int on_half_close(struct weft_call *call, void *data)
{
	struct sync *sync = data;

	sync->half_closed = true;
	return sync->writing ? 0 : weft_call_finish(call);
}

/* Hears the next change when the last is answered and the client reads what it is told. */
static int sync_pump(struct weft_call *call, void *data)
{
	struct sync *sync = data;

	if (!sync->writing && weft_call_writable(call))
		weft_call_resume(call);
	return 0;
}

int sync_products(struct weft_call *call, void *self)
{
	struct sync *sync = weft_arena_zalloc(weft_call_arena(call), sizeof(*sync));

	sync->catalog = self;
	sync->call = call;
	sync->strings = second_arena(call);
	sync->results = second_arena(call);
	catalog_v1_sync_products_receive(call, on_change, on_half_close, sync);
	weft_call_on_ready(call, sync_pump, sync);
	return 0; /* answered in on_change() or on_synced() */
}
