/* See proto.h; https://protobuf.dev/programming-guides/encoding/ */
#include "wire/proto.h"

#define NUMBER_MAX ((1u << 29) - 1)
#define TAG_MAX    5 /* bytes of a tag or a length */

size_t weft_proto_varint_len(const uint8_t *at, const uint8_t *end, size_t max)
{
	for (size_t i = 0; i < max && at + i < end; i++)
		if (at[i] < 0x80)
			return i + 1;
	return 0;
}

uint64_t weft_proto_varint(const uint8_t *at, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)(at[i] & 0x7f) << (7 * i);
	return value;
}

size_t weft_proto_read_tag(const uint8_t *at, const uint8_t *end, struct weft_proto_tag *ret_tag)
{
	size_t n = weft_proto_varint_len(at, end, TAG_MAX);
	uint64_t value;

	if (n == 0)
		return 0;
	value = weft_proto_varint(at, n);
	if (value >> 3 == 0 || value >> 3 > NUMBER_MAX)
		return 0;
	ret_tag->number = (uint32_t)(value >> 3);
	ret_tag->type = value & 7;
	return n;
}

static size_t read_delimited(const uint8_t *at, const uint8_t *end, struct weft_bytes *ret_value)
{
	size_t n = weft_proto_varint_len(at, end, TAG_MAX);
	uint64_t len;

	if (n == 0)
		return 0;
	len = weft_proto_varint(at, n);
	if (len > (size_t)(end - at) - n)
		return 0;
	*ret_value = (struct weft_bytes) { at + n, (size_t)len };
	return n + (size_t)len;
}

size_t weft_proto_read_value(unsigned type, const uint8_t *at, const uint8_t *end,
			     struct weft_bytes *ret_value)
{
	size_t left = (size_t)(end - at), n;

	switch (type) {
	case WEFT_PROTO_VARINT: n = weft_proto_varint_len(at, end, WEFT_PROTO_VARINT_MAX); break;
	case WEFT_PROTO_64BIT: n = left < 8 ? 0 : 8; break;
	case WEFT_PROTO_32BIT: n = left < 4 ? 0 : 4; break;
	case WEFT_PROTO_BYTES: return read_delimited(at, end, ret_value);
	default: return 0;
	}
	*ret_value = (struct weft_bytes) { at, n };
	return n;
}

static int put_varint(struct weft_buffer *buffer, uint64_t value)
{
	uint8_t bytes[WEFT_PROTO_VARINT_MAX];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	return weft_buffer_append(buffer, bytes, n);
}

int weft_proto_put_varint(struct weft_buffer *buffer, uint32_t number, uint64_t value)
{
	int r;

	r = put_varint(buffer, (uint64_t)number << 3 | WEFT_PROTO_VARINT);
	return r < 0 ? r : put_varint(buffer, value);
}

int weft_proto_put_bytes(struct weft_buffer *buffer, uint32_t number, const void *bytes, size_t len)
{
	int r;

	r = put_varint(buffer, (uint64_t)number << 3 | WEFT_PROTO_BYTES);
	if (r == 0)
		r = put_varint(buffer, len);
	return r < 0 ? r : weft_buffer_append(buffer, bytes, len);
}
