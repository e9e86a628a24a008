/*
 * One state of the edge: its configuration, and all that follows from it (contracts, routes, the
 * OpenAPI document, whom it trusts as a backend). It is built whole and then only read, by any
 * thread; another state takes its place, and it goes with the last request that began under it.
 */
#ifndef GATEWAY_SITE_H
#define GATEWAY_SITE_H

#include <stdatomic.h>
#include <weft/buffer.h>
#include <weft/schema.h>
#include <weft/tls.h>

#include "config.h"
#include "reflected.h"
#include "route.h"

struct site {
	atomic_uint refs;
	struct config config;
	struct reflected *reflected; /* as many as there are backends */
	struct weft_schema *schema;
	struct route_table *routes;
	struct weft_buffer openapi;    /* the document, as it is served */
	char openapi_etag[24];         /* with its quotes */
	struct weft_tls *upstream_tls; /* NULL: plaintext */
};

/* Takes `config`, also when it fails: `error` says what is wrong then. Reads the files that it
 * names, and asks the backends that say their contracts themselves: blocking, on a thread that runs
 * no loop. A first state does without what these say when it cannot be used. What the state
 * `before` (may be NULL) has of use is shared. */
int site_new(struct config *take_config, const struct site *before, char error[256],
	     struct site **ret_site);
struct site *site_ref(struct site *site);
void site_unref(struct site *site); /* takes NULL */

#endif
