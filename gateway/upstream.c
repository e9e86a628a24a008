#include "upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A channel, and the states of the edge that have it. */
struct shared {
	unsigned refs;
	struct weft_channel *channel;
};

struct backend {
	const struct config_backend *config;
	struct shared *shared;
};

struct upstream {
	const struct weft_tls *tls; /* what its channels were made with */
	uint64_t max_body;
	size_t closing; /* channels that are not closed yet, and one while they are being told */
	upstream_closed_cb *closed_cb;
	void *closed_data;
	size_t n;
	struct backend backends[];
};

/* What another state has for the same place; NULL: nothing. */
static struct shared *find_same(const struct upstream *before, const struct site *site,
				const char *target)
{
	if (!before || before->tls != site->upstream_tls ||
	    before->max_body != site->config.max_body)
		return NULL;
	for (size_t i = 0; i < before->n; i++) {
		struct shared *shared = before->backends[i].shared;

		if (strcmp(weft_channel_target(shared->channel), target) != 0)
			continue;
		shared->refs++;
		return shared;
	}
	return NULL;
}

static int open_channel(struct weft_worker *worker, const struct site *site,
			const struct config_backend *config, char error[256],
			struct shared **ret_shared)
{
	const struct weft_channel_options options = {
		.size = sizeof(options),
		.tls = site->upstream_tls,
		.max_message = site->config.max_body,
		.balancing = "round_robin",
		.backoff_ns = 100 * WEFT_MS, /* a backend that is back is found within a second */
		.backoff_max_ns = WEFT_SECOND,
	};
	struct shared *shared = calloc(1, sizeof(*shared));
	char why[256] = "out of memory";
	int r;

	r = shared ? weft_channel_new(worker, config->target, &options, why, &shared->channel)
		   : -ENOMEM;
	if (r < 0) {
		snprintf(error, 256, "the backend of %.60s: %.170s", config->packages[0], why);
		free(shared);
		return r;
	}
	shared->refs = 1;
	*ret_shared = shared;
	return 0;
}

int upstream_new(struct weft_worker *worker, const struct site *site, const struct upstream *before,
		 char error[256], struct upstream **ret_upstream)
{
	const struct config *config = &site->config;
	struct upstream *upstream;
	int r;

	upstream = calloc(1, sizeof(*upstream) + config->n_backends * sizeof(struct backend));
	if (!upstream) {
		snprintf(error, 256, "out of memory");
		return -ENOMEM;
	}
	upstream->tls = site->upstream_tls;
	upstream->max_body = config->max_body;
	for (size_t i = 0; i < config->n_backends; i++) {
		struct backend *backend = &upstream->backends[upstream->n];

		backend->config = &config->backends[i];
		backend->shared = find_same(before, site, backend->config->target);
		r = backend->shared
			    ? 0
			    : open_channel(worker, site, backend->config, error, &backend->shared);
		if (r < 0) {
			upstream_free(upstream);
			return r;
		}
		upstream->n++;
	}
	*ret_upstream = upstream;
	return 0;
}

void upstream_free(struct upstream *upstream)
{
	if (!upstream)
		return;
	for (size_t i = 0; i < upstream->n; i++) {
		struct shared *shared = upstream->backends[i].shared;

		if (--shared->refs > 0)
			continue;
		weft_channel_unref(shared->channel);
		free(shared);
	}
	free(upstream);
}

static void on_closed(void *data)
{
	struct upstream *upstream = data;
	upstream_closed_cb *cb = upstream->closed_cb;
	void *closed_data = upstream->closed_data;

	if (--upstream->closing > 0)
		return;
	free(upstream);
	cb(closed_data);
}

void upstream_close(struct upstream *upstream, upstream_closed_cb *cb, void *data)
{
	upstream->closed_cb = cb;
	upstream->closed_data = data;
	upstream->closing = 1;
	for (size_t i = 0; i < upstream->n; i++) {
		struct shared *shared = upstream->backends[i].shared;

		if (--shared->refs > 0)
			continue;
		upstream->closing++;
		weft_channel_close(shared->channel, on_closed, upstream);
		free(shared);
	}
	on_closed(upstream);
}

struct weft_channel *upstream_find(const struct upstream *upstream, const char *service, size_t len)
{
	struct weft_channel *best = NULL;
	size_t best_fit = 0;

	for (size_t i = 0; i < upstream->n; i++) {
		const struct config_backend *config = upstream->backends[i].config;

		for (size_t j = 0; j < config->n_packages; j++) {
			size_t fit = config_package_fits(config->packages[j], service, len);

			if (fit <= best_fit)
				continue;
			best = upstream->backends[i].shared->channel;
			best_fit = fit;
		}
	}
	return best;
}
