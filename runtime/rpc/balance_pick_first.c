/*
 * pick_first: one connection, to the first address that answers, until it is lost. Addresses are
 * tried as RFC 8305 (happy eyeballs) and gRFC A61 have it: the families take turns, and the next
 * one is tried when one has failed or has not answered within 250 ms, while those before it still
 * may.
 *
 *	        ┌──────────────────────wake────────────────────────┐
 *	        ▼                                                  │
 *	PASSING ──one is READY──► SELECTED ──it is lost──► RESTING
 *	   ▲ │                       ▲
 *	   │ └──all have failed──► FAILED: each is tried again when its backoff is over
 *	   └─an update has others────┘
 *
 * Client-side health and outlier detection are not for this policy (A17, A50).
 */
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "rpc/balance.h"

#define ATTEMPT_DELAY (250 * WEFT_MS) /* RFC 8305, 8 */

enum phase { RESTING, PASSING, FAILED, SELECTED };

struct pick_first {
	struct weft_balancer base;
	enum phase phase;
	struct weft_subchannel **list; /* in the order in which they are tried */
	size_t n;
	size_t next; /* PASSING: to be tried */
	struct weft_subchannel *selected;
	struct weft_timer timer;
};

static void connect_to(struct pick_first *first, struct weft_subchannel *subchannel)
{
	first->base.host->ops->connect(first->base.host, subchannel);
}

static void report(struct pick_first *first, enum weft_connectivity state, const char *error)
{
	first->base.host->ops->report(first->base.host, state, error);
}

static void stop_timer(struct pick_first *first)
{
	weft_timer_stop(first->base.host->loop, &first->timer);
}

static void rest(struct pick_first *first)
{
	first->phase = RESTING;
	first->selected = NULL;
	report(first, WEFT_IDLE, "");
}

static void select_one(struct pick_first *first, struct weft_subchannel *subchannel)
{
	struct weft_balance_host *host = first->base.host;

	stop_timer(first);
	first->phase = SELECTED;
	first->selected = subchannel;
	for (size_t i = 0; i < first->n; i++)
		if (first->list[i] != subchannel)
			host->ops->disconnect(host, first->list[i]);
	report(first, WEFT_READY, "");
}

static void fail(struct pick_first *first)
{
	stop_timer(first);
	first->phase = FAILED;
	for (size_t i = 0; i < first->n; i++)
		connect_to(first, first->list[i]);
	report(first, WEFT_TRANSIENT_FAILURE, first->list[first->n - 1]->error);
	first->base.host->ops->refresh(first->base.host);
}

static bool is_trying(const struct pick_first *first)
{
	for (size_t i = 0; i < first->n; i++)
		if (first->list[i]->state == WEFT_CONNECTING)
			return true;
	return false;
}

/* One that still backs off has failed already. */
static void try_next(struct pick_first *first)
{
	while (first->next < first->n) {
		struct weft_subchannel *subchannel = first->list[first->next++];

		if (subchannel->state == WEFT_READY) {
			select_one(first, subchannel);
			return;
		}
		if (subchannel->state == WEFT_TRANSIENT_FAILURE)
			continue;
		connect_to(first, subchannel);
		if (first->next < first->n)
			weft_timer_start(first->base.host->loop, &first->timer, ATTEMPT_DELAY);
		return;
	}
	if (!is_trying(first))
		fail(first);
}

static void on_attempt_delay(struct weft_timer *timer, void *data)
{
	try_next(data);
}

static void begin_pass(struct pick_first *first)
{
	first->phase = PASSING;
	first->selected = NULL;
	first->next = 0;
	report(first, WEFT_CONNECTING, "");
	try_next(first);
}

/* ---- the order ---- */

static int family(const char *address)
{
	if (address[0] == '[')
		return 6;
	return address[0] >= '0' && address[0] <= '9' ? 4 : 0;
}

static void shuffle(const struct weft_endpoint **order, size_t n)
{
	for (size_t i = n; i > 1; i--) {
		const struct weft_endpoint *last = order[i - 1];
		uint32_t random;

		weft_random_bytes(&random, sizeof(random));
		order[i - 1] = order[random % i];
		order[random % i] = last;
	}
}

/* The families take turns, the first one's first; within each the order stays. */
static void interleave(const struct weft_endpoint **order, size_t n)
{
	const struct weft_endpoint **left = calloc(n, sizeof(*left));
	int last = -1;

	if (!left)
		abort();
	memcpy(left, order, n * sizeof(*left));
	for (size_t to = 0, from = 0; to < n; to++) {
		size_t at;

		while (!left[from])
			from++;
		for (at = from; at < n; at++)
			if (left[at] && family(left[at]->address) != last)
				break;
		if (at == n) /* no other family is left */
			at = from;
		order[to] = left[at];
		last = family(left[at]->address);
		left[at] = NULL;
	}
	free(left);
}

static const struct weft_endpoint **order_of(const struct weft_endpoints *endpoints, bool shuffled)
{
	const struct weft_endpoint **order = calloc(endpoints->n, sizeof(*order));

	if (!order)
		abort();
	for (size_t i = 0; i < endpoints->n; i++)
		order[i] = &endpoints->list[i];
	if (shuffled)
		shuffle(order, endpoints->n);
	interleave(order, endpoints->n);
	return order;
}

/* ---- the policy ---- */

static struct weft_balancer *create(struct weft_balance_host *host)
{
	struct pick_first *first = calloc(1, sizeof(*first));

	if (!first)
		abort();
	first->base = (struct weft_balancer) { &weft_pick_first, host };
	first->phase = PASSING; /* it is made because somebody calls */
	weft_timer_init(&first->timer, on_attempt_delay, first);
	return &first->base;
}

static void release_all(struct pick_first *first, struct weft_subchannel **list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		first->base.host->ops->release(first->base.host, list[i]);
	free(list);
}

static bool contains(const struct pick_first *first, const struct weft_subchannel *subchannel)
{
	for (size_t i = 0; i < first->n; i++)
		if (first->list[i] == subchannel)
			return true;
	return false;
}

static bool has_untried(const struct pick_first *first)
{
	for (size_t i = 0; i < first->n; i++)
		if (!first->list[i]->failed)
			return true;
	return false;
}

static void update(struct weft_balancer *balancer, const struct weft_endpoints *endpoints,
		   const struct weft_balancing *balancing)
{
	struct pick_first *first = weft_container_of(balancer, struct pick_first, base);
	const struct weft_endpoint **order = order_of(endpoints, balancing->shuffle);
	struct weft_subchannel **before = first->list;
	size_t n_before = first->n;

	first->list = calloc(endpoints->n, sizeof(*first->list));
	if (!first->list)
		abort();
	first->n = endpoints->n;
	/* those that stay are opened before they are released: their connections stay too */
	for (size_t i = 0; i < first->n; i++)
		first->list[i] = balancer->host->ops->open(balancer->host, order[i]);
	release_all(first, before, n_before);
	free(order);

	if (first->phase == PASSING || (first->phase == FAILED && has_untried(first)) ||
	    (first->phase == SELECTED && !contains(first, first->selected)))
		begin_pass(first);
}

static void changed(struct weft_balancer *balancer, struct weft_subchannel *subchannel)
{
	struct pick_first *first = weft_container_of(balancer, struct pick_first, base);

	switch (first->phase) {
	case RESTING: break;
	case PASSING:
		if (subchannel->state == WEFT_READY)
			select_one(first, subchannel);
		else if (subchannel->state == WEFT_TRANSIENT_FAILURE)
			try_next(first);
		break;
	case FAILED:
		if (subchannel->state == WEFT_READY)
			select_one(first, subchannel);
		else if (subchannel->state == WEFT_IDLE)
			connect_to(first, subchannel);
		else if (subchannel->state == WEFT_TRANSIENT_FAILURE)
			balancer->host->ops->refresh(balancer->host);
		break;
	case SELECTED:
		if (subchannel == first->selected && subchannel->state != WEFT_READY) {
			rest(first);
			balancer->host->ops->refresh(balancer->host);
		}
		break;
	}
}

static struct weft_subchannel *pick(struct weft_balancer *balancer, const struct weft_pick *pick)
{
	struct pick_first *first = weft_container_of(balancer, struct pick_first, base);
	struct weft_balance_host *host = balancer->host;

	return host->ops->has_room(host, first->selected) ? first->selected : NULL;
}

static void wake(struct weft_balancer *balancer)
{
	struct pick_first *first = weft_container_of(balancer, struct pick_first, base);

	if (first->phase == RESTING)
		begin_pass(first);
}

static void destroy(struct weft_balancer *balancer)
{
	struct pick_first *first = weft_container_of(balancer, struct pick_first, base);

	stop_timer(first);
	release_all(first, first->list, first->n);
	free(first);
}

const struct weft_policy weft_pick_first = {
	.name = "pick_first",
	.create = create,
	.update = update,
	.changed = changed,
	.pick = pick,
	.wake = wake,
	.destroy = destroy,
};
