/* The inside of a service's process: app.c has its life, app_worker.c that of one worker. */
#ifndef CHASSIS_APP_INTERNAL_H
#define CHASSIS_APP_INTERNAL_H

#include <stdatomic.h>
#include <weft/health.h>

#include "app.h"
#include "app_discovery.h"
#include "app_flags.h"
#include "app_tls.h"

struct app_worker {
	struct app *app;
	struct weft_worker *worker;
	struct weft_server *server;
	struct store_reader *reader;
	struct weft_channel **channels; /* in the order of the service's `uses` */
	size_t n_channels;
	size_t closing; /* channels, and one while they are being told to */
	void *self;
	bool started; /* the service's start() has succeeded */

	struct weft_task order;  /* from worker 0: start, drain, part or stop */
	struct weft_task report; /* back to worker 0: it is done */
	int r;                   /* of the start */
	char error[256];
};

/* In the order in which they come. */
enum app_state {
	APP_STARTING, /* the workers start */
	APP_SERVING,
	APP_LEAVING,  /* nobody is to find it any more */
	APP_DRAINING, /* no new calls; those under way finish */
	APP_SETTLING, /* the store answers the last writes */
	APP_PARTING,  /* other services answer the last calls to them */
	APP_RESTING,  /* the store answers what these have led to */
	APP_STOPPING, /* the workers let go of what they have */
	APP_SILENT,   /* the health port, which has answered until now, closes */
	APP_STOPPED,
};

/* All of it belongs to worker 0, but where it says otherwise. */
struct app {
	const struct app_service *service;
	struct app_flags flags;
	struct app_tls tls;         /* its contexts are all workers' */
	struct store *store;        /* the same */
	struct weft_health *health; /* the same */
	struct app_worker *workers;
	size_t n_workers;

	enum app_state state;
	size_t reports; /* that are still to come */
	int exit_code;
	bool signalled;
	struct weft_signal *signals[2];
	struct weft_task begin;
	struct weft_task next; /* takes the next step, later */
	void *process;
	bool process_started;

	struct weft_port *port;
	struct weft_server *health_server;
	struct weft_port *health_port;
	bool announced; /* the address file is there */
	struct app_discovery discovery;

	/* The writer's thread tells worker 0 about the file. */
	atomic_bool store_failing;
	atomic_bool store_news_posted;
	struct weft_task store_news;
};

/* Orders for a worker, run on its loop; each ends with a report. */
void app_worker_start(struct weft_task *order);
void app_worker_drain(struct weft_task *order);
void app_worker_part(struct weft_task *order);
void app_worker_stop(struct weft_task *order);
/* app.c, on worker 0: a worker has done as it was told. */
void app_on_report(struct weft_task *report);

#endif
