/*
 * The life of a service's process, which worker 0 leads; it runs on the main thread.
 *
 *	STARTING ──▶ SERVING ──signal──▶ LEAVING ──▶ … ──▶ STOPPED      (enum app_state)
 *	   └──── something cannot start ────▲
 *
 * Worker 0 orders (start, drain, part, stop), each worker carries it out on its own loop and
 * reports; the last report takes the next step. Before the loops: flags, TLS and the store, which
 * may block. After them: the store's end, which may block as well.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/channelz.h>
#include <weft/etcd.h>

#include "app_internal.h"

static struct weft_worker *first(struct app *app)
{
	return app->workers[0].worker;
}

/* The one line about why it does not start. */
static void say_no(struct app *app, const char *why)
{
	weft_log_error("cannot start", WEFT_STR("error", why));
	app->exit_code = 1;
}

/* ---- health */

/* What the process can do while it serves, on both ports and for each of its services. */
static void tell_health(struct app *app)
{
	bool failing = atomic_load(&app->store_failing);
	enum weft_health_state state = failing ? WEFT_HEALTH_NOT_SERVING : WEFT_HEALTH_SERVING;
	const struct weft_service *const *provides = app->service->provides;

	weft_health_set(app->health, "", state);
	for (; provides && *provides; provides++)
		weft_health_set(app->health, (*provides)->name, state);
}

static void on_store_news(struct weft_task *task)
{
	struct app *app = weft_container_of(task, struct app, store_news);

	atomic_store(&app->store_news_posted, false);
	if (app->state == APP_SERVING)
		tell_health(app);
}

/* On the writer's thread. */
static void on_store_failing(bool failing, void *data)
{
	struct app *app = data;

	atomic_store(&app->store_failing, failing);
	if (!atomic_exchange(&app->store_news_posted, true))
		weft_worker_post(first(app), &app->store_news);
}

/* ---- the address file */

/* Renamed into place, so that nobody ever reads half an address. */
static int announce(struct app *app, const char *address, char error[256])
{
	const char *path = app->flags.address_file;
	char *draft = NULL;
	FILE *file;
	bool good;

	if (!path)
		return 0;
	if (asprintf(&draft, "%s.%d", path, (int)getpid()) < 0)
		abort();
	file = fopen(draft, "we");
	good = file && fprintf(file, "%s\n", address) > 0;
	good = file && fclose(file) == 0 && good;
	app->announced = good && rename(draft, path) == 0;
	if (!app->announced) {
		snprintf(error, 256, "--address-file %.180s: %s", path, strerror(errno));
		unlink(draft);
	}
	free(draft);
	return app->announced ? 0 : -EIO;
}

static void withdraw(struct app *app)
{
	if (app->announced)
		unlink(app->flags.address_file);
	app->announced = false;
}

/* ---- orders to the workers */

static void order(struct app *app, weft_task_cb *run)
{
	app->reports = app->n_workers;
	for (size_t i = 0; i < app->n_workers; i++) {
		app->workers[i].order.run = run;
		weft_worker_post(app->workers[i].worker, &app->workers[i].order);
	}
}

static int open_port(struct app *app, char error[256])
{
	struct weft_server *servers[APP_WORKERS_MAX];
	char why[256] = "";
	int r;

	for (size_t i = 0; i < app->n_workers; i++)
		servers[i] = app->workers[i].server;
	r = weft_port_new(first(app), app->flags.listen, app->tls.server, servers, app->n_workers,
			  why, &app->port);
	if (r < 0)
		snprintf(error, 256, "--listen: %.200s", why);
	return r;
}

static int open_health_port(struct app *app, char error[256])
{
	char why[256] = "";
	int r;

	r = weft_server_new(first(app), NULL, &app->health_server);
	if (r == 0)
		r = weft_health_add(app->health, app->health_server);
	if (r == 0)
		r = weft_channelz_add(app->health_server);
	if (r == 0)
		r = weft_port_new(first(app), app->flags.health_listen, NULL, &app->health_server,
				  1, why, &app->health_port);
	if (r < 0)
		snprintf(error, 256, "--health-listen: %.200s", *why ? why : weft_errno_string(r));
	return r;
}

/* ---- the steps, in the order in which they come */

static void set_state(struct app *app, enum app_state state);

/* The first worker that could not start says why. */
static const char *why_not_started(struct app *app)
{
	for (size_t i = 0; i < app->n_workers; i++) {
		struct app_worker *worker = &app->workers[i];

		if (worker->r < 0)
			return worker->error[0] ? worker->error : weft_errno_string(worker->r);
	}
	return NULL;
}

static int open_ports(struct app *app, char error[256])
{
	int r;

	r = open_health_port(app, error);
	if (r == 0)
		r = open_port(app, error);
	if (r == 0)
		r = announce(app, weft_port_address(app->port), error);
	return r < 0 ? r : app_discovery_begin(app, weft_port_address(app->port), error);
}

static void on_started(struct app *app)
{
	const char *why = why_not_started(app);
	char error[256] = "";

	if (!why && open_ports(app, error) < 0)
		why = error;
	if (why)
		say_no(app, why);
	if (why || app->signalled) {
		set_state(app, APP_LEAVING);
		return;
	}
	set_state(app, APP_SERVING);
	weft_log_info("listening", WEFT_STR("address", weft_port_address(app->port)),
		      WEFT_STR("health", weft_port_address(app->health_port)),
		      WEFT_BOOL("tls", app->tls.server != NULL),
		      WEFT_UINT("workers", app->n_workers));
}

static void on_next(struct weft_task *task)
{
	struct app *app = weft_container_of(task, struct app, next);

	set_state(app, app->state + 1);
}

/* No call is left. What works by itself ends, and then come the writer's last answers. */
static void settle(struct app *app)
{
	if (app->process_started && app->service->stop_process)
		app->service->stop_process(app, app->process);
	app->process_started = false;
	if (app->store)
		store_settle(app->store, first(app), &app->next);
	else
		weft_worker_post(first(app), &app->next);
}

/* The server cannot be freed in its own callback. */
static void on_health_drained(struct weft_server *server, void *data)
{
	struct app *app = data;

	weft_worker_post(first(app), &app->next);
}

static void silence(struct app *app)
{
	weft_port_free(app->health_port);
	if (app->health_server)
		weft_server_drain(app->health_server, 0, on_health_drained, app);
	else
		weft_worker_post(first(app), &app->next);
}

static void finish(struct app *app)
{
	weft_server_free(app->health_server);
	/* From here on a signal does what it does by default: the store's end may block. */
	for (size_t i = 0; i < WEFT_COUNT(app->signals); i++)
		weft_signal_free(app->signals[i]);
	app_tls_unwatch(&app->tls);
	weft_worker_stop(first(app));
}

/* The only place where the state changes, with all that belongs to it. */
static void set_state(struct app *app, enum app_state state)
{
	app->state = state;
	switch (state) {
	case APP_STARTING: order(app, app_worker_start); break;
	case APP_SERVING: tell_health(app); break;
	case APP_LEAVING:
		weft_health_shutdown(app->health); /* a Watch would keep its connection open */
		withdraw(app);
		app_discovery_end(app);
		break;
	case APP_DRAINING:
		weft_port_free(app->port);
		app->port = NULL;
		order(app, app_worker_drain);
		break;
	case APP_SETTLING: settle(app); break;
	case APP_PARTING: order(app, app_worker_part); break;
	case APP_RESTING: settle(app); break;
	case APP_STOPPING: order(app, app_worker_stop); break;
	case APP_SILENT: silence(app); break;
	case APP_STOPPED: finish(app); break;
	}
}

void app_on_report(struct weft_task *report)
{
	struct app *app = weft_container_of(report, struct app_worker, report)->app;

	if (--app->reports > 0)
		return;
	if (app->state == APP_STARTING)
		on_started(app);
	else
		set_state(app, app->state + 1);
}

static void on_signal(int signal, void *data)
{
	struct app *app = data;

	if (app->signalled) {
		weft_log_warning("stopped at once", WEFT_INT("signal", signal));
		withdraw(app);
		_exit(1);
	}
	app->signalled = true;
	weft_log_info("stopping", WEFT_INT("signal", signal));
	if (app->state == APP_SERVING)
		set_state(app, APP_LEAVING);
}

static void on_begin(struct weft_task *task)
{
	struct app *app = weft_container_of(task, struct app, begin);
	int r = 0;

	app->signals[0] = weft_signal_new(weft_worker_loop(first(app)), SIGTERM, on_signal, app);
	app->signals[1] = weft_signal_new(weft_worker_loop(first(app)), SIGINT, on_signal, app);
	app_tls_watch(&app->tls, weft_worker_loop(first(app)));
	if (app->service->start_process)
		r = app->service->start_process(app, &app->process);
	app->process_started = r == 0;
	if (r == 0) {
		set_state(app, APP_STARTING);
	} else {
		say_no(app, weft_errno_string(r));
		set_state(app, APP_LEAVING);
	}
}

/* ---- before and after the loops */

/* Like mkdir -p. */
static int make_folder(const char *path, char error[256])
{
	char *at = strdup(path);
	int r = 0;

	if (!at)
		abort();
	for (char *slash = at; slash && r == 0;) {
		slash = strchr(slash + 1, '/');
		if (slash)
			*slash = '\0';
		if (mkdir(at, 0700) < 0 && errno != EEXIST)
			r = -errno;
		if (slash)
			*slash = '/';
	}
	if (r < 0)
		snprintf(error, 256, "--data %.180s: %s", path, weft_errno_string(r));
	free(at);
	return r;
}

static int open_store(struct app *app, char error[256])
{
	const struct store_options options = {
		.size = sizeof(options),
		.on_failing = on_store_failing,
		.data = app,
	};
	char *path = NULL;
	int r;

	if (!app->service->migrations)
		return 0;
	r = make_folder(app->flags.data, error);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/%s.db", app->flags.data, app->service->name) < 0)
		abort();
	r = store_open(path, app->service->migrations, app->service->n_migrations, &options, error,
		       &app->store);
	free(path);
	return r;
}

static int make_workers(struct app *app)
{
	int r;

	app->workers = calloc(app->flags.workers, sizeof(*app->workers));
	if (!app->workers)
		abort();
	for (; app->n_workers < app->flags.workers; app->n_workers++) {
		struct app_worker *worker = &app->workers[app->n_workers];

		worker->app = app;
		r = weft_worker_new((unsigned)app->n_workers, &worker->worker);
		if (r < 0)
			return r;
	}
	for (size_t i = 1; i < app->n_workers; i++) {
		r = weft_worker_start(app->workers[i].worker);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Connections are descriptors, and the usual 1,024 are few. */
static void raise_limits(void)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int prepare(struct app *app, char error[256])
{
	int r;

	r = app_tls_open(&app->tls, &app->flags, error);
	if (r < 0)
		return r;
	weft_etcd_register(app->flags.registry, app->tls.client);
	r = make_workers(app);
	if (r < 0)
		snprintf(error, 256, "%s", weft_errno_string(r));
	return r < 0 ? r : open_store(app, error);
}

static void serve(struct app *app)
{
	weft_worker_post(first(app), &app->begin);
	weft_worker_run(first(app));
}

static void fini(struct app *app)
{
	store_close(app->store);
	for (size_t i = app->n_workers; i > 0; i--)
		weft_worker_free(app->workers[i - 1].worker);
	free(app->workers);
	weft_health_free(app->health);
	app_tls_close(&app->tls);
}

int app_run(const struct app_service *service, int argc, char **argv)
{
	struct app app = {
		.service = service,
		.begin.run = on_begin,
		.next.run = on_next,
		.store_news.run = on_store_news,
	};
	char error[256] = "";

	weft_log_set_service(service->name);
	if (app_flags_read(&app.flags, argc, argv, error) < 0) {
		weft_log_error("cannot start", WEFT_STR("error", error));
		return 2;
	}
	if (app.flags.help) {
		app_flags_help(stdout, service->name, service->summary);
		return 0;
	}
	weft_log_set_level(app.flags.log_level);
	raise_limits();
	if (weft_health_new(&app.health) < 0)
		abort();
	if (prepare(&app, error) < 0)
		say_no(&app, error);
	else
		serve(&app);
	fini(&app);
	if (app.exit_code == 0)
		weft_log_info("stopped");
	return app.exit_code;
}

struct store *app_store(struct app *app)
{
	return app->store;
}

struct weft_worker *app_first_worker(struct app *app)
{
	return first(app);
}

bool app_has_tls(const struct app *app)
{
	return app->tls.server != NULL;
}
