/*
 * The edge as a process: what all workers read (configuration, contracts, routes, TLS), and what
 * each worker owns (its connections, its channels to the backends). Nothing of it changes once the
 * workers run, but each worker's own part, and the count of connections, by which the listener
 * chooses.
 */
#ifndef GATEWAY_EDGE_H
#define GATEWAY_EDGE_H

#include <stdatomic.h>
#include <weft/buffer.h>
#include <weft/list.h>
#include <weft/schema.h>
#include <weft/tls.h>
#include <weft/worker.h>

#include "config.h"
#include "route.h"

struct edge_worker;
struct listener;
struct upstream;

/* A connection as its worker sees it, whatever it speaks; embedded. */
struct edge_connection {
	struct weft_list node;
	struct edge_worker *worker;
	const struct edge_connection_ops *ops;
};

struct edge_connection_ops {
	/* Takes no more requests, ends what is under way, then closes. */
	void (*drain)(struct edge_connection *connection);
	void (*close)(struct edge_connection *connection); /* now */
};

struct edge_worker {
	struct edge *edge;
	struct weft_worker *worker;
	struct upstream *upstream;
	struct weft_list connections;
	atomic_size_t n_connections; /* also those that are on their way to it */
	size_t n_exchanges;          /* requests that have not ended, their clients gone or not */
	bool draining;
	struct weft_timer grace;
	struct weft_task drain;
};

struct edge {
	const struct config *config;
	struct weft_schema *schema;
	struct route_table *routes;
	struct weft_buffer openapi;    /* the document, as it is served */
	char openapi_etag[24];         /* with its quotes */
	struct weft_tls *front_tls;    /* NULL: plaintext */
	struct weft_tls *upstream_tls; /* NULL: plaintext */
	struct edge_worker *workers;
	size_t n_workers;
	struct listener *listener;
	atomic_size_t n_busy; /* workers that have not drained */
};

/* Everything but the port: reads the contracts and certificates. `error` says what is wrong. */
int edge_new(const struct config *config, struct weft_bytes descriptors, char error[256],
	     struct edge **ret_edge);
void edge_free(struct edge *edge); /* not running; takes NULL */

/* Opens the port; the calling thread will be worker 0. */
int edge_listen(struct edge *edge, char error[256]);
/* "https://127.0.0.1:8443", once it listens. */
void edge_url(const struct edge *edge, char url[256]);
/* Serves on all workers; returns when it has drained. */
int edge_run(struct edge *edge);

/* Worker 0 only. Stops accepting, and ends edge_run once what is under way is done, or after the
 * grace. */
void edge_drain(struct edge *edge);

/* A connection that begins, and one that has closed, on its worker. */
void edge_connection_add(struct edge_connection *connection, struct edge_worker *worker,
			 const struct edge_connection_ops *ops);
void edge_connection_remove(struct edge_connection *connection);
/* One takes the place of another (the preface said which protocol it is). */
void edge_connection_replace(struct edge_connection *connection, struct edge_connection *by,
			     const struct edge_connection_ops *ops);

/* A request that begins, and one whose memory is gone. */
void edge_exchange_add(struct edge_worker *worker);
void edge_exchange_remove(struct edge_worker *worker);

#endif
