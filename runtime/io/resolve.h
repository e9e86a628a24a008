/*
 * Names to addresses by c-ares, without blocking the loop: /etc/hosts, then DNS, as the system is
 * set up. The channel of a `dns:///` target stands on it.
 */
#ifndef WEFT_IO_RESOLVE_H
#define WEFT_IO_RESOLVE_H

#include <weft/loop.h>

struct weft_resolution;

struct weft_resolved {
	int error;         /* 0, -ENOENT: no such host, -ETIMEDOUT, -EAGAIN: ask again later, … */
	const char *words; /* a sentence about the error */
	const char *const *addresses; /* "192.0.2.1:443", "[2001:db8::1]:443", most wanted first */
	size_t count;                 /* at least 1 when there is no error */
};

/* `resolved` is borrowed; the resolution is gone when this returns. */
typedef void weft_resolved_cb(const struct weft_resolved *resolved, void *data);

/* `servers` is "192.0.2.53:53,…", or NULL for the system's. The callback comes once, later. */
struct weft_resolution *weft_resolve(struct weft_loop *loop, const char *host, uint16_t port,
				     const char *servers, uint64_t timeout_ns, weft_resolved_cb *cb,
				     void *data);

/* No callback comes any more. Not to be called from it or after it. */
void weft_resolution_cancel(struct weft_resolution *resolution); /* takes NULL */

#endif
