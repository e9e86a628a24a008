/*
 * A call at its client, from inside: the call as its user sees it (struct weft_rpc), and its
 * attempts, each of which goes over a stream of its own (struct weft_attempt). What rpc.c (the
 * call's life), attempt.c (an attempt's), rpc_retry.c (how many there are, and when), rpc_send.c,
 * rpc_receive.c, rpc_intercept.c and rpc_kinds.c share, and the border to the channel.
 *
 *	the call:	WAITING ──an attempt opens──► OPEN ──┐
 *			   └──────────────────────────► end ──► ENDED ──deliver (a task)──► freed
 *
 *	an attempt:	IDLE ──start──► WAITING ──weft_attempt_open──► OPEN
 *			                 │   ▲                         │  │
 *			                 │   └──refused by the peer────┘  │
 *			                 └────────────► OVER ◄────────────┘
 *
 * A call WAITS with the interceptors, for its credentials, then for a connection; it is OPEN from
 * its first stream on, also between attempts. ENDED: the outcome is settled, nothing from the wire
 * is looked at any more; the last callback comes from a deferred task, and the memory goes when it
 * has returned and the streams have had their on_close.
 *
 * An attempt WAITS in the channel's queue and is OPEN while it has a stream. What has been sent is
 * kept until the call is committed to one of its attempts: when that brings the response's headers,
 * or too much was sent to be kept. Then that attempt's end is the call's. Nothing is shown to the
 * user of an attempt that the call is not committed to, but the end of the last one.
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

/* What becomes of what arrives: bytes, one typed response, or typed messages. Any but `end` may
 * be NULL. */
struct weft_rpc_sink {
	void (*headers)(struct weft_rpc *rpc);
	void (*message)(struct weft_rpc *rpc, struct weft_bytes message);
	void (*writable)(struct weft_rpc *rpc);
	void (*end)(struct weft_rpc *rpc, const struct weft_status *status);
};

enum weft_rpc_state { WEFT_RPC_WAITING, WEFT_RPC_OPEN, WEFT_RPC_ENDED };

enum weft_attempt_state {
	WEFT_ATTEMPT_IDLE,
	WEFT_ATTEMPT_WAITING,
	WEFT_ATTEMPT_OPEN,
	WEFT_ATTEMPT_OVER,
};

/* Addresses of earlier attempts that another one avoids: some more than A6 allows attempts. */
#define WEFT_TRIED_MAX 8

struct weft_attempt {
	enum weft_attempt_state state;
	struct weft_rpc *rpc;
	struct weft_attempt *next; /* the one before it; NULL: this is the first */
	struct weft_list waiting;  /* in the channel's queue */
	struct weft_pick pick;     /* what it wants of a subchannel: none of these */
	uint32_t tried[WEFT_TRIED_MAX];
	struct weft_subchannel *subchannel; /* that it was given to; NULL while it waits */
	uint32_t given_to;                  /* the id of the latest; 0: none */
	uint64_t opened;                    /* when, where the upstream adapts to latency */
	unsigned previous; /* how many were before it: grpc-previous-rpc-attempts */
	bool refused_once; /* and sent once more for that */
	bool unseen;       /* over: the peer has certainly not processed it */
	bool judged;       /* over: what follows from it has been decided */

	struct weft_h2_stream *stream; /* until its on_close */
	const char *peer;
	struct weft_identity *identity; /* the peer's, referenced; or NULL */
	struct weft_deframer deframer;
	enum weft_encoding response_encoding;
	size_t unconsumed; /* delivered, and not given back to the stream's window */
	bool headers_received;
	bool status_received;
	struct weft_metadata headers;
	struct weft_metadata trailers;
	struct weft_status status; /* of the peer, or why it failed */
	int64_t pushback_ms;       /* gRFC A6; below zero: not again; NO_PUSHBACK: nothing said */
};

#define WEFT_NO_PUSHBACK INT64_MIN

struct weft_rpc {
	enum weft_rpc_state state;
	struct weft_channel *channel; /* referenced */
	struct weft_loop *loop;
	struct weft_arena *arena; /* the call's own: path, metadata, attempts, outcome */
	struct weft_arena
		*response;     /* what has been received; reset after each message of a stream */
	struct weft_task task; /* resume, judge and deliver */
	bool task_queued;
	bool delivered; /* the last callback has returned */

	struct weft_attempt first;
	struct weft_attempt *attempts; /* all, the latest first */
	struct weft_attempt *attempt;  /* the latest, then the one that it is committed to */
	size_t streams;                /* of all attempts, until their on_close */
	bool committed;                /* to `attempt`: `replay` is empty */
	struct weft_retry *retry;      /* by policy; NULL: there is one attempt */

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
	size_t max_request;        /* bytes of a message */
	bool half_closed;
	enum weft_encoding encoding; /* of what we send */
	bool compress;               /* the messages from here on */
	bool was_full;               /* the user was told to stop: on_writable is owed */
	uint64_t messages_sent;
	uint64_t bytes_sent;

	/* receiving */
	size_t max_response;
	bool was_compressed;
	bool held;
	bool receiving; /* inside weft_rpc_receive_messages() */
	uint64_t messages;
	uint64_t bytes_received;   /* of these */
	struct weft_status status; /* the outcome */

	/* the user's side */
	const struct weft_rpc_sink *sink;
	const struct weft_method *method; /* typed */
	enum weft_idempotency idempotency;
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
/* Its first attempt; the interceptors have let it pass. */
void weft_rpc_send_first(struct weft_rpc *rpc);
/* Settles the outcome; harmless when it is settled. */
void weft_rpc_end(struct weft_rpc *rpc, enum weft_code code, const char *format, ...)
	WEFT_PRINTF(3, 4);
void weft_rpc_end_with(struct weft_rpc *rpc, const struct weft_status *status);
void weft_rpc_queue_task(struct weft_rpc *rpc);
/* One of its streams has had its on_close. The call may be gone afterwards. */
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

/* ---- attempt.c ---- */

void weft_attempt_init(struct weft_attempt *attempt, struct weft_rpc *rpc, unsigned previous);
/* The subchannel with the id has failed it: others are taken where there are. */
void weft_attempt_avoid(struct weft_attempt *attempt, uint32_t id);
void weft_attempt_start(struct weft_attempt *attempt); /* hands it to the channel */
/* It has failed, and the call with it unless there is another way. Harmless when it is over. */
void weft_attempt_fail(struct weft_attempt *attempt, enum weft_code code, const char *format, ...)
	WEFT_PRINTF(3, 4);
void weft_attempt_fail_with(struct weft_attempt *attempt, const struct weft_status *status);
/* Leaves queue and stream; nothing follows from it. `result` is for the balancer. */
void weft_attempt_stop(struct weft_attempt *attempt, enum weft_call_result result);

/* ---- rpc_retry.c ---- */

struct weft_method_config;
struct weft_retry_policy;

/* Sets rpc->retry where the config has a policy. */
void weft_retry_init(struct weft_rpc *rpc, const struct weft_method_config *config);
void weft_retry_begin(struct weft_rpc *rpc); /* starts the first attempt */
void weft_retry_end(struct weft_rpc *rpc);   /* there will be no other attempt */
/* The pause before a retry, with its jitter; `n` have been made since the server's last word. */
uint64_t weft_retry_backoff(const struct weft_retry_policy *policy, unsigned n);
/* Decides what follows from the attempts that are over. */
void weft_retry_judge(struct weft_rpc *rpc);

/* ---- rpc_send.c ---- */

/* The call is `attempt`'s: the others are stopped, and what was sent is no longer kept. */
void weft_rpc_commit(struct weft_rpc *rpc, struct weft_attempt *attempt);
void weft_rpc_forget_sent(struct weft_rpc *rpc);
void weft_rpc_tell_writable(struct weft_rpc *rpc);

/* ---- rpc_receive.c ---- */

extern const struct weft_h2_stream_events weft_rpc_stream_events;
/* Delivers what has arrived, unless held, and the end when it is due. From the loop. */
void weft_rpc_receive_messages(struct weft_rpc *rpc);

#endif
