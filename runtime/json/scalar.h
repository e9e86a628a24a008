/*
 * A field's single value, apart from JSON's syntax: from text to the bits that go on the wire.
 */
#ifndef JSON_SCALAR_H
#define JSON_SCALAR_H

#include <weft/protobuf.h>
#include <weft/schema.h>

static inline enum weft_wire_type scalar_wire_type(enum weft_field_type type)
{
	switch (type) {
	case WEFT_TYPE_DOUBLE:
	case WEFT_TYPE_FIXED64:
	case WEFT_TYPE_SFIXED64: return WEFT_WIRE_FIXED64;
	case WEFT_TYPE_FLOAT:
	case WEFT_TYPE_FIXED32:
	case WEFT_TYPE_SFIXED32: return WEFT_WIRE_FIXED32;
	case WEFT_TYPE_STRING:
	case WEFT_TYPE_BYTES:
	case WEFT_TYPE_MESSAGE: return WEFT_WIRE_BYTES;
	case WEFT_TYPE_GROUP: return WEFT_WIRE_GROUP;
	default: return WEFT_WIRE_VARINT;
	}
}

const char *scalar_type_name(
	const struct weft_schema_field *field); /* "int32", "orders.v1.State" */

/* A number, boolean ("true") or enum (by name or number). The bits are as the wire has them:
 * zigzagged, sign-extended, a double's. -EINVAL, -ERANGE, -ENOENT: no such name in the enum. */
int scalar_parse(const struct weft_schema_field *field, const char *text, size_t len,
		 uint64_t *ret_bits);
int scalar_append(struct weft_buffer *out, enum weft_field_type type, uint64_t bits); /* no tag */
/* Off the front of packed values. */
int scalar_take(struct weft_bytes *rest, enum weft_field_type type, uint64_t *ret_bits);

/* Base64 in either alphabet, padded or not, appended as bytes; -EINVAL. */
int scalar_append_base64(struct weft_buffer *out, const char *text, size_t len);

/* Says why a text was refused: `"abc" is not an int32`. `r` is what refused it. */
void scalar_explain(const struct weft_schema_field *field, int r, const char *text, size_t len,
		    char *message, size_t size);

#endif
