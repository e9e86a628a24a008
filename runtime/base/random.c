/* See random.h. The pool lives in thread-local memory: no lock is needed and nothing is freed. */
#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/random.h"

/* The kernel gives up to 256 bytes in one piece, never interrupted. */
#define POOL 256

static _Thread_local struct {
	uint8_t bytes[POOL];
	size_t left;
} pool;

static void refill(void)
{
	ssize_t n;

	do
		n = getrandom(pool.bytes, sizeof(pool.bytes), 0);
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(pool.bytes))
		abort();
	pool.left = sizeof(pool.bytes);
}

void weft_random_bytes(void *ret_bytes, size_t len)
{
	assert(len <= 64);
	if (pool.left < len)
		refill();
	pool.left -= len;
	memcpy(ret_bytes, pool.bytes + pool.left, len);
}
