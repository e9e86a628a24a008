#include "yaml_json.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>
#include <yaml.h>

#define MAX_DEPTH 64

/* An object or array that is open. */
struct level {
	char bracket; /* that closes it */
	bool filled;
	bool key; /* an object: the next scalar is a key */
};

struct converter {
	struct yaml_json *json;
	struct level levels[MAX_DEPTH];
	size_t depth;
	bool document; /* there has been one */
	char *error;
};

static int fail(struct converter *c, const yaml_mark_t *at, const char *format, ...)
	WEFT_PRINTF(3, 4);

static int fail(struct converter *c, const yaml_mark_t *at, const char *format, ...)
{
	va_list args;
	int n;

	n = snprintf(c->error, 256, "line %zu, column %zu: ", at->line + 1, at->column + 1);
	va_start(args, format);
	vsnprintf(c->error + n, (size_t)(256 - n), format, args);
	va_end(args);
	return -EINVAL;
}

static int note_place(struct converter *c, const yaml_mark_t *at)
{
	struct yaml_json *json = c->json;
	struct yaml_place *places = json->places;

	if ((json->n_places & (json->n_places - 1)) == 0) {
		places = realloc(places,
				 (json->n_places ? 2 * json->n_places : 1) * sizeof(*places));
		if (!places)
			return -ENOMEM;
		json->places = places;
	}
	places[json->n_places++] = (struct yaml_place) {
		.offset = json->text.len,
		.line = (unsigned)at->line + 1,
		.column = (unsigned)at->column + 1,
	};
	return 0;
}

/* What stands before any value or key. */
static int begin(struct converter *c, const yaml_mark_t *at)
{
	struct level *level = c->depth ? &c->levels[c->depth - 1] : NULL;
	int r = 0;

	if (level && level->filled && (level->bracket == ']' || level->key))
		r = weft_buffer_append_byte(&c->json->text, ',');
	if (level)
		level->filled = true;
	return r < 0 ? r : note_place(c, at);
}

/* What stands behind it. */
static int end(struct converter *c)
{
	struct level *level = c->depth ? &c->levels[c->depth - 1] : NULL;
	bool key = level && level->bracket == '}' && level->key;

	if (level && level->bracket == '}')
		level->key = !level->key;
	return key ? weft_buffer_append_byte(&c->json->text, ':') : 0;
}

static bool takes_key(const struct converter *c)
{
	return c->depth > 0 && c->levels[c->depth - 1].bracket == '}' &&
	       c->levels[c->depth - 1].key;
}

static int open_level(struct converter *c, const yaml_mark_t *at, char open, char close)
{
	int r;

	if (takes_key(c))
		return fail(c, at, "a key is a plain word");
	if (c->depth == MAX_DEPTH)
		return fail(c, at, "nested deeper than %d levels", MAX_DEPTH);
	r = begin(c, at);
	if (r < 0)
		return r;
	c->levels[c->depth++] = (struct level) { .bracket = close, .key = close == '}' };
	return weft_buffer_append_byte(&c->json->text, (uint8_t)open);
}

static int close_level(struct converter *c)
{
	int r = weft_buffer_append_byte(&c->json->text, (uint8_t)c->levels[--c->depth].bracket);

	return r < 0 ? r : end(c);
}

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

/* RFC 8259's number. */
static bool is_number(const char *text)
{
	size_t n;

	text += *text == '-';
	n = digits(text);
	if (n == 0 || (n > 1 && *text == '0'))
		return false;
	text += n;
	if (*text == '.') {
		n = digits(++text);
		if (n == 0)
			return false;
		text += n;
	}
	if (*text == 'e' || *text == 'E') {
		text++;
		text += *text == '+' || *text == '-';
		n = digits(text);
		if (n == 0)
			return false;
		text += n;
	}
	return *text == '\0';
}

/* A plain scalar's text in JSON, where it is no string; or NULL. */
static const char *plain(const char *text)
{
	if (*text == '\0' || strcmp(text, "~") == 0 || strcmp(text, "null") == 0)
		return "null";
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0 || is_number(text))
		return text;
	return NULL;
}

static int add_scalar(struct converter *c, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value;
	size_t len = event->data.scalar.length;
	const char *literal = NULL;
	int r;

	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && !takes_key(c))
		literal = plain(text);
	r = begin(c, &event->start_mark);
	if (r >= 0)
		r = literal ? weft_buffer_append_string(&c->json->text, literal)
			    : weft_json_quote(text, len, &c->json->text);
	return r < 0 ? r : end(c);
}

static bool has_anchor_or_tag(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SCALAR_EVENT: return event->data.scalar.anchor || event->data.scalar.tag;
	case YAML_SEQUENCE_START_EVENT:
		return event->data.sequence_start.anchor || event->data.sequence_start.tag;
	case YAML_MAPPING_START_EVENT:
		return event->data.mapping_start.anchor || event->data.mapping_start.tag;
	default: return event->type == YAML_ALIAS_EVENT;
	}
}

static int add_event(struct converter *c, const yaml_event_t *event)
{
	if (has_anchor_or_tag(event))
		return fail(c, &event->start_mark, "anchors, aliases and tags are not taken here");
	switch (event->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (c->document)
			return fail(c, &event->start_mark, "one document is enough");
		c->document = true;
		return 0;
	case YAML_SCALAR_EVENT: return add_scalar(c, event);
	case YAML_SEQUENCE_START_EVENT: return open_level(c, &event->start_mark, '[', ']');
	case YAML_MAPPING_START_EVENT: return open_level(c, &event->start_mark, '{', '}');
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT: return close_level(c);
	default: return 0;
	}
}

static int convert(struct converter *c, yaml_parser_t *parser)
{
	yaml_event_t event;
	bool last = false;
	int r = 0;

	while (r >= 0 && !last) {
		if (!yaml_parser_parse(parser, &event))
			return fail(c, &parser->problem_mark, "%s",
				    parser->problem ? parser->problem : "no YAML");
		r = add_event(c, &event);
		last = event.type == YAML_STREAM_END_EVENT;
		yaml_event_delete(&event);
	}
	if (r >= 0 && c->json->text.len == 0)
		r = weft_buffer_append_string(&c->json->text, "{}");
	return r < 0 ? r : 0;
}

int yaml_to_json(const char *yaml, size_t len, struct yaml_json *ret_json, char error[256])
{
	struct converter c = { .json = ret_json, .error = error };
	yaml_parser_t parser;
	int r;

	*ret_json = (struct yaml_json) { .text = WEFT_BUFFER_INIT };
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&parser, (const unsigned char *)yaml, len);
	r = convert(&c, &parser);
	yaml_parser_delete(&parser);
	return r;
}

void yaml_json_fini(struct yaml_json *json)
{
	weft_buffer_fini(&json->text);
	free(json->places);
}

struct yaml_place yaml_place_of(const struct yaml_json *json, size_t offset)
{
	struct yaml_place place = { .line = 1, .column = 1 };

	for (size_t i = 0; i < json->n_places && json->places[i].offset <= offset; i++)
		place = json->places[i];
	return place;
}
