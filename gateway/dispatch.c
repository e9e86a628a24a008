#include "dispatch.h"

#include <string.h>

#include "errors.h"
#include "exchange.h"
#include "grpc.h"
#include "rest.h"

static bool is_path(const struct exchange *exchange, const char *path)
{
	return exchange->path_len == strlen(path) &&
	       memcmp(exchange->path, path, exchange->path_len) == 0;
}

/* Liveness: that this process turns, and nothing about anybody else's health. */
static void answer_healthz(struct exchange *exchange)
{
	static const char ok[] = "{\"status\":\"ok\"}\n";

	if (strcmp(exchange->method, "GET") == 0 || exchange->head_only) {
		exchange_answer(exchange, 200, "application/json", ok, sizeof(ok) - 1);
		return;
	}
	exchange_add_header(exchange, "allow", "GET, HEAD");
	errors_refuse(exchange, 405, "/healthz is read with GET");
}

static void answer_options(struct exchange *exchange)
{
	exchange_add_header(exchange, "allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	exchange_answer(exchange, 204, NULL, NULL, 0);
}

void dispatch(struct exchange *exchange)
{
	if (strcmp(exchange->target, "*") == 0 && strcmp(exchange->method, "OPTIONS") == 0)
		answer_options(exchange);
	else if (*exchange->method == '\0' || *exchange->target != '/')
		errors_refuse(exchange, 400, "a method and a path that begins with a slash");
	else if (is_path(exchange, "/healthz"))
		answer_healthz(exchange);
	else if (grpc_is_call(exchange))
		grpc_start(exchange);
	else
		rest_start(exchange);
}
