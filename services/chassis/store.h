/*
 * The store of a service: one SQLite file, one writing process, one writing thread.
 *
 * A service reads on its worker's reader and writes through the writer, which commits together the writes that
 * wait together (group commit). The file is WAL, synchronous=FULL, foreign keys on, tables STRICT.
 *
 * Rules of a txn: it touches its write, the write's arena and SQL, never call, worker, channel or clock. It
 * reads again whatever it decides on, because readers may be stale. It may run twice.
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
	STORE_CONFLICT = 2, /* a UNIQUE, PRIMARY KEY, CHECK or FOREIGN KEY constraint */
	STORE_BUSY = 3,     /* the queue is full: RESOURCE_EXHAUSTED */
	STORE_UNKNOWN = 4,  /* COMMIT failed by an I/O error: it may be there or not: UNAVAILABLE */
};

/* Migrations are applied in order, each in a transaction with its PRAGMA user_version. */
struct store_migration {
	const char *name; /* "0001_products" */
	const char *sql;
};

struct store_options {
	size_t size;
	size_t queue_limit;     /* waiting writes, 0: 4,096 */
	size_t batch_limit;     /* writes a transaction, 0: 64 */
	uint64_t wal_cap_bytes; /* TRUNCATE the log above this, 0: 64 MiB */
	unsigned query_threads; /* of the pool for long reads, 0: 2 */
};

/* Opens or creates, recovers, migrates; then starts the writer. -EEXIST: another process writes here (a lock file
 * beside it); -ENOTSUP: the file's schema is newer than this program; `error` says it in a sentence. */
int store_open(const char *path, const struct store_migration *migrations, size_t n_migrations,
	       const struct store_options *options, char error[256], struct store **ret_store);
void store_close(struct store *store); /* what is queued is written first; takes NULL */

/* ---- writing */

struct store_write; /* embedded by the caller, alive until done */
typedef int store_txn_cb(struct store_txn *txn, struct store_write *write);
typedef void store_done_cb(struct store_write *write, int r);

struct store_write {
	store_txn_cb *
		txn; /* on the writer's thread, in a SAVEPOINT of the batch; != 0 rolls it back alone */
	store_done_cb *
		done; /* on the owner's loop, exactly once, also when refused: 0, txn's result, an outcome,
	                               -ECANCELED or -ETIMEDOUT when it was skipped before it started */
	struct weft_worker *owner;
	struct weft_call *call; /* or NULL (saga, sweeper, relay); kept alive until done */
	struct weft_arena *
		arena; /* the writer's alone between start and done; reset before a rerun; may be NULL */
	uint64_t deadline_ns; /* of weft_now(); 0 or WEFT_NEVER: none */
	/* the store's own */
	struct weft_task task;
	struct store_write *next;
	struct store *store;
	int result;
	uint64_t topics;
	int cancelled; /* atomic */
};

void store_write(struct store *store,
		 struct store_write *write); /* from its owner's loop; cannot fail */

sqlite3 *store_txn_db(struct store_txn *txn);
/* A statement of the writer's cache, reset and with its bindings cleared after the txn; `sql` must be a literal.
 * NULL: it does not compile (logged; return -EINVAL). */
sqlite3_stmt *store_txn_stmt(struct store_txn *txn, const char *sql);
/* This commit touches the topics (bits 0 to 63, the service's own meaning). */
void store_txn_touch(struct store_txn *txn, uint64_t topics);

/* ---- reading, on a worker's loop */

int store_reader_new(struct store *store, struct weft_worker *worker,
		     struct store_reader **ret_reader);
void store_reader_free(struct store_reader *reader);
sqlite3_stmt *store_reader_stmt(struct store_reader *reader, const char *sql);
sqlite3 *store_reader_db(struct store_reader *reader);
/* A read of several statements on one snapshot. No transaction may survive a return to the loop (asserted). */
int store_reader_begin(struct store_reader *reader);
void store_reader_end(struct store_reader *reader);

/* After a commit that touched one of `topics`: on the reader's loop, coalesced. */
typedef void store_changed_cb(uint64_t topics, void *data);
struct store_subscription;
struct store_subscription *store_subscribe(struct store_reader *reader, uint64_t topics,
					   store_changed_cb *cb, void *data);
void store_unsubscribe(struct store_subscription *subscription);

/* ---- long reads, on the pool: search, audit, export */

struct store_query; /* embedded like a write */
struct store_query {
	int (*run)(struct store_reader *reader,
		   struct store_query *query);          /* on a pool thread, in one snapshot */
	void (*done)(struct store_query *query, int r); /* on the owner's loop */
	struct weft_worker *owner;
	struct weft_call *call;
	struct weft_arena *arena;
	/* the store's own */
	struct weft_task task;
	struct store_query *next;
	int result;
};
void store_query(struct store *store, struct store_query *query);

/* ---- SQL by hand, with less of it */

/* One table: SQLite's codes to 0 (OK, ROW, DONE), outcomes, or a negative errno. */
int store_code(int sqlite_code);
/* Binds by position, from a format: i int64, s string (NULL is NULL), b struct weft_bytes *, d double, n NULL.
 * store_bind(stmt, "si", name, (int64_t)quantity) */
int store_bind(sqlite3_stmt *stmt, const char *format, ...);
/* Steps a statement that gives no row. 0, an outcome, or a negative errno. */
int store_exec(sqlite3_stmt *stmt);
/* Steps to the next row: 1: a row is there; 0: no more (reset); negative: an error. */
int store_step(sqlite3_stmt *stmt);
char *store_column_text(sqlite3_stmt *stmt, int column, struct weft_arena *arena); /* "" for NULL */
struct weft_bytes store_column_bytes(sqlite3_stmt *stmt, int column, struct weft_arena *arena);

/* ---- looked at by tests, health and the dashboard */

struct store_stats {
	uint64_t writes;  /* done with 0 */
	uint64_t batches; /* transactions committed: one fsync each */
	uint64_t reruns;  /* writes run again alone */
	uint64_t refused; /* queue full */
	uint64_t checkpoints;
	uint64_t wal_bytes;
	uint64_t queued;
};
void store_get_stats(struct store *store, struct store_stats *ret_stats);

#endif
