/*
 * See canonical.h. A message is sorted into a slot for each field, a chain of what the wire has for
 * it, and then written slot by slot. Submessages in pieces are merged by joining their bytes, which
 * is what the wire format promises. All of it lives in the caller's arena.
 */
#include "canonical.h"

#include <errno.h>
#include <weft/map.h>
#include <weft/protobuf.h>

#include "base/utf8.h"
#include "json/scalar.h"

#define MAX_DEPTH 100

struct occurrence {
	struct weft_wire_field wire;
	struct occurrence *next;
};

struct slot {
	struct occurrence *first, *last;
};

struct sorted {
	struct slot *slots;                      /* by the field's index */
	const struct weft_schema_field **oneofs; /* the member that each holds */
	struct weft_buffer unknown;
};

struct writer {
	struct weft_arena *arena;
	struct weft_buffer *out;
	unsigned depth;
};

static int write_message(struct writer *w, const struct weft_schema_message *message,
			 struct weft_bytes wire);

/* ---- sorting ---- */

static bool is_packable(const struct weft_schema_field *field)
{
	enum weft_wire_type type = scalar_wire_type(field->type);

	return field->repeated && type != WEFT_WIRE_BYTES && type != WEFT_WIRE_GROUP;
}

/* The bytes of all occurrences, which is the merged message. */
static int join(struct weft_arena *arena, const struct occurrence *first,
		struct weft_bytes *ret_whole)
{
	size_t len = 0;
	uint8_t *at;

	*ret_whole = first->wire.bytes;
	if (!first->next)
		return 0;
	for (const struct occurrence *one = first; one; one = one->next)
		len += one->wire.bytes.len;
	at = weft_arena_alloc(arena, len + 1);
	if (!at)
		return -ENOMEM;
	*ret_whole = (struct weft_bytes) { at, len };
	for (const struct occurrence *one = first; one; one = one->next)
		for (size_t i = 0; i < one->wire.bytes.len; i++)
			*at++ = one->wire.bytes.data[i];
	return 0;
}

/* Another member of the oneof takes its place; what goes must have been right all the same. */
static int drop(struct writer *w, const struct weft_schema_field *field, struct slot *slot)
{
	struct weft_buffer nowhere = WEFT_BUFFER_INIT;
	struct writer check = { .arena = w->arena, .out = &nowhere, .depth = w->depth };
	struct weft_bytes whole;
	int r = 0;

	if (field->type == WEFT_TYPE_MESSAGE && slot->first) {
		r = join(w->arena, slot->first, &whole);
		if (r == 0)
			r = write_message(&check, field->message, whole);
	}
	weft_buffer_fini(&nowhere);
	*slot = (struct slot) { 0 };
	return r;
}

static int sort_field(struct writer *w, const struct weft_schema_message *message,
		      struct sorted *sorted, const struct weft_schema_field *field,
		      const struct weft_wire_field *wire)
{
	struct slot *slot = &sorted->slots[field - message->fields];
	struct occurrence *occurrence;
	int r;

	if (field->type == WEFT_TYPE_STRING && !weft_utf8_valid(wire->bytes.data, wire->bytes.len))
		return -EBADMSG;
	if (field->oneof >= 0) {
		const struct weft_schema_field **held = &sorted->oneofs[field->oneof];

		if (*held && *held != field) {
			r = drop(w, *held, &sorted->slots[*held - message->fields]);
			if (r < 0)
				return r;
		}
		*held = field;
	}
	occurrence = weft_arena_alloc(w->arena, sizeof(*occurrence));
	if (!occurrence)
		return -ENOMEM;
	*occurrence = (struct occurrence) { .wire = *wire };
	if (slot->first && (field->repeated || field->message))
		slot->last->next = occurrence;
	else
		slot->first = occurrence;
	slot->last = occurrence;
	return 0;
}

static int sort(struct writer *w, const struct weft_schema_message *message, struct weft_bytes rest,
		struct sorted *sorted)
{
	struct weft_wire_field wire;
	const uint8_t *start;
	int r;

	sorted->slots = weft_arena_new_array(w->arena, struct slot, message->n_fields + 1);
	sorted->oneofs = weft_arena_new_array(w->arena, const struct weft_schema_field *,
					      message->n_oneofs + 1);
	if (!sorted->slots || !sorted->oneofs)
		return -ENOMEM;
	for (start = rest.data; (r = weft_wire_next(&rest, &wire)) > 0; start = rest.data) {
		const struct weft_schema_field *field = weft_schema_field(message, wire.number);

		if (field && (wire.type == scalar_wire_type(field->type) ||
			      (wire.type == WEFT_WIRE_BYTES && is_packable(field))))
			r = sort_field(w, message, sorted, field, &wire);
		else
			r = weft_buffer_append(&sorted->unknown, start,
					       (size_t)(rest.data - start));
		if (r < 0)
			return r;
	}
	return r;
}

/* ---- writing ---- */

/* What a parser's variable of the type would hold, as wire bits. */
static uint64_t narrowed(enum weft_field_type type, uint64_t bits)
{
	switch (type) {
	case WEFT_TYPE_INT32:
	case WEFT_TYPE_ENUM: return (uint64_t)(int64_t)(int32_t)bits;
	case WEFT_TYPE_UINT32:
	case WEFT_TYPE_SINT32: return (uint32_t)bits;
	case WEFT_TYPE_BOOL: return bits != 0;
	default: return bits;
	}
}

static int write_scalar(struct writer *w, const struct weft_schema_field *field, uint64_t bits)
{
	int r = 0;

	if (!field->packed)
		r = weft_wire_append_tag(w->out, field->number, scalar_wire_type(field->type));
	return r < 0 ? r : scalar_append(w->out, field->type, narrowed(field->type, bits));
}

/* A list of scalars, in whatever mixture of runs and single values it came. */
static int write_scalars(struct writer *w, const struct weft_schema_field *field,
			 const struct occurrence *one)
{
	size_t start = w->out->len, mark = 0;
	uint64_t bits;
	int r = 0;

	if (field->packed)
		r = weft_wire_begin(w->out, field->number, &mark);
	for (; one && r >= 0; one = one->next) {
		struct weft_bytes run = one->wire.bytes;

		if (one->wire.type != WEFT_WIRE_BYTES)
			r = write_scalar(w, field, one->wire.value);
		while (r >= 0 && run.len > 0) {
			r = scalar_take(&run, field->type, &bits);
			if (r >= 0)
				r = write_scalar(w, field, bits);
		}
	}
	if (r < 0 || !field->packed)
		return r;
	if (w->out->len > mark)
		return weft_wire_end(w->out, mark);
	w->out->len = start;
	return 0;
}

/* One value, of a default too where `always`. */
static int write_value(struct writer *w, const struct weft_schema_field *field,
		       const struct weft_wire_field *wire, bool always)
{
	size_t mark;
	int r;

	if (field->type == WEFT_TYPE_MESSAGE) {
		r = weft_wire_begin(w->out, field->number, &mark);
		if (r >= 0)
			r = write_message(w, field->message, wire->bytes);
		return r < 0 ? r : weft_wire_end(w->out, mark);
	}
	if (scalar_wire_type(field->type) == WEFT_WIRE_BYTES)
		return always || wire->bytes.len > 0
			       ? weft_wire_append_bytes(w->out, field->number, wire->bytes.data,
							wire->bytes.len)
			       : 0;
	if (!always && narrowed(field->type, wire->value) == 0)
		return 0;
	return write_scalar(w, field, wire->value);
}

/* A singular field, or its default. */
static int write_singular(struct writer *w, const struct weft_schema_field *field,
			  const struct occurrence *first, bool always)
{
	struct weft_wire_field wire = first ? first->wire : (struct weft_wire_field) { 0 };
	int r = 0;

	if (first && field->message)
		r = join(w->arena, first, &wire.bytes);
	return r < 0 ? r : write_value(w, field, &wire, always);
}

/* A map's entry always has both, and nothing else. Its key's bytes are the key's identity. */
static int write_entry(struct writer *w, const struct weft_schema_field *map,
		       struct weft_bytes entry, struct weft_bytes *ret_key)
{
	const struct weft_schema_field *key = weft_schema_field(map->message, 1);
	const struct weft_schema_field *value = weft_schema_field(map->message, 2);
	struct sorted sorted = { 0 };
	size_t mark, start;
	int r;

	r = weft_wire_begin(w->out, map->number, &mark);
	if (r >= 0)
		r = sort(w, map->message, entry, &sorted);
	weft_buffer_fini(&sorted.unknown);
	start = w->out->len;
	if (r >= 0)
		r = write_singular(w, key, sorted.slots[key - map->message->fields].first, true);
	if (r < 0)
		return r;
	ret_key->len = w->out->len - start;
	ret_key->data = weft_arena_memdup(w->arena, w->out->data + start, ret_key->len);
	if (!ret_key->data)
		return -ENOMEM;
	r = write_singular(w, value, sorted.slots[value - map->message->fields].first, true);
	return r < 0 ? r : weft_wire_end(w->out, mark);
}

struct entry {
	struct weft_bytes bytes; /* none: a later one has the key */
	struct entry *next;
};

/* The entry as it is to be written; one before it that has its key is emptied. */
static int add_entry(struct writer *w, const struct weft_schema_field *map, struct weft_bytes wire,
		     struct weft_map *by_key, struct entry *entry)
{
	struct weft_buffer out = WEFT_BUFFER_INIT;
	struct writer inner = { .arena = w->arena, .out = &out, .depth = w->depth };
	struct weft_bytes key;
	struct entry *old;
	int r;

	r = write_entry(&inner, map, wire, &key);
	if (r >= 0) {
		entry->bytes = (struct weft_bytes) { weft_arena_memdup(w->arena, out.data, out.len),
						     out.len };
		old = weft_map_remove(by_key, (const char *)key.data, key.len);
		if (old)
			old->bytes.len = 0;
		r = weft_map_put(by_key, (const char *)key.data, key.len, entry);
	}
	weft_buffer_fini(&out);
	return r;
}

static int write_map(struct writer *w, const struct weft_schema_field *map,
		     const struct occurrence *one)
{
	struct weft_map by_key = WEFT_MAP_INIT;
	struct entry *first = NULL, **last = &first;
	int r = 0;

	for (; one && r >= 0; one = one->next) {
		*last = weft_arena_new_array(w->arena, struct entry, 1);
		r = add_entry(w, map, one->wire.bytes, &by_key, *last);
		last = &(*last)->next;
	}
	for (struct entry *entry = first; entry && r >= 0; entry = entry->next)
		r = weft_buffer_append(w->out, entry->bytes.data, entry->bytes.len);
	weft_map_fini(&by_key);
	return r;
}

static int write_slot(struct writer *w, const struct weft_schema_field *field,
		      const struct occurrence *first)
{
	int r = 0;

	if (!first)
		return 0;
	if (field->map)
		return write_map(w, field, first);
	if (is_packable(field))
		return write_scalars(w, field, first);
	if (!field->repeated)
		return write_singular(w, field, first, field->presence);
	for (; first && r >= 0; first = first->next)
		r = write_value(w, field, &first->wire, true);
	return r;
}

static int write_message(struct writer *w, const struct weft_schema_message *message,
			 struct weft_bytes wire)
{
	struct sorted sorted = { 0 };
	int r;

	if (w->depth == MAX_DEPTH)
		return -EBADMSG;
	w->depth++;
	r = sort(w, message, wire, &sorted);
	for (size_t i = 0; r >= 0 && i < message->n_fields; i++)
		r = write_slot(w, &message->fields[i], sorted.slots[i].first);
	if (r >= 0)
		r = weft_buffer_append(w->out, sorted.unknown.data, sorted.unknown.len);
	weft_buffer_fini(&sorted.unknown);
	w->depth--;
	return r;
}

int canonical(struct weft_arena *arena, const struct weft_schema_message *message,
	      struct weft_bytes wire, struct weft_buffer *out)
{
	struct writer w = { .arena = arena, .out = out };

	return write_message(&w, message, wire);
}
