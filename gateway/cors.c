#include "cors.h"

#include <string.h>

#include "errors.h"

#define DEFAULT_MAX_AGE (600 * WEFT_SECOND)

static const char *const default_allowed[] = {
	"authorization", "content-type", "grpc-timeout",      "last-event-id", "traceparent",
	"x-grpc-web",    "x-request-id", "x-request-timeout", "x-user-agent",  NULL,
};
static const char *const default_exposed[] = {
	"grpc-message", "grpc-status",  "grpc-status-details-bin",
	"retry-after",  "x-request-id", NULL,
};

static const char *join(struct weft_arena *arena, const char *const *words)
{
	const char *text = *words ?: "";

	for (size_t i = 1; *words && words[i]; i++)
		text = weft_arena_printf(arena, "%s, %s", text, words[i]);
	return text;
}

/* What to answer this origin: itself, "*", or NULL where it is not allowed. */
static const char *allowed(const struct config_cors *cors, const char *origin)
{
	for (size_t i = 0; cors->origins[i]; i++) {
		if (strcmp(cors->origins[i], "*") == 0)
			return "*";
		if (strcmp(cors->origins[i], origin) == 0)
			return origin;
	}
	return NULL;
}

static void answer_preflight(struct exchange *exchange, const struct config_cors *cors)
{
	uint64_t max_age = cors->max_age_ns ? cors->max_age_ns : DEFAULT_MAX_AGE;

	exchange_add_header(exchange, "access-control-allow-methods",
			    "GET, HEAD, POST, PUT, PATCH, DELETE");
	exchange_add_header(exchange, "access-control-allow-headers",
			    join(exchange->arena, cors->allowed_headers ?: default_allowed));
	exchange_add_header(exchange, "access-control-max-age",
			    weft_arena_printf(exchange->arena, "%llu",
					      (unsigned long long)(max_age / WEFT_SECOND)));
	exchange_answer(exchange, 204, NULL, NULL, 0);
}

bool cors_apply(struct exchange *exchange)
{
	const struct config_cors *cors = &exchange->view->site->config.cors;
	const char *origin = exchange_header(exchange, "origin");
	bool preflight = origin && strcmp(exchange->method, "OPTIONS") == 0 &&
			 exchange_header(exchange, "access-control-request-method");
	const char *answer;

	if (!cors->origins)
		return false;
	exchange_add_header(exchange, "vary", "origin");
	answer = origin ? allowed(cors, origin) : NULL;
	if (answer) {
		exchange_add_header(exchange, "access-control-allow-origin", answer);
		if (cors->credentials)
			exchange_add_header(exchange, "access-control-allow-credentials", "true");
	}
	if (answer && preflight)
		answer_preflight(exchange, cors);
	else if (answer)
		exchange_add_header(
			exchange, "access-control-expose-headers",
			join(exchange->arena, cors->exposed_headers ?: default_exposed));
	else if (preflight)
		errors_refuse(exchange, 403, "pages of %.100s may not ask here", origin);
	return preflight;
}
