/*
 * The call's only state is what has been sent: pump() is called when the peer can take more and
 * when the input has more, and stops at whichever lacks. While the peer lacks room, the input is
 * not read: a pipe's writer waits then.
 */
#include "invocation.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#include "command.h"
#include "headers.h"
#include "peer.h"
#include "report.h"

struct run {
	const struct invocation *invocation;
	struct peer peer;
	struct weft_rpc *rpc;
	struct weft_fd *watch; /* of the input; NULL until it was needed */
	struct weft_buffer wire;
	size_t sent; /* messages */
	bool ended;
	int code;
};

static bool streams_up(const struct weft_schema_method *method)
{
	return method->kind == WEFT_CLIENT_STREAM || method->kind == WEFT_BIDIRECTIONAL;
}

/* Gives the call up on our side. The first code counts. */
static void give_up(struct run *run, int code)
{
	if (run->code == 0)
		run->code = code;
	weft_rpc_cancel(run->rpc);
}

static void refuse_value(struct run *run, struct weft_json_error *error)
{
	const struct input *input = run->invocation->input;

	input_place(input, &error->line, &error->column);
	give_up(run,
		complain(EXIT_USAGE, "%s, line %u, column %u: %s%s%s", input->name, error->line,
			 error->column, error->path, *error->path ? ": " : "", error->message));
}

static void send_value(struct run *run, const char *text, size_t len)
{
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = run->invocation->schema };
	const struct weft_schema_method *method = run->invocation->method;
	struct weft_json_error error;
	int r;

	if (run->sent > 0 && !streams_up(method)) {
		give_up(run, complain(EXIT_USAGE, "%s: %s takes one message, here are more",
				      run->invocation->input->name, method->name));
		return;
	}
	weft_buffer_clear(&run->wire);
	r = weft_json_to_wire(method->request, text, len, &options, &run->wire, &error);
	if (r == -EINVAL) {
		refuse_value(run, &error);
		return;
	}
	if (r < 0) {
		give_up(run, complain(1, "%s", strerror(-r)));
		return;
	}
	run->sent++;
	weft_rpc_send_bytes(run->rpc, (struct weft_bytes) { run->wire.data, run->wire.len });
}

/* No more input. A method that takes one message and was given none gets an empty one. */
static void end_requests(struct run *run)
{
	run->ended = true;
	if (run->sent == 0 && !streams_up(run->invocation->method))
		weft_rpc_send_bytes(run->rpc, (struct weft_bytes) { 0 });
	weft_rpc_half_close(run->rpc);
}

static void on_input(struct weft_fd *watch, unsigned events, void *data);

static void wait_for_input(struct run *run)
{
	struct weft_loop *loop = weft_worker_loop(run->peer.worker);

	if (!run->watch)
		run->watch =
			weft_fd_new(loop, run->invocation->input->fd, WEFT_READABLE, on_input, run);
	else
		weft_fd_set(run->watch, WEFT_READABLE);
}

static void pump(struct run *run)
{
	struct input *input = run->invocation->input;
	const char *text;
	size_t len;

	while (run->code == 0 && !run->ended && weft_rpc_writable(run->rpc)) {
		switch (input_next(input, &text, &len)) {
		case INPUT_VALUE: send_value(run, text, len); break;
		case INPUT_MORE: wait_for_input(run); return;
		case INPUT_END: end_requests(run); break;
		case INPUT_BROKEN:
			give_up(run, complain(EXIT_USAGE,
					      "%s, line %u, column %u: expected a JSON value",
					      input->name, input->line + 1, input->column + 1));
			break;
		}
	}
	if (run->watch)
		weft_fd_set(run->watch, 0);
}

static void on_input(struct weft_fd *watch, unsigned events, void *data)
{
	struct run *run = data;
	int r;

	r = input_read(run->invocation->input);
	if (r < 0) {
		weft_fd_set(run->watch, 0);
		give_up(run, complain(1, "%s: %s", run->invocation->input->name, strerror(-r)));
		return;
	}
	pump(run);
}

static void on_writable(struct weft_rpc *rpc, void *data)
{
	pump(data);
}

static void on_headers(struct weft_rpc *rpc, void *data)
{
	struct run *run = data;

	if (run->invocation->options->verbose)
		report_metadata("header", weft_rpc_headers(rpc));
}

static void on_message(struct weft_rpc *rpc, struct weft_bytes message, void *data)
{
	struct run *run = data;
	int code;

	if (run->code != 0)
		return;
	code = run->invocation->on_message(message, run->invocation->data);
	if (code != 0)
		give_up(run, code);
}

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	struct run *run = data;

	if (run->invocation->options->verbose)
		report_metadata("trailer", weft_rpc_trailers(rpc));
	if (run->code == 0 && status->code != WEFT_OK) {
		report_status(status, run->invocation->schema);
		run->code = EXIT_CODE + (int)status->code;
	}
	weft_fd_free(run->watch);
	run->watch = NULL;
	run->rpc = NULL;
	weft_worker_stop(run->peer.worker);
}

static const struct weft_rpc_bytes_events events = {
	.on_headers = on_headers,
	.on_message = on_message,
	.on_writable = on_writable,
	.on_end = on_end,
};

static int start(struct run *run)
{
	const struct options *options = run->invocation->options;
	struct weft_metadata metadata = WEFT_METADATA_INIT;
	struct weft_arena *arena = weft_arena_new();
	int code;

	code = headers_read(options, arena, &metadata);
	if (code == 0)
		run->rpc = weft_rpc_start_raw(run->peer.channel, run->invocation->method->path,
					      WEFT_CALL_OPTIONS(.timeout_ns = options->deadline_ns,
								.metadata = &metadata),
					      &events, run);
	weft_arena_free(arena);
	return code;
}

int invocation_run(const struct invocation *invocation)
{
	struct run run = { .invocation = invocation };
	int code;

	code = peer_open(invocation->options, &run.peer);
	if (code == 0)
		code = start(&run);
	if (run.rpc) {
		pump(&run);
		weft_worker_run(run.peer.worker);
		code = run.code;
	}
	peer_close(&run.peer);
	weft_buffer_fini(&run.wire);
	return code;
}
