/* Orders and request keys in the store. */
#ifndef ORDERS_STORE_H
#define ORDERS_STORE_H

#include "chassis/store.h"
#include "check.h"
#include "orders/v1/orders.pb-c.h"

extern const struct store_migration orders_migrations[];
extern const size_t orders_n_migrations;

/* What a request id was answered with. */
struct request_key {
	uint8_t body_hash[HASH_BYTES];
	struct weft_bytes reply;
};

/* 0 or STORE_NOT_FOUND; the reply is in the arena. */
int store_get_key(struct store_reader *reader, const char *request_id, struct weft_arena *arena,
		  struct request_key *ret_key);
/* On the writer: whether there is one. */
int store_has_key(struct store_txn *txn, const char *request_id, bool *ret_has);
int store_insert_key(struct store_txn *txn, const char *request_id, const struct request_key *key,
		     const char *order_id, int64_t now);
/* Drops up to `limit` keys from before `before`. */
int store_delete_keys(struct store_txn *txn, int64_t before, int64_t limit, int64_t *ret_deleted);

/* The order with its lines and discounts. */
int store_insert_order(struct store_txn *txn, const char *id, const Orders__V1__Order *order,
		       int64_t now);
/* 0 or STORE_NOT_FOUND; in one snapshot. */
int store_get_order(struct store_reader *reader, const char *id, struct weft_arena *arena,
		    Orders__V1__Order **ret_order);

struct order_filter {
	const char *customer_id;        /* "": any */
	const char *external_reference; /* "": any */
};

/* Up to `limit` orders whose ids come before `before` ("": from the newest), the newest first,
 * without lines and discounts. */
int store_list_orders(struct store_reader *reader, const struct order_filter *filter,
		      const char *before, size_t limit, struct weft_arena *arena,
		      Orders__V1__Order ***ret_orders, size_t *ret_n);

#endif
