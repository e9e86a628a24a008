/*
 * The request that protoc writes to the plugin's standard input: read, checked, unpacked.
 *
 * protoc can be trusted, standard input cannot: protobuf-c follows nesting as deep as the bytes
 * say, so the bytes are walked before they are unpacked, and names are checked before they are
 * written into C.
 */
#ifndef RPCGEN_REQUEST_H
#define RPCGEN_REQUEST_H

#include "descriptor.h"

struct bytes {
	const uint8_t *data;
	size_t len;
};

/* All of a descriptor until its end. 0 or a negative errno. */
int request_read(int fd, struct bytes *ret_bytes);

/* NULL, and *ret_error says why, when the bytes are no request that a protoc would write. */
Request *request_unpack(struct bytes bytes, const char **ret_error);

/* As request_unpack, for what protoc-gen-c answers. */
Response *request_unpack_response(struct bytes bytes, const char **ret_error);

/* The file called `name`, or NULL. */
const FileProto *request_file(const Request *request, const char *name);

/* The file that defines the message or enum `type` (".catalog.v1.Product"), or NULL. */
const FileProto *request_file_of_type(const Request *request, const char *type);

#endif
