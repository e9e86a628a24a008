/*
 * What lets a peer send: the windows of streams, and the budget that large messages share.
 *
 * A window is opened as the stream's owner consumes. A message larger than that would never come
 * whole, so its owner says how much it still expects. A small message is let in at once. A large
 * one first has its length reserved from the budget of the connection; those that find no room wait
 * in a line, so that none is passed over, and one that is larger than the whole budget has it to
 * itself. The room is free again when the message is complete and its owner begins to consume it,
 * or when the stream has ended.
 *
 * While others wait, a message has only so long to come (session_sweep). One that is complete and
 * not consumed waits for its owner, whom we trust.
 */
#include "h2/session_inside.h"

#define MOST_EXPECTED ((size_t)1 << 30) /* of the 2 GiB that a window can be */
#define SMALL_MESSAGE ((size_t)64 << 10)
#define PADDING_ROOM  ((int64_t)16 << 10)
#define PACE          ((uint64_t)1 << 20) /* bytes that earn a message its timeout once more */

static int64_t granted_to(const struct weft_h2_stream *stream)
{
	nghttp2_session *nghttp2 = stream->session->nghttp2;

	return nghttp2_session_get_stream_effective_local_window_size(nghttp2, stream->id) -
	       nghttp2_session_get_stream_effective_recv_data_length(nghttp2, stream->id);
}

/*
 * The peer may send what the usual window leaves beside the bytes that the owner still has, or what
 * the owner expects when that is more. A window is opened by half of it or more at a time, and at
 * once for what is expected: nobody would consume anything before it is there.
 */
void session_open_window(struct weft_h2_stream *stream)
{
	struct session *session = stream->session;
	nghttp2_session *nghttp2 = session->nghttp2;
	int64_t window = session->stream_window;
	int64_t wanted = window - (int64_t)stream->unconsumed;
	int64_t expected = (int64_t)stream->expected;
	int64_t granted;

	if (stream->life != STREAM_LIVE || stream->remote_ended)
		return;
	granted = granted_to(stream);
	if (expected && stream->padded)
		expected += PADDING_ROOM;
	if (wanted - granted < window / 2)
		wanted = granted;
	if (wanted < expected)
		wanted = expected;
	if (wanted <= granted)
		return;
	nghttp2_submit_window_update(nghttp2, NGHTTP2_FLAG_NONE, stream->id,
				     (int32_t)(wanted - granted));
	session->events->on_output(session->data);
}

/* What is expected needs room for its padding too. nghttp2 gives the window back for padding once
 * that is half of it, and a message that fills more than the other half would never come whole. */
void session_open_for_padding(struct weft_h2_stream *stream)
{
	stream->padded = true;
	if (stream->expected && granted_to(stream) < PADDING_ROOM)
		session_open_window(stream);
}

/* --- The budget --------------------------------------------------------------------------- */

static bool fits(const struct session *session, size_t len)
{
	return !session->reserved || (len <= session->message_budget &&
				      session->reserved <= session->message_budget - len);
}

static void reserve(struct weft_h2_stream *stream)
{
	weft_list_remove(&stream->waiting);
	stream->reserved = stream->wanted;
	stream->session->reserved += stream->reserved;
	if (stream->reserved > stream->unconsumed)
		stream->expected = stream->reserved - stream->unconsumed;
	stream->late_since = 0;
	session_open_window(stream);
}

static void serve_waiting(struct session *session)
{
	struct weft_h2_stream *stream;

	while (!session->ended && session_starved(session)) {
		stream = weft_list_entry(session->waiting.next, struct weft_h2_stream, waiting);
		if (!fits(session, stream->wanted))
			return;
		reserve(stream);
	}
}

void session_release(struct weft_h2_stream *stream)
{
	weft_list_remove(&stream->waiting);
	if (!stream->reserved)
		return;
	stream->session->reserved -= stream->reserved;
	stream->reserved = 0;
	serve_waiting(stream->session);
}

static void wait_for_room(struct weft_h2_stream *stream, size_t len)
{
	struct session *session = stream->session;

	stream->wanted = stream->unconsumed + len;
	if (weft_list_empty(&stream->waiting))
		weft_list_append(&session->waiting, &stream->waiting);
	serve_waiting(session);
	session->events->on_output(session->data); /* somebody has to watch those that have it */
}

bool session_starved(const struct session *session)
{
	return !weft_list_empty(&session->waiting);
}

size_t session_reserved(const struct session *session)
{
	return session->reserved;
}

void session_sweep_message(struct weft_h2_stream *stream, uint64_t now, uint64_t timeout_ns)
{
	if (stream->life != STREAM_LIVE || !stream->reserved || !stream->expected)
		return;
	if (!session_starved(stream->session))
		stream->late_since = 0;
	else if (!stream->late_since)
		stream->late_since = now;
	else if (now - stream->late_since >= timeout_ns + timeout_ns / PACE * stream->reserved)
		weft_h2_stream_reset(stream, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* --- The owner's side --------------------------------------------------------------------- */

void weft_h2_stream_consume(struct weft_h2_stream *stream, size_t len)
{
	stream->unconsumed -= len < stream->unconsumed ? len : stream->unconsumed;
	if (stream->reserved && !stream->expected)
		session_release(stream);
	session_open_window(stream);
}

void weft_h2_stream_expect(struct weft_h2_stream *stream, size_t len)
{
	size_t small = stream->session->stream_window > SMALL_MESSAGE
			       ? stream->session->stream_window
			       : SMALL_MESSAGE;

	if (!len) {
		stream->expected = 0;
		session_release(stream);
		return;
	}
	if (stream->life != STREAM_LIVE || stream->remote_ended)
		return;
	len = len < MOST_EXPECTED ? len : MOST_EXPECTED;
	if (!stream->reserved && stream->unconsumed + len > small) {
		wait_for_room(stream, len);
		return;
	}
	stream->expected = len;
	session_open_window(stream);
}
