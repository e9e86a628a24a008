/* See timer.h. The children of slot i are the four from 4i - 2 on. */
#include <assert.h>
#include <stdlib.h>

#include "io/timer.h"

#define FIRST_CAP ((size_t)64)

static size_t parent_of(size_t slot)
{
	return (slot + 2) / 4;
}

static size_t first_child_of(size_t slot)
{
	return slot * 4 - 2;
}

static void set(struct weft_timer_heap *heap, size_t slot, struct weft_timer *timer)
{
	heap->slots[slot] = timer;
	timer->slot = slot;
}

/* `timer` goes to `slot`, or as far up from there as it is earlier. */
static void sift_up(struct weft_timer_heap *heap, size_t slot, struct weft_timer *timer)
{
	while (slot > 1 && timer->at < heap->slots[parent_of(slot)]->at) {
		set(heap, slot, heap->slots[parent_of(slot)]);
		slot = parent_of(slot);
	}
	set(heap, slot, timer);
}

static size_t earliest_child(const struct weft_timer_heap *heap, size_t slot)
{
	size_t child = first_child_of(slot);
	size_t best = child;

	for (size_t i = child + 1; i < child + 4 && i <= heap->len; i++)
		if (heap->slots[i]->at < heap->slots[best]->at)
			best = i;
	return best;
}

static void sift_down(struct weft_timer_heap *heap, size_t slot, struct weft_timer *timer)
{
	while (first_child_of(slot) <= heap->len) {
		size_t child = earliest_child(heap, slot);

		if (timer->at <= heap->slots[child]->at)
			break;
		set(heap, slot, heap->slots[child]);
		slot = child;
	}
	set(heap, slot, timer);
}

void weft_timer_heap_fini(struct weft_timer_heap *heap)
{
	free(heap->slots);
	*heap = (struct weft_timer_heap) { 0 };
}

static void grow(struct weft_timer_heap *heap)
{
	heap->cap = heap->cap ? heap->cap * 2 : FIRST_CAP;
	heap->slots = realloc(heap->slots, heap->cap * sizeof(*heap->slots));
	if (!heap->slots)
		abort();
}

void weft_timer_heap_put(struct weft_timer_heap *heap, struct weft_timer *timer)
{
	assert(timer->slot == 0);
	if (heap->len + 1 >= heap->cap)
		grow(heap);
	heap->len++;
	sift_up(heap, heap->len, timer);
}

void weft_timer_heap_remove(struct weft_timer_heap *heap, struct weft_timer *timer)
{
	size_t slot = timer->slot;
	struct weft_timer *last = heap->slots[heap->len];

	assert(slot >= 1 && slot <= heap->len && heap->slots[slot] == timer);
	heap->len--;
	timer->slot = 0;
	if (last == timer)
		return;
	if (slot > 1 && last->at < heap->slots[parent_of(slot)]->at)
		sift_up(heap, slot, last);
	else
		sift_down(heap, slot, last);
}
