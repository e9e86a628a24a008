/*
 * How long to wait before the next attempt to connect (gRPC's connection-backoff.md: 1 s, times
 * 1.6, at most 120 s, ±20%), but for the first one, which is quick: most failures on one machine
 * are a peer that restarts.
 */
#ifndef WEFT_RPC_BACKOFF_H
#define WEFT_RPC_BACKOFF_H

#include <weft/base.h>

struct weft_backoff {
	unsigned failures;
};

void weft_backoff_reset(struct weft_backoff *backoff);
/* Notes a failure; the delay after it. */
uint64_t weft_backoff_next(struct weft_backoff *backoff);

#endif
