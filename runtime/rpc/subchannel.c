/*
 * See subchannel.h. The backoff is gRPC's: the delay counts from the beginning of an attempt, grows
 * with each that fails, and is forgotten when a connection has been of use. One that the peer
 * accepts and closes at once has not been: such peers would be asked without a pause.
 */
#include "rpc/subchannel.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/backoff.h"

struct subchannel {
	struct weft_subchannel base;
	struct weft_entity entity;
	const struct weft_subchannel_options *options;
	size_t refs;                        /* the owner's, each connection's, each call's */
	bool released;                      /* the owner has let it go */
	struct weft_connection *connection; /* being opened, or taking new calls */
	bool served;                        /* it has taken a call */
	struct weft_health_check *check;    /* of the connection, while it takes calls; or NULL */
	struct weft_backoff backoff;
	uint64_t next_attempt;
	struct weft_timer timer; /* TRANSIENT_FAILURE: until then */
};

static struct subchannel *of(const struct weft_subchannel *base)
{
	return weft_container_of((struct weft_subchannel *)base, struct subchannel, base);
}

static struct weft_loop *loop_of(const struct subchannel *subchannel)
{
	return weft_worker_loop(subchannel->options->worker);
}

static void unref(struct subchannel *subchannel)
{
	const struct weft_subchannel_options *options = subchannel->options;

	if (--subchannel->refs > 0)
		return;
	assert(subchannel->released && subchannel->base.outstanding == 0);
	entity_leave(&subchannel->entity);
	free((char *)subchannel->base.endpoint.address);
	free((char *)subchannel->base.endpoint.attributes);
	free(subchannel);
	options->owner->on_gone(options->data);
}

/* ---- states ---- */

/* The one place in which the state changes. */
static void set_state(struct subchannel *subchannel, enum weft_connectivity state)
{
	subchannel->base.state = state;
	entity_set_state(&subchannel->entity, state,
			 state == WEFT_TRANSIENT_FAILURE ? subchannel->base.error : "");
	weft_subchannel_settle(&subchannel->base);
	if (state == WEFT_TRANSIENT_FAILURE)
		subchannel->base.failed = true;
	else if (state == WEFT_READY)
		subchannel->base.failed = false;
}

static void change_state(struct subchannel *subchannel, enum weft_connectivity state)
{
	set_state(subchannel, state);
	if (!subchannel->released)
		subchannel->options->owner->on_changed(&subchannel->base,
						       subchannel->options->data);
}

static void on_health(enum weft_connectivity health, const char *error, void *data)
{
	struct subchannel *subchannel = data;

	subchannel->base.checked = health;
	if (health != WEFT_READY)
		snprintf(subchannel->base.error, sizeof(subchannel->base.error), "%.120s: %s",
			 subchannel->base.endpoint.address, error);
	change_state(subchannel, subchannel->base.state);
}

static void watch_health(struct subchannel *subchannel)
{
	const struct weft_health_check_options *options = &subchannel->options->health;

	subchannel->base.checked = options->service ? WEFT_CONNECTING : WEFT_READY;
	if (options->service)
		subchannel->check = weft_health_check_new(
			loop_of(subchannel), weft_connection_h2(subchannel->connection), options,
			on_health, subchannel);
}

/* The connection takes no calls any more. */
static void forget_connection(struct subchannel *subchannel)
{
	weft_health_check_stop(subchannel->check);
	subchannel->check = NULL;
	subchannel->connection = NULL;
}

static void on_backoff_over(struct weft_timer *timer, void *data)
{
	change_state(data, WEFT_IDLE);
}

static void lose_connection(struct subchannel *subchannel, const char *error)
{
	struct weft_loop *loop = loop_of(subchannel);
	bool was_ready = subchannel->base.state == WEFT_READY;
	bool of_use = subchannel->served || weft_loop_now(loop) >= subchannel->next_attempt;

	forget_connection(subchannel);
	snprintf(subchannel->base.error, sizeof(subchannel->base.error), "%s", error);
	if (was_ready && of_use) {
		weft_backoff_reset(&subchannel->backoff);
		change_state(subchannel, WEFT_IDLE);
		return;
	}
	if (!subchannel->released)
		weft_timer_start_at(loop, &subchannel->timer, subchannel->next_attempt);
	change_state(subchannel, WEFT_TRANSIENT_FAILURE);
}

/* ---- the connection's events ---- */

static void on_ready(struct weft_connection *connection, void *data)
{
	struct subchannel *subchannel = data;

	if (connection != subchannel->connection)
		return;
	subchannel->served = false;
	watch_health(subchannel);
	change_state(subchannel, WEFT_READY);
}

static void on_too_many_pings(struct weft_connection *connection, void *data)
{
	struct subchannel *subchannel = data;

	if (!subchannel->released)
		subchannel->options->owner->on_too_many_pings(subchannel->options->data);
}

static void on_draining(struct weft_connection *connection, void *data)
{
	struct subchannel *subchannel = data;
	char error[256];

	if (connection != subchannel->connection)
		return;
	snprintf(error, sizeof(error), "%.120s: the peer goes away",
		 subchannel->base.endpoint.address);
	lose_connection(subchannel, error);
}

static void on_closed(struct weft_connection *connection, int r, const char *error, void *data)
{
	struct subchannel *subchannel = data;

	if (connection == subchannel->connection)
		lose_connection(subchannel, error);
	unref(subchannel);
}

static const struct weft_connection_events connection_events = {
	.on_ready = on_ready,
	.on_too_many_pings = on_too_many_pings,
	.on_draining = on_draining,
	.on_closed = on_closed,
};

/* ---- what its owner asks ---- */

static char *copy(const char *text)
{
	char *result = strdup(text);

	if (!result)
		abort();
	return result;
}

struct weft_subchannel *weft_subchannel_new(const struct weft_subchannel_options *options,
					    const struct weft_endpoint *endpoint, uint32_t id)
{
	struct subchannel *subchannel = calloc(1, sizeof(*subchannel));

	if (!subchannel)
		abort();
	subchannel->options = options;
	subchannel->refs = 1;
	subchannel->base.id = id;
	subchannel->base.checked = WEFT_READY;
	subchannel->base.endpoint.address = copy(endpoint->address);
	entity_enter(&subchannel->entity, WEFT_ENTITY_SUBCHANNEL, options->channel->id,
		     subchannel->base.endpoint.address);
	entity_log(options->channel, WEFT_EVENT_INFO, subchannel->entity.id, "subchannel to %s",
		   subchannel->base.endpoint.address);
	subchannel->backoff.base_ns = options->backoff_ns;
	subchannel->backoff.max_ns = options->backoff_max_ns;
	weft_timer_init(&subchannel->timer, on_backoff_over, subchannel);
	weft_subchannel_describe(&subchannel->base, endpoint);
	set_state(subchannel, WEFT_IDLE);
	return &subchannel->base;
}

void weft_subchannel_describe(struct weft_subchannel *base, const struct weft_endpoint *endpoint)
{
	free((char *)base->endpoint.attributes);
	base->endpoint.attributes = endpoint->attributes ? copy(endpoint->attributes) : NULL;
	base->endpoint.weight = endpoint->weight;
}

void weft_subchannel_connect(struct weft_subchannel *base)
{
	struct subchannel *subchannel = of(base);

	if (base->state != WEFT_IDLE)
		return;
	subchannel->next_attempt =
		weft_loop_now(loop_of(subchannel)) + weft_backoff_next(&subchannel->backoff);
	subchannel->connection = weft_connection_new(
		subchannel->options->worker, base->endpoint.address, subchannel->entity.id,
		&subchannel->options->connection, &connection_events, subchannel);
	subchannel->refs++;
	set_state(subchannel, WEFT_CONNECTING);
}

void weft_subchannel_disconnect(struct weft_subchannel *base)
{
	struct subchannel *subchannel = of(base);
	struct weft_connection *connection = subchannel->connection;

	if (!connection)
		return;
	forget_connection(subchannel);
	set_state(subchannel, WEFT_IDLE);
	weft_connection_drain(connection);
}

void weft_subchannel_forgive(struct weft_subchannel *base)
{
	struct subchannel *subchannel = of(base);

	if (base->state != WEFT_TRANSIENT_FAILURE && !base->failed)
		return;
	weft_backoff_reset(&subchannel->backoff);
	base->failed = false;
	if (base->state == WEFT_TRANSIENT_FAILURE) {
		weft_timer_stop(loop_of(subchannel), &subchannel->timer);
		set_state(subchannel, WEFT_IDLE);
	}
}

void weft_subchannel_release(struct weft_subchannel *base)
{
	struct subchannel *subchannel = of(base);

	subchannel->released = true;
	weft_timer_stop(loop_of(subchannel), &subchannel->timer);
	weft_subchannel_disconnect(base);
	unref(subchannel);
}

struct weft_h2 *weft_subchannel_h2(const struct weft_subchannel *base)
{
	return weft_connection_h2(of(base)->connection);
}

bool weft_subchannel_has_room(const struct weft_subchannel *base)
{
	return base->state == WEFT_READY && weft_h2_can_request(weft_subchannel_h2(base));
}

void weft_subchannel_begin_call(struct weft_subchannel *base)
{
	struct subchannel *subchannel = of(base);

	subchannel->refs++;
	subchannel->served = true;
	base->outstanding++;
	calls_started(&subchannel->entity.calls, weft_loop_now(loop_of(subchannel)));
}

void weft_subchannel_end_call(struct weft_subchannel *base, enum weft_call_result result)
{
	base->outstanding--;
	calls_ended(&of(base)->entity.calls, result == WEFT_CALL_SUCCEEDED);
	base->successes += result == WEFT_CALL_SUCCEEDED;
	base->failures += result == WEFT_CALL_FAILED;
	unref(of(base));
}
