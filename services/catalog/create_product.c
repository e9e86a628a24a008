/* CreateProduct: one product, refused when it is there. */
#include <string.h>

#include "catalog.h"
#include "chassis/refusal.h"

struct create { /* in the call's arena, which waits for the write */
	struct store_write write;
	struct product_fields fields;
	int64_t now;
	int64_t sequence;
};

static int create_txn(struct store_txn *txn, struct store_write *write)
{
	struct create *create = weft_container_of(write, struct create, write);

	return store_insert_product(txn, &create->fields, create->now, &create->sequence);
}

static Catalog__V1__Product *created_product(const struct create *create)
{
	const struct product_history history = {
		.create_time = create->now,
		.update_time = create->now,
		.sequence = create->sequence,
	};

	return product_to_message(&create->fields, &history, weft_call_arena(create->write.call));
}

static void on_created(struct store_write *write, int r)
{
	struct create *create = weft_container_of(write, struct create, write);
	struct weft_call *call = write->call;

	if (r == STORE_CONFLICT)
		refuse(call, WEFT_ALREADY_EXISTS, CATALOG_DOMAIN, "PRODUCT_EXISTS",
		       "there is a product \"%s\" already", create->fields.id);
	else if (r != 0)
		refuse_write(call, CATALOG_DOMAIN, r);
	else
		catalog_v1_create_product_reply(call, created_product(create));
}

static void check_create(const Catalog__V1__CreateProductRequest *req,
			 struct product_fields *fields, struct refusal *refusal)
{
	if (resource_id_valid(req->product_id))
		strcpy(fields->id, req->product_id);
	else
		refusal_add(refusal, "product_id",
			    "must be a letter or digit and up to 62 letters, digits, \".\", "
			    "\"_\" and \"-\"");
	if (!req->product) {
		refusal_add(refusal, "product", "must be there");
		return;
	}
	check_product(req->product, PRODUCT_ALL, fields, refusal);
}

int create_product(struct weft_call *call, const Catalog__V1__CreateProductRequest *req, void *self)
{
	struct catalog *catalog = self;
	struct weft_arena *arena = weft_call_arena(call);
	struct refusal refusal = { .arena = arena, .domain = CATALOG_DOMAIN };
	struct create *create = weft_arena_zalloc(arena, sizeof(*create));

	check_create(req, &create->fields, &refusal);
	if (refusal.n)
		return refusal_send(&refusal, call);
	create->now = (int64_t)weft_wall_clock();
	create->write = (struct store_write) {
		.txn = create_txn,
		.done = on_created,
		.owner = catalog->worker,
		.call = call,
		.deadline_ns = weft_call_deadline(call),
	};
	store_write(catalog->store, &create->write);
	return 0; /* answered in on_created() */
}
