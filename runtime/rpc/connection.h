/*
 * A client's connection to one address, from the attempt to its end. A subchannel has one that
 * takes new calls, and any number that only finish theirs.
 */
#ifndef WEFT_RPC_CONNECTION_H
#define WEFT_RPC_CONNECTION_H

#include <weft/h2.h>

#include "rpc/metadata_limits.h"

struct weft_connection;

struct weft_connection_events {
	/* The peer's SETTINGS have come: it speaks HTTP/2, calls can start. */
	void (*on_ready)(struct weft_connection *connection, void *data);
	/* The peer wants fewer PINGs; at most once, before on_draining. */
	void (*on_too_many_pings)(struct weft_connection *connection, void *data);
	/* GOAWAY: it takes no new calls. */
	void (*on_draining)(struct weft_connection *connection, void *data);
	/* The last call, exactly once; before on_ready it is a failed attempt. `error` is a
	 * sentence. `connection` is gone when it returns. */
	void (*on_closed)(struct weft_connection *connection, int r, const char *error, void *data);
};

struct weft_connection_options {
	struct weft_tls *tls;
	const char *server_name; /* the name that the certificate must have */
	uint64_t timeout_ns;     /* for connecting, TLS included */
	uint64_t keepalive_ns;   /* these as in weft/h2.h */
	uint64_t keepalive_timeout_ns;
	bool keepalive_idle;
	size_t message_budget;
	struct metadata_limits metadata; /* all 0: as weft/h2.h has them */
};

/* `subchannel_id` is the registry's. */
struct weft_connection *weft_connection_new(struct weft_worker *worker, const char *address,
					    int64_t subchannel_id,
					    const struct weft_connection_options *options,
					    const struct weft_connection_events *events,
					    void *data);
/* No new calls; it closes when those that it has are over. on_closed follows, later. */
void weft_connection_drain(struct weft_connection *connection);
const char *weft_connection_address(const struct weft_connection *connection);
struct weft_h2 *weft_connection_h2(struct weft_connection *connection); /* after on_ready */

#endif
