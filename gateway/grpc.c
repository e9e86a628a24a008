#include "grpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weft/buffer.h>
#include <weft/channel.h>
#include <weft/grpc.h>

#include "call_options.h"
#include "errors.h"
#include "exchange.h"
#include "grpc_web.h"
#include "upstream.h"

#define FRAME_HEADER 5
/* A request's bytes that wait because the backend is slow: beyond it, the client waits too. */
#define MAX_PENDING  ((size_t)65536)

struct grpc {
	struct exchange *exchange;
	struct weft_rpc *rpc;  /* NULL: not started, or ended */
	struct weft_buffer in; /* frames, the first at its beginning */
	enum grpc_dialect dialect;
	struct grpc_web_decoder decoder; /* of the request, where it is text */
	struct weft_buffer out, text;    /* a frame of the reply, and its base64 */
	bool body_ended;
	bool half_closed;
	bool held; /* the reply waits for the client */
};

/* gRPC itself needs HTTP/2's trailers; gRPC-Web does not. */
bool grpc_is_call(const struct exchange *exchange)
{
	const char *given = exchange_header(exchange, "content-type");
	enum grpc_dialect dialect;

	return given && grpc_dialect_of(given, &dialect) &&
	       (dialect != GRPC_PLAIN || strcmp(exchange->protocol, "HTTP/2") == 0);
}

static void grpc_fini(void *data)
{
	struct grpc *grpc = data;

	weft_buffer_fini(&grpc->in);
	weft_buffer_fini(&grpc->out);
	weft_buffer_fini(&grpc->text);
}

static void cancel_rpc(struct grpc *grpc)
{
	if (grpc->rpc)
		weft_rpc_cancel(grpc->rpc);
}

/* The reply. */

static void begin_reply(struct grpc *grpc, const struct weft_metadata *metadata)
{
	struct exchange *exchange = grpc->exchange;
	struct weft_h2_header *fields;

	if (exchange->state != EXCHANGE_OPEN)
		return;
	fields = weft_arena_new_array(exchange->arena, struct weft_h2_header, metadata->n + 1);
	if (fields && weft_metadata_to_wire(metadata, exchange->arena, fields) == 0) {
		for (size_t i = 0; i < metadata->n; i++)
			exchange_add_header(exchange, fields[i].name, fields[i].value);
	}
	exchange_respond(exchange, 200, grpc_content_type(grpc->dialect), EXCHANGE_NO_LENGTH);
}

/* What stands in `out`, as the dialect has it. */
static int write_out(struct grpc *grpc)
{
	struct weft_buffer *out = &grpc->out;
	int r = 0;

	if (grpc->dialect == GRPC_WEB_TEXT) {
		weft_buffer_clear(&grpc->text);
		r = grpc_web_encode(grpc->out.data, grpc->out.len, &grpc->text);
		out = &grpc->text;
	}
	if (r >= 0)
		exchange_write(grpc->exchange, out->data, out->len);
	return r;
}

static void write_trailers(struct grpc *grpc, const struct weft_h2_header *fields, size_t n)
{
	weft_buffer_clear(&grpc->out);
	if (grpc_web_trailers(fields, n, &grpc->out) < 0 || write_out(grpc) < 0)
		exchange_abort(grpc->exchange);
	else
		exchange_end(grpc->exchange, NULL, 0);
}

static void end_reply(struct grpc *grpc, const struct weft_status *status,
		      const struct weft_metadata *trailers)
{
	static const struct weft_metadata none = WEFT_METADATA_INIT;
	struct exchange *exchange = grpc->exchange;
	struct weft_h2_header *fields;
	int n;

	exchange->code = status->code;
	begin_reply(grpc, &none);
	fields = weft_arena_new_array(exchange->arena, struct weft_h2_header,
				      WEFT_TRAILER_FIELDS + trailers->n);
	n = fields ? weft_trailer_write(status, exchange->arena, fields) : -ENOMEM;
	if (n < 0) {
		exchange_abort(exchange);
		return;
	}
	if (weft_metadata_to_wire(trailers, exchange->arena, fields + n) == 0)
		n += (int)trailers->n;
	if (grpc->dialect == GRPC_PLAIN)
		exchange_end(exchange, fields, (size_t)n);
	else
		write_trailers(grpc, fields, (size_t)n);
}

static void fail(struct grpc *grpc, enum weft_code code, const char *message)
{
	static const struct weft_metadata none = WEFT_METADATA_INIT;
	struct weft_status status;

	weft_status_init(&status, grpc->exchange->arena, code, "%s", message);
	end_reply(grpc, &status, &none);
}

static void on_rpc_headers(struct weft_rpc *rpc, void *data)
{
	struct grpc *grpc = data;

	if (!exchange_ended(grpc->exchange))
		begin_reply(grpc, weft_rpc_headers(rpc));
}

static int write_message(struct grpc *grpc, struct weft_bytes message)
{
	const uint8_t header[FRAME_HEADER] = {
		0,
		(uint8_t)(message.len >> 24),
		(uint8_t)(message.len >> 16),
		(uint8_t)(message.len >> 8),
		(uint8_t)message.len,
	};
	int r;

	if (grpc->dialect != GRPC_WEB_TEXT) {
		exchange_write(grpc->exchange, header, sizeof(header));
		exchange_write(grpc->exchange, message.data, message.len);
		return 0;
	}
	weft_buffer_clear(&grpc->out);
	r = weft_buffer_append(&grpc->out, header, sizeof(header));
	if (r >= 0)
		r = weft_buffer_append(&grpc->out, message.data, message.len);
	return r < 0 ? r : write_out(grpc);
}

static void on_rpc_message(struct weft_rpc *rpc, struct weft_bytes message, void *data)
{
	struct grpc *grpc = data;

	if (exchange_ended(grpc->exchange))
		return;
	begin_reply(grpc, weft_rpc_headers(rpc));
	if (write_message(grpc, message) < 0) {
		exchange_abort(grpc->exchange);
		cancel_rpc(grpc);
		return;
	}
	if (!grpc->held && exchange_blocked(grpc->exchange)) {
		grpc->held = true;
		weft_rpc_hold(rpc);
	}
}

static void on_writable(struct exchange *exchange)
{
	struct grpc *grpc = exchange->handler_data;

	if (!grpc->held || !grpc->rpc)
		return;
	grpc->held = false;
	weft_rpc_resume(grpc->rpc);
}

static void on_rpc_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct grpc *grpc = data;
	struct exchange *exchange = grpc->exchange;

	grpc->rpc = NULL;
	if (!exchange_ended(exchange)) {
		struct weft_status outward = errors_outward(exchange, status);

		end_reply(grpc, &outward, weft_rpc_trailers(rpc));
	}
	exchange_end_work(exchange);
}

/* The request. */

static size_t frame_length(const uint8_t *at)
{
	return (size_t)at[1] << 24 | (size_t)at[2] << 16 | (size_t)at[3] << 8 | at[4];
}

static void refuse(struct grpc *grpc, enum weft_code code, const char *message)
{
	fail(grpc, code, message);
	cancel_rpc(grpc);
}

/* Sends the complete frames while the backend takes them; false: it has refused. */
static bool send_frames(struct grpc *grpc)
{
	size_t limit = grpc->exchange->view->site->config.max_body, at = 0;

	while (grpc->in.len - at >= FRAME_HEADER && weft_rpc_writable(grpc->rpc)) {
		const uint8_t *frame = grpc->in.data + at;
		size_t len = frame_length(frame);

		if (frame[0] != 0) {
			refuse(grpc, WEFT_UNIMPLEMENTED, "compressed messages are not taken here");
			return false;
		}
		if (len > limit) {
			refuse(grpc, WEFT_RESOURCE_EXHAUSTED, "a message is over the limit");
			return false;
		}
		if (grpc->in.len - at - FRAME_HEADER < len)
			break;
		(void)weft_rpc_send_bytes(grpc->rpc,
					  (struct weft_bytes) { frame + FRAME_HEADER, len });
		at += FRAME_HEADER + len;
	}
	weft_buffer_consume(&grpc->in, at);
	return true;
}

static void pump(struct grpc *grpc)
{
	bool writable;

	if (!grpc->rpc || grpc->half_closed || !send_frames(grpc))
		return;
	writable = weft_rpc_writable(grpc->rpc);
	if (grpc->body_ended && writable) {
		if (grpc->in.len > 0 || grpc->decoder.n > 0) {
			refuse(grpc, WEFT_INTERNAL, "the last message is cut off");
			return;
		}
		grpc->half_closed = true;
		weft_rpc_half_close(grpc->rpc);
	}
	exchange_hold(grpc->exchange, !writable && grpc->in.len > MAX_PENDING);
}

static void on_body(struct exchange *exchange, const uint8_t *bytes, size_t len)
{
	struct grpc *grpc = exchange->handler_data;
	int r;

	if (!grpc->rpc)
		return;
	if (grpc->dialect == GRPC_WEB_TEXT)
		r = grpc_web_decode(&grpc->decoder, bytes, len, &grpc->in);
	else
		r = weft_buffer_append(&grpc->in, bytes, len);
	if (r == -EINVAL)
		refuse(grpc, WEFT_INVALID_ARGUMENT, "the body is not base64");
	else if (r < 0)
		refuse(grpc, WEFT_RESOURCE_EXHAUSTED, "out of memory");
	else
		pump(grpc);
}

static void on_body_end(struct exchange *exchange)
{
	struct grpc *grpc = exchange->handler_data;

	grpc->body_ended = true;
	pump(grpc);
}

static void on_rpc_writable(struct weft_rpc *rpc, void *data)
{
	struct grpc *grpc = data;

	if (!exchange_ended(grpc->exchange))
		pump(grpc);
}

static void on_cancel(struct exchange *exchange)
{
	cancel_rpc(exchange->handler_data);
}

static const struct weft_rpc_bytes_events rpc_events = {
	.on_headers = on_rpc_headers,
	.on_message = on_rpc_message,
	.on_writable = on_rpc_writable,
	.on_end = on_rpc_end,
};

static const struct exchange_handler handler = {
	.on_body = on_body,
	.on_body_end = on_body_end,
	.on_writable = on_writable,
	.on_cancel = on_cancel,
};

/* What a browser or HTTP/1.1 says to the edge alone. */
static bool is_of_this_hop(const char *name)
{
	static const char *const names[] = { "accept-encoding", "expect", "origin", "x-grpc-web" };

	for (size_t i = 0; i < WEFT_COUNT(names); i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return strncmp(name, "sec-", 4) == 0 || strncmp(name, "access-control-", 15) == 0;
}

/* The user's part of the client's metadata, but the trace and the id go on as the edge has them. */
static int forward_metadata(const struct exchange *exchange, struct weft_metadata *metadata)
{
	char traceparent[56];

	weft_trace_format(&exchange->trace, traceparent);
	weft_metadata_add_string(metadata, exchange->arena, "traceparent", traceparent);
	weft_metadata_add_string(metadata, exchange->arena, "x-request-id", exchange->request_id);
	for (size_t i = 0; i < exchange->n_headers; i++) {
		const struct weft_h2_header *header = &exchange->headers[i];
		int r;

		if (is_of_this_hop(header->name))
			continue;
		if (weft_metadata_find(metadata, header->name) &&
		    (strcmp(header->name, "traceparent") == 0 ||
		     strcmp(header->name, "x-request-id") == 0))
			continue;
		r = weft_metadata_from_wire(header, 1, exchange->arena, metadata);
		if (r < 0)
			return r;
	}
	return 0;
}

/* "/catalog.v1.Catalog/GetProduct" */
static struct weft_channel *find_channel(const struct exchange *exchange)
{
	const char *slash = strchr(exchange->target + 1, '/');

	if (!slash)
		return NULL;
	return upstream_find(exchange->view->upstream, exchange->target + 1,
			     (size_t)(slash - exchange->target - 1));
}

static struct grpc *grpc_new(struct exchange *exchange)
{
	struct grpc *grpc = weft_arena_zalloc(exchange->arena, sizeof(*grpc));

	grpc->exchange = exchange;
	grpc_dialect_of(exchange_header(exchange, "content-type"), &grpc->dialect);
	weft_arena_defer(exchange->arena, grpc_fini, grpc);
	return grpc;
}

void grpc_start(struct exchange *exchange)
{
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	struct weft_call_options options = { .size = sizeof(options), .metadata = &metadata };
	struct weft_channel *channel = find_channel(exchange);
	const char *encoding = exchange_header(exchange, "grpc-encoding");
	struct grpc *grpc = grpc_new(exchange);
	const char *fault;

	exchange->rpc = exchange->target;
	if (strcmp(exchange->method, "POST") != 0 || !channel) {
		fail(grpc, WEFT_UNIMPLEMENTED, "no such service here");
	} else if (encoding && strcmp(encoding, "identity") != 0) {
		exchange_add_header(exchange, "grpc-accept-encoding", "identity");
		fail(grpc, WEFT_UNIMPLEMENTED, "compressed messages are not taken here");
	} else if (call_options_timeout(exchange, &options.timeout_ns, &fault) < 0) {
		fail(grpc, WEFT_INTERNAL, fault);
	} else if (forward_metadata(exchange, &metadata) < 0) {
		fail(grpc, WEFT_INTERNAL, "a metadata value that is none");
	} else {
		exchange_handle(exchange, &handler, grpc);
		exchange_begin_work(exchange);
		grpc->rpc =
			weft_rpc_start_raw(channel, exchange->target, &options, &rpc_events, grpc);
	}
}
