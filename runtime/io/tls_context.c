/*
 * The TLS context that all workers share: which certificate is shown to whom, who is trusted, and
 * how both are loaded anew.
 *
 * All that was loaded is one SSL_CTX, which nobody changes once it is made. Loading anew makes
 * another from the same files and puts it in the place of the first; connections that stand go on
 * with the one they were made with, which goes with the last of them. So an attempt that fails has
 * no effect at all.
 *
 * Session tickets: none where clients show certificates, because a ticket would carry such a
 * client's identity past the expiry of its certificate and past a new CA file. Elsewhere one per
 * connection, under keys that are made with the SSL_CTX and never written down.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <weft/log.h>

#include "io/tls_context.h"
#include "io/tls_watch.h"

#define ALPN_MAX 256

/* A certificate that a server has, and the DNS names it is good for. */
struct certificate {
	const char *cert_file;
	const char *key_file;
	SSL_CTX *holder; /* of chain and key; NULL: the context itself, whose default it is */
	char **names;
	size_t n_names;
};

/* A server's; it belongs to an SSL_CTX. */
struct choice {
	size_t n;
	struct certificate list[];
};

struct weft_tls {
	atomic_uint refs;
	bool server;
	bool skip_verify;
	bool require;
	char *ca_file;
	size_t n_files; /* certificates; the first is the default */
	struct weft_tls_certificate *files;
	uint8_t alpn[ALPN_MAX]; /* as on the wire: each with its length before it */
	unsigned alpn_len;

	pthread_mutex_t mutex; /* of what follows */
	SSL_CTX *context;
	uint64_t stamp; /* of the files, before they were read */
};

/* ---- words ---- */

const char *weft_tls_words(void)
{
	unsigned long code = ERR_peek_last_error();
	const char *words = ERR_reason_error_string(code);

	if (ERR_SYSTEM_ERROR(code))
		return strerrordesc_np(ERR_GET_REASON(code));
	return words ? words : "no reason given";
}

static int WEFT_PRINTF(3, 4) fail(char error[256], int r, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		vsnprintf(error, 256, format, args);
		va_end(args);
	}
	ERR_clear_error();
	return r;
}

/* ---- certificates ---- */

/* OpenSSL's own words for a missing file say less than the system's. */
static int check_readable(const char *what, const char *path, char error[256])
{
	FILE *file = fopen(path, "re");

	if (!file)
		return fail(error, -errno, "cannot read the %s %s: %s", what, path,
			    weft_errno_string(-errno));
	fclose(file);
	return 0;
}

/* Nobody sits at a terminal to be asked for the password of a key. */
static int no_password(char *room, int cap, int writing, void *data)
{
	return -1;
}

static int load_pair(SSL_CTX *context, const char *cert_file, const char *key_file, char error[256])
{
	int r;

	r = check_readable("certificate", cert_file, error);
	if (r < 0)
		return r;
	r = check_readable("private key", key_file, error);
	if (r < 0)
		return r;
	if (SSL_CTX_use_certificate_chain_file(context, cert_file) != 1)
		return fail(error, -EINVAL, "%s holds no good certificate chain: %s", cert_file,
			    weft_tls_words());
	SSL_CTX_set_default_passwd_cb(context, no_password);
	if (SSL_CTX_use_PrivateKey_file(context, key_file, SSL_FILETYPE_PEM) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
			return fail(error, -EINVAL, "the private key %s does not belong to %s",
				    key_file, cert_file);
		return fail(error, -EINVAL, "%s holds no good private key: %s", key_file,
			    weft_tls_words());
	}
	return 0;
}

static void add_name(struct certificate *certificate, const ASN1_STRING *text)
{
	const char *name = (const char *)ASN1_STRING_get0_data(text);
	const size_t size = (certificate->n_names + 1) * sizeof(char *);

	if (strlen(name) != (size_t)ASN1_STRING_length(text))
		return; /* a NUL inside is an attempt to look like another */
	certificate->names = realloc(certificate->names, size);
	if (!certificate->names)
		abort();
	certificate->names[certificate->n_names] = strdup(name);
	if (!certificate->names[certificate->n_names++])
		abort();
}

static void learn_names(struct certificate *certificate, const X509 *leaf)
{
	GENERAL_NAMES *names = X509_get_ext_d2i(leaf, NID_subject_alt_name, NULL, NULL);

	for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
		const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

		if (name->type == GEN_DNS)
			add_name(certificate, name->d.dNSName);
	}
	GENERAL_NAMES_free(names);
}

/* ---- the choice of one, by the name that the client asks for ---- */

/* "*.shop.example" is good for one label in place of the star (RFC 6125). */
static bool matches_wildcard(const char *pattern, const char *name)
{
	const char *rest = strchr(name, '.');

	return !strncmp(pattern, "*.", 2) && rest && rest != name && !strcasecmp(pattern + 1, rest);
}

static bool matches_exactly(const char *pattern, const char *name)
{
	return !strcasecmp(pattern, name);
}

static const struct certificate *find(const struct choice *choice, const char *name,
				      bool (*matches)(const char *pattern, const char *name))
{
	for (size_t i = 0; i < choice->n; i++)
		for (size_t k = 0; k < choice->list[i].n_names; k++)
			if (matches(choice->list[i].names[k], name))
				return &choice->list[i];
	return NULL;
}

/* Whoever asks for no name, or for one that nobody has, gets the default, and decides himself. */
static int choose_certificate(SSL *ssl, int *alert, void *data)
{
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
	const struct certificate *found = NULL;
	STACK_OF(X509) *chain = NULL;

	if (name) {
		found = find(data, name, matches_exactly);
		if (!found)
			found = find(data, name, matches_wildcard);
	}
	if (!found || !found->holder)
		return SSL_TLSEXT_ERR_OK;
	SSL_certs_clear(ssl); /* one of another kind of key would remain */
	SSL_CTX_get0_chain_certs(found->holder, &chain);
	if (SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(found->holder),
				 SSL_CTX_get0_privatekey(found->holder), chain, 1) == 1)
		return SSL_TLSEXT_ERR_OK;
	*alert = SSL_AD_INTERNAL_ERROR;
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static void choice_free(struct choice *choice)
{
	for (size_t i = 0; choice && i < choice->n; i++) {
		struct certificate *certificate = &choice->list[i];

		for (size_t k = 0; k < certificate->n_names; k++)
			free(certificate->names[k]);
		free(certificate->names);
		SSL_CTX_free(certificate->holder);
	}
	free(choice);
}

static void on_context_free(void *parent, void *data, CRYPTO_EX_DATA *all, int index, long number,
			    void *pointer)
{
	choice_free(data);
}

static int choice_index;
static pthread_once_t choice_once = PTHREAD_ONCE_INIT;

static void make_choice_index(void)
{
	choice_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, on_context_free);
	if (choice_index < 0)
		abort();
}

static int load_certificate(SSL_CTX *context, const struct weft_tls_certificate *files,
			    struct certificate *ret_certificate, char error[256])
{
	int r;

	r = load_pair(context, files->cert_file, files->key_file, error);
	if (r == 0)
		learn_names(ret_certificate, SSL_CTX_get0_certificate(context));
	return r;
}

/* Whatever it comes to, the choice goes with the context. */
static int load_certificates(struct weft_tls *tls, SSL_CTX *context, char error[256])
{
	struct choice *choice = calloc(1, sizeof(*choice) + tls->n_files * sizeof(choice->list[0]));
	int r = 0;

	pthread_once(&choice_once, make_choice_index);
	if (!choice || SSL_CTX_set_ex_data(context, choice_index, choice) != 1)
		abort();
	for (size_t i = 0; i < tls->n_files && r == 0; i++) {
		struct certificate *certificate = &choice->list[choice->n++];

		if (i > 0)
			certificate->holder = SSL_CTX_new(TLS_server_method());
		if (i > 0 && !certificate->holder)
			return fail(error, -ENOMEM, "no memory for %s", tls->files[i].cert_file);
		r = load_certificate(i > 0 ? certificate->holder : context, &tls->files[i],
				     certificate, error);
	}
	if (tls->n_files > 1) {
		SSL_CTX_set_tlsext_servername_callback(context, choose_certificate);
		SSL_CTX_set_tlsext_servername_arg(context, choice);
	}
	return r;
}

/* ---- trust ---- */

static int load_ca(struct weft_tls *tls, SSL_CTX *context, char error[256])
{
	const char *path = tls->ca_file;
	int r;

	r = check_readable("CA file", path, error);
	if (r < 0)
		return r;
	if (SSL_CTX_load_verify_locations(context, path, NULL) != 1)
		return fail(error, -EINVAL, "%s holds no good CA certificate: %s", path,
			    weft_tls_words());
	if (tls->server)
		SSL_CTX_set_client_CA_list(context, SSL_load_client_CA_file(path)); /* takes it */
	return 0;
}

static int set_trust(struct weft_tls *tls, SSL_CTX *context, char error[256])
{
	int mode = SSL_VERIFY_NONE;
	int r;

	if (tls->ca_file) {
		r = load_ca(tls, context, error);
		if (r < 0)
			return r;
		mode = SSL_VERIFY_PEER;
	} else if (!tls->server) {
		SSL_CTX_set_default_verify_paths(context);
		mode = SSL_VERIFY_PEER;
	}
	if (tls->require)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	if (tls->skip_verify)
		mode = SSL_VERIFY_NONE;
	SSL_CTX_set_verify(context, mode, NULL);
	return 0;
}

/* ---- ALPN ---- */

/* The server chooses by its own order. Nothing in common is a fatal alert, as RFC 7301 has it. */
static int select_alpn(SSL *ssl, const unsigned char **ret_name, unsigned char *ret_len,
		       const unsigned char *offered, unsigned offered_len, void *data)
{
	struct weft_tls *tls = data;
	unsigned char *name;

	if (SSL_select_next_proto(&name, ret_len, tls->alpn, tls->alpn_len, offered, offered_len) !=
	    OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_ALERT_FATAL;
	*ret_name = name;
	return SSL_TLSEXT_ERR_OK;
}

/* The names as on the wire. */
static int take_alpn(struct weft_tls *tls, const char *const *names, char error[256])
{
	static const char *const h2_only[] = { "h2", NULL };

	for (names = names ? names : h2_only; *names; names++) {
		size_t len = strlen(*names);

		if (len == 0 || len >= WEFT_TLS_ALPN_SIZE ||
		    tls->alpn_len + 1 + len > sizeof(tls->alpn))
			return fail(error, -EINVAL, "\"%s\" cannot be an ALPN name", *names);
		tls->alpn[tls->alpn_len] = (uint8_t)len;
		memcpy(tls->alpn + tls->alpn_len + 1, *names, len);
		tls->alpn_len += 1 + (unsigned)len;
	}
	return 0;
}

static int set_alpn(struct weft_tls *tls, SSL_CTX *context, char error[256])
{
	if (tls->alpn_len == 0)
		return 0;
	if (tls->server)
		SSL_CTX_set_alpn_select_cb(context, select_alpn, tls);
	else if (SSL_CTX_set_alpn_protos(context, tls->alpn, tls->alpn_len) != 0)
		return fail(error, -ENOMEM, "cannot set ALPN: %s", weft_tls_words());
	return 0;
}

/* ---- the whole ---- */

static int set_good_practice(SSL_CTX *context, char error[256])
{
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets need none */
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set_session_id_context(context, (const uint8_t *)"weft", 4) != 1)
		return fail(error, -EINVAL, "OpenSSL refuses the settings: %s", weft_tls_words());
	return 0;
}

static int set_tickets(struct weft_tls *tls, SSL_CTX *context, char error[256])
{
	if (!tls->server)
		return 0;
	if (tls->ca_file)
		SSL_CTX_set_options(context, SSL_OP_NO_TICKET);
	if (SSL_CTX_set_num_tickets(context, tls->ca_file ? 0 : 1) != 1)
		return fail(error, -EINVAL, "OpenSSL refuses tickets: %s", weft_tls_words());
	return 0;
}

static int set_up(struct weft_tls *tls, SSL_CTX *context, char error[256])
{
	int r;

	r = set_good_practice(context, error);
	if (r == 0)
		r = set_tickets(tls, context, error);
	if (r == 0)
		r = load_certificates(tls, context, error);
	if (r == 0)
		r = set_trust(tls, context, error);
	return r < 0 ? r : set_alpn(tls, context, error);
}

static int load(struct weft_tls *tls, char error[256], SSL_CTX **ret_context)
{
	SSL_CTX *context = SSL_CTX_new(tls->server ? TLS_server_method() : TLS_client_method());
	int r;

	if (!context)
		return fail(error, -ENOMEM, "cannot make a TLS context: %s", weft_tls_words());
	r = set_up(tls, context, error);
	if (r < 0) {
		SSL_CTX_free(context);
		return r;
	}
	*ret_context = context;
	return 0;
}

/* The stamp is taken before: a file that changes while it is read is found to have changed. */
int weft_tls_reload(struct weft_tls *tls, char error[256])
{
	uint64_t stamp = weft_tls_stamp(tls);
	SSL_CTX *context = NULL, *old;
	int r;

	r = load(tls, error, &context);
	if (r < 0)
		return r;
	pthread_mutex_lock(&tls->mutex);
	old = tls->context;
	tls->context = context;
	tls->stamp = stamp;
	pthread_mutex_unlock(&tls->mutex);
	SSL_CTX_free(old);
	return 0;
}

/* ---- the files, as they lie there now ---- */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * 0x100000001b3; /* FNV-1a, by words */
}

static uint64_t mix_file(uint64_t hash, const char *path)
{
	struct stat st;

	if (!path || stat(path, &st) < 0)
		return mix(hash, path ? (uint64_t)errno : 0);
	hash = mix(hash, (uint64_t)st.st_dev);
	hash = mix(hash, (uint64_t)st.st_ino);
	hash = mix(hash, (uint64_t)st.st_size);
	hash = mix(hash, (uint64_t)st.st_mtim.tv_sec);
	return mix(hash, (uint64_t)st.st_mtim.tv_nsec);
}

uint64_t weft_tls_stamp(const struct weft_tls *tls)
{
	uint64_t hash = mix_file(0xcbf29ce484222325, tls->ca_file);

	for (size_t i = 0; i < tls->n_files; i++) {
		hash = mix_file(hash, tls->files[i].cert_file);
		hash = mix_file(hash, tls->files[i].key_file);
	}
	return hash;
}

uint64_t weft_tls_loaded_stamp(struct weft_tls *tls)
{
	uint64_t stamp;

	pthread_mutex_lock(&tls->mutex);
	stamp = tls->stamp;
	pthread_mutex_unlock(&tls->mutex);
	return stamp;
}

/* ---- the object ---- */

static int check_options(bool server, const struct weft_tls_options *options, char error[256])
{
	if (server && !options->cert_file)
		return fail(error, -EINVAL, "a TLS server needs a certificate");
	if (!options->cert_file != !options->key_file)
		return fail(error, -EINVAL, "a certificate and its private key come together");
	for (size_t i = 0; i < options->n_more; i++)
		if (!options->more[i].cert_file || !options->more[i].key_file)
			return fail(error, -EINVAL,
				    "a further certificate and its private key come together");
	if (options->n_more && !(server && options->cert_file))
		return fail(error, -EINVAL,
			    "further certificates are a server's, behind its first");
	if (options->require_client_certificate && !options->ca_file)
		return fail(error, -EINVAL, "to require client certificates needs a CA file");
	return 0;
}

static char *copy(const char *text)
{
	char *result = text ? strdup(text) : NULL;

	if (text && !result)
		abort();
	return result;
}

static void take_files(struct weft_tls *tls, const struct weft_tls_options *options)
{
	const struct weft_tls_certificate first = { options->cert_file, options->key_file };

	tls->ca_file = copy(options->ca_file);
	if (!options->cert_file)
		return;
	tls->files = calloc(1 + options->n_more, sizeof(*tls->files));
	if (!tls->files)
		abort();
	for (; tls->n_files <= options->n_more; tls->n_files++) {
		const struct weft_tls_certificate *from =
			tls->n_files ? &options->more[tls->n_files - 1] : &first;

		tls->files[tls->n_files].cert_file = copy(from->cert_file);
		tls->files[tls->n_files].key_file = copy(from->key_file);
	}
}

static int tls_new(bool server, const struct weft_tls_options *given, char error[256],
		   struct weft_tls **ret_tls)
{
	struct weft_tls_options options = { 0 };
	struct weft_tls *tls;
	int r;

	/* A caller that was built with an older header knows fewer of them. */
	memcpy(&options, given, given->size < sizeof(options) ? given->size : sizeof(options));
	r = check_options(server, &options, error);
	if (r < 0)
		return r;
	tls = calloc(1, sizeof(*tls));
	if (!tls)
		abort();
	atomic_init(&tls->refs, 1);
	pthread_mutex_init(&tls->mutex, NULL);
	tls->server = server;
	tls->skip_verify = !server && options.insecure_skip_verify;
	tls->require = options.require_client_certificate;
	take_files(tls, &options);
	r = take_alpn(tls, options.alpn, error);
	if (r == 0)
		r = weft_tls_reload(tls, error);
	if (r < 0) {
		weft_tls_unref(tls);
		return r;
	}
	*ret_tls = tls;
	return 0;
}

int weft_tls_server_new(const struct weft_tls_options *options, char error[256],
			struct weft_tls **ret_tls)
{
	return tls_new(true, options, error, ret_tls);
}

int weft_tls_client_new(const struct weft_tls_options *options, char error[256],
			struct weft_tls **ret_tls)
{
	return tls_new(false, options, error, ret_tls);
}

struct weft_tls *weft_tls_ref(struct weft_tls *tls)
{
	atomic_fetch_add(&tls->refs, 1);
	return tls;
}

void weft_tls_unref(struct weft_tls *tls)
{
	if (!tls || atomic_fetch_sub(&tls->refs, 1) > 1)
		return;
	SSL_CTX_free(tls->context);
	pthread_mutex_destroy(&tls->mutex);
	for (size_t i = 0; i < tls->n_files; i++) {
		free((char *)tls->files[i].cert_file);
		free((char *)tls->files[i].key_file);
	}
	free(tls->files);
	free(tls->ca_file);
	free(tls);
}

SSL *weft_tls_ssl_new(struct weft_tls *tls)
{
	SSL *ssl;

	pthread_mutex_lock(&tls->mutex);
	ssl = SSL_new(tls->context); /* which it references */
	pthread_mutex_unlock(&tls->mutex);
	return ssl;
}

bool weft_tls_is_server(const struct weft_tls *tls)
{
	return tls->server;
}

bool weft_tls_skips_verify(const struct weft_tls *tls)
{
	return tls->skip_verify;
}
