#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"
#include "vfs_shim.h"

const struct store_migration rig_migrations[] = {
	{ "0001_items", "CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;"
			"CREATE TABLE part (id INTEGER PRIMARY KEY, item INTEGER NOT NULL "
			"REFERENCES item (id)) STRICT;" },
};

/* ---- the rig */

void rig_folder(struct rig *rig)
{
	*rig = (struct rig) { 0 };
	shim_install();
	strcpy(rig->folder, "/tmp/weft-store-XXXXXX");
	assert_non_null(mkdtemp(rig->folder));
	snprintf(rig->path, sizeof(rig->path), "%s/test.db", rig->folder);
}

void rig_open(struct rig *rig, const struct store_options *options)
{
	char error[256] = "";

	if (store_open(rig->path, rig_migrations, RIG_MIGRATIONS, options, error, &rig->store) < 0)
		fail_msg("%s", error);
	assert_int_equal(weft_worker_new(0, &rig->worker), 0);
	assert_int_equal(weft_worker_start(rig->worker), 0);
}

void rig_close(struct rig *rig)
{
	store_close(rig->store);
	weft_worker_free(rig->worker);
	rig->store = NULL;
	rig->worker = NULL;
}

void rig_new(struct rig *rig, const struct store_options *options)
{
	rig_folder(rig);
	rig_open(rig, options);
}

void rig_free(struct rig *rig)
{
	static const char *const endings[] = { "", "-wal", "-shm", "-journal", ".lock" };
	char name[128];

	if (rig->store)
		rig_close(rig);
	for (size_t i = 0; i < WEFT_COUNT(endings); i++) {
		snprintf(name, sizeof(name), "%s%s", rig->path, endings[i]);
		unlink(name);
	}
	assert_int_equal(rmdir(rig->folder), 0);
}

void rig_wait(sem_t *sem)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	assert(sem_timedwait(sem, &until) == 0); /* of any thread, so none of cmocka's */
}

struct errand {
	struct weft_task task;
	void (*fn)(void *data);
	void *data;
	sem_t done;
};

static void on_errand(struct weft_task *task)
{
	struct errand *errand = weft_container_of(task, struct errand, task);

	errand->fn(errand->data);
	sem_post(&errand->done);
}

void rig_call(struct rig *rig, void (*fn)(void *data), void *data)
{
	struct errand errand = { .task.run = on_errand, .fn = fn, .data = data };

	sem_init(&errand.done, 0, 0);
	weft_worker_post(rig->worker, &errand.task);
	rig_wait(&errand.done);
	sem_destroy(&errand.done);
}

int64_t rig_count(struct rig *rig, const char *sql)
{
	sqlite3_stmt *stmt;
	sqlite3 *db;
	int64_t n;

	assert_int_equal(sqlite3_open_v2(rig->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return n;
}

/* ---- writes */

int put_txn(struct store_txn *txn, struct store_write *write)
{
	struct put *put = weft_container_of(write, struct put, write);
	sqlite3_stmt *stmt =
		store_txn_stmt(txn, put->sql ? put->sql : "INSERT INTO item VALUES (?1, 'x')");

	put->runs++;
	if (!stmt)
		return -EINVAL;
	if (sqlite3_bind_parameter_count(stmt) > 0)
		assert(store_bind(stmt, "i", put->id) == 0);
	return store_exec(stmt);
}

void put_done(struct store_write *write, int r)
{
	struct put *put = weft_container_of(write, struct put, write);

	assert(weft_worker_current() == put->rig->worker);
	put->r = r;
	sem_post(put->done);
}

struct sending {
	struct rig *rig;
	struct put *puts;
	size_t n;
};

static void send_all(void *data)
{
	struct sending *sending = data;

	for (size_t i = 0; i < sending->n; i++) {
		struct put *put = &sending->puts[i];

		put->rig = sending->rig;
		put->write.owner = sending->rig->worker;
		if (!put->write.txn)
			put->write.txn = put_txn;
		if (!put->write.done)
			put->write.done = put_done;
		store_write(sending->rig->store, &put->write);
	}
}

void rig_send(struct rig *rig, struct put *puts, size_t n)
{
	struct sending sending = { .rig = rig, .puts = puts, .n = n };

	rig_call(rig, send_all, &sending);
}

void rig_put(struct rig *rig, struct put *puts, size_t n)
{
	sem_t done;

	sem_init(&done, 0, 0);
	for (size_t i = 0; i < n; i++)
		puts[i].done = &done;
	rig_send(rig, puts, n);
	for (size_t i = 0; i < n; i++)
		rig_wait(&done);
	sem_destroy(&done);
}

int rig_put_one(struct rig *rig, const char *sql, int64_t id)
{
	struct put put = { .sql = sql, .id = id };

	rig_put(rig, &put, 1);
	return put.r;
}

/* ---- holding the writer */

static int hold_txn(struct store_txn *txn, struct store_write *write)
{
	struct hold *hold = weft_container_of(write, struct hold, put.write);

	sem_post(&hold->entered);
	rig_wait(&hold->leave);
	return 0;
}

void hold_writer(struct rig *rig, struct hold *hold)
{
	*hold = (struct hold) { .put.write.txn = hold_txn, .put.done = &hold->done };
	sem_init(&hold->entered, 0, 0);
	sem_init(&hold->leave, 0, 0);
	sem_init(&hold->done, 0, 0);
	rig_send(rig, &hold->put, 1);
	rig_wait(&hold->entered);
}

void release_writer(struct hold *hold)
{
	sem_post(&hold->leave);
	rig_wait(&hold->done);
	assert_int_equal(hold->put.r, 0);
}
