/*
 * What a request says outside its body: a tree of fields, with the texts that the path and the
 * query give them, checked against each other. One plan serves every message of a client stream.
 */
#ifndef GATEWAY_PLAN_H
#define GATEWAY_PLAN_H

#include "transcode.h"

struct plan_value {
	const char *text;
	size_t len;
	struct plan_value *next;
};

struct plan_node {
	const struct weft_schema_field *field;
	const char *path; /* "book.name" */
	enum { PLAN_PATH, PLAN_BODY, PLAN_QUERY, PLAN_RESUME } origin;
	struct plan_node *children, *next; /* in order of arrival */
	struct plan_value *values;         /* of a leaf */
};

struct plan {
	const struct weft_schema *schema;
	const struct route_binding *binding;
	struct weft_arena *arena;
	struct plan_node *nodes;
	const char *content_type; /* of a raw body; NULL: none, or said already */
	/* The update_mask of a PATCH that does not say it: to be filled from the body. */
	const struct weft_schema_field *mask;
};

/* 0, TRANSCODE_REFUSED, or a negative errno. To be finished in any case. Borrows nothing of the
 * input but the schema and the binding. */
int plan_init(struct plan *plan, const struct transcode_input *input,
	      struct transcode_error *ret_error);
void plan_fini(struct plan *plan);

/* "the path", for an error. */
const char *plan_origin(const struct plan_node *node);

/* Appends the message: `body`, which are wire bytes of the request, and the tree. */
int plan_emit(const struct plan *plan, struct weft_bytes body, struct weft_buffer *out,
	      struct transcode_error *ret_error);

/* What a query parameter can say: a value, or a well-known type that is written as one. */
bool plan_is_textual(const struct weft_schema_field *field);

/* Fills in INVALID_ARGUMENT and returns TRANSCODE_REFUSED. */
int transcode_refuse(struct transcode_error *error, const char *field, const char *format, ...)
	WEFT_PRINTF(3, 4);

#endif
