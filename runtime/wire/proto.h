/*
 * What of <weft/protobuf.h> runs for each field of each message, so that it can be inlined where
 * messages are walked: by the codec's check and by the JSON codec.
 *
 * Everything here reads bytes of strangers: a length is believed only after it was compared with
 * what is there. Functions return 0 or -EBADMSG and leave `rest` as it was then.
 */
#ifndef WEFT_WIRE_PROTO_H
#define WEFT_WIRE_PROTO_H

#include <errno.h>
#include <string.h>
#include <weft/protobuf.h>

#define WEFT_PROTO_VARINT_MAX 10 /* bytes */
#define WEFT_PROTO_SHORT_MAX  5  /* of a tag or a length: protobuf-c does not read longer ones */

/* A varint of at most `max` bytes. */
static inline int weft_proto_take_varint(struct weft_bytes *rest, size_t max, uint64_t *ret_value)
{
	const uint8_t *at = rest->data;
	size_t most = rest->len < max ? rest->len : max;
	uint64_t value = 0;

	for (size_t i = 0; i < most; i++) {
		value |= (uint64_t)(at[i] & 0x7f) << (7 * i);
		if (at[i] & 0x80)
			continue;
		if (i == 9 && at[i] > 1)
			return -EBADMSG;
		rest->data += i + 1;
		rest->len -= i + 1;
		*ret_value = value;
		return 0;
	}
	return -EBADMSG;
}

/* `type` may be one that there is not (6, 7). */
static inline int weft_proto_take_tag(struct weft_bytes *rest, uint32_t *ret_number,
				      unsigned *ret_type)
{
	uint64_t tag;

	if (weft_proto_take_varint(rest, WEFT_PROTO_SHORT_MAX, &tag) < 0 || tag > UINT32_MAX ||
	    tag >> 3 == 0)
		return -EBADMSG;
	*ret_number = (uint32_t)(tag >> 3);
	*ret_type = tag & 7;
	return 0;
}

static inline int weft_proto_take_bytes(struct weft_bytes *rest, struct weft_bytes *ret_bytes)
{
	uint64_t len;

	if (weft_proto_take_varint(rest, WEFT_PROTO_SHORT_MAX, &len) < 0 || len > rest->len)
		return -EBADMSG;
	ret_bytes->data = rest->data;
	ret_bytes->len = (size_t)len;
	rest->data += len;
	rest->len -= (size_t)len;
	return 0;
}

/* Of `size` 4 or 8. */
static inline int weft_proto_take_fixed(struct weft_bytes *rest, size_t size, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (rest->len < size)
		return -EBADMSG;
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)rest->data[i] << (8 * i);
	rest->data += size;
	rest->len -= size;
	*ret_value = value;
	return 0;
}

/* The value behind a tag; of a group nothing, since its end is to be found first. */
static inline int weft_proto_take_value(struct weft_bytes *rest, unsigned type, uint64_t *ret_value,
					struct weft_bytes *ret_bytes)
{
	switch (type) {
	case WEFT_WIRE_VARINT:
		return weft_proto_take_varint(rest, WEFT_PROTO_VARINT_MAX, ret_value);
	case WEFT_WIRE_FIXED64: return weft_proto_take_fixed(rest, 8, ret_value);
	case WEFT_WIRE_FIXED32: return weft_proto_take_fixed(rest, 4, ret_value);
	case WEFT_WIRE_BYTES: return weft_proto_take_bytes(rest, ret_bytes);
	default: return -EBADMSG;
	}
}

static inline size_t weft_proto_put_varint(uint8_t room[WEFT_PROTO_VARINT_MAX], uint64_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		room[n++] = (uint8_t)(value | 0x80);
	room[n++] = (uint8_t)value;
	return n;
}

/* As weft_wire_next(), but *ret_field is no longer what it was where it fails. */
static inline int weft_proto_next(struct weft_bytes *rest, struct weft_wire_field *ret_field)
{
	const uint8_t *at = rest->data;
	size_t len = rest->len;
	unsigned type;

	if (len == 0)
		return 0;
	if (weft_proto_take_tag(rest, &ret_field->number, &type) < 0)
		return -EBADMSG;
	if (type == WEFT_WIRE_GROUP) { /* again, from its tag */
		rest->data = at;
		rest->len = len;
		return weft_wire_next(rest, ret_field);
	}
	ret_field->type = (enum weft_wire_type)type;
	ret_field->value = 0;
	ret_field->bytes.data = NULL;
	ret_field->bytes.len = 0;
	if (weft_proto_take_value(rest, type, &ret_field->value, &ret_field->bytes) < 0)
		return -EBADMSG;
	return 1;
}

#endif
