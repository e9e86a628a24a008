/*
 * A channel: a named target and the connections to it, on one worker. Calls are started on it and
 * it finds, opens and keeps the connections. Reference-counted; calls under way hold a reference.
 *
 * A target says where, in gRPC's naming syntax:
 *
 *	unix:/path, unix:///path, unix-abstract:name
 *	ipv4:127.0.0.1:50051,127.0.0.2:50051, ipv6:[::1]:50051
 *	dns:///host:port, or host:port   all A and AAAA records, of the system's name servers
 *	dns://127.0.0.1:5353/host:port   … of that one. Asked again when a connection is lost, at
 *	                                 most every 30 s
 *	file:///path   one address a line ("unix:/path", "127.0.0.1:port"); followed as it changes
 *	etcd:///name, etcd://host:port/name   replicas as they register in etcd, once
 *	               weft_etcd_register() was called; with ?version=1.2, such alone (etcd.h)
 *	others         by weft_resolver_register() (resolver.h)
 *
 * A policy says which of the endpoints a call goes to:
 *
 *	pick_first    the first that answers, until it is lost (gRFC A62; RFC 8305, A61: an address
 *	              that does not answer within 250 ms is overtaken by the next)
 *	round_robin   each in turn, of those that are connected and have room for a stream
 *	least_request of two of these by chance, the one with fewer calls under way (A48)
 *
 * A service config may put outlier_detection over any but pick_first (A50).
 */
#ifndef WEFT_CHANNEL_H
#define WEFT_CHANNEL_H

#include <weft/call.h>
#include <weft/metadata.h>
#include <weft/service.h>
#include <weft/status.h>
#include <weft/tls.h>
#include <weft/worker.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_channel;
struct weft_credentials;
struct weft_rpc; /* a call at its client */
struct weft_rpc_interceptor;
struct weft_service_config;

struct weft_channel_options {
	size_t size;
	struct weft_tls *tls; /* referenced; NULL: plaintext */
	/* :authority, and the name the certificate must have; NULL: the target's host, "localhost"
	 * for Unix sockets and files */
	const char *authority;
	size_t max_message;          /* received, 0: 4 MiB */
	uint64_t connect_timeout_ns; /* 0: 10 s */
	enum weft_encoding encoding; /* of the requests of its calls */
	/* What each of its calls passes (weft/interceptor.h), in this order; ends with NULL. The
	 * list and what it names live as long as the channel. */
	const struct weft_rpc_interceptor *const *interceptors;
	struct weft_credentials *credentials; /* of each call (weft/credentials.h); referenced */

	/* Keepalive (gRFC A8): a PING after so much silence, 0: none, else no less than 10 s; the
	 * connection is lost when none is answered for so long (0: 20 s). While there are calls,
	 * or always. Whenever the server says that these are too many, the silence doubles. */
	uint64_t keepalive_ns;
	uint64_t keepalive_timeout_ns;
	bool keepalive_without_calls;
	/* Without a call for so long the connection closes, and the next call opens another; 0:
	 * 30 min, WEFT_NEVER: it stays. */
	uint64_t idle_timeout_ns;
	/* What the messages above 64 KiB that are on their way to us over a connection may be in
	 * sum; the others wait. 0: 8 MiB */
	size_t message_budget;
	size_t max_metadata; /* received, as in weft/server.h; 0: 16 KiB */
	size_t soft_metadata;

	const char *balancing; /* NULL: "pick_first" */
	/* gRFC A17: a connection is used when grpc.health.v1 says that this service is well, or
	 * that it knows no such thing; "": the server as a whole. NULL: without asking. Not under
	 * pick_first. Copied. */
	const char *health_service;
	uint64_t backoff_ns;          /* between attempts to connect, the first time; 0: 1 s */
	uint64_t backoff_max_ns;      /* and at most; 0: 120 s */
	uint64_t resolve_interval_ns; /* between questions to DNS; 0: 30 s */

	/* How its methods are called and balanced (weft/service_config.h); goes before `balancing`
	 * and `health_service`. Referenced. NULL: nothing is said. */
	struct weft_service_config *service_config;
	/* What is kept of requests to be sent again: of one call (0: 1 MiB) and of all (0: 16 MiB).
	 * A call beyond has the attempt that it has. */
	size_t call_retry_buffer;
	size_t retry_buffer;

	/* Circuit breaking. What is above a limit ends at once, and is not tried again. */
	size_t max_pending;     /* calls that wait for a connection, 0: 10000; RESOURCE_EXHAUSTED */
	size_t max_outstanding; /* attempts, waiting ones too, 0: any; UNAVAILABLE (A32) */
	/* A limit on them that follows the latency of single responses: it falls when they take
	 * longer than in the long run, and grows again, between 4 and 1000; UNAVAILABLE. */
	bool adaptive_limit;
};

/* gRPC's connectivity states. */
enum weft_connectivity {
	WEFT_IDLE,              /* nobody has called for a while, or yet */
	WEFT_CONNECTING,        /* calls wait */
	WEFT_READY,             /* calls go out */
	WEFT_TRANSIENT_FAILURE, /* calls fail that do not wait for ready; attempts go on */
	WEFT_SHUTDOWN,
};

/* Cannot fail but for a target that is no target (-EINVAL, `error` says why). No connection is
 * opened yet. */
int weft_channel_new(struct weft_worker *worker, const char *target,
		     const struct weft_channel_options *options, char error[256],
		     struct weft_channel **ret_channel);
struct weft_channel *weft_channel_ref(struct weft_channel *channel);
void weft_channel_unref(
	struct weft_channel *channel); /* takes NULL; the last one closes the connections */
/* Unreferences it too, and calls `cb` on the worker when calls and connections have ended and
 * nothing is left of the channel: for those who then stop the worker. Nobody else may hold a
 * reference. */
typedef void weft_channel_closed_cb(void *data);
void weft_channel_close(struct weft_channel *channel, weft_channel_closed_cb *cb, void *data);
/* Another service config, for the calls from here on; NULL: none, and balanced as the options say.
 * References it. What a resolver finds goes before it; one that is wrong changes nothing. */
void weft_channel_set_service_config(struct weft_channel *channel,
				     struct weft_service_config *config);
struct weft_worker *weft_channel_worker(const struct weft_channel *channel);
/* The state as it is now; `try_connect` makes an idle channel connect, as a call would. */
enum weft_connectivity weft_channel_state(struct weft_channel *channel, bool try_connect);
const char *weft_channel_error(
	const struct weft_channel *channel); /* why TRANSIENT_FAILURE, else "" */
const char *weft_connectivity_name(enum weft_connectivity state); /* "READY" */

/* Tells, from the loop, that the channel's state or what it knows of an endpoint may have changed;
 * what changes in one turn is told once. Does not keep the channel: to be ended before the last
 * reference goes, also from inside the callback. */
struct weft_channel_watch;
typedef void weft_channel_watch_cb(struct weft_channel *channel, void *data);
struct weft_channel_watch *weft_channel_watch(struct weft_channel *channel,
					      weft_channel_watch_cb *cb, void *data);
void weft_channel_unwatch(struct weft_channel_watch *watch); /* takes NULL */

enum weft_endpoint_health {
	WEFT_ENDPOINT_UNKNOWN, /* not connected, or not asked yet */
	WEFT_ENDPOINT_SERVING, /* as far as it was asked */
	WEFT_ENDPOINT_NOT_SERVING,
	WEFT_ENDPOINT_EJECTED, /* by outlier detection */
};

/* An endpoint as the channel sees it; all of it borrowed. */
struct weft_endpoint_view {
	size_t size;
	const char *address;
	enum weft_connectivity state; /* of its connection */
	enum weft_endpoint_health health;
	const char *error;      /* why it failed last, or "" */
	const char *attributes; /* what the resolver says of it, a JSON object; or NULL */
	uint32_t weight;        /* 0: none is said */
	size_t outstanding;     /* calls under way */
};

/* In the order in which the resolver named them; none before it has answered. `cb` starts and ends
 * nothing. */
typedef void weft_endpoint_cb(const struct weft_endpoint_view *view, void *data);
void weft_channel_each_endpoint(struct weft_channel *channel, weft_endpoint_cb *cb, void *data);
const char *weft_channel_target(const struct weft_channel *channel);

struct weft_call_options {
	size_t size;
	uint64_t timeout_ns; /* 0: none; never longer than the parent's */
	struct weft_call
		*parent; /* deadline, trace and cancellation are inherited; its arena waits */
	const struct weft_metadata *metadata; /* copied */
	bool wait_for_ready;                  /* wait for a connection instead of UNAVAILABLE */
	enum weft_encoding
		encoding; /* of what is sent; a server that does not know it: UNIMPLEMENTED */
	struct weft_credentials *credentials; /* beside the channel's; referenced */
	/* Whether the call may be made twice; UNKNOWN: as its contract says. A call by path has no
	 * contract, so it may not be. See "Attempts". */
	enum weft_idempotency idempotency;
};

#define WEFT_CALL_OPTIONS(...)                                                                     \
	(&(const struct weft_call_options) { .size = sizeof(struct weft_call_options),             \
					     __VA_ARGS__ })
#define WEFT_CHILD_OF(call) WEFT_CALL_OPTIONS(.parent = (call))

/*
 * Attempts. What a service config says of the method is added to the options: the smaller timeout
 * and message limits count, and a call waits for ready where either says so.
 *
 * A call that its peer has certainly not looked at (RST_STREAM with REFUSED_STREAM, a stream above
 * GOAWAY's last one, or one that had not left when the connection was lost) is sent once more by
 * itself (gRFC A6, transparent retries). Beyond that it has
 * one attempt, unless the service config has a policy for the method:
 *
 * - retryPolicy: after a failure with a code of the policy it is sent again, until there were
 *   maxAttempts. The n-th pause is min(initialBackoff × backoffMultiplier^(n-1), maxBackoff), give
 *   or take a fifth. A server's grpc-retry-pushback-ms is the pause instead, and the count of
 *   pauses begins anew; what is no number of 0 or more forbids another attempt.
 * - hedgingPolicy: it is sent again after each hedgingDelay, and as soon as an attempt has failed
 *   with a code of nonFatalStatusCodes. The first response wins, or the first other failure; the
 *   other attempts are cancelled; those that were begun earlier count as failures for
 *   outlier_detection. Pushback delays the next attempt, or forbids it. There is no hedge while an
 *   attempt still waits for a connection.
 *
 * Only calls that may be made twice (idempotency_level IDEMPOTENT or NO_SIDE_EFFECTS in the
 * contract, or `idempotency` in the options) are retried after a peer may have seen them, and
 * hedged. Others are retried by policy when they have certainly not been seen: there was no
 * connection, or the peer refused them.
 *
 * With the response's headers a call is committed: what comes after them is the outcome. It is also
 * committed when more has been sent than is kept. A response without headers of its own
 * (Trailers-Only) and an HTTP error commit nothing. All attempts share one deadline, and
 * cancelling ends all of them. While retryThrottling's tokens are at half or below, there is no
 * attempt but the first. A server sees the number of earlier attempts as
 * grpc-previous-rpc-attempts.
 *
 * Starting cannot fail, and the request is serialised before the starter returns. A callback runs
 * exactly once, from the loop, never before the starter has returned: also after weft_rpc_cancel.
 * The rpc, its status and its response are gone when its last callback has returned.
 */
void weft_rpc_cancel(struct weft_rpc *rpc); /* harmless after the end */
/* The response's memory, the server's headers and trailers, inside the callbacks. */
struct weft_arena *weft_rpc_arena(struct weft_rpc *rpc);
const struct weft_metadata *weft_rpc_headers(const struct weft_rpc *rpc);
const struct weft_metadata *weft_rpc_trailers(const struct weft_rpc *rpc);
const char *weft_rpc_peer(const struct weft_rpc *rpc); /* "" when it never had one */
/* Whom the server's certificate names, inside the callbacks; NULL in plaintext, and before there
 * was a connection. */
const struct weft_identity *weft_rpc_peer_identity(const struct weft_rpc *rpc);
/* Splices the memory of the response into the parent's arena: what was received stays as long as
 * it. */
void weft_rpc_keep(struct weft_rpc *rpc, struct weft_call *call);

/* Streams: the same rules as at the server. */
bool weft_rpc_writable(const struct weft_rpc *rpc);
void weft_rpc_half_close(struct weft_rpc *rpc);
void weft_rpc_hold(struct weft_rpc *rpc);
void weft_rpc_resume(struct weft_rpc *rpc);

/* Compression: see call.h. Whether the messages sent from here on are compressed, which they are by
 * themselves where the call or its channel has an encoding. */
void weft_rpc_compress(struct weft_rpc *rpc, bool on);
/* Whether the response, or the message that is being delivered, came compressed. */
bool weft_rpc_was_compressed(const struct weft_rpc *rpc);

/* The floor below the typed API: bytes in, bytes out. Any of them may be NULL, but on_end. */
struct weft_rpc_bytes_events {
	void (*on_headers)(struct weft_rpc *rpc, void *data); /* the server's headers are there */
	void (*on_message)(struct weft_rpc *rpc, struct weft_bytes message, void *data);
	/* once when the stream is there, then whenever it has become writable again */
	void (*on_writable)(struct weft_rpc *rpc, void *data);
	void (*on_end)(struct weft_rpc *rpc, const struct weft_status *status, void *data);
};
/* `path` is copied. `messages_in_one` … a unary or server-streaming call sends its only message
 * with weft_rpc_send_bytes and then half-closes. */
struct weft_rpc *weft_rpc_start_raw(struct weft_channel *channel, const char *path,
				    const struct weft_call_options *options,
				    const struct weft_rpc_bytes_events *events, void *data);
/* Copies. -ECANCELED after the end; -EMSGSIZE: more than the service config allows, or 2 GiB, and
 * nothing was sent. */
int weft_rpc_send_bytes(struct weft_rpc *rpc, struct weft_bytes message);

/* For generated code, which gives them their types. A thunk calls `cb` (or a member of `events`)
 * by its true type. */
typedef void weft_rpc_reply_thunk(struct weft_rpc *rpc, const struct weft_status *status,
				  ProtobufCMessage *res, weft_fn *cb, void *data);
/* Unary: one callback with the status, and the response when it is OK. */
struct weft_rpc *weft_rpc_unary(struct weft_channel *channel, const struct weft_method *method,
				const ProtobufCMessage *req,
				const struct weft_call_options *options,
				weft_rpc_reply_thunk *thunk, weft_fn *cb, void *data);
/* Any stream, driven by generated thunks; `events` is the typed struct of the caller, static const.
 * For a client stream the single response arrives with on_end, hence `res` there (NULL
 * otherwise). */
struct weft_rpc_thunks {
	void (*on_message)(struct weft_rpc *rpc, const ProtobufCMessage *message,
			   const void *events, void *data);
	void (*on_writable)(struct weft_rpc *rpc, const void *events, void *data);
	void (*on_end)(struct weft_rpc *rpc, const struct weft_status *status,
		       ProtobufCMessage *res, const void *events, void *data);
};
/* `req` is NULL where the client streams. */
struct weft_rpc *weft_rpc_stream(struct weft_channel *channel, const struct weft_method *method,
				 const ProtobufCMessage *req,
				 const struct weft_call_options *options,
				 const struct weft_rpc_thunks *thunks, const void *events,
				 void *data);
int weft_rpc_send(struct weft_rpc *rpc, const ProtobufCMessage *message);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
