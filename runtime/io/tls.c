/*
 * TLS by OpenSSL: the context that all workers share, and the stream that each connection owns.
 *
 * A stream's SSL object stands on a BIO of our own, which reads from memory that was fed and writes
 * to memory that the caller lends, so that many records leave in one system call and OpenSSL never
 * sees a descriptor. Nothing here blocks, and SSL_write() always takes all it is given.
 */
#include <assert.h>
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
#include <weft/buffer.h>
#include <weft/log.h>

#include "io/address.h"
#include "io/tls.h"

#define ALPN_MAX 256

struct weft_tls {
	atomic_uint refs;
	SSL_CTX *context;
	bool server;
	bool skip_verify;
	uint8_t alpn[ALPN_MAX]; /* as on the wire: each with its length before it */
	unsigned alpn_len;
};

struct weft_tls_stream {
	SSL *ssl;
	struct weft_tls *tls;
	const uint8_t *input; /* what was fed and not read yet: borrowed, or in `kept` */
	size_t input_len;
	struct weft_buffer kept;
	struct weft_tls_output *output; /* during a call */
	char server_name[256];
	char alpn[32];
	char error[384];
};

/* ---- the BIO: memory that was fed, memory that was lent ---- */

static BIO_METHOD *bio_method;
static pthread_once_t bio_method_once = PTHREAD_ONCE_INIT;

static int bio_read(BIO *bio, char *room, size_t cap, size_t *ret_len)
{
	struct weft_tls_stream *stream = BIO_get_data(bio);
	size_t len = cap < stream->input_len ? cap : stream->input_len;

	BIO_clear_retry_flags(bio);
	if (len == 0) {
		BIO_set_retry_read(bio);
		return 0;
	}
	memcpy(room, stream->input, len);
	stream->input += len;
	stream->input_len -= len;
	*ret_len = len;
	return 1;
}

static int bio_write(BIO *bio, const char *bytes, size_t len, size_t *ret_len)
{
	struct weft_tls_stream *stream = BIO_get_data(bio);
	struct weft_tls_output *output = stream->output;

	BIO_clear_retry_flags(bio);
	if (!output || len > output->cap - output->len)
		return 0;
	memcpy(output->data + output->len, bytes, len);
	output->len += len;
	*ret_len = len;
	return 1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
	return command == BIO_CTRL_FLUSH;
}

static int bio_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static void make_bio_method(void)
{
	bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "weft");
	if (!bio_method)
		abort();
	BIO_meth_set_read_ex(bio_method, bio_read);
	BIO_meth_set_write_ex(bio_method, bio_write);
	BIO_meth_set_ctrl(bio_method, bio_ctrl);
	BIO_meth_set_create(bio_method, bio_create);
}

/* ---- the context ---- */

static const char *openssl_words(void)
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

static int load_identity(struct weft_tls *tls, const struct weft_tls_options *options,
			 char error[256])
{
	int r;

	r = check_readable("certificate", options->cert_file, error);
	if (r < 0)
		return r;
	r = check_readable("private key", options->key_file, error);
	if (r < 0)
		return r;
	if (SSL_CTX_use_certificate_chain_file(tls->context, options->cert_file) != 1)
		return fail(error, -EINVAL, "%s holds no good certificate chain: %s",
			    options->cert_file, openssl_words());
	SSL_CTX_set_default_passwd_cb(tls->context, no_password);
	if (SSL_CTX_use_PrivateKey_file(tls->context, options->key_file, SSL_FILETYPE_PEM) != 1) {
		if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
			return fail(error, -EINVAL, "the private key %s does not belong to %s",
				    options->key_file, options->cert_file);
		return fail(error, -EINVAL, "%s holds no good private key: %s", options->key_file,
			    openssl_words());
	}
	return 0;
}

static int load_ca(struct weft_tls *tls, const char *path, char error[256])
{
	STACK_OF(X509_NAME) * names;
	int r;

	r = check_readable("CA file", path, error);
	if (r < 0)
		return r;
	if (SSL_CTX_load_verify_locations(tls->context, path, NULL) != 1)
		return fail(error, -EINVAL, "%s holds no good CA certificate: %s", path,
			    openssl_words());
	if (tls->server) {
		names = SSL_load_client_CA_file(path);
		SSL_CTX_set_client_CA_list(tls->context, names); /* takes it */
	}
	return 0;
}

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

static int set_alpn(struct weft_tls *tls, const char *const *names, char error[256])
{
	static const char *const h2_only[] = { "h2", NULL };

	for (names = names ? names : h2_only; *names; names++) {
		size_t len = strlen(*names);

		if (len == 0 || len >= sizeof(((struct weft_tls_stream *)0)->alpn) ||
		    tls->alpn_len + 1 + len > sizeof(tls->alpn))
			return fail(error, -EINVAL, "\"%s\" cannot be an ALPN name", *names);
		tls->alpn[tls->alpn_len] = (uint8_t)len;
		memcpy(tls->alpn + tls->alpn_len + 1, *names, len);
		tls->alpn_len += 1 + (unsigned)len;
	}
	if (tls->alpn_len == 0)
		return 0;
	if (tls->server)
		SSL_CTX_set_alpn_select_cb(tls->context, select_alpn, tls);
	else if (SSL_CTX_set_alpn_protos(tls->context, tls->alpn, tls->alpn_len) != 0)
		return fail(error, -ENOMEM, "cannot set ALPN: %s", openssl_words());
	return 0;
}

static int set_good_practice(SSL_CTX *context, char error[256])
{
	SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
					     SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); /* tickets need none */
	if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1 ||
	    SSL_CTX_set_cipher_list(context, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1 ||
	    SSL_CTX_set_session_id_context(context, (const uint8_t *)"weft", 4) != 1)
		return fail(error, -EINVAL, "OpenSSL refuses the settings: %s", openssl_words());
	return 0;
}

static int check_options(bool server, const struct weft_tls_options *options, char error[256])
{
	if (server && !options->cert_file)
		return fail(error, -EINVAL, "a TLS server needs a certificate");
	if (!options->cert_file != !options->key_file)
		return fail(error, -EINVAL, "a certificate and its private key come together");
	if (options->require_client_certificate && !options->ca_file)
		return fail(error, -EINVAL, "to require client certificates needs a CA file");
	return 0;
}

static int set_trust(struct weft_tls *tls, const struct weft_tls_options *options, char error[256])
{
	int mode = SSL_VERIFY_NONE;
	int r;

	if (options->ca_file) {
		r = load_ca(tls, options->ca_file, error);
		if (r < 0)
			return r;
		mode = SSL_VERIFY_PEER;
	} else if (!tls->server) {
		SSL_CTX_set_default_verify_paths(tls->context);
		mode = SSL_VERIFY_PEER;
	}
	if (options->require_client_certificate)
		mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	if (tls->skip_verify)
		mode = SSL_VERIFY_NONE;
	SSL_CTX_set_verify(tls->context, mode, NULL);
	return 0;
}

static int set_up(struct weft_tls *tls, const struct weft_tls_options *options, char error[256])
{
	int r;

	tls->context = SSL_CTX_new(tls->server ? TLS_server_method() : TLS_client_method());
	if (!tls->context)
		return fail(error, -ENOMEM, "cannot make a TLS context: %s", openssl_words());
	r = set_good_practice(tls->context, error);
	if (r < 0)
		return r;
	if (options->cert_file) {
		r = load_identity(tls, options, error);
		if (r < 0)
			return r;
	}
	r = set_trust(tls, options, error);
	if (r < 0)
		return r;
	return set_alpn(tls, options->alpn, error);
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
	tls->server = server;
	tls->skip_verify = !server && options.insecure_skip_verify;
	r = set_up(tls, &options, error);
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
	free(tls);
}

/* ---- the stream ---- */

/* Whom a client wants to meet: in the certificate always, as SNI only when it is a DNS name. */
static int set_server_name(struct weft_tls_stream *stream, const char *name)
{
	X509_VERIFY_PARAM *param = SSL_get0_param(stream->ssl);
	size_t len = strlen(name);

	if (len >= sizeof(stream->server_name))
		return -EINVAL;
	memcpy(stream->server_name, name, len + 1);
	if (weft_address_is_ip(name))
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ? 0 : -EINVAL;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (X509_VERIFY_PARAM_set1_host(param, name, 0) != 1 ||
	    SSL_set_tlsext_host_name(stream->ssl, name) != 1)
		return -EINVAL;
	return 0;
}

static int attach_bio(struct weft_tls_stream *stream)
{
	BIO *bio;

	pthread_once(&bio_method_once, make_bio_method);
	bio = BIO_new(bio_method);
	if (!bio)
		return -ENOMEM;
	BIO_set_data(bio, stream);
	SSL_set_bio(stream->ssl, bio, bio); /* takes it */
	return 0;
}

int weft_tls_stream_new(struct weft_tls *tls, const char *server_name,
			struct weft_tls_stream **ret_stream)
{
	struct weft_tls_stream *stream = calloc(1, sizeof(*stream));
	bool named = server_name && *server_name;
	int r;

	if (!stream)
		abort();
	stream->tls = weft_tls_ref(tls);
	stream->ssl = SSL_new(tls->context);
	r = stream->ssl ? attach_bio(stream) : -ENOMEM;
	if (r == 0 && tls->server)
		SSL_set_accept_state(stream->ssl);
	else if (r == 0)
		SSL_set_connect_state(stream->ssl);
	if (r == 0 && !tls->server) {
		if (named)
			r = set_server_name(stream, server_name);
		else if (!tls->skip_verify)
			r = -EINVAL;
	}
	if (r < 0) {
		ERR_clear_error();
		weft_tls_stream_free(stream);
		return r;
	}
	*ret_stream = stream;
	return 0;
}

void weft_tls_stream_free(struct weft_tls_stream *stream)
{
	if (!stream)
		return;
	SSL_free(stream->ssl);
	weft_tls_unref(stream->tls);
	weft_buffer_fini(&stream->kept);
	free(stream);
}

int weft_tls_stream_feed(struct weft_tls_stream *stream, const uint8_t *bytes, size_t len)
{
	int r;

	if (stream->input_len == 0) {
		stream->input = bytes;
		stream->input_len = len;
		return 0;
	}
	r = weft_tls_stream_keep(stream);
	if (r == 0)
		r = weft_buffer_append(&stream->kept, bytes, len);
	if (r < 0)
		return r;
	stream->input = stream->kept.data;
	stream->input_len = stream->kept.len;
	return 0;
}

int weft_tls_stream_keep(struct weft_tls_stream *stream)
{
	struct weft_buffer kept = WEFT_BUFFER_INIT;
	int r;

	r = weft_buffer_append(&kept, stream->input, stream->input_len);
	if (r < 0)
		return r;
	weft_buffer_fini(&stream->kept);
	stream->kept = kept;
	stream->input = kept.data;
	stream->input_len = kept.len;
	return 0;
}

static void describe_failure(struct weft_tls_stream *stream)
{
	long verified = SSL_get_verify_result(stream->ssl);

	if (stream->error[0])
		return; /* the first failure is the cause of the others */
	if (verified != X509_V_OK && !stream->tls->skip_verify)
		snprintf(stream->error, sizeof(stream->error),
			 "the peer's certificate is refused: %s%s%s",
			 X509_verify_cert_error_string(verified),
			 stream->server_name[0] ? ", server name " : "", stream->server_name);
	else
		snprintf(stream->error, sizeof(stream->error), "TLS: %s", openssl_words());
	ERR_clear_error();
}

/* What OpenSSL's answer means. Wanting to write cannot be: the output takes everything. */
static int outcome(struct weft_tls_stream *stream, int answer)
{
	switch (SSL_get_error(stream->ssl, answer)) {
	case SSL_ERROR_NONE: return 0;
	case SSL_ERROR_WANT_READ: return WEFT_TLS_AGAIN;
	case SSL_ERROR_ZERO_RETURN: return WEFT_TLS_END;
	default: describe_failure(stream); return -EPROTO;
	}
}

static void learn_alpn(struct weft_tls_stream *stream)
{
	const unsigned char *name;
	unsigned len;

	SSL_get0_alpn_selected(stream->ssl, &name, &len);
	if (len < sizeof(stream->alpn))
		memcpy(stream->alpn, name ? (const char *)name : "", len);
}

int weft_tls_stream_handshake(struct weft_tls_stream *stream, struct weft_tls_output *output)
{
	int r;

	ERR_clear_error();
	stream->output = output;
	r = outcome(stream, SSL_do_handshake(stream->ssl));
	stream->output = NULL;
	if (r == 0)
		learn_alpn(stream);
	return r;
}

int weft_tls_stream_read(struct weft_tls_stream *stream, struct weft_tls_output *output,
			 uint8_t *room, size_t cap, size_t *ret_len)
{
	size_t len = 0, n;
	int r = 0;

	ERR_clear_error();
	stream->output = output;
	/* A read gives one record at most; several small ones are handed on together. */
	while (r == 0 && len < cap) {
		r = outcome(stream, SSL_read_ex(stream->ssl, room + len, cap - len, &n));
		if (r == 0)
			len += n;
	}
	stream->output = NULL;
	if (len == 0)
		return r;
	*ret_len = len; /* the next call meets the same outcome again */
	return 0;
}

int weft_tls_stream_write(struct weft_tls_stream *stream, struct weft_tls_output *output,
			  const uint8_t *bytes, size_t len)
{
	size_t n;
	int r;

	ERR_clear_error();
	stream->output = output;
	r = outcome(stream, SSL_write_ex(stream->ssl, bytes, len, &n));
	stream->output = NULL;
	if (r > 0) {
		snprintf(stream->error, sizeof(stream->error), "TLS: a write was put off");
		return -EPROTO;
	}
	return r;
}

void weft_tls_stream_end(struct weft_tls_stream *stream, struct weft_tls_output *output)
{
	stream->output = output;
	if (SSL_is_init_finished(stream->ssl))
		SSL_shutdown(stream->ssl);
	stream->output = NULL;
	ERR_clear_error();
}

const char *weft_tls_stream_alpn(const struct weft_tls_stream *stream)
{
	return stream->alpn;
}

const char *weft_tls_stream_error(const struct weft_tls_stream *stream)
{
	return stream->error;
}
