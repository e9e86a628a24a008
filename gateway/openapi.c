/*
 * The functions stand in the order of the document from its leaves up: a path and its parameters,
 * an operation, the paths, the whole.
 *
 * A variable of several segments, "{name=products/…}", becomes a parameter for each of its
 * wildcards, /v1/products/{product}, because a parameter of OpenAPI has no slash; it is called
 * after the collection before it.
 */
#include "openapi.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/protobuf.h>

#include "openapi_schema.h"
#include "plan.h"
#include "template.h"

#define QUERY_MAX_DEPTH 4

struct parameter {
	const char *name;
	const struct route_variable *variable;
	size_t segment; /* of the template */
	size_t nth, of; /* segment of its variable */
	bool rest;      /* "**" */
	struct parameter *next;
};

/* A binding and where it stands. Paths that differ in nothing but the names of their parameters are
 * one to OpenAPI: the first one's names are taken for all. */
struct operation {
	const struct route_binding *binding;
	const char *method; /* "get" */
	const char *path;   /* "/v1/products/{product}" */
	const char *shape;  /* "/v1/products/{}" */
	struct parameter *parameters;
	unsigned repeated; /* bindings of the same method before it */
	bool written;
	struct operation *next;
};

/* ---- the path ---- */

/* "products" holds a "product", "categories" a "category". */
static const char *singular(struct weft_arena *arena, const char *text, size_t len)
{
	if (len > 3 && memcmp(text + len - 3, "ies", 3) == 0)
		return weft_arena_printf(arena, "%.*sy", (int)len - 3, text);
	if (len > 1 && text[len - 1] == 's')
		len--;
	return weft_arena_strndup(arena, text, len);
}

static const struct route_variable *variable_at(const struct route_binding *binding,
						const struct template *template, size_t segment,
						size_t *ret_n)
{
	for (size_t i = 0; i < template->n_variables; i++) {
		const struct template_variable *variable = &template->variables[i];

		*ret_n = variable->n;
		if (segment >= variable->first && segment < variable->first + variable->n)
			return &binding->variables[i];
	}
	return NULL;
}

static const char *parameter_name(struct weft_arena *arena, const struct template *template,
				  const struct parameter *parameter)
{
	const struct route_field_path *path;
	const struct template_segment *before;

	if (!parameter->variable)
		return weft_arena_printf(arena, "segment%zu", parameter->segment);
	path = &parameter->variable->path;
	if (parameter->nth == 0)
		return path->fields[path->n - 1]->json_name;
	before = &template->segments[parameter->segment - 1];
	if (before->kind != SEGMENT_LITERAL)
		return weft_arena_printf(arena, "%s%zu", path->fields[path->n - 1]->json_name,
					 parameter->nth);
	return singular(arena, before->text, before->len);
}

static struct parameter *add_parameter(struct openapi *openapi, struct operation *operation,
				       const struct template *template, size_t segment)
{
	struct parameter *parameter, **link = &operation->parameters;

	parameter = weft_arena_zalloc(openapi->arena, sizeof(*parameter));
	parameter->segment = segment;
	parameter->rest = template->segments[segment].kind == SEGMENT_REST;
	parameter->variable = variable_at(operation->binding, template, segment, &parameter->of);
	if (parameter->variable)
		parameter->nth = segment - parameter->variable->first;
	parameter->name = parameter_name(openapi->arena, template, parameter);
	while (*link)
		link = &(*link)->next;
	return *link = parameter;
}

static void set_path(struct openapi *openapi, struct operation *operation)
{
	struct weft_arena *arena = openapi->arena;
	const char *path = "", *shape = "", *error;
	struct template template;
	size_t at;

	if (template_parse(operation->binding->template, &template, &error, &at) < 0)
		return; /* the table has none that is none */
	for (size_t i = 0; i < template.n_segments; i++) {
		const struct template_segment *segment = &template.segments[i];

		if (segment->kind == SEGMENT_LITERAL) {
			path = weft_arena_printf(arena, "%s/%.*s", path, (int)segment->len,
						 segment->text);
			shape = weft_arena_printf(arena, "%s/%.*s", shape, (int)segment->len,
						  segment->text);
		} else {
			path = weft_arena_printf(
				arena, "%s/{%s}", path,
				add_parameter(openapi, operation, &template, i)->name);
			shape = weft_arena_printf(arena, "%s/{}", shape);
		}
	}
	if (template.verb) {
		path = weft_arena_printf(arena, "%s:%s", path, template.verb);
		shape = weft_arena_printf(arena, "%s:%s", shape, template.verb);
	}
	operation->path = path;
	operation->shape = shape;
}

static void take_names(struct operation *operation, const struct operation *first)
{
	const struct parameter *from = first->parameters;

	operation->path = first->path;
	for (struct parameter *to = operation->parameters; to; to = to->next, from = from->next)
		to->name = from->name;
}

/* ---- parameters ---- */

/* The part of "products/85123A" that this parameter is. */
static bool example_segment(struct openapi *openapi, const struct parameter *parameter,
			    const struct weft_schema_field *field, const char **ret_text)
{
	struct weft_bytes json;
	const char *text;

	if (field->type != WEFT_TYPE_STRING || !openapi_field_example(openapi, field, &json))
		return false;
	text = weft_arena_strndup(openapi->arena, (const char *)json.data + 1, json.len - 2);
	for (size_t i = 0; i < parameter->nth; i++) {
		text = strchr(text, '/');
		if (!text)
			return false;
		text++;
	}
	*ret_text = parameter->rest ? text
				    : weft_arena_strndup(openapi->arena, text, strcspn(text, "/"));
	return true;
}

static const char *parameter_description(struct openapi *openapi, const struct parameter *parameter,
					 const struct weft_schema_field *field)
{
	const char *text = field->comment;

	if (parameter->of > 1)
		text = weft_arena_printf(openapi->arena, "A part of `%s`%s%s",
					 parameter->variable->path.text, *text ? ": " : ".", text);
	if (parameter->rest)
		text = weft_arena_printf(openapi->arena, "%s%sIt may have slashes.", text,
					 *text ? " " : "");
	return text;
}

static void write_path_parameter(struct openapi *openapi, const struct parameter *parameter)
{
	struct json_writer *writer = &openapi->writer;
	const struct weft_schema_field *field = NULL;
	const char *text;

	json_open(writer, '{');
	json_string_member(writer, "name", parameter->name);
	json_string_member(writer, "in", "path");
	json_bool_member(writer, "required", true);
	if (parameter->variable)
		field = parameter->variable->path.fields[parameter->variable->path.n - 1];
	if (field && *(text = parameter_description(openapi, parameter, field)))
		json_string_member(writer, "description", text);
	json_key(writer, "schema");
	if (field && parameter->of == 1) {
		openapi_value_schema(openapi, field);
	} else {
		json_open(writer, '{');
		json_string_member(writer, "type", "string");
		json_close(writer, '}');
	}
	if (field && example_segment(openapi, parameter, field, &text))
		json_string_member(writer, "example", text);
	json_close(writer, '}');
}

static void write_query_parameter(struct openapi *openapi, const struct weft_schema_field *field,
				  const char *name, bool top)
{
	struct openapi_field options = openapi_field_of(field);
	struct json_writer *writer = &openapi->writer;
	struct weft_bytes example;

	json_open(writer, '{');
	json_string_member(writer, "name", name);
	json_string_member(writer, "in", "query");
	if (top && options.required)
		json_bool_member(writer, "required", true);
	if (*field->comment)
		json_string_member(writer, "description", field->comment);
	json_key(writer, "schema");
	if (field->repeated) {
		json_open(writer, '{');
		json_string_member(writer, "type", "array");
		json_key(writer, "items");
	}
	openapi_value_schema(openapi, field);
	if (field->repeated)
		json_close(writer, '}');
	if (openapi_field_example(openapi, field, &example)) {
		json_key(writer, "example");
		json_text(writer, (const char *)example.data, example.len);
	}
	json_close(writer, '}');
}

/* Whether the path gives this very field, "book.name". */
static bool in_path(const struct route_binding *binding, const char *prefix,
		    const struct weft_schema_field *field)
{
	size_t len = strlen(prefix);

	for (size_t i = 0; i < binding->n_variables; i++) {
		const char *text = binding->variables[i].path.text;

		if (strncmp(text, prefix, len) == 0 && strcmp(text + len, field->name) == 0)
			return true;
	}
	return false;
}

/* `prefix` in the contract's names, `json_prefix` in those of JSON: "" or "book.". */
static void write_query(struct openapi *openapi, const struct route_binding *binding,
			const struct weft_schema_message *message, const char *prefix,
			const char *json_prefix, unsigned depth)
{
	struct weft_arena *arena = openapi->arena;

	for (size_t i = 0; i < message->n_fields && depth < QUERY_MAX_DEPTH; i++) {
		const struct weft_schema_field *field = &message->fields[i];

		if (in_path(binding, prefix, field) || openapi_field_of(field).read_only ||
		    (depth == 0 && field == binding->body))
			continue;
		if (plan_is_textual(field))
			write_query_parameter(
				openapi, field,
				weft_arena_printf(arena, "%s%s", json_prefix, field->json_name),
				depth == 0);
		else if (!field->repeated && field->message->well_known == WEFT_WKT_NONE)
			write_query(
				openapi, binding, field->message,
				weft_arena_printf(arena, "%s%s.", prefix, field->name),
				weft_arena_printf(arena, "%s%s.", json_prefix, field->json_name),
				depth + 1);
	}
}

static void write_parameters(struct openapi *openapi, const struct operation *operation)
{
	struct json_writer *writer = &openapi->writer;

	json_open_member(writer, "parameters", '[');
	for (const struct parameter *at = operation->parameters; at; at = at->next)
		write_path_parameter(openapi, at);
	if (!operation->binding->body_all)
		write_query(openapi, operation->binding, operation->binding->method->request, "",
			    "", 0);
	json_close(writer, ']');
}

/* ---- bodies ---- */

static bool skip_in_path(const struct weft_schema_field *field, const void *data)
{
	return in_path(data, "", field);
}

/* The request without what the path says. */
static void write_rest_of_request(struct openapi *openapi, const struct route_binding *binding)
{
	json_open(&openapi->writer, '{');
	json_string_member(&openapi->writer, "type", "object");
	openapi_properties(openapi, binding->method->request, skip_in_path, binding);
	json_close(&openapi->writer, '}');
}

static void write_request_schema(struct openapi *openapi, const struct route_binding *binding)
{
	const struct weft_schema_message *message = binding->method->request;
	struct weft_bytes json;

	json_key(&openapi->writer, "schema");
	if (binding->body) {
		openapi_field_schema(openapi, binding->body);
		if (binding->body->message && !binding->body->repeated)
			openapi_example(openapi, "example", binding->body->message, NULL, NULL);
		else if (openapi_field_example(openapi, binding->body, &json)) {
			json_key(&openapi->writer, "example");
			json_text(&openapi->writer, (const char *)json.data, json.len);
		}
		return;
	}
	if (binding->n_variables > 0)
		write_rest_of_request(openapi, binding);
	else
		openapi_message_ref(openapi, message);
	openapi_example(openapi, "example", message, skip_in_path, binding);
}

static void write_request_body(struct openapi *openapi, const struct route_binding *binding)
{
	enum weft_kind kind = binding->method->kind;
	bool streams = kind == WEFT_CLIENT_STREAM || kind == WEFT_BIDIRECTIONAL;
	struct json_writer *writer = &openapi->writer;

	if (!binding->body && !binding->body_all)
		return;
	json_open_member(writer, "requestBody", '{');
	if (streams)
		json_string_member(writer, "description", "A JSON object a line.");
	json_bool_member(writer, "required", true);
	json_open_member(writer, "content", '{');
	if (binding->body_raw) {
		json_open_member(writer, "*/*", '{');
	} else {
		json_open_member(writer, streams ? "application/x-ndjson" : "application/json",
				 '{');
		write_request_schema(openapi, binding);
	}
	json_close(writer, '}');
	json_close(writer, '}');
	json_close(writer, '}');
}

static void write_response_type(struct openapi *openapi, const struct route_binding *binding,
				const char *type)
{
	json_open_member(&openapi->writer, type, '{');
	if (!binding->response_raw) {
		json_key(&openapi->writer, "schema");
		if (binding->response_body)
			openapi_field_schema(openapi, binding->response_body);
		else
			openapi_message_ref(openapi, binding->method->response);
	}
	json_close(&openapi->writer, '}');
}

static void write_response_content(struct openapi *openapi, const struct route_binding *binding)
{
	enum weft_kind kind = binding->method->kind;

	if (binding->response_raw) {
		write_response_type(openapi, binding, "*/*");
	} else if (kind == WEFT_SERVER_STREAM || kind == WEFT_BIDIRECTIONAL) {
		write_response_type(openapi, binding, "application/x-ndjson");
		write_response_type(openapi, binding, "text/event-stream");
	} else {
		write_response_type(openapi, binding, "application/json");
	}
}

static void write_responses(struct openapi *openapi, const struct route_binding *binding)
{
	enum weft_kind kind = binding->method->kind;
	struct json_writer *writer = &openapi->writer;

	json_open_member(writer, "responses", '{');
	json_open_member(writer, "200", '{');
	json_string_member(writer, "description",
			   kind == WEFT_SERVER_STREAM || kind == WEFT_BIDIRECTIONAL
				   ? "A JSON object for each message, as they come: a line, or "
				     "an event where `Accept` asks for them."
				   : "It was done.");
	json_open_member(writer, "content", '{');
	write_response_content(openapi, binding);
	json_close(writer, '}');
	json_close(writer, '}');
	json_open_member(writer, "default", '{');
	json_string_member(writer, "$ref", "#/components/responses/Error");
	json_close(writer, '}');
	json_close(writer, '}');
}

/* ---- operations ---- */

/* "catalog.v1.Catalog" → "Catalog" */
static const char *short_name(const char *full_name)
{
	const char *dot = strrchr(full_name, '.');

	return dot ? dot + 1 : full_name;
}

/* The first sentence, on one line. */
static const char *summary_of(struct weft_arena *arena, const char *comment)
{
	size_t len = 0;
	char *summary;

	while (comment[len] && !(comment[len] == '.' && isspace((unsigned char)comment[len + 1])) &&
	       !(comment[len] == '\n' && comment[len + 1] == '\n'))
		len++;
	if (len > 0 && comment[len] == '\0' && comment[len - 1] == '.')
		len--;
	summary = weft_arena_strndup(arena, comment, len);
	for (size_t i = 0; i < len; i++)
		if (summary[i] == '\n')
			summary[i] = ' ';
	return summary;
}

/* "catalog_v1_Catalog_GetProduct", and a number for the second binding on. */
static const char *operation_id(struct weft_arena *arena, const struct operation *operation)
{
	const struct route_binding *binding = operation->binding;
	char *id = weft_arena_printf(arena, "%s_%s", binding->service->full_name,
				     binding->method->name);

	for (char *at = id; *at; at++)
		if (*at == '.')
			*at = '_';
	return operation->repeated == 0
		       ? id
		       : weft_arena_printf(arena, "%s_%u", id, operation->repeated + 1);
}

static void write_operation(struct openapi *openapi, const struct operation *operation)
{
	const struct route_binding *binding = operation->binding;
	const struct weft_schema_method *method = binding->method;
	struct json_writer *writer = &openapi->writer;
	json_open_member(writer, operation->method, '{');
	json_string_member(writer, "operationId", operation_id(openapi->arena, operation));
	json_open_member(writer, "tags", '[');
	json_string(writer, short_name(binding->service->full_name));
	json_close(writer, ']');
	if (*method->comment) {
		json_string_member(writer, "summary", summary_of(openapi->arena, method->comment));
		json_string_member(writer, "description", method->comment);
	}
	write_parameters(openapi, operation);
	write_request_body(openapi, binding);
	write_responses(openapi, binding);
	json_close(writer, '}');
}

/* NULL: OpenAPI has no such operation. */
static const char *operation_method(const char *http_method)
{
	static const char *const methods[][2] = {
		{ "GET", "get" },     { "PUT", "put" },         { "POST", "post" },
		{ "PATCH", "patch" }, { "DELETE", "delete" },   { "HEAD", "head" },
		{ "TRACE", "trace" }, { "OPTIONS", "options" }, { "*", "post" },
	};

	for (size_t i = 0; i < WEFT_COUNT(methods); i++)
		if (strcmp(methods[i][0], http_method) == 0)
			return methods[i][1];
	return NULL;
}

static struct operation *read_operations(struct openapi *openapi, const struct route_table *routes)
{
	struct operation *first = NULL, **last = &first;
	const struct route_binding *binding;

	for (size_t i = 0; (binding = route_table_at(routes, i)); i++) {
		struct operation *operation;

		if (!operation_method(binding->http_method))
			continue;
		operation = weft_arena_zalloc(openapi->arena, sizeof(*operation));
		operation->binding = binding;
		operation->method = operation_method(binding->http_method);
		set_path(openapi, operation);
		for (struct operation *at = first; at; at = at->next) {
			if (at->path != operation->path && strcmp(at->shape, operation->shape) == 0)
				take_names(operation, at);
			if (at->binding->method == binding->method)
				operation->repeated++;
		}
		*last = operation;
		last = &operation->next;
	}
	return first;
}

static void write_paths(struct openapi *openapi, struct operation *operations)
{
	struct json_writer *writer = &openapi->writer;

	json_open_member(writer, "paths", '{');
	for (struct operation *first = operations; first; first = first->next) {
		if (first->written)
			continue;
		json_open_member(writer, first->path, '{');
		for (struct operation *at = first; at; at = at->next) {
			if (strcmp(at->path, first->path) != 0)
				continue;
			write_operation(openapi, at);
			at->written = true;
		}
		json_close(writer, '}');
	}
	json_close(writer, '}');
}

/* ---- the whole ---- */

static void write_tags(struct openapi *openapi, const struct operation *operations)
{
	const struct weft_schema_service *service = NULL;
	struct json_writer *writer = &openapi->writer;

	json_open_member(writer, "tags", '[');
	for (; operations; operations = operations->next) {
		if (operations->binding->service == service)
			continue;
		service = operations->binding->service;
		json_open(writer, '{');
		json_string_member(writer, "name", short_name(service->full_name));
		if (*service->comment)
			json_string_member(writer, "description", service->comment);
		json_close(writer, '}');
	}
	json_close(writer, ']');
}

/* What http_status.h says, which no contract does. */
static void write_error(struct json_writer *writer)
{
	static const char error[] =
		"{\"description\":\"It was not done: the HTTP status says so roughly, the body "
		"exactly. What the edge refuses looks like what a service refuses.\","
		"\"content\":{\"application/json\":{"
		"\"schema\":{\"type\":\"object\",\"title\":\"google.rpc.Status\","
		"\"required\":[\"code\",\"message\",\"details\"],\"properties\":{"
		"\"code\":{\"type\":\"integer\",\"format\":\"int32\",\"description\":"
		"\"A gRPC status code.\"},"
		"\"message\":{\"type\":\"string\",\"description\":\"What is wrong, for a "
		"person.\"},"
		"\"details\":{\"type\":\"array\",\"description\":\"The same for a program: "
		"google.rpc.ErrorInfo, BadRequest, RetryInfo and the like.\","
		"\"items\":{\"type\":\"object\",\"required\":[\"@type\"],"
		"\"properties\":{\"@type\":{\"type\":\"string\"}}}}}},"
		"\"example\":{\"code\":3,\"message\":\"line 1, column 13: lines[0].quantity: "
		"expected an integer\",\"details\":[{"
		"\"@type\":\"type.googleapis.com/google.rpc.BadRequest\",\"fieldViolations\":[{"
		"\"field\":\"lines[0].quantity\",\"description\":\"expected an integer\"}]}]}"
		"}}}";

	json_open_member(writer, "responses", '{');
	json_key(writer, "Error");
	json_text(writer, error, sizeof(error) - 1);
	json_close(writer, '}');
}

static void write_components(struct openapi *openapi)
{
	struct json_writer *writer = &openapi->writer;

	json_open_member(writer, "components", '{');
	write_error(writer);
	json_open_member(writer, "schemas", '{');
	openapi_types(openapi);
	json_close(writer, '}');
	json_close(writer, '}');
}

static void write_document(struct openapi *openapi, struct operation *operations)
{
	struct json_writer *writer = &openapi->writer;

	json_open(writer, '{');
	json_string_member(writer, "openapi", "3.1.1");
	json_open_member(writer, "info", '{');
	json_string_member(writer, "title", "Weft");
	json_string_member(writer, "version", "1");
	json_string_member(writer, "description",
			   "What the edge serves, as the contracts say it. Every answer has an "
			   "`X-Request-Id`; `X-Request-Timeout` (seconds) or `grpc-timeout` bounds "
			   "a request.");
	json_close(writer, '}');
	json_open_member(writer, "servers", '[');
	json_text(writer, "{\"url\":\"/\"}", 11);
	json_close(writer, ']');
	write_tags(openapi, operations);
	write_paths(openapi, operations);
	write_components(openapi);
	json_close(writer, '}');
}

int openapi_write(const struct weft_schema *schema, const struct route_table *routes,
		  struct weft_buffer *out, char error[256])
{
	struct openapi openapi = {
		.writer = { .out = out },
		.schema = schema,
		.arena = weft_arena_new(),
		.error = error,
	};

	openapi.last_type = &openapi.types;
	snprintf(error, 256, "out of memory");
	write_document(&openapi, read_operations(&openapi, routes));
	weft_arena_free(openapi.arena);
	return openapi.writer.r;
}
