/* The table of flags, and what reads it. */
#include "app_flags.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TARGET_PREFIX "WEFT_TARGET_"

/* ---- values: 0, or -EINVAL and the field is as it was */

typedef int set_cb(void *field, const char *text);

static int set_text(void *field, const char *text)
{
	*(const char **)field = text;
	return 0;
}

static int set_replica(void *field, const char *text)
{
	return strchr(text, '/') ? -EINVAL : set_text(field, text);
}

static int set_number(void *field, const char *text, unsigned max)
{
	char *end;
	unsigned long n;

	if (!isdigit((unsigned char)text[0]))
		return -EINVAL;
	n = strtoul(text, &end, 10); /* ULONG_MAX when it is more */
	if (*end || n == 0 || n > max)
		return -EINVAL;
	*(unsigned *)field = (unsigned)n;
	return 0;
}

static int set_workers(void *field, const char *text)
{
	return set_number(field, text, APP_WORKERS_MAX);
}

static int set_weight(void *field, const char *text)
{
	return set_number(field, text, 1000000);
}

static int set_duration(void *field, const char *text)
{
	return weft_duration_parse(text, field);
}

static int set_level(void *field, const char *text)
{
	return weft_log_level_parse(text, field);
}

/* "catalog=file:///run/catalog"; WEFT_TARGET_GIFT_CARDS is "gift-cards". A later one replaces. */
static int add_target(struct app_targets *targets, const char *name, size_t len, const char *target)
{
	struct app_target item = { .target = target };
	size_t at = 0;

	if (len == 0 || len >= sizeof(item.name) || !*target)
		return -EINVAL;
	for (size_t i = 0; i < len; i++)
		item.name[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
	while (at < targets->n && strcmp(targets->items[at].name, item.name) != 0)
		at++;
	if (at == APP_TARGETS_MAX)
		return -EINVAL;
	targets->items[at] = item;
	targets->n += at == targets->n;
	return 0;
}

static int set_target(void *field, const char *text)
{
	const char *equals = strchr(text, '=');

	if (!equals)
		return -EINVAL;
	return add_target(field, text, (size_t)(equals - text), equals + 1);
}

/* ---- the table */

static const struct flag {
	const char *name;
	const char *variable;
	const char *value; /* what --help calls it */
	const char *fallback;
	const char *help;
	const char *expected; /* "… is not EXPECTED" */
	set_cb *set;
	size_t field;
} flags_known[] = {
#define FIELD(name) offsetof(struct app_flags, name)
	{ "listen", "WEFT_LISTEN", "ADDRESS", "127.0.0.1:0",
	  "where calls are answered: HOST:PORT (0: any port), unix:PATH", "an address", set_text,
	  FIELD(listen) },
	{ "health-listen", "WEFT_HEALTH_LISTEN", "ADDRESS", "127.0.0.1:0",
	  "where grpc.health.v1 and channelz are answered in plaintext", "an address", set_text,
	  FIELD(health_listen) },
	{ "address-file", "WEFT_ADDRESS_FILE", "FILE", NULL,
	  "holds the address while the service is open: what a file:/// target reads", "a file",
	  set_text, FIELD(address_file) },
	{ "registry", "WEFT_REGISTRY", "TARGET", NULL,
	  "where it registers and finds others, an etcd or weft-registry", "a target", set_text,
	  FIELD(registry) },
	{ "advertise", "WEFT_ADVERTISE", "IP[:PORT]", NULL,
	  "the address that it registers, when it is not the one it listens at", "an address",
	  set_text, FIELD(advertise) },
	{ "replica", "WEFT_REPLICA", "ID", NULL,
	  "tells it apart from its other replicas, and is the same after a restart; host and "
	  "process by default",
	  "a name without slashes", set_replica, FIELD(replica) },
	{ "weight", "WEFT_WEIGHT", "NUMBER", NULL, "its share of calls, relative to other replicas",
	  "a number from 1 to 1000000", set_weight, FIELD(weight) },
	{ "data", "WEFT_DATA", "FOLDER", "data", "where the store is; made if it is not there",
	  "a folder", set_text, FIELD(data) },
	{ "tls-cert", "WEFT_TLS_CERT", "FILE", NULL,
	  "certificate chain (PEM); without it calls come in plaintext", "a file", set_text,
	  FIELD(tls_cert) },
	{ "tls-key", "WEFT_TLS_KEY", "FILE", NULL, "its private key (PEM)", "a file", set_text,
	  FIELD(tls_key) },
	{ "tls-ca", "WEFT_TLS_CA", "FILE", NULL,
	  "whom to trust when calling others (PEM); without it they are called in plaintext",
	  "a file", set_text, FIELD(tls_ca) },
	{ "tls-client-ca", "WEFT_TLS_CLIENT_CA", "FILE", NULL,
	  "whose clients are let in (PEM), with certificates; without it all are", "a file",
	  set_text, FIELD(tls_client_ca) },
	{ "target", TARGET_PREFIX "<NAME>", "NAME=TARGET", NULL,
	  "where another service is found, if not in the registry; may be repeated",
	  "NAME=TARGET, as in catalog=file:///run/catalog.address", set_target, FIELD(targets) },
	{ "workers", "WEFT_WORKERS", "NUMBER", "2", "threads that answer calls",
	  "a number from 1 to 256", set_workers, FIELD(workers) },
	{ "drain", "WEFT_DRAIN", "DURATION", "10s", "how long calls may finish after SIGTERM",
	  "a duration as 500ms, 10s or 2m", set_duration, FIELD(drain_ns) },
	{ "log-level", "WEFT_LOG", "LEVEL", "info", "debug, info, warning or error",
	  "debug, info, warning or error", set_level, FIELD(log_level) },
#undef FIELD
};

void app_flags_help(FILE *out, const char *name, const char *summary)
{
	fprintf(out, "%s: %s\n\nUsage: %s [FLAG]…\n\n", name, summary, name);
	for (size_t i = 0; i < WEFT_COUNT(flags_known); i++) {
		const struct flag *flag = &flags_known[i];

		fprintf(out, "  --%s %s\n        %s\n        also %s", flag->name, flag->value,
			flag->help, flag->variable);
		if (flag->fallback)
			fprintf(out, "; default %s", flag->fallback);
		fputs("\n", out);
	}
	fputs("  --help\n        this\n", out);
}

/* ---- reading it */

static int set_flag(struct app_flags *flags, const struct flag *flag, const char *text,
		    const char *said_by, char error[256])
{
	if (*text && flag->set((char *)flags + flag->field, text) == 0)
		return 0;
	snprintf(error, 256, "%.40s: \"%.100s\" is not %s", said_by, text, flag->expected);
	return -EINVAL;
}

/* A variable that is set to nothing counts as not set. */
static int read_environment(struct app_flags *flags, char error[256])
{
	const size_t prefix = strlen(TARGET_PREFIX);

	for (size_t i = 0; i < WEFT_COUNT(flags_known); i++) {
		const struct flag *flag = &flags_known[i];
		const char *text = getenv(flag->variable);

		if (text && *text && set_flag(flags, flag, text, flag->variable, error) < 0)
			return -EINVAL;
	}
	for (char **at = environ; *at; at++) {
		const char *equals = strchr(*at, '=');

		if (strncmp(*at, TARGET_PREFIX, prefix) != 0 || !equals || !equals[1])
			continue;
		if (add_target(&flags->targets, *at + prefix, (size_t)(equals - *at) - prefix,
			       equals + 1) < 0) {
			snprintf(error, 256, "%.200s: a name has 1 to 31 letters", *at);
			return -EINVAL;
		}
	}
	return 0;
}

static int read_arguments(struct app_flags *flags, int argc, char **argv, char error[256])
{
	const int n = (int)WEFT_COUNT(flags_known);
	struct option options[WEFT_COUNT(flags_known) + 2] = { 0 };
	char said_by[40];
	int option;

	for (int i = 0; i < n; i++)
		options[i] = (struct option) { flags_known[i].name, required_argument, NULL, i };
	options[n] = (struct option) { "help", no_argument, NULL, n };
	optind = 0; /* glibc: from the beginning, whoever has read arguments before */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:", options, NULL)) != -1) {
		if (option == n) {
			flags->help = true;
		} else if (option == ':') {
			snprintf(error, 256, "%.100s needs a value (see --help)", argv[optind - 1]);
			return -EINVAL;
		} else if (option == '?') {
			snprintf(error, 256, "there is no flag %.100s (see --help)",
				 argv[optind - 1]);
			return -EINVAL;
		} else {
			snprintf(said_by, sizeof(said_by), "--%s", flags_known[option].name);
			if (set_flag(flags, &flags_known[option], optarg, said_by, error) < 0)
				return -EINVAL;
		}
	}
	if (optind < argc) {
		snprintf(error, 256, "\"%.100s\" is no flag (see --help)", argv[optind]);
		return -EINVAL;
	}
	return 0;
}

int app_flags_read(struct app_flags *ret_flags, int argc, char **argv, char error[256])
{
	struct app_flags flags = { 0 };

	for (size_t i = 0; i < WEFT_COUNT(flags_known); i++)
		if (flags_known[i].fallback)
			flags_known[i].set((char *)&flags + flags_known[i].field,
					   flags_known[i].fallback);
	if (read_environment(&flags, error) < 0 || read_arguments(&flags, argc, argv, error) < 0)
		return -EINVAL;
	if (!flags.tls_cert != !flags.tls_key) {
		snprintf(error, 256, "--tls-cert and --tls-key need each other");
		return -EINVAL;
	}
	if (flags.tls_client_ca && !flags.tls_cert) {
		snprintf(error, 256,
			 "--tls-client-ca needs --tls-cert: plaintext has no certificates");
		return -EINVAL;
	}
	*ret_flags = flags;
	return 0;
}

const char *app_flags_target(const struct app_flags *flags, const char *name)
{
	for (size_t i = 0; i < flags->targets.n; i++)
		if (!strcmp(flags->targets.items[i].name, name))
			return flags->targets.items[i].target;
	return NULL;
}
