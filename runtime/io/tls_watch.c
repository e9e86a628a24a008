/*
 * Looks at a TLS context's files now and then, and loads them anew when they have changed. Looking
 * is a few stat() calls, which see what a watch on descriptors misses: files behind symbolic links
 * that are exchanged (Kubernetes' secrets), and file systems without notification.
 *
 * A certificate and its key are two files, and are rarely written in the same instant: only what
 * has not changed since the last look is loaded. What could not be loaded is not tried again before
 * it changes.
 */
#include "io/tls_watch.h"

#include <stdlib.h>

#define INTERVAL WEFT_SECOND

struct weft_tls_watch {
	struct weft_loop *loop;
	struct weft_tls *tls; /* referenced */
	struct weft_timer timer;
	uint64_t interval_ns;
	uint64_t seen;  /* at the last look */
	uint64_t tried; /* could not be loaded */
	weft_tls_watch_cb *cb;
	void *data;
};

static void look(struct weft_timer *timer, void *data)
{
	struct weft_tls_watch *watch = data;
	uint64_t stamp = weft_tls_stamp(watch->tls);
	bool settled = stamp == watch->seen;
	char error[256] = "";
	int r;

	watch->seen = stamp;
	weft_timer_start(watch->loop, timer, watch->interval_ns);
	if (!settled || stamp == watch->tried || stamp == weft_tls_loaded_stamp(watch->tls))
		return;
	r = weft_tls_reload(watch->tls, error);
	if (r < 0)
		watch->tried = stamp;
	watch->cb(r, error, watch->data);
}

struct weft_tls_watch *weft_tls_watch_new(struct weft_loop *loop, struct weft_tls *tls,
					  uint64_t interval_ns, weft_tls_watch_cb *cb, void *data)
{
	struct weft_tls_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		abort();
	watch->loop = loop;
	watch->tls = weft_tls_ref(tls);
	watch->interval_ns = interval_ns ? interval_ns : INTERVAL;
	watch->seen = watch->tried = weft_tls_loaded_stamp(tls);
	watch->cb = cb;
	watch->data = data;
	weft_timer_init(&watch->timer, look, watch);
	weft_timer_start(loop, &watch->timer, watch->interval_ns);
	return watch;
}

void weft_tls_watch_free(struct weft_tls_watch *watch)
{
	if (!watch)
		return;
	weft_timer_stop(watch->loop, &watch->timer);
	weft_tls_unref(watch->tls);
	free(watch);
}
