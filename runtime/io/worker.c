/*
 * A worker: a loop and the thread that runs it. It is stopped by a task like any other, which is
 * why stopping takes effect after all that was posted before.
 */
#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "io/loop.h"
#include "io/worker.h"

struct weft_worker {
	unsigned index;
	struct weft_loop *loop;
	struct weft_buffers *buffers;
	struct weft_list residents;
	struct weft_task stop;
	atomic_bool stop_posted;
	pthread_t thread;
	bool started;
};

static _Thread_local struct weft_worker *current;

static int worker_new(unsigned index, struct ev_loop *host, struct weft_worker **ret_worker)
{
	struct weft_worker *worker = calloc(1, sizeof(*worker));
	int r = 0;

	if (!worker)
		abort();
	worker->index = index;
	weft_list_init(&worker->residents);
	worker->buffers = malloc(sizeof(*worker->buffers));
	if (!worker->buffers)
		r = -ENOMEM;
	else if (host)
		worker->loop = weft_loop_new_on(host);
	else
		r = weft_loop_new(&worker->loop);
	if (r < 0) {
		free(worker->buffers);
		free(worker);
		return r;
	}
	*ret_worker = worker;
	return 0;
}

int weft_worker_new(unsigned index, struct weft_worker **ret_worker)
{
	return worker_new(index, NULL, ret_worker);
}

int weft_worker_new_on(unsigned index, struct ev_loop *ev, struct weft_worker **ret_worker)
{
	int r = worker_new(index, ev, ret_worker);

	if (r == 0)
		current = *ret_worker;
	return r;
}

void weft_worker_settle(struct weft_worker *worker, struct weft_resident *resident)
{
	weft_list_append(&worker->residents, &resident->node);
}

/* One that ends may have its owner begin another, but not for ever: nothing is ever connected. */
static void close_residents(struct weft_worker *worker)
{
	struct weft_list *node;

	weft_loop_run_queued(worker->loop);
	while ((node = weft_list_pop(&worker->residents))) {
		struct weft_resident *resident = weft_list_entry(node, struct weft_resident, node);

		resident->close(resident);
		weft_loop_run_queued(worker->loop);
	}
}

/* Tasks that were posted after the end run here, as if on the worker. */
void weft_worker_free(struct weft_worker *worker)
{
	struct weft_worker *outer = current;

	if (!worker)
		return;
	if (worker->started) {
		weft_worker_stop(worker);
		weft_worker_join(worker);
	}
	current = worker;
	close_residents(worker);
	weft_loop_free(worker->loop);
	current = outer == worker ? NULL : outer;
	free(worker->buffers);
	free(worker);
}

void weft_worker_run(struct weft_worker *worker)
{
	struct weft_worker *outer = current;

	current = worker;
	weft_loop_run(worker->loop);
	current = outer;
}

static void *run_thread(void *data)
{
	weft_worker_run(data);
	return NULL;
}

int weft_worker_start(struct weft_worker *worker)
{
	char name[16];
	int r;

	assert(!worker->started);
	r = pthread_create(&worker->thread, NULL, run_thread, worker);
	if (r)
		return -r;
	worker->started = true;
	snprintf(name, sizeof(name), "worker-%u", worker->index);
	pthread_setname_np(worker->thread, name);
	return 0;
}

static void run_stop(struct weft_task *task)
{
	struct weft_worker *worker = weft_container_of(task, struct weft_worker, stop);

	atomic_store(&worker->stop_posted, false);
	weft_loop_stop(worker->loop);
}

void weft_worker_stop(struct weft_worker *worker)
{
	if (atomic_exchange(&worker->stop_posted, true))
		return;
	worker->stop.run = run_stop;
	weft_loop_post(worker->loop, &worker->stop);
}

void weft_worker_join(struct weft_worker *worker)
{
	if (!worker->started)
		return;
	pthread_join(worker->thread, NULL);
	worker->started = false;
}

void weft_worker_post(struct weft_worker *worker, struct weft_task *task)
{
	weft_loop_post(worker->loop, task);
}

struct weft_worker *weft_worker_current(void)
{
	return current;
}

struct weft_loop *weft_worker_loop(struct weft_worker *worker)
{
	return worker->loop;
}

unsigned weft_worker_index(const struct weft_worker *worker)
{
	return worker->index;
}

struct weft_buffers *weft_worker_buffers(struct weft_worker *worker)
{
	return worker->buffers;
}
