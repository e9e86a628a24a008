/*
 * A growable run of bytes. It doubles, so that n appended bytes cost O(n); `limit` bounds what a
 * peer can make it hold.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/buffer.h>

#define FIRST_CAP ((size_t)64)

void weft_buffer_fini(struct weft_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct weft_buffer) { .limit = buffer->limit };
}

void weft_buffer_clear(struct weft_buffer *buffer)
{
	buffer->len = 0;
}

static int grow(struct weft_buffer *buffer, size_t need)
{
	size_t cap = buffer->cap ? buffer->cap : FIRST_CAP;
	uint8_t *data;

	while (cap < need)
		cap = cap > PTRDIFF_MAX / 2 ? need : cap * 2;
	data = realloc(buffer->data, cap);
	if (!data)
		return -ENOMEM;
	buffer->data = data;
	buffer->cap = cap;
	return 0;
}

int weft_buffer_reserve(struct weft_buffer *buffer, size_t len, uint8_t **ret_room)
{
	int r;

	if (len > PTRDIFF_MAX - buffer->len)
		return -ENOMEM;
	if (buffer->limit && buffer->len + len > buffer->limit)
		return -EMSGSIZE;
	if (!buffer->data || buffer->cap - buffer->len < len) {
		r = grow(buffer, buffer->len + len);
		if (r < 0)
			return r;
	}
	*ret_room = buffer->data + buffer->len;
	return 0;
}

int weft_buffer_append(struct weft_buffer *buffer, const void *bytes, size_t len)
{
	uint8_t *room;
	int r;

	if (len == 0)
		return 0;
	r = weft_buffer_reserve(buffer, len, &room);
	if (r < 0)
		return r;
	memcpy(room, bytes, len);
	buffer->len += len;
	return 0;
}

int weft_buffer_append_string(struct weft_buffer *buffer, const char *string)
{
	return weft_buffer_append(buffer, string, strlen(string));
}

int weft_buffer_append_byte(struct weft_buffer *buffer, uint8_t byte)
{
	return weft_buffer_append(buffer, &byte, 1);
}

static int append_formatted(struct weft_buffer *buffer, const char *format, va_list args, int len)
{
	uint8_t *room;
	int r;

	if (len < 0)
		return -EINVAL;
	/* vsnprintf() ends its text with a NUL, which is room that the limit does not count. */
	if (buffer->limit && (size_t)len > buffer->limit - buffer->len)
		return -EMSGSIZE;
	if (!buffer->data || buffer->cap - buffer->len <= (size_t)len) {
		r = grow(buffer, buffer->len + (size_t)len + 1);
		if (r < 0)
			return r;
	}
	room = buffer->data + buffer->len;
	vsnprintf((char *)room, (size_t)len + 1, format, args);
	buffer->len += (size_t)len;
	return 0;
}

int weft_buffer_printf(struct weft_buffer *buffer, const char *format, ...)
{
	va_list args;
	int len, r;

	va_start(args, format);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);

	va_start(args, format);
	r = append_formatted(buffer, format, args, len);
	va_end(args);
	return r;
}

void weft_buffer_consume(struct weft_buffer *buffer, size_t len)
{
	buffer->len -= len;
	if (buffer->len)
		memmove(buffer->data, buffer->data + len, buffer->len);
}
