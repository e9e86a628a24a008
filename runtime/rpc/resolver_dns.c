/*
 * dns:///host:port: all the A and AAAA records, by c-ares. Asked when the channel wakes and when a
 * connection was lost, but not more often than the interval (gRPC: 30 s); after a failure again
 * with backoff, until there is an answer. An answer that comes while the interval runs is used
 * until then: DNS has no way to say that it has changed.
 */
#include <errno.h>
#include <stdlib.h>

#include "io/resolve.h"
#include "rpc/backoff.h"
#include "rpc/resolver.h"
#include "rpc/target.h"

#define TIMEOUT (10 * WEFT_SECOND)

struct dns {
	struct weft_resolver *resolver;
	struct weft_resolution *resolution; /* under way */
	uint64_t next;                      /* not to be asked before */
	struct weft_timer timer;            /* to be asked then */
	struct weft_backoff backoff;
};

static struct weft_loop *loop_of(const struct dns *dns)
{
	return weft_worker_loop(weft_resolver_worker(dns->resolver));
}

static void fail(struct dns *dns, const struct weft_resolved *resolved)
{
	dns->next = weft_loop_now(loop_of(dns)) + weft_backoff_next(&dns->backoff);
	weft_timer_start_at(loop_of(dns), &dns->timer, dns->next);
	weft_resolver_failed(dns->resolver, resolved->error, resolved->words);
}

static void on_resolved(const struct weft_resolved *resolved, void *data)
{
	struct dns *dns = data;
	struct weft_endpoints endpoints = { .size = sizeof(endpoints), .n = resolved->count };
	struct weft_endpoint *list;

	dns->resolution = NULL;
	if (resolved->error) {
		fail(dns, resolved);
		return;
	}
	weft_backoff_reset(&dns->backoff);
	dns->next = weft_loop_now(loop_of(dns)) + weft_resolver_interval(dns->resolver);
	list = calloc(resolved->count, sizeof(*list));
	if (!list)
		abort();
	for (size_t i = 0; i < resolved->count; i++)
		list[i].address = resolved->addresses[i];
	endpoints.list = list;
	weft_resolver_found(dns->resolver, &endpoints); /* it may stop the resolver */
	free(list);
}

static void ask(struct weft_timer *timer, void *data)
{
	struct dns *dns = data;
	const struct weft_target *target = weft_resolver_parsed(dns->resolver);

	dns->resolution = weft_resolve(loop_of(dns), target->host, target->port, target->server,
				       TIMEOUT, on_resolved, dns);
}

static void refresh(void *self)
{
	struct dns *dns = self;

	if (!dns->resolution && !weft_timer_started(&dns->timer))
		weft_timer_start_at(loop_of(dns), &dns->timer, dns->next);
}

static void *start(struct weft_resolver *resolver, const struct weft_resolver_target *target)
{
	struct dns *dns = calloc(1, sizeof(*dns));

	if (!dns)
		abort();
	dns->resolver = resolver;
	weft_timer_init(&dns->timer, ask, dns);
	ask(&dns->timer, dns);
	return dns;
}

static void stop(void *self)
{
	struct dns *dns = self;

	weft_timer_stop(loop_of(dns), &dns->timer);
	weft_resolution_cancel(dns->resolution);
	free(dns);
}

const struct weft_resolver_class weft_resolver_dns = {
	.size = sizeof(struct weft_resolver_class),
	.scheme = "dns",
	.start = start,
	.refresh = refresh,
	.stop = stop,
};
