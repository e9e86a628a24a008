/*
 * An arena is a list of blocks. Its head is the one that pieces are cut from; full blocks and those
 * made for one large piece stand behind it. Blocks double in size up to BLOCK_MAX, and a reset
 * keeps the head, the largest of those that were grown: a pump that resets for each message soon
 * asks the system for nothing any more, and never holds more than BLOCK_MAX between two messages.
 *
 * The deferred functions are a list too, newest first, cut from the arena itself.
 */
#include <stdalign.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>

#include "base/poison.h"
#include "base/pool.h"

#define ALIGNMENT   alignof(max_align_t)
#define BLOCK_FIRST ((size_t)2048)
#define BLOCK_MAX   ((size_t)64 * 1024)

struct block {
	struct block *next;
	size_t size; /* with this header */
	alignas(max_align_t) uint8_t room[];
};

struct deferred {
	struct deferred *next;
	weft_arena_cb *cb;
	void *data;
};

struct weft_arena {
	struct block *blocks;
	uint8_t *at;  /* the head's free room: */
	uint8_t *end; /* [at, end) */
	struct deferred *deferred;
	size_t size;
	size_t grow; /* the size of the next block */
};

struct weft_arena *weft_arena_new(void)
{
	struct weft_arena *arena = pool_alloc(sizeof(*arena));

	if (!arena)
		abort();
	*arena = (struct weft_arena) { .grow = BLOCK_FIRST };
	return arena;
}

static struct block *block_new(struct weft_arena *arena, size_t size)
{
	struct block *block = pool_alloc(size);

	if (!block)
		return NULL;
	block->size = size;
	ASAN_POISON_MEMORY_REGION(block->room, size - sizeof(*block));
	arena->size += size;
	return block;
}

static void block_free(struct weft_arena *arena, struct block *block)
{
	arena->size -= block->size;
	ASAN_UNPOISON_MEMORY_REGION(block->room, block->size - sizeof(*block));
	pool_free(block, block->size);
}

static void blocks_free(struct weft_arena *arena, struct block *block)
{
	while (block) {
		struct block *next = block->next;

		block_free(arena, block);
		block = next;
	}
}

/* A deferred function may use the arena, and may defer more. */
static void run_deferred(struct weft_arena *arena)
{
	struct deferred *deferred;

	while ((deferred = arena->deferred)) {
		arena->deferred = deferred->next;
		deferred->cb(deferred->data);
	}
}

void weft_arena_free(struct weft_arena *arena)
{
	if (!arena)
		return;
	run_deferred(arena);
	blocks_free(arena, arena->blocks);
	pool_free(arena, sizeof(*arena));
}

/* The head is about to be cut from its beginning. */
static void open_head(struct weft_arena *arena)
{
	struct block *head = arena->blocks;

	arena->at = head->room;
	arena->end = (uint8_t *)head + head->size;
}

void weft_arena_reset(struct weft_arena *arena)
{
	struct block *head;

	run_deferred(arena);
	head = arena->blocks;
	if (!head)
		return;
	blocks_free(arena, head->next);
	head->next = NULL;
	/* A splice, or a large piece that came first, may have left a giant at the head. */
	if (head->size > BLOCK_MAX) {
		block_free(arena, head);
		arena->blocks = NULL;
		arena->at = arena->end = NULL;
		return;
	}
	open_head(arena);
	ASAN_POISON_MEMORY_REGION(arena->at, (size_t)(arena->end - arena->at));
}

static void *cut(struct weft_arena *arena, size_t size, size_t room)
{
	void *piece = arena->at;

	arena->at += room;
	ASAN_UNPOISON_MEMORY_REGION(piece, size);
	return piece;
}

/* The head has no room left: a piece that any new block could hold gets a new head. */
static void *alloc_from_new_head(struct weft_arena *arena, size_t size, size_t room)
{
	struct block *block;

	while (arena->grow - sizeof(*block) < room)
		arena->grow *= 2;
	block = block_new(arena, arena->grow);
	if (!block)
		abort();
	if (arena->grow < BLOCK_MAX)
		arena->grow *= 2;
	block->next = arena->blocks;
	arena->blocks = block;
	open_head(arena);
	return cut(arena, size, room);
}

/* A large piece gets a block of its own behind the head, whose room stays good for small ones. */
static void *alloc_large(struct weft_arena *arena, size_t size, size_t room)
{
	struct block *block = block_new(arena, sizeof(*block) + room);

	if (!block)
		return NULL;
	if (arena->blocks) {
		block->next = arena->blocks->next;
		arena->blocks->next = block;
	} else {
		block->next = NULL;
		arena->blocks = block;
		arena->at = arena->end = (uint8_t *)block + block->size;
	}
	ASAN_UNPOISON_MEMORY_REGION(block->room, size);
	return block->room;
}

void *weft_arena_alloc(struct weft_arena *arena, size_t size)
{
	size_t room;

	if (size > PTRDIFF_MAX - sizeof(struct block) - WEFT_RED_ZONE - ALIGNMENT)
		return NULL;
	room = (size + WEFT_RED_ZONE + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	if (room == 0)
		room = ALIGNMENT;
	if (room <= (size_t)(arena->end - arena->at))
		return cut(arena, size, room);
	if (size <= WEFT_ARENA_SMALL)
		return alloc_from_new_head(arena, size, room);
	return alloc_large(arena, size, room);
}

void *weft_arena_zalloc(struct weft_arena *arena, size_t size)
{
	void *piece = weft_arena_alloc(arena, size);

	return piece ? memset(piece, 0, size) : NULL;
}

void *weft_arena_memdup(struct weft_arena *arena, const void *bytes, size_t len)
{
	void *piece = weft_arena_alloc(arena, len);

	if (piece && len)
		memcpy(piece, bytes, len);
	return piece;
}

char *weft_arena_strdup(struct weft_arena *arena, const char *string)
{
	return weft_arena_memdup(arena, string, strlen(string) + 1);
}

char *weft_arena_strndup(struct weft_arena *arena, const char *bytes, size_t len)
{
	char *copy = len < SIZE_MAX ? weft_arena_alloc(arena, len + 1) : NULL;

	if (!copy)
		return NULL;
	if (len)
		memcpy(copy, bytes, len);
	copy[len] = '\0';
	return copy;
}

char *weft_arena_vprintf(struct weft_arena *arena, const char *format, va_list args)
{
	va_list again;
	char *text = NULL;
	int len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	if (len >= 0)
		text = weft_arena_alloc(arena, (size_t)len + 1);
	if (text)
		vsnprintf(text, (size_t)len + 1, format, again);
	va_end(again);
	return text;
}

char *weft_arena_printf(struct weft_arena *arena, const char *format, ...)
{
	va_list args;
	char *text;

	va_start(args, format);
	text = weft_arena_vprintf(arena, format, args);
	va_end(args);
	return text;
}

void weft_arena_defer(struct weft_arena *arena, weft_arena_cb *cb, void *data)
{
	struct deferred *deferred = weft_arena_alloc(arena, sizeof(*deferred));

	*deferred = (struct deferred) { .next = arena->deferred, .cb = cb, .data = data };
	arena->deferred = deferred;
}

/* What was spliced in last is undone first, as if all of it had been deferred at this moment. */
static void splice_deferred(struct weft_arena *arena, struct deferred *list)
{
	struct deferred **tail = &list;

	while (*tail)
		tail = &(*tail)->next;
	*tail = arena->deferred;
	arena->deferred = list;
}

static void splice_blocks(struct weft_arena *arena, struct weft_arena *from)
{
	struct block **tail = &from->blocks;

	while (*tail)
		tail = &(*tail)->next;
	if (arena->blocks) {
		*tail = arena->blocks->next;
		arena->blocks->next = from->blocks;
	} else {
		arena->blocks = from->blocks;
		arena->at = from->at;
		arena->end = from->end;
	}
	arena->size += from->size;
}

void weft_arena_splice(struct weft_arena *arena, struct weft_arena *take_from)
{
	splice_deferred(arena, take_from->deferred);
	splice_blocks(arena, take_from);
	pool_free(take_from, sizeof(*take_from));
}

size_t weft_arena_size(const struct weft_arena *arena)
{
	return arena->size;
}
