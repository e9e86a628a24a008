#include "plan.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <weft/json.h>

#include "url.h"

int transcode_refuse(struct transcode_error *error, const char *field, const char *format, ...)
{
	va_list args;

	*error = (struct transcode_error) { .code = WEFT_INVALID_ARGUMENT };
	snprintf(error->field, sizeof(error->field), "%s", field);
	va_start(args, format);
	vsnprintf(error->description, sizeof(error->description), format, args);
	va_end(args);
	return TRANSCODE_REFUSED;
}

static int decode(struct plan *plan, const char *text, size_t len, enum url_part part,
		  struct weft_bytes *ret_text)
{
	struct weft_buffer buffer = WEFT_BUFFER_INIT;
	uint8_t *copy;
	int r;

	r = url_decode(text, len, part, &buffer);
	if (r >= 0) {
		copy = weft_arena_alloc(plan->arena, buffer.len + 1);
		if (copy && buffer.len > 0)
			memcpy(copy, buffer.data, buffer.len);
		if (copy)
			copy[buffer.len] = '\0';
		*ret_text = (struct weft_bytes) { copy, buffer.len };
		r = copy ? 0 : -ENOMEM;
	}
	weft_buffer_fini(&buffer);
	return r;
}

const char *plan_origin(const struct plan_node *node)
{
	static const char *const names[] = {
		[PLAN_PATH] = "the path",
		[PLAN_BODY] = "the body",
		[PLAN_QUERY] = "the query",
		[PLAN_RESUME] = "Last-Event-ID",
	};

	return names[node->origin];
}

/* The node of `field` among its siblings, made where there is none. */
static int enter(struct plan *plan, struct plan_node **siblings, const char *path,
		 const struct weft_schema_field *field, int origin, struct plan_node **ret_node,
		 struct transcode_error *ret_error)
{
	struct plan_node **link = siblings, *node;

	for (; *link; link = &(*link)->next) {
		if ((*link)->field == field) {
			*ret_node = *link;
			return 0;
		}
		if (field->oneof >= 0 && (*link)->field->oneof == field->oneof)
			return transcode_refuse(ret_error, path,
						"\"%s\" is given by %s: only one of them can be",
						(*link)->path, plan_origin(*link));
	}
	node = weft_arena_zalloc(plan->arena, sizeof(*node));
	node->field = field;
	node->path = path;
	node->origin = origin;
	*link = node;
	*ret_node = node;
	return 0;
}

static void add_value(struct plan *plan, struct plan_node *node, struct weft_bytes text)
{
	struct plan_value *value = weft_arena_zalloc(plan->arena, sizeof(*value));
	struct plan_value **link = &node->values;

	value->text = (const char *)text.data;
	value->len = text.len;
	while (*link)
		link = &(*link)->next;
	*link = value;
}

static int add_variable(struct plan *plan, const struct route_variable *variable,
			struct weft_bytes capture, struct transcode_error *ret_error)
{
	const struct route_field_path *path = &variable->path;
	struct plan_node **siblings = &plan->nodes, *node = NULL;
	struct weft_bytes text;
	int r;

	r = decode(plan, (const char *)capture.data, capture.len,
		   variable->multi ? URL_SEGMENTS : URL_SEGMENT, &text);
	if (r == -EINVAL)
		return transcode_refuse(ret_error, path->text,
					"in the path: a '%%' without two hexadecimal digits");
	if (r < 0)
		return r;
	for (size_t i = 0; i < path->n; i++) {
		r = enter(plan, siblings, path->text, path->fields[i], PLAN_PATH, &node, ret_error);
		if (r != 0)
			return r;
		siblings = &node->children;
	}
	if (node)
		add_value(plan, node, text);
	return 0;
}

bool plan_is_textual(const struct weft_schema_field *field)
{
	if (!field->message)
		return true;
	switch (field->message->well_known) {
	case WEFT_WKT_TIMESTAMP:
	case WEFT_WKT_DURATION:
	case WEFT_WKT_FIELD_MASK:
	case WEFT_WKT_WRAPPER: return true;
	default: return false;
	}
}

static int unknown_parameter(const struct weft_schema_message *message, const char *name,
			     const char *from, size_t len, struct transcode_error *ret_error)
{
	const char *meant = weft_schema_field_suggest(message, from, len);

	if (meant)
		return transcode_refuse(
			ret_error, name, "no field \"%.*s\" in %s; did you mean \"%s\"?",
			(int)(len > 64 ? 64 : len), from, message->full_name, meant);
	return transcode_refuse(ret_error, name, "no field \"%.*s\" in %s",
				(int)(len > 64 ? 64 : len), from, message->full_name);
}

/* Whether the query may say `node` at all: it has the last word on nothing. */
static int check_origin(const struct plan_node *node, bool leaf, struct transcode_error *ret_error)
{
	if (node->origin == PLAN_BODY || (leaf && node->origin == PLAN_PATH && node->values))
		return transcode_refuse(ret_error, node->path, "%s gives it already",
					plan_origin(node));
	if (leaf && node->values && !node->field->repeated)
		return transcode_refuse(ret_error, node->path, "the query gives it twice");
	return 0;
}

static int check_leaf(const struct plan_node *node, struct transcode_error *ret_error)
{
	const struct weft_schema_field *field = node->field;

	if (field->map)
		return transcode_refuse(ret_error, node->path,
					"a map cannot be given in the query");
	if (!plan_is_textual(field))
		return transcode_refuse(ret_error, node->path, "it is a %s%s: %s",
					field->repeated ? "list of " : "",
					field->message->full_name,
					field->repeated ? "it cannot be given in the query"
							: "name one of its fields");
	return check_origin(node, true, ret_error);
}

/* Finds or makes the nodes of "a.b.c"; *ret_node is the last one. */
static int descend(struct plan *plan, const char *name, size_t len, struct plan_node **ret_node,
		   struct transcode_error *ret_error)
{
	const struct weft_schema_message *message = plan->binding->method->request;
	struct plan_node **siblings = &plan->nodes, *node = NULL;
	const char *at = name, *end = name + len;
	unsigned depth = 0;
	int r;

	do {
		const char *dot = memchr(at, '.', (size_t)(end - at)) ?: end;
		const struct weft_schema_field *field;

		field = message ? weft_schema_field_named(message, at, (size_t)(dot - at)) : NULL;
		if (message && !field)
			return unknown_parameter(message, name, at, (size_t)(dot - at), ret_error);
		if (!message || ++depth > ROUTE_MAX_DEPTH || (dot < end && field->repeated) ||
		    field->type == WEFT_TYPE_GROUP)
			return transcode_refuse(ret_error, name, "it cannot be given in the query");
		r = enter(plan, siblings,
			  weft_arena_strndup(plan->arena, name, (size_t)(dot - name)), field,
			  PLAN_QUERY, &node, ret_error);
		if (r == 0 && dot < end)
			r = check_origin(node, false, ret_error);
		if (r != 0)
			return r;
		siblings = &node->children;
		message = field->message;
		at = dot + 1;
	} while (at <= end);
	*ret_node = node;
	return 0;
}

static int add_parameter(struct plan *plan, const char *text, size_t len,
			 struct transcode_error *ret_error)
{
	const char *equals = memchr(text, '=', len) ?: text + len;
	const char *from = equals + (equals < text + len);
	struct weft_bytes name, value;
	struct plan_node *node = NULL;
	int r;

	r = decode(plan, text, (size_t)(equals - text), URL_QUERY, &name);
	if (r >= 0)
		r = decode(plan, from, (size_t)(text + len - from), URL_QUERY, &value);
	if (r == -EINVAL)
		return transcode_refuse(ret_error, "",
					"in the query: a '%%' without two hexadecimal digits");
	if (r < 0)
		return r;
	if (plan->binding->body_all)
		return transcode_refuse(ret_error, (const char *)name.data,
					"%s %s takes no query: the body is the whole request",
					plan->binding->http_method, plan->binding->template);
	r = descend(plan, (const char *)name.data, name.len, &node, ret_error);
	if (r == 0)
		r = check_leaf(node, ret_error);
	if (r == 0)
		add_value(plan, node, value);
	return r;
}

static int add_query(struct plan *plan, const char *query, size_t len,
		     struct transcode_error *ret_error)
{
	const char *end = query + len;
	int r = 0;

	while (query < end && r == 0) {
		const char *ampersand = memchr(query, '&', (size_t)(end - query)) ?: end;

		if (ampersand > query)
			r = add_parameter(plan, query, (size_t)(ampersand - query), ret_error);
		query = ampersand + 1;
	}
	return r;
}

/* A stream that is taken up again after the event of that id, as a browser asks for it. The query
 * has the last word. */
static int add_resume(struct plan *plan, const char *last_event_id,
		      struct transcode_error *ret_error)
{
	const struct weft_schema_field *field = transcode_resume_field(plan->binding);
	struct plan_node *node = NULL;
	int r;

	if (!last_event_id || !*last_event_id || !field)
		return 0;
	r = enter(plan, &plan->nodes, field->name, field, PLAN_RESUME, &node, ret_error);
	if (r == 0 && !node->values)
		add_value(plan, node,
			  (struct weft_bytes) {
				  (const uint8_t *)weft_arena_strdup(plan->arena, last_event_id),
				  strlen(last_event_id) });
	return r;
}

/* AIP-134's update_mask, where a PATCH can have one and does not say it. */
static const struct weft_schema_field *missing_mask(const struct plan *plan)
{
	static const char name[] = "update_mask";
	const struct route_binding *binding = plan->binding;
	const struct weft_schema_field *mask;

	if (strcmp(binding->http_method, "PATCH") != 0 || !binding->body ||
	    !binding->body->message || binding->body->repeated ||
	    binding->body->message->well_known)
		return NULL;
	mask = weft_schema_field_named(binding->method->request, name, sizeof(name) - 1);
	if (!mask || mask->repeated || !mask->message ||
	    mask->message->well_known != WEFT_WKT_FIELD_MASK)
		return NULL;
	for (const struct plan_node *node = plan->nodes; node; node = node->next)
		if (node->field == mask)
			return NULL;
	return mask;
}

int plan_init(struct plan *plan, const struct transcode_input *input,
	      struct transcode_error *ret_error)
{
	const struct route_match *match = input->match;
	const struct route_binding *binding = match->binding;
	struct plan_node *body = NULL;
	int r = 0;

	*plan = (struct plan) {
		.schema = input->schema,
		.binding = binding,
		.arena = weft_arena_new(),
	};
	if (binding->body_raw && input->content_type)
		plan->content_type = weft_arena_strdup(plan->arena, input->content_type);
	for (size_t i = 0; i < binding->n_variables && r == 0; i++)
		r = add_variable(plan, &binding->variables[i], match->captures[i], ret_error);
	if (r == 0 && binding->body) {
		r = enter(plan, &plan->nodes, binding->body->name, binding->body, PLAN_BODY, &body,
			  ret_error);
		if (r == 0)
			body->origin = PLAN_BODY; /* also where a variable is inside it */
	}
	if (r == 0 && input->query)
		r = add_query(plan, input->query, input->query_len, ret_error);
	if (r == 0)
		r = add_resume(plan, input->last_event_id, ret_error);
	plan->mask = missing_mask(plan);
	return r;
}

void plan_fini(struct plan *plan)
{
	if (plan->arena)
		weft_arena_free(plan->arena);
}
