/* Orders from their sources: see order.h. */
#include "order.h"

#include <errno.h>

#include "chassis/timestamp.h"

Pricing__V1__ComputePriceRequest *order_basket(const Orders__V1__PlaceOrderRequest *req,
					       Catalog__V1__Product *const *products,
					       struct weft_arena *arena)
{
	Pricing__V1__ComputePriceRequest *basket = weft_arena_alloc(arena, sizeof(*basket));
	Pricing__V1__ComputePriceRequest__Line *lines =
		weft_arena_new_array(arena, Pricing__V1__ComputePriceRequest__Line, req->n_lines);

	pricing__v1__compute_price_request__init(basket);
	basket->region_code = req->region_code;
	basket->coupon = req->coupon;
	basket->n_lines = req->n_lines;
	basket->lines =
		weft_arena_new_array(arena, Pricing__V1__ComputePriceRequest__Line *, req->n_lines);
	if (!lines || !basket->lines)
		return NULL;
	for (size_t i = 0; i < req->n_lines; i++) {
		pricing__v1__compute_price_request__line__init(&lines[i]);
		lines[i].product = req->lines[i]->product;
		lines[i].quantity = req->lines[i]->quantity;
		lines[i].unit_price = products[i]->unit_price;
		lines[i].weight_grams = products[i]->weight_grams;
		basket->lines[i] = &lines[i];
	}
	return basket;
}

static Orders__V1__Charge *copy_charge(const Pricing__V1__Charge *from, struct weft_arena *arena)
{
	Orders__V1__Charge *charge;

	if (!from || !from->amount)
		return NULL;
	charge = weft_arena_alloc(arena, sizeof(*charge));
	orders__v1__charge__init(charge);
	charge->amount = from->amount;
	charge->rule = from->rule;
	charge->description = from->description;
	return charge;
}

static int copy_charges(Pricing__V1__Charge *const *from, size_t n, struct weft_arena *arena,
			Orders__V1__Charge ***ret_charges)
{
	Orders__V1__Charge **charges = weft_arena_new_array(arena, Orders__V1__Charge *, n);

	if (!charges)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		charges[i] = copy_charge(from[i], arena);
		if (!charges[i])
			return -EPROTO;
	}
	*ret_charges = charges;
	return 0;
}

static int fill_line(Orders__V1__OrderLine *line, const Orders__V1__PlaceOrderRequest__Line *asked,
		     const Catalog__V1__Product *product, const Pricing__V1__PricedLine *priced,
		     struct weft_arena *arena)
{
	orders__v1__order_line__init(line);
	line->product = asked->product;
	line->title = product->title;
	line->quantity = asked->quantity;
	line->unit_price = product->unit_price;
	line->subtotal = copy_charge(priced->subtotal, arena);
	line->total = priced->total;
	if (!line->unit_price || !line->subtotal || !line->total ||
	    priced->quantity != asked->quantity)
		return -EPROTO;
	line->n_discounts = priced->n_discounts;
	return copy_charges(priced->discounts, priced->n_discounts, arena, &line->discounts);
}

static int fill_lines(Orders__V1__Order *order, const Orders__V1__PlaceOrderRequest *req,
		      Catalog__V1__Product *const *products,
		      const Pricing__V1__ComputePriceResponse *bill, struct weft_arena *arena)
{
	Orders__V1__OrderLine *lines =
		weft_arena_new_array(arena, Orders__V1__OrderLine, req->n_lines);

	order->lines = weft_arena_new_array(arena, Orders__V1__OrderLine *, req->n_lines);
	if (!lines || !order->lines)
		return -ENOMEM;
	if (bill->n_lines != req->n_lines)
		return -EPROTO;
	for (size_t i = 0; i < req->n_lines; i++) {
		int r = fill_line(&lines[i], req->lines[i], products[i], bill->lines[i], arena);

		if (r < 0)
			return r;
		order->lines[i] = &lines[i];
	}
	order->n_lines = req->n_lines;
	order->line_count = (int32_t)req->n_lines;
	return 0;
}

static int fill_amounts(Orders__V1__Order *order, const Pricing__V1__ComputePriceResponse *bill,
			struct weft_arena *arena)
{
	order->weight_grams = bill->weight_grams;
	order->goods = bill->goods;
	order->shipping = copy_charge(bill->shipping, arena);
	order->tax = copy_charge(bill->tax, arena);
	order->total = bill->total;
	if (!order->goods || !order->shipping || !order->tax || !order->total)
		return -EPROTO;
	order->n_discounts = bill->n_discounts;
	return copy_charges(bill->discounts, bill->n_discounts, arena, &order->discounts);
}

int order_from_bill(const Orders__V1__PlaceOrderRequest *req, Catalog__V1__Product *const *products,
		    const Pricing__V1__ComputePriceResponse *bill, const char *id, int64_t now,
		    struct weft_arena *arena, Orders__V1__Order **ret_order)
{
	Orders__V1__Order *order = weft_arena_alloc(arena, sizeof(*order));
	int r;

	orders__v1__order__init(order);
	order->name = weft_arena_printf(arena, "orders/%s", id);
	order->customer_id = req->customer_id;
	order->region_code = req->region_code;
	order->coupon = req->coupon;
	order->external_reference = req->external_reference;
	order->create_time = timestamp_to_message(now, arena);
	order->state = ORDERS__V1__ORDER__STATE__PLACED;
	r = fill_lines(order, req, products, bill, arena);
	if (r < 0)
		return r;
	r = fill_amounts(order, bill, arena);
	if (r < 0)
		return r;
	*ret_order = order;
	return 0;
}
