/*
 * The only SQL of registry.
 *
 * One table holds every change; `live` marks those that are what a key is now. As it is, a range is
 * a walk along the index of the live ones; as it was, of each key the last change up to that
 * revision, if that is no deletion.
 */
#include "store.h"

#include <errno.h>
#include <string.h>

#define SWEEP_ROWS 500

static sqlite3_stmt *prepare(const struct kv_view *view, const char *sql)
{
	return view->txn ? store_txn_stmt(view->txn, sql) : store_reader_stmt(view->reader, sql);
}

/* The first row: 0, STORE_NOT_FOUND, or negative. The caller resets it after reading. */
static int first(sqlite3_stmt *stmt)
{
	int r = store_step(stmt);

	if (r < 0)
		return r;
	return r > 0 ? 0 : STORE_NOT_FOUND;
}

int kv_state(const struct kv_view *view, struct kv_state *ret_state)
{
	sqlite3_stmt *stmt = prepare(
		view, "SELECT ifnull((SELECT max(main) FROM revisions), 1), compacted, sweeping,"
		      " swept, cluster_id, member_id FROM state");
	int r;

	if (!stmt)
		return -EINVAL;
	r = first(stmt);
	if (r != 0)
		return r < 0 ? r : -ENODATA;
	*ret_state = (struct kv_state) {
		.revision = sqlite3_column_int64(stmt, 0),
		.compacted = sqlite3_column_int64(stmt, 1),
		.sweeping = sqlite3_column_int64(stmt, 2),
		.swept = sqlite3_column_int64(stmt, 3),
		.cluster_id = (uint64_t)sqlite3_column_int64(stmt, 4),
		.member_id = (uint64_t)sqlite3_column_int64(stmt, 5),
	};
	sqlite3_reset(stmt);
	return 0;
}

/* ---- reading keys */

#define COLUMNS "key, create_revision, main, version, value, lease"

static int read_bytes(sqlite3_stmt *stmt, int column, struct weft_arena *arena,
		      ProtobufCBinaryData *ret_data)
{
	struct weft_bytes bytes = store_column_bytes(stmt, column, arena);

	if (!bytes.data && bytes.len)
		return -ENOMEM;
	*ret_data = (ProtobufCBinaryData) { .len = bytes.len, .data = (uint8_t *)bytes.data };
	return 0;
}

static int read_kv(sqlite3_stmt *stmt, struct weft_arena *arena, bool key_only,
		   Mvccpb__KeyValue **ret_kv)
{
	Mvccpb__KeyValue *kv = weft_arena_alloc(arena, sizeof(*kv));
	int r;

	mvccpb__key_value__init(kv);
	r = read_bytes(stmt, 0, arena, &kv->key);
	if (r == 0 && !key_only)
		r = read_bytes(stmt, 4, arena, &kv->value);
	if (r < 0)
		return r;
	kv->create_revision = sqlite3_column_int64(stmt, 1);
	kv->mod_revision = sqlite3_column_int64(stmt, 2);
	kv->version = sqlite3_column_int64(stmt, 3);
	kv->lease = sqlite3_column_int64(stmt, 5);
	*ret_kv = kv;
	return 0;
}

int kv_get(const struct kv_view *view, struct weft_bytes key, struct weft_arena *arena,
	   Mvccpb__KeyValue **ret_kv)
{
	sqlite3_stmt *stmt =
		prepare(view, "SELECT " COLUMNS " FROM revisions WHERE live AND key = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "b", &key);
	if (r == 0)
		r = first(stmt);
	if (r != 0)
		return r;
	r = read_kv(stmt, arena, false, ret_kv);
	sqlite3_reset(stmt);
	return r;
}

/* The statement for a kind of interval, now or then. The signs keep the planner to the keys. */
#define FILTER  " AND +r.main BETWEEN ?4 AND ?5 AND +r.create_revision BETWEEN ?6 AND ?7"
#define NOW(in) " FROM revisions AS r WHERE r.live AND " in FILTER
#define THEN(in)                                                                                   \
	" FROM revisions AS r WHERE " in " AND r.version > 0 AND +r.main <= ?3 AND NOT EXISTS"     \
	" (SELECT 1 FROM revisions AS n WHERE n.key = r.key AND n.main <= ?3"                      \
	" AND (n.main, n.sub) > (r.main, r.sub))" FILTER
/* Of one key it is the first of a walk backwards, however long its history. */
#define THEN_ONE                                                                                   \
	" FROM (SELECT * FROM revisions WHERE key = ?1 AND main <= ?3"                             \
	" ORDER BY main DESC, sub DESC LIMIT 1) AS r WHERE r.version > 0" FILTER
#define EACH(select, order)                                                                        \
	{                                                                                          \
		{                                                                                  \
			select NOW("r.key = ?1") order,                                            \
			select NOW("r.key >= ?1 AND r.key < ?2") order,                            \
			select NOW("r.key >= ?1") order,                                           \
		},                                                                                 \
			{                                                                          \
				select THEN_ONE order,                                             \
				select THEN("r.key >= ?1 AND r.key < ?2") order,                   \
				select THEN("r.key >= ?1") order,                                  \
			},                                                                         \
	}
#define TARGET                                                                                     \
	" ORDER BY CASE ?9 WHEN 0 THEN r.key WHEN 1 THEN r.version"                                \
	" WHEN 2 THEN r.create_revision WHEN 3 THEN r.main ELSE r.value END"

static const char *const by_key[2][3] = EACH("SELECT " COLUMNS, " ORDER BY r.key LIMIT ?8");
static const char *const ascending[2][3] = EACH("SELECT " COLUMNS, TARGET " ASC, r.key LIMIT ?8");
static const char *const descending[2][3] = EACH("SELECT " COLUMNS, TARGET " DESC, r.key LIMIT ?8");
static const char *const counting[2][3] = EACH("SELECT count(*)", "");

static sqlite3_stmt *prepare_query(const struct kv_view *view, const struct kv_query *query,
				   const char *const sql[2][3])
{
	sqlite3_stmt *stmt = prepare(view, sql[query->revision > 0][query->interval.kind]);

	if (!stmt ||
	    store_bind(stmt, "bbiiiii", &query->interval.from, &query->interval.to, query->revision,
		       query->min_mod, query->max_mod, query->min_create, query->max_create) < 0)
		return NULL;
	return stmt;
}

static int read_kvs(sqlite3_stmt *stmt, bool keys_only, struct weft_arena *arena,
		    Mvccpb__KeyValue ***ret_kvs, size_t *ret_n)
{
	Mvccpb__KeyValue **kvs = NULL;
	size_t n = 0, cap = 0;
	int r;

	while ((r = store_step(stmt)) > 0) {
		if (n == cap) {
			Mvccpb__KeyValue **more;

			cap = cap ? cap * 2 : 8;
			more = weft_arena_new_array(arena, Mvccpb__KeyValue *, cap);
			if (!more)
				return -ENOMEM;
			if (n)
				memcpy(more, kvs, n * sizeof(*kvs));
			kvs = more;
		}
		r = read_kv(stmt, arena, keys_only, &kvs[n]);
		if (r < 0)
			return r;
		n++;
	}
	if (r < 0)
		return r;
	*ret_kvs = kvs;
	*ret_n = n;
	return 0;
}

int kv_range(const struct kv_view *view, const struct kv_query *query, struct weft_arena *arena,
	     Mvccpb__KeyValue ***ret_kvs, size_t *ret_n)
{
	bool plain = query->target == KV_KEY && !query->descending;
	sqlite3_stmt *stmt = prepare_query(view, query,
					   plain               ? by_key
					   : query->descending ? descending
							       : ascending);
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_code(sqlite3_bind_int64(stmt, 8, query->limit));
	if (r == 0 && !plain)
		r = store_code(sqlite3_bind_int64(stmt, 9, query->target));
	if (r != 0)
		return r;
	r = read_kvs(stmt, query->keys_only, arena, ret_kvs, ret_n);
	sqlite3_reset(stmt);
	return r;
}

int kv_count(const struct kv_view *view, const struct kv_query *query, int64_t *ret_count)
{
	sqlite3_stmt *stmt = prepare_query(view, query, counting);
	int r;

	if (!stmt)
		return -EINVAL;
	r = first(stmt);
	if (r != 0)
		return r < 0 ? r : -ENODATA;
	*ret_count = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

/* ---- writing */

static int insert(struct kv_change *change, const Mvccpb__KeyValue *kv, bool live)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		change->txn, "INSERT INTO revisions (main, sub, key, create_revision, version,"
			     " value, lease, live) VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	struct weft_bytes key = key_of(kv->key), value = key_of(kv->value);
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "iibiibii", change->main, change->sub, &key, kv->create_revision,
		       kv->version, &value, kv->lease, (int64_t)live);
	if (r == 0)
		r = store_exec(stmt);
	if (r == 0)
		change->sub++;
	return r;
}

/* The key is no more what it was. */
static int supersede(struct kv_change *change, struct weft_bytes key)
{
	sqlite3_stmt *stmt =
		store_txn_stmt(change->txn, "UPDATE revisions SET live = 0 WHERE live AND key = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "b", &key);
	return r == 0 ? store_exec(stmt) : r;
}

int kv_put(struct kv_change *change, struct weft_bytes key, struct weft_bytes value, int64_t lease,
	   const Mvccpb__KeyValue *was)
{
	Mvccpb__KeyValue kv = MVCCPB__KEY_VALUE__INIT;
	int r = 0;

	kv.key = (ProtobufCBinaryData) { .len = key.len, .data = (uint8_t *)key.data };
	kv.value = (ProtobufCBinaryData) { .len = value.len, .data = (uint8_t *)value.data };
	kv.create_revision = was ? was->create_revision : change->main;
	kv.version = was ? was->version + 1 : 1;
	kv.lease = lease;
	if (was)
		r = supersede(change, key);
	return r == 0 ? insert(change, &kv, true) : r;
}

int kv_delete(struct kv_change *change, const Mvccpb__KeyValue *was)
{
	Mvccpb__KeyValue kv = MVCCPB__KEY_VALUE__INIT;
	int r;

	kv.key = was->key;
	r = supersede(change, key_of(was->key));
	return r == 0 ? insert(change, &kv, false) : r;
}

/* ---- history */

static void show(sqlite3_stmt *stmt, struct kv_event *event)
{
	Mvccpb__KeyValue *kv = &event->kv;

	mvccpb__key_value__init(kv);
	event->main = sqlite3_column_int64(stmt, 2);
	event->is_delete = sqlite3_column_int64(stmt, 3) == 0;
	kv->key.data = (uint8_t *)sqlite3_column_blob(stmt, 0);
	kv->key.len = (size_t)sqlite3_column_bytes(stmt, 0);
	kv->mod_revision = event->main;
	if (event->is_delete)
		return;
	kv->create_revision = sqlite3_column_int64(stmt, 1);
	kv->version = sqlite3_column_int64(stmt, 3);
	kv->value.data = (uint8_t *)sqlite3_column_blob(stmt, 4);
	kv->value.len = (size_t)sqlite3_column_bytes(stmt, 4);
	kv->lease = sqlite3_column_int64(stmt, 5);
}

int kv_walk(const struct kv_view *view, int64_t from, int64_t to, size_t rows, size_t bytes,
	    kv_event_cb *cb, void *data, int64_t *ret_next)
{
	sqlite3_stmt *stmt =
		prepare(view, "SELECT " COLUMNS " FROM revisions WHERE main BETWEEN ? AND ?"
			      " ORDER BY main, sub");
	size_t n = 0, size = 0;
	int64_t main = from;
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "ii", from, to);
	if (r < 0)
		return r;
	while ((r = store_step(stmt)) > 0) {
		struct kv_event event;

		show(stmt, &event);
		if (event.main != main && (n >= rows || size >= bytes))
			break;
		main = event.main;
		n++;
		size += event.kv.key.len + event.kv.value.len;
		r = cb(&event, data);
		if (r < 0)
			break;
	}
	sqlite3_reset(stmt);
	if (r < 0)
		return r;
	*ret_next = r > 0 ? main + 1 : to + 1;
	return 0;
}

int kv_set_compacted(struct store_txn *txn, int64_t revision)
{
	sqlite3_stmt *stmt = store_txn_stmt(txn, "UPDATE state SET compacted = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "i", revision);
	return r == 0 ? store_exec(stmt) : r;
}

static int note_sweep(struct store_txn *txn, int64_t revision, bool done)
{
	sqlite3_stmt *stmt =
		store_txn_stmt(txn, done ? "UPDATE state SET swept = max(swept, ?)"
					 : "UPDATE state SET sweeping = max(sweeping, ?)");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "i", revision);
	return r == 0 ? store_exec(stmt) : r;
}

/* Where the next piece ends. */
static int piece_end(struct store_txn *txn, const struct kv_sweep *sweep, struct kv_sweep *ret_end)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "SELECT main, sub FROM revisions WHERE (main, sub) > (?, ?) AND main < ?"
		     " ORDER BY main, sub LIMIT 1 OFFSET ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "iiii", sweep->main, sweep->sub, sweep->revision,
		       (int64_t)SWEEP_ROWS - 1);
	if (r == 0)
		r = first(stmt);
	*ret_end = (struct kv_sweep) {
		.revision = sweep->revision,
		.main = r == 0 ? sqlite3_column_int64(stmt, 0) : sweep->revision - 1,
		.sub = r == 0 ? sqlite3_column_int64(stmt, 1) : INT64_MAX,
		.done = r == STORE_NOT_FOUND,
	};
	if (r == 0)
		sqlite3_reset(stmt);
	return r < 0 ? r : 0;
}

int kv_sweep(struct store_txn *txn, struct kv_sweep *sweep)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "DELETE FROM revisions WHERE (main, sub) > (?, ?) AND (main, sub) <= (?, ?)"
		     " AND (version = 0 OR EXISTS (SELECT 1 FROM revisions AS n"
		     " WHERE n.key = revisions.key AND n.main <= ?"
		     " AND (n.main, n.sub) > (revisions.main, revisions.sub)))");
	struct kv_sweep end;
	int r;

	if (!stmt)
		return -EINVAL;
	r = note_sweep(txn, sweep->revision, false);
	if (r == 0)
		r = piece_end(txn, sweep, &end);
	if (r == 0)
		r = store_bind(stmt, "iiiii", sweep->main, sweep->sub, end.main, end.sub,
			       sweep->revision);
	if (r == 0)
		r = store_exec(stmt);
	if (r == 0 && end.done)
		r = note_sweep(txn, sweep->revision, true);
	if (r == 0)
		*sweep = end;
	return r;
}

/* ---- leases */

int lease_insert(struct store_txn *txn, const struct kv_lease *lease)
{
	sqlite3_stmt *stmt = store_txn_stmt(txn, "INSERT INTO leases (id, ttl) VALUES (?, ?)");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "ii", lease->id, lease->ttl);
	return r == 0 ? store_exec(stmt) : r;
}

int lease_delete(struct store_txn *txn, int64_t id)
{
	sqlite3_stmt *stmt = store_txn_stmt(txn, "DELETE FROM leases WHERE id = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "i", id);
	if (r == 0)
		r = store_exec(stmt);
	if (r != 0)
		return r;
	return sqlite3_changes(store_txn_db(txn)) ? 0 : STORE_NOT_FOUND;
}

int lease_find(const struct kv_view *view, int64_t id)
{
	sqlite3_stmt *stmt = prepare(view, "SELECT 1 FROM leases WHERE id = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "i", id);
	if (r == 0)
		r = first(stmt);
	sqlite3_reset(stmt);
	return r;
}

int lease_list(const struct kv_view *view, struct weft_arena *arena, struct kv_lease **ret_leases,
	       size_t *ret_n)
{
	sqlite3_stmt *stmt = prepare(view, "SELECT id, ttl FROM leases ORDER BY id");
	struct kv_lease *leases = NULL;
	size_t n = 0, cap = 0;
	int r;

	if (!stmt)
		return -EINVAL;
	while ((r = store_step(stmt)) > 0) {
		if (n == cap) {
			struct kv_lease *more;

			cap = cap ? cap * 2 : 16;
			more = weft_arena_new_array(arena, struct kv_lease, cap);
			if (!more)
				return -ENOMEM;
			if (n)
				memcpy(more, leases, n * sizeof(*leases));
			leases = more;
		}
		leases[n++] = (struct kv_lease) { sqlite3_column_int64(stmt, 0),
						  sqlite3_column_int64(stmt, 1) };
	}
	if (r < 0)
		return r;
	*ret_leases = leases;
	*ret_n = n;
	return 0;
}

int lease_keys(const struct kv_view *view, int64_t id, struct weft_arena *arena,
	       Mvccpb__KeyValue ***ret_kvs, size_t *ret_n)
{
	sqlite3_stmt *stmt = prepare(view, "SELECT " COLUMNS " FROM revisions"
					   " WHERE live AND lease != 0 AND lease = ? ORDER BY key");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "i", id);
	if (r == 0)
		r = read_kvs(stmt, true, arena, ret_kvs, ret_n);
	sqlite3_reset(stmt);
	return r;
}

int kv_size(const struct kv_view *view, int64_t *ret_size, int64_t *ret_in_use)
{
	sqlite3_stmt *stmt = prepare(
		view, "SELECT page_count * page_size, (page_count - freelist_count) * page_size"
		      " FROM pragma_page_count, pragma_page_size, pragma_freelist_count");
	int r;

	if (!stmt)
		return -EINVAL;
	r = first(stmt);
	if (r != 0)
		return r < 0 ? r : -ENODATA;
	*ret_size = sqlite3_column_int64(stmt, 0);
	*ret_in_use = sqlite3_column_int64(stmt, 1);
	sqlite3_reset(stmt);
	return 0;
}
