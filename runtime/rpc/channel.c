/*
 * A channel: calls on one side, subchannels on the other, and in between a policy that pairs them,
 * and a queue for the time in which it cannot. It belongs to one worker.
 *
 *	target ──resolver──► endpoints ──balancer──► subchannels ──pick──► a call's stream
 *
 * Its state is its balancer's; without one it is IDLE until the first call, then CONNECTING while
 * the resolver looks. A call that comes while it is READY takes a stream at once, if no other
 * waits. In TRANSIENT_FAILURE it fails with the reason of the last failure, unless it waits for
 * ready, or the resolver knows better by now: then the addresses are read anew first, so that a
 * service that was started again is found when it has said where.
 *
 * The memory goes when there is neither a reference nor a subchannel left.
 */
#include "rpc/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/credentials.h>
#include <weft/list.h>
#include <weft/log.h>
#include <weft/map.h>

#include "rpc/balance.h"
#include "rpc/channel_watch.h"
#include "rpc/resolver.h"
#include "rpc/rpc.h"
#include "rpc/subchannel.h"
#include "rpc/target.h"
#include "rpc/upstream.h"

#define MAX_MESSAGE      ((size_t)4 << 20)
#define CONNECT_TIMEOUT  (10 * WEFT_SECOND)
#define IDLE_TIMEOUT     (1800 * WEFT_SECOND)
#define KEEPALIVE_MIN    (10 * WEFT_SECOND) /* gRFC A8 */
#define RESOLVE_INTERVAL (30 * WEFT_SECOND)

struct weft_channel {
	size_t refs;
	struct weft_entity entity;
	enum weft_connectivity state; /* SHUTDOWN: there is no reference left */
	struct weft_worker *worker;
	struct weft_loop *loop;
	struct weft_target *target;
	struct weft_resolver *resolver; /* NULL: nobody has called yet */
	uint64_t resolve_interval_ns;
	bool renewing; /* what the resolver has told is known to be old */
	struct weft_balancing balancing;
	struct weft_balancer *balancer; /* NULL: no endpoint is known */
	struct weft_balance_host host;  /* of the balancer */
	struct weft_map subchannels;    /* those that the balancer has open, by address */
	size_t n_subchannels;           /* that live, also those that only finish calls */
	uint32_t last_id;
	struct weft_subchannel_options subchannel_options;
	char *health_service;                /* or NULL */
	struct weft_balancing own_balancing; /* as the options said, and the same below */
	char *own_health_service;
	struct weft_list waiting;
	size_t n_waiting;
	struct weft_task task; /* serves the queue, outside everybody's callbacks */
	bool task_queued;
	char error[256]; /* why TRANSIENT_FAILURE */
	struct weft_list watches;
	struct weft_timer idle;
	uint64_t idle_timeout_ns;
	uint64_t last_used;
	size_t outstanding; /* calls that have a subchannel */

	struct weft_tls *tls;
	char *authority;
	char *server_name;
	size_t max_message;
	enum weft_encoding encoding;
	const struct weft_rpc_interceptor *const *interceptors; /* or NULL */
	struct weft_upstream upstream;
	struct weft_credentials *credentials; /* or NULL */

	weft_channel_closed_cb *closed_cb;
	void *closed_data;
};

static void serve_later(struct weft_channel *channel)
{
	if (channel->task_queued)
		return;
	channel->task_queued = true;
	weft_loop_defer(channel->loop, &channel->task);
}

static void note_change(struct weft_channel *channel)
{
	if (weft_channel_watches_note(&channel->watches))
		serve_later(channel);
}

struct weft_list *weft_channel_watches(struct weft_channel *channel)
{
	return &channel->watches;
}

/* The one place in which the state changes. What follows for the calls that wait, comes later. */
static void set_state(struct weft_channel *channel, enum weft_connectivity state, const char *error)
{
	channel->state = state;
	entity_set_state(&channel->entity, state, error);
	if (error != channel->error)
		snprintf(channel->error, sizeof(channel->error), "%s", error);
	if (channel->n_waiting)
		serve_later(channel);
	note_change(channel);
}

/* ---- the end ---- */

static void channel_free(struct weft_channel *channel)
{
	weft_channel_closed_cb *closed_cb = channel->closed_cb;
	void *data = channel->closed_data;

	assert(weft_list_empty(&channel->waiting));
	assert(weft_list_empty(&channel->watches));
	entity_leave(&channel->entity);
	weft_map_fini(&channel->subchannels);
	weft_target_free(channel->target);
	weft_tls_unref(channel->tls);
	weft_credentials_unref(channel->credentials);
	weft_upstream_fini(&channel->upstream);
	free(channel->authority);
	free(channel->server_name);
	free(channel->health_service);
	free(channel->own_health_service);
	free(channel);
	if (closed_cb)
		closed_cb(data);
}

static void free_when_unused(struct weft_channel *channel)
{
	if (channel->refs == 0 && channel->n_subchannels == 0 && !channel->task_queued)
		channel_free(channel);
}

static void drop_balancer(struct weft_channel *channel)
{
	struct weft_balancer *balancer = channel->balancer;

	channel->balancer = NULL;
	if (balancer)
		balancer->policy->destroy(balancer);
}

/* Nothing is resolved or connected any more, in IDLE until the next call. */
static void let_go(struct weft_channel *channel, enum weft_connectivity state)
{
	weft_timer_stop(channel->loop, &channel->idle);
	weft_resolver_free(channel->resolver);
	channel->resolver = NULL;
	channel->renewing = false;
	drop_balancer(channel);
	set_state(channel, state, "");
}

static void watch_idleness(struct weft_channel *channel)
{
	if (channel->idle_timeout_ns < WEFT_NEVER - channel->last_used)
		weft_timer_start_at(channel->loop, &channel->idle,
				    channel->last_used + channel->idle_timeout_ns);
}

static void on_idle(struct weft_timer *timer, void *data)
{
	struct weft_channel *channel = data;
	uint64_t now = weft_loop_now(channel->loop);

	if (channel->outstanding || channel->n_waiting)
		channel->last_used = now;
	if (channel->last_used + channel->idle_timeout_ns > now)
		watch_idleness(channel);
	else
		let_go(channel, WEFT_IDLE);
}

/* ---- subchannels ---- */

static void on_subchannel_changed(struct weft_subchannel *subchannel, void *data)
{
	struct weft_channel *channel = data;

	if (channel->balancer)
		channel->balancer->policy->changed(channel->balancer, subchannel);
	note_change(channel);
}

/* For the connections from now on, as gRFC A8 has it. */
static void on_too_many_pings(void *data)
{
	struct weft_channel *channel = data;
	uint64_t *keepalive_ns = &channel->subchannel_options.connection.keepalive_ns;

	if (*keepalive_ns < WEFT_NEVER / 2)
		*keepalive_ns *= 2;
	weft_log_warning("the server gets too many PINGs: keepalive slows down",
			 WEFT_STR("target", channel->target->text),
			 WEFT_UINT("interval_s", *keepalive_ns / WEFT_SECOND));
}

static void on_subchannel_gone(void *data)
{
	struct weft_channel *channel = data;

	channel->n_subchannels--;
	free_when_unused(channel);
}

static const struct weft_subchannel_owner subchannel_owner = {
	.on_changed = on_subchannel_changed,
	.on_too_many_pings = on_too_many_pings,
	.on_gone = on_subchannel_gone,
};

static struct weft_channel *channel_of(struct weft_balance_host *host)
{
	return weft_container_of(host, struct weft_channel, host);
}

static struct weft_subchannel *open_subchannel(struct weft_balance_host *host,
					       const struct weft_endpoint *endpoint)
{
	struct weft_channel *channel = channel_of(host);
	size_t len = strlen(endpoint->address);
	struct weft_subchannel *subchannel =
		weft_map_get(&channel->subchannels, endpoint->address, len);

	if (subchannel) {
		weft_subchannel_describe(subchannel, endpoint);
	} else {
		subchannel = weft_subchannel_new(&channel->subchannel_options, endpoint,
						 ++channel->last_id);
		channel->n_subchannels++;
		if (weft_map_put(&channel->subchannels, subchannel->endpoint.address, len,
				 subchannel) < 0)
			abort();
	}
	subchannel->openings++;
	return subchannel;
}

static void release_subchannel(struct weft_balance_host *host, struct weft_subchannel *subchannel)
{
	const char *address = subchannel->endpoint.address;

	if (--subchannel->openings > 0)
		return;
	weft_map_remove(&channel_of(host)->subchannels, address, strlen(address));
	weft_subchannel_release(subchannel);
}

static void connect_subchannel(struct weft_balance_host *host, struct weft_subchannel *subchannel)
{
	weft_subchannel_connect(subchannel);
}

static void disconnect_subchannel(struct weft_balance_host *host,
				  struct weft_subchannel *subchannel)
{
	weft_subchannel_disconnect(subchannel);
}

static bool has_room(struct weft_balance_host *host, const struct weft_subchannel *subchannel)
{
	return weft_subchannel_has_room(subchannel);
}

static void report(struct weft_balance_host *host, enum weft_connectivity state, const char *error)
{
	set_state(channel_of(host), state, error);
}

static void refresh(struct weft_balance_host *host)
{
	weft_resolver_refresh(channel_of(host)->resolver);
}

static const struct weft_balance_ops balance_ops = {
	.open = open_subchannel,
	.release = release_subchannel,
	.connect = connect_subchannel,
	.disconnect = disconnect_subchannel,
	.has_room = has_room,
	.report = report,
	.refresh = refresh,
};

/* ---- endpoints ---- */

/* An endpoint that somebody has just named is worth an attempt, whatever it was like before. */
static void forgive_all(struct weft_channel *channel)
{
	size_t at = 0;
	void *subchannel;

	while (weft_map_next(&channel->subchannels, &at, &subchannel))
		weft_subchannel_forgive(subchannel);
}

/* By another policy's balancer than before, if need be: it opens the subchannels before the old one
 * releases them, so their connections stay. */
static void balance(struct weft_channel *channel, const struct weft_endpoints *endpoints)
{
	const struct weft_policy *policy = weft_balancing_policy(&channel->balancing);
	struct weft_balancer *before = channel->balancer;

	if (!before || before->policy != policy) {
		channel->balancer = policy->create(&channel->host);
		policy->update(channel->balancer, endpoints, &channel->balancing);
		if (before)
			before->policy->destroy(before);
	}
	policy->update(channel->balancer, endpoints, &channel->balancing);
	serve_later(channel);
}

/* pick_first is not for it (A17). */
static void apply_health(struct weft_channel *channel)
{
	const struct weft_policy *policy = channel->balancing.policy;

	channel->subchannel_options.health.service =
		policy && policy != &weft_pick_first ? channel->health_service : NULL;
}

void weft_channel_set_balancing(struct weft_channel *channel,
				const struct weft_balancing *balancing)
{
	const struct weft_endpoints *endpoints =
		channel->resolver ? weft_resolver_last(channel->resolver) : NULL;

	channel->balancing = *balancing;
	apply_health(channel);
	if (channel->balancer && endpoints->n)
		balance(channel, endpoints);
}

void weft_channel_set_health_service(struct weft_channel *channel, const char *service)
{
	char *before = channel->health_service;

	channel->health_service = service ? strdup(service) : NULL;
	if (service && !channel->health_service)
		abort();
	apply_health(channel);
	free(before);
}

/* What the service config says of balancing and health goes before the channel's options. */
static void obey_config(struct weft_channel *channel)
{
	const struct weft_service_config *config = channel->upstream.config;
	struct weft_balancing balancing = channel->own_balancing;
	const char *health = channel->own_health_service;

	if (config && config->balancing)
		weft_balancing_read(config->balancing, &balancing);
	if (config && config->health_service)
		health = config->health_service;
	weft_channel_set_health_service(channel, health);
	weft_channel_set_balancing(channel, &balancing);
}

static void on_found(const struct weft_endpoints *endpoints, void *data)
{
	struct weft_channel *channel = data;

	channel->renewing = false;
	if (weft_upstream_resolved(&channel->upstream, endpoints->service_config,
				   channel->target->text))
		obey_config(channel);
	if (endpoints->n == 0) {
		drop_balancer(channel);
		set_state(channel, WEFT_TRANSIENT_FAILURE, "nobody serves it now");
		return;
	}
	if (endpoints->news)
		forgive_all(channel);
	balance(channel, endpoints);
}

static void on_failed(int r, const char *error, void *data)
{
	struct weft_channel *channel = data;

	channel->renewing = false;
	if (channel->balancer)
		serve_later(channel); /* by the endpoints that are known */
	else
		set_state(channel, WEFT_TRANSIENT_FAILURE, error);
}

static const struct weft_resolver_events resolver_events = {
	.on_found = on_found,
	.on_failed = on_failed,
};

static void wake(struct weft_channel *channel)
{
	if (channel->balancer) {
		channel->balancer->policy->wake(channel->balancer);
	} else if (!channel->resolver) {
		channel->resolver =
			weft_resolver_new(channel->worker, channel->target,
					  channel->resolve_interval_ns, &resolver_events, channel);
		channel->last_used = weft_loop_now(channel->loop);
		watch_idleness(channel);
		set_state(channel, WEFT_CONNECTING, "");
	}
}

/* Whether calls wait for better addresses than those that have failed. */
static bool is_renewing(struct weft_channel *channel)
{
	if (!channel->renewing && weft_resolver_changed(channel->resolver)) {
		channel->renewing = true;
		weft_resolver_refresh(channel->resolver);
	}
	return channel->renewing;
}

/* ---- the queue ---- */

static struct weft_attempt *first_waiting(struct weft_channel *channel)
{
	return weft_list_entry(channel->waiting.next, struct weft_attempt, waiting);
}

static void append(struct weft_channel *channel, struct weft_attempt *attempt)
{
	weft_list_append(&channel->waiting, &attempt->waiting);
	channel->n_waiting++;
}

void weft_channel_withdraw(struct weft_channel *channel, struct weft_attempt *attempt)
{
	if (weft_list_empty(&attempt->waiting))
		return;
	weft_list_remove(&attempt->waiting);
	channel->n_waiting--;
}

static void fail_one(struct weft_channel *channel, struct weft_attempt *attempt)
{
	/* the reason names the address already, which may be all that the target says */
	if (strstr(channel->error, channel->target->text))
		weft_attempt_fail(attempt, WEFT_UNAVAILABLE, "%s", channel->error);
	else
		weft_attempt_fail(attempt, WEFT_UNAVAILABLE, "%s: %s", channel->target->text,
				  channel->error);
}

static void fail_impatient(struct weft_channel *channel)
{
	weft_list_each (node, after, &channel->waiting) {
		struct weft_attempt *attempt = weft_list_entry(node, struct weft_attempt, waiting);

		if (!weft_attempt_waits_for_ready(attempt))
			fail_one(channel, attempt); /* takes it out of the queue */
	}
}

/* False: all that are ready are full. */
static bool open_stream(struct weft_channel *channel, struct weft_attempt *attempt)
{
	struct weft_balancer *balancer = channel->balancer;
	struct weft_subchannel *subchannel = balancer->policy->pick(balancer, &attempt->pick);

	if (!subchannel)
		return false;
	weft_channel_withdraw(channel, attempt);
	weft_subchannel_begin_call(subchannel);
	channel->outstanding++;
	attempt->subchannel = subchannel;
	attempt->given_to = subchannel->id;
	weft_attempt_open(attempt, weft_subchannel_h2(subchannel), subchannel->endpoint.address);
	return true;
}

/* Gives waiting calls what they wait for: streams, an end, or somebody who looks for a
 * connection. */
static void serve(struct weft_channel *channel)
{
	if (channel->state == WEFT_IDLE && channel->n_waiting)
		wake(channel);
	if (channel->state == WEFT_TRANSIENT_FAILURE && !channel->renewing)
		fail_impatient(channel);
	while (channel->state == WEFT_READY && channel->n_waiting)
		if (!open_stream(channel, first_waiting(channel)))
			return;
}

static void on_task(struct weft_task *task)
{
	struct weft_channel *channel = weft_container_of(task, struct weft_channel, task);

	channel->task_queued = false;
	serve(channel);
	if (channel->refs) {
		weft_channel_ref(channel);
		weft_channel_watches_tell(&channel->watches, channel);
		weft_channel_unref(channel);
	} else {
		free_when_unused(channel);
	}
}

void weft_channel_submit(struct weft_channel *channel, struct weft_attempt *attempt)
{
	if (channel->state == WEFT_READY && channel->n_waiting == 0 &&
	    open_stream(channel, attempt))
		return;
	if (channel->state == WEFT_TRANSIENT_FAILURE && !weft_attempt_waits_for_ready(attempt) &&
	    !is_renewing(channel)) {
		fail_one(channel, attempt);
		return;
	}
	if (channel->n_waiting >= channel->upstream.max_pending) {
		weft_rpc_end(attempt->rpc, WEFT_RESOURCE_EXHAUSTED,
			     "%s: %zu calls wait for a connection", channel->target->text,
			     channel->n_waiting);
		return;
	}
	append(channel, attempt);
	if (channel->state == WEFT_IDLE)
		wake(channel);
}

void weft_channel_call_ended(struct weft_channel *channel, struct weft_attempt *attempt,
			     enum weft_call_result result)
{
	struct weft_subchannel *subchannel = attempt->subchannel;

	attempt->subchannel = NULL;
	if (!subchannel)
		return;
	channel->outstanding--;
	channel->last_used = weft_loop_now(channel->loop);
	weft_subchannel_end_call(subchannel, result);
}

void weft_channel_resubmit(struct weft_channel *channel, struct weft_attempt *attempt)
{
	weft_channel_call_ended(channel, attempt, WEFT_CALL_UNCOUNTED);
	weft_list_insert_before(channel->waiting.next, &attempt->waiting);
	channel->n_waiting++;
	serve_later(channel);
}

void weft_channel_stream_closed(struct weft_channel *channel)
{
	if (channel->n_waiting)
		serve_later(channel);
}

/* ---- the object ---- */

static char *copy(const char *text)
{
	char *result = strdup(text);

	if (!result)
		abort();
	return result;
}

static uint64_t keepalive_of(const struct weft_channel_options *options)
{
	uint64_t keepalive_ns = options->keepalive_ns;

	return keepalive_ns && keepalive_ns < KEEPALIVE_MIN ? KEEPALIVE_MIN : keepalive_ns;
}

static void set_subchannel_options(struct weft_channel *channel,
				   const struct weft_channel_options *options)
{
	channel->subchannel_options = (struct weft_subchannel_options) {
		.worker = channel->worker,
		.connection = {
			.tls = channel->tls,
			.server_name = channel->server_name,
			.timeout_ns = options->connect_timeout_ns ? options->connect_timeout_ns
								  : CONNECT_TIMEOUT,
			.keepalive_ns = keepalive_of(options),
			.keepalive_timeout_ns = options->keepalive_timeout_ns,
			.keepalive_idle = options->keepalive_without_calls,
			.message_budget = options->message_budget,
			.metadata = metadata_limits(options->soft_metadata, options->max_metadata),
		},
		.backoff_ns = options->backoff_ns,
		.backoff_max_ns = options->backoff_max_ns,
		.health = {
			.authority = channel->authority,
			.tls = channel->tls != NULL,
			.backoff_ns = options->backoff_ns,
			.backoff_max_ns = options->backoff_max_ns,
		},
		.channel = &channel->entity,
		.owner = &subchannel_owner,
		.data = channel,
	};
}

int weft_channel_new(struct weft_worker *worker, const char *target,
		     const struct weft_channel_options *options, char error[256],
		     struct weft_channel **ret_channel)
{
	struct weft_channel_options own = { 0 };
	struct weft_balancing balancing = { 0 };
	struct weft_target *parsed;
	struct weft_channel *channel;
	int r;

	if (options) /* an older caller's struct is shorter */
		memcpy(&own, options, options->size < sizeof(own) ? options->size : sizeof(own));
	r = own.balancing ? weft_policy_named(own.balancing, error, &balancing.policy) : 0;
	if (r == 0)
		r = weft_target_parse(target, error, &parsed);
	if (r < 0)
		return r;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		abort();
	channel->refs = 1;
	entity_enter(&channel->entity, WEFT_ENTITY_CHANNEL, 0, parsed->text);
	channel->worker = worker;
	channel->loop = weft_worker_loop(worker);
	channel->target = parsed;
	channel->own_balancing = balancing;
	channel->host = (struct weft_balance_host) { &balance_ops, channel->loop };
	channel->tls = own.tls ? weft_tls_ref(own.tls) : NULL;
	channel->authority = copy(own.authority ? own.authority : parsed->authority);
	channel->server_name = weft_target_host_of(channel->authority);
	channel->max_message = own.max_message ? own.max_message : MAX_MESSAGE;
	channel->resolve_interval_ns =
		own.resolve_interval_ns ? own.resolve_interval_ns : RESOLVE_INTERVAL;
	channel->encoding = own.encoding;
	channel->idle_timeout_ns = own.idle_timeout_ns ? own.idle_timeout_ns : IDLE_TIMEOUT;
	weft_upstream_init(&channel->upstream, &own);
	if (own.interceptors && own.interceptors[0])
		channel->interceptors = own.interceptors;
	channel->credentials = own.credentials ? weft_credentials_ref(own.credentials) : NULL;
	set_subchannel_options(channel, &own);
	channel->own_health_service = own.health_service ? copy(own.health_service) : NULL;
	obey_config(channel);
	channel->task.run = on_task;
	weft_timer_init(&channel->idle, on_idle, channel);
	weft_list_init(&channel->waiting);
	weft_list_init(&channel->watches);
	*ret_channel = channel;
	return 0;
}

struct weft_channel *weft_channel_ref(struct weft_channel *channel)
{
	channel->refs++;
	return channel;
}

void weft_channel_unref(struct weft_channel *channel)
{
	if (!channel)
		return;
	if (channel->refs == 1)
		let_go(channel, WEFT_SHUTDOWN);
	channel->refs--;
	free_when_unused(channel);
}

enum weft_connectivity weft_channel_state(struct weft_channel *channel, bool try_connect)
{
	enum weft_connectivity state = channel->state;

	if (try_connect && state == WEFT_IDLE)
		wake(channel);
	return state;
}

void weft_channel_close(struct weft_channel *channel, weft_channel_closed_cb *cb, void *data)
{
	channel->closed_cb = cb;
	channel->closed_data = data;
	serve_later(
		channel); /* the task frees a channel that nothing is left of: `cb` comes later */
	weft_channel_unref(channel);
}

struct weft_entity *weft_channel_entity(struct weft_channel *channel)
{
	return &channel->entity;
}

struct weft_worker *weft_channel_worker(const struct weft_channel *channel)
{
	return channel->worker;
}

void weft_channel_each_endpoint(struct weft_channel *channel, weft_endpoint_cb *cb, void *data)
{
	const struct weft_endpoints *endpoints =
		channel->resolver ? weft_resolver_last(channel->resolver) : NULL;

	for (size_t i = 0; endpoints && i < endpoints->n; i++) {
		const struct weft_endpoint *endpoint = &endpoints->list[i];
		const struct weft_subchannel *subchannel = weft_map_get(
			&channel->subchannels, endpoint->address, strlen(endpoint->address));
		struct weft_endpoint_view view;

		weft_subchannel_view(endpoint, subchannel, &view);
		cb(&view, data);
	}
}

const char *weft_channel_error(const struct weft_channel *channel)
{
	return channel->state == WEFT_TRANSIENT_FAILURE ? channel->error : "";
}

const char *weft_channel_target(const struct weft_channel *channel)
{
	return channel->target->text;
}

const char *weft_channel_authority(const struct weft_channel *channel)
{
	return channel->authority;
}

bool weft_channel_is_tls(const struct weft_channel *channel)
{
	return channel->tls != NULL;
}

void weft_channel_set_service_config(struct weft_channel *channel,
				     struct weft_service_config *config)
{
	weft_upstream_set_config(&channel->upstream, config);
	obey_config(channel);
}

struct weft_upstream *weft_channel_upstream(struct weft_channel *channel)
{
	return &channel->upstream;
}

enum weft_encoding weft_channel_encoding(const struct weft_channel *channel)
{
	return channel->encoding;
}

const struct weft_rpc_interceptor *const *weft_channel_interceptors(
	const struct weft_channel *channel)
{
	return channel->interceptors;
}

struct weft_credentials *weft_channel_credentials(const struct weft_channel *channel)
{
	return channel->credentials;
}

size_t weft_channel_max_message(const struct weft_channel *channel)
{
	return channel->max_message;
}

uint64_t weft_channel_keepalive(const struct weft_channel *channel)
{
	return channel->subchannel_options.connection.keepalive_ns;
}

struct metadata_limits weft_channel_metadata_limits(const struct weft_channel *channel)
{
	return channel->subchannel_options.connection.metadata;
}
