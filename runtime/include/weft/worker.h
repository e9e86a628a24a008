/*
 * A worker: a thread with one loop, and all that lives on it. Nothing is shared between workers by
 * default; they talk by posting tasks to each other.
 *
 * Either start() it on a thread of its own, or run() it on the calling one (command line tools,
 * tests), or put it on a loop of libev's that is there already, beside other watches.
 */
#ifndef WEFT_WORKER_H
#define WEFT_WORKER_H

#include <weft/loop.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct weft_worker;

int weft_worker_new(unsigned index, struct weft_worker **ret_worker);
/*
 * On a loop of libev's that the caller owns, runs and stops (weft_loop_new_on). New and free are
 * called on the thread that runs it; until it is freed this worker is the thread's current one, so
 * blocking clients (weft/client.h) say -EDEADLK there and belong on other threads. start, run, stop
 * and join are not for it.
 */
int weft_worker_new_on(unsigned index, struct ev_loop *ev, struct weft_worker **ret_worker);
/* It is stopped and joined, and what was posted has run. Connections that are left are closed,
 * and their owners told, before it returns; so what their callbacks touch must still be there.
 * Takes NULL. */
void weft_worker_free(struct weft_worker *worker);

int weft_worker_start(struct weft_worker *worker); /* on a thread called "worker-INDEX" */
void weft_worker_run(struct weft_worker *worker);  /* here, until weft_worker_stop */
void weft_worker_stop(
	struct weft_worker *worker); /* any thread; takes effect after what was posted before */
void weft_worker_join(struct weft_worker *worker); /* waits for a started one to have stopped */

void weft_worker_post(struct weft_worker *worker,
		      struct weft_task *task); /* any thread, first in first out */

struct weft_worker *weft_worker_current(void); /* of this thread, or NULL */
struct weft_loop *weft_worker_loop(struct weft_worker *worker);
unsigned weft_worker_index(const struct weft_worker *worker);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
