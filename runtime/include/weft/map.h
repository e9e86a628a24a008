/*
 * A hash map from bytes to a pointer. Keys are borrowed: they live in what they lead to, and must
 * stay as they are while they are in the map. Seeded per process, so that a peer cannot choose
 * colliding keys.
 */
#ifndef WEFT_MAP_H
#define WEFT_MAP_H

#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_map_slot;
struct weft_map {
	struct weft_map_slot *slots;
	size_t cap;  /* a power of two, or 0 */
	size_t len;  /* entries */
	size_t used; /* entries and tombstones */
};

#define WEFT_MAP_INIT                                                                              \
	{                                                                                          \
		0                                                                                  \
	}

void weft_map_fini(struct weft_map *map);
int weft_map_put(struct weft_map *map, const char *key, size_t key_len, void *value); /* -EEXIST */
void *weft_map_get(const struct weft_map *map, const char *key, size_t key_len); /* NULL: none */
void *weft_map_remove(struct weft_map *map, const char *key, size_t key_len);    /* NULL: none */

/* Walks the entries in no order: start with *at = 0; false at the end. No put during the walk. */
bool weft_map_next(const struct weft_map *map, size_t *at, void **ret_value);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
