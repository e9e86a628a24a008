/*
 * Metadata as header fields: which names are the user's, and how values travel. Values of "-bin"
 * names are base64 on the wire, unpadded when we send, either way when we receive; several may
 * share a field, with commas.
 */
#ifndef WEFT_WIRE_METADATA_WIRE_H
#define WEFT_WIRE_METADATA_WIRE_H

#include <weft/grpc.h>
#include <weft/header.h>
#include <weft/metadata.h>

/* A literal as a struct weft_bytes. */
#define WEFT_FIELD_NAME(literal)                                                                   \
	{                                                                                          \
		(const uint8_t *)(literal), sizeof(literal) - 1                                    \
	}

/* [0-9a-z_.-]+: what a name on the wire consists of. */
bool weft_metadata_name_valid(const char *name, size_t len);
/* The protocol's own names, which no user may send and which are not handed to users: ":…",
 * "grpc-…", "content-type", "te", and what HTTP/2 forbids ("connection", …). */
bool weft_metadata_name_reserved(const char *name, size_t len);
bool weft_metadata_name_binary(const char *name, size_t len); /* ends in "-bin" */
/* Printable ASCII and space, neither first nor last. */
bool weft_metadata_value_ascii(const void *value, size_t len);

/* Appends as they are, no questions asked: name and value already live in the arena. -ENOMEM */
int weft_metadata_append(struct weft_metadata *metadata, struct weft_arena *arena, const char *name,
			 const uint8_t *value, size_t len);

#endif
