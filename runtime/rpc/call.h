/*
 * A call at its server, as the runtime sees it; <weft/call.h> is what handlers see.
 *
 *	            ┌── answered by its handler ──► CALL_ANSWERED
 *	CALL_LIVE ──┤
 *	            └── client gone, too late, bad input, server freed ──► CALL_CANCELLED
 *
 * It lives in its own arena. Its HTTP/2 stream holds a reference until on_close; so do children, a
 * queued task, and whoever asked for one. The last one frees the arena, and all of it with it.
 */
#ifndef RPC_CALL_H
#define RPC_CALL_H

#include <weft/call.h>
#include <weft/h2.h>
#include <weft/interceptor.h>
#include <weft/list.h>
#include <weft/server.h>

#include "rpc/attachment.h"
#include "rpc/child.h"
#include "wire/frame.h"

/* Where a path leads. */
struct endpoint {
	const struct weft_method *method;
	const void *handlers;
	void *self;
};

/* What a server allows its calls. */
struct call_limits {
	size_t max_message;
	unsigned max_depth;
	bool log_calls;
	enum weft_encoding encoding;
};

/* A server's chain; it lives as long as the server. */
struct call_interceptor {
	struct weft_call_interceptor what;
	void *data;
};

struct call_interceptors {
	struct call_interceptor *list;
	size_t n;
};

/* What has gone one way. */
struct call_flow {
	uint64_t messages;
	uint64_t bytes;
};

/* The calls of one connection that count against its limit: until they are answered, or, when
 * they are cancelled, until their handlers have let go of them. So a client that resets what it
 * has just begun gains no more work than one that waits. */
struct call_tally {
	unsigned refs; /* the connection's, and each call's that counts */
	size_t calls;
};

struct call_tally *call_tally_new(void);
void call_tally_unref(struct call_tally *tally);

enum call_state { CALL_LIVE, CALL_ANSWERED, CALL_CANCELLED };

/* Who takes what the client sends. */
enum call_input {
	INPUT_WAITS,   /* nobody yet: a handler that has not called receive */
	INPUT_REQUEST, /* the runtime: the one message of a unary call or server stream */
	INPUT_TYPED,
	INPUT_BYTES,
	INPUT_ENDED, /* the half-close has been delivered */
};

struct weft_call {
	struct weft_arena *arena;
	struct weft_arena *scratch;        /* or NULL */
	struct weft_arena *message_memory; /* of the message that is being delivered, or NULL */
	unsigned refs;
	struct call_tally *tally; /* NULL when it does not count any more */
	struct weft_worker *worker;
	struct weft_server *server; /* NULL once it has ended */
	struct weft_list node;      /* in the server's calls while it is live */
	struct weft_h2_stream *stream;
	const struct endpoint *endpoint; /* NULL: the fallback's */
	struct call_limits limits;

	const char *path;
	const char *peer;
	struct weft_identity *identity; /* the peer's, referenced; or NULL */
	const char *authority;
	struct weft_metadata metadata;
	struct weft_metadata headers;  /* ours */
	struct weft_metadata trailers; /* ours */
	struct weft_trace trace;
	uint64_t started;
	uint64_t deadline;
	struct weft_timer timer;

	enum call_state state;
	bool headers_sent;

	/* The server's interceptors. */
	const struct call_interceptors *chain;
	size_t asked; /* how many have been: they are told of the end */
	bool asking;
	bool waits; /* for weft_call_proceed */
	struct attachment *attachments;
	struct call_flow sent;
	struct call_flow received;

	weft_call_cb *on_cancel;
	void *on_cancel_data;
	struct weft_list children; /* struct weft_child */

	/* Input. */
	enum call_input input;
	bool remote_ended;
	bool held;
	bool delivering;
	struct weft_deframer deframer;
	enum weft_encoding request_encoding;
	bool was_compressed;
	const ProtobufCMessage *request;
	weft_message_thunk *thunk;
	weft_fn *on_typed;
	weft_message_bytes_cb *on_bytes;
	weft_half_close_cb *on_half_close;
	void *input_data;

	/* Output. */
	unsigned accepted;           /* encodings that the client takes, as bits */
	enum weft_encoding encoding; /* of what we send */
	bool compress;               /* the messages from here on */
	weft_pump_cb *pump;
	void *pump_data;
	bool pumping;

	/* What the task is to do; it holds a reference while it is queued. */
	struct weft_task task;
	bool queued;
	bool due_input;
	bool due_pump;
	bool due_cancel;
};

/* A live call, with one reference that the stream's on_close drops. */
struct weft_call *call_new(struct weft_server *server, const struct call_limits *limits,
			   struct weft_h2_stream *stream, struct call_tally *tally);

/* request.c */
enum request_kind { REQUEST_STRAY, REQUEST_HEAD, REQUEST_OTHER_TYPE, REQUEST_GRPC };
enum request_field {
	REQUEST_METHOD,
	REQUEST_PATH,
	REQUEST_AUTHORITY,
	REQUEST_HOST,
	REQUEST_TYPE,
	REQUEST_TE,
	REQUEST_ENCODING,
	REQUEST_ACCEPTS,
	REQUEST_TIMEOUT,
	REQUEST_FIELDS,
};

/* The headers of a request, and which of them mean something to the protocol. Borrowed. */
struct request {
	const struct weft_h2_header *headers;
	size_t n;
	const struct weft_h2_header *fields[REQUEST_FIELDS]; /* NULL: not there */
};

enum request_kind request_init(struct request *request, const struct weft_h2_header *headers,
			       size_t n);
/* Reads the request into the call. False: it was wrong, and the call has ended. */
bool request_read(struct weft_call *call, const struct request *request);

/* Ends it over the handler's head: answers the client, and the handler's on_cancel is called. */
void call_abort(struct weft_call *call, enum weft_code code, const char *format, ...)
	WEFT_PRINTF(3, 4);
/* Treats what a handler has returned. */
void call_conclude(struct weft_call *call, int r);

extern const struct weft_h2_stream_events call_stream_events;

/* call.c, for call_output.c: 0, or -ECANCELED when an answer is not wanted any more. */
int call_check_live(const struct weft_call *call);
/* The response's headers; with `status` the whole answer, Trailers-Only. */
int call_send_headers(struct weft_call *call, const struct weft_status *status);

/* call_intercept.c */
void call_ask(struct weft_call *call); /* the interceptors; then comes call_start */
/* Before the status leaves, and before the call has ended. */
void call_tell_interceptors(struct weft_call *call, const struct weft_status *status);

/* call_input.c */
void call_input_data(struct weft_call *call, const uint8_t *bytes, size_t len);
void call_input_deliver(struct weft_call *call);  /* as much as is wanted */
void call_invoke(struct weft_call *call);         /* the handler, with call->request */
void call_input_schedule(struct weft_call *call); /* delivery, soon */
void call_input_end(struct weft_call *call);      /* nothing is delivered any more */

/* call.c: runs what is due from the loop, soon. */
void call_schedule(struct weft_call *call);

/* server.c: the handler's turn. */
void call_start(struct weft_call *call);
/* server.c: the call is no longer live. */
void server_call_ended(struct weft_server *server, struct weft_call *call, bool good);

#endif
