/*
 * Retries and hedging (gRFC A6): how many attempts a call has, and when they are made.
 *
 * A retry follows a failure, after a pause that grows, or after exactly the one that the server has
 * asked for. A hedge does not wait for the failure: the call is sent once more after a delay, or as
 * soon as an attempt has failed in a way that is not fatal, and the first response wins. Where an
 * attempt still waits for a connection, nothing is gained by another one.
 *
 * An attempt that the peer may have processed is followed by another one only where the method's
 * contract, or the caller, says that it may be done twice; hedging wants that from the start.
 *
 * A timer is all that a call waits with. The failure of an attempt is judged in the call's task.
 */
#include <stdlib.h>

#include "base/random.h"
#include "rpc/channel.h"
#include "rpc/rpc.h"
#include "rpc/upstream.h"

/* A copy of the policy: the config may be another one before the call has ended. */
struct weft_retry {
	struct weft_retry_policy retry;
	struct weft_hedging_policy hedging;
	bool hedges;       /* by which of them */
	unsigned made;     /* attempts */
	unsigned backoffs; /* since the server's last word on when to come again */
	bool enough;       /* there will be no other attempt */
	struct weft_timer timer;
	struct weft_attempt *failed; /* the last that has */
};

static bool may_be_repeated(const struct weft_rpc *rpc)
{
	return rpc->idempotency != WEFT_IDEMPOTENCY_UNKNOWN;
}

static bool has_code(uint32_t codes, enum weft_code code)
{
	return (unsigned)code < 32 && codes >> code & 1;
}

static bool is_live(const struct weft_attempt *attempt)
{
	return attempt->state == WEFT_ATTEMPT_WAITING || attempt->state == WEFT_ATTEMPT_OPEN;
}

static bool any_live(const struct weft_rpc *rpc)
{
	const struct weft_attempt *attempt = rpc->attempts;

	while (attempt && !is_live(attempt))
		attempt = attempt->next;
	return attempt != NULL;
}

static bool any_waiting(const struct weft_rpc *rpc)
{
	const struct weft_attempt *attempt = rpc->attempts;

	while (attempt && attempt->state != WEFT_ATTEMPT_WAITING)
		attempt = attempt->next;
	return attempt != NULL;
}

/* ---- attempts ---- */

static bool may_attempt(const struct weft_rpc *rpc)
{
	const struct weft_retry *retry = rpc->retry;
	const struct weft_upstream *upstream = weft_channel_upstream(rpc->channel);
	unsigned most = retry->hedges ? retry->hedging.max_attempts : retry->retry.max_attempts;

	return !retry->enough && retry->made < most && weft_upstream_may_retry(upstream) &&
	       weft_upstream_has_room(upstream);
}

static void attempt_again(struct weft_rpc *rpc)
{
	struct weft_attempt *attempt = weft_arena_new_array(rpc->arena, struct weft_attempt, 1);

	weft_attempt_init(attempt, rpc, rpc->retry->made++);
	weft_attempt_start(attempt);
}

/* The call ends as `attempt` has. */
static void give_up(struct weft_rpc *rpc, struct weft_attempt *attempt)
{
	rpc->attempt = attempt;
	weft_rpc_end_with(rpc, &attempt->status);
}

/* What the attempt's failure costs. Those that are no failure of the server's cost nothing. */
static void pay(struct weft_rpc *rpc, const struct weft_attempt *attempt, uint32_t codes)
{
	if (has_code(codes, attempt->status.code) ||
	    (attempt->pushback_ms < 0 && attempt->pushback_ms != WEFT_NO_PUSHBACK))
		weft_upstream_failed(weft_channel_upstream(rpc->channel));
}

/* ---- retries ---- */

/* Between 0.8 and 1.2. */
static double jitter(void)
{
	uint32_t random;

	weft_random_bytes(&random, sizeof(random));
	return 0.8 + 0.4 * random / UINT32_MAX;
}

uint64_t weft_retry_backoff(const struct weft_retry_policy *policy, unsigned n)
{
	double delay = (double)policy->initial_ns, most = (double)policy->max_ns;

	while (n-- && delay < most)
		delay *= policy->multiplier;
	return (uint64_t)((delay < most ? delay : most) * jitter());
}

static uint64_t pause_after(struct weft_retry *retry, const struct weft_attempt *attempt)
{
	if (attempt->pushback_ms < 0)
		return weft_retry_backoff(&retry->retry, retry->backoffs++);
	retry->backoffs = 0;
	return (uint64_t)attempt->pushback_ms * WEFT_MS;
}

static void judge_retry(struct weft_rpc *rpc, struct weft_attempt *attempt)
{
	struct weft_retry *retry = rpc->retry;
	bool told_not_to = attempt->pushback_ms < 0 && attempt->pushback_ms != WEFT_NO_PUSHBACK;

	pay(rpc, attempt, retry->retry.codes);
	if (told_not_to || !has_code(retry->retry.codes, attempt->status.code) ||
	    !(attempt->unseen || may_be_repeated(rpc)) || !may_attempt(rpc))
		give_up(rpc, attempt);
	else
		weft_timer_start(rpc->loop, &retry->timer, pause_after(retry, attempt));
}

/* ---- hedging ---- */

/* The next one, if there may be any, and the time for the one after it. */
static void hedge(struct weft_rpc *rpc)
{
	struct weft_retry *retry = rpc->retry;

	do {
		if (!may_attempt(rpc)) {
			retry->enough = true;
			break;
		}
		attempt_again(rpc);
	} while (retry->hedging.delay_ns == 0);
	if (rpc->state == WEFT_RPC_ENDED)
		return;
	if (retry->enough)
		weft_timer_stop(rpc->loop, &retry->timer);
	else
		weft_timer_start(rpc->loop, &retry->timer, retry->hedging.delay_ns);
}

static void judge_hedge(struct weft_rpc *rpc, struct weft_attempt *attempt)
{
	struct weft_retry *retry = rpc->retry;

	pay(rpc, attempt, retry->hedging.codes);
	if (!has_code(retry->hedging.codes, attempt->status.code)) {
		give_up(rpc, attempt);
		return;
	}
	retry->failed = attempt;
	if (attempt->pushback_ms >= 0) {
		weft_timer_start(rpc->loop, &retry->timer,
				 (uint64_t)attempt->pushback_ms * WEFT_MS);
	} else if (attempt->pushback_ms != WEFT_NO_PUSHBACK) {
		retry->enough = true;
		weft_timer_stop(rpc->loop, &retry->timer);
	} else {
		hedge(rpc);
	}
	if (rpc->state != WEFT_RPC_ENDED && !any_live(rpc) && !weft_timer_started(&retry->timer))
		give_up(rpc, attempt);
}

/* ---- the call's life ---- */

static void on_timer(struct weft_timer *timer, void *data)
{
	struct weft_rpc *rpc = data;
	const struct weft_retry *retry = rpc->retry;

	if (!retry->hedges) {
		attempt_again(rpc);
		return;
	}
	/* one more in the queue would not be faster, and goes out with the others in the end */
	if (retry->hedging.delay_ns && any_waiting(rpc)) {
		weft_timer_start(rpc->loop, timer, retry->hedging.delay_ns);
		return;
	}
	hedge(rpc);
	if (rpc->state != WEFT_RPC_ENDED && retry->enough && !any_live(rpc) && retry->failed)
		give_up(rpc, retry->failed);
}

void weft_retry_init(struct weft_rpc *rpc, const struct weft_method_config *config)
{
	struct weft_retry *retry;

	if (!config->retry && !config->hedging)
		return;
	retry = weft_arena_new_array(rpc->arena, struct weft_retry, 1);
	if (config->retry)
		retry->retry = *config->retry;
	if (config->hedging)
		retry->hedging = *config->hedging;
	retry->hedges = config->hedging;
	weft_timer_init(&retry->timer, on_timer, rpc);
	rpc->retry = retry;
}

void weft_retry_begin(struct weft_rpc *rpc)
{
	struct weft_retry *retry = rpc->retry;

	if (retry->hedges && !may_be_repeated(rpc))
		rpc->retry = NULL;
	retry->made = 1;
	weft_attempt_start(&rpc->first);
	if (!rpc->retry || !retry->hedges || rpc->state == WEFT_RPC_ENDED)
		return;
	if (retry->hedging.delay_ns)
		weft_timer_start(rpc->loop, &retry->timer, retry->hedging.delay_ns);
	else
		hedge(rpc);
}

void weft_retry_end(struct weft_rpc *rpc)
{
	rpc->retry->enough = true;
	weft_timer_stop(rpc->loop, &rpc->retry->timer);
}

void weft_retry_judge(struct weft_rpc *rpc)
{
	struct weft_attempt *attempt = rpc->attempts;

	for (; attempt && rpc->state != WEFT_RPC_ENDED; attempt = attempt->next) {
		if (attempt->state != WEFT_ATTEMPT_OVER || attempt->judged)
			continue;
		attempt->judged = true;
		if (rpc->retry->hedges)
			judge_hedge(rpc, attempt);
		else
			judge_retry(rpc, attempt);
	}
}
