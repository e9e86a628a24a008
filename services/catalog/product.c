/* Products: see product.h. */
#include "product.h"

#include "chassis/money.h"
#include "chassis/timestamp.h"

#define MOST_PRICE_NANOS (INT64_C(1000000) * 1000000000)
#define MOST_GRAMS       1000000

/* UTF-8, as every string that comes from the wire is. */
static bool is_title(const char *text)
{
	size_t characters = 0;

	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
		characters += (*text & 0xc0) != 0x80;
	}
	return characters <= PRODUCT_TITLE_MOST;
}

static bool read_price(const Google__Type__Money *message, int64_t *ret_nanos)
{
	struct money price;
	int64_t nanos;

	if (money_from_message(message, &price) < 0 || money_to_nanos(price, &nanos) < 0)
		return false;
	if (nanos <= 0 || nanos > MOST_PRICE_NANOS)
		return false;
	*ret_nanos = nanos;
	return true;
}

size_t product_check(const Catalog__V1__Product *product, struct product_fields *fields,
		     struct product_fault faults[PRODUCT_FAULTS])
{
	size_t n = 0;

	if (!is_title(product->title))
		faults[n++] = (struct product_fault) {
			PRODUCT_TITLE, "title",
			"must be at most 200 characters, none of them a control character"
		};
	if (!read_price(product->unit_price, &fields->price_nanos))
		faults[n++] = (struct product_fault) { PRODUCT_PRICE, "unit_price",
						       "must be an amount of " MONEY_CURRENCY
						       " above 0 and at most 1,000,000" };
	if (product->weight_grams < 0 || product->weight_grams > MOST_GRAMS)
		faults[n++] = (struct product_fault) { PRODUCT_WEIGHT, "weight_grams",
						       "must be 0 to 1,000,000" };

	fields->title = product->title[0] ? product->title : fields->id;
	fields->weight_grams = product->weight_grams;
	return n;
}

char *product_etag(int64_t sequence, struct weft_arena *arena)
{
	return weft_arena_printf(arena, "%llx", (unsigned long long)sequence);
}

Catalog__V1__Product *product_to_message(const struct product_fields *fields,
					 const struct product_history *history,
					 struct weft_arena *arena)
{
	Catalog__V1__Product *product = weft_arena_alloc(arena, sizeof(*product));

	catalog__v1__product__init(product);
	product->name = weft_arena_printf(arena, "products/%s", fields->id);
	product->title = (char *)fields->title;
	product->unit_price = money_to_message(money_from_nanos(fields->price_nanos), arena);
	product->weight_grams = (int32_t)fields->weight_grams;
	product->create_time = timestamp_to_message(history->create_time, arena);
	product->update_time = timestamp_to_message(history->update_time, arena);
	product->etag = product_etag(history->sequence, arena);
	if (history->delete_time)
		product->delete_time = timestamp_to_message(history->delete_time, arena);
	return product;
}
