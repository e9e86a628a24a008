/* What a TLS context is to its streams (tls.c) and to its watch (tls_watch.c). */
#ifndef WEFT_IO_TLS_CONTEXT_H
#define WEFT_IO_TLS_CONTEXT_H

#include <openssl/ssl.h>
#include <weft/tls.h>

#define WEFT_TLS_ALPN_SIZE 32 /* room for a protocol's name */

/* For a new connection, with what was loaded last; NULL: no memory. Any thread. */
SSL *weft_tls_ssl_new(struct weft_tls *tls);
bool weft_tls_is_server(const struct weft_tls *tls);
bool weft_tls_skips_verify(const struct weft_tls *tls);

/* OpenSSL's words about its last error. */
const char *weft_tls_words(void);

#endif
