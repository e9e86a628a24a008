/*
 * A growable run of bytes on the heap. `data` is NULL while nothing was ever appended.
 * A failed append returns -ENOMEM (or -EMSGSIZE past `limit`) and leaves what was there.
 */
#ifndef WEFT_BUFFER_H
#define WEFT_BUFFER_H

#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_buffer {
	uint8_t *data;
	size_t len;
	size_t cap;
	size_t limit; /* 0: none */
};

#define WEFT_BUFFER_INIT                                                                           \
	{                                                                                          \
		0                                                                                  \
	}

void weft_buffer_fini(struct weft_buffer *buffer);  /* frees, and leaves it initialised */
void weft_buffer_clear(struct weft_buffer *buffer); /* keeps the memory */

/* Room for `len` more bytes, *ret_room points at it; the caller fills it and adds to `len`
 * himself. */
int weft_buffer_reserve(struct weft_buffer *buffer, size_t len, uint8_t **ret_room);
int weft_buffer_append(struct weft_buffer *buffer, const void *bytes, size_t len);
int weft_buffer_append_string(struct weft_buffer *buffer, const char *string);
int weft_buffer_append_byte(struct weft_buffer *buffer, uint8_t byte);
int weft_buffer_printf(struct weft_buffer *buffer, const char *format, ...) WEFT_PRINTF(2, 3);

/* Drops the first `len` bytes. */
void weft_buffer_consume(struct weft_buffer *buffer, size_t len);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
