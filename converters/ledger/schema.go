package ledger

// version is the schema's, kept in PRAGMA user_version. A ledger of a newer
// version is refused. In the first one the index items_open was there from the
// start.
const version = 2

// pragmas of every connection.
const pragmas = "?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=temp_store(FILE)"

// Caches in KiB are small, and the same for a thousand items and a million.
const (
	readCache  = 1024 // of each connection that reads
	writeCache = 4096
	leastCache = 64
)

const schema = `
CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE runs (
	id INTEGER PRIMARY KEY,
	started INTEGER NOT NULL, -- Unix seconds
	ended INTEGER,
	outcome TEXT NOT NULL DEFAULT 'running', -- running, done, interrupted, stopped
	host TEXT NOT NULL, process INTEGER NOT NULL,
	options TEXT NOT NULL DEFAULT '',
	detail TEXT NOT NULL DEFAULT ''
);

CREATE TABLE folders (
	id INTEGER PRIMARY KEY,
	source_id TEXT NOT NULL UNIQUE,
	source_path TEXT NOT NULL,
	role TEXT NOT NULL DEFAULT '',
	class TEXT NOT NULL DEFAULT '',
	sink INTEGER NOT NULL DEFAULT 0,    -- the sink folder it is mapped to
	cursor TEXT NOT NULL DEFAULT '',    -- where the next listing starts
	expected INTEGER NOT NULL DEFAULT -1, -- what the store said that it holds
	listed INTEGER NOT NULL DEFAULT 0,  -- Unix seconds of the last full listing
	error TEXT NOT NULL DEFAULT '',     -- why it cannot be listed
	note TEXT NOT NULL DEFAULT '',      -- what the mapping did to its name
	gone INTEGER NOT NULL DEFAULT 0,
	run INTEGER NOT NULL DEFAULT 0
);

CREATE TABLE sinks (
	id INTEGER PRIMARY KEY,
	path TEXT NOT NULL UNIQUE,          -- as it was asked for
	store_path TEXT NOT NULL,           -- as the store named it
	store_id TEXT NOT NULL,
	scanned INTEGER NOT NULL DEFAULT 0  -- what it held before is in present
);

CREATE TABLE items (
	id INTEGER PRIMARY KEY,
	folder INTEGER NOT NULL,
	key TEXT NOT NULL,
	state TEXT NOT NULL,
	gone INTEGER NOT NULL DEFAULT 0,    -- see Gone: 1 left the source, 2 the sink too, 3 and 4 deleted at the source by us
	reason TEXT NOT NULL DEFAULT '',    -- of skipped and failed
	detail TEXT NOT NULL DEFAULT '',
	sink INTEGER NOT NULL DEFAULT 0,
	ref TEXT NOT NULL DEFAULT '',
	route TEXT NOT NULL DEFAULT '',
	mark TEXT NOT NULL DEFAULT '',      -- of an intent
	content BLOB,                       -- fingerprint of what the source gave
	put BLOB,                           -- fingerprint of what was put, when it differs
	bytes INTEGER NOT NULL DEFAULT 0,
	size INTEGER NOT NULL DEFAULT -1,
	received INTEGER, zone INTEGER,     -- Unix nanoseconds, minutes east of UTC
	flags INTEGER NOT NULL DEFAULT 0,
	keywords TEXT NOT NULL DEFAULT '',  -- one a line
	object_id TEXT NOT NULL DEFAULT '',
	message_id TEXT NOT NULL DEFAULT '',
	class TEXT NOT NULL DEFAULT '',
	subject TEXT NOT NULL DEFAULT '',
	tries INTEGER NOT NULL DEFAULT 0,
	run INTEGER NOT NULL DEFAULT 0,
	at INTEGER NOT NULL DEFAULT 0,      -- Unix seconds of the last change of state
	UNIQUE (folder, key)
);
CREATE INDEX items_gone ON items (object_id) WHERE gone = 1;
CREATE INDEX items_gone_content ON items (content) WHERE gone = 1;

CREATE TABLE notes (
	id INTEGER PRIMARY KEY,
	item INTEGER NOT NULL,
	kind TEXT NOT NULL,                 -- loss, change, problem
	name TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
	severe INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX notes_item ON notes (item);

-- What sink folders held before the first put of this ledger.
CREATE TABLE present (
	id INTEGER PRIMARY KEY,
	sink INTEGER NOT NULL, ref TEXT NOT NULL,
	size INTEGER NOT NULL, received INTEGER, -- Unix seconds
	message_id TEXT NOT NULL,
	content BLOB, digest BLOB,
	taken INTEGER NOT NULL DEFAULT 0,   -- the item that it is the copy of
	UNIQUE (sink, ref)
);
CREATE INDEX present_size ON present (sink, message_id, size) WHERE taken = 0;
CREATE INDEX present_date ON present (sink, message_id, received) WHERE taken = 0;
`
