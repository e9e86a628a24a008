/* The percent-encoding of grpc-message. */
#ifndef WEFT_WIRE_PERCENT_H
#define WEFT_WIRE_PERCENT_H

#include <weft/arena.h>

/* Printable ASCII but '%' stays; every other byte becomes %XX. NULL: out of memory. */
char *weft_percent_encode(struct weft_arena *arena, const char *text, size_t len, size_t *ret_len);

/* Never refuses: what is no %XX stays as it is, and so does %00, which a C string cannot hold.
 * NULL: out of memory. */
char *weft_percent_decode(struct weft_arena *arena, const char *text, size_t len);

#endif
