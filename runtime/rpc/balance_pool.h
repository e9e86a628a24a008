/*
 * What the policies have in common that keep a connection to every endpoint: the subchannels, and
 * those of them that are ready. A policy embeds one and adds how it picks.
 */
#ifndef WEFT_RPC_BALANCE_POOL_H
#define WEFT_RPC_BALANCE_POOL_H

#include "rpc/balance.h"

struct weft_balance_pool {
	struct weft_balance_host *host;
	struct weft_subchannel **all; /* in the order of the addresses */
	size_t n;
	struct weft_subchannel **ready; /* of these, in the same order */
	size_t n_ready;
};

void weft_balance_pool_update(struct weft_balance_pool *pool,
			      const struct weft_endpoints *endpoints);
void weft_balance_pool_changed(struct weft_balance_pool *pool, struct weft_subchannel *subchannel);
void weft_balance_pool_fini(struct weft_balance_pool *pool);

/* The first that has room, from `start` on and around, that the call has not tried; else one that
 * it has; NULL when all are full. */
struct weft_subchannel *weft_balance_pool_from(const struct weft_balance_pool *pool, size_t start,
					       const struct weft_pick *pick, size_t *ret_index);

#endif
