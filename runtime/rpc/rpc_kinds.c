/*
 * The three ways to make a call: raw bytes, one typed response (unary), typed messages (streams).
 * Each is a sink for what arrives; life, sending and receiving are the same for all.
 */
#include "rpc/rpc.h"

#include <errno.h>

#include "rpc/channel.h"
#include "rpc/codec.h"

/* ---- raw ---- */

static void raw_headers(struct weft_rpc *rpc)
{
	if (rpc->raw->on_headers)
		rpc->raw->on_headers(rpc, rpc->data);
}

static void raw_message(struct weft_rpc *rpc, struct weft_bytes message)
{
	if (rpc->raw->on_message)
		rpc->raw->on_message(rpc, message, rpc->data);
	weft_arena_reset(rpc->response);
}

static void raw_writable(struct weft_rpc *rpc)
{
	if (rpc->raw->on_writable)
		rpc->raw->on_writable(rpc, rpc->data);
}

static void raw_end(struct weft_rpc *rpc, const struct weft_status *status)
{
	rpc->raw->on_end(rpc, status, rpc->data);
}

static const struct weft_rpc_sink raw_sink = { raw_headers, raw_message, raw_writable, raw_end };

struct weft_rpc *weft_rpc_start_raw(struct weft_channel *channel, const char *path,
				    const struct weft_call_options *options,
				    const struct weft_rpc_bytes_events *events, void *data)
{
	struct weft_rpc *rpc = weft_rpc_new(channel, path, options, &raw_sink, data);

	rpc->raw = events;
	weft_rpc_submit(rpc);
	return rpc;
}

/* ---- typed ---- */

/* NULL: it was no such message, and the call has ended. */
static ProtobufCMessage *unpack(struct weft_rpc *rpc, struct weft_bytes bytes)
{
	ProtobufCMessage *message;
	char error[256];
	int r;

	r = weft_message_unpack(rpc->method->response, bytes, 0, rpc->response, error, &message);
	if (r == 0)
		return message;
	weft_rpc_end(rpc, r == -EBADMSG || r == -EINVAL ? WEFT_INTERNAL : WEFT_RESOURCE_EXHAUSTED,
		     "the response is no %s: %s", rpc->method->response->name, error);
	return NULL;
}

/* The one response of a unary call or a client stream waits for the status. */
static void take_reply(struct weft_rpc *rpc, struct weft_bytes bytes)
{
	if (rpc->reply)
		weft_rpc_end(rpc, WEFT_INTERNAL, "the server sent more than one response");
	else
		rpc->reply = unpack(rpc, bytes);
}

/* What the user is told: OK needs a response, and only OK has one. */
static const struct weft_status *check_reply(struct weft_rpc *rpc, const struct weft_status *status,
					     struct weft_status *room)
{
	if (status->code != WEFT_OK) {
		rpc->reply = NULL;
		return status;
	}
	if (rpc->reply)
		return status;
	*room = (struct weft_status) {
		.code = WEFT_INTERNAL,
		.message = "the server ended the call without a response",
	};
	return room;
}

static void set_method(struct weft_rpc *rpc, const struct weft_method *method)
{
	rpc->method = method;
	if (!rpc->idempotency)
		rpc->idempotency = method->idempotency;
}

/* The single request of unary and server-streaming calls. */
static void send_only(struct weft_rpc *rpc, const ProtobufCMessage *req)
{
	if (weft_rpc_send(rpc, req) == -EMSGSIZE)
		weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED,
			     "the request has more than the %zu bytes that a message may have",
			     rpc->max_request);
	weft_rpc_half_close(rpc);
}

static void unary_end(struct weft_rpc *rpc, const struct weft_status *status)
{
	struct weft_status room;

	status = check_reply(rpc, status, &room);
	rpc->reply_thunk(rpc, status, rpc->reply, rpc->reply_cb, rpc->data);
}

static const struct weft_rpc_sink unary_sink = { .message = take_reply, .end = unary_end };

struct weft_rpc *weft_rpc_unary(struct weft_channel *channel, const struct weft_method *method,
				const ProtobufCMessage *req,
				const struct weft_call_options *options,
				weft_rpc_reply_thunk *thunk, weft_fn *cb, void *data)
{
	struct weft_rpc *rpc = weft_rpc_new(channel, method->path, options, &unary_sink, data);

	set_method(rpc, method);
	rpc->reply_thunk = thunk;
	rpc->reply_cb = cb;
	send_only(rpc, req);
	weft_rpc_submit(rpc);
	return rpc;
}

static void stream_message(struct weft_rpc *rpc, struct weft_bytes bytes)
{
	ProtobufCMessage *message;

	if (rpc->method->kind == WEFT_CLIENT_STREAM) {
		take_reply(rpc, bytes);
		return;
	}
	message = unpack(rpc, bytes);
	if (!message)
		return;
	rpc->thunks->on_message(rpc, message, rpc->events, rpc->data);
	weft_arena_reset(rpc->response);
}

static void stream_writable(struct weft_rpc *rpc)
{
	if (rpc->thunks->on_writable)
		rpc->thunks->on_writable(rpc, rpc->events, rpc->data);
}

static void stream_end(struct weft_rpc *rpc, const struct weft_status *status)
{
	struct weft_status room;

	if (rpc->method->kind == WEFT_CLIENT_STREAM)
		status = check_reply(rpc, status, &room);
	rpc->thunks->on_end(rpc, status, rpc->reply, rpc->events, rpc->data);
}

static const struct weft_rpc_sink stream_sink = {
	.message = stream_message,
	.writable = stream_writable,
	.end = stream_end,
};

struct weft_rpc *weft_rpc_stream(struct weft_channel *channel, const struct weft_method *method,
				 const ProtobufCMessage *req,
				 const struct weft_call_options *options,
				 const struct weft_rpc_thunks *thunks, const void *events,
				 void *data)
{
	struct weft_rpc *rpc = weft_rpc_new(channel, method->path, options, &stream_sink, data);

	set_method(rpc, method);
	rpc->thunks = thunks;
	rpc->events = events;
	if (req)
		send_only(rpc, req);
	weft_rpc_submit(rpc);
	return rpc;
}
