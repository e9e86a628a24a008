/*
 * See balance_pool.h. The states become one as gRPC's round_robin has it: READY when one is; else
 * CONNECTING when one is on its way for the first time or since it was READY; else
 * TRANSIENT_FAILURE, which each of them leaves by becoming READY only. With thousands of endpoints
 * a change costs a walk over them; a pick does not.
 */
#include "rpc/balance_pool.h"

#include <stdlib.h>

static void report(struct weft_balance_pool *pool)
{
	struct weft_balance_host *host = pool->host;
	const struct weft_subchannel *failed = NULL;
	size_t connecting = 0;

	pool->n_ready = 0;
	for (size_t i = 0; i < pool->n; i++) {
		struct weft_subchannel *subchannel = pool->all[i];

		if (subchannel->health == WEFT_READY)
			pool->ready[pool->n_ready++] = subchannel;
		else if (subchannel->failed || subchannel->health == WEFT_TRANSIENT_FAILURE)
			failed = subchannel;
		else
			connecting++;
	}
	if (pool->n_ready)
		host->ops->report(host, WEFT_READY, "");
	else if (connecting || !failed)
		host->ops->report(host, WEFT_CONNECTING, "");
	else
		host->ops->report(host, WEFT_TRANSIENT_FAILURE, failed->error);
}

static void release_all(struct weft_balance_pool *pool, struct weft_subchannel **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pool->host->ops->release(pool->host, list[i]);
	free(list);
}

void weft_balance_pool_update(struct weft_balance_pool *pool,
			      const struct weft_endpoints *endpoints)
{
	struct weft_subchannel **before = pool->all;
	size_t n_before = pool->n;

	pool->n = endpoints->n;
	pool->all = calloc(pool->n, sizeof(*pool->all));
	free(pool->ready);
	pool->ready = calloc(pool->n, sizeof(*pool->ready));
	if (!pool->all || !pool->ready)
		abort();
	/* those that stay are opened before they are released: their connections stay too */
	for (size_t i = 0; i < pool->n; i++) {
		pool->all[i] = pool->host->ops->open(pool->host, &endpoints->list[i]);
		pool->host->ops->connect(pool->host, pool->all[i]);
	}
	release_all(pool, before, n_before);
	report(pool);
}

void weft_balance_pool_changed(struct weft_balance_pool *pool, struct weft_subchannel *subchannel)
{
	struct weft_balance_host *host = pool->host;

	if (subchannel->state == WEFT_IDLE || subchannel->state == WEFT_TRANSIENT_FAILURE)
		host->ops->refresh(host);
	host->ops->connect(host, subchannel);
	report(pool);
}

void weft_balance_pool_fini(struct weft_balance_pool *pool)
{
	release_all(pool, pool->all, pool->n);
	free(pool->ready);
}

struct weft_subchannel *weft_balance_pool_from(const struct weft_balance_pool *pool, size_t start,
					       const struct weft_pick *pick, size_t *ret_index)
{
	struct weft_balance_host *host = pool->host;
	struct weft_subchannel *second = NULL;

	for (size_t i = 0; i < pool->n_ready; i++) {
		size_t at = start + i < pool->n_ready ? start + i : start + i - pool->n_ready;
		struct weft_subchannel *subchannel = pool->ready[at];

		if (!host->ops->has_room(host, subchannel))
			continue;
		if (!weft_pick_was_tried(pick, subchannel->id)) {
			*ret_index = at;
			return subchannel;
		}
		if (!second) {
			second = subchannel;
			*ret_index = at;
		}
	}
	return second;
}
