/*
 * A client's call that a server's call has started: the border between the two halves of rpc. The
 * parent knows its children by struct weft_child alone, which is public, because a store's writes
 * are children as well.
 */
#ifndef WEFT_RPC_CHILD_H
#define WEFT_RPC_CHILD_H

#include <weft/call.h>

#endif
