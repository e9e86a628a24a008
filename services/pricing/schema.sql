-- The price rules: docs/pricing.md explains them, with the same numbers; a test compares the two.
-- Amounts are pence, shares are basis points (1/100 of a per cent).

-- migration: 0001_rules
CREATE TABLE zones (
	zone TEXT PRIMARY KEY,
	-- what each kilogram beyond the heaviest rate costs, a started one as a whole one
	extra_kg_pence INTEGER NOT NULL CHECK (extra_kg_pence >= 0),
	-- goods of this value travel free; NULL: never
	free_from_pence INTEGER CHECK (free_from_pence >= 0)
) STRICT, WITHOUT ROWID;

CREATE TABLE shipping_rates (
	zone TEXT NOT NULL REFERENCES zones,
	-- the heaviest parcel that this rate carries
	most_grams INTEGER NOT NULL CHECK (most_grams > 0),
	pence INTEGER NOT NULL CHECK (pence >= 0),
	PRIMARY KEY (zone, most_grams)
) STRICT, WITHOUT ROWID;

CREATE TABLE taxes (
	tax TEXT PRIMARY KEY,
	description TEXT NOT NULL,
	basis_points INTEGER NOT NULL CHECK (basis_points BETWEEN 0 AND 10000)
) STRICT, WITHOUT ROWID;

CREATE TABLE regions (
	region_code TEXT PRIMARY KEY CHECK (region_code GLOB '[A-Z][A-Z]'),
	zone TEXT NOT NULL REFERENCES zones,
	tax TEXT NOT NULL REFERENCES taxes
) STRICT, WITHOUT ROWID;

CREATE TABLE volume_discounts (
	least_quantity INTEGER PRIMARY KEY CHECK (least_quantity > 0),
	basis_points INTEGER NOT NULL CHECK (basis_points BETWEEN 1 AND 10000)
) STRICT;

CREATE TABLE coupons (
	code TEXT PRIMARY KEY COLLATE NOCASE,
	kind TEXT NOT NULL CHECK (kind IN ('percent', 'amount', 'free-shipping')),
	-- basis points of a percent, pence of an amount, 0
	value INTEGER NOT NULL CHECK (value >= 0),
	least_goods_pence INTEGER NOT NULL CHECK (least_goods_pence >= 0),
	CHECK (kind <> 'percent' OR value <= 10000)
) STRICT, WITHOUT ROWID;

INSERT INTO zones (zone, extra_kg_pence, free_from_pence) VALUES
	('gb', 60, 25000),
	('islands', 90, NULL),
	('europe', 180, 100000),
	('world', 520, NULL);

INSERT INTO shipping_rates (zone, most_grams, pence) VALUES
	('gb', 1000, 395), ('gb', 2000, 550), ('gb', 5000, 795), ('gb', 10000, 1150),
	('gb', 20000, 1695), ('gb', 30000, 2295),
	('islands', 1000, 595), ('islands', 5000, 1095), ('islands', 20000, 2450),
	('europe', 500, 695), ('europe', 2000, 1095), ('europe', 5000, 1650),
	('europe', 10000, 2450), ('europe', 20000, 3895),
	('world', 500, 995), ('world', 2000, 2150), ('world', 5000, 3995), ('world', 10000, 6950);

INSERT INTO taxes (tax, description, basis_points) VALUES
	('export', 'no tax on exports', 0),
	('AT', 'Austrian VAT', 2000), ('BE', 'Belgian VAT', 2100), ('BG', 'Bulgarian VAT', 2000),
	('CY', 'Cypriot VAT', 1900), ('CZ', 'Czech VAT', 2100), ('DE', 'German VAT', 1900),
	('DK', 'Danish VAT', 2500), ('EE', 'Estonian VAT', 2400), ('ES', 'Spanish VAT', 2100),
	('FI', 'Finnish VAT', 2550), ('FR', 'French VAT', 2000), ('GB', 'UK VAT', 2000),
	('GR', 'Greek VAT', 2400), ('HR', 'Croatian VAT', 2500), ('HU', 'Hungarian VAT', 2700),
	('IE', 'Irish VAT', 2300), ('IT', 'Italian VAT', 2200), ('LT', 'Lithuanian VAT', 2100),
	('LU', 'Luxembourg VAT', 1700), ('LV', 'Latvian VAT', 2100), ('MT', 'Maltese VAT', 1800),
	('NL', 'Dutch VAT', 2100), ('PL', 'Polish VAT', 2300), ('PT', 'Portuguese VAT', 2300),
	('RO', 'Romanian VAT', 2100), ('SE', 'Swedish VAT', 2500), ('SI', 'Slovenian VAT', 2200),
	('SK', 'Slovak VAT', 2300);

INSERT INTO regions (region_code, zone, tax) VALUES
	('GB', 'gb', 'GB'), ('IM', 'islands', 'GB'), ('GG', 'islands', 'export'),
	('JE', 'islands', 'export'),
	('AT', 'europe', 'AT'), ('BE', 'europe', 'BE'), ('BG', 'europe', 'BG'),
	('CY', 'europe', 'CY'), ('CZ', 'europe', 'CZ'), ('DE', 'europe', 'DE'),
	('DK', 'europe', 'DK'), ('EE', 'europe', 'EE'), ('ES', 'europe', 'ES'),
	('FI', 'europe', 'FI'), ('FR', 'europe', 'FR'), ('GR', 'europe', 'GR'),
	('HR', 'europe', 'HR'), ('HU', 'europe', 'HU'), ('IE', 'europe', 'IE'),
	('IT', 'europe', 'IT'), ('LT', 'europe', 'LT'), ('LU', 'europe', 'LU'),
	('LV', 'europe', 'LV'), ('MT', 'europe', 'MT'), ('NL', 'europe', 'NL'),
	('PL', 'europe', 'PL'), ('PT', 'europe', 'PT'), ('RO', 'europe', 'RO'),
	('SE', 'europe', 'SE'), ('SI', 'europe', 'SI'), ('SK', 'europe', 'SK'),
	('CH', 'europe', 'export'), ('IS', 'europe', 'export'), ('LI', 'europe', 'export'),
	('NO', 'europe', 'export'),
	('AE', 'world', 'export'), ('AU', 'world', 'export'), ('BH', 'world', 'export'),
	('BR', 'world', 'export'), ('CA', 'world', 'export'), ('CN', 'world', 'export'),
	('HK', 'world', 'export'), ('IL', 'world', 'export'), ('IN', 'world', 'export'),
	('JP', 'world', 'export'), ('KR', 'world', 'export'), ('LB', 'world', 'export'),
	('MX', 'world', 'export'), ('NZ', 'world', 'export'), ('SA', 'world', 'export'),
	('SG', 'world', 'export'), ('US', 'world', 'export'), ('ZA', 'world', 'export'),
	('ZZ', 'world', 'GB');

INSERT INTO volume_discounts (least_quantity, basis_points) VALUES
	(100, 200), (500, 500), (2000, 850);

INSERT INTO coupons (code, kind, value, least_goods_pence) VALUES
	('WELCOME10', 'percent', 1000, 0),
	('SPRING', 'percent', 1250, 5000),
	('FIVER', 'amount', 500, 2500),
	('FREEPOST', 'free-shipping', 0, 0);
