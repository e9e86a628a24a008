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

static void take_metadata(struct weft_attempt *attempt, const struct weft_h2_header *headers,
			  size_t n, struct weft_metadata *metadata)
{
	int r = weft_metadata_from_wire(headers, n, attempt->rpc->arena, metadata);

	if (r == -ENOMEM)
		weft_attempt_fail(attempt, WEFT_RESOURCE_EXHAUSTED,
				  "out of memory for the metadata");
	else if (r < 0)
		weft_attempt_fail(attempt, WEFT_INTERNAL, "the server sent malformed metadata");
}

/* gRFC A6: milliseconds as a signed 32-bit number without zeros in front; anything else, and more
 * than one, says not to come again. */
static int64_t read_pushback(const struct weft_h2_header *headers, size_t n)
{
	static const char name[] = "grpc-retry-pushback-ms";
	const struct weft_h2_header *field = find(headers, n, name);
	size_t rest, digits;

	if (!field)
		return WEFT_NO_PUSHBACK;
	rest = n - (size_t)(field + 1 - headers);
	digits = strspn(field->value, "0123456789");
	if (find(field + 1, rest, name) || digits == 0 || digits != field->value_len ||
	    digits > 10 || (digits > 1 && field->value[0] == '0') ||
	    strtoll(field->value, NULL, 10) > INT32_MAX)
		return -1;
	return strtoll(field->value, NULL, 10);
}

static void take_trailers(struct weft_attempt *attempt, const struct weft_h2_header *headers,
			  size_t n)
{
	int r;

	take_metadata(attempt, headers, n, &attempt->trailers);
	if (attempt->state == WEFT_ATTEMPT_OVER)
		return;
	r = weft_trailer_read(headers, n, attempt->rpc->arena, &attempt->status);
	if (r < 0)
		weft_attempt_fail(attempt, WEFT_RESOURCE_EXHAUSTED, "out of memory for the status");
	else if (r == 0)
		weft_attempt_fail(attempt, WEFT_UNKNOWN, "the server sent no grpc-status");
	else
		attempt->status_received = true;
	if (attempt->rpc->retry)
		attempt->pushback_ms = read_pushback(headers, n);
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

static bool check_encoding(struct weft_attempt *attempt, const struct weft_h2_header *encoding)
{
	if (!encoding ||
	    weft_encoding_parse(encoding->value, encoding->value_len, &attempt->response_encoding))
		return true;
	weft_attempt_fail(attempt, WEFT_INTERNAL,
			  "the server answered with grpc-encoding \"%.100s\"", encoding->value);
	return false;
}

/* The response's head, when it is not a status at once: HTTP 200 and a content-type of gRPC's. */
static bool check_head(struct weft_attempt *attempt, const struct weft_h2_header *headers, size_t n)
{
	const struct weft_h2_header *status = find(headers, n, ":status");
	const struct weft_h2_header *type = find(headers, n, "content-type");
	unsigned code = status ? (unsigned)strtoul(status->value, NULL, 10) : 0;

	if (code != 200) {
		weft_attempt_fail(attempt, weft_code_from_http(code),
				  "the server answered HTTP status %u", code);
		return false;
	}
	if (!is_grpc(type)) {
		weft_attempt_fail(attempt, WEFT_UNKNOWN,
				  "the server answered with content-type \"%.100s\"",
				  type ? type->value : "");
		return false;
	}
	return check_encoding(attempt, find(headers, n, "grpc-encoding"));
}

static void take_head(struct weft_attempt *attempt, const struct weft_h2_header *headers, size_t n,
		      bool end)
{
	struct weft_rpc *rpc = attempt->rpc;

	if (end && find(headers, n, "grpc-status")) { /* Trailers-Only */
		take_trailers(attempt, headers, n);
		return;
	}
	if (!check_head(attempt, headers, n))
		return;
	if (end) {
		weft_attempt_fail(attempt, WEFT_UNKNOWN, "the server sent no grpc-status");
		return;
	}
	weft_rpc_commit(rpc, attempt);
	take_metadata(attempt, headers, n, &attempt->headers);
	if (attempt->state == WEFT_ATTEMPT_OPEN && rpc->sink->headers)
		rpc->sink->headers(rpc);
}

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
	struct weft_attempt *attempt = data;

	if (attempt->state != WEFT_ATTEMPT_OPEN)
		return;
	if (!attempt->headers_received) {
		attempt->headers_received = true;
		take_head(attempt, headers, n, end);
	} else if (end) {
		take_trailers(attempt, headers, n);
	} else {
		weft_attempt_fail(attempt, WEFT_INTERNAL, "the server sent headers twice");
	}
}

static void on_oversized(struct weft_h2_stream *stream, void *data)
{
	struct weft_attempt *attempt = data;
	struct metadata_limits limits = weft_channel_metadata_limits(attempt->rpc->channel);

	weft_attempt_fail(attempt, WEFT_RESOURCE_EXHAUSTED,
			  "the server sent too much metadata: above %zu bytes it may be refused, "
			  "above %zu it is",
			  limits.soft, limits.hard);
}

/* ---- messages ---- */

static void deframe_failed(struct weft_rpc *rpc, int r)
{
	if (r == -EMSGSIZE)
		weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED,
			     "the server sent a message of more than %zu bytes", rpc->max_response);
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
	struct weft_status status = rpc->attempt->status;

	if (status.code == WEFT_OK && !weft_deframer_at_boundary(&rpc->attempt->deframer))
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

	r = weft_frame_open(frame, rpc->attempt->response_encoding, rpc->max_response, &room,
			    &message);
	if (r >= 0) {
		rpc->was_compressed = frame->compressed;
		if (rpc->attempt->stream) /* what was held may outlast it */
			weft_h2_stream_count_received(rpc->attempt->stream);
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
		int r = weft_deframer_next(&rpc->attempt->deframer, &frame);

		if (r == 0)
			return 0;
		if (r > 0) {
			rpc->attempt->unconsumed += WEFT_FRAME_PREFIX + frame.message.len;
			r = take_frame(rpc, &frame);
		}
		if (r < 0)
			deframe_failed(rpc, r);
	}
	return 1;
}

static void let_more_in(struct weft_attempt *attempt)
{
	size_t missing = attempt->rpc->held ? 0 : weft_deframer_missing(&attempt->deframer);

	if (attempt->unconsumed)
		weft_h2_stream_consume(attempt->stream, attempt->unconsumed);
	attempt->unconsumed = 0;
	if (missing)
		weft_h2_stream_expect(attempt->stream, missing);
}

void weft_rpc_receive_messages(struct weft_rpc *rpc)
{
	struct weft_attempt *attempt = rpc->attempt;
	bool all;

	if (rpc->receiving)
		return;
	rpc->receiving = true;
	all = deliver_messages(rpc) == 0;
	if (attempt->stream)
		let_more_in(attempt);
	if (all && attempt->status_received && attempt->state == WEFT_ATTEMPT_OPEN)
		end_received(rpc);
	rpc->receiving = false;
	if (rpc->state == WEFT_RPC_OPEN)
		weft_rpc_tell_writable(rpc);
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	struct weft_attempt *attempt = data;
	struct weft_rpc *rpc = attempt->rpc;

	if (attempt->state != WEFT_ATTEMPT_OPEN)
		return;
	if (!attempt->headers_received) {
		weft_attempt_fail(attempt, WEFT_INTERNAL, "the server sent data before headers");
		return;
	}
	weft_deframer_feed(&attempt->deframer, bytes, len);
	weft_rpc_receive_messages(rpc);
	if (attempt->state == WEFT_ATTEMPT_OPEN && weft_deframer_save(&attempt->deframer) < 0)
		deframe_failed(rpc, -ENOMEM);
}

/* It is the call's; what has been received stands before it. */
static void take_status(struct weft_attempt *attempt)
{
	weft_rpc_commit(attempt->rpc, attempt);
	weft_rpc_receive_messages(attempt->rpc);
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	struct weft_attempt *attempt = data;

	if (attempt->state != WEFT_ATTEMPT_OPEN)
		return;
	if (!attempt->status_received)
		weft_attempt_fail(attempt, WEFT_UNKNOWN, "the server ended without grpc-status");
	else if (!attempt->rpc->committed && attempt->status.code != WEFT_OK)
		weft_attempt_fail_with(attempt, &attempt->status);
	else
		take_status(attempt);
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
	struct weft_attempt *attempt = data;

	if (attempt->state == WEFT_ATTEMPT_OPEN)
		weft_rpc_tell_writable(attempt->rpc);
}

/* ---- the stream's end ---- */

/* gRFC A6, transparent retries: the peer has not looked at the attempt, so it is sent once more,
 * which nobody can tell from the first time. */
static bool send_again(struct weft_attempt *attempt)
{
	if (!attempt->unseen || attempt->refused_once || attempt->rpc->committed ||
	    attempt->headers_received)
		return false;
	attempt->refused_once = true;
	weft_attempt_avoid(attempt, attempt->given_to);
	attempt->unseen = false;
	attempt->state = WEFT_ATTEMPT_WAITING;
	weft_channel_resubmit(attempt->rpc->channel, attempt);
	return true;
}

static void fail_by_close(struct weft_attempt *attempt, uint32_t error_code)
{
	if (error_code == WEFT_H2_CONNECT_ERROR)
		weft_attempt_fail(attempt, WEFT_UNAVAILABLE, "the connection to %s was lost",
				  attempt->peer);
	else
		weft_attempt_fail(attempt, weft_code_from_h2(error_code), "%s reset the stream: %s",
				  attempt->peer, weft_h2_error_name(error_code));
}

static void on_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused, void *data)
{
	struct weft_attempt *attempt = data;

	attempt->stream = NULL;
	/* a status that waits behind held messages is not touched by what becomes of the stream */
	if (attempt->state == WEFT_ATTEMPT_OPEN && !attempt->status_received) {
		attempt->unseen = refused;
		if (!send_again(attempt))
			fail_by_close(attempt, error_code);
	}
	weft_rpc_stream_gone(attempt->rpc);
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
