/*
 * The trie: a node for each segment that some template has at its depth. A node ends templates
 * (plain or by "**"), each end with a list of what answers there, told apart by verb and HTTP
 * method. What a lookup costs does not depend on how many routes there are.
 *
 * A lookup walks literals first, then "*", then "**", and comes back from a branch in which nothing
 * answers the HTTP method; what would have answered another method is gathered for Allow on the
 * way.
 */
#include "route.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/map.h>

#include "rule.h"
#include "template.h"
#include "url.h"

struct answer {
	struct route_binding pub;
	const char *verb;             /* NULL: none */
	struct answer *next;          /* at the same end */
	struct answer *next_in_table; /* in the order of the contracts */
};

struct node {
	struct weft_map literals; /* of nodes, by what the segment says */
	struct node *any;         /* "*" */
	struct answer *end;
	struct answer *rest; /* "**" */
};

struct route_table {
	struct weft_arena *arena;
	struct node root;
	struct answer *first, **last;
};

/* One rule on its way into the table. */
struct builder {
	struct route_table *table;
	const struct weft_schema_service *service;
	const struct weft_schema_method *method;
	char *error;
};

static int fail(struct builder *builder, int r, const char *format, ...)
{
	int n;
	va_list args;

	if (!builder->error)
		return r;
	n = snprintf(builder->error, 256, "%s: ", builder->method->path + 1);
	va_start(args, format);
	if (n < 256)
		vsnprintf(builder->error + n, (size_t)(256 - n), format, args);
	va_end(args);
	return r;
}

/* "book.name": each name but the last is a singular message's. */
static int resolve_path(struct builder *builder, const char *text, size_t len,
			struct route_field_path *ret_path)
{
	const struct weft_schema_message *message = builder->method->request;
	struct route_field_path path = { .text = weft_arena_strndup(builder->table->arena, text,
								    len) };
	const char *end = text + len;

	while (text < end) {
		const char *dot = memchr(text, '.', (size_t)(end - text)) ?: end;
		const struct weft_schema_field *field;

		field = message ? weft_schema_field_named(message, text, (size_t)(dot - text))
				: NULL;
		if (!field)
			return fail(builder, -EINVAL, "no field \"%s\" in %s", path.text,
				    builder->method->request->full_name);
		if (path.n == ROUTE_MAX_DEPTH || field->repeated || (dot == end && field->message))
			return fail(builder, -EINVAL, "\"%s\" cannot be a variable of the path",
				    path.text);
		path.fields[path.n++] = field;
		message = field->message;
		text = dot + (dot < end);
	}
	*ret_path = path;
	return 0;
}

static int resolve_field(struct builder *builder, const struct weft_schema_message *message,
			 const char *name, const struct weft_schema_field **ret_field)
{
	*ret_field = weft_schema_field_named(message, name, strlen(name));
	if (!*ret_field)
		return fail(builder, -EINVAL, "no field \"%s\" in %s", name, message->full_name);
	return 0;
}

static int resolve_variables(struct builder *builder, const struct template *template,
			     struct answer *answer)
{
	struct route_variable *variables;
	int r;

	variables = weft_arena_new_array(builder->table->arena, struct route_variable,
					 template->n_variables);
	for (size_t i = 0; i < template->n_variables; i++) {
		const struct template_variable *from = &template->variables[i];
		size_t last = from->first + from->n - 1;
		bool rest = template->segments[last].kind == SEGMENT_REST;

		r = resolve_path(builder, from->path, from->path_len, &variables[i].path);
		if (r < 0)
			return r;
		variables[i].first = from->first;
		variables[i].n = rest ? SIZE_MAX : from->n;
		variables[i].multi = rest || from->n > 1;
	}
	answer->pub.variables = variables;
	answer->pub.n_variables = template->n_variables;
	return 0;
}

static bool is_http_body(const struct weft_schema_message *message)
{
	return message && strcmp(message->full_name, "google.api.HttpBody") == 0;
}

/* Where bytes cross as they are. */
static void resolve_raw(struct route_binding *binding)
{
	const struct weft_schema_method *method = binding->method;

	binding->body_raw = binding->body_all ? is_http_body(method->request)
					      : binding->body && !binding->body->repeated &&
							is_http_body(binding->body->message);
	binding->response_raw = binding->response_body
					? !binding->response_body->repeated &&
						  is_http_body(binding->response_body->message)
					: is_http_body(method->response);
}

static int resolve(struct builder *builder, const struct rule *rule,
		   const struct template *template, struct answer **ret_answer)
{
	struct answer *answer = weft_arena_zalloc(builder->table->arena, sizeof(*answer));
	int r;

	answer->verb = template->verb;
	answer->pub.service = builder->service;
	answer->pub.method = builder->method;
	answer->pub.http_method = rule->http_method;
	answer->pub.template = rule->path;
	answer->pub.body_all = strcmp(rule->body, "*") == 0;
	r = resolve_variables(builder, template, answer);
	if (r >= 0 && *rule->body && !answer->pub.body_all)
		r = resolve_field(builder, builder->method->request, rule->body, &answer->pub.body);
	if (r >= 0 && *rule->response_body)
		r = resolve_field(builder, builder->method->response, rule->response_body,
				  &answer->pub.response_body);
	if (r < 0)
		return r;
	resolve_raw(&answer->pub);
	*ret_answer = answer;
	return 0;
}

static void fini_literals(void *data)
{
	weft_map_fini(data);
}

/* The child of that name, made where there is none. */
static struct node *literal_child(struct route_table *table, struct node *node,
				  const struct template_segment *segment)
{
	struct node *child = weft_map_get(&node->literals, segment->text, segment->len);

	if (child)
		return child;
	child = weft_arena_zalloc(table->arena, sizeof(*child));
	if (node->literals.cap == 0)
		weft_arena_defer(table->arena, fini_literals, &node->literals);
	weft_map_put(&node->literals, segment->text, segment->len, child);
	return child;
}

static struct node *child(struct route_table *table, struct node *node,
			  const struct template_segment *segment)
{
	if (segment->kind == SEGMENT_LITERAL)
		return literal_child(table, node, segment);
	if (!node->any)
		node->any = weft_arena_zalloc(table->arena, sizeof(*node->any));
	return node->any;
}

static bool same_verb(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

static int insert(struct builder *builder, const struct template *template, struct answer *answer)
{
	struct route_table *table = builder->table;
	struct node *node = &table->root;
	struct answer **link = NULL;

	for (size_t i = 0; i < template->n_segments && !link; i++) {
		if (template->segments[i].kind == SEGMENT_REST)
			link = &node->rest;
		else
			node = child(table, node, &template->segments[i]);
	}
	if (!link)
		link = &node->end;
	for (; *link; link = &(*link)->next)
		if (same_verb((*link)->verb, answer->verb) &&
		    strcmp((*link)->pub.http_method, answer->pub.http_method) == 0)
			return fail(builder, -EEXIST, "%s \"%s\" is %s's already (\"%s\")",
				    answer->pub.http_method, answer->pub.template,
				    (*link)->pub.method->path + 1, (*link)->pub.template);
	*link = answer;
	*table->last = answer;
	table->last = &answer->next_in_table;
	return 0;
}

static int add_rule(const struct rule *rule, void *data)
{
	struct builder *builder = data;
	struct template template;
	struct answer *answer;
	const char *error;
	size_t at;
	int r;

	r = template_parse(rule->path, &template, &error, &at);
	if (r < 0)
		return fail(builder, r, "\"%s\", character %zu: %s", rule->path, at + 1, error);
	r = resolve(builder, rule, &template, &answer);
	return r < 0 ? r : insert(builder, &template, answer);
}

static int add_method(struct builder *builder)
{
	const char *error = NULL;
	int r;

	r = rule_each(builder->method, builder->table->arena, add_rule, builder, &error);
	return r < 0 && error ? fail(builder, r, "%s", error) : r;
}

int route_table_new(const struct weft_schema *schema, char error[256],
		    struct route_table **ret_table)
{
	struct route_table *table = calloc(1, sizeof(*table));
	const struct weft_schema_service *service;
	int r = 0;

	if (!table)
		return -ENOMEM;
	table->arena = weft_arena_new();
	table->last = &table->first;
	for (size_t i = 0; (service = weft_schema_service_at(schema, i)); i++) {
		for (size_t j = 0; j < service->n_methods; j++) {
			struct builder builder = { table, service, &service->methods[j], error };

			r = add_method(&builder);
			if (r < 0) {
				route_table_free(table);
				return r;
			}
		}
	}
	*ret_table = table;
	return 0;
}

void route_table_free(struct route_table *table)
{
	if (!table)
		return;
	weft_arena_free(table->arena);
	free(table);
}

const struct route_binding *route_table_at(const struct route_table *table, size_t index)
{
	const struct answer *at = table->first;

	while (at && index-- > 0)
		at = at->next_in_table;
	return at ? &at->pub : NULL;
}

/* A path cut at its slashes, still encoded. */
struct request {
	const char *http_method;
	struct weft_bytes segments[ROUTE_MAX_SEGMENTS];
	size_t n;
	struct weft_bytes verb; /* data NULL: looked up without one */
	const struct answer *found;
	char *allow;
	struct weft_buffer text; /* of one segment, decoded */
	unsigned steps;          /* nodes that were walked */
};

static void allow(struct request *request, const char *http_method)
{
	size_t len = strlen(http_method), at = strlen(request->allow);

	for (const char *found = request->allow; (found = strstr(found, http_method)); found++)
		if ((found == request->allow || found[-1] == ' ') &&
		    (found[len] == ',' || found[len] == '\0'))
			return;
	snprintf(request->allow + at, ROUTE_ALLOW_MAX - at, "%s%s", at ? ", " : "", http_method);
}

static bool verb_fits(const struct request *request, const char *verb)
{
	if (!verb || !request->verb.data)
		return !verb && !request->verb.data;
	return url_segment_equals((const char *)request->verb.data, request->verb.len, verb,
				  strlen(verb));
}

static bool answered(struct request *request, const struct answer *answers)
{
	for (const struct answer *at = answers; at; at = at->next) {
		if (!verb_fits(request, at->verb))
			continue;
		if (strcmp(at->pub.http_method, request->http_method) == 0) {
			request->found = at;
			return true;
		}
		if (strcmp(at->pub.http_method, "*") == 0)
			request->found = at; /* unless another names the method */
		else
			allow(request, at->pub.http_method);
	}
	return request->found;
}

static const struct node *find_literal(struct request *request, const struct node *node,
				       const struct weft_bytes *segment)
{
	const char *text = (const char *)segment->data;

	if (!memchr(text, '%', segment->len))
		return weft_map_get(&node->literals, text, segment->len);
	weft_buffer_clear(&request->text);
	if (url_decode(text, segment->len, URL_SEGMENT, &request->text) < 0)
		return NULL;
	return weft_map_get(&node->literals, (const char *)request->text.data, request->text.len);
}

static bool walk(struct request *request, const struct node *node, size_t at)
{
	const struct node *literal;

	request->steps++;
	if (at == request->n)
		return answered(request, node->end) || answered(request, node->rest);
	literal = find_literal(request, node, &request->segments[at]);
	if (literal && walk(request, literal, at + 1))
		return true;
	if (node->any && walk(request, node->any, at + 1))
		return true;
	return answered(request, node->rest);
}

static bool is_dots(const struct weft_bytes *segment)
{
	const char *text = (const char *)segment->data;

	return url_segment_equals(text, segment->len, ".", 1) ||
	       url_segment_equals(text, segment->len, "..", 2);
}

/* False where nothing can answer. "/" alone has no segments. */
static bool cut(const char *path, size_t len, struct request *request)
{
	const char *at = path, *end = path + len;

	if (len == 0 || *path != '/')
		return false;
	while (at < end && len > 1) {
		const char *from = at + 1;
		const char *slash = memchr(from, '/', (size_t)(end - from)) ?: end;
		struct weft_bytes segment = { (const uint8_t *)from, (size_t)(slash - from) };

		if (segment.len == 0 || request->n == ROUTE_MAX_SEGMENTS || is_dots(&segment))
			return false;
		request->segments[request->n++] = segment;
		at = slash;
	}
	return true;
}

/* Takes ":verb" off the last segment. */
static bool split_verb(struct request *request)
{
	struct weft_bytes *last = &request->segments[request->n - 1];
	const uint8_t *colon = memrchr(last->data, ':', last->len);

	if (!colon || colon == last->data || colon + 1 == last->data + last->len)
		return false;
	request->verb =
		(struct weft_bytes) { colon + 1, (size_t)(last->data + last->len - colon - 1) };
	last->len = (size_t)(colon - last->data);
	return true;
}

static void capture(const struct request *request, struct route_match *ret_match)
{
	const struct route_binding *binding = &request->found->pub;

	ret_match->binding = binding;
	ret_match->steps = request->steps;
	for (size_t i = 0; i < binding->n_variables; i++) {
		const struct route_variable *variable = &binding->variables[i];
		size_t end = variable->n == SIZE_MAX ? request->n : variable->first + variable->n;
		const uint8_t *from;

		ret_match->captures[i] = (struct weft_bytes) { (const uint8_t *)"", 0 };
		if (end == variable->first)
			continue;
		from = request->segments[variable->first].data;
		ret_match->captures[i].data = from;
		ret_match->captures[i].len = (size_t)(request->segments[end - 1].data - from) +
					     request->segments[end - 1].len;
	}
}

/* A verb that some template has is that template's: "/v1/products/a:import" is only a product's
 * name where no rule imports. */
static void find(const struct route_table *table, struct request *request)
{
	struct weft_bytes last;

	if (request->n > 0) {
		last = request->segments[request->n - 1];
		if (split_verb(request))
			walk(request, &table->root, 0);
		if (request->found || *request->allow)
			return;
		request->segments[request->n - 1] = last;
		request->verb = (struct weft_bytes) { 0 };
	}
	walk(request, &table->root, 0);
}

enum route_result route_lookup(const struct route_table *table, const char *http_method,
			       const char *path, size_t path_len, struct route_match *ret_match,
			       char allow_methods[ROUTE_ALLOW_MAX])
{
	struct request request = { .http_method = http_method, .allow = allow_methods };

	*allow_methods = '\0';
	if (!cut(path, path_len, &request))
		return ROUTE_NOT_FOUND;
	find(table, &request);
	weft_buffer_fini(&request.text);
	if (!request.found)
		return *allow_methods ? ROUTE_METHOD_NOT_ALLOWED : ROUTE_NOT_FOUND;
	capture(&request, ret_match);
	return ROUTE_FOUND;
}
