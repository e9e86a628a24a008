/*
 * One table says everything about an option: its flag, its variable, its kind, its default, and the
 * words of --help. Nothing is known twice.
 */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file.h"

enum kind { TEXT, NUMBER, SIZE, DURATION, LEVEL, BACKENDS };

struct option {
	const char *flag;
	const char *variable;
	enum kind kind;
	size_t offset;
	const char *fallback; /* NULL: none */
	const char *help;
};

#define OPTION(member) offsetof(struct config, member)

static const struct option options[] = {
	{ "config", "WEFT_CONFIG", TEXT, OPTION(file), NULL,
	  "a YAML file that says the rest (proto/gateway/v1/config.proto)" },
	{ "listen", "WEFT_LISTEN", TEXT, OPTION(listen), "127.0.0.1:8443", "address to listen at" },
	{ "tls-cert", "WEFT_TLS_CERT", TEXT, OPTION(tls_cert), NULL,
	  "PEM chain; without it the port is plaintext" },
	{ "tls-key", "WEFT_TLS_KEY", TEXT, OPTION(tls_key), NULL, "PEM private key" },
	{ "upstream-ca", "WEFT_UPSTREAM_CA", TEXT, OPTION(upstream_ca), NULL,
	  "whom to trust as a backend; without it backends are spoken to in plaintext" },
	{ "backend", "WEFT_BACKENDS", BACKENDS, 0, NULL,
	  "PACKAGE=TARGET, as often as there are packages; separated by spaces in the variable" },
	{ "registry", "WEFT_REGISTRY", TEXT, OPTION(registry), NULL,
	  "where targets as etcd:///catalog are looked up, an etcd or weft-registry" },
	{ "reflection-interval", "WEFT_REFLECTION_INTERVAL", DURATION,
	  OPTION(reflection_interval_ns), "30s",
	  "between two questions to backends that say their contracts themselves" },
	{ "url-file", "WEFT_URL_FILE", TEXT, OPTION(url_file), NULL,
	  "gets the public URL once the port is open" },
	{ "workers", "WEFT_WORKERS", NUMBER, OPTION(workers), "2", "threads" },
	{ "drain", "WEFT_DRAIN", DURATION, OPTION(drain_ns), "10s",
	  "how long a drain waits for requests under way" },
	{ "log-level", "WEFT_LOG", LEVEL, OPTION(log_level), "info",
	  "debug, info, warning or error" },
	{ "max-head", "WEFT_MAX_HEAD", SIZE, OPTION(max_head), "16384",
	  "bytes of a request's headers" },
	{ "max-body", "WEFT_MAX_BODY", SIZE, OPTION(max_body), "4194304",
	  "bytes of a request's body, or of one message of a stream" },
	{ "max-connections", "WEFT_MAX_CONNECTIONS", NUMBER, OPTION(max_connections), "4096",
	  "connections of each worker" },
	{ "call-timeout", "WEFT_CALL_TIMEOUT", DURATION, OPTION(call_timeout_ns), "15s",
	  "deadline of a call whose client names none" },
	{ "head-timeout", "WEFT_HEAD_TIMEOUT", DURATION, OPTION(head_timeout_ns), "10s",
	  "for a request's headers" },
	{ "body-timeout", "WEFT_BODY_TIMEOUT", DURATION, OPTION(body_timeout_ns), "30s",
	  "between two bytes of a request's body" },
	{ "idle-timeout", "WEFT_IDLE_TIMEOUT", DURATION, OPTION(idle_timeout_ns), "75s",
	  "between two requests" },
	{ "stall-timeout", "WEFT_STALL_TIMEOUT", DURATION, OPTION(stall_timeout_ns), "60s",
	  "for a client to take some of its response" },
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

static int parse_number(const char *text, uint64_t *ret_number, const char **ret_rest)
{
	unsigned long long number;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	number = strtoull(text, &end, 10);
	if (errno || number > UINT64_C(1) << 48)
		return -EINVAL;
	*ret_number = number;
	*ret_rest = end;
	return 0;
}

static int add_backend(struct config *config, const char *text, size_t len, char error[256])
{
	const char *equals = memchr(text, '=', len);
	struct config_backend *backend = &config->backends[config->n_backends];
	const char **packages;

	if (!equals || equals == text || equals + 1 == text + len)
		return fail(error, "--backend \"%.*s\": it reads PACKAGE=TARGET", (int)len, text);
	if (config->n_backends == CONFIG_MAX_BACKENDS)
		return fail(error, "--backend: more than %d", CONFIG_MAX_BACKENDS);

	packages = weft_arena_new_array(config->arena, const char *, 1);
	packages[0] = weft_arena_strndup(config->arena, text, (size_t)(equals - text));
	*backend = (struct config_backend) {
		.packages = packages,
		.n_packages = 1,
		.target = weft_arena_strndup(config->arena, equals + 1,
					     (size_t)(text + len - equals - 1)),
	};
	if (!packages[0] || !backend->target)
		return fail(error, "out of memory");
	config->n_backends++;
	return 0;
}

static int add_backends(struct config *config, const char *text, char error[256])
{
	int r = 0;

	while (r == 0 && *(text += strspn(text, " \t\n,"))) {
		size_t len = strcspn(text, " \t\n,");

		r = add_backend(config, text, len, error);
		text += len;
	}
	return r;
}

static int set(struct config *config, const struct option *option, const char *text,
	       char error[256])
{
	void *member = (char *)config + option->offset;
	const char *rest;
	int r = -EINVAL;

	switch (option->kind) {
	case TEXT: *(const char **)member = text; return 0;
	case BACKENDS: return add_backends(config, text, error);
	case LEVEL: r = weft_log_level_parse(text, member); break;
	case DURATION: r = weft_duration_parse(text, member); break;
	case NUMBER:
	case SIZE:
		r = parse_number(text, member, &rest);
		if (r == 0 && (*rest || *(uint64_t *)member == 0))
			r = -EINVAL;
		break;
	}
	if (r < 0)
		return fail(error, "--%s: \"%s\" is %s", option->flag, text,
			    option->kind == DURATION ? "no duration such as 500ms, 10s or 2m"
			    : option->kind == LEVEL  ? "none of debug, info, warning, error"
						     : "no whole number above 0");
	return 0;
}

/* The option of a flag, "--listen" or "--listen=…"; NULL: there is none. */
static const struct option *find_option(const char *flag)
{
	size_t len = strcspn(flag, "=");

	for (size_t i = 0; i < WEFT_COUNT(options); i++)
		if (strncmp(flag, "--", 2) == 0 && len == strlen(options[i].flag) + 2 &&
		    strncmp(flag + 2, options[i].flag, len - 2) == 0)
			return &options[i];
	return NULL;
}

/* What each flag was given, in the order of the options; backends are taken at once. */
struct flags {
	const char *values[WEFT_COUNT(options)];
	bool backends;
};

static int read_flag(struct config *config, struct flags *flags, int argc, char **argv, int *at,
		     char error[256])
{
	const char *flag = argv[*at], *equals = strchr(flag, '=');
	const struct option *option = find_option(flag);
	const char *value;

	if (!option)
		return fail(error, "%s: no such flag; --help lists them", flag);
	if (!equals && *at + 1 == argc)
		return fail(error, "%s: a value is missing", flag);
	value = equals ? equals + 1 : argv[++*at];
	if (option->kind == BACKENDS) {
		flags->backends = true;
		return add_backends(config, value, error);
	}
	flags->values[option - options] = value;
	return 0;
}

static void help(void)
{
	printf("weft-gateway: REST, JSON and gRPC at one public address, from the contracts.\n\n");
	for (size_t i = 0; i < WEFT_COUNT(options); i++) {
		printf("  --%-16s %-22s %s%s%s%s\n", options[i].flag, options[i].variable,
		       options[i].help, options[i].fallback ? " (" : "",
		       options[i].fallback ? options[i].fallback : "",
		       options[i].fallback ? ")" : "");
	}
	printf("  --check FILE       say whether such a file is right, and do nothing else\n");
}

/* 1: --help has been answered. */
static int read_flags(struct config *config, struct flags *flags, int argc, char **argv,
		      char error[256])
{
	int r = 0;

	for (int at = 1; at < argc && r == 0; at++) {
		if (strcmp(argv[at], "--help") == 0) {
			help();
			return 1;
		}
		if (strcmp(argv[at], "--check") == 0) {
			if (at + 1 == argc)
				return fail(error, "--check: which file?");
			config->check = true;
			flags->values[0] = argv[++at];
		} else {
			r = read_flag(config, flags, argc, argv, &at, error);
		}
	}
	return r;
}

static const char *variable_of(const struct option *option)
{
	const char *text = getenv(option->variable);

	return text && *text ? text : NULL;
}

/* A flag's value or a variable's; NULL: neither. */
static const char *told(const struct flags *flags, const struct option *option)
{
	return flags->values[option - options] ?: variable_of(option);
}

static int set_defaults(struct config *config, char error[256])
{
	int r = 0;

	for (size_t i = 0; i < WEFT_COUNT(options) && r == 0; i++)
		if (options[i].fallback)
			r = set(config, &options[i], options[i].fallback, error);
	return r;
}

static int set_told(struct config *config, const struct flags *flags, char error[256])
{
	int r = 0;

	for (size_t i = 0; i < WEFT_COUNT(options) && r == 0; i++) {
		const struct option *option = &options[i];
		const char *text = told(flags, option);

		if (text && !(option->kind == BACKENDS && flags->backends))
			r = set(config, option, text, error);
	}
	return r;
}

int config_read(struct config *config, int argc, char **argv, char error[256])
{
	struct flags flags = { 0 };
	const char *file;
	int r;

	*config = (struct config) { .arena = weft_arena_new() };
	r = read_flags(config, &flags, argc, argv, error);
	if (r != 0)
		return r;
	r = set_defaults(config, error);
	file = told(&flags, &options[0]);
	if (r == 0 && file)
		r = config_file_read(config, file, error);
	if (r == 0)
		r = set_told(config, &flags, error);
	if (r < 0)
		return r;
	if (config->workers > 64)
		return fail(error, "--workers: more than 64");
	if (!config->tls_cert != !config->tls_key)
		return fail(error, "--tls-cert and --tls-key are given together or not at all");
	return 0;
}

void config_fini(struct config *config)
{
	weft_arena_free(config->arena);
	*config = (struct config) { 0 };
}

size_t config_package_fits(const char *package, const char *name, size_t len)
{
	size_t package_len = strlen(package);

	return package_len <= len && (package_len == len || name[package_len] == '.') &&
			       memcmp(name, package, package_len) == 0
		       ? package_len
		       : 0;
}
