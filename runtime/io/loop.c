/*
 * The event loop, on libev. libev gives descriptors, signals and the waking from other threads; the
 * timers are a heap of our own, because a server starts and stops many more of them than ever fire,
 * and one ev_timer stands for the earliest.
 *
 * The order of a turn is made of libev's hooks:
 *
 *	ev_check (first)   the turn's clock is read
 *	ev_io, ev_signal   descriptors
 *	ev_async           what other threads have posted
 *	ev_timer (last)    timers, so that an answer which came in time is not called late
 *	ev_prepare         deferred tasks until there are none, then the flushes, then both again if
 *	                   the flushes made more; only after that the loop waits
 *
 * The ev loop may be a host's, who runs and stops it and has watches of its own there: so nothing
 * of it is used but watches. The clock is then read whenever it is asked for, because the host may
 * act between our turns.
 *
 * Tasks that go on making tasks are cut off after MAX_ROUNDS, so that they cannot keep descriptors
 * from being looked at; the next turn then does not wait.
 */
#include <assert.h>
#include <errno.h>
#include <ev.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <weft/loop.h>

#include "io/loop.h"
#include "io/timer.h"

#define MAX_ROUNDS 16

struct queue {
	struct weft_task *first;
	struct weft_task **end;
};

struct weft_loop {
	struct ev_loop *ev;
	bool guest; /* `ev` is somebody else's */
	ev_check check;
	ev_prepare prepare;
	ev_idle idle; /* started while tasks are left: the loop must not wait */
	ev_async wake;
	ev_timer alarm;
	uint64_t alarm_at; /* what `alarm` is set to, or WEFT_NEVER */

	struct weft_timer_heap timers;
	bool expiring;
	struct queue deferred;
	struct queue flushes;
	uint64_t now;
	bool running;
	bool stopping;

	_Atomic(struct weft_task *) posted; /* a stack: the newest first */
	atomic_uint posting;                /* threads inside weft_loop_post() */
};

struct weft_fd {
	ev_io io;
	struct weft_loop *loop;
	weft_fd_cb *cb;
	void *data;
};

struct weft_signal {
	ev_signal signal;
	struct weft_loop *loop;
	weft_signal_cb *cb;
	void *data;
};

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->end = &queue->first;
}

static void queue_append(struct queue *queue, struct weft_task *task)
{
	task->next = NULL;
	*queue->end = task;
	queue->end = &task->next;
}

static void run_list(struct weft_task *task)
{
	while (task) {
		struct weft_task *next = task->next;

		task->next = NULL;
		task->run(task);
		task = next;
	}
}

/* Those which are there now; what they add waits. */
static void queue_run(struct queue *queue)
{
	struct weft_task *first = queue->first;

	queue_init(queue);
	run_list(first);
}

/* True when the rounds did not suffice. */
static bool run_tasks(struct weft_loop *loop)
{
	for (int round = 0; round < MAX_ROUNDS; round++) {
		if (loop->deferred.first)
			queue_run(&loop->deferred);
		else if (loop->flushes.first)
			queue_run(&loop->flushes);
		else
			return false;
	}
	return loop->deferred.first || loop->flushes.first;
}

static void run_posted(struct weft_loop *loop)
{
	struct weft_task *stack = atomic_exchange(&loop->posted, NULL);
	struct weft_task *oldest = NULL;

	while (stack) {
		struct weft_task *next = stack->next;

		stack->next = oldest;
		oldest = stack;
		stack = next;
	}
	run_list(oldest);
}

static void expire_timers(struct weft_loop *loop)
{
	struct weft_timer *timer;

	loop->expiring = true;
	while ((timer = weft_timer_heap_first(&loop->timers)) && timer->at <= loop->now) {
		weft_timer_heap_remove(&loop->timers, timer);
		timer->cb(timer, timer->data);
	}
	loop->expiring = false;
}

static void set_alarm(struct weft_loop *loop)
{
	struct weft_timer *first = weft_timer_heap_first(&loop->timers);
	uint64_t at = first ? first->at : WEFT_NEVER;
	uint64_t delay;

	if (at == loop->alarm_at)
		return;
	ev_timer_stop(loop->ev, &loop->alarm);
	loop->alarm_at = at;
	if (at == WEFT_NEVER)
		return;
	delay = at > loop->now ? at - loop->now : 0;
	ev_timer_set(&loop->alarm, (double)delay / 1e9, 0.);
	ev_timer_start(loop->ev, &loop->alarm);
}

static void on_check(struct ev_loop *ev, ev_check *watch, int events)
{
	struct weft_loop *loop = weft_container_of(watch, struct weft_loop, check);

	loop->now = weft_now();
}

static void on_wake(struct ev_loop *ev, ev_async *watch, int events)
{
	run_posted(weft_container_of(watch, struct weft_loop, wake));
}

static void on_alarm(struct ev_loop *ev, ev_timer *watch, int events)
{
	struct weft_loop *loop = weft_container_of(watch, struct weft_loop, alarm);

	loop->alarm_at = WEFT_NEVER;
	expire_timers(loop);
}

static void on_prepare(struct ev_loop *ev, ev_prepare *watch, int events)
{
	struct weft_loop *loop = weft_container_of(watch, struct weft_loop, prepare);

	if (run_tasks(loop))
		ev_idle_start(ev, &loop->idle);
	else
		ev_idle_stop(ev, &loop->idle);
	set_alarm(loop);
}

static void on_idle(struct ev_loop *ev, ev_idle *watch, int events)
{
}

static void start_watches(struct weft_loop *loop)
{
	ev_check_init(&loop->check, on_check);
	ev_set_priority(&loop->check, EV_MAXPRI);
	ev_check_start(loop->ev, &loop->check);
	ev_prepare_init(&loop->prepare, on_prepare);
	ev_set_priority(&loop->prepare, EV_MINPRI); /* after what others do before a wait */
	ev_prepare_start(loop->ev, &loop->prepare);
	ev_async_init(&loop->wake, on_wake);
	ev_async_start(loop->ev, &loop->wake);
	ev_timer_init(&loop->alarm, on_alarm, 0., 0.);
	ev_set_priority(&loop->alarm, EV_MINPRI);
	ev_idle_init(&loop->idle, on_idle);
}

static struct weft_loop *loop_on(struct ev_loop *ev, bool guest)
{
	struct weft_loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		abort();
	loop->ev = ev;
	loop->guest = guest;
	queue_init(&loop->deferred);
	queue_init(&loop->flushes);
	loop->now = weft_now();
	loop->alarm_at = WEFT_NEVER;
	start_watches(loop);
	return loop;
}

int weft_loop_new(struct weft_loop **ret_loop)
{
	struct ev_loop *ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV);

	if (!ev)
		return errno ? -errno : -ENOMEM;
	*ret_loop = loop_on(ev, false);
	return 0;
}

struct weft_loop *weft_loop_new_on(struct ev_loop *ev)
{
	return loop_on(ev, true);
}

static void leave_host(struct weft_loop *loop)
{
	ev_check_stop(loop->ev, &loop->check);
	ev_prepare_stop(loop->ev, &loop->prepare);
	ev_async_stop(loop->ev, &loop->wake);
	ev_timer_stop(loop->ev, &loop->alarm);
	ev_idle_stop(loop->ev, &loop->idle);
}

void weft_loop_run_queued(struct weft_loop *loop)
{
	while (atomic_load(&loop->posted) || run_tasks(loop))
		run_posted(loop);
}

/*
 * A task that was posted may run, and say that its thread is done with this loop, while that thread
 * is still on its way out of weft_loop_post(): it is waited for.
 */
void weft_loop_free(struct weft_loop *loop)
{
	if (!loop)
		return;
	weft_loop_run_queued(loop);
	while (atomic_load(&loop->posting))
		sched_yield();
	if (loop->guest)
		leave_host(loop);
	else
		ev_loop_destroy(loop->ev);
	weft_timer_heap_fini(&loop->timers);
	free(loop);
}

void weft_loop_run(struct weft_loop *loop)
{
	assert(!loop->running);
	assert(!loop->guest && "its host runs it");
	loop->running = true;
	loop->now = weft_now();
	while (!loop->stopping)
		ev_run(loop->ev, 0);
	run_tasks(loop); /* the last turn is a whole one */
	loop->stopping = false;
	loop->running = false;
}

void weft_loop_stop(struct weft_loop *loop)
{
	assert(!loop->guest && "its host stops it");
	loop->stopping = true;
	ev_break(loop->ev, EVBREAK_ALL);
}

uint64_t weft_loop_now(struct weft_loop *loop)
{
	return loop->running ? loop->now : weft_now();
}

void weft_loop_post(struct weft_loop *loop, struct weft_task *task)
{
	struct weft_task *old;

	atomic_fetch_add(&loop->posting, 1);
	old = atomic_load(&loop->posted);
	do
		task->next = old;
	while (!atomic_compare_exchange_weak(&loop->posted, &old, task));
	if (!old) /* whoever made the stack non-empty has woken the loop */
		ev_async_send(loop->ev, &loop->wake);
	atomic_fetch_sub(&loop->posting, 1);
}

void weft_loop_defer(struct weft_loop *loop, struct weft_task *task)
{
	queue_append(&loop->deferred, task);
}

void weft_loop_flush(struct weft_loop *loop, struct weft_task *task)
{
	queue_append(&loop->flushes, task);
}

void weft_timer_init(struct weft_timer *timer, weft_timer_cb *cb, void *data)
{
	*timer = (struct weft_timer) { .cb = cb, .data = data };
}

void weft_timer_start(struct weft_loop *loop, struct weft_timer *timer, uint64_t delay_ns)
{
	uint64_t now = weft_loop_now(loop);

	weft_timer_start_at(loop, timer, delay_ns < WEFT_NEVER - now ? now + delay_ns : WEFT_NEVER);
}

void weft_timer_start_at(struct weft_loop *loop, struct weft_timer *timer, uint64_t at)
{
	weft_timer_stop(loop, timer);
	if (at == WEFT_NEVER)
		return;
	/* A timer that starts itself anew for at once fires in the next turn, not again in this. */
	if (loop->expiring && at <= loop->now)
		at = loop->now + 1;
	timer->at = at;
	weft_timer_heap_put(&loop->timers, timer);
}

void weft_timer_stop(struct weft_loop *loop, struct weft_timer *timer)
{
	if (timer->slot)
		weft_timer_heap_remove(&loop->timers, timer);
}

static void on_io(struct ev_loop *ev, ev_io *io, int events)
{
	struct weft_fd *watch = weft_container_of(io, struct weft_fd, io);
	unsigned seen = 0;

	if (events & (EV_READ | EV_ERROR))
		seen |= WEFT_READABLE;
	if (events & (EV_WRITE | EV_ERROR))
		seen |= WEFT_WRITABLE;
	watch->cb(watch, seen, watch->data);
}

static int ev_events(unsigned events)
{
	return (events & WEFT_READABLE ? EV_READ : 0) | (events & WEFT_WRITABLE ? EV_WRITE : 0);
}

struct weft_fd *weft_fd_new(struct weft_loop *loop, int fd, unsigned events, weft_fd_cb *cb,
			    void *data)
{
	struct weft_fd *watch = calloc(1, sizeof(*watch));

	if (!watch)
		abort();
	watch->loop = loop;
	watch->cb = cb;
	watch->data = data;
	ev_io_init(&watch->io, on_io, fd, ev_events(events));
	if (events)
		ev_io_start(loop->ev, &watch->io);
	return watch;
}

void weft_fd_set(struct weft_fd *watch, unsigned events)
{
	int fd = watch->io.fd;

	if (ev_is_active(&watch->io) &&
	    (watch->io.events & (EV_READ | EV_WRITE)) == ev_events(events))
		return;
	ev_io_stop(watch->loop->ev, &watch->io);
	ev_io_set(&watch->io, fd, ev_events(events));
	if (events)
		ev_io_start(watch->loop->ev, &watch->io);
}

void weft_fd_free(struct weft_fd *watch)
{
	if (!watch)
		return;
	ev_io_stop(watch->loop->ev, &watch->io);
	free(watch);
}

static void on_signal(struct ev_loop *ev, ev_signal *signal, int events)
{
	struct weft_signal *watch = weft_container_of(signal, struct weft_signal, signal);

	watch->cb(signal->signum, watch->data);
}

struct weft_signal *weft_signal_new(struct weft_loop *loop, int signal, weft_signal_cb *cb,
				    void *data)
{
	struct weft_signal *watch = calloc(1, sizeof(*watch));

	if (!watch)
		abort();
	watch->loop = loop;
	watch->cb = cb;
	watch->data = data;
	ev_signal_init(&watch->signal, on_signal, signal);
	ev_signal_start(loop->ev, &watch->signal);
	return watch;
}

void weft_signal_free(struct weft_signal *watch)
{
	if (!watch)
		return;
	ev_signal_stop(watch->loop->ev, &watch->signal);
	free(watch);
}
