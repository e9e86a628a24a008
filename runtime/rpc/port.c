/*
 * A port: a listener on one worker that hands each connection to the server with the fewest, as a
 * task posted to that server's worker. The counts are read without a lock: a stale one costs a
 * little balance.
 *
 * A connection on its way may arrive after the port is gone, and even after the server is: the
 * server's memory waits for it (server.h).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/transport.h>

#include "rpc/server.h"

struct weft_port {
	struct weft_listener *listener;
	struct weft_tls *tls; /* or NULL */
	size_t n;
	struct weft_entity *listeners; /* for each server one, all with the same id */
	struct weft_server *servers[];
};

/* A connection on its way to another worker. */
struct handoff {
	struct weft_task task;
	struct weft_server *server;
	struct weft_tls *tls;
	int fd;
};

static void on_handoff(struct weft_task *task)
{
	struct handoff *handoff = weft_container_of(task, struct handoff, task);

	server_keep_promise(handoff->server, handoff->fd, handoff->tls);
	weft_tls_unref(handoff->tls);
	free(handoff);
}

static struct weft_server *least_busy(const struct weft_port *port)
{
	struct weft_server *best = port->servers[0];

	for (size_t i = 1; i < port->n; i++)
		if (weft_server_connections(port->servers[i]) < weft_server_connections(best))
			best = port->servers[i];
	return best;
}

static void on_accept(struct weft_listener *listener, int take_fd, const char *peer, void *data)
{
	struct weft_port *port = data;
	struct handoff *handoff = calloc(1, sizeof(*handoff));

	if (!handoff)
		abort();
	handoff->task.run = on_handoff;
	handoff->server = least_busy(port);
	handoff->tls = port->tls ? weft_tls_ref(port->tls) : NULL;
	handoff->fd = take_fd;
	server_promise(handoff->server);
	weft_worker_post(weft_server_worker(handoff->server), &handoff->task);
}

int weft_port_new(struct weft_worker *worker, const char *address, struct weft_tls *tls,
		  struct weft_server *const *servers, size_t n, char error[256],
		  struct weft_port **ret_port)
{
	struct weft_port *port = calloc(1, sizeof(*port) + n * sizeof(port->servers[0]));
	int r;

	if (!port)
		abort();
	memcpy(port->servers, servers, n * sizeof(port->servers[0]));
	port->n = n;
	r = weft_listener_new(worker, address, on_accept, port, error, &port->listener);
	if (r < 0) {
		free(port);
		return r;
	}
	port->tls = tls ? weft_tls_ref(tls) : NULL;
	port->listeners = calloc(n, sizeof(*port->listeners));
	if (!port->listeners)
		abort();
	for (size_t i = 0; i < n; i++) {
		port->listeners[i].id = port->listeners[0].id;
		server_add_port(servers[i], &port->listeners[i], weft_port_address(port));
	}
	*ret_port = port;
	return 0;
}

const char *weft_port_address(const struct weft_port *port)
{
	return weft_listener_address(port->listener);
}

void weft_port_free(struct weft_port *port)
{
	if (!port)
		return;
	for (size_t i = 0; i < port->n; i++)
		server_remove_port(port->servers[i], &port->listeners[i]);
	free(port->listeners);
	weft_listener_free(port->listener);
	weft_tls_unref(port->tls);
	free(port);
}
