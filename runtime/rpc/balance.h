/*
 * Balancing: which subchannel a call takes. A policy is a file (balance_<name>.c) with a struct
 * weft_policy; this header is all that policy, channel and subchannel know of each other, so that
 * a test can play the other two.
 *
 *	channel ──update, changed, pick──► balancer ──open, connect, report──► host (the channel,
 *	                                                        or a policy that wraps another)
 *
 * A balancer asks for subchannels, is told when their states change, and reports what comes of
 * them as one state; while that is READY it is asked to pick. Everything happens on one worker, so
 * the balancer is its own picker, and nothing is locked.
 */
#ifndef WEFT_RPC_BALANCE_H
#define WEFT_RPC_BALANCE_H

#include <weft/channel.h>
#include <weft/resolver.h>

struct weft_balancer;
struct weft_balance_host;

/* gRFC A50; a part that is not `on` ejects nobody. weft_outlier_defaults has gRPC's values. */
struct weft_outlier_options {
	uint64_t interval_ns;
	uint64_t base_ejection_ns;
	uint64_t max_ejection_ns;
	unsigned max_ejection_percent;
	struct {
		bool on;
		unsigned stdev_factor; /* in thousandths */
		unsigned enforcement;  /* of a hundred that should be ejected, how many are */
		unsigned minimum_hosts;
		unsigned volume; /* calls in an interval */
	} success_rate;
	struct {
		bool on;
		unsigned threshold; /* percent */
		unsigned enforcement;
		unsigned minimum_hosts;
		unsigned volume;
	} failure_percentage;
};

extern const struct weft_outlier_options weft_outlier_defaults;

/* What a service config says about balancing, or the channel's options. Each policy reads what is
 * its own. */
struct weft_balancing {
	const struct weft_policy *policy; /* NULL: pick_first */
	bool detects_outliers;            /* then that policy stands under outlier_detection */
	struct weft_outlier_options outlier;
	bool shuffle;     /* pick_first: the addresses, at each update (A62) */
	unsigned choices; /* least_request: how many are compared, 0: 2 (A48) */
};

/* One address, as a policy sees it. The channel owns it. */
struct weft_subchannel {
	struct weft_endpoint endpoint;
	uint32_t id;     /* unique in the channel */
	size_t openings; /* the channel's: that have not been released */
	/* IDLE until connect(); TRANSIENT_FAILURE while it backs off, then IDLE again. */
	enum weft_connectivity state;
	/* The same, but that READY has also been found healthy: what policies of many endpoints
	 * go by. pick_first goes by `state` (A17). */
	enum weft_connectivity health;
	bool failed; /* since it was READY last: IDLE and CONNECTING count as failure still */
	size_t outstanding;             /* calls */
	enum weft_connectivity checked; /* what its own service says, while it is READY (A17) */

	/* outlier_detection's: the calls of this interval, and how often it has been ejected
	 * lately. */
	uint64_t successes;
	uint64_t failures;
	bool ejected;
	unsigned ejections;
	uint64_t ejected_at;

	char error[256]; /* why it failed last */
};

/* What a call tells about the subchannel that it was given to, for outlier detection. */
enum weft_call_result {
	WEFT_CALL_UNCOUNTED, /* the client cancelled it, or the peer has not looked at it */
	WEFT_CALL_SUCCEEDED, /* OK */
	WEFT_CALL_FAILED,    /* or a hedge that was begun later was faster */
};

/* What a call wants beside a connection. */
struct weft_pick {
	const uint32_t
		*tried; /* ids of those that have failed it: others are taken where there are */
	size_t n_tried;
};

struct weft_policy {
	const char *name;
	struct weft_balancer *(*create)(struct weft_balance_host *host);
	/* `endpoints` has at least one, none twice. The first call follows create() at once. */
	void (*update)(struct weft_balancer *balancer, const struct weft_endpoints *endpoints,
		       const struct weft_balancing *balancing);
	/* The state or health of a subchannel that it has open. */
	void (*changed)(struct weft_balancer *balancer, struct weft_subchannel *subchannel);
	/* While READY: one that has room for a stream, or NULL, when none has. */
	struct weft_subchannel *(*pick)(struct weft_balancer *balancer,
					const struct weft_pick *pick);
	/* It has reported IDLE, and a connection is wanted. */
	void (*wake)(struct weft_balancer *balancer);
	void (*destroy)(struct weft_balancer *balancer); /* releases its subchannels */
};

struct weft_balancer {
	const struct weft_policy *policy;
	struct weft_balance_host *host;
};

/* None of these calls the balancer back before it has returned. */
struct weft_balance_ops {
	/* One with the address that is open already is shared: it comes in whatever state it is
	 * in. */
	struct weft_subchannel *(*open)(struct weft_balance_host *host,
					const struct weft_endpoint *endpoint);
	/* As often as it was opened. Its calls go on, `changed` comes no more. */
	void (*release)(struct weft_balance_host *host, struct weft_subchannel *subchannel);
	/* IDLE becomes CONNECTING; nothing in other states. */
	void (*connect)(struct weft_balance_host *host, struct weft_subchannel *subchannel);
	/* What it is connecting or connected by is let go: IDLE. Its calls go on. */
	void (*disconnect)(struct weft_balance_host *host, struct weft_subchannel *subchannel);
	bool (*has_room)(struct weft_balance_host *host, const struct weft_subchannel *subchannel);
	/* The balancer's state; `error` is a sentence for TRANSIENT_FAILURE. Also when only what
	 * may be picked has changed. */
	void (*report)(struct weft_balance_host *host, enum weft_connectivity state,
		       const char *error);
	/* The addresses may be out of date. */
	void (*refresh)(struct weft_balance_host *host);
};

struct weft_balance_host {
	const struct weft_balance_ops *ops;
	struct weft_loop *loop;
};

extern const struct weft_policy weft_pick_first;
extern const struct weft_policy weft_round_robin;
extern const struct weft_policy weft_least_request;
extern const struct weft_policy weft_outlier_detection; /* wraps one of the others */

/* By gRPC's name ("round_robin"). -EINVAL: `error` says which there are. */
int weft_policy_named(const char *name, char error[256], const struct weft_policy **ret_policy);

/* The policy that a channel creates. */
const struct weft_policy *weft_balancing_policy(const struct weft_balancing *balancing);

/* What a service config's policy says: 0; -EINVAL: it is none of these. */
struct Grpc__ServiceConfig__LoadBalancingConfig;
int weft_balancing_read(const struct Grpc__ServiceConfig__LoadBalancingConfig *config,
			struct weft_balancing *ret_balancing);

/* What is seen of an endpoint from outside; `subchannel` NULL: the policy has none for it. */
void weft_subchannel_view(const struct weft_endpoint *endpoint,
			  const struct weft_subchannel *subchannel,
			  struct weft_endpoint_view *ret_view);

/* Its health, after something has changed that it follows from. */
static inline void weft_subchannel_settle(struct weft_subchannel *subchannel)
{
	if (subchannel->state != WEFT_READY)
		subchannel->health = subchannel->state;
	else
		subchannel->health =
			subchannel->ejected ? WEFT_TRANSIENT_FAILURE : subchannel->checked;
}

static inline bool weft_pick_was_tried(const struct weft_pick *pick, uint32_t id)
{
	for (size_t i = 0; i < pick->n_tried; i++)
		if (pick->tried[i] == id)
			return true;
	return false;
}

#endif
