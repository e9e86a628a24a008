/* The reads: Get, List. */
#include "chassis/page.h"
#include "chassis/resource.h"
#include "orders.h"

#define PAGE_USUAL 50
#define PAGE_MOST  1000

int get_order(struct weft_call *call, const Orders__V1__GetOrderRequest *req, void *self)
{
	struct orders *orders = self;
	Orders__V1__Order *order;
	const char *id;
	int r;

	if (resource_id(req->name, "orders", &id) < 0)
		return refuse_field(call, ORDERS_DOMAIN, "name",
				    "must be an order's name, as \"orders/018f3b1c-…\"");
	r = store_get_order(orders->reader, id, weft_call_arena(call), &order);
	if (r == STORE_NOT_FOUND)
		return refuse(call, WEFT_NOT_FOUND, ORDERS_DOMAIN, "ORDER_NOT_FOUND",
			      "there is no order \"%s\"", id);
	if (r < 0)
		return r;
	return orders_v1_get_order_reply(call, order);
}

static void check_list(const Orders__V1__ListOrdersRequest *req, struct refusal *refusal,
		       int32_t *size)
{
	if (page_size(req->page_size, PAGE_USUAL, PAGE_MOST, size) < 0)
		refusal_add(refusal, "page_size", "must not be negative");
	if (req->customer_id[0] && !resource_id_valid(req->customer_id))
		refusal_add(refusal, "customer_id", "must be a customer's id");
	if (!external_reference_valid(req->external_reference))
		refusal_add(refusal, "external_reference",
			    "must be at most 64 printable ASCII characters");
}

int list_orders(struct weft_call *call, const Orders__V1__ListOrdersRequest *req, void *self)
{
	struct orders *orders = self;
	struct weft_arena *arena = weft_call_arena(call);
	struct refusal refusal = { .arena = arena, .domain = ORDERS_DOMAIN };
	struct order_filter filter = { req->customer_id, req->external_reference };
	Orders__V1__ListOrdersResponse res = ORDERS__V1__LIST_ORDERS_RESPONSE__INIT;
	const char *scope, *before;
	int32_t size;
	int r;

	check_list(req, &refusal, &size);
	if (refusal.n)
		return refusal_send(&refusal, call);
	scope = weft_arena_printf(arena, "orders.v1.Orders/ListOrders\n%s\n%s", req->customer_id,
				  req->external_reference);
	if (page_token_read(arena, scope, req->page_token, &before) < 0)
		return refuse_field(call, ORDERS_DOMAIN, "page_token",
				    "must be the next_page_token of a page with the same filters");

	/* One more than the page holds tells whether there is a next page. */
	r = store_list_orders(orders->reader, &filter, before, (size_t)size + 1, arena, &res.orders,
			      &res.n_orders);
	if (r < 0)
		return r;
	if (res.n_orders > (size_t)size) {
		const char *last;

		res.n_orders = (size_t)size;
		r = resource_id(res.orders[size - 1]->name, "orders", &last);
		if (r < 0)
			return r;
		res.next_page_token = page_token_new(arena, scope, last);
	}
	return orders_v1_list_orders_reply(call, &res);
}
