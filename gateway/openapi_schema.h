/* Messages, enums and fields as JSON Schema, and the examples of the contracts. */
#ifndef GATEWAY_OPENAPI_SCHEMA_H
#define GATEWAY_OPENAPI_SCHEMA_H

#include <weft/arena.h>
#include <weft/schema.h>

#include "json_writer.h"

/* The document on its way. Types that have been referred to wait in a list, to be written under
 * components/schemas. */
struct openapi {
	struct json_writer writer;
	const struct weft_schema *schema;
	struct weft_arena *arena;
	struct openapi_type *types, **last_type;
	char *error; /* of an example */
};

/* What the options of a field say. */
struct openapi_field {
	bool required;
	bool read_only;
	bool write_only;
	struct weft_bytes example; /* JSON; empty: none */
};
struct openapi_field openapi_field_of(const struct weft_schema_field *field);

/* The schema of a message's JSON, or of a field's (an array or map where it is one) with its
 * comment. */
void openapi_message_ref(struct openapi *openapi, const struct weft_schema_message *message);
void openapi_field_schema(struct openapi *openapi, const struct weft_schema_field *field);
/* The same for one element, without the comment: of a parameter. */
void openapi_value_schema(struct openapi *openapi, const struct weft_schema_field *field);
/* "properties" and "required" into the object that is open. `skip` (may be NULL) leaves out fields
 * that are said elsewhere. */
typedef bool openapi_skip_cb(const struct weft_schema_field *field, const void *data);
void openapi_properties(struct openapi *openapi, const struct weft_schema_message *message,
			openapi_skip_cb *skip, const void *data);

/* An example of the message, put together from those of its fields; false, and nothing is written:
 * it has none. `key` is written before it. */
bool openapi_example(struct openapi *openapi, const char *key,
		     const struct weft_schema_message *message, openapi_skip_cb *skip,
		     const void *data);
/* A field's own example, checked against its type; false: it has none. */
bool openapi_field_example(struct openapi *openapi, const struct weft_schema_field *field,
			   struct weft_bytes *ret_json);

/* Everything that has been referred to, into the object that is open. */
void openapi_types(struct openapi *openapi);

#endif
