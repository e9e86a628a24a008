/*
 * ExportProducts: the whole catalogue, pulled by the client's reading. It pages by key, so that no
 * snapshot stays open while a slow client reads.
 */
#include <string.h>

#include "catalog.h"

#define PAGE 64

struct export
{ /* in the call's arena */
	struct catalog *catalog;
	char after[RESOURCE_ID_MOST + 1];
};

static int send_page(struct weft_call *call, struct export *export, Catalog__V1__Product **products,
		     size_t n)
{
	for (size_t i = 0; i < n; i++) {
		Catalog__V1__ExportProductsResponse message =
			CATALOG__V1__EXPORT_PRODUCTS_RESPONSE__INIT;
		int r;

		message.product = products[i];
		r = catalog_v1_export_products_send(call, &message);
		if (r < 0)
			return r;
	}
	return 0;
}

static int export_pump(struct weft_call *call, void *data)
{
	struct export *export = data;
	struct weft_arena *scratch = weft_call_scratch(call);

	while (weft_call_writable(call)) {
		Catalog__V1__Product **products;
		const char *last;
		size_t n;
		int r;

		weft_arena_reset(scratch);
		r = store_list_products(export->catalog->reader, export->after, false, PAGE,
					scratch, &products, &n);
		if (r < 0)
			return r;
		if (n == 0)
			return weft_call_finish(call);
		r = send_page(call, export, products, n);
		if (r < 0)
			return r;
		r = resource_id(products[n - 1]->name, PRODUCTS, &last);
		if (r < 0)
			return r;
		strcpy(export->after, last);
	}
	return 0;
}

int export_products(struct weft_call *call, const Catalog__V1__ExportProductsRequest *req,
		    void *self)
{
	struct export *export = weft_arena_zalloc(weft_call_arena(call), sizeof(*export));

	export->catalog = self;
	weft_call_on_ready(call, export_pump, export);
	return 0; /* sent in export_pump() */
}
