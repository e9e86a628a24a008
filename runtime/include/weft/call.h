/*
 * A call at its server. It is born, answered and freed on one worker's loop.
 *
 * A handler may answer now, answer later, or return a negative errno; it is answered exactly once
 * in any case. After a call has ended (cancelled, deadline passed), reply, send, fail and finish
 * return -ECANCELED and do nothing; a handler that returns it is silent. A second answer to a live
 * call is an assertion.
 *
 * A handler's negative errno becomes INTERNAL (the cause is logged once, the peer is not told),
 * except -ENOMEM and -ENOSPC (RESOURCE_EXHAUSTED), -ETIMEDOUT (DEADLINE_EXCEEDED), -ECANCELED
 * (CANCELLED).
 *
 * The call's memory, the request's included, lives until the call and its children have ended.
 */
#ifndef WEFT_CALL_H
#define WEFT_CALL_H

#include <stdarg.h>
#include <weft/encoding.h>
#include <weft/identity.h>
#include <weft/list.h>
#include <weft/log.h>
#include <weft/metadata.h>
#include <weft/service.h>
#include <weft/status.h>
#include <weft/worker.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

typedef void weft_call_cb(struct weft_call *call, void *data);
typedef int weft_pump_cb(struct weft_call *call, void *data);
typedef int weft_half_close_cb(struct weft_call *call, void *data);
typedef int weft_message_bytes_cb(struct weft_call *call, struct weft_bytes message, void *data);

/* What is known of it. All pointers live as long as the call. */
struct weft_arena *weft_call_arena(struct weft_call *call);
struct weft_worker *weft_call_worker(const struct weft_call *call);
const char *weft_call_path(const struct weft_call *call); /* "/catalog.v1.Catalog/GetProduct" */
const struct weft_method *weft_call_method(
	const struct weft_call *call); /* NULL in a fallback handler */
const struct weft_metadata *weft_call_metadata(const struct weft_call *call); /* the client's */
uint64_t weft_call_deadline(const struct weft_call *call); /* of weft_now(); or WEFT_NEVER */
const struct weft_trace *weft_call_trace(
	const struct weft_call *call); /* the peer's, continued; or a new one */
const char *weft_call_peer(const struct weft_call *call);
/* Whom the client's certificate names; NULL: it has none that was asked for and verified. */
const struct weft_identity *weft_call_peer_identity(const struct weft_call *call);
const char *weft_call_authority(const struct weft_call *call);
bool weft_call_ended(const struct weft_call *call); /* answered, cancelled, or too late */

/* Keeps the call's memory beyond its end, as for a write that is under way. Unref on the same
 * worker. */
struct weft_call *weft_call_ref(struct weft_call *call);
void weft_call_unref(struct weft_call *call);

/* The client is gone or the deadline has passed: called once, from the loop; not after an
 * answer. */
void weft_call_on_cancel(struct weft_call *call, weft_call_cb *cb, void *data);

/*
 * Work elsewhere on the call's behalf, which is embedded by its owner: a call to another service,
 * a write to a store. It keeps the call's memory until it is removed, and is told when the call is
 * cancelled or runs out of time; not when it has merely been answered.
 */
struct weft_child {
	struct weft_list node;
	/* Called at most once, and only while the child is added; it may remove itself, and calls
	 * nobody back before it returns. */
	void (*cancel)(struct weft_child *child);
};

/* References the call. -ECANCELED: the call has been cancelled already, and nothing was added. */
int weft_call_add_child(struct weft_call *call, struct weft_child *child);
void weft_call_remove_child(struct weft_call *call, struct weft_child *child); /* unreferences it */

/* Metadata for the client: headers before the first message, trailers before the end. Copies. */
int weft_call_add_header(struct weft_call *call, const char *name, const void *value, size_t len);
int weft_call_add_trailer(struct weft_call *call, const char *name, const void *value, size_t len);

/* Ends the call with an error. They return 0 (or -ECANCELED), so that a handler can return them. */
int weft_call_fail(struct weft_call *call, enum weft_code code, const char *format, ...)
	WEFT_PRINTF(3, 4);
int weft_call_fail_with(struct weft_call *call, const struct weft_status *status);
/* Passes a downstream status up. Its message and details go with it. */
int weft_call_fail_from(struct weft_call *call, const struct weft_status *status);
/* Ends the call as a handler's return of `r` would (negative). */
int weft_call_fail_errno(struct weft_call *call, int r);
/* Ends a stream whose messages have all been sent: OK. */
int weft_call_finish(struct weft_call *call);

/* Streaming out: send while writable. The pump runs once after registration, whenever the call
 * becomes writable again (its unsent bytes fell under 64 KiB), and after weft_call_wake. It
 * never nests. What it returns is treated as a handler's return; 0 goes on. */
bool weft_call_writable(const struct weft_call *call);
void weft_call_on_ready(struct weft_call *call, weft_pump_cb *pump, void *data);
void weft_call_wake(struct weft_call *call);
/* A second arena for one message at a time: the pump resets it. */
struct weft_arena *weft_call_scratch(struct weft_call *call);

/* Streaming in: no message is delivered while the call is held. A message is borrowed until its
 * callback returns (then its memory is recycled). Deliveries begin after weft_call_receive has
 * returned. */
void weft_call_hold(struct weft_call *call);
void weft_call_resume(struct weft_call *call);

/* The floor below the typed API: messages as bytes, which compression is no part of. Copies. */
int weft_call_send_bytes(struct weft_call *call, struct weft_bytes message);
int weft_call_reply_bytes(struct weft_call *call,
			  struct weft_bytes message); /* send and finish in one */
void weft_call_receive_bytes(struct weft_call *call, weft_message_bytes_cb *on_message,
			     weft_half_close_cb *on_half_close, void *data);

/*
 * Compression. What a call sends is compressed from the moment an encoding has been chosen that its
 * client accepts, and may be switched off and on between messages: a secret and what a stranger
 * chose do not belong into one compressed message (CRIME). A message that would not become shorter
 * is sent as it is.
 */
/* Before the first message. -EOPNOTSUPP: the client does not accept it, and nothing has changed. */
int weft_call_set_encoding(struct weft_call *call, enum weft_encoding encoding);
/* Whether the messages from here on are compressed. Without an encoding it says nothing. */
void weft_call_compress(struct weft_call *call, bool on);
/* Whether the request, or the message that is being delivered, came compressed. */
bool weft_call_was_compressed(const struct weft_call *call);

/* For generated code, which gives them their types. */
typedef int weft_message_thunk(struct weft_call *call, const ProtobufCMessage *message, weft_fn *cb,
			       void *data);
int weft_call_reply(struct weft_call *call, const ProtobufCMessage *message);
int weft_call_send(struct weft_call *call, const ProtobufCMessage *message);
void weft_call_receive(struct weft_call *call, weft_message_thunk *thunk, weft_fn *on_message,
		       weft_half_close_cb *on_half_close, void *data);

/* A log line with the call's trace id and method. */
#define weft_call_log(call, level, message, ...)                                                   \
	weft_log((level), weft_call_trace(call), message,                                          \
		 WEFT_STR("method", weft_call_path(call)) __VA_OPT__(, ) __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
