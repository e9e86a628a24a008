/*
 * Metadata: the ordered name-value pairs of a call (gRPC's PROTOCOL-HTTP2, "Custom-Metadata").
 * Order and duplicates are kept. A name that ends in "-bin" carries any bytes: they are base64 on
 * the wire only, never here. Other values are printable ASCII and space.
 */
#ifndef WEFT_METADATA_H
#define WEFT_METADATA_H

#include <weft/arena.h>
#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_metadata_entry {
	const char *name;     /* lower case */
	const uint8_t *value; /* followed by a NUL that `len` does not count */
	size_t len;
};

struct weft_metadata {
	struct weft_metadata_entry *entries;
	size_t n;
	size_t cap;
};

#define WEFT_METADATA_INIT                                                                         \
	{                                                                                          \
		0                                                                                  \
	}

/* Copies into the arena; the name is folded to lower case. -EINVAL: a name that is not
 * [0-9a-z_.-]+, is reserved ("grpc-…", ":…", "content-type", "te", …), or a value that is not
 * ASCII. */
int weft_metadata_add(struct weft_metadata *metadata, struct weft_arena *arena, const char *name,
		      const void *value, size_t len);
int weft_metadata_add_string(struct weft_metadata *metadata, struct weft_arena *arena,
			     const char *name, const char *value);
/* The first value of that name as a string, or NULL. */
const char *weft_metadata_get(const struct weft_metadata *metadata, const char *name);
const struct weft_metadata_entry *weft_metadata_find(const struct weft_metadata *metadata,
						     const char *name);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
