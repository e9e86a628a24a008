#include "options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum kind { TEXT, SWITCH, DURATION, HEADER };

struct flag {
	char letter; /* 0: none */
	const char *name;
	const char *value; /* what --help calls it; NULL: a switch */
	enum kind kind;
	size_t offset;
	unsigned group; /* 0: every command has it */
	const char *help;
};

#define OPTION(member) offsetof(struct options, member)

static const struct flag flags[] = {
	{ 't', "target", "TARGET", TEXT, OPTION(target), OPTIONS_PEER,
	  "https://host:port, host:port, unix:/path, file:///path, etcd:///name; or "
	  "$WEFT_TARGET" },
	{ 0, "registry", "TARGET", TEXT, OPTION(registry), OPTIONS_PEER,
	  "where etcd:///name is looked up; or $WEFT_REGISTRY" },
	{ 'd', "data", "JSON|@FILE|@-", TEXT, OPTION(data), OPTIONS_DATA,
	  "the request; a stream's messages one after the other; @-: standard input" },
	{ 'H', "header", "NAME:VALUE", HEADER, OPTION(headers), OPTIONS_PEER,
	  "metadata, as often as needed; NAME-bin takes base64" },
	{ 0, "deadline", "2s", DURATION, OPTION(deadline_ns), OPTIONS_PEER,
	  "how long the call may take: 500ms, 2s, 1m" },
	{ 0, "ca", "FILE", TEXT, OPTION(ca), OPTIONS_PEER,
	  "whom to trust (PEM); or $WEFT_CA; else the system's list" },
	{ 0, "cert", "FILE", TEXT, OPTION(cert), OPTIONS_PEER,
	  "our certificate (PEM), with --key" },
	{ 0, "key", "FILE", TEXT, OPTION(key), OPTIONS_PEER, "its private key" },
	{ 0, "authority", "NAME", TEXT, OPTION(authority), OPTIONS_PEER,
	  "the name that the server's certificate must have" },
	{ 0, "insecure", NULL, SWITCH, OPTION(insecure), OPTIONS_PEER,
	  "TLS without looking at the certificate" },
	{ 0, "plaintext", NULL, SWITCH, OPTION(plaintext), OPTIONS_PEER,
	  "no TLS (as with http:// and, without --ca, unix:)" },
	{ 0, "emit-defaults", NULL, SWITCH, OPTION(emit_defaults), OPTIONS_DATA,
	  "show fields that have their default, too" },
	{ 0, "watch", NULL, SWITCH, OPTION(watch), OPTIONS_WATCH, "go on, at each change" },
	{ 'v', "verbose", NULL, SWITCH, OPTION(verbose), OPTIONS_PEER,
	  "show headers and trailers on standard error" },
	{ 0, "protoset", "FILE", TEXT, OPTION(protoset), OPTIONS_SCHEMA,
	  "contracts: protoc --include_imports --descriptor_set_out=FILE; else the built-in" },
	{ 'h', "help", NULL, SWITCH, OPTION(help), 0, "this" },
};

static int fail(char error[256], const char *format, ...) WEFT_PRINTF(2, 3);

static int fail(char error[256], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(error, 256, format, args);
	va_end(args);
	return -EINVAL;
}

static const struct flag *find(const char *name, size_t len, unsigned groups)
{
	for (size_t i = 0; i < WEFT_COUNT(flags); i++) {
		const struct flag *flag = &flags[i];
		bool named =
			len == 1 ? flag->letter == *name
				 : strncmp(flag->name, name, len) == 0 && flag->name[len] == '\0';

		if (named && (flag->group == 0 || (flag->group & groups)))
			return flag;
	}
	return NULL;
}

static int set(const struct flag *flag, const char *value, struct options *options, char error[256])
{
	void *member = (char *)options + flag->offset;
	const char *colon;

	switch (flag->kind) {
	case TEXT: *(const char **)member = value; break;
	case SWITCH: *(bool *)member = true; break;
	case DURATION:
		if (weft_duration_parse(value, member) < 0 || *(uint64_t *)member == 0)
			return fail(error, "--%s: \"%s\" is no duration such as 500ms, 2s, 1m",
				    flag->name, value);
		break;
	case HEADER:
		colon = strchr(value, ':');
		if (!colon || colon == value)
			return fail(error, "-%c: \"%s\" is not of the form name:value",
				    flag->letter, value);
		if (options->n_headers == OPTIONS_MAX_HEADERS)
			return fail(error, "-%c: more than %d headers", flag->letter,
				    OPTIONS_MAX_HEADERS);
		options->headers[options->n_headers++] = value;
		break;
	}
	if (flag->offset == OPTION(ca))
		options->ca_given = true;
	if (flag->offset == OPTION(target))
		options->target_given = true;
	return 0;
}

/* "--name", "--name=value", "-n", "-nvalue"; takes the next argument where a value is needed. */
static int parse_flag(int argc, char *const *argv, int *at, unsigned groups,
		      struct options *options, char error[256])
{
	const char *text = argv[*at], *value = NULL;
	const struct flag *flag;
	size_t len = 1;

	if (text[1] == '-') {
		text += 2;
		len = strcspn(text, "=");
		value = text[len] == '=' ? text + len + 1 : NULL;
		flag = len > 1 ? find(text, len, groups) : NULL;
	} else {
		text += 1;
		value = text[1] ? text + 1 : NULL;
		flag = find(text, 1, groups);
	}
	if (!flag)
		return fail(error, "no flag \"%s\" here: see --help", argv[*at]);
	if (flag->kind == SWITCH && value)
		return fail(error, "--%s takes no value", flag->name);
	if (flag->kind != SWITCH && !value) {
		if (*at + 1 == argc)
			return fail(error, "--%s needs a value: %s", flag->name, flag->value);
		value = argv[++*at];
	}
	return set(flag, value, options, error);
}

int options_parse(int argc, char *const *argv, unsigned groups, struct options *ret_options,
		  char error[256])
{
	struct options options = { .target = getenv("WEFT_TARGET"),
				   .registry = getenv("WEFT_REGISTRY"),
				   .ca = getenv("WEFT_CA") };
	bool only_positionals = false;
	size_t n = 0;
	int r;

	for (int i = 0; i < argc; i++) {
		if (!only_positionals && strcmp(argv[i], "--") == 0) {
			only_positionals = true;
		} else if (!only_positionals && argv[i][0] == '-' && argv[i][1]) {
			r = parse_flag(argc, argv, &i, groups, &options, error);
			if (r < 0)
				return r;
		} else if (n == OPTIONS_MAX_POSITIONALS) {
			return fail(error, "one argument too many: \"%s\"", argv[i]);
		} else {
			options.positionals[n++] = argv[i];
		}
	}
	if (!options.cert != !options.key)
		return fail(error, "--cert and --key belong together");
	if (options.plaintext && (options.ca_given || options.cert || options.insecure))
		return fail(error, "--plaintext leaves no use for the other TLS flags");
	*ret_options = options;
	return 0;
}

void options_print(unsigned groups)
{
	for (size_t i = 0; i < WEFT_COUNT(flags); i++) {
		const struct flag *flag = &flags[i];
		char left[64], letter[8] = "    ";

		if (flag->group != 0 && !(flag->group & groups))
			continue;
		if (flag->letter)
			snprintf(letter, sizeof(letter), "-%c, ", flag->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, flag->name,
			 flag->value ? " " : "", flag->value ? flag->value : "");
		printf("  %-30s %s\n", left, flag->help);
	}
}
