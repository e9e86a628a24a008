/*
 * WatchProducts: the products in the order of their last changes, pulled by the client's reading.
 *
 *	made ──pump──▶ what came after `after`, a page at a time ──▶ idle ──a commit──▶ pump …
 *
 * No history is kept: a product's row has the number of its last change and outlives its deletion,
 * so that whatever a watcher has missed is in the table, once for each product.
 */
#include "catalog.h"

#define PAGE 64

struct watch { /* in the call's arena */
	struct weft_list node;
	struct catalog *catalog;
	struct weft_call *call;
	int64_t after;
};

static int send_change(struct watch *watch, Catalog__V1__Product *product, int64_t sequence)
{
	Catalog__V1__WatchProductsResponse message = CATALOG__V1__WATCH_PRODUCTS_RESPONSE__INIT;

	message.sequence = watch->after = sequence;
	message.product = product;
	return catalog_v1_watch_products_send(watch->call, &message);
}

static int watch_pump(struct weft_call *call, void *data)
{
	struct watch *watch = data;
	struct weft_arena *scratch = weft_call_scratch(call);

	while (weft_call_writable(call)) {
		Catalog__V1__Product **products;
		int64_t *sequences;
		size_t n;
		int r;

		weft_arena_reset(scratch);
		r = store_list_changes(watch->catalog->reader, watch->after, PAGE, scratch,
				       &products, &sequences, &n);
		if (r < 0)
			return r;
		if (n == 0)
			return 0; /* woken by the next commit */
		for (size_t i = 0; i < n; i++) {
			r = send_change(watch, products[i], sequences[i]);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static void on_gone(void *data)
{
	struct watch *watch = data;

	weft_list_remove(&watch->node);
}

int watch_products(struct weft_call *call, const Catalog__V1__WatchProductsRequest *req, void *self)
{
	struct catalog *catalog = self;
	struct watch *watch = weft_arena_zalloc(weft_call_arena(call), sizeof(*watch));
	int64_t last;
	int r;

	if (req->after_sequence < 0)
		return refuse_field(call, CATALOG_DOMAIN, "after_sequence", "must not be negative");
	r = store_last_sequence(catalog->reader, &last);
	if (r < 0)
		return r;
	if (req->after_sequence > last)
		return refuse(call, WEFT_OUT_OF_RANGE, CATALOG_DOMAIN, "SEQUENCE_AHEAD",
			      "the last change of this catalogue is %lld: begin again with 0",
			      (long long)last);
	watch->catalog = catalog;
	watch->call = call;
	watch->after = req->after_sequence;
	weft_list_append(&catalog->watches, &watch->node);
	weft_arena_defer(weft_call_arena(call), on_gone, watch);
	weft_call_on_ready(call, watch_pump, watch);
	return 0; /* sent in watch_pump() */
}

/* ---- a worker's */

static void on_change(uint64_t topics, void *data)
{
	struct catalog *catalog = data;

	weft_list_each (node, after, &catalog->watches)
		weft_call_wake(weft_list_entry(node, struct watch, node)->call);
}

void watches_start(struct catalog *catalog)
{
	weft_list_init(&catalog->watches);
	catalog->changes = store_subscribe(catalog->reader, TOPIC_PRODUCTS, on_change, catalog);
}

void watches_end(struct catalog *catalog)
{
	weft_list_each (node, after, &catalog->watches)
		refuse(weft_list_entry(node, struct watch, node)->call, WEFT_UNAVAILABLE,
		       CATALOG_DOMAIN, "STOPPING", "the server stops; watch again elsewhere");
}

void watches_stop(struct catalog *catalog)
{
	store_unsubscribe(catalog->changes);
}
