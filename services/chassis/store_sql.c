/*
 * SQL by hand, with less of it: connections that keep their statements, one table from SQLite's
 * codes to outcomes, binding and columns.
 *
 * A failed statement is logged here and only here, because SQLite's own words are known nowhere
 * else; the errno that goes up tells the rest of the program what to do about it.
 */
#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <weft/log.h>

#include "store_internal.h"

/* ---- codes */

int store_code(int sqlite_code)
{
	if (sqlite_code == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	switch (sqlite_code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE: return 0;
	case SQLITE_CONSTRAINT: return STORE_CONFLICT;
	case SQLITE_NOMEM: return -ENOMEM;
	case SQLITE_FULL: return -ENOSPC;
	case SQLITE_TOOBIG: return -EMSGSIZE;
	case SQLITE_INTERRUPT:
	case SQLITE_ABORT: return -ECANCELED;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL: return -EBUSY;
	case SQLITE_READONLY: return -EROFS;
	case SQLITE_PERM:
	case SQLITE_AUTH: return -EACCES;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB: return -EBADMSG;
	case SQLITE_ERROR:
	case SQLITE_MISMATCH:
	case SQLITE_MISUSE:
	case SQLITE_RANGE:
	case SQLITE_SCHEMA: return -EINVAL;
	default: return -EIO; /* IOERR, CANTOPEN, and what comes after 3.40 */
	}
}

/* Outcomes and interruptions are everyday; the rest is for people to read. */
static int report(sqlite3_stmt *stmt, int sqlite_code)
{
	int r = store_code(sqlite_code);

	if (r < 0 && r != -ECANCELED)
		weft_log_error("statement failed", WEFT_STR("sql", sqlite3_sql(stmt)),
			       WEFT_STR("error", sqlite3_errmsg(sqlite3_db_handle(stmt))),
			       WEFT_INT("code", sqlite_code));
	return r;
}

/* ---- connections */

int store_connection_open(struct store_connection *connection, const char *path, int flags,
			  char error[256])
{
	sqlite3 *db = NULL;
	int rc;

	rc = sqlite3_open_v2(path, &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	if (rc != SQLITE_OK) {
		snprintf(error, 256, "%s cannot be opened: %s", path,
			 db ? sqlite3_errmsg(db) : sqlite3_errstr(rc));
		sqlite3_close(db);
		return store_code(rc);
	}
	sqlite3_busy_timeout(db, STORE_BUSY_WAIT_MS);
	*connection = (struct store_connection) { .db = db, .statements = WEFT_MAP_INIT };
	return 0;
}

void store_connection_close(struct store_connection *connection)
{
	void *stmt;
	int rc;

	if (!connection->db)
		return;
	for (size_t at = 0; weft_map_next(&connection->statements, &at, &stmt);)
		sqlite3_finalize(stmt);
	weft_map_fini(&connection->statements);
	rc = sqlite3_close(connection->db);
	assert(rc == SQLITE_OK); /* else somebody kept a statement of his own */
	connection->db = NULL;
}

sqlite3_stmt *store_connection_stmt(struct store_connection *connection, const char *sql)
{
	size_t len = strlen(sql);
	sqlite3_stmt *stmt = weft_map_get(&connection->statements, sql, len);
	int rc;

	if (stmt) {
		sqlite3_reset(stmt);
		sqlite3_clear_bindings(stmt);
		return stmt;
	}
	rc = sqlite3_prepare_v3(connection->db, sql, (int)len + 1, SQLITE_PREPARE_PERSISTENT, &stmt,
				NULL);
	if (rc != SQLITE_OK) {
		weft_log_error("statement does not compile", WEFT_STR("sql", sql),
			       WEFT_STR("error", sqlite3_errmsg(connection->db)));
		return NULL;
	}
	if (weft_map_put(&connection->statements, sql, len, stmt) < 0) {
		sqlite3_finalize(stmt);
		return NULL;
	}
	return stmt;
}

void store_connection_reset(struct store_connection *connection)
{
	sqlite3_stmt *stmt = NULL;

	/* Every statement of the connection, those that were prepared past the cache included. */
	while ((stmt = sqlite3_next_stmt(connection->db, stmt))) {
		if (sqlite3_stmt_busy(stmt))
			sqlite3_reset(stmt);
		sqlite3_clear_bindings(stmt);
	}
}

int store_connection_run(struct store_connection *connection, const char *sql)
{
	return sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
}

/* ---- statements */

int store_bind(sqlite3_stmt *stmt, const char *format, ...)
{
	const struct weft_bytes *bytes;
	const char *string;
	va_list args;
	int rc = SQLITE_OK;

	va_start(args, format);
	for (int at = 1; *format && rc == SQLITE_OK; at++, format++) {
		switch (*format) {
		case 'i': rc = sqlite3_bind_int64(stmt, at, va_arg(args, int64_t)); break;
		case 'd': rc = sqlite3_bind_double(stmt, at, va_arg(args, double)); break;
		case 'n': rc = sqlite3_bind_null(stmt, at); break;
		case 's':
			string = va_arg(args, const char *);
			rc = string ? sqlite3_bind_text64(stmt, at, string, strlen(string),
							  SQLITE_STATIC, SQLITE_UTF8)
				    : sqlite3_bind_null(stmt, at);
			break;
		case 'b':
			/* A NULL pointer would bind NULL, and no bytes are not NULL. */
			bytes = va_arg(args, const struct weft_bytes *);
			rc = sqlite3_bind_blob64(stmt, at,
						 bytes->data ? (const void *)bytes->data : "",
						 bytes->len, SQLITE_STATIC);
			break;
		default: rc = SQLITE_MISUSE;
		}
	}
	va_end(args);
	return report(stmt, rc);
}

int store_step(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	int r;

	if (rc == SQLITE_ROW)
		return 1;
	r = report(stmt, rc);
	sqlite3_reset(stmt);
	return r;
}

int store_exec(sqlite3_stmt *stmt)
{
	int rc = sqlite3_step(stmt);
	int r = report(stmt, rc);

	sqlite3_reset(stmt);
	return r;
}

char *store_column_text(sqlite3_stmt *stmt, int column, struct weft_arena *arena)
{
	const char *text = (const char *)sqlite3_column_text(stmt, column);

	if (!text)
		return weft_arena_strdup(arena, "");
	return weft_arena_strndup(arena, text, (size_t)sqlite3_column_bytes(stmt, column));
}

struct weft_bytes store_column_bytes(sqlite3_stmt *stmt, int column, struct weft_arena *arena)
{
	const void *blob = sqlite3_column_blob(stmt, column);
	size_t len = (size_t)sqlite3_column_bytes(stmt, column);

	return (struct weft_bytes) {
		.data = len > 0 ? weft_arena_memdup(arena, blob, len) : NULL,
		.len = len,
	};
}
