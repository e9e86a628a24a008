/*
 * kill -9 in the middle of 10,000 acknowledged writes loses none of those that were acknowledged.
 *
 * A child writes, and says the number of each write on a pipe when it is done. The parent kills it
 * somewhere in the middle, reads what the pipe still holds, and looks for each of those numbers.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

#define WRITES     10000
#define KILL_AFTER 5000
#define AT_A_TIME  48

struct writer {
	struct rig *rig;
	struct put puts[AT_A_TIME];
	int64_t next;
	int pipe;
};

static struct writer writer;

static void on_acknowledged(struct store_write *job, int r)
{
	struct put *put = weft_container_of(job, struct put, write);

	/* Eight bytes go into a pipe whole. */
	if (r != 0 || write(writer.pipe, &put->id, sizeof(put->id)) != sizeof(put->id))
		_exit(2);
	if (writer.next >= WRITES)
		return;
	put->id = writer.next++;
	store_write(writer.rig->store, job);
}

static void write_until_killed(struct rig *rig, int pipe)
{
	writer.rig = rig;
	writer.pipe = pipe;
	writer.next = AT_A_TIME;
	rig_open(rig, NULL);
	for (int i = 0; i < AT_A_TIME; i++) {
		writer.puts[i].id = i;
		writer.puts[i].write.done = on_acknowledged;
	}
	rig_send(rig, writer.puts, AT_A_TIME);
	pause();
}

/* The rows that are there, as flags; and a hole of any other kind fails the test. */
static void read_back(struct rig *rig, bool there[WRITES])
{
	sqlite3_stmt *stmt;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(rig->path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT id FROM item", -1, &stmt, NULL), SQLITE_OK);
	while (sqlite3_step(stmt) == SQLITE_ROW)
		there[sqlite3_column_int64(stmt, 0)] = true;
	sqlite3_finalize(stmt);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_kill_loses_no_acknowledged_write(void **state)
{
	static bool there[WRITES];
	struct rig rig;
	int acknowledged = 0;
	int64_t ids[WRITES];
	int pipes[2];
	int status;
	pid_t child;

	rig_folder(&rig);
	assert_int_equal(pipe(pipes), 0);
	/* A small pipe keeps the child from being done before it is killed. */
	assert_in_range(fcntl(pipes[1], F_SETPIPE_SZ, 4096), 1, KILL_AFTER * sizeof(ids[0]) / 2);
	child = fork();
	if (child == 0) {
		close(pipes[0]);
		write_until_killed(&rig, pipes[1]);
		_exit(1);
	}
	close(pipes[1]);
	while (acknowledged < WRITES &&
	       read(pipes[0], &ids[acknowledged], sizeof(ids[0])) == sizeof(ids[0]))
		if (++acknowledged == KILL_AFTER)
			kill(child, SIGKILL);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	assert_in_range(acknowledged, KILL_AFTER, WRITES - 1);
	close(pipes[0]);

	rig_open(&rig, NULL); /* recovers; the dead process holds no lock */
	read_back(&rig, there);
	for (int i = 0; i < acknowledged; i++)
		assert_true(there[ids[i]]);
	assert_int_equal(rig_put_one(&rig, NULL, WRITES), 0);
	rig_free(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kill_loses_no_acknowledged_write),
	};

	return cmocka_run_group_tests_name("store_crash", tests, NULL, NULL);
}
