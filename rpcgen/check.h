/* The rules for a contract that protobuf-c or Weft cannot carry out. */
#ifndef RPCGEN_CHECK_H
#define RPCGEN_CHECK_H

#include "descriptor.h"

/* NULL, or the words about the first rule that is broken: "file:line: what, and what would be
 * right". */
const char *check_file(const FileProto *file);

#endif
