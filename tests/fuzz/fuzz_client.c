/*
 * A channel with a call of every kind under way, and a server that sends what the input says.
 * Whatever that is, every call ends exactly once, at the latest when it is cancelled.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/details.h>
#include <weft/transport.h>

#include "everything.weft.h"
#include "fuzz.h"
#include "peer.h"

#define TURNS 100 /* that anything may take */

static struct weft_worker *worker;
static struct weft_listener *listener;
static int accepted = -1;

static void turn(void)
{
	weft_worker_stop(worker);
	weft_worker_run(worker);
}

static void on_accept(struct weft_listener *from, int take_fd, const char *peer, void *data)
{
	if (accepted >= 0)
		close(take_fd);
	else
		accepted = take_fd;
}

/* ---- the calls ---- */

struct under_way {
	struct weft_rpc *rpc; /* NULL: ended */
	unsigned ended;
	unsigned messages;
};

static void end(struct under_way *call, const struct weft_status *status)
{
	assert(call->rpc && call->ended == 0 && status->message);
	call->ended++;
	call->rpc = NULL;
}

static void on_got(struct weft_rpc *rpc, const struct weft_status *status,
		   Weft__Test__Everything *res, void *data)
{
	assert((status->code == WEFT_OK) == (res != NULL));
	end(data, status);
}

static void on_message(struct weft_rpc *rpc, const Weft__Test__Inner *message, void *data)
{
	struct under_way *call = data;

	assert(call->rpc == rpc && message->text);
	call->messages++;
	if (message->number == 7)
		weft_rpc_cancel(rpc);
	if (message->number == 8)
		weft_rpc_hold(rpc);
}

static void read_details(struct weft_rpc *rpc, const struct weft_status *status)
{
	struct weft_bytes rest = status->details;
	struct weft_detail detail;
	ProtobufCMessage *message;

	while (weft_status_next_detail(&rest, &detail))
		assert(detail.type.data && detail.value.len < status->details.len);
	weft_status_reason(status, weft_rpc_arena(rpc));
	weft_status_find(status, weft_rpc_arena(rpc), &weft__test__inner__descriptor, &message);
}

static void on_end(struct weft_rpc *rpc, const struct weft_status *status, void *data)
{
	weft_rpc_headers(rpc);
	weft_rpc_trailers(rpc);
	read_details(rpc, status);
	end(data, status);
}

static void on_writable(struct weft_rpc *rpc, void *data)
{
	Weft__Test__Inner message = WEFT__TEST__INNER__INIT;
	struct under_way *call = data;

	assert(call->rpc == rpc && weft_rpc_writable(rpc));
	message.text = (char *)"something";
	weft_rpc_send(rpc, &message.base);
	if (call->messages % 2)
		weft_rpc_half_close(rpc);
}

static void on_imported(struct weft_rpc *rpc, const struct weft_status *status,
			Google__Protobuf__Empty *res, void *data)
{
	assert((status->code == WEFT_OK) == (res != NULL));
	end(data, status);
}

static const struct weft_test_answers_watch_events watch_events = {
	.on_message = on_message,
	.on_end = on_end,
};
static const struct weft_test_answers_import_events import_events = {
	.on_writable = on_writable,
	.on_end = on_imported,
};
static const struct weft_test_answers_talk_events talk_events = {
	.on_message = on_message,
	.on_writable = on_writable,
	.on_end = on_end,
};

#define CALLS 4

static void start_calls(struct weft_channel *channel, uint8_t manner, struct under_way calls[CALLS])
{
	const struct weft_call_options options = { .size = sizeof(options),
						   .wait_for_ready = manner & 2 };
	Weft__Test__Inner req = WEFT__TEST__INNER__INIT;

	calls[0].rpc = weft_test_answers_get(channel, &req, &options, on_got, &calls[0]);
	calls[1].rpc = weft_test_answers_watch(channel, &req, &options, &watch_events, &calls[1]);
	calls[2].rpc = weft_test_answers_import(channel, &options, &import_events, &calls[2]);
	calls[3].rpc = weft_test_answers_talk(channel, &options, &talk_events, &calls[3]);
}

static void end_calls(struct under_way calls[CALLS])
{
	for (int i = 0; i < CALLS; i++)
		if (calls[i].rpc)
			weft_rpc_cancel(calls[i].rpc);
	for (int i = 0; i < CALLS; i++)
		for (int n = 0; calls[i].rpc; n++) {
			assert(n < TURNS);
			turn();
		}
	turn();
	for (int i = 0; i < CALLS; i++)
		assert(calls[i].ended == 1);
}

/* ---- the connection ---- */

static void read_all(int fd)
{
	static uint8_t room[1 << 16];

	while (read(fd, room, sizeof(room)) > 0)
		;
}

static void send_out(int fd, struct peer *peer)
{
	ssize_t n = send(fd, peer->out.data, peer->out.len, MSG_NOSIGNAL);

	weft_buffer_clear(&peer->out);
	if (n < 0)
		assert(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
}

static void converse(int fd, struct peer *peer, struct under_way calls[CALLS])
{
	enum peer_step step;

	do {
		while ((step = peer_step(peer)) == PEER_GO)
			;
		if (peer->out.len)
			send_out(fd, peer);
		turn();
		turn();
		read_all(fd);
		for (int i = 1; i < CALLS; i += 2)
			if (calls[i].rpc)
				weft_rpc_resume(calls[i].rpc);
	} while (step != PEER_END);
}

static void start(void)
{
	char address[64], error[256];

	weft_log_set_level(WEFT_LOG_ERROR + 1);
	snprintf(address, sizeof(address), "unix-abstract:weft-fuzz-client-%d", (int)getpid());
	assert(weft_worker_new(0, &worker) == 0);
	assert(weft_listener_new(worker, address, on_accept, NULL, error, &listener) == 0);
}

static struct weft_channel *connect_channel(uint8_t manner)
{
	struct weft_channel_options options = { .size = sizeof(options),
						.max_message = manner & 1 ? 64 : 0 };
	struct weft_channel *channel;
	char error[256];

	assert(weft_channel_new(worker, weft_listener_address(listener), &options, error,
				&channel) == 0);
	return channel;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	uint8_t manner = fuzz_byte(&input);
	struct under_way calls[CALLS] = { 0 };
	struct weft_channel *channel;
	struct peer peer;

	if (!worker)
		start();
	channel = connect_channel(manner);
	start_calls(channel, manner, calls);
	for (int n = 0; accepted < 0; n++) {
		assert(n < TURNS);
		turn();
	}
	peer_init(&peer, PEER_SERVER, input);
	converse(accepted, &peer, calls);
	if (manner & 4) {
		close(accepted);
		turn();
	}
	end_calls(calls);
	weft_channel_unref(channel);
	if (!(manner & 4))
		close(accepted);
	accepted = -1;
	for (int n = 0; n < 4; n++)
		turn();
	peer_fini(&peer);
	return 0;
}
