/* See upstream.h. */
#include "rpc/upstream.h"

#define TOKEN 1000u

static unsigned max_tokens(const struct weft_upstream *upstream)
{
	return upstream->config ? upstream->config->max_tokens : 0;
}

void weft_upstream_init(struct weft_upstream *upstream, struct weft_service_config *config)
{
	upstream->config = config ? weft_service_config_ref(config) : NULL;
	upstream->tokens = max_tokens(upstream);
}

void weft_upstream_fini(struct weft_upstream *upstream)
{
	weft_service_config_unref(upstream->config);
}

void weft_upstream_set_config(struct weft_upstream *upstream, struct weft_service_config *config)
{
	uint64_t before = max_tokens(upstream), tokens = upstream->tokens;

	if (config)
		weft_service_config_ref(config);
	weft_service_config_unref(upstream->config);
	upstream->config = config;
	upstream->tokens = max_tokens(upstream);
	if (before)
		upstream->tokens = (unsigned)(tokens * upstream->tokens / before);
}

const struct weft_method_config *weft_upstream_method(const struct weft_upstream *upstream,
						      const char *path)
{
	return upstream->config ? weft_service_config_method(upstream->config, path) : NULL;
}

void weft_upstream_succeeded(struct weft_upstream *upstream)
{
	unsigned max = max_tokens(upstream);

	if (!max)
		return;
	upstream->tokens += upstream->config->token_ratio;
	if (upstream->tokens > max)
		upstream->tokens = max;
}

void weft_upstream_failed(struct weft_upstream *upstream)
{
	upstream->tokens = upstream->tokens > TOKEN ? upstream->tokens - TOKEN : 0;
}

bool weft_upstream_may_retry(const struct weft_upstream *upstream)
{
	unsigned max = max_tokens(upstream);

	return !max || upstream->tokens > max / 2;
}
