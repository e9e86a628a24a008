/*
 * See resolve.h. Each resolution has a c-ares channel of its own: it reads the system's settings
 * anew, and goes with all its sockets when it is done. c-ares calls back from inside its functions,
 * where a channel must not be destroyed, so the end is a deferred task.
 */
#include <ares.h>
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/arena.h>
#include <weft/list.h>

#include "io/address.h"
#include "io/resolve.h"

#define TRY_MS        1500
#define TRIES         3
#define MAX_ADDRESSES 256 /* of a reply that may hold thousands */

struct weft_resolution {
	struct weft_loop *loop;
	ares_channel channel;
	struct weft_list sockets;
	struct weft_timer retry;    /* when c-ares wants to be asked */
	struct weft_timer deadline; /* when the caller has waited enough */
	struct weft_task end;
	bool end_queued;
	struct weft_arena *arena;
	const char **addresses;
	struct weft_resolved resolved;
	weft_resolved_cb *cb; /* NULL: cancelled */
	void *data;
	uint16_t port;
};

/* One of the sockets that c-ares has opened, and closes. */
struct socket_watch {
	struct weft_list list;
	struct weft_resolution *resolution;
	ares_socket_t fd;
	struct weft_fd *watch;
};

static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void init_library(void)
{
	if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
		abort();
}

static void resolution_free(struct weft_resolution *resolution)
{
	weft_timer_stop(resolution->loop, &resolution->retry);
	weft_timer_stop(resolution->loop, &resolution->deadline);
	resolution->end_queued = true; /* what c-ares still says is not listened to */
	if (resolution->channel)
		ares_destroy(resolution->channel); /* frees the watches through on_socket_state() */
	weft_arena_free(resolution->arena);
	free(resolution);
}

static void run_end(struct weft_task *task)
{
	struct weft_resolution *resolution = weft_container_of(task, struct weft_resolution, end);

	if (resolution->cb)
		resolution->cb(&resolution->resolved, resolution->data);
	resolution->cb = NULL;
	resolution_free(resolution);
}

static void queue_end(struct weft_resolution *resolution, int error, const char *words)
{
	if (resolution->end_queued)
		return;
	resolution->resolved.error = error;
	resolution->resolved.words = words;
	resolution->end_queued = true;
	weft_loop_defer(resolution->loop, &resolution->end);
}

static void set_retry(struct weft_resolution *resolution)
{
	struct timeval tv;

	if (resolution->end_queued)
		weft_timer_stop(resolution->loop, &resolution->retry);
	else if (ares_timeout(resolution->channel, NULL, &tv))
		weft_timer_start(resolution->loop, &resolution->retry,
				 (uint64_t)tv.tv_sec * WEFT_SECOND +
					 (uint64_t)tv.tv_usec * WEFT_US);
}

static void on_socket_ready(struct weft_fd *watch, unsigned events, void *data)
{
	struct socket_watch *socket = data;
	struct weft_resolution *resolution = socket->resolution;
	ares_socket_t fd = socket->fd;

	/* `socket` may be gone after this. */
	ares_process_fd(resolution->channel, events & WEFT_READABLE ? fd : ARES_SOCKET_BAD,
			events & WEFT_WRITABLE ? fd : ARES_SOCKET_BAD);
	set_retry(resolution);
}

static void on_retry(struct weft_timer *timer, void *data)
{
	struct weft_resolution *resolution = data;

	ares_process_fd(resolution->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	set_retry(resolution);
}

static void on_deadline(struct weft_timer *timer, void *data)
{
	queue_end(data, -ETIMEDOUT, "the name servers do not answer in time");
}

static struct socket_watch *find_socket(struct weft_resolution *resolution, ares_socket_t fd)
{
	weft_list_each (at, after, &resolution->sockets) {
		struct socket_watch *socket = weft_list_entry(at, struct socket_watch, list);

		if (socket->fd == fd)
			return socket;
	}
	return NULL;
}

static struct socket_watch *add_socket(struct weft_resolution *resolution, ares_socket_t fd)
{
	struct socket_watch *socket = calloc(1, sizeof(*socket));

	if (!socket)
		abort();
	socket->resolution = resolution;
	socket->fd = fd;
	socket->watch = weft_fd_new(resolution->loop, fd, 0, on_socket_ready, socket);
	weft_list_append(&resolution->sockets, &socket->list);
	return socket;
}

static void on_socket_state(void *data, ares_socket_t fd, int readable, int writable)
{
	struct weft_resolution *resolution = data;
	struct socket_watch *socket = find_socket(resolution, fd);

	if (readable || writable) {
		if (!socket)
			socket = add_socket(resolution, fd);
		weft_fd_set(socket->watch,
			    (readable ? WEFT_READABLE : 0) | (writable ? WEFT_WRITABLE : 0));
	} else if (socket) {
		weft_list_remove(&socket->list);
		weft_fd_free(socket->watch);
		free(socket);
	}
}

static int errno_of(int status)
{
	switch (status) {
	case ARES_ENOTFOUND:
	case ARES_ENODATA:
	case ARES_ENONAME: return -ENOENT;
	case ARES_EBADNAME: return -EINVAL;
	case ARES_ENOMEM: return -ENOMEM;
	case ARES_ETIMEOUT: return -ETIMEDOUT;
	default: return -EAGAIN;
	}
}

static void add_address(struct weft_resolution *resolution, const struct sockaddr *sa,
			socklen_t len)
{
	struct weft_address address = { .len = len };
	char text[WEFT_ADDRESS_MAX];

	if (len > sizeof(address.storage) || resolution->resolved.count == MAX_ADDRESSES)
		return;
	memcpy(&address.storage, sa, len);
	weft_address_format(&address, text);
	resolution->addresses[resolution->resolved.count++] =
		weft_arena_strdup(resolution->arena, text);
}

static void on_answer(void *data, int status, int timeouts, struct ares_addrinfo *result)
{
	struct weft_resolution *resolution = data;

	if (status != ARES_SUCCESS) {
		queue_end(resolution, errno_of(status), ares_strerror(status));
		return;
	}
	for (struct ares_addrinfo_node *at = result->nodes; at; at = at->ai_next)
		add_address(resolution, at->ai_addr, at->ai_addrlen);
	ares_freeaddrinfo(result);
	if (resolution->resolved.count == 0)
		queue_end(resolution, -ENOENT, "the name has no addresses");
	else
		queue_end(resolution, 0, "");
}

static int open_channel(struct weft_resolution *resolution, const char *servers)
{
	struct ares_options options = {
		.timeout = TRY_MS,
		.tries = TRIES,
		.sock_state_cb = on_socket_state,
		.sock_state_cb_data = resolution,
	};
	int status;

	pthread_once(&library_once, init_library);
	status = ares_init_options(&resolution->channel, &options,
				   ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB);
	if (status != ARES_SUCCESS) {
		resolution->channel = NULL;
		return status;
	}
	return servers ? ares_set_servers_ports_csv(resolution->channel, servers) : ARES_SUCCESS;
}

static void ask(struct weft_resolution *resolution, const char *host)
{
	struct ares_addrinfo_hints hints = {
		.ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = ARES_AI_NUMERICSERV,
	};
	char service[8];

	snprintf(service, sizeof(service), "%u", resolution->port);
	ares_getaddrinfo(resolution->channel, host, service, &hints, on_answer, resolution);
	set_retry(resolution);
}

/* What is an address already is not asked about; c-ares would ask. */
static void take_ip(struct weft_resolution *resolution, const char *host)
{
	resolution->addresses[0] = weft_arena_printf(
		resolution->arena, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host, resolution->port);
	resolution->resolved.count = 1;
	queue_end(resolution, 0, "");
}

struct weft_resolution *weft_resolve(struct weft_loop *loop, const char *host, uint16_t port,
				     const char *servers, uint64_t timeout_ns, weft_resolved_cb *cb,
				     void *data)
{
	struct weft_resolution *resolution = calloc(1, sizeof(*resolution));
	int status;

	if (!resolution)
		abort();
	resolution->loop = loop;
	resolution->cb = cb;
	resolution->data = data;
	resolution->port = port;
	resolution->end.run = run_end;
	resolution->arena = weft_arena_new();
	resolution->addresses =
		weft_arena_new_array(resolution->arena, const char *, MAX_ADDRESSES);
	resolution->resolved.addresses = resolution->addresses;
	weft_list_init(&resolution->sockets);
	weft_timer_init(&resolution->retry, on_retry, resolution);
	weft_timer_init(&resolution->deadline, on_deadline, resolution);

	if (weft_address_is_ip(host)) {
		take_ip(resolution, host);
		return resolution;
	}
	status = open_channel(resolution, servers);
	if (status != ARES_SUCCESS) {
		queue_end(resolution, errno_of(status), ares_strerror(status));
		return resolution;
	}
	weft_timer_start(loop, &resolution->deadline, timeout_ns);
	ask(resolution, host);
	return resolution;
}

void weft_resolution_cancel(struct weft_resolution *resolution)
{
	if (!resolution)
		return;
	resolution->cb = NULL;
	if (!resolution->end_queued)
		resolution_free(resolution);
}
