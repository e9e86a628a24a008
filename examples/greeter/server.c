/*
 * A server: one worker, one port, one service and its health. greeter-server [ADDRESS] prints the
 * address it listens at, and goes on until SIGTERM or SIGINT, when it drains.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/arena.h>
#include <weft/health.h>
#include <weft/server.h>

#include "greeter.weft.h"

struct greeter {
	struct weft_worker *worker;
	struct weft_server *server;
	struct weft_port *port;
	struct weft_health *health;
};

static int greet(struct weft_call *call, const Greeter__V1__GreetRequest *req, void *self)
{
	Greeter__V1__Greeting greeting = GREETER__V1__GREETING__INIT;

	if (!req->name[0])
		return weft_call_fail(call, WEFT_INVALID_ARGUMENT, "a greeting needs a name");
	greeting.text = weft_arena_printf(weft_call_arena(call), "Hello, %s", req->name);
	return greeter_v1_greet_reply(call, &greeting);
}

/* A stream is pulled: the pump runs whenever the client can take more. */
struct again {
	const char *name;
	unsigned sent;
	unsigned times;
};

static int again_pump(struct weft_call *call, void *data)
{
	struct weft_arena *scratch = weft_call_scratch(call);
	struct again *again = data;

	while (weft_call_writable(call)) {
		Greeter__V1__Greeting greeting = GREETER__V1__GREETING__INIT;
		int r;

		if (again->sent == again->times)
			return weft_call_finish(call);
		weft_arena_reset(scratch);
		again->sent++;
		greeting.text = weft_arena_printf(scratch, "Hello, %s, for the %uth time",
						  again->name, again->sent);
		r = greeter_v1_greet_again_send(call, &greeting);
		if (r < 0)
			return r;
	}
	return 0;
}

static int greet_again(struct weft_call *call, const Greeter__V1__GreetAgainRequest *req,
		       void *self)
{
	struct again *again = weft_arena_new_array(weft_call_arena(call), struct again, 1);

	again->name = req->name; /* lives as long as the call */
	again->times = req->times;
	weft_call_on_ready(call, again_pump, again);
	return 0;
}

static const struct greeter_v1_handlers handlers = {
	.greet = greet,
	.greet_again = greet_again,
};

static void on_drained(struct weft_server *server, void *data)
{
	struct greeter *greeter = data;

	weft_worker_stop(greeter->worker);
}

static void on_signal(int signal, void *data)
{
	struct greeter *greeter = data;

	if (!greeter->port)
		return; /* draining already */
	weft_health_shutdown(greeter->health);
	weft_port_free(greeter->port);
	greeter->port = NULL;
	weft_server_drain(greeter->server, 5 * WEFT_SECOND, on_drained, greeter);
}

static int listen_at(struct greeter *greeter, const char *address)
{
	char error[256];
	int r;

	r = weft_port_new(greeter->worker, address, NULL, &greeter->server, 1, error,
			  &greeter->port);
	if (r < 0) {
		fprintf(stderr, "greeter-server: %s\n", error);
		return r;
	}
	printf("%s\n", weft_port_address(greeter->port));
	fflush(stdout);
	return 0;
}

int main(int argc, char **argv)
{
	struct weft_signal *sigterm, *sigint;
	struct greeter greeter = { 0 };
	int r;

	if (weft_worker_new(0, &greeter.worker) < 0 ||
	    weft_server_new(greeter.worker, NULL, &greeter.server) < 0 ||
	    weft_health_new(&greeter.health) < 0)
		return EXIT_FAILURE;
	sigterm = weft_signal_new(weft_worker_loop(greeter.worker), SIGTERM, on_signal, &greeter);
	sigint = weft_signal_new(weft_worker_loop(greeter.worker), SIGINT, on_signal, &greeter);
	greeter_v1_add(greeter.server, &handlers, &greeter);
	weft_health_add(greeter.health, greeter.server);
	weft_health_set(greeter.health, "", WEFT_HEALTH_SERVING);
	weft_health_set(greeter.health, "greeter.v1.Greeter", WEFT_HEALTH_SERVING);

	r = listen_at(&greeter, argc > 1 ? argv[1] : "127.0.0.1:0");
	if (r >= 0)
		weft_worker_run(greeter.worker);

	weft_signal_free(sigterm);
	weft_signal_free(sigint);
	weft_server_free(greeter.server);
	weft_worker_free(greeter.worker);
	weft_health_free(greeter.health);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
