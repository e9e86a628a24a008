/*
 * The life of a call at its server: its answer, its cancellation, its memory. What the client sends
 * is in call_input.c, how a request becomes a call in request.c.
 */
#include "rpc/call.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/identity.h"
#include "wire/compress.h"
#include "wire/metadata_wire.h"
#include "wire/trailer.h"

#define CONTENT_TYPE "application/grpc"

/* --- Memory ------------------------------------------------------------------------------- */

static void on_deadline(struct weft_timer *timer, void *data);
static void on_task(struct weft_task *task);

struct call_tally *call_tally_new(void)
{
	struct call_tally *tally = calloc(1, sizeof(*tally));

	if (!tally)
		abort();
	tally->refs = 1;
	return tally;
}

void call_tally_unref(struct call_tally *tally)
{
	if (--tally->refs == 0)
		free(tally);
}

static void stop_counting(struct weft_call *call)
{
	if (!call->tally)
		return;
	call->tally->calls--;
	call_tally_unref(call->tally);
	call->tally = NULL;
}

struct weft_call *call_new(struct weft_server *server, const struct call_limits *limits,
			   struct weft_h2_stream *stream, struct call_tally *tally)
{
	struct weft_arena *arena = weft_arena_new();
	struct weft_call *call = weft_arena_new_array(arena, struct weft_call, 1);

	call->arena = arena;
	call->refs = 1;
	call->tally = tally;
	tally->refs++;
	tally->calls++;
	call->server = server;
	call->worker = weft_server_worker(server);
	call->stream = stream;
	call->limits = *limits;
	call->started = weft_loop_now(weft_worker_loop(call->worker));
	call->deadline = WEFT_NEVER;
	call->task.run = on_task;
	weft_list_init(&call->node);
	weft_list_init(&call->children);
	weft_timer_init(&call->timer, on_deadline, call);
	weft_deframer_init(&call->deframer, limits->max_message);
	return call;
}

struct weft_call *weft_call_ref(struct weft_call *call)
{
	call->refs++;
	return call;
}

void weft_call_unref(struct weft_call *call)
{
	assert(call->refs);
	if (--call->refs)
		return;
	assert(call->state != CALL_LIVE);
	stop_counting(call);
	weft_deframer_fini(&call->deframer);
	weft_identity_unref(call->identity);
	weft_arena_free(call->message_memory);
	weft_arena_free(call->scratch);
	weft_arena_free(call->arena);
}

int weft_call_add_child(struct weft_call *call, struct weft_child *child)
{
	if (call->state == CALL_CANCELLED)
		return -ECANCELED;
	weft_call_ref(call);
	weft_list_append(&call->children, &child->node);
	return 0;
}

void weft_call_remove_child(struct weft_call *call, struct weft_child *child)
{
	weft_list_remove(&child->node);
	weft_call_unref(call);
}

/* --- What is due, from the loop ----------------------------------------------------------- */

static void run_pump(struct weft_call *call)
{
	int r;

	if (call->state != CALL_LIVE || !call->pump || call->pumping || !weft_call_writable(call))
		return;
	call->due_pump = false;
	call->pumping = true;
	r = call->pump(call, call->pump_data);
	call->pumping = false;
	call_conclude(call, r);
}

static void on_task(struct weft_task *task)
{
	struct weft_call *call = weft_container_of(task, struct weft_call, task);

	call->queued = false;
	if (call->due_cancel) {
		call->due_cancel = false;
		if (call->on_cancel) /* it may have been taken back */
			call->on_cancel(call, call->on_cancel_data);
	}
	if (call->due_input) {
		call->due_input = false;
		call_input_deliver(call);
	}
	if (call->due_pump) {
		call->due_pump = false;
		run_pump(call);
	}
	weft_call_unref(call);
}

void call_schedule(struct weft_call *call)
{
	if (call->queued)
		return;
	call->queued = true;
	weft_call_ref(call);
	weft_loop_defer(weft_worker_loop(call->worker), &call->task);
}

/* --- The end ------------------------------------------------------------------------------ */

static void log_call(const struct weft_call *call, enum weft_code code)
{
	uint64_t now = weft_loop_now(weft_worker_loop(call->worker));

	weft_call_log(call, WEFT_LOG_INFO, "call", WEFT_STR("code", weft_code_name(code)),
		      WEFT_DOUBLE("duration_ms", (double)(now - call->started) / 1e6),
		      WEFT_STR("peer", call->peer));
}

static void tell_cancelled(struct weft_call *call)
{
	weft_list_each (at, after, &call->children) {
		struct weft_child *child = weft_list_entry(at, struct weft_child, node);

		child->cancel(child);
	}
	if (call->on_cancel)
		call->on_cancel(call, call->on_cancel_data);
}

/* The one place where a call ends. */
static void set_ended(struct weft_call *call, enum call_state state, enum weft_code code)
{
	struct weft_server *server = call->server;

	assert(call->state == CALL_LIVE);
	weft_call_ref(call);
	call->state = state;
	call->server = NULL;
	call->pump = NULL;
	weft_timer_stop(weft_worker_loop(call->worker), &call->timer);
	if (call->limits.log_calls)
		log_call(call, code);
	call_input_end(call);
	/* First: whoever is told next may free the server. */
	server_call_ended(server, call, code == WEFT_OK);
	if (state == CALL_CANCELLED)
		tell_cancelled(call);
	else
		stop_counting(call);
	weft_call_unref(call);
}

static int add_metadata(struct weft_call *call, const struct weft_metadata *metadata,
			struct weft_h2_header *fields, size_t *n)
{
	int r = weft_metadata_to_wire(metadata, call->arena, fields + *n);

	if (r < 0)
		return r;
	*n += metadata->n;
	return 0;
}

int call_send_headers(struct weft_call *call, const struct weft_status *status)
{
	size_t room = 3 + call->headers.n + WEFT_TRAILER_FIELDS + call->trailers.n;
	struct weft_h2_header *fields;
	size_t n = 0;
	int r;

	fields = weft_arena_alloc(call->arena, room * sizeof(*fields));
	if (!fields)
		return -ENOMEM;
	fields[n++] = WEFT_H2_CONSTANT(":status", "200");
	fields[n++] = WEFT_H2_CONSTANT("content-type", CONTENT_TYPE);
	if (call->encoding > WEFT_IDENTITY && !status)
		fields[n++] = WEFT_H2_HEADER("grpc-encoding", weft_encoding_name(call->encoding));
	r = add_metadata(call, &call->headers, fields, &n);
	if (r >= 0 && status) {
		r = weft_trailer_write(status, call->arena, fields + n);
		n += r > 0 ? (size_t)r : 0;
		if (r >= 0)
			r = add_metadata(call, &call->trailers, fields, &n);
	}
	if (r < 0)
		return r;
	weft_h2_respond(call->stream, fields, n, status != NULL);
	call->headers_sent = true;
	return 0;
}

static int send_trailers(struct weft_call *call, const struct weft_status *status)
{
	struct weft_h2_header *fields;
	size_t n;
	int r;

	fields = weft_arena_alloc(call->arena,
				  (WEFT_TRAILER_FIELDS + call->trailers.n) * sizeof(*fields));
	if (!fields)
		return -ENOMEM;
	r = weft_trailer_write(status, call->arena, fields);
	if (r < 0)
		return r;
	n = (size_t)r;
	r = add_metadata(call, &call->trailers, fields, &n);
	if (r < 0)
		return r;
	weft_h2_stream_end(call->stream, fields, n);
	return 0;
}

static void send_status(struct weft_call *call, const struct weft_status *status)
{
	int r = 0;

	if (!call->headers_sent && !call->headers.n) {
		r = call_send_headers(call, status);
	} else {
		if (!call->headers_sent)
			r = call_send_headers(call, NULL);
		if (r >= 0)
			r = send_trailers(call, status);
	}
	if (r < 0)
		weft_h2_stream_reset(call->stream, WEFT_H2_INTERNAL_ERROR);
}

int call_check_live(const struct weft_call *call)
{
	if (call->state == CALL_CANCELLED)
		return -ECANCELED;
	assert(call->state == CALL_LIVE && "a second answer");
	return 0;
}

static int answer(struct weft_call *call, const struct weft_status *status)
{
	int r = call_check_live(call);

	if (r < 0)
		return r;
	if (call->asked)
		call_tell_interceptors(call, status);
	send_status(call, status);
	set_ended(call, CALL_ANSWERED, status->code);
	return 0;
}

void call_abort(struct weft_call *call, enum weft_code code, const char *format, ...)
{
	struct weft_status status = { .code = code };
	va_list args;

	if (call->state != CALL_LIVE)
		return;
	va_start(args, format);
	status.message = weft_arena_vprintf(call->arena, format, args);
	va_end(args);
	if (!status.message)
		status.message = "";
	if (call->asked)
		call_tell_interceptors(call, &status);

	/* A client that does not read what was sent will not read a status behind it. */
	if (!weft_h2_stream_writable(call->stream))
		weft_h2_stream_reset(call->stream, WEFT_H2_CANCEL);
	else
		send_status(call, &status);
	set_ended(call, CALL_CANCELLED, code);
}

static void on_deadline(struct weft_timer *timer, void *data)
{
	call_abort(data, WEFT_DEADLINE_EXCEEDED, "the deadline has passed");
}

static enum weft_code errno_code(int r)
{
	switch (r) {
	case -ENOMEM:
	case -ENOSPC: return WEFT_RESOURCE_EXHAUSTED;
	case -ETIMEDOUT: return WEFT_DEADLINE_EXCEEDED;
	case -ECANCELED: return WEFT_CANCELLED;
	case -ENOSYS: return WEFT_UNIMPLEMENTED; /* a method without a handler */
	default: return WEFT_INTERNAL;
	}
}

static const char *errno_message(enum weft_code code)
{
	switch (code) {
	case WEFT_RESOURCE_EXHAUSTED: return "out of memory or space";
	case WEFT_DEADLINE_EXCEEDED: return "timed out";
	case WEFT_CANCELLED: return "cancelled";
	case WEFT_UNIMPLEMENTED: return "not implemented";
	default: return "internal error";
	}
}

int weft_call_fail_errno(struct weft_call *call, int r)
{
	struct weft_status status = { .code = errno_code(r) };
	int live = call_check_live(call);

	if (live < 0)
		return live;
	if (status.code == WEFT_INTERNAL)
		weft_call_log(call, WEFT_LOG_ERROR, "handler failed", WEFT_ERRNO(r));
	status.message = errno_message(status.code);
	return answer(call, &status);
}

void call_conclude(struct weft_call *call, int r)
{
	if (r < 0 && call->state == CALL_LIVE)
		weft_call_fail_errno(call, r);
}

int weft_call_fail(struct weft_call *call, enum weft_code code, const char *format, ...)
{
	struct weft_status status = { .code = code };
	va_list args;

	assert(code != WEFT_OK);
	va_start(args, format);
	status.message = weft_arena_vprintf(call->arena, format, args);
	va_end(args);
	if (!status.message)
		status.message = "";
	return answer(call, &status);
}

int weft_call_fail_with(struct weft_call *call, const struct weft_status *status)
{
	assert(status->code != WEFT_OK);
	return answer(call, status);
}

int weft_call_fail_from(struct weft_call *call, const struct weft_status *status)
{
	return weft_call_fail_with(call, status);
}

int weft_call_finish(struct weft_call *call)
{
	static const struct weft_status ok = { .code = WEFT_OK, .message = "" };

	return answer(call, &ok);
}

/* --- Metadata and pumps ------------------------------------------------------------------- */

int weft_call_add_header(struct weft_call *call, const char *name, const void *value, size_t len)
{
	assert(!call->headers_sent);
	return weft_metadata_add(&call->headers, call->arena, name, value, len);
}

int weft_call_add_trailer(struct weft_call *call, const char *name, const void *value, size_t len)
{
	return weft_metadata_add(&call->trailers, call->arena, name, value, len);
}

bool weft_call_writable(const struct weft_call *call)
{
	return call->state == CALL_LIVE && weft_h2_stream_writable(call->stream);
}

void weft_call_on_ready(struct weft_call *call, weft_pump_cb *pump, void *data)
{
	if (call->state != CALL_LIVE)
		return;
	call->pump = pump;
	call->pump_data = data;
	weft_call_wake(call);
}

void weft_call_wake(struct weft_call *call)
{
	if (call->state != CALL_LIVE || !call->pump)
		return;
	call->due_pump = true;
	call_schedule(call);
}

struct weft_arena *weft_call_scratch(struct weft_call *call)
{
	if (!call->scratch)
		call->scratch = weft_arena_new();
	return call->scratch;
}

void weft_call_on_cancel(struct weft_call *call, weft_call_cb *cb, void *data)
{
	call->on_cancel = cb;
	call->on_cancel_data = data;
	if (call->state == CALL_CANCELLED && cb) {
		call->due_cancel = true;
		call_schedule(call);
	}
}

/* --- The stream --------------------------------------------------------------------------- */

/* Trailers of a client mean nothing in gRPC. */
static void on_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
		       size_t n, bool end, void *data)
{
}

static void on_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	call_input_data(data, bytes, len);
}

static void on_end(struct weft_h2_stream *stream, void *data)
{
	struct weft_call *call = data;

	call->remote_ended = true;
	call_input_deliver(call);
}

static void on_writable(struct weft_h2_stream *stream, void *data)
{
	struct weft_call *call = weft_call_ref(data);

	run_pump(call);
	weft_call_unref(call);
}

static void on_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused, void *data)
{
	static const struct weft_status gone = {
		.code = WEFT_CANCELLED,
		.message = "the client has gone, or wants no answer",
	};
	struct weft_call *call = data;

	if (call->state == CALL_LIVE) {
		if (call->asked)
			call_tell_interceptors(call, &gone);
		set_ended(call, CALL_CANCELLED, WEFT_CANCELLED);
	}
	call->stream = NULL;
	weft_call_unref(call);
}

const struct weft_h2_stream_events call_stream_events = {
	.on_headers = on_headers,
	.on_data = on_data,
	.on_end = on_end,
	.on_writable = on_writable,
	.on_close = on_close,
};

/* --- What is known of it ------------------------------------------------------------------ */

struct weft_arena *weft_call_arena(struct weft_call *call)
{
	return call->arena;
}

struct weft_worker *weft_call_worker(const struct weft_call *call)
{
	return call->worker;
}

const char *weft_call_path(const struct weft_call *call)
{
	return call->path;
}

const struct weft_method *weft_call_method(const struct weft_call *call)
{
	return call->endpoint ? call->endpoint->method : NULL;
}

const struct weft_metadata *weft_call_metadata(const struct weft_call *call)
{
	return &call->metadata;
}

uint64_t weft_call_deadline(const struct weft_call *call)
{
	return call->deadline;
}

const struct weft_trace *weft_call_trace(const struct weft_call *call)
{
	return &call->trace;
}

const char *weft_call_peer(const struct weft_call *call)
{
	return call->peer;
}

const struct weft_identity *weft_call_peer_identity(const struct weft_call *call)
{
	return call->identity;
}

const char *weft_call_authority(const struct weft_call *call)
{
	return call->authority;
}

bool weft_call_ended(const struct weft_call *call)
{
	return call->state != CALL_LIVE;
}
