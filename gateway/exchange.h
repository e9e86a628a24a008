/*
 * One request and its response, whatever HTTP version carries it. It stands between a front (an
 * HTTP/1.1 connection or an HTTP/2 stream, which owns it) and a handler (which answers it):
 *
 *	front ── start, body, writable, gone ──▶ exchange ── on_body, on_cancel, … ──▶ handler
 *	front ◀── respond, write, end, hold ──── exchange ◀── respond, write, end, … ── handler
 *
 * The front lets go of it with exchange_gone, when the response is complete or the client is; the
 * handler may still be at work then (a cancelled call upstream), and the last of both frees it.
 * After the end of the response, or when the client is gone, all that a handler says is harmless
 * and does nothing.
 *
 * Its timers bound what a client may leave undone: a body that stops coming, a response that nobody
 * takes.
 */
#ifndef GATEWAY_EXCHANGE_H
#define GATEWAY_EXCHANGE_H

#include <weft/arena.h>
#include <weft/h2.h>
#include <weft/log.h>
#include <weft/status.h>

#include "edge.h"

#define EXCHANGE_NO_LENGTH  SIZE_MAX
#define EXCHANGE_HIGH_WATER ((size_t)65536)

struct exchange;

/* What the HTTP version does for an exchange. None of them calls back before it has returned. */
struct exchange_front {
	/* ":status" comes first; 100 may come before the final one. `end`: there is no body. */
	void (*respond)(struct exchange *exchange, const struct weft_h2_header *headers, size_t n,
			bool end);
	void (*write)(struct exchange *exchange, const void *bytes, size_t len);
	void (*end)(struct exchange *exchange, const struct weft_h2_header *trailers, size_t n);
	/* Breaks off so that the client cannot take it for the end: once what was written is
	 * sent, or at once. */
	void (*abort)(struct exchange *exchange, bool now);
	/* Stops reading the request's body, or goes on. */
	void (*hold)(struct exchange *exchange, bool held);
	size_t (*unsent)(const struct exchange *exchange);
};

struct exchange_handler {
	void (*on_body)(struct exchange *exchange, const uint8_t *bytes, size_t len);
	void (*on_body_end)(struct exchange *exchange);
	void (*on_writable)(struct exchange *exchange); /* may be NULL */
	void (*on_cancel)(struct exchange *exchange);   /* no answer is wanted any more */
};

enum exchange_state {
	EXCHANGE_OPEN,      /* nothing has been said yet */
	EXCHANGE_RESPONDED, /* the head has; the body is under way */
	EXCHANGE_ENDED,     /* all has, or it was broken off */
};

/* How a response that streams tells its messages apart, and so how it says that it failed. */
enum exchange_framing {
	EXCHANGE_LINES,  /* NDJSON: a last line */
	EXCHANGE_EVENTS, /* Server-Sent Events: an event of its own */
	EXCHANGE_BYTES,  /* nothing at all: it only breaks off */
};

struct exchange {
	struct edge_worker *worker;
	struct view *view; /* the state of the edge under which it began */
	struct weft_arena *arena;
	const struct exchange_front *front; /* NULL: the client is gone */
	void *front_data;
	const struct exchange_handler *handler; /* NULL: it has been cancelled, or there was none */
	void *handler_data;
	unsigned work; /* what a handler has under way */

	/* The request; the strings are in the arena, "" where there is none. */
	const char *protocol; /* "HTTP/1.1" */
	const char *peer;
	const char *method;
	const char *target; /* "/v1/products?page_size=2" */
	const char *path;   /* path_len bytes of it */
	size_t path_len;
	const char *query; /* what follows the '?' */
	const char *request_id;
	struct weft_trace trace; /* the client's, continued */
	struct weft_h2_header *headers;
	size_t n_headers;
	bool body_open; /* bytes may follow */
	bool expects;   /* the client waits for 100 */
	bool held;
	uint64_t received; /* bytes of the body */
	uint64_t started;  /* weft_now() */

	/* The response. */
	enum exchange_state state;
	unsigned status; /* 0: none */
	bool head_only;  /* the answer to HEAD */
	enum exchange_framing framing;
	struct weft_h2_header *extra; /* further headers */
	size_t n_extra;
	size_t cap_extra;
	uint64_t sent;
	size_t unsent_before; /* when the stall timer was started */

	/* For the log. */
	const char *rpc;     /* "/catalog.v1.Catalog/GetProduct", or NULL */
	enum weft_code code; /* of the answer */

	struct weft_timer body_timer;
	struct weft_timer stall_timer;
};

/* The front's side. `peer` is borrowed. */
struct exchange *exchange_new(struct edge_worker *worker, const struct exchange_front *front,
			      void *front_data, const char *protocol, const char *peer);
/* The head is there: finds who answers. An exchange that was never started can only be refused. */
void exchange_start(struct exchange *exchange, const struct weft_h2_header *headers, size_t n,
		    bool body, bool expects);
void exchange_body(struct exchange *exchange, const uint8_t *bytes, size_t len);
void exchange_body_end(struct exchange *exchange); /* also when there was no body */
void exchange_writable(struct exchange *exchange);
/* The request cannot be read on: answers `http_status`, or breaks the response off. */
void exchange_broken(struct exchange *exchange, unsigned http_status, const char *message);
void exchange_gone(struct exchange *exchange); /* not to be used any more */

/* The handler's side. */
void exchange_handle(struct exchange *exchange, const struct exchange_handler *handler, void *data);
const char *exchange_header(const struct exchange *exchange, const char *name); /* or NULL */
void exchange_want_body(struct exchange *exchange); /* says 100 to who waits for it */
void exchange_hold(struct exchange *exchange, bool held);
/* Something that outlives the answer, and its end (the exchange may be gone when end_work
 * returns). */
void exchange_begin_work(struct exchange *exchange);
void exchange_end_work(struct exchange *exchange);

/* Both strings live as long as the exchange. Before the response's head. */
void exchange_add_header(struct exchange *exchange, const char *name, const char *value);
void exchange_respond(struct exchange *exchange, unsigned http_status, const char *content_type,
		      size_t length);
void exchange_write(struct exchange *exchange, const void *bytes, size_t len);
void exchange_end(struct exchange *exchange, const struct weft_h2_header *trailers, size_t n);
void exchange_abort(struct exchange *exchange);
/* A whole response; `content_type` NULL: without a body. */
void exchange_answer(struct exchange *exchange, unsigned http_status, const char *content_type,
		     const void *body, size_t len);
/* The client does not keep up: write no more until on_writable. */
bool exchange_blocked(const struct exchange *exchange);
static inline bool exchange_ended(const struct exchange *exchange)
{
	return exchange->state == EXCHANGE_ENDED;
}

#endif
