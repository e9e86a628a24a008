/* See names.h. protobuf-c's rules are those of protoc-gen-c 1.4 and later. */
#include "names.h"

#include "memory.h"

#include <search.h>
#include <string.h>
#include <strings.h>

/* <ctype.h> asks the locale; contracts are ASCII. */
static bool is_upper(char c)
{
	return c >= 'A' && c <= 'Z';
}

static bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_upper(c) || is_lower(c) || is_digit(c);
}

static char to_upper(char c)
{
	return is_lower(c) ? (char)(c - 'a' + 'A') : c;
}

static char to_lower(char c)
{
	return is_upper(c) ? (char)(c - 'A' + 'a') : c;
}

/* Each component of the name in camel case: an underscore goes and raises what follows it. */
char *names_message_type(const char *full_name)
{
	char *type = memory_alloc(2 * strlen(full_name) + 1);
	size_t len = 0;
	bool raise = true;

	for (const char *at = full_name; *at; at++) {
		if (*at == '.') {
			type[len++] = '_';
			type[len++] = '_';
			raise = true;
		} else if (*at == '_') {
			raise = true;
		} else {
			type[len++] = raise ? to_upper(*at) : *at;
			raise = false;
		}
	}
	return type;
}

/* Each component in lower case, with an underscore before every capital that follows none. */
char *names_message_descriptor(const char *full_name)
{
	char *symbol = memory_alloc(2 * strlen(full_name) + 1);
	size_t len = 0;
	bool after_upper = true;

	for (const char *at = full_name; *at; at++) {
		if (*at == '.') {
			symbol[len++] = '_';
			symbol[len++] = '_';
			after_upper = true;
			continue;
		}
		if (is_upper(*at) && !after_upper)
			symbol[len++] = '_';
		symbol[len++] = to_lower(*at);
		after_upper = is_upper(*at);
	}
	return memory_printf("%s__descriptor", symbol);
}

char *names_field(const char *name)
{
	char *field = memory_printf("%s", name);

	for (char *at = field; *at; at++)
		*at = to_lower(*at);
	return field;
}

/* A word begins at a capital after a small letter or digit, and at the last capital of an
 * acronym. */
static bool begins_word(const char *name, const char *at)
{
	if (at == name || !is_upper(*at))
		return false;
	return is_lower(at[-1]) || is_digit(at[-1]) || (is_upper(at[-1]) && is_lower(at[1]));
}

char *names_snake(const char *name)
{
	char *snake = memory_alloc(2 * strlen(name) + 1);
	size_t len = 0;
	bool gap = false;

	for (const char *at = name; *at; at++) {
		if (!is_alnum(*at)) {
			gap = true;
			continue;
		}
		if ((gap || begins_word(name, at)) && len > 0)
			snake[len++] = '_';
		snake[len++] = to_lower(*at);
		gap = false;
	}
	return snake;
}

/* As it is, but for what C does not allow: capitals tell two files apart. */
char *names_of_path(const char *path)
{
	char *name = memory_printf("%s%s", is_digit(path[0]) ? "file_" : "", path);
	char *at = name;

	while (*at && !is_alnum(*at)) /* no C name begins with an underscore */
		at++;
	name = at;
	for (; *at; at++)
		if (!is_alnum(*at))
			*at = '_';
	return name;
}

char *names_guard(const char *stem)
{
	char *guard = memory_printf("%s_WEFT_H", names_of_path(stem));

	for (char *at = guard; *at; at++)
		*at = to_upper(*at);
	return guard;
}

/* Lower case only, for members are. The last row are macros of the C library and of compilers. */
static const char *const taken[] = {
	"alignas",      "alignof",
	"and",          "and_eq",
	"asm",          "auto",
	"bitand",       "bitor",
	"bool",         "break",
	"case",         "catch",
	"char",         "class",
	"co_await",     "co_return",
	"co_yield",     "compl",
	"concept",      "const",
	"const_cast",   "consteval",
	"constexpr",    "constinit",
	"continue",     "decltype",
	"default",      "delete",
	"do",           "double",
	"dynamic_cast", "else",
	"enum",         "explicit",
	"export",       "extern",
	"false",        "float",
	"for",          "friend",
	"goto",         "if",
	"inline",       "int",
	"long",         "mutable",
	"namespace",    "new",
	"noexcept",     "not",
	"not_eq",       "nullptr",
	"operator",     "or",
	"or_eq",        "private",
	"protected",    "public",
	"register",     "reinterpret_cast",
	"requires",     "restrict",
	"return",       "short",
	"signed",       "sizeof",
	"static",       "static_assert",
	"static_cast",  "struct",
	"switch",       "template",
	"this",         "thread_local",
	"throw",        "true",
	"try",          "typedef",
	"typeid",       "typename",
	"typeof",       "typeof_unqual",
	"union",        "unsigned",
	"using",        "virtual",
	"void",         "volatile",
	"wchar_t",      "while",
	"xor",          "xor_eq",

	"assert",       "complex",
	"errno",        "linux",
	"major",        "makedev",
	"minor",        "noreturn",
	"offsetof",     "stderr",
	"stdin",        "stdout",
	"unix",
};

char *names_member(const char *name)
{
	for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++)
		if (strcmp(name, taken[i]) == 0)
			return memory_printf("%s_", name);
	return memory_printf("%s", name);
}

/* "v1", "v1beta2": a version, not a word of the house. */
static bool is_version(const char *component)
{
	return component[0] == 'v' && is_digit(component[1]);
}

/* Case and underscores aside: the package order_book and the service OrderBook are the same
 * words. */
static bool same_words(const char *a, const char *b)
{
	char *one = memory_printf("%s", a), *other = memory_printf("%s", b);

	for (char *at; (at = strchr(one, '_'));)
		memmove(at, at + 1, strlen(at));
	for (char *at; (at = strchr(other, '_'));)
		memmove(at, at + 1, strlen(at));
	return strcasecmp(one, other) == 0;
}

bool names_repeats(const char *package, const char *service)
{
	char *components = memory_printf("%s", package);
	char *rest;

	for (char *at = strtok_r(components, ".", &rest); at; at = strtok_r(NULL, ".", &rest))
		if (!is_version(at) && same_words(at, service))
			return true;
	return false;
}

bool names_is_proto_name(const char *name)
{
	if (!name || !(is_alnum(name[0]) || name[0] == '_') || is_digit(name[0]))
		return false;
	while (is_alnum(*name) || *name == '_')
		name++;
	return *name == '\0';
}

bool names_is_identifier(const char *name)
{
	return names_is_proto_name(name) && name[0] != '_';
}

bool names_is_qualified_name(const char *name)
{
	char *components = memory_printf("%s", name);

	for (char *at = components, *dot; at; at = dot) {
		dot = strchr(at, '.');
		if (dot)
			*dot++ = '\0';
		if (!names_is_proto_name(at))
			return false;
	}
	return true;
}

struct claim {
	const char *name;
	const char *what;
	const char *where;
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct claim *)a)->name, ((const struct claim *)b)->name);
}

static void keep(void *claim)
{
}

void names_fini(struct names *names)
{
	tdestroy(names->tree, keep);
	names->tree = NULL;
}

const char *names_claim(struct names *names, const char *name, const char *what, const char *advice,
			struct place place)
{
	struct claim *claim = memory_alloc(sizeof(*claim));
	const struct claim *const *first;

	*claim = (struct claim) { .name = name, .what = what, .where = place_text(place) };
	first = tsearch(claim, &names->tree, compare);
	if (!first)
		return "out of memory";
	if (*first == claim)
		return NULL;
	return place_error(place, "%s needs the C name \"%s\", which %s (%s) has: %s", what, name,
			   (*first)->what, (*first)->where, advice);
}
