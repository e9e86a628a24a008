/*
 * How long after one attempt to connect the next one may be made (gRPC's connection-backoff.md):
 * 1 s, times 1.6 for each that fails, at most 120 s, ±20%.
 */
#ifndef WEFT_RPC_BACKOFF_H
#define WEFT_RPC_BACKOFF_H

#include <weft/base.h>

struct weft_backoff {
	unsigned failures;
	uint64_t base_ns; /* 0: 1 s */
	uint64_t max_ns;  /* 0: 120 s */
};

void weft_backoff_reset(struct weft_backoff *backoff);
/* Notes a failure; the delay after it. */
uint64_t weft_backoff_next(struct weft_backoff *backoff);

#endif
