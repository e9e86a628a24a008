/*
 * A client's call that a server's call has started: the border between the two halves of rpc.
 *
 * A child keeps its parent's memory (a reference) until it is removed, and is cancelled when the
 * parent is cancelled or runs out of time; not when the parent has merely been answered. The parent
 * knows its children by this struct alone, which the client's side embeds.
 */
#ifndef WEFT_RPC_CHILD_H
#define WEFT_RPC_CHILD_H

#include <weft/call.h>
#include <weft/list.h>

struct weft_child {
	struct weft_list node;
	/* The parent's client is gone or its deadline has passed. Called at most once, and only
	 * while the child is added; it may remove itself, and calls nobody back before it
	 * returns. */
	void (*cancel)(struct weft_child *child);
};

/* References the call. -ECANCELED: the call has been cancelled already, and nothing was added. */
int weft_call_add_child(struct weft_call *call, struct weft_child *child);
/* Unreferences it. */
void weft_call_remove_child(struct weft_call *call, struct weft_child *child);

#endif
