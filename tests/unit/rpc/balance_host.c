/* See balance_host.h. */
#include "balance_host.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct weft_worker *worker;
struct weft_balancer *balancer;
struct fake fakes[FAKES_MAX];
enum weft_connectivity reported;
char reported_error[256];
unsigned refreshes;

static struct fake *fake_of(const struct weft_subchannel *subchannel)
{
	return weft_container_of((struct weft_subchannel *)subchannel, struct fake, base);
}

static struct weft_subchannel *open_fake(struct weft_balance_host *from,
					 const struct weft_endpoint *endpoint)
{
	unsigned n = (unsigned)atoi(strrchr(endpoint->address, ':') + 1);
	struct fake *fake = &fakes[n];

	assert_true(n < FAKES_MAX);
	if (fake->base.openings++ == 0) {
		fake->base.endpoint = *endpoint;
		fake->base.id = n;
		fake->base.state = fake->base.health = WEFT_IDLE;
		fake->base.checked = WEFT_READY;
		fake->base.failed = false;
	}
	return &fake->base;
}

static void release_fake(struct weft_balance_host *from, struct weft_subchannel *subchannel)
{
	assert_true(subchannel->openings > 0);
	subchannel->openings--;
}

static void connect_fake(struct weft_balance_host *from, struct weft_subchannel *subchannel)
{
	if (subchannel->state != WEFT_IDLE)
		return;
	subchannel->state = subchannel->health = WEFT_CONNECTING;
	fake_of(subchannel)->connects++;
}

static void disconnect_fake(struct weft_balance_host *from, struct weft_subchannel *subchannel)
{
	if (subchannel->state != WEFT_CONNECTING && subchannel->state != WEFT_READY)
		return;
	subchannel->state = subchannel->health = WEFT_IDLE;
	fake_of(subchannel)->disconnects++;
}

static bool has_room(struct weft_balance_host *from, const struct weft_subchannel *subchannel)
{
	return subchannel->state == WEFT_READY && !fake_of(subchannel)->full;
}

static void report(struct weft_balance_host *from, enum weft_connectivity state, const char *error)
{
	reported = state;
	snprintf(reported_error, sizeof(reported_error), "%s", error);
}

static void refresh(struct weft_balance_host *from)
{
	refreshes++;
}

static const struct weft_balance_ops ops = {
	.open = open_fake,
	.release = release_fake,
	.connect = connect_fake,
	.disconnect = disconnect_fake,
	.has_room = has_room,
	.report = report,
	.refresh = refresh,
};

struct weft_balance_host host = { .ops = &ops };

int host_setup(void **state)
{
	memset(fakes, 0, sizeof(fakes));
	balancer = NULL;
	reported = WEFT_SHUTDOWN;
	refreshes = 0;
	if (weft_worker_new(0, &worker) < 0)
		return -1;
	host.loop = weft_worker_loop(worker);
	return 0;
}

int host_teardown(void **state)
{
	if (balancer)
		balancer->policy->destroy(balancer);
	weft_worker_free(worker);
	return host_open() == 0 ? 0 : -1;
}

void host_update(const struct weft_policy *policy, const struct weft_balancing *balancing,
		 const char *const *addresses)
{
	struct weft_endpoint list[FAKES_MAX] = { 0 };
	struct weft_endpoints endpoints = { .size = sizeof(endpoints), .list = list };

	for (; addresses[endpoints.n]; endpoints.n++)
		list[endpoints.n].address = addresses[endpoints.n];
	if (!balancer)
		balancer = policy->create(&host);
	balancer->policy->update(balancer, &endpoints,
				 balancing ? balancing : &(struct weft_balancing) { 0 });
}

void host_change(unsigned n, enum weft_connectivity state)
{
	struct weft_subchannel *subchannel = &fakes[n].base;

	assert_true(subchannel->openings > 0);
	subchannel->state = state;
	weft_subchannel_settle(subchannel);
	if (state == WEFT_TRANSIENT_FAILURE) {
		subchannel->failed = true;
		snprintf(subchannel->error, sizeof(subchannel->error), "%u is not there", n);
	} else if (state == WEFT_READY) {
		subchannel->failed = false;
	}
	balancer->policy->changed(balancer, subchannel);
}

int host_pick_but(const uint32_t *tried, size_t n_tried)
{
	const struct weft_pick pick = { .tried = tried, .n_tried = n_tried };
	struct weft_subchannel *subchannel;

	assert_int_equal(reported, WEFT_READY);
	subchannel = balancer->policy->pick(balancer, &pick);
	return subchannel ? (int)subchannel->id : -1;
}

int host_pick(void)
{
	return host_pick_but(NULL, 0);
}

unsigned host_connecting(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKES_MAX; i++)
		n += fakes[i].base.openings && fakes[i].base.state == WEFT_CONNECTING;
	return n;
}

unsigned host_open(void)
{
	unsigned n = 0;

	for (unsigned i = 0; i < FAKES_MAX; i++)
		n += fakes[i].base.openings > 0;
	return n;
}

static void look_again(struct weft_timer *timer, void *data)
{
	weft_worker_stop(worker);
}

uint64_t host_run_until(bool (*holds)(void *data), void *data)
{
	uint64_t start = weft_now();
	struct weft_timer timer;

	weft_timer_init(&timer, look_again, NULL);
	while (!holds(data)) {
		assert_true(weft_now() - start < 10 * WEFT_SECOND);
		weft_timer_start(host.loop, &timer, WEFT_MS);
		weft_worker_run(worker);
	}
	return weft_now() - start;
}
