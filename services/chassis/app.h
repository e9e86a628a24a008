/*
 * What every service shares: a main.c names the service and calls app_run(), and gets flags and WEFT_*
 * environment, workers, TLS, health, logs, signals and drain with no line of its own.
 *
 *	WEFT_LISTEN / --listen          address of the RPC port: "unix:/path", "127.0.0.1:0"
 *	WEFT_HEALTH_LISTEN / --health-listen   plaintext grpc.health.v1 on a port of its own
 *	WEFT_ADDRESS_FILE / --address-file     written when the port is open (atomically): what file:/// targets read
 *	WEFT_DATA / --data              folder of the store
 *	WEFT_TLS_CERT, _KEY, _CA        PEM files; without a certificate the port is plaintext
 *	WEFT_WORKERS / --workers        2
 *	WEFT_DRAIN / --drain            how long a drain waits for calls, "10s"
 *	WEFT_TARGET_<NAME> / --target NAME=TARGET   where another service is found
 *	WEFT_LOG / --log-level          debug, info, warning, error
 *
 * SIGTERM and SIGINT: health says NOT_SERVING, the address file is withdrawn, GOAWAY, calls under way finish, the
 * store closes, exit 0. A second signal ends it at once.
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
	const char *const
		*uses; /* names of the services that it calls, ends with NULL; may be NULL */
	const struct weft_service *const *provides; /* for health, ends with NULL */
	/* Once, before the workers serve; may be NULL. On worker 0's loop. *ret_process reaches start and stop. */
	int (*start_process)(struct app *app, void **ret_process);
	void (*stop_process)(struct app *app, void *process);
	/* Once for each worker, on its loop: builds its `self` and adds services to app_worker_server(). */
	int (*start)(struct app_worker *worker, void *process, void **ret_self);
	void (*stop)(struct app_worker *worker, void *self); /* after the drain, on its loop */
};

int app_run(const struct app_service *service, int argc, char **argv); /* what main() returns */

struct store *app_store(struct app *app); /* NULL without migrations */
struct weft_worker *app_first_worker(struct app *app);

struct app *app_worker_app(struct app_worker *worker);
struct weft_worker *app_worker_worker(struct app_worker *worker);
struct weft_server *app_worker_server(struct app_worker *worker);
struct store_reader *app_worker_reader(struct app_worker *worker); /* NULL without a store */
/* The channel to a service named in `uses`; owned by the chassis. */
struct weft_channel *app_worker_channel(struct app_worker *worker, const char *name);

#endif
