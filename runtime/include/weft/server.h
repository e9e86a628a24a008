/*
 * A gRPC server on one worker: the connections it was given, and the services that answer them. A
 * process with two workers has two servers and one or more ports; a port accepts on one worker and
 * hands each connection to the server with the fewest.
 */
#ifndef WEFT_SERVER_H
#define WEFT_SERVER_H

#include <weft/call.h>
#include <weft/service.h>
#include <weft/tls.h>
#include <weft/worker.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_server;
struct weft_port;

struct weft_server_options {
	size_t size;
	size_t max_message;              /* received, 0: 4 MiB */
	size_t max_metadata;             /* received, 0: 16 KiB; see soft_metadata */
	uint32_t max_concurrent_streams; /* per connection, 0: 256 */
	unsigned max_depth;              /* nesting of received messages, 0: 100 */
	/* For TLS, then for the client's first SETTINGS, and for each block of headers; 0: 10 s */
	uint64_t handshake_timeout_ns;
	bool log_calls;              /* a line for each ended call */
	enum weft_encoding encoding; /* of what is sent to clients that accept it */

	size_t max_connections; /* 0: 16,384; one more is closed at once */
	/* Connections, as in weft/h2.h. A PING goes out after two hours of silence; clients may
	 * send one every five minutes while they have calls. Age and idleness have no limit. */
	uint64_t keepalive_ns;         /* 0: 2 h */
	uint64_t keepalive_timeout_ns; /* 0: 20 s */
	uint64_t permit_keepalive_ns;  /* 0: 5 min */
	bool permit_keepalive_idle;    /* also without calls */
	uint64_t max_age_ns;
	uint64_t max_age_grace_ns;
	uint64_t idle_timeout_ns;
	/* What the messages above 64 KiB that are on their way to us over a connection may be in
	 * sum; the others wait, see message_budget in weft/h2.h. 0: 8 MiB, 30 s */
	size_t message_budget;
	uint64_t message_timeout_ns;
	/* A call with more metadata than max_metadata is refused (RESOURCE_EXHAUSTED), one with
	 * more than this may be, the likelier the more it has. Counted as HTTP/2 does, 32 bytes
	 * more for each entry. 0: 8 KiB, or four fifths of max_metadata. */
	size_t soft_metadata;
};

/* `options` may be NULL. Add services before the first connection. The server belongs to its
 * worker; new, add and free are called there or while the worker does not run. */
int weft_server_new(struct weft_worker *worker, const struct weft_server_options *options,
		    struct weft_server **ret_server);
/* Drained or not: what is left is closed. Its calls are cancelled, and on_cancel called, before it
 * returns: no handler runs any more. */
void weft_server_free(struct weft_server *server); /* after its ports, before its worker */

/* `handlers` is the generated struct of function pointers, `self` reaches every handler. -EEXIST */
int weft_server_add(struct weft_server *server, const struct weft_service *service,
		    const void *handlers, void *self);
/* By index, in the order in which they were added; NULL at the end. */
const struct weft_service *weft_server_service_at(const struct weft_server *server, size_t index);
/* For what belongs to a service here and lives as long as the server: gone when weft_server_free
 * has cancelled the calls. */
struct weft_arena *weft_server_arena(struct weft_server *server);
/* Answers every path that no service has; receives bytes. Without it they are UNIMPLEMENTED. */
typedef int weft_fallback_cb(struct weft_call *call, void *self);
void weft_server_set_fallback(struct weft_server *server, weft_fallback_cb *fallback, void *self);

struct weft_worker *weft_server_worker(const struct weft_server *server);
size_t weft_server_connections(const struct weft_server *server); /* any thread */
size_t weft_server_calls(const struct weft_server *server);       /* calls that have not ended */

/* GOAWAY to every connection; calls under way go on. `cb` runs on the worker when none is left,
 * or when `grace_ns` has passed and the rest was cancelled. */
typedef void weft_server_drained_cb(struct weft_server *server, void *data);
void weft_server_drain(struct weft_server *server, uint64_t grace_ns, weft_server_drained_cb *cb,
		       void *data);

/* A connection that somebody else accepted. `tls` NULL: plaintext. Runs on the server's worker. */
void weft_server_adopt(struct weft_server *server, int take_fd, struct weft_tls *tls);

/* Listens at `address` ("127.0.0.1:0", "unix:/path", …) on `worker` for `n` servers. The order
 * of the end is: ports, servers, workers; a server that is freed before one of its ports is an
 * assertion. A connection that is on its way to a server on another worker when both go is
 * closed. New and free are called on the port's worker or while it does not run. */
int weft_port_new(struct weft_worker *worker, const char *address, struct weft_tls *tls,
		  struct weft_server *const *servers, size_t n, char error[256],
		  struct weft_port **ret_port);
const char *weft_port_address(const struct weft_port *port); /* with the true port */
void weft_port_free(struct weft_port *port);                 /* stops accepting; takes NULL */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
