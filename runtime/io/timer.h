/*
 * The timers of one loop: a heap with four children a node, which is shallow and kind to the cache.
 * A timer knows its place in it (`slot`), so that stopping one costs no search. Slot 0 is not used.
 */
#ifndef WEFT_IO_TIMER_H
#define WEFT_IO_TIMER_H

#include <weft/loop.h>

struct weft_timer_heap {
	struct weft_timer **slots; /* [1, len] */
	size_t len;
	size_t cap;
};

void weft_timer_heap_fini(struct weft_timer_heap *heap);
void weft_timer_heap_put(struct weft_timer_heap *heap, struct weft_timer *timer);
void weft_timer_heap_remove(struct weft_timer_heap *heap, struct weft_timer *timer);

/* The earliest, or NULL. */
static inline struct weft_timer *weft_timer_heap_first(const struct weft_timer_heap *heap)
{
	return heap->len ? heap->slots[1] : NULL;
}

#endif
