/*
 * The flags that every service has, each with its environment variable; a flag outdoes its
 * variable. One table gives parsing, --help and the words of every refusal.
 */
#ifndef CHASSIS_APP_FLAGS_H
#define CHASSIS_APP_FLAGS_H

#include <stdio.h>
#include <weft/base.h>
#include <weft/log.h>

#define APP_TARGETS_MAX 32
#define APP_WORKERS_MAX 256

/* Where another service is found. */
struct app_target {
	char name[32];
	const char *target;
};

struct app_targets {
	struct app_target items[APP_TARGETS_MAX];
	size_t n;
};

struct app_flags {
	const char *listen;
	const char *health_listen;
	const char *address_file; /* NULL: none */
	const char *registry;     /* a target; NULL: the process does not register */
	const char *advertise;    /* NULL: what it listens at */
	const char *replica;      /* NULL: host and process */
	unsigned weight;          /* 0: none is said */
	const char *data;
	const char *tls_cert; /* NULL: plaintext */
	const char *tls_key;
	const char *tls_ca;        /* NULL: other services are called in plaintext */
	const char *tls_client_ca; /* NULL: clients need no certificate */
	unsigned workers;
	uint64_t drain_ns;
	enum weft_log_level log_level;
	struct app_targets targets;
	bool help;
};

/* The strings are those of argv and the environment. -EINVAL: `error` says what is wrong. */
int app_flags_read(struct app_flags *ret_flags, int argc, char **argv, char error[256]);
void app_flags_help(FILE *out, const char *name, const char *summary);
const char *app_flags_target(const struct app_flags *flags, const char *name); /* NULL: none */

#endif
