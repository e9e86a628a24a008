/*
 * The functions stand in the order in which they run: route, checks, body, call, reply.
 */
#include "rest.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <weft/channel.h>

#include "call_options.h"
#include "errors.h"
#include "exchange.h"
#include "transcode.h"
#include "upstream.h"
#include "violations.h"

/* A stream's JSON that waits because the backend is slow: beyond it, the client waits too. */
#define MAX_PENDING ((size_t)65536)

struct rest {
	struct exchange *exchange;
	struct route_match match;
	struct weft_channel *channel;
	struct weft_rpc *rpc; /* NULL: not started, or ended */
	uint64_t timeout_ns;  /* as the client said; 0: it did not */

	struct weft_buffer body;         /* of a request with one message */
	struct transcode_reader *reader; /* of a request that streams */
	bool body_ended;
	struct weft_timer
		answer_timer; /* for a stream that has been sent and has no deadline of its own */

	struct weft_buffer message; /* of the request's stream, being sent */
	struct weft_buffer reply;   /* the reply as JSON, or a line of it */
	const char *content_type;   /* of a raw reply, once it is known */
	bool replied;
	bool broken; /* the reply made no sense */
	bool held;   /* the reply waits for the client */
};

static const struct site *site_of(const struct rest *rest)
{
	return rest->exchange->view->site;
}

static bool streams_in(const struct rest *rest)
{
	enum weft_kind kind = rest->match.binding->method->kind;

	return kind == WEFT_CLIENT_STREAM || kind == WEFT_BIDIRECTIONAL;
}

static bool streams_out(const struct rest *rest)
{
	enum weft_kind kind = rest->match.binding->method->kind;

	return kind == WEFT_SERVER_STREAM || kind == WEFT_BIDIRECTIONAL;
}

static void rest_fini(void *data)
{
	struct rest *rest = data;

	weft_timer_stop(weft_worker_loop(rest->exchange->worker->worker), &rest->answer_timer);
	transcode_reader_free(rest->reader);
	weft_buffer_fini(&rest->body);
	weft_buffer_fini(&rest->message);
	weft_buffer_fini(&rest->reply);
}

/* Ours: the client hears no more than that, the log says why. */
static void fail_inside(struct rest *rest, int r, const char *what)
{
	weft_log(WEFT_LOG_ERROR, &rest->exchange->trace, what, WEFT_STR("rpc", rest->exchange->rpc),
		 WEFT_ERRNO(r));
	errors_refuse(rest->exchange, r == -ENOMEM ? 503 : 500, "%s",
		      r == -ENOMEM ? "out of memory" : "internal error");
}

/* Route. */

/* What the table allows, and what follows from it. */
static const char *allow_of(struct exchange *exchange, const char *allow)
{
	bool get = strstr(allow, "GET") != NULL;

	return weft_arena_printf(exchange->arena, "%s%s, OPTIONS", allow, get ? ", HEAD" : "");
}

static bool find_route(struct exchange *exchange, struct route_match *ret_match)
{
	const struct route_table *routes = exchange->view->site->routes;
	char allow[ROUTE_ALLOW_MAX] = "";
	enum route_result result;

	result = route_lookup(routes, exchange->method, exchange->path, exchange->path_len,
			      ret_match, allow);
	if (result == ROUTE_METHOD_NOT_ALLOWED && exchange->head_only)
		result = route_lookup(routes, "GET", exchange->path, exchange->path_len, ret_match,
				      allow);
	switch (result) {
	case ROUTE_FOUND: return true;
	case ROUTE_NOT_FOUND:
		errors_refuse(exchange, 404, "nothing is served at %.*s",
			      (int)(exchange->path_len < 256 ? exchange->path_len : 256),
			      exchange->path);
		return false;
	case ROUTE_METHOD_NOT_ALLOWED: break;
	}

	exchange_add_header(exchange, "allow", allow_of(exchange, allow));
	if (strcmp(exchange->method, "OPTIONS") == 0)
		exchange_answer(exchange, 204, NULL, NULL, 0);
	else
		errors_refuse(exchange, 405, "%.32s is not served here, but %s is",
			      exchange->method, allow);
	return false;
}

/* Checks of the head. Each returns whether to go on; where not, it has answered. */

static bool is_media_type(const char *value, const char *type)
{
	size_t len = strlen(type);

	return strncasecmp(value, type, len) == 0 &&
	       (value[len] == '\0' || value[len] == ';' || value[len] == ' ');
}

static bool check_content_type(struct rest *rest)
{
	static const char *const types[] = { "application/json", "application/x-ndjson",
					     "application/ndjson", "application/jsonl" };
	const char *given = exchange_header(rest->exchange, "content-type");
	size_t n = streams_in(rest) ? WEFT_COUNT(types) : 1;

	if (!rest->exchange->body_open || rest->match.binding->body_raw)
		return true;
	for (size_t i = 0; given && i < n; i++) {
		if (is_media_type(given, types[i]))
			return true;
	}
	errors_refuse(rest->exchange, 415, "the body's content-type is %.100s, not %s",
		      given ? given : "missing", streams_in(rest) ? types[1] : types[0]);
	return false;
}

static void refuse_length(struct rest *rest)
{
	errors_refuse(rest->exchange, 413, "the body is longer than %llu bytes",
		      (unsigned long long)site_of(rest)->config.max_body);
}

static bool check_content_length(struct rest *rest)
{
	const char *text = exchange_header(rest->exchange, "content-length");

	if (!text || streams_in(rest) || strtoull(text, NULL, 10) <= site_of(rest)->config.max_body)
		return true;
	refuse_length(rest);
	return false;
}

static bool check_timeout(struct rest *rest)
{
	const char *fault;

	if (call_options_timeout(rest->exchange, &rest->timeout_ns, &fault) == 0)
		return true;
	errors_refuse(rest->exchange, 400, "%s", fault);
	return false;
}

static bool check_backend(struct rest *rest)
{
	const char *service = rest->match.binding->service->full_name;

	rest->channel = upstream_find(rest->exchange->view->upstream, service, strlen(service));
	if (rest->channel)
		return true;
	errors_refuse(rest->exchange, 503, "no backend is configured for %s", service);
	return false;
}

/* A stream's framing is what the client asks for: events where it says so, as a browser's
 * EventSource does; else a line for each message. Bytes of the backend's own have none. */
static void choose_framing(struct rest *rest)
{
	const char *accepted = exchange_header(rest->exchange, "accept");

	if (rest->match.binding->response_raw)
		rest->exchange->framing = EXCHANGE_BYTES;
	else if (streams_out(rest) && accepted && strstr(accepted, "text/event-stream"))
		rest->exchange->framing = EXCHANGE_EVENTS;
}

static void start_stream(struct rest *rest);
static const struct exchange_handler handler;

void rest_start(struct exchange *exchange)
{
	struct route_match match;
	struct rest *rest;

	if (!find_route(exchange, &match))
		return;
	rest = weft_arena_zalloc(exchange->arena, sizeof(*rest));
	rest->exchange = exchange;
	rest->match = match;
	rest->body.limit = exchange->view->site->config.max_body;
	weft_arena_defer(exchange->arena, rest_fini, rest);
	exchange->rpc = match.binding->method->path;

	if (!check_content_type(rest) || !check_content_length(rest) || !check_timeout(rest) ||
	    !check_backend(rest))
		return;
	choose_framing(rest);
	exchange_handle(exchange, &handler, rest);
	if (streams_in(rest))
		start_stream(rest);
	else
		exchange_want_body(exchange);
}

/* The call. */

static const struct weft_rpc_bytes_events rpc_events;

static struct transcode_input input_of(const struct rest *rest)
{
	const struct exchange *exchange = rest->exchange;
	bool events = exchange->framing == EXCHANGE_EVENTS;

	return (struct transcode_input) {
		.schema = site_of(rest)->schema,
		.match = &rest->match,
		.query = exchange->query,
		.query_len = strlen(exchange->query),
		.content_type = exchange_header(exchange, "content-type"),
		.last_event_id = events ? exchange_header(exchange, "last-event-id") : NULL,
	};
}

static void start_rpc(struct rest *rest)
{
	struct exchange *exchange = rest->exchange;
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	struct weft_call_options options = { .size = sizeof(options), .metadata = &metadata };
	uint64_t spent = weft_now() - exchange->started;

	/* A client's deadline counts from the request's first byte; the default is for the call
	 * alone, and a stream has none: it may be meant to live. */
	if (rest->timeout_ns > 0)
		options.timeout_ns = rest->timeout_ns > spent ? rest->timeout_ns - spent : 1;
	else if (rest->match.binding->method->kind == WEFT_UNARY)
		options.timeout_ns = site_of(rest)->config.call_timeout_ns;

	call_options_metadata(exchange, &metadata);
	exchange_begin_work(exchange);
	rest->rpc = weft_rpc_start_raw(rest->channel, exchange->rpc, &options, &rpc_events, rest);
}

static void cancel_rpc(struct rest *rest)
{
	if (rest->rpc)
		weft_rpc_cancel(rest->rpc);
}

static void refuse_transcode(struct rest *rest, const struct transcode_error *error)
{
	struct weft_status status;

	transcode_error_status(error, rest->exchange->arena, &status);
	errors_answer(rest->exchange, &status);
}

/* A request with one message. */

static void send_single(struct rest *rest)
{
	const struct transcode_input input = input_of(rest);
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct transcode_error error;
	int r;

	r = transcode_request(&input, (const char *)rest->body.data, rest->body.len, &wire, &error);
	if (r == 0) {
		start_rpc(rest);
		r = weft_rpc_send_bytes(rest->rpc, (struct weft_bytes) { wire.data, wire.len });
		if (r == -ECANCELED)
			r = 0; /* it has failed already, and on_rpc_end will say why */
		weft_rpc_half_close(rest->rpc);
	}
	weft_buffer_fini(&wire);
	weft_buffer_fini(&rest->body);
	if (r == TRANSCODE_REFUSED) {
		refuse_transcode(rest, &error);
	} else if (r < 0) {
		fail_inside(rest, r, "a request could not be sent");
		cancel_rpc(rest);
	}
}

/* A request that streams. */

static void on_answer_timeout(struct weft_timer *timer, void *data)
{
	struct rest *rest = data;

	errors_refuse(rest->exchange, 504, "the backend did not answer in time");
	cancel_rpc(rest);
}

static void end_stream(struct rest *rest)
{
	rest->body_ended = true;
	weft_rpc_half_close(rest->rpc);
	if (rest->timeout_ns == 0 && !streams_out(rest))
		weft_timer_start(weft_worker_loop(rest->exchange->worker->worker),
				 &rest->answer_timer, site_of(rest)->config.call_timeout_ns);
}

/* Sends what is complete while the backend takes it. */
static void pump(struct rest *rest)
{
	struct transcode_error error;
	int r = TRANSCODE_MESSAGE;

	while (r == TRANSCODE_MESSAGE && rest->rpc && !rest->body_ended &&
	       weft_rpc_writable(rest->rpc)) {
		weft_buffer_clear(&rest->message);
		r = transcode_reader_next(rest->reader, &rest->message, &error);
		if (r == TRANSCODE_MESSAGE)
			(void)weft_rpc_send_bytes(
				rest->rpc,
				(struct weft_bytes) { rest->message.data, rest->message.len });
		else if (r == TRANSCODE_END)
			end_stream(rest);
	}
	if (r == TRANSCODE_REFUSED || r < 0) {
		if (r < 0)
			fail_inside(rest, r, "a streamed request could not be sent");
		else
			refuse_transcode(rest, &error);
		cancel_rpc(rest);
		return;
	}
	exchange_hold(rest->exchange, transcode_reader_pending(rest->reader) > MAX_PENDING &&
					      rest->rpc && !weft_rpc_writable(rest->rpc));
}

static void start_stream(struct rest *rest)
{
	const struct transcode_input input = input_of(rest);
	struct exchange *exchange = rest->exchange;
	struct transcode_error error;
	int r;

	weft_timer_init(&rest->answer_timer, on_answer_timeout, rest);
	r = transcode_reader_new(&input, site_of(rest)->config.max_body, &rest->reader, &error);
	if (r == TRANSCODE_REFUSED) {
		refuse_transcode(rest, &error);
	} else if (r < 0) {
		fail_inside(rest, r, "a streamed request could not be read");
	} else {
		start_rpc(rest);
		exchange_want_body(exchange);
	}
}

/* The body, of either kind. */

static void on_body(struct exchange *exchange, const uint8_t *bytes, size_t len)
{
	struct rest *rest = exchange->handler_data;
	int r;

	if (rest->reader)
		r = transcode_reader_feed(rest->reader, bytes, len);
	else
		r = weft_buffer_append(&rest->body, bytes, len);
	if (r == -EMSGSIZE) {
		refuse_length(rest);
	} else if (r < 0) {
		fail_inside(rest, r, "a request's body could not be kept");
		cancel_rpc(rest);
	} else if (rest->reader) {
		pump(rest);
	}
}

static void on_body_end(struct exchange *exchange)
{
	struct rest *rest = exchange->handler_data;

	if (!rest->reader) {
		send_single(rest);
		return;
	}
	transcode_reader_end(rest->reader);
	pump(rest);
}

static void on_rpc_writable(struct weft_rpc *rpc, void *data)
{
	struct rest *rest = data;

	if (rest->reader && !exchange_ended(rest->exchange))
		pump(rest);
}

/* The reply. */

/* The answer to HEAD is complete with its head: no stream is read for it. */
static void begin_reply_stream(struct rest *rest, const char *content_type)
{
	struct exchange *exchange = rest->exchange;

	if (exchange->framing == EXCHANGE_EVENTS && exchange->state == EXCHANGE_OPEN)
		exchange_add_header(exchange, "cache-control", "no-store");
	exchange_respond(exchange, 200, content_type, EXCHANGE_NO_LENGTH);
	if (exchange_ended(exchange))
		cancel_rpc(rest);
}

static const char *stream_type(const struct rest *rest)
{
	return rest->exchange->framing == EXCHANGE_EVENTS ? "text/event-stream"
							  : "application/x-ndjson";
}

/* What is raw says its type with its first message. */
static void on_rpc_headers(struct weft_rpc *rpc, void *data)
{
	struct rest *rest = data;

	if (streams_out(rest) && !rest->match.binding->response_raw &&
	    !exchange_ended(rest->exchange))
		begin_reply_stream(rest, stream_type(rest));
}

static void break_reply(struct rest *rest, int r)
{
	rest->broken = true;
	fail_inside(rest, r, "a backend's reply does not fit its contract");
	cancel_rpc(rest);
}

/* A message as the client gets it, into `reply`. */
static int frame_message(struct rest *rest, struct weft_bytes message)
{
	const struct route_binding *binding = rest->match.binding;
	struct weft_buffer *reply = &rest->reply;
	bool events = rest->exchange->framing == EXCHANGE_EVENTS;
	char id[64];
	int r = 0;

	weft_buffer_clear(reply);
	if (events && transcode_sequence(binding, message, id))
		r = weft_buffer_printf(reply, "id: %s\n", id);
	if (events && r >= 0)
		r = weft_buffer_append_string(reply, "data: ");
	if (r >= 0)
		r = transcode_response(site_of(rest)->schema, binding, message, reply);
	if (r >= 0 && streams_out(rest))
		r = weft_buffer_append_string(reply, events ? "\n\n" : "\n");
	return r;
}

/* What a backend says may be anything. */
static bool is_header_value(struct weft_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if (text.data[i] < ' ' || text.data[i] > '~')
			return false;
	return text.len > 0 && text.len < 256;
}

/* The bytes of a google.api.HttpBody, into `reply`; its first type is the response's. */
static int take_raw(struct rest *rest, struct weft_bytes message)
{
	struct weft_bytes type, bytes;
	int r;

	r = transcode_raw_response(rest->match.binding, message, &type, &bytes);
	if (r < 0)
		return r;
	if (!rest->content_type)
		rest->content_type = is_header_value(type)
					     ? weft_arena_strndup(rest->exchange->arena,
								  (const char *)type.data, type.len)
					     : "application/octet-stream";
	weft_buffer_clear(&rest->reply);
	return weft_buffer_append(&rest->reply, bytes.data, bytes.len);
}

static void write_message(struct rest *rest)
{
	struct exchange *exchange = rest->exchange;

	begin_reply_stream(rest, rest->content_type ?: stream_type(rest));
	exchange_write(exchange, rest->reply.data, rest->reply.len);
	if (rest->rpc && !rest->held && exchange_blocked(exchange)) {
		rest->held = true;
		weft_rpc_hold(rest->rpc);
	}
}

static void on_rpc_message(struct weft_rpc *rpc, struct weft_bytes message, void *data)
{
	struct rest *rest = data;
	int r;

	if (exchange_ended(rest->exchange))
		return;
	if (!streams_out(rest) && rest->replied) {
		break_reply(rest, -EBADMSG);
		return;
	}
	rest->replied = true;
	r = rest->match.binding->response_raw ? take_raw(rest, message)
					      : frame_message(rest, message);
	if (r < 0)
		break_reply(rest, r);
	else if (streams_out(rest))
		write_message(rest);
	/* what is unary is answered when the status is known */
}

static void on_writable(struct exchange *exchange)
{
	struct rest *rest = exchange->handler_data;

	if (!rest->held || !rest->rpc)
		return;
	rest->held = false;
	weft_rpc_resume(rest->rpc);
}

/* As the public may see it, and in JSON's names. */
static void answer_error(struct rest *rest, const struct weft_status *status)
{
	struct weft_status outward = errors_outward(rest->exchange, status);
	struct weft_buffer details = WEFT_BUFFER_INIT;

	if (violations_in_json_names(rest->match.binding->method->request, outward.details,
				     &details) == 0 &&
	    details.len > 0)
		outward.details = (struct weft_bytes) { details.data, details.len };
	errors_answer(rest->exchange, &outward);
	weft_buffer_fini(&details);
}

static void answer(struct rest *rest, const struct weft_status *status)
{
	struct exchange *exchange = rest->exchange;

	if (status->code != WEFT_OK) {
		answer_error(rest, status);
	} else if (streams_out(rest)) {
		begin_reply_stream(rest, rest->content_type ?: stream_type(rest));
		exchange_end(exchange, NULL, 0);
	} else if (!rest->replied) {
		fail_inside(rest, -EBADMSG, "a backend answered OK without a message");
	} else {
		exchange_answer(exchange, 200, rest->content_type ?: "application/json",
				rest->reply.data, rest->reply.len);
	}
}

static void on_rpc_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct rest *rest = data;
	struct exchange *exchange = rest->exchange;

	rest->rpc = NULL;
	weft_timer_stop(weft_worker_loop(exchange->worker->worker), &rest->answer_timer);
	if (!exchange_ended(exchange))
		answer(rest, status);
	exchange_end_work(exchange);
}

static const struct weft_rpc_bytes_events rpc_events = {
	.on_headers = on_rpc_headers,
	.on_message = on_rpc_message,
	.on_writable = on_rpc_writable,
	.on_end = on_rpc_end,
};

static void on_cancel(struct exchange *exchange)
{
	cancel_rpc(exchange->handler_data);
}

static const struct exchange_handler handler = {
	.on_body = on_body,
	.on_body_end = on_body_end,
	.on_writable = on_writable,
	.on_cancel = on_cancel,
};
