/*
 * Interceptors: what is done for every call, in one place: authentication, logs, metrics, traces,
 * default deadlines. A server has a chain of them before its handlers, a channel has one before its
 * calls leave; a chain is asked in the order in which it was made, and told of the end in reverse.
 *
 * An interceptor is told of the end of every call that it was asked about, exactly once, also when
 * it has refused the call itself or still makes it wait. After that it forgets the call.
 *
 * Once per call, not per attempt: a call that is sent once more was asked about before. A call that
 * ends before the chain has been asked (a malformed request, a deadline that lies in the past) is
 * none of theirs.
 */
#ifndef WEFT_INTERCEPTOR_H
#define WEFT_INTERCEPTOR_H

#include <weft/call.h>
#include <weft/channel.h>
#include <weft/server.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* How a call has gone. Bytes are those of its messages as they travel, without their prefixes. */
struct weft_summary {
	const struct weft_status *status;
	uint64_t duration_ns;
	uint64_t messages_sent;
	uint64_t messages_received;
	uint64_t bytes_sent;
	uint64_t bytes_received;
};

/* The positive outcome of being asked: the call stays where it is until ..._proceed. */
enum { WEFT_INTERCEPTOR_WAITS = 1 };

/* ---- a server's ---- */

/* Either function may be NULL. */
struct weft_call_interceptor {
	size_t size; /* sizeof(struct weft_call_interceptor) */
	/*
	 * A call has come, and no handler has seen it. Path, metadata, deadline and peer are known;
	 * headers and trailers may be added. It returns 0 to let it pass; WEFT_INTERCEPTOR_WAITS
	 * when that is known later (what the client sends waits meanwhile, within its window); or
	 * as a handler does: with weft_call_fail…, or a negative errno.
	 */
	int (*on_call)(struct weft_call *call, void *data);
	/* The call ends now: trailers may still be added, and nothing else be done to it. */
	void (*on_end)(struct weft_call *call, const struct weft_summary *summary, void *data);
};

/* Before the server's first connection. The interceptor is borrowed; `data` reaches its functions.
 */
void weft_server_intercept(struct weft_server *server,
			   const struct weft_call_interceptor *interceptor, void *data);
/* The call that waits goes on. Harmless after its end, as long as its memory is there. */
void weft_call_proceed(struct weft_call *call);

/* ---- a channel's ---- */

/* Either function may be NULL. A channel gets its chain in its options. */
struct weft_rpc_interceptor {
	size_t size; /* sizeof(struct weft_rpc_interceptor) */
	/*
	 * A call begins; whoever began it is still about to do so. Metadata may be added, the
	 * deadline set. It returns 0 to let it pass; WEFT_INTERCEPTOR_WAITS when that is known
	 * later; or a negative errno, which ends it as INTERNAL. weft_rpc_refuse ends it in other
	 * words.
	 */
	int (*on_start)(struct weft_rpc *rpc, void *data);
	/* The call has ended, and who began it is told next. */
	void (*on_end)(struct weft_rpc *rpc, const struct weft_summary *summary, void *data);
	void *data;
};

const char *weft_rpc_path(const struct weft_rpc *rpc); /* "/catalog.v1.Catalog/GetProduct" */
struct weft_channel *weft_rpc_channel(const struct weft_rpc *rpc);
const struct weft_metadata *weft_rpc_metadata(const struct weft_rpc *rpc); /* what is sent */
/* As weft_metadata_add. -EALREADY: it has been sent. */
int weft_rpc_add_metadata(struct weft_rpc *rpc, const char *name, const void *value, size_t len);
uint64_t weft_rpc_deadline(const struct weft_rpc *rpc); /* of weft_now(), or WEFT_NEVER */
/* Brings the deadline forward; a later one than it has changes nothing. */
void weft_rpc_limit(struct weft_rpc *rpc, uint64_t deadline);
/* The call that waits goes on. Not after its end. */
void weft_rpc_proceed(struct weft_rpc *rpc);
/* Ends the call, which has not been sent, with a status of our own. */
void weft_rpc_refuse(struct weft_rpc *rpc, enum weft_code code, const char *format, ...)
	WEFT_PRINTF(3, 4);

/*
 * What an interceptor knows of a call, for its own on_end or for the handler: a claim, a span. The
 * key is an address that nobody else has, of a static variable say. `value` is the giver's; memory
 * of the call's arena lives as long as the call. A later one takes the place of an earlier one.
 */
void weft_call_attach(struct weft_call *call, const void *key, void *value);
void *weft_call_attached(const struct weft_call *call, const void *key); /* NULL: nothing */
void weft_rpc_attach(struct weft_rpc *rpc, const void *key, void *value);
void *weft_rpc_attached(const struct weft_rpc *rpc, const void *key); /* NULL: nothing */

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
