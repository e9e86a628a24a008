/*
 * The plan's tree becomes wire bytes beside those of the body. A variable that the body has too
 * must say the same there, and is not said again.
 */
#include <errno.h>
#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#include "plan.h"

/* One step down: a node, its siblings' share of the body, and whether that is the body at all. */
struct level {
	struct weft_bytes body;
	struct transcode_error *error;
	const struct plan *plan;
};

static int refuse_text(const struct plan_node *node, const struct weft_json_error *json,
		       struct transcode_error *ret_error)
{
	return transcode_refuse(ret_error, node->path, "in %s: %s", plan_origin(node),
				json->message);
}

/* The last occurrence of a field in `body`; false: there is none. */
static bool find(struct weft_bytes body, const struct weft_schema_field *field,
		 struct weft_wire_field *ret_found)
{
	struct weft_wire_field at;
	bool found = false;

	while (weft_wire_next(&body, &at) > 0) {
		if (at.number != field->number)
			continue;
		*ret_found = at;
		found = true;
	}
	return found;
}

static bool has_rival(struct weft_bytes body, const struct weft_schema_message *message,
		      const struct weft_schema_field *field)
{
	struct weft_wire_field at;

	while (field->oneof >= 0 && weft_wire_next(&body, &at) > 0) {
		const struct weft_schema_field *other = weft_schema_field(message, at.number);

		if (other && other != field && other->oneof == field->oneof)
			return true;
	}
	return false;
}

/* A leaf: 0 and its bytes appended, unless the body says the same. */
static int emit_values(const struct level *level, const struct plan_node *node,
		       struct weft_buffer *out)
{
	struct weft_wire_field ours = { 0 }, theirs;
	struct weft_json_error json;
	size_t start = out->len;
	struct weft_bytes added;
	int r;

	for (const struct plan_value *value = node->values; value; value = value->next) {
		r = weft_json_field_to_wire(node->field, value->text, value->len, out, &json);
		if (r == -EINVAL)
			return refuse_text(node, &json, level->error);
		if (r < 0)
			return r;
	}
	if (node->field->repeated || !find(level->body, node->field, &theirs))
		return 0;
	added = (struct weft_bytes) { out->data + start, out->len - start };
	weft_wire_next(&added, &ours);
	if (ours.value != theirs.value || ours.bytes.len != theirs.bytes.len ||
	    (ours.bytes.len > 0 && memcmp(ours.bytes.data, theirs.bytes.data, ours.bytes.len) != 0))
		return transcode_refuse(level->error, node->path,
					"the body says something else than %s", plan_origin(node));
	out->len = start;
	return 0;
}

static int emit_nodes(const struct level *level, const struct weft_schema_message *message,
		      const struct plan_node *nodes, struct weft_buffer *out);

/* A message that the tree reaches into. What the body has of it goes first, where that is not in
 * `out` yet. */
static int emit_message(const struct level *level, const struct plan_node *node,
			struct weft_buffer *out)
{
	struct weft_wire_field theirs = { 0 };
	struct level inner = *level;
	size_t start = out->len, mark;
	bool ours_alone = level->plan->binding->body != node->field;
	int r;

	find(level->body, node->field, &theirs);
	inner.body = theirs.bytes;
	r = weft_wire_begin(out, node->field->number, &mark);
	if (r >= 0 && !ours_alone && theirs.bytes.len > 0)
		r = weft_buffer_append(out, theirs.bytes.data, theirs.bytes.len);
	if (r >= 0)
		r = emit_nodes(&inner, node->field->message, node->children, out);
	if (r != 0)
		return r;
	if (ours_alone && out->len == mark) {
		out->len = start; /* the body has said all of it */
		return 0;
	}
	return weft_wire_end(out, mark);
}

static int emit_nodes(const struct level *level, const struct weft_schema_message *message,
		      const struct plan_node *nodes, struct weft_buffer *out)
{
	int r = 0;

	for (const struct plan_node *node = nodes; node && r == 0; node = node->next) {
		if (has_rival(level->body, message, node->field))
			return transcode_refuse(level->error, node->path,
						"the body gives another of \"%s\": only one can be",
						message->oneofs[node->field->oneof]);
		if (node->children)
			r = emit_message(level, node, out);
		else if (node->values)
			r = emit_values(level, node, out);
		else if (level->body.len > 0) /* the body's own field, alone */
			r = weft_buffer_append(out, level->body.data, level->body.len);
	}
	return r;
}

int plan_emit(const struct plan *plan, struct weft_bytes body, struct weft_buffer *out,
	      struct transcode_error *ret_error)
{
	const struct level level = { .body = body, .error = ret_error, .plan = plan };
	int r = 0;

	if (plan->binding->body_all && body.len > 0)
		r = weft_buffer_append(out, body.data, body.len);
	if (r < 0)
		return r;
	return emit_nodes(&level, plan->binding->method->request, plan->nodes, out);
}
