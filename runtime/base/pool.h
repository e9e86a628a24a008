/*
 * Pieces of memory that come and go with every call and message, kept for the next one. glibc
 * remembers seven freed pieces of a size, and none above 1 KiB; a server has hundreds of calls
 * under way. And what is free at the end of its heap it gives back to the system, so that a stream
 * of large messages may meet sixteen page faults in each.
 *
 * A thread keeps what it frees, whoever allocated it, up to a bound for each small size and one
 * for all the large ones, until it ends. Under AddressSanitizer nothing is kept, so that a use
 * after free is seen.
 */
#ifndef WEFT_BASE_POOL_H
#define WEFT_BASE_POOL_H

#include <stddef.h>

#define POOL_LARGEST ((size_t)128 * 1024) /* larger pieces are the system's own */

/* Aligned for any type, not zeroed; NULL when the system has none left. */
void *pool_alloc(size_t size);
/* `size` as it was asked for; `piece` may be NULL. */
void pool_free(void *piece, size_t size);

#endif
