/*
 * A replica of chaos.v1.Replica:
 *
 *	chaos_replica LEDGER [ADDRESS]
 *
 * It listens there, or at a free port of loopback, and prints where. Whatever call it gets to see
 * it writes into the file LEDGER, at once and before it answers, so that what has been done is
 * known of a replica that was killed too: "read ID" or "write ID", and behind them " failed" while
 * it is told to fail. SIGTERM drains it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <weft/server.h>

#include "chaos.weft.h"

#define DRAIN_GRACE (10 * WEFT_SECOND)

struct replica {
	struct weft_worker *worker;
	struct weft_server *server;
	struct weft_port *port;
	struct weft_signal *terminate;
	int ledger;
	uint64_t calls;
	Chaos__V1__Behaviour behaviour;
};

/* An answer that is still to come; memory of the call. */
struct answer {
	struct weft_timer timer;
	struct weft_call *call;
	weft_fn *reply; /* the method's, by its true type */
	bool slow;
};

typedef int reply_fn(struct weft_call *call, const Chaos__V1__Response *response);

static int reply(struct answer *answer)
{
	Chaos__V1__Response response = CHAOS__V1__RESPONSE__INIT;

	response.slow = answer->slow;
	return ((reply_fn *)answer->reply)(answer->call, &response);
}

static void on_time(struct weft_timer *timer, void *data)
{
	reply(data);
}

static void on_cancelled(struct weft_call *call, void *data)
{
	struct answer *answer = data;

	weft_timer_stop(weft_worker_loop(weft_call_worker(call)), &answer->timer);
}

static void enter(const struct replica *replica, const char *method, uint64_t id)
{
	if (dprintf(replica->ledger, "%s %" PRIu64 "%s\n", method, id,
		    replica->behaviour.failing ? " failed" : "") < 0)
		abort();
}

static int take(struct replica *replica, struct weft_call *call, weft_fn *reply_cb)
{
	const Chaos__V1__Behaviour *behaviour = &replica->behaviour;
	struct answer *answer;
	uint32_t ms;

	if (behaviour->failing)
		return weft_call_fail(call, WEFT_UNAVAILABLE, "told to fail");
	answer = weft_arena_zalloc(weft_call_arena(call), sizeof(*answer));
	answer->call = call;
	answer->reply = reply_cb;
	answer->slow = behaviour->slow_every && replica->calls++ % behaviour->slow_every == 0;
	ms = answer->slow ? behaviour->slow_ms : behaviour->answer_ms;
	if (ms == 0)
		return reply(answer);
	weft_timer_init(&answer->timer, on_time, answer);
	weft_timer_start(weft_worker_loop(replica->worker), &answer->timer, ms * WEFT_MS);
	weft_call_on_cancel(call, on_cancelled, answer);
	return 0;
}

static int do_read(struct weft_call *call, const Chaos__V1__Request *req, void *self)
{
	enter(self, "read", req->id);
	return take(self, call, (weft_fn *)chaos_v1_replica_read_reply);
}

static int do_write(struct weft_call *call, const Chaos__V1__Request *req, void *self)
{
	enter(self, "write", req->id);
	return take(self, call, (weft_fn *)chaos_v1_replica_write_reply);
}

static int do_behave(struct weft_call *call, const Chaos__V1__Behaviour *req, void *self)
{
	struct replica *replica = self;

	replica->behaviour.answer_ms = req->answer_ms;
	replica->behaviour.slow_every = req->slow_every;
	replica->behaviour.slow_ms = req->slow_ms;
	replica->behaviour.failing = req->failing;
	replica->calls = 0;
	return chaos_v1_replica_behave_reply(call, req);
}

/* ---- the program */

static void on_drained(struct weft_server *server, void *data)
{
	weft_worker_stop(((struct replica *)data)->worker);
}

static void on_signal(int signal, void *data)
{
	struct replica *replica = data;

	if (!replica->port)
		return;
	weft_port_free(replica->port);
	replica->port = NULL;
	weft_server_drain(replica->server, DRAIN_GRACE, on_drained, replica);
}

static void start(struct replica *replica, const char *address)
{
	static const struct chaos_v1_replica_handlers handlers = {
		.read = do_read,
		.write = do_write,
		.behave = do_behave,
	};
	char error[256] = "cannot begin";

	chaos__v1__behaviour__init(&replica->behaviour);
	if (weft_worker_new(0, &replica->worker) < 0 ||
	    weft_server_new(replica->worker, NULL, &replica->server) < 0 ||
	    chaos_v1_replica_add(replica->server, &handlers, replica) < 0 ||
	    weft_port_new(replica->worker, address, NULL, &replica->server, 1, error,
			  &replica->port) < 0) {
		fprintf(stderr, "chaos_replica: %s\n", error);
		exit(1);
	}
	replica->terminate =
		weft_signal_new(weft_worker_loop(replica->worker), SIGTERM, on_signal, replica);
}

int main(int argc, char **argv)
{
	struct replica replica = { 0 };

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: chaos_replica LEDGER [ADDRESS]\n");
		return 2;
	}
	replica.ledger = open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (replica.ledger < 0) {
		perror(argv[1]);
		return 1;
	}
	weft_log_set_service("chaos-replica");
	start(&replica, argc == 3 ? argv[2] : "127.0.0.1:0");
	printf("%s\n", weft_port_address(replica.port));
	fflush(stdout);
	weft_worker_run(replica.worker);
	weft_signal_free(replica.terminate);
	weft_server_free(replica.server);
	weft_worker_free(replica.worker);
	close(replica.ledger);
	return 0;
}
