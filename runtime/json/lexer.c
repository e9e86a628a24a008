#include "lexer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

void lexer_init(struct lexer *lexer, const char *text, size_t len)
{
	if (len == 0) /* `text` may be NULL */
		text = "";
	*lexer = (struct lexer) {
		.text = text,
		.at = text,
		.end = text + len,
		.token = text,
		.scratch = WEFT_BUFFER_INIT,
	};
}

void lexer_fini(struct lexer *lexer)
{
	weft_buffer_fini(&lexer->scratch);
}

int lexer_fail(struct lexer *lexer, const char *at, const char *format, ...)
{
	va_list args;

	lexer->error_offset = (size_t)(at - lexer->text);
	va_start(args, format);
	vsnprintf(lexer->error, sizeof(lexer->error), format, args);
	va_end(args);
	return -EINVAL;
}

void lexer_locate(const struct lexer *lexer, size_t offset, struct weft_json_error *error)
{
	error->offset = offset;
	error->line = 1;
	error->column = 1;
	for (size_t i = 0; i < offset; i++) {
		error->column++;
		if (lexer->text[i] == '\n') {
			error->line++;
			error->column = 1;
		}
	}
}

void lexer_explain(const struct lexer *lexer, struct weft_json_error *ret_error)
{
	struct weft_json_error error = { 0 };

	lexer_locate(lexer, lexer->error_offset, &error);
	snprintf(error.message, sizeof(error.message), "%s", lexer->error);
	*ret_error = error;
}

const uint8_t lexer_tokens[256] = {
	[' '] = LEXER_SPACE,          ['\t'] = LEXER_SPACE,    ['\n'] = LEXER_SPACE,
	['\r'] = LEXER_SPACE,         ['{'] = TOKEN_OBJECT,    ['}'] = TOKEN_OBJECT_END,
	['['] = TOKEN_ARRAY,          [']'] = TOKEN_ARRAY_END, [':'] = TOKEN_COLON,
	[','] = TOKEN_COMMA,          ['"'] = TOKEN_STRING,    ['t'] = TOKEN_TRUE,
	['f'] = TOKEN_FALSE,          ['n'] = TOKEN_NULL,      ['-'] = TOKEN_NUMBER,
	['0' ... '9'] = TOKEN_NUMBER,
};

const char *token_name(enum token token)
{
	switch (token) {
	case TOKEN_END: return "the end of the text";
	case TOKEN_OBJECT: return "an object";
	case TOKEN_OBJECT_END: return "'}'";
	case TOKEN_ARRAY: return "an array";
	case TOKEN_ARRAY_END: return "']'";
	case TOKEN_COLON: return "':'";
	case TOKEN_COMMA: return "','";
	case TOKEN_STRING: return "a string";
	case TOKEN_NUMBER: return "a number";
	case TOKEN_TRUE: return "true";
	case TOKEN_FALSE: return "false";
	case TOKEN_NULL: return "null";
	case TOKEN_OTHER: break;
	}
	return "no JSON";
}

int lexer_unexpected(struct lexer *lexer, const char *wanted)
{
	enum token token = lexer_peek(lexer);

	if (token == TOKEN_OTHER && *lexer->at > ' ' && *lexer->at < 0x7f)
		return lexer_fail(lexer, lexer->at, "expected %s, found '%c'", wanted, *lexer->at);
	return lexer_fail(lexer, lexer->at, "expected %s, found %s", wanted, token_name(token));
}

static int take_hex(struct lexer *lexer, uint32_t *ret_unit)
{
	const char *start = lexer->at - 2; /* the backslash */
	uint32_t unit = 0;

	for (int i = 0; i < 4; i++) {
		char c = lexer->at < lexer->end ? *lexer->at : '\0';

		if (c >= '0' && c <= '9')
			unit = unit << 4 | (uint32_t)(c - '0');
		else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			unit = unit << 4 | (uint32_t)((c | 0x20) - 'a' + 10);
		else
			return lexer_fail(lexer, start, "\\u needs four hexadecimal digits");
		lexer->at++;
	}
	*ret_unit = unit;
	return 0;
}

static int append_character(struct weft_buffer *out, uint32_t c)
{
	uint8_t room[4];
	size_t n = 0;

	if (c < 0x80) {
		room[n++] = (uint8_t)c;
	} else if (c < 0x800) {
		room[n++] = (uint8_t)(0xc0 | c >> 6);
		room[n++] = (uint8_t)(0x80 | (c & 0x3f));
	} else if (c < 0x10000) {
		room[n++] = (uint8_t)(0xe0 | c >> 12);
		room[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		room[n++] = (uint8_t)(0x80 | (c & 0x3f));
	} else {
		room[n++] = (uint8_t)(0xf0 | c >> 18);
		room[n++] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		room[n++] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		room[n++] = (uint8_t)(0x80 | (c & 0x3f));
	}
	return weft_buffer_append(out, room, n);
}

/* After "\u": one unit, or the two of a surrogate pair. */
static int take_unicode(struct lexer *lexer)
{
	const char *start = lexer->at - 2;
	uint32_t c = 0, low = 0;
	int r;

	r = take_hex(lexer, &c);
	if (r < 0)
		return r;
	if (c >= 0xdc00 && c <= 0xdfff)
		return lexer_fail(lexer, start, "a low surrogate without a high one before it");
	if (c >= 0xd800 && c <= 0xdbff) {
		if (lexer->end - lexer->at < 2 || lexer->at[0] != '\\' || lexer->at[1] != 'u')
			return lexer_fail(lexer, start,
					  "a high surrogate without a low one after it");
		lexer->at += 2;
		r = take_hex(lexer, &low);
		if (r < 0)
			return r;
		if (low < 0xdc00 || low > 0xdfff)
			return lexer_fail(lexer, start,
					  "a high surrogate without a low one after it");
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	return append_character(&lexer->scratch, c);
}

static int take_escape(struct lexer *lexer)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found;

	lexer->at++;
	if (lexer->at == lexer->end)
		return lexer_fail(lexer, lexer->at, "the string does not end");
	if (*lexer->at == 'u') {
		lexer->at++;
		return take_unicode(lexer);
	}
	found = *lexer->at ? strchr(from, *lexer->at) : NULL;
	if (!found)
		return lexer_fail(lexer, lexer->at - 1, "no such escape in JSON");
	lexer->at++;
	return weft_buffer_append_byte(&lexer->scratch, (uint8_t)to[found - from]);
}

/* Passes over bytes that stand for themselves, up to a quote, a backslash or a fault. */
static int take_plain(struct lexer *lexer)
{
	for (;;) {
		const uint8_t *at = (const uint8_t *)lexer->at;
		size_t step;

		at += plain_run(at, (size_t)(lexer->end - lexer->at));
		lexer->at = (const char *)at;
		if (lexer->at == lexer->end)
			return lexer_fail(lexer, lexer->token, "the string does not end");
		if (*at == '"' || *at == '\\')
			return 0;
		if (*at < 0x20)
			return lexer_fail(lexer, lexer->at,
					  "a control character in a string must be escaped");
		step = weft_utf8_step(at, (size_t)(lexer->end - lexer->at));
		if (step == 0)
			return lexer_fail(lexer, lexer->at, "the string is not UTF-8");
		lexer->at += step;
	}
}

int lexer_take_string(struct lexer *lexer, struct weft_bytes *ret_string)
{
	const char *start;
	int r;

	if (lexer_peek(lexer) != TOKEN_STRING)
		return lexer_unexpected(lexer, "a string");
	lexer->token = lexer->at;
	start = ++lexer->at;
	r = take_plain(lexer);
	if (r < 0)
		return r;
	if (*lexer->at == '"') {
		*ret_string = (struct weft_bytes) { (const uint8_t *)start,
						    (size_t)(lexer->at++ - start) };
		return 0;
	}
	weft_buffer_clear(&lexer->scratch);
	for (;;) {
		r = weft_buffer_append(&lexer->scratch, start, (size_t)(lexer->at - start));
		if (r < 0)
			return r;
		if (*lexer->at == '"')
			break;
		r = take_escape(lexer);
		if (r < 0)
			return r;
		start = lexer->at;
		r = take_plain(lexer);
		if (r < 0)
			return r;
	}
	lexer->at++;
	*ret_string = (struct weft_bytes) { lexer->scratch.data, lexer->scratch.len };
	return 0;
}

static size_t take_digits(struct lexer *lexer)
{
	const char *start = lexer->at;

	while (lexer->at < lexer->end && *lexer->at >= '0' && *lexer->at <= '9')
		lexer->at++;
	return (size_t)(lexer->at - start);
}

static bool take_one_of(struct lexer *lexer, char a, char b)
{
	if (lexer->at == lexer->end || (*lexer->at != a && *lexer->at != b))
		return false;
	lexer->at++;
	return true;
}

int lexer_take_number(struct lexer *lexer, struct weft_bytes *ret_number)
{
	const char *start, *digits;

	if (lexer_peek(lexer) != TOKEN_NUMBER)
		return lexer_unexpected(lexer, "a number");
	lexer->token = start = lexer->at;
	take_one_of(lexer, '-', '-');
	digits = lexer->at;
	if (take_digits(lexer) == 0)
		return lexer_fail(lexer, start, "a number needs a digit after '-'");
	if (*digits == '0' && lexer->at - digits > 1)
		return lexer_fail(lexer, start, "a number must not begin with 0");
	if (take_one_of(lexer, '.', '.') && take_digits(lexer) == 0)
		return lexer_fail(lexer, start, "a number needs a digit after '.'");
	if (take_one_of(lexer, 'e', 'E')) {
		take_one_of(lexer, '+', '-');
		if (take_digits(lexer) == 0)
			return lexer_fail(lexer, start, "a number needs a digit after 'e'");
	}
	*ret_number = (struct weft_bytes) { (const uint8_t *)start, (size_t)(lexer->at - start) };
	return 0;
}

int lexer_take_literal(struct lexer *lexer)
{
	static const char *const literals[] = { "true", "false", "null" };

	lexer_peek(lexer);
	lexer->token = lexer->at;
	for (size_t i = 0; i < WEFT_COUNT(literals); i++) {
		size_t len = strlen(literals[i]);

		if ((size_t)(lexer->end - lexer->at) < len ||
		    memcmp(lexer->at, literals[i], len) != 0)
			continue;
		lexer->at += len;
		return 0;
	}
	return lexer_fail(lexer, lexer->at, "expected a value");
}

int lexer_next_member(struct lexer *lexer, enum token close, bool first)
{
	const char *wanted = close == TOKEN_OBJECT_END ? "',' or '}'" : "',' or ']'";

	if (lexer_peek(lexer) == close) {
		lexer->token = lexer->at++;
		return 0;
	}
	if (!first) {
		if (lexer_take(lexer, TOKEN_COMMA, wanted) < 0)
			return -EINVAL;
		if (lexer_peek(lexer) == close)
			return lexer_fail(lexer, lexer->token, "a ',' with nothing after it");
	}
	if (close == TOKEN_OBJECT_END && lexer_peek(lexer) != TOKEN_STRING)
		return lexer_unexpected(lexer,
					first ? "a name in quotes or '}'" : "a name in quotes");
	return 1;
}

static int skip_members(struct lexer *lexer, enum token close, unsigned depth)
{
	struct weft_bytes name;
	bool first = true;
	int r;

	lexer->token = lexer->at++;
	if (depth == 0)
		return lexer_fail(lexer, lexer->token, "nested too deep");
	while ((r = lexer_next_member(lexer, close, first)) > 0) {
		first = false;
		if (close == TOKEN_OBJECT_END) {
			r = lexer_take_string(lexer, &name);
			if (r < 0)
				return r;
			r = lexer_take(lexer, TOKEN_COLON, "':'");
			if (r < 0)
				return r;
		}
		r = lexer_skip(lexer, depth - 1);
		if (r < 0)
			return r;
	}
	return r;
}

int lexer_skip(struct lexer *lexer, unsigned depth)
{
	struct weft_bytes ignored;

	switch (lexer_peek(lexer)) {
	case TOKEN_OBJECT: return skip_members(lexer, TOKEN_OBJECT_END, depth);
	case TOKEN_ARRAY: return skip_members(lexer, TOKEN_ARRAY_END, depth);
	case TOKEN_STRING: return lexer_take_string(lexer, &ignored);
	case TOKEN_NUMBER: return lexer_take_number(lexer, &ignored);
	case TOKEN_TRUE:
	case TOKEN_FALSE:
	case TOKEN_NULL: return lexer_take_literal(lexer);
	default: return lexer_unexpected(lexer, "a value");
	}
}
