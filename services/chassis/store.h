/*
 * The store of a service: one SQLite file, one writing process, one writing thread.
 *
 * A service reads on its worker's reader and writes through the writer, which commits together the
 * writes that wait together: many callers share one fsync. The file is WAL, synchronous=FULL,
 * foreign keys on, tables STRICT.
 *
 *	worker 0 ─┐                                         ┌─ store_reader: worker 0, 1, …
 *	worker 1 ─┼─ store_write() ─▶ queue ─▶ writer ─▶ file ─┤
 *	   ▲      ┘                              │          └─ store_query(): a pool thread
 *	   └────────── done(), changed() ────────┘ after COMMIT
 *
 * Rules of a txn: it touches its write, the write's arena and SQL, never call, worker, channel or
 * clock. It reads again whatever it decides on, because readers may be stale. It may run twice, so
 * it sets what it hands back from the beginning. It says nothing of transactions: BEGIN, COMMIT,
 * ROLLBACK and OR ROLLBACK are the writer's business. At most 1,000 rows or 10 ms: an import comes
 * in chunks.
 */
#ifndef CHASSIS_STORE_H
#define CHASSIS_STORE_H

#include <sqlite3.h>
#include <weft/arena.h>
#include <weft/call.h>
#include <weft/worker.h>

struct store;
struct store_reader;
struct store_txn;

/* Outcomes: positive, handled by the caller. */
enum store_outcome {
	STORE_NOT_FOUND = 1,
	STORE_CONFLICT = 2, /* a UNIQUE, PRIMARY KEY, CHECK, NOT NULL or FOREIGN KEY constraint */
	STORE_BUSY = 3,     /* the queue is full: RESOURCE_EXHAUSTED */
	STORE_UNKNOWN = 4,  /* COMMIT failed by an I/O error: it may be there or not: UNAVAILABLE */
};

/* Migrations are applied in order, each in a transaction with its PRAGMA user_version. They are
 * only ever added at the end. Their SQL may rebuild tables: foreign keys are checked when each
 * is done, not while it runs. */
struct store_migration {
	const char *name; /* "0001_products" */
	const char *sql;
};

struct store_options {
	size_t size;
	size_t queue_limit;     /* waiting writes, and waiting queries, 0: 4,096 */
	size_t batch_limit;     /* writes a transaction, 0: 64 */
	uint64_t wal_cap_bytes; /* TRUNCATE the log above this, 0: 64 MiB */
	unsigned query_threads; /* of the pool for long reads, 0: 2 */
	/* The file cannot be written (disk full, I/O error), or it can again. On the writer's
	 * thread; may be NULL. */
	void (*on_failing)(bool failing, void *data);
	void *data;
};

/* Opens or creates, recovers, migrates, checks the schema; then starts the writer. `options` may
 * be NULL; `error` says in a sentence what went wrong. -EEXIST: another process writes here (a
 * lock file beside it); -ENOTSUP: the file's schema is newer than this program; -EINVAL: a
 * migration fails, or makes what the writer cannot live with (a table that is not STRICT;
 * ROLLBACK, DEFERRABLE in the schema), and the file is as it was before it. */
int store_open(const char *path, const struct store_migration *migrations, size_t n_migrations,
	       const struct store_options *options, char error[256], struct store **ret_store);
/* What is queued is written first; blocks. The readers are gone before; takes NULL. */
void store_close(struct store *store);
/* For an orderly end before that: posts `task` when no write and no query is under way, their
 * done() included. One at a time. */
void store_settle(struct store *store, struct weft_worker *worker, struct weft_task *task);

/* What writes and queries carry for the store; nobody else touches it. */
struct store_job {
	struct weft_task task; /* on the owner's loop: done */
	struct store_job *next;
	struct store *store;
	struct weft_worker *owner;
	struct weft_call *call;
	struct weft_child child; /* of the call */
	void (*finish)(struct store_job *job);
	uint64_t deadline_ns;
	int result;
	bool is_child;
	_Atomic bool cancelled;
};

/* ---- writing */

struct store_write;
typedef int store_txn_cb(struct store_txn *txn, struct store_write *write);
typedef void store_done_cb(struct store_write *write, int r);

/* Embedded by the caller, alive until done. */
struct store_write {
	/* On the writer's thread, in a SAVEPOINT of the batch; a result other than 0 rolls it
	 * back alone. */
	store_txn_cb *txn;
	/* On the owner's loop, exactly once, also when refused: 0, txn's result, an outcome,
	 * -ECANCELED or -ETIMEDOUT when it was skipped before it started. A snapshot that is
	 * opened from here on sees the write. */
	store_done_cb *done;
	struct weft_worker *owner;
	struct weft_call *call; /* or NULL (saga, sweeper, relay); kept alive until done */
	/* The writer's alone until done, reset before a rerun; or NULL. Never the call's. */
	struct weft_arena *arena;
	uint64_t deadline_ns; /* of weft_now(), the call's counts as well; 0 or WEFT_NEVER: none */
	struct store_job job;
};

/* From its owner's loop; cannot fail. `done` comes later in any case. */
void store_write(struct store *store, struct store_write *write);
/* Skips it if it has not started yet, from its owner's loop until done. The end of its call does
 * this as well. */
void store_write_cancel(struct store_write *write);

sqlite3 *store_txn_db(struct store_txn *txn);
/* A statement of the writer's cache, reset and with its bindings cleared after the txn; `sql`
 * must be a literal. NULL: it does not compile (logged; return -EINVAL). */
sqlite3_stmt *store_txn_stmt(struct store_txn *txn, const char *sql);
/* This commit touches the topics (bits 0 to 63, the service's own meaning). */
void store_txn_touch(struct store_txn *txn, uint64_t topics);

/* ---- reading, on a worker's loop */

/* Its own connection, on the worker's loop or before it runs; freed there, or when it runs no
 * more. */
int store_reader_new(struct store *store, struct weft_worker *worker,
		     struct store_reader **ret_reader);
void store_reader_free(struct store_reader *reader); /* no subscription is left; takes NULL */
/* A statement of the reader's cache, reset and with its bindings cleared; like store_txn_stmt. */
sqlite3_stmt *store_reader_stmt(struct store_reader *reader, const char *sql);
sqlite3 *store_reader_db(struct store_reader *reader);
/*
 * No read transaction survives a return to the loop (asserted). A statement stepped to its end has
 * closed its own; whoever stops earlier, as after the only row, says store_reader_end(), which
 * resets every statement. store_reader_begin() makes the reads until then see one snapshot.
 */
int store_reader_begin(struct store_reader *reader);
void store_reader_end(struct store_reader *reader);

/* After a commit that touched one of `topics`: on the reader's loop, coalesced. */
typedef void store_changed_cb(uint64_t topics, void *data);
struct store_subscription;
struct store_subscription *store_subscribe(struct store_reader *reader, uint64_t topics,
					   store_changed_cb *cb, void *data);
void store_unsubscribe(struct store_subscription *subscription); /* also inside `cb`; takes NULL */

/* ---- long reads, on the pool: search, audit, export */

struct store_query;
/* Embedded like a write. */
struct store_query {
	/* On a pool thread, in one snapshot. Interrupted when its call ends: SQL then gives
	 * -ECANCELED. */
	int (*run)(struct store_reader *reader, struct store_query *query);
	/* On the owner's loop, exactly once: run's result, STORE_BUSY, -ECANCELED, -ETIMEDOUT. */
	void (*done)(struct store_query *query, int r);
	struct weft_worker *owner;
	struct weft_call *call;   /* or NULL; kept alive until done */
	struct weft_arena *arena; /* the query's alone until done; or NULL. Never the call's */
	uint64_t deadline_ns;     /* like a write's */
	struct store_job job;
};
void store_query(struct store *store, struct store_query *query);
void store_query_cancel(struct store_query *query);

/* ---- SQL by hand, with less of it */

/* One table: SQLite's codes to 0 (OK, ROW, DONE), outcomes, or a negative errno. */
int store_code(int sqlite_code);
/* Binds by position, from a format: i int64_t, s string (NULL is NULL), b const struct
 * weft_bytes *, d double, n NULL. The bytes are borrowed until the statement is reset.
 * store_bind(stmt, "si", name, (int64_t)quantity) */
int store_bind(sqlite3_stmt *stmt, const char *format, ...);
/* Steps a statement that gives no row, and resets it. 0, an outcome, or a negative errno. */
int store_exec(sqlite3_stmt *stmt);
/* Steps to the next row: 1: a row is there; 0: no more (reset); STORE_CONFLICT (of INSERT …
 * RETURNING) or negative: an error (reset). */
int store_step(sqlite3_stmt *stmt);
/* They copy. Text is "" for NULL; the pointer is NULL when there is no memory for that many
 * bytes. */
char *store_column_text(sqlite3_stmt *stmt, int column, struct weft_arena *arena);
struct weft_bytes store_column_bytes(sqlite3_stmt *stmt, int column, struct weft_arena *arena);

/* ---- looked at by tests, health and the dashboard */

struct store_stats {
	uint64_t writes;      /* committed */
	uint64_t batches;     /* transactions committed: one fsync each */
	uint64_t reruns;      /* writes run again alone */
	uint64_t refused;     /* queue full */
	uint64_t skipped;     /* cancelled or too late before they started */
	uint64_t checkpoints; /* that wrote back all of the log */
	uint64_t wal_bytes;   /* of the log, after the last commit */
	uint64_t queued;
	bool failing;
};
void store_get_stats(struct store *store, struct store_stats *ret_stats); /* any thread */

#endif
