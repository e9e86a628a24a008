/*
 * Wire bytes to JSON, shared by the files that do it: encode.c has messages and their fields,
 * encode_index.c where on the wire a message's fields are, encode_values.c what is written without
 * looking at more than one field, encode_well_known.c the types that have JSON of their own.
 *
 * Functions return 0, -EBADMSG with the error in the encoder, -ENOMEM, or -EMSGSIZE.
 */
#ifndef JSON_ENCODE_H
#define JSON_ENCODE_H

#include <weft/json.h>

#include "append.h"
#include "place.h"
#include "pool.h"
#include "wire/proto.h"

struct encoder {
	struct weft_buffer *out;
	struct weft_json_options options;
	const uint8_t *wire;
	uint32_t *words; /* the index */
	size_t n_words, cap_words;
	unsigned depth; /* of messages */
	unsigned level; /* of brackets, for the indent */
	size_t error_offset;
	char error[192];
	struct place place; /* not taken back on failure: it says where */
};

int encode_fail(struct encoder *e, struct weft_bytes at, const char *what);

/* ---- the index ---- */

/* A message's part of the words. Offsets are from the start of `bytes`; entries are counted from 1.
 */
struct index {
	const struct weft_schema_message *message;
	struct weft_bytes bytes;
	size_t base;    /* of: first and last entry of each field; */
	size_t oneofs;  /* the field that each oneof holds, from 1; */
	size_t entries; /* { offset, next entry } */
};

int index_message(struct encoder *e, const struct weft_schema_message *message,
		  struct weft_bytes bytes, struct index *ret_index);

static inline void index_drop(struct encoder *e, const struct index *index)
{
	e->n_words = index->base;
}

/* 0: the message does not have it. */
static inline uint32_t index_first(const struct encoder *e, const struct index *index,
				   const struct weft_schema_field *field)
{
	return e->words[index->base + 2 * (size_t)(field - index->message->fields)];
}

static inline uint32_t index_next(const struct encoder *e, const struct index *index,
				  uint32_t entry)
{
	return e->words[index->entries + 2 * (entry - 1) + 1];
}

static inline void index_get(const struct encoder *e, const struct index *index, uint32_t entry,
			     struct weft_wire_field *ret_wire)
{
	size_t offset = e->words[index->entries + 2 * (entry - 1)];
	struct weft_bytes rest = { index->bytes.data + offset, index->bytes.len - offset };

	weft_proto_next(&rest, ret_wire); /* was good when it was indexed */
}

/* ---- values (encode_values.c) ---- */

static inline int put(struct encoder *e, const char *text)
{
	return append(e->out, text, strlen(text));
}

int put_line(struct encoder *e);

static inline int open_bracket(struct encoder *e, char bracket)
{
	e->level++;
	return append_byte(e->out, bracket);
}

static inline int close_bracket(struct encoder *e, char bracket, bool empty)
{
	int r;

	e->level--;
	r = empty || e->options.indent == 0 ? 0 : put_line(e);
	return r < 0 ? r : append_byte(e->out, bracket);
}

/* Before each member or element. */
static inline int put_comma(struct encoder *e, bool *first)
{
	int r = *first ? 0 : append_byte(e->out, ',');

	*first = false;
	return r < 0 || e->options.indent == 0 ? r : put_line(e);
}

/* After a member's name or key. */
static inline int put_colon(struct encoder *e)
{
	return append(e->out, ": ", e->options.indent ? 2 : 1);
}

/* The name of the message's `i`th field, with its colon. */
int put_name(struct encoder *e, const struct weft_schema_message *message, size_t i);
int put_string(struct encoder *e, struct weft_bytes bytes); /* refuses what is not UTF-8 */
/* A number, boolean or enum; in quotes also where it would not be, as a map's key. */
int put_scalar(struct encoder *e, const struct weft_schema_field *field, uint64_t bits, bool key);
int put_default(struct encoder *e, const struct weft_schema_field *field);

/* ---- messages (encode.c) ---- */

/* A message's content: an object, or what a well-known type has instead. */
int encode_content(struct encoder *e, const struct weft_schema_message *message,
		   struct weft_bytes bytes);
/* The members of an object, of which `*first` is none yet. */
int encode_members(struct encoder *e, const struct weft_schema_message *message,
		   struct weft_bytes bytes, bool *first);
/* A field that the index has. */
int encode_shape(struct encoder *e, const struct index *index,
		 const struct weft_schema_field *field, uint32_t entry);

/* ---- well-known types (encode_well_known.c) ---- */

/* -ENOENT: the message is an ordinary one. */
int encode_well_known(struct encoder *e, const struct weft_schema_message *message,
		      struct weft_bytes bytes);

#endif
