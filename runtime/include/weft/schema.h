/*
 * Contracts at run time: a pool of descriptors, loaded from serialised
 * google.protobuf.FileDescriptorSet or FileDescriptorProto bytes. The edge's routes, the JSON codec
 * and the command line are driven by it.
 *
 * A pool is built once and then only read: any thread may read it. Everything in it lives as long
 * as it.
 */
#ifndef WEFT_SCHEMA_H
#define WEFT_SCHEMA_H

#include <weft/arena.h>
#include <weft/base.h>
#include <weft/service.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_schema;
struct weft_schema_message;
struct weft_schema_enum;

/* Numbers as in google.protobuf.FieldDescriptorProto.Type. */
enum weft_field_type {
	WEFT_TYPE_DOUBLE = 1,
	WEFT_TYPE_FLOAT,
	WEFT_TYPE_INT64,
	WEFT_TYPE_UINT64,
	WEFT_TYPE_INT32,
	WEFT_TYPE_FIXED64,
	WEFT_TYPE_FIXED32,
	WEFT_TYPE_BOOL,
	WEFT_TYPE_STRING,
	WEFT_TYPE_GROUP,
	WEFT_TYPE_MESSAGE,
	WEFT_TYPE_BYTES,
	WEFT_TYPE_UINT32,
	WEFT_TYPE_ENUM,
	WEFT_TYPE_SFIXED32,
	WEFT_TYPE_SFIXED64,
	WEFT_TYPE_SINT32,
	WEFT_TYPE_SINT64,
};

struct weft_schema_field {
	const char *name;      /* "page_size" */
	const char *json_name; /* "pageSize" */
	uint32_t number;
	enum weft_field_type type;
	bool repeated; /* maps too */
	bool map;      /* `message` is the entry: fields 1 (key) and 2 (value) */
	bool packed;
	bool presence; /* proto3 optional, a oneof's member, or a message */
	int oneof;     /* index in the message's true oneofs, or -1 (also for proto3 optional) */
	const struct weft_schema_message *message;  /* of a message field */
	const struct weft_schema_enum *enumeration; /* of an enum field */
	struct weft_bytes options;                  /* serialised google.protobuf.FieldOptions */
	const char *comment;                        /* leading comment, trimmed; "" when none */
};

/* Well-known types, which have a JSON form of their own. */
enum weft_well_known {
	WEFT_WKT_NONE,
	WEFT_WKT_ANY,
	WEFT_WKT_TIMESTAMP,
	WEFT_WKT_DURATION,
	WEFT_WKT_FIELD_MASK,
	WEFT_WKT_STRUCT,
	WEFT_WKT_VALUE,
	WEFT_WKT_LIST_VALUE,
	WEFT_WKT_WRAPPER,
	WEFT_WKT_EMPTY,
};

struct weft_schema_message {
	const char *full_name; /* "catalog.v1.Product" */
	const char *file;      /* "catalog/v1/catalog.proto" */
	const char *comment;
	const struct weft_schema_field *fields; /* in order of declaration */
	size_t n_fields;
	const char *const *oneofs;
	size_t n_oneofs;
	enum weft_well_known well_known;
	bool map_entry;
	bool proto3;
};

struct weft_schema_enum_value {
	const char *name;
	int32_t number;
	const char *comment;
};

struct weft_schema_enum {
	const char *full_name;
	const char *file;
	const char *comment;
	const struct weft_schema_enum_value *values;
	size_t n_values;
};

struct weft_schema_method {
	const char *name; /* "GetProduct" */
	const char *path; /* "/catalog.v1.Catalog/GetProduct" */
	const char *comment;
	enum weft_kind kind;
	enum weft_idempotency idempotency;
	const struct weft_schema_message *request;
	const struct weft_schema_message *response;
	struct weft_bytes
		options; /* serialised google.protobuf.MethodOptions: 72295728 is google.api.http */
};

struct weft_schema_service {
	const char *full_name;
	const char *file;
	const char *comment;
	const struct weft_schema_method *methods;
	size_t n_methods;
};

int weft_schema_new(struct weft_schema **ret_schema);
void weft_schema_free(struct weft_schema *schema); /* takes NULL */

/* Adds every file of a FileDescriptorSet, in any order; a file whose name is there already is
 * passed over. -EBADMSG: broken bytes; -ENOENT: a type is missing, or the import that has it (an
 * import that gives no type may be missing); -EEXIST: a name is defined twice. `error` (may be
 * NULL) says what and where; the pool is as before. */
int weft_schema_add_set(struct weft_schema *schema, struct weft_bytes set, char error[256]);
/* The same for a single FileDescriptorProto whose imports are there already. */
int weft_schema_add_file(struct weft_schema *schema, struct weft_bytes file, char error[256]);

/* NULL: there is none. Names are full names without a leading dot. */
const struct weft_schema_message *weft_schema_message(const struct weft_schema *schema,
						      const char *full_name);
const struct weft_schema_enum *weft_schema_enum(const struct weft_schema *schema,
						const char *full_name);
const struct weft_schema_service *weft_schema_service(const struct weft_schema *schema,
						      const char *full_name);
/* "catalog.v1.Catalog/GetProduct" or with a leading slash. */
const struct weft_schema_method *weft_schema_method(const struct weft_schema *schema,
						    const char *path);
/* By index, in the order in which they were added; NULL at the end. */
const struct weft_schema_service *weft_schema_service_at(const struct weft_schema *schema,
							 size_t index);

const struct weft_schema_field *weft_schema_field(const struct weft_schema_message *message,
						  uint32_t number);
/* By name or JSON name. */
const struct weft_schema_field *weft_schema_field_named(const struct weft_schema_message *message,
							const char *name, size_t len);
/* The name of the field that `name`, which is none, was perhaps meant to be; or NULL. For errors.
 */
const char *weft_schema_field_suggest(const struct weft_schema_message *message, const char *name,
				      size_t len);
const struct weft_schema_enum_value *weft_schema_enum_named(
	const struct weft_schema_enum *enumeration, const char *name, size_t len);
const struct weft_schema_enum_value *weft_schema_enum_numbered(
	const struct weft_schema_enum *enumeration, int32_t number);
/* A type in a contract's own words: a message, enum, service or "service/Method" by name, as .proto
 * text, for a person to read. -ENOENT */
struct weft_buffer;
int weft_schema_print(const struct weft_schema *schema, const char *name, struct weft_buffer *out);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
