/*
 * See health_check.h. The stream is spoken by hand, because it belongs to one connection and to
 * nobody's call: a request of one field, responses of one field.
 *
 * When the stream ends it is begun again: at once if the server has said anything over it, else
 * with backoff. UNIMPLEMENTED ends it for good, and the server counts as well.
 */
#include "rpc/health_check.h"

#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>

#include "grpc/health/v1/health.pb-c.h"
#include "rpc/backoff.h"
#include "rpc/codec.h"
#include "wire/frame.h"
#include "wire/trailer.h"

#define RESPONSE_MAX ((size_t)1024)

struct weft_health_check {
	struct weft_loop *loop;
	struct weft_h2 *h2;
	struct weft_h2_stream *stream; /* until its on_close */
	const struct weft_health_check_options *options;
	weft_health_check_cb *cb; /* NULL: stopped */
	void *data;
	struct weft_deframer deframer;
	bool answered;      /* over this stream */
	enum weft_code end; /* of this stream, as the server said; UNKNOWN: not yet */
	struct weft_timer timer;
	struct weft_backoff backoff;
};

static void tell(struct weft_health_check *check, enum weft_connectivity health, const char *error)
{
	if (check->cb)
		check->cb(health, error, check->data);
}

/* ---- responses ---- */

static bool is_serving(const struct weft_frame *frame)
{
	struct weft_arena *arena = weft_arena_new();
	ProtobufCMessage *message;
	char error[256];
	bool serving = false;

	if (!frame->compressed &&
	    weft_message_unpack(&grpc__health__v1__health_check_response__descriptor,
				frame->message, 0, arena, error, &message) == 0)
		serving = ((Grpc__Health__V1__HealthCheckResponse *)message)->status ==
			  GRPC__HEALTH__V1__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING;
	weft_arena_free(arena);
	return serving;
}

static void take_response(struct weft_health_check *check, const struct weft_frame *frame)
{
	check->answered = true;
	weft_backoff_reset(&check->backoff);
	if (is_serving(frame))
		tell(check, WEFT_READY, "");
	else
		tell(check, WEFT_TRANSIENT_FAILURE, "it says that it is not serving");
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	struct weft_health_check *check = data;
	struct weft_frame frame;
	int r = 0;

	weft_h2_stream_consume(stream, len);
	weft_deframer_feed(&check->deframer, bytes, len);
	while (check->cb && (r = weft_deframer_next(&check->deframer, &frame)) > 0)
		take_response(check, &frame);
	if (r < 0)
		weft_h2_stream_reset(stream, WEFT_H2_CANCEL);
	if (r < 0 || !check->cb) {
		weft_deframer_fini(&check->deframer);
		weft_deframer_init(&check->deframer, RESPONSE_MAX);
	}
}

static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
	struct weft_health_check *check = data;
	struct weft_arena *arena = weft_arena_new();
	struct weft_status status;

	if (end && weft_trailer_read(headers, n, arena, &status) > 0)
		check->end = status.code;
	weft_arena_free(arena);
}

/* ---- the stream ---- */

static void check_free(struct weft_health_check *check)
{
	weft_deframer_fini(&check->deframer);
	free(check);
}

static void on_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused, void *data)
{
	struct weft_health_check *check = data;

	check->stream = NULL;
	if (!check->cb) {
		check_free(check);
	} else if (check->end == WEFT_UNIMPLEMENTED) {
		tell(check, WEFT_READY, "");
	} else {
		uint64_t delay = check->answered ? 0 : weft_backoff_next(&check->backoff);

		weft_timer_start(check->loop, &check->timer, delay);
		tell(check, WEFT_TRANSIENT_FAILURE, "its health cannot be watched");
	}
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	/* on_close follows */
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
	/* the request is small, and there is nothing behind it */
}

static const struct weft_h2_stream_events stream_events = {
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_close = on_close,
};

static void send_request(struct weft_health_check *check)
{
	Grpc__Health__V1__HealthCheckRequest request = GRPC__HEALTH__V1__HEALTH_CHECK_REQUEST__INIT;
	uint8_t *room;
	size_t size;

	request.service = (char *)check->options->service;
	size = grpc__health__v1__health_check_request__get_packed_size(&request);
	room = weft_h2_stream_reserve(check->stream, WEFT_FRAME_PREFIX + size);
	if (!room) {
		weft_h2_stream_reset(check->stream, WEFT_H2_INTERNAL_ERROR);
		return;
	}
	weft_frame_prefix(room, false, size);
	weft_message_pack(&request.base, room + WEFT_FRAME_PREFIX);
	weft_h2_stream_end(check->stream, NULL, 0);
}

/* With no room for a stream it is tried again later: calls go first. */
static void begin(struct weft_health_check *check)
{
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":method", "POST"),
		WEFT_H2_HEADER(":scheme", check->options->tls ? "https" : "http"),
		WEFT_H2_HEADER(":path", "/grpc.health.v1.Health/Watch"),
		WEFT_H2_HEADER(":authority", check->options->authority),
		WEFT_H2_HEADER("te", "trailers"),
		WEFT_H2_HEADER("content-type", "application/grpc"),
	};

	check->answered = false;
	check->end = WEFT_UNKNOWN;
	if (weft_h2_can_request(check->h2))
		check->stream = weft_h2_request(check->h2, headers, WEFT_COUNT(headers), false,
						&stream_events, check);
	if (check->stream)
		send_request(check);
	else
		weft_timer_start(check->loop, &check->timer, weft_backoff_next(&check->backoff));
}

static void on_again(struct weft_timer *timer, void *data)
{
	struct weft_health_check *check = data;

	weft_deframer_fini(&check->deframer);
	weft_deframer_init(&check->deframer, RESPONSE_MAX);
	begin(check);
}

struct weft_health_check *weft_health_check_new(struct weft_loop *loop, struct weft_h2 *h2,
						const struct weft_health_check_options *options,
						weft_health_check_cb *cb, void *data)
{
	struct weft_health_check *check = calloc(1, sizeof(*check));

	if (!check)
		abort();
	check->loop = loop;
	check->h2 = h2;
	check->options = options;
	check->cb = cb;
	check->data = data;
	check->backoff.base_ns = options->backoff_ns;
	check->backoff.max_ns = options->backoff_max_ns;
	weft_timer_init(&check->timer, on_again, check);
	weft_deframer_init(&check->deframer, RESPONSE_MAX);
	begin(check);
	return check;
}

void weft_health_check_stop(struct weft_health_check *check)
{
	if (!check)
		return;
	weft_timer_stop(check->loop, &check->timer);
	check->cb = NULL;
	if (check->stream)
		weft_h2_stream_reset(check->stream, WEFT_H2_CANCEL);
	else
		check_free(check);
}
