/*
 * A connection: a socket, with TLS or without, and the state it is in.
 *
 *	CONNECTING -> HANDSHAKING -> OPEN -> CLOSING -> LINGERING -> CLOSED
 *
 * From any state a failure leads to CLOSED. There, nothing happens any more but one deferred task,
 * which calls on_close and frees; so the memory is good through every callback, whatever that
 * callback does, and on_close never runs inside the function that caused it.
 *
 * CLOSING sends what is left. LINGERING has shut its side down and waits a moment for the peer to
 * do the same: a socket that is closed while bytes are still arriving sends a reset, and the reset
 * may overtake what was sent last.
 *
 * Sending happens in the flush at the end of a turn. What the kernel has not taken is kept in
 * `unsent`, and nobody is asked for more until that is gone.
 *
 * A peer's FIN without close_notify counts as an end like any other: what is spoken over it
 * (HTTP/2, HTTP/1 with lengths) knows by itself whether it was cut short, and many peers never say
 * close_notify.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <weft/buffer.h>
#include <weft/log.h>
#include <weft/transport.h>

#include "io/address.h"
#include "io/identity.h"
#include "io/tls.h"
#include "io/worker.h"

#define OPEN_TIMEOUT    (10 * WEFT_SECOND)
#define CLOSING_TIMEOUT (10 * WEFT_SECOND) /* without progress */
#define LINGER_TIMEOUT  (1 * WEFT_SECOND)

/* How much one connection may do in a turn before the others have theirs. */
#define READS_A_TURN  4
#define WRITES_A_TURN 4

enum state { CONNECTING, HANDSHAKING, OPEN, CLOSING, LINGERING, CLOSED };

struct weft_transport {
	struct weft_resident resident; /* of the worker */
	struct weft_worker *worker;
	struct weft_loop *loop;
	const struct weft_transport_events *events;
	void *data;

	int fd;
	struct weft_fd *watch;
	struct weft_tls_stream *tls; /* NULL: plaintext */
	enum state state;
	struct weft_timer timer; /* what it bounds depends on the state */
	struct weft_task step;   /* deferred: start, resume, on_close */
	struct weft_task flush;
	bool step_queued;
	bool flush_queued;

	bool paused;
	bool ended;      /* the peer sends no more */
	bool said_end;   /* close_notify is among what is sent */
	bool more;       /* on_flush has more than one turn's share */
	int write_error; /* the peer takes no more; what it sent before is still read */
	struct weft_buffer unsent;
	size_t unsent_at; /* where it begins */

	int error;
	char error_text[256];
	char peer[WEFT_ADDRESS_MAX];
};

/* ---- states ---- */

static void queue_step(struct weft_transport *transport)
{
	if (transport->step_queued)
		return;
	transport->step_queued = true;
	weft_loop_defer(transport->loop, &transport->step);
}

static void queue_flush(struct weft_transport *transport)
{
	if (transport->flush_queued)
		return;
	transport->flush_queued = true;
	weft_loop_flush(transport->loop, &transport->flush);
}

static void drop_unsent(struct weft_transport *transport)
{
	weft_buffer_fini(&transport->unsent);
	transport->unsent_at = 0;
}

static void WEFT_PRINTF(3, 4)
	set_closed(struct weft_transport *transport, int error, const char *format, ...)
{
	va_list args;

	if (transport->state == CLOSED)
		return;
	transport->state = CLOSED;
	transport->error = error;
	va_start(args, format);
	vsnprintf(transport->error_text, sizeof(transport->error_text), format, args);
	va_end(args);

	weft_timer_stop(transport->loop, &transport->timer);
	weft_fd_free(transport->watch);
	transport->watch = NULL;
	if (transport->fd >= 0)
		close(transport->fd);
	transport->fd = -1;
	drop_unsent(transport);
	queue_step(transport);
}

/* The end of it, unless one of its tasks is still queued: then that one comes here. */
static void finish(struct weft_transport *transport)
{
	assert(transport->state == CLOSED);
	if (transport->step_queued || transport->flush_queued)
		return;
	transport->events->on_close(transport, transport->error, transport->data);
	weft_list_remove(&transport->resident.node);
	weft_tls_stream_free(transport->tls);
	free(transport);
}

static void set_open(struct weft_transport *transport)
{
	weft_timer_stop(transport->loop, &transport->timer);
	transport->state = OPEN;
	queue_flush(transport); /* want_write may have been called before */
	if (transport->events->on_open)
		transport->events->on_open(transport, transport->data);
}

static void set_lingering(struct weft_transport *transport)
{
	shutdown(transport->fd, SHUT_WR);
	if (transport->ended) {
		set_closed(transport, 0, "%s", "");
		return;
	}
	transport->state = LINGERING;
	weft_timer_start(transport->loop, &transport->timer, LINGER_TIMEOUT);
}

static bool is_reading(const struct weft_transport *transport)
{
	switch (transport->state) {
	case HANDSHAKING: return transport->tls;
	case OPEN: return !transport->paused && !transport->ended;
	case CLOSING:
	case LINGERING: return !transport->ended;
	default: return false;
	}
}

static void update_watch(struct weft_transport *transport)
{
	unsigned events = 0;

	if (!transport->watch)
		return;
	if (is_reading(transport))
		events |= WEFT_READABLE;
	if (transport->state == CONNECTING || transport->more || weft_transport_unsent(transport))
		events |= WEFT_WRITABLE;
	weft_fd_set(transport->watch, events);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	struct weft_transport *transport = data;

	switch (transport->state) {
	case CONNECTING:
		set_closed(transport, -ETIMEDOUT, "connecting to %s takes too long",
			   transport->peer);
		break;
	case HANDSHAKING:
		set_closed(transport, -ETIMEDOUT, "the TLS handshake with %s takes too long",
			   transport->peer);
		break;
	case CLOSING:
		set_closed(transport, -ETIMEDOUT, "%s does not take what is left to send",
			   transport->peer);
		break;
	default: set_closed(transport, 0, "%s", ""); break;
	}
}

/* ---- sending ---- */

/*
 * The peer has gone for what we send. What it said before (a GOAWAY, an alert) is perhaps still to
 * be read, and says more than EPIPE; a dead socket is readable, so its end is met at once.
 */
static void fail_writing(struct weft_transport *transport, int error)
{
	drop_unsent(transport);
	transport->more = false;
	transport->write_error = error;
	if (transport->said_end) {
		set_closed(transport, 0, "%s", ""); /* only our good-bye was not heard */
		return;
	}
	if (transport->state != HANDSHAKING && (transport->state != OPEN || !is_reading(transport)))
		set_closed(transport, error, "cannot send to %s: %s", transport->peer,
			   weft_errno_string(error));
}

/* Returns how much the kernel took. */
static size_t try_send(struct weft_transport *transport, const uint8_t *bytes, size_t len)
{
	ssize_t n = send(transport->fd, bytes, len, MSG_NOSIGNAL);

	if (n >= 0)
		return (size_t)n;
	if (errno != EAGAIN && errno != EINTR)
		fail_writing(transport, -errno);
	return 0;
}

/* In order behind what is unsent already. */
static void send_bytes(struct weft_transport *transport, const uint8_t *bytes, size_t len)
{
	size_t sent = 0;
	int r;

	if (len == 0 || transport->fd < 0 || transport->write_error)
		return;
	if (!weft_transport_unsent(transport))
		sent = try_send(transport, bytes, len);
	if (transport->write_error || sent == len)
		return;
	r = weft_buffer_append(&transport->unsent, bytes + sent, len - sent);
	if (r < 0)
		set_closed(transport, r, "no memory to keep what %s does not take",
			   transport->peer);
}

static struct weft_tls_output tls_output(struct weft_transport *transport)
{
	return (struct weft_tls_output) {
		.data = weft_worker_buffers(transport->worker)->records,
		.cap = WEFT_RECORD_ROOM,
	};
}

static void send_plaintext(struct weft_transport *transport, const uint8_t *bytes, size_t len)
{
	struct weft_tls_output output = tls_output(transport);
	int r;

	if (!transport->tls) {
		send_bytes(transport, bytes, len);
		return;
	}
	r = weft_tls_stream_write(transport->tls, &output, bytes, len);
	send_bytes(transport, output.data, output.len);
	if (r < 0)
		set_closed(transport, r, "%s", weft_tls_stream_error(transport->tls));
}

static bool may_send(const struct weft_transport *transport)
{
	return (transport->state == OPEN || transport->state == CLOSING) && !transport->said_end &&
	       !transport->write_error;
}

/* As much of what there is as the room holds. */
static size_t fill_room(struct weft_transport *transport, uint8_t *room, size_t cap)
{
	size_t len = 0;

	while (len < cap && may_send(transport)) {
		size_t n = transport->events->on_flush(transport, room + len, cap - len,
						       transport->data);

		assert(n <= cap - len);
		if (n == 0)
			break;
		len += n;
	}
	return len;
}

/*
 * Sends until there is no more or the kernel takes no more. A room that is filled by half or more
 * may have ended where a large piece did not fit, so there may be more.
 */
static void send_what_there_is(struct weft_transport *transport)
{
	uint8_t *room = weft_worker_buffers(transport->worker)->outgoing;

	transport->more = false;
	for (int i = 0; may_send(transport) && !weft_transport_unsent(transport); i++) {
		size_t len;

		if (i == WRITES_A_TURN) {
			transport->more = true;
			return;
		}
		len = fill_room(transport, room, WEFT_WRITE_ROOM);
		if (len == 0 || transport->state == CLOSED)
			return;
		send_plaintext(transport, room, len);
		if (len < WEFT_WRITE_ROOM / 2)
			return;
	}
}

static void say_end(struct weft_transport *transport)
{
	struct weft_tls_output output = tls_output(transport);

	transport->said_end = true;
	if (!transport->tls)
		return;
	weft_tls_stream_end(transport->tls, &output);
	send_bytes(transport, output.data, output.len);
}

static void run_flush(struct weft_task *task)
{
	struct weft_transport *transport = weft_container_of(task, struct weft_transport, flush);

	transport->flush_queued = false;
	send_what_there_is(transport);
	if (transport->state == CLOSING && !transport->more && !weft_transport_unsent(transport)) {
		if (!transport->said_end)
			say_end(transport);
		if (transport->state == CLOSING && !weft_transport_unsent(transport))
			set_lingering(transport);
	}
	update_watch(transport);
	if (transport->state == CLOSED)
		finish(transport);
}

/* The kernel has room again. */
static void send_unsent(struct weft_transport *transport)
{
	size_t left = weft_transport_unsent(transport);
	size_t sent;

	if (left) {
		sent = try_send(transport, transport->unsent.data + transport->unsent_at, left);
		if (transport->write_error)
			return;
		transport->unsent_at += sent;
		if (transport->state == CLOSING && sent)
			weft_timer_start(transport->loop, &transport->timer, CLOSING_TIMEOUT);
		if (sent < left)
			return;
		drop_unsent(transport);
	}
	transport->more = false;
	queue_flush(transport);
}

/* ---- receiving ---- */

static void meet_end(struct weft_transport *transport)
{
	transport->ended = true;
	if (transport->state == HANDSHAKING)
		set_closed(transport, -ECONNRESET, "%s closed the connection in the TLS handshake",
			   transport->peer);
	else if (transport->write_error)
		set_closed(transport, transport->write_error, "%s closed the connection",
			   transport->peer);
	else if (transport->events->on_end)
		transport->events->on_end(transport, transport->data);
	else
		weft_transport_close(transport, false);
}

static void fail_tls(struct weft_transport *transport, int error)
{
	set_closed(transport, error, "%s", weft_tls_stream_error(transport->tls));
}

static void handshake(struct weft_transport *transport)
{
	struct weft_tls_output output = tls_output(transport);
	int r = 0;

	if (transport->tls) {
		r = weft_tls_stream_handshake(transport->tls, &output);
		send_bytes(transport, output.data, output.len);
	}
	if (r < 0)
		fail_tls(transport, r);
	else if (r == WEFT_TLS_END)
		meet_end(transport);
	else if (r == 0 && transport->state == HANDSHAKING)
		set_open(transport);
}

static void decrypt(struct weft_transport *transport)
{
	uint8_t *room = weft_worker_buffers(transport->worker)->decrypted;

	while (transport->state == OPEN && is_reading(transport)) {
		struct weft_tls_output output = tls_output(transport);
		size_t len;
		int r;

		r = weft_tls_stream_read(transport->tls, &output, room, WEFT_READ_ROOM, &len);
		send_bytes(transport, output.data, output.len);
		if (transport->state != OPEN || r == WEFT_TLS_AGAIN)
			return;
		if (r == 0)
			transport->events->on_data(transport, room, len, transport->data);
		else if (r == WEFT_TLS_END)
			meet_end(transport);
		else
			fail_tls(transport, r);
	}
}

/* As far as what has been received reaches. */
static void advance(struct weft_transport *transport)
{
	if (transport->state == HANDSHAKING)
		handshake(transport);
	if (transport->tls)
		decrypt(transport);
}

static void take_received(struct weft_transport *transport, const uint8_t *bytes, size_t len)
{
	int r;

	if (transport->state != OPEN && transport->state != HANDSHAKING)
		return; /* nobody wants it any more */
	if (!transport->tls) {
		transport->events->on_data(transport, bytes, len, transport->data);
		return;
	}
	r = weft_tls_stream_feed(transport->tls, bytes, len);
	if (r == 0) {
		advance(transport);
		r = weft_tls_stream_keep(transport->tls);
	}
	if (r < 0)
		set_closed(transport, r, "no memory to keep what %s has sent", transport->peer);
}

static void fail_reading(struct weft_transport *transport, int error)
{
	if (transport->state == LINGERING)
		set_closed(transport, 0, "%s", "");
	else
		set_closed(transport, error, "%s: %s", transport->peer, weft_errno_string(error));
}

static void receive(struct weft_transport *transport)
{
	uint8_t *room = weft_worker_buffers(transport->worker)->received;
	ssize_t n = WEFT_READ_ROOM;

	for (int i = 0; i < READS_A_TURN && n == WEFT_READ_ROOM && is_reading(transport); i++) {
		n = recv(transport->fd, room, WEFT_READ_ROOM, 0);
		if (n > 0)
			take_received(transport, room, (size_t)n);
		else if (n < 0 && errno != EAGAIN && errno != EINTR)
			fail_reading(transport, -errno);
		else if (n == 0 && transport->state == LINGERING)
			set_closed(transport, 0, "%s", "");
		else if (n == 0 && transport->state == CLOSING)
			transport->ended = true;
		else if (n == 0)
			meet_end(transport);
	}
}

/* ---- events ---- */

static void finish_connecting(struct weft_transport *transport)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (getsockopt(transport->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	if (error) {
		set_closed(transport, -error, "cannot connect to %s: %s", transport->peer,
			   weft_errno_string(-error));
		return;
	}
	transport->state = HANDSHAKING;
	advance(transport);
}

static void on_ready(struct weft_fd *watch, unsigned events, void *data)
{
	struct weft_transport *transport = data;

	if (transport->state == CONNECTING)
		finish_connecting(transport);
	else if (events & WEFT_WRITABLE)
		send_unsent(transport);
	if (events & WEFT_READABLE)
		receive(transport);
	update_watch(transport);
}

static void run_step(struct weft_task *task)
{
	struct weft_transport *transport = weft_container_of(task, struct weft_transport, step);

	transport->step_queued = false;
	if (transport->state == CLOSED) {
		finish(transport);
		return;
	}
	advance(transport);
	update_watch(transport);
}

/* ---- birth ---- */

static void close_resident(struct weft_resident *resident)
{
	struct weft_transport *transport =
		weft_container_of(resident, struct weft_transport, resident);

	weft_transport_close(transport, true);
}

static struct weft_transport *transport_new(struct weft_worker *worker, int fd, uint64_t timeout_ns,
					    const struct weft_transport_events *events, void *data)
{
	struct weft_transport *transport = calloc(1, sizeof(*transport));

	if (!transport)
		abort();
	transport->resident.close = close_resident;
	weft_worker_settle(worker, &transport->resident);
	transport->worker = worker;
	transport->loop = weft_worker_loop(worker);
	transport->events = events;
	transport->data = data;
	transport->fd = fd;
	transport->step.run = run_step;
	transport->flush.run = run_flush;
	weft_timer_init(&transport->timer, on_timer, transport);
	weft_timer_start(transport->loop, &transport->timer,
			 timeout_ns ? timeout_ns : OPEN_TIMEOUT);
	return transport;
}

static void set_no_delay(int fd, int family)
{
	int one = 1;

	if (family != AF_UNIX)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

/* The watch is last, so that a transport which is closed already has none. */
static void begin(struct weft_transport *transport, struct weft_tls *tls, const char *server_name)
{
	int r;

	r = tls ? weft_tls_stream_new(tls, server_name, &transport->tls) : 0;
	if (r < 0) {
		set_closed(transport, r, "cannot verify %s: \"%s\" is no server name",
			   transport->peer, server_name ? server_name : "");
		return;
	}
	transport->watch = weft_fd_new(transport->loop, transport->fd, 0, on_ready, transport);
	if (transport->state == HANDSHAKING)
		queue_step(transport);
	else
		update_watch(transport);
}

struct weft_transport *weft_transport_accept(struct weft_worker *worker, int take_fd,
					     struct weft_tls *tls, uint64_t timeout_ns,
					     const struct weft_transport_events *events, void *data)
{
	struct weft_transport *transport = transport_new(worker, take_fd, timeout_ns, events, data);
	struct weft_address peer = { .len = sizeof(peer.storage) };

	transport->state = HANDSHAKING;
	if (getpeername(take_fd, &peer.sa, &peer.len) < 0) {
		int r = -errno;

		set_closed(transport, r, "the peer has gone: %s", weft_errno_string(r));
		return transport;
	}
	weft_address_format(&peer, transport->peer);
	set_no_delay(take_fd, peer.sa.sa_family);
	begin(transport, tls, NULL);
	return transport;
}

/* Whether it succeeds is known when the socket becomes writable. */
static int start_connecting(const char *text, int *ret_fd)
{
	struct weft_address address;
	int fd, r;

	r = weft_address_parse(text, &address);
	if (r < 0)
		return r;
	fd = socket(address.sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	set_no_delay(fd, address.sa.sa_family);
	if (connect(fd, &address.sa, address.len) < 0 && errno != EINPROGRESS) {
		r = -errno;
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

struct weft_transport *weft_transport_connect(struct weft_worker *worker, const char *address,
					      struct weft_tls *tls, const char *server_name,
					      uint64_t timeout_ns,
					      const struct weft_transport_events *events,
					      void *data)
{
	struct weft_transport *transport = transport_new(worker, -1, timeout_ns, events, data);
	int r;

	snprintf(transport->peer, sizeof(transport->peer), "%s", address);
	r = start_connecting(address, &transport->fd);
	if (r < 0)
		set_closed(transport, r, "cannot connect to %s: %s", address, weft_errno_string(r));
	else
		begin(transport, tls, server_name);
	return transport;
}

/* ---- what the owner asks ---- */

void weft_transport_set_events(struct weft_transport *transport,
			       const struct weft_transport_events *events, void *data)
{
	transport->events = events;
	transport->data = data;
}

void weft_transport_want_write(struct weft_transport *transport)
{
	if (may_send(transport) && !weft_transport_unsent(transport))
		queue_flush(transport);
}

void weft_transport_pause(struct weft_transport *transport)
{
	transport->paused = true;
	update_watch(transport);
}

void weft_transport_resume(struct weft_transport *transport)
{
	if (!transport->paused)
		return;
	transport->paused = false;
	if (transport->state == OPEN)
		queue_step(transport); /* what was decrypted or kept already comes first */
}

void weft_transport_close(struct weft_transport *transport, bool now)
{
	if (transport->state == CLOSED)
		return;
	if (transport->state == OPEN && !now) {
		transport->state = CLOSING;
		weft_timer_start(transport->loop, &transport->timer, CLOSING_TIMEOUT);
		queue_flush(transport);
		update_watch(transport);
	} else if (now || transport->state < OPEN) {
		if (transport->state == OPEN && !weft_transport_unsent(transport))
			say_end(transport);
		set_closed(transport, 0, "%s", "");
	}
}

struct weft_worker *weft_transport_worker(const struct weft_transport *transport)
{
	return transport->worker;
}

const char *weft_transport_peer(const struct weft_transport *transport)
{
	return transport->peer;
}

void weft_transport_local(const struct weft_transport *transport, char text[WEFT_ADDRESS_MAX])
{
	struct weft_address local = { .len = sizeof(local.storage) };

	text[0] = 0;
	if (getsockname(transport->fd, &local.sa, &local.len) == 0)
		weft_address_format(&local, text);
}

const char *weft_transport_cipher(const struct weft_transport *transport)
{
	return transport->tls ? weft_tls_stream_cipher(transport->tls) : NULL;
}

const char *weft_transport_alpn(const struct weft_transport *transport)
{
	return transport->tls ? weft_tls_stream_alpn(transport->tls) : "";
}

struct weft_identity *weft_transport_identity(const struct weft_transport *transport)
{
	return transport->tls ? weft_tls_stream_peer(transport->tls) : NULL;
}

bool weft_transport_is_tls(const struct weft_transport *transport)
{
	return transport->tls;
}

size_t weft_transport_unsent(const struct weft_transport *transport)
{
	return transport->unsent.len - transport->unsent_at;
}

const char *weft_transport_error(const struct weft_transport *transport)
{
	return transport->error_text;
}
