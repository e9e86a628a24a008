/*
 * The pool for long reads: search, audit, export. A few threads, each with a reader of its own, so
 * that no loop waits for a scan. A query sees one snapshot. It is interrupted when its call has
 * ended, because nobody waits for it any more and its snapshot keeps the log from beginning anew.
 *
 * The queue has several takers, so it has a lock; it is held for a few instructions, and long reads
 * are few.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <weft/log.h>

#include "store_internal.h"

#define LOOK_EVERY_STEPS 10000 /* of SQLite's virtual machine: well under a millisecond */

static struct store_query *query_of(struct store_job *job)
{
	return weft_container_of(job, struct store_query, job);
}

static int on_progress(void *data)
{
	return store_job_skip(data) != 0;
}

static int run_query(struct store_reader *reader, struct store_query *query)
{
	int r;

	r = store_job_skip(&query->job);
	if (r < 0)
		return r;
	r = store_reader_begin(reader);
	if (r != 0)
		return r;
	sqlite3_progress_handler(reader->connection.db, LOOK_EVERY_STEPS, on_progress, &query->job);
	r = query->run(reader, query);
	sqlite3_progress_handler(reader->connection.db, 0, NULL, NULL);
	store_reader_end(reader);
	return r;
}

static struct store_job *take(struct store_pool *pool)
{
	struct store_job *job;

	pthread_mutex_lock(&pool->mutex);
	while (!pool->first && !pool->stopping)
		pthread_cond_wait(&pool->wake, &pool->mutex);
	job = pool->first;
	if (job) {
		pool->first = job->next;
		pool->queued--;
	}
	if (!pool->first)
		pool->last = &pool->first;
	pthread_mutex_unlock(&pool->mutex);
	return job;
}

static void *pool_main(void *data)
{
	struct store_pool *pool = data;
	struct store_reader reader = { 0 };
	struct store_job *job;
	int opened;

	opened = store_reader_open(&reader, pool->store);
	while ((job = take(pool))) {
		if (opened < 0) /* too many files open, perhaps, when the pool started */
			opened = store_reader_open(&reader, pool->store);
		store_job_finish(job, opened < 0 ? opened : run_query(&reader, query_of(job)));
	}
	store_reader_close(&reader);
	return NULL;
}

int store_pool_start(struct store_pool *pool, struct store *store)
{
	size_t n = store->options.query_threads;
	char name[16];
	int r;

	*pool = (struct store_pool) { .store = store };
	pool->last = &pool->first;
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->wake, NULL);
	pool->threads = calloc(n, sizeof(*pool->threads));
	if (!pool->threads)
		abort();
	for (; pool->n_threads < n; pool->n_threads++) {
		r = -pthread_create(&pool->threads[pool->n_threads], NULL, pool_main, pool);
		if (r < 0) {
			store_pool_stop(pool);
			return r;
		}
		snprintf(name, sizeof(name), "store-pool-%u", (unsigned)pool->n_threads % 1000);
		pthread_setname_np(pool->threads[pool->n_threads], name);
	}
	return 0;
}

void store_pool_stop(struct store_pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->wake);
	pthread_mutex_unlock(&pool->mutex);
	for (size_t i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	free(pool->threads);
	pthread_cond_destroy(&pool->wake);
	pthread_mutex_destroy(&pool->mutex);
}

static void on_answered(struct store_job *job)
{
	struct store_query *query = query_of(job);

	query->done(query, job->result);
}

void store_query(struct store *store, struct store_query *query)
{
	struct store_pool *pool = &store->pool;
	bool full;

	store_job_start(&query->job, store, query->owner, query->call, query->deadline_ns,
			on_answered);
	pthread_mutex_lock(&pool->mutex);
	full = pool->queued >= store->options.queue_limit;
	if (!full) {
		*pool->last = &query->job;
		pool->last = &query->job.next;
		pool->queued++;
		pthread_cond_signal(&pool->wake);
	}
	pthread_mutex_unlock(&pool->mutex);
	if (full)
		store_job_finish(&query->job, STORE_BUSY);
}

void store_query_cancel(struct store_query *query)
{
	atomic_store(&query->job.cancelled, true);
}
