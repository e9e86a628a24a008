/*
 * A type as .proto text, for a person: with its comments, and with the full name of every type it
 * mentions, so that the reader can ask for that one next.
 */
#include "pool.h"

#include <errno.h>
#include <string.h>
#include <weft/buffer.h>
#include <weft/protobuf.h>

#define HTTP_RULE_NUMBER 72295728

static const char *type_name(const struct weft_schema_field *field)
{
	static const char *const names[] = {
		[WEFT_TYPE_DOUBLE] = "double",     [WEFT_TYPE_FLOAT] = "float",
		[WEFT_TYPE_INT64] = "int64",       [WEFT_TYPE_UINT64] = "uint64",
		[WEFT_TYPE_INT32] = "int32",       [WEFT_TYPE_FIXED64] = "fixed64",
		[WEFT_TYPE_FIXED32] = "fixed32",   [WEFT_TYPE_BOOL] = "bool",
		[WEFT_TYPE_STRING] = "string",     [WEFT_TYPE_BYTES] = "bytes",
		[WEFT_TYPE_UINT32] = "uint32",     [WEFT_TYPE_SFIXED32] = "sfixed32",
		[WEFT_TYPE_SFIXED64] = "sfixed64", [WEFT_TYPE_SINT32] = "sint32",
		[WEFT_TYPE_SINT64] = "sint64",
	};

	if (field->message)
		return field->message->full_name;
	if (field->enumeration)
		return field->enumeration->full_name;
	return names[field->type];
}

static const char *last_name(const char *full_name)
{
	const char *dot = strrchr(full_name, '.');

	return dot ? dot + 1 : full_name;
}

static void print_comment(struct weft_buffer *out, const char *indent, const char *comment)
{
	while (*comment) {
		size_t len = strcspn(comment, "\n");

		weft_buffer_printf(out, "%s//%s%.*s\n", indent, len ? " " : "", (int)len, comment);
		comment += len + (comment[len] == '\n');
	}
}

static void print_field(struct weft_buffer *out, const char *indent,
			const struct weft_schema_field *field)
{
	print_comment(out, indent, field->comment);
	if (field->map) {
		weft_buffer_printf(out, "%smap<%s, %s> %s = %u;\n", indent,
				   type_name(&field->message->fields[0]),
				   type_name(&field->message->fields[1]), field->name,
				   field->number);
		return;
	}
	weft_buffer_printf(out, "%s%s%s %s = %u;\n", indent,
			   field->repeated                                          ? "repeated "
			   : field->presence && field->oneof < 0 && !field->message ? "optional "
										    : "",
			   type_name(field), field->name, field->number);
}

static void print_oneof(struct weft_buffer *out, const struct weft_schema_message *message,
			int oneof)
{
	weft_buffer_printf(out, "  oneof %s {\n", message->oneofs[oneof]);
	for (size_t i = 0; i < message->n_fields; i++)
		if (message->fields[i].oneof == oneof)
			print_field(out, "    ", &message->fields[i]);
	weft_buffer_append_string(out, "  }\n");
}

static void print_message(struct weft_buffer *out, const struct weft_schema_message *message)
{
	int last_oneof = -1;

	print_comment(out, "", message->comment);
	weft_buffer_printf(out, "message %s {\n", last_name(message->full_name));
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct weft_schema_field *field = &message->fields[i];

		if (field->oneof < 0)
			print_field(out, "  ", field);
		else if (field->oneof > last_oneof)
			print_oneof(out, message, last_oneof = field->oneof);
	}
	weft_buffer_append_string(out, "}\n");
}

static void print_enum(struct weft_buffer *out, const struct weft_schema_enum *enumeration)
{
	print_comment(out, "", enumeration->comment);
	weft_buffer_printf(out, "enum %s {\n", last_name(enumeration->full_name));
	for (size_t i = 0; i < enumeration->n_values; i++) {
		const struct weft_schema_enum_value *value = &enumeration->values[i];

		print_comment(out, "  ", value->comment);
		weft_buffer_printf(out, "  %s = %d;\n", value->name, value->number);
	}
	weft_buffer_append_string(out, "}\n");
}

/* A google.api.HttpRule's "verb: path", body and response_body; its additional bindings follow in
 * braces. */
static void print_rule(struct weft_buffer *out, struct weft_bytes rule)
{
	static const char *const names[] = {
		[2] = "get",   [3] = "put",  [4] = "post",           [5] = "delete",
		[6] = "patch", [7] = "body", [12] = "response_body",
	};
	struct weft_wire_field field;

	weft_buffer_append_string(out, "{");
	while (weft_wire_next(&rule, &field) > 0) {
		if (field.type != WEFT_WIRE_BYTES)
			continue;
		if (field.number < WEFT_COUNT(names) && names[field.number]) {
			weft_buffer_printf(out, " %s: ", names[field.number]);
			weft_buffer_printf(out, "\"%.*s\"", (int)field.bytes.len, field.bytes.data);
		} else if (field.number == 11) {
			weft_buffer_append_string(out, " additional_bindings ");
			print_rule(out, field.bytes);
		}
	}
	weft_buffer_append_string(out, " }");
}

static void print_method(struct weft_buffer *out, const char *indent,
			 const struct weft_schema_method *method)
{
	static const char *const levels[] = { NULL, "NO_SIDE_EFFECTS", "IDEMPOTENT" };
	struct weft_bytes options = method->options;
	bool up = method->kind == WEFT_CLIENT_STREAM || method->kind == WEFT_BIDIRECTIONAL;
	bool down = method->kind == WEFT_SERVER_STREAM || method->kind == WEFT_BIDIRECTIONAL;
	struct weft_wire_field field;

	print_comment(out, indent, method->comment);
	weft_buffer_printf(out, "%srpc %s(%s%s) returns (%s%s) {\n", indent, method->name,
			   up ? "stream " : "", method->request->full_name, down ? "stream " : "",
			   method->response->full_name);
	if (levels[method->idempotency])
		weft_buffer_printf(out, "%s  option idempotency_level = %s;\n", indent,
				   levels[method->idempotency]);
	while (weft_wire_next(&options, &field) > 0) {
		if (field.number != HTTP_RULE_NUMBER || field.type != WEFT_WIRE_BYTES)
			continue;
		weft_buffer_printf(out, "%s  option (google.api.http) = ", indent);
		print_rule(out, field.bytes);
		weft_buffer_append_string(out, ";\n");
	}
	weft_buffer_printf(out, "%s}\n", indent);
}

static void print_service(struct weft_buffer *out, const struct weft_schema_service *service)
{
	print_comment(out, "", service->comment);
	weft_buffer_printf(out, "service %s {\n", last_name(service->full_name));
	for (size_t i = 0; i < service->n_methods; i++) {
		if (i > 0)
			weft_buffer_append_byte(out, '\n');
		print_method(out, "  ", &service->methods[i]);
	}
	weft_buffer_append_string(out, "}\n");
}

int weft_schema_print(const struct weft_schema *schema, const char *name, struct weft_buffer *out)
{
	const struct weft_schema_method *method;
	const struct symbol *symbol;

	method = weft_schema_method(schema, name);
	if (method) {
		print_method(out, "", method);
		return 0;
	}
	symbol = weft_map_get(&schema->symbols, name, strlen(name));
	if (!symbol)
		return -ENOENT;
	weft_buffer_printf(out, "// %s, in %s\n", symbol->full_name, symbol->file);
	switch (symbol->kind) {
	case SYMBOL_MESSAGE: print_message(out, &symbol->message->pub); break;
	case SYMBOL_ENUM: print_enum(out, &symbol->enumeration->pub); break;
	case SYMBOL_SERVICE: print_service(out, &symbol->service->pub); break;
	}
	return 0;
}
