/*
 * The server that a command speaks to: a worker on this thread, and a channel on it. A command
 * starts its call, runs the worker until the call has ended, and closes.
 */
#ifndef CLI_PEER_H
#define CLI_PEER_H

#include <weft/channel.h>

#include "options.h"

struct peer {
	struct weft_worker *worker;
	struct weft_channel *channel;
};

/* 0 or an exit code, after a complaint. */
int peer_open(const struct options *options, struct peer *ret_peer);
/* The same, but each of the target's endpoints is connected and asked for its health. */
int peer_open_all(const struct options *options, struct peer *ret_peer);
void peer_close(struct peer *peer); /* takes a zeroed one */

#endif
