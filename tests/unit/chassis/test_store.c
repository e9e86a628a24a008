/* Opening a store: one process, migrations, what a schema must not contain; and SQL by hand. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "rig.h"

static int setup(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_folder(rig);
	*state = rig;
	return 0;
}

static int teardown(void **state)
{
	rig_free(*state);
	free(*state);
	return 0;
}

static int open_with(struct rig *rig, const struct store_migration *migrations, size_t n,
		     char error[256])
{
	struct store *store = NULL;
	int r;

	error[0] = '\0';
	r = store_open(rig->path, migrations, n, NULL, error, &store);
	if (r == 0)
		store_close(store);
	else
		assert_null(store);
	return r;
}

/* ---- one process */

/* The child opens the store and says how it went; its exit code is the errno. */
static void test_second_process_is_refused(void **state)
{
	struct rig *rig = *state;
	struct store *store = NULL;
	char error[256] = "";
	char pid[64];
	int from_child[2];
	ssize_t n;
	int status;
	pid_t child;

	assert_int_equal(store_open(rig->path, rig_migrations, 1, NULL, error, &store), 0);
	assert_int_equal(pipe(from_child), 0);
	child = fork();
	if (child == 0) {
		int r = open_with(rig, rig_migrations, 1, error);

		n = write(from_child[1], error, strlen(error));
		_exit(n > 0 ? -r : 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), EEXIST);
	n = read(from_child[0], error, sizeof(error) - 1);
	error[n > 0 ? n : 0] = '\0';
	snprintf(pid, sizeof(pid), "in use by process %d", (int)getpid());
	assert_non_null(strstr(error, pid));
	close(from_child[0]);
	close(from_child[1]);

	store_close(store);
	assert_int_equal(open_with(rig, rig_migrations, 1, error), 0);
}

static void test_folder_that_is_not_there(void **state)
{
	struct store *store = NULL;
	char error[256] = "";

	assert_int_equal(store_open("/nowhere/at/all.db", rig_migrations, 1, NULL, error, &store),
			 -ENOENT);
	assert_non_null(strstr(error, "/nowhere/at/all.db"));
	assert_null(store);
}

static void test_file_that_is_no_database(void **state)
{
	struct rig *rig = *state;
	char error[256] = "";
	int fd = open(rig->path, O_CREAT | O_WRONLY, 0600);
	char junk[4096];

	memset(junk, 'x', sizeof(junk));
	assert_int_equal(write(fd, junk, sizeof(junk)), sizeof(junk));
	close(fd);
	assert_true(open_with(rig, rig_migrations, 1, error) < 0);
	assert_non_null(strstr(error, "not a database"));
}

/* ---- migrations */

static const struct store_migration grown[] = {
	{ "0001_book", "CREATE TABLE book (id INTEGER PRIMARY KEY, title TEXT NOT NULL) STRICT;"
		       "INSERT INTO book VALUES (1, 'Dune')" },
	{ "0002_author", "CREATE TABLE author (id INTEGER PRIMARY KEY) STRICT;"
			 "CREATE TABLE wrote (book INTEGER REFERENCES book (id),"
			 "                    author INTEGER REFERENCES author (id)) STRICT;"
			 "INSERT INTO author VALUES (1); INSERT INTO wrote VALUES (1, 1)" },
	/* A table that others refer to is rebuilt. */
	{ "0003_year",
	  "CREATE TABLE book2 (id INTEGER PRIMARY KEY, title TEXT, year INTEGER) STRICT;"
	  "INSERT INTO book2 SELECT id, title, NULL FROM book;"
	  "DROP TABLE book; ALTER TABLE book2 RENAME TO book" },
};

static void test_migrations_are_applied_once_and_in_order(void **state)
{
	struct rig *rig = *state;
	char error[256];

	for (size_t n = 1; n <= WEFT_COUNT(grown); n++)
		for (int twice = 0; twice < 2; twice++) {
			if (open_with(rig, grown, n, error) < 0)
				fail_msg("%s", error);
			assert_int_equal(rig_count(rig, "PRAGMA user_version"), n);
		}
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM book WHERE year IS NULL"), 1);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM wrote"), 1);
}

static void test_newer_schema_is_refused(void **state)
{
	struct rig *rig = *state;
	char error[256];

	assert_int_equal(open_with(rig, grown, 3, error), 0);
	assert_int_equal(open_with(rig, grown, 2, error), -ENOTSUP);
	assert_non_null(strstr(error, "newer than this program"));
	assert_int_equal(rig_count(rig, "PRAGMA user_version"), 3);
	assert_int_equal(open_with(rig, grown, 3, error), 0);
}

static void check_migration_fails(struct rig *rig, const char *sql, const char *reason)
{
	const struct store_migration migrations[] = { grown[0], { "0002_bad", sql } };
	char error[256];

	assert_int_equal(open_with(rig, grown, 1, error), 0);
	if (open_with(rig, migrations, 2, error) >= 0 || !strstr(error, "0002_bad") ||
	    !strstr(error, reason))
		fail_msg("%s: \"%s\"", sql, error);
	assert_int_equal(rig_count(rig, "PRAGMA user_version"), 1);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM sqlite_schema"), 1);
	assert_int_equal(rig_count(rig, "SELECT count(*) FROM book"), 1);
}

static void test_failed_migration_leaves_the_file(void **state)
{
	check_migration_fails(*state,
			      "CREATE TABLE more (id INTEGER) STRICT; DELETE FROM book; frobnicate",
			      "frobnicate");
	check_migration_fails(*state, "DELETE FROM book; INSERT INTO book VALUES (2, NULL)",
			      "NOT NULL");
	check_migration_fails(*state,
			      "CREATE TABLE more (book INTEGER REFERENCES book (id)) STRICT;"
			      "INSERT INTO more VALUES (99)",
			      "refers to a row of book");
}

static void test_migration_must_not_commit(void **state)
{
	check_migration_fails(*state, "DELETE FROM book; COMMIT; BEGIN", "not authorized");
	check_migration_fails(*state, "ROLLBACK; DELETE FROM book", "not authorized");
}

static void test_schema_that_destroys_batches_is_refused(void **state)
{
	check_migration_fails(*state, "CREATE TABLE loose (id INTEGER)", "loose is not STRICT");
	check_migration_fails(*state,
			      "CREATE TABLE t (id INTEGER UNIQUE ON CONFLICT ROLLBACK) STRICT",
			      "t says ROLLBACK");
	check_migration_fails(*state,
			      "CREATE TABLE t (b INTEGER REFERENCES book (id) DEFERRABLE INITIALLY "
			      "DEFERRED) STRICT",
			      "t says DEFERRABLE");
	check_migration_fails(*state,
			      "CREATE TRIGGER g BEFORE DELETE ON book BEGIN "
			      "SELECT raise(/* now */ rollback, 'no'); END",
			      "g says ROLLBACK");
	check_migration_fails(*state,
			      "CREATE TRIGGER g AFTER INSERT ON book BEGIN "
			      "INSERT OR ROLLBACK INTO book VALUES (1, 'x'); END",
			      "g says ROLLBACK");
}

static void test_harmless_words_are_not_refused(void **state)
{
	static const struct store_migration migrations[] = {
		{ "0001_words",
		  "CREATE TABLE t (id INTEGER PRIMARY KEY, -- no ROLLBACK here\n"
		  "  rollback_reason TEXT DEFAULT 'it''s ROLLBACK', /* DEFERRABLE */\n"
		  "  \"DEFERRED\" TEXT, [ROLLBACK] TEXT CHECK (rollback_reason <> 'DEFERRED')) "
		  "STRICT;"
		  "CREATE VIRTUAL TABLE words USING fts5 (body)" },
	};
	char error[256];

	if (open_with(*state, migrations, 1, error) < 0)
		fail_msg("%s", error);
}

/* ---- SQL by hand */

static void test_codes(void **state)
{
	assert_int_equal(store_code(SQLITE_OK), 0);
	assert_int_equal(store_code(SQLITE_ROW), 0);
	assert_int_equal(store_code(SQLITE_DONE), 0);
	assert_int_equal(store_code(SQLITE_CONSTRAINT_UNIQUE), STORE_CONFLICT);
	assert_int_equal(store_code(SQLITE_FULL), -ENOSPC);
	assert_int_equal(store_code(SQLITE_NOMEM), -ENOMEM);
	assert_int_equal(store_code(SQLITE_IOERR_NOMEM), -ENOMEM);
	assert_int_equal(store_code(SQLITE_IOERR_FSYNC), -EIO);
	assert_int_equal(store_code(SQLITE_INTERRUPT), -ECANCELED);
	assert_int_equal(store_code(SQLITE_BUSY_SNAPSHOT), -EBUSY);
}

static int types_txn(struct store_txn *txn, struct store_write *write)
{
	const struct weft_bytes bytes = { .data = (const uint8_t *)"a\0b", .len = 3 };
	const struct weft_bytes nothing = { 0 };
	struct weft_bytes copy;
	sqlite3_stmt *stmt;
	int r;

	stmt = store_txn_stmt(txn, "SELECT ?1, ?2, ?3, ?4, ?5, ?6, typeof(?7)");
	r = store_bind(stmt, "isbdsnb", INT64_MIN, "text", &bytes, 0.5, NULL, &nothing);
	if (r != 0 || store_step(stmt) != 1)
		return -EINVAL;
	copy = store_column_bytes(stmt, 2, write->arena);
	if (sqlite3_column_int64(stmt, 0) != INT64_MIN || sqlite3_column_double(stmt, 3) != 0.5 ||
	    strcmp(store_column_text(stmt, 1, write->arena), "text") != 0 ||
	    strcmp(store_column_text(stmt, 4, write->arena), "") != 0 ||
	    strcmp(store_column_text(stmt, 6, write->arena), "blob") != 0 ||
	    sqlite3_column_type(stmt, 4) != SQLITE_NULL ||
	    sqlite3_column_type(stmt, 5) != SQLITE_NULL || copy.len != 3 ||
	    memcmp(copy.data, "a\0b", 3) != 0)
		return -EBADMSG;
	if (store_step(stmt) != 0)
		return -EINVAL;
	return store_txn_stmt(txn, "SELECT frobnicate") ? -EINVAL : 0;
}

static void test_bind_and_columns(void **state)
{
	struct rig *rig = *state;
	struct put put = { .write.txn = types_txn, .write.arena = weft_arena_new() };

	rig_open(rig, NULL);
	rig_put(rig, &put, 1);
	assert_int_equal(put.r, 0);
	weft_arena_free(put.write.arena);
}

/* STRICT says what a column holds, and RETURNING meets constraints while it steps. */
static int returning_txn(struct store_txn *txn, struct store_write *write)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "INSERT INTO item VALUES (1, 'x') ON CONFLICT DO NOTHING RETURNING id");
	int r = store_step(stmt);

	if (r != 1)
		return -EINVAL;
	stmt = store_txn_stmt(txn, "INSERT INTO item VALUES (1, 'x') RETURNING id");
	return store_step(stmt);
}

static void test_constraint_while_stepping(void **state)
{
	struct rig *rig = *state;
	struct put put = { .write.txn = returning_txn };

	rig_open(rig, NULL);
	rig_put(rig, &put, 1);
	assert_int_equal(put.r, STORE_CONFLICT);
	assert_int_equal(rig_put_one(rig, "INSERT INTO part VALUES (?1, 'one')", 1),
			 STORE_CONFLICT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_second_process_is_refused),
		TEST(test_folder_that_is_not_there),
		TEST(test_file_that_is_no_database),
		TEST(test_migrations_are_applied_once_and_in_order),
		TEST(test_newer_schema_is_refused),
		TEST(test_failed_migration_leaves_the_file),
		TEST(test_migration_must_not_commit),
		TEST(test_schema_that_destroys_batches_is_refused),
		TEST(test_harmless_words_are_not_refused),
		TEST(test_codes),
		TEST(test_bind_and_columns),
		TEST(test_constraint_while_stepping),
	};

	return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
