/*
 * A host for balancers, for tests: subchannels without connections, whose states the test sets, and
 * a count of what the balancer asks for.
 */
#ifndef WEFT_TESTS_BALANCE_HOST_H
#define WEFT_TESTS_BALANCE_HOST_H

#include "rpc/balance.h"

#define FAKES_MAX 16

struct fake {
	struct weft_subchannel base;
	bool full;
	unsigned connects;
	unsigned disconnects;
};

extern struct weft_balance_host host;
extern struct weft_worker *worker;
extern struct weft_balancer *balancer;
extern struct fake fakes[FAKES_MAX]; /* by the address: "127.0.0.1:N" or "[::1]:N" */
extern enum weft_connectivity reported;
extern char reported_error[256];
extern unsigned refreshes;

int host_setup(void **state);
int host_teardown(void **state);

/* `addresses` ends with NULL; "127.0.0.1:3" is fakes[3]. */
void host_update(const struct weft_policy *policy, const struct weft_balancing *balancing,
		 const char *const *addresses);
/* What the subchannel's connection would tell. */
void host_change(unsigned n, enum weft_connectivity state);
/* The number of the fake that is picked; -1: none. */
int host_pick(void);
int host_pick_but(const uint32_t *tried, size_t n_tried);
unsigned host_connecting(void); /* fakes that are */
unsigned host_open(void);       /* fakes that have not been released */
/* Runs the worker until it holds; how long that took. Fails after ten seconds. */
uint64_t host_run_until(bool (*holds)(void *data), void *data);

#endif
