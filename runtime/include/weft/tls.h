/*
 * A TLS context: TLS 1.2 and 1.3, current good practice by default (AEAD suites with forward
 * secrecy, no compression, no renegotiation; session tickets only at servers that ask for no client
 * certificate). Shared by all workers of a process; reference-counted.
 *
 * A server may have several certificates. A client that names whom it wants (SNI) is shown the
 * first one with exactly that DNS name, else the first with a wildcard for it, else the default.
 */
#ifndef WEFT_TLS_H
#define WEFT_TLS_H

#include <weft/base.h>
#include <weft/loop.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_tls;

struct weft_tls_watch;

struct weft_tls_certificate {
	const char *cert_file; /* PEM chain, leaf first */
	const char *key_file;  /* PEM private key */
};

struct weft_tls_options {
	size_t size; /* sizeof(struct weft_tls_options) */
	/* PEM chain, leaf first; needed by a server, whose default it is, optional for a client */
	const char *cert_file;
	const char *key_file; /* PEM private key */
	/* Whom to trust (PEM). NULL: the system's store (client); no client is asked for a
	 * certificate (server). With it a client is asked, and may have none. */
	const char *ca_file;
	/* server: refuse peers without one that `ca_file` signed */
	bool require_client_certificate;
	bool insecure_skip_verify; /* client: for probing by hand only */
	const char *const *alpn;   /* most wanted first, ends with NULL; NULL means { "h2" } */
	const struct weft_tls_certificate *more; /* server: beside the default; copied */
	size_t n_more;
};

/* On failure `error` (may be NULL) holds a sentence that names the file and the fault. */
int weft_tls_server_new(const struct weft_tls_options *options, char error[256],
			struct weft_tls **ret_tls);
int weft_tls_client_new(const struct weft_tls_options *options, char error[256],
			struct weft_tls **ret_tls);
struct weft_tls *weft_tls_ref(struct weft_tls *tls);
void weft_tls_unref(struct weft_tls *tls); /* takes NULL */

/*
 * Loads certificates, keys and CA file anew, from the same paths: what was loaded is for new
 * connections, those that stand stay as they are. When any of it is no good, nothing changes:
 * negative, and `error` says why. Any thread; it reads files.
 */
int weft_tls_reload(struct weft_tls *tls, char error[256]);

/*
 * Looks at the files every `interval_ns` (0: 1 s), and loads them anew once they have changed and
 * stayed so for one interval. `cb` is told how it went, as weft_tls_reload says it. Free it before
 * the loop.
 */
typedef void weft_tls_watch_cb(int r, const char *error, void *data);
struct weft_tls_watch *weft_tls_watch_new(struct weft_loop *loop, struct weft_tls *tls,
					  uint64_t interval_ns, weft_tls_watch_cb *cb, void *data);
void weft_tls_watch_free(struct weft_tls_watch *watch); /* takes NULL */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
