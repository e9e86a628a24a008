/* A product as the contract says it must be, apart from calls and from the store. */
#ifndef CATALOG_PRODUCT_H
#define CATALOG_PRODUCT_H

#include <weft/arena.h>

#include "catalog/v1/catalog.pb-c.h"
#include "chassis/resource.h"

#define CATALOG_DOMAIN "catalog.weft.example"
#define PRODUCTS       "products"

/* What is wrong with a name that resource_id() refuses. */
#define PRODUCT_NAME_WORDS "must be a product's name, as \"products/85123A\""

#define PRODUCT_TITLE_MOST 200 /* characters */

/* What a client says of a product, checked. */
struct product_fields {
	char id[RESOURCE_ID_MOST + 1];
	const char *title; /* borrowed, or `id` where it was empty */
	int64_t price_nanos;
	int64_t weight_grams;
};

/* The fields that a client may change, each a bit of a mask. */
enum product_field {
	PRODUCT_TITLE = 1 << 0,
	PRODUCT_PRICE = 1 << 1,
	PRODUCT_WEIGHT = 1 << 2,
	PRODUCT_ALL = PRODUCT_TITLE | PRODUCT_PRICE | PRODUCT_WEIGHT,
};

/* Where a message breaks the contract. */
struct product_fault {
	enum product_field bit;
	const char *field; /* "title", "unit_price", … */
	const char *words;
};

/* Checks all but the name, and copies it to `fields`, whose id is set. Returns how many faults
 * it found; there is room for PRODUCT_FAULTS. */
#define PRODUCT_FAULTS 3
size_t product_check(const Catalog__V1__Product *product, struct product_fields *fields,
		     struct product_fault faults[PRODUCT_FAULTS]);

/* What the catalogue adds of its own. */
struct product_history {
	int64_t create_time; /* nanoseconds since 1970 */
	int64_t update_time;
	int64_t delete_time; /* 0: it is for sale */
	int64_t sequence;    /* of its last change */
};

/* The etag of a product whose last change has this number. */
char *product_etag(int64_t sequence, struct weft_arena *arena);

/* A stored product as a message in the arena; the strings are borrowed. */
Catalog__V1__Product *product_to_message(const struct product_fields *fields,
					 const struct product_history *history,
					 struct weft_arena *arena);

#endif
