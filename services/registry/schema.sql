-- migration: 0001_revisions
-- Every change, one row each, until compaction forgets it. The store's revision is the largest
-- `main`, or 1 when there is none: compaction keeps the row of the revision that it is asked for.
CREATE TABLE revisions (
	-- a write's revision, and the place of the change in that write
	main INTEGER NOT NULL,
	sub INTEGER NOT NULL,
	key BLOB NOT NULL,
	-- 0 in a deletion
	create_revision INTEGER NOT NULL,
	version INTEGER NOT NULL,
	-- 0: none
	lease INTEGER NOT NULL,
	-- what the key is now; no deletion is
	live INTEGER NOT NULL,
	-- last: what stands behind a long value is slow to reach
	value BLOB NOT NULL,
	PRIMARY KEY (main, sub)
) STRICT, WITHOUT ROWID;
CREATE INDEX revisions_by_key ON revisions (key, main, sub);
CREATE UNIQUE INDEX revisions_live ON revisions (key) WHERE live;
CREATE INDEX revisions_leased ON revisions (lease) WHERE live AND lease != 0;

CREATE TABLE leases (
	id INTEGER PRIMARY KEY,
	-- as granted, in seconds
	ttl INTEGER NOT NULL CHECK (ttl > 0)
) STRICT;

-- One row.
CREATE TABLE state (
	id INTEGER PRIMARY KEY CHECK (id = 1),
	-- history before this revision must not be read any more
	compacted INTEGER NOT NULL,
	-- a part of what was superseded before this revision may be gone from the table, and all of it
	sweeping INTEGER NOT NULL,
	swept INTEGER NOT NULL,
	cluster_id INTEGER NOT NULL,
	member_id INTEGER NOT NULL
) STRICT;
INSERT INTO state (id, compacted, sweeping, swept, cluster_id, member_id)
	VALUES (1, 0, 0, 0, random() | 1, random() | 1);
