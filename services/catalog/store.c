/* The only SQL of catalog. */
#include "store.h"

#include <errno.h>
#include <string.h>

#define COLUMNS "id, title, price_nanos, weight_grams, create_time, update_time, sequence"

static Catalog__V1__Product *read_product(sqlite3_stmt *stmt, struct weft_arena *arena)
{
	struct product_fields fields = { .price_nanos = sqlite3_column_int64(stmt, 2),
					 .weight_grams = sqlite3_column_int64(stmt, 3) };
	const char *id = store_column_text(stmt, 0, arena);

	strncpy(fields.id, id, RESOURCE_ID_MOST);
	fields.title = store_column_text(stmt, 1, arena);
	return product_to_message(&fields, sqlite3_column_int64(stmt, 4),
				  sqlite3_column_int64(stmt, 5), sqlite3_column_int64(stmt, 6),
				  arena);
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

int store_list_products(struct store_reader *reader, const char *after, size_t limit,
			struct weft_arena *arena, Catalog__V1__Product ***ret_products,
			size_t *ret_n)
{
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "SELECT " COLUMNS " FROM products WHERE id > ? ORDER BY id LIMIT ?");
	Catalog__V1__Product **products =
		weft_arena_new_array(arena, Catalog__V1__Product *, limit);
	size_t n = 0;
	int r;

	if (!stmt)
		return -EINVAL;
	if (!products)
		return -ENOMEM;
	r = store_bind(stmt, "si", after, (int64_t)limit);
	if (r < 0)
		return r;
	while ((r = store_step(stmt)) > 0)
		products[n++] = read_product(stmt, arena);
	if (r < 0)
		return r;
	*ret_products = products;
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

int store_insert_product(struct store_txn *txn, const struct product_fields *fields, int64_t now,
			 int64_t *ret_sequence)
{
	sqlite3_stmt *stmt = store_txn_stmt(txn, "INSERT INTO products (" COLUMNS
						 ") VALUES (?, ?, ?, ?, ?, ?, ?)");
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
		*ret_sequence = sequence;
	return r;
}

static int update_product(struct store_txn *txn, const struct product_fields *fields, int64_t now)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "UPDATE products SET title = ?, price_nanos = ?, weight_grams = ?,"
		     " update_time = ?, sequence = ? WHERE id = ?");
	int64_t sequence;
	int r;

	if (!stmt)
		return -EINVAL;
	r = next_sequence(txn, &sequence);
	if (r < 0)
		return r;
	r = store_bind(stmt, "siiiis", fields->title, fields->price_nanos, fields->weight_grams,
		       now, sequence, fields->id);
	if (r < 0)
		return r;
	return store_exec(stmt);
}

/* Whether there is a product of this id, and if it is the same already. */
static int compare_product(struct store_txn *txn, const struct product_fields *fields,
			   bool *ret_exists, bool *ret_same)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "SELECT title = ? AND price_nanos = ? AND weight_grams = ? FROM products"
		     " WHERE id = ?");
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
	r = exists ? update_product(txn, fields, now)
		   : store_insert_product(txn, fields, now, &sequence);
	if (r == 0)
		*ret_result = exists ? PUT_UPDATED : PUT_CREATED;
	return r;
}
