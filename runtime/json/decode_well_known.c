/* The well-known types, whose JSON is not that of their fields: texts, single values, and Any. */
#include "decode.h"

#include <errno.h>

#include "well_known.h"

/* Timestamp and Duration: a text becomes two numbers. */
static int decode_moment(struct decoder *d, bool timestamp)
{
	const char *form = timestamp ? "a time such as \"2026-01-31T12:00:00Z\""
				     : "a duration such as \"1.5s\"";
	struct weft_bytes text;
	struct moment moment;
	int r;

	if (lexer_peek(&d->lexer) != TOKEN_STRING)
		return lexer_unexpected(&d->lexer, form);
	r = lexer_take_string(&d->lexer, &text);
	if (r < 0)
		return r;
	r = (timestamp ? timestamp_parse : duration_parse)((const char *)text.data, text.len,
							   &moment);
	if (r == -ERANGE)
		return lexer_fail(&d->lexer, d->lexer.token,
				  timestamp ? "the time is not in the years 1 to 9999"
					    : "the duration is longer than 10000 years");
	if (r < 0)
		return lexer_fail(&d->lexer, d->lexer.token, "expected %s", form);
	return moment_append(d->out, &moment);
}

static int decode_field_mask(struct decoder *d)
{
	struct weft_bytes text;
	int r;

	if (lexer_peek(&d->lexer) != TOKEN_STRING)
		return lexer_unexpected(&d->lexer,
					"field names with commas between them, in a string");
	r = lexer_take_string(&d->lexer, &text);
	if (r < 0)
		return r;
	r = field_mask_append(d->out, (const char *)text.data, text.len);
	if (r == -EINVAL)
		return lexer_fail(&d->lexer, d->lexer.token,
				  "expected field names such as \"displayName,price.units\"");
	return r;
}

static int decode_any_value(struct decoder *d, const struct weft_schema_message *message);

/* google.protobuf.Value: the member of its oneof follows from the token. */
static int decode_dynamic(struct decoder *d, const struct weft_schema_message *message)
{
	uint32_t number;

	switch (lexer_peek(&d->lexer)) {
	case TOKEN_NULL: number = 1; break;
	case TOKEN_NUMBER: number = 2; break;
	case TOKEN_STRING: number = 3; break;
	case TOKEN_TRUE:
	case TOKEN_FALSE: number = 4; break;
	case TOKEN_OBJECT: number = 5; break;
	case TOKEN_ARRAY: number = 6; break;
	default: return lexer_unexpected(&d->lexer, "a value");
	}
	return decode_value(d, weft_schema_field(message, number), true);
}

static bool has_text_of_its_own(const struct weft_schema_message *message)
{
	return message->well_known != WEFT_WKT_NONE && message->well_known != WEFT_WKT_EMPTY;
}

/* Looks for "@type" among the members that follow, wherever it stands, and comes back. */
static int find_type(struct decoder *d, struct weft_bytes *ret_type)
{
	const char *start = d->lexer.at;
	struct weft_bytes name, type;
	bool first = true;
	int r;

	while ((r = lexer_next_member(&d->lexer, TOKEN_OBJECT_END, first)) > 0) {
		bool found;

		first = false;
		r = lexer_take_string(&d->lexer, &name);
		if (r < 0)
			return r;
		found = name.len == 5 && memcmp(name.data, "@type", 5) == 0;
		r = lexer_take(&d->lexer, TOKEN_COLON, "':'");
		if (r < 0)
			return r;
		r = found ? lexer_take_string(&d->lexer, &type)
			  : lexer_skip(&d->lexer, d->max_depth);
		if (r < 0)
			return r;
		if (!found)
			continue;
		ret_type->data = weft_arena_memdup(decode_arena(d), type.data, type.len);
		ret_type->len = type.len;
		d->lexer.at = start;
		return ret_type->data ? 1 : -ENOMEM;
	}
	if (r == 0 && !first)
		return lexer_fail(&d->lexer, start, "an Any needs its \"@type\"");
	return r;
}

static int resolve_type(struct decoder *d, struct weft_bytes url,
			const struct weft_schema_message **ret_message)
{
	const uint8_t *slash = memrchr(url.data, '/', url.len);
	const char *name = NULL;

	if (slash)
		name = weft_arena_strndup(decode_arena(d), (const char *)slash + 1,
					  url.len - (size_t)(slash + 1 - url.data));
	if (name && d->schema)
		*ret_message = weft_schema_message(d->schema, name);
	if (!*ret_message)
		return lexer_fail(&d->lexer, d->lexer.at, "no type \"%.*s\" is known here",
				  (int)(url.len > 100 ? 100 : url.len), url.data);
	return 0;
}

static int decode_any(struct decoder *d)
{
	const struct weft_schema_message *message = NULL;
	struct weft_bytes url = { 0 };
	size_t start, mark;
	int r;

	if (lexer_peek(&d->lexer) != TOKEN_OBJECT)
		return lexer_unexpected(&d->lexer, "an object with an \"@type\"");
	lexer_take(&d->lexer, TOKEN_OBJECT, "an object");
	r = find_type(d, &url);
	if (r <= 0)
		return r;
	r = resolve_type(d, url, &message);
	if (r < 0)
		return r;
	r = weft_wire_append_bytes(d->out, 1, url.data, url.len);
	if (r < 0)
		return r;
	start = d->out->len;
	r = weft_wire_begin(d->out, 2, &mark);
	if (r < 0)
		return r;
	r = has_text_of_its_own(message) ? decode_any_value(d, message)
					 : decode_members(d, message, true);
	if (r < 0)
		return r;
	if (d->out->len > mark)
		return weft_wire_end(d->out, mark);
	d->out->len = start;
	return 0;
}

/* An Any of a type that has JSON of its own keeps it in "value". */
static int decode_any_value(struct decoder *d, const struct weft_schema_message *message)
{
	bool first = true, value = false;
	struct weft_bytes name;
	int r;

	while ((r = lexer_next_member(&d->lexer, TOKEN_OBJECT_END, first)) > 0) {
		bool is_value;

		first = false;
		r = lexer_take_string(&d->lexer, &name);
		if (r < 0)
			return r;
		is_value = name.len == 5 && memcmp(name.data, "value", 5) == 0;
		if (is_value && value)
			return lexer_fail(&d->lexer, d->lexer.token, "\"value\" is given twice");
		if (!is_value && !d->ignore_unknown &&
		    !(name.len == 5 && memcmp(name.data, "@type", 5) == 0))
			return decode_unknown(d, message, name);
		value |= is_value;
		r = lexer_take(&d->lexer, TOKEN_COLON, "':'");
		if (r < 0)
			return r;
		r = is_value ? decode_content(d, message) : lexer_skip(&d->lexer, d->max_depth);
		if (r < 0)
			return r;
	}
	if (r == 0 && !value)
		return lexer_fail(&d->lexer, d->lexer.token, "an Any of %s needs a \"value\"",
				  message->full_name);
	return r;
}

int decode_well_known(struct decoder *d, const struct weft_schema_message *message)
{
	switch (message->well_known) {
	case WEFT_WKT_ANY: return decode_any(d);
	case WEFT_WKT_TIMESTAMP: return decode_moment(d, true);
	case WEFT_WKT_DURATION: return decode_moment(d, false);
	case WEFT_WKT_FIELD_MASK: return decode_field_mask(d);
	case WEFT_WKT_STRUCT: return decode_map(d, &message->fields[0]);
	case WEFT_WKT_LIST_VALUE: return decode_list(d, &message->fields[0]);
	case WEFT_WKT_VALUE: return decode_dynamic(d, message);
	case WEFT_WKT_WRAPPER: return decode_value(d, &message->fields[0], false);
	default: return -ENOENT;
	}
}
