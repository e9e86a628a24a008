/*
 * A server's interceptors: asked one after the other before the handler, told in reverse of the
 * end. A call that waits for one of them is a live call whose input nobody takes yet.
 */
#include <weft/interceptor.h>

#include "rpc/call.h"

/* False: it has been asked about, or it is the handler's turn; there is no more to do now. */
static bool ask_next(struct weft_call *call)
{
	const struct call_interceptors *chain = call->chain;
	const struct call_interceptor *next;
	int r;

	if (call->asked == chain->n) {
		call_start(call);
		return false;
	}
	next = &chain->list[call->asked++];
	if (!next->what.on_call)
		return true;
	call->waits = true;
	r = next->what.on_call(call, next->data);
	if (r <= 0)
		call->waits = false;
	call_conclude(call, r);
	return call->state == CALL_LIVE && !call->waits;
}

/* One that says yes at once, or from within its on_call, is not asked from inside the other. */
void call_ask(struct weft_call *call)
{
	if (call->asking)
		return;
	weft_call_ref(call);
	call->asking = true;
	while (ask_next(call))
		;
	call->asking = false;
	weft_call_unref(call);
}

void weft_call_proceed(struct weft_call *call)
{
	if (call->state != CALL_LIVE || !call->waits)
		return;
	weft_call_ref(call);
	call->waits = false;
	call_ask(call);
	if (call->input == INPUT_REQUEST) /* which has come meanwhile, perhaps */
		call_input_schedule(call);
	weft_call_unref(call);
}

void call_tell_interceptors(struct weft_call *call, const struct weft_status *status)
{
	const struct weft_summary summary = {
		.status = status,
		.duration_ns = weft_loop_now(weft_worker_loop(call->worker)) - call->started,
		.messages_sent = call->sent.messages,
		.messages_received = call->received.messages,
		.bytes_sent = call->sent.bytes,
		.bytes_received = call->received.bytes,
	};

	call->waits = false;
	while (call->asked) {
		const struct call_interceptor *last = &call->chain->list[--call->asked];

		if (last->what.on_end)
			last->what.on_end(call, &summary, last->data);
	}
}

void weft_call_attach(struct weft_call *call, const void *key, void *value)
{
	attachment_put(&call->attachments, call->arena, key, value);
}

void *weft_call_attached(const struct weft_call *call, const void *key)
{
	const struct attachment *found = attachment_find(call->attachments, key);

	return found ? found->value : NULL;
}
