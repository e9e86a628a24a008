-- migration: 0001_products
CREATE TABLE products (
	-- the last part of the name "products/85123A"
	id TEXT PRIMARY KEY,
	title TEXT NOT NULL,
	-- GBP in billionths: prices may have fractions of a penny
	price_nanos INTEGER NOT NULL CHECK (price_nanos > 0),
	weight_grams INTEGER NOT NULL CHECK (weight_grams >= 0),
	-- nanoseconds since 1970
	create_time INTEGER NOT NULL,
	update_time INTEGER NOT NULL,
	-- counts every change of the catalogue: the product's last one
	sequence INTEGER NOT NULL UNIQUE
) STRICT, WITHOUT ROWID;

-- migration: 0002_delete_time
-- nanoseconds since 1970; NULL while the product is for sale
ALTER TABLE products ADD COLUMN delete_time INTEGER;
