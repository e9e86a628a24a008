/*
 * outlier_detection (gRFC A50): it stands between the channel and another policy, and leaves an
 * endpoint alone for a while whose calls fail much more often than the others'. The child sees it
 * as failed, so pick_first, which does not go by health, sees nothing of it.
 *
 * At the end of each interval the calls of that interval are judged, by how far an endpoint's share
 * of successes lies under the mean (success_rate), and by its share of failures alone
 * (failure_percentage). An ejection lasts the base time, times how often the endpoint has been
 * ejected lately; with each interval that it stays, that number falls by one. No more than a
 * share of the endpoints is ejected at a time, but one always may be.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/random.h"
#include "rpc/balance.h"

struct outlier_detection {
	struct weft_balancer base;
	struct weft_balancer *child;
	struct weft_balance_host host; /* the child's */
	struct weft_outlier_options options;
	struct weft_subchannel **list; /* that the child has open */
	size_t n;
	size_t cap;
	struct weft_timer timer; /* the interval */
};

static struct outlier_detection *of(struct weft_balancer *balancer)
{
	return weft_container_of(balancer, struct outlier_detection, base);
}

/* ---- ejecting ---- */

static void tell_child(struct outlier_detection *outlier, struct weft_subchannel *subchannel)
{
	weft_subchannel_settle(subchannel);
	outlier->child->policy->changed(outlier->child, subchannel);
}

static void eject(struct outlier_detection *outlier, struct weft_subchannel *subchannel)
{
	subchannel->ejected = true;
	subchannel->ejections++;
	subchannel->ejected_at = weft_loop_now(outlier->base.host->loop);
	snprintf(subchannel->error, sizeof(subchannel->error),
		 "%.120s: left alone for a while, because its calls fail",
		 subchannel->endpoint.address);
	tell_child(outlier, subchannel);
}

static void let_in(struct outlier_detection *outlier, struct weft_subchannel *subchannel)
{
	subchannel->ejected = false;
	tell_child(outlier, subchannel);
}

static bool may_eject(const struct outlier_detection *outlier)
{
	size_t ejected = 0;

	for (size_t i = 0; i < outlier->n; i++)
		ejected += outlier->list[i]->ejected;
	return ejected * 100 < outlier->n * outlier->options.max_ejection_percent;
}

static void eject_perhaps(struct outlier_detection *outlier, struct weft_subchannel *subchannel,
			  unsigned enforcement)
{
	uint32_t random;

	weft_random_bytes(&random, sizeof(random));
	if (random % 100 < enforcement)
		eject(outlier, subchannel);
}

/* ---- judging ---- */

static uint64_t calls_of(const struct weft_subchannel *subchannel)
{
	return subchannel->successes + subchannel->failures;
}

static double success_of(const struct weft_subchannel *subchannel)
{
	return (double)subchannel->successes / (double)calls_of(subchannel);
}

static bool has_volume(const struct weft_subchannel *subchannel, unsigned volume)
{
	return calls_of(subchannel) >= (volume ? volume : 1);
}

static size_t hosts_with(const struct outlier_detection *outlier, unsigned volume)
{
	size_t n = 0;

	for (size_t i = 0; i < outlier->n; i++)
		n += has_volume(outlier->list[i], volume);
	return n;
}

/* How successes are spread over the endpoints that have had calls enough. */
struct spread {
	double mean;
	double variance;
};

static struct spread spread_of(const struct outlier_detection *outlier, size_t hosts)
{
	unsigned volume = outlier->options.success_rate.volume;
	struct spread spread = { 0 };

	for (size_t i = 0; i < outlier->n; i++)
		if (has_volume(outlier->list[i], volume))
			spread.mean += success_of(outlier->list[i]) / (double)hosts;
	for (size_t i = 0; i < outlier->n; i++) {
		double off = spread.mean;

		if (!has_volume(outlier->list[i], volume))
			continue;
		off -= success_of(outlier->list[i]);
		spread.variance += off * off / (double)hosts;
	}
	return spread;
}

/* Whether it lies under the mean by more than so many deviations; squared, to do without a root. */
static bool is_outlier(const struct outlier_detection *outlier, const struct spread *spread,
		       const struct weft_subchannel *subchannel)
{
	double factor = outlier->options.success_rate.stdev_factor / 1000.0;
	double off = spread->mean - success_of(subchannel);

	return off > 0 && off * off > spread->variance * factor * factor;
}

static void judge_success_rate(struct outlier_detection *outlier)
{
	unsigned volume = outlier->options.success_rate.volume;
	size_t hosts = hosts_with(outlier, volume);
	struct spread spread;

	if (hosts == 0 || hosts < outlier->options.success_rate.minimum_hosts)
		return;
	spread = spread_of(outlier, hosts);
	for (size_t i = 0; i < outlier->n && may_eject(outlier); i++) {
		struct weft_subchannel *subchannel = outlier->list[i];

		if (!subchannel->ejected && has_volume(subchannel, volume) &&
		    is_outlier(outlier, &spread, subchannel))
			eject_perhaps(outlier, subchannel,
				      outlier->options.success_rate.enforcement);
	}
}

static void judge_failure_percentage(struct outlier_detection *outlier)
{
	unsigned volume = outlier->options.failure_percentage.volume;
	size_t hosts = hosts_with(outlier, volume);

	if (hosts == 0 || hosts < outlier->options.failure_percentage.minimum_hosts)
		return;
	for (size_t i = 0; i < outlier->n && may_eject(outlier); i++) {
		struct weft_subchannel *subchannel = outlier->list[i];

		if (!subchannel->ejected && has_volume(subchannel, volume) &&
		    subchannel->failures * 100 >
			    calls_of(subchannel) * outlier->options.failure_percentage.threshold)
			eject_perhaps(outlier, subchannel,
				      outlier->options.failure_percentage.enforcement);
	}
}

/* Whether the ejection has lasted long enough. */
static bool is_over(const struct outlier_detection *outlier,
		    const struct weft_subchannel *subchannel)
{
	const struct weft_outlier_options *options = &outlier->options;
	uint64_t longest = options->max_ejection_ns > options->base_ejection_ns
				   ? options->max_ejection_ns
				   : options->base_ejection_ns;
	uint64_t time = options->base_ejection_ns * subchannel->ejections;

	return weft_loop_now(outlier->base.host->loop) - subchannel->ejected_at >=
	       (time < longest ? time : longest);
}

static void end_interval(struct outlier_detection *outlier)
{
	if (outlier->options.success_rate.on)
		judge_success_rate(outlier);
	if (outlier->options.failure_percentage.on)
		judge_failure_percentage(outlier);
	for (size_t i = 0; i < outlier->n; i++) {
		struct weft_subchannel *subchannel = outlier->list[i];

		subchannel->successes = subchannel->failures = 0;
		if (!subchannel->ejected)
			subchannel->ejections -= subchannel->ejections > 0;
		else if (is_over(outlier, subchannel))
			let_in(outlier, subchannel);
	}
}

static void on_interval(struct weft_timer *timer, void *data)
{
	struct outlier_detection *outlier = data;

	weft_timer_start(outlier->base.host->loop, timer, outlier->options.interval_ns);
	end_interval(outlier);
}

/* ---- the child's host: what it asks is passed on, and its subchannels are noted ---- */

static struct outlier_detection *of_host(struct weft_balance_host *host)
{
	return weft_container_of(host, struct outlier_detection, host);
}

static struct weft_subchannel *open_noted(struct weft_balance_host *host,
					  const struct weft_endpoint *endpoint)
{
	struct outlier_detection *outlier = of_host(host);
	struct weft_balance_host *up = outlier->base.host;
	struct weft_subchannel *subchannel = up->ops->open(up, endpoint);

	for (size_t i = 0; i < outlier->n; i++)
		if (outlier->list[i] == subchannel)
			return subchannel;
	if (outlier->n == outlier->cap) {
		outlier->cap = outlier->cap ? outlier->cap * 2 : 8;
		outlier->list = realloc(outlier->list, outlier->cap * sizeof(*outlier->list));
		if (!outlier->list)
			abort();
	}
	outlier->list[outlier->n++] = subchannel;
	return subchannel;
}

static void release_noted(struct weft_balance_host *host, struct weft_subchannel *subchannel)
{
	struct outlier_detection *outlier = of_host(host);
	struct weft_balance_host *up = outlier->base.host;

	for (size_t i = 0; subchannel->openings == 1 && i < outlier->n; i++)
		if (outlier->list[i] == subchannel) {
			outlier->list[i] = outlier->list[--outlier->n];
			break;
		}
	up->ops->release(up, subchannel);
}

static void connect_up(struct weft_balance_host *host, struct weft_subchannel *subchannel)
{
	struct weft_balance_host *up = of_host(host)->base.host;

	up->ops->connect(up, subchannel);
}

static void disconnect_up(struct weft_balance_host *host, struct weft_subchannel *subchannel)
{
	struct weft_balance_host *up = of_host(host)->base.host;

	up->ops->disconnect(up, subchannel);
}

static bool has_room_up(struct weft_balance_host *host, const struct weft_subchannel *subchannel)
{
	struct weft_balance_host *up = of_host(host)->base.host;

	return up->ops->has_room(up, subchannel);
}

static void report_up(struct weft_balance_host *host, enum weft_connectivity state,
		      const char *error)
{
	struct weft_balance_host *up = of_host(host)->base.host;

	up->ops->report(up, state, error);
}

static void refresh_up(struct weft_balance_host *host)
{
	struct weft_balance_host *up = of_host(host)->base.host;

	up->ops->refresh(up);
}

static const struct weft_balance_ops child_ops = {
	.open = open_noted,
	.release = release_noted,
	.connect = connect_up,
	.disconnect = disconnect_up,
	.has_room = has_room_up,
	.report = report_up,
	.refresh = refresh_up,
};

/* ---- the policy ---- */

static struct weft_balancer *create(struct weft_balance_host *host)
{
	struct outlier_detection *outlier = calloc(1, sizeof(*outlier));

	if (!outlier)
		abort();
	outlier->base = (struct weft_balancer) { &weft_outlier_detection, host };
	outlier->host = (struct weft_balance_host) { &child_ops, host->loop };
	weft_timer_init(&outlier->timer, on_interval, outlier);
	return &outlier->base;
}

/* The subchannels that the new child opens are there before the old one releases them. */
static void update_child(struct outlier_detection *outlier, const struct weft_endpoints *endpoints,
			 const struct weft_balancing *balancing)
{
	const struct weft_policy *policy = balancing->policy ? balancing->policy : &weft_pick_first;
	struct weft_balancer *before = outlier->child;

	if (before && before->policy == policy)
		before = NULL;
	else
		outlier->child = policy->create(&outlier->host);
	policy->update(outlier->child, endpoints, balancing);
	if (before)
		before->policy->destroy(before);
}

static void update(struct weft_balancer *balancer, const struct weft_endpoints *endpoints,
		   const struct weft_balancing *balancing)
{
	struct outlier_detection *outlier = of(balancer);
	bool judges =
		balancing->outlier.success_rate.on || balancing->outlier.failure_percentage.on;

	outlier->options = balancing->outlier;
	update_child(outlier, endpoints, balancing);
	if (judges && !weft_timer_started(&outlier->timer))
		weft_timer_start(balancer->host->loop, &outlier->timer,
				 outlier->options.interval_ns);
	if (judges)
		return;
	weft_timer_stop(balancer->host->loop, &outlier->timer);
	for (size_t i = 0; i < outlier->n; i++)
		if (outlier->list[i]->ejected)
			let_in(outlier, outlier->list[i]);
}

static void changed(struct weft_balancer *balancer, struct weft_subchannel *subchannel)
{
	struct outlier_detection *outlier = of(balancer);

	outlier->child->policy->changed(outlier->child, subchannel);
}

static struct weft_subchannel *pick(struct weft_balancer *balancer, const struct weft_pick *pick)
{
	struct outlier_detection *outlier = of(balancer);

	return outlier->child->policy->pick(outlier->child, pick);
}

static void wake(struct weft_balancer *balancer)
{
	struct outlier_detection *outlier = of(balancer);

	outlier->child->policy->wake(outlier->child);
}

static void destroy(struct weft_balancer *balancer)
{
	struct outlier_detection *outlier = of(balancer);

	weft_timer_stop(balancer->host->loop, &outlier->timer);
	for (size_t i = 0; i < outlier->n; i++) {
		outlier->list[i]->ejected = false; /* another policy may have it open too */
		weft_subchannel_settle(outlier->list[i]);
	}
	outlier->child->policy->destroy(outlier->child);
	free(outlier->list);
	free(outlier);
}

const struct weft_policy weft_outlier_detection = {
	.name = "outlier_detection",
	.create = create,
	.update = update,
	.changed = changed,
	.pick = pick,
	.wake = wake,
	.destroy = destroy,
};
