/*
 * A byte stream to a peer: a socket, with TLS or without, and the listener that accepts them.
 *
 * Addresses are text: "127.0.0.1:8443", "[::1]:0", "unix:/run/catalog.sock", "unix-abstract:name".
 *
 * A transport belongs to one worker. Reading is pushed: bytes arrive in the worker's shared buffer
 * and are borrowed until on_data returns. Writing is pulled: whoever has something to send says so
 * (weft_transport_want_write), and at the end of the loop's turn on_flush is asked, once or more,
 * to fill the worker's shared buffer, which leaves in one system call. An idle transport owns no
 * buffer.
 */
#ifndef WEFT_TRANSPORT_H
#define WEFT_TRANSPORT_H

#include <weft/tls.h>
#include <weft/worker.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_listener;
struct weft_transport;

/* `take_fd` is non-blocking and close-on-exec; the callback owns it. */
typedef void weft_accept_cb(struct weft_listener *listener, int take_fd, const char *peer,
			    void *data);

/* Listens at once, with SO_REUSEADDR; a Unix path left behind by a dead process is replaced. On
 * failure (-EADDRINUSE, -EINVAL for text that is no address, …) `error` may be NULL or holds a
 * sentence. */
int weft_listener_new(struct weft_worker *worker, const char *address, weft_accept_cb *cb,
		      void *data, char error[256], struct weft_listener **ret_listener);
void weft_listener_free(
	struct weft_listener *listener); /* closes it, unlinks its path; takes NULL */
const char *weft_listener_address(const struct weft_listener *listener); /* with the true port */

struct weft_transport_events {
	/* Connected, and the TLS handshake done. */
	void (*on_open)(struct weft_transport *transport, void *data);
	/* Takes all of `bytes`. */
	void (*on_data)(struct weft_transport *transport, const uint8_t *bytes, size_t len,
			void *data);
	/* The peer will send no more (FIN or close_notify). Writing may go on. May be NULL: then
	 * it closes. */
	void (*on_end)(struct weft_transport *transport, void *data);
	/* Writes at most `cap` bytes to `room` and returns how many; asked again while it fills
	 * the room. */
	size_t (*on_flush)(struct weft_transport *transport, uint8_t *room, size_t cap, void *data);
	/* The last call, exactly once, also after weft_transport_close: 0 for an orderly end, or
	 * a negative errno (-ETIMEDOUT, -ECONNREFUSED, -EPROTO for TLS, …). `transport` is gone
	 * when it returns. */
	void (*on_close)(struct weft_transport *transport, int error, void *data);
};

/* Both cannot fail: a failure arrives in on_close, after the function has returned.
 * `timeout_ns` bounds connecting and handshake, 0: 10 seconds. `tls` is referenced, NULL:
 * plaintext. */
struct weft_transport *weft_transport_accept(struct weft_worker *worker, int take_fd,
					     struct weft_tls *tls, uint64_t timeout_ns,
					     const struct weft_transport_events *events,
					     void *data);
/* `server_name` is verified against the certificate, and sent as SNI when it is a DNS name.
 * `address` is an IP address or a Unix path, never a name to be resolved. */
struct weft_transport *weft_transport_connect(struct weft_worker *worker, const char *address,
					      struct weft_tls *tls, const char *server_name,
					      uint64_t timeout_ns,
					      const struct weft_transport_events *events,
					      void *data);

/* Hands the transport to another owner, from on_open on: an ALPN switch. */
void weft_transport_set_events(struct weft_transport *transport,
			       const struct weft_transport_events *events, void *data);
void weft_transport_want_write(struct weft_transport *transport); /* idempotent within a turn */
void weft_transport_pause(struct weft_transport *transport);      /* no on_data until resumed */
void weft_transport_resume(struct weft_transport *transport);
/* Flushes what on_flush still gives, then closes; at once when `now`. on_close follows, later.
 * What the peer still sends is dropped: no on_data and no on_end come any more. */
void weft_transport_close(struct weft_transport *transport, bool now);

struct weft_worker *weft_transport_worker(const struct weft_transport *transport);
const char *weft_transport_peer(
	const struct weft_transport *transport); /* "127.0.0.1:51234", "unix:" */
const char *weft_transport_alpn(
	const struct weft_transport *transport); /* "h2", "http/1.1", or "" */
/* "TLS_AES_128_GCM_SHA256", as IANA lists it; stays for ever. NULL without TLS. */
const char *weft_transport_cipher(const struct weft_transport *transport);
bool weft_transport_is_tls(const struct weft_transport *transport);
/* Bytes taken from on_flush that the kernel has not taken yet. */
size_t weft_transport_unsent(const struct weft_transport *transport);
/* A sentence about why on_close had an error, with OpenSSL's words for TLS; valid inside
 * on_close. */
const char *weft_transport_error(const struct weft_transport *transport);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
