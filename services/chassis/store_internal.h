/*
 * The inside of the store. Its parts, each in a file:
 *
 *	store.c         open and close, the lock file, jobs
 *	store_schema.c  migrations, and what a schema must not contain
 *	store_queue.c   what waits for the writer
 *	store_writer.c  the writing thread: batches, commit, checkpoints
 *	store_reader.c  a worker's reader, and who is told of commits
 *	store_pool.c    the threads for long reads
 *	store_sql.c     connections, their statements, codes, binding, columns
 */
#ifndef CHASSIS_STORE_INTERNAL_H
#define CHASSIS_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <weft/list.h>
#include <weft/map.h>

#include "store.h"

#define STORE_BUSY_WAIT_MS 1000 /* for an operator's sqlite3, the only other process there may be */

/* ---- a connection and its statements; belongs to one thread at a time */

struct store_connection {
	sqlite3 *db;
	struct weft_map statements; /* by their SQL */
};

int store_connection_open(struct store_connection *connection, const char *path, int flags,
			  char error[256]);
void store_connection_close(struct store_connection *connection); /* also a closed one */
sqlite3_stmt *store_connection_stmt(struct store_connection *connection, const char *sql);
/* Resets what is under way and forgets every binding. */
void store_connection_reset(struct store_connection *connection);
/* Any SQL without parameters; rows are dropped. Gives SQLite's extended code. */
int store_connection_run(struct store_connection *connection, const char *sql);

/* ---- a job: what a write and a query share */

void store_job_start(struct store_job *job, struct store *store, struct weft_worker *owner,
		     struct weft_call *call, uint64_t deadline_ns,
		     void (*finish)(struct store_job *job));
/* 0, -ECANCELED or -ETIMEDOUT. Any thread. */
int store_job_skip(const struct store_job *job);
/* Tells the owner's loop. Any thread; the job is no longer ours. */
void store_job_finish(struct store_job *job, int r);

/* ---- the writer's queue */

struct store_queue {
	/* Shared. */
	_Atomic(struct store_job *) inbox; /* the newest first */
	_Atomic uint64_t queued;           /* for the bound: pushed, and in no batch yet */
	_Atomic uint64_t arrived;          /* pushed, ever */
	_Atomic uint64_t wanted;           /* wake the thread when `arrived` gets here */
	atomic_bool stopping;
	size_t limit;
	int wake_fd; /* an eventfd: the thread sleeps on it */

	/* The thread's own. */
	struct store_job *first; /* taken from the inbox, the oldest first */
	struct store_job **last;
	size_t waiting; /* from first to last */
	uint64_t taken; /* from the inbox, ever */
};

int store_queue_init(struct store_queue *queue, size_t limit);
void store_queue_fini(struct store_queue *queue);
int store_queue_push(struct store_queue *queue, struct store_job *job); /* any thread; STORE_BUSY */
void store_queue_stop(struct store_queue *queue);                       /* any thread */
size_t store_queue_collect(struct store_queue *queue); /* how many wait, just now */
/* Until `n` wait, `until` has come, or the queue is stopped: how many wait then. */
size_t store_queue_wait(struct store_queue *queue, size_t n, uint64_t until);
size_t store_queue_take(struct store_queue *queue, struct store_job **batch, size_t limit);

/* ---- the writer: all of it is its thread's own, once that runs, but the queue's shared part */

struct store_writer {
	struct store *store;
	struct store_queue queue;
	struct store_connection connection; /* closed: the file could not be opened again */
	pthread_t thread;
	uint64_t frame_bytes; /* of a page in the log */
	size_t expected;      /* writes that the next batch may hope for */
	uint64_t gather_until;
	bool committing;      /* this COMMIT is the writer's */
	uint64_t wal_pages;   /* in the log, after the last commit */
	uint64_t passive_at;  /* wal_pages at the last checkpoint */
	uint64_t truncate_at; /* wal_pages above which the log is truncated */
};

struct store_txn {
	struct store_writer *writer;
	uint64_t topics;
};

/* Opens the writing connection, for the migrations; `writer->store` is set. */
int store_writer_open(struct store_writer *writer, char error[256]);
int store_writer_start(struct store_writer *writer);
void store_writer_stop(struct store_writer *writer); /* writes what is queued */

/* ---- readers */

struct store_reader {
	struct store *store;
	struct store_connection connection;
	bool in_snapshot;

	/* A worker's reader only. */
	struct weft_worker *worker; /* NULL: of the pool */
	struct weft_list node;      /* of the store */
	struct weft_list subscriptions;
	struct weft_task check; /* that no read transaction is left at the end of the turn */
	struct weft_task notify;
	bool checking;
	bool notifying; /* inside the callbacks */
	bool freed;     /* by its owner; a task has yet to run */
	_Atomic uint64_t interest;
	_Atomic uint64_t pending; /* topics; other than 0: `notify` is posted */
};

/* A reader of the pool: no worker, nothing of the above. */
int store_reader_open(struct store_reader *reader, struct store *store);
void store_reader_close(struct store_reader *reader);
/* After a commit, on the writer's thread. */
void store_readers_changed(struct store *store, uint64_t topics);

/* ---- the pool */

struct store_pool {
	struct store *store;
	pthread_t *threads;
	size_t n_threads;
	pthread_mutex_t mutex;
	pthread_cond_t wake;
	struct store_job *first;
	struct store_job **last;
	size_t queued;
	bool stopping;
};

int store_pool_start(struct store_pool *pool, struct store *store);
void store_pool_stop(struct store_pool *pool);

/* ---- the store */

struct store {
	char *path;
	int lock_fd;
	struct store_options options; /* with the defaults filled in */
	int schema_version;
	struct store_writer writer;
	struct store_pool pool;
	pthread_mutex_t readers_mutex; /* taken at a reader's birth and death, and once a commit */
	struct weft_list readers;

	/* Of the struct alone: a last answer may come to its loop after the store was closed. */
	_Atomic uint64_t refs;
	_Atomic uint64_t outstanding; /* jobs whose done() has not returned */
	struct weft_worker *settler;
	_Atomic(struct weft_task *) settled; /* to be posted when no job is left */

	_Atomic uint64_t writes, batches, reruns, refused, skipped, checkpoints, wal_bytes;
	atomic_bool failing;
};

/* ---- the schema */

int store_migrate(struct store_connection *connection, const struct store_migration *migrations,
		  size_t n_migrations, char error[256]);
/* -EINVAL: a table that is not STRICT, or a word that would destroy a whole batch. */
int store_check_schema(struct store_connection *connection, char error[256]);

#endif
