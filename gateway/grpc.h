/*
 * gRPC and gRPC-Web through the edge: messages are passed on as bytes, in both directions as they
 * come, under the same rules of back-pressure, deadline and cancellation as everything else. The
 * edge understands the frames and the headers, and nothing inside.
 */
#ifndef GATEWAY_GRPC_H
#define GATEWAY_GRPC_H

#include <stdbool.h>

struct exchange;

bool grpc_is_call(const struct exchange *exchange);
void grpc_start(struct exchange *exchange);

#endif
