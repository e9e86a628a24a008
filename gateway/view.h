/*
 * A state of the edge (site.h) as one worker has it: with the worker's own channels to the
 * backends. Each request holds the view under which it began.
 */
#ifndef GATEWAY_VIEW_H
#define GATEWAY_VIEW_H

#include "site.h"
#include "upstream.h"

struct edge_worker;

struct view {
	unsigned refs; /* all on its worker */
	struct edge_worker *worker;
	struct site *site;
	struct upstream *upstream;
};

/* References the site. Channels to the same places as those of `before` (may be NULL) are shared
 * with it. */
int view_new(struct edge_worker *worker, struct site *site, const struct view *before,
	     char error[256], struct view **ret_view);
struct view *view_ref(struct view *view);
/* The last one closes the channels; edge_view_closed says when that is done. */
void view_unref(struct view *view); /* takes NULL */
/* Before its worker runs, or after. Takes NULL. */
void view_free(struct view *view);

#endif
