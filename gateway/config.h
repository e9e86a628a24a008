/*
 * What the edge is told when it starts: flags first, then WEFT_* environment, then defaults, in the
 * manner of the services' chassis. The strings live as long as argv and the environment do.
 */
#ifndef GATEWAY_CONFIG_H
#define GATEWAY_CONFIG_H

#include <weft/base.h>
#include <weft/log.h>

#define CONFIG_MAX_BACKENDS 64

/* Who serves the services of a package. */
struct config_backend {
	const char *package; /* "catalog.v1"; not terminated by its end */
	size_t package_len;
	char *target; /* "file:///…", owned */
};

struct config {
	const char *listen;
	const char *tls_cert; /* NULL: plaintext */
	const char *tls_key;
	const char *upstream_ca; /* NULL: plaintext to the backends */
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

	struct config_backend backends[CONFIG_MAX_BACKENDS];
	size_t n_backends;
};

/* 0; 1: --help has been answered; -EINVAL: `error` says what is wrong. */
int config_read(struct config *config, int argc, char **argv, char error[256]);
void config_fini(struct config *config);

#endif
