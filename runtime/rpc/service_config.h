/*
 * A service config as calls and balancers read it; weft/service_config.h is its door.
 * service_config.c is the object, service_config_read.c makes it of the contract's message.
 */
#ifndef WEFT_RPC_SERVICE_CONFIG_H
#define WEFT_RPC_SERVICE_CONFIG_H

#include <stdatomic.h>
#include <weft/arena.h>
#include <weft/map.h>
#include <weft/service_config.h>

#include "grpc/service_config/service_config.pb-c.h"

#define WEFT_ATTEMPTS_MAX 5 /* gRFC A6 */

/* gRFC A6. Codes are a set: a bit for each. */
struct weft_retry_policy {
	unsigned max_attempts;
	uint64_t initial_ns;
	uint64_t max_ns;
	double multiplier;
	uint32_t codes;
};

struct weft_hedging_policy {
	unsigned max_attempts;
	uint64_t delay_ns; /* 0: all at once */
	uint32_t codes;    /* that do not end the call */
};

struct weft_method_config {
	bool wait_for_ready;
	bool has_timeout;
	uint64_t timeout_ns;
	size_t max_request; /* SIZE_MAX: none is said */
	size_t max_response;
	const struct weft_retry_policy *retry;     /* or NULL */
	const struct weft_hedging_policy *hedging; /* or NULL; never both */
};

struct weft_service_config {
	atomic_size_t refs;
	struct weft_arena *arena;
	/* by path, "/service/method" or "/service/", and "/" for the default */
	struct weft_map methods;
	unsigned max_tokens;  /* in thousandths; 0: calls are not throttled */
	unsigned token_ratio; /* in thousandths */
	/* the first policy of the list that is known, or NULL: none is said */
	const Grpc__ServiceConfig__LoadBalancingConfig *balancing;
	const char *health_service; /* gRFC A17; NULL: none is said, "": the server as a whole */
};

/* What a call of the path goes by; NULL: nothing is said about it. */
const struct weft_method_config *weft_service_config_method(
	const struct weft_service_config *config, const char *path);

/* service_config_read.c: what the message says becomes `config`, or is refused: -EINVAL, `path` and
 * `error` are where and why. */
struct weft_config_fault {
	char path[128];
	char error[192];
};
int weft_service_config_read(struct weft_service_config *config,
			     const Grpc__ServiceConfig__ServiceConfig *message,
			     struct weft_config_fault *ret_fault);

#endif
