/*
 * What every service shares: a main.c names the service and calls app_run(), and gets flags and
 * WEFT_* environment, workers, TLS, registration and discovery, health, reflection, logs, signals
 * and drain with no line of its own. --help lists the flags; app_flags.c has the table.
 *
 * SIGTERM and SIGINT: health says NOT_SERVING, the address file and the entry in the registry are
 * withdrawn, the port closes,
 * GOAWAY, calls under way finish (at most as long as --drain says), the store closes, exit 0. A
 * second signal ends it at once. What cannot start says why in one log line and exits 1; flags
 * that are wrong exit 2.
 */
#ifndef CHASSIS_APP_H
#define CHASSIS_APP_H

#include <weft/channel.h>
#include <weft/server.h>
#include <weft/worker.h>

#include "store.h"

struct app;        /* the process */
struct app_worker; /* one of its workers */

struct app_service {
	const char *name;                         /* "catalog": logs, the store's file catalog.db */
	const char *summary;                      /* a line for --help */
	const struct store_migration *migrations; /* NULL: no store */
	size_t n_migrations;
	const char *const *uses; /* names of the services that it calls, ends with NULL; or NULL */
	const struct weft_service *const *provides; /* for health, ends with NULL; or NULL */

	/* Once, before the workers start, on worker 0's loop; may be NULL. *ret_process reaches
	 * start and stop. */
	int (*start_process)(struct app *app, void **ret_process);
	/* After the drain, before the workers stop: ends what works by itself (sweeper, relay). A
	 * write that is under way is still done. */
	void (*stop_process)(struct app *app, void *process);
	/* Once for each worker, on its loop: builds its `self` and adds services to
	 * app_worker_server(). */
	int (*start)(struct app_worker *worker, void *process, void **ret_self);
	/* The drain begins, on its loop: ends the calls that would not end by themselves. May be
	 * NULL. */
	void (*drain)(struct app_worker *worker, void *self);
	/* After the drain, on its loop: no call is left, and no write or query is under way. */
	void (*stop)(struct app_worker *worker, void *self);
};

int app_run(const struct app_service *service, int argc, char **argv); /* what main() returns */

struct store *app_store(struct app *app); /* NULL without migrations */
struct weft_worker *app_first_worker(struct app *app);
bool app_has_tls(const struct app *app); /* calls come in over TLS */

struct app *app_worker_app(struct app_worker *worker);
struct weft_worker *app_worker_worker(struct app_worker *worker);
struct weft_server *app_worker_server(struct app_worker *worker);
struct store_reader *app_worker_reader(struct app_worker *worker); /* NULL without a store */
/* The channel to a service named in `uses`; owned by the chassis. */
struct weft_channel *app_worker_channel(struct app_worker *worker, const char *name);

#endif
