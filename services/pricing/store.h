/* The price rules in the store. Nothing writes them yet but migrations. */
#ifndef PRICING_STORE_H
#define PRICING_STORE_H

#include "chassis/store.h"
#include "price.h"

extern const struct store_migration pricing_migrations[];
extern const size_t pricing_n_migrations;

enum rules_outcome { /* beside store's own */
		     RULES_NO_REGION = 16,
		     RULES_NO_COUPON = 17,
};

/* The rules for one basket, from one snapshot, in the arena; `coupon` "" is none. 0, an outcome, or
 * negative. */
int store_load_rules(struct store_reader *reader, const char *region_code, const char *coupon,
		     struct weft_arena *arena, struct rules *ret_rules);

#endif
