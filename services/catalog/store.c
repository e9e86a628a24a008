/* The only SQL of catalog. */
#include "store.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#define COLUMNS                                                                                    \
	"id, title, price_nanos, weight_grams, create_time, update_time, sequence, delete_time"

static void read_row(sqlite3_stmt *stmt, struct weft_arena *arena, struct product_fields *fields,
		     struct product_history *history)
{
	*fields = (struct product_fields) {
		.title = store_column_text(stmt, 1, arena),
		.price_nanos = sqlite3_column_int64(stmt, 2),
		.weight_grams = sqlite3_column_int64(stmt, 3),
	};
	strncpy(fields->id, store_column_text(stmt, 0, arena), RESOURCE_ID_MOST);
	*history = (struct product_history) {
		.create_time = sqlite3_column_int64(stmt, 4),
		.update_time = sqlite3_column_int64(stmt, 5),
		.sequence = sqlite3_column_int64(stmt, 6),
		.delete_time = sqlite3_column_int64(stmt, 7), /* NULL is 0 */
	};
}

static Catalog__V1__Product *read_product(sqlite3_stmt *stmt, struct weft_arena *arena)
{
	struct product_history history;
	struct product_fields fields;

	read_row(stmt, arena, &fields, &history);
	return product_to_message(&fields, &history, arena);
}

int store_get_product(struct store_reader *reader, const char *id, struct weft_arena *arena,
		      Catalog__V1__Product **ret_product)
{
	sqlite3_stmt *stmt =
		store_reader_stmt(reader, "SELECT " COLUMNS " FROM products WHERE id = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", id);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r <= 0)
		return r < 0 ? r : STORE_NOT_FOUND;
	*ret_product = read_product(stmt, arena);
	sqlite3_reset(stmt);
	return 0;
}

/* The rows of a statement that gives `limit` of them at most. */
static int read_products(sqlite3_stmt *stmt, size_t limit, struct weft_arena *arena,
			 Catalog__V1__Product ***ret_products, size_t *ret_n)
{
	Catalog__V1__Product **products =
		weft_arena_new_array(arena, Catalog__V1__Product *, limit);
	size_t n = 0;
	int r;

	if (!products)
		return -ENOMEM;
	while ((r = store_step(stmt)) > 0)
		products[n++] = read_product(stmt, arena);
	if (r < 0)
		return r;
	*ret_products = products;
	*ret_n = n;
	return 0;
}

int store_list_products(struct store_reader *reader, const char *after, bool show_deleted,
			size_t limit, struct weft_arena *arena,
			Catalog__V1__Product ***ret_products, size_t *ret_n)
{
	sqlite3_stmt *stmt =
		store_reader_stmt(reader, "SELECT " COLUMNS " FROM products WHERE id > ?"
					  " AND (? OR delete_time IS NULL) ORDER BY id LIMIT ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "sii", after, (int64_t)show_deleted, (int64_t)limit);
	return r < 0 ? r : read_products(stmt, limit, arena, ret_products, ret_n);
}

/* The text as a query in FTS5's language, without a word of that language in it: every word is a
 * string, and all of them must be there, the last one perhaps as a beginning. What is not ASCII is
 * left to the tokenizer, to which a string of mere signs is nothing. */
static char *fts_query(const char *text, struct weft_arena *arena)
{
	char *query = weft_arena_alloc(arena, 4 * strlen(text) + 2), *out = query;

	if (!query)
		return NULL;
	for (const char *at = text; *at;) {
		const char *start = at;

		while (isalnum((unsigned char)*at) || *at & 0x80)
			at++;
		if (at == start) {
			at++;
			continue;
		}
		*out++ = '"';
		out = mempcpy(out, start, (size_t)(at - start));
		*out++ = '"';
		*out++ = ' ';
	}
	if (out > query)
		out[-1] = '*';
	*out = '\0';
	return query;
}

int store_search_products(struct store_reader *reader, const char *text, size_t skip, size_t limit,
			  struct weft_arena *arena, Catalog__V1__Product ***ret_products,
			  size_t *ret_n)
{
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "SELECT " COLUMNS " FROM"
			" (SELECT rowid AS found, bm25(product_words, 5.0, 1.0) AS score"
			"  FROM product_words WHERE product_words MATCH ?)"
			" JOIN products ON sequence = found ORDER BY score, id LIMIT ? OFFSET ?");
	char *query = fts_query(text, arena);
	int r;

	if (!stmt)
		return -EINVAL;
	if (!query)
		return -ENOMEM;
	if (!query[0]) {
		*ret_n = 0;
		return 0;
	}
	r = store_bind(stmt, "sii", query, (int64_t)limit, (int64_t)skip);
	return r < 0 ? r : read_products(stmt, limit, arena, ret_products, ret_n);
}

int store_last_sequence(struct store_reader *reader, int64_t *ret_sequence)
{
	sqlite3_stmt *stmt =
		store_reader_stmt(reader, "SELECT ifnull(max(sequence), 0) FROM products");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_step(stmt);
	if (r < 0)
		return r;
	*ret_sequence = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_list_changes(struct store_reader *reader, int64_t after, size_t limit,
		       struct weft_arena *arena, Catalog__V1__Product ***ret_products,
		       int64_t **ret_sequences, size_t *ret_n)
{
	sqlite3_stmt *stmt =
		store_reader_stmt(reader, "SELECT " COLUMNS " FROM products WHERE sequence > ?"
					  " ORDER BY sequence LIMIT ?");
	Catalog__V1__Product **products =
		weft_arena_new_array(arena, Catalog__V1__Product *, limit);
	int64_t *sequences = weft_arena_new_array(arena, int64_t, limit);
	size_t n = 0;
	int r;

	if (!stmt)
		return -EINVAL;
	if (!products || !sequences)
		return -ENOMEM;
	r = store_bind(stmt, "ii", after, (int64_t)limit);
	if (r < 0)
		return r;
	for (; (r = store_step(stmt)) > 0; n++) {
		products[n] = read_product(stmt, arena);
		sequences[n] = sqlite3_column_int64(stmt, 6);
	}
	if (r < 0)
		return r;
	*ret_products = products;
	*ret_sequences = sequences;
	*ret_n = n;
	return 0;
}

/* The change counter's next value: there is one writer, so nobody else takes it. */
static int next_sequence(struct store_txn *txn, int64_t *ret_sequence)
{
	sqlite3_stmt *stmt =
		store_txn_stmt(txn, "SELECT ifnull(max(sequence), 0) + 1 FROM products");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_step(stmt);
	if (r < 0)
		return r;
	*ret_sequence = sqlite3_column_int64(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

static int run_for(sqlite3_stmt *stmt, const char *id)
{
	int r = stmt ? store_bind(stmt, "s", id) : -EINVAL;

	return r < 0 ? r : store_exec(stmt);
}

/* Takes a product out of the search index, before it changes. */
static int unindex_product(struct store_txn *txn, const char *id)
{
	return run_for(store_txn_stmt(txn,
				      "DELETE FROM product_words WHERE rowid = (SELECT sequence"
				      " FROM products WHERE id = ? AND delete_time IS NULL)"),
		       id);
}

/* Puts it there as it is now, if it is for sale; and tells who waits for changes. */
static int index_product(struct store_txn *txn, const char *id)
{
	store_txn_touch(txn, TOPIC_PRODUCTS);
	return run_for(store_txn_stmt(txn, "INSERT INTO product_words (rowid, id, title)"
					   " SELECT sequence, id, title FROM products"
					   " WHERE id = ? AND delete_time IS NULL"),
		       id);
}

int store_insert_product(struct store_txn *txn, const struct product_fields *fields, int64_t now,
			 int64_t *ret_sequence)
{
	sqlite3_stmt *stmt = store_txn_stmt(txn, "INSERT INTO products (" COLUMNS
						 ") VALUES (?, ?, ?, ?, ?, ?, ?, NULL)");
	int64_t sequence;
	int r;

	if (!stmt)
		return -EINVAL;
	r = next_sequence(txn, &sequence);
	if (r < 0)
		return r;
	r = store_bind(stmt, "ssiiiii", fields->id, fields->title, fields->price_nanos,
		       fields->weight_grams, now, now, sequence);
	if (r < 0)
		return r;
	r = store_exec(stmt);
	if (r == 0)
		r = index_product(txn, fields->id);
	if (r == 0)
		*ret_sequence = sequence;
	return r;
}

/* Its times and its next sequence; `delete_time` 0: for sale. */
static int update_product(struct store_txn *txn, const struct product_fields *fields, int64_t now,
			  int64_t delete_time, int64_t *ret_sequence)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "UPDATE products SET title = ?, price_nanos = ?, weight_grams = ?,"
		     " update_time = ?, delete_time = nullif(?, 0), sequence = ? WHERE id = ?");
	int64_t sequence;
	int r;

	if (!stmt)
		return -EINVAL;
	r = unindex_product(txn, fields->id);
	if (r == 0)
		r = next_sequence(txn, &sequence);
	if (r != 0)
		return r;
	r = store_bind(stmt, "siiiiis", fields->title, fields->price_nanos, fields->weight_grams,
		       now, delete_time, sequence, fields->id);
	if (r < 0)
		return r;
	r = store_exec(stmt);
	if (r == 0)
		r = index_product(txn, fields->id);
	if (r == 0)
		*ret_sequence = sequence;
	return r;
}

/* Whether there is a product of this id, and if it is the same already. */
static int compare_product(struct store_txn *txn, const struct product_fields *fields,
			   bool *ret_exists, bool *ret_same)
{
	sqlite3_stmt *stmt =
		store_txn_stmt(txn, "SELECT title = ? AND price_nanos = ? AND weight_grams = ?"
				    " AND delete_time IS NULL FROM products WHERE id = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "siis", fields->title, fields->price_nanos, fields->weight_grams,
		       fields->id);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r < 0)
		return r;
	*ret_exists = r > 0;
	*ret_same = r > 0 && sqlite3_column_int(stmt, 0);
	sqlite3_reset(stmt);
	return 0;
}

int store_put_product(struct store_txn *txn, const struct product_fields *fields, int64_t now,
		      enum put_result *ret_result)
{
	bool exists, same;
	int64_t sequence;
	int r;

	r = compare_product(txn, fields, &exists, &same);
	if (r < 0)
		return r;
	if (same) {
		*ret_result = PUT_UNCHANGED;
		return 0;
	}
	r = exists ? update_product(txn, fields, now, 0, &sequence)
		   : store_insert_product(txn, fields, now, &sequence);
	if (r == 0)
		*ret_result = exists ? PUT_UPDATED : PUT_CREATED;
	return r;
}

/* 0 or STORE_NOT_FOUND. */
static int find_product(struct store_txn *txn, const char *id, struct weft_arena *arena,
			struct product_fields *fields, struct product_history *history)
{
	sqlite3_stmt *stmt = store_txn_stmt(txn, "SELECT " COLUMNS " FROM products WHERE id = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", id);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r <= 0)
		return r < 0 ? r : STORE_NOT_FOUND;
	read_row(stmt, arena, fields, history);
	sqlite3_reset(stmt);
	return 0;
}

/* What is in the way of a change: 0 or a change_outcome. */
static int allow_change(const struct product_change *change, const struct product_history *history,
			struct weft_arena *arena)
{
	if (change->kind == CHANGE_UNDELETE && !history->delete_time)
		return CHANGE_IS_NOT_DELETED;
	if (change->kind != CHANGE_UNDELETE && change->kind != CHANGE_PUT && history->delete_time)
		return CHANGE_IS_DELETED;
	if (change->etag[0] && strcmp(change->etag, product_etag(history->sequence, arena)) != 0)
		return CHANGE_ETAG_MISMATCH;
	return 0;
}

/* Whether anything is another than before. */
static bool merge(const struct product_change *change, struct product_fields *fields)
{
	const struct product_fields before = *fields, *wanted = &change->fields;

	if (change->mask & PRODUCT_TITLE)
		fields->title = wanted->title;
	if (change->mask & PRODUCT_PRICE)
		fields->price_nanos = wanted->price_nanos;
	if (change->mask & PRODUCT_WEIGHT)
		fields->weight_grams = wanted->weight_grams;
	return strcmp(before.title, fields->title) != 0 ||
	       before.price_nanos != fields->price_nanos ||
	       before.weight_grams != fields->weight_grams;
}

/* Whether the product becomes another. */
static bool apply_change(const struct product_change *change, struct product_fields *fields,
			 struct product_history *history)
{
	const bool was_deleted = history->delete_time != 0;
	const bool is_deleted = change->kind == CHANGE_DELETE;

	if (!merge(change, fields) && was_deleted == is_deleted)
		return false;
	history->update_time = change->now;
	history->delete_time = is_deleted ? change->now : 0;
	return true;
}

static int insert_change(struct store_txn *txn, const struct product_change *change,
			 struct weft_arena *arena, Catalog__V1__Product **ret_product)
{
	struct product_history history = { .create_time = change->now, .update_time = change->now };
	int r;

	r = store_insert_product(txn, &change->fields, change->now, &history.sequence);
	if (r == 0)
		*ret_product = product_to_message(&change->fields, &history, arena);
	return r;
}

int store_change_product(struct store_txn *txn, const struct product_change *change,
			 struct weft_arena *arena, Catalog__V1__Product **ret_product)
{
	struct product_history history;
	struct product_fields fields;
	int r;

	r = find_product(txn, change->fields.id, arena, &fields, &history);
	if (r == STORE_NOT_FOUND && change->kind == CHANGE_PUT && !change->etag[0])
		return insert_change(txn, change, arena, ret_product);
	if (r == 0)
		r = allow_change(change, &history, arena);
	if (r != 0)
		return r;
	if (apply_change(change, &fields, &history)) {
		r = update_product(txn, &fields, change->now, history.delete_time,
				   &history.sequence);
		if (r != 0)
			return r;
	}
	*ret_product = product_to_message(&fields, &history, arena);
	return 0;
}
