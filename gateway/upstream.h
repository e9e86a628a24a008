/*
 * The backends as one worker sees them: a channel for each package of contracts that somebody was
 * said to serve. Connections are opened by the channels when they are needed.
 */
#ifndef GATEWAY_UPSTREAM_H
#define GATEWAY_UPSTREAM_H

#include <weft/channel.h>

#include "site.h"

struct upstream;

/* The site is borrowed. Where `before` (may be NULL) has a channel to the same place, it is
 * shared. */
int upstream_new(struct weft_worker *worker, const struct site *site, const struct upstream *before,
		 char error[256], struct upstream **ret_upstream);
void upstream_free(struct upstream *upstream); /* without a connection; takes NULL */
/* Lets go of the channels; `cb` runs when none of its own is left, perhaps at once. The upstream is
 * gone then. */
typedef void upstream_closed_cb(void *data);
void upstream_close(struct upstream *upstream, upstream_closed_cb *cb, void *data);

/* Who serves "catalog.v1.Catalog": the backend of the longest package that it is in; NULL:
 * nobody. Borrowed. */
struct weft_channel *upstream_find(const struct upstream *upstream, const char *service,
				   size_t len);

#endif
