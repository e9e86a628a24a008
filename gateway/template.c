#include "template.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

struct parser {
	const char *text;
	const char *at;
	struct template *template;
	const char *error;
};

static int fail(struct parser *parser, const char *error)
{
	parser->error = error;
	return -EINVAL;
}

static bool take(struct parser *parser, char c)
{
	if (*parser->at != c)
		return false;
	parser->at++;
	return true;
}

/* What a URL's segment may have (RFC 3986, pchar) and the grammar does not use itself. */
static bool is_literal(char c)
{
	return isalnum((unsigned char)c) || (c && strchr("-._~!$&'()+,;@%", c));
}

static int add_segment(struct parser *parser, struct template_segment segment)
{
	struct template *template = parser->template;
	size_t n = template->n_segments;

	if (n == TEMPLATE_MAX_SEGMENTS)
		return fail(parser, "too many segments");
	if (n > 0 && template->segments[n - 1].kind == SEGMENT_REST)
		return fail(parser, "\"**\" must be the last segment");
	template->segments[template->n_segments++] = segment;
	return 0;
}

static int parse_segments(struct parser *parser, bool in_variable);

static int parse_field_path(struct parser *parser, struct template_variable *variable)
{
	variable->path = parser->at;
	do {
		if (!isalpha((unsigned char)*parser->at) && *parser->at != '_')
			return fail(parser, "expected a field's name");
		while (isalnum((unsigned char)*parser->at) || *parser->at == '_')
			parser->at++;
	} while (take(parser, '.'));
	variable->path_len = (size_t)(parser->at - variable->path);
	return 0;
}

/* After the '{'. */
static int parse_variable(struct parser *parser)
{
	struct template *template = parser->template;
	struct template_variable variable = { .first = template->n_segments };
	int r;

	if (template->n_variables == ROUTE_MAX_VARIABLES)
		return fail(parser, "too many variables");
	r = parse_field_path(parser, &variable);
	if (r < 0)
		return r;
	for (size_t i = 0; i < template->n_variables; i++)
		if (template->variables[i].path_len == variable.path_len &&
		    memcmp(template->variables[i].path, variable.path, variable.path_len) == 0)
			return fail(parser, "a variable stands there twice");
	if (take(parser, '='))
		r = parse_segments(parser, true);
	else
		r = add_segment(parser, (struct template_segment) { .kind = SEGMENT_ANY });
	if (r < 0)
		return r;
	if (!take(parser, '}'))
		return fail(parser, "expected '}'");
	variable.n = template->n_segments - variable.first;
	template->variables[template->n_variables++] = variable;
	return 0;
}

static int parse_segment(struct parser *parser, bool in_variable)
{
	struct template_segment literal = { .kind = SEGMENT_LITERAL, .text = parser->at };

	if (take(parser, '*'))
		return add_segment(
			parser, (struct template_segment) {
					.kind = take(parser, '*') ? SEGMENT_REST : SEGMENT_ANY });
	if (!in_variable && take(parser, '{'))
		return parse_variable(parser);
	if (in_variable && *parser->at == '{')
		return fail(parser, "a variable cannot have another one inside");
	while (is_literal(*parser->at))
		parser->at++;
	literal.len = (size_t)(parser->at - literal.text);
	if (literal.len == 0)
		return fail(parser, "expected a segment");
	return add_segment(parser, literal);
}

static int parse_segments(struct parser *parser, bool in_variable)
{
	int r;

	do {
		r = parse_segment(parser, in_variable);
		if (r < 0)
			return r;
	} while (take(parser, '/'));
	return 0;
}

static int parse(struct parser *parser)
{
	int r;

	if (!take(parser, '/'))
		return fail(parser, "it must begin with '/'");
	r = parse_segments(parser, false);
	if (r < 0)
		return r;
	if (take(parser, ':')) {
		parser->template->verb = parser->at;
		while (is_literal(*parser->at))
			parser->at++;
		if (parser->at == parser->template->verb)
			return fail(parser, "expected a verb after ':'");
	}
	return *parser->at ? fail(parser, "expected '/', ':' or the end") : 0;
}

int template_parse(const char *text, struct template *ret_template, const char **ret_error,
		   size_t *ret_at)
{
	struct template template = { 0 };
	struct parser parser = { .text = text, .at = text, .template = &template };
	int r;

	r = parse(&parser);
	if (r < 0) {
		*ret_error = parser.error;
		*ret_at = (size_t)(parser.at - text);
		return r;
	}
	*ret_template = template;
	return 0;
}
