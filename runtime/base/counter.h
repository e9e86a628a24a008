/*
 * Counters that one thread writes and others may read at any time (weft_counter_read): relaxed, so
 * that a plain load, addition and store is all it takes.
 */
#ifndef BASE_COUNTER_H
#define BASE_COUNTER_H

#include <stdint.h>

static inline void counter_set(uint64_t *counter, uint64_t value)
{
	__atomic_store_n(counter, value, __ATOMIC_RELAXED);
}

/* The owner's alone. */
static inline void counter_add(uint64_t *counter)
{
	counter_set(counter, *counter + 1);
}

#endif
