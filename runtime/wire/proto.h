/*
 * Protobuf's wire format itself: tags, varints, length-delimited values. No descriptors here.
 *
 * Readers return how many bytes they took, 0 when there are not enough or they make no sense.
 */
#ifndef WEFT_WIRE_PROTO_H
#define WEFT_WIRE_PROTO_H

#include <weft/buffer.h>

#define WEFT_PROTO_VARINT_MAX 10 /* bytes */

enum weft_proto_type {
	WEFT_PROTO_VARINT = 0,
	WEFT_PROTO_64BIT = 1,
	WEFT_PROTO_BYTES = 2, /* length-delimited */
	WEFT_PROTO_32BIT = 5, /* 3 and 4 were groups: not read */
};

struct weft_proto_tag {
	uint32_t number; /* 1 to 2^29 - 1 */
	unsigned type;   /* 0 to 7 */
};

size_t weft_proto_read_tag(const uint8_t *at, const uint8_t *end, struct weft_proto_tag *ret_tag);
/* The value behind a tag: its bytes as they stand, without the length of a length-delimited one. */
size_t weft_proto_read_value(unsigned type, const uint8_t *at, const uint8_t *end,
			     struct weft_bytes *ret_value);
/* The length of the varint at `at`, of at most `max` bytes. */
size_t weft_proto_varint_len(const uint8_t *at, const uint8_t *end, size_t max);
uint64_t weft_proto_varint(const uint8_t *at, size_t len);

/* Appends a field. -ENOMEM, as buffers have it. */
int weft_proto_put_varint(struct weft_buffer *buffer, uint32_t number, uint64_t value);
int weft_proto_put_bytes(struct weft_buffer *buffer, uint32_t number, const void *bytes,
			 size_t len);

#endif
