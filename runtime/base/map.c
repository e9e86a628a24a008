/*
 * Open addressing with linear probing. A removed entry leaves a tombstone, because the probes of
 * others may lead over it; tombstones count as used, and go when the table is built anew, which
 * happens before three quarters of it are used. So there is always an empty slot to end a probe.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <weft/map.h>

#include "base/siphash.h"

#define FIRST_CAP ((size_t)8)

struct weft_map_slot {
	const char *key;
	size_t key_len;
	uint64_t hash;
	void *value; /* NULL: never used */
};

static char tombstone;

static bool slot_live(const struct weft_map_slot *slot)
{
	return slot->value && slot->value != &tombstone;
}

void weft_map_fini(struct weft_map *map)
{
	free(map->slots);
	*map = (struct weft_map)WEFT_MAP_INIT;
}

static struct weft_map_slot *find(const struct weft_map *map, uint64_t hash, const char *key,
				  size_t key_len)
{
	if (!map->len)
		return NULL;
	for (size_t i = hash & (map->cap - 1);; i = (i + 1) & (map->cap - 1)) {
		struct weft_map_slot *slot = &map->slots[i];

		if (!slot->value)
			return NULL;
		if (slot_live(slot) && slot->hash == hash && slot->key_len == key_len &&
		    (key_len == 0 || memcmp(slot->key, key, key_len) == 0))
			return slot;
	}
}

/* `entry` is known not to be there. */
static void insert(struct weft_map *map, const struct weft_map_slot *entry)
{
	size_t i = entry->hash & (map->cap - 1);

	while (slot_live(&map->slots[i]))
		i = (i + 1) & (map->cap - 1);
	if (!map->slots[i].value)
		map->used++;
	map->slots[i] = *entry;
	map->len++;
}

/* Twice the size when entries fill it, the same size when tombstones do. */
static int rebuild(struct weft_map *map)
{
	struct weft_map next = WEFT_MAP_INIT;

	next.cap = FIRST_CAP;
	while (next.cap < (map->len + 1) * 2)
		next.cap *= 2;
	next.slots = calloc(next.cap, sizeof(*next.slots));
	if (!next.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->cap; i++)
		if (slot_live(&map->slots[i]))
			insert(&next, &map->slots[i]);
	free(map->slots);
	*map = next;
	return 0;
}

int weft_map_put(struct weft_map *map, const char *key, size_t key_len, void *value)
{
	uint64_t hash = weft_hash(key, key_len);
	int r;

	assert(value);
	if (find(map, hash, key, key_len))
		return -EEXIST;
	if ((map->used + 1) * 4 > map->cap * 3) {
		r = rebuild(map);
		if (r < 0)
			return r;
	}
	insert(map, &(struct weft_map_slot) {
			    .key = key, .key_len = key_len, .hash = hash, .value = value });
	return 0;
}

void *weft_map_get(const struct weft_map *map, const char *key, size_t key_len)
{
	struct weft_map_slot *slot = find(map, weft_hash(key, key_len), key, key_len);

	return slot ? slot->value : NULL;
}

void *weft_map_remove(struct weft_map *map, const char *key, size_t key_len)
{
	struct weft_map_slot *slot = find(map, weft_hash(key, key_len), key, key_len);
	void *value;

	if (!slot)
		return NULL;
	value = slot->value;
	*slot = (struct weft_map_slot) { .value = &tombstone };
	map->len--;
	return value;
}

bool weft_map_next(const struct weft_map *map, size_t *at, void **ret_value)
{
	for (size_t i = *at; i < map->cap; i++) {
		if (!slot_live(&map->slots[i]))
			continue;
		*ret_value = map->slots[i].value;
		*at = i + 1;
		return true;
	}
	*at = map->cap;
	return false;
}
