/*
 * TLS by OpenSSL: the stream that each connection owns. The context that all workers share is in
 * tls_context.c, who the peer is in tls_peer.c.
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
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/buffer.h>

#include "io/address.h"
#include "io/tls.h"
#include "io/tls_context.h"
#include "io/tls_peer.h"

struct weft_tls_stream {
	SSL *ssl;
	struct weft_tls *tls;
	const uint8_t *input; /* what was fed and not read yet: borrowed, or in `kept` */
	size_t input_len;
	struct weft_buffer kept;
	struct weft_tls_output *output; /* during a call */
	char server_name[256];
	char alpn[WEFT_TLS_ALPN_SIZE];
	struct weft_identity *peer; /* NULL: nobody, or nobody known */
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
	stream->ssl = weft_tls_ssl_new(tls);
	r = stream->ssl ? attach_bio(stream) : -ENOMEM;
	if (r == 0 && weft_tls_is_server(tls))
		SSL_set_accept_state(stream->ssl);
	else if (r == 0)
		SSL_set_connect_state(stream->ssl);
	if (r == 0 && !weft_tls_is_server(tls)) {
		if (named)
			r = set_server_name(stream, server_name);
		else if (!weft_tls_skips_verify(tls))
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
	weft_identity_unref(stream->peer);
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
	if (verified != X509_V_OK && !weft_tls_skips_verify(stream->tls))
		snprintf(stream->error, sizeof(stream->error),
			 "the peer's certificate is refused: %s%s%s",
			 X509_verify_cert_error_string(verified),
			 stream->server_name[0] ? ", server name " : "", stream->server_name);
	else
		snprintf(stream->error, sizeof(stream->error), "TLS: %s", weft_tls_words());
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

/* Only one that was verified is somebody. */
static void learn_peer(struct weft_tls_stream *stream)
{
	X509 *certificate = SSL_get0_peer_certificate(stream->ssl);

	if (certificate && SSL_get_verify_mode(stream->ssl) != SSL_VERIFY_NONE &&
	    SSL_get_verify_result(stream->ssl) == X509_V_OK)
		stream->peer = weft_identity_new(certificate);
	ERR_clear_error();
}

int weft_tls_stream_handshake(struct weft_tls_stream *stream, struct weft_tls_output *output)
{
	int r;

	ERR_clear_error();
	stream->output = output;
	r = outcome(stream, SSL_do_handshake(stream->ssl));
	stream->output = NULL;
	if (r == 0) {
		learn_alpn(stream);
		learn_peer(stream);
	}
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

struct weft_identity *weft_tls_stream_peer(const struct weft_tls_stream *stream)
{
	return stream->peer;
}

const char *weft_tls_stream_cipher(const struct weft_tls_stream *stream)
{
	const SSL_CIPHER *cipher = SSL_get_current_cipher(stream->ssl);

	return cipher ? SSL_CIPHER_standard_name(cipher) : NULL;
}

const char *weft_tls_stream_error(const struct weft_tls_stream *stream)
{
	return stream->error;
}
