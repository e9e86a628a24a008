/*
 * The life of a call at its client; the picture is in rpc.h. Everything that ends a call goes
 * through weft_rpc_end_with(), and everything that tells the user about the end through deliver(),
 * which a task runs: so it is told once, from the loop, after whatever the user was just doing has
 * returned.
 */
#include "rpc/rpc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "io/identity.h"
#include "rpc/channel.h"
#include "rpc/registry.h"
#include "rpc/upstream.h"

static void rpc_free(struct weft_rpc *rpc)
{
	struct weft_channel *channel = rpc->channel;

	weft_rpc_forget_sent(rpc);
	for (struct weft_attempt *attempt = rpc->attempts; attempt; attempt = attempt->next) {
		weft_deframer_fini(&attempt->deframer);
		weft_identity_unref(attempt->identity);
	}
	weft_arena_free(rpc->response);
	weft_arena_free(rpc->arena);
	weft_credentials_unref(rpc->credentials);
	if (rpc->parent)
		weft_call_unref(rpc->parent);
	free(rpc);
	weft_channel_unref(channel);
}

static void free_when_unused(struct weft_rpc *rpc)
{
	if (rpc->delivered && rpc->streams == 0 && !rpc->task_queued)
		rpc_free(rpc);
}

void weft_rpc_stream_gone(struct weft_rpc *rpc)
{
	rpc->streams--;
	weft_channel_stream_closed(rpc->channel);
	free_when_unused(rpc);
}

/* ---- the end ---- */

static void deliver(struct weft_rpc *rpc)
{
	struct weft_status status = { .code = rpc->status.code };

	/* the status goes where the response goes: weft_rpc_keep() keeps both */
	status.message = weft_arena_strdup(rpc->response, rpc->status.message);
	if (!status.message)
		status.message = "";
	status.details.data =
		weft_arena_memdup(rpc->response, rpc->status.details.data, rpc->status.details.len);
	status.details.len = status.details.data ? rpc->status.details.len : 0;
	if (rpc->asked)
		weft_rpc_tell_interceptors(rpc, &status);
	rpc->sink->end(rpc, &status);
	rpc->delivered = true;
}

static void on_task(struct weft_task *task)
{
	struct weft_rpc *rpc = weft_container_of(task, struct weft_rpc, task);

	rpc->task_queued = false;
	if (rpc->state == WEFT_RPC_ENDED && !rpc->delivered)
		deliver(rpc);
	if (rpc->state != WEFT_RPC_ENDED && rpc->retry && !rpc->committed)
		weft_retry_judge(rpc);
	if (rpc->state == WEFT_RPC_OPEN)
		weft_rpc_receive_messages(rpc);
	free_when_unused(rpc);
}

void weft_rpc_queue_task(struct weft_rpc *rpc)
{
	if (rpc->task_queued)
		return;
	rpc->task_queued = true;
	weft_loop_defer(rpc->loop, &rpc->task);
}

/* That the client has had enough tells nothing about the server. */
static enum weft_call_result result_of(const struct weft_attempt *attempt)
{
	enum weft_code code = attempt->rpc->status.code;

	if (code == WEFT_OK)
		return attempt == attempt->rpc->attempt ? WEFT_CALL_SUCCEEDED : WEFT_CALL_UNCOUNTED;
	return code == WEFT_CANCELLED && !attempt->status_received ? WEFT_CALL_UNCOUNTED
								   : WEFT_CALL_FAILED;
}

void weft_rpc_end_with(struct weft_rpc *rpc, const struct weft_status *status)
{
	if (rpc->state == WEFT_RPC_ENDED)
		return;
	rpc->state = WEFT_RPC_ENDED;
	rpc->status = *status;
	calls_ended(&weft_channel_entity(rpc->channel)->calls, status->code == WEFT_OK);
	if (status->code == WEFT_OK)
		weft_upstream_succeeded(weft_channel_upstream(rpc->channel));
	weft_timer_stop(rpc->loop, &rpc->timer);
	weft_rpc_forget_request(rpc);
	for (struct weft_attempt *attempt = rpc->attempts; attempt; attempt = attempt->next)
		weft_attempt_stop(attempt, result_of(attempt));
	if (rpc->retry)
		weft_retry_end(rpc);
	if (rpc->parent && rpc->child.cancel) {
		rpc->child.cancel = NULL;
		weft_call_remove_child(rpc->parent, &rpc->child);
	}
	weft_rpc_forget_sent(rpc);
	weft_rpc_queue_task(rpc);
}

void weft_rpc_end(struct weft_rpc *rpc, enum weft_code code, const char *format, ...)
{
	struct weft_status status = { .code = code };
	va_list args;

	if (rpc->state == WEFT_RPC_ENDED)
		return;
	va_start(args, format);
	status.message = weft_arena_vprintf(rpc->arena, format, args);
	va_end(args);
	if (!status.message)
		status.message = "";
	weft_rpc_end_with(rpc, &status);
}

void weft_rpc_cancel(struct weft_rpc *rpc)
{
	weft_rpc_end(rpc, WEFT_CANCELLED, "cancelled by the client");
}

static void on_parent_cancelled(struct weft_child *child)
{
	struct weft_rpc *rpc = weft_container_of(child, struct weft_rpc, child);

	weft_rpc_end(rpc, WEFT_CANCELLED, "the call that it was made for has ended");
}

static void on_deadline(struct weft_timer *timer, void *data)
{
	struct weft_rpc *rpc = data;

	if (rpc->held_back || rpc->request)
		weft_rpc_end(rpc, WEFT_DEADLINE_EXCEEDED, "the deadline passed before %s",
			     rpc->request ? "there were credentials" : "the call was let go");
	else if (rpc->state == WEFT_RPC_WAITING)
		weft_rpc_end(rpc, WEFT_DEADLINE_EXCEEDED,
			     "the deadline passed before there was a connection to %s",
			     weft_channel_target(rpc->channel));
	else
		weft_rpc_end(rpc, WEFT_DEADLINE_EXCEEDED, "the deadline passed");
}

/* ---- the beginning ---- */

static uint64_t deadline_after(uint64_t timeout_ns)
{
	uint64_t now = weft_now();

	if (timeout_ns == 0 || timeout_ns > WEFT_NEVER - now)
		return WEFT_NEVER;
	return now + timeout_ns;
}

static void copy_metadata(struct weft_rpc *rpc, const struct weft_metadata *metadata)
{
	for (size_t i = 0; metadata && i < metadata->n; i++) {
		const struct weft_metadata_entry *entry = &metadata->entries[i];

		/* what is no metadata (a name that is reserved, say) does not travel */
		weft_metadata_add(&rpc->metadata, rpc->arena, entry->name, entry->value,
				  entry->len);
	}
}

/* What a child has from its parent: time, trace, and the end. */
static void inherit(struct weft_rpc *rpc, struct weft_call *parent)
{
	uint64_t deadline = weft_call_deadline(parent);

	rpc->parent = weft_call_ref(parent);
	if (deadline < rpc->deadline)
		rpc->deadline = deadline;
	weft_trace_child(weft_call_trace(parent), &rpc->trace);
	rpc->traced = true;
	rpc->child.cancel = on_parent_cancelled;
	if (weft_call_add_child(parent, &rpc->child) < 0)
		rpc->child.cancel = NULL;
}

/* What the service config says of the method: the smaller limit counts. */
static void obey(struct weft_rpc *rpc, const struct weft_method_config *config)
{
	uint64_t deadline = config->has_timeout ? weft_now() + config->timeout_ns : WEFT_NEVER;

	rpc->wait_for_ready |= config->wait_for_ready;
	if (deadline < rpc->deadline)
		rpc->deadline = deadline;
	if (config->max_request < rpc->max_request)
		rpc->max_request = config->max_request;
	if (config->max_response < rpc->max_response)
		rpc->max_response = config->max_response;
	weft_retry_init(rpc, config);
}

struct weft_rpc *weft_rpc_new(struct weft_channel *channel, const char *path,
			      const struct weft_call_options *options,
			      const struct weft_rpc_sink *sink, void *data)
{
	const struct weft_method_config *config;
	struct weft_call_options own = { 0 };
	struct weft_rpc *rpc = calloc(1, sizeof(*rpc));

	if (!rpc)
		abort();
	if (options) /* an older caller's struct is shorter */
		memcpy(&own, options, options->size < sizeof(own) ? options->size : sizeof(own));
	rpc->channel = weft_channel_ref(channel);
	rpc->loop = weft_worker_loop(weft_channel_worker(channel));
	rpc->arena = weft_arena_new();
	rpc->response = weft_arena_new();
	rpc->path = weft_arena_strdup(rpc->arena, path);
	rpc->sink = sink;
	rpc->data = data;
	rpc->task.run = on_task;
	rpc->started = weft_loop_now(rpc->loop);
	calls_started(&weft_channel_entity(channel)->calls, rpc->started);
	rpc->wait_for_ready = own.wait_for_ready;
	rpc->was_full =
		true; /* a stream's pump runs once when the stream is there, as at the server */
	rpc->encoding = own.encoding ? own.encoding : weft_channel_encoding(channel);
	rpc->compress = rpc->encoding > WEFT_IDENTITY;
	rpc->deadline = deadline_after(own.timeout_ns);
	weft_timer_init(&rpc->timer, on_deadline, rpc);
	weft_list_init(&rpc->child.node);
	rpc->max_request = INT32_MAX;
	rpc->max_response = weft_channel_max_message(channel);
	rpc->idempotency = own.idempotency;
	config = weft_upstream_method(weft_channel_upstream(channel), path);
	if (config)
		obey(rpc, config);
	weft_attempt_init(&rpc->first, rpc, 0);
	copy_metadata(rpc, own.metadata);
	if (own.credentials)
		rpc->credentials = weft_credentials_ref(own.credentials);
	if (own.parent)
		inherit(rpc, own.parent);
	return rpc;
}

void weft_rpc_submit(struct weft_rpc *rpc)
{
	if (rpc->state == WEFT_RPC_ENDED)
		return;
	if (rpc->parent && !rpc->child.cancel) {
		weft_rpc_end(rpc, WEFT_CANCELLED, "the call that it was made for has ended");
		return;
	}
	if (rpc->deadline != WEFT_NEVER) {
		if (rpc->deadline <= weft_now()) {
			weft_rpc_end(rpc, WEFT_DEADLINE_EXCEEDED, "the deadline has passed");
			return;
		}
		weft_timer_start_at(rpc->loop, &rpc->timer, rpc->deadline);
	}
	if (weft_channel_interceptors(rpc->channel) || weft_channel_credentials(rpc->channel) ||
	    rpc->credentials)
		weft_rpc_ask(rpc);
	else
		weft_rpc_send_first(rpc);
}

void weft_rpc_send_first(struct weft_rpc *rpc)
{
	if (rpc->retry)
		weft_retry_begin(rpc);
	else
		weft_attempt_start(&rpc->first);
}

/* ---- what the user may ask ---- */

struct weft_arena *weft_rpc_arena(struct weft_rpc *rpc)
{
	return rpc->response;
}

const struct weft_metadata *weft_rpc_headers(const struct weft_rpc *rpc)
{
	return &rpc->attempt->headers;
}

const struct weft_metadata *weft_rpc_trailers(const struct weft_rpc *rpc)
{
	return &rpc->attempt->trailers;
}

const char *weft_rpc_peer(const struct weft_rpc *rpc)
{
	return rpc->attempt->peer ? rpc->attempt->peer : "";
}

const struct weft_identity *weft_rpc_peer_identity(const struct weft_rpc *rpc)
{
	return rpc->attempt->identity;
}

struct weft_arena *weft_rpc_take_response(struct weft_rpc *rpc)
{
	struct weft_arena *response = rpc->response;

	rpc->response = weft_arena_new();
	return response;
}

void weft_rpc_keep(struct weft_rpc *rpc, struct weft_call *call)
{
	weft_arena_splice(weft_call_arena(call), weft_rpc_take_response(rpc));
}
