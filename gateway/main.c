/*
 * weft-gateway: the one public address of the house. It knows the contracts, and nothing of any
 * service but the package it answers for and the target where it is found.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "edge.h"
#include "reload.h"

/* Whole or not at all, as the script that waits for it needs it. */
static int write_url(const char *path, const char *url)
{
	char temporary[4096];
	FILE *file;
	int r;

	if (snprintf(temporary, sizeof(temporary), "%s.new", path) >= (int)sizeof(temporary))
		return -ENAMETOOLONG;
	file = fopen(temporary, "we");
	if (!file)
		return -errno;
	r = fprintf(file, "%s\n", url) < 0 ? -EIO : 0;
	if (fclose(file) != 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(temporary, path) < 0)
		r = -errno;
	return r;
}

static void on_signal(int signal, void *data)
{
	static bool draining;
	struct edge *edge = data;

	if (draining)
		_exit(1); /* a second one is not asked why */
	draining = true;
	weft_log_info("draining", WEFT_STR("signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"));
	if (edge_site(edge)->config.url_file)
		unlink(edge_site(edge)->config.url_file);
	edge_drain(edge);
}

static int announce(const struct edge *edge, char error[256])
{
	const struct config *config = &edge_site(edge)->config;
	char url[256];
	int r = 0;

	edge_url(edge, url);
	if (config->url_file)
		r = write_url(config->url_file, url);
	if (r < 0)
		snprintf(error, 256, "%.200s: %s", config->url_file, weft_errno_string(r));
	else
		weft_log_info("listening", WEFT_STR("url", url),
			      WEFT_UINT("workers", edge->n_workers),
			      WEFT_UINT("backends", config->n_backends));
	return r;
}

static int serve(struct edge *edge, int argc, char **argv, char error[256])
{
	struct weft_loop *loop = weft_worker_loop(edge->workers[0].worker);
	struct weft_signal *terminate, *interrupt;
	struct reload *reload;
	int r;

	r = edge_listen(edge, error);
	if (r == 0)
		r = announce(edge, error);
	if (r < 0)
		return r;
	terminate = weft_signal_new(loop, SIGTERM, on_signal, edge);
	interrupt = weft_signal_new(loop, SIGINT, on_signal, edge);
	reload = reload_new(edge, argc, argv);
	r = edge_run(edge);
	if (r < 0)
		snprintf(error, 256, "a worker's thread: %s", weft_errno_string(r));
	reload_free(reload);
	weft_signal_free(terminate);
	weft_signal_free(interrupt);
	return r;
}

/* Serves under the configuration, or says that it would. */
static int run(struct config *take_config, int argc, char **argv, char error[256])
{
	struct edge *edge = NULL;
	struct site *site;
	int r;

	r = site_new(take_config, NULL, error, &site);
	if (r < 0)
		return r;
	r = edge_new(site, error, &edge);
	if (r == 0 && site->config.check)
		printf("%s: well\n", site->config.file);
	else if (r == 0)
		r = serve(edge, argc, argv, error);
	edge_free(edge);
	site_unref(site);
	return r;
}

int main(int argc, char **argv)
{
	struct config config;
	char error[256] = "";
	int r;

	weft_log_set_service("gateway");
	signal(SIGPIPE, SIG_IGN);
	r = config_read(&config, argc, argv, error);
	if (r == 0) {
		weft_log_set_level(config.log_level);
		r = run(&config, argc, argv, error);
	}
	config_fini(&config);
	if (r < 0) {
		fprintf(stderr, "weft-gateway: %s\n", *error ? error : weft_errno_string(r));
		return EXIT_FAILURE;
	}
	return EXIT_SUCCESS;
}
