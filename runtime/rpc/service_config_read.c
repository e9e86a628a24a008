/*
 * The rules of a service config, field by field: gRFC A6 for retries and hedging, A24 for the list
 * of balancing policies, A48 and A50 for what two of them may say.
 */
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "rpc/service_config.h"

#define SECONDS_MAX  ((int64_t)1 << 33) /* some 270 years: in nanoseconds it fits */
#define CODES        17
#define TOKENS_MAX   1000
#define CHOICES_MAX  10
#define BALANCER_MAX 8 /* nested policies */

typedef Grpc__ServiceConfig__ServiceConfig config_message;
typedef Grpc__ServiceConfig__MethodConfig method_message;
typedef Grpc__ServiceConfig__MethodConfig__Name name_message;
typedef Grpc__ServiceConfig__MethodConfig__RetryPolicy retry_message;
typedef Grpc__ServiceConfig__MethodConfig__HedgingPolicy hedging_message;
typedef Grpc__ServiceConfig__LoadBalancingConfig balancing_message;
typedef Grpc__ServiceConfig__LeastRequestLocalityLoadBalancingPolicyConfig least_request_message;
typedef Grpc__ServiceConfig__OutlierDetectionLoadBalancingConfig outlier_message;

struct reader {
	struct weft_service_config *config;
	struct weft_config_fault *fault; /* its path is where the reader is */
};

/* ---- where the reader is ---- */

/* Goes into a field, and back to where `mark` was. */
static size_t WEFT_PRINTF(2, 3) enter(struct reader *reader, const char *format, ...)
{
	char *path = reader->fault->path;
	size_t mark = strlen(path), room = sizeof(reader->fault->path) - mark;
	va_list args;

	va_start(args, format);
	vsnprintf(path + mark, room, format, args);
	va_end(args);
	return mark;
}

static void leave(struct reader *reader, size_t mark)
{
	reader->fault->path[mark] = '\0';
}

static int WEFT_PRINTF(2, 3) refuse(struct reader *reader, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reader->fault->error, sizeof(reader->fault->error), format, args);
	va_end(args);
	return -EINVAL;
}

/* ---- values ---- */

/* A duration of at least `least` nanoseconds; a longer one than fits is that. */
static int read_duration(struct reader *reader, const char *field,
			 const Google__Protobuf__Duration *duration, uint64_t least,
			 uint64_t *ret_ns)
{
	size_t mark = enter(reader, "%s", field);
	uint64_t ns;

	if (duration->seconds < 0 || duration->nanos < 0)
		return refuse(reader, "expected a duration %s zero, found one below",
			      least ? "above" : "of at least");
	ns = duration->seconds > SECONDS_MAX
		     ? (uint64_t)SECONDS_MAX * WEFT_SECOND
		     : (uint64_t)duration->seconds * WEFT_SECOND + (uint64_t)duration->nanos;
	if (ns < least)
		return refuse(reader, "expected a duration above zero, found zero");
	leave(reader, mark);
	*ret_ns = ns;
	return 0;
}

static int read_needed_duration(struct reader *reader, const char *field,
				const Google__Protobuf__Duration *duration, uint64_t *ret_ns)
{
	if (duration)
		return read_duration(reader, field, duration, 1, ret_ns);
	enter(reader, "%s", field);
	return refuse(reader, "missing: expected a duration above zero, such as \"0.1s\"");
}

static int read_codes(struct reader *reader, const char *field, const Google__Rpc__Code *codes,
		      size_t n, uint32_t *ret_codes)
{
	size_t mark = enter(reader, "%s", field);

	for (size_t i = 0; i < n; i++) {
		enter(reader, "[%zu]", i);
		if ((unsigned)codes[i] >= CODES)
			return refuse(reader, "%d is no status code: they are 1 to 16",
				      (int)codes[i]);
		if (codes[i] == GOOGLE__RPC__CODE__OK)
			return refuse(reader, "OK is no failure");
		leave(reader, mark + strlen(field));
		*ret_codes |= UINT32_C(1) << codes[i];
	}
	leave(reader, mark);
	return 0;
}

static int read_attempts(struct reader *reader, uint32_t attempts, unsigned *ret_attempts)
{
	if (attempts < 2) {
		enter(reader, "maxAttempts");
		return refuse(reader, "expected 2 or more, %s",
			      attempts ? "found 1" : "found none");
	}
	*ret_attempts = attempts > WEFT_ATTEMPTS_MAX ? WEFT_ATTEMPTS_MAX : attempts;
	return 0;
}

/* ---- methods ---- */

static int read_retry(struct reader *reader, const retry_message *message,
		      const struct weft_retry_policy **ret_policy)
{
	struct weft_retry_policy *policy =
		weft_arena_new_array(reader->config->arena, struct weft_retry_policy, 1);
	size_t mark = enter(reader, ".retryPolicy.");
	int r;

	r = read_attempts(reader, message->max_attempts, &policy->max_attempts);
	if (r == 0)
		r = read_needed_duration(reader, "initialBackoff", message->initial_backoff,
					 &policy->initial_ns);
	if (r == 0)
		r = read_needed_duration(reader, "maxBackoff", message->max_backoff,
					 &policy->max_ns);
	if (r < 0)
		return r;
	if (!(message->backoff_multiplier > 0) || isinf(message->backoff_multiplier)) {
		enter(reader, "backoffMultiplier");
		return refuse(reader, "expected a number above zero");
	}
	policy->multiplier = (double)message->backoff_multiplier;
	if (message->n_retryable_status_codes == 0) {
		enter(reader, "retryableStatusCodes");
		return refuse(reader, "expected a status code at least, such as \"UNAVAILABLE\"");
	}
	r = read_codes(reader, "retryableStatusCodes", message->retryable_status_codes,
		       message->n_retryable_status_codes, &policy->codes);
	if (r < 0)
		return r;
	leave(reader, mark);
	*ret_policy = policy;
	return 0;
}

static int read_hedging(struct reader *reader, const hedging_message *message,
			const struct weft_hedging_policy **ret_policy)
{
	struct weft_hedging_policy *policy =
		weft_arena_new_array(reader->config->arena, struct weft_hedging_policy, 1);
	size_t mark = enter(reader, ".hedgingPolicy.");
	int r;

	r = read_attempts(reader, message->max_attempts, &policy->max_attempts);
	if (r == 0 && message->hedging_delay)
		r = read_duration(reader, "hedgingDelay", message->hedging_delay, 0,
				  &policy->delay_ns);
	if (r == 0)
		r = read_codes(reader, "nonFatalStatusCodes", message->non_fatal_status_codes,
			       message->n_non_fatal_status_codes, &policy->codes);
	if (r < 0)
		return r;
	leave(reader, mark);
	*ret_policy = policy;
	return 0;
}

static int add_name(struct reader *reader, const name_message *name,
		    struct weft_method_config *method)
{
	struct weft_arena *arena = reader->config->arena;
	char *key;
	int r;

	if (!*name->service && *name->method) {
		enter(reader, ".service");
		return refuse(reader, "missing: a method is named with its service");
	}
	if (strchr(name->service, '/') || strchr(name->method, '/')) {
		enter(reader, strchr(name->service, '/') ? ".service" : ".method");
		return refuse(reader, "expected a name without '/', as \"catalog.v1.Catalog\" "
				      "and \"GetProduct\" are");
	}
	key = weft_arena_printf(arena, *name->service ? "/%s/%s" : "/", name->service,
				name->method);
	r = key ? weft_map_put(&reader->config->methods, key, strlen(key), method) : -ENOMEM;
	if (r == -EEXIST && *name->service)
		return refuse(reader, "%.60s%s%.60s has an entry already", name->service,
			      *name->method ? "/" : "", name->method);
	if (r == -EEXIST)
		return refuse(reader, "the default has an entry already");
	return r;
}

static int read_names(struct reader *reader, const method_message *message,
		      struct weft_method_config *method)
{
	for (size_t i = 0; i < message->n_name; i++) {
		size_t mark = enter(reader, ".name[%zu]", i);
		int r = add_name(reader, message->name[i], method);

		if (r < 0)
			return r;
		leave(reader, mark);
	}
	return 0;
}

static int read_policy(struct reader *reader, const method_message *message,
		       struct weft_method_config *method)
{
	switch (message->retry_or_hedging_policy_case) {
	case GRPC__SERVICE_CONFIG__METHOD_CONFIG__RETRY_OR_HEDGING_POLICY_RETRY_POLICY:
		return read_retry(reader, message->retry_policy, &method->retry);
	case GRPC__SERVICE_CONFIG__METHOD_CONFIG__RETRY_OR_HEDGING_POLICY_HEDGING_POLICY:
		return read_hedging(reader, message->hedging_policy, &method->hedging);
	default: return 0;
	}
}

static int read_method(struct reader *reader, const method_message *message)
{
	struct weft_method_config *method =
		weft_arena_new_array(reader->config->arena, struct weft_method_config, 1);
	const Google__Protobuf__UInt32Value *request = message->max_request_message_bytes;
	const Google__Protobuf__UInt32Value *response = message->max_response_message_bytes;
	int r;

	r = read_names(reader, message, method);
	if (r < 0)
		return r;
	method->wait_for_ready = message->wait_for_ready && message->wait_for_ready->value;
	method->max_request = request ? request->value : SIZE_MAX;
	method->max_response = response ? response->value : SIZE_MAX;
	method->has_timeout = message->timeout != NULL;
	if (message->timeout)
		r = read_duration(reader, ".timeout", message->timeout, 0, &method->timeout_ns);
	return r < 0 ? r : read_policy(reader, message, method);
}

static int read_methods(struct reader *reader, const config_message *message)
{
	for (size_t i = 0; i < message->n_method_config; i++) {
		size_t mark = enter(reader, "methodConfig[%zu]", i);
		int r = read_method(reader, message->method_config[i]);

		if (r < 0)
			return r;
		leave(reader, mark);
	}
	return 0;
}

/* ---- balancing ---- */

static int read_balancing(struct reader *reader, balancing_message *const *list, size_t n,
			  unsigned depth, const balancing_message **ret_policy);

static int read_percent(struct reader *reader, const char *field,
			const Google__Protobuf__UInt32Value *percent)
{
	if (!percent || percent->value <= 100)
		return 0;
	enter(reader, "%s", field);
	return refuse(reader, "expected 0 to 100, found %u", percent->value);
}

static int read_optional_duration(struct reader *reader, const char *field,
				  const Google__Protobuf__Duration *duration)
{
	uint64_t ns;

	return duration ? read_duration(reader, field, duration, 0, &ns) : 0;
}

/* gRFC A50 */
static int read_outlier(struct reader *reader, outlier_message *message, unsigned depth)
{
	const balancing_message *child;
	int r;

	r = read_optional_duration(reader, ".interval", message->interval);
	if (r == 0)
		r = read_optional_duration(reader, ".baseEjectionTime",
					   message->base_ejection_time);
	if (r == 0)
		r = read_optional_duration(reader, ".maxEjectionTime", message->max_ejection_time);
	if (r == 0)
		r = read_percent(reader, ".maxEjectionPercent", message->max_ejection_percent);
	if (r == 0 && message->success_rate_ejection)
		r = read_percent(reader, ".successRateEjection.enforcementPercentage",
				 message->success_rate_ejection->enforcement_percentage);
	if (r == 0 && message->failure_percentage_ejection)
		r = read_percent(reader, ".failurePercentageEjection.threshold",
				 message->failure_percentage_ejection->threshold);
	if (r == 0 && message->failure_percentage_ejection)
		r = read_percent(reader, ".failurePercentageEjection.enforcementPercentage",
				 message->failure_percentage_ejection->enforcement_percentage);
	if (r < 0)
		return r;
	enter(reader, ".childPolicy");
	if (message->n_child_policy == 0)
		return refuse(reader, "missing: expected the policies that choose");
	return read_balancing(reader, message->child_policy, message->n_child_policy, depth + 1,
			      &child);
}

static int read_one_policy(struct reader *reader, const balancing_message *message, unsigned depth)
{
	least_request_message *least = message->least_request_experimental;

	switch (message->policy_case) {
	case GRPC__SERVICE_CONFIG__LOAD_BALANCING_CONFIG__POLICY_OUTLIER_DETECTION:
		enter(reader, ".outlier_detection_experimental");
		return read_outlier(reader, message->outlier_detection, depth);
	case GRPC__SERVICE_CONFIG__LOAD_BALANCING_CONFIG__POLICY_LEAST_REQUEST_EXPERIMENTAL:
		if (least->choice_count == 1) {
			enter(reader, ".least_request_experimental.choiceCount");
			return refuse(reader, "expected 2 to 10, found 1");
		}
		if (least->choice_count > CHOICES_MAX)
			least->choice_count = CHOICES_MAX;
		return 0;
	default: return 0;
	}
}

/* The first of the list that is known (gRFC A24); the ones behind it are not looked at. */
static int read_balancing(struct reader *reader, balancing_message *const *list, size_t n,
			  unsigned depth, const balancing_message **ret_policy)
{
	for (size_t i = 0; i < n; i++) {
		size_t mark;
		int r;

		if (list[i]->policy_case ==
		    GRPC__SERVICE_CONFIG__LOAD_BALANCING_CONFIG__POLICY__NOT_SET)
			continue;
		mark = enter(reader, "[%zu]", i);
		if (depth == BALANCER_MAX)
			return refuse(reader, "policies nested deeper than %d", BALANCER_MAX);
		r = read_one_policy(reader, list[i], depth);
		if (r < 0)
			return r;
		leave(reader, mark);
		*ret_policy = list[i];
		return 0;
	}
	return refuse(reader, "knows no policy of this list; there are pick_first, round_robin, "
			      "least_request_experimental and outlier_detection_experimental");
}

/* The elder field: a policy's name, in any case. */
static int read_balancing_name(struct reader *reader, const char *name)
{
	static const Grpc__ServiceConfig__PickFirstConfig first =
		GRPC__SERVICE_CONFIG__PICK_FIRST_CONFIG__INIT;
	static const Grpc__ServiceConfig__RoundRobinConfig robin =
		GRPC__SERVICE_CONFIG__ROUND_ROBIN_CONFIG__INIT;
	balancing_message *policy =
		weft_arena_new_array(reader->config->arena, balancing_message, 1);

	grpc__service_config__load_balancing_config__init(policy);
	if (strcasecmp(name, "pick_first") == 0) {
		policy->policy_case =
			GRPC__SERVICE_CONFIG__LOAD_BALANCING_CONFIG__POLICY_PICK_FIRST;
		policy->pick_first = (Grpc__ServiceConfig__PickFirstConfig *)&first;
	} else if (strcasecmp(name, "round_robin") == 0) {
		policy->policy_case =
			GRPC__SERVICE_CONFIG__LOAD_BALANCING_CONFIG__POLICY_ROUND_ROBIN;
		policy->round_robin = (Grpc__ServiceConfig__RoundRobinConfig *)&robin;
	} else {
		enter(reader, "loadBalancingPolicy");
		return refuse(reader,
			      "\"%.60s\" is neither \"pick_first\" nor \"round_robin\"; "
			      "others stand in loadBalancingConfig",
			      name);
	}
	reader->config->balancing = policy;
	return 0;
}

static int read_balancer(struct reader *reader, const config_message *message)
{
	size_t mark;
	int r;

	if (message->n_load_balancing_config == 0)
		return *message->load_balancing_policy
			       ? read_balancing_name(reader, message->load_balancing_policy)
			       : 0;
	mark = enter(reader, "loadBalancingConfig");
	r = read_balancing(reader, message->load_balancing_config, message->n_load_balancing_config,
			   0, &reader->config->balancing);
	if (r == 0)
		leave(reader, mark);
	return r;
}

/* ---- the whole ---- */

static int read_throttling(struct reader *reader, const config_message *message)
{
	const Grpc__ServiceConfig__ServiceConfig__RetryThrottlingPolicy *policy =
		message->retry_throttling;
	double thousandths;

	if (!policy)
		return 0;
	if (policy->max_tokens == 0 || policy->max_tokens > TOKENS_MAX) {
		enter(reader, "retryThrottling.maxTokens");
		return refuse(reader, "expected 1 to %d, found %u", TOKENS_MAX, policy->max_tokens);
	}
	/* what is behind the third place does not count; a float's own error does not either */
	thousandths = (double)policy->token_ratio * 1000 * (1 + 1e-6);
	if (!(thousandths >= 1) || isinf(thousandths)) {
		enter(reader, "retryThrottling.tokenRatio");
		return refuse(reader, "expected a number of 0.001 or more");
	}
	reader->config->max_tokens = policy->max_tokens * 1000;
	reader->config->token_ratio =
		(unsigned)(thousandths > TOKENS_MAX * 1000 ? TOKENS_MAX * 1000 : thousandths);
	return 0;
}

int weft_service_config_read(struct weft_service_config *config,
			     const Grpc__ServiceConfig__ServiceConfig *message,
			     struct weft_config_fault *ret_fault)
{
	struct reader reader = { .config = config, .fault = ret_fault };
	int r;

	*ret_fault = (struct weft_config_fault) { 0 };
	r = read_methods(&reader, message);
	if (r == 0)
		r = read_throttling(&reader, message);
	if (r == 0)
		r = read_balancer(&reader, message);
	if (r == 0 && message->health_check_config && message->health_check_config->service_name)
		config->health_service = message->health_check_config->service_name->value;
	return r;
}
