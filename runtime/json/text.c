/*
 * What of JSON needs no descriptor: quoting, checking the syntax, and finding where a value ends;
 * and a single field from text that is not JSON.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <weft/json.h>
#include <weft/protobuf.h>

#include "base/utf8.h"
#include "lexer.h"
#include "quote.h"
#include "scalar.h"
#include "well_known.h"
#include "wire/base64.h"

int weft_json_quote(const char *bytes, size_t len, struct weft_buffer *out)
{
	return quote((const uint8_t *)bytes, len, false, out);
}

int weft_json_base64(const void *bytes, size_t len, struct weft_buffer *out)
{
	uint8_t *room;
	int r;

	r = weft_buffer_reserve(out, weft_base64_encoded_size(len) + 2, &room);
	if (r < 0)
		return r;
	room[0] = '"';
	len = weft_base64_encode(bytes, len, WEFT_BASE64_STANDARD, true, (char *)room + 1);
	room[len + 1] = '"';
	out->len += len + 2;
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Whether `c` ends a number or a literal that stands alone. */
static bool ends_word(char c)
{
	return is_space(c) || c == '{' || c == '[' || c == '"';
}

static bool scan_string(struct weft_json_scanner *scanner, const char *text, size_t len)
{
	for (; scanner->at < len; scanner->at++) {
		if (scanner->escaped) {
			scanner->escaped = false;
		} else if (text[scanner->at] == '\\') {
			scanner->escaped = true;
		} else if (text[scanner->at] == '"') {
			scanner->in_string = false;
			scanner->at++;
			return true;
		}
	}
	return false;
}

static int scan_nested(struct weft_json_scanner *scanner, const char *text, size_t len)
{
	for (;;) {
		if (scanner->in_string && !scan_string(scanner, text, len))
			return -EAGAIN;
		if (scanner->depth == 0)
			return 0;
		if (scanner->at == len)
			return -EAGAIN;
		switch (text[scanner->at++]) {
		case '"': scanner->in_string = true; break;
		case '{':
		case '[': scanner->depth++; break;
		case '}':
		case ']': scanner->depth--; break;
		}
	}
}

int weft_json_scan(struct weft_json_scanner *scanner, const char *text, size_t len, size_t *ret_len)
{
	int r;

	if (!scanner->begun) {
		while (scanner->at < len && is_space(text[scanner->at]))
			scanner->at++;
		if (scanner->at == len)
			return -ENODATA;
		if (strchr("}]:,", text[scanner->at]))
			return -EINVAL;
		scanner->begun = true;
		scanner->in_string = text[scanner->at] == '"';
		scanner->depth = text[scanner->at] == '{' || text[scanner->at] == '[';
		scanner->at += scanner->in_string || scanner->depth;
	}
	if (scanner->in_string || scanner->depth > 0) {
		r = scan_nested(scanner, text, len);
		if (r < 0)
			return r;
	} else {
		while (scanner->at < len && !ends_word(text[scanner->at]))
			scanner->at++;
		if (scanner->at == len)
			return -EAGAIN;
	}
	*ret_len = scanner->at;
	return 0;
}

int weft_json_value_length(const char *text, size_t len, size_t *ret_len)
{
	struct weft_json_scanner scanner = { 0 };

	return weft_json_scan(&scanner, text, len, ret_len);
}

int weft_json_check(const char *text, size_t len, unsigned max_depth,
		    struct weft_json_error *ret_error)
{
	struct lexer lexer;
	int r;

	lexer_init(&lexer, text, len);
	r = lexer_skip(&lexer, max_depth ? max_depth : LEXER_MAX_DEPTH);
	if (r >= 0 && lexer_peek(&lexer) != TOKEN_END)
		r = lexer_unexpected(&lexer, "the end of the text");
	if (r == -EINVAL && ret_error)
		lexer_explain(&lexer, ret_error);
	lexer_fini(&lexer);
	return r;
}

/* The well-known types whose JSON is text, and a wrapper's value. */
static int append_message_text(const struct weft_schema_message *message, const char *text,
			       size_t len, struct weft_buffer *out,
			       struct weft_json_error *ret_error)
{
	struct moment moment;
	int r;

	switch (message->well_known) {
	case WEFT_WKT_TIMESTAMP: r = timestamp_parse(text, len, &moment); break;
	case WEFT_WKT_DURATION: r = duration_parse(text, len, &moment); break;
	case WEFT_WKT_FIELD_MASK: return field_mask_append(out, text, len);
	case WEFT_WKT_WRAPPER:
		return weft_json_field_to_wire(&message->fields[0], text, len, out, ret_error);
	default: return -EINVAL;
	}
	return r < 0 ? r : moment_append(out, &moment);
}

static int append_text(const struct weft_schema_field *field, const char *text, size_t len,
		       struct weft_buffer *out, struct weft_json_error *ret_error)
{
	size_t mark;
	int r;

	r = weft_wire_begin(out, field->number, &mark);
	if (r < 0)
		return r;
	if (field->type == WEFT_TYPE_MESSAGE)
		r = append_message_text(field->message, text, len, out, ret_error);
	else if (field->type == WEFT_TYPE_BYTES)
		r = scalar_append_base64(out, text, len);
	else if (!weft_utf8_valid((const uint8_t *)text, len))
		r = -EINVAL;
	else
		r = weft_buffer_append(out, text, len);
	return r < 0 ? r : weft_wire_end(out, mark);
}

static int append_field(const struct weft_schema_field *field, const char *text, size_t len,
			struct weft_buffer *out, struct weft_json_error *ret_error)
{
	uint64_t bits;
	int r;

	if (field->map || field->type == WEFT_TYPE_GROUP)
		return -EINVAL;
	if (scalar_wire_type(field->type) == WEFT_WIRE_BYTES)
		return append_text(field, text, len, out, ret_error);
	r = scalar_parse(field, text, len, &bits);
	if (r < 0)
		return r;
	if (bits == 0 && !field->repeated && !field->presence)
		return 0;
	r = weft_wire_append_tag(out, field->number, scalar_wire_type(field->type));
	return r < 0 ? r : scalar_append(out, field->type, bits);
}

int weft_json_field_to_wire(const struct weft_schema_field *field, const char *text, size_t len,
			    struct weft_buffer *out, struct weft_json_error *ret_error)
{
	struct weft_json_error error = { .line = 1, .column = 1 };
	size_t start = out->len;
	int r;

	r = append_field(field, text, len, out, &error);
	if (r >= 0)
		return 0;
	out->len = start;
	if (r == -ENOMEM || r == -EMSGSIZE)
		return r;
	if (ret_error) {
		snprintf(error.path, sizeof(error.path), "%s", field->name);
		if (!*error.message)
			scalar_explain(field, r, text, len, error.message, sizeof(error.message));
		*ret_error = error;
	}
	return -EINVAL;
}
