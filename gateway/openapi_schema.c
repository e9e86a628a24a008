/*
 * A type's JSON form decides its schema (https://protobuf.dev/programming-guides/json/): 64-bit
 * numbers are strings, enums are names, well-known types have a form of their own. Messages and
 * enums are referred to, and written once.
 */
#include "openapi_schema.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/json.h>
#include <weft/log.h>
#include <weft/protobuf.h>

#define OPTION_FIELD_BEHAVIOR 1052
#define OPTION_EXAMPLE        51401
#define EXAMPLE_MAX_DEPTH     8

/* google.api.FieldBehavior */
enum { REQUIRED = 2, OUTPUT_ONLY = 3, INPUT_ONLY = 4 };

struct openapi_type {
	const struct weft_schema_message *message; /* or an enum */
	const struct weft_schema_enum *enumeration;
	struct openapi_type *next;
};

struct openapi_field openapi_field_of(const struct weft_schema_field *field)
{
	struct weft_bytes options = field->options;
	struct openapi_field result = { 0 };
	struct weft_wire_field option;

	while (weft_wire_next(&options, &option) > 0) {
		if (option.number == OPTION_FIELD_BEHAVIOR && option.type == WEFT_WIRE_VARINT) {
			result.required |= option.value == REQUIRED;
			result.read_only |= option.value == OUTPUT_ONLY;
			result.write_only |= option.value == INPUT_ONLY;
		} else if (option.number == OPTION_EXAMPLE && option.type == WEFT_WIRE_BYTES) {
			result.example = option.bytes;
		}
	}
	return result;
}

/* ---- references ---- */

static void refer(struct openapi *openapi, const struct weft_schema_message *message,
		  const struct weft_schema_enum *enumeration)
{
	const char *name = message ? message->full_name : enumeration->full_name;
	struct openapi_type *type;

	json_string_member(&openapi->writer, "$ref",
			   weft_arena_printf(openapi->arena, "#/components/schemas/%s", name));
	for (type = openapi->types; type; type = type->next)
		if (type->message == message && type->enumeration == enumeration)
			return;
	type = weft_arena_zalloc(openapi->arena, sizeof(*type));
	type->message = message;
	type->enumeration = enumeration;
	*openapi->last_type = type;
	openapi->last_type = &type->next;
}

/* ---- values ---- */

/* Schemas that need no type of their own, as members of an object. */
static const char *const scalar_members[] = {
	[WEFT_TYPE_DOUBLE] = "\"type\":[\"number\",\"string\"],\"format\":\"double\"",
	[WEFT_TYPE_FLOAT] = "\"type\":[\"number\",\"string\"],\"format\":\"float\"",
	[WEFT_TYPE_INT64] = "\"type\":\"string\",\"format\":\"int64\"",
	[WEFT_TYPE_UINT64] = "\"type\":\"string\",\"format\":\"uint64\"",
	[WEFT_TYPE_INT32] = "\"type\":\"integer\",\"format\":\"int32\"",
	[WEFT_TYPE_FIXED64] = "\"type\":\"string\",\"format\":\"uint64\"",
	[WEFT_TYPE_FIXED32] = "\"type\":\"integer\",\"format\":\"uint32\",\"minimum\":0",
	[WEFT_TYPE_BOOL] = "\"type\":\"boolean\"",
	[WEFT_TYPE_STRING] = "\"type\":\"string\"",
	[WEFT_TYPE_BYTES] = "\"type\":\"string\",\"contentEncoding\":\"base64\"",
	[WEFT_TYPE_UINT32] = "\"type\":\"integer\",\"format\":\"uint32\",\"minimum\":0",
	[WEFT_TYPE_SFIXED32] = "\"type\":\"integer\",\"format\":\"int32\"",
	[WEFT_TYPE_SFIXED64] = "\"type\":\"string\",\"format\":\"int64\"",
	[WEFT_TYPE_SINT32] = "\"type\":\"integer\",\"format\":\"int32\"",
	[WEFT_TYPE_SINT64] = "\"type\":\"string\",\"format\":\"int64\"",
};

static const char *const well_known_members[] = {
	[WEFT_WKT_ANY] = "\"type\":\"object\",\"required\":[\"@type\"],"
			 "\"properties\":{\"@type\":{\"type\":\"string\"}}",
	[WEFT_WKT_TIMESTAMP] = "\"type\":\"string\",\"format\":\"date-time\"",
	[WEFT_WKT_DURATION] = "\"type\":\"string\","
			      "\"pattern\":\"^-?[0-9]+([.][0-9]{1,9})?s$\"",
	[WEFT_WKT_FIELD_MASK] = "\"type\":\"string\"",
	[WEFT_WKT_STRUCT] = "\"type\":\"object\"",
	[WEFT_WKT_VALUE] = "",
	[WEFT_WKT_LIST_VALUE] = "\"type\":\"array\",\"items\":{}",
	[WEFT_WKT_EMPTY] = "\"type\":\"object\"",
};

static void add_members(struct openapi *openapi, const char *members)
{
	if (*members)
		json_text(&openapi->writer, members, strlen(members));
}

static void message_members(struct openapi *openapi, const struct weft_schema_message *message)
{
	switch (message->well_known) {
	case WEFT_WKT_NONE: refer(openapi, message, NULL); break;
	case WEFT_WKT_WRAPPER:
		add_members(openapi, scalar_members[weft_schema_field(message, 1)->type]);
		break;
	default: add_members(openapi, well_known_members[message->well_known]);
	}
}

/* Of one element of a field. */
static void value_members(struct openapi *openapi, const struct weft_schema_field *field)
{
	if (field->message)
		message_members(openapi, field->message);
	else if (field->enumeration)
		refer(openapi, NULL, field->enumeration);
	else
		add_members(openapi, scalar_members[field->type]);
}

void openapi_message_ref(struct openapi *openapi, const struct weft_schema_message *message)
{
	json_open(&openapi->writer, '{');
	message_members(openapi, message);
	json_close(&openapi->writer, '}');
}

void openapi_value_schema(struct openapi *openapi, const struct weft_schema_field *field)
{
	json_open(&openapi->writer, '{');
	value_members(openapi, field);
	json_close(&openapi->writer, '}');
}

/* ---- fields ---- */

static void shape_members(struct openapi *openapi, const struct weft_schema_field *field)
{
	struct json_writer *writer = &openapi->writer;

	if (field->map) {
		json_string_member(writer, "type", "object");
		json_key(writer, "additionalProperties");
		openapi_value_schema(openapi, weft_schema_field(field->message, 2));
	} else if (field->repeated) {
		json_string_member(writer, "type", "array");
		json_key(writer, "items");
		openapi_value_schema(openapi, field);
	} else {
		value_members(openapi, field);
	}
}

void openapi_field_schema(struct openapi *openapi, const struct weft_schema_field *field)
{
	struct openapi_field options = openapi_field_of(field);
	struct json_writer *writer = &openapi->writer;
	struct weft_bytes example;

	json_open(writer, '{');
	shape_members(openapi, field);
	if (*field->comment)
		json_string_member(writer, "description", field->comment);
	if (options.read_only)
		json_bool_member(writer, "readOnly", true);
	if (options.write_only)
		json_bool_member(writer, "writeOnly", true);
	if (openapi_field_example(openapi, field, &example)) {
		json_open_member(writer, "examples", '[');
		json_text(writer, (const char *)example.data, example.len);
		json_close(writer, ']');
	}
	json_close(writer, '}');
}

void openapi_properties(struct openapi *openapi, const struct weft_schema_message *message,
			openapi_skip_cb *skip, const void *data)
{
	struct json_writer *writer = &openapi->writer;
	bool required = false;

	json_open_member(writer, "properties", '{');
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct weft_schema_field *field = &message->fields[i];

		if (skip && skip(field, data))
			continue;
		required |= openapi_field_of(field).required;
		json_key(writer, field->json_name);
		openapi_field_schema(openapi, field);
	}
	json_close(writer, '}');

	if (!required)
		return;
	json_open_member(writer, "required", '[');
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct weft_schema_field *field = &message->fields[i];

		if (openapi_field_of(field).required && !(skip && skip(field, data)))
			json_string(writer, field->json_name);
	}
	json_close(writer, ']');
}

/* ---- examples ---- */

bool openapi_field_example(struct openapi *openapi, const struct weft_schema_field *field,
			   struct weft_bytes *ret_json)
{
	const struct weft_json_options options = { .size = sizeof(options),
						   .schema = openapi->schema };
	struct weft_bytes json = openapi_field_of(field).example;
	struct weft_buffer wire = WEFT_BUFFER_INIT;
	struct weft_json_error error;
	int r;

	if (json.len == 0)
		return false;
	r = weft_json_value_to_wire(field, (const char *)json.data, json.len, &options, &wire,
				    &error);
	weft_buffer_fini(&wire);
	if (r < 0 && openapi->writer.r == 0) {
		snprintf(openapi->error, 256, "the example of the field \"%s\", %.*s: %s",
			 field->name, (int)(json.len < 64 ? json.len : 64), json.data,
			 r == -EINVAL ? error.message : weft_errno_string(r));
		openapi->writer.r = r;
	}
	*ret_json = json;
	return r == 0;
}

static bool is_plain_message(const struct weft_schema_field *field)
{
	return field->message && !field->map && field->message->well_known == WEFT_WKT_NONE;
}

/* Whether anything below has an example: what a client would send, so nothing that is read-only. */
static bool has_example(const struct weft_schema_message *message, openapi_skip_cb *skip,
			const void *data, unsigned depth)
{
	for (size_t i = 0; i < message->n_fields && depth < EXAMPLE_MAX_DEPTH; i++) {
		const struct weft_schema_field *field = &message->fields[i];
		struct openapi_field options = openapi_field_of(field);

		if (options.read_only || (skip && skip(field, data)))
			continue;
		if (options.example.len > 0 ||
		    (is_plain_message(field) && has_example(field->message, NULL, NULL, depth + 1)))
			return true;
	}
	return false;
}

static void write_example(struct openapi *openapi, const struct weft_schema_message *message,
			  openapi_skip_cb *skip, const void *data, unsigned depth)
{
	struct json_writer *writer = &openapi->writer;
	struct weft_bytes json;

	json_open(writer, '{');
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct weft_schema_field *field = &message->fields[i];

		if (openapi_field_of(field).read_only || (skip && skip(field, data)))
			continue;
		if (openapi_field_example(openapi, field, &json)) {
			json_key(writer, field->json_name);
			json_text(writer, (const char *)json.data, json.len);
		} else if (is_plain_message(field) &&
			   has_example(field->message, NULL, NULL, depth + 1)) {
			json_key(writer, field->json_name);
			if (field->repeated)
				json_open(writer, '[');
			write_example(openapi, field->message, NULL, NULL, depth + 1);
			if (field->repeated)
				json_close(writer, ']');
		}
	}
	json_close(writer, '}');
}

bool openapi_example(struct openapi *openapi, const char *key,
		     const struct weft_schema_message *message, openapi_skip_cb *skip,
		     const void *data)
{
	if (!has_example(message, skip, data, 0))
		return false;
	json_key(&openapi->writer, key);
	write_example(openapi, message, skip, data, 0);
	return true;
}

/* ---- types ---- */

static void write_message(struct openapi *openapi, const struct weft_schema_message *message)
{
	struct json_writer *writer = &openapi->writer;

	json_open_member(writer, message->full_name, '{');
	json_string_member(writer, "type", "object");
	if (*message->comment)
		json_string_member(writer, "description", message->comment);
	openapi_properties(openapi, message, NULL, NULL);
	json_close(writer, '}');
}

/* The names, and what the comments say of each. */
static void write_enum(struct openapi *openapi, const struct weft_schema_enum *enumeration)
{
	struct json_writer *writer = &openapi->writer;
	const char *description = enumeration->comment;

	json_open_member(writer, enumeration->full_name, '{');
	json_string_member(writer, "type", "string");
	json_open_member(writer, "enum", '[');
	for (size_t i = 0; i < enumeration->n_values; i++) {
		const struct weft_schema_enum_value *value = &enumeration->values[i];

		json_string(writer, value->name);
		if (*value->comment)
			description = weft_arena_printf(openapi->arena, "%s%s- `%s`: %s",
							description, *description ? "\n" : "",
							value->name, value->comment);
	}
	json_close(writer, ']');
	if (description && *description)
		json_string_member(writer, "description", description);
	json_close(writer, '}');
}

void openapi_types(struct openapi *openapi)
{
	for (const struct openapi_type *type = openapi->types; type; type = type->next) {
		if (type->message)
			write_message(openapi, type->message);
		else
			write_enum(openapi, type->enumeration);
	}
}
