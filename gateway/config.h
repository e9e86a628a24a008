/*
 * What the edge is told: flags first, then WEFT_* environment, then the file (config_file.h), then
 * defaults, in the manner of the services' chassis. Strings of flags and environment are borrowed
 * from them; what the file says is the config's own.
 */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include <weft/arena.h>
#include <weft/base.h>
#include <weft/log.h>

#define CONFIG_MAX_BACKENDS 64

/* Who serves the services of some packages, and where their contracts come from: the built-in ones
 * unless one of the two says otherwise. */
struct config_backend {
	const char *const *packages; /* "catalog.v1" */
	size_t n_packages;
	const char *target; /* "file:///…" */
	const char *descriptor_file;
	bool reflection;
};

/* How much of "catalog.v1.Catalog", or of a package, this package is; 0: it is none of it. */
size_t config_package_fits(const char *package, const char *name, size_t len);

/* Lists end with NULL; one that is NULL itself stands for the defaults of cors.c. */
struct config_cors {
	const char *const *origins; /* NULL: there is no CORS */
	const char *const *allowed_headers;
	const char *const *exposed_headers;
	bool credentials;
	uint64_t max_age_ns; /* 0: 10 min */
};

struct config {
	struct weft_arena *arena;
	const char *file; /* --config; NULL: none */
	bool check;       /* --check: say whether it is right, and do nothing */
	const char *listen;
	const char *tls_cert; /* NULL: plaintext */
	const char *tls_key;
	const char *upstream_ca; /* NULL: plaintext to the backends */
	const char *registry;    /* a target, or NULL */
	const char *url_file;    /* may be NULL */
	uint64_t workers;
	uint64_t drain_ns;
	enum weft_log_level log_level;

	uint64_t max_head;        /* request line and headers */
	uint64_t max_body;        /* a unary request, and one message of a stream */
	uint64_t max_connections; /* of a worker */
	uint64_t call_timeout_ns; /* of a unary call whose client names none */
	uint64_t head_timeout_ns;
	uint64_t body_timeout_ns;  /* without a byte of the request */
	uint64_t idle_timeout_ns;  /* between requests */
	uint64_t stall_timeout_ns; /* without the client taking a byte of the response */

	uint64_t reflection_interval_ns; /* between two questions to those that reflect */
	struct config_backend backends[CONFIG_MAX_BACKENDS];
	size_t n_backends;
	struct config_cors cors;
};

/* 0; 1: --help has been answered; -EINVAL: `error` says what is wrong. To be finished in any
 * case. */
int config_read(struct config *config, int argc, char **argv, char error[256]);
void config_fini(struct config *config);

#endif
