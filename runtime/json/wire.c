/*
 * The wire format in both directions. Everything here reads bytes of strangers: a length is
 * believed only after it was compared with what is there.
 */
#include <weft/protobuf.h>

#include <errno.h>
#include <string.h>

#define MAX_GROUP_DEPTH 100

int weft_wire_take_varint(struct weft_bytes *rest, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (size_t i = 0; i < 10 && i < rest->len; i++) {
		uint8_t byte = rest->data[i];

		if (i == 9 && byte > 1)
			return -EBADMSG;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte & 0x80)
			continue;
		rest->data += i + 1;
		rest->len -= i + 1;
		*ret_value = value;
		return 0;
	}
	return -EBADMSG;
}

int weft_wire_take_fixed32(struct weft_bytes *rest, uint32_t *ret_value)
{
	const uint8_t *p = rest->data;

	if (rest->len < 4)
		return -EBADMSG;
	*ret_value =
		(uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
	rest->data += 4;
	rest->len -= 4;
	return 0;
}

int weft_wire_take_fixed64(struct weft_bytes *rest, uint64_t *ret_value)
{
	uint32_t low, high;

	if (rest->len < 8)
		return -EBADMSG;
	weft_wire_take_fixed32(rest, &low);
	weft_wire_take_fixed32(rest, &high);
	*ret_value = (uint64_t)high << 32 | low;
	return 0;
}

static int take_tag(struct weft_bytes *rest, uint32_t *ret_number, enum weft_wire_type *ret_type)
{
	uint64_t tag;
	int r;

	r = weft_wire_take_varint(rest, &tag);
	if (r < 0)
		return r;
	if (tag >> 3 == 0 || tag > UINT32_MAX || (tag & 7) > WEFT_WIRE_FIXED32)
		return -EBADMSG;
	*ret_number = (uint32_t)(tag >> 3);
	*ret_type = (enum weft_wire_type)(tag & 7);
	return 0;
}

static int take_bytes(struct weft_bytes *rest, struct weft_bytes *ret_bytes)
{
	uint64_t len;
	int r;

	r = weft_wire_take_varint(rest, &len);
	if (r < 0)
		return r;
	if (len > rest->len)
		return -EBADMSG;
	*ret_bytes = (struct weft_bytes) { .data = rest->data, .len = (size_t)len };
	rest->data += len;
	rest->len -= (size_t)len;
	return 0;
}

/* The content of a group, its end tag taken off too. Counts levels instead of recursing. */
static int take_group(struct weft_bytes *rest, uint32_t number, struct weft_bytes *ret_bytes)
{
	const uint8_t *start = rest->data;
	uint32_t open[MAX_GROUP_DEPTH] = { number };
	size_t depth = 1;

	for (;;) {
		const uint8_t *tag = rest->data;
		struct weft_wire_field field;
		enum weft_wire_type type;
		struct weft_bytes inside;
		uint32_t inner;
		uint32_t ignored;
		int r;

		r = take_tag(rest, &inner, &type);
		if (r < 0)
			return r;
		switch (type) {
		case WEFT_WIRE_GROUP:
			if (depth == MAX_GROUP_DEPTH)
				return -EBADMSG;
			open[depth++] = inner;
			break;
		case WEFT_WIRE_END_GROUP:
			if (open[--depth] != inner)
				return -EBADMSG;
			if (depth > 0)
				break;
			*ret_bytes = (struct weft_bytes) { start, (size_t)(tag - start) };
			return 0;
		case WEFT_WIRE_VARINT: r = weft_wire_take_varint(rest, &field.value); break;
		case WEFT_WIRE_FIXED64: r = weft_wire_take_fixed64(rest, &field.value); break;
		case WEFT_WIRE_FIXED32: r = weft_wire_take_fixed32(rest, &ignored); break;
		case WEFT_WIRE_BYTES: r = take_bytes(rest, &inside); break;
		}
		if (r < 0)
			return r;
	}
}

int weft_wire_next(struct weft_bytes *rest, struct weft_wire_field *ret_field)
{
	struct weft_wire_field field = { 0 };
	uint32_t small;
	int r;

	if (rest->len == 0)
		return 0;
	r = take_tag(rest, &field.number, &field.type);
	if (r < 0)
		return r;
	switch (field.type) {
	case WEFT_WIRE_VARINT: r = weft_wire_take_varint(rest, &field.value); break;
	case WEFT_WIRE_FIXED64: r = weft_wire_take_fixed64(rest, &field.value); break;
	case WEFT_WIRE_FIXED32:
		r = weft_wire_take_fixed32(rest, &small);
		field.value = r < 0 ? 0 : small;
		break;
	case WEFT_WIRE_BYTES: r = take_bytes(rest, &field.bytes); break;
	case WEFT_WIRE_GROUP: r = take_group(rest, field.number, &field.bytes); break;
	case WEFT_WIRE_END_GROUP: r = -EBADMSG; break;
	}
	if (r < 0)
		return r;
	*ret_field = field;
	return 1;
}

size_t weft_wire_put_varint(uint8_t room[10], uint64_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		room[n++] = (uint8_t)(value | 0x80);
	room[n++] = (uint8_t)value;
	return n;
}

int weft_wire_append_varint(struct weft_buffer *out, uint64_t value)
{
	uint8_t room[10];

	return weft_buffer_append(out, room, weft_wire_put_varint(room, value));
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
	size_t n = weft_wire_put_varint(room, len);
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
