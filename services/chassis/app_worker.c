/*
 * One worker of a service: its server, its reader and its channels, which come and go on its own
 * loop, as worker 0 orders.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/reflection.h>

#include "app_internal.h"

/* A replica that is back is found within a second; one that is silent is lost after fifteen. PINGs
 * are permitted as etcd permits them, since its resolver asks for as many of our registry. */
#define BACKOFF           (100 * WEFT_MS)
#define BACKOFF_MAX       WEFT_SECOND
#define KEEPALIVE         (10 * WEFT_SECOND)
#define KEEPALIVE_TIMEOUT (5 * WEFT_SECOND)
#define PERMIT_KEEPALIVE  (5 * WEFT_SECOND)

/* The order is carried out; worker 0 counts. */
static void report(struct app_worker *worker, int r)
{
	worker->r = r;
	worker->report.run = app_on_report;
	weft_worker_post(worker->app->workers[0].worker, &worker->report);
}

/* ---- start */

static int open_channels(struct app_worker *worker)
{
	const struct weft_channel_options options = {
		.size = sizeof(options),
		.tls = worker->app->tls.client,
		.balancing = "round_robin",
		.backoff_ns = BACKOFF,
		.backoff_max_ns = BACKOFF_MAX,
		.keepalive_ns = KEEPALIVE,
		.keepalive_timeout_ns = KEEPALIVE_TIMEOUT,
	};
	const char *const *uses = worker->app->service->uses;
	char why[256] = "";
	size_t n = 0;
	int r;

	while (uses && uses[n])
		n++;
	worker->channels = calloc(n + 1, sizeof(struct weft_channel *));
	if (!worker->channels)
		abort();
	for (; worker->n_channels < n; worker->n_channels++) {
		const char *name = uses[worker->n_channels];
		const char *target = app_flags_target(&worker->app->flags, name);
		char registered[64];

		if (!target && worker->app->flags.registry) {
			snprintf(registered, sizeof(registered), "etcd:///%.40s", name);
			target = registered;
		}
		if (!target) {
			snprintf(worker->error, sizeof(worker->error),
				 "nobody says where %.40s is found: --registry TARGET, or "
				 "--target %.40s=TARGET",
				 name, name);
			return -EINVAL;
		}
		r = weft_channel_new(worker->worker, target, &options, why,
				     &worker->channels[worker->n_channels]);
		if (r < 0) {
			snprintf(worker->error, sizeof(worker->error), "--target %.40s: %.180s",
				 name, why);
			return r;
		}
	}
	return 0;
}

static int open_server(struct app_worker *worker)
{
	const struct weft_server_options options = {
		.size = sizeof(options),
		.log_calls = weft_log_enabled(WEFT_LOG_DEBUG),
		.permit_keepalive_ns = PERMIT_KEEPALIVE,
	};
	int r;

	r = weft_server_new(worker->worker, &options, &worker->server);
	if (r == 0)
		r = weft_health_add(worker->app->health, worker->server);
	return r < 0 ? r : weft_reflection_add(worker->server);
}

static int start(struct app_worker *worker)
{
	struct app *app = worker->app;
	int r;

	r = open_channels(worker);
	if (r < 0)
		return r;
	if (app->store) {
		r = store_reader_new(app->store, worker->worker, &worker->reader);
		if (r < 0)
			return r;
	}
	r = open_server(worker);
	if (r == 0)
		r = app->service->start(worker, app->process, &worker->self);
	worker->started = r == 0;
	return r;
}

void app_worker_start(struct weft_task *order)
{
	struct app_worker *worker = weft_container_of(order, struct app_worker, order);

	report(worker, start(worker));
}

/* ---- drain, part, stop */

static void on_drained(struct weft_server *server, void *data)
{
	report(data, 0);
}

void app_worker_drain(struct weft_task *order)
{
	struct app_worker *worker = weft_container_of(order, struct app_worker, order);

	if (worker->started && worker->app->service->drain)
		worker->app->service->drain(worker, worker->self);
	if (worker->server)
		weft_server_drain(worker->server, worker->app->flags.drain_ns, on_drained, worker);
	else
		report(worker, 0); /* it did not get that far */
}

static void on_channel_gone(void *data)
{
	struct app_worker *worker = data;

	if (--worker->closing == 0)
		report(worker, 0);
}

void app_worker_part(struct weft_task *order)
{
	struct app_worker *worker = weft_container_of(order, struct app_worker, order);

	worker->closing = worker->n_channels + 1;
	for (size_t i = 0; i < worker->n_channels; i++)
		weft_channel_close(worker->channels[i], on_channel_gone, worker);
	on_channel_gone(worker);
}

void app_worker_stop(struct weft_task *order)
{
	struct app_worker *worker = weft_container_of(order, struct app_worker, order);

	if (worker->started && worker->app->service->stop)
		worker->app->service->stop(worker, worker->self);
	weft_server_free(worker->server);
	store_reader_free(worker->reader);
	free(worker->channels);
	report(worker, 0);
}

/* ---- what a service asks for */

struct app *app_worker_app(struct app_worker *worker)
{
	return worker->app;
}

struct weft_worker *app_worker_worker(struct app_worker *worker)
{
	return worker->worker;
}

struct weft_server *app_worker_server(struct app_worker *worker)
{
	return worker->server;
}

struct store_reader *app_worker_reader(struct app_worker *worker)
{
	return worker->reader;
}

struct weft_channel *app_worker_channel(struct app_worker *worker, const char *name)
{
	const char *const *uses = worker->app->service->uses;

	for (size_t i = 0; i < worker->n_channels; i++)
		if (!strcmp(uses[i], name))
			return worker->channels[i];
	assert(!"a service that `uses` does not name");
	return NULL;
}
