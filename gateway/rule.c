#include "rule.h"

#include <errno.h>
#include <string.h>
#include <weft/protobuf.h>

#define OPTION_HTTP 72295728

/* Fields of google.api.HttpRule. */
enum {
	RULE_GET = 2,
	RULE_PUT = 3,
	RULE_POST = 4,
	RULE_DELETE = 5,
	RULE_PATCH = 6,
	RULE_BODY = 7,
	RULE_CUSTOM = 8,
	RULE_ADDITIONAL_BINDINGS = 11,
	RULE_RESPONSE_BODY = 12,
};

static const char *string(struct weft_arena *arena, struct weft_bytes bytes)
{
	return weft_arena_strndup(arena, (const char *)bytes.data, bytes.len);
}

/* CustomHttpPattern: kind and path. */
static void read_custom(struct weft_bytes bytes, struct weft_arena *arena, struct rule *rule)
{
	struct weft_wire_field field;

	rule->http_method = rule->path = "";
	while (weft_wire_next(&bytes, &field) > 0) {
		if (field.number == 1)
			rule->http_method = string(arena, field.bytes);
		else if (field.number == 2)
			rule->path = string(arena, field.bytes);
	}
}

static int read_rule(struct weft_bytes bytes, struct weft_arena *arena, struct rule *ret_rule)
{
	static const char *const methods[] = {
		[RULE_GET] = "GET",       [RULE_PUT] = "PUT",     [RULE_POST] = "POST",
		[RULE_DELETE] = "DELETE", [RULE_PATCH] = "PATCH",
	};
	struct rule rule = { .body = "", .response_body = "" };
	struct weft_wire_field field;
	int r;

	while ((r = weft_wire_next(&bytes, &field)) > 0) {
		if (field.type != WEFT_WIRE_BYTES || field.bytes.len > WEFT_ARENA_SMALL / 2)
			continue;
		switch (field.number) {
		case RULE_GET:
		case RULE_PUT:
		case RULE_POST:
		case RULE_DELETE:
		case RULE_PATCH:
			rule.http_method = methods[field.number];
			rule.path = string(arena, field.bytes);
			break;
		case RULE_CUSTOM: read_custom(field.bytes, arena, &rule); break;
		case RULE_BODY: rule.body = string(arena, field.bytes); break;
		case RULE_RESPONSE_BODY: rule.response_body = string(arena, field.bytes); break;
		}
	}
	if (r >= 0)
		*ret_rule = rule;
	return r;
}

static int each_binding(struct weft_bytes bytes, struct weft_arena *arena, bool additional,
			rule_cb *each, void *data, const char **ret_error)
{
	struct weft_wire_field field;
	struct rule rule;
	int r;

	r = read_rule(bytes, arena, &rule);
	if (r < 0 || !rule.path || !*rule.http_method) {
		*ret_error = "the rule has no HTTP method and path";
		return -EINVAL;
	}
	r = each(&rule, data);
	while (r >= 0 && weft_wire_next(&bytes, &field) > 0) {
		if (field.number != RULE_ADDITIONAL_BINDINGS || field.type != WEFT_WIRE_BYTES)
			continue;
		if (additional) {
			*ret_error = "an additional binding cannot have additional bindings";
			return -EINVAL;
		}
		r = each_binding(field.bytes, arena, true, each, data, ret_error);
	}
	return r;
}

int rule_each(const struct weft_schema_method *method, struct weft_arena *arena, rule_cb *each,
	      void *data, const char **ret_error)
{
	struct weft_bytes options = method->options;
	struct weft_wire_field field;
	int r = 0;

	while (r >= 0 && weft_wire_next(&options, &field) > 0)
		if (field.number == OPTION_HTTP && field.type == WEFT_WIRE_BYTES)
			r = each_binding(field.bytes, arena, false, each, data, ret_error);
	return r;
}
