/*
 * A resolver: from a target to the addresses that it stands for now. One is asked again whenever a
 * connection is to be opened; balancing and watching come to stand here later.
 */
#ifndef WEFT_RPC_RESOLVER_H
#define WEFT_RPC_RESOLVER_H

#include <weft/worker.h>

#include "rpc/target.h"

struct weft_resolver;

struct weft_addresses {
	char **list;
	size_t n;
};

/* From the loop. `r` 0: `addresses` has at least one, borrowed. Negative: `error` is a sentence. */
typedef void weft_addresses_cb(int r, const char *error, const struct weft_addresses *addresses,
			       void *data);

/* `target` outlives it. */
struct weft_resolver *weft_resolver_new(struct weft_worker *worker,
					const struct weft_target *target, weft_addresses_cb *cb,
					void *data);
/* Not while one is under way. The callback comes after it has returned. */
void weft_resolver_start(struct weft_resolver *resolver);
/* Whether another answer than the last one is known to wait: the file was written anew. */
bool weft_resolver_changed(const struct weft_resolver *resolver);
/* No callback comes any more. Takes NULL. */
void weft_resolver_free(struct weft_resolver *resolver);

#endif
