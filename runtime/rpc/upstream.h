/*
 * What a channel knows of all its calls together: the service config that they go by, and the
 * tokens that retries cost (gRFC A6). It is one worker's, as the channel is.
 */
#ifndef WEFT_RPC_UPSTREAM_H
#define WEFT_RPC_UPSTREAM_H

#include "rpc/service_config.h"

struct weft_upstream {
	struct weft_service_config *config; /* referenced; NULL: none */
	unsigned tokens;                    /* in thousandths */
};

void weft_upstream_init(struct weft_upstream *upstream, struct weft_service_config *config);
void weft_upstream_fini(struct weft_upstream *upstream);
/* The tokens stay what they were, in proportion. NULL: none any more. */
void weft_upstream_set_config(struct weft_upstream *upstream, struct weft_service_config *config);

/* What the calls of that path go by, or NULL. Valid until the config is another one. */
const struct weft_method_config *weft_upstream_method(const struct weft_upstream *upstream,
						      const char *path);

/* An attempt has ended well, or in a way that a policy calls a failure. */
void weft_upstream_succeeded(struct weft_upstream *upstream);
void weft_upstream_failed(struct weft_upstream *upstream);
/* Whether more than half of the tokens are left: attempts beside the first may be made. */
bool weft_upstream_may_retry(const struct weft_upstream *upstream);

#endif
