/* Custom options (proto/weft/options.proto), which protobuf-c leaves among a message's unknown
 * fields. */
#ifndef RPCGEN_OPTIONS_H
#define RPCGEN_OPTIONS_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>

/* (weft.package_prefix), (weft.prefix) or (weft.name), as the options are a file's, a service's
 * or a method's; NULL where it is not given. */
const char *options_string(const ProtobufCMessage *options);

/* protobuf-c's own (pb_c_file). */
bool options_has_protobuf_c(const ProtobufCMessage *options);

#endif
