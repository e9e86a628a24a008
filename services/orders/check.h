/* What an order must be before anybody is asked about it, and what makes two requests the same. */
#ifndef ORDERS_CHECK_H
#define ORDERS_CHECK_H

#include "chassis/refusal.h"
#include "chassis/uuid.h"
#include "orders/v1/orders.pb-c.h"

#define ORDERS_DOMAIN "orders.weft.example"

#define HASH_BYTES 32

/* Adds a violation for each wrong field; gives the request id in lower case when it is one.
 * Whether products, region and coupon exist, catalog and pricing know. */
void check_order(const Orders__V1__PlaceOrderRequest *req, struct refusal *refusal,
		 char request_id[UUID_TEXT + 1]);

/* At most 64 printable ASCII characters. */
bool external_reference_valid(const char *text);

/* SHA-256 of the request without its id, serialised in the one way protobuf-c does: what the
 * client's own serialiser does differently does not matter. -ENOMEM */
int hash_order(const Orders__V1__PlaceOrderRequest *req, struct weft_arena *arena,
	       uint8_t hash[HASH_BYTES]);

#endif
