/*
 * Wire bytes to JSON. The wire may have a message's fields in any order, a list's elements apart
 * from each other, a singular field several times (the last counts) and a submessage in pieces
 * (they are merged); JSON has each name once. So a message is indexed first, with eight bytes for
 * each field on the wire: a chain of places for each field of the schema. Then the fields are
 * written in the order in which the contract declares them.
 *
 * The index is a stack of 32-bit words shared by all levels: what a message pushed goes when it is
 * done.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/json.h>
#include <weft/map.h>
#include <weft/protobuf.h>

#include "base/utf8.h"
#include "number.h"
#include "place.h"
#include "scalar.h"
#include "well_known.h"

#define DEFAULT_MAX_DEPTH 100

struct encoder {
	struct weft_buffer *out;
	struct weft_json_options options;
	const uint8_t *wire;
	struct place place;
	uint32_t *words; /* the index */
	size_t n_words, cap_words;
	unsigned depth; /* of messages */
	unsigned level; /* of brackets, for the indent */
	size_t error_offset;
	char error[192];
};

static int encode_content(struct encoder *e, const struct weft_schema_message *message,
			  struct weft_bytes bytes);

static int fail(struct encoder *e, struct weft_bytes at, const char *what)
{
	e->error_offset = at.data ? (size_t)(at.data - e->wire) : 0;
	snprintf(e->error, sizeof(e->error), "%s", what);
	return -EBADMSG;
}

/* Writing. */

static int put(struct encoder *e, const char *text)
{
	return weft_buffer_append_string(e->out, text);
}

static int put_line(struct encoder *e)
{
	static const char spaces[] = "                ";
	size_t n = (size_t)e->level * e->options.indent;
	int r;

	if (e->options.indent == 0)
		return 0;
	r = put(e, "\n");
	for (; r >= 0 && n > 0; n -= n < 16 ? n : 16)
		r = weft_buffer_append(e->out, spaces, n < 16 ? n : 16);
	return r;
}

static int open_bracket(struct encoder *e, const char *bracket)
{
	e->level++;
	return put(e, bracket);
}

static int close_bracket(struct encoder *e, const char *bracket, bool empty)
{
	int r;

	e->level--;
	r = empty ? 0 : put_line(e);
	return r < 0 ? r : put(e, bracket);
}

/* Before each member or element. */
static int put_comma(struct encoder *e, bool *first)
{
	int r = *first ? 0 : put(e, ",");

	*first = false;
	return r < 0 ? r : put_line(e);
}

static int put_name(struct encoder *e, const char *name, size_t len)
{
	int r;

	r = weft_json_quote(name, len, e->out);
	return r < 0 ? r : put(e, e->options.indent ? ": " : ":");
}

/* The index. */

/* A message's part of the words. Offsets are from the start of `bytes`; entries are counted from 1.
 */
struct index {
	const struct weft_schema_message *message;
	struct weft_bytes bytes;
	size_t base;    /* of: first and last entry of each field; */
	size_t oneofs;  /* the field that each oneof holds, from 1; */
	size_t entries; /* { offset, next entry } */
};

static int push_words(struct encoder *e, size_t n)
{
	uint32_t *words;
	size_t cap;

	if (n == 0)
		return 0; /* and `words` may be NULL */
	if (e->cap_words - e->n_words < n) {
		cap = e->cap_words ? e->cap_words * 2 : 128;
		while (cap - e->n_words < n)
			cap *= 2;
		words = realloc(e->words, cap * sizeof(uint32_t));
		if (!words)
			return -ENOMEM;
		e->words = words;
		e->cap_words = cap;
	}
	memset(e->words + e->n_words, 0, n * sizeof(uint32_t));
	e->n_words += n;
	return 0;
}

static bool wire_type_fits(const struct weft_schema_field *field, enum weft_wire_type type)
{
	enum weft_wire_type wanted = scalar_wire_type(field->type);

	return type == wanted || (field->repeated && type == WEFT_WIRE_BYTES);
}

static int index_field(struct encoder *e, struct index *index,
		       const struct weft_schema_field *field, size_t offset)
{
	size_t at = (size_t)(field - index->message->fields);
	uint32_t entry, *ends, *holder;
	int r;

	r = push_words(e, 2);
	if (r < 0)
		return r;
	entry = (uint32_t)((e->n_words - index->entries) / 2);
	e->words[e->n_words - 2] = (uint32_t)offset;
	if (field->oneof >= 0) {
		holder = &e->words[index->oneofs + (size_t)field->oneof];
		if (*holder != 0 && *holder != at + 1)
			memset(&e->words[index->base + 2 * (*holder - 1)], 0, 2 * sizeof(uint32_t));
		*holder = (uint32_t)at + 1;
	}
	ends = &e->words[index->base + 2 * at];
	if (ends[0] == 0 || (!field->repeated && !field->message))
		ends[0] = entry;
	else
		e->words[index->entries + 2 * (ends[1] - 1) + 1] = entry;
	ends[1] = entry;
	return 0;
}

static int index_message(struct encoder *e, const struct weft_schema_message *message,
			 struct weft_bytes bytes, struct index *ret_index)
{
	struct index index = { .message = message, .bytes = bytes, .base = e->n_words };
	struct weft_bytes rest = bytes;
	struct weft_wire_field wire;
	int r;

	index.oneofs = index.base + 2 * message->n_fields;
	index.entries = index.oneofs + message->n_oneofs;
	r = push_words(e, index.entries - index.base);
	while (r >= 0) {
		const struct weft_schema_field *field;
		size_t offset = bytes.len - rest.len;

		r = weft_wire_next(&rest, &wire);
		if (r < 0)
			return fail(e, rest, "the bytes are no protobuf");
		if (r == 0)
			break;
		field = weft_schema_field(message, wire.number);
		if (field && wire_type_fits(field, wire.type))
			r = index_field(e, &index, field, offset);
	}
	if (r >= 0)
		*ret_index = index;
	return r;
}

static void index_drop(struct encoder *e, const struct index *index)
{
	e->n_words = index->base;
}

static uint32_t index_first(const struct encoder *e, const struct index *index,
			    const struct weft_schema_field *field)
{
	return e->words[index->base + 2 * (size_t)(field - index->message->fields)];
}

static uint32_t index_next(const struct encoder *e, const struct index *index, uint32_t entry)
{
	return e->words[index->entries + 2 * (entry - 1) + 1];
}

static struct weft_wire_field index_get(const struct encoder *e, const struct index *index,
					uint32_t entry)
{
	size_t offset = e->words[index->entries + 2 * (entry - 1)];
	struct weft_bytes rest = { index->bytes.data + offset, index->bytes.len - offset };
	struct weft_wire_field wire = { 0 };

	weft_wire_next(&rest, &wire); /* was good when it was indexed */
	return wire;
}

/* Values. */

static int put_floating(struct encoder *e, double value, bool narrow)
{
	char text[NUMBER_MAX];

	if (isnan(value))
		return put(e, "\"NaN\"");
	if (isinf(value))
		return put(e, value > 0 ? "\"Infinity\"" : "\"-Infinity\"");
	if (narrow)
		number_from_float((float)value, text);
	else
		number_from_double(value, text);
	return put(e, text);
}

static int put_enum(struct encoder *e, const struct weft_schema_enum *enumeration, int32_t number)
{
	const struct weft_schema_enum_value *value;

	if (strcmp(enumeration->full_name, "google.protobuf.NullValue") == 0)
		return put(e, "null");
	value = weft_schema_enum_numbered(enumeration, number);
	if (!value)
		return weft_buffer_printf(e->out, "%d", number);
	return weft_json_quote(value->name, strlen(value->name), e->out);
}

/* A number, boolean or enum. `quote` is '"' for a map's key, which is always a string. */
static int put_scalar(struct encoder *e, const struct weft_schema_field *field, uint64_t bits,
		      const char *quote)
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
	case WEFT_TYPE_BOOL:
		return weft_buffer_printf(e->out, "%s%s%s", quote, bits ? "true" : "false", quote);
	case WEFT_TYPE_ENUM: return put_enum(e, field->enumeration, (int32_t)small);
	case WEFT_TYPE_UINT32:
	case WEFT_TYPE_FIXED32: return weft_buffer_printf(e->out, "%s%u%s", quote, small, quote);
	case WEFT_TYPE_INT32:
	case WEFT_TYPE_SFIXED32:
		return weft_buffer_printf(e->out, "%s%d%s", quote, (int32_t)small, quote);
	case WEFT_TYPE_SINT32:
		return weft_buffer_printf(e->out, "%s%d%s", quote, (int32_t)weft_unzigzag(small),
					  quote);
	case WEFT_TYPE_UINT64:
	case WEFT_TYPE_FIXED64:
		return weft_buffer_printf(e->out, "\"%llu\"", (unsigned long long)bits);
	case WEFT_TYPE_SINT64:
		return weft_buffer_printf(e->out, "\"%lld\"", (long long)weft_unzigzag(bits));
	default: return weft_buffer_printf(e->out, "\"%lld\"", (long long)bits);
	}
}

static int put_string(struct encoder *e, struct weft_bytes bytes)
{
	if (!weft_utf8_valid(bytes.data, bytes.len))
		return fail(e, bytes, "the string is not UTF-8");
	return weft_json_quote((const char *)bytes.data, bytes.len, e->out);
}

static int put_default(struct encoder *e, const struct weft_schema_field *field)
{
	if (field->repeated)
		return put(e, field->map ? "{}" : "[]");
	if (field->message)
		return put(e, "null");
	if (scalar_wire_type(field->type) == WEFT_WIRE_BYTES)
		return put(e, "\"\"");
	return put_scalar(e, field, 0, "");
}

static int encode_value(struct encoder *e, const struct weft_schema_field *field,
			const struct weft_wire_field *wire)
{
	switch (field->type) {
	case WEFT_TYPE_MESSAGE:
	case WEFT_TYPE_GROUP: return encode_content(e, field->message, wire->bytes);
	case WEFT_TYPE_STRING: return put_string(e, wire->bytes);
	case WEFT_TYPE_BYTES: return weft_json_base64(wire->bytes.data, wire->bytes.len, e->out);
	default: return put_scalar(e, field, wire->value, "");
	}
}

/* A submessage that came in several pieces: joined they are the merged message. */
static int encode_pieces(struct encoder *e, const struct index *index,
			 const struct weft_schema_field *field, uint32_t entry)
{
	struct weft_buffer whole = WEFT_BUFFER_INIT;
	const uint8_t *wire = e->wire;
	int r = 0;

	for (; entry && r >= 0; entry = index_next(e, index, entry)) {
		struct weft_wire_field piece = index_get(e, index, entry);

		r = weft_buffer_append(&whole, piece.bytes.data, piece.bytes.len);
	}
	e->wire = whole.data; /* offsets of errors are those in the merged message */
	if (r >= 0)
		r = encode_content(e, field->message,
				   (struct weft_bytes) { whole.data, whole.len });
	e->wire = wire;
	weft_buffer_fini(&whole);
	return r;
}

static int encode_singular(struct encoder *e, const struct index *index,
			   const struct weft_schema_field *field, uint32_t entry)
{
	struct weft_wire_field wire = index_get(e, index, entry);

	if (field->message && index_next(e, index, entry))
		return encode_pieces(e, index, field, entry);
	return encode_value(e, field, &wire);
}

static int encode_packed(struct encoder *e, const struct weft_schema_field *field,
			 struct weft_bytes packed, bool *first, size_t *position)
{
	uint64_t bits;
	int r;

	while (packed.len > 0) {
		r = scalar_take(&packed, field->type, &bits);
		if (r < 0)
			return fail(e, packed, "the packed values are broken");
		r = put_comma(e, first);
		if (r >= 0)
			r = put_scalar(e, field, bits, "");
		if (r < 0)
			return r;
		++*position;
	}
	return 0;
}

static int encode_list(struct encoder *e, const struct index *index,
		       const struct weft_schema_field *field, uint32_t entry)
{
	enum weft_wire_type type = scalar_wire_type(field->type);
	size_t position = 0;
	bool first = true;
	int r;

	r = open_bracket(e, "[");
	for (; entry && r >= 0; entry = index_next(e, index, entry)) {
		struct weft_wire_field wire = index_get(e, index, entry);

		if (wire.type != type) {
			r = encode_packed(e, field, wire.bytes, &first, &position);
			continue;
		}
		place_push_index(&e->place, position++);
		r = put_comma(e, &first);
		if (r >= 0)
			r = encode_value(e, field, &wire);
		if (r >= 0)
			place_pop(&e->place);
	}
	return r < 0 ? r : close_bracket(e, "]", first);
}

/* Maps. */

/* A key's identity: its bytes for a string, its value in `room` otherwise. */
static int entry_key(struct encoder *e, const struct weft_schema_field *key,
		     struct weft_bytes entry, uint64_t *room, struct weft_bytes *ret_key)
{
	struct weft_bytes found = { (const uint8_t *)"", 0 };
	struct weft_bytes rest = entry;
	struct weft_wire_field wire;
	uint64_t bits = 0;
	int r;

	while ((r = weft_wire_next(&rest, &wire)) > 0) {
		if (wire.number != 1 || wire.type != scalar_wire_type(key->type))
			continue;
		found = wire.bytes;
		bits = wire.value;
	}
	if (r < 0)
		return fail(e, rest, "the bytes are no protobuf");
	if (key->type == WEFT_TYPE_BOOL)
		bits = bits != 0;
	*room = bits;
	*ret_key = key->type == WEFT_TYPE_STRING
			   ? found
			   : (struct weft_bytes) { (const uint8_t *)room, sizeof(*room) };
	return 0;
}

/* Of several entries with one key the last counts: the others are taken out of the chain. */
static int drop_overwritten(struct encoder *e, const struct index *index,
			    const struct weft_schema_field *field, uint32_t *first)
{
	const struct weft_schema_field *key = weft_schema_field(field->message, 1);
	struct weft_arena *arena = weft_arena_new();
	struct weft_map last = WEFT_MAP_INIT;
	uint32_t *link = first;
	int r = 0;

	for (uint32_t at = *first; at && r >= 0; at = index_next(e, index, at)) {
		uint64_t *room = weft_arena_alloc(arena, sizeof(*room));
		struct weft_bytes name;

		r = entry_key(e, key, index_get(e, index, at).bytes, room, &name);
		if (r < 0)
			break;
		weft_map_remove(&last, (const char *)name.data, name.len);
		r = weft_map_put(&last, (const char *)name.data, name.len, (void *)(uintptr_t)at);
	}
	while (*link && r >= 0) {
		uint32_t at = *link, *next = &e->words[index->entries + 2 * (at - 1) + 1];
		struct weft_bytes name;
		uint64_t room;

		r = entry_key(e, key, index_get(e, index, at).bytes, &room, &name);
		if (r < 0)
			break;
		if ((uintptr_t)weft_map_get(&last, (const char *)name.data, name.len) == at)
			link = next;
		else
			*link = *next;
	}
	weft_map_fini(&last);
	weft_arena_free(arena);
	return r;
}

static int encode_key(struct encoder *e, const struct index *index,
		      const struct weft_schema_field *key)
{
	uint32_t entry = index_first(e, index, key);
	struct weft_wire_field wire = { .bytes.data = (const uint8_t *)"" };
	int r;

	if (entry)
		wire = index_get(e, index, entry);
	if (key->type == WEFT_TYPE_STRING) {
		place_push_key(&e->place, (const char *)wire.bytes.data, wire.bytes.len);
		r = put_string(e, wire.bytes);
	} else {
		place_push_index(&e->place, (size_t)wire.value);
		r = put_scalar(e, key, wire.value, "\"");
	}
	if (r < 0)
		return r;
	return put(e, e->options.indent ? ": " : ":");
}

static int encode_entry(struct encoder *e, const struct weft_schema_message *entry,
			struct weft_bytes bytes)
{
	const struct weft_schema_field *value = weft_schema_field(entry, 2);
	const struct weft_wire_field nothing = { 0 };
	struct index index;
	uint32_t at;
	int r;

	r = index_message(e, entry, bytes, &index);
	if (r < 0)
		return r;
	r = encode_key(e, &index, weft_schema_field(entry, 1));
	if (r < 0)
		return r;
	at = index_first(e, &index, value);
	r = at ? encode_singular(e, &index, value, at) : encode_value(e, value, &nothing);
	if (r < 0)
		return r;
	place_pop(&e->place);
	index_drop(e, &index);
	return 0;
}

static int encode_map(struct encoder *e, const struct index *index,
		      const struct weft_schema_field *field, uint32_t entry)
{
	bool first = true;
	int r;

	if (index_next(e, index, entry)) {
		r = drop_overwritten(e, index, field, &entry);
		if (r < 0)
			return r;
	}
	r = open_bracket(e, "{");
	for (; entry && r >= 0; entry = index_next(e, index, entry)) {
		r = put_comma(e, &first);
		if (r >= 0)
			r = encode_entry(e, field->message, index_get(e, index, entry).bytes);
	}
	return r < 0 ? r : close_bracket(e, "}", first);
}

/* Messages. */

static int encode_field(struct encoder *e, const struct index *index,
			const struct weft_schema_field *field, uint32_t entry)
{
	int r;

	place_push_field(&e->place, field);
	if (field->map)
		r = encode_map(e, index, field, entry);
	else if (field->repeated)
		r = encode_list(e, index, field, entry);
	else
		r = encode_singular(e, index, field, entry);
	if (r >= 0)
		place_pop(&e->place);
	return r;
}

/* Of a varint for 32 bits the upper ones do not count. */
static uint64_t scalar_bits(enum weft_field_type type, uint64_t value)
{
	switch (type) {
	case WEFT_TYPE_INT32:
	case WEFT_TYPE_UINT32:
	case WEFT_TYPE_SINT32:
	case WEFT_TYPE_ENUM: return (uint32_t)value;
	default: return value;
	}
}

/* A field without presence that is on the wire with its default, or in empty runs of packed values.
 */
static bool is_default(const struct encoder *e, const struct index *index,
		       const struct weft_schema_field *field, uint32_t entry)
{
	bool runs = field->repeated && scalar_wire_type(field->type) != WEFT_WIRE_BYTES;

	if (field->presence || field->map || field->message || field->repeated != runs)
		return false;
	for (; entry; entry = index_next(e, index, entry)) {
		struct weft_wire_field wire = index_get(e, index, entry);

		if (scalar_bits(field->type, wire.value) != 0 || wire.bytes.len != 0 ||
		    (runs && wire.type != WEFT_WIRE_BYTES))
			return false;
	}
	return true;
}

static int encode_members(struct encoder *e, const struct weft_schema_message *message,
			  struct weft_bytes bytes, bool *first)
{
	struct index index;
	int r;

	r = index_message(e, message, bytes, &index);
	for (size_t i = 0; r >= 0 && i < message->n_fields; i++) {
		const struct weft_schema_field *field = &message->fields[i];
		const char *name = e->options.proto_names ? field->name : field->json_name;
		uint32_t entry = index_first(e, &index, field);

		if (entry && is_default(e, &index, field, entry))
			entry = 0;
		if (!entry && (!e->options.emit_defaults || field->presence))
			continue;
		r = put_comma(e, first);
		if (r >= 0)
			r = put_name(e, name, strlen(name));
		if (r >= 0)
			r = entry ? encode_field(e, &index, field, entry) : put_default(e, field);
	}
	if (r >= 0)
		index_drop(e, &index);
	return r;
}

static int encode_object(struct encoder *e, const struct weft_schema_message *message,
			 struct weft_bytes bytes)
{
	bool first = true;
	int r;

	r = open_bracket(e, "{");
	if (r >= 0)
		r = encode_members(e, message, bytes, &first);
	return r < 0 ? r : close_bracket(e, "}", first);
}

/* The well-known types. */

static int encode_moment(struct encoder *e, struct weft_bytes bytes, bool timestamp)
{
	char text[TIMESTAMP_TEXT_MAX];
	struct weft_bytes rest = bytes;
	struct moment moment = { 0 };
	struct weft_wire_field wire;
	int r;

	while ((r = weft_wire_next(&rest, &wire)) > 0) {
		if (wire.type != WEFT_WIRE_VARINT)
			continue;
		if (wire.number == 1)
			moment.seconds = (int64_t)wire.value;
		else if (wire.number == 2)
			moment.nanos = (int32_t)wire.value;
	}
	if (r < 0)
		return fail(e, rest, "the bytes are no protobuf");
	if ((timestamp ? timestamp_format : duration_format)(&moment, text) < 0)
		return fail(e, bytes,
			    timestamp ? "the time is not in the years 1 to 9999"
				      : "the duration is out of range");
	return weft_json_quote(text, strlen(text), e->out);
}

static int encode_field_mask(struct encoder *e, struct weft_bytes bytes)
{
	struct weft_bytes rest = bytes;
	struct weft_wire_field wire;
	bool first = true;
	int r;

	r = put(e, "\"");
	while (r >= 0 && (r = weft_wire_next(&rest, &wire)) > 0) {
		if (wire.number != 1 || wire.type != WEFT_WIRE_BYTES || wire.bytes.len == 0)
			continue; /* an empty path has no JSON form, and says nothing */
		r = first ? 0 : put(e, ",");
		first = false;
		if (r >= 0)
			r = field_path_format((const char *)wire.bytes.data, wire.bytes.len,
					      e->out);
		if (r == -EINVAL)
			return fail(e, wire.bytes, "a path of the mask has no JSON form");
	}
	if (r == -EBADMSG)
		return fail(e, rest, "the bytes are no protobuf");
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

	while ((r = weft_wire_next(&rest, &wire)) > 0) {
		if (wire.number == 1 && wire.type == WEFT_WIRE_BYTES)
			url = wire.bytes;
		else if (wire.number == 2 && wire.type == WEFT_WIRE_BYTES)
			value = wire.bytes;
	}
	if (r < 0)
		return fail(e, rest, "the bytes are no protobuf");
	if (url.len == 0 && value.len == 0)
		return put(e, "{}");
	slash = url.len ? memrchr(url.data, '/', url.len) : NULL;
	if (slash && e->options.schema) {
		snprintf(name, sizeof(name), "%.*s",
			 (int)(url.len - (size_t)(slash + 1 - url.data)), slash + 1);
		message = weft_schema_message(e->options.schema, name);
	}
	if (!message)
		return fail(e, bytes, "an Any of a type that is not known here");
	r = open_bracket(e, "{");
	if (r >= 0)
		r = put_comma(e, &first);
	if (r >= 0)
		r = put_name(e, "@type", 5);
	if (r >= 0)
		r = put_string(e, url);
	if (r < 0)
		return r;
	if (message->well_known == WEFT_WKT_NONE || message->well_known == WEFT_WKT_EMPTY) {
		r = encode_members(e, message, value, &first);
	} else {
		r = put_comma(e, &first);
		if (r >= 0)
			r = put_name(e, "value", 5);
		if (r >= 0)
			r = encode_content(e, message, value);
	}
	return r < 0 ? r : close_bracket(e, "}", first);
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
			struct weft_wire_field wire = index_get(e, &index, entry);
			double number;

			memcpy(&number, &wire.value, sizeof(number));
			if (!isfinite(number))
				return fail(e, bytes, "a Value's number must be finite");
		}
		if (field->map)
			r = encode_map(e, &index, field, entry);
		else if (field->repeated)
			r = encode_list(e, &index, field, entry);
		else
			r = encode_singular(e, &index, field, entry);
		if (r >= 0)
			index_drop(e, &index);
		return r;
	}
	index_drop(e, &index);
	return message->well_known == WEFT_WKT_VALUE ? put(e, "null")
						     : put_default(e, &message->fields[0]);
}

/* A message's content: an object, or what a well-known type has instead. */
static int encode_content(struct encoder *e, const struct weft_schema_message *message,
			  struct weft_bytes bytes)
{
	int r;

	if (e->depth == e->options.max_depth)
		return fail(e, bytes, "the message is nested too deep");
	e->depth++;
	switch (message->well_known) {
	case WEFT_WKT_ANY: r = encode_any(e, bytes); break;
	case WEFT_WKT_TIMESTAMP: r = encode_moment(e, bytes, true); break;
	case WEFT_WKT_DURATION: r = encode_moment(e, bytes, false); break;
	case WEFT_WKT_FIELD_MASK: r = encode_field_mask(e, bytes); break;
	case WEFT_WKT_STRUCT:
	case WEFT_WKT_LIST_VALUE:
	case WEFT_WKT_VALUE:
	case WEFT_WKT_WRAPPER: r = encode_only_field(e, message, bytes); break;
	default: r = encode_object(e, message, bytes); break;
	}
	e->depth--;
	return r;
}

static int encode_one_field(struct encoder *e, const struct weft_schema_message *message,
			    const struct weft_schema_field *field, struct weft_bytes bytes)
{
	struct index index;
	uint32_t entry;
	int r;

	r = index_message(e, message, bytes, &index);
	if (r < 0)
		return r;
	entry = index_first(e, &index, field);
	return entry ? encode_field(e, &index, field, entry) : put_default(e, field);
}

/* The whole message, or `field` alone where that is not NULL. */
static int encode(const struct weft_schema_message *message, const struct weft_schema_field *field,
		  struct weft_bytes wire, const struct weft_json_options *options,
		  struct weft_buffer *out, struct weft_json_error *ret_error)
{
	struct encoder e = { .out = out, .wire = wire.data };
	size_t start = out->len;
	int r;

	if (options)
		e.options = *options;
	if (e.options.max_depth == 0)
		e.options.max_depth = DEFAULT_MAX_DEPTH;
	if (wire.len > UINT32_MAX / 2)
		r = fail(&e, wire, "the message is too long");
	else
		r = field ? encode_one_field(&e, message, field, wire)
			  : encode_content(&e, message, wire);
	if (r < 0)
		out->len = start;
	if (r == -EBADMSG && ret_error) {
		*ret_error = (struct weft_json_error) { .offset = e.error_offset };
		place_print(&e.place, ret_error->path, sizeof(ret_error->path));
		snprintf(ret_error->message, sizeof(ret_error->message), "%s", e.error);
	}
	free(e.words);
	return r < 0 ? r : 0;
}

int weft_wire_to_json(const struct weft_schema_message *message, const uint8_t *wire, size_t len,
		      const struct weft_json_options *options, struct weft_buffer *out,
		      struct weft_json_error *ret_error)
{
	return encode(message, NULL, (struct weft_bytes) { wire, len }, options, out, ret_error);
}

int weft_wire_field_to_json(const struct weft_schema_message *message,
			    const struct weft_schema_field *field, const uint8_t *wire, size_t len,
			    const struct weft_json_options *options, struct weft_buffer *out,
			    struct weft_json_error *ret_error)
{
	return encode(message, field, (struct weft_bytes) { wire, len }, options, out, ret_error);
}
