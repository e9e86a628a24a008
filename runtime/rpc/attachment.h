/* What interceptors attach to a call, at its server or at its client: a short list in its arena. */
#ifndef RPC_ATTACHMENT_H
#define RPC_ATTACHMENT_H

#include <weft/arena.h>

struct attachment {
	struct attachment *next;
	const void *key;
	void *value;
};

static inline struct attachment *attachment_find(struct attachment *list, const void *key)
{
	while (list && list->key != key)
		list = list->next;
	return list;
}

static inline void attachment_put(struct attachment **list, struct weft_arena *arena,
				  const void *key, void *value)
{
	struct attachment *item = attachment_find(*list, key);

	if (!item) {
		item = weft_arena_new_array(arena, struct attachment, 1);
		*item = (struct attachment) { .next = *list, .key = key };
		*list = item;
	}
	item->value = value;
}

#endif
