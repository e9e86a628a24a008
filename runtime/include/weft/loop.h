/*
 * The event loop of one thread: descriptors, timers, signals, tasks. libev is behind it.
 *
 * A turn of the loop: descriptors and timers run their callbacks; then the deferred tasks, until
 * there are none; then the flushes, in which each connection sends all that the turn has produced
 * in one write; then the loop waits. All functions belong to the loop's own thread, but
 * weft_loop_post.
 */
#ifndef WEFT_LOOP_H
#define WEFT_LOOP_H

#include <weft/base.h>

#pragma GCC visibility push(default)
#ifdef __cplusplus
extern "C" {
#endif

struct ev_loop; /* libev's */
struct weft_loop;
struct weft_fd;
struct weft_signal;
struct weft_task;
struct weft_timer;

typedef void weft_task_cb(struct weft_task *task);
typedef void weft_timer_cb(struct weft_timer *timer, void *data);
typedef void weft_fd_cb(struct weft_fd *watch, unsigned events, void *data);
typedef void weft_signal_cb(int signal, void *data);

int weft_loop_new(struct weft_loop **ret_loop);
/* On a loop of libev's that the caller owns, runs and stops, and that outlives this one; until then
 * ev_run() does not return for want of something to wait for. weft_loop_run and weft_loop_stop are
 * not for this one. */
struct weft_loop *weft_loop_new_on(struct ev_loop *ev);
void weft_loop_free(struct weft_loop *loop);
void weft_loop_run(struct weft_loop *loop);     /* until weft_loop_stop */
void weft_loop_stop(struct weft_loop *loop);    /* from its own thread */
uint64_t weft_loop_now(struct weft_loop *loop); /* weft_now() at the start of this turn */

/* Work to be run once. Embedded by its owner, in one queue at a time; free again before `run` is
 * called. */
struct weft_task {
	struct weft_task *next;
	weft_task_cb *run;
};

void weft_loop_post(struct weft_loop *loop,
		    struct weft_task *task); /* any thread, first in first out */
void weft_loop_defer(struct weft_loop *loop,
		     struct weft_task *task); /* in this turn, after the callbacks */
void weft_loop_flush(struct weft_loop *loop,
		     struct weft_task *task); /* in this turn, after all tasks */

/* A timer that fires once. Embedded; stop it before its memory goes. Thousands are cheap. */
struct weft_timer {
	uint64_t at;
	size_t slot; /* 0: not started */
	weft_timer_cb *cb;
	void *data;
};

void weft_timer_init(struct weft_timer *timer, weft_timer_cb *cb, void *data);
void weft_timer_start(struct weft_loop *loop, struct weft_timer *timer,
		      uint64_t delay_ns); /* or start anew */
void weft_timer_start_at(struct weft_loop *loop, struct weft_timer *timer, uint64_t at);
void weft_timer_stop(struct weft_loop *loop,
		     struct weft_timer *timer); /* harmless when not started */
static inline bool weft_timer_started(const struct weft_timer *timer)
{
	return timer->slot != 0;
}

#define WEFT_READABLE 1u
#define WEFT_WRITABLE 2u

/* Watches a descriptor that the caller owns. `events` may be 0. Free it before the descriptor is
 * closed; it may be freed in its own callback. */
struct weft_fd *weft_fd_new(struct weft_loop *loop, int fd, unsigned events, weft_fd_cb *cb,
			    void *data);
void weft_fd_set(struct weft_fd *watch, unsigned events);
void weft_fd_free(struct weft_fd *watch); /* takes NULL */

struct weft_signal *weft_signal_new(struct weft_loop *loop, int signal, weft_signal_cb *cb,
				    void *data);
void weft_signal_free(struct weft_signal *watch);

#ifdef __cplusplus
}
#endif
#pragma GCC visibility pop
#endif
