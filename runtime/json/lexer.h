/*
 * JSON text, token by token: RFC 8259 to the letter. Strings are UTF-8 and are checked to be; an
 * escaped surrogate has its other half. Nothing is copied but a string that has escapes in it.
 */
#ifndef JSON_LEXER_H
#define JSON_LEXER_H

#include <weft/buffer.h>
#include <weft/json.h>

#include "append.h"

#define LEXER_MAX_DEPTH 100 /* of nested values, where the caller names no other */

/* What the caller knew of the options when he was compiled, and defaults for the rest. */
static inline struct weft_json_options options_of(const struct weft_json_options *options)
{
	struct weft_json_options own = { 0 };

	if (options)
		memcpy(&own, options, options->size < sizeof(own) ? options->size : sizeof(own));
	if (own.max_depth == 0)
		own.max_depth = LEXER_MAX_DEPTH;
	return own;
}

enum token {
	TOKEN_END = 0,
	TOKEN_OBJECT = '{',
	TOKEN_OBJECT_END = '}',
	TOKEN_ARRAY = '[',
	TOKEN_ARRAY_END = ']',
	TOKEN_COLON = ':',
	TOKEN_COMMA = ',',
	TOKEN_STRING = '"',
	TOKEN_NUMBER = '0',
	TOKEN_TRUE = 't',
	TOKEN_FALSE = 'f',
	TOKEN_NULL = 'n',
	TOKEN_OTHER = '?', /* no JSON */
};

/* The first failure is kept: where, and what. Every function below returns -EINVAL for it, or
 * -ENOMEM. */
struct lexer {
	const char *text;
	const char *at;
	const char *end;
	const char *token; /* where the token that was taken last begins */
	struct weft_buffer scratch;
	size_t error_offset;
	char error[192];
};

#define LEXER_SPACE 1
extern const uint8_t lexer_tokens[256]; /* what a byte begins: a token, LEXER_SPACE, 0: no JSON */

/* Past white space; takes nothing. */
static inline enum token lexer_peek(struct lexer *lexer)
{
	for (; lexer->at < lexer->end; lexer->at++) {
		uint8_t token = lexer_tokens[(uint8_t)*lexer->at];

		if (token != LEXER_SPACE)
			return token ? (enum token)token : TOKEN_OTHER;
	}
	return TOKEN_END;
}

void lexer_init(struct lexer *lexer, const char *text, size_t len);
void lexer_fini(struct lexer *lexer);
int lexer_fail(struct lexer *lexer, const char *at, const char *format, ...) WEFT_PRINTF(3, 4);
/* "expected an array, found a string" */
int lexer_unexpected(struct lexer *lexer, const char *wanted);

/* Sets offset, line and column. */
void lexer_locate(const struct lexer *lexer, size_t offset, struct weft_json_error *error);
/* Where and what, once a function has failed; the path is empty. */
void lexer_explain(const struct lexer *lexer, struct weft_json_error *ret_error);

const char *token_name(enum token token); /* "a string", "the end of the text", … */

/* Punctuation. */
static inline int lexer_take(struct lexer *lexer, enum token token, const char *wanted)
{
	if (lexer_peek(lexer) != token)
		return lexer_unexpected(lexer, wanted);
	lexer->token = lexer->at++;
	return 0;
}

/* Takes `text` where it stands right here, white space and all. */
static inline bool lexer_take_exactly(struct lexer *lexer, struct weft_bytes text)
{
	if ((size_t)(lexer->end - lexer->at) < text.len ||
	    memcmp(lexer->at, text.data, text.len) != 0)
		return false;
	lexer->token = lexer->at;
	lexer->at += text.len;
	return true;
}

/* Unescaped; borrowed until the next string is taken. */
int lexer_take_string(struct lexer *lexer, struct weft_bytes *ret_string);
int lexer_take_number(struct lexer *lexer, struct weft_bytes *ret_number);
int lexer_take_literal(struct lexer *lexer); /* true, false, null: what peek has seen */
/* After '{' or '[' and after each member: 1 when another member follows, 0 when `close` was taken.
 */
int lexer_next_member(struct lexer *lexer, enum token close, bool first);
/* Checks and passes over any value, nested at most `depth` levels. */
int lexer_skip(struct lexer *lexer, unsigned depth);

#endif
