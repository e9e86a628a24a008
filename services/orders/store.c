/* The only SQL of orders. */
#include "store.h"

#include <errno.h>
#include <string.h>

#include "chassis/money.h"
#include "chassis/timestamp.h"

#define WHOLE_ORDER (-1) /* the line of discounts on the order as a whole */

/* ---- request keys */

int store_get_key(struct store_reader *reader, const char *request_id, struct weft_arena *arena,
		  struct request_key *ret_key)
{
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "SELECT body_hash, reply FROM request_keys WHERE request_id = ?");
	struct weft_bytes hash;
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", request_id);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r <= 0)
		return r < 0 ? r : STORE_NOT_FOUND;
	hash = store_column_bytes(stmt, 0, arena);
	memcpy(ret_key->body_hash, hash.data, HASH_BYTES); /* its length is a CHECK of the table */
	ret_key->reply = store_column_bytes(stmt, 1, arena);
	sqlite3_reset(stmt);
	return ret_key->reply.data ? 0 : -ENOMEM;
}

int store_has_key(struct store_txn *txn, const char *request_id, bool *ret_has)
{
	sqlite3_stmt *stmt = store_txn_stmt(txn, "SELECT 1 FROM request_keys WHERE request_id = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", request_id);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r < 0)
		return r;
	*ret_has = r > 0;
	sqlite3_reset(stmt);
	return 0;
}

int store_insert_key(struct store_txn *txn, const char *request_id, const struct request_key *key,
		     const char *order_id, int64_t now)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn,
		"INSERT INTO request_keys (request_id, body_hash, order_id, reply, create_time)"
		" VALUES (?, ?, ?, ?, ?)");
	const struct weft_bytes hash = { key->body_hash, HASH_BYTES };
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "sbsbi", request_id, &hash, order_id, &key->reply, now);
	return r < 0 ? r : store_exec(stmt);
}

int store_delete_keys(struct store_txn *txn, int64_t before, int64_t limit, int64_t *ret_deleted)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "DELETE FROM request_keys WHERE request_id IN (SELECT request_id"
		     " FROM request_keys WHERE create_time < ? ORDER BY create_time LIMIT ?)");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "ii", before, limit);
	if (r < 0)
		return r;
	r = store_exec(stmt);
	if (r == 0)
		*ret_deleted = sqlite3_changes64(store_txn_db(txn));
	return r;
}

/* ---- writing an order */

/* -EINVAL: not there or no money; -ERANGE: no whole pennies. */
static int pence_of(const Google__Type__Money *message, int64_t *ret_pence)
{
	struct money amount;
	int r;

	r = money_from_message(message, &amount);
	return r < 0 ? r : money_to_pence(amount, ret_pence);
}

static int nanos_of(const Google__Type__Money *message, int64_t *ret_nanos)
{
	struct money amount;
	int r;

	r = money_from_message(message, &amount);
	return r < 0 ? r : money_to_nanos(amount, ret_nanos);
}

static int insert_head(struct store_txn *txn, const char *id, const Orders__V1__Order *order,
		       int64_t now)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "INSERT INTO orders (id, customer_id, region_code, coupon, external_reference,"
		     " create_time, state, line_count, weight_grams, goods_pence,"
		     " shipping_pence, shipping_rule, shipping_description,"
		     " tax_pence, tax_rule, tax_description, total_pence)"
		     " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int64_t goods, shipping, tax, total;
	int r;

	if (!stmt)
		return -EINVAL;
	if ((r = pence_of(order->goods, &goods)) < 0 ||
	    (r = pence_of(order->shipping->amount, &shipping)) < 0 ||
	    (r = pence_of(order->tax->amount, &tax)) < 0 ||
	    (r = pence_of(order->total, &total)) < 0)
		return r;
	r = store_bind(stmt, "sssssiiiiiississi", id, order->customer_id, order->region_code,
		       order->coupon, order->external_reference, now, (int64_t)order->state,
		       (int64_t)order->line_count, order->weight_grams, goods, shipping,
		       order->shipping->rule, order->shipping->description, tax, order->tax->rule,
		       order->tax->description, total);
	return r < 0 ? r : store_exec(stmt);
}

static int insert_discounts(struct store_txn *txn, const char *id, int64_t line,
			    Orders__V1__Charge *const *discounts, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		sqlite3_stmt *stmt =
			store_txn_stmt(txn, "INSERT INTO order_discounts"
					    " (order_id, line, position, pence, rule, description)"
					    " VALUES (?, ?, ?, ?, ?, ?)");
		int64_t pence;
		int r;

		if (!stmt)
			return -EINVAL;
		r = pence_of(discounts[i]->amount, &pence);
		if (r < 0)
			return r;
		r = store_bind(stmt, "siiiss", id, line, (int64_t)i, pence, discounts[i]->rule,
			       discounts[i]->description);
		if (r < 0)
			return r;
		r = store_exec(stmt);
		if (r != 0)
			return r;
	}
	return 0;
}

static int insert_line(struct store_txn *txn, const char *id, int64_t at,
		       const Orders__V1__OrderLine *line)
{
	sqlite3_stmt *stmt = store_txn_stmt(
		txn, "INSERT INTO order_lines (order_id, line, product, title, quantity,"
		     " price_nanos, subtotal_pence, subtotal_rule, subtotal_description,"
		     " total_pence) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int64_t price, subtotal, total;
	int r;

	if (!stmt)
		return -EINVAL;
	if ((r = nanos_of(line->unit_price, &price)) < 0 ||
	    (r = pence_of(line->subtotal->amount, &subtotal)) < 0 ||
	    (r = pence_of(line->total, &total)) < 0)
		return r;
	r = store_bind(stmt, "sissiiissi", id, at, line->product, line->title,
		       (int64_t)line->quantity, price, subtotal, line->subtotal->rule,
		       line->subtotal->description, total);
	if (r < 0)
		return r;
	r = store_exec(stmt);
	if (r != 0)
		return r;
	return insert_discounts(txn, id, at, line->discounts, line->n_discounts);
}

int store_insert_order(struct store_txn *txn, const char *id, const Orders__V1__Order *order,
		       int64_t now)
{
	int r;

	r = insert_head(txn, id, order, now);
	if (r != 0)
		return r;
	for (size_t i = 0; i < order->n_lines; i++) {
		r = insert_line(txn, id, (int64_t)i, order->lines[i]);
		if (r != 0)
			return r;
	}
	return insert_discounts(txn, id, WHOLE_ORDER, order->discounts, order->n_discounts);
}

/* ---- reading orders */

#define HEAD                                                                                       \
	"SELECT id, customer_id, region_code, coupon, external_reference, create_time, state,"     \
	" line_count, weight_grams, goods_pence, shipping_pence, shipping_rule,"                   \
	" shipping_description, tax_pence, tax_rule, tax_description, total_pence FROM orders "

static Google__Type__Money *read_pence(sqlite3_stmt *stmt, int column, struct weft_arena *arena)
{
	return money_to_message(money_from_pence(sqlite3_column_int64(stmt, column)), arena);
}

/* Pence, rule and description, from `column` on. */
static Orders__V1__Charge *read_charge(sqlite3_stmt *stmt, int column, struct weft_arena *arena)
{
	Orders__V1__Charge *charge = weft_arena_alloc(arena, sizeof(*charge));

	orders__v1__charge__init(charge);
	charge->amount = read_pence(stmt, column, arena);
	charge->rule = store_column_text(stmt, column + 1, arena);
	charge->description = store_column_text(stmt, column + 2, arena);
	return charge;
}

static Orders__V1__Order *read_head(sqlite3_stmt *stmt, struct weft_arena *arena)
{
	Orders__V1__Order *order = weft_arena_alloc(arena, sizeof(*order));

	orders__v1__order__init(order);
	order->name = weft_arena_printf(arena, "orders/%s", store_column_text(stmt, 0, arena));
	order->customer_id = store_column_text(stmt, 1, arena);
	order->region_code = store_column_text(stmt, 2, arena);
	order->coupon = store_column_text(stmt, 3, arena);
	order->external_reference = store_column_text(stmt, 4, arena);
	order->create_time = timestamp_to_message(sqlite3_column_int64(stmt, 5), arena);
	order->state = (Orders__V1__Order__State)sqlite3_column_int(stmt, 6);
	order->line_count = sqlite3_column_int(stmt, 7);
	order->weight_grams = sqlite3_column_int64(stmt, 8);
	order->goods = read_pence(stmt, 9, arena);
	order->shipping = read_charge(stmt, 10, arena);
	order->tax = read_charge(stmt, 13, arena);
	order->total = read_pence(stmt, 16, arena);
	return order;
}

static Orders__V1__OrderLine *read_line(sqlite3_stmt *stmt, struct weft_arena *arena)
{
	Orders__V1__OrderLine *line = weft_arena_alloc(arena, sizeof(*line));

	orders__v1__order_line__init(line);
	line->product = store_column_text(stmt, 0, arena);
	line->title = store_column_text(stmt, 1, arena);
	line->quantity = sqlite3_column_int(stmt, 2);
	line->unit_price = money_to_message(money_from_nanos(sqlite3_column_int64(stmt, 3)), arena);
	line->subtotal = read_charge(stmt, 4, arena);
	line->total = read_pence(stmt, 7, arena);
	return line;
}

static int read_lines(struct store_reader *reader, const char *id, struct weft_arena *arena,
		      Orders__V1__Order *order)
{
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "SELECT product, title, quantity, price_nanos, subtotal_pence,"
			" subtotal_rule, subtotal_description, total_pence FROM order_lines"
			" WHERE order_id = ? ORDER BY line LIMIT ?");
	int r;

	order->lines = weft_arena_new_array(arena, Orders__V1__OrderLine *, order->line_count);
	if (!order->lines)
		return -ENOMEM;
	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "si", id, (int64_t)order->line_count);
	if (r < 0)
		return r;
	while ((r = store_step(stmt)) > 0)
		order->lines[order->n_lines++] = read_line(stmt, arena);
	return r;
}

/* The rows of one line follow each other: its list grows by one each time. */
static int add_discount(Orders__V1__Charge *discount, Orders__V1__Charge ***list, size_t *n,
			struct weft_arena *arena)
{
	Orders__V1__Charge **longer = weft_arena_new_array(arena, Orders__V1__Charge *, *n + 1);

	if (!longer)
		return -ENOMEM;
	if (*n)
		memcpy(longer, *list, *n * sizeof(*longer));
	longer[(*n)++] = discount;
	*list = longer;
	return 0;
}

static int read_discounts(struct store_reader *reader, const char *id, struct weft_arena *arena,
			  Orders__V1__Order *order)
{
	sqlite3_stmt *stmt = store_reader_stmt(reader, "SELECT line, pence, rule, description"
						       " FROM order_discounts WHERE order_id = ?"
						       " ORDER BY line, position");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", id);
	if (r < 0)
		return r;
	while ((r = store_step(stmt)) > 0) {
		Orders__V1__Charge *discount = read_charge(stmt, 1, arena);
		int64_t at = sqlite3_column_int64(stmt, 0);
		Orders__V1__OrderLine *line;

		if (at >= (int64_t)order->n_lines)
			continue;
		line = at == WHOLE_ORDER ? NULL : order->lines[at];
		r = line ? add_discount(discount, &line->discounts, &line->n_discounts, arena)
			 : add_discount(discount, &order->discounts, &order->n_discounts, arena);
		if (r < 0) {
			sqlite3_reset(stmt);
			return r;
		}
	}
	return r;
}

static int read_order(struct store_reader *reader, const char *id, struct weft_arena *arena,
		      Orders__V1__Order **ret_order)
{
	sqlite3_stmt *stmt = store_reader_stmt(reader, HEAD "WHERE id = ?");
	Orders__V1__Order *order;
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", id);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r <= 0)
		return r < 0 ? r : STORE_NOT_FOUND;
	order = read_head(stmt, arena);
	sqlite3_reset(stmt);

	r = read_lines(reader, id, arena, order);
	if (r < 0)
		return r;
	r = read_discounts(reader, id, arena, order);
	if (r == 0)
		*ret_order = order;
	return r;
}

int store_get_order(struct store_reader *reader, const char *id, struct weft_arena *arena,
		    Orders__V1__Order **ret_order)
{
	int r;

	r = store_reader_begin(reader);
	if (r < 0)
		return r;
	r = read_order(reader, id, arena, ret_order);
	store_reader_end(reader);
	return r;
}

/* Each filter has a statement of its own, on the index that fits it. */
static int prepare_list(struct store_reader *reader, const struct order_filter *filter,
			const char *before, int64_t limit, sqlite3_stmt **ret_stmt)
{
	sqlite3_stmt *stmt;

	if (filter->external_reference[0]) {
		stmt = store_reader_stmt(reader, HEAD
					 "WHERE external_reference = ? AND id < ?"
					 " AND ? IN ('', customer_id) ORDER BY id DESC LIMIT ?");
		*ret_stmt = stmt;
		return stmt ? store_bind(stmt, "sssi", filter->external_reference, before,
					 filter->customer_id, limit)
			    : -EINVAL;
	}
	if (filter->customer_id[0]) {
		stmt = store_reader_stmt(
			reader, HEAD "WHERE customer_id = ? AND id < ? ORDER BY id DESC LIMIT ?");
		*ret_stmt = stmt;
		return stmt ? store_bind(stmt, "ssi", filter->customer_id, before, limit) : -EINVAL;
	}
	stmt = store_reader_stmt(reader, HEAD "WHERE id < ? ORDER BY id DESC LIMIT ?");
	*ret_stmt = stmt;
	return stmt ? store_bind(stmt, "si", before, limit) : -EINVAL;
}

int store_list_orders(struct store_reader *reader, const struct order_filter *filter,
		      const char *before, size_t limit, struct weft_arena *arena,
		      Orders__V1__Order ***ret_orders, size_t *ret_n)
{
	Orders__V1__Order **orders = weft_arena_new_array(arena, Orders__V1__Order *, limit);
	sqlite3_stmt *stmt;
	size_t n = 0;
	int r;

	if (!orders)
		return -ENOMEM;
	/* "~" comes after every id. */
	r = prepare_list(reader, filter, before[0] ? before : "~", (int64_t)limit, &stmt);
	if (r < 0)
		return r;
	while ((r = store_step(stmt)) > 0)
		orders[n++] = read_head(stmt, arena);
	if (r < 0)
		return r;
	*ret_orders = orders;
	*ret_n = n;
	return 0;
}
