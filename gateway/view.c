#include "view.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "edge.h"

int view_new(struct edge_worker *worker, struct site *site, const struct view *before,
	     char error[256], struct view **ret_view)
{
	struct view *view = calloc(1, sizeof(*view));
	int r;

	if (!view) {
		snprintf(error, 256, "out of memory");
		return -ENOMEM;
	}
	r = upstream_new(worker->worker, site, before ? before->upstream : NULL, error,
			 &view->upstream);
	if (r < 0) {
		free(view);
		return r;
	}
	view->refs = 1;
	view->worker = worker;
	view->site = site_ref(site);
	worker->n_views++;
	*ret_view = view;
	return 0;
}

struct view *view_ref(struct view *view)
{
	view->refs++;
	return view;
}

static void on_upstream_closed(void *data)
{
	struct view *view = data;

	view->upstream = NULL;
	view_free(view);
}

void view_unref(struct view *view)
{
	if (view && --view->refs == 0)
		upstream_close(view->upstream, on_upstream_closed, view);
}

void view_free(struct view *view)
{
	struct edge_worker *worker;

	if (!view)
		return;
	worker = view->worker;
	upstream_free(view->upstream);
	site_unref(view->site);
	free(view);
	edge_view_closed(worker);
}
