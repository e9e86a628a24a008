/* Readers: snapshots, who is told of commits, the pool for long reads, and a log that stays
 * short all the same. */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_new(rig, NULL);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	free(*state);
	return 0;
}

static int64_t count_items(struct store_reader *reader)
{
	sqlite3_stmt *stmt = store_reader_stmt(reader, "SELECT count(*) FROM item");
	int64_t n;

	assert(stmt && store_step(stmt) == 1);
	n = sqlite3_column_int64(stmt, 0);
	assert(store_step(stmt) == 0);
	return n;
}

/* ---- snapshots */

static void look_while_others_write(void *data)
{
	struct rig *rig = data;
	struct store_reader *reader = NULL;
	sqlite3 *other;

	assert(store_reader_new(rig->store, rig->worker, &reader) == 0);
	assert(store_reader_begin(reader) == 0);
	assert(count_items(reader) == 0);
	assert(sqlite3_open(rig->path, &other) == SQLITE_OK);
	assert(sqlite3_exec(other, "INSERT INTO item VALUES (7, 'x')", NULL, NULL, NULL) ==
	       SQLITE_OK);
	sqlite3_close(other);
	assert(count_items(reader) == 0);
	store_reader_end(reader);
	assert(count_items(reader) == 1);
	store_reader_free(reader);
}

static void test_begin_sees_one_snapshot(void **state)
{
	rig_call(*state, look_while_others_write, *state);
}

static void try_to_write(void *data)
{
	struct rig *rig = data;
	struct store_reader *reader = NULL;
	sqlite3_stmt *stmt;

	assert(store_reader_new(rig->store, rig->worker, &reader) == 0);
	stmt = store_reader_stmt(reader, "INSERT INTO item VALUES (1, 'x')");
	assert(stmt && store_exec(stmt) == -EROFS);
	store_reader_free(reader);
}

static void test_reader_cannot_write(void **state)
{
	rig_call(*state, try_to_write, *state);
}

static void leave_open(void *data)
{
	struct rig *rig = data;
	struct store_reader *reader = NULL;
	sqlite3_stmt *stmt;

	assert(store_reader_new(rig->store, rig->worker, &reader) == 0);
	stmt = store_reader_stmt(reader, "SELECT 1 FROM sqlite_schema");
	assert(store_step(stmt) == 1);
}

static void test_forgotten_snapshot_is_an_assertion(void **state)
{
	struct rig *rig = *state;
	int status;
	pid_t child;

	rig_close(rig);
	fflush(NULL);
	child = fork();
	if (child == 0) {
		int quiet = open("/dev/null", O_WRONLY);

		dup2(quiet, STDERR_FILENO);
		rig_open(rig, NULL);
		rig_call(rig, leave_open, rig);
		pause();
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	rig_open(rig, NULL);
}

/* ---- subscriptions */

#define TOPIC_A UINT64_C(1)
#define TOPIC_B UINT64_C(4)

struct watcher {
	struct rig *rig;
	struct store_reader *reader;
	struct store_subscription *all, *only_b;
	int calls, b_calls; /* the loop's, and ours after a semaphore */
	uint64_t topics;
	_Atomic int64_t seen;
	sem_t called, b_called;
};

static void on_changed(uint64_t topics, void *data)
{
	struct watcher *watcher = data;

	watcher->calls++;
	watcher->topics |= topics;
	watcher->seen = count_items(watcher->reader);
	sem_post(&watcher->called);
}

static void on_b_changed(uint64_t topics, void *data)
{
	struct watcher *watcher = data;

	watcher->b_calls++;
	assert(topics == TOPIC_B);
	/* Both go, in the middle of the round. */
	store_unsubscribe(watcher->all);
	store_unsubscribe(watcher->only_b);
	sem_post(&watcher->b_called);
}

static void watch(void *data)
{
	struct watcher *watcher = data;

	assert(store_reader_new(watcher->rig->store, watcher->rig->worker, &watcher->reader) == 0);
	watcher->all = store_subscribe(watcher->reader, TOPIC_A | TOPIC_B, on_changed, watcher);
	watcher->only_b = store_subscribe(watcher->reader, TOPIC_B, on_b_changed, watcher);
}

static void unwatch(void *data)
{
	struct watcher *watcher = data;

	store_reader_free(watcher->reader);
}

static int touch_a_txn(struct store_txn *txn, struct store_write *write)
{
	store_txn_touch(txn, TOPIC_A | UINT64_C(1) << 40);
	return put_txn(txn, write);
}

static int touch_b_txn(struct store_txn *txn, struct store_write *write)
{
	store_txn_touch(txn, TOPIC_B);
	return put_txn(txn, write);
}

static void test_subscribers_hear_of_commits(void **state)
{
	struct watcher watcher = { .rig = *state };
	struct put puts[64] = { 0 };
	struct put failing = { .id = 1, .write.txn = touch_b_txn };
	struct put b = { .id = 1000, .write.txn = touch_b_txn };

	sem_init(&watcher.called, 0, 0);
	sem_init(&watcher.b_called, 0, 0);
	rig_call(watcher.rig, watch, &watcher);
	for (size_t i = 0; i < WEFT_COUNT(puts); i++) {
		puts[i].id = (int64_t)i;
		puts[i].write.txn = touch_a_txn;
	}
	rig_put(watcher.rig, puts, WEFT_COUNT(puts));
	while (watcher.seen < 64)
		rig_wait(&watcher.called);
	assert_int_equal(watcher.topics, TOPIC_A);

	/* What was rolled back is no news. */
	rig_put(watcher.rig, &failing, 1);
	assert_int_equal(failing.r, STORE_CONFLICT);
	assert_int_equal(watcher.b_calls, 0);

	rig_put(watcher.rig, &b, 1);
	rig_wait(&watcher.b_called);
	assert_int_equal(watcher.b_calls, 1);
	assert_int_equal(watcher.topics, TOPIC_A | TOPIC_B);
	assert_int_equal(watcher.seen, 65);
	rig_call(watcher.rig, unwatch, &watcher);
}

/* While the loop is busy, any number of commits become one call. */
struct busy_loop {
	struct watcher *watcher;
	sem_t entered, leave;
};

static void be_busy(void *data)
{
	struct busy_loop *busy = data;

	sem_post(&busy->entered);
	rig_wait(&busy->leave);
}

static void quiet_done(struct store_write *write, int r)
{
	assert(r == 0);
}

struct busy_task {
	struct weft_task task;
	struct busy_loop busy;
};

static void on_busy(struct weft_task *task)
{
	be_busy(&weft_container_of(task, struct busy_task, task)->busy);
}

static void test_notifications_are_coalesced(void **state)
{
	struct watcher watcher = { .rig = *state };
	struct busy_task busy = { .task.run = on_busy };
	struct store_stats before, now;
	struct put puts[10] = { 0 };

	sem_init(&watcher.called, 0, 0);
	sem_init(&busy.busy.entered, 0, 0);
	sem_init(&busy.busy.leave, 0, 0);
	rig_call(watcher.rig, watch, &watcher);
	weft_worker_post(watcher.rig->worker, &busy.task);
	rig_wait(&busy.busy.entered);
	store_get_stats(watcher.rig->store, &before);
	for (size_t i = 0; i < WEFT_COUNT(puts); i++) {
		puts[i] = (struct put) { .id = (int64_t)i, .rig = watcher.rig };
		puts[i].write = (struct store_write) {
			.txn = touch_a_txn,
			.done = quiet_done,
			.owner = watcher.rig->worker,
		};
		store_write(watcher.rig->store, &puts[i].write); /* no call: any thread will do */
		do
			store_get_stats(watcher.rig->store, &now);
		while (now.batches == before.batches);
		before = now;
	}
	sem_post(&busy.busy.leave);
	rig_wait(&watcher.called);
	rig_call(watcher.rig, (void (*)(void *))store_unsubscribe, watcher.all);
	rig_call(watcher.rig, (void (*)(void *))store_unsubscribe, watcher.only_b);
	assert_int_equal(watcher.calls, 1);
	assert_int_equal(watcher.seen, 10);
	rig_call(watcher.rig, unwatch, &watcher);
}

/* ---- the pool */

struct search {
	struct store_query query;
	struct rig *rig;
	int64_t n;
	int r;
	bool on_loop; /* run() saw a worker */
	sem_t entered, done;
};

static int count_run(struct store_reader *reader, struct store_query *query)
{
	struct search *search = weft_container_of(query, struct search, query);

	search->on_loop = weft_worker_current() != NULL;
	search->n = count_items(reader);
	/* One snapshot: what is committed meanwhile is not seen. */
	rig_put_one(search->rig, NULL, 77);
	search->n += count_items(reader);
	return 0;
}

static int endless_run(struct store_reader *reader, struct store_query *query)
{
	struct search *search = weft_container_of(query, struct search, query);
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
			"SELECT count(*) FROM n");

	sem_post(&search->entered);
	return store_step(stmt);
}

static void search_done(struct store_query *query, int r)
{
	struct search *search = weft_container_of(query, struct search, query);

	assert(weft_worker_current() == search->rig->worker);
	search->r = r;
	sem_post(&search->done);
}

static void start_search(void *data)
{
	struct search *search = data;

	search->query.owner = search->rig->worker;
	search->query.done = search_done;
	store_query(search->rig->store, &search->query);
}

static void test_pool_reads_one_snapshot(void **state)
{
	struct search search = { .rig = *state, .query.run = count_run };

	sem_init(&search.done, 0, 0);
	assert_int_equal(rig_put_one(*state, NULL, 1), 0);
	rig_call(*state, start_search, &search);
	rig_wait(&search.done);
	assert_int_equal(search.r, 0);
	assert_int_equal(search.n, 2);
	assert_false(search.on_loop);
	assert_int_equal(rig_count(*state, "SELECT count(*) FROM item"), 2);
}

static void test_cancelled_query_is_interrupted(void **state)
{
	struct search search = { .rig = *state, .query.run = endless_run };

	sem_init(&search.entered, 0, 0);
	sem_init(&search.done, 0, 0);
	rig_call(*state, start_search, &search);
	rig_wait(&search.entered);
	store_query_cancel(&search.query);
	rig_wait(&search.done);
	assert_int_equal(search.r, -ECANCELED);
}

static void test_query_has_a_deadline(void **state)
{
	struct search search = { .rig = *state, .query.run = endless_run };

	sem_init(&search.entered, 0, 0);
	sem_init(&search.done, 0, 0);
	search.query.deadline_ns = weft_now() + 50 * WEFT_MS;
	rig_call(*state, start_search, &search);
	rig_wait(&search.done);
	assert_true(search.r == -ETIMEDOUT || search.r == -ECANCELED);
}

/* ---- the log */

#define READERS 4
#define CAP     (UINT64_C(256) << 10)

struct overlapping {
	struct rig *rig;
	pthread_t threads[READERS];
	atomic_bool stop;
	atomic_int snapshots;
};

/* A snapshot of a millisecond, and the next at once: with four of them there is always one open. */
static void *read_on_and_on(void *data)
{
	struct overlapping *overlapping = data;
	sqlite3_stmt *stmt;
	sqlite3 *db;

	assert(sqlite3_open_v2(overlapping->rig->path, &db, SQLITE_OPEN_READONLY, NULL) ==
	       SQLITE_OK);
	assert(sqlite3_prepare_v2(db, "SELECT id FROM item", -1, &stmt, NULL) == SQLITE_OK);
	while (!atomic_load(&overlapping->stop)) {
		sqlite3_step(stmt);
		nanosleep(&(struct timespec) { .tv_nsec = 1000000 }, NULL);
		sqlite3_reset(stmt);
		atomic_fetch_add(&overlapping->snapshots, 1);
	}
	sqlite3_finalize(stmt);
	sqlite3_close(db);
	return NULL;
}

static void test_log_stays_short_under_readers(void **state)
{
	const struct store_options options = { .size = sizeof(options), .wal_cap_bytes = CAP };
	struct overlapping overlapping = { .rig = *state };
	struct rig *rig = *state;
	static struct put puts[64];
	struct stat st;
	off_t longest = 0;
	char wal[128];

	rig_close(rig);
	rig_open(rig, &options);
	snprintf(wal, sizeof(wal), "%s-wal", rig->path);
	assert_int_equal(rig_put_one(rig, NULL, -1), 0);
	for (int i = 0; i < READERS; i++)
		pthread_create(&overlapping.threads[i], NULL, read_on_and_on, &overlapping);
	/* 200 batches of a dozen pages or more: forty times the cap. */
	for (int64_t round = 0; round < 200; round++) {
		for (int64_t i = 0; i < 64; i++)
			puts[i] = (struct put) {
				.id = round * 64 + i,
				.sql = "INSERT INTO item VALUES (?1, printf('%.800c', 'x'))",
			};
		rig_put(rig, puts, 64);
		assert_int_equal(puts[0].r, 0);
		assert_int_equal(stat(wal, &st), 0);
		if (st.st_size > longest)
			longest = st.st_size;
	}
	atomic_store(&overlapping.stop, true);
	for (int i = 0; i < READERS; i++)
		pthread_join(overlapping.threads[i], NULL);
	print_message("%d snapshots, the log had at most %lld KiB\n",
		      atomic_load(&overlapping.snapshots), (long long)longest / 1024);
	assert_true(atomic_load(&overlapping.snapshots) > READERS);
	assert_in_range(longest, CAP, 4 * CAP);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_begin_sees_one_snapshot),
		TEST(test_reader_cannot_write),
		TEST(test_forgotten_snapshot_is_an_assertion),
		TEST(test_subscribers_hear_of_commits),
		TEST(test_notifications_are_coalesced),
		TEST(test_pool_reads_one_snapshot),
		TEST(test_cancelled_query_is_interrupted),
		TEST(test_query_has_a_deadline),
		TEST(test_log_stays_short_under_readers),
	};

	return cmocka_run_group_tests_name("store_reader", tests, NULL, NULL);
}
