/* The writer: who shares a batch with whom, what one write can do to the others, and what is
 * known after a failure. */
#include <assert.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "rig.h"
#include "vfs_shim.h"

#define BATCH 64

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

/* One batch of 64: they come to wait together behind a held writer. */
static void put_batch(struct rig *rig, struct put *puts)
{
	struct hold hold;
	sem_t done;

	sem_init(&done, 0, 0);
	for (size_t i = 0; i < BATCH; i++)
		puts[i].done = &done;
	hold_writer(rig, &hold);
	rig_send(rig, puts, BATCH);
	release_writer(&hold);
	for (size_t i = 0; i < BATCH; i++)
		rig_wait(&done);
	sem_destroy(&done);
}

static void test_batch_shares_one_commit(void **state)
{
	struct rig *rig = *state;
	struct put puts[BATCH] = { 0 };
	struct store_stats stats;
	int syncs;

	rig_put_one(rig, NULL, 1000);
	syncs = atomic_load(&shim.wal_syncs);
	for (size_t i = 0; i < BATCH; i++)
		puts[i].id = (int64_t)i;
	put_batch(rig, puts);
	assert_int_equal(atomic_load(&shim.wal_syncs) - syncs, 1); /* the held one wrote nothing */
	store_get_stats(rig->store, &stats);
	assert_int_equal(stats.queued, 0);
	assert_int_equal(stats.reruns, 0);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item"), BATCH + 1);
}

static void test_constraint_fails_alone(void **state)
{
	struct rig *rig = *state;
	struct put puts[BATCH] = { 0 };

	for (size_t i = 0; i < BATCH; i++)
		puts[i].id = (int64_t)i;
	puts[20].id = 19;                                    /* PRIMARY KEY */
	puts[40].sql = "INSERT INTO part VALUES (?1, 9999)"; /* FOREIGN KEY */
	puts[41].sql = "INSERT INTO item VALUES (?1, NULL)"; /* NOT NULL */
	put_batch(rig, puts);
	for (size_t i = 0; i < BATCH; i++) {
		assert_int_equal(puts[i].r, i == 20 || i == 40 || i == 41 ? STORE_CONFLICT : 0);
		assert_int_equal(puts[i].runs, 1);
	}
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item"), BATCH - 3);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM part"), 0);
}

/* What a write has done before it fails goes with it. */
static int half_txn(struct store_txn *txn, struct store_write *write)
{
	int r = put_txn(txn, write);

	return r ? r : -EBADF;
}

static void test_failed_write_leaves_nothing(void **state)
{
	struct rig *rig = *state;
	struct put puts[BATCH] = { 0 };

	for (size_t i = 0; i < BATCH; i++) {
		puts[i].id = (int64_t)i;
		if (i % 2)
			puts[i].write.txn = half_txn;
	}
	put_batch(rig, puts);
	for (size_t i = 0; i < BATCH; i++)
		assert_int_equal(puts[i].r, i % 2 ? -EBADF : 0);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item WHERE id % 2"), 0);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item"), BATCH / 2);
}

static void check_interrupted(struct rig *rig, const char *sql, int expected)
{
	struct put puts[BATCH] = { 0 };
	struct store_stats stats;

	assert_int_equal(rig_put_one(rig, NULL, 5), 0);
	for (size_t i = 0; i < BATCH; i++)
		puts[i].id = (int64_t)i + 100;
	puts[30].id = 5;
	puts[30].sql = sql;
	put_batch(rig, puts);
	for (size_t i = 0; i < BATCH; i++) {
		assert_int_equal(puts[i].r, i == 30 ? expected : 0);
		assert_int_equal(puts[i].runs, i > 30 ? 1 : 2);
	}
	store_get_stats(rig->store, &stats);
	assert_int_equal(stats.reruns, BATCH);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item"), BATCH);
}

static void test_or_rollback_reruns_each_alone(void **state)
{
	check_interrupted(*state, "INSERT OR ROLLBACK INTO item VALUES (?1, 'again')",
			  STORE_CONFLICT);
}

static void test_rollback_reruns_each_alone(void **state)
{
	check_interrupted(*state, "ROLLBACK", STORE_CONFLICT);
}

/* It would publish the first half of its batch. */
static void test_commit_in_a_txn_is_refused(void **state)
{
	check_interrupted(*state, "COMMIT", STORE_CONFLICT);
}

/* It would look at a reference only when all commit. */
static int deferring_txn(struct store_txn *txn, struct store_write *write)
{
	sqlite3_exec(store_txn_db(txn), "PRAGMA defer_foreign_keys = ON", NULL, NULL, NULL);
	return put_txn(txn, write);
}

static void test_deferred_reference_fails_alone(void **state)
{
	struct rig *rig = *state;
	struct put puts[BATCH] = { 0 };

	for (size_t i = 0; i < BATCH; i++)
		puts[i].id = (int64_t)i;
	puts[7].write.txn = deferring_txn;
	puts[7].sql = "INSERT INTO part VALUES (?1, 9999)";
	put_batch(rig, puts);
	for (size_t i = 0; i < BATCH; i++) {
		assert_int_equal(puts[i].r, i == 7 ? STORE_CONFLICT : 0);
		assert_int_equal(puts[i].runs, 1);
	}
}

/* The arena is reset between the runs: what is allocated twice does not add up. */
static int hungry_txn(struct store_txn *txn, struct store_write *write)
{
	if (!weft_arena_alloc(write->arena, 1 << 20))
		return -ENOMEM;
	return put_txn(txn, write);
}

static void test_rerun_has_a_fresh_arena(void **state)
{
	struct rig *rig = *state;
	struct put puts[BATCH] = { 0 };

	for (size_t i = 0; i < BATCH; i++)
		puts[i].id = (int64_t)i;
	puts[0].write.txn = hungry_txn;
	puts[0].write.arena = weft_arena_new();
	puts[1].sql = "ROLLBACK";
	put_batch(rig, puts);
	assert_int_equal(puts[0].r, 0);
	assert_int_equal(puts[0].runs, 2);
	assert_in_range(weft_arena_size(puts[0].write.arena), 1 << 20, (1 << 20) + (1 << 19));
	weft_arena_free(puts[0].write.arena);
}

/* ---- group commit */

#define CALLERS 64
#define ROUNDS  40

struct caller {
	struct put put;
	struct callers *all;
	int left;
};

struct callers {
	struct rig *rig;
	struct caller callers[CALLERS];
	int live;
	int64_t next_id;
	sem_t done;
};

static void caller_done(struct store_write *write, int r)
{
	struct caller *caller = weft_container_of(write, struct caller, put.write);
	struct callers *all = caller->all;

	assert(r == 0);
	if (--caller->left > 0) {
		caller->put.id = all->next_id++;
		store_write(all->rig->store, write);
	} else if (--all->live == 0) {
		sem_post(&all->done);
	}
}

/* Each writes again when it has its answer, on a disk that needs 2 ms. */
static void test_concurrent_callers_share_fsyncs(void **state)
{
	struct callers all = { .rig = *state, .live = CALLERS, .next_id = CALLERS };
	struct put *puts[CALLERS];
	int syncs;

	sem_init(&all.done, 0, 0);
	atomic_store(&shim.sync_us, 2000);
	syncs = atomic_load(&shim.wal_syncs);
	for (int i = 0; i < CALLERS; i++) {
		all.callers[i] = (struct caller) { .all = &all, .left = ROUNDS, .put.id = i };
		all.callers[i].put.write.done = caller_done;
		puts[i] = &all.callers[i].put;
	}
	for (int i = 0; i < CALLERS; i++)
		rig_send(all.rig, puts[i], 1);
	rig_wait(&all.done);
	syncs = atomic_load(&shim.wal_syncs) - syncs;
	print_message("%d writes, %d fsyncs\n", CALLERS * ROUNDS, syncs);
	assert_in_range(syncs, 1, CALLERS * ROUNDS / 32);
	assert_int_equal(rig_count(all.rig, "SELECT count(*) FROM item"), CALLERS * ROUNDS);
}

/* ---- done */

static void look_done(struct store_write *write, int r)
{
	struct put *put = weft_container_of(write, struct put, write);
	struct store_reader *reader = NULL;
	sqlite3_stmt *stmt;

	assert(store_reader_new(put->rig->store, put->rig->worker, &reader) == 0);
	stmt = store_reader_stmt(reader, "SELECT count(*) FROM item WHERE id = ?1");
	assert(stmt && store_bind(stmt, "i", put->id) == 0 && store_step(stmt) == 1);
	put->seen = sqlite3_column_int64(stmt, 0);
	store_reader_end(reader);
	store_reader_free(reader);
	put_done(write, r);
}

static void test_done_comes_after_commit(void **state)
{
	for (int i = 0; i < 50; i++) {
		struct put put = { .id = i, .write.done = look_done };

		rig_put(*state, &put, 1);
		assert_int_equal(put.r, 0);
		assert_int_equal(put.seen, 1);
	}
}

/* ---- refused, cancelled, too late */

static void test_queue_is_bounded(void **state)
{
	struct rig *rig = *state;
	struct put puts[20] = { 0 };
	struct store_stats stats;
	struct hold hold;
	sem_t done;
	int busy = 0;

	rig_close(rig);
	rig_open(rig, &(struct store_options) { .size = sizeof(struct store_options),
						.queue_limit = 16 });
	sem_init(&done, 0, 0);
	for (size_t i = 0; i < WEFT_COUNT(puts); i++) {
		puts[i].id = (int64_t)i;
		puts[i].done = &done;
	}
	hold_writer(rig, &hold);
	rig_send(rig, puts, WEFT_COUNT(puts));
	for (int i = 0; i < 4; i++) /* refused at once, while the writer is still held */
		rig_wait(&done);
	store_get_stats(rig->store, &stats);
	assert_int_equal(stats.refused, 4);
	release_writer(&hold);
	for (int i = 0; i < 16; i++)
		rig_wait(&done);
	for (size_t i = 0; i < WEFT_COUNT(puts); i++)
		busy += puts[i].r == STORE_BUSY;
	assert_int_equal(busy, 4);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item"), 16);
}

static void test_expired_and_cancelled_are_skipped(void **state)
{
	struct rig *rig = *state;
	struct put puts[3] = { { .id = 1 }, { .id = 2 }, { .id = 3 } };
	struct store_stats stats;
	struct hold hold;
	sem_t done;

	sem_init(&done, 0, 0);
	for (int i = 0; i < 3; i++)
		puts[i].done = &done;
	puts[0].write.deadline_ns = weft_now() + 1;
	puts[2].write.deadline_ns = weft_now() + 3600 * WEFT_SECOND;
	hold_writer(rig, &hold);
	rig_send(rig, puts, 3);
	store_write_cancel(&puts[1].write);
	release_writer(&hold);
	for (int i = 0; i < 3; i++)
		rig_wait(&done);
	assert_int_equal(puts[0].r, -ETIMEDOUT);
	assert_int_equal(puts[0].runs, 0);
	assert_int_equal(puts[1].r, -ECANCELED);
	assert_int_equal(puts[1].runs, 0);
	assert_int_equal(puts[2].r, 0);
	store_get_stats(rig->store, &stats);
	assert_int_equal(stats.skipped, 2);
}

/* ---- the end */

static void test_close_writes_what_is_queued(void **state)
{
	struct rig *rig = *state;
	struct put puts[200] = { 0 };
	sem_t done;

	sem_init(&done, 0, 0);
	for (size_t i = 0; i < WEFT_COUNT(puts); i++) {
		puts[i].id = (int64_t)i;
		puts[i].done = &done;
	}
	rig_send(rig, puts, WEFT_COUNT(puts));
	rig_close(rig); /* and the loop, whose last tasks are their answers */
	for (size_t i = 0; i < WEFT_COUNT(puts); i++) {
		rig_wait(&done);
		assert_int_equal(puts[i].r, 0);
	}
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item"), WEFT_COUNT(puts));
}

struct settling {
	struct rig *rig;
	struct weft_task task;
	struct put first, second;
	sem_t done, settled;
};

/* What done() starts counts as well. */
static void chain_done(struct store_write *write, int r)
{
	struct settling *settling = weft_container_of(write, struct settling, first.write);

	store_write(settling->rig->store, &settling->second.write);
}

static void on_settled(struct weft_task *task)
{
	sem_post(&weft_container_of(task, struct settling, task)->settled);
}

static void test_settles_when_all_is_answered(void **state)
{
	struct settling settling = { .rig = *state, .task.run = on_settled };
	struct hold hold;

	sem_init(&settling.done, 0, 0);
	sem_init(&settling.settled, 0, 0);
	settling.first.write.done = chain_done;
	settling.second = (struct put) {
		.write = { .txn = put_txn, .done = put_done, .owner = settling.rig->worker },
		.rig = *state,
		.id = 2,
		.done = &settling.done,
	};
	hold_writer(*state, &hold);
	rig_send(*state, &settling.first, 1);
	store_settle(settling.rig->store, settling.rig->worker, &settling.task);
	assert_int_not_equal(sem_trywait(&settling.settled), 0);
	release_writer(&hold);
	rig_wait(&settling.settled);
	assert_int_equal(sem_trywait(&settling.done), 0);
	assert_int_equal(settling.second.r, 0);
}

/* ---- broken files */

struct health {
	atomic_int failed, healed;
	sem_t healthy;
};

static void on_failing(bool failing, void *data)
{
	struct health *health = data;

	atomic_fetch_add(failing ? &health->failed : &health->healed, 1);
	if (!failing)
		sem_post(&health->healthy);
}

static void open_watched(struct rig *rig, struct health *health)
{
	const struct store_options options = {
		.size = sizeof(options),
		.on_failing = on_failing,
		.data = health,
	};

	*health = (struct health) { 0 };
	sem_init(&health->healthy, 0, 0);
	rig_close(rig);
	rig_open(rig, &options);
}

static void test_unknown_outcome_of_commit(void **state)
{
	struct rig *rig = *state;
	struct health health;

	open_watched(rig, &health);
	assert_int_equal(rig_put_one(rig, NULL, 1), 0);
	atomic_store(&shim.sync_failures, 1);
	assert_int_equal(rig_put_one(rig, NULL, 2), STORE_UNKNOWN);
	assert_int_equal(atomic_load(&health.failed), 1);

	/* The connection has been opened again, and what a write finds wrong by itself is known
	 * all the same. */
	assert_int_equal(rig_put_one(rig, NULL, 3), 0);
	assert_int_equal(atomic_load(&health.healed), 1);
	assert_int_equal(rig_put_one(rig, NULL, 1), STORE_CONFLICT);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item WHERE id IN (1, 3)"), 2);
}

static void test_own_result_stands_beside_unknown(void **state)
{
	struct rig *rig = *state;
	struct put puts[BATCH] = { 0 };

	assert_int_equal(rig_put_one(rig, NULL, 1000), 0);
	for (size_t i = 0; i < BATCH; i++)
		puts[i].id = (int64_t)i;
	puts[9].id = 1000;
	atomic_store(&shim.write_failures, 1);
	put_batch(rig, puts);
	for (size_t i = 0; i < BATCH; i++)
		assert_int_equal(puts[i].r, i == 9 ? STORE_CONFLICT : STORE_UNKNOWN);
	assert_int_equal(rig_put_one(rig, NULL, 2000), 0);
}

static void test_disk_full(void **state)
{
	struct rig *rig = *state;
	struct health health;

	open_watched(rig, &health);
	assert_int_equal(rig_put_one(rig, NULL, 1), 0);
	atomic_store(&shim.full, true);
	assert_int_equal(rig_put_one(rig, NULL, 2), -ENOSPC);
	assert_int_equal(rig_put_one(rig, NULL, 3), -ENOSPC);
	assert_int_equal(atomic_load(&health.failed), 1);

	/* It heals by itself: nobody writes to what health calls broken. */
	atomic_store(&shim.full, false);
	rig_wait(&health.healthy);
	assert_int_equal(rig_put_one(rig, NULL, 3), 0);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM item"), 2);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_batch_shares_one_commit),
		TEST(test_constraint_fails_alone),
		TEST(test_failed_write_leaves_nothing),
		TEST(test_or_rollback_reruns_each_alone),
		TEST(test_rollback_reruns_each_alone),
		TEST(test_commit_in_a_txn_is_refused),
		TEST(test_deferred_reference_fails_alone),
		TEST(test_rerun_has_a_fresh_arena),
		TEST(test_concurrent_callers_share_fsyncs),
		TEST(test_done_comes_after_commit),
		TEST(test_queue_is_bounded),
		TEST(test_expired_and_cancelled_are_skipped),
		TEST(test_close_writes_what_is_queued),
		TEST(test_settles_when_all_is_answered),
		TEST(test_unknown_outcome_of_commit),
		TEST(test_own_result_stands_beside_unknown),
		TEST(test_disk_full),
	};

	return cmocka_run_group_tests_name("store_writer", tests, NULL, NULL);
}
