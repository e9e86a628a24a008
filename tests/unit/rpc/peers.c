/* See peers.h. */
#include "peers.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct weft_worker *worker;
struct weft_server *server;
struct weft_port *port;
struct weft_channel *channel;
struct weft_tls *server_tls;
char directory[64];
char target[128];
unsigned cancelled;
unsigned hanging;

/* ---- the loop ---- */

struct wait {
	struct weft_task check;
	struct weft_timer again;
	struct weft_timer limit;
	bool (*holds)(void *data);
	void *data;
	bool gave_up;
};

static void check(struct weft_timer *timer, void *data)
{
	struct wait *wait = data;

	if (wait->holds(wait->data))
		weft_worker_stop(worker);
	else
		weft_timer_start(weft_worker_loop(worker), &wait->again, WEFT_MS);
}

static void give_up(struct weft_timer *timer, void *data)
{
	struct wait *wait = data;

	wait->gave_up = true;
	weft_worker_stop(worker);
}

void run_until(bool (*holds)(void *data), void *data)
{
	struct weft_loop *loop = weft_worker_loop(worker);
	struct wait wait = { .holds = holds, .data = data };

	weft_timer_init(&wait.again, check, &wait);
	weft_timer_init(&wait.limit, give_up, &wait);
	weft_timer_start(loop, &wait.again, 0);
	weft_timer_start(loop, &wait.limit, 30 * WEFT_SECOND);
	weft_worker_run(worker);
	weft_timer_stop(loop, &wait.again);
	weft_timer_stop(loop, &wait.limit);
	assert_false(wait.gave_up);
}

bool is_nonzero(void *unsigned_counter)
{
	return *(unsigned *)unsigned_counter > 0;
}

void run_until_end(struct outcome *outcome)
{
	run_until(is_nonzero, &outcome->ends);
}

/* ---- the server's methods ---- */

struct gathered {
	struct weft_buffer bytes;
	size_t total;
	size_t left; /* Stream: messages to be sent */
	size_t size;
};

static void free_gathered(void *data)
{
	weft_buffer_fini(&((struct gathered *)data)->bytes);
}

static struct gathered *gather(struct weft_call *call)
{
	struct gathered *gathered = weft_arena_new_array(weft_call_arena(call), struct gathered, 1);

	weft_arena_defer(weft_call_arena(call), free_gathered, gathered);
	return gathered;
}

static int on_message(struct weft_call *call, struct weft_bytes message, void *data)
{
	struct gathered *gathered = data;

	gathered->total += message.len;
	weft_buffer_clear(&gathered->bytes);
	return weft_buffer_append(&gathered->bytes, message.data, message.len);
}

static int echo(struct weft_call *call, void *data)
{
	static const char *const names[] = { "x-echo", "x-echo-bin" };
	struct gathered *gathered = data;

	for (size_t i = 0; i < WEFT_COUNT(names); i++) {
		const struct weft_metadata_entry *entry =
			weft_metadata_find(weft_call_metadata(call), names[i]);

		if (!entry)
			continue;
		weft_call_add_header(call, names[i], entry->value, entry->len);
		weft_call_add_trailer(call, names[i], entry->value, entry->len);
	}
	return weft_call_reply_bytes(
		call, (struct weft_bytes) { gathered->bytes.data, gathered->bytes.len });
}

static int sum(struct weft_call *call, void *data)
{
	struct gathered *gathered = data;
	char text[32];
	int n = snprintf(text, sizeof(text), "%zu", gathered->total);

	return weft_call_reply_bytes(call,
				     (struct weft_bytes) { (const uint8_t *)text, (size_t)n });
}

static int stream_pump(struct weft_call *call, void *data)
{
	struct gathered *gathered = data;

	while (gathered->left && weft_call_writable(call)) {
		uint8_t *bytes = malloc(gathered->size + 1);
		int r;

		memset(bytes, 'x', gathered->size);
		r = weft_call_send_bytes(call, (struct weft_bytes) { bytes, gathered->size });
		free(bytes);
		if (r < 0)
			return r;
		gathered->left--;
	}
	return gathered->left ? 0 : weft_call_finish(call);
}

static int begin_stream(struct weft_call *call, void *data)
{
	struct gathered *gathered = data;

	weft_buffer_append_byte(&gathered->bytes, 0);
	if (sscanf((const char *)gathered->bytes.data, "%zu %zu", &gathered->left,
		   &gathered->size) != 2)
		return weft_call_fail(call, WEFT_INVALID_ARGUMENT, "not \"COUNT SIZE\"");
	weft_call_on_ready(call, stream_pump, gathered);
	return 0;
}

static int chat(struct weft_call *call, struct weft_bytes message, void *data)
{
	return weft_call_send_bytes(call, message);
}

static int end_chat(struct weft_call *call, void *data)
{
	return weft_call_finish(call);
}

static int refuse(struct weft_call *call, void *data)
{
	struct weft_arena *arena = weft_call_arena(call);
	struct weft_status status;

	weft_status_init(&status, arena, WEFT_NOT_FOUND, "no \"snow\u2603man\"\n");
	weft_status_add_error_info(&status, arena, "NO_SNOWMAN", "test.example");
	return weft_call_fail_with(call, &status);
}

static void on_cancel(struct weft_call *call, void *data)
{
	cancelled++;
}

static int hang(struct weft_call *call, void *data)
{
	return 0;
}

int peers_serve(struct weft_call *call, void *self)
{
	static const struct {
		const char *path;
		weft_message_bytes_cb *on_message;
		weft_half_close_cb *on_half_close;
	} methods[] = {
		{ "/test.Test/Echo", on_message, echo },
		{ "/test.Test/Stream", on_message, begin_stream },
		{ "/test.Test/Sum", on_message, sum },
		{ "/test.Test/Chat", chat, end_chat },
		{ "/test.Test/Fail", on_message, refuse },
		{ "/test.Test/Hang", on_message, hang },
	};

	weft_call_on_cancel(call, on_cancel, NULL);
	for (size_t i = 0; i < WEFT_COUNT(methods); i++) {
		if (strcmp(weft_call_path(call), methods[i].path) != 0)
			continue;
		if (methods[i].on_half_close == hang)
			hanging++;
		weft_call_receive_bytes(call, methods[i].on_message, methods[i].on_half_close,
					gather(call));
		return 0;
	}
	return weft_call_fail(call, WEFT_UNIMPLEMENTED, "no %s", weft_call_path(call));
}

/* ---- the client ---- */

static void on_headers(struct weft_rpc *rpc, void *data)
{
	struct outcome *outcome = data;

	outcome->headers++;
	if (outcome->in_headers)
		outcome->in_headers(outcome);
}

static void on_reply(struct weft_rpc *rpc, struct weft_bytes message, void *data)
{
	struct outcome *outcome = data;

	assert_int_equal(outcome->ends, 0);
	outcome->messages++;
	outcome->compressed += weft_rpc_was_compressed(rpc);
	outcome->bytes += message.len;
	weft_buffer_clear(&outcome->last);
	weft_buffer_append(&outcome->last, message.data, message.len);
	weft_buffer_append_byte(&outcome->last, 0);
	if (outcome->in_message)
		outcome->in_message(outcome);
}

static void on_writable(struct weft_rpc *rpc, void *data)
{
	struct outcome *outcome = data;

	assert_true(weft_rpc_writable(rpc));
	outcome->writables++;
	if (outcome->in_writable)
		outcome->in_writable(outcome);
}

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct outcome *outcome = data;
	const struct weft_metadata_entry *bin;
	const char *text;

	outcome->ends++;
	outcome->code = status->code;
	snprintf(outcome->message, sizeof(outcome->message), "%s", status->message);
	text = weft_status_reason(status, weft_rpc_arena(rpc));
	snprintf(outcome->reason, sizeof(outcome->reason), "%s", text ? text : "");
	text = weft_metadata_get(weft_rpc_trailers(rpc), "x-echo");
	snprintf(outcome->echo, sizeof(outcome->echo), "%s", text ? text : "");
	bin = weft_metadata_find(weft_rpc_trailers(rpc), "x-echo-bin");
	if (bin && bin->len <= sizeof(outcome->echo_bin)) {
		memcpy(outcome->echo_bin, bin->value, bin->len);
		outcome->echo_bin_len = bin->len;
	}
	snprintf(outcome->peer, sizeof(outcome->peer), "%s", weft_rpc_peer(rpc));
	outcome->rpc = NULL;
}

const struct weft_rpc_bytes_events outcome_events = {
	.on_headers = on_headers,
	.on_message = on_reply,
	.on_writable = on_writable,
	.on_end = on_end,
};

void send_text(struct outcome *outcome, const char *text)
{
	assert_int_equal(
		weft_rpc_send_bytes(outcome->rpc,
				    (struct weft_bytes) { (const uint8_t *)text, strlen(text) }),
		0);
}

void start(struct outcome *outcome, const char *path, const char *text,
	   const struct weft_call_options *options)
{
	outcome->rpc = weft_rpc_start_raw(channel, path, options, &outcome_events, outcome);
	if (!text)
		return;
	weft_rpc_send_bytes(outcome->rpc,
			    (struct weft_bytes) { (const uint8_t *)text, strlen(text) });
	weft_rpc_half_close(outcome->rpc);
}

void outcome_fini(struct outcome *outcome)
{
	weft_buffer_fini(&outcome->last);
	*outcome = (struct outcome) { 0 };
}

/* ---- setting up ---- */

void start_server(const char *address, const struct weft_server_options *options)
{
	char error[256] = "";

	assert_int_equal(weft_server_new(worker, options, &server), 0);
	weft_server_set_fallback(server, peers_serve, NULL);
	if (weft_port_new(worker, address, server_tls, &server, 1, error, &port) < 0)
		fail_msg("%s", error);
}

static bool no_connections(void *data)
{
	return weft_server_connections(server) == 0;
}

void stop_server(void)
{
	weft_port_free(port);
	weft_server_free(server);
	server = NULL;
	port = NULL;
}

void open_channel(const char *at, const struct weft_channel_options *options)
{
	char error[256] = "";

	if (weft_channel_new(worker, at, options, error, &channel) < 0)
		fail_msg("%s", error);
}

/* The server sees the connection end: until then nothing has been freed on this side. */
void close_channel(void)
{
	weft_channel_unref(channel);
	channel = NULL;
	if (server)
		run_until(no_connections, NULL);
}

int peers_setup(void **state)
{
	cancelled = hanging = 0;
	server_tls = NULL;
	strcpy(directory, "/tmp/weft-rpc-XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	snprintf(target, sizeof(target), "unix:%s/server", directory);
	return weft_worker_new(0, &worker);
}

static bool turned(void *data)
{
	unsigned *turns = data;

	return (*turns)++ == 3;
}

int peers_teardown(void **state)
{
	char command[128];
	unsigned turns = 0;

	if (channel)
		close_channel();
	if (server)
		stop_server();
	run_until(turned, &turns);
	weft_worker_free(worker);
	weft_tls_unref(server_tls);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}
