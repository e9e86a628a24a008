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

-- migration: 0003_search
-- The words of what is for sale. A product's row is the number of its last change: products has no
-- rowid, and what changes is indexed anew. store.c does so: schemas are not trusted, and so no trigger
-- may write to a virtual table.
CREATE VIRTUAL TABLE product_words USING fts5(
	id,
	title,
	content = 'products',
	content_rowid = 'sequence',
	tokenize = 'unicode61 remove_diacritics 2',
	prefix = '2 3'
);
INSERT INTO product_words (rowid, id, title)
	SELECT sequence, id, title FROM products WHERE delete_time IS NULL;
