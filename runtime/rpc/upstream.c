/* See upstream.h. */
#include "rpc/upstream.h"

#define TOKEN     1000u
#define KEPT      ((size_t)16 << 20)
#define KEPT_CALL ((size_t)1 << 20)
#define PENDING   ((size_t)10000)

static unsigned max_tokens(const struct weft_upstream *upstream)
{
	return upstream->config ? upstream->config->max_tokens : 0;
}

static size_t or_default(size_t value, size_t otherwise)
{
	return value ? value : otherwise;
}

void weft_upstream_init(struct weft_upstream *upstream, const struct weft_channel_options *options)
{
	struct weft_service_config *config = options->service_config;

	upstream->config = config ? weft_service_config_ref(config) : NULL;
	upstream->tokens = max_tokens(upstream);
	upstream->max_kept = or_default(options->retry_buffer, KEPT);
	upstream->max_kept_call = or_default(options->call_retry_buffer, KEPT_CALL);
	upstream->max_attempts = or_default(options->max_outstanding, SIZE_MAX);
	upstream->max_pending = or_default(options->max_pending, PENDING);
	upstream->adapts = options->adaptive_limit;
	weft_limit_init(&upstream->limit);
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

size_t weft_upstream_limit(const struct weft_upstream *upstream)
{
	size_t adapted = upstream->adapts ? (size_t)upstream->limit.value : SIZE_MAX;

	return adapted < upstream->max_attempts ? adapted : upstream->max_attempts;
}

bool weft_upstream_has_room(const struct weft_upstream *upstream)
{
	return upstream->attempts < weft_upstream_limit(upstream);
}

void weft_upstream_leave(struct weft_upstream *upstream, uint64_t now, uint64_t latency_ns)
{
	if (upstream->adapts && latency_ns)
		weft_limit_sample(&upstream->limit, now, latency_ns, upstream->attempts);
	upstream->attempts--;
}
