/*
 * What a contract says, as data: services and their methods. protoc-gen-weft writes these tables;
 * servers, channels, health and the command line read them.
 */
#ifndef WEFT_SERVICE_H
#define WEFT_SERVICE_H

#include <protobuf-c/protobuf-c.h>
#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_call;
struct weft_rpc;
struct weft_status;

enum weft_kind { WEFT_UNARY, WEFT_SERVER_STREAM, WEFT_CLIENT_STREAM, WEFT_BIDIRECTIONAL };

/* google.protobuf.MethodOptions.IdempotencyLevel */
enum weft_idempotency { WEFT_IDEMPOTENCY_UNKNOWN, WEFT_NO_SIDE_EFFECTS, WEFT_IDEMPOTENT };

/* Calls the typed handler in `handlers`. `req` is NULL where the client streams. -ENOSYS: none
 * is set. */
typedef int weft_invoke_fn(struct weft_call *call, const ProtobufCMessage *req,
			   const void *handlers, void *self);

struct weft_method {
	const char *name; /* "GetProduct" */
	const char *path; /* "/catalog.v1.Catalog/GetProduct" */
	enum weft_kind kind;
	enum weft_idempotency idempotency;
	const ProtobufCMessageDescriptor *request;
	const ProtobufCMessageDescriptor *response;
	weft_invoke_fn *invoke;
};

/* A .proto file: its name and its serialised google.protobuf.FileDescriptorProto, as it was
 * written. */
struct weft_file {
	const char *name; /* "catalog/v1/catalog.proto" */
	struct weft_bytes descriptor;
	const struct weft_file *const
		*imports; /* ends with NULL; files that protoc-gen-weft has compiled */
};

struct weft_service {
	const char *name; /* "catalog.v1.Catalog" */
	const struct weft_method *methods;
	size_t n_methods;
	const struct weft_file *file;
};

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
