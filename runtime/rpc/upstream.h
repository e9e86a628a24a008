/*
 * What a channel knows of all its calls together: the service config that they go by, the tokens
 * that retries cost (gRFC A6), the memory of what may have to be sent again, and how many attempts
 * there may be at once (circuit breaking, as in gRFC A32). It is one worker's, as the channel is.
 */
#ifndef WEFT_RPC_UPSTREAM_H
#define WEFT_RPC_UPSTREAM_H

#include <weft/channel.h>

#include "rpc/limit.h"
#include "rpc/service_config.h"

struct weft_upstream {
	struct weft_service_config *config;   /* that counts: one of the two, or NULL */
	struct weft_service_config *own;      /* from code, referenced */
	struct weft_service_config *resolved; /* from the name, referenced; it goes before */
	char *resolved_json;                  /* as it was read, also when it was wrong */
	unsigned tokens;                      /* in thousandths */

	size_t kept; /* bytes that are kept to be sent again */
	size_t max_kept;
	size_t max_kept_call; /* of one call */

	size_t attempts; /* under way, waiting ones included */
	size_t max_attempts;
	size_t max_pending; /* that wait */
	bool adapts;
	struct weft_limit limit;
};

void weft_upstream_init(struct weft_upstream *upstream, const struct weft_channel_options *options);
void weft_upstream_fini(struct weft_upstream *upstream);
/* From code. The tokens stay what they were, in proportion. NULL: none any more. */
void weft_upstream_set_config(struct weft_upstream *upstream, struct weft_service_config *config);
/* From the name; NULL: it says none. What is wrong is logged, and the one before stays. Whether
 * another config counts now. */
bool weft_upstream_resolved(struct weft_upstream *upstream, const char *json, const char *target);

/* What the calls of that path go by, or NULL. Valid until the config is another one. */
const struct weft_method_config *weft_upstream_method(const struct weft_upstream *upstream,
						      const char *path);

/* An attempt has ended well, or in a way that a policy calls a failure. */
void weft_upstream_succeeded(struct weft_upstream *upstream);
void weft_upstream_failed(struct weft_upstream *upstream);
/* Whether another attempt may begin; those that do are counted until weft_upstream_leave. */
bool weft_upstream_has_room(const struct weft_upstream *upstream);
size_t weft_upstream_limit(const struct weft_upstream *upstream);
/* `latency_ns` is that of a single answer; 0: there was none. */
void weft_upstream_leave(struct weft_upstream *upstream, uint64_t now, uint64_t latency_ns);

/* Whether more than half of the tokens are left: attempts beside the first may be made. */
bool weft_upstream_may_retry(const struct weft_upstream *upstream);

#endif
