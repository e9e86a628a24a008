/*
 * An `arrival` is a connection that has not said yet what it speaks. It is replaced by an http1 or
 * an http2 connection, which takes its transport and the bytes that were read.
 */
#include "listener.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/log.h>
#include <weft/transport.h>

#include "edge.h"
#include "http1.h"
#include "http2.h"

struct listener {
	struct edge *edge;
	struct weft_listener *listener;
	bool full; /* has been logged */
};

/* An accepted socket on its way to its worker, and then the connection's first moments. */
struct arrival {
	struct edge_connection connection;
	struct weft_task task;
	struct weft_transport *transport;
	struct weft_timer timer;
	int fd;
	uint8_t seen[3]; /* of "PRI * HTTP/2.0…" */
	size_t n_seen;
};

static const uint8_t preface[3] = { 'P', 'R', 'I' };

static void arrival_drain(struct edge_connection *connection)
{
	struct arrival *arrival = weft_container_of(connection, struct arrival, connection);

	weft_transport_close(arrival->transport, true);
}

static const struct edge_connection_ops arrival_ops = {
	.drain = arrival_drain,
	.close = arrival_drain,
};

static void on_silence(struct weft_timer *timer, void *data)
{
	struct arrival *arrival = data;

	weft_transport_close(arrival->transport, true);
}

/* Hands over the transport, what was read of the preface, and the bytes after it. The arrival is
 * gone then. */
static void become(struct arrival *arrival, bool http2, const uint8_t *bytes, size_t len)
{
	struct weft_loop *loop = weft_worker_loop(arrival->connection.worker->worker);

	weft_timer_stop(loop, &arrival->timer);
	if (http2) {
		struct weft_h2 *h2 = http2_take(&arrival->connection, arrival->transport);

		weft_h2_receive(h2, arrival->seen, arrival->n_seen);
		weft_h2_receive(h2, bytes, len);
	} else {
		struct http1 *http1 = http1_take(&arrival->connection, arrival->transport);

		http1_receive(http1, arrival->seen, arrival->n_seen);
		http1_receive(http1, bytes, len);
	}
	free(arrival);
}

static void on_open(struct weft_transport *transport, void *data)
{
	struct arrival *arrival = data;
	struct edge_worker *worker = arrival->connection.worker;

	if (weft_transport_is_tls(transport))
		become(arrival, strcmp(weft_transport_alpn(transport), "h2") == 0, NULL, 0);
	else
		weft_timer_start(weft_worker_loop(worker->worker), &arrival->timer,
				 edge_config(worker)->head_timeout_ns);
}

static void on_data(struct weft_transport *transport, const uint8_t *bytes, size_t len, void *data)
{
	struct arrival *arrival = data;
	size_t n = 0;

	while (n < len && arrival->n_seen < sizeof(preface) && bytes[n] == preface[arrival->n_seen])
		arrival->seen[arrival->n_seen++] = bytes[n++];
	if (n < len || arrival->n_seen == sizeof(preface))
		become(arrival, arrival->n_seen == sizeof(preface), bytes + n, len - n);
}

static size_t on_flush(struct weft_transport *transport, uint8_t *room, size_t cap, void *data)
{
	return 0;
}

static void on_close(struct weft_transport *transport, int error, void *data)
{
	struct arrival *arrival = data;

	if (error < 0)
		weft_log_debug("a connection failed before its first request",
			       WEFT_STR("peer", weft_transport_peer(transport)),
			       WEFT_STR("why", weft_transport_error(transport)));
	weft_timer_stop(weft_worker_loop(arrival->connection.worker->worker), &arrival->timer);
	edge_connection_remove(&arrival->connection);
	free(arrival);
}

static const struct weft_transport_events arrival_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_flush = on_flush,
	.on_close = on_close,
};

/* On the connection's worker. */
static void arrive(struct weft_task *task)
{
	struct arrival *arrival = weft_container_of(task, struct arrival, task);
	struct edge_worker *worker = arrival->connection.worker;

	edge_connection_add(&arrival->connection, worker, &arrival_ops);
	weft_timer_init(&arrival->timer, on_silence, arrival);
	arrival->transport = weft_transport_accept(
		worker->worker, arrival->fd, worker->edge->front_tls,
		edge_config(worker)->head_timeout_ns, &arrival_events, arrival);
}

static struct edge_worker *choose_worker(struct edge *edge)
{
	struct edge_worker *best = &edge->workers[0];

	for (size_t i = 1; i < edge->n_workers; i++) {
		if (atomic_load(&edge->workers[i].n_connections) <
		    atomic_load(&best->n_connections))
			best = &edge->workers[i];
	}
	return best;
}

static void on_accept(struct weft_listener *weft_listener, int take_fd, const char *peer,
		      void *data)
{
	struct listener *listener = data;
	struct edge_worker *worker = choose_worker(listener->edge);
	bool full = atomic_load(&worker->n_connections) >=
		    edge_site(listener->edge)->config.max_connections;
	struct arrival *arrival = full ? NULL : calloc(1, sizeof(*arrival));

	if (full != listener->full)
		weft_log_warning(full ? "connections are turned away: every worker is full"
				      : "connections are accepted again");
	listener->full = full;
	if (!arrival) {
		close(take_fd);
		return;
	}
	arrival->fd = take_fd;
	arrival->connection.worker = worker;
	arrival->task.run = arrive;
	atomic_fetch_add(&worker->n_connections, 1);
	weft_worker_post(worker->worker, &arrival->task);
}

int listener_new(struct edge *edge, char error[256], struct listener **ret_listener)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	int r;

	if (!listener)
		return -ENOMEM;
	listener->edge = edge;
	r = weft_listener_new(edge->workers[0].worker, edge_site(edge)->config.listen, on_accept,
			      listener, error, &listener->listener);
	if (r < 0) {
		free(listener);
		return r;
	}
	*ret_listener = listener;
	return 0;
}

void listener_free(struct listener *listener)
{
	if (!listener)
		return;
	weft_listener_free(listener->listener);
	free(listener);
}

const char *listener_address(const struct listener *listener)
{
	return weft_listener_address(listener->listener);
}
