/*
 * What a call sends. A message is packed straight into its stream's queue; only one that is to be
 * compressed is made elsewhere first, because its length is not known before.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "rpc/call.h"
#include "rpc/codec.h"
#include "wire/compress.h"

/* Room for a message behind its prefix, in the stream's queue. */
static int reserve_message(struct weft_call *call, bool compressed, size_t len, uint8_t **ret_room)
{
	uint8_t *room;
	int r = call_check_live(call);

	if (r < 0)
		return r;
	if (len > UINT32_MAX)
		return -EMSGSIZE;
	if (!call->headers_sent) {
		r = call_send_headers(call, NULL);
		if (r < 0)
			return r;
	}
	room = weft_h2_stream_reserve(call->stream, WEFT_FRAME_PREFIX + len);
	if (!room)
		return -ENOMEM;
	weft_frame_prefix(room, compressed, len);
	weft_h2_stream_count_sent(call->stream, 1);
	call->sent.messages++;
	call->sent.bytes += len;
	*ret_room = room + WEFT_FRAME_PREFIX;
	return 0;
}

static int send_frame(struct weft_call *call, bool compressed, struct weft_bytes message)
{
	uint8_t *room;
	int r = reserve_message(call, compressed, message.len, &room);

	if (r < 0)
		return r;
	if (message.len)
		memcpy(room, message.data, message.len);
	return 0;
}

int weft_call_send_bytes(struct weft_call *call, struct weft_bytes message)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	int r;

	if (!call->compress)
		return send_frame(call, false, message);
	r = weft_compress(call->encoding, message, &out);
	if (r > 0)
		r = send_frame(call, true, (struct weft_bytes) { out.data, out.len });
	else if (r == 0)
		r = send_frame(call, false, message);
	weft_buffer_fini(&out);
	return r;
}

static int send_compressed(struct weft_call *call, const ProtobufCMessage *message)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	int r = weft_message_compress(message, call->encoding, &out);

	if (r >= 0)
		r = send_frame(call, r > 0, (struct weft_bytes) { out.data, out.len });
	weft_buffer_fini(&out);
	return r;
}

int weft_call_send(struct weft_call *call, const ProtobufCMessage *message)
{
	uint8_t *room;
	size_t len;
	int r;

	if (call->compress)
		return send_compressed(call, message);
	r = weft_message_size(message, &len);
	if (r >= 0)
		r = reserve_message(call, false, len, &room);
	if (r < 0)
		return r;
	weft_message_pack(message, room);
	return 0;
}

int weft_call_reply(struct weft_call *call, const ProtobufCMessage *message)
{
	int r = weft_call_send(call, message);

	return r < 0 ? r : weft_call_finish(call);
}

int weft_call_reply_bytes(struct weft_call *call, struct weft_bytes message)
{
	int r = weft_call_send_bytes(call, message);

	return r < 0 ? r : weft_call_finish(call);
}

/* --- Compression -------------------------------------------------------------------------- */

int weft_call_set_encoding(struct weft_call *call, enum weft_encoding encoding)
{
	assert(!call->headers_sent);
	if (encoding > WEFT_IDENTITY && !(call->accepted & 1u << encoding))
		return -EOPNOTSUPP;
	call->encoding = encoding;
	call->compress = encoding > WEFT_IDENTITY;
	return 0;
}

void weft_call_compress(struct weft_call *call, bool on)
{
	call->compress = on && call->encoding > WEFT_IDENTITY;
}

bool weft_call_was_compressed(const struct weft_call *call)
{
	return call->was_compressed;
}
