/*
 * The arithmetic of docs/pricing.md: from rules and a basket to a bill. Pure: no store, no clock,
 * no call.
 */
#ifndef PRICING_PRICE_H
#define PRICING_PRICE_H

#include <weft/arena.h>

#include "pricing/v1/pricing.pb-c.h"

struct volume_rule {
	int64_t least_quantity;
	int64_t basis_points;
};

struct shipping_rate {
	int64_t most_grams;
	int64_t pence;
};

enum coupon_kind { COUPON_PERCENT, COUPON_AMOUNT, COUPON_FREE_SHIPPING };

struct coupon {
	const char *code;
	enum coupon_kind kind;
	int64_t value; /* basis points, or pence */
	int64_t least_goods_pence;
};

#define MOST_VOLUMES 16
#define MOST_RATES   32

/* What applies to one basket: its destination's zone and tax, its coupon, and the volume
 * discounts. */
struct rules {
	struct volume_rule volumes[MOST_VOLUMES]; /* the largest quantity first */
	size_t n_volumes;
	struct coupon coupon; /* its code is NULL: none */
	const char *zone;
	int64_t extra_kg_pence;
	int64_t free_from_pence;                /* -1: never */
	struct shipping_rate rates[MOST_RATES]; /* the lightest first; at least one */
	size_t n_rates;
	const char *tax;
	const char *tax_description;
	int64_t tax_basis_points;
};

enum price_outcome {
	PRICE_COUPON_NOT_REACHED = 1, /* the goods are worth less than the coupon asks for */
};

/* The request has been checked (check.h). `res` is initialised, and filled from the arena and
 * the request's own strings. 0, an outcome, or -EOVERFLOW. */
int price_basket(const struct rules *rules, const Pricing__V1__ComputePriceRequest *req,
		 struct weft_arena *arena, Pricing__V1__ComputePriceResponse *res);

#endif
