#include "reload.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <weft/log.h>

#define LOOK_EVERY  (1 * WEFT_SECOND)
#define RETRY_AFTER (3 * WEFT_SECOND) /* when a backend has not said its contracts */

struct reload {
	struct edge *edge;
	int argc;
	char **argv;
	struct weft_signal *hup;
	struct weft_timer timer;
	struct weft_tls_watch *front_watch, *upstream_watch;
	uint64_t seen;     /* of the files, as they were when they were last read */
	uint64_t asked_at; /* when backends were last asked for their contracts */

	bool running; /* the loader is at work: the part below is its own */
	bool again;   /* asked for while it was */
	bool asking;  /* only to hear whether what backends say has changed */
	pthread_t loader;
	struct weft_task done;
	struct site *before; /* a reference */
	struct site *site;
	int r;
	char error[256];
};

/* ---- has anything changed? ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x100000001b3);
}

static uint64_t look_at(uint64_t hash, const char *path)
{
	struct stat file;

	if (!path || stat(path, &file) < 0)
		return mix(hash, 0);
	hash = mix(hash, (uint64_t)file.st_ino);
	hash = mix(hash, (uint64_t)file.st_size);
	hash = mix(hash, (uint64_t)file.st_mtim.tv_sec);
	return mix(hash, (uint64_t)file.st_mtim.tv_nsec);
}

static uint64_t look(const struct config *config)
{
	uint64_t hash = look_at(UINT64_C(0xcbf29ce484222325), config->file);

	for (size_t i = 0; i < config->n_backends; i++)
		hash = look_at(hash, config->backends[i].descriptor_file);
	return hash;
}

/* ---- the loader's thread ---- */

static bool same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* What cannot change while it runs; NULL: none of it has. */
static const char *fixed(const struct config *before, const struct config *after)
{
	if (!same(before->listen, after->listen))
		return "where it listens";
	if (before->workers != after->workers)
		return "how many workers it has";
	if (!same(before->registry, after->registry))
		return "where the registry is";
	if (!same(before->url_file, after->url_file))
		return "its URL file";
	if (!same(before->tls_cert, after->tls_cert) || !same(before->tls_key, after->tls_key))
		return "which certificate's files it reads";
	return NULL;
}

static int build(struct reload *reload)
{
	struct config config;
	const char *what;
	int r;

	r = config_read(&config, reload->argc, reload->argv, reload->error);
	what = r == 0 ? fixed(&reload->before->config, &config) : NULL;
	if (what) {
		snprintf(reload->error, sizeof(reload->error),
			 "%s cannot change while it runs: start it anew", what);
		r = -EINVAL;
	}
	if (r == 0)
		return site_new(&config, reload->before, reload->error, &reload->site);
	config_fini(&config);
	return r;
}

/* Nobody who has asked for nothing new is given it. */
static void drop_same(struct reload *reload)
{
	if (!reload->asking || !reflected_same(reload->site, reload->before))
		return;
	site_unref(reload->site);
	reload->site = NULL;
}

static void *run(void *data)
{
	struct reload *reload = data;

	reload->r = build(reload);
	if (reload->r == 0)
		drop_same(reload);
	weft_worker_post(reload->edge->workers[0].worker, &reload->done);
	return NULL;
}

/* ---- on worker 0 ---- */

static void on_watched(int r, const char *error, void *data)
{
	if (r < 0)
		weft_log_error("changed TLS files are not taken", WEFT_STR("why", error));
	else
		weft_log_info("the TLS files were loaded anew");
}

static void watch_upstream_tls(struct reload *reload, const struct site *site)
{
	weft_tls_watch_free(reload->upstream_watch);
	reload->upstream_watch = NULL;
	if (site->upstream_tls)
		reload->upstream_watch =
			weft_tls_watch_new(weft_worker_loop(reload->edge->workers[0].worker),
					   site->upstream_tls, 0, on_watched, NULL);
}

/* Starts the loader. */
static void load(struct reload *reload, const struct view *view)
{
	reload->before = site_ref(view->site);
	reload->running = pthread_create(&reload->loader, NULL, run, reload) == 0;
	if (!reload->running)
		site_unref(reload->before);
}

static void start(struct reload *reload)
{
	const struct view *view = reload->edge->workers[0].view;

	if (reload->running || !view || reload->edge->workers[0].draining) {
		reload->again = reload->running;
		return;
	}
	reload->again = false;
	reload->asking = false;
	reload->seen = look(&view->site->config);
	load(reload, view);
}

/* Every now and then, and soon when one has not answered. */
static void ask_again(struct reload *reload, const struct view *view)
{
	uint64_t wait = view->site->config.reflection_interval_ns;

	if (!reflected_wanted(view->site))
		return;
	if (!reflected_complete(view->site) && wait > RETRY_AFTER)
		wait = RETRY_AFTER;
	if (weft_now() - reload->asked_at < wait)
		return;
	reload->asking = true;
	load(reload, view);
}

static void take(struct reload *reload)
{
	struct site *site = reload->site;

	reload->site = NULL;
	if (!reload->asking)
		reload->seen = look(&site->config);
	weft_log_set_level(site->config.log_level);
	watch_upstream_tls(reload, site);
	edge_set_site(reload->edge, site);
	weft_log_info("the configuration was loaded anew",
		      WEFT_UINT("backends", site->config.n_backends));
	site_unref(site);
}

static void join(struct reload *reload)
{
	pthread_join(reload->loader, NULL);
	reload->running = false;
	site_unref(reload->before);
}

static void on_done(struct weft_task *task)
{
	struct reload *reload = weft_container_of(task, struct reload, done);

	join(reload);
	reload->asked_at = weft_now();
	if (reload->site)
		take(reload);
	else if (reload->r < 0)
		weft_log_error("the configuration stays as it was", WEFT_STR("why", reload->error));
	if (reload->again)
		start(reload);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	struct reload *reload = data;
	const struct view *view = reload->edge->workers[0].view;

	if (view && !reload->running) {
		if (look(&view->site->config) != reload->seen)
			start(reload);
		else if (!reload->edge->workers[0].draining)
			ask_again(reload, view);
	}
	weft_timer_start(weft_worker_loop(reload->edge->workers[0].worker), timer, LOOK_EVERY);
}

static void on_hup(int signal, void *data)
{
	start(data);
}

/* ---- the object ---- */

struct reload *reload_new(struct edge *edge, int argc, char **argv)
{
	struct weft_loop *loop = weft_worker_loop(edge->workers[0].worker);
	struct reload *reload = calloc(1, sizeof(*reload));

	if (!reload)
		abort();
	reload->edge = edge;
	reload->argc = argc;
	reload->argv = argv;
	reload->done.run = on_done;
	reload->seen = look(&edge_site(edge)->config);
	reload->asked_at = weft_now();
	reload->hup = weft_signal_new(loop, SIGHUP, on_hup, reload);
	if (edge->front_tls)
		reload->front_watch =
			weft_tls_watch_new(loop, edge->front_tls, 0, on_watched, NULL);
	watch_upstream_tls(reload, edge_site(edge));
	weft_timer_init(&reload->timer, on_timer, reload);
	weft_timer_start(loop, &reload->timer, LOOK_EVERY);
	return reload;
}

void reload_free(struct reload *reload)
{
	if (!reload)
		return;
	if (reload->running)
		join(reload);
	site_unref(reload->site);
	weft_timer_stop(weft_worker_loop(reload->edge->workers[0].worker), &reload->timer);
	weft_tls_watch_free(reload->front_watch);
	weft_tls_watch_free(reload->upstream_watch);
	weft_signal_free(reload->hup);
	free(reload);
}
