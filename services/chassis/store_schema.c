/*
 * The schema of a store: migrations, and what a schema must not contain.
 *
 * A file's PRAGMA user_version is the number of migrations that it has seen. Each is applied in a
 * transaction of its own together with that number, and is checked before its COMMIT: a migration
 * that fails, or that leaves a broken reference or a schema which the writer cannot live with,
 * leaves the file as it was.
 *
 * What the writer cannot live with: many callers' writes share a transaction, so a constraint that
 * rolls back the transaction instead of the statement (ON CONFLICT ROLLBACK, OR ROLLBACK or
 * RAISE(ROLLBACK) in a trigger), or that is only looked at by COMMIT (DEFERRABLE), would destroy
 * the neighbours' writes with its own.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "store_internal.h"

/* ---- words of SQL */

/* The end of what begins at `at`, which is a comment or something quoted; or `at`. */
static const char *skip_quoted(const char *at)
{
	const char *end;

	if (at[0] == '-' && at[1] == '-')
		return at + strcspn(at, "\n");
	if (at[0] == '/' && at[1] == '*') {
		end = strstr(at + 2, "*/");
		return end ? end + 2 : at + strlen(at);
	}
	if (!strchr("'\"`[", *at))
		return at;
	/* A doubled quote ends one piece and begins the next. */
	end = strchr(at + 1, *at == '[' ? ']' : *at);
	return end ? end + 1 : at + strlen(at);
}

static size_t word_len(const char *at)
{
	size_t len = 0;

	while (isalnum((unsigned char)at[len]) || at[len] == '_' || at[len] == '$' ||
	       at[len] & 0x80)
		len++;
	return len;
}

/* Whether `sql` says one of the words that would destroy a batch, outside of quotes and
 * comments. */
static const char *find_forbidden(const char *sql)
{
	static const char *const forbidden[] = { "ROLLBACK", "DEFERRABLE", "DEFERRED" };
	const char *next;
	size_t len;

	for (const char *at = sql; *at; at = next) {
		next = skip_quoted(at);
		if (next != at)
			continue;
		len = word_len(at);
		next = at + (len > 0 ? len : 1);
		for (size_t i = 0; i < WEFT_COUNT(forbidden); i++)
			if (len == strlen(forbidden[i]) && !strncasecmp(at, forbidden[i], len))
				return forbidden[i];
	}
	return NULL;
}

/* ---- checks */

/* Steps once: the first row's fields are for `look`, which gives -EINVAL and a sentence, or 0 to
 * see the next. */
typedef int look_cb(sqlite3_stmt *stmt, char error[256]);

static int each_row(sqlite3 *db, const char *sql, look_cb *look, char error[256])
{
	sqlite3_stmt *stmt = NULL;
	int rc;
	int r = 0;

	rc = sqlite3_prepare_v2(db, sql, -1, &stmt, NULL);
	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		r = look(stmt, error);
		if (r < 0)
			break;
	}
	if (r == 0 && rc != SQLITE_DONE) {
		snprintf(error, 256, "the schema cannot be read: %s", sqlite3_errmsg(db));
		r = store_code(rc);
	}
	sqlite3_finalize(stmt);
	return r;
}

static int look_for_strict(sqlite3_stmt *stmt, char error[256])
{
	snprintf(error, 256, "table %s is not STRICT", sqlite3_column_text(stmt, 0));
	return -EINVAL;
}

static int look_for_words(sqlite3_stmt *stmt, char error[256])
{
	const char *word = find_forbidden((const char *)sqlite3_column_text(stmt, 1));

	if (!word)
		return 0;
	snprintf(error, 256, "%s says %s, which would destroy a whole batch of writes",
		 sqlite3_column_text(stmt, 0), word);
	return -EINVAL;
}

static int look_for_orphans(sqlite3_stmt *stmt, char error[256])
{
	snprintf(error, 256, "table %s refers to a row of %s that is not there",
		 sqlite3_column_text(stmt, 0), sqlite3_column_text(stmt, 2));
	return -EINVAL;
}

int store_check_schema(struct store_connection *connection, char error[256])
{
	int r;

	/* Virtual tables and their shadows (FTS5) have no types to be strict about. */
	r = each_row(connection->db,
		     "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' "
		     "AND NOT strict AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
		     look_for_strict, error);
	if (r < 0)
		return r;
	return each_row(connection->db, "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL",
			look_for_words, error);
}

/* ---- migrations */

static int read_version(struct store_connection *connection, int *ret_version, char error[256])
{
	sqlite3_stmt *stmt = NULL;
	int rc;

	rc = sqlite3_prepare_v2(connection->db, "PRAGMA user_version", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*ret_version = sqlite3_column_int(stmt, 0);
	else
		snprintf(error, 256, "%s", sqlite3_errmsg(connection->db));
	sqlite3_finalize(stmt);
	return store_code(rc);
}

static int fail(struct store_connection *connection, int rc, char error[256])
{
	int r = store_code(rc);

	snprintf(error, 256, "%s", sqlite3_errmsg(connection->db));
	return r < 0 ? r : -EINVAL;
}

static int on_authorize(void *data, int action, const char *a, const char *b, const char *c,
			const char *d)
{
	return action == SQLITE_TRANSACTION ? SQLITE_DENY : SQLITE_OK;
}

/* Everything between BEGIN and COMMIT; the migration must say neither. */
static int apply(struct store_connection *connection, const struct store_migration *migration,
		 int version, char error[256])
{
	char set_version[64];
	int rc;
	int r;

	snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version);
	sqlite3_set_authorizer(connection->db, on_authorize, NULL);
	rc = store_connection_run(connection, migration->sql);
	sqlite3_set_authorizer(connection->db, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = store_connection_run(connection, set_version);
	if (rc != SQLITE_OK)
		return fail(connection, rc, error);
	r = each_row(connection->db, "PRAGMA foreign_key_check", look_for_orphans, error);
	return r < 0 ? r : store_check_schema(connection, error);
}

static int migrate_one(struct store_connection *connection, const struct store_migration *migration,
		       int version, char error[256])
{
	char why[256] = "";
	int rc;
	int r;

	rc = store_connection_run(connection, "BEGIN IMMEDIATE");
	r = rc == SQLITE_OK ? apply(connection, migration, version, why) : 0;
	if (r == 0 && rc == SQLITE_OK)
		rc = store_connection_run(connection, "COMMIT");
	if (r == 0 && rc != SQLITE_OK)
		r = fail(connection, rc, why);
	if (r == 0)
		return 0;
	if (!sqlite3_get_autocommit(connection->db))
		store_connection_run(connection, "ROLLBACK");
	snprintf(error, 256, "migration %.60s: %.180s", migration->name, why);
	return r;
}

int store_migrate(struct store_connection *connection, const struct store_migration *migrations,
		  size_t n_migrations, char error[256])
{
	int version = 0;
	int r;

	r = read_version(connection, &version, error);
	if (r < 0)
		return r;
	if (version < 0 || (size_t)version > n_migrations) {
		snprintf(error, 256,
			 "the schema is newer than this program: it has version %d, and %zu is "
			 "the last one known here",
			 version, n_migrations);
		return -ENOTSUP;
	}
	for (size_t i = (size_t)version; i < n_migrations; i++) {
		r = migrate_one(connection, &migrations[i], (int)i + 1, error);
		if (r < 0)
			return r;
	}
	/* A file that was migrated by hand, or by a program without this check. */
	return store_check_schema(connection, error);
}
