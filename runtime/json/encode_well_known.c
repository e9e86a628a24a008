/* The well-known types, which have JSON of their own: texts, the only field's value, and Any. */
#include "encode.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#include "well_known.h"

static int encode_moment(struct encoder *e, struct weft_bytes bytes, bool timestamp)
{
	char text[TIMESTAMP_TEXT_MAX + 2] = "\"";
	struct weft_bytes rest = bytes;
	struct moment moment = { 0 };
	struct weft_wire_field wire;
	int r;

	while ((r = weft_proto_next(&rest, &wire)) > 0) {
		if (wire.type != WEFT_WIRE_VARINT)
			continue;
		if (wire.number == 1)
			moment.seconds = (int64_t)wire.value;
		else if (wire.number == 2)
			moment.nanos = (int32_t)wire.value;
	}
	if (r < 0)
		return encode_fail(e, rest, "the bytes are no protobuf");
	r = (timestamp ? timestamp_format : duration_format)(&moment, text + 1);
	if (r < 0)
		return encode_fail(e, bytes,
				   timestamp ? "the time is not in the years 1 to 9999"
					     : "the duration is out of range");
	text[r + 1] = '"';
	return append(e->out, text, (size_t)r + 2);
}

static int encode_field_mask(struct encoder *e, struct weft_bytes bytes)
{
	struct weft_bytes rest = bytes;
	struct weft_wire_field wire;
	bool first = true;
	int r;

	r = put(e, "\"");
	while (r >= 0 && (r = weft_proto_next(&rest, &wire)) > 0) {
		if (wire.number != 1 || wire.type != WEFT_WIRE_BYTES || wire.bytes.len == 0)
			continue; /* an empty path has no JSON form, and says nothing */
		r = first ? 0 : put(e, ",");
		first = false;
		if (r >= 0)
			r = field_path_format((const char *)wire.bytes.data, wire.bytes.len,
					      e->out);
		if (r == -EINVAL)
			return encode_fail(e, wire.bytes, "a path of the mask has no JSON form");
	}
	if (r == -EBADMSG)
		return encode_fail(e, rest, "the bytes are no protobuf");
	return r < 0 ? r : put(e, "\"");
}

static int encode_any(struct encoder *e, struct weft_bytes bytes)
{
	const struct weft_schema_message *message = NULL;
	struct weft_bytes url = { 0 }, value = { 0 }, rest = bytes;
	struct weft_wire_field wire;
	const uint8_t *slash;
	bool first = true;
	char name[512];
	int r;

	while ((r = weft_proto_next(&rest, &wire)) > 0) {
		if (wire.number == 1 && wire.type == WEFT_WIRE_BYTES)
			url = wire.bytes;
		else if (wire.number == 2 && wire.type == WEFT_WIRE_BYTES)
			value = wire.bytes;
	}
	if (r < 0)
		return encode_fail(e, rest, "the bytes are no protobuf");
	if (url.len == 0 && value.len == 0)
		return put(e, "{}");
	slash = url.len ? memrchr(url.data, '/', url.len) : NULL;
	if (slash && e->options.schema) {
		snprintf(name, sizeof(name), "%.*s",
			 (int)(url.len - (size_t)(slash + 1 - url.data)), slash + 1);
		message = weft_schema_message(e->options.schema, name);
	}
	if (!message)
		return encode_fail(e, bytes, "an Any of a type that is not known here");
	r = open_bracket(e, '{');
	if (r >= 0)
		r = put_comma(e, &first);
	if (r >= 0)
		r = put(e, "\"@type\"");
	if (r >= 0)
		r = put_colon(e);
	if (r >= 0)
		r = put_string(e, url);
	if (r < 0)
		return r;
	if (message->well_known == WEFT_WKT_NONE || message->well_known == WEFT_WKT_EMPTY) {
		r = encode_members(e, message, value, &first);
	} else {
		r = put_comma(e, &first);
		if (r >= 0)
			r = put(e, "\"value\"");
		if (r >= 0)
			r = put_colon(e);
		if (r >= 0)
			r = encode_content(e, message, value);
	}
	return r < 0 ? r : close_bracket(e, '}', first);
}

/* Wrapper, Struct, ListValue and Value: the JSON of their only field, or of the one that is set. */
static int encode_only_field(struct encoder *e, const struct weft_schema_message *message,
			     struct weft_bytes bytes)
{
	struct index index;
	int r;

	r = index_message(e, message, bytes, &index);
	if (r < 0)
		return r;
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct weft_schema_field *field = &message->fields[i];
		uint32_t entry = index_first(e, &index, field);

		if (!entry)
			continue;
		if (message->well_known == WEFT_WKT_VALUE && field->type == WEFT_TYPE_DOUBLE) {
			struct weft_wire_field wire;
			double number;

			index_get(e, &index, entry, &wire);
			memcpy(&number, &wire.value, sizeof(number));
			if (!isfinite(number))
				return encode_fail(e, bytes, "a Value's number must be finite");
		}
		r = encode_shape(e, &index, field, entry);
		if (r >= 0)
			index_drop(e, &index);
		return r;
	}
	index_drop(e, &index);
	return message->well_known == WEFT_WKT_VALUE ? put(e, "null")
						     : put_default(e, &message->fields[0]);
}

int encode_well_known(struct encoder *e, const struct weft_schema_message *message,
		      struct weft_bytes bytes)
{
	switch (message->well_known) {
	case WEFT_WKT_ANY: return encode_any(e, bytes);
	case WEFT_WKT_TIMESTAMP: return encode_moment(e, bytes, true);
	case WEFT_WKT_DURATION: return encode_moment(e, bytes, false);
	case WEFT_WKT_FIELD_MASK: return encode_field_mask(e, bytes);
	case WEFT_WKT_STRUCT:
	case WEFT_WKT_LIST_VALUE:
	case WEFT_WKT_VALUE:
	case WEFT_WKT_WRAPPER: return encode_only_field(e, message, bytes);
	default: return -ENOENT;
	}
}
