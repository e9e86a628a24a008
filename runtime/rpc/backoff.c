/* See backoff.h. */
#include "rpc/backoff.h"

#include "base/random.h"

#define FIRST      (100 * WEFT_MS)
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
	double delay = (double)BASE;

	if (backoff->failures++ == 0)
		return (uint64_t)((double)FIRST * jitter());
	for (unsigned i = 2; i < backoff->failures && delay < (double)MAX; i++)
		delay *= MULTIPLIER;
	if (delay > (double)MAX)
		delay = (double)MAX;
	return (uint64_t)(delay * jitter());
}
