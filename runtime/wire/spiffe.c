/* SPIFFE IDs; see spiffe.h. */
#include "wire/spiffe.h"

#include <string.h>

#define SCHEME     "spiffe://"
#define ID_MAX     2048
#define DOMAIN_MAX 255

static bool is_lower_or_digit(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool is_of_domain(char c)
{
	return is_lower_or_digit(c) || c == '.' || c == '-' || c == '_';
}

static bool is_of_path(char c)
{
	return is_of_domain(c) || (c >= 'A' && c <= 'Z');
}

static size_t span(const char *text, bool (*belongs)(char c))
{
	size_t n = 0;

	while (text[n] && belongs(text[n]))
		n++;
	return n;
}

/* "/a/b": segments that are not empty, and not relative. */
static bool path_valid(const char *path)
{
	while (*path) {
		size_t n;

		if (*path++ != '/')
			return false;
		n = span(path, is_of_path);
		if (n == 0 || (n == 1 && path[0] == '.') || (n == 2 && !strncmp(path, "..", 2)))
			return false;
		path += n;
	}
	return true;
}

bool weft_spiffe_id_valid(const char *text)
{
	size_t n;

	if (strncmp(text, SCHEME, strlen(SCHEME)) != 0 || strlen(text) > ID_MAX)
		return false;
	text += strlen(SCHEME);
	n = span(text, is_of_domain);
	return n > 0 && n <= DOMAIN_MAX && path_valid(text + n);
}
