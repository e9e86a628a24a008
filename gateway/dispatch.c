#include "dispatch.h"

#include <string.h>

#include "cors.h"
#include "documents.h"
#include "errors.h"
#include "exchange.h"
#include "grpc.h"
#include "rest.h"

static void answer_options(struct exchange *exchange)
{
	exchange_add_header(exchange, "allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
	exchange_answer(exchange, 204, NULL, NULL, 0);
}

void dispatch(struct exchange *exchange)
{
	if (cors_apply(exchange))
		return;
	if (strcmp(exchange->target, "*") == 0 && strcmp(exchange->method, "OPTIONS") == 0)
		answer_options(exchange);
	else if (*exchange->method == '\0' || *exchange->target != '/')
		errors_refuse(exchange, 400, "a method and a path that begins with a slash");
	else if (documents_answer(exchange))
		return;
	else if (grpc_is_call(exchange))
		grpc_start(exchange);
	else
		rest_start(exchange);
}
