/* Checks of ComputePriceRequest: see check.h. With these bounds no amount comes near money's
 * own. */
#include "check.h"

#include <string.h>

#include "chassis/money.h"
#include "chassis/resource.h"

static const char *line_field(struct refusal *refusal, size_t at, const char *field)
{
	return weft_arena_printf(refusal->arena, "lines[%zu].%s", at, field);
}

static void check_line(const Pricing__V1__ComputePriceRequest__Line *line, size_t at,
		       struct refusal *refusal)
{
	struct money price;

	if (strlen(line->product) > 100)
		refusal_add(refusal, line_field(refusal, at, "product"),
			    "must have at most 100 characters");
	if (line->quantity < 1 || line->quantity > MOST_QUANTITY)
		refusal_add(refusal, line_field(refusal, at, "quantity"), "must be %s, not %d",
			    line->quantity < 1 ? "at least 1" : "at most 1,000,000",
			    line->quantity);
	if (line->weight_grams < 0 || line->weight_grams > MOST_GRAMS)
		refusal_add(refusal, line_field(refusal, at, "weight_grams"),
			    "must be 0 to 1,000,000, not %d", line->weight_grams);
	if (money_from_message(line->unit_price, &price) < 0 ||
	    money_compare(price, MONEY_ZERO) < 0 ||
	    money_compare(price, money_from_pence(100 * (int64_t)MOST_PRICE)) > 0)
		refusal_add(refusal, line_field(refusal, at, "unit_price"),
			    "must be an amount of " MONEY_CURRENCY " of 0 to 1,000,000");
}

void check_basket(const Pricing__V1__ComputePriceRequest *req, struct refusal *refusal)
{
	if (!region_code_valid(req->region_code))
		refusal_add(refusal, "region_code", "must be two letters A to Z, as \"GB\"");
	if (strspn(req->coupon,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-") !=
		    strlen(req->coupon) ||
	    strlen(req->coupon) > 40)
		refusal_add(refusal, "coupon", "must be at most 40 letters, digits and hyphens");
	if (req->n_lines == 0)
		refusal_add(refusal, "lines", "must not be empty");
	if (req->n_lines > MOST_LINES) {
		refusal_add(refusal, "lines", "must be at most 1000, not %zu", req->n_lines);
		return;
	}
	for (size_t i = 0; i < req->n_lines; i++)
		check_line(req->lines[i], i, refusal);
}
