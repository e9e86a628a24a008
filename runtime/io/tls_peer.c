/*
 * What a certificate says of its owner. All of it lies in one arena, which the last reference
 * frees; the counter is no atomic one, because an identity stays on its connection's worker.
 */
#include "io/tls_peer.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>

#include "wire/spiffe.h"

struct identity {
	struct weft_identity public;
	struct weft_arena *arena;
	unsigned refs;
};

static const char *subject_of(struct weft_arena *arena, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *bytes, *text = NULL;
	long len;

	if (bio && X509_NAME_print_ex(bio, X509_get_subject_name(certificate), 0,
				      XN_FLAG_RFC2253 & ~ASN1_STRFLGS_ESC_MSB) >= 0) {
		len = BIO_get_mem_data(bio, &bytes);
		text = weft_arena_strndup(arena, bytes, (size_t)len);
	}
	BIO_free(bio);
	return text ? text : "";
}

/* NULL for one with a NUL inside, which would look like another. */
static char *text_of(struct weft_arena *arena, const ASN1_STRING *string)
{
	const char *text = (const char *)ASN1_STRING_get0_data(string);
	size_t len = (size_t)ASN1_STRING_length(string);

	return memchr(text, '\0', len) ? NULL : weft_arena_strndup(arena, text, len);
}

/* The alternative names of one kind; *ret_n counts also those that are not in the list. */
static const char *const *names_of(struct weft_arena *arena, const GENERAL_NAMES *all, int kind,
				   size_t *ret_n)
{
	const int n = sk_GENERAL_NAME_num(all);
	char **list = weft_arena_new_array(arena, char *, (size_t)(n > 0 ? n : 0) + 1);
	size_t kept = 0;

	*ret_n = 0;
	for (int i = 0; i < n; i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(all, i);

		if (name->type != kind)
			continue;
		++*ret_n;
		list[kept] = text_of(arena, name->d.ia5);
		kept += list[kept] != NULL;
	}
	return (const char *const *)list;
}

static void learn_names(struct identity *identity, X509 *certificate)
{
	GENERAL_NAMES *all = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
	struct weft_identity *public = &identity->public;
	size_t n;

	public->dns_names = names_of(identity->arena, all, GEN_DNS, &n);
	public->uris = names_of(identity->arena, all, GEN_URI, &n);
	GENERAL_NAMES_free(all);
	if (n == 1 && public->uris[0] && weft_spiffe_id_valid(public->uris[0]) &&
	    !X509_check_ca(certificate))
	public->spiffe_id = public->uris[0];
}

static void learn_bytes(struct identity *identity, X509 *certificate)
{
	int len = i2d_X509(certificate, NULL);
	uint8_t *bytes = len > 0 ? weft_arena_alloc(identity->arena, (size_t)len) : NULL;
	uint8_t *at = bytes;

	if (!bytes || i2d_X509(certificate, &at) != len)
		return;
	identity->public.certificate = (struct weft_bytes) { bytes, (size_t)len };
	X509_digest(certificate, EVP_sha256(), identity->public.fingerprint, NULL);
}

struct weft_identity *weft_identity_new(X509 *certificate)
{
	struct weft_arena *arena = weft_arena_new();
	struct identity *identity = weft_arena_new_array(arena, struct identity, 1);

	identity->arena = arena;
	identity->refs = 1;
	identity->public.subject = subject_of(arena, certificate);
	learn_names(identity, certificate);
	learn_bytes(identity, certificate);
	return &identity->public;
}

static struct identity *inside(struct weft_identity *identity)
{
	return weft_container_of(identity, struct identity, public);
}

struct weft_identity *weft_identity_ref(struct weft_identity *identity)
{
	if (identity)
		inside(identity)->refs++;
	return identity;
}

void weft_identity_unref(struct weft_identity *identity)
{
	if (identity && --inside(identity)->refs == 0)
		weft_arena_free(inside(identity)->arena);
}
