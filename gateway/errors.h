/*
 * Errors as the edge says them: the JSON form of google.rpc.Status under the HTTP status that
 * belongs to it, with Retry-After and WWW-Authenticate where they belong. What the edge refuses by
 * itself looks the same as what a service refuses.
 */
#ifndef GATEWAY_ERRORS_H
#define GATEWAY_ERRORS_H

#include "exchange.h"

/* Answers with a status. Where the response has begun, a last line says it, and the response is
 * broken off. */
void errors_answer(struct exchange *exchange, const struct weft_status *status);

/* A call's status as the public may see it. What says no more than that something is wrong behind
 * the edge (a message without details, of a code that no service gives for a reason of the
 * caller's) names addresses and insides: it goes to the log, and the public gets the sentence. */
struct weft_status errors_outward(const struct exchange *exchange,
				  const struct weft_status *status);

/* Answers with an HTTP status that gRPC's codes do not tell apart (404, 405, 408, 413, 415, 431,
 * …). */
void errors_refuse(struct exchange *exchange, unsigned http_status, const char *format, ...)
	WEFT_PRINTF(3, 4);

/* RetryInfo's delay in whole seconds, rounded up; `fallback` when there is none. */
unsigned errors_retry_after(struct weft_bytes details, unsigned fallback);

#endif
