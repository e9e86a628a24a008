/* Metadata as the user holds it; wire/metadata_wire.h knows how it travels. */
#include <weft/metadata.h>

#include <errno.h>
#include <string.h>

#include "wire/metadata_wire.h"

static void fold(char *name)
{
	for (; *name; name++)
		if (*name >= 'A' && *name <= 'Z')
			*name = (char)(*name - 'A' + 'a');
}

int weft_metadata_add(struct weft_metadata *metadata, struct weft_arena *arena, const char *name,
		      const void *value, size_t len)
{
	size_t name_len = strlen(name);
	uint8_t *bytes;
	char *folded;

	folded = weft_arena_strndup(arena, name, name_len);
	if (!folded)
		return -ENOMEM;
	fold(folded);
	if (!weft_metadata_name_valid(folded, name_len) ||
	    weft_metadata_name_reserved(folded, name_len))
		return -EINVAL;
	if (!weft_metadata_name_binary(folded, name_len) && !weft_metadata_value_ascii(value, len))
		return -EINVAL;
	bytes = weft_arena_alloc(arena, len + 1);
	if (!bytes)
		return -ENOMEM;
	if (len)
		memcpy(bytes, value, len);
	bytes[len] = 0;
	return weft_metadata_append(metadata, arena, folded, bytes, len);
}

int weft_metadata_add_string(struct weft_metadata *metadata, struct weft_arena *arena,
			     const char *name, const char *value)
{
	return weft_metadata_add(metadata, arena, name, value, strlen(value));
}

const struct weft_metadata_entry *weft_metadata_find(const struct weft_metadata *metadata,
						     const char *name)
{
	for (size_t i = 0; i < metadata->n; i++)
		if (strcmp(metadata->entries[i].name, name) == 0)
			return &metadata->entries[i];
	return NULL;
}

const char *weft_metadata_get(const struct weft_metadata *metadata, const char *name)
{
	const struct weft_metadata_entry *entry = weft_metadata_find(metadata, name);

	return entry ? (const char *)entry->value : NULL;
}
