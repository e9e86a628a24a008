/*
 * nghttp2's memory. It allocates and frees some ten small pieces for every stream, so that they
 * come from the thread's pool; a header says how large a piece is, which nghttp2 does not when it
 * gives one back. The large ones live as long as their session, so those are the system's own: an
 * idle connection should not pay for sizes that are rounded up.
 */
#include "h2/session_inside.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"

#define LARGEST ((size_t)1024) /* with the header */

struct piece {
	size_t size; /* with this header */
	alignas(max_align_t) uint8_t bytes[];
};

static void *on_malloc(size_t size, void *data)
{
	struct piece *piece;

	if (size > SIZE_MAX - sizeof(*piece))
		return NULL;
	size += sizeof(*piece);
	piece = size <= LARGEST ? pool_alloc(size) : malloc(size);
	if (!piece)
		return NULL;
	piece->size = size;
	return piece->bytes;
}

static void on_free(void *bytes, void *data)
{
	struct piece *piece;

	if (!bytes)
		return;
	piece = weft_container_of(bytes, struct piece, bytes);
	if (piece->size <= LARGEST)
		pool_free(piece, piece->size);
	else
		free(piece);
}

static void *on_calloc(size_t n, size_t size, void *data)
{
	size_t total;
	void *bytes;

	if (__builtin_mul_overflow(n, size, &total))
		return NULL;
	bytes = on_malloc(total, data);
	return bytes ? memset(bytes, 0, total) : NULL;
}

static void *on_realloc(void *bytes, size_t size, void *data)
{
	struct piece *piece = bytes ? weft_container_of(bytes, struct piece, bytes) : NULL;
	size_t had = piece ? piece->size - sizeof(*piece) : 0;
	void *larger = on_malloc(size, data);

	if (!larger)
		return NULL;
	if (bytes)
		memcpy(larger, bytes, had < size ? had : size);
	on_free(bytes, data);
	return larger;
}

nghttp2_mem session_memory = {
	.malloc = on_malloc,
	.free = on_free,
	.calloc = on_calloc,
	.realloc = on_realloc,
};
