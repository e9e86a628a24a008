/*
 * The two clocks of Weft: the monotonic one that all deadlines are read from, and the wall clock
 * for what people read.
 */
#include <time.h>
#include <weft/base.h>

static uint64_t read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * WEFT_SECOND + (uint64_t)ts.tv_nsec;
}

uint64_t weft_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t weft_wall_clock(void)
{
	return read_clock(CLOCK_REALTIME);
}
