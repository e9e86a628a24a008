/*
 * PlaceOrder: check, ask catalog, ask pricing, write.
 *
 *	place_order ── known id ──→ the stored reply, or REQUEST_ID_REUSED
 *	     │
 *	     └─ catalog ──→ on_products ─ pricing ──→ on_priced ─ store ──→ on_written ──→ reply
 *
 * Before the write nothing is kept, so every failure on the way leaves nothing behind. Order, lines
 * and request id are one write. Two requests with one id may both come as far as the write: the
 * second finds the id there, writes nothing, and answers with what the first has stored.
 */
#include <errno.h>
#include <string.h>

#include "catalog/v1/catalog.weft.h"
#include "order.h"
#include "orders.h"
#include "pricing/v1/pricing.weft.h"

struct place { /* in the call's arena */
	struct store_write write;
	struct orders *orders;
	struct weft_call *call;
	const Orders__V1__PlaceOrderRequest *req;
	char request_id[UUID_TEXT + 1];
	char order_id[UUID_TEXT + 1];
	Catalog__V1__Product *const *products; /* one for each line */
	Orders__V1__Order *order;
	int64_t now;
	struct request_key key;
	bool beaten; /* by another request with the same id */
};

/* Answers from the store. 0, STORE_NOT_FOUND or negative. */
static int answer_known(struct place *place)
{
	struct request_key known;
	int r;

	r = store_get_key(place->orders->reader, place->request_id, weft_call_arena(place->call),
			  &known);
	if (r != 0)
		return r;
	if (memcmp(known.body_hash, place->key.body_hash, HASH_BYTES) != 0)
		return refuse(place->call, WEFT_FAILED_PRECONDITION, ORDERS_DOMAIN,
			      "REQUEST_ID_REUSED",
			      "request_id %s has placed another order; choose a new one",
			      place->request_id);
	return weft_call_reply_bytes(place->call, known.reply);
}

static void on_products(struct weft_rpc *rpc, const struct weft_status *status,
			Catalog__V1__BatchGetProductsResponse *res, void *data);
static void on_priced(struct weft_rpc *rpc, const struct weft_status *status,
		      Pricing__V1__ComputePriceResponse *res, void *data);
static int write_txn(struct store_txn *txn, struct store_write *write);
static void on_written(struct store_write *write, int r);

static void ask_catalog(struct place *place)
{
	Catalog__V1__BatchGetProductsRequest req = CATALOG__V1__BATCH_GET_PRODUCTS_REQUEST__INIT;

	req.allow_missing = true;
	req.n_names = place->req->n_lines;
	req.names = weft_arena_new_array(weft_call_arena(place->call), char *, req.n_names);
	if (!req.names) {
		weft_call_fail_errno(place->call, -ENOMEM);
		return;
	}
	for (size_t i = 0; i < req.n_names; i++)
		req.names[i] = place->req->lines[i]->product;
	catalog_v1_batch_get_products(place->orders->catalog, &req, WEFT_CHILD_OF(place->call),
				      on_products, place);
}

int place_order(struct weft_call *call, const Orders__V1__PlaceOrderRequest *req, void *self)
{
	struct weft_arena *arena = weft_call_arena(call);
	struct refusal refusal = { .arena = arena, .domain = ORDERS_DOMAIN };
	struct place *place = weft_arena_zalloc(arena, sizeof(*place));
	int r;

	place->orders = self;
	place->call = call;
	place->req = req;
	check_order(req, &refusal, place->request_id);
	if (refusal.n)
		return refusal_send(&refusal, call);
	r = hash_order(req, arena, place->key.body_hash);
	if (r < 0)
		return r;
	r = answer_known(place);
	if (r != STORE_NOT_FOUND)
		return r;
	ask_catalog(place);
	return 0; /* answered in on_written(), or where it fails before */
}

/* The products that exist come in the order of the lines: walking both finds the lines without
 * one. */
static int match_products(struct place *place, Catalog__V1__BatchGetProductsResponse *res,
			  struct refusal *refusal)
{
	const Orders__V1__PlaceOrderRequest *req = place->req;
	Catalog__V1__Product **products =
		weft_arena_new_array(refusal->arena, Catalog__V1__Product *, req->n_lines);
	size_t at = 0;

	if (!products)
		return -ENOMEM;
	for (size_t i = 0; i < req->n_lines; i++) {
		if (at < res->n_products &&
		    strcmp(res->products[at]->name, req->lines[i]->product) == 0)
			products[i] = res->products[at++];
		else
			refusal_add(refusal,
				    weft_arena_printf(refusal->arena, "lines[%zu].product", i),
				    "there is no product \"%s\"", req->lines[i]->product);
	}
	place->products = products;
	return 0;
}

static void on_products(struct weft_rpc *rpc, const struct weft_status *status,
			Catalog__V1__BatchGetProductsResponse *res, void *data)
{
	struct place *place = data;
	struct weft_arena *arena = weft_call_arena(place->call);
	struct refusal refusal = { .arena = arena, .domain = ORDERS_DOMAIN };
	Pricing__V1__ComputePriceRequest *basket;
	int r;

	if (!res) {
		weft_call_fail_from(place->call, status);
		return;
	}
	weft_rpc_keep(rpc, place->call);
	r = match_products(place, res, &refusal);
	if (r < 0) {
		weft_call_fail_errno(place->call, r);
		return;
	}
	if (refusal.n) {
		refusal_send(&refusal, place->call);
		return;
	}
	basket = order_basket(place->req, place->products, arena);
	if (!basket) {
		weft_call_fail_errno(place->call, -ENOMEM);
		return;
	}
	pricing_v1_compute_price(place->orders->pricing, basket, WEFT_CHILD_OF(place->call),
				 on_priced, place);
}

/* The order as it will be kept and answered, also in bytes. */
static int make_order(struct place *place, const Pricing__V1__ComputePriceResponse *bill)
{
	struct weft_arena *arena = weft_call_arena(place->call);
	uint8_t *bytes;
	size_t len;
	int r;

	uuid_new(place->order_id);
	place->now = (int64_t)weft_wall_clock();
	r = order_from_bill(place->req, place->products, bill, place->order_id, place->now, arena,
			    &place->order);
	if (r < 0)
		return r;
	len = orders__v1__order__get_packed_size(place->order);
	bytes = weft_arena_alloc(arena, len);
	if (!bytes)
		return -ENOMEM;
	orders__v1__order__pack(place->order, bytes);
	place->key.reply = (struct weft_bytes) { bytes, len };
	return 0;
}

/* What pricing refuses (region_code, coupon) has the same name here, and goes up as it is. */
static void on_priced(struct weft_rpc *rpc, const struct weft_status *status,
		      Pricing__V1__ComputePriceResponse *res, void *data)
{
	struct place *place = data;
	int r;

	if (!res) {
		weft_call_fail_from(place->call, status);
		return;
	}
	weft_rpc_keep(rpc, place->call);
	r = make_order(place, res);
	if (r < 0) {
		weft_call_fail_errno(place->call, r);
		return;
	}
	place->write = (struct store_write) {
		.txn = write_txn,
		.done = on_written,
		.owner = place->orders->worker,
		.call = place->call,
		.deadline_ns = weft_call_deadline(place->call),
	};
	store_write(place->orders->store, &place->write);
}

static int write_txn(struct store_txn *txn, struct store_write *write)
{
	struct place *place = weft_container_of(write, struct place, write);
	int r;

	r = store_has_key(txn, place->request_id, &place->beaten);
	if (r < 0 || place->beaten)
		return r;
	r = store_insert_order(txn, place->order_id, place->order, place->now);
	if (r != 0)
		return r;
	return store_insert_key(txn, place->request_id, &place->key, place->order_id, place->now);
}

static void on_written(struct store_write *write, int r)
{
	struct place *place = weft_container_of(write, struct place, write);

	if (r != 0) {
		refuse_write(place->call, ORDERS_DOMAIN, r);
		return;
	}
	if (!place->beaten) {
		weft_call_reply_bytes(place->call, place->key.reply);
		return;
	}
	r = answer_known(place);
	if (r != 0 && r != -ECANCELED)
		weft_call_fail_errno(place->call, r < 0 ? r : -ENOENT);
}
