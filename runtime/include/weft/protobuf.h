/*
 * protobuf's wire format, field by field: for code that is driven by a schema, or that reads a
 * message of which it has no generated code. https://protobuf.dev/programming-guides/encoding/
 */
#ifndef WEFT_PROTOBUF_H
#define WEFT_PROTOBUF_H

#include <weft/buffer.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

enum weft_wire_type {
	WEFT_WIRE_VARINT = 0,
	WEFT_WIRE_FIXED64 = 1,
	WEFT_WIRE_BYTES = 2,
	WEFT_WIRE_GROUP = 3,
	WEFT_WIRE_END_GROUP = 4, /* never handed out */
	WEFT_WIRE_FIXED32 = 5,
};

struct weft_wire_field {
	uint32_t number;
	enum weft_wire_type type;
	uint64_t value;          /* VARINT, FIXED64, FIXED32 */
	struct weft_bytes bytes; /* BYTES, and what is inside a GROUP; borrowed */
};

/* Takes the next field off the front of `rest`: 1, 0 when nothing is left, or -EBADMSG: bytes are
 * missing, the number is 0, a tag or a length is longer than five bytes, a varint does not fit in
 * 64 bits, a group has no end, or groups are nested deeper than 100. `rest` may be shorter then. */
int weft_wire_next(struct weft_bytes *rest, struct weft_wire_field *ret_field);

/* Single values off the front, as packed fields hold them. 0 or -EBADMSG. */
int weft_wire_take_varint(struct weft_bytes *rest, uint64_t *ret_value);
int weft_wire_take_fixed32(struct weft_bytes *rest, uint32_t *ret_value);
int weft_wire_take_fixed64(struct weft_bytes *rest, uint64_t *ret_value);

static inline uint64_t weft_zigzag(int64_t value)
{
	return ((uint64_t)value << 1) ^ (uint64_t)(value >> 63);
}

static inline int64_t weft_unzigzag(uint64_t value)
{
	return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

/* Appending: 0, -ENOMEM, or -EMSGSIZE past the buffer's limit. */
size_t weft_wire_put_varint(uint8_t room[10], uint64_t value); /* returns how many bytes it took */
int weft_wire_append_varint(struct weft_buffer *out, uint64_t value);
int weft_wire_append_tag(struct weft_buffer *out, uint32_t number, enum weft_wire_type type);
int weft_wire_append_fixed32(struct weft_buffer *out, uint32_t value);
int weft_wire_append_fixed64(struct weft_buffer *out, uint64_t value);
/* A whole field: a tag and a varint, or a tag, a length and bytes. */
int weft_wire_append_number(struct weft_buffer *out, uint32_t number, uint64_t value);
int weft_wire_append_bytes(struct weft_buffer *out, uint32_t number, const void *bytes, size_t len);

/* A submessage whose length is not known yet: begin writes the tag and leaves a byte for the
 * length; what is appended then is its content; end writes the length, and shifts the content when
 * a byte was too few. */
int weft_wire_begin(struct weft_buffer *out, uint32_t number, size_t *ret_mark);
int weft_wire_end(struct weft_buffer *out, size_t mark);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
