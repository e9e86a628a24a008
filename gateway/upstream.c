#include "upstream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct backend {
	const struct config_backend *config;
	struct weft_channel *channel;
};

struct upstream {
	size_t closing; /* channels that are not closed yet, and one while they are being told */
	upstream_closed_cb *closed_cb;
	void *closed_data;
	size_t n;
	struct backend backends[];
};

int upstream_new(struct weft_worker *worker, const struct config *config, struct weft_tls *tls,
		 char error[256], struct upstream **ret_upstream)
{
	struct weft_channel_options options = {
		.size = sizeof(options),
		.tls = tls,
		.max_message = config->max_body,
	};
	struct upstream *upstream;
	char why[256];

	upstream = calloc(1, sizeof(*upstream) + config->n_backends * sizeof(struct backend));
	if (!upstream) {
		snprintf(error, 256, "out of memory");
		return -ENOMEM;
	}
	for (size_t i = 0; i < config->n_backends; i++) {
		const struct config_backend *from = &config->backends[i];
		struct backend *backend = &upstream->backends[upstream->n];
		int r;

		r = weft_channel_new(worker, from->target, &options, why, &backend->channel);
		if (r < 0) {
			snprintf(error, 256, "the backend of %.60s: %.170s", from->packages[0],
				 why);
			upstream_free(upstream);
			return r;
		}
		backend->config = from;
		upstream->n++;
	}
	*ret_upstream = upstream;
	return 0;
}

void upstream_free(struct upstream *upstream)
{
	if (!upstream)
		return;
	for (size_t i = 0; i < upstream->n; i++)
		weft_channel_unref(upstream->backends[i].channel);
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
	upstream->closing = upstream->n + 1;
	for (size_t i = 0; i < upstream->n; i++)
		weft_channel_close(upstream->backends[i].channel, on_closed, upstream);
	on_closed(upstream);
}

/* How much of "catalog.v1.Catalog" this package is; 0: it is none of it. */
static size_t fits(const char *package, const char *service, size_t len)
{
	size_t package_len = strlen(package);

	return package_len < len && service[package_len] == '.' &&
			       memcmp(service, package, package_len) == 0
		       ? package_len
		       : 0;
}

struct weft_channel *upstream_find(const struct upstream *upstream, const char *service, size_t len)
{
	struct weft_channel *best = NULL;
	size_t best_fit = 0;

	for (size_t i = 0; i < upstream->n; i++) {
		const struct config_backend *config = upstream->backends[i].config;

		for (size_t j = 0; j < config->n_packages; j++) {
			size_t fit = fits(config->packages[j], service, len);

			if (fit <= best_fit)
				continue;
			best = upstream->backends[i].channel;
			best_fit = fit;
		}
	}
	return best;
}
