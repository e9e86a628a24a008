/*
 * Where on the wire a message's fields are. The wire may have them in any order, a list's elements
 * apart from each other, a singular field several times (the last counts) and a submessage in
 * pieces; JSON has each name once. So a message is indexed before it is written, with eight bytes
 * for each field on the wire: a chain of places for each field of the schema.
 *
 * The index is a stack of 32-bit words shared by all levels: what a message pushed goes when it is
 * done.
 */
#include "encode.h"

#include <errno.h>
#include <stdlib.h>

#include "scalar.h"

static int grow(struct encoder *e, size_t n)
{
	size_t cap = e->cap_words ? e->cap_words * 2 : 128;
	uint32_t *words;

	while (cap - e->n_words < n)
		cap *= 2;
	words = realloc(e->words, cap * sizeof(uint32_t));
	if (!words)
		return -ENOMEM;
	e->words = words;
	e->cap_words = cap;
	return 0;
}

/* `n` zeros, with the memory there even if they are none. */
static inline int push_words(struct encoder *e, size_t n)
{
	int r = 0;

	if (e->cap_words - e->n_words <= n)
		r = grow(e, n + 1);
	if (r < 0)
		return r;
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

int index_message(struct encoder *e, const struct weft_schema_message *message,
		  struct weft_bytes bytes, struct index *ret_index)
{
	const struct message_def *def = weft_container_of(message, const struct message_def, pub);
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

		r = weft_proto_next(&rest, &wire);
		if (r < 0)
			return encode_fail(e, rest, "the bytes are no protobuf");
		if (r == 0)
			break;
		field = field_in_place(def, wire.number);
		if (!field)
			field = weft_schema_field(message, wire.number);
		if (field && wire_type_fits(field, wire.type))
			r = index_field(e, &index, field, offset);
	}
	if (r >= 0)
		*ret_index = index;
	return r;
}
