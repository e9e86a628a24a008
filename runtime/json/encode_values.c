/* What is written without looking at more than one field: punctuation, names, and single values. */
#include "encode.h"

#include <errno.h>
#include <math.h>

#include "number.h"
#include "quote.h"
#include "scalar.h"

int put_line(struct encoder *e)
{
	size_t n = (size_t)e->level * e->options.indent + 1;
	uint8_t *room;
	int r;

	r = reserve(e->out, n, &room);
	if (r < 0)
		return r;
	memset(room, ' ', n);
	*room = '\n';
	e->out->len += n;
	return 0;
}

int put_name(struct encoder *e, const struct weft_schema_message *message, size_t i)
{
	const struct message_def *def = weft_container_of(message, const struct message_def, pub);
	const struct weft_bytes *name = &def->quoted[i].names[e->options.proto_names];
	int r;

	r = append_padded(e->out, name->data, name->len);
	return r < 0 || e->options.indent == 0 ? r : append_byte(e->out, ' ');
}

int put_string(struct encoder *e, struct weft_bytes bytes)
{
	int r;

	r = quote(bytes.data, bytes.len, true, e->out);
	return r == -EINVAL ? encode_fail(e, bytes, "the string is not UTF-8") : r;
}

static int put_floating(struct encoder *e, double value, bool narrow)
{
	char text[NUMBER_MAX];
	size_t len;

	if (isnan(value))
		return put(e, "\"NaN\"");
	if (isinf(value))
		return put(e, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	len = narrow ? number_from_float((float)value, text) : number_from_double(value, text);
	return append(e->out, text, len);
}

static int put_integer(struct encoder *e, bool negative, uint64_t value, bool quoted)
{
	char text[NUMBER_MAX + 2];
	size_t n = 0;

	text[0] = '"';
	n += quoted;
	n += number_from_integer(negative, value, text + n);
	text[n] = '"';
	n += quoted;
	return append(e->out, text, n);
}

static int put_signed(struct encoder *e, int64_t value, bool quoted)
{
	return put_integer(e, value < 0, value < 0 ? -(uint64_t)value : (uint64_t)value, quoted);
}

static int put_enum(struct encoder *e, const struct weft_schema_enum *enumeration, int32_t number)
{
	const struct weft_schema_enum_value *value;

	if (strcmp(enumeration->full_name, "google.protobuf.NullValue") == 0)
		return put(e, "null");
	value = weft_schema_enum_numbered(enumeration, number);
	if (!value)
		return put_signed(e, number, false);
	return quote((const uint8_t *)value->name, strlen(value->name), false, e->out);
}

static int put_bool(struct encoder *e, bool value, bool key)
{
	if (key)
		return put(e, value ? "\"true\"" : "\"false\"");
	return put(e, value ? "true" : "false");
}

int put_scalar(struct encoder *e, const struct weft_schema_field *field, uint64_t bits, bool key)
{
	uint32_t small = (uint32_t)bits;
	double wide;
	float narrow;

	switch (field->type) {
	case WEFT_TYPE_DOUBLE:
		memcpy(&wide, &bits, sizeof(wide));
		return put_floating(e, wide, false);
	case WEFT_TYPE_FLOAT:
		memcpy(&narrow, &small, sizeof(narrow));
		return put_floating(e, (double)narrow, true);
	case WEFT_TYPE_BOOL: return put_bool(e, bits != 0, key);
	case WEFT_TYPE_ENUM: return put_enum(e, field->enumeration, (int32_t)small);
	case WEFT_TYPE_UINT32:
	case WEFT_TYPE_FIXED32: return put_integer(e, false, small, key);
	case WEFT_TYPE_INT32:
	case WEFT_TYPE_SFIXED32: return put_signed(e, (int32_t)small, key);
	case WEFT_TYPE_SINT32: return put_signed(e, (int32_t)weft_unzigzag(small), key);
	case WEFT_TYPE_UINT64:
	case WEFT_TYPE_FIXED64: return put_integer(e, false, bits, true);
	case WEFT_TYPE_SINT64: return put_signed(e, weft_unzigzag(bits), true);
	default: return put_signed(e, (int64_t)bits, true);
	}
}

int put_default(struct encoder *e, const struct weft_schema_field *field)
{
	if (field->repeated)
		return put(e, field->map ? "{}" : "[]");
	if (field->message)
		return put(e, "null");
	if (scalar_wire_type(field->type) == WEFT_WIRE_BYTES)
		return put(e, "\"\"");
	return put_scalar(e, field, 0, false);
}
