#include "exchange.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dispatch.h"
#include "errors.h"

#define MAX_REQUEST_ID 128

static struct weft_loop *loop_of(const struct exchange *exchange)
{
	return weft_worker_loop(exchange->worker->worker);
}

/* Its handler must be silent from now on. */
static void cancel(struct exchange *exchange)
{
	const struct exchange_handler *handler = exchange->handler;

	exchange->handler = NULL;
	if (handler)
		handler->on_cancel(exchange);
}

static void on_body_timeout(struct weft_timer *timer, void *data)
{
	exchange_broken(data, 408, "the request's body stopped coming");
}

/* Slow is not stalled: as long as something was taken since, the client may go on. */
static void on_stall(struct weft_timer *timer, void *data)
{
	struct exchange *exchange = data;
	size_t unsent = exchange->front->unsent(exchange);

	if (unsent == 0)
		return;
	if (unsent != exchange->unsent_before) {
		exchange->unsent_before = unsent;
		weft_timer_start(loop_of(exchange), timer,
				 exchange->view->site->config.stall_timeout_ns);
		return;
	}
	cancel(exchange);
	exchange->state = EXCHANGE_ENDED;
	exchange->front->abort(exchange, true);
}

static void watch_stall(struct exchange *exchange)
{
	if (weft_timer_started(&exchange->stall_timer))
		return;
	exchange->unsent_before = exchange->front->unsent(exchange);
	weft_timer_start(loop_of(exchange), &exchange->stall_timer,
			 exchange->view->site->config.stall_timeout_ns);
}

struct exchange *exchange_new(struct edge_worker *worker, const struct exchange_front *front,
			      void *front_data, const char *protocol, const char *peer)
{
	struct weft_arena *arena = weft_arena_new();
	struct exchange *exchange = weft_arena_zalloc(arena, sizeof(*exchange));

	*exchange = (struct exchange) {
		.worker = worker,
		.view = view_ref(worker->view),
		.arena = arena,
		.front = front,
		.front_data = front_data,
		.protocol = protocol,
		.peer = peer,
		.method = "",
		.target = "",
		.path = "",
		.query = "",
		.request_id = "",
		.started = weft_now(),
	};
	weft_timer_init(&exchange->body_timer, on_body_timeout, exchange);
	weft_timer_init(&exchange->stall_timer, on_stall, exchange);
	edge_exchange_add(worker);
	return exchange;
}

static void release(struct exchange *exchange)
{
	struct edge_worker *worker = exchange->worker;
	struct view *view = exchange->view;

	if (exchange->front || exchange->work > 0)
		return;
	weft_arena_free(exchange->arena);
	view_unref(view);
	edge_exchange_remove(worker);
}

/* The request. */

const char *exchange_header(const struct exchange *exchange, const char *name)
{
	for (size_t i = 0; i < exchange->n_headers; i++) {
		if (strcmp(exchange->headers[i].name, name) == 0)
			return exchange->headers[i].value;
	}
	return NULL;
}

static void copy_headers(struct exchange *exchange, const struct weft_h2_header *headers, size_t n)
{
	struct weft_arena *arena = exchange->arena;

	/* An arena's small pieces are always there, and a head is bounded; a long value is NULL
	 * at worst. */
	exchange->headers = weft_arena_new_array(arena, struct weft_h2_header, n ? n : 1);
	for (size_t i = 0; exchange->headers && i < n; i++) {
		struct weft_h2_header copy = headers[i];

		copy.name = weft_arena_strndup(arena, headers[i].name, headers[i].name_len);
		copy.value = weft_arena_strndup(arena, headers[i].value, headers[i].value_len);
		if (copy.name && copy.value)
			exchange->headers[exchange->n_headers++] = copy;
	}
}

/* A client's own id is kept when it can stand in a header and a log without harm. */
static bool is_request_id(const char *text)
{
	size_t len = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.:/=+");

	return len > 0 && text[len] == '\0' && len <= MAX_REQUEST_ID;
}

static void identify(struct exchange *exchange)
{
	const char *traceparent = exchange_header(exchange, "traceparent");
	const char *request_id = exchange_header(exchange, "x-request-id");
	static const char digits[] = "0123456789abcdef";
	struct weft_trace parent, fresh;
	char *text;

	if (traceparent && weft_trace_parse(traceparent, strlen(traceparent), &parent) == 0)
		weft_trace_child(&parent, &exchange->trace);
	else
		weft_trace_generate(&exchange->trace);

	if (request_id && is_request_id(request_id)) {
		exchange->request_id = request_id;
		return;
	}
	weft_trace_generate(&fresh);
	text = weft_arena_zalloc(exchange->arena, 2 * sizeof(fresh.trace_id) + 1);
	for (size_t i = 0; i < sizeof(fresh.trace_id); i++) {
		text[2 * i] = digits[fresh.trace_id[i] >> 4];
		text[2 * i + 1] = digits[fresh.trace_id[i] & 15];
	}
	exchange->request_id = text;
}

void exchange_start(struct exchange *exchange, const struct weft_h2_header *headers, size_t n,
		    bool body, bool expects)
{
	const char *method, *target, *question;

	copy_headers(exchange, headers, n);
	method = exchange_header(exchange, ":method");
	target = exchange_header(exchange, ":path");
	exchange->method = method ? method : "";
	exchange->target = target ? target : "";
	question = strchr(exchange->target, '?');
	exchange->path = exchange->target;
	exchange->path_len =
		question ? (size_t)(question - exchange->target) : strlen(exchange->target);
	exchange->query = question ? question + 1 : "";
	exchange->head_only = strcmp(exchange->method, "HEAD") == 0;
	exchange->body_open = body;
	exchange->expects = body && expects;
	identify(exchange);

	if (body)
		weft_timer_start(loop_of(exchange), &exchange->body_timer,
				 exchange->view->site->config.body_timeout_ns);
	dispatch(exchange);
}

void exchange_body(struct exchange *exchange, const uint8_t *bytes, size_t len)
{
	exchange->received += len;
	if (weft_timer_started(&exchange->body_timer))
		weft_timer_start(loop_of(exchange), &exchange->body_timer,
				 exchange->view->site->config.body_timeout_ns);
	if (exchange->handler && !exchange_ended(exchange))
		exchange->handler->on_body(exchange, bytes, len);
}

void exchange_body_end(struct exchange *exchange)
{
	exchange->body_open = false;
	weft_timer_stop(loop_of(exchange), &exchange->body_timer);
	if (exchange->handler && !exchange_ended(exchange))
		exchange->handler->on_body_end(exchange);
}

void exchange_writable(struct exchange *exchange)
{
	if (exchange_ended(exchange))
		return;
	weft_timer_stop(loop_of(exchange), &exchange->stall_timer);
	if (exchange->handler && exchange->handler->on_writable)
		exchange->handler->on_writable(exchange);
}

void exchange_broken(struct exchange *exchange, unsigned http_status, const char *message)
{
	cancel(exchange);
	if (!*exchange->request_id)
		identify(exchange); /* it never had a head */
	errors_refuse(exchange, http_status, "%s", message);
}

static void log_access(const struct exchange *exchange)
{
	unsigned status = exchange_ended(exchange) ? exchange->status : 499;

	weft_log(WEFT_LOG_INFO, &exchange->trace, "request", WEFT_STR("method", exchange->method),
		 WEFT_STR("target", exchange->target), WEFT_UINT("status", status),
		 WEFT_STR("code", weft_code_name(exchange->code)), WEFT_STR("rpc", exchange->rpc),
		 WEFT_DOUBLE("ms", (double)(weft_now() - exchange->started) / (double)WEFT_MS),
		 WEFT_UINT("received", exchange->received), WEFT_UINT("sent", exchange->sent),
		 WEFT_STR("protocol", exchange->protocol), WEFT_STR("peer", exchange->peer),
		 WEFT_STR("request_id", exchange->request_id));
}

void exchange_gone(struct exchange *exchange)
{
	if (!exchange_ended(exchange))
		exchange->code = WEFT_CANCELLED;
	log_access(exchange);
	weft_timer_stop(loop_of(exchange), &exchange->body_timer);
	weft_timer_stop(loop_of(exchange), &exchange->stall_timer);
	exchange->front = NULL;
	exchange->peer = "";
	exchange->state = EXCHANGE_ENDED;
	cancel(exchange);
	release(exchange);
}

/* The handler. */

void exchange_handle(struct exchange *exchange, const struct exchange_handler *handler, void *data)
{
	exchange->handler = handler;
	exchange->handler_data = data;
}

void exchange_want_body(struct exchange *exchange)
{
	const struct weft_h2_header header = WEFT_H2_HEADER(":status", "100");

	if (exchange->expects && exchange->state == EXCHANGE_OPEN)
		exchange->front->respond(exchange, &header, 1, false);
	exchange->expects = false;
}

void exchange_hold(struct exchange *exchange, bool held)
{
	if (held == exchange->held || !exchange->front || !exchange->body_open)
		return;
	exchange->held = held;
	if (held)
		weft_timer_stop(loop_of(exchange), &exchange->body_timer);
	else
		weft_timer_start(loop_of(exchange), &exchange->body_timer,
				 exchange->view->site->config.body_timeout_ns);
	exchange->front->hold(exchange, held);
}

void exchange_begin_work(struct exchange *exchange)
{
	exchange->work++;
}

void exchange_end_work(struct exchange *exchange)
{
	assert(exchange->work > 0);
	exchange->work--;
	release(exchange);
}

/* The response. */

void exchange_add_header(struct exchange *exchange, const char *name, const char *value)
{
	size_t cap = exchange->cap_extra ? 2 * exchange->cap_extra : 8;
	struct weft_h2_header *more;

	if (exchange->n_extra == exchange->cap_extra) {
		more = weft_arena_new_array(exchange->arena, struct weft_h2_header, cap);
		if (!more)
			return;
		if (exchange->n_extra > 0)
			memcpy(more, exchange->extra, exchange->n_extra * sizeof(*more));
		exchange->extra = more;
		exchange->cap_extra = cap;
	}
	exchange->extra[exchange->n_extra++] = WEFT_H2_HEADER(name, value);
}

/* Written once a second. */
static const char *http_date(struct exchange *exchange)
{
	time_t now = (time_t)(weft_wall_clock() / WEFT_SECOND);
	struct edge_worker *worker = exchange->worker;
	struct tm tm;

	if (worker->date_at != now) {
		gmtime_r(&now, &tm);
		strftime(worker->date, sizeof(worker->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		worker->date_at = now;
	}
	return weft_arena_strdup(exchange->arena, worker->date);
}

/* What the client may still have to send is not wanted any more; what it has to take is. */
static void set_ended(struct exchange *exchange)
{
	exchange->state = EXCHANGE_ENDED;
	exchange_hold(exchange, false);
	weft_timer_stop(loop_of(exchange), &exchange->body_timer);
	watch_stall(exchange);
}

static void respond(struct exchange *exchange, unsigned http_status, const char *content_type,
		    size_t length, bool end)
{
	struct weft_arena *arena = exchange->arena;
	struct weft_h2_header *headers;
	size_t n = 0;

	headers = weft_arena_new_array(arena, struct weft_h2_header, 5 + exchange->n_extra);
	if (!headers) {
		exchange_abort(exchange);
		return;
	}
	headers[n++] = WEFT_H2_HEADER(":status", weft_arena_printf(arena, "%u", http_status));
	headers[n++] = WEFT_H2_HEADER("date", http_date(exchange));
	if (content_type)
		headers[n++] = WEFT_H2_HEADER("content-type", content_type);
	if (length != EXCHANGE_NO_LENGTH)
		headers[n++] =
			WEFT_H2_HEADER("content-length", weft_arena_printf(arena, "%zu", length));
	if (*exchange->request_id)
		headers[n++] = WEFT_H2_HEADER("x-request-id", exchange->request_id);
	for (size_t i = 0; i < exchange->n_extra; i++)
		headers[n++] = exchange->extra[i];

	exchange->status = http_status;
	exchange->front->respond(exchange, headers, n, end);
	if (end)
		set_ended(exchange);
	else
		exchange->state = EXCHANGE_RESPONDED;
}

void exchange_respond(struct exchange *exchange, unsigned http_status, const char *content_type,
		      size_t length)
{
	if (exchange->state == EXCHANGE_OPEN)
		respond(exchange, http_status, content_type, length, exchange->head_only);
}

void exchange_write(struct exchange *exchange, const void *bytes, size_t len)
{
	if (exchange->state != EXCHANGE_RESPONDED || len == 0)
		return;
	exchange->sent += len;
	exchange->front->write(exchange, bytes, len);
	if (exchange_blocked(exchange))
		watch_stall(exchange);
}

void exchange_end(struct exchange *exchange, const struct weft_h2_header *trailers, size_t n)
{
	if (exchange->state != EXCHANGE_RESPONDED)
		return;
	exchange->front->end(exchange, trailers, n);
	set_ended(exchange);
}

void exchange_abort(struct exchange *exchange)
{
	if (exchange_ended(exchange))
		return;
	exchange->front->abort(exchange, false);
	set_ended(exchange);
}

void exchange_answer(struct exchange *exchange, unsigned http_status, const char *content_type,
		     const void *body, size_t len)
{
	bool empty = exchange->head_only || !content_type || len == 0;

	if (exchange->state != EXCHANGE_OPEN)
		return;
	respond(exchange, http_status, content_type, content_type ? len : EXCHANGE_NO_LENGTH,
		empty);
	if (empty)
		return;
	exchange_write(exchange, body, len);
	exchange_end(exchange, NULL, 0);
}

bool exchange_blocked(const struct exchange *exchange)
{
	return exchange->front && exchange->front->unsent(exchange) >= EXCHANGE_HIGH_WATER;
}
