/*
 * A server on one worker: its connections, the map from paths to handlers, and its drain.
 *
 * A connection is on the server's list from adoption to its on_close, whatever it is in between: a
 * TLS handshake, then HTTP/2. `connections` counts the same for other threads, and counts a
 * connection that a port has promised before it arrives, so that a burst is spread evenly.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <weft/arena.h>
#include <weft/map.h>

#include "rpc/call.h"
#include "rpc/codec.h"
#include "rpc/metadata_limits.h"
#include "rpc/server.h"

#define DEFAULT_MESSAGE     ((size_t)4 << 20)
#define DEFAULT_STREAMS     256
#define DEFAULT_CONNECTIONS 16384
#define DEFAULT_KEEPALIVE   (7200 * WEFT_SECOND)
#define DEFAULT_PERMIT      (300 * WEFT_SECOND)
#define CLOSE_TIMEOUT       WEFT_SECOND /* for a peer that takes no bytes, when grace is over */

enum drain_state { DRAIN_NONE, DRAIN_WAITS, DRAIN_CUTS, DRAIN_DONE };

struct weft_server {
	struct weft_worker *worker;
	struct weft_entity entity;
	char name[16]; /* the worker's */
	struct weft_server_options options;
	struct call_limits limits;
	struct weft_h2_options h2_options;
	struct weft_map endpoints; /* by path; struct endpoint, ours */
	const struct weft_service **services;
	size_t n_services;
	struct weft_arena *arena; /* the services' */
	struct call_interceptors interceptors;
	weft_fallback_cb *fallback;
	void *fallback_self;

	struct weft_list connections;
	struct weft_list calls; /* live ones */
	size_t n_calls;
	atomic_size_t n_connections;

	enum drain_state drain;
	struct weft_timer grace;
	struct weft_task drained;
	bool drained_queued;
	bool freed; /* by its owner, while `drained` is queued or a promise is not kept */
	atomic_size_t n_promised; /* connections on their way from a port on another worker */
	atomic_size_t n_ports;    /* that may still promise */
	weft_server_drained_cb *drained_cb;
	void *drained_data;
};

struct connection {
	struct weft_list node;
	struct weft_server *server; /* NULL: freed before us */
	struct weft_transport *transport;
	struct weft_h2 *h2; /* NULL during the handshake */
	struct call_tally *tally;
	struct weft_entity entity; /* once it speaks HTTP/2 */
	char local[WEFT_ADDRESS_MAX];
};

/* --- Calls -------------------------------------------------------------------------------- */

/*
 * A browser or a probe that has strayed here is answered in HTTP's own terms, once its request has
 * been read and thrown away.
 */
struct http_answer {
	const char *status;
	const char *name; /* of a field that says what would do */
	const char *value;
	bool body;
};

static const struct http_answer http_answers[] = {
	[REQUEST_STRAY] = { "405", "allow", "POST", true },
	[REQUEST_HEAD] = { "405", "allow", "POST", false },
	[REQUEST_OTHER_TYPE] = { "415", "accept-post", "application/grpc", true },
};

static void stray_headers(struct weft_h2_stream *stream, const struct weft_h2_header *headers,
			  size_t n, bool end, void *data)
{
}

static void stray_data(struct weft_h2_stream *stream, const uint8_t *bytes, size_t len, void *data)
{
	weft_h2_stream_consume(stream, len);
}

static void stray_end(struct weft_h2_stream *stream, void *data)
{
	static const char text[] = "This is a gRPC server. It takes POST with content-type "
				   "application/grpc.\n";
	const struct http_answer *answer = data;
	const struct weft_h2_header headers[] = {
		WEFT_H2_HEADER(":status", answer->status),
		WEFT_H2_HEADER("content-type", "text/plain"),
		WEFT_H2_HEADER(answer->name, answer->value),
	};

	weft_h2_respond(stream, headers, WEFT_COUNT(headers), !answer->body);
	if (!answer->body)
		return;
	weft_h2_stream_write(stream, text, sizeof(text) - 1);
	weft_h2_stream_end(stream, NULL, 0);
}

static void stray_writable(struct weft_h2_stream *stream, void *data)
{
}

static void stray_close(struct weft_h2_stream *stream, uint32_t error_code, bool refused,
			void *data)
{
}

static const struct weft_h2_stream_events stray_events = {
	.on_headers = stray_headers,
	.on_data = stray_data,
	.on_end = stray_end,
	.on_writable = stray_writable,
	.on_close = stray_close,
};

static void ignore_end(struct weft_h2_stream *stream, void *data)
{
}

static const struct weft_h2_stream_events refused_events = {
	.on_headers = stray_headers,
	.on_data = stray_data,
	.on_end = ignore_end,
	.on_writable = stray_writable,
	.on_close = stray_close,
};

/* Too much metadata: the client is told so in gRPC's terms, and no call begins. */
static const struct weft_h2_stream_events *on_oversized(struct weft_h2 *h2,
							struct weft_h2_stream *stream,
							const struct weft_h2_header *headers,
							size_t n, bool end, void **ret_data,
							void *data)
{
	const struct connection *connection = data;
	const struct weft_server *server = connection->server;
	struct request request;
	char words[128];

	if (!server || request_init(&request, headers, n) != REQUEST_GRPC)
		return NULL;
	snprintf(words, sizeof(words),
		 "too much metadata: above %" PRIu32 " bytes it may be refused, above %" PRIu32
		 " it is",
		 server->h2_options.soft_header_list, server->h2_options.max_header_list);
	weft_h2_respond(stream,
			(const struct weft_h2_header[]) {
				WEFT_H2_HEADER(":status", "200"),
				WEFT_H2_HEADER("content-type", "application/grpc"),
				WEFT_H2_HEADER("grpc-status", "8"), /* RESOURCE_EXHAUSTED */
				WEFT_H2_HEADER("grpc-message", words),
			},
			4, true);
	return &refused_events;
}

void call_start(struct weft_call *call)
{
	struct weft_server *server = call->server;

	if (!call->endpoint && !server->fallback) {
		call_abort(call, WEFT_UNIMPLEMENTED, "there is no method %s", call->path);
		return;
	}
	if (!call->endpoint) {
		call_conclude(call, server->fallback(call, server->fallback_self));
	} else if (call->endpoint->method->kind == WEFT_UNARY ||
		   call->endpoint->method->kind == WEFT_SERVER_STREAM) {
		call->input = INPUT_REQUEST;
	} else {
		call_invoke(call);
	}
}

static void meet_call(struct weft_server *server, struct weft_call *call)
{
	call->endpoint = weft_map_get(&server->endpoints, call->path, strlen(call->path));
	if (!server->interceptors.n) {
		call_start(call);
		return;
	}
	call->chain = &server->interceptors;
	call_ask(call);
}

static const struct weft_h2_stream_events *on_stream(struct weft_h2 *h2,
						     struct weft_h2_stream *stream,
						     const struct weft_h2_header *headers, size_t n,
						     bool end, void **ret_data, void *data)
{
	struct connection *connection = data;
	struct weft_server *server = connection->server;
	struct request request;
	enum request_kind kind = request_init(&request, headers, n);
	struct weft_call *call;

	if (!server)
		return NULL;
	if (kind != REQUEST_GRPC) {
		*ret_data = (void *)&http_answers[kind];
		return &stray_events;
	}
	if (connection->tally->calls >= server->h2_options.max_concurrent_streams)
		return NULL;
	call = call_new(server, &server->limits, stream, connection->tally);
	calls_started(&server->entity.calls, call->started);
	weft_list_append(&server->calls, &call->node);
	server->n_calls++;
	*ret_data = call;
	if (request_read(call, &request))
		meet_call(server, call);
	return &call_stream_events;
}

void server_call_ended(struct weft_server *server, struct weft_call *call, bool good)
{
	calls_ended(&server->entity.calls, good);
	weft_list_remove(&call->node);
	server->n_calls--;
}

/* --- Connections -------------------------------------------------------------------------- */

static void check_drained(struct weft_server *server);
static void free_when_forgotten(struct weft_server *server);

static void connection_free(struct connection *connection)
{
	struct weft_server *server = connection->server;

	weft_list_remove(&connection->node);
	entity_leave(&connection->entity);
	call_tally_unref(connection->tally);
	free(connection);
	if (!server)
		return;
	atomic_fetch_sub(&server->n_connections, 1);
	check_drained(server);
}

static void on_h2_close(struct weft_h2 *h2, int r, const char *error, void *data)
{
	struct connection *connection = data;

	if (r < 0)
		weft_log_debug("connection failed", WEFT_STR("reason", error), WEFT_ERRNO(r));
	connection_free(connection);
}

static const struct weft_h2_events h2_events = {
	.on_stream = on_stream,
	.on_oversized = on_oversized,
	.on_close = on_h2_close,
};

static void on_open(struct weft_transport *transport, void *data)
{
	struct connection *connection = data;
	struct weft_server *server = connection->server;

	if (!server)
		return;
	/* gRPC is HTTP/2, and a TLS peer says so: one that does not might mean something else. */
	if (weft_transport_is_tls(transport) && strcmp(weft_transport_alpn(transport), "h2") != 0) {
		weft_log_debug("no ALPN", WEFT_STR("peer", weft_transport_peer(transport)));
		weft_transport_close(transport, true);
		return;
	}
	connection->h2 = weft_h2_server_new(transport, &server->h2_options, &h2_events, connection);
	connection->entity.server = true;
	entity_enter_connection(&connection->entity, server->entity.id, connection->h2,
				connection->local);
	if (server->drain != DRAIN_NONE)
		weft_h2_drain(connection->h2);
}

static void on_data(struct weft_transport *transport, const uint8_t *bytes, size_t len, void *data)
{
}

static size_t on_flush(struct weft_transport *transport, uint8_t *room, size_t cap, void *data)
{
	return 0;
}

static void on_close(struct weft_transport *transport, int error, void *data)
{
	const char *words = weft_transport_error(transport);

	if (error)
		weft_log_debug("handshake failed", WEFT_STR("reason", words), WEFT_ERRNO(error));
	connection_free(data);
}

static const struct weft_transport_events handshake_events = {
	.on_open = on_open,
	.on_data = on_data,
	.on_flush = on_flush,
	.on_close = on_close,
};

static void adopt(struct weft_server *server, int take_fd, struct weft_tls *tls)
{
	struct connection *connection = calloc(1, sizeof(*connection));

	if (!connection)
		abort();
	connection->server = server;
	connection->tally = call_tally_new();
	weft_list_append(&server->connections, &connection->node);
	connection->transport = weft_transport_accept(server->worker, take_fd, tls,
						      server->options.handshake_timeout_ns,
						      &handshake_events, connection);
}

/* One that counts already. */
static void admit(struct weft_server *server, int take_fd, struct weft_tls *tls)
{
	if (server->drain == DRAIN_NONE &&
	    atomic_load(&server->n_connections) <= server->options.max_connections) {
		adopt(server, take_fd, tls);
		return;
	}
	close(take_fd);
	atomic_fetch_sub(&server->n_connections, 1);
}

void weft_server_adopt(struct weft_server *server, int take_fd, struct weft_tls *tls)
{
	atomic_fetch_add(&server->n_connections, 1);
	admit(server, take_fd, tls);
}

void server_promise(struct weft_server *server)
{
	atomic_fetch_add(&server->n_promised, 1);
	atomic_fetch_add(&server->n_connections, 1);
}

void server_keep_promise(struct weft_server *server, int take_fd, struct weft_tls *tls)
{
	admit(server, take_fd, tls);
	atomic_fetch_sub(&server->n_promised, 1);
	if (server->freed)
		free_when_forgotten(server);
}

void server_add_port(struct weft_server *server, struct weft_entity *listener, const char *address)
{
	entity_enter(listener, WEFT_ENTITY_LISTENER, server->entity.id, address);
	entity_log(&server->entity, WEFT_EVENT_INFO, 0, "listens at %s", address);
	atomic_fetch_add(&server->n_ports, 1);
}

void server_remove_port(struct weft_server *server, struct weft_entity *listener)
{
	entity_leave(listener);
	atomic_fetch_sub(&server->n_ports, 1);
}

static void connection_close(struct connection *connection, bool now)
{
	if (connection->h2)
		weft_h2_close(connection->h2, WEFT_H2_NO_ERROR);
	if (now || !connection->h2)
		weft_transport_close(connection->transport, true);
}

/* --- Drain -------------------------------------------------------------------------------- */

static void cancel_calls(struct weft_server *server)
{
	while (!weft_list_empty(&server->calls))
		call_abort(weft_list_entry(server->calls.next, struct weft_call, node),
			   WEFT_UNAVAILABLE, "the server goes down");
}

static void close_connections(struct weft_server *server, bool now)
{
	weft_list_each (at, after, &server->connections)
		connection_close(weft_list_entry(at, struct connection, node), now);
}

/* Its owner has freed it, but whoever is still on the way to it must find it. */
static void free_when_forgotten(struct weft_server *server)
{
	if (!server->drained_queued && !atomic_load(&server->n_promised))
		free(server);
}

static void on_drained(struct weft_task *task)
{
	struct weft_server *server = weft_container_of(task, struct weft_server, drained);

	server->drained_queued = false;
	if (server->freed)
		free_when_forgotten(server);
	else if (server->drained_cb)
		server->drained_cb(server, server->drained_data);
}

static void check_drained(struct weft_server *server)
{
	if (server->drain == DRAIN_NONE || server->drain == DRAIN_DONE ||
	    !weft_list_empty(&server->connections))
		return;
	server->drain = DRAIN_DONE;
	weft_timer_stop(weft_worker_loop(server->worker), &server->grace);
	server->drained_queued = true;
	weft_loop_defer(weft_worker_loop(server->worker), &server->drained);
}

/* Grace is over. First the calls are cancelled: that leaves nothing for the connections to wait
 * for, and they close once the clients have been told. Those that do not are cut a moment later. */
static void on_grace(struct weft_timer *timer, void *data)
{
	struct weft_server *server = data;

	cancel_calls(server);
	if (server->drain == DRAIN_CUTS) {
		close_connections(server, true);
		return;
	}
	server->drain = DRAIN_CUTS;
	weft_timer_start(weft_worker_loop(server->worker), timer, CLOSE_TIMEOUT);
}

void weft_server_drain(struct weft_server *server, uint64_t grace_ns, weft_server_drained_cb *cb,
		       void *data)
{
	if (server->drain != DRAIN_NONE)
		return;
	server->drain = DRAIN_WAITS;
	entity_log(&server->entity, WEFT_EVENT_INFO, 0, "drains");
	server->drained_cb = cb;
	server->drained_data = data;
	weft_timer_start(weft_worker_loop(server->worker), &server->grace, grace_ns);
	weft_list_each (at, after, &server->connections) {
		struct connection *connection = weft_list_entry(at, struct connection, node);

		if (connection->h2)
			weft_h2_drain(connection->h2);
	}
	check_drained(server);
}

/* --- The server --------------------------------------------------------------------------- */

int weft_server_new(struct weft_worker *worker, const struct weft_server_options *options,
		    struct weft_server **ret_server)
{
	struct weft_server *server = calloc(1, sizeof(*server));
	struct weft_server_options *own;
	struct metadata_limits metadata;

	if (!server)
		abort();
	own = &server->options;
	if (options)
		memcpy(own, options, options->size < sizeof(*own) ? options->size : sizeof(*own));
	if (!own->max_connections)
		own->max_connections = DEFAULT_CONNECTIONS;
	metadata = metadata_limits(own->soft_metadata, own->max_metadata);
	server->worker = worker;
	server->arena = weft_arena_new();
	server->limits = (struct call_limits) {
		.max_message = own->max_message ? own->max_message : DEFAULT_MESSAGE,
		.max_depth = own->max_depth ? own->max_depth : WEFT_CODEC_DEPTH,
		.log_calls = own->log_calls,
		.encoding = own->encoding,
	};
	server->h2_options = (struct weft_h2_options) {
		.size = sizeof(server->h2_options),
		.max_concurrent_streams =
			own->max_concurrent_streams ? own->max_concurrent_streams : DEFAULT_STREAMS,
		.keepalive_ns = own->keepalive_ns ? own->keepalive_ns : DEFAULT_KEEPALIVE,
		.keepalive_timeout_ns = own->keepalive_timeout_ns,
		.keepalive_idle = true,
		.permit_ping_ns =
			own->permit_keepalive_ns ? own->permit_keepalive_ns : DEFAULT_PERMIT,
		.permit_ping_idle = own->permit_keepalive_idle,
		.headers_timeout_ns = own->handshake_timeout_ns,
		.max_age_ns = own->max_age_ns,
		.max_age_grace_ns = own->max_age_grace_ns,
		.idle_timeout_ns = own->idle_timeout_ns,
		.message_budget = own->message_budget,
		.message_timeout_ns = own->message_timeout_ns,
		.max_header_list = (uint32_t)metadata.hard,
		.soft_header_list = (uint32_t)metadata.soft,
	};
	weft_list_init(&server->connections);
	weft_list_init(&server->calls);
	weft_timer_init(&server->grace, on_grace, server);
	server->drained.run = on_drained;
	snprintf(server->name, sizeof(server->name), "worker-%u", weft_worker_index(worker));
	entity_enter(&server->entity, WEFT_ENTITY_SERVER, 0, server->name);
	*ret_server = server;
	return 0;
}

static void free_endpoints(struct weft_server *server)
{
	size_t at = 0;
	void *endpoint;

	while (weft_map_next(&server->endpoints, &at, &endpoint))
		free(endpoint);
	weft_map_fini(&server->endpoints);
}

static void free_services(struct weft_server *server)
{
	free_endpoints(server);
	free(server->services);
	free(server->interceptors.list);
	weft_arena_free(server->arena);
}

/* Its calls are cancelled before it returns, so that no handler runs any more; its connections
 * close by themselves. */
void weft_server_free(struct weft_server *server)
{
	if (!server)
		return;
	assert(!atomic_load(&server->n_ports) && "a server's ports are freed before it");
	server->drain = DRAIN_DONE;
	weft_timer_stop(weft_worker_loop(server->worker), &server->grace);
	cancel_calls(server);
	close_connections(server, false);
	entity_leave(&server->entity);
	weft_list_each (at, after, &server->connections) {
		weft_list_entry(at, struct connection, node)->server = NULL;
		weft_list_remove(at);
	}
	free_services(server);
	server->freed = true;
	free_when_forgotten(server);
}

static int add_method(struct weft_server *server, const struct weft_method *method,
		      const void *handlers, void *self)
{
	struct endpoint *endpoint = calloc(1, sizeof(*endpoint));
	int r;

	if (!endpoint)
		abort();
	*endpoint = (struct endpoint) { .method = method, .handlers = handlers, .self = self };
	r = weft_map_put(&server->endpoints, method->path, strlen(method->path), endpoint);
	if (r < 0)
		free(endpoint);
	return r;
}

static void list_service(struct weft_server *server, const struct weft_service *service)
{
	const size_t size = (server->n_services + 1) * sizeof(struct weft_service *);
	const struct weft_service **services = realloc(server->services, size);

	if (!services)
		abort();
	services[server->n_services++] = service;
	server->services = services;
}

int weft_server_add(struct weft_server *server, const struct weft_service *service,
		    const void *handlers, void *self)
{
	for (size_t i = 0; i < service->n_methods; i++) {
		int r = add_method(server, &service->methods[i], handlers, self);

		if (r < 0)
			return r;
	}
	list_service(server, service);
	return 0;
}

const struct weft_service *weft_server_service_at(const struct weft_server *server, size_t index)
{
	return index < server->n_services ? server->services[index] : NULL;
}

struct weft_arena *weft_server_arena(struct weft_server *server)
{
	return server->arena;
}

void weft_server_set_fallback(struct weft_server *server, weft_fallback_cb *fallback, void *self)
{
	server->fallback = fallback;
	server->fallback_self = self;
}

void weft_server_intercept(struct weft_server *server,
			   const struct weft_call_interceptor *interceptor, void *data)
{
	struct call_interceptors *chain = &server->interceptors;
	struct call_interceptor *item;

	assert(weft_list_empty(&server->connections) && "interceptors come before connections");
	chain->list = reallocarray(chain->list, chain->n + 1, sizeof(*chain->list));
	if (!chain->list)
		abort();
	item = &chain->list[chain->n++];
	*item = (struct call_interceptor) { .data = data };
	memcpy(&item->what, interceptor,
	       interceptor->size < sizeof(item->what) ? interceptor->size : sizeof(item->what));
}

struct weft_worker *weft_server_worker(const struct weft_server *server)
{
	return server->worker;
}

size_t weft_server_connections(const struct weft_server *server)
{
	return atomic_load(&server->n_connections);
}

size_t weft_server_calls(const struct weft_server *server)
{
	return server->n_calls;
}
