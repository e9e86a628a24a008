/*
 * A call at its client, from inside: what rpc.c (its life), rpc_send.c, rpc_receive.c and
 * rpc_kinds.c share, and the border to the channel.
 *
 *	WAITING ──weft_rpc_open──► OPEN
 *	 │   ▲                     │  │
 *	 │   └─refused by the peer─┘  │
 *	 └──────────────┬─────────────┘
 *	               end ──► ENDED ──deliver (a task)──► freed
 *
 * WAITING: with the interceptors, for its credentials, then in the channel's queue. OPEN: it has a
 * stream. ENDED: the outcome is settled, nothing from the wire is looked at any more; the last
 * callback comes from a deferred task, and the memory goes when it has returned and the stream has
 * had its on_close.
 */
#ifndef WEFT_RPC_RPC_H
#define WEFT_RPC_RPC_H

#include <weft/buffer.h>
#include <weft/channel.h>
#include <weft/credentials.h>
#include <weft/h2.h>
#include <weft/list.h>

#include "rpc/attachment.h"
#include "rpc/balance.h"
#include "rpc/child.h"
#include "wire/frame.h"

/* Sent bytes are kept up to this size for as long as the call may have to be sent once more. */
#define WEFT_RPC_REPLAY_MAX ((size_t)256 << 10)

/* What becomes of what arrives: bytes, one typed response, or typed messages. Any but `end` may
 * be NULL. */
struct weft_rpc_sink {
	void (*headers)(struct weft_rpc *rpc);
	void (*message)(struct weft_rpc *rpc, struct weft_bytes message);
	void (*writable)(struct weft_rpc *rpc);
	void (*end)(struct weft_rpc *rpc, const struct weft_status *status);
};

enum weft_rpc_state { WEFT_RPC_WAITING, WEFT_RPC_OPEN, WEFT_RPC_ENDED };

struct weft_rpc {
	enum weft_rpc_state state;
	struct weft_channel *channel; /* referenced */
	struct weft_loop *loop;
	struct weft_arena *arena; /* the call's own: path, metadata, outcome */
	struct weft_arena
		*response;     /* what has been received; reset after each message of a stream */
	struct weft_task task; /* resume and deliver */
	bool task_queued;
	bool delivered; /* the last callback has returned */

	/* the request */
	const char *path;
	struct weft_metadata metadata;
	struct weft_trace trace;
	bool traced;
	bool wait_for_ready;
	uint64_t deadline;
	struct weft_timer timer;
	struct weft_call *parent;
	struct weft_child child;
	struct weft_list waiting;           /* in the channel's queue */
	struct weft_pick pick;              /* what it wants of a subchannel */
	struct weft_subchannel *subchannel; /* that it was given to; NULL while it waits */
	uint64_t started;

	/* the channel's interceptors */
	size_t asked; /* how many have been: they are told of the end */
	bool asking;
	bool held_back; /* until weft_rpc_proceed */
	struct attachment *attachments;

	/* call credentials */
	struct weft_credentials *credentials;     /* its own, beside the channel's; or NULL */
	struct weft_credentials_request *request; /* that is under way */
	unsigned presented;                       /* of the two, how many have been asked */
	bool confidential;                        /* the metadata is for the server alone */

	/* sending */
	struct weft_buffer replay; /* all that has been sent, while it may be needed again */
	bool committed;            /* it will not be: `replay` is empty */
	bool retried;
	bool half_closed;
	enum weft_encoding encoding; /* of what we send */
	bool compress;               /* the messages from here on */
	bool was_full;               /* the user was told to stop: on_writable is owed */
	uint64_t messages_sent;
	uint64_t bytes_sent;

	/* receiving */
	struct weft_h2_stream *stream; /* until its on_close */
	struct weft_deframer deframer;
	enum weft_encoding response_encoding;
	bool was_compressed;
	size_t unconsumed; /* delivered, and not given back to the stream's window */
	bool held;
	bool receiving; /* inside weft_rpc_receive_messages() */
	bool headers_received;
	bool status_received;
	uint64_t messages;
	uint64_t bytes_received; /* of these */
	struct weft_metadata headers;
	struct weft_metadata trailers;
	struct weft_status status; /* of the peer, then the outcome */
	const char *peer;
	struct weft_identity *identity; /* the peer's, referenced; or NULL */

	/* the user's side */
	const struct weft_rpc_sink *sink;
	const struct weft_method *method;        /* typed */
	const struct weft_rpc_bytes_events *raw; /* raw */
	const struct weft_rpc_thunks *thunks;    /* typed streams */
	const void *events;                      /* typed streams */
	weft_rpc_reply_thunk *reply_thunk;       /* unary */
	weft_fn *reply_cb;                       /* unary */
	ProtobufCMessage *reply;                 /* the single response */
	void *data;
};

/* ---- rpc.c ---- */

struct weft_rpc *weft_rpc_new(struct weft_channel *channel, const char *path,
			      const struct weft_call_options *options,
			      const struct weft_rpc_sink *sink, void *data);
/* Hands it to the channel, once all that the starter sends has been given. */
void weft_rpc_submit(struct weft_rpc *rpc);
/* Settles the outcome; harmless when it is settled. */
void weft_rpc_end(struct weft_rpc *rpc, enum weft_code code, const char *format, ...)
	WEFT_PRINTF(3, 4);
void weft_rpc_end_with(struct weft_rpc *rpc, const struct weft_status *status);
void weft_rpc_queue_task(struct weft_rpc *rpc);
/* The stream has had its on_close. The call may be gone afterwards. */
void weft_rpc_stream_gone(struct weft_rpc *rpc);
/* For the blocking client: the response's memory leaves the call. */
struct weft_arena *weft_rpc_take_response(struct weft_rpc *rpc);

/* ---- rpc_intercept.c ---- */

void weft_rpc_ask(struct weft_rpc *rpc); /* the interceptors; then it goes to the channel */
void weft_rpc_tell_interceptors(struct weft_rpc *rpc, const struct weft_status *status);

/* ---- credentials.c ---- */

void weft_rpc_present(struct weft_rpc *rpc); /* asks for credentials, then goes to the channel */
void weft_rpc_forget_request(struct weft_rpc *rpc);
/* Whether what the call says may be said on this connection. */
bool weft_rpc_may_send(const struct weft_rpc *rpc, const struct weft_h2 *h2);

/* ---- rpc_send.c ---- */

/* Opens a stream on the connection, which can take one, and sends what was given so far. */
void weft_rpc_open(struct weft_rpc *rpc, struct weft_h2 *h2, const char *address);
void weft_rpc_commit(struct weft_rpc *rpc); /* it will not be sent once more */
void weft_rpc_tell_writable(struct weft_rpc *rpc);

/* ---- rpc_receive.c ---- */

extern const struct weft_h2_stream_events weft_rpc_stream_events;
/* Delivers what has arrived, unless held, and the end when it is due. From the loop. */
void weft_rpc_receive_messages(struct weft_rpc *rpc);

#endif
