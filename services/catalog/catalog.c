/* What the handlers of catalog share: see catalog.h. */
#include "catalog.h"

void check_product(const Catalog__V1__Product *product, unsigned mask,
		   struct product_fields *fields, struct refusal *refusal)
{
	struct product_fault faults[PRODUCT_FAULTS];
	size_t n = product_check(product, fields, faults);

	for (size_t i = 0; i < n; i++)
		if (faults[i].bit & mask)
			refusal_add(
				refusal,
				weft_arena_printf(refusal->arena, "product.%s", faults[i].field),
				"%s", faults[i].words);
}

static void free_arena(void *arena)
{
	weft_arena_free(arena);
}

struct weft_arena *second_arena(struct weft_call *call)
{
	struct weft_arena *arena = weft_arena_new();

	weft_arena_defer(weft_call_arena(call), free_arena, arena);
	return arena;
}
