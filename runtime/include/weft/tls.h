/*
 * A TLS context: TLS 1.2 and 1.3, current good practice by default (AEAD suites with forward
 * secrecy, no compression, no renegotiation). Shared by all workers of a process;
 * reference-counted.
 */
#ifndef WEFT_TLS_H
#define WEFT_TLS_H

#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_tls;

struct weft_tls_options {
	size_t size; /* sizeof(struct weft_tls_options) */
	/* PEM chain, leaf first; needed by a server, optional for a client */
	const char *cert_file;
	const char *key_file; /* PEM private key */
	/* whom to trust; NULL: the system's store (client), no client certificates (server) */
	const char *ca_file;
	/* server: refuse peers without one that `ca_file` signed */
	bool require_client_certificate;
	bool insecure_skip_verify; /* client: for probing by hand only */
	const char *const *alpn;   /* most wanted first, ends with NULL; NULL means { "h2" } */
};

/* On failure `error` (may be NULL) holds a sentence that names the file and the fault. */
int weft_tls_server_new(const struct weft_tls_options *options, char error[256],
			struct weft_tls **ret_tls);
int weft_tls_client_new(const struct weft_tls_options *options, char error[256],
			struct weft_tls **ret_tls);
struct weft_tls *weft_tls_ref(struct weft_tls *tls);
void weft_tls_unref(struct weft_tls *tls); /* takes NULL */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
