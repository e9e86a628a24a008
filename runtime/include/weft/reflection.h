/*
 * grpc.reflection.v1.ServerReflection, and v1alpha beside it for older tools: the service that
 * tells clients which services a server has, and their contracts; and a client that asks for them.
 */
#ifndef WEFT_REFLECTION_H
#define WEFT_REFLECTION_H

#include <weft/channel.h>
#include <weft/server.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/*
 * Ready to add to a server. It answers from the descriptors that generated services carry, and
 * shows what was added to the server when the first question comes. A fallback's services are
 * unknown to it.
 */
int weft_reflection_add(struct weft_server *server); /* -EEXIST */

/* What a server says of itself; gone when the callback has returned. */
struct weft_reflection_answer {
	size_t size;
	const char *const *services; /* as the server writes them: perhaps no names at all */
	size_t n_services;
	struct weft_bytes files; /* a google.protobuf.FileDescriptorSet, each file once */
};

/*
 * OK; or why there is no answer (`answer` is NULL then): the call's own status; NOT_FOUND: the
 * server does not know a symbol; UNIMPLEMENTED: it has no reflection; RESOURCE_EXHAUSTED: more than
 * 10,000 questions or 64 MiB; DATA_LOSS: it broke off, or it answers what nobody asked.
 */
typedef void weft_reflection_cb(const struct weft_status *status,
				const struct weft_reflection_answer *answer, void *data);

/*
 * Both ask the server of a channel in a stream of their own, by v1, or by v1alpha where it has no
 * v1. Called on the channel's worker; the channel and all that is passed, `options` too, are
 * borrowed until the callback, which runs once, from the loop. `options->timeout_ns` bounds each
 * version's stream.
 */
/* The names of its services. */
void weft_reflection_list(struct weft_channel *channel, const struct weft_call_options *options,
			  weft_reflection_cb *cb, void *data);
/* The files of these symbols ("catalog.v1.Catalog", a type, a service, …; at least one) with all
 * that they import. An import that the server does not have is left out: linking the files tells
 * whether it is needed. */
void weft_reflection_find(struct weft_channel *channel, const char *const *symbols,
			  size_t n_symbols, const struct weft_call_options *options,
			  weft_reflection_cb *cb, void *data);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
