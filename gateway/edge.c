/* The edge's life: built, serving, draining, gone. */
#include "edge.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "listener.h"

static int edge_load_tls(struct edge *edge, const struct config *config, char error[256])
{
	static const char *const protocols[] = { "h2", "http/1.1", NULL };
	const struct weft_tls_options front = {
		.size = sizeof(front),
		.cert_file = config->tls_cert,
		.key_file = config->tls_key,
		.alpn = protocols,
	};

	return config->tls_cert ? weft_tls_server_new(&front, error, &edge->front_tls) : 0;
}

static void on_grace(struct weft_timer *timer, void *data);
static void drain_worker(struct weft_task *task);

static int edge_add_worker(struct edge *edge, struct site *site, char error[256])
{
	struct edge_worker *worker = &edge->workers[edge->n_workers];
	int r;

	*worker = (struct edge_worker) { .edge = edge, .drain.run = drain_worker };
	weft_list_init(&worker->connections);
	weft_timer_init(&worker->grace, on_grace, worker);
	r = weft_worker_new((unsigned)edge->n_workers, &worker->worker);
	if (r < 0) {
		snprintf(error, 256, "a worker: %s", weft_errno_string(r));
		return r;
	}
	edge->n_workers++;
	return view_new(worker, site, NULL, error, &worker->view);
}

int edge_new(struct site *site, char error[256], struct edge **ret_edge)
{
	struct edge *edge = calloc(1, sizeof(*edge));
	int r;

	if (edge)
		edge->workers = calloc(site->config.workers, sizeof(*edge->workers));
	if (!edge || !edge->workers) {
		free(edge);
		snprintf(error, 256, "out of memory");
		return -ENOMEM;
	}
	r = edge_load_tls(edge, &site->config, error);
	while (r == 0 && edge->n_workers < site->config.workers)
		r = edge_add_worker(edge, site, error);
	if (r < 0) {
		edge_free(edge);
		return r;
	}
	*ret_edge = edge;
	return 0;
}

void edge_free(struct edge *edge)
{
	if (!edge)
		return;
	listener_free(edge->listener);
	for (size_t i = 0; i < edge->n_workers; i++) {
		view_free(edge->workers[i].view);
		weft_worker_free(edge->workers[i].worker);
	}
	weft_tls_unref(edge->front_tls);
	free(edge->workers);
	free(edge);
}

const struct site *edge_site(const struct edge *edge)
{
	return edge->workers[0].view->site;
}

const struct config *edge_config(const struct edge_worker *worker)
{
	return &worker->view->site->config;
}

/* A new state on its way to a worker. */
struct news {
	struct weft_task task;
	struct edge_worker *worker;
	struct site *site;
};

static void take_news(struct weft_task *task)
{
	struct news *news = weft_container_of(task, struct news, task);
	struct edge_worker *worker = news->worker;
	struct view *before = worker->view, *view;
	char error[256];

	if (!before || worker->draining) {
		/* too late for it */
	} else if (view_new(worker, news->site, before, error, &view) < 0) {
		weft_log_error("a worker keeps its configuration", WEFT_STR("why", error));
	} else {
		worker->view = view;
		view_unref(before);
	}
	site_unref(news->site);
	free(news);
}

void edge_set_site(struct edge *edge, struct site *site)
{
	for (size_t i = 0; i < edge->n_workers; i++) {
		struct news *news = calloc(1, sizeof(*news));

		if (!news)
			abort();
		news->task.run = take_news;
		news->worker = &edge->workers[i];
		news->site = site_ref(site);
		weft_worker_post(news->worker->worker, &news->task);
	}
}

int edge_listen(struct edge *edge, char error[256])
{
	return listener_new(edge, error, &edge->listener);
}

void edge_url(const struct edge *edge, char url[256])
{
	snprintf(url, 256, "%s://%s", edge->front_tls ? "https" : "http",
		 listener_address(edge->listener));
}

int edge_run(struct edge *edge)
{
	size_t started = 1;
	int r = 0;

	atomic_store(&edge->n_busy, edge->n_workers);
	while (r == 0 && started < edge->n_workers) {
		r = weft_worker_start(edge->workers[started].worker);
		if (r == 0)
			started++;
	}
	if (r == 0)
		weft_worker_run(edge->workers[0].worker);
	for (size_t i = 1; i < started; i++) {
		if (r < 0)
			weft_worker_stop(edge->workers[i].worker);
		weft_worker_join(edge->workers[i].worker);
	}
	return r;
}

/* Draining. A worker is done when it has neither connections nor requests; the last one stops
 * all, because a loop that still runs may be needed by nobody else. */

void edge_view_closed(struct edge_worker *worker)
{
	struct edge *edge = worker->edge;

	if (--worker->n_views > 0 || !worker->draining)
		return;
	worker->draining = false;
	if (atomic_fetch_sub(&edge->n_busy, 1) > 1)
		return;
	for (size_t i = 0; i < edge->n_workers; i++)
		weft_worker_stop(edge->workers[i].worker);
}

static void check_drained(struct edge_worker *worker)
{
	struct view *view = worker->view;

	if (!worker->draining || !view || !weft_list_empty(&worker->connections) ||
	    worker->n_exchanges > 0)
		return;
	weft_timer_stop(weft_worker_loop(worker->worker), &worker->grace);
	worker->view = NULL;
	view_unref(view);
}

static void on_grace(struct weft_timer *timer, void *data)
{
	struct edge_worker *worker = data;

	weft_log_warning("the grace of the drain is over",
			 WEFT_UINT("connections", atomic_load(&worker->n_connections)));
	weft_list_each (node, next, &worker->connections) {
		struct edge_connection *connection =
			weft_list_entry(node, struct edge_connection, node);

		connection->ops->close(connection);
	}
}

static void drain_worker(struct weft_task *task)
{
	struct edge_worker *worker = weft_container_of(task, struct edge_worker, drain);

	worker->draining = true;
	weft_timer_start(weft_worker_loop(worker->worker), &worker->grace,
			 edge_config(worker)->drain_ns);
	weft_list_each (node, next, &worker->connections) {
		struct edge_connection *connection =
			weft_list_entry(node, struct edge_connection, node);

		connection->ops->drain(connection);
	}
	check_drained(worker);
}

void edge_drain(struct edge *edge)
{
	listener_free(edge->listener);
	edge->listener = NULL;
	for (size_t i = 0; i < edge->n_workers; i++)
		weft_worker_post(edge->workers[i].worker, &edge->workers[i].drain);
}

void edge_connection_add(struct edge_connection *connection, struct edge_worker *worker,
			 const struct edge_connection_ops *ops)
{
	connection->worker = worker;
	connection->ops = ops;
	weft_list_append(&worker->connections, &connection->node);
}

void edge_connection_remove(struct edge_connection *connection)
{
	struct edge_worker *worker = connection->worker;

	weft_list_remove(&connection->node);
	atomic_fetch_sub(&worker->n_connections, 1);
	check_drained(worker);
}

void edge_connection_replace(struct edge_connection *connection, struct edge_connection *by,
			     const struct edge_connection_ops *ops)
{
	by->worker = connection->worker;
	by->ops = ops;
	weft_list_insert_before(&connection->node, &by->node);
	weft_list_remove(&connection->node);
}

void edge_exchange_add(struct edge_worker *worker)
{
	worker->n_exchanges++;
}

void edge_exchange_remove(struct edge_worker *worker)
{
	assert(worker->n_exchanges > 0);
	worker->n_exchanges--;
	check_drained(worker);
}
