/* What a basket must be before it is priced. Pure, but for the refusal it writes. */
#ifndef PRICING_CHECK_H
#define PRICING_CHECK_H

#include "chassis/refusal.h"
#include "pricing/v1/pricing.pb-c.h"

#define PRICING_DOMAIN "pricing.weft.example"

#define MOST_LINES    1000
#define MOST_QUANTITY 1000000
#define MOST_GRAMS    1000000
#define MOST_PRICE    1000000

/* Adds a violation for each wrong field. Whether region and coupon exist, the store knows. */
void check_basket(const Pricing__V1__ComputePriceRequest *req, struct refusal *refusal);

#endif
