/*
 * pricing: what a basket costs. A pure computation on rules that it reads from its store for each
 * basket, so that a change of the rules counts from its commit on.
 */
#include <errno.h>
#include <stdlib.h>

#include "chassis/app.h"
#include "check.h"
#include "price.h"
#include "pricing/v1/pricing.weft.h"
#include "store.h"

struct pricing { /* a worker's */
	struct store_reader *reader;
};

static int compute_price(struct weft_call *call, const Pricing__V1__ComputePriceRequest *req,
			 void *self)
{
	struct pricing *pricing = self;
	struct weft_arena *arena = weft_call_arena(call);
	struct refusal refusal = { .arena = arena, .domain = PRICING_DOMAIN };
	Pricing__V1__ComputePriceResponse res = PRICING__V1__COMPUTE_PRICE_RESPONSE__INIT;
	struct rules rules;
	int r;

	check_basket(req, &refusal);
	if (refusal.n)
		return refusal_send(&refusal, call);
	r = store_load_rules(pricing->reader, req->region_code, req->coupon, arena, &rules);
	/* Both texts are short and ASCII: check_basket() has looked. */
	if (r == RULES_NO_REGION)
		return refuse_field(call, PRICING_DOMAIN, "region_code",
				    "there is no shipping to \"%s\"", req->region_code);
	if (r == RULES_NO_COUPON)
		return refuse_field(call, PRICING_DOMAIN, "coupon", "there is no coupon \"%s\"",
				    req->coupon);
	if (r < 0)
		return r;
	r = price_basket(&rules, req, arena, &res);
	if (r == PRICE_COUPON_NOT_REACHED)
		return refuse_field(call, PRICING_DOMAIN, "coupon",
				    "is for goods of at least %lld.%02lld",
				    (long long)rules.coupon.least_goods_pence / 100,
				    (long long)rules.coupon.least_goods_pence % 100);
	if (r < 0)
		return r;
	return pricing_v1_compute_price_reply(call, &res);
}

static int start(struct app_worker *worker, void *process, void **ret_self)
{
	static const struct pricing_v1_handlers handlers = { .compute_price = compute_price };
	struct pricing *pricing = calloc(1, sizeof(*pricing));
	int r;

	if (!pricing)
		return -ENOMEM;
	pricing->reader = app_worker_reader(worker);
	r = weft_server_add(app_worker_server(worker), &pricing_v1_service, &handlers, pricing);
	if (r < 0) {
		free(pricing);
		return r;
	}
	*ret_self = pricing;
	return 0;
}

static void stop(struct app_worker *worker, void *self)
{
	free(self);
}

int main(int argc, char **argv)
{
	static const struct weft_service *const provides[] = { &pricing_v1_service, NULL };
	const struct app_service service = {
		.name = "pricing",
		.summary = "computes what a basket costs",
		.migrations = pricing_migrations,
		.n_migrations = pricing_n_migrations,
		.provides = provides,
		.start = start,
		.stop = stop,
	};

	return app_run(&service, argc, argv);
}
