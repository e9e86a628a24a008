/*
 * A limit on how many calls are under way, which follows their latency (the gradient of Netflix's
 * concurrency-limits, "Gradient2"). Where calls take longer than they did in the long run, they
 * queue somewhere, and the limit falls with the ratio of the two; where they do not, it grows by a
 * few calls at a time, as long as it is used at all.
 *
 *	limit' = limit × (1 - S) + S × (limit × gradient + QUEUE)
 *	gradient = TOLERANCE × long-term latency / latency now, between 0.5 and 1
 */
#ifndef WEFT_RPC_LIMIT_H
#define WEFT_RPC_LIMIT_H

#include <weft/base.h>

#define WEFT_LIMIT_FIRST 20
#define WEFT_LIMIT_MIN   4
#define WEFT_LIMIT_MAX   1000

struct weft_limit {
	double value;
	double usual_ns;  /* a moving average over windows */
	unsigned windows; /* in it, while it warms up */
	uint64_t ends;    /* when this window may be closed */
	double sum_ns;    /* of its latencies */
	unsigned samples; /* of which */
	size_t under_way; /* the most at once in it */
};

void weft_limit_init(struct weft_limit *limit);
/* A call that was answered, beside how many others. */
void weft_limit_sample(struct weft_limit *limit, uint64_t now, uint64_t latency_ns,
		       size_t under_way);

#endif
