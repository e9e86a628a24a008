/*
 * The writer's queue: any loop pushes, one thread takes.
 *
 * The inbox is a stack that is taken all at once. `arrived` counts the pushes, `wanted` is the
 * count at which the sleeping thread is to be woken: a loop makes a system call only then, and
 * never takes a lock.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <weft/log.h>

#include "store_internal.h"

#define NOT_SLEEPING UINT64_MAX

int store_queue_init(struct store_queue *queue, size_t limit)
{
	*queue = (struct store_queue) { .limit = limit };
	queue->last = &queue->first;
	atomic_init(&queue->wanted, NOT_SLEEPING);
	queue->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return queue->wake_fd < 0 ? -errno : 0;
}

void store_queue_fini(struct store_queue *queue)
{
	close(queue->wake_fd);
}

/* ---- the loops' side */

static void ring(struct store_queue *queue)
{
	const uint64_t one = 1;
	ssize_t n = write(queue->wake_fd, &one, sizeof(one));

	(void)n; /* EAGAIN: it has been rung 2^64 times */
}

int store_queue_push(struct store_queue *queue, struct store_job *job)
{
	struct store_job *newest;

	if (atomic_fetch_add(&queue->queued, 1) >= queue->limit) {
		atomic_fetch_sub(&queue->queued, 1);
		return STORE_BUSY;
	}
	newest = atomic_load_explicit(&queue->inbox, memory_order_relaxed);
	do
		job->next = newest;
	while (!atomic_compare_exchange_weak(&queue->inbox, &newest, job));
	/* The thread says what it wants before it looks at what has arrived, here it is the
	 * other way around: one of the two sees the other. */
	if (atomic_fetch_add(&queue->arrived, 1) + 1 >= atomic_load(&queue->wanted))
		ring(queue);
	return 0;
}

void store_queue_stop(struct store_queue *queue)
{
	atomic_store(&queue->stopping, true);
	ring(queue);
}

/* ---- the thread's side */

size_t store_queue_collect(struct store_queue *queue)
{
	struct store_job *newest = atomic_exchange(&queue->inbox, NULL);
	struct store_job *oldest = NULL;

	for (struct store_job *job = newest, *older; job; job = older) {
		older = job->next;
		job->next = oldest;
		oldest = job;
		queue->taken++;
		queue->waiting++;
	}
	if (oldest) {
		*queue->last = oldest;
		queue->last = &newest->next;
	}
	return queue->waiting;
}

/* An empty eventfd is no error, and neither is an interrupted wait: the caller looks again. */
static void sleep_until(struct store_queue *queue, uint64_t now, uint64_t until)
{
	struct pollfd fd = { .fd = queue->wake_fd, .events = POLLIN };
	struct timespec left = {
		.tv_sec = (time_t)((until - now) / WEFT_SECOND),
		.tv_nsec = (long)((until - now) % WEFT_SECOND),
	};
	uint64_t rings;
	ssize_t n;

	if (ppoll(&fd, 1, until == WEFT_NEVER ? NULL : &left, NULL) > 0) {
		n = read(queue->wake_fd, &rings, sizeof(rings));
		(void)n;
	}
}

size_t store_queue_wait(struct store_queue *queue, size_t n, uint64_t until)
{
	while (store_queue_collect(queue) < n && !atomic_load(&queue->stopping)) {
		uint64_t now = weft_now();
		/* One that is in the inbox may not have been counted yet: then `arrived` catches
		 * up. */
		uint64_t wanted = queue->taken + (n - queue->waiting);

		if (now >= until)
			break;
		atomic_store(&queue->wanted, wanted);
		if (atomic_load(&queue->arrived) < wanted && !atomic_load(&queue->stopping))
			sleep_until(queue, now, until);
		atomic_store(&queue->wanted, NOT_SLEEPING);
	}
	/* What came before the stop was pushed before it. */
	return store_queue_collect(queue);
}

size_t store_queue_take(struct store_queue *queue, struct store_job **batch, size_t limit)
{
	size_t n = 0;

	while (n < limit && queue->first) {
		batch[n] = queue->first;
		queue->first = batch[n]->next;
		n++;
	}
	if (!queue->first)
		queue->last = &queue->first;
	queue->waiting -= n;
	atomic_fetch_sub(&queue->queued, n);
	return n;
}
