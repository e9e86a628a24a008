/*
 * A listening socket. Several connections are accepted at a wake-up, but not without bound, so that
 * a storm of them leaves time for those which are there already.
 *
 * When the process has no descriptor left, the connection that could not be accepted keeps the
 * socket readable; accepting is then suspended for a moment rather than tried in a circle.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <weft/log.h>
#include <weft/transport.h>

#include "io/address.h"

#define ACCEPTS_AT_ONCE 16
#define SUSPENSION      (100 * WEFT_MS)

struct weft_listener {
	struct weft_worker *worker;
	int fd;
	struct weft_fd *watch;
	struct weft_timer suspension;
	bool exhausted; /* said so in the log */
	bool accepting; /* inside the callback, where it may be freed */
	bool freed;
	weft_accept_cb *cb;
	void *data;
	dev_t path_dev; /* which file the path was when we made it */
	ino_t path_ino;
	char text[WEFT_ADDRESS_MAX];
};

static int WEFT_PRINTF(3, 4) fail(char error[256], int r, const char *format, ...)
{
	va_list args;

	if (error) {
		va_start(args, format);
		vsnprintf(error, 256, format, args);
		va_end(args);
	}
	return r;
}

static void close_listener(struct weft_listener *listener)
{
	struct weft_address address;
	const char *path = NULL;
	struct stat st;

	if (listener->fd < 0)
		return;
	weft_timer_stop(weft_worker_loop(listener->worker), &listener->suspension);
	weft_fd_free(listener->watch);
	close(listener->fd);
	listener->fd = -1;
	/* Another process may have put its own socket there since. */
	if (weft_address_parse(listener->text, &address) == 0)
		path = weft_address_path(&address);
	if (path && lstat(path, &st) == 0 && st.st_dev == listener->path_dev &&
	    st.st_ino == listener->path_ino)
		unlink(path);
}

void weft_listener_free(struct weft_listener *listener)
{
	if (!listener)
		return;
	close_listener(listener);
	if (listener->accepting)
		listener->freed = true;
	else
		free(listener);
}

const char *weft_listener_address(const struct weft_listener *listener)
{
	return listener->text;
}

static bool out_of_resources(int error)
{
	return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void suspend(struct weft_listener *listener, int error)
{
	if (!listener->exhausted)
		weft_log_error("cannot accept connections for now",
			       WEFT_STR("address", listener->text), WEFT_ERRNO(-error));
	listener->exhausted = true;
	weft_fd_set(listener->watch, 0);
	weft_timer_start(weft_worker_loop(listener->worker), &listener->suspension, SUSPENSION);
}

static void on_suspension_over(struct weft_timer *timer, void *data)
{
	struct weft_listener *listener = data;

	weft_fd_set(listener->watch, WEFT_READABLE);
}

/* False when there is nothing to accept for now. An error of the one connection is its own. */
static bool accept_one(struct weft_listener *listener)
{
	struct weft_address peer = { .len = sizeof(peer.storage) };
	char text[WEFT_ADDRESS_MAX];
	int fd;

	fd = accept4(listener->fd, &peer.sa, &peer.len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		int error = errno;

		if (out_of_resources(error))
			suspend(listener, error);
		else if (error == EAGAIN)
			listener->exhausted = false;
		return error == EINTR || error == ECONNABORTED;
	}
	weft_address_format(&peer, text);
	listener->cb(listener, fd, text, listener->data);
	return true;
}

static void on_readable(struct weft_fd *watch, unsigned events, void *data)
{
	struct weft_listener *listener = data;

	listener->accepting = true;
	for (int i = 0; i < ACCEPTS_AT_ONCE && !listener->freed; i++)
		if (!accept_one(listener))
			break;
	listener->accepting = false;
	if (listener->freed)
		free(listener);
}

/* Nobody answers there, and it is a socket: its process has died without unlinking it. */
static bool is_stale(const struct weft_address *address)
{
	struct stat st;
	int fd, r;

	if (lstat(weft_address_path(address), &st) < 0 || !S_ISSOCK(st.st_mode))
		return false;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	r = connect(fd, &address->sa, address->len) < 0 ? errno : 0;
	close(fd);
	return r == ECONNREFUSED;
}

static int bind_address(int fd, const struct weft_address *address)
{
	if (bind(fd, &address->sa, address->len) == 0)
		return 0;
	if (errno != EADDRINUSE || !weft_address_path(address) || !is_stale(address))
		return -errno;
	if (unlink(weft_address_path(address)) < 0 || bind(fd, &address->sa, address->len) < 0)
		return -errno;
	return 0;
}

static int open_socket(const struct weft_address *address, int *ret_fd)
{
	int one = 1, zero = 0, fd, r;

	fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->sa.sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof(zero));
	r = bind_address(fd, address);
	if (r == 0 && listen(fd, SOMAXCONN) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

/* What the kernel made of the address: the port it chose, the file it made. */
static void learn_own_address(struct weft_listener *listener, const struct weft_address *asked)
{
	struct weft_address own = { .len = sizeof(own.storage) };
	const char *path = weft_address_path(asked);
	struct stat st;

	getsockname(listener->fd, &own.sa, &own.len);
	weft_address_format(&own, listener->text);
	if (path && lstat(path, &st) == 0) {
		listener->path_dev = st.st_dev;
		listener->path_ino = st.st_ino;
	}
}

int weft_listener_new(struct weft_worker *worker, const char *address, weft_accept_cb *cb,
		      void *data, char error[256], struct weft_listener **ret_listener)
{
	struct weft_listener *listener;
	struct weft_address parsed;
	int fd = -1, r;

	r = weft_address_parse(address, &parsed);
	if (r < 0)
		return fail(error, r, "\"%s\" is no address to listen on", address);
	r = open_socket(&parsed, &fd);
	if (r < 0)
		return fail(error, r, "cannot listen on %s: %s", address, weft_errno_string(r));

	listener = calloc(1, sizeof(*listener));
	if (!listener)
		abort();
	listener->worker = worker;
	listener->fd = fd;
	listener->cb = cb;
	listener->data = data;
	weft_timer_init(&listener->suspension, on_suspension_over, listener);
	learn_own_address(listener, &parsed);
	listener->watch =
		weft_fd_new(weft_worker_loop(worker), fd, WEFT_READABLE, on_readable, listener);
	*ret_listener = listener;
	return 0;
}
