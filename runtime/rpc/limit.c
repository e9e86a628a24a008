/* See limit.h. */
#include "rpc/limit.h"

#define WINDOW    (100 * WEFT_MS) /* of latencies that are one reading: so long, */
#define SAMPLES   10              /* and so many of them */
#define MEMORY    600             /* windows that the long-term latency goes back */
#define WARM_UP   10              /* the first ones count alike */
#define TOLERANCE 1.5             /* latency may be so many times the usual one */
#define QUEUE     4               /* calls by which it grows */
#define SMOOTHING 0.2

void weft_limit_init(struct weft_limit *limit)
{
	*limit = (struct weft_limit) { .value = WEFT_LIMIT_FIRST };
}

static double clamp(double value, double least, double most)
{
	return value < least ? least : value > most ? most : value;
}

static void remember(struct weft_limit *limit, double now_ns)
{
	limit->windows += limit->windows < WARM_UP;
	if (limit->windows < WARM_UP)
		limit->usual_ns += (now_ns - limit->usual_ns) / limit->windows;
	else
		limit->usual_ns += (now_ns - limit->usual_ns) * 2 / (MEMORY + 1);
	/* it was slow for long, and is not any more: that is forgotten sooner */
	if (limit->usual_ns > 2 * now_ns)
		limit->usual_ns *= 0.95;
}

static void adjust(struct weft_limit *limit, double now_ns)
{
	double gradient;

	remember(limit, now_ns);
	if ((double)limit->under_way < limit->value / 2)
		return; /* the limit limits nothing: it cannot be told whether a higher one would */
	gradient = clamp(TOLERANCE * limit->usual_ns / now_ns, 0.5, 1);
	limit->value += SMOOTHING * (limit->value * gradient + QUEUE - limit->value);
	limit->value = clamp(limit->value, WEFT_LIMIT_MIN, WEFT_LIMIT_MAX);
}

void weft_limit_sample(struct weft_limit *limit, uint64_t now, uint64_t latency_ns,
		       size_t under_way)
{
	if (limit->samples == 0)
		limit->ends = now + WINDOW;
	limit->samples++;
	limit->sum_ns += (double)(latency_ns ? latency_ns : 1);
	if (under_way > limit->under_way)
		limit->under_way = under_way;
	if (now < limit->ends || limit->samples < SAMPLES)
		return;
	adjust(limit, limit->sum_ns / limit->samples);
	limit->samples = 0;
	limit->sum_ns = 0;
	limit->under_way = 0;
}
