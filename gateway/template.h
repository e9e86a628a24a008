/*
 * A path template of google.api.http, parsed:
 *
 *	Template = "/" Segments [ Verb ] ;
 *	Segments = Segment { "/" Segment } ;
 *	Segment  = "*" | "**" | LITERAL | Variable ;
 *	Variable = "{" FieldPath [ "=" Segments ] "}" ;
 *	FieldPath = IDENT { "." IDENT } ;
 *	Verb     = ":" LITERAL ;
 */
#ifndef GATEWAY_TEMPLATE_H
#define GATEWAY_TEMPLATE_H

#include "route.h"

#define TEMPLATE_MAX_SEGMENTS 32

struct template_segment {
	enum { SEGMENT_LITERAL, SEGMENT_ANY, SEGMENT_REST } kind;
	const char *text; /* of a literal */
	size_t len;
};

struct template_variable {
	const char *path; /* "book.name" */
	size_t path_len;
	size_t first; /* segments [first, first + n) of the template */
	size_t n;
};

struct template
{
	struct template_segment segments[TEMPLATE_MAX_SEGMENTS];
	size_t n_segments;
	struct template_variable variables[ROUTE_MAX_VARIABLES];
	size_t n_variables;
	const char *verb; /* without its colon; NULL: none */
};

/* Borrows `text`. -EINVAL: *ret_error says what is wrong at *ret_at. */
int template_parse(const char *text, struct template *ret_template, const char **ret_error,
		   size_t *ret_at);

#endif
