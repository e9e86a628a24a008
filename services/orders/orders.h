/* What the handlers of orders share: a worker's state, and the handlers, a file for each long
 * one. */
#ifndef ORDERS_ORDERS_H
#define ORDERS_ORDERS_H

#include <weft/channel.h>

#include "orders/v1/orders.weft.h"
#include "store.h"

struct orders { /* a worker's */
	struct store *store;
	struct store_reader *reader;
	struct weft_worker *worker;
	struct weft_channel *catalog;
	struct weft_channel *pricing;
};

int place_order(struct weft_call *call, const Orders__V1__PlaceOrderRequest *req, void *self);
int get_order(struct weft_call *call, const Orders__V1__GetOrderRequest *req, void *self);
int list_orders(struct weft_call *call, const Orders__V1__ListOrdersRequest *req, void *self);

/* Forgets request ids that are older than seven days: on start, and from time to time. One for
 * the process, on the worker it was made on. */
struct sweeper;
struct sweeper *sweeper_new(struct store *store, struct weft_worker *worker);
void sweeper_free(struct sweeper *sweeper); /* takes NULL */

#endif
