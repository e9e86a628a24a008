/*
 * From a path back to the place in the text: for faults that show only when a whole message has
 * been read, and which a person wants to find in what he wrote.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <weft/json.h>

#include "lexer.h"

/* A step of the path: a name, or an index where `name` is NULL. */
struct step {
	const char *name;
	size_t len;
	size_t index;
};

/* Takes a step off the front of the path: false at its end. */
static bool next_step(const char **path, struct step *ret_step)
{
	const char *at = *path;
	char *end;

	if (*at == '[') {
		*ret_step = (struct step) { .index = strtoul(at + 1, &end, 10) };
		*path = *end == ']' ? end + 1 : end;
		return end != at + 1;
	}
	at += *at == '.';
	*ret_step = (struct step) { .name = at, .len = strcspn(at, ".[") };
	*path = at + ret_step->len;
	return ret_step->len > 0;
}

/* "max_attempts" and "maxAttempts" are the same. */
static bool same_name(struct weft_bytes a, const struct step *step)
{
	size_t i = 0, k = 0;

	for (;;) {
		i += i < a.len && a.data[i] == '_';
		k += k < step->len && step->name[k] == '_';
		if (i >= a.len || k >= step->len)
			return i >= a.len && k >= step->len;
		if (tolower(a.data[i++]) != tolower((unsigned char)step->name[k++]))
			return false;
	}
}

/* Goes to the value of the member; false: there is none. */
static bool enter_member(struct lexer *lexer, const struct step *step)
{
	struct weft_bytes name;
	bool first = true;

	if (lexer_take(lexer, TOKEN_OBJECT, "an object") < 0)
		return false;
	while (lexer_next_member(lexer, TOKEN_OBJECT_END, first) > 0) {
		first = false;
		if (lexer_take_string(lexer, &name) < 0)
			return false;
		if (same_name(name, step))
			return lexer_take(lexer, TOKEN_COLON, "':'") == 0;
		if (lexer_take(lexer, TOKEN_COLON, "':'") < 0 ||
		    lexer_skip(lexer, LEXER_MAX_DEPTH) < 0)
			return false;
	}
	return false;
}

static bool enter_element(struct lexer *lexer, size_t index)
{
	if (lexer_take(lexer, TOKEN_ARRAY, "an array") < 0)
		return false;
	for (size_t i = 0; lexer_next_member(lexer, TOKEN_ARRAY_END, i == 0) > 0; i++) {
		if (i == index)
			return true;
		if (lexer_skip(lexer, LEXER_MAX_DEPTH) < 0)
			return false;
	}
	return false;
}

void weft_json_locate(const char *text, size_t len, const char *path,
		      struct weft_json_error *ret_error)
{
	struct lexer lexer;
	struct step step;
	const char *found;
	bool entered = true;

	lexer_init(&lexer, text, len);
	lexer_peek(&lexer);
	found = lexer.at;
	while (entered && next_step(&path, &step)) {
		entered =
			step.name ? enter_member(&lexer, &step) : enter_element(&lexer, step.index);
		lexer_peek(&lexer);
		if (entered)
			found = lexer.at;
	}
	lexer_locate(&lexer, (size_t)(found - lexer.text), ret_error);
	lexer_fini(&lexer);
}
