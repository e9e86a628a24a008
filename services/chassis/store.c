/*
 * The store's beginning and end: one writing process (the lock file), options, and the order in
 * which its parts come and go. Jobs, which writes and queries have in common, are here as well.
 *
 * The lock is flock() on a file beside the database, not on the database itself: closing any
 * descriptor of a database file drops SQLite's own locks on it. The kernel lets go of it when the
 * process dies, however it dies; the pid in it is for people.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <weft/log.h>

#include "store_internal.h"

/* ---- jobs */

static void on_call_cancelled(struct weft_child *child)
{
	atomic_store(&weft_container_of(child, struct store_job, child)->cancelled, true);
}

void store_job_start(struct store_job *job, struct store *store, struct weft_worker *owner,
		     struct weft_call *call, uint64_t deadline_ns,
		     void (*finish)(struct store_job *job))
{
	*job = (struct store_job) {
		.store = store,
		.owner = owner,
		.call = call,
		.finish = finish,
		.deadline_ns = deadline_ns ? deadline_ns : WEFT_NEVER,
	};
	atomic_fetch_add(&store->outstanding, 1);
	atomic_fetch_add(&store->refs, 1);
	if (!call)
		return;
	weft_call_ref(call);
	job->child.cancel = on_call_cancelled;
	job->is_child = weft_call_add_child(call, &job->child) == 0;
	job->cancelled = !job->is_child;
	if (weft_call_deadline(call) < job->deadline_ns)
		job->deadline_ns = weft_call_deadline(call);
}

int store_job_skip(const struct store_job *job)
{
	if (atomic_load(&job->cancelled))
		return -ECANCELED;
	if (job->deadline_ns != WEFT_NEVER && job->deadline_ns <= weft_now())
		return -ETIMEDOUT;
	return 0;
}

static void unref(struct store *store)
{
	if (atomic_fetch_sub(&store->refs, 1) == 1)
		free(store);
}

static void tell_settler(struct store *store)
{
	struct weft_task *task = atomic_exchange(&store->settled, NULL);

	if (task)
		weft_worker_post(store->settler, task);
}

void store_settle(struct store *store, struct weft_worker *worker, struct weft_task *task)
{
	store->settler = worker;
	atomic_store(&store->settled, task);
	if (atomic_load(&store->outstanding) == 0)
		tell_settler(store);
}

static void on_finished(struct weft_task *task)
{
	struct store_job *job = weft_container_of(task, struct store_job, task);
	struct weft_call *call = job->call;
	struct store *store = job->store;

	if (job->is_child)
		weft_call_remove_child(call, &job->child);
	job->finish(job); /* may free it */
	if (call)
		weft_call_unref(call);
	if (atomic_fetch_sub(&store->outstanding, 1) == 1)
		tell_settler(store);
	unref(store);
}

void store_job_finish(struct store_job *job, int r)
{
	job->result = r;
	job->task.run = on_finished;
	weft_worker_post(job->owner, &job->task);
}

/* ---- one writing process */

static void say_who_holds(int fd, const char *path, char error[256])
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	snprintf(error, 256, "%.200s is in use by process %s", path, pid[0] ? pid : "(unknown)");
}

static int lock(const char *path, char error[256], int *ret_fd)
{
	char *name = NULL;
	int fd;
	int r = 0;

	if (asprintf(&name, "%s.lock", path) < 0)
		abort();
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		r = -errno;
		snprintf(error, 256, "%.180s cannot be opened: %s", name, weft_errno_string(r));
	} else if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		r = -EEXIST;
		say_who_holds(fd, path, error);
	} else if (ftruncate(fd, 0) < 0 || dprintf(fd, "%d\n", (int)getpid()) < 0) {
		r = -errno;
		snprintf(error, 256, "%.180s cannot be written: %s", name, weft_errno_string(r));
	}
	free(name);
	if (r == 0)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return r;
}

/* The file stays: to remove it would let two processes hold one lock each. */
static void unlock(int fd)
{
	int r = ftruncate(fd, 0);

	(void)r;
	close(fd);
}

/* ---- open and close */

static struct store_options with_defaults(const struct store_options *options)
{
	struct store_options filled = { 0 };

	if (options)
		memcpy(&filled, options,
		       options->size < sizeof(filled) ? options->size : sizeof(filled));
	filled.size = sizeof(filled);
	if (filled.queue_limit == 0)
		filled.queue_limit = 4096;
	if (filled.batch_limit == 0)
		filled.batch_limit = 64;
	if (filled.wal_cap_bytes == 0)
		filled.wal_cap_bytes = UINT64_C(64) << 20;
	if (filled.query_threads == 0)
		filled.query_threads = 2;
	return filled;
}

/* Everything but the struct itself. */
static void fini(struct store *store)
{
	store_connection_close(&store->writer.connection);
	if (store->lock_fd >= 0)
		unlock(store->lock_fd);
	pthread_mutex_destroy(&store->readers_mutex);
	free(store->path);
}

static int start(struct store *store, const struct store_migration *migrations, size_t n_migrations,
		 char error[256])
{
	int r;

	r = lock(store->path, error, &store->lock_fd);
	if (r < 0)
		return r;
	r = store_writer_open(&store->writer, error);
	if (r < 0)
		return r;
	r = store_migrate(&store->writer.connection, migrations, n_migrations, error);
	if (r < 0)
		return r;
	snprintf(error, 256, "the store's threads cannot be started");
	r = store_writer_start(&store->writer);
	if (r < 0)
		return r;
	r = store_pool_start(&store->pool, store);
	if (r < 0)
		store_writer_stop(&store->writer);
	return r;
}

int store_open(const char *path, const struct store_migration *migrations, size_t n_migrations,
	       const struct store_options *options, char error[256], struct store **ret_store)
{
	struct store *store = calloc(1, sizeof(*store));
	char why[256] = "";
	int r;

	if (!store)
		abort();
	store->path = strdup(path);
	if (!store->path)
		abort();
	store->lock_fd = -1;
	store->options = with_defaults(options);
	store->schema_version = (int)n_migrations;
	store->refs = 1;
	store->writer.store = store;
	weft_list_init(&store->readers);
	pthread_mutex_init(&store->readers_mutex, NULL);

	r = start(store, migrations, n_migrations, why);
	if (r < 0) {
		snprintf(error, 256, "%s", why);
		fini(store);
		free(store);
		return r;
	}
	*ret_store = store;
	return 0;
}

void store_close(struct store *store)
{
	if (!store)
		return;
	assert(weft_list_empty(&store->readers));
	store_pool_stop(&store->pool);
	store_writer_stop(&store->writer);
	fini(store);
	unref(store);
}

void store_get_stats(struct store *store, struct store_stats *ret_stats)
{
	*ret_stats = (struct store_stats) {
		.writes = atomic_load(&store->writes),
		.batches = atomic_load(&store->batches),
		.reruns = atomic_load(&store->reruns),
		.refused = atomic_load(&store->refused),
		.skipped = atomic_load(&store->skipped),
		.checkpoints = atomic_load(&store->checkpoints),
		.wal_bytes = atomic_load(&store->wal_bytes),
		.queued = atomic_load(&store->writer.queue.queued),
		.failing = atomic_load(&store->failing),
	};
}
