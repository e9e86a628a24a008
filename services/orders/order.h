/* An order, made of what was asked, what the catalogue has and what pricing says. Pure. */
#ifndef ORDERS_ORDER_H
#define ORDERS_ORDER_H

#include <weft/arena.h>

#include "catalog/v1/catalog.pb-c.h"
#include "orders/v1/orders.pb-c.h"
#include "pricing/v1/pricing.pb-c.h"

/* The basket to be priced: the request's lines with the products' prices and weights. `products`
 * has one for each line. NULL: out of memory. */
Pricing__V1__ComputePriceRequest *order_basket(const Orders__V1__PlaceOrderRequest *req,
					       Catalog__V1__Product *const *products,
					       struct weft_arena *arena);

/* The order, named `id`. It borrows the strings and amounts of all three. -EPROTO: the bill is
 * not one of this basket; -ENOMEM */
int order_from_bill(const Orders__V1__PlaceOrderRequest *req, Catalog__V1__Product *const *products,
		    const Pricing__V1__ComputePriceResponse *bill, const char *id, int64_t now,
		    struct weft_arena *arena, Orders__V1__Order **ret_order);

#endif
