/*
 * An arena: memory that is handed out piece by piece and given back in one stroke.
 *
 * A call owns an arena; what the call allocates dies with it, foreign resources included
 * (weft_arena_defer). An arena belongs to one thread at a time and has no lock.
 *
 * A piece of up to WEFT_ARENA_SMALL bytes is always there (the process aborts when the system has
 * none left). A larger one may be NULL: its size was perhaps a peer's choice.
 */
#ifndef WEFT_ARENA_H
#define WEFT_ARENA_H

#include <stdarg.h>
#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

#define WEFT_ARENA_SMALL ((size_t)4096)

struct weft_arena;
typedef void weft_arena_cb(void *data);

struct weft_arena *weft_arena_new(void);
void weft_arena_free(
	struct weft_arena *arena); /* takes NULL; runs the deferred functions, last first */

/* Gives everything back but one block, so that a pump which resets for each message does not
 * grow. */
void weft_arena_reset(struct weft_arena *arena);

/* Aligned for any type, not zeroed. `size` 0 gives a pointer that is not NULL. */
void *weft_arena_alloc(struct weft_arena *arena, size_t size);
void *weft_arena_zalloc(struct weft_arena *arena, size_t size);
void *weft_arena_memdup(struct weft_arena *arena, const void *bytes, size_t len);
char *weft_arena_strdup(struct weft_arena *arena, const char *string);
char *weft_arena_strndup(struct weft_arena *arena, const char *bytes, size_t len);
char *weft_arena_printf(struct weft_arena *arena, const char *format, ...) WEFT_PRINTF(2, 3);
char *weft_arena_vprintf(struct weft_arena *arena, const char *format, va_list args)
	WEFT_PRINTF(2, 0);

/* Calls `cb(data)` when the arena is reset or freed. */
void weft_arena_defer(struct weft_arena *arena, weft_arena_cb *cb, void *data);

/* Moves all of `take_from` into `arena`: it lives as long as `arena` now. `take_from` is gone. */
void weft_arena_splice(struct weft_arena *arena, struct weft_arena *take_from);

/* Bytes held from the system, for accounting and tests. */
size_t weft_arena_size(const struct weft_arena *arena);

#define weft_arena_new_array(arena, type, n)                                                       \
	((type *)weft_arena_zalloc((arena), sizeof(type) * (size_t)(n)))

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
