/*
 * What the client sends: frames become messages, and messages are delivered one at a time, while
 * the call is not held. The stream's window is given back only as messages are delivered, so a
 * handler that holds stops its client; a message larger than the window gets one to its measure.
 */
#include <assert.h>
#include <errno.h>

#include "rpc/call.h"
#include "rpc/codec.h"
#include "wire/compress.h"

static bool wants_input(const struct weft_call *call)
{
	return call->state == CALL_LIVE && !call->held && call->input != INPUT_WAITS &&
	       call->input != INPUT_ENDED;
}

void call_invoke(struct weft_call *call)
{
	const struct endpoint *endpoint = call->endpoint;

	call_conclude(call, endpoint->method->invoke(call, call->request, endpoint->handlers,
						     endpoint->self));
}

/* Unpacks into `arena`, or ends the call. */
static ProtobufCMessage *unpack(struct weft_call *call, struct weft_bytes bytes,
				struct weft_arena *arena)
{
	ProtobufCMessage *message;
	char error[256] = "";
	int r;

	r = weft_message_unpack(call->endpoint->method->request, bytes, call->limits.max_depth,
				arena, error, &message);
	if (r >= 0)
		return message;
	if (r == -EBADMSG)
		call_abort(call, WEFT_INTERNAL, "the message is not understood: %s", error);
	else if (r == -EINVAL)
		call_abort(call, WEFT_INVALID_ARGUMENT, "%s", error);
	else
		call_abort(call, WEFT_RESOURCE_EXHAUSTED, "no memory for the message");
	return NULL;
}

static void take_request(struct weft_call *call, struct weft_bytes bytes)
{
	if (call->request)
		call_abort(call, WEFT_UNIMPLEMENTED,
			   "more than one message in a call that takes one");
	else
		call->request = unpack(call, bytes, call->arena);
}

static void take_typed(struct weft_call *call, struct weft_bytes bytes)
{
	ProtobufCMessage *message;

	if (!call->message_memory)
		call->message_memory = weft_arena_new();
	message = unpack(call, bytes, call->message_memory);
	if (message)
		call_conclude(call, call->thunk(call, message, call->on_typed, call->input_data));
	weft_arena_reset(call->message_memory);
}

static void take_message(struct weft_call *call, struct weft_bytes message)
{
	switch (call->input) {
	case INPUT_REQUEST: take_request(call, message); break;
	case INPUT_TYPED: take_typed(call, message); break;
	case INPUT_BYTES:
		call_conclude(call, call->on_bytes(call, message, call->input_data));
		break;
	case INPUT_WAITS:
	case INPUT_ENDED: assert(false);
	}
}

static void fail_input(struct weft_call *call, int r)
{
	if (r == -EMSGSIZE)
		call_abort(call, WEFT_RESOURCE_EXHAUSTED, "a message is larger than %zu bytes",
			   call->limits.max_message);
	else if (r == -EPROTO)
		call_abort(call, WEFT_INTERNAL, "a compressed message without grpc-encoding");
	else if (r == -EBADMSG)
		call_abort(call, WEFT_INTERNAL, "this is not gRPC's framing, or not its encoding");
	else
		call_abort(call, WEFT_RESOURCE_EXHAUSTED, "no memory for the message");
}

/* The message in the frame; what it was decompressed into goes when it has been delivered. */
static int take_frame(struct weft_call *call, const struct weft_frame *frame)
{
	struct weft_buffer room = WEFT_BUFFER_INIT;
	struct weft_bytes message;
	int r;

	r = weft_frame_open(frame, call->request_encoding, call->limits.max_message, &room,
			    &message);
	if (r >= 0) {
		call->was_compressed = frame->compressed;
		weft_h2_stream_count_received(call->stream);
		call->received.messages++;
		call->received.bytes += frame->message.len;
		take_message(call, message);
	}
	weft_buffer_fini(&room);
	return r;
}

static void deliver_messages(struct weft_call *call)
{
	struct weft_frame frame;
	int r;

	while (wants_input(call)) {
		r = weft_deframer_next(&call->deframer, &frame);
		if (r == 0)
			return;
		if (r > 0)
			r = take_frame(call, &frame);
		if (r < 0) {
			fail_input(call, r);
			return;
		}
		if (call->state == CALL_LIVE)
			weft_h2_stream_consume(call->stream, WEFT_FRAME_PREFIX + frame.message.len);
	}
}

static void deliver_half_close(struct weft_call *call)
{
	bool request = call->input == INPUT_REQUEST;

	if (!weft_deframer_at_boundary(&call->deframer)) {
		call_abort(call, WEFT_INTERNAL, "the last message is cut short");
		return;
	}
	call->input = INPUT_ENDED;
	if (!request && call->on_half_close)
		call_conclude(call, call->on_half_close(call, call->input_data));
	else if (request && call->request)
		call_invoke(call);
	else if (request)
		call_abort(call, WEFT_UNIMPLEMENTED, "no message in a call that takes one");
}

/* A message that is larger than the window would never come whole. */
static void ask_for_the_rest(struct weft_call *call)
{
	size_t missing;

	if (!wants_input(call))
		return;
	missing = weft_deframer_missing(&call->deframer);
	if (missing)
		weft_h2_stream_expect(call->stream, missing);
}

void call_input_deliver(struct weft_call *call)
{
	if (call->delivering)
		return;
	call->delivering = true;
	weft_call_ref(call);
	deliver_messages(call);
	if (wants_input(call) && call->remote_ended)
		deliver_half_close(call);
	ask_for_the_rest(call);
	call->delivering = false;
	if (call->state != CALL_LIVE)
		weft_deframer_fini(&call->deframer);
	weft_call_unref(call);
}

/* What has come of the next message goes, and its place with it. */
void call_input_end(struct weft_call *call)
{
	if (call->stream)
		weft_h2_stream_expect(call->stream, 0);
	if (!call->delivering)
		weft_deframer_fini(&call->deframer);
}

void call_input_data(struct weft_call *call, const uint8_t *bytes, size_t len)
{
	if (call->state != CALL_LIVE)
		return;
	weft_call_ref(call);
	weft_deframer_feed(&call->deframer, bytes, len);
	call_input_deliver(call);
	if (call->state == CALL_LIVE && weft_deframer_save(&call->deframer) < 0)
		fail_input(call, -ENOMEM);
	ask_for_the_rest(call);
	weft_call_unref(call);
}

/* --- The handler's side ------------------------------------------------------------------- */

void call_input_schedule(struct weft_call *call)
{
	if (call->delivering)
		return; /* the loop that delivers sees it */
	call->due_input = true;
	call_schedule(call);
}

void weft_call_hold(struct weft_call *call)
{
	call->held = true;
}

void weft_call_resume(struct weft_call *call)
{
	if (!call->held)
		return;
	call->held = false;
	call_input_schedule(call);
}

static void receive(struct weft_call *call, enum call_input input,
		    weft_half_close_cb *on_half_close, void *data)
{
	if (call->state != CALL_LIVE)
		return;
	assert(call->input == INPUT_WAITS && "receive is called once, where the client streams");
	call->input = input;
	call->on_half_close = on_half_close;
	call->input_data = data;
	call_input_schedule(call);
}

void weft_call_receive_bytes(struct weft_call *call, weft_message_bytes_cb *on_message,
			     weft_half_close_cb *on_half_close, void *data)
{
	call->on_bytes = on_message;
	receive(call, INPUT_BYTES, on_half_close, data);
}

void weft_call_receive(struct weft_call *call, weft_message_thunk *thunk, weft_fn *on_message,
		       weft_half_close_cb *on_half_close, void *data)
{
	call->thunk = thunk;
	call->on_typed = on_message;
	receive(call, INPUT_TYPED, on_half_close, data);
}
