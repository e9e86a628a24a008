/*
 * grpc.health.v1.Health, ready to add to a server. A service's state is process-wide; setting it
 * wakes every watcher on every worker. "" is the server as a whole: it is NOT_SERVING until it is
 * set.
 */
#ifndef WEFT_HEALTH_H
#define WEFT_HEALTH_H

#include <weft/server.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

/* One per process. It outlives the servers and workers that it was added to; nothing is set
 * after they are gone. */
struct weft_health;

enum weft_health_state { WEFT_HEALTH_UNKNOWN, WEFT_HEALTH_SERVING, WEFT_HEALTH_NOT_SERVING };

int weft_health_new(struct weft_health **ret_health);
void weft_health_free(struct weft_health *health);
int weft_health_add(struct weft_health *health,
		    struct weft_server *server); /* Check, List and Watch */
void weft_health_set(struct weft_health *health, const char *service,
		     enum weft_health_state state); /* any thread */

/* Before a drain: everything is NOT_SERVING from now on, whatever is set later; every watcher
 * hears it, and its Watch ends, so that no drain waits for it. Any thread. */
void weft_health_shutdown(struct weft_health *health);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
