/*
 * JSON to wire bytes, shared by the files that do it: decode.c has messages and their fields,
 * decode_well_known.c the types that have JSON of their own.
 *
 * Functions return 0, -EINVAL with the error in the lexer, -ENOMEM, or -EMSGSIZE.
 */
#ifndef JSON_DECODE_H
#define JSON_DECODE_H

#include <weft/arena.h>
#include <weft/json.h>

#include "append.h"
#include "lexer.h"
#include "place.h"

struct decoder {
	struct lexer lexer;
	struct place place; /* not taken back on failure: it says where */
	const struct weft_schema *schema;
	struct weft_buffer *out;
	struct weft_arena *arena; /* made when something is to be kept */
	const char *open_message;
	struct weft_buffer *given; /* NULL: nobody asks, or not here */
	bool ignore_unknown;
	bool any_case;
	unsigned depth;
	unsigned max_depth;
};

/* For what is to be kept until the end. */
struct weft_arena *decode_arena(struct decoder *d);
/* A message's content, without its tag and length. */
int decode_content(struct decoder *d, const struct weft_schema_message *message);
/* What follows the '{'; `in_any`: "@type" is passed over. */
int decode_members(struct decoder *d, const struct weft_schema_message *message, bool in_any);
/* One value with its tag. Unless `always`, a default leaves no trace. */
int decode_value(struct decoder *d, const struct weft_schema_field *field, bool always);
int decode_list(struct decoder *d, const struct weft_schema_field *field);
int decode_map(struct decoder *d, const struct weft_schema_field *field);
/* Refuses the name that was taken last. */
int decode_unknown(struct decoder *d, const struct weft_schema_message *message,
		   struct weft_bytes name);

/* -ENOENT: the message is an ordinary one (decode_well_known.c). */
int decode_well_known(struct decoder *d, const struct weft_schema_message *message);

#endif
