/*
 * ImportProducts: a stream of products, written in chunks.
 *
 *	message → … → CHUNK_ROWS of them: hold, write ──done──→ resume → message → …
 *	half-close: write the rest ──done──→ reply
 *
 * While a chunk is being written no message is delivered: the peer waits on its flow-control
 * window, and an import holds one chunk of memory however long it is. A chunk is one write, so it
 * is there as a whole or not.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "catalog.h"
#include "chassis/refusal.h"

/* Small enough for the writer's 10 ms, large enough that fsync does not rule. */
#define CHUNK_ROWS    100
#define REFUSALS_MOST 100

struct import { /* in the call's arena */
	struct store_write write;
	struct catalog *catalog;
	struct weft_call *call;
	struct weft_arena *strings; /* the chunk's titles; reset with it */
	struct product_fields *rows;
	size_t n_rows;
	int64_t now;
	int64_t counts[3]; /* by enum put_result, of the chunk under way */
	bool writing;
	bool half_closed;
	int64_t index; /* of the next message */
	Catalog__V1__ImportProductsResponse res;
};

static int refuse_row(struct import *import, const char *field, const char *words)
{
	struct weft_arena *arena = weft_call_arena(import->call);
	Catalog__V1__ImportProductsResponse__Refusal *refusal;

	if (import->res.refused++ >= REFUSALS_MOST)
		return 0;
	refusal = weft_arena_alloc(arena, sizeof(*refusal));
	catalog__v1__import_products_response__refusal__init(refusal);
	refusal->index = import->index;
	refusal->field = weft_arena_strdup(arena, field);
	refusal->reason = (char *)words; /* a literal of product_check()'s, or ours */
	import->res.refusals[import->res.n_refusals++] = refusal;
	return 0;
}

static int import_txn(struct store_txn *txn, struct store_write *write)
{
	struct import *import = weft_container_of(write, struct import, write);

	memset(import->counts, 0, sizeof(import->counts));
	for (size_t i = 0; i < import->n_rows; i++) {
		enum put_result result;
		int r;

		r = store_put_product(txn, &import->rows[i], import->now, &result);
		if (r != 0)
			return r;
		import->counts[result]++;
	}
	return 0;
}

static void on_chunk(struct store_write *write, int r);

static void write_chunk(struct import *import)
{
	import->writing = true;
	import->now = (int64_t)weft_wall_clock();
	import->write = (struct store_write) {
		.txn = import_txn,
		.done = on_chunk,
		.owner = import->catalog->worker,
		.call = import->call,
		.deadline_ns = weft_call_deadline(import->call),
	};
	store_write(import->catalog->store, &import->write);
}

static int reply(struct import *import)
{
	return catalog_v1_import_products_reply(import->call, &import->res);
}

static void on_chunk(struct store_write *write, int r)
{
	struct import *import = weft_container_of(write, struct import, write);

	import->writing = false;
	if (r != 0) {
		refuse_write(import->call, CATALOG_DOMAIN, r);
		return;
	}
	import->res.created += import->counts[PUT_CREATED];
	import->res.updated += import->counts[PUT_UPDATED];
	import->res.unchanged += import->counts[PUT_UNCHANGED];
	import->n_rows = 0;
	weft_arena_reset(import->strings);
	if (import->half_closed)
		reply(import);
	else
		weft_call_resume(import->call);
}

/* Refuses it, or takes it into the chunk. */
static int take_row(struct import *import, const Catalog__V1__ImportProductsRequest *message)
{
	struct product_fields *row = &import->rows[import->n_rows];
	struct product_fault faults[PRODUCT_FAULTS];
	char field[64];
	const char *id;

	if (!message->product)
		return refuse_row(import, "product", "must be there");
	if (resource_id(message->product->name, PRODUCTS, &id) < 0)
		return refuse_row(import, "product.name", PRODUCT_NAME_WORDS);
	strcpy(row->id, id);
	if (product_check(message->product, row, faults) > 0) {
		snprintf(field, sizeof(field), "product.%s", faults[0].field);
		return refuse_row(import, field, faults[0].words);
	}
	if (row->title != row->id)
		row->title = weft_arena_strdup(import->strings, row->title);
	import->n_rows++;
	return 0;
}

static int on_product(struct weft_call *call, const Catalog__V1__ImportProductsRequest *message,
		      void *data)
{
	struct import *import = data;

	take_row(import, message);
	import->index++;
	if (import->n_rows == CHUNK_ROWS) {
		weft_call_hold(call);
		write_chunk(import);
	}
	return 0;
}

static int on_half_close(struct weft_call *call, void *data)
{
	struct import *import = data;

	import->half_closed = true;
	if (import->writing)
		return 0; /* answered in on_chunk() */
	if (import->n_rows == 0)
		return reply(import);
	write_chunk(import);
	return 0;
}

int import_products(struct weft_call *call, void *self)
{
	struct weft_arena *arena = weft_call_arena(call);
	struct import *import = weft_arena_zalloc(arena, sizeof(*import));

	import->catalog = self;
	import->call = call;
	catalog__v1__import_products_response__init(&import->res);
	import->rows = weft_arena_new_array(arena, struct product_fields, CHUNK_ROWS);
	import->res.refusals = weft_arena_new_array(
		arena, Catalog__V1__ImportProductsResponse__Refusal *, REFUSALS_MOST);
	if (!import->rows || !import->res.refusals)
		return -ENOMEM;
	import->strings = second_arena(call);
	catalog_v1_import_products_receive(call, on_product, on_half_close, import);
	return 0; /* answered in on_half_close() or on_chunk() */
}
