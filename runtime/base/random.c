/* See random.h. The pool lives in thread-local memory: no lock is needed and nothing is freed. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/random.h"

/* A call takes 24 bytes for its trace: one system call for some eighty calls. */
#define POOL 2048

static _Thread_local struct {
	uint8_t bytes[POOL];
	size_t left;
} pool;

/* A signal may cut short what is longer than 256 bytes. */
static void refill(void)
{
	while (pool.left < sizeof(pool.bytes)) {
		ssize_t n = getrandom(pool.bytes + pool.left, sizeof(pool.bytes) - pool.left, 0);

		if (n > 0)
			pool.left += (size_t)n;
		else if (errno != EINTR)
			abort();
	}
}

void weft_random_bytes(void *ret_bytes, size_t len)
{
	assert(len <= 64);
	if (pool.left < len)
		refill();
	pool.left -= len;
	memcpy(ret_bytes, pool.bytes + pool.left, len);
}
