/*
 * A channel: calls on one side, connections on the other, and in between a queue for the time in
 * which they do not match. It belongs to one worker.
 *
 *	IDLE ──a call──► RESOLVING ──► CONNECTING ──SETTINGS──► READY
 *	  ▲                  │             │ next address, if any   │
 *	  │                  └──► BACKOFF ◄┘                        │
 *	  ├──the time is over───────┘                               │
 *	  └──the connection drains or is lost───────────────────────┘
 *
 * Addresses are tried one after the other, and the first that answers is used (pick_first). In
 * BACKOFF a call fails at once with the reason of the last failure, unless it waits for ready, or
 * the resolver knows better by now: a call then ends the pause, so that a service that was started
 * again is found when it has said where. A connection whose peer said GOAWAY is let go: its calls
 * go on, new ones get a new connection. So is one that nobody has called on for long.
 *
 * The memory goes when there is neither a reference nor a connection left.
 */
#include "rpc/channel.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/credentials.h>
#include <weft/h2.h>
#include <weft/list.h>
#include <weft/log.h>

#include "rpc/backoff.h"
#include "rpc/resolver.h"
#include "rpc/rpc.h"
#include "rpc/subchannel.h"
#include "rpc/target.h"

#define MAX_MESSAGE     ((size_t)4 << 20)
#define CONNECT_TIMEOUT (10 * WEFT_SECOND)
#define IDLE_TIMEOUT    (1800 * WEFT_SECOND)
#define KEEPALIVE_MIN   (10 * WEFT_SECOND) /* gRFC A8 */
#define WAITING_MAX     ((size_t)10000)

enum state { IDLE, RESOLVING, CONNECTING, READY, BACKOFF };

struct weft_channel {
	size_t refs;
	enum state state;
	struct weft_worker *worker;
	struct weft_loop *loop;
	struct weft_target *target;
	struct weft_resolver *resolver;
	struct weft_addresses addresses; /* of this attempt, a copy */
	size_t next;                     /* the one to be tried next */
	struct weft_subchannel *current; /* that is being opened, or takes new calls */
	size_t subchannels;              /* that live, the current one included */
	bool served;                     /* the current one has taken a call */
	struct weft_backoff backoff;
	struct weft_timer timer;
	struct weft_list waiting;
	size_t n_waiting;
	struct weft_task task; /* serves the queue, outside everybody's callbacks */
	bool task_queued;
	char error[256]; /* of the last failure */
	struct weft_timer idle;
	uint64_t last_used;

	struct weft_tls *tls;
	char *authority;
	char *server_name;
	size_t max_message;
	uint64_t connect_timeout_ns;
	uint64_t keepalive_ns;
	uint64_t keepalive_timeout_ns;
	bool keepalive_without_calls;
	uint64_t idle_timeout_ns;
	size_t message_budget;
	enum weft_encoding encoding;
	const struct weft_rpc_interceptor *const *interceptors; /* or NULL */
	struct weft_credentials *credentials;                   /* or NULL */

	weft_channel_closed_cb *closed_cb;
	void *closed_data;
};

static void connect_next(struct weft_channel *channel);
static void serve(struct weft_channel *channel);

/* ---- states ---- */

static void forget_addresses(struct weft_channel *channel)
{
	for (size_t i = 0; i < channel->addresses.n; i++)
		free(channel->addresses.list[i]);
	free(channel->addresses.list);
	channel->addresses = (struct weft_addresses) { 0 };
	channel->next = 0;
}

static void watch_idleness(struct weft_channel *channel)
{
	if (channel->idle_timeout_ns < WEFT_NEVER - channel->last_used)
		weft_timer_start_at(channel->loop, &channel->idle,
				    channel->last_used + channel->idle_timeout_ns);
}

/* The one place in which the state changes. */
static void set_state(struct weft_channel *channel, enum state state)
{
	channel->state = state;
	weft_timer_stop(channel->loop, &channel->idle);
	switch (state) {
	case IDLE:
		forget_addresses(channel);
		channel->current = NULL;
		break;
	case RESOLVING: weft_resolver_start(channel->resolver); break;
	case CONNECTING: break;
	case READY:
		forget_addresses(channel);
		channel->served = false;
		channel->last_used = weft_loop_now(channel->loop);
		watch_idleness(channel);
		break;
	case BACKOFF:
		forget_addresses(channel);
		channel->current = NULL;
		weft_timer_start(channel->loop, &channel->timer,
				 weft_backoff_next(&channel->backoff));
		break;
	}
}

static struct weft_rpc *pop(struct weft_channel *channel)
{
	struct weft_list *node = weft_list_pop(&channel->waiting);

	if (!node)
		return NULL;
	channel->n_waiting--;
	return weft_list_entry(node, struct weft_rpc, waiting);
}

static void fail_one(struct weft_channel *channel, struct weft_rpc *rpc)
{
	/* the reason names the address already, which may be all that the target says */
	if (strstr(channel->error, channel->target->text))
		weft_rpc_end(rpc, WEFT_UNAVAILABLE, "%s", channel->error);
	else
		weft_rpc_end(rpc, WEFT_UNAVAILABLE, "%s: %s", channel->target->text,
			     channel->error);
}

/* All addresses have failed, or there are none. */
static void fail(struct weft_channel *channel, const char *error)
{
	snprintf(channel->error, sizeof(channel->error), "%s", error);
	set_state(channel, BACKOFF);
	weft_list_each (node, after, &channel->waiting) {
		struct weft_rpc *rpc = weft_list_entry(node, struct weft_rpc, waiting);

		if (!rpc->wait_for_ready)
			fail_one(channel, rpc); /* takes it out of the queue */
	}
}

static void on_backoff_over(struct weft_timer *timer, void *data)
{
	struct weft_channel *channel = data;

	set_state(channel, IDLE);
	serve(channel);
}

static void end_backoff_for_news(struct weft_channel *channel)
{
	if (channel->state != BACKOFF || !weft_resolver_changed(channel->resolver))
		return;
	weft_timer_stop(channel->loop, &channel->timer);
	set_state(channel, IDLE);
}

/* ---- connecting ---- */

static void on_resolved(int r, const char *error, const struct weft_addresses *addresses,
			void *data)
{
	struct weft_channel *channel = data;

	if (r < 0) {
		fail(channel, error);
		return;
	}
	channel->addresses.list = calloc(addresses->n, sizeof(*addresses->list));
	if (!channel->addresses.list)
		abort();
	for (size_t i = 0; i < addresses->n; i++) {
		channel->addresses.list[i] = strdup(addresses->list[i]);
		if (!channel->addresses.list[channel->addresses.n++])
			abort();
	}
	set_state(channel, CONNECTING);
	connect_next(channel);
}

static void on_ready(struct weft_subchannel *subchannel, void *data)
{
	struct weft_channel *channel = data;

	if (subchannel != channel->current)
		return;
	set_state(channel, READY);
	serve(channel);
}

/* The current connection takes no calls any more, or is gone. A new one is looked for at once,
 * but not when this one has been of no use: peers that accept and hang up would be asked without
 * a pause. */
static void lose_current(struct weft_channel *channel, const char *error)
{
	channel->current = NULL;
	if (channel->state == CONNECTING) {
		snprintf(channel->error, sizeof(channel->error), "%s", error);
		connect_next(channel);
	} else if (!channel->served) {
		fail(channel, error);
	} else {
		set_state(channel, IDLE);
		serve(channel);
	}
}

static void on_draining(struct weft_subchannel *subchannel, void *data)
{
	struct weft_channel *channel = data;
	char error[256];

	if (subchannel != channel->current)
		return;
	snprintf(error, sizeof(error), "%.120s: the peer goes away",
		 weft_subchannel_address(subchannel));
	lose_current(channel, error);
}

/* For the connections from now on, as gRFC A8 has it. */
static void on_too_many_pings(struct weft_subchannel *subchannel, void *data)
{
	struct weft_channel *channel = data;

	if (channel->keepalive_ns < WEFT_NEVER / 2)
		channel->keepalive_ns *= 2;
	weft_log_warning("the server gets too many PINGs: keepalive slows down",
			 WEFT_STR("target", channel->target->text),
			 WEFT_UINT("interval_s", channel->keepalive_ns / WEFT_SECOND));
}

static void on_idle(struct weft_timer *timer, void *data)
{
	struct weft_channel *channel = data;
	struct weft_h2 *h2 = weft_subchannel_h2(channel->current);
	uint64_t now = weft_loop_now(channel->loop);

	if (weft_h2_streams(h2) || channel->n_waiting)
		channel->last_used = now;
	if (channel->last_used + channel->idle_timeout_ns > now) {
		watch_idleness(channel);
		return;
	}
	set_state(channel, IDLE);
	weft_h2_drain(h2);
}

static void channel_free(struct weft_channel *channel)
{
	weft_channel_closed_cb *closed_cb = channel->closed_cb;
	void *data = channel->closed_data;

	assert(weft_list_empty(&channel->waiting));
	forget_addresses(channel);
	weft_timer_stop(channel->loop, &channel->timer);
	weft_resolver_free(channel->resolver);
	weft_target_free(channel->target);
	weft_tls_unref(channel->tls);
	weft_credentials_unref(channel->credentials);
	free(channel->authority);
	free(channel->server_name);
	free(channel);
	if (closed_cb)
		closed_cb(data);
}

static void free_when_unused(struct weft_channel *channel)
{
	if (channel->refs == 0 && channel->subchannels == 0 && !channel->task_queued)
		channel_free(channel);
}

static void on_closed(struct weft_subchannel *subchannel, int r, const char *error, void *data)
{
	struct weft_channel *channel = data;

	channel->subchannels--;
	if (channel->refs == 0)
		free_when_unused(channel);
	else if (subchannel == channel->current)
		lose_current(channel, error);
}

static const struct weft_subchannel_events subchannel_events = {
	.on_ready = on_ready,
	.on_too_many_pings = on_too_many_pings,
	.on_draining = on_draining,
	.on_closed = on_closed,
};

static void connect_next(struct weft_channel *channel)
{
	const struct weft_subchannel_options options = {
		.tls = channel->tls,
		.server_name = channel->server_name,
		.timeout_ns = channel->connect_timeout_ns,
		.keepalive_ns = channel->keepalive_ns,
		.keepalive_timeout_ns = channel->keepalive_timeout_ns,
		.keepalive_idle = channel->keepalive_without_calls,
		.message_budget = channel->message_budget,
	};
	char error[256];

	if (channel->next == channel->addresses.n) {
		memcpy(error, channel->error, sizeof(error));
		fail(channel, error);
		return;
	}
	channel->current =
		weft_subchannel_new(channel->worker, channel->addresses.list[channel->next++],
				    &options, &subchannel_events, channel);
	channel->subchannels++;
}

/* ---- the queue ---- */

/* Gives waiting calls what they wait for: streams, or somebody who looks for a connection. */
static void serve(struct weft_channel *channel)
{
	if (channel->state == IDLE && channel->n_waiting)
		set_state(channel, RESOLVING);
	while (channel->state == READY && channel->n_waiting) {
		struct weft_h2 *h2 = weft_subchannel_h2(channel->current);

		if (!weft_h2_can_request(h2))
			return;
		channel->served = true;
		weft_backoff_reset(&channel->backoff);
		weft_rpc_open(pop(channel), h2, weft_subchannel_address(channel->current));
	}
}

static void on_task(struct weft_task *task)
{
	struct weft_channel *channel = weft_container_of(task, struct weft_channel, task);

	channel->task_queued = false;
	serve(channel);
	free_when_unused(channel);
}

static void serve_later(struct weft_channel *channel)
{
	if (channel->task_queued)
		return;
	channel->task_queued = true;
	weft_loop_defer(channel->loop, &channel->task);
}

void weft_channel_submit(struct weft_channel *channel, struct weft_rpc *rpc)
{
	end_backoff_for_news(channel);
	if (channel->state == BACKOFF && !rpc->wait_for_ready) {
		fail_one(channel, rpc);
		return;
	}
	if (channel->n_waiting == WAITING_MAX) {
		weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED, "%s: %zu calls wait for a connection",
			     channel->target->text, channel->n_waiting);
		return;
	}
	weft_list_append(&channel->waiting, &rpc->waiting);
	channel->n_waiting++;
	serve(channel);
}

void weft_channel_resubmit(struct weft_channel *channel, struct weft_rpc *rpc)
{
	weft_list_insert_before(channel->waiting.next, &rpc->waiting);
	channel->n_waiting++;
	serve_later(channel);
}

void weft_channel_withdraw(struct weft_channel *channel, struct weft_rpc *rpc)
{
	if (weft_list_empty(&rpc->waiting))
		return;
	weft_list_remove(&rpc->waiting);
	channel->n_waiting--;
}

void weft_channel_stream_closed(struct weft_channel *channel)
{
	channel->last_used = weft_loop_now(channel->loop);
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

static void set_patience(struct weft_channel *channel, const struct weft_channel_options *options)
{
	channel->keepalive_ns = options->keepalive_ns;
	if (channel->keepalive_ns && channel->keepalive_ns < KEEPALIVE_MIN)
		channel->keepalive_ns = KEEPALIVE_MIN;
	channel->keepalive_timeout_ns = options->keepalive_timeout_ns;
	channel->keepalive_without_calls = options->keepalive_without_calls;
	channel->idle_timeout_ns =
		options->idle_timeout_ns ? options->idle_timeout_ns : IDLE_TIMEOUT;
}

int weft_channel_new(struct weft_worker *worker, const char *target,
		     const struct weft_channel_options *options, char error[256],
		     struct weft_channel **ret_channel)
{
	struct weft_channel_options own = { 0 };
	struct weft_target *parsed;
	struct weft_channel *channel;
	int r;

	if (options) /* an older caller's struct is shorter */
		memcpy(&own, options, options->size < sizeof(own) ? options->size : sizeof(own));
	r = weft_target_parse(target, error, &parsed);
	if (r < 0)
		return r;
	channel = calloc(1, sizeof(*channel));
	if (!channel)
		abort();
	channel->refs = 1;
	channel->worker = worker;
	channel->loop = weft_worker_loop(worker);
	channel->target = parsed;
	channel->resolver = weft_resolver_new(worker, parsed, on_resolved, channel);
	channel->tls = own.tls ? weft_tls_ref(own.tls) : NULL;
	channel->authority = copy(own.authority ? own.authority : parsed->authority);
	channel->server_name = weft_target_host_of(channel->authority);
	channel->max_message = own.max_message ? own.max_message : MAX_MESSAGE;
	channel->connect_timeout_ns =
		own.connect_timeout_ns ? own.connect_timeout_ns : CONNECT_TIMEOUT;
	channel->encoding = own.encoding;
	if (own.interceptors && own.interceptors[0])
		channel->interceptors = own.interceptors;
	channel->credentials = own.credentials ? weft_credentials_ref(own.credentials) : NULL;
	channel->message_budget = own.message_budget;
	set_patience(channel, &own);
	channel->task.run = on_task;
	weft_list_init(&channel->waiting);
	weft_timer_init(&channel->timer, on_backoff_over, channel);
	weft_timer_init(&channel->idle, on_idle, channel);
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
	if (!channel || --channel->refs > 0)
		return;
	weft_timer_stop(channel->loop, &channel->timer);
	weft_timer_stop(channel->loop, &channel->idle);
	weft_resolver_free(channel->resolver);
	channel->resolver = NULL;
	if (channel->current)
		weft_subchannel_close(channel->current);
	free_when_unused(channel);
}

void weft_channel_close(struct weft_channel *channel, weft_channel_closed_cb *cb, void *data)
{
	channel->closed_cb = cb;
	channel->closed_data = data;
	serve_later(
		channel); /* the task frees a channel that nothing is left of: `cb` comes later */
	weft_channel_unref(channel);
}

struct weft_worker *weft_channel_worker(const struct weft_channel *channel)
{
	return channel->worker;
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
	return channel->keepalive_ns;
}
