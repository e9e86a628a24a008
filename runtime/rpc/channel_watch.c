/* See channel_watch.h. A callback may begin and end any watch, its own too. */
#include "rpc/channel_watch.h"

#include <stdlib.h>

#include "rpc/channel.h"

struct weft_channel_watch {
	struct weft_list node; /* in the channel's list */
	bool due;              /* to be told */
	weft_channel_watch_cb *cb;
	void *data;
};

static struct weft_channel_watch *watch_of(struct weft_list *node)
{
	return weft_list_entry(node, struct weft_channel_watch, node);
}

bool weft_channel_watches_note(struct weft_list *watches)
{
	weft_list_each (node, after, watches)
		watch_of(node)->due = true;
	return !weft_list_empty(watches);
}

static struct weft_channel_watch *next_due(struct weft_list *watches)
{
	weft_list_each (node, after, watches)
		if (watch_of(node)->due)
			return watch_of(node);
	return NULL;
}

void weft_channel_watches_tell(struct weft_list *watches, struct weft_channel *channel)
{
	struct weft_channel_watch *watch;

	while ((watch = next_due(watches))) {
		watch->due = false;
		watch->cb(channel, watch->data);
	}
}

struct weft_channel_watch *weft_channel_watch(struct weft_channel *channel,
					      weft_channel_watch_cb *cb, void *data)
{
	struct weft_channel_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		abort();
	watch->cb = cb;
	watch->data = data;
	weft_list_append(weft_channel_watches(channel), &watch->node);
	return watch;
}

void weft_channel_unwatch(struct weft_channel_watch *watch)
{
	if (!watch)
		return;
	weft_list_remove(&watch->node);
	free(watch);
}
