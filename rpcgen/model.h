/*
 * What the emitters print: a file's services and methods with all their C names decided, its
 * comments found, its clashes refused. Nothing here is text of a language yet, but names.
 */
#ifndef RPCGEN_MODEL_H
#define RPCGEN_MODEL_H

#include "request.h"

#include <stdbool.h>

/* Bits, so that a table can say for which kinds something holds. */
enum model_kind {
	MODEL_UNARY = 1,
	MODEL_SERVER_STREAM = 2,
	MODEL_CLIENT_STREAM = 4,
	MODEL_BIDIRECTIONAL = 8,
};
#define MODEL_CLIENT_STREAMS (MODEL_CLIENT_STREAM | MODEL_BIDIRECTIONAL)
#define MODEL_SERVER_STREAMS (MODEL_SERVER_STREAM | MODEL_BIDIRECTIONAL)
#define MODEL_STREAMS        (MODEL_CLIENT_STREAMS | MODEL_SERVER_STREAM)
#define MODEL_ALL            (MODEL_STREAMS | MODEL_UNARY)

struct model_type {
	const char *name;       /* "catalog.v1.Product" */
	const char *c_type;     /* "Catalog__V1__Product" */
	const char *descriptor; /* "catalog__v1__product__descriptor" */
	const char *header;     /* "catalog/v1/catalog.pb-c.h" */
};

struct model_method {
	const char *name;   /* "GetProduct" */
	const char *path;   /* "/catalog.v1.Catalog/GetProduct" */
	const char *symbol; /* "catalog_v1_get_product" */
	const char *member; /* "get_product" */
	const char *comment;
	enum model_kind kind;
	int idempotency; /* google.protobuf.MethodOptions.IdempotencyLevel */
	struct model_type request;
	struct model_type response;
};

struct model_service {
	const char *name;   /* "catalog.v1.Catalog" */
	const char *prefix; /* "catalog_v1" */
	const char *comment;
	struct model_method *methods;
	size_t n_methods;
};

struct model_import {
	const char *symbol; /* "google_type_money_proto" */
	const char *header; /* "google/type/money.weft.h" */
};

struct model_file {
	const char *name;   /* "catalog/v1/catalog.proto" */
	const char *stem;   /* "catalog/v1/catalog" */
	const char *symbol; /* "catalog_v1_catalog_proto" */
	const char *guard;
	struct bytes descriptor; /* FileDescriptorProto, without its source code info */
	struct model_import *imports;
	size_t n_imports;
	const char **message_headers; /* those of its methods' types, each once, its own first */
	size_t n_message_headers;
	struct model_service *services;
	size_t n_services;
};

/* The files that are to be generated, in the request's order. NULL: *ret_error says file, line
 * and rule. */
struct model_file *model_build(const Request *request, size_t *ret_n, const char **ret_error);

#endif
