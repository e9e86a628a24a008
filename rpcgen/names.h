/*
 * How a contract's names become C names: protobuf-c's rules for messages (its names are given, ours
 * must agree with them), our own for methods, and the register in which two things that want the
 * same C name are found out.
 */
#ifndef RPCGEN_NAMES_H
#define RPCGEN_NAMES_H

#include "places.h"

#include <stdbool.h>

/* protobuf-c: "catalog.v1.GetRequest" → "Catalog__V1__GetRequest". */
char *names_message_type(const char *full_name);
/* protobuf-c: "catalog.v1.GetRequest" → "catalog__v1__get_request__descriptor". */
char *names_message_descriptor(const char *full_name);

/* protobuf-c: "pageSize" → "pagesize", the member of a struct. */
char *names_field(const char *name);

/* Ours: "GetProduct" → "get_product", "HTTPServer2" → "http_server2", "catalog.v1" → "catalog_v1".
 * Underscores never double, lead or trail. */
char *names_snake(const char *name);
/* "catalog/v1/catalog.proto" → "catalog_v1_catalog_proto" */
char *names_of_path(const char *path);
/* "catalog/v1/catalog.proto" → "CATALOG_V1_CATALOG_WEFT_H", from "catalog/v1/catalog" */
char *names_guard(const char *stem);
/* `name`, or `name_` where C, C++ or one of their macros has taken it. */
char *names_member(const char *name);

/* "catalog.v1", "Catalog": the service says again what its package says. */
bool names_repeats(const char *package, const char *service);

bool names_is_identifier(const char *name);     /* of C; it does not begin with an underscore */
bool names_is_proto_name(const char *name);     /* [A-Za-z_][A-Za-z0-9_]* */
bool names_is_qualified_name(const char *name); /* such names with dots between them */

struct names {
	void *tree;
};

void names_fini(struct names *names);

/* Takes `name` for `what` ("method catalog.v1.Catalog/Get"). NULL, or the words about the clash,
 * which end with `advice`. */
const char *names_claim(struct names *names, const char *name, const char *what, const char *advice,
			struct place place);

#endif
