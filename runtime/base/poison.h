/*
 * Telling AddressSanitizer which parts of a block are handed out. An arena takes memory from the
 * system in large blocks, so without this a use after reset, or past the end of a piece, would go
 * unseen. Without the sanitizer all of it is nothing.
 */
#ifndef WEFT_BASE_POISON_H
#define WEFT_BASE_POISON_H

#include <stddef.h>

#if defined(__SANITIZE_ADDRESS__)
#define WEFT_POISON 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WEFT_POISON 1
#endif
#endif

#ifdef WEFT_POISON
#include <sanitizer/asan_interface.h>
#define WEFT_RED_ZONE ((size_t)16) /* kept poisoned behind each piece */
#else
#define WEFT_RED_ZONE                        ((size_t)0)
#define ASAN_POISON_MEMORY_REGION(at, len)   ((void)(at), (void)(len))
#define ASAN_UNPOISON_MEMORY_REGION(at, len) ((void)(at), (void)(len))
#endif

#endif
