/*
 * Who is at the other end of a TLS connection, as a certificate says that was verified: it has not
 * expired, and somebody whom we trust has signed it. What was not asked for, not shown or not
 * verified is no identity, so there is none in plaintext.
 */
#ifndef WEFT_IDENTITY_H
#define WEFT_IDENTITY_H

#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* Strings are UTF-8. The lists end with NULL and are in the certificate's order. */
struct weft_identity {
	const char *subject;          /* "CN=shop,O=Weft" (RFC 2253); may be "" */
	const char *const *dns_names; /* of its subject alternative name */
	const char *const *uris;      /* likewise */
	/* "spiffe://example.org/shop/orders": its one URI, when that is a SPIFFE ID and the
	 * certificate no CA's (X.509-SVID); else NULL. */
	const char *spiffe_id;
	uint8_t fingerprint[32];       /* SHA-256 of the certificate */
	struct weft_bytes certificate; /* DER */
};

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
