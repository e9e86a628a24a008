/*
 * round_robin: every endpoint in turn. The first one is chosen at random, so that many clients
 * that start together do not begin at the same server.
 */
#include <stdlib.h>

#include "base/random.h"
#include "rpc/balance_pool.h"

struct round_robin {
	struct weft_balancer base;
	struct weft_balance_pool pool;
	size_t next; /* of those that are ready */
};

static struct weft_balancer *create(struct weft_balance_host *host)
{
	struct round_robin *robin = calloc(1, sizeof(*robin));
	uint32_t random;

	if (!robin)
		abort();
	robin->base = (struct weft_balancer) { &weft_round_robin, host };
	robin->pool.host = host;
	weft_random_bytes(&random, sizeof(random));
	robin->next = random;
	return &robin->base;
}

static void update(struct weft_balancer *balancer, const struct weft_endpoints *endpoints,
		   const struct weft_balancing *balancing)
{
	struct round_robin *robin = weft_container_of(balancer, struct round_robin, base);

	weft_balance_pool_update(&robin->pool, endpoints);
}

static void changed(struct weft_balancer *balancer, struct weft_subchannel *subchannel)
{
	struct round_robin *robin = weft_container_of(balancer, struct round_robin, base);

	weft_balance_pool_changed(&robin->pool, subchannel);
}

static struct weft_subchannel *pick(struct weft_balancer *balancer, const struct weft_pick *pick)
{
	struct round_robin *robin = weft_container_of(balancer, struct round_robin, base);
	struct weft_subchannel *subchannel;
	size_t index;

	if (robin->next >= robin->pool.n_ready)
		robin->next = robin->pool.n_ready ? robin->next % robin->pool.n_ready : 0;
	subchannel = weft_balance_pool_from(&robin->pool, robin->next, pick, &index);
	if (subchannel)
		robin->next = index + 1;
	return subchannel;
}

static void wake(struct weft_balancer *balancer)
{
	/* it is never idle */
}

static void destroy(struct weft_balancer *balancer)
{
	struct round_robin *robin = weft_container_of(balancer, struct round_robin, base);

	weft_balance_pool_fini(&robin->pool);
	free(robin);
}

const struct weft_policy weft_round_robin = {
	.name = "round_robin",
	.create = create,
	.update = update,
	.changed = changed,
	.pick = pick,
	.wake = wake,
	.destroy = destroy,
};
