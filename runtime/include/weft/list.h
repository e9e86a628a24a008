/* An intrusive doubly linked ring. The head is a node too; a node outside any list points at
 * itself. */
#ifndef WEFT_LIST_H
#define WEFT_LIST_H

#include <weft/base.h>

struct weft_list {
	struct weft_list *prev;
	struct weft_list *next;
};

#define WEFT_LIST_INIT(head)                                                                       \
	{                                                                                          \
		&(head), &(head)                                                                   \
	}

static inline void weft_list_init(struct weft_list *node)
{
	node->prev = node;
	node->next = node;
}

static inline bool weft_list_empty(const struct weft_list *head)
{
	return head->next == head;
}

/* Puts `node` before `at`: with the head as `at` it becomes the last. */
static inline void weft_list_insert_before(struct weft_list *at, struct weft_list *node)
{
	node->prev = at->prev;
	node->next = at;
	at->prev->next = node;
	at->prev = node;
}

static inline void weft_list_append(struct weft_list *head, struct weft_list *node)
{
	weft_list_insert_before(head, node);
}

/* Takes `node` out of its list; harmless when it is in none. */
static inline void weft_list_remove(struct weft_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	weft_list_init(node);
}

static inline struct weft_list *weft_list_pop(struct weft_list *head)
{
	struct weft_list *node = head->next;

	if (node == head)
		return NULL;
	weft_list_remove(node);
	return node;
}

#define weft_list_entry(node, type, member) weft_container_of((node), type, member)

/* Safe against removal of `at` inside the loop. */
#define weft_list_each(at, after, head)                                                            \
	for (struct weft_list *at = (head)->next, *after = at->next; at != (head);                 \
	     at = after, after = at->next)

#endif
