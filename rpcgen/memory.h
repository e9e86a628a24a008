/*
 * Memory of the plugin. It lives for one request, a fraction of a second: nothing is given back
 * before exit, everything stays reachable, and nobody has to know who owns a string.
 */
#ifndef RPCGEN_MEMORY_H
#define RPCGEN_MEMORY_H

#include <protobuf-c/protobuf-c.h>
#include <stddef.h>

/* Zeroed, never NULL: without memory the plugin says so and exits. */
void *memory_alloc(size_t size);
char *memory_strndup(const char *bytes, size_t len);
char *memory_printf(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));

#define memory_new_array(type, n) ((type *)memory_alloc(sizeof(type) * (n)))

/* All of it at once: for tests that compile many requests. */
void memory_free_all(void);

extern ProtobufCAllocator memory_allocator;

#endif
