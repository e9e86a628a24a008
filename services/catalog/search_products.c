/*
 * SearchProducts: what a user types, found in the full-text index. It runs on the store's pool, as
 * a word that everything has makes it read everything.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "catalog.h"
#include "chassis/page.h"

#define QUERY_MOST 200 /* bytes */

struct search { /* in the call's arena, which waits for the query */
	struct store_query query;
	const char *text;
	const char *scope; /* of its page tokens */
	size_t skip;
	size_t size;
	Catalog__V1__SearchProductsResponse res; /* its products are in the query's arena */
};

static int search_run(struct store_reader *reader, struct store_query *query)
{
	struct search *search = weft_container_of(query, struct search, query);

	/* One more than the page holds tells whether there is a next page. */
	return store_search_products(reader, search->text, search->skip, search->size + 1,
				     query->arena, &search->res.products, &search->res.n_products);
}

static void on_found(struct store_query *query, int r)
{
	struct search *search = weft_container_of(query, struct search, query);
	struct weft_arena *arena = weft_call_arena(query->call);

	if (r == STORE_BUSY) {
		refuse(query->call, WEFT_RESOURCE_EXHAUSTED, CATALOG_DOMAIN, "STORE_BUSY",
		       "too many searches are waiting; try again later");
		return;
	}
	if (r != 0) {
		weft_call_fail_errno(query->call, r);
		return;
	}
	if (search->res.n_products > search->size) {
		search->res.n_products = search->size;
		search->res.next_page_token = page_token_new(
			arena, search->scope,
			weft_arena_printf(arena, "%zu", search->skip + search->size));
	}
	catalog_v1_search_products_reply(query->call, &search->res);
}

/* What is not ASCII counts as a letter here; the tokenizer knows better, and finds nothing. */
static bool has_word(const char *text)
{
	while (*text && !isalnum((unsigned char)*text) && !(*text & 0x80))
		text++;
	return *text != '\0';
}

static void check_search(const Catalog__V1__SearchProductsRequest *req, struct search *search,
			 struct refusal *refusal)
{
	const char *skip;
	int32_t size;

	if (strlen(req->query) > QUERY_MOST)
		refusal_add(refusal, "query", "must be at most %d bytes", QUERY_MOST);
	else if (!has_word(req->query))
		refusal_add(refusal, "query", "must have a letter or digit");
	if (page_size(req->page_size, PAGE_USUAL, PAGE_MOST, &size) < 0)
		refusal_add(refusal, "page_size", "must not be negative");
	else
		search->size = (size_t)size;
	search->text = req->query;
	search->scope = weft_arena_printf(refusal->arena, "catalog.v1.Catalog/SearchProducts?%s",
					  req->query);
	if (page_token_read(refusal->arena, search->scope, req->page_token, &skip) < 0)
		refusal_add(refusal, "page_token", "must be the next_page_token of a page before");
	else
		search->skip = strtoul(skip, NULL, 10); /* "" is 0 */
}

int search_products(struct weft_call *call, const Catalog__V1__SearchProductsRequest *req,
		    void *self)
{
	struct catalog *catalog = self;
	struct weft_arena *arena = weft_call_arena(call);
	struct refusal refusal = { .arena = arena, .domain = CATALOG_DOMAIN };
	struct search *search = weft_arena_zalloc(arena, sizeof(*search));

	catalog__v1__search_products_response__init(&search->res);
	check_search(req, search, &refusal);
	if (refusal.n)
		return refusal_send(&refusal, call);
	search->query = (struct store_query) {
		.run = search_run,
		.done = on_found,
		.owner = catalog->worker,
		.call = call,
		.arena = second_arena(call),
		.deadline_ns = weft_call_deadline(call),
	};
	store_query(catalog->store, &search->query);
	return 0; /* answered in on_found() */
}
