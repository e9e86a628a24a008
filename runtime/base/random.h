/*
 * Random bytes from the kernel, a few at a time at little cost: each thread keeps a small pool and
 * asks the kernel when it is used up. Not for keys, which should not lie about in memory.
 */
#ifndef WEFT_BASE_RANDOM_H
#define WEFT_BASE_RANDOM_H

#include <stddef.h>

/* At most 64 bytes a call. */
void weft_random_bytes(void *ret_bytes, size_t len);

#endif
