/* See flags.h. */
#include "flags.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void set(const struct flag *flag, const char *text)
{
	char *end = NULL;

	switch (flag->kind) {
	case FLAG_TEXT: *(const char **)flag->value = text; return;
	case FLAG_NUMBER:
		*(long *)flag->value = strtol(text, &end, 10);
		if (*text && !*end)
			return;
		break;
	case FLAG_BOOL:
		*(bool *)flag->value = strcmp(text, "true") == 0;
		if (*(bool *)flag->value || strcmp(text, "false") == 0)
			return;
		break;
	}
	fprintf(stderr, "--%s: \"%s\" is no value for it\n", flag->name, text);
	exit(2);
}

static const struct flag *find(const struct flag *flags, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (strlen(flags[i].name) == len && strncmp(flags[i].name, name, len) == 0)
			return &flags[i];
	fprintf(stderr, "--%.*s is not known, and passed over\n", (int)len, name);
	return NULL;
}

/* Whether `text`, what follows a flag without "=", is its value. */
static bool is_value(const struct flag *flag, const char *text)
{
	if (!text)
		return false;
	if (flag && flag->kind == FLAG_BOOL)
		return strcmp(text, "true") == 0 || strcmp(text, "false") == 0;
	return strncmp(text, "--", 2) != 0;
}

void flags_parse(const struct flag *flags, size_t n, int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		const char *name = argv[i] + 2;
		const struct flag *flag;
		size_t len;

		if (strncmp(argv[i], "--", 2) != 0) {
			fprintf(stderr, "\"%s\" is no flag\n", argv[i]);
			exit(2);
		}
		len = strcspn(name, "=");
		flag = find(flags, n, name, len);
		if (name[len] == '=') {
			if (flag)
				set(flag, name + len + 1);
		} else if (is_value(flag, argv[i + 1])) {
			i++;
			if (flag)
				set(flag, argv[i]);
		} else if (flag) {
			set(flag, flag->kind == FLAG_BOOL ? "true" : "");
		}
	}
}
