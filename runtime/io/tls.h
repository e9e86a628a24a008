/*
 * One connection's TLS, as a machine without a descriptor: records from the peer are fed in,
 * plaintext is read out of it; plaintext is written to it, and records come out at `output`. All of
 * OpenSSL is behind it (tls_context.c, tls_peer.c).
 *
 * What is fed is borrowed and used up by the calls that follow. When they cannot use it up (the
 * reader has paused), weft_tls_stream_keep() copies the rest before the borrowed memory goes.
 */
#ifndef WEFT_IO_TLS_H
#define WEFT_IO_TLS_H

#include <weft/identity.h>
#include <weft/tls.h>

struct weft_tls_stream;

/* Where records go. It must be large enough; the owner empties it after each call. */
struct weft_tls_output {
	uint8_t *data;
	size_t len;
	size_t cap;
};

/* Positive outcomes of the calls below. */
enum {
	WEFT_TLS_AGAIN = 1, /* more from the peer is needed */
	WEFT_TLS_END = 2,   /* the peer has said close_notify */
};

/* `server_name` is for a client: -EINVAL when it does not say whom to verify. A server's is
 * NULL. */
int weft_tls_stream_new(struct weft_tls *tls, const char *server_name,
			struct weft_tls_stream **ret_stream);
void weft_tls_stream_free(struct weft_tls_stream *stream); /* takes NULL */

/* -ENOMEM when something is kept already and this cannot be put behind it. */
int weft_tls_stream_feed(struct weft_tls_stream *stream, const uint8_t *bytes, size_t len);
int weft_tls_stream_keep(struct weft_tls_stream *stream);

/* Each 0, an outcome, or -EPROTO, about which weft_tls_stream_error() has a sentence. */
int weft_tls_stream_handshake(struct weft_tls_stream *stream, struct weft_tls_output *output);
int weft_tls_stream_read(struct weft_tls_stream *stream, struct weft_tls_output *output,
			 uint8_t *room, size_t cap, size_t *ret_len);
int weft_tls_stream_write(struct weft_tls_stream *stream, struct weft_tls_output *output,
			  const uint8_t *bytes, size_t len);
void weft_tls_stream_end(struct weft_tls_stream *stream, struct weft_tls_output *output);

const char *weft_tls_stream_alpn(
	const struct weft_tls_stream *stream); /* "" when none was agreed on */
/* After the handshake: whom its verified certificate names, or NULL. */
struct weft_identity *weft_tls_stream_peer(const struct weft_tls_stream *stream);
/* IANA's name, a literal; NULL before it is chosen. */
const char *weft_tls_stream_cipher(const struct weft_tls_stream *stream);
const char *weft_tls_stream_error(const struct weft_tls_stream *stream);

#endif
