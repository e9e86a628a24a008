/* What the handlers of catalog share: a worker's state, and the handlers themselves, a file for
 * each long one. */
#ifndef CATALOG_CATALOG_H
#define CATALOG_CATALOG_H

#include "catalog/v1/catalog.weft.h"
#include "chassis/refusal.h"
#include "store.h"

struct catalog { /* a worker's */
	struct store *store;
	struct store_reader *reader;
	struct weft_worker *worker;
	struct weft_list watches; /* the calls of WatchProducts */
	struct store_subscription *changes;
};

#define PAGE_USUAL 50 /* of the lists that come page by page */
#define PAGE_MOST  1000

/* product_check() as a refusal: the faults of the fields of `mask`, under "product.". */
void check_product(const Catalog__V1__Product *product, unsigned mask,
		   struct product_fields *fields, struct refusal *refusal);

/* An arena that is freed with the call's: for a write or a query, or to be reset on the way. */
struct weft_arena *second_arena(struct weft_call *call);

/* Why a change cannot be: what store_change_product() gave, above 0, for a person ("the product
 * … does not exist") and for a program. False: that is no outcome of a change. */
struct change_refusal {
	enum weft_code code;
	const char *reason;
	const char *words;
};
bool change_refusal(enum product_change_kind kind, int r, struct change_refusal *ret_refusal);

int create_product(struct weft_call *call, const Catalog__V1__CreateProductRequest *req,
		   void *self);
int search_products(struct weft_call *call, const Catalog__V1__SearchProductsRequest *req,
		    void *self);
int update_product(struct weft_call *call, const Catalog__V1__UpdateProductRequest *req,
		   void *self);
int delete_product(struct weft_call *call, const Catalog__V1__DeleteProductRequest *req,
		   void *self);
int undelete_product(struct weft_call *call, const Catalog__V1__UndeleteProductRequest *req,
		     void *self);
int sync_products(struct weft_call *call, void *self);
int import_products(struct weft_call *call, void *self);
int export_products(struct weft_call *call, const Catalog__V1__ExportProductsRequest *req,
		    void *self);
int watch_products(struct weft_call *call, const Catalog__V1__WatchProductsRequest *req,
		   void *self);
void watches_start(struct catalog *catalog);
void watches_end(struct catalog *catalog); /* the drain has begun */
void watches_stop(struct catalog *catalog);
int get_product(struct weft_call *call, const Catalog__V1__GetProductRequest *req, void *self);
int batch_get_products(struct weft_call *call, const Catalog__V1__BatchGetProductsRequest *req,
		       void *self);
int list_products(struct weft_call *call, const Catalog__V1__ListProductsRequest *req, void *self);

#endif
