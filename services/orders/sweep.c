/*
 * Forgets request ids after seven days: a bounded write, again at once while there is more, then a
 * pause. What fails is tried again after the pause.
 */
#include <stdlib.h>

#include "orders.h"

#define KEPT_NS  (7 * 24 * 3600 * (int64_t)WEFT_SECOND)
#define PAUSE_NS (600 * WEFT_SECOND)
#define ROWS     500

struct sweeper {
	struct store_write write;
	struct store *store;
	struct weft_worker *worker;
	struct weft_timer timer;
	int64_t before;
	int64_t deleted;
	bool writing;
	bool freed; /* while it writes: gone when that is done */
};

static int sweep_txn(struct store_txn *txn, struct store_write *write)
{
	struct sweeper *sweeper = weft_container_of(write, struct sweeper, write);

	return store_delete_keys(txn, sweeper->before, ROWS, &sweeper->deleted);
}

static void sweep(struct sweeper *sweeper);

static void on_swept(struct store_write *write, int r)
{
	struct sweeper *sweeper = weft_container_of(write, struct sweeper, write);

	sweeper->writing = false;
	if (sweeper->freed) {
		free(sweeper);
		return;
	}
	if (r < 0)
		weft_log_warning("request ids were not swept", WEFT_ERRNO(r));
	if (r == 0 && sweeper->deleted == ROWS)
		sweep(sweeper);
	else
		weft_timer_start(weft_worker_loop(sweeper->worker), &sweeper->timer, PAUSE_NS);
}

static void sweep(struct sweeper *sweeper)
{
	sweeper->writing = true;
	sweeper->before = (int64_t)weft_wall_clock() - KEPT_NS;
	sweeper->deleted = 0;
	sweeper->write = (struct store_write) {
		.txn = sweep_txn,
		.done = on_swept,
		.owner = sweeper->worker,
	};
	store_write(sweeper->store, &sweeper->write);
}

static void on_timer(struct weft_timer *timer, void *data)
{
	sweep(data);
}

struct sweeper *sweeper_new(struct store *store, struct weft_worker *worker)
{
	struct sweeper *sweeper = calloc(1, sizeof(*sweeper));

	if (!sweeper)
		abort();
	sweeper->store = store;
	sweeper->worker = worker;
	weft_timer_init(&sweeper->timer, on_timer, sweeper);
	sweep(sweeper);
	return sweeper;
}

void sweeper_free(struct sweeper *sweeper)
{
	if (!sweeper)
		return;
	weft_timer_stop(weft_worker_loop(sweeper->worker), &sweeper->timer);
	sweeper->freed = true;
	if (!sweeper->writing)
		free(sweeper);
}
