/*
 * grpc.reflection.v1.ServerReflection, and v1alpha beside it for older tools, ready to add to a
 * server: it tells clients which services the server has, and their contracts.
 *
 * It answers from the descriptors that generated services carry, and shows what was added to the
 * server when the first question comes. A fallback's services are unknown to it.
 */
#ifndef WEFT_REFLECTION_H
#define WEFT_REFLECTION_H

#include <weft/server.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

int weft_reflection_add(struct weft_server *server); /* -EEXIST */

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif
#endif
