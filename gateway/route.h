/*
 * The routes of the edge: a trie built once from the google.api.http rules of the contracts, then
 * only read, by any thread. Nobody writes a route by hand.
 *
 * The template grammar is google/api/http.proto's in full. A literal segment beats a variable one,
 * and `*` beats `**`; among equals the HTTP method decides, so that `POST /v1/products/search` does
 * not hide `GET /v1/products/{id}`. Empty segments, "." and ".." match nothing.
 *
 * Pure: no I/O, no HTTP library, no clock.
 */
#ifndef GATEWAY_ROUTE_H
#define GATEWAY_ROUTE_H

#include <weft/schema.h>

#define ROUTE_MAX_VARIABLES 8   /* in one template */
#define ROUTE_MAX_DEPTH     8   /* field names in "a.b.c" */
#define ROUTE_MAX_SEGMENTS  128 /* of a request's path */
#define ROUTE_ALLOW_MAX     128

struct route_table;

/* "book.name" in a template or a query, resolved to fields: the last is the value, the others
 * messages. */
struct route_field_path {
	const struct weft_schema_field *fields[ROUTE_MAX_DEPTH];
	size_t n;
	const char *text;
};

struct route_variable {
	struct route_field_path path;
	size_t first; /* segments [first, first + n) of the path */
	size_t n;     /* SIZE_MAX: up to the last (`**`) */
	bool multi;   /* more than one segment: %2F stays as it is */
};

/* One rule, or one additional binding of it. */
struct route_binding {
	const struct weft_schema_service *service;
	const struct weft_schema_method *method;
	const char *http_method;                       /* "GET", or "*" for any */
	const char *template;                          /* as the contract writes it */
	bool body_all;                                 /* body: "*" */
	const struct weft_schema_field *body;          /* body: "product"; NULL: none, or all */
	const struct weft_schema_field *response_body; /* NULL: the whole response */
	bool body_raw;     /* what the body becomes is a google.api.HttpBody: it comes as it is */
	bool response_raw; /* the same of the response */
	const struct route_variable *variables;
	size_t n_variables;
};

struct route_match {
	const struct route_binding *binding;
	struct weft_bytes
		captures[ROUTE_MAX_VARIABLES]; /* still percent-encoded; borrow the path */
	unsigned steps;                        /* what the lookup cost: nodes of the trie */
};

/* A rule that is none (grammar, unknown field, a field that cannot be bound) and two rules for the
 * same requests are refused: -EINVAL, -EEXIST; `error` names the methods. `schema` must outlive the
 * table. */
int route_table_new(const struct weft_schema *schema, char error[256],
		    struct route_table **ret_table);
void route_table_free(struct route_table *table); /* takes NULL */
/* In the order of the contracts; NULL at the end. For OpenAPI. */
const struct route_binding *route_table_at(const struct route_table *table, size_t index);

enum route_result {
	ROUTE_FOUND,
	ROUTE_NOT_FOUND,          /* 404 */
	ROUTE_METHOD_NOT_ALLOWED, /* 405: `allow` is "GET, POST" */
};

/* `path` is the request target's, before the '?'. HEAD is looked up as itself: ask again for GET.
 */
enum route_result route_lookup(const struct route_table *table, const char *http_method,
			       const char *path, size_t path_len, struct route_match *ret_match,
			       char allow[ROUTE_ALLOW_MAX]);

#endif
