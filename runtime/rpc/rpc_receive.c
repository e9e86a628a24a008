/*
 * Receiving: what the peer says is checked here, and becomes messages and an outcome.
 *
 * Messages are delivered while the user does not hold; what arrives meanwhile is kept, and not
 * given back to the stream's window, which is what stops the peer. A message larger than the window
 * gets one to its measure. The peer's status waits behind the messages. A violation of the protocol
 * ends the call at once.
 */
#include "rpc/rpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/channel.h"
#include "rpc/outcome.h"
#include "wire/compress.h"
#include "wire/metadata_wire.h"
#include "wire/trailer.h"

/* ---- headers and trailers ---- */

static const struct weft_h2_header *find(const struct weft_h2_header *headers, size_t n,
					 const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (headers[i].name_len == strlen(name) &&
		    memcmp(headers[i].name, name, headers[i].name_len) == 0)
			return &headers[i];
	return NULL;
}

static void take_metadata(struct weft_rpc *rpc, const struct weft_h2_header *headers, size_t n,
			  struct weft_metadata *metadata)
{
	int r = weft_metadata_from_wire(headers, n, rpc->arena, metadata);

	if (r == -ENOMEM)
		weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED, "out of memory for the metadata");
	else if (r < 0)
		weft_rpc_end(rpc, WEFT_INTERNAL, "the server sent malformed metadata");
}

static void take_trailers(struct weft_rpc *rpc, const struct weft_h2_header *headers, size_t n)
{
	int r;

	take_metadata(rpc, headers, n, &rpc->trailers);
	if (rpc->state == WEFT_RPC_ENDED)
		return;
	r = weft_trailer_read(headers, n, rpc->arena, &rpc->status);
	if (r < 0)
		weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED, "out of memory for the status");
	else if (r == 0)
		weft_rpc_end(rpc, WEFT_UNKNOWN, "the server sent no grpc-status");
	else
		rpc->status_received = true;
}

static bool is_grpc(const struct weft_h2_header *content_type)
{
	static const char name[] = "application/grpc";
	size_t len = sizeof(name) - 1;

	if (!content_type || content_type->value_len < len ||
	    memcmp(content_type->value, name, len) != 0)
		return false;
	return content_type->value_len == len || content_type->value[len] == '+' ||
	       content_type->value[len] == ';';
}

static bool check_encoding(struct weft_rpc *rpc, const struct weft_h2_header *encoding)
{
	if (!encoding ||
	    weft_encoding_parse(encoding->value, encoding->value_len, &rpc->response_encoding))
		return true;
	weft_rpc_end(rpc, WEFT_INTERNAL, "the server answered with grpc-encoding \"%.100s\"",
		     encoding->value);
	return false;
}

/* The response's head, when it is not a status at once: HTTP 200 and a content-type of gRPC's. */
static bool check_head(struct weft_rpc *rpc, const struct weft_h2_header *headers, size_t n)
{
	const struct weft_h2_header *status = find(headers, n, ":status");
	const struct weft_h2_header *type = find(headers, n, "content-type");
	unsigned code = status ? (unsigned)strtoul(status->value, NULL, 10) : 0;

	if (code != 200) {
		weft_rpc_end(rpc, weft_code_from_http(code), "the server answered HTTP status %u",
			     code);
		return false;
	}
	if (!is_grpc(type)) {
		weft_rpc_end(rpc, WEFT_UNKNOWN, "the server answered with content-type \"%.100s\"",
			     type ? type->value : "");
		return false;
	}
	return check_encoding(rpc, find(headers, n, "grpc-encoding"));
}

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
	struct weft_rpc *rpc = data;

	if (rpc->state != WEFT_RPC_OPEN)
		return;
	weft_rpc_commit(rpc);
	if (rpc->headers_received) {
		if (end)
			take_trailers(rpc, headers, n);
		else
			weft_rpc_end(rpc, WEFT_INTERNAL, "the server sent headers twice");
		return;
	}
	rpc->headers_received = true;
	if (end && find(headers, n, "grpc-status")) { /* Trailers-Only */
		take_trailers(rpc, headers, n);
		return;
	}
	if (!check_head(rpc, headers, n))
		return;
	if (end) {
		weft_rpc_end(rpc, WEFT_UNKNOWN, "the server sent no grpc-status");
		return;
	}
	take_metadata(rpc, headers, n, &rpc->headers);
	if (rpc->state == WEFT_RPC_OPEN && rpc->sink->headers)
		rpc->sink->headers(rpc);
}

static void on_oversized(struct weft_h2_stream *stream, void *data)
{
	struct weft_rpc *rpc = data;
	struct metadata_limits limits = weft_channel_metadata_limits(rpc->channel);

	weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED,
		     "the server sent too much metadata: above %zu bytes it may be refused, above "
		     "%zu it is",
		     limits.soft, limits.hard);
}

/* ---- messages ---- */

static void deframe_failed(struct weft_rpc *rpc, int r)
{
	if (r == -EMSGSIZE)
		weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED,
			     "the server sent a message of more than %zu bytes", rpc->deframer.max);
	else if (r == -ENOMEM)
		weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED, "out of memory for a message");
	else if (r == -EPROTO)
		weft_rpc_end(rpc, WEFT_INTERNAL,
			     "the server sent a compressed message without grpc-encoding");
	else
		weft_rpc_end(rpc, WEFT_INTERNAL, "the server sent a malformed frame");
}

/* All messages that are there have been delivered, and the peer's status is known. */
static void end_received(struct weft_rpc *rpc)
{
	struct weft_status status = rpc->status;

	if (status.code == WEFT_OK && !weft_deframer_at_boundary(&rpc->deframer))
		weft_rpc_end(rpc, WEFT_INTERNAL, "the server's last message is cut off");
	else
		weft_rpc_end_with(rpc, &status);
}

/* The message in the frame; what it was decompressed into goes when it has been delivered. */
static int take_frame(struct weft_rpc *rpc, const struct weft_frame *frame)
{
	struct weft_buffer room = WEFT_BUFFER_INIT;
	struct weft_bytes message;
	int r;

	r = weft_frame_open(frame, rpc->response_encoding, rpc->deframer.max, &room, &message);
	if (r >= 0) {
		rpc->was_compressed = frame->compressed;
		rpc->messages++;
		rpc->bytes_received += frame->message.len;
		rpc->sink->message(rpc, message);
	}
	weft_buffer_fini(&room);
	return r;
}

/* 0: no whole message is left; 1: the user holds or the call has ended. */
static int deliver_messages(struct weft_rpc *rpc)
{
	while (!rpc->held && rpc->state == WEFT_RPC_OPEN) {
		struct weft_frame frame;
		int r = weft_deframer_next(&rpc->deframer, &frame);

		if (r == 0)
			return 0;
		if (r > 0) {
			rpc->unconsumed += WEFT_FRAME_PREFIX + frame.message.len;
			r = take_frame(rpc, &frame);
		}
		if (r < 0)
			deframe_failed(rpc, r);
	}
	return 1;
}

static void let_more_in(struct weft_rpc *rpc)
{
	size_t missing = rpc->held ? 0 : weft_deframer_missing(&rpc->deframer);

	if (rpc->unconsumed)
		weft_h2_stream_consume(rpc->stream, rpc->unconsumed);
	rpc->unconsumed = 0;
	if (missing)
		weft_h2_stream_expect(rpc->stream, missing);
}

void weft_rpc_receive_messages(struct weft_rpc *rpc)
{
	bool all;

	if (rpc->receiving)
		return;
	rpc->receiving = true;
	all = deliver_messages(rpc) == 0;
	if (rpc->stream)
		let_more_in(rpc);
	if (all && rpc->status_received)
		end_received(rpc);
	rpc->receiving = false;
	if (rpc->state == WEFT_RPC_OPEN)
		weft_rpc_tell_writable(rpc);
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	struct weft_rpc *rpc = data;

	if (rpc->state != WEFT_RPC_OPEN)
		return;
	if (!rpc->headers_received) {
		weft_rpc_end(rpc, WEFT_INTERNAL, "the server sent data before headers");
		return;
	}
	weft_deframer_feed(&rpc->deframer, bytes, len);
	weft_rpc_receive_messages(rpc);
	if (rpc->state == WEFT_RPC_OPEN && weft_deframer_save(&rpc->deframer) < 0)
		deframe_failed(rpc, -ENOMEM);
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	struct weft_rpc *rpc = data;

	if (rpc->state != WEFT_RPC_OPEN)
		return;
	if (rpc->status_received)
		weft_rpc_receive_messages(rpc);
	else
		weft_rpc_end(rpc, WEFT_UNKNOWN, "the server ended without grpc-status");
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
	struct weft_rpc *rpc = data;

	if (rpc->state == WEFT_RPC_OPEN)
		weft_rpc_tell_writable(rpc);
}

/* ---- the stream's end ---- */

/* The peer has not looked at the call: it is sent once more, which nobody can tell from the
 * first time. */
static bool retry(struct weft_rpc *rpc, bool refused)
{
	if (!refused || rpc->retried || rpc->committed || rpc->headers_received)
		return false;
	rpc->retried = true;
	rpc->state = WEFT_RPC_WAITING;
	weft_channel_resubmit(rpc->channel, rpc);
	return true;
}

static void end_by_close(struct weft_rpc *rpc, uint32_t error_code)
{
	if (error_code == WEFT_H2_CONNECT_ERROR)
		weft_rpc_end(rpc, WEFT_UNAVAILABLE, "the connection to %s was lost", rpc->peer);
	else
		weft_rpc_end(rpc, weft_code_from_h2(error_code), "%s reset the stream: %s",
			     rpc->peer, weft_h2_error_name(error_code));
}

static void on_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused, void *data)
{
	struct weft_rpc *rpc = data;

	rpc->stream = NULL;
	/* a status that waits behind held messages is not touched by what becomes of the stream */
	if (rpc->state == WEFT_RPC_OPEN && !rpc->status_received && !retry(rpc, refused))
		end_by_close(rpc, error_code);
	weft_rpc_stream_gone(rpc);
}

const struct weft_h2_stream_events weft_rpc_stream_events = {
	.on_headers = on_headers,
	.on_oversized = on_oversized,
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_close = on_close,
};

/* ---- back-pressure ---- */

void weft_rpc_hold(struct weft_rpc *rpc)
{
	rpc->held = true;
}

void weft_rpc_resume(struct weft_rpc *rpc)
{
	if (!rpc->held)
		return;
	rpc->held = false;
	if (rpc->state == WEFT_RPC_OPEN)
		weft_rpc_queue_task(rpc);
}

bool weft_rpc_was_compressed(const struct weft_rpc *rpc)
{
	return rpc->was_compressed;
}
