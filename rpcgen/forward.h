/*
 * The request as protoc-gen-c is to see it.
 *
 * - No services: protobuf-c would write stubs of its own.
 * - No extensions, and no import that supplies nothing but custom options: protobuf-c knows
 *   neither, and every header would include descriptor.pb-c.h.
 * - proto3 `optional`, which protoc-gen-c 1.4 does not know, as the one-member oneof that the
 *   descriptor says it is; and that oneof, called `_x` by protoc, as `has_x`, for no C name may
 *   begin with an underscore. So presence reads `message.has_x_case`.
 * - Comments without what would end a C comment: protobuf-c writes them down as they are.
 */
#ifndef RPCGEN_FORWARD_H
#define RPCGEN_FORWARD_H

#include "request.h"

/* Changes `request`, which is the caller's own, and packs it. */
struct bytes forward_pack(Request *request);

#endif
