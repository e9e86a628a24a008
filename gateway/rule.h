/* google.api.HttpRule, read from a method's options (google/api/http.proto). */
#ifndef GATEWAY_RULE_H
#define GATEWAY_RULE_H

#include <weft/arena.h>
#include <weft/schema.h>

/* One way to call a method: a rule, or one of its additional bindings. All strings are in the
 * arena. */
struct rule {
	const char *http_method; /* "GET"; "*" for any */
	const char *path;
	const char *body;          /* "", "*", or a field's name */
	const char *response_body; /* "" or a field's name */
};

/* Calls `each` for the method's rule and for every additional binding of it; stops at a negative
 * return. A method without a rule has none. -EINVAL: *ret_error says why the rule is none. */
typedef int rule_cb(const struct rule *rule, void *data);
int rule_each(const struct weft_schema_method *method, struct weft_arena *arena, rule_cb *each,
	      void *data, const char **ret_error);

#endif
