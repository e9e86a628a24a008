#include "scalar.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "append.h"
#include "base/utf8.h"
#include "number.h"
#include "suggest.h"
#include "wire/base64.h"

#define SNIPPET       40 /* of a wrong value, in an error */
#define LISTED_VALUES 6

static const char *const type_names[] = {
	[WEFT_TYPE_DOUBLE] = "double",     [WEFT_TYPE_FLOAT] = "float",
	[WEFT_TYPE_INT64] = "int64",       [WEFT_TYPE_UINT64] = "uint64",
	[WEFT_TYPE_INT32] = "int32",       [WEFT_TYPE_FIXED64] = "fixed64",
	[WEFT_TYPE_FIXED32] = "fixed32",   [WEFT_TYPE_BOOL] = "bool",
	[WEFT_TYPE_STRING] = "string",     [WEFT_TYPE_GROUP] = "group",
	[WEFT_TYPE_MESSAGE] = "message",   [WEFT_TYPE_BYTES] = "bytes",
	[WEFT_TYPE_UINT32] = "uint32",     [WEFT_TYPE_ENUM] = "enum",
	[WEFT_TYPE_SFIXED32] = "sfixed32", [WEFT_TYPE_SFIXED64] = "sfixed64",
	[WEFT_TYPE_SINT32] = "sint32",     [WEFT_TYPE_SINT64] = "sint64",
};

const char *scalar_type_name(const struct weft_schema_field *field)
{
	if (field->message)
		return field->message->full_name;
	if (field->enumeration)
		return field->enumeration->full_name;
	return type_names[field->type];
}

static int parse_enum(const struct weft_schema_enum *enumeration, const char *text, size_t len,
		      uint64_t *ret_bits)
{
	const struct weft_schema_enum_value *value;
	int64_t number;
	int r;

	value = weft_schema_enum_named(enumeration, text, len);
	if (value) {
		*ret_bits = (uint64_t)(int64_t)value->number;
		return 0;
	}
	r = number_to_int(text, len, INT32_MIN, INT32_MAX, &number);
	if (r < 0)
		return r == -EINVAL ? -ENOENT : r;
	*ret_bits = (uint64_t)number;
	return 0;
}

static int parse_bool(const char *text, size_t len, uint64_t *ret_bits)
{
	if (len == 4 && memcmp(text, "true", 4) == 0)
		*ret_bits = 1;
	else if (len == 5 && memcmp(text, "false", 5) == 0)
		*ret_bits = 0;
	else
		return -EINVAL;
	return 0;
}

static int parse_floating(bool narrow, const char *text, size_t len, uint64_t *ret_bits)
{
	uint32_t bits;
	double wide;
	float small;
	int r;

	if (!narrow) {
		r = number_to_double(text, len, &wide);
		if (r >= 0)
			memcpy(ret_bits, &wide, sizeof(wide));
		return r;
	}
	r = number_to_float(text, len, &small);
	if (r < 0)
		return r;
	memcpy(&bits, &small, sizeof(bits));
	*ret_bits = bits;
	return 0;
}

int scalar_parse(const struct weft_schema_field *field, const char *text, size_t len,
		 uint64_t *ret_bits)
{
	int64_t value = 0;
	int r;

	switch (field->type) {
	case WEFT_TYPE_DOUBLE: return parse_floating(false, text, len, ret_bits);
	case WEFT_TYPE_FLOAT: return parse_floating(true, text, len, ret_bits);
	case WEFT_TYPE_BOOL: return parse_bool(text, len, ret_bits);
	case WEFT_TYPE_ENUM: return parse_enum(field->enumeration, text, len, ret_bits);
	case WEFT_TYPE_UINT32:
	case WEFT_TYPE_FIXED32: return number_to_uint(text, len, UINT32_MAX, ret_bits);
	case WEFT_TYPE_UINT64:
	case WEFT_TYPE_FIXED64: return number_to_uint(text, len, UINT64_MAX, ret_bits);
	case WEFT_TYPE_INT32:
	case WEFT_TYPE_SINT32:
	case WEFT_TYPE_SFIXED32: r = number_to_int(text, len, INT32_MIN, INT32_MAX, &value); break;
	case WEFT_TYPE_INT64:
	case WEFT_TYPE_SINT64:
	case WEFT_TYPE_SFIXED64: r = number_to_int(text, len, INT64_MIN, INT64_MAX, &value); break;
	default: return -EINVAL;
	}
	if (r < 0)
		return r;
	if (field->type == WEFT_TYPE_SINT32 || field->type == WEFT_TYPE_SINT64)
		*ret_bits = weft_zigzag(value);
	else
		*ret_bits = (uint64_t)value;
	return 0;
}

int scalar_append(struct weft_buffer *out, enum weft_field_type type, uint64_t bits)
{
	switch (scalar_wire_type(type)) {
	case WEFT_WIRE_FIXED64: return weft_wire_append_fixed64(out, bits);
	case WEFT_WIRE_FIXED32: return weft_wire_append_fixed32(out, (uint32_t)bits);
	default: return append_varint(out, bits);
	}
}

int scalar_take(struct weft_bytes *rest, enum weft_field_type type, uint64_t *ret_bits)
{
	uint32_t small;
	int r;

	switch (scalar_wire_type(type)) {
	case WEFT_WIRE_FIXED64: return weft_wire_take_fixed64(rest, ret_bits);
	case WEFT_WIRE_FIXED32:
		r = weft_wire_take_fixed32(rest, &small);
		if (r >= 0)
			*ret_bits = small;
		return r;
	default: return weft_wire_take_varint(rest, ret_bits);
	}
}

int scalar_append_base64(struct weft_buffer *out, const char *text, size_t len)
{
	uint8_t *room;
	size_t n;
	int r;

	r = weft_buffer_reserve(out, weft_base64_decoded_size(len), &room);
	if (r < 0)
		return r;
	r = weft_base64_decode(text, len, WEFT_BASE64_ANY, room, &n);
	if (r < 0)
		return r;
	out->len += n;
	return 0;
}

static const char *range_of(enum weft_field_type type)
{
	switch (type) {
	case WEFT_TYPE_INT32:
	case WEFT_TYPE_SINT32:
	case WEFT_TYPE_SFIXED32:
	case WEFT_TYPE_ENUM: return " (-2147483648 to 2147483647)";
	case WEFT_TYPE_UINT32:
	case WEFT_TYPE_FIXED32: return " (0 to 4294967295)";
	case WEFT_TYPE_UINT64:
	case WEFT_TYPE_FIXED64: return " (0 to 18446744073709551615)";
	case WEFT_TYPE_INT64:
	case WEFT_TYPE_SINT64:
	case WEFT_TYPE_SFIXED64: return " (-9223372036854775808 to 9223372036854775807)";
	default: return "";
	}
}

/* What would have been right, after the name of a wrong enum value. */
static void explain_enum(const struct weft_schema_enum *enumeration, const char *text, size_t len,
			 char *message, size_t size)
{
	struct suggestion suggestion = { .text = text, .len = len };
	size_t at = strlen(message);

	for (size_t i = 0; i < enumeration->n_values; i++)
		suggestion_offer(&suggestion, enumeration->values[i].name);
	if (suggestion.best) {
		snprintf(message + at, size - at, "; did you mean \"%s\"?", suggestion.best);
		return;
	}
	if (enumeration->n_values > LISTED_VALUES)
		return;
	for (size_t i = 0; i < enumeration->n_values && at < size; i++)
		at += (size_t)snprintf(message + at, size - at, "%s%s", i ? ", " : "; it has ",
				       enumeration->values[i].name);
}

void scalar_explain(const struct weft_schema_field *field, int r, const char *text, size_t len,
		    char *message, size_t size)
{
	const char *name = scalar_type_name(field);
	const char *article = strchr("aeio", *name) ? "an" : "a";
	int shown = (int)len;
	const char *cut = "";

	if (len > SNIPPET) {
		shown = (int)weft_utf8_floor((const uint8_t *)text, SNIPPET);
		cut = "...";
	}
	if (r == -ERANGE)
		snprintf(message, size, "%.*s%s is out of range for %s %s%s", shown, text, cut,
			 article, name, range_of(field->type));
	else if (field->type == WEFT_TYPE_BYTES)
		snprintf(message, size, "\"%.*s%s\" is not base64", shown, text, cut);
	else if (field->type == WEFT_TYPE_STRING)
		snprintf(message, size, "the text is not UTF-8");
	else if (field->enumeration)
		snprintf(message, size, "\"%.*s%s\" is no value of %s", shown, text, cut, name);
	else
		snprintf(message, size, "\"%.*s%s\" is not %s %s", shown, text, cut, article, name);
	if (field->enumeration && r != -ERANGE)
		explain_enum(field->enumeration, text, len, message, size);
}
