/* The only SQL of pricing. A basket costs four small lookups: rules are few, and SQLite keeps
 * them in memory. */
#include "store.h"

#include <errno.h>
#include <string.h>

static int load_destination(struct store_reader *reader, const char *region_code,
			    struct weft_arena *arena, struct rules *rules)
{
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "SELECT zone, extra_kg_pence, ifnull(free_from_pence, -1),"
			" tax, description, basis_points"
			" FROM regions JOIN zones USING (zone) JOIN taxes USING (tax)"
			" WHERE region_code = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", region_code);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r <= 0)
		return r < 0 ? r : RULES_NO_REGION;
	rules->zone = store_column_text(stmt, 0, arena);
	rules->extra_kg_pence = sqlite3_column_int64(stmt, 1);
	rules->free_from_pence = sqlite3_column_int64(stmt, 2);
	rules->tax = store_column_text(stmt, 3, arena);
	rules->tax_description = store_column_text(stmt, 4, arena);
	rules->tax_basis_points = sqlite3_column_int64(stmt, 5);
	sqlite3_reset(stmt);
	return 0;
}

/* -ENOENT: a zone without rates is a broken store. */
static int load_rates(struct store_reader *reader, struct rules *rules)
{
	sqlite3_stmt *stmt =
		store_reader_stmt(reader, "SELECT most_grams, pence FROM shipping_rates"
					  " WHERE zone = ? ORDER BY most_grams");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", rules->zone);
	if (r < 0)
		return r;
	while ((r = store_step(stmt)) > 0) {
		if (rules->n_rates == MOST_RATES) {
			sqlite3_reset(stmt);
			return -E2BIG;
		}
		rules->rates[rules->n_rates++] =
			(struct shipping_rate) { .most_grams = sqlite3_column_int64(stmt, 0),
						 .pence = sqlite3_column_int64(stmt, 1) };
	}
	if (r < 0)
		return r;
	return rules->n_rates ? 0 : -ENOENT;
}

static int load_volumes(struct store_reader *reader, struct rules *rules)
{
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "SELECT least_quantity, basis_points FROM volume_discounts"
			" ORDER BY least_quantity DESC");
	int r;

	if (!stmt)
		return -EINVAL;
	while ((r = store_step(stmt)) > 0) {
		if (rules->n_volumes == MOST_VOLUMES) {
			sqlite3_reset(stmt);
			return -E2BIG;
		}
		rules->volumes[rules->n_volumes++] =
			(struct volume_rule) { .least_quantity = sqlite3_column_int64(stmt, 0),
					       .basis_points = sqlite3_column_int64(stmt, 1) };
	}
	return r;
}

static enum coupon_kind coupon_kind_of(const char *word)
{
	if (strcmp(word, "percent") == 0)
		return COUPON_PERCENT;
	return strcmp(word, "amount") == 0 ? COUPON_AMOUNT : COUPON_FREE_SHIPPING;
}

static int load_coupon(struct store_reader *reader, const char *code, struct weft_arena *arena,
		       struct coupon *coupon)
{
	sqlite3_stmt *stmt = store_reader_stmt(
		reader, "SELECT code, kind, value, least_goods_pence FROM coupons WHERE code = ?");
	int r;

	if (!stmt)
		return -EINVAL;
	r = store_bind(stmt, "s", code);
	if (r < 0)
		return r;
	r = store_step(stmt);
	if (r <= 0)
		return r < 0 ? r : RULES_NO_COUPON;
	coupon->code = store_column_text(stmt, 0, arena);
	coupon->kind = coupon_kind_of(store_column_text(stmt, 1, arena));
	coupon->value = sqlite3_column_int64(stmt, 2);
	coupon->least_goods_pence = sqlite3_column_int64(stmt, 3);
	sqlite3_reset(stmt);
	return 0;
}

static int load_all(struct store_reader *reader, const char *region_code, const char *coupon,
		    struct weft_arena *arena, struct rules *rules)
{
	int r;

	r = load_destination(reader, region_code, arena, rules);
	if (r != 0)
		return r;
	r = load_rates(reader, rules);
	if (r < 0)
		return r;
	r = load_volumes(reader, rules);
	if (r < 0 || !coupon[0])
		return r;
	return load_coupon(reader, coupon, arena, &rules->coupon);
}

int store_load_rules(struct store_reader *reader, const char *region_code, const char *coupon,
		     struct weft_arena *arena, struct rules *ret_rules)
{
	struct rules rules = { 0 };
	int r;

	r = store_reader_begin(reader);
	if (r < 0)
		return r;
	r = load_all(reader, region_code, coupon, arena, &rules);
	store_reader_end(reader);
	if (r == 0)
		*ret_rules = rules;
	return r;
}
