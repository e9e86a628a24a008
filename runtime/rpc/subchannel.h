/*
 * A subchannel: one connection to one address, from the attempt to its end. A channel has one that
 * takes new calls, and any number that only finish theirs.
 */
#ifndef WEFT_RPC_SUBCHANNEL_H
#define WEFT_RPC_SUBCHANNEL_H

#include <weft/h2.h>

struct weft_subchannel;

struct weft_subchannel_events {
	/* The peer's SETTINGS have come: it speaks HTTP/2, calls can start. */
	void (*on_ready)(struct weft_subchannel *subchannel, void *data);
	/* The peer wants fewer PINGs; at most once, before on_draining. */
	void (*on_too_many_pings)(struct weft_subchannel *subchannel, void *data);
	/* GOAWAY: it takes no new calls. */
	void (*on_draining)(struct weft_subchannel *subchannel, void *data);
	/* The last call, exactly once; before on_ready it is a failed attempt. `error` is a
	 * sentence. `subchannel` is gone when it returns. */
	void (*on_closed)(struct weft_subchannel *subchannel, int r, const char *error, void *data);
};

struct weft_subchannel_options {
	struct weft_tls *tls;
	const char *server_name; /* the name that the certificate must have */
	uint64_t timeout_ns;     /* for connecting, TLS included */
	uint64_t keepalive_ns;   /* these as in weft/h2.h */
	uint64_t keepalive_timeout_ns;
	bool keepalive_idle;
	size_t message_budget;
};

struct weft_subchannel *weft_subchannel_new(struct weft_worker *worker, const char *address,
					    const struct weft_subchannel_options *options,
					    const struct weft_subchannel_events *events,
					    void *data);
/* on_closed follows, later. */
void weft_subchannel_close(struct weft_subchannel *subchannel);
const char *weft_subchannel_address(const struct weft_subchannel *subchannel);
struct weft_h2 *weft_subchannel_h2(struct weft_subchannel *subchannel); /* after on_ready */

#endif
