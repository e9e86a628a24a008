/*
 * least_request (gRFC A48): of two endpoints chosen by chance, the one with fewer calls under way.
 * That is nearly as good as to compare them all, costs the same however many there are, and does
 * not send every client to the one that has just become free. A slow one has its calls for longer,
 * so it gets fewer.
 *
 * The two are never the same: of three, one would meet itself in a ninth of all choices, and get
 * these calls however slow it is.
 */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "rpc/balance_pool.h"

#define CHOICES     2
#define CHOICES_MAX 10 /* A48 */

struct least_request {
	struct weft_balancer base;
	struct weft_balance_pool pool;
	unsigned choices;
};

static struct weft_balancer *create(struct weft_balance_host *host)
{
	struct least_request *least = calloc(1, sizeof(*least));

	if (!least)
		abort();
	least->base = (struct weft_balancer) { &weft_least_request, host };
	least->pool.host = host;
	return &least->base;
}

static void update(struct weft_balancer *balancer, const struct weft_endpoints *endpoints,
		   const struct weft_balancing *balancing)
{
	struct least_request *least = weft_container_of(balancer, struct least_request, base);

	least->choices = balancing->choices ? balancing->choices : CHOICES;
	if (least->choices > CHOICES_MAX)
		least->choices = CHOICES_MAX;
	weft_balance_pool_update(&least->pool, endpoints);
}

static void changed(struct weft_balancer *balancer, struct weft_subchannel *subchannel)
{
	struct least_request *least = weft_container_of(balancer, struct least_request, base);

	weft_balance_pool_changed(&least->pool, subchannel);
}

/* One more by chance, but none of those `taken`, which are in order and get it. */
static size_t choose(size_t taken[], unsigned n_taken, size_t n, uint32_t random)
{
	size_t choice = random % (n - n_taken);
	unsigned at = 0;

	for (; at < n_taken && choice >= taken[at]; at++)
		choice++;
	memmove(&taken[at + 1], &taken[at], (n_taken - at) * sizeof(*taken));
	taken[at] = choice;
	return choice;
}

static struct weft_subchannel *pick(struct weft_balancer *balancer, const struct weft_pick *pick)
{
	struct least_request *least = weft_container_of(balancer, struct least_request, base);
	const struct weft_balance_pool *pool = &least->pool;
	struct weft_subchannel *best = NULL;
	uint32_t random[CHOICES_MAX];
	size_t taken[CHOICES_MAX], index;

	if (pool->n_ready == 0)
		return NULL;
	weft_random_bytes(random, least->choices * sizeof(*random));
	for (unsigned i = 0; i < least->choices && i < pool->n_ready; i++) {
		struct weft_subchannel *subchannel =
			pool->ready[choose(taken, i, pool->n_ready, random[i])];

		if ((!best || subchannel->outstanding < best->outstanding) &&
		    !weft_pick_was_tried(pick, subchannel->id) &&
		    balancer->host->ops->has_room(balancer->host, subchannel))
			best = subchannel;
	}
	return best ? best : weft_balance_pool_from(pool, random[0] % pool->n_ready, pick, &index);
}

static void wake(struct weft_balancer *balancer)
{
	/* it is never idle */
}

static void destroy(struct weft_balancer *balancer)
{
	struct least_request *least = weft_container_of(balancer, struct least_request, base);

	weft_balance_pool_fini(&least->pool);
	free(least);
}

const struct weft_policy weft_least_request = {
	.name = "least_request",
	.create = create,
	.update = update,
	.changed = changed,
	.pick = pick,
	.wake = wake,
	.destroy = destroy,
};
