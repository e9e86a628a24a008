/*
 * The policies that there are, by name and as a service config names them. A new one is a file, and
 * a line or two here.
 */
#include "rpc/balance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "grpc/service_config/service_config.pb-c.h"

#define CASE(name) GRPC__SERVICE_CONFIG__LOAD_BALANCING_CONFIG__POLICY_##name

typedef Grpc__ServiceConfig__OutlierDetectionLoadBalancingConfig outlier_message;

const struct weft_outlier_options weft_outlier_defaults = {
	.interval_ns = 10 * WEFT_SECOND,
	.base_ejection_ns = 30 * WEFT_SECOND,
	.max_ejection_ns = 300 * WEFT_SECOND,
	.max_ejection_percent = 10,
	.success_rate = { false, 1900, 100, 5, 100 },
	.failure_percentage = { false, 85, 100, 5, 50 },
};

const char *weft_connectivity_name(enum weft_connectivity state)
{
	static const char *const names[] = { "IDLE", "CONNECTING", "READY", "TRANSIENT_FAILURE",
					     "SHUTDOWN" };

	return (unsigned)state < WEFT_COUNT(names) ? names[state] : "unknown";
}

static enum weft_endpoint_health health_of(const struct weft_subchannel *subchannel)
{
	if (subchannel->state != WEFT_READY)
		return WEFT_ENDPOINT_UNKNOWN;
	if (subchannel->ejected)
		return WEFT_ENDPOINT_EJECTED;
	switch (subchannel->checked) {
	case WEFT_READY: return WEFT_ENDPOINT_SERVING;
	case WEFT_TRANSIENT_FAILURE: return WEFT_ENDPOINT_NOT_SERVING;
	default: return WEFT_ENDPOINT_UNKNOWN;
	}
}

void weft_subchannel_view(const struct weft_endpoint *endpoint,
			  const struct weft_subchannel *subchannel,
			  struct weft_endpoint_view *ret_view)
{
	*ret_view = (struct weft_endpoint_view) {
		.size = sizeof(*ret_view),
		.address = endpoint->address,
		.attributes = endpoint->attributes,
		.weight = endpoint->weight,
		.error = subchannel ? subchannel->error : "",
		.state = subchannel ? subchannel->state : WEFT_IDLE,
		.health = subchannel ? health_of(subchannel) : WEFT_ENDPOINT_UNKNOWN,
		.outstanding = subchannel ? subchannel->outstanding : 0,
	};
}

int weft_policy_named(const char *name, char error[256], const struct weft_policy **ret_policy)
{
	static const struct weft_policy *const policies[] = {
		&weft_pick_first,
		&weft_round_robin,
		&weft_least_request,
	};

	for (size_t i = 0; i < WEFT_COUNT(policies); i++)
		if (strcmp(policies[i]->name, name) == 0) {
			*ret_policy = policies[i];
			return 0;
		}
	snprintf(error, 256,
		 "\"%.100s\" is no balancing policy; there are pick_first, round_robin and "
		 "least_request",
		 name);
	return -EINVAL;
}

const struct weft_policy *weft_balancing_policy(const struct weft_balancing *balancing)
{
	if (balancing->detects_outliers)
		return &weft_outlier_detection;
	return balancing->policy ? balancing->policy : &weft_pick_first;
}

/* ---- from a service config, whose values have been checked ---- */

static void read_duration(const Google__Protobuf__Duration *duration, uint64_t *ret_ns)
{
	if (duration)
		*ret_ns = (uint64_t)duration->seconds * WEFT_SECOND + (uint64_t)duration->nanos;
}

static void read_number(const Google__Protobuf__UInt32Value *value, unsigned *ret_number)
{
	if (value)
		*ret_number = value->value;
}

static void read_success_rate(const outlier_message *message, struct weft_outlier_options *options)
{
	if (!message->success_rate_ejection)
		return;
	options->success_rate.on = true;
	read_number(message->success_rate_ejection->stdev_factor,
		    &options->success_rate.stdev_factor);
	read_number(message->success_rate_ejection->enforcement_percentage,
		    &options->success_rate.enforcement);
	read_number(message->success_rate_ejection->minimum_hosts,
		    &options->success_rate.minimum_hosts);
	read_number(message->success_rate_ejection->request_volume, &options->success_rate.volume);
}

static void read_failure_percentage(const outlier_message *message,
				    struct weft_outlier_options *options)
{
	if (!message->failure_percentage_ejection)
		return;
	options->failure_percentage.on = true;
	read_number(message->failure_percentage_ejection->threshold,
		    &options->failure_percentage.threshold);
	read_number(message->failure_percentage_ejection->enforcement_percentage,
		    &options->failure_percentage.enforcement);
	read_number(message->failure_percentage_ejection->minimum_hosts,
		    &options->failure_percentage.minimum_hosts);
	read_number(message->failure_percentage_ejection->request_volume,
		    &options->failure_percentage.volume);
}

/* The child is the first that is known (A24); an outlier_detection within another says nothing
 * more. */
static int read_outlier(const outlier_message *message, struct weft_balancing *balancing)
{
	int r = -EINVAL;

	for (size_t i = 0; r < 0 && i < message->n_child_policy; i++)
		r = weft_balancing_read(message->child_policy[i], balancing);
	if (r < 0)
		return r;
	balancing->detects_outliers = true;
	balancing->outlier = weft_outlier_defaults;
	read_duration(message->interval, &balancing->outlier.interval_ns);
	read_duration(message->base_ejection_time, &balancing->outlier.base_ejection_ns);
	read_duration(message->max_ejection_time, &balancing->outlier.max_ejection_ns);
	read_number(message->max_ejection_percent, &balancing->outlier.max_ejection_percent);
	read_success_rate(message, &balancing->outlier);
	read_failure_percentage(message, &balancing->outlier);
	return 0;
}

int weft_balancing_read(const Grpc__ServiceConfig__LoadBalancingConfig *config,
			struct weft_balancing *ret_balancing)
{
	struct weft_balancing balancing = { 0 };
	int r = 0;

	switch (config->policy_case) {
	case CASE(PICK_FIRST):
		balancing.policy = &weft_pick_first;
		balancing.shuffle = config->pick_first->shuffle_address_list;
		break;
	case CASE(ROUND_ROBIN): balancing.policy = &weft_round_robin; break;
	case CASE(LEAST_REQUEST_EXPERIMENTAL):
		balancing.policy = &weft_least_request;
		balancing.choices = (unsigned)config->least_request_experimental->choice_count;
		break;
	case CASE(OUTLIER_DETECTION):
		r = read_outlier(config->outlier_detection, &balancing);
		break;
	default: r = -EINVAL; break;
	}
	if (r == 0)
		*ret_balancing = balancing;
	return r;
}
