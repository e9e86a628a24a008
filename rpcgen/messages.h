/* The messages' C code: protoc-gen-c's part, run as a process of its own. */
#ifndef RPCGEN_MESSAGES_H
#define RPCGEN_MESSAGES_H

#include "request.h"

/* The program is PROTOC_GEN_C of the environment, or protoc-gen-c of PATH. NULL: *ret_error says
 * why. */
Response *messages_generate(struct bytes request, const char **ret_error);

#endif
