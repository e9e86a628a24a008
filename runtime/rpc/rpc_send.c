/*
 * Sending. Bytes go to the stream, and into `replay` for as long as the call may have to be sent
 * once more: until the peer has answered anything, or they are too many. While there is no stream,
 * `replay` is all there is, so it is the queue of a waiting call as well.
 */
#include "rpc/rpc.h"

#include <errno.h>
#include <string.h>

#include "io/identity.h"
#include "rpc/channel.h"
#include "rpc/codec.h"
#include "wire/compress.h"
#include "wire/metadata_wire.h"
#include "wire/timeout.h"

#define USER_AGENT "grpc-c-weft/0.1.0"
#define OWN_FIELDS 12 /* at most, before the user's metadata */

/* ---- headers ---- */

static size_t add(struct weft_h2_header *headers, size_t n, const char *name, const char *value)
{
	headers[n] = WEFT_H2_HEADER(name, value);
	return n + 1;
}

static size_t own_headers(struct weft_rpc *rpc, struct weft_h2_header *headers)
{
	bool tls = weft_channel_is_tls(rpc->channel);
	size_t n = 0;

	headers[n++] = WEFT_H2_CONSTANT(":method", "POST");
	n = add(headers, n, ":scheme", tls ? "https" : "http");
	n = add(headers, n, ":path", rpc->path);
	n = add(headers, n, ":authority", weft_channel_authority(rpc->channel));
	headers[n++] = WEFT_H2_CONSTANT("te", "trailers");
	headers[n++] = WEFT_H2_CONSTANT("content-type", "application/grpc");
	if (!weft_metadata_find(&rpc->metadata, "user-agent"))
		headers[n++] = WEFT_H2_CONSTANT("user-agent", USER_AGENT);
	if (rpc->deadline != WEFT_NEVER) {
		uint64_t now = weft_now();
		char *text = weft_arena_alloc(rpc->arena, WEFT_TIMEOUT_SIZE);

		weft_timeout_format(rpc->deadline > now ? rpc->deadline - now : 0, text);
		n = add(headers, n, "grpc-timeout", text);
	}
	headers[n++] = WEFT_H2_CONSTANT("grpc-accept-encoding", WEFT_ENCODINGS_ACCEPTED);
	if (rpc->encoding > WEFT_IDENTITY)
		n = add(headers, n, "grpc-encoding", weft_encoding_name(rpc->encoding));
	if (rpc->traced && !weft_metadata_find(&rpc->metadata, "traceparent")) {
		char *text = weft_arena_alloc(rpc->arena, 56);

		weft_trace_format(&rpc->trace, text);
		n = add(headers, n, "traceparent", text);
	}
	return n;
}

static int open_stream(struct weft_rpc *rpc, struct weft_h2 *h2)
{
	size_t room = OWN_FIELDS + rpc->metadata.n, n;
	struct weft_h2_header *headers;
	int r;

	headers = weft_arena_alloc(rpc->arena, room * sizeof(*headers));
	if (!headers)
		return -ENOMEM;
	n = own_headers(rpc, headers);
	r = weft_metadata_to_wire(&rpc->metadata, rpc->arena, headers + n);
	if (r < 0)
		return r;
	rpc->stream = weft_h2_request(h2, headers, n + rpc->metadata.n, false,
				      &weft_rpc_stream_events, rpc);
	return rpc->stream ? 0 : -ENOMEM;
}

/* ---- the request's bytes ---- */

static void fail_memory(struct weft_rpc *rpc)
{
	weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED, "out of memory for the request");
}

void weft_rpc_commit(struct weft_rpc *rpc)
{
	rpc->committed = true;
	weft_buffer_fini(&rpc->replay);
}

static void commit_when_large(struct weft_rpc *rpc)
{
	if (rpc->stream && rpc->replay.len > WEFT_RPC_REPLAY_MAX)
		weft_rpc_commit(rpc);
}

void weft_rpc_open(struct weft_rpc *rpc, struct weft_h2 *h2, const char *address)
{
	int r;

	if (!weft_rpc_may_send(rpc, h2)) {
		weft_rpc_end(rpc, WEFT_UNAUTHENTICATED,
			     "credentials are sent over TLS or a Unix socket, not over TCP to %s",
			     address);
		return;
	}
	rpc->peer = weft_arena_strdup(rpc->arena, address);
	weft_identity_unref(rpc->identity); /* of the attempt before */
	rpc->identity = weft_identity_ref(weft_transport_identity(weft_h2_transport(h2)));
	r = open_stream(rpc, h2);
	if (r == 0 && rpc->replay.len)
		r = weft_h2_stream_write(rpc->stream, rpc->replay.data, rpc->replay.len);
	if (r < 0) {
		fail_memory(rpc);
		return;
	}
	rpc->state = WEFT_RPC_OPEN;
	if (rpc->half_closed)
		weft_h2_stream_end(rpc->stream, NULL, 0);
	commit_when_large(rpc);
	if (rpc->sink->writable)
		weft_rpc_queue_task(rpc);
}

/* Room for `len` bytes that are sent once they are filled and weft_rpc_sent() is called. */
static int reserve(struct weft_rpc *rpc, size_t len, uint8_t **ret_room)
{
	if (!rpc->committed)
		return weft_buffer_reserve(&rpc->replay, len, ret_room);
	*ret_room = weft_h2_stream_reserve(rpc->stream, len);
	return *ret_room ? 0 : -ENOMEM;
}

static int sent(struct weft_rpc *rpc, const uint8_t *room, size_t len)
{
	int r;

	rpc->messages_sent++;
	rpc->bytes_sent += len - WEFT_FRAME_PREFIX;
	if (!rpc->committed) {
		rpc->replay.len += len;
		r = rpc->stream ? weft_h2_stream_write(rpc->stream, room, len) : 0;
		if (r < 0)
			return r;
		commit_when_large(rpc);
	}
	if (!weft_rpc_writable(rpc))
		rpc->was_full = true;
	return 0;
}

/* The call is over, or only the user does not know yet: its last messages are held. */
static bool is_over(const struct weft_rpc *rpc)
{
	return rpc->state == WEFT_RPC_ENDED || (rpc->state == WEFT_RPC_OPEN && !rpc->stream);
}

/* A message cannot be sent after the end, nor after the half-close. */
static int begin_message(struct weft_rpc *rpc, bool compressed, size_t len, uint8_t **ret_room)
{
	int r;

	if (is_over(rpc))
		return -ECANCELED;
	if (rpc->half_closed)
		return -EPIPE;
	if (len > INT32_MAX)
		return -EMSGSIZE;
	r = reserve(rpc, WEFT_FRAME_PREFIX + len, ret_room);
	if (r < 0) {
		fail_memory(rpc);
		return -ECANCELED;
	}
	weft_frame_prefix(*ret_room, compressed, len);
	return 0;
}

static int end_message(struct weft_rpc *rpc, const uint8_t *room, size_t len)
{
	if (sent(rpc, room, WEFT_FRAME_PREFIX + len) == 0)
		return 0;
	fail_memory(rpc);
	return -ECANCELED;
}

static int send_frame(struct weft_rpc *rpc, bool compressed, struct weft_bytes message)
{
	uint8_t *room;
	int r;

	r = begin_message(rpc, compressed, message.len, &room);
	if (r < 0)
		return r;
	if (message.len)
		memcpy(room + WEFT_FRAME_PREFIX, message.data, message.len);
	return end_message(rpc, room, message.len);
}

/* What compressing came to: a frame, or nothing that could be sent. Consumes the buffer. */
static int send_compressed(struct weft_rpc *rpc, int r, struct weft_buffer *take_out)
{
	if (r >= 0) {
		r = send_frame(rpc, r > 0, (struct weft_bytes) { take_out->data, take_out->len });
	} else if (r == -ENOMEM) {
		fail_memory(rpc);
		r = -ECANCELED;
	}
	weft_buffer_fini(take_out);
	return r;
}

int weft_rpc_send_bytes(struct weft_rpc *rpc, struct weft_bytes message)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	int r;

	if (!rpc->compress)
		return send_frame(rpc, false, message);
	r = weft_compress(rpc->encoding, message, &out);
	if (r != 0)
		return send_compressed(rpc, r, &out);
	weft_buffer_fini(&out);
	return send_frame(rpc, false, message);
}

int weft_rpc_send(struct weft_rpc *rpc, const ProtobufCMessage *message)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	uint8_t *room;
	size_t size;
	int r;

	if (rpc->compress) {
		r = weft_message_compress(message, rpc->encoding, &out);
		return send_compressed(rpc, r, &out);
	}
	r = weft_message_size(message, &size);
	if (r < 0)
		return r;
	r = begin_message(rpc, false, size, &room);
	if (r < 0)
		return r;
	weft_message_pack(message, room + WEFT_FRAME_PREFIX);
	return end_message(rpc, room, size);
}

void weft_rpc_compress(struct weft_rpc *rpc, bool on)
{
	rpc->compress = on && rpc->encoding > WEFT_IDENTITY;
}

void weft_rpc_half_close(struct weft_rpc *rpc)
{
	if (is_over(rpc) || rpc->half_closed)
		return;
	rpc->half_closed = true;
	if (rpc->stream)
		weft_h2_stream_end(rpc->stream, NULL, 0);
}

bool weft_rpc_writable(const struct weft_rpc *rpc)
{
	if (is_over(rpc) || rpc->half_closed)
		return false;
	if (rpc->stream)
		return weft_h2_stream_writable(rpc->stream);
	return rpc->replay.len < WEFT_H2_LOW_WATER;
}

void weft_rpc_tell_writable(struct weft_rpc *rpc)
{
	if (!rpc->was_full || !weft_rpc_writable(rpc))
		return;
	rpc->was_full = false;
	if (rpc->sink->writable)
		rpc->sink->writable(rpc);
}
