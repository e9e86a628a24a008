/*
 * A bill grows from top to bottom: lines, goods, discounts, shipping, tax, total. Each step reads
 * what the ones above it have written. Amounts too large to be said poison what is made of them
 * (money.h), and are found at the end.
 */
#include "price.h"

#include <errno.h>

#include "chassis/money.h"

#define WHOLE 10000 /* basis points */

struct bill {
	const struct rules *rules;
	struct weft_arena *arena;
	struct money goods;
	struct money discounts;
	struct money shipping;
	struct money tax;
	int64_t grams;
};

static Pricing__V1__Charge *charge_new(struct weft_arena *arena, struct money amount, char *rule,
				       char *description)
{
	Pricing__V1__Charge *charge = weft_arena_alloc(arena, sizeof(*charge));

	pricing__v1__charge__init(charge);
	charge->amount = money_to_message(amount, arena);
	charge->rule = rule;
	charge->description = description;
	return charge;
}

/* A list of one, or of none. */
static Pricing__V1__Charge **charge_list(struct weft_arena *arena, Pricing__V1__Charge *charge)
{
	Pricing__V1__Charge **list = weft_arena_alloc(arena, sizeof(*list));

	*list = charge;
	return list;
}

/* Basis points for people: "8.5%". */
static char *percent(struct weft_arena *arena, int64_t basis_points)
{
	int whole = (int)(basis_points / 100), rest = (int)(basis_points % 100);

	if (rest == 0)
		return weft_arena_printf(arena, "%d%%", whole);
	if (rest % 10 == 0)
		return weft_arena_printf(arena, "%d.%d%%", whole, rest / 10);
	return weft_arena_printf(arena, "%d.%02d%%", whole, rest);
}

static const struct volume_rule *volume_rule_for(const struct rules *rules, int64_t quantity)
{
	for (size_t i = 0; i < rules->n_volumes; i++)
		if (quantity >= rules->volumes[i].least_quantity)
			return &rules->volumes[i];
	return NULL;
}

/* Adds the line's total to the goods. */
static int price_line(struct bill *bill, const Pricing__V1__ComputePriceRequest__Line *asked,
		      Pricing__V1__PricedLine *line)
{
	const struct volume_rule *volume = volume_rule_for(bill->rules, asked->quantity);
	struct weft_arena *arena = bill->arena;
	struct money unit_price, subtotal, discount = MONEY_ZERO, total;
	int r;

	r = money_from_message(asked->unit_price, &unit_price);
	if (r < 0)
		return r;
	subtotal = money_round(money_times(unit_price, asked->quantity));
	if (volume)
		discount = money_share_rounded(subtotal, volume->basis_points, WHOLE);
	total = money_subtract(subtotal, discount);
	if (!money_valid(total))
		return -EOVERFLOW;

	line->product = asked->product;
	line->quantity = asked->quantity;
	line->unit_price = asked->unit_price;
	line->subtotal = charge_new(arena, subtotal, (char *)"line/unit-price",
				    weft_arena_printf(arena, "%d × %s", asked->quantity,
						      money_format(unit_price, arena)));
	if (volume) {
		line->n_discounts = 1;
		line->discounts = charge_list(
			arena, charge_new(arena, discount,
					  weft_arena_printf(arena, "volume/%lld",
							    (long long)volume->least_quantity),
					  weft_arena_printf(arena, "%s off from %lld pieces",
							    percent(arena, volume->basis_points),
							    (long long)volume->least_quantity)));
	}
	line->total = money_to_message(total, arena);

	bill->goods = money_add(bill->goods, total);
	bill->grams += (int64_t)asked->quantity * asked->weight_grams;
	return 0;
}

static int price_lines(struct bill *bill, const Pricing__V1__ComputePriceRequest *req,
		       Pricing__V1__ComputePriceResponse *res)
{
	Pricing__V1__PricedLine *lines =
		weft_arena_new_array(bill->arena, Pricing__V1__PricedLine, req->n_lines);

	res->lines = weft_arena_new_array(bill->arena, Pricing__V1__PricedLine *, req->n_lines);
	if (!lines || !res->lines)
		return -ENOMEM;
	for (size_t i = 0; i < req->n_lines; i++) {
		int r;

		pricing__v1__priced_line__init(&lines[i]);
		r = price_line(bill, req->lines[i], &lines[i]);
		if (r < 0)
			return r;
		res->lines[i] = &lines[i];
	}
	res->n_lines = req->n_lines;
	return money_valid(bill->goods) ? 0 : -EOVERFLOW;
}

static char *coupon_rule(const struct bill *bill)
{
	return weft_arena_printf(bill->arena, "coupon/%s", bill->rules->coupon.code);
}

static struct money smaller(struct money a, struct money b)
{
	return money_compare(a, b) < 0 ? a : b;
}

/* 0, or PRICE_COUPON_NOT_REACHED */
static int discount_basket(struct bill *bill, Pricing__V1__ComputePriceResponse *res)
{
	const struct coupon *coupon = &bill->rules->coupon;
	char *description;

	if (!coupon->code)
		return 0;
	if (money_compare(bill->goods, money_from_pence(coupon->least_goods_pence)) < 0)
		return PRICE_COUPON_NOT_REACHED;

	switch (coupon->kind) {
	case COUPON_PERCENT:
		bill->discounts = money_share_rounded(bill->goods, coupon->value, WHOLE);
		description = weft_arena_printf(bill->arena, "%s off the goods",
						percent(bill->arena, coupon->value));
		break;
	case COUPON_AMOUNT:
		bill->discounts = smaller(money_from_pence(coupon->value), bill->goods);
		description = weft_arena_printf(
			bill->arena, "%s off the goods",
			money_format(money_from_pence(coupon->value), bill->arena));
		break;
	case COUPON_FREE_SHIPPING: /* see ship() */
	default: return 0;
	}
	res->n_discounts = 1;
	res->discounts = charge_list(bill->arena, charge_new(bill->arena, bill->discounts,
							     coupon_rule(bill), description));
	return 0;
}

/* By weight: the first rate that carries it; beyond the last, each started kilogram on top of
 * it. */
static Pricing__V1__Charge *ship_by_weight(struct bill *bill)
{
	const struct rules *rules = bill->rules;
	const struct shipping_rate *rate = rules->rates, *last = rate + rules->n_rates - 1;
	int64_t extra_kg;

	while (rate < last && bill->grams > rate->most_grams)
		rate++;
	extra_kg =
		bill->grams > rate->most_grams ? (bill->grams - rate->most_grams + 999) / 1000 : 0;
	bill->shipping = money_add(money_from_pence(rate->pence),
				   money_times(money_from_pence(rules->extra_kg_pence), extra_kg));

	if (extra_kg)
		return charge_new(bill->arena, bill->shipping,
				  weft_arena_printf(bill->arena, "shipping/%s/over-%lld",
						    rules->zone, (long long)rate->most_grams),
				  weft_arena_printf(bill->arena, "%lld g and %lld kg more to %s",
						    (long long)rate->most_grams,
						    (long long)extra_kg, rules->zone));
	return charge_new(bill->arena, bill->shipping,
			  weft_arena_printf(bill->arena, "shipping/%s/%lld", rules->zone,
					    (long long)rate->most_grams),
			  weft_arena_printf(bill->arena, "up to %lld g to %s",
					    (long long)rate->most_grams, rules->zone));
}

static Pricing__V1__Charge *ship(struct bill *bill)
{
	const struct rules *rules = bill->rules;
	struct money value = money_subtract(bill->goods, bill->discounts);

	if (bill->grams == 0)
		return charge_new(bill->arena, MONEY_ZERO, (char *)"shipping/none",
				  (char *)"nothing to ship");
	if (rules->coupon.code && rules->coupon.kind == COUPON_FREE_SHIPPING)
		return charge_new(bill->arena, MONEY_ZERO, coupon_rule(bill),
				  (char *)"free shipping");
	if (rules->free_from_pence >= 0 &&
	    money_compare(value, money_from_pence(rules->free_from_pence)) >= 0)
		return charge_new(
			bill->arena, MONEY_ZERO,
			weft_arena_printf(bill->arena, "shipping/%s/free", rules->zone),
			weft_arena_printf(bill->arena, "free to %s from %s", rules->zone,
					  money_format(money_from_pence(rules->free_from_pence),
						       bill->arena)));
	return ship_by_weight(bill);
}

static Pricing__V1__Charge *tax(struct bill *bill, struct money taxable)
{
	const struct rules *rules = bill->rules;
	char *description = (char *)rules->tax_description;

	bill->tax = money_share_rounded(taxable, rules->tax_basis_points, WHOLE);
	if (rules->tax_basis_points)
		description = weft_arena_printf(bill->arena, "%s %s", description,
						percent(bill->arena, rules->tax_basis_points));
	return charge_new(bill->arena, bill->tax,
			  weft_arena_printf(bill->arena, "tax/%s", rules->tax), description);
}

int price_basket(const struct rules *rules, const Pricing__V1__ComputePriceRequest *req,
		 struct weft_arena *arena, Pricing__V1__ComputePriceResponse *res)
{
	struct bill bill = { .rules = rules, .arena = arena };
	struct money taxable;
	int r;

	r = price_lines(&bill, req, res);
	if (r < 0)
		return r;
	res->goods = money_to_message(bill.goods, arena);
	r = discount_basket(&bill, res);
	if (r != 0)
		return r;
	res->shipping = ship(&bill);
	taxable = money_add(money_subtract(bill.goods, bill.discounts), bill.shipping);
	if (!money_valid(taxable))
		return -EOVERFLOW;
	res->tax = tax(&bill, taxable);
	res->taxable = money_to_message(taxable, arena);
	res->total = money_to_message(money_add(taxable, bill.tax), arena);
	res->weight_grams = bill.grams;
	return 0;
}
