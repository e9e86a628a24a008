/*
 * A message read and written again as a parser with a tree in between would: binary in, canonical
 * binary out, by descriptors alone.
 */
#ifndef CONFORMANCE_CANONICAL_H
#define CONFORMANCE_CANONICAL_H

#include <weft/arena.h>
#include <weft/buffer.h>
#include <weft/schema.h>

/* Appends to `out`, in the order in which the contract declares the fields: of a singular field the
 * last value, submessages merged, of a oneof the last member, of equal map keys the last entry,
 * lists packed as their field says, varints as short as they go, defaults of fields without
 * presence left out; then the fields that the message does not know, as they came. -EBADMSG,
 * -ENOMEM */
int canonical(struct weft_arena *arena, const struct weft_schema_message *message,
	      struct weft_bytes wire, struct weft_buffer *out);

#endif
