/* The reads: Get, BatchGet, List. */
#include <errno.h>

#include "catalog.h"
#include "chassis/page.h"
#include "chassis/refusal.h"

#define BATCH_MOST 1000

int get_product(struct weft_call *call, const Catalog__V1__GetProductRequest *req, void *self)
{
	struct catalog *catalog = self;
	Catalog__V1__Product *product;
	const char *id;
	int r;

	if (resource_id(req->name, PRODUCTS, &id) < 0)
		return refuse_field(call, CATALOG_DOMAIN, "name", PRODUCT_NAME_WORDS);
	r = store_get_product(catalog->reader, id, weft_call_arena(call), &product);
	if (r == STORE_NOT_FOUND)
		return refuse(call, WEFT_NOT_FOUND, CATALOG_DOMAIN, "PRODUCT_NOT_FOUND",
			      "there is no product \"%s\"", id);
	if (r < 0)
		return r;
	return catalog_v1_get_product_reply(call, product);
}

/* One lookup after the other in one snapshot. 0, or STORE_NOT_FOUND with *ret_missing, or
 * negative. */
static int read_batch(struct store_reader *reader, const Catalog__V1__BatchGetProductsRequest *req,
		      struct weft_arena *arena, Catalog__V1__BatchGetProductsResponse *res,
		      size_t *ret_missing)
{
	for (size_t i = 0; i < req->n_names; i++) {
		const char *id = req->names[i];
		int r;

		r = resource_id(req->names[i], PRODUCTS, &id);
		if (r < 0)
			return r;
		r = store_get_product(reader, id, arena, &res->products[res->n_products]);
		if (r == 0 && !res->products[res->n_products]->delete_time)
			res->n_products++;
		else if (r != 0 && r != STORE_NOT_FOUND)
			return r;
		else if (!req->allow_missing) {
			*ret_missing = i;
			return STORE_NOT_FOUND;
		}
	}
	return 0;
}

static bool check_batch(const Catalog__V1__BatchGetProductsRequest *req, struct refusal *refusal)
{
	const char *id;

	if (req->n_names == 0)
		refusal_add(refusal, "names", "must not be empty");
	if (req->n_names > BATCH_MOST)
		refusal_add(refusal, "names", "must be at most 1000, not %zu", req->n_names);
	for (size_t i = 0; i < req->n_names && i < BATCH_MOST; i++)
		if (resource_id(req->names[i], PRODUCTS, &id) < 0)
			refusal_add(refusal, weft_arena_printf(refusal->arena, "names[%zu]", i),
				    PRODUCT_NAME_WORDS);
	return refusal->n == 0;
}

int batch_get_products(struct weft_call *call, const Catalog__V1__BatchGetProductsRequest *req,
		       void *self)
{
	struct catalog *catalog = self;
	struct weft_arena *arena = weft_call_arena(call);
	struct refusal refusal = { .arena = arena, .domain = CATALOG_DOMAIN };
	Catalog__V1__BatchGetProductsResponse res = CATALOG__V1__BATCH_GET_PRODUCTS_RESPONSE__INIT;
	size_t missing = 0;
	int r;

	if (!check_batch(req, &refusal))
		return refusal_send(&refusal, call);
	res.products = weft_arena_new_array(arena, Catalog__V1__Product *, req->n_names);
	if (!res.products)
		return -ENOMEM;

	r = store_reader_begin(catalog->reader);
	if (r < 0)
		return r;
	r = read_batch(catalog->reader, req, arena, &res, &missing);
	store_reader_end(catalog->reader);
	if (r == STORE_NOT_FOUND)
		return refuse(call, WEFT_NOT_FOUND, CATALOG_DOMAIN, "PRODUCT_NOT_FOUND",
			      "there is no product \"%s\" (names[%zu])", req->names[missing],
			      missing);
	if (r < 0)
		return r;
	return catalog_v1_batch_get_products_reply(call, &res);
}

int list_products(struct weft_call *call, const Catalog__V1__ListProductsRequest *req, void *self)
{
	const char *scope = req->show_deleted ? "catalog.v1.Catalog/ListProducts?show_deleted"
					      : "catalog.v1.Catalog/ListProducts";
	struct catalog *catalog = self;
	struct weft_arena *arena = weft_call_arena(call);
	Catalog__V1__ListProductsResponse res = CATALOG__V1__LIST_PRODUCTS_RESPONSE__INIT;
	const char *after;
	int32_t size;
	int r;

	if (page_size(req->page_size, PAGE_USUAL, PAGE_MOST, &size) < 0)
		return refuse_field(call, CATALOG_DOMAIN, "page_size", "must not be negative");
	if (page_token_read(arena, scope, req->page_token, &after) < 0)
		return refuse_field(call, CATALOG_DOMAIN, "page_token",
				    "must be the next_page_token of a page before");

	/* One more than the page holds tells whether there is a next page. */
	r = store_list_products(catalog->reader, after, req->show_deleted, (size_t)size + 1, arena,
				&res.products, &res.n_products);
	if (r < 0)
		return r;
	if (res.n_products > (size_t)size) {
		const char *last;

		res.n_products = (size_t)size;
		r = resource_id(res.products[size - 1]->name, PRODUCTS, &last);
		if (r < 0)
			return r;
		res.next_page_token = page_token_new(arena, scope, last);
	}
	return catalog_v1_list_products_reply(call, &res);
}
