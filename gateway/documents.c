#include "documents.h"

#include <string.h>

#include "errors.h"
#include "pages.h"

/* Liveness: that this process turns, and nothing about anybody else's health. */
static void answer_healthz(struct exchange *exchange)
{
	static const char ok[] = "{\"status\":\"ok\"}\n";

	exchange_answer(exchange, 200, "application/json", ok, sizeof(ok) - 1);
}

/* Whether the client has this very state of it already; then it has been told so. */
static bool is_unchanged(struct exchange *exchange, const char *etag)
{
	const char *known = exchange_header(exchange, "if-none-match");

	exchange_add_header(exchange, "etag", etag);
	exchange_add_header(exchange, "cache-control", "no-cache");
	if (!known || (!strstr(known, etag) && strcmp(known, "*") != 0))
		return false;
	exchange_answer(exchange, 304, NULL, NULL, 0);
	return true;
}

static void answer_openapi(struct exchange *exchange)
{
	const struct site *site = exchange->view->site;

	if (!is_unchanged(exchange, site->openapi_etag))
		exchange_answer(exchange, 200, "application/json", site->openapi.data,
				site->openapi.len);
}

/* The files are kept compressed, and every browser takes them so. */
static bool takes_gzip(const struct exchange *exchange)
{
	const char *accepted = exchange_header(exchange, "accept-encoding");

	return !accepted || strstr(accepted, "gzip") || strchr(accepted, '*');
}

static void answer_page(struct exchange *exchange, const struct page *page)
{
	if (!takes_gzip(exchange)) {
		errors_refuse(exchange, 406, "it is there in gzip only");
		return;
	}
	exchange_add_header(exchange, "content-encoding", "gzip");
	exchange_add_header(exchange, "vary", "accept-encoding");
	exchange_add_header(exchange, "x-content-type-options", "nosniff");
	exchange_add_header(exchange, "content-security-policy",
			    "default-src 'self'; img-src 'self' data:; "
			    "style-src 'self' 'unsafe-inline'; frame-ancestors 'none'");
	if (!is_unchanged(exchange, page->etag))
		exchange_answer(exchange, 200, page->content_type, page->gzip.data, page->gzip.len);
}

/* `name` is what follows "/docs/". */
static void answer_docs(struct exchange *exchange, const char *name, size_t len)
{
	if (!pages[0].name) {
		errors_refuse(exchange, 404, "this edge was built without its explorer");
		return;
	}
	if (len == 0) {
		name = "index.html";
		len = strlen(name);
	}
	for (const struct page *page = pages; page->name; page++) {
		if (strlen(page->name) == len && memcmp(page->name, name, len) == 0) {
			answer_page(exchange, page);
			return;
		}
	}
	errors_refuse(exchange, 404, "the explorer has no such file");
}

static bool is_path(const struct exchange *exchange, const char *path)
{
	return exchange->path_len == strlen(path) &&
	       memcmp(exchange->path, path, exchange->path_len) == 0;
}

static bool is_below(const struct exchange *exchange, const char *path)
{
	size_t len = strlen(path);

	return exchange->path_len >= len && memcmp(exchange->path, path, len) == 0;
}

bool documents_answer(struct exchange *exchange)
{
	bool health = is_path(exchange, "/healthz"), openapi = is_path(exchange, "/openapi.json");
	bool docs = is_path(exchange, "/docs"), page = is_below(exchange, "/docs/");

	if (!health && !openapi && !docs && !page)
		return false;
	if (strcmp(exchange->method, "GET") != 0 && !exchange->head_only) {
		exchange_add_header(exchange, "allow", "GET, HEAD");
		errors_refuse(exchange, 405, "%.*s is read with GET", (int)exchange->path_len,
			      exchange->path);
	} else if (health) {
		answer_healthz(exchange);
	} else if (openapi) {
		answer_openapi(exchange);
	} else {
		answer_docs(exchange, exchange->path + (docs ? 5 : 6),
			    exchange->path_len - (docs ? 5 : 6));
	}
	return true;
}
