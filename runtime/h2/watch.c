/* See watch.h. gRFC A8 is keepalive, A9 is age. */
#include "h2/watch.h"

#include "base/random.h"

#define WRITE_TIMEOUT     (30 * WEFT_SECOND)
#define WINDOW_TIMEOUT    (600 * WEFT_SECOND)
#define MESSAGE_TIMEOUT   (30 * WEFT_SECOND)
#define KEEPALIVE_TIMEOUT (20 * WEFT_SECOND)
#define PERMITTED_IDLE    (7200 * WEFT_SECOND) /* between PINGs without a stream */
#define MOST_STRIKES      2

static void fault(struct watch *watch, uint32_t error_code, const char *why, bool now)
{
	watch->events->on_fault(error_code, why, now, watch->data);
}

/* --- Headers ------------------------------------------------------------------------------ */

static void on_headers_late(struct weft_timer *timer, void *data)
{
	fault(data, WEFT_H2_ENHANCE_YOUR_CALM, "the peer does not finish its headers", false);
}

static void watch_headers(struct watch *watch)
{
	if (!session_in_headers(watch->session))
		weft_timer_stop(watch->loop, &watch->headers);
	else if (!weft_timer_started(&watch->headers))
		weft_timer_start(watch->loop, &watch->headers, watch->headers_timeout_ns);
}

/* --- Output, and large messages ----------------------------------------------------------- */

/*
 * A sweep comes a write timeout after something was sent, or a large message has found no room, and
 * goes on for as long as anything waits. Bytes that the kernel did not take between two sweeps mean
 * a peer that does not read.
 */
static void on_sweep(struct weft_timer *timer, void *data)
{
	struct watch *watch = data;
	size_t unsent = weft_transport_unsent(watch->transport);
	uint64_t now = weft_loop_now(watch->loop);
	bool stuck = unsent && unsent == watch->unsent && !watch->flushed;
	bool waiting;

	watch->unsent = unsent;
	watch->flushed = false;
	if (stuck) {
		fault(watch, WEFT_H2_CANCEL, "the peer does not read", true);
		return;
	}
	waiting = session_sweep(watch->session, now, &watch->patience);
	if (waiting || unsent)
		weft_timer_start(watch->loop, &watch->sweep, watch->write_timeout_ns);
}

static void sweep_soon(struct watch *watch)
{
	if (!weft_timer_started(&watch->sweep))
		weft_timer_start(watch->loop, &watch->sweep, watch->write_timeout_ns);
}

void watch_sent(struct watch *watch)
{
	watch->flushed = true;
	sweep_soon(watch);
}

/* --- Keepalive ---------------------------------------------------------------------------- */

static bool wants_keepalive(const struct watch *watch)
{
	return watch->keepalive_idle || session_streams(watch->session) > 0;
}

static void wait_for_silence(struct watch *watch)
{
	weft_timer_start_at(watch->loop, &watch->keepalive, watch->heard + watch->keepalive_ns);
}

static void on_keepalive(struct weft_timer *timer, void *data)
{
	struct watch *watch = data;

	if (watch->pinged) {
		fault(watch, WEFT_H2_NO_ERROR, "the peer does not answer a keepalive PING", true);
		return;
	}
	if (!wants_keepalive(watch))
		return; /* begun anew with the next stream */
	if (weft_loop_now(watch->loop) < watch->heard + watch->keepalive_ns) {
		wait_for_silence(watch);
		return;
	}
	watch->pinged = true;
	session_ping(watch->session);
	weft_timer_start(watch->loop, timer, watch->keepalive_timeout_ns);
}

void watch_streams(struct watch *watch)
{
	uint64_t now;

	if (session_starved(watch->session))
		sweep_soon(watch);
	if (!watch->keepalive_ns || weft_timer_started(&watch->keepalive) ||
	    !wants_keepalive(watch))
		return;
	now = weft_loop_now(watch->loop);
	if (watch->heard + watch->keepalive_ns < now)
		watch->heard = now - watch->keepalive_ns; /* it was silent: ask at once */
	wait_for_silence(watch);
}

void watch_received(struct watch *watch)
{
	watch->heard = weft_loop_now(watch->loop);
	if (watch->pinged) {
		watch->pinged = false;
		wait_for_silence(watch);
	}
	watch_headers(watch);
}

/* Strikes are forgotten whenever we send something of use: clients PING to measure bandwidth. */
void watch_pinged(struct watch *watch)
{
	uint64_t now = weft_loop_now(watch->loop);
	uint64_t permitted = session_streams(watch->session) || watch->permit_ping_idle
				     ? watch->permit_ping_ns
				     : PERMITTED_IDLE;

	if (!watch->permit_ping_ns)
		return;
	if (session_payloads(watch->session) != watch->payloads) {
		watch->payloads = session_payloads(watch->session);
		watch->strikes = 0;
	} else if (watch->last_ping && now - watch->last_ping < permitted) {
		watch->strikes++;
	}
	watch->last_ping = now;
	if (watch->strikes <= MOST_STRIKES)
		return;
	session_say_too_many_pings(watch->session);
	fault(watch, WEFT_H2_ENHANCE_YOUR_CALM, "the peer sends too many PINGs", false);
}

/* --- Age ---------------------------------------------------------------------------------- */

static void on_age(struct weft_timer *timer, void *data)
{
	struct watch *watch = data;

	if (watch->aged) {
		fault(watch, WEFT_H2_NO_ERROR, "the connection is too old", false);
		return;
	}
	watch->aged = true;
	if (watch->grace_ns)
		weft_timer_start(watch->loop, timer, watch->grace_ns);
	watch->events->on_age(watch->data);
}

/* Not all at once: connections that were opened together would be opened anew together. */
static uint64_t jitter(uint64_t age_ns)
{
	uint64_t tenth = age_ns / 10, random;

	weft_random_bytes(&random, sizeof(random));
	return tenth ? age_ns - tenth + random % (2 * tenth) : age_ns;
}

/* --- The whole ---------------------------------------------------------------------------- */

static uint64_t or_default(uint64_t given, uint64_t otherwise)
{
	return given ? given : otherwise;
}

void watch_init(struct watch *watch, struct weft_loop *loop, struct weft_transport *transport,
		struct session *session, const struct weft_h2_options *options,
		const struct watch_events *events, void *data)
{
	*watch = (struct watch) {
		.loop = loop,
		.transport = transport,
		.session = session,
		.events = events,
		.data = data,
		.headers_timeout_ns = options->headers_timeout_ns,
		.write_timeout_ns = or_default(options->write_timeout_ns, WRITE_TIMEOUT),
		.patience = {
			.window_ns = or_default(options->window_timeout_ns, WINDOW_TIMEOUT),
			.message_ns = or_default(options->message_timeout_ns, MESSAGE_TIMEOUT),
		},
		.keepalive_ns = options->keepalive_ns,
		.keepalive_timeout_ns =
			or_default(options->keepalive_timeout_ns, KEEPALIVE_TIMEOUT),
		.keepalive_idle = options->keepalive_idle,
		.permit_ping_ns = options->permit_ping_ns,
		.permit_ping_idle = options->permit_ping_idle,
		.grace_ns = options->max_age_grace_ns,
		.heard = weft_loop_now(loop),
	};
	weft_timer_init(&watch->headers, on_headers_late, watch);
	weft_timer_init(&watch->sweep, on_sweep, watch);
	weft_timer_init(&watch->keepalive, on_keepalive, watch);
	weft_timer_init(&watch->age, on_age, watch);
	if (options->max_age_ns)
		weft_timer_start(loop, &watch->age, jitter(options->max_age_ns));
	watch_streams(watch);
}

void watch_stop(struct watch *watch)
{
	weft_timer_stop(watch->loop, &watch->headers);
	weft_timer_stop(watch->loop, &watch->sweep);
	weft_timer_stop(watch->loop, &watch->keepalive);
	weft_timer_stop(watch->loop, &watch->age);
}
