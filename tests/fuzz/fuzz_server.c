/*
 * A gRPC server with a method of every kind, and a client that sends what the input says. Whatever
 * that is, when the connection has gone no call and no connection is left.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "everything.weft.h"
#include "fuzz.h"
#include "peer.h"

#define TURNS 100 /* that a connection may take to go */

static struct weft_worker *worker;

static void turn(void)
{
	weft_worker_stop(worker);
	weft_worker_run(worker);
}

/* ---- the service: the request's number says how to answer ---- */

enum manner { ANSWER, FAIL, ERRNO, LATER, METADATA, MANNERS };

static int answer_or_not(struct weft_call *call, int32_t number, bool *ret_answer)
{
	*ret_answer = false;
	switch ((uint32_t)number % MANNERS) {
	case FAIL: return weft_call_fail(call, WEFT_NOT_FOUND, "no number %d", number);
	case ERRNO: return -number;
	case LATER: return 0;
	case METADATA:
		weft_call_add_header(call, "some-bin", "\0\1", 2);
		weft_call_add_trailer(call, "other", "value", 5);
	}
	*ret_answer = true;
	return 0;
}

static int get(struct weft_call *call, const Weft__Test__Inner *req, void *self)
{
	Weft__Test__Everything res = WEFT__TEST__EVERYTHING__INIT;
	bool answer;
	int r = answer_or_not(call, req->number < 0 ? 0 : req->number, &answer);

	if (!answer)
		return r;
	res.inner = (Weft__Test__Inner *)req;
	res.a_string = req->text;
	return weft_test_answers_get_reply(call, &res);
}

static int watch_pump(struct weft_call *call, void *data)
{
	Weft__Test__Inner *message = data;

	while (message->number > 0 && weft_call_writable(call)) {
		int r = weft_test_answers_watch_send(call, message);

		if (r < 0)
			return r;
		message->number--;
	}
	return message->number > 0 ? 0 : weft_call_finish(call);
}

static int watch(struct weft_call *call, const Weft__Test__Inner *req, void *self)
{
	Weft__Test__Inner *message = weft_arena_memdup(weft_call_arena(call), req, sizeof(*req));

	message->number %= 10000;
	weft_call_on_ready(call, watch_pump, message);
	return 0;
}

static int on_import(struct weft_call *call, const Weft__Test__Inner *message, void *data)
{
	bool answer;

	if (message->number == 0)
		return 0;
	return answer_or_not(call, message->number < 0 ? 1 : message->number, &answer);
}

static int on_import_end(struct weft_call *call, void *data)
{
	Google__Protobuf__Empty res = GOOGLE__PROTOBUF__EMPTY__INIT;

	return weft_test_answers_import_reply(call, &res);
}

static int import(struct weft_call *call, void *self)
{
	weft_test_answers_import_receive(call, on_import, on_import_end, NULL);
	return 0;
}

static int on_talk(struct weft_call *call, const Weft__Test__Inner *message, void *data)
{
	if (message->number == 7)
		weft_call_hold(call);
	if (message->number == 8)
		return weft_call_finish(call);
	return weft_test_answers_talk_send(call, message);
}

static int on_talk_end(struct weft_call *call, void *data)
{
	return weft_call_finish(call);
}

static int resume_pump(struct weft_call *call, void *data)
{
	weft_call_resume(call);
	return 0;
}

static int talk(struct weft_call *call, void *self)
{
	weft_test_answers_talk_receive(call, on_talk, on_talk_end, NULL);
	weft_call_on_ready(call, resume_pump, NULL);
	return 0;
}

static const struct weft_test_answers_handlers handlers = {
	.get = get,
	.watch = watch,
	.import = import,
	.talk = talk,
};

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

	weft_buffer_clear(&peer->out); /* what did not fit is lost: a peer may do that too */
	if (n < 0)
		assert(errno == EPIPE || errno == ECONNRESET || errno == EAGAIN);
}

static void converse(int fd, struct peer *peer, bool reads)
{
	enum peer_step step;

	do {
		while ((step = peer_step(peer)) == PEER_GO)
			;
		if (peer->out.len)
			send_out(fd, peer);
		turn();
		turn();
		if (reads)
			read_all(fd);
	} while (step != PEER_END);
}

static void start(void)
{
	weft_log_set_level(WEFT_LOG_ERROR + 1);
	assert(weft_worker_new(0, &worker) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct weft_bytes input = { data, size };
	uint8_t manner = fuzz_byte(&input);
	struct weft_server_options options = { .size = sizeof(options),
					       .max_message = manner & 2 ? 64 : 0,
					       .max_concurrent_streams = manner & 4 ? 2 : 0 };
	struct weft_server *server;
	struct peer peer;
	int fds[2];

	if (!worker)
		start();
	assert(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
	assert(weft_server_new(worker, &options, &server) == 0);
	assert(weft_test_answers_add(server, &handlers, NULL) == 0);
	weft_server_adopt(server, fds[0], NULL);
	turn();

	peer_init(&peer, PEER_CLIENT, input);
	converse(fds[1], &peer, manner & 1);
	if (manner & 8)
		weft_server_drain(server, manner & 16 ? 0 : WEFT_SECOND, NULL, NULL);
	if (manner & 32)
		turn();
	close(fds[1]);
	for (int i = 0; weft_server_connections(server) > 0; i++) {
		assert(i < TURNS);
		turn();
	}
	turn();
	assert(weft_server_calls(server) == 0);
	weft_server_free(server);
	peer_fini(&peer);
	return 0;
}
