/*
 * JSON to wire bytes, in one pass: each value is written as it is read, and nothing of the document
 * is kept but the names seen so far in the objects that are open.
 *
 * A nested message's length stands before it and is only known after it. One byte is left for it,
 * and a message of 128 bytes or more is shifted when it ends (weft_wire_end). A first pass that
 * only measures would parse every number and unescape every string twice; shifting costs a memmove
 * of bytes that are in the cache, at most once for each level of nesting, and only where messages
 * are large.
 *
 * Fields keep the order of the document, which the wire format allows. Fields without presence that
 * are given their default are left out, as every other encoder does.
 */
#include "decode.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/map.h>

#include "base/utf8.h"
#include "pool.h"
#include "scalar.h"

#define SKIPPED         1 /* a name no enum has, which the caller wants ignored */
#define GIVEN_MAX_DEPTH 16

struct weft_arena *decode_arena(struct decoder *d)
{
	if (!d->arena)
		d->arena = weft_arena_new();
	return d->arena;
}

static bool accepts_null(const struct weft_schema_field *field)
{
	if (field->message)
		return field->message->well_known == WEFT_WKT_VALUE;
	return field->enumeration &&
	       strcmp(field->enumeration->full_name, "google.protobuf.NullValue") == 0;
}

/* The text of a number, an enum's value or a boolean, and whether it stood in quotes. */
static int take_scalar_text(struct decoder *d, const struct weft_schema_field *field,
			    struct weft_bytes *ret_text)
{
	enum token token = lexer_peek(&d->lexer);
	const char *start = d->lexer.at;
	int r;

	if (field->type == WEFT_TYPE_BOOL) {
		if (token != TOKEN_TRUE && token != TOKEN_FALSE)
			return lexer_unexpected(&d->lexer, "true or false");
		r = lexer_take_literal(&d->lexer);
		*ret_text = (struct weft_bytes) { (const uint8_t *)start,
						  (size_t)(d->lexer.at - start) };
		return r;
	}
	if (token == TOKEN_STRING)
		return lexer_take_string(&d->lexer, ret_text);
	if (token == TOKEN_NUMBER)
		return lexer_take_number(&d->lexer, ret_text);
	return lexer_unexpected(&d->lexer, field->enumeration ? "the name of a value" : "a number");
}

static int refuse_text(struct decoder *d, const struct weft_schema_field *field, int r,
		       struct weft_bytes text)
{
	char message[192];

	if (r == -ENOMEM || r == -EMSGSIZE)
		return r;
	scalar_explain(field, r, (const char *)text.data, text.len, message, sizeof(message));
	return lexer_fail(&d->lexer, d->lexer.token, "%s", message);
}

/* As scalar_parse(); an enum's names also in small letters, where that is wanted. */
static int parse_scalar(struct decoder *d, const struct weft_schema_field *field,
			struct weft_bytes text, uint64_t *ret_bits)
{
	int r = scalar_parse(field, (const char *)text.data, text.len, ret_bits);
	char upper[64];

	if (r != -ENOENT || !d->any_case || text.len > sizeof(upper))
		return r;
	for (size_t i = 0; i < text.len; i++)
		upper[i] = (char)toupper(text.data[i]);
	return scalar_parse(field, upper, text.len, ret_bits);
}

static int decode_scalar(struct decoder *d, const struct weft_schema_field *field,
			 uint64_t *ret_bits)
{
	struct weft_bytes text;
	int r;

	if (lexer_peek(&d->lexer) == TOKEN_NULL && accepts_null(field)) {
		*ret_bits = 0;
		return lexer_take_literal(&d->lexer);
	}
	r = take_scalar_text(d, field, &text);
	if (r < 0)
		return r;
	r = parse_scalar(d, field, text, ret_bits);
	if (r == -ENOENT && d->ignore_unknown && *d->lexer.token == '"')
		return SKIPPED;
	return r < 0 ? refuse_text(d, field, r, text) : 0;
}

static int decode_text(struct decoder *d, const struct weft_schema_field *field)
{
	struct weft_bytes text;
	int r;

	if (lexer_peek(&d->lexer) != TOKEN_STRING)
		return lexer_unexpected(&d->lexer, field->type == WEFT_TYPE_BYTES
							   ? "a string of base64"
							   : "a string");
	r = lexer_take_string(&d->lexer, &text);
	if (r < 0)
		return r;
	if (field->type == WEFT_TYPE_STRING)
		return append(d->out, text.data, text.len);
	r = scalar_append_base64(d->out, (const char *)text.data, text.len);
	return r < 0 ? refuse_text(d, field, r, text) : 0;
}

static int decode_group(struct decoder *d, const struct weft_schema_field *field)
{
	int r;

	r = append_tag(d->out, field->number, WEFT_WIRE_GROUP);
	if (r < 0)
		return r;
	r = decode_content(d, field->message);
	if (r < 0)
		return r;
	return append_tag(d->out, field->number, WEFT_WIRE_END_GROUP);
}

static int decode_bytes(struct decoder *d, const struct weft_schema_field *field, bool always)
{
	size_t start = d->out->len, mark;
	int r;

	r = weft_wire_begin(d->out, field->number, &mark);
	if (r < 0)
		return r;
	r = field->message ? decode_content(d, field->message) : decode_text(d, field);
	if (r < 0)
		return r;
	if (!always && !field->message && d->out->len == mark) {
		d->out->len = start;
		return 0;
	}
	return weft_wire_end(d->out, mark);
}

/* One value with its tag. Unless `always`, a default leaves no trace. */
int decode_value(struct decoder *d, const struct weft_schema_field *field, bool always)
{
	uint64_t bits;
	int r;

	if (field->type == WEFT_TYPE_GROUP)
		return decode_group(d, field);
	if (scalar_wire_type(field->type) == WEFT_WIRE_BYTES)
		return decode_bytes(d, field, always);
	r = decode_scalar(d, field, &bits);
	if (r != 0 || (!always && bits == 0))
		return r;
	r = append_tag(d->out, field->number, scalar_wire_type(field->type));
	if (r < 0)
		return r;
	return scalar_append(d->out, field->type, bits);
}

static int decode_element(struct decoder *d, const struct weft_schema_field *field)
{
	uint64_t bits;
	int r;

	if (lexer_peek(&d->lexer) == TOKEN_NULL && !accepts_null(field))
		return lexer_fail(&d->lexer, d->lexer.at, "null is no element of a list");
	if (!field->packed)
		return decode_value(d, field, true);
	r = decode_scalar(d, field, &bits);
	return r == 0 ? scalar_append(d->out, field->type, bits) : r;
}

static int decode_elements(struct decoder *d, const struct weft_schema_field *field)
{
	size_t index = 0;
	int r;

	if (lexer_peek(&d->lexer) != TOKEN_ARRAY)
		return lexer_unexpected(&d->lexer, "an array");
	lexer_take(&d->lexer, TOKEN_ARRAY, "an array");
	while ((r = lexer_next_member(&d->lexer, TOKEN_ARRAY_END, index == 0)) > 0) {
		place_push_index(&d->place, index++);
		r = decode_element(d, field);
		if (r < 0)
			return r;
		place_pop(&d->place);
	}
	return r;
}

int decode_list(struct decoder *d, const struct weft_schema_field *field)
{
	size_t start = d->out->len, mark;
	int r;

	if (!field->packed)
		return decode_elements(d, field);
	r = weft_wire_begin(d->out, field->number, &mark);
	if (r < 0)
		return r;
	r = decode_elements(d, field);
	if (r < 0)
		return r;
	if (d->out->len > mark)
		return weft_wire_end(d->out, mark);
	d->out->len = start;
	return 0;
}

/* Appends the key's field, and finds a key that is there already: its wire bytes are the same then.
 */
static int decode_key(struct decoder *d, const struct weft_schema_field *key, struct weft_map *keys)
{
	size_t start = d->out->len, len;
	struct weft_bytes text;
	uint64_t bits;
	void *kept;
	int r;

	r = lexer_take_string(&d->lexer, &text);
	if (r < 0)
		return r;
	if (key->type == WEFT_TYPE_STRING) {
		r = weft_wire_append_bytes(d->out, key->number, text.data, text.len);
	} else {
		r = scalar_parse(key, (const char *)text.data, text.len, &bits);
		if (r < 0)
			return refuse_text(d, key, r, text);
		r = append_tag(d->out, key->number, scalar_wire_type(key->type));
		if (r >= 0)
			r = scalar_append(d->out, key->type, bits);
	}
	if (r < 0)
		return r;
	len = d->out->len - start;
	kept = weft_arena_memdup(decode_arena(d), d->out->data + start, len);
	if (!kept)
		return -ENOMEM;
	r = weft_map_put(keys, kept, len, kept);
	if (r == -EEXIST)
		return lexer_fail(&d->lexer, d->lexer.token, "this key is given twice");
	return r;
}

static int decode_entry(struct decoder *d, const struct weft_schema_field *field,
			struct weft_map *keys)
{
	const struct weft_schema_field *key = weft_schema_field(field->message, 1);
	const struct weft_schema_field *value = weft_schema_field(field->message, 2);
	size_t start = d->out->len, mark;
	int r;

	r = weft_wire_begin(d->out, field->number, &mark);
	if (r < 0)
		return r;
	r = decode_key(d, key, keys);
	if (r < 0)
		return r;
	place_push_key(&d->place, d->lexer.token + 1, (size_t)(d->lexer.at - d->lexer.token) - 2);
	r = lexer_take(&d->lexer, TOKEN_COLON, "':'");
	if (r < 0)
		return r;
	if (lexer_peek(&d->lexer) == TOKEN_NULL && !accepts_null(value))
		return lexer_fail(&d->lexer, d->lexer.at, "null is no value of a map");
	r = decode_value(d, value, true);
	if (r < 0)
		return r;
	place_pop(&d->place);
	if (r == SKIPPED) {
		d->out->len = start;
		return 0;
	}
	return weft_wire_end(d->out, mark);
}

int decode_map(struct decoder *d, const struct weft_schema_field *field)
{
	struct weft_map keys = WEFT_MAP_INIT;
	bool first = true;
	int r;

	if (lexer_peek(&d->lexer) != TOKEN_OBJECT)
		return lexer_unexpected(&d->lexer, "an object");
	lexer_take(&d->lexer, TOKEN_OBJECT, "an object");
	while ((r = lexer_next_member(&d->lexer, TOKEN_OBJECT_END, first)) > 0) {
		first = false;
		r = decode_entry(d, field, &keys);
		if (r < 0)
			break;
	}
	weft_map_fini(&keys);
	return r;
}

/* A field has been read of whose members none was noted: it is what the text gives. */
static int note_given(struct decoder *d)
{
	char path[GIVEN_MAX_DEPTH * 64];
	int r = 0;

	place_print(&d->place, path, sizeof(path));
	if (d->given->len > 0)
		r = weft_buffer_append_byte(d->given, ',');
	return r < 0 ? r : weft_buffer_append_string(d->given, path);
}

/* Any field by its own shape. *ret_set is false where null says that it is not there. */
static int decode_shape(struct decoder *d, const struct weft_schema_field *field, bool *ret_set)
{
	int r;

	*ret_set = true;
	if (lexer_peek(&d->lexer) == TOKEN_NULL && (field->repeated || !accepts_null(field))) {
		*ret_set = false;
		r = lexer_take_literal(&d->lexer);
	} else if (field->map) {
		r = decode_map(d, field);
	} else if (field->repeated) {
		r = decode_list(d, field);
	} else {
		r = decode_value(d, field, field->presence);
	}
	return r;
}

static int decode_field(struct decoder *d, const struct weft_schema_field *field, bool *ret_set)
{
	struct weft_buffer *given = d->given;
	size_t noted = given ? given->len : 0;
	int r;

	place_push_field(&d->place, field);
	if (field->repeated || (field->message && field->message->well_known) ||
	    d->place.n == GIVEN_MAX_DEPTH)
		d->given = NULL; /* it is given as a whole */
	r = decode_shape(d, field, ret_set);
	d->given = given;
	if (r >= 0 && given && given->len == noted)
		r = note_given(d);
	if (r < 0)
		return r;
	place_pop(&d->place);
	return 0;
}

/* Which fields and oneofs of an object have been given: a bit each. */
struct seen {
	uint8_t small[64];
	uint8_t *bits;
	size_t next; /* the index after the last field's */
};

static int seen_init(struct seen *seen, const struct weft_schema_message *message)
{
	size_t size = (message->n_fields + message->n_oneofs + 7) / 8;

	seen->bits = seen->small;
	seen->next = 0;
	if (size > sizeof(seen->small))
		seen->bits = calloc(1, size);
	else
		memset(seen->small, 0, size);
	return seen->bits ? 0 : -ENOMEM;
}

static void seen_fini(struct seen *seen)
{
	if (seen->bits != seen->small)
		free(seen->bits);
}

static bool seen_before(struct seen *seen, size_t index)
{
	uint8_t bit = (uint8_t)(1 << index % 8);
	bool before = seen->bits[index / 8] & bit;

	seen->bits[index / 8] |= bit;
	return before;
}

int decode_unknown(struct decoder *d, const struct weft_schema_message *message,
		   struct weft_bytes name)
{
	const char *meant = weft_schema_field_suggest(message, (const char *)name.data, name.len);
	int shown = (int)(name.len > 40 ? weft_utf8_floor(name.data, 40) : name.len);

	place_push_name(&d->place, (const char *)name.data, name.len);
	if (meant)
		return lexer_fail(&d->lexer, d->lexer.token,
				  "no field \"%.*s\" in %s; did you mean \"%s\"?", shown, name.data,
				  message->full_name, meant);
	return lexer_fail(&d->lexer, d->lexer.token, "no field \"%.*s\" in %s", shown, name.data,
			  message->full_name);
}

static bool drops_unknown(const struct decoder *d, const struct weft_schema_message *message)
{
	return d->ignore_unknown ||
	       (d->open_message && strcmp(d->open_message, message->full_name) == 0);
}

/* Documents mostly have the fields in the contract's order: whether the one that would be next is
 * next, with its colon. */
static const struct weft_schema_field *take_next_field(struct decoder *d,
						       const struct weft_schema_message *message,
						       const struct seen *seen)
{
	const struct message_def *def = weft_container_of(message, const struct message_def, pub);

	if (seen->next == message->n_fields ||
	    !lexer_take_exactly(&d->lexer, def->quoted[seen->next].names[0]))
		return NULL;
	return &message->fields[seen->next];
}

/* A name and its colon; *ret_field is NULL where it is no field's and may be passed over. */
static int take_name(struct decoder *d, const struct weft_schema_message *message, bool in_any,
		     const struct weft_schema_field **ret_field)
{
	const struct weft_schema_field *field;
	struct weft_bytes name;
	const char *at;
	int r;

	r = lexer_take_string(&d->lexer, &name);
	if (r < 0)
		return r;
	at = d->lexer.token;
	field = weft_schema_field_named(message, (const char *)name.data, name.len);
	if (!field && !drops_unknown(d, message) &&
	    !(in_any && name.len == 5 && memcmp(name.data, "@type", 5) == 0))
		return decode_unknown(d, message, name);
	r = lexer_take(&d->lexer, TOKEN_COLON, "':'");
	if (r < 0)
		return r;
	d->lexer.token = at;
	*ret_field = field;
	return 0;
}

static int decode_member(struct decoder *d, const struct weft_schema_message *message, bool in_any,
			 struct seen *seen)
{
	const struct weft_schema_field *field = take_next_field(d, message, seen);
	const char *at;
	bool set;
	int r;

	if (!field) {
		r = take_name(d, message, in_any, &field);
		if (r < 0)
			return r;
		if (!field)
			return lexer_skip(&d->lexer, d->max_depth);
	}
	at = d->lexer.token;
	seen->next = (size_t)(field - message->fields) + 1;
	if (seen_before(seen, seen->next - 1)) {
		place_push_field(&d->place, field);
		return lexer_fail(&d->lexer, at, "\"%s\" is given twice", field->name);
	}
	r = decode_field(d, field, &set);
	if (r < 0)
		return r;
	if (set && field->oneof >= 0 &&
	    seen_before(seen, message->n_fields + (size_t)field->oneof)) {
		place_push_field(&d->place, field);
		return lexer_fail(&d->lexer, at,
				  "\"%s\" and another of \"%s\" are given: only one can be",
				  field->name, message->oneofs[field->oneof]);
	}
	return 0;
}

/* What follows the '{'. */
int decode_members(struct decoder *d, const struct weft_schema_message *message, bool in_any)
{
	struct seen seen;
	bool first = true;
	int r;

	r = seen_init(&seen, message);
	if (r < 0)
		return r;
	while ((r = lexer_next_member(&d->lexer, TOKEN_OBJECT_END, first)) > 0) {
		first = false;
		r = decode_member(d, message, in_any, &seen);
		if (r < 0)
			break;
	}
	seen_fini(&seen);
	return r;
}

static int decode_object(struct decoder *d, const struct weft_schema_message *message)
{
	char wanted[128];

	if (lexer_peek(&d->lexer) != TOKEN_OBJECT) {
		snprintf(wanted, sizeof(wanted), "an object (%s)", message->full_name);
		return lexer_unexpected(&d->lexer, wanted);
	}
	lexer_take(&d->lexer, TOKEN_OBJECT, "an object");
	return decode_members(d, message, false);
}

/* A message's content, without its tag and length. */
int decode_content(struct decoder *d, const struct weft_schema_message *message)
{
	int r;

	if (d->depth == d->max_depth)
		return lexer_fail(&d->lexer, d->lexer.at, "nested deeper than %u levels",
				  d->max_depth);
	d->depth++;
	r = decode_well_known(d, message);
	if (r == -ENOENT)
		r = decode_object(d, message);
	d->depth--;
	return r < 0 ? r : 0;
}

/* One value of `message`, or of `field` where that is not NULL. */
static int decode(const struct weft_schema_message *message, const struct weft_schema_field *field,
		  const char *text, size_t len, const struct weft_json_options *options,
		  struct weft_buffer *out, struct weft_json_error *ret_error)
{
	const struct weft_json_options own = options_of(options);
	struct decoder d = {
		.schema = own.schema,
		.out = out,
		.ignore_unknown = own.ignore_unknown,
		.any_case = own.any_case,
		.open_message = own.open_message,
		.place.json_names = own.json_paths,
		.given = own.given,
		.max_depth = own.max_depth,
	};
	size_t start = out->len;
	bool set;
	int r;

	lexer_init(&d.lexer, text, len);
	r = field ? decode_field(&d, field, &set) : decode_content(&d, message);
	if (r >= 0 && lexer_peek(&d.lexer) != TOKEN_END)
		r = lexer_fail(&d.lexer, d.lexer.at, "more text after the value");
	if (r < 0)
		out->len = start;
	if (r == -EINVAL && ret_error) {
		lexer_explain(&d.lexer, ret_error);
		place_print(&d.place, ret_error->path, sizeof(ret_error->path));
	}
	lexer_fini(&d.lexer);
	if (d.arena)
		weft_arena_free(d.arena);
	return r;
}

int weft_json_to_wire(const struct weft_schema_message *message, const char *text, size_t len,
		      const struct weft_json_options *options, struct weft_buffer *out,
		      struct weft_json_error *ret_error)
{
	return decode(message, NULL, text, len, options, out, ret_error);
}

int weft_json_value_to_wire(const struct weft_schema_field *field, const char *text, size_t len,
			    const struct weft_json_options *options, struct weft_buffer *out,
			    struct weft_json_error *ret_error)
{
	return decode(NULL, field, text, len, options, out, ret_error);
}
