/*
 * A channel's interceptors: asked one after the other before a call goes to its channel, told in
 * reverse of the end. A call that waits for one of them is WAITING, and in nobody's queue.
 */
#include <weft/interceptor.h>

#include <errno.h>

#include "rpc/channel.h"
#include "rpc/rpc.h"

static const struct weft_rpc_interceptor *chain_at(const struct weft_rpc *rpc, size_t i)
{
	const struct weft_rpc_interceptor *const *chain = weft_channel_interceptors(rpc->channel);

	return chain ? chain[i] : NULL;
}

/* False: the call has passed them all, waits, or has ended. */
static bool ask_next(struct weft_rpc *rpc)
{
	const struct weft_rpc_interceptor *next = chain_at(rpc, rpc->asked);
	int r;

	if (!next) {
		weft_rpc_present(rpc);
		return false;
	}
	rpc->asked++;
	if (!next->on_start)
		return true;
	rpc->held_back = true;
	r = next->on_start(rpc, next->data);
	if (r <= 0)
		rpc->held_back = false;
	if (r < 0)
		weft_rpc_end(rpc, WEFT_INTERNAL, "an interceptor failed: %s", weft_errno_string(r));
	return rpc->state == WEFT_RPC_WAITING && !rpc->held_back;
}

/* One that says yes from within its on_start is not asked from inside the other. */
void weft_rpc_ask(struct weft_rpc *rpc)
{
	if (rpc->asking)
		return;
	rpc->asking = true;
	while (ask_next(rpc))
		;
	rpc->asking = false;
}

void weft_rpc_proceed(struct weft_rpc *rpc)
{
	if (rpc->state != WEFT_RPC_WAITING || !rpc->held_back)
		return;
	rpc->held_back = false;
	weft_rpc_ask(rpc);
}

void weft_rpc_tell_interceptors(struct weft_rpc *rpc, const struct weft_status *status)
{
	const struct weft_summary summary = {
		.status = status,
		.duration_ns = weft_loop_now(rpc->loop) - rpc->started,
		.messages_sent = rpc->messages_sent,
		.messages_received = rpc->messages,
		.bytes_sent = rpc->bytes_sent,
		.bytes_received = rpc->bytes_received,
	};

	while (rpc->asked) {
		const struct weft_rpc_interceptor *last = chain_at(rpc, --rpc->asked);

		if (last->on_end)
			last->on_end(rpc, &summary, last->data);
	}
}

/* ---- what an interceptor may see and do ---- */

const char *weft_rpc_path(const struct weft_rpc *rpc)
{
	return rpc->path;
}

struct weft_channel *weft_rpc_channel(const struct weft_rpc *rpc)
{
	return rpc->channel;
}

const struct weft_metadata *weft_rpc_metadata(const struct weft_rpc *rpc)
{
	return &rpc->metadata;
}

int weft_rpc_add_metadata(struct weft_rpc *rpc, const char *name, const void *value, size_t len)
{
	if (rpc->state != WEFT_RPC_WAITING)
		return -EALREADY;
	return weft_metadata_add(&rpc->metadata, rpc->arena, name, value, len);
}

uint64_t weft_rpc_deadline(const struct weft_rpc *rpc)
{
	return rpc->deadline;
}

void weft_rpc_limit(struct weft_rpc *rpc, uint64_t deadline)
{
	if (rpc->state != WEFT_RPC_WAITING || deadline >= rpc->deadline)
		return;
	rpc->deadline = deadline;
	weft_timer_start_at(rpc->loop, &rpc->timer, deadline);
}

void weft_rpc_refuse(struct weft_rpc *rpc, enum weft_code code, const char *format, ...)
{
	struct weft_status status = { .code = code };
	va_list args;

	if (rpc->state != WEFT_RPC_WAITING)
		return;
	va_start(args, format);
	status.message = weft_arena_vprintf(rpc->arena, format, args);
	va_end(args);
	if (!status.message)
		status.message = "";
	weft_rpc_end_with(rpc, &status);
}

void weft_rpc_attach(struct weft_rpc *rpc, const void *key, void *value)
{
	attachment_put(&rpc->attachments, rpc->arena, key, value);
}

void *weft_rpc_attached(const struct weft_rpc *rpc, const void *key)
{
	const struct attachment *found = attachment_find(rpc->attachments, key);

	return found ? found->value : NULL;
}
