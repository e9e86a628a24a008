/*
 * UpdateProduct, DeleteProduct, UndeleteProduct: a change of one product that is there, decided in
 * the write on the product as it is then.
 */
#include <string.h>

#include "catalog.h"

struct change { /* in the call's arena, which waits for the write */
	struct store_write write;
	struct product_change what;
	Catalog__V1__Product *product; /* in the write's arena */
};

static int change_txn(struct store_txn *txn, struct store_write *write)
{
	struct change *change = weft_container_of(write, struct change, write);

	return store_change_product(txn, &change->what, write->arena, &change->product);
}

bool change_refusal(enum product_change_kind kind, int r, struct change_refusal *ret_refusal)
{
	switch (r) {
	case STORE_NOT_FOUND:
		*ret_refusal = (struct change_refusal) { WEFT_NOT_FOUND, "PRODUCT_NOT_FOUND",
							 "does not exist" };
		return true;
	case CHANGE_IS_DELETED:
		*ret_refusal =
			kind == CHANGE_DELETE
				? (struct change_refusal) { WEFT_NOT_FOUND, "PRODUCT_NOT_FOUND",
							    "is deleted already" }
				: (struct change_refusal) { WEFT_FAILED_PRECONDITION,
							    "PRODUCT_DELETED",
							    "is deleted; undelete it first" };
		return true;
	case CHANGE_IS_NOT_DELETED:
		*ret_refusal = (struct change_refusal) { WEFT_ALREADY_EXISTS, "PRODUCT_NOT_DELETED",
							 "is not deleted" };
		return true;
	case CHANGE_ETAG_MISMATCH:
		*ret_refusal =
			(struct change_refusal) { WEFT_ABORTED, "ETAG_MISMATCH",
						  "has changed since it was read; read it again" };
		return true;
	default: return false;
	}
}

static void refuse_change(const struct change *change, int r)
{
	struct change_refusal why;

	if (change_refusal(change->what.kind, r, &why))
		refuse(change->write.call, why.code, CATALOG_DOMAIN, why.reason,
		       "the product \"%s\" %s", change->what.fields.id, why.words);
	else
		refuse_write(change->write.call, CATALOG_DOMAIN, r);
}

static void on_changed(struct store_write *write, int r)
{
	struct change *change = weft_container_of(write, struct change, write);

	if (r != 0)
		refuse_change(change, r);
	else /* all three answer with the product */
		weft_call_reply(write->call, &change->product->base);
}

/* NULL: the name is none, and the call has been refused. */
static struct change *change_new(struct weft_call *call, enum product_change_kind kind,
				 const char *field, const char *name, const char *etag)
{
	struct weft_arena *arena = weft_call_arena(call);
	struct change *change;
	const char *id;

	if (resource_id(name, PRODUCTS, &id) < 0) {
		refuse_field(call, CATALOG_DOMAIN, field, PRODUCT_NAME_WORDS);
		return NULL;
	}
	change = weft_arena_zalloc(arena, sizeof(*change));
	change->what = (struct product_change) { .kind = kind, .etag = etag };
	strcpy(change->what.fields.id, id);
	change->write.call = call;
	return change;
}

static int start(struct change *change, struct catalog *catalog)
{
	struct weft_call *call = change->write.call;

	change->what.now = (int64_t)weft_wall_clock();
	change->write = (struct store_write) {
		.txn = change_txn,
		.done = on_changed,
		.owner = catalog->worker,
		.call = call,
		.arena = second_arena(call),
		.deadline_ns = weft_call_deadline(call),
	};
	store_write(catalog->store, &change->write);
	return 0; /* answered in on_changed() */
}

/* ---- UpdateProduct */

/* The fields that a path stands for, which is 0 for those that no client sets. -1: there is no
 * such field. */
static int field_of(const char *path)
{
	static const struct {
		const char *path;
		int field;
	} known[] = {
		{ "*", PRODUCT_ALL },
		{ "title", PRODUCT_TITLE },
		{ "unit_price", PRODUCT_PRICE },
		{ "unit_price.currency_code", PRODUCT_PRICE },
		{ "unit_price.units", PRODUCT_PRICE },
		{ "unit_price.nanos", PRODUCT_PRICE },
		{ "weight_grams", PRODUCT_WEIGHT },
		{ "name", 0 },
		{ "create_time", 0 },
		{ "update_time", 0 },
		{ "delete_time", 0 },
		{ "etag", 0 },
	};

	for (size_t i = 0; i < WEFT_COUNT(known); i++)
		if (strcmp(path, known[i].path) == 0)
			return known[i].field;
	return -1;
}

/* What an empty mask means: the fields that are set. */
static unsigned set_fields(const Catalog__V1__Product *product)
{
	return (product->title[0] ? PRODUCT_TITLE : 0) | (product->unit_price ? PRODUCT_PRICE : 0) |
	       (product->weight_grams ? PRODUCT_WEIGHT : 0);
}

static unsigned read_mask(const Catalog__V1__UpdateProductRequest *req, struct refusal *refusal)
{
	const Google__Protobuf__FieldMask *mask = req->update_mask;
	unsigned fields = 0;

	if (!mask || mask->n_paths == 0)
		return set_fields(req->product);
	for (size_t i = 0; i < mask->n_paths; i++) {
		int field = field_of(mask->paths[i]);

		if (field < 0 || (mask->n_paths > 1 && strcmp(mask->paths[i], "*") == 0))
			refusal_add(refusal,
				    weft_arena_printf(refusal->arena, "update_mask.paths[%zu]", i),
				    "must be a field of a product, as \"title\", \"unit_price\" or "
				    "\"weight_grams\", or \"*\" alone");
		else
			fields |= (unsigned)field;
	}
	return fields;
}

int update_product(struct weft_call *call, const Catalog__V1__UpdateProductRequest *req, void *self)
{
	struct refusal refusal = { .arena = weft_call_arena(call), .domain = CATALOG_DOMAIN };
	struct change *change;

	if (!req->product)
		return refuse_field(call, CATALOG_DOMAIN, "product", "must be there");
	change = change_new(call, CHANGE_FIELDS, "product.name", req->product->name,
			    req->product->etag);
	if (!change)
		return 0;
	change->what.mask = read_mask(req, &refusal);
	check_product(req->product, change->what.mask, &change->what.fields, &refusal);
	if (refusal.n)
		return refusal_send(&refusal, call);
	return start(change, self);
}

/* ---- DeleteProduct, UndeleteProduct */

int delete_product(struct weft_call *call, const Catalog__V1__DeleteProductRequest *req, void *self)
{
	struct change *change = change_new(call, CHANGE_DELETE, "name", req->name, req->etag);

	return change ? start(change, self) : 0;
}

int undelete_product(struct weft_call *call, const Catalog__V1__UndeleteProductRequest *req,
		     void *self)
{
	struct change *change = change_new(call, CHANGE_UNDELETE, "name", req->name, req->etag);

	return change ? start(change, self) : 0;
}
