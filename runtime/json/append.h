/*
 * Appending short pieces to a buffer: inline while there is room, since a codec does it for every
 * byte of punctuation. And the part of JSON's strings that both directions look for.
 */
#ifndef JSON_APPEND_H
#define JSON_APPEND_H

#include <string.h>

#include "wire/proto.h"

static inline int reserve(struct weft_buffer *out, size_t len, uint8_t **ret_room)
{
	if (out->limit || out->cap - out->len < len || !out->data)
		return weft_buffer_reserve(out, len, ret_room);
	*ret_room = out->data + out->len;
	return 0;
}

static inline int append(struct weft_buffer *out, const void *bytes, size_t len)
{
	uint8_t *room;
	int r;

	if (len == 0) /* `bytes` may be NULL */
		return 0;
	r = reserve(out, len, &room);
	if (r < 0)
		return r;
	memcpy(room, bytes, len);
	out->len += len;
	return 0;
}

static inline int append_byte(struct weft_buffer *out, char byte)
{
	return append(out, &byte, 1);
}

#define PADDED ((size_t)32)

/* Bytes behind which there are others up to PADDED: copied without counting where there is room. */
static inline int append_padded(struct weft_buffer *out, const void *bytes, size_t len)
{
	if (len > PADDED || out->limit || out->cap - out->len < PADDED)
		return append(out, bytes, len);
	memcpy(out->data + out->len, bytes, PADDED);
	out->len += len;
	return 0;
}

/* As weft_wire_append_varint() and _tag(). */
static inline int append_varint(struct weft_buffer *out, uint64_t value)
{
	uint8_t room[WEFT_PROTO_VARINT_MAX];

	return append(out, room, weft_proto_put_varint(room, value));
}

static inline int append_tag(struct weft_buffer *out, uint32_t number, enum weft_wire_type type)
{
	return append_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

/* How many bytes from `at` on stand for themselves in a JSON string: ASCII but control characters,
 * '"' and '\'. Eight bytes in one look, of which one that does not makes the high bit of its own
 * difference or of a later one. */
static inline size_t plain_run(const uint8_t *at, size_t len)
{
	const uint64_t each = UINT64_C(0x0101010101010101), high = each * 0x80;
	size_t i = 0;

	for (; len - i >= 8; i += 8) {
		uint64_t eight;

		memcpy(&eight, at + i, sizeof(eight));
		if ((eight | (eight - each * 0x20) | ((eight ^ each * '"') - each) |
		     ((eight ^ each * '\\') - each)) &
		    high)
			break;
	}
	while (i < len && at[i] >= 0x20 && at[i] < 0x80 && at[i] != '"' && at[i] != '\\')
		i++;
	return i;
}

#endif
