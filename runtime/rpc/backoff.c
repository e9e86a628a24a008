/* See backoff.h. */
#include "rpc/backoff.h"

#include "base/random.h"

#define BASE       WEFT_SECOND
#define MAX        (120 * WEFT_SECOND)
#define MULTIPLIER 1.6
#define JITTER     0.2

void weft_backoff_reset(struct weft_backoff *backoff)
{
	backoff->failures = 0;
}

/* Between 1 - JITTER and 1 + JITTER, so that a hundred clients of a dead server do not come back
 * at once. */
static double jitter(void)
{
	uint32_t random;

	weft_random_bytes(&random, sizeof(random));
	return 1 - JITTER + 2 * JITTER * random / UINT32_MAX;
}

uint64_t weft_backoff_next(struct weft_backoff *backoff)
{
	double delay = (double)(backoff->base_ns ? backoff->base_ns : BASE);
	double max = (double)(backoff->max_ns ? backoff->max_ns : MAX);

	for (unsigned i = 0; i < backoff->failures && delay < max; i++)
		delay *= MULTIPLIER;
	backoff->failures++;
	return (uint64_t)((delay < max ? delay : max) * jitter());
}
