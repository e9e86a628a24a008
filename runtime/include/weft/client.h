/*
 * A blocking client, for threads that run no loop: command line programs, tests, other people's
 * code. It owns a worker thread and a channel on it. Any number of threads may call at the same
 * time.
 */
#ifndef WEFT_CLIENT_H
#define WEFT_CLIENT_H

#include <weft/channel.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_client;

int weft_client_new(const char *target, const struct weft_channel_options *options, char error[256],
		    struct weft_client **ret_client);
void weft_client_free(struct weft_client *client); /* no call may be under way; takes NULL */

/*
 * Calls and waits. 0: *ret_res is the response, in `arena`. Above 0: the gRPC code, with message
 * and details in *ret_status (may be NULL), in `arena`. -EDEADLK: the thread runs a loop, which
 * would never turn again. `options->parent` must be NULL.
 */
int weft_client_unary(struct weft_client *client, const struct weft_method *method,
		      const ProtobufCMessage *req, const struct weft_call_options *options,
		      struct weft_arena *arena, ProtobufCMessage **ret_res,
		      struct weft_status *ret_status);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
