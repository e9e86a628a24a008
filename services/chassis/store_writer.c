/*
 * The writing thread of a store.
 *
 * It takes the writes that wait, runs up to a batch of them in one transaction, each in a
 * SAVEPOINT, and tells their owners only when it has committed: one fsync for all.
 *
 *	wait ──▶ BEGIN ──▶ for each: SAVEPOINT, txn, RELEASE or ROLLBACK TO ──▶ COMMIT ──▶ answer,
 *	 ▲         │                              │ the transaction is gone   │         checkpoint
 *	 │         │ the file is broken           ▼                           │ a constraint
 *	 │         │                     each runs again, alone ◀─────────────┤
 *	 └─────────┴─────────────────────────── reopen ◀──────────────────────┘ I/O error: unknown
 *
 * Callers that wait for an answer before they write again come back in a trickle: without patience
 * the first to come has an fsync for itself, and the others share the next. So the writer hopes for
 * as many writes as it has just answered and left waiting, and waits for them, but never longer
 * than the last batch took. Who writes alone never waits.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/log.h>

#include "store_internal.h"

#define GATHER_MAX_NS      (5 * WEFT_MS)
#define PROBE_EVERY_NS     WEFT_SECOND
#define CHECKPOINT_PAGES   1000 /* as SQLite's own default */
#define TRUNCATE_WAIT_MS   100
#define WAL_FRAME_OVERHEAD 24

static struct store_write *write_of(struct store_job *job)
{
	return weft_container_of(job, struct store_write, job);
}

/* SQLite's primary code. */
static int primary(int rc)
{
	return rc & 0xff;
}

/* ---- the connection */

static int on_commit(void *data)
{
	struct store_writer *writer = data;

	/* A txn that says COMMIT would publish half of its neighbours: this makes it a ROLLBACK. */
	return !writer->committing;
}

static int on_wal_growth(void *data, sqlite3 *db, const char *name, int pages)
{
	struct store_writer *writer = data;

	writer->wal_pages = (uint64_t)pages;
	atomic_store(&writer->store->wal_bytes, writer->wal_pages * writer->frame_bytes);
	return SQLITE_OK;
}

static int on_journal_mode(void *data, int n, char **values, char **names)
{
	return strcmp(values[0], "wal") !=
	       0; /* another one: the file system has no shared memory */
}

static int on_page_size(void *data, int n, char **values, char **names)
{
	struct store_writer *writer = data;

	writer->frame_bytes = strtoull(values[0], NULL, 10) + WAL_FRAME_OVERHEAD;
	return 0;
}

int store_writer_open(struct store_writer *writer, char error[256])
{
	/* Foreign keys stay off for the migrations, which may rebuild tables. */
	static const char settings[] = "PRAGMA synchronous = FULL;"
				       "PRAGMA wal_autocheckpoint = 0;"
				       "PRAGMA trusted_schema = OFF;"
				       "PRAGMA foreign_keys = OFF";
	struct store_connection *connection = &writer->connection;
	int rc;
	int r;

	r = store_connection_open(connection, writer->store->path,
				  SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, error);
	if (r < 0)
		return r;
	rc = sqlite3_exec(connection->db, "PRAGMA journal_mode = WAL", on_journal_mode, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = store_connection_run(connection, settings);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(connection->db, "PRAGMA page_size", on_page_size, writer, NULL);
	if (rc == SQLITE_OK)
		return 0;
	snprintf(error, 256, "%s cannot be used: %s", writer->store->path,
		 rc == SQLITE_ABORT ? "no write-ahead log is possible here"
				    : sqlite3_errmsg(connection->db));
	store_connection_close(connection);
	return -EIO;
}

/* After the migrations: from here on nobody commits but the writer. */
static int guard(struct store_writer *writer)
{
	sqlite3_commit_hook(writer->connection.db, on_commit, writer);
	sqlite3_wal_hook(writer->connection.db, on_wal_growth, writer);
	return store_code(store_connection_run(&writer->connection, "PRAGMA foreign_keys = ON"));
}

/* The only place that logs a broken file: when it breaks, and when it heals. */
static void set_failing(struct store_writer *writer, const char *why)
{
	struct store *store = writer->store;
	bool failing = why != NULL;

	if (atomic_exchange(&store->failing, failing) == failing)
		return;
	if (failing)
		weft_log_error("the store cannot write", WEFT_STR("path", store->path),
			       WEFT_STR("error", why));
	else
		weft_log_info("the store writes again", WEFT_STR("path", store->path));
	if (store->options.on_failing)
		store->options.on_failing(failing, store->options.data);
}

static int reopen(struct store_writer *writer)
{
	char error[256] = "foreign keys cannot be turned on";
	int r;

	store_connection_close(&writer->connection);
	r = store_writer_open(writer, error);
	if (r == 0)
		r = guard(writer);
	if (r != 0) {
		set_failing(writer, error);
		store_connection_close(&writer->connection);
	}
	return r;
}

/* ---- a transaction */

static int run(struct store_writer *writer, const char *sql)
{
	sqlite3_stmt *stmt = store_connection_stmt(&writer->connection, sql);
	int rc;

	if (!stmt)
		return SQLITE_NOMEM;
	rc = sqlite3_step(stmt);
	sqlite3_reset(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

static bool in_transaction(struct store_writer *writer)
{
	return !sqlite3_get_autocommit(writer->connection.db);
}

static bool has_broken_references(struct store_writer *writer)
{
	int now = 0;
	int highest = 0;

	sqlite3_db_status(writer->connection.db, SQLITE_DBSTATUS_DEFERRED_FKS, &now, &highest, 0);
	return now != 0;
}

/* 0, or an answer for every write of the batch. */
static int begin(struct store_writer *writer)
{
	int rc;

	if (!writer->connection.db && reopen(writer) != 0)
		return STORE_UNKNOWN; /* surely not there, but what to do is the same: try again */
	rc = run(writer, "BEGIN IMMEDIATE");
	if (rc != SQLITE_OK)
		set_failing(writer, sqlite3_errmsg(writer->connection.db));
	return store_code(rc);
}

/* SQLite's code. Nothing is open afterwards. */
static int commit(struct store_writer *writer)
{
	int rc;

	writer->committing = true;
	rc = run(writer, "COMMIT");
	writer->committing = false;
	if (rc == SQLITE_OK)
		set_failing(writer, NULL);
	else if (primary(rc) != SQLITE_CONSTRAINT)
		set_failing(writer, sqlite3_errmsg(writer->connection.db));
	if (in_transaction(writer))
		run(writer, "ROLLBACK");
	if (primary(rc) == SQLITE_IOERR)
		reopen(writer);
	return rc;
}

/* One write in its SAVEPOINT; its result is set. False: it took the transaction down. */
static bool run_write(struct store_writer *writer, struct store_job *job, uint64_t *topics)
{
	struct store_write *write = write_of(job);
	struct store_txn txn = { .writer = writer };
	int rc;

	job->result = store_job_skip(job);
	if (job->result < 0) {
		atomic_fetch_add(&writer->store->skipped, 1);
		return true;
	}
	rc = run(writer, "SAVEPOINT txn");
	if (rc != SQLITE_OK) {
		job->result = store_code(rc);
		return in_transaction(writer);
	}
	job->result = write->txn(&txn, write);
	store_connection_reset(&writer->connection);
	if (!in_transaction(writer))
		return false;
	if (job->result == 0 && has_broken_references(writer))
		job->result = STORE_CONFLICT;
	if (job->result == 0)
		*topics |= txn.topics;
	else if (run(writer, "ROLLBACK TO txn") != SQLITE_OK)
		return false;
	return run(writer, "RELEASE txn") == SQLITE_OK;
}

static void answer_good(struct store_job **jobs, size_t n, int r)
{
	for (size_t i = 0; i < n; i++)
		if (jobs[i]->result == 0)
			jobs[i]->result = r;
}

static void count_good(struct store *store, struct store_job **jobs, size_t n)
{
	uint64_t good = 0;

	for (size_t i = 0; i < n; i++)
		good += jobs[i]->result == 0;
	atomic_fetch_add(&store->writes, good);
	atomic_fetch_add(&store->batches, good > 0);
}

/* True: every result stands. False: SQLite, or one of the writes, has rolled back all of it. */
static bool try_batch(struct store_writer *writer, struct store_job **jobs, size_t n,
		      uint64_t *topics)
{
	uint64_t touched = 0;
	int rc;
	int r;

	r = begin(writer);
	if (r != 0) {
		answer_good(jobs, n, r);
		return true;
	}
	for (size_t i = 0; i < n; i++) {
		if (run_write(writer, jobs[i], &touched))
			continue;
		if (in_transaction(writer))
			run(writer, "ROLLBACK");
		return false;
	}
	rc = commit(writer);
	if (primary(rc) == SQLITE_CONSTRAINT)
		return false;
	if (rc == SQLITE_OK) {
		count_good(writer->store, jobs, n);
		*topics |= touched;
	} else {
		answer_good(jobs, n, primary(rc) == SQLITE_IOERR ? STORE_UNKNOWN : store_code(rc));
	}
	return true;
}

static void run_alone(struct store_writer *writer, struct store_job *job, uint64_t *topics)
{
	struct store_write *write = write_of(job);

	atomic_fetch_add(&writer->store->reruns, 1);
	if (write->arena)
		weft_arena_reset(write->arena);
	job->result = 0;
	if (!try_batch(writer, &job, 1, topics) && job->result == 0) {
		weft_log_error("a write takes its transaction down",
			       WEFT_STR("path", writer->store->path));
		job->result = STORE_CONFLICT;
	}
}

static void write_batch(struct store_writer *writer, struct store_job **jobs, size_t n)
{
	uint64_t started = weft_now();
	uint64_t topics = 0;
	uint64_t took;

	if (!try_batch(writer, jobs, n, &topics))
		for (size_t i = 0; i < n; i++)
			run_alone(writer, jobs[i], &topics);
	took = weft_now() - started;
	writer->gather_until = started + took + (took < GATHER_MAX_NS ? took : GATHER_MAX_NS);
	writer->expected = n + store_queue_collect(&writer->queue);

	for (size_t i = 0; i < n; i++)
		store_job_finish(jobs[i], jobs[i]->result);
	if (topics)
		store_readers_changed(writer->store, topics);
}

/* Nobody writes to a broken store, as health sends them elsewhere: so it finds out by itself
 * when it has healed. */
static void probe(struct store_writer *writer)
{
	char sql[64];

	if (begin(writer) != 0)
		return;
	snprintf(sql, sizeof(sql), "PRAGMA user_version = %d", writer->store->schema_version);
	store_connection_run(&writer->connection, sql);
	commit(writer);
}

/* ---- checkpoints */

/*
 * Only the writer checkpoints, between batches, when its callers have their answers. PASSIVE moves
 * the log into the file but cannot begin it anew while readers' snapshots overlap without a gap, as
 * they do under load: the log would grow for ever. Above the cap TRUNCATE makes the readers wait
 * for a moment. When a long read outlasts it, the next try is due only when the log has grown by
 * another quarter of the cap.
 */
static void checkpoint(struct store_writer *writer)
{
	struct store *store = writer->store;
	uint64_t cap = store->options.wal_cap_bytes / writer->frame_bytes;
	int in_log = 0;
	int moved = 0;
	bool truncate;
	int rc;

	if (writer->wal_pages < writer->passive_at) /* it has begun anew */
		writer->passive_at = 0;
	if (writer->wal_pages <= cap)
		writer->truncate_at = cap;
	truncate = writer->wal_pages > writer->truncate_at;
	if (!writer->connection.db ||
	    (!truncate && writer->wal_pages < writer->passive_at + CHECKPOINT_PAGES))
		return;

	sqlite3_busy_timeout(writer->connection.db, TRUNCATE_WAIT_MS);
	rc = sqlite3_wal_checkpoint_v2(
		writer->connection.db, "main",
		truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
	sqlite3_busy_timeout(writer->connection.db, STORE_BUSY_WAIT_MS);
	writer->passive_at = writer->wal_pages;
	if (rc == SQLITE_OK && in_log == moved)
		atomic_fetch_add(&store->checkpoints, 1);
	if (rc == SQLITE_OK && truncate) {
		writer->wal_pages = 0;
		atomic_store(&store->wal_bytes, 0);
	} else if (rc == SQLITE_BUSY && truncate) {
		writer->truncate_at = writer->wal_pages + cap / 4;
		weft_log_warning("a long read keeps the store's log from being truncated",
				 WEFT_STR("path", store->path),
				 WEFT_UINT("bytes", writer->wal_pages * writer->frame_bytes));
	} else if (rc != SQLITE_OK && rc != SQLITE_BUSY) {
		set_failing(writer, sqlite3_errmsg(writer->connection.db));
	}
}

/* ---- the thread */

/* How many wait; 0: the store closes. */
static size_t await_writes(struct store_writer *writer)
{
	struct store_queue *queue = &writer->queue;
	size_t limit = writer->store->options.batch_limit;
	size_t n;

	n = store_queue_wait(queue, writer->expected < limit ? writer->expected : limit,
			     writer->gather_until);
	while (n == 0 && !atomic_load(&queue->stopping)) {
		bool failing = atomic_load(&writer->store->failing);

		n = store_queue_wait(queue, 1, failing ? weft_now() + PROBE_EVERY_NS : WEFT_NEVER);
		if (n == 0 && failing)
			probe(writer);
	}
	return n;
}

static void *writer_main(void *data)
{
	struct store_writer *writer = data;
	size_t limit = writer->store->options.batch_limit;
	struct store_job **batch = calloc(limit, sizeof(struct store_job *));

	if (!batch)
		abort();
	while (await_writes(writer) > 0) {
		size_t n = store_queue_take(&writer->queue, batch, limit);

		write_batch(writer, batch, n);
		checkpoint(writer);
	}
	free(batch);
	return NULL;
}

int store_writer_start(struct store_writer *writer)
{
	int r;

	r = guard(writer);
	if (r != 0)
		return r < 0 ? r : -EIO;
	r = store_queue_init(&writer->queue, writer->store->options.queue_limit);
	if (r < 0)
		return r;
	writer->expected = 1;
	r = -pthread_create(&writer->thread, NULL, writer_main, writer);
	if (r < 0) {
		store_queue_fini(&writer->queue);
		return r;
	}
	pthread_setname_np(writer->thread, "store-writer");
	return 0;
}

void store_writer_stop(struct store_writer *writer)
{
	store_queue_stop(&writer->queue);
	pthread_join(writer->thread, NULL);
	store_queue_fini(&writer->queue);
}

/* ---- what services call */

static void on_written(struct store_job *job)
{
	struct store_write *write = write_of(job);

	write->done(write, job->result);
}

void store_write(struct store *store, struct store_write *write)
{
	int r;

	assert(!write->call || write->arena != weft_call_arena(write->call));
	store_job_start(&write->job, store, write->owner, write->call, write->deadline_ns,
			on_written);
	r = store_queue_push(&store->writer.queue, &write->job);
	if (r == STORE_BUSY) {
		atomic_fetch_add(&store->refused, 1);
		store_job_finish(&write->job, r);
	}
}

void store_write_cancel(struct store_write *write)
{
	atomic_store(&write->job.cancelled, true);
}

sqlite3 *store_txn_db(struct store_txn *txn)
{
	return txn->writer->connection.db;
}

sqlite3_stmt *store_txn_stmt(struct store_txn *txn, const char *sql)
{
	return store_connection_stmt(&txn->writer->connection, sql);
}

void store_txn_touch(struct store_txn *txn, uint64_t topics)
{
	txn->topics |= topics;
}
