/* The price rules in the store. Nothing writes them yet but migrations. */
#ifndef PRICING_STORE_H
#define PRICING_STORE_H

#include "chassis/store.h"
#include "price.h"

extern const struct store_migration pricing_migrations[];
extern const size_t pricing_n_migrations;

/* The rules for one basket, from one snapshot, in the arena. STORE_NOT_FOUND: no such region,
 * *ret_missing is "region_code"; or no such coupon, and it is "coupon". `coupon` "" is none. */
int store_load_rules(struct store_reader *reader, const char *region_code, const char *coupon,
		     struct weft_arena *arena, struct rules *ret_rules, const char **ret_missing);

#endif
