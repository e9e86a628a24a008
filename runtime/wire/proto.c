/* The wire format in both directions: see weft/protobuf.h, and proto.h for what is inline. */
#include "wire/proto.h"

#define MAX_GROUP_DEPTH 100

int weft_wire_take_varint(struct weft_bytes *rest, uint64_t *ret_value)
{
	return weft_proto_take_varint(rest, WEFT_PROTO_VARINT_MAX, ret_value);
}

int weft_wire_take_fixed32(struct weft_bytes *rest, uint32_t *ret_value)
{
	uint64_t value;

	if (weft_proto_take_fixed(rest, 4, &value) < 0)
		return -EBADMSG;
	*ret_value = (uint32_t)value;
	return 0;
}

int weft_wire_take_fixed64(struct weft_bytes *rest, uint64_t *ret_value)
{
	return weft_proto_take_fixed(rest, 8, ret_value);
}

/* The content of a group, its end tag taken off too. Counts levels instead of recursing. */
static int take_group(struct weft_bytes *rest, uint32_t number, struct weft_bytes *ret_bytes)
{
	const uint8_t *start = rest->data;
	uint32_t open[MAX_GROUP_DEPTH] = { number };
	size_t depth = 1;

	for (;;) {
		const uint8_t *tag = rest->data;
		struct weft_bytes bytes;
		uint64_t value;
		uint32_t inner;
		unsigned type;

		if (weft_proto_take_tag(rest, &inner, &type) < 0)
			return -EBADMSG;
		if (type == WEFT_WIRE_GROUP) {
			if (depth == MAX_GROUP_DEPTH)
				return -EBADMSG;
			open[depth++] = inner;
		} else if (type == WEFT_WIRE_END_GROUP) {
			if (open[--depth] != inner)
				return -EBADMSG;
			if (depth > 0)
				continue;
			*ret_bytes = (struct weft_bytes) { start, (size_t)(tag - start) };
			return 0;
		} else if (weft_proto_take_value(rest, type, &value, &bytes) < 0) {
			return -EBADMSG;
		}
	}
}

int weft_wire_next(struct weft_bytes *rest, struct weft_wire_field *ret_field)
{
	struct weft_wire_field field = { 0 };
	unsigned type;
	int r;

	if (rest->len == 0)
		return 0;
	if (weft_proto_take_tag(rest, &field.number, &type) < 0)
		return -EBADMSG;
	if (type == WEFT_WIRE_GROUP)
		r = take_group(rest, field.number, &field.bytes);
	else
		r = weft_proto_take_value(rest, type, &field.value, &field.bytes);
	if (r < 0)
		return r;
	field.type = (enum weft_wire_type)type;
	*ret_field = field;
	return 1;
}

size_t weft_wire_put_varint(uint8_t room[10], uint64_t value)
{
	return weft_proto_put_varint(room, value);
}

int weft_wire_append_varint(struct weft_buffer *out, uint64_t value)
{
	uint8_t room[WEFT_PROTO_VARINT_MAX];

	return weft_buffer_append(out, room, weft_proto_put_varint(room, value));
}

int weft_wire_append_tag(struct weft_buffer *out, uint32_t number, enum weft_wire_type type)
{
	return weft_wire_append_varint(out, (uint64_t)number << 3 | (uint64_t)type);
}

int weft_wire_append_fixed32(struct weft_buffer *out, uint32_t value)
{
	uint8_t room[4] = { (uint8_t)value, (uint8_t)(value >> 8), (uint8_t)(value >> 16),
			    (uint8_t)(value >> 24) };

	return weft_buffer_append(out, room, sizeof(room));
}

int weft_wire_append_fixed64(struct weft_buffer *out, uint64_t value)
{
	int r;

	r = weft_wire_append_fixed32(out, (uint32_t)value);
	if (r < 0)
		return r;
	return weft_wire_append_fixed32(out, (uint32_t)(value >> 32));
}

int weft_wire_append_number(struct weft_buffer *out, uint32_t number, uint64_t value)
{
	int r;

	r = weft_wire_append_tag(out, number, WEFT_WIRE_VARINT);
	return r < 0 ? r : weft_wire_append_varint(out, value);
}

int weft_wire_append_bytes(struct weft_buffer *out, uint32_t number, const void *bytes, size_t len)
{
	int r;

	r = weft_wire_append_tag(out, number, WEFT_WIRE_BYTES);
	if (r < 0)
		return r;
	r = weft_wire_append_varint(out, len);
	if (r < 0)
		return r;
	return weft_buffer_append(out, bytes, len);
}

int weft_wire_begin(struct weft_buffer *out, uint32_t number, size_t *ret_mark)
{
	int r;

	r = weft_wire_append_tag(out, number, WEFT_WIRE_BYTES);
	if (r < 0)
		return r;
	r = weft_buffer_append_byte(out, 0);
	if (r < 0)
		return r;
	*ret_mark = out->len;
	return 0;
}

int weft_wire_end(struct weft_buffer *out, size_t mark)
{
	size_t len = out->len - mark;
	uint8_t room[10], *more;
	size_t n = weft_proto_put_varint(room, len);
	int r;

	if (n > 1) {
		r = weft_buffer_reserve(out, n - 1, &more);
		if (r < 0)
			return r;
		memmove(out->data + mark + n - 1, out->data + mark, len);
		out->len += n - 1;
	}
	memcpy(out->data + mark - 1, room, n);
	return 0;
}
