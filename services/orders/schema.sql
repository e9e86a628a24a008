-- Amounts are GBP pence, unit prices billionths, times nanoseconds since 1970.

-- migration: 0001_orders
CREATE TABLE orders (
	-- a UUID of version 7: the order of ids is the order of time
	id TEXT PRIMARY KEY CHECK (length(id) = 36),
	customer_id TEXT NOT NULL,
	region_code TEXT NOT NULL,
	coupon TEXT NOT NULL,
	external_reference TEXT NOT NULL,
	create_time INTEGER NOT NULL,
	-- orders.v1.Order.State
	state INTEGER NOT NULL,
	line_count INTEGER NOT NULL CHECK (line_count > 0),
	weight_grams INTEGER NOT NULL,
	goods_pence INTEGER NOT NULL,
	shipping_pence INTEGER NOT NULL,
	shipping_rule TEXT NOT NULL,
	shipping_description TEXT NOT NULL,
	tax_pence INTEGER NOT NULL,
	tax_rule TEXT NOT NULL,
	tax_description TEXT NOT NULL,
	total_pence INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX orders_by_customer ON orders (customer_id, id);
CREATE INDEX orders_by_reference ON orders (external_reference, id);

CREATE TABLE order_lines (
	order_id TEXT NOT NULL REFERENCES orders,
	-- from 0, as they were sent
	line INTEGER NOT NULL,
	product TEXT NOT NULL,
	title TEXT NOT NULL,
	quantity INTEGER NOT NULL CHECK (quantity > 0),
	price_nanos INTEGER NOT NULL,
	subtotal_pence INTEGER NOT NULL,
	subtotal_rule TEXT NOT NULL,
	subtotal_description TEXT NOT NULL,
	total_pence INTEGER NOT NULL,
	PRIMARY KEY (order_id, line)
) STRICT, WITHOUT ROWID;

CREATE TABLE order_discounts (
	order_id TEXT NOT NULL REFERENCES orders,
	-- of which line; -1: of the order as a whole
	line INTEGER NOT NULL,
	position INTEGER NOT NULL,
	pence INTEGER NOT NULL,
	rule TEXT NOT NULL,
	description TEXT NOT NULL,
	PRIMARY KEY (order_id, line, position)
) STRICT, WITHOUT ROWID;

-- What a request id was answered with, for seven days.
CREATE TABLE request_keys (
	request_id TEXT PRIMARY KEY CHECK (length(request_id) = 36),
	-- SHA-256 of the request without its id
	body_hash BLOB NOT NULL CHECK (length(body_hash) = 32),
	order_id TEXT NOT NULL REFERENCES orders,
	-- the serialised orders.v1.Order
	reply BLOB NOT NULL,
	create_time INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX request_keys_by_time ON request_keys (create_time);
