/*
 * Client-side health checking (gRFC A17): a grpc.health.v1.Health/Watch stream on a connection,
 * which says for as long as that lasts whether the service behind it is well.
 */
#ifndef WEFT_RPC_HEALTH_CHECK_H
#define WEFT_RPC_HEALTH_CHECK_H

#include <weft/channel.h>
#include <weft/h2.h>

struct weft_health_check;

/* READY: it is well, or the server cannot say. TRANSIENT_FAILURE: it is not, or the stream failed;
 * `error` is a few words. Later, from the loop. */
typedef void weft_health_check_cb(enum weft_connectivity health, const char *error, void *data);

struct weft_health_check_options {
	const char *service; /* "": the server as a whole */
	const char *authority;
	bool tls;
	uint64_t backoff_ns; /* between two streams, as between attempts to connect */
	uint64_t backoff_max_ns;
};

/* `options` outlives it. */
struct weft_health_check *weft_health_check_new(struct weft_loop *loop, struct weft_h2 *h2,
						const struct weft_health_check_options *options,
						weft_health_check_cb *cb, void *data);
/* No callback comes any more. To be called before the connection is gone. Takes NULL. */
void weft_health_check_stop(struct weft_health_check *check);

#endif
