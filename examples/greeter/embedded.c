/*
 * The server on an event loop of the program's own: greeter-embedded [ADDRESS] has a loop of
 * libev's with a timer and a signal on it, and puts a worker beside them. It prints the address it
 * listens at, and each time its timer fires how many have been greeted by then; SIGTERM ends it.
 */
#include <ev.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/arena.h>
#include <weft/server.h>

#include "greeter.weft.h"

struct program {
	struct weft_worker *worker;
	struct weft_server *server;
	struct weft_port *port;
	unsigned greeted;
	ev_timer tick;
	ev_signal end;
};

static int greet(struct weft_call *call, const Greeter__V1__GreetRequest *req, void *self)
{
	Greeter__V1__Greeting greeting = GREETER__V1__GREETING__INIT;
	struct program *program = self;

	program->greeted++;
	greeting.text = weft_arena_printf(weft_call_arena(call), "Hello, %s", req->name);
	return greeter_v1_greet_reply(call, &greeting);
}

static const struct greeter_v1_handlers handlers = { .greet = greet };

static void on_tick(struct ev_loop *ev, ev_timer *tick, int events)
{
	struct program *program = tick->data;

	printf("greeted %u\n", program->greeted);
	fflush(stdout);
}

static void on_end(struct ev_loop *ev, ev_signal *end, int events)
{
	ev_break(ev, EVBREAK_ALL);
}

/* What was there before Weft, and does not know of it. */
static void start_own_watches(struct program *program, struct ev_loop *ev)
{
	ev_timer_init(&program->tick, on_tick, 0.05, 0.05);
	program->tick.data = program;
	ev_timer_start(ev, &program->tick);
	ev_signal_init(&program->end, on_end, SIGTERM);
	ev_signal_start(ev, &program->end);
}

static int serve(struct program *program, struct ev_loop *ev, const char *address)
{
	char error[256];

	if (weft_worker_new_on(0, ev, &program->worker) < 0 ||
	    weft_server_new(program->worker, NULL, &program->server) < 0)
		return EXIT_FAILURE;
	greeter_v1_add(program->server, &handlers, program);
	if (weft_port_new(program->worker, address, NULL, &program->server, 1, error,
			  &program->port) < 0) {
		fprintf(stderr, "greeter-embedded: %s\n", error);
		return EXIT_FAILURE;
	}
	printf("%s\n", weft_port_address(program->port));
	fflush(stdout);
	ev_run(ev, 0);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct ev_loop *ev = ev_default_loop(0);
	struct program program = { 0 };
	int r;

	start_own_watches(&program, ev);
	r = serve(&program, ev, argc > 1 ? argv[1] : "127.0.0.1:0");
	weft_port_free(program.port);
	weft_server_free(program.server);
	weft_worker_free(program.worker);
	ev_loop_destroy(ev);
	return r;
}
