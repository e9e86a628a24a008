/*
 * An attempt of a call: from the channel's queue to the end of its stream. What follows from a
 * failure is not decided here, nor while whoever tells of it is still busy (a channel that fails
 * its whole queue, say): a call with a policy decides in its task. A call without one has a single
 * attempt, whose end is its own.
 */
#include <stdarg.h>

#include "rpc/channel.h"
#include "rpc/rpc.h"
#include "rpc/upstream.h"

void weft_attempt_avoid(struct weft_attempt *attempt, uint32_t id)
{
	if (id && attempt->pick.n_tried < WEFT_TRIED_MAX)
		attempt->tried[attempt->pick.n_tried++] = id;
}

void weft_attempt_init(struct weft_attempt *attempt, struct weft_rpc *rpc, unsigned previous)
{
	attempt->rpc = rpc;
	attempt->previous = previous;
	attempt->pushback_ms = WEFT_NO_PUSHBACK;
	weft_list_init(&attempt->waiting);
	weft_deframer_init(&attempt->deframer, rpc->max_response);
	attempt->pick.tried = attempt->tried;
	for (const struct weft_attempt *other = rpc->attempts; other; other = other->next)
		weft_attempt_avoid(attempt, other->given_to);
	attempt->next = rpc->attempts;
	rpc->attempts = attempt;
	rpc->attempt = attempt;
}

void weft_attempt_start(struct weft_attempt *attempt)
{
	struct weft_channel *channel = attempt->rpc->channel;
	struct weft_upstream *upstream = weft_channel_upstream(channel);

	if (!weft_upstream_has_room(upstream)) {
		weft_rpc_end(attempt->rpc, WEFT_UNAVAILABLE,
			     "%s: %zu calls are under way, as many as may be",
			     weft_channel_target(channel), upstream->attempts);
		return;
	}
	upstream->attempts++;
	attempt->state = WEFT_ATTEMPT_WAITING;
	weft_channel_submit(channel, attempt);
}

/* How long the answer took: of calls that bring a single one, since the others last for as long as
 * somebody wants. 0: there was none. */
static uint64_t latency(const struct weft_attempt *attempt, uint64_t now)
{
	const struct weft_rpc *rpc = attempt->rpc;

	if (!attempt->opened || !attempt->status_received || rpc->messages > 1)
		return 0;
	return now - attempt->opened;
}

bool weft_attempt_waits_for_ready(const struct weft_attempt *attempt)
{
	return attempt->rpc->wait_for_ready;
}

static void leave(struct weft_upstream *upstream, const struct weft_attempt *attempt)
{
	uint64_t now = upstream->adapts ? weft_now() : 0;

	weft_upstream_leave(upstream, now, upstream->adapts ? latency(attempt, now) : 0);
}

void weft_attempt_stop(struct weft_attempt *attempt, enum weft_call_result result)
{
	struct weft_upstream *upstream = weft_channel_upstream(attempt->rpc->channel);

	if (attempt->state == WEFT_ATTEMPT_OVER)
		return;
	if (attempt->state != WEFT_ATTEMPT_IDLE)
		leave(upstream, attempt);
	attempt->state = WEFT_ATTEMPT_OVER;
	weft_channel_withdraw(attempt->rpc->channel, attempt);
	if (attempt->stream)
		weft_h2_stream_reset(attempt->stream,
				     attempt->status_received ? WEFT_H2_NO_ERROR : WEFT_H2_CANCEL);
	weft_channel_call_ended(attempt->rpc->channel, attempt, result);
}

void weft_attempt_fail_with(struct weft_attempt *attempt, const struct weft_status *status)
{
	struct weft_rpc *rpc = attempt->rpc;

	if (attempt->state == WEFT_ATTEMPT_OVER)
		return;
	attempt->status = *status;
	attempt->unseen |= attempt->state == WEFT_ATTEMPT_WAITING;
	weft_attempt_stop(attempt, attempt->unseen ? WEFT_CALL_UNCOUNTED : WEFT_CALL_FAILED);
	if (rpc->retry && !rpc->committed)
		weft_rpc_queue_task(rpc);
	else
		weft_rpc_end_with(rpc, &attempt->status);
}

void weft_attempt_fail(struct weft_attempt *attempt, enum weft_code code, const char *format, ...)
{
	struct weft_status status = { .code = code };
	va_list args;

	if (attempt->state == WEFT_ATTEMPT_OVER)
		return;
	va_start(args, format);
	status.message = weft_arena_vprintf(attempt->rpc->arena, format, args);
	va_end(args);
	if (!status.message)
		status.message = "";
	weft_attempt_fail_with(attempt, &status);
}
