/*
 * The edge as a process: its workers, and what each of them owns (its connections, its view of the
 * state that the edge is in). What all workers read is that state, a site, which never changes:
 * another one takes its place. They share nothing else but the certificate and the counts by which
 * the listener chooses.
 */
#ifndef GATEWAY_EDGE_H
#define GATEWAY_EDGE_H

#include <stdatomic.h>
#include <time.h>
#include <weft/list.h>
#include <weft/tls.h>
#include <weft/worker.h>

#include "view.h"

struct edge_worker;
struct listener;

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
	struct view *view; /* under which new requests begin; NULL: none may */
	size_t n_views;    /* that are not gone, with those of older states */
	struct weft_list connections;
	atomic_size_t n_connections; /* also those that are on their way to it */
	size_t n_exchanges;          /* requests that have not ended, their clients gone or not */
	time_t date_at;              /* the second that `date` says, as HTTP does */
	char date[32];
	bool draining;
	struct weft_timer grace;
	struct weft_task drain;
};

struct edge {
	struct weft_tls *front_tls; /* NULL: plaintext */
	struct edge_worker *workers;
	size_t n_workers;
	struct listener *listener;
	atomic_size_t n_busy; /* workers that have not drained */
};

/* Everything but the port, in a first state. References the site. `error` says what is wrong. */
int edge_new(struct site *site, char error[256], struct edge **ret_edge);
void edge_free(struct edge *edge); /* not running; takes NULL */

/* Worker 0, or before it runs: the state under which new requests begin there. */
const struct site *edge_site(const struct edge *edge);
/* The same of any worker, on it. */
const struct config *edge_config(const struct edge_worker *worker);
/* Worker 0 alone. New requests begin under this state, on each worker as soon as it hears of it.
 * References the site. */
void edge_set_site(struct edge *edge, struct site *site);

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

/* A view of it is gone, and its channels are. */
void edge_view_closed(struct edge_worker *worker);

#endif
