/* The products in the store. Reads run on a worker's reader, puts inside a txn on the writer's
 * thread. */
#ifndef CATALOG_STORE_H
#define CATALOG_STORE_H

#include "chassis/store.h"
#include "product.h"

extern const struct store_migration catalog_migrations[];
extern const size_t catalog_n_migrations;

/* 0 or STORE_NOT_FOUND. The product is in the arena. */
int store_get_product(struct store_reader *reader, const char *id, struct weft_arena *arena,
		      Catalog__V1__Product **ret_product);

/* Up to `limit` products whose ids come after `after` ("": from the start), in the order of
 * their ids; with the deleted ones only if they are asked for. */
int store_list_products(struct store_reader *reader, const char *after, bool show_deleted,
			size_t limit, struct weft_arena *arena,
			Catalog__V1__Product ***ret_products, size_t *ret_n);

/* Up to `limit` products for sale with all the words of `text`, the best `skip` of them left out;
 * none if there is no letter or digit in it. */
int store_search_products(struct store_reader *reader, const char *text, size_t skip, size_t limit,
			  struct weft_arena *arena, Catalog__V1__Product ***ret_products,
			  size_t *ret_n);

/* The number of the last change; 0: there was none. */
int store_last_sequence(struct store_reader *reader, int64_t *ret_sequence);

/* Up to `limit` products, deleted ones too, whose last change came after that of the number
 * `after`, in the order of these changes; and their numbers. */
int store_list_changes(struct store_reader *reader, int64_t after, size_t limit,
		       struct weft_arena *arena, Catalog__V1__Product ***ret_products,
		       int64_t **ret_sequences, size_t *ret_n);

/* What every write touches. */
#define TOPIC_PRODUCTS (UINT64_C(1) << 0)

/* Adds a product: 0 or STORE_CONFLICT. */
int store_insert_product(struct store_txn *txn, const struct product_fields *fields, int64_t now,
			 int64_t *ret_sequence);

enum put_result { PUT_CREATED, PUT_UPDATED, PUT_UNCHANGED };
/* Adds or changes it; a deleted one is for sale again. */
int store_put_product(struct store_txn *txn, const struct product_fields *fields, int64_t now,
		      enum put_result *ret_result);

/* A change of one product, which is there but for CHANGE_PUT. */
struct product_change {
	enum product_change_kind {
		CHANGE_FIELDS,
		CHANGE_DELETE,
		CHANGE_UNDELETE,
		CHANGE_PUT, /* whether it is there or not, deleted or not */
	} kind;
	struct product_fields fields; /* its id, and what `mask` names */
	unsigned mask;                /* of enum product_field */
	const char *etag;             /* as it must be still; "": whatever it is */
	int64_t now;
};

/* Besides enum store_outcome. */
enum change_outcome {
	CHANGE_IS_DELETED = 16,
	CHANGE_IS_NOT_DELETED = 17,
	CHANGE_ETAG_MISMATCH = 18,
};

/* Gives the product as it is then: 0, STORE_NOT_FOUND or a change_outcome. A change of fields that
 * changes nothing leaves the product alone. */
int store_change_product(struct store_txn *txn, const struct product_change *change,
			 struct weft_arena *arena, Catalog__V1__Product **ret_product);

#endif
