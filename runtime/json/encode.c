/*
 * Wire bytes to JSON: messages are indexed (encode_index.c) and their fields written in the order
 * in which the contract declares them. A submessage in pieces is joined before it is written.
 */
#include "encode.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/arena.h>
#include <weft/map.h>

#include "lexer.h"
#include "scalar.h"

int encode_fail(struct encoder *e, struct weft_bytes at, const char *what)
{
	e->error_offset = at.data ? (size_t)(at.data - e->wire) : 0;
	snprintf(e->error, sizeof(e->error), "%s", what);
	return -EBADMSG;
}

static int encode_value(struct encoder *e, const struct weft_schema_field *field,
			const struct weft_wire_field *wire)
{
	switch (field->type) {
	case WEFT_TYPE_MESSAGE:
	case WEFT_TYPE_GROUP: return encode_content(e, field->message, wire->bytes);
	case WEFT_TYPE_STRING: return put_string(e, wire->bytes);
	case WEFT_TYPE_BYTES: return weft_json_base64(wire->bytes.data, wire->bytes.len, e->out);
	default: return put_scalar(e, field, wire->value, false);
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
		struct weft_wire_field piece;

		index_get(e, index, entry, &piece);
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
	struct weft_wire_field wire;

	index_get(e, index, entry, &wire);
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
			return encode_fail(e, packed, "the packed values are broken");
		r = put_comma(e, first);
		if (r >= 0)
			r = put_scalar(e, field, bits, false);
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

	r = open_bracket(e, '[');
	for (; entry && r >= 0; entry = index_next(e, index, entry)) {
		struct weft_wire_field wire;

		index_get(e, index, entry, &wire);
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
	return r < 0 ? r : close_bracket(e, ']', first);
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

	while ((r = weft_proto_next(&rest, &wire)) > 0) {
		if (wire.number != 1 || wire.type != scalar_wire_type(key->type))
			continue;
		found = wire.bytes;
		bits = wire.value;
	}
	if (r < 0)
		return encode_fail(e, rest, "the bytes are no protobuf");
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
		struct weft_wire_field wire;
		struct weft_bytes name;

		index_get(e, index, at, &wire);
		r = entry_key(e, key, wire.bytes, room, &name);
		if (r < 0)
			break;
		weft_map_remove(&last, (const char *)name.data, name.len);
		r = weft_map_put(&last, (const char *)name.data, name.len, (void *)(uintptr_t)at);
	}
	while (*link && r >= 0) {
		uint32_t at = *link, *next = &e->words[index->entries + 2 * (at - 1) + 1];
		struct weft_wire_field wire;
		struct weft_bytes name;
		uint64_t room;

		index_get(e, index, at, &wire);
		r = entry_key(e, key, wire.bytes, &room, &name);
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
		index_get(e, index, entry, &wire);
	if (key->type == WEFT_TYPE_STRING) {
		place_push_key(&e->place, (const char *)wire.bytes.data, wire.bytes.len);
		r = put_string(e, wire.bytes);
	} else {
		place_push_index(&e->place, (size_t)wire.value);
		r = put_scalar(e, key, wire.value, true);
	}
	if (r < 0)
		return r;
	return put_colon(e);
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
	r = open_bracket(e, '{');
	for (; entry && r >= 0; entry = index_next(e, index, entry)) {
		struct weft_wire_field wire;

		index_get(e, index, entry, &wire);
		r = put_comma(e, &first);
		if (r >= 0)
			r = encode_entry(e, field->message, wire.bytes);
	}
	return r < 0 ? r : close_bracket(e, '}', first);
}

/* Messages. */

int encode_shape(struct encoder *e, const struct index *index,
		 const struct weft_schema_field *field, uint32_t entry)
{
	if (field->map)
		return encode_map(e, index, field, entry);
	if (field->repeated)
		return encode_list(e, index, field, entry);
	return encode_singular(e, index, field, entry);
}

static int encode_field(struct encoder *e, const struct index *index,
			const struct weft_schema_field *field, uint32_t entry)
{
	int r;

	place_push_field(&e->place, field);
	r = encode_shape(e, index, field, entry);
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

/* A list that is on the wire in nothing but empty runs of packed values. */
static bool is_empty(const struct encoder *e, const struct index *index,
		     const struct weft_schema_field *field, uint32_t entry)
{
	if (field->map || scalar_wire_type(field->type) == WEFT_WIRE_BYTES)
		return false;
	for (; entry; entry = index_next(e, index, entry)) {
		struct weft_wire_field wire;

		index_get(e, index, entry, &wire);
		if (wire.type != WEFT_WIRE_BYTES || wire.bytes.len != 0)
			return false;
	}
	return true;
}

/* A field without presence is not there where the wire has its default. */
static bool is_default(const struct weft_schema_field *field, const struct weft_wire_field *wire)
{
	return !field->presence && scalar_bits(field->type, wire->value) == 0 &&
	       wire->bytes.len == 0;
}

static int encode_member(struct encoder *e, const struct index *index, size_t i, bool *first)
{
	const struct weft_schema_field *field = &index->message->fields[i];
	uint32_t entry = index_first(e, index, field);
	bool single = !field->repeated && !field->message;
	struct weft_wire_field wire;
	int r;

	if (entry && single)
		index_get(e, index, entry, &wire);
	if (entry && (single ? is_default(field, &wire)
			     : field->repeated && is_empty(e, index, field, entry)))
		entry = 0;
	if (!entry && (!e->options.emit_defaults || field->presence))
		return 0;
	r = put_comma(e, first);
	if (r >= 0)
		r = put_name(e, index->message, i);
	if (r < 0)
		return r;
	if (!entry)
		return put_default(e, field);
	if (!single)
		return encode_field(e, index, field, entry);
	place_push_field(&e->place, field);
	r = encode_value(e, field, &wire);
	if (r >= 0)
		place_pop(&e->place);
	return r;
}

int encode_members(struct encoder *e, const struct weft_schema_message *message,
		   struct weft_bytes bytes, bool *first)
{
	struct index index;
	int r;

	r = index_message(e, message, bytes, &index);
	for (size_t i = 0; r >= 0 && i < message->n_fields; i++)
		r = encode_member(e, &index, i, first);
	if (r >= 0)
		index_drop(e, &index);
	return r;
}

static int encode_object(struct encoder *e, const struct weft_schema_message *message,
			 struct weft_bytes bytes)
{
	bool first = true;
	int r;

	r = open_bracket(e, '{');
	if (r >= 0)
		r = encode_members(e, message, bytes, &first);
	return r < 0 ? r : close_bracket(e, '}', first);
}

/* A message's content: an object, or what a well-known type has instead. */
int encode_content(struct encoder *e, const struct weft_schema_message *message,
		   struct weft_bytes bytes)
{
	int r;

	if (e->depth == e->options.max_depth)
		return encode_fail(e, bytes, "the message is nested too deep");
	e->depth++;
	r = encode_well_known(e, message, bytes);
	if (r == -ENOENT)
		r = encode_object(e, message, bytes);
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
	struct encoder e = { .out = out, .wire = wire.data, .options = options_of(options) };
	size_t start = out->len;
	int r;

	if (wire.len > UINT32_MAX / 2)
		r = encode_fail(&e, wire, "the message is too long");
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
