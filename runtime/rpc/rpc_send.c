/*
 * Sending. Bytes go to the streams of all open attempts, and into `replay` for as long as another
 * attempt may have to send them: until the call is committed. While there is no stream, `replay` is
 * all there is, so it is the queue of a waiting call as well.
 */
#include "rpc/rpc.h"

#include <errno.h>
#include <string.h>

#include "io/identity.h"
#include "rpc/channel.h"
#include "rpc/codec.h"
#include "rpc/upstream.h"
#include "wire/compress.h"
#include "wire/metadata_wire.h"
#include "wire/timeout.h"

#define USER_AGENT "grpc-c-weft/0.1.0"
#define OWN_FIELDS 13 /* at most, before the user's metadata */

/* ---- headers ---- */

static size_t add(struct weft_h2_header *headers, size_t n, const char *name, const char *value)
{
	headers[n] = WEFT_H2_HEADER(name, value);
	return n + 1;
}

/* What no other call says: in HPACK's table it would only drive out what others do say. */
static size_t add_passing(struct weft_h2_header *headers, size_t n, const char *name,
			  const char *value)
{
	n = add(headers, n, name, value);
	headers[n - 1].passing = true;
	return n;
}

static size_t own_headers(const struct weft_attempt *attempt, struct weft_h2_header *headers)
{
	struct weft_rpc *rpc = attempt->rpc;
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
		n = add_passing(headers, n, "grpc-timeout", text);
	}
	if (attempt->previous) {
		char *text = weft_arena_printf(rpc->arena, "%u", attempt->previous);

		n = add(headers, n, "grpc-previous-rpc-attempts", text);
	}
	headers[n++] = WEFT_H2_CONSTANT("grpc-accept-encoding", WEFT_ENCODINGS_ACCEPTED);
	if (rpc->encoding > WEFT_IDENTITY)
		n = add(headers, n, "grpc-encoding", weft_encoding_name(rpc->encoding));
	if (rpc->traced && !weft_metadata_find(&rpc->metadata, "traceparent")) {
		char *text = weft_arena_alloc(rpc->arena, 56);

		weft_trace_format(&rpc->trace, text);
		n = add_passing(headers, n, "traceparent", text);
	}
	return n;
}

static int open_stream(struct weft_attempt *attempt, struct weft_h2 *h2)
{
	struct weft_rpc *rpc = attempt->rpc;
	size_t room = OWN_FIELDS + rpc->metadata.n, n;
	struct weft_h2_header *headers;
	int r;

	headers = weft_arena_alloc(rpc->arena, room * sizeof(*headers));
	if (!headers)
		return -ENOMEM;
	n = own_headers(attempt, headers);
	r = weft_metadata_to_wire(&rpc->metadata, rpc->arena, headers + n);
	if (r < 0)
		return r;
	attempt->stream = weft_h2_request(h2, headers, n + rpc->metadata.n, false,
					  &weft_rpc_stream_events, attempt);
	if (!attempt->stream)
		return -ENOMEM;
	rpc->streams++;
	return 0;
}

/* ---- the request's bytes ---- */

static void fail_memory(struct weft_rpc *rpc)
{
	weft_rpc_end(rpc, WEFT_RESOURCE_EXHAUSTED, "out of memory for the request");
}

void weft_rpc_forget_sent(struct weft_rpc *rpc)
{
	weft_channel_upstream(rpc->channel)->kept -= rpc->replay.len;
	weft_buffer_fini(&rpc->replay);
}

/* An attempt that a later one has overtaken counts against its server: one that is frozen fails no
 * hedged call, so nothing else would tell of it. */
void weft_rpc_commit(struct weft_rpc *rpc, struct weft_attempt *attempt)
{
	if (rpc->committed)
		return;
	rpc->committed = true;
	rpc->attempt = attempt;
	weft_rpc_forget_sent(rpc);
	if (!rpc->retry)
		return;
	for (struct weft_attempt *other = rpc->attempts; other; other = other->next)
		if (other != attempt)
			weft_attempt_stop(other, other->previous < attempt->previous
							 ? WEFT_CALL_FAILED
							 : WEFT_CALL_UNCOUNTED);
	weft_retry_end(rpc);
}

/* To the eldest attempt that has a stream: it is the furthest. */
static void commit_when_large(struct weft_rpc *rpc)
{
	const struct weft_upstream *upstream = weft_channel_upstream(rpc->channel);
	struct weft_attempt *eldest = NULL;

	if (rpc->replay.len <= upstream->max_kept_call && upstream->kept <= upstream->max_kept)
		return;
	for (struct weft_attempt *attempt = rpc->attempts; attempt; attempt = attempt->next)
		if (attempt->state == WEFT_ATTEMPT_OPEN && attempt->stream)
			eldest = attempt;
	if (eldest)
		weft_rpc_commit(rpc, eldest);
}

void weft_attempt_open(struct weft_attempt *attempt, struct weft_h2 *h2, const char *address)
{
	struct weft_rpc *rpc = attempt->rpc;
	int r;

	if (!weft_rpc_may_send(rpc, h2)) {
		weft_rpc_end(rpc, WEFT_UNAUTHENTICATED,
			     "credentials are sent over TLS or a Unix socket, not over TCP to %s",
			     address);
		return;
	}
	attempt->peer = weft_arena_strdup(rpc->arena, address);
	weft_identity_unref(attempt->identity); /* of the peer that has refused it */
	attempt->identity = weft_identity_ref(weft_transport_identity(weft_h2_transport(h2)));
	r = open_stream(attempt, h2);
	if (r == 0 && rpc->replay.len)
		r = weft_h2_stream_write(attempt->stream, rpc->replay.data, rpc->replay.len);
	if (r < 0) {
		fail_memory(rpc);
		return;
	}
	weft_h2_stream_count_sent(attempt->stream, rpc->messages_sent); /* that were waiting */
	attempt->state = WEFT_ATTEMPT_OPEN;
	if (weft_channel_upstream(rpc->channel)->adapts)
		attempt->opened = weft_now();
	rpc->state = WEFT_RPC_OPEN;
	if (rpc->half_closed)
		weft_h2_stream_end(attempt->stream, NULL, 0);
	commit_when_large(rpc);
	if (rpc->sink->writable)
		weft_rpc_queue_task(rpc);
}

/* Room for `len` bytes that are sent once they are filled and sent() is called. */
static int reserve(struct weft_rpc *rpc, size_t len, uint8_t **ret_room)
{
	if (!rpc->committed)
		return weft_buffer_reserve(&rpc->replay, len, ret_room);
	*ret_room = weft_h2_stream_reserve(rpc->attempt->stream, len);
	return *ret_room ? 0 : -ENOMEM;
}

static int sent(struct weft_rpc *rpc, const uint8_t *room, size_t len)
{
	rpc->messages_sent++;
	rpc->bytes_sent += len - WEFT_FRAME_PREFIX;
	if (!rpc->committed) {
		rpc->replay.len += len;
		weft_channel_upstream(rpc->channel)->kept += len;
		for (struct weft_attempt *to = rpc->attempts; to; to = to->next) {
			if (to->state != WEFT_ATTEMPT_OPEN || !to->stream)
				continue;
			if (weft_h2_stream_write(to->stream, room, len) < 0)
				return -ENOMEM;
			weft_h2_stream_count_sent(to->stream, 1);
		}
		commit_when_large(rpc);
	} else {
		weft_h2_stream_count_sent(rpc->attempt->stream, 1);
	}
	if (!weft_rpc_writable(rpc))
		rpc->was_full = true;
	return 0;
}

/* The call is over, or only the user does not know yet: its last messages are held. */
static bool is_over(const struct weft_rpc *rpc)
{
	return rpc->state == WEFT_RPC_ENDED || (rpc->committed && !rpc->attempt->stream);
}

/* A message cannot be sent after the end, nor after the half-close. */
static int begin_message(struct weft_rpc *rpc, bool compressed, size_t len, uint8_t **ret_room)
{
	int r;

	if (is_over(rpc))
		return -ECANCELED;
	if (rpc->half_closed)
		return -EPIPE;
	if (len > rpc->max_request)
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
	for (struct weft_attempt *to = rpc->attempts; to; to = to->next)
		if (to->state == WEFT_ATTEMPT_OPEN && to->stream)
			weft_h2_stream_end(to->stream, NULL, 0);
}

bool weft_rpc_writable(const struct weft_rpc *rpc)
{
	if (is_over(rpc) || rpc->half_closed)
		return false;
	if (rpc->attempt->stream && rpc->attempt->state == WEFT_ATTEMPT_OPEN)
		return weft_h2_stream_writable(rpc->attempt->stream);
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
