/*
 * What a request's headers say about the call upstream: its deadline, and the metadata that goes
 * with it. Only what is on a list is passed on; the rest is between the client and the edge.
 */
#ifndef GATEWAY_CALL_OPTIONS_H
#define GATEWAY_CALL_OPTIONS_H

#include <weft/metadata.h>

#include "exchange.h"

/* X-Request-Timeout in seconds ("2.5"), or grpc-timeout ("100m"): 0 when neither is there.
 * -EINVAL: *ret_fault is a sentence. */
int call_options_timeout(const struct exchange *exchange, uint64_t *ret_ns, const char **ret_fault);

/* authorization, accept-language, grpc-metadata-NAME, x-request-id, traceparent, tracestate. */
void call_options_metadata(const struct exchange *exchange, struct weft_metadata *metadata);

#endif
