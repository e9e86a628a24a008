/* See upstream.h. */
#include "rpc/upstream.h"

#include <stdlib.h>
#include <string.h>
#include <weft/log.h>

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
	weft_upstream_set_config(upstream, options->service_config);
	upstream->max_kept = or_default(options->retry_buffer, KEPT);
	upstream->max_kept_call = or_default(options->call_retry_buffer, KEPT_CALL);
	upstream->max_attempts = or_default(options->max_outstanding, SIZE_MAX);
	upstream->max_pending = or_default(options->max_pending, PENDING);
	upstream->adapts = options->adaptive_limit;
	weft_limit_init(&upstream->limit);
}

void weft_upstream_fini(struct weft_upstream *upstream)
{
	weft_service_config_unref(upstream->own);
	weft_service_config_unref(upstream->resolved);
	free(upstream->resolved_json);
}

/* Puts `take_config` in the place of one of the two, and sees which one counts. */
static void replace(struct weft_upstream *upstream, struct weft_service_config **place,
		    struct weft_service_config *take_config)
{
	struct weft_service_config *before = *place;
	uint64_t most = max_tokens(upstream), tokens = upstream->tokens;

	*place = take_config;
	upstream->config = upstream->resolved ? upstream->resolved : upstream->own;
	upstream->tokens = max_tokens(upstream);
	if (most)
		upstream->tokens = (unsigned)(tokens * upstream->tokens / most);
	weft_service_config_unref(before);
}

void weft_upstream_set_config(struct weft_upstream *upstream, struct weft_service_config *config)
{
	replace(upstream, &upstream->own, config ? weft_service_config_ref(config) : NULL);
}

bool weft_upstream_resolved(struct weft_upstream *upstream, const char *json, const char *target)
{
	struct weft_service_config *config = NULL;
	char error[WEFT_SERVICE_CONFIG_ERROR];

	if (json ? upstream->resolved_json && strcmp(json, upstream->resolved_json) == 0
		 : !upstream->resolved_json)
		return false;
	free(upstream->resolved_json);
	upstream->resolved_json = json ? strdup(json) : NULL;
	if (json && weft_service_config_parse(json, strlen(json), error, &config) < 0) {
		weft_log_warning("the service config of a name is wrong: the one before stays",
				 WEFT_STR("target", target), WEFT_STR("error", error));
		return false;
	}
	replace(upstream, &upstream->resolved, config);
	return true;
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
