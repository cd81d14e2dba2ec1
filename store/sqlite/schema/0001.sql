-- Version 1: everything.
--
-- Amounts are INTEGER units of 10^-12, or TEXT in plain notation where these are too many (9,223,372 and up); instants are
-- INTEGER microseconds since 1970, UTC; UUIDs are BLOBs of 16 bytes. No column can hold a floating-point number. Lists and maps
-- are JSON, with amounts in plain notation, as they are in the views.
--
-- amount(x), plain(x), uuid(x), canonical(x), instant(x) and more(x) are not functions of SQLite: they are replaced by
-- expressions as this file is applied, see schema.go. The CHECKs of what every debit writes call no function, for speed: that a
-- UUID there has 16 bytes, the store checks where it reads it.

CREATE TABLE wallet_meta (
	version INTEGER NOT NULL -- of this schema; one row
) STRICT;

INSERT INTO wallet_meta VALUES (1);

CREATE TABLE wallet_customer (
	no INTEGER PRIMARY KEY,
	id TEXT NOT NULL UNIQUE CHECK (id <> '')
) STRICT;

-- What of a wallet seldom changes.
CREATE TABLE wallet_record (
	no         INTEGER PRIMARY KEY,
	id         BLOB NOT NULL UNIQUE CHECK (uuid(id)),
	customer   INTEGER NOT NULL, -- wallet_customer.no
	currency   TEXT NOT NULL,
	rate       ANY NOT NULL CHECK (amount(rate)),
	name       TEXT,
	code       TEXT CHECK (code <> ''),
	priority   INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 255), -- 0: not set, comes last
	applies_to TEXT CHECK (json_valid(applies_to)),
	expires    INTEGER,
	min_paid   ANY CHECK (amount(min_paid)),
	max_paid   ANY CHECK (amount(max_paid)),
	rules      TEXT CHECK (json_valid(rules)),
	metadata   TEXT CHECK (json_valid(metadata)),
	status     TEXT NOT NULL CHECK (status IN ('active', 'terminated')),
	created    INTEGER NOT NULL,
	terminated INTEGER,
	lot_order  TEXT, -- that the keys of its lots were written in
	notes      BLOB  -- the engine's own
) STRICT;

CREATE INDEX wallet_record_customer ON wallet_record (customer, id);
CREATE INDEX wallet_record_code ON wallet_record (code, id) WHERE code IS NOT NULL;

-- What of a wallet every debit changes: as narrow as can be, for the pages of these rows are most of what a debit writes.
CREATE TABLE wallet_state (
	no        INTEGER PRIMARY KEY, -- wallet_record.no
	spendable ANY NOT NULL CHECK (amount(spendable)),
	consumed  ANY NOT NULL CHECK (amount(consumed)),
	updated   INTEGER,          -- the latest change booked
	last      BLOB, -- the ID minted last
	events    INTEGER NOT NULL,
	len       INTEGER NOT NULL, -- how many transactions it has
	tail      INTEGER,          -- wallet_txn.no of the last of them
	remaining ANY CHECK (amount(remaining)), -- of the hot lot
	drawn     INTEGER           -- how many draws were made from the hot lot
) STRICT;

-- What of a wallet changes now and then. Its hot lot is the one that changed last: what debits change of it is kept here and in
-- wallet_state, and its own row is behind.
CREATE TABLE wallet_rest (
	no       INTEGER PRIMARY KEY, -- wallet_record.no
	held     ANY NOT NULL CHECK (amount(held)),
	pending  ANY NOT NULL CHECK (amount(pending)),
	ongoing  ANY NOT NULL CHECK (amount(ongoing)),
	kept     ANY NOT NULL CHECK (amount(kept)),
	next_due INTEGER,                  -- nothing is due before
	tail     BLOB CHECK (uuid(tail)),  -- the ID of its last transaction; NULL: it is the one minted last, or there is none
	unnumbered INTEGER NOT NULL,       -- by how many wallet_state.events is more than it has events
	hot      BLOB CHECK (uuid(hot)),   -- the hot lot, if there is one
	hot_held ANY CHECK (amount(hot_held)),
	hot_by   INTEGER                   -- wallet_txn.no of the last transaction that drew from it; NULL: wallet_state.tail
) STRICT;

CREATE INDEX wallet_rest_due ON wallet_rest (next_due) WHERE next_due IS NOT NULL;

-- Open lots, by wallet in spending order.
CREATE TABLE wallet_lot (
	wallet    INTEGER NOT NULL, -- wallet_record.no
	key       BLOB NOT NULL,    -- its place in the spending order
	id        BLOB NOT NULL CHECK (uuid(id)), -- its transaction's
	txn       INTEGER,          -- wallet_txn.no of it
	kind      INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 7), -- as of wallet_txn: of its origin
	credits   ANY NOT NULL CHECK (amount(credits)),
	remaining ANY NOT NULL CHECK (amount(remaining)),
	held      ANY NOT NULL CHECK (amount(held)),
	priority  INTEGER NOT NULL CHECK (priority BETWEEN 0 AND 255),
	expires   INTEGER,
	opened    INTEGER NOT NULL,
	drawn     INTEGER NOT NULL CHECK (drawn >= 0), -- how many draws were made from it
	drawn_by  INTEGER,          -- wallet_txn.no of the last transaction that made one
	PRIMARY KEY (wallet, key)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX wallet_lot_id ON wallet_lot (id);
CREATE INDEX wallet_lot_expires ON wallet_lot (wallet, expires, key) WHERE expires IS NOT NULL;

-- Transactions, each with its draws and a pointer to the one before it in its wallet. They and the events are numbered in the
-- order of their commits: the numbers are the cursors of the feed, where most events are the transactions that tell them.
CREATE TABLE wallet_txn (
	no      INTEGER PRIMARY KEY,
	id      BLOB NOT NULL,
	wallet  INTEGER NOT NULL,  -- wallet_record.no
	seq     INTEGER NOT NULL,  -- its number within the wallet, from 1 on
	prev    INTEGER,           -- wallet_txn.no of the wallet's previous transaction
	event   INTEGER,           -- the number within the wallet of the event that it tells: that it was added
	kind    INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 7),   -- purchased, granted, consumed, voided,
	                                                        -- expired, refunded, transferred in, transferred out
	state   INTEGER NOT NULL CHECK (state BETWEEN 0 AND 2),  -- pending, settled, failed
	source  INTEGER NOT NULL CHECK (source BETWEEN 0 AND 2), -- manual, interval, threshold
	credits ANY NOT NULL CHECK (amount(credits)),
	money   ANY NOT NULL CHECK (amount(money)),
	balance ANY NOT NULL CHECK (amount(balance)),
	created INTEGER NOT NULL,
	settled INTEGER, -- microseconds behind created
	draws   TEXT,    -- [[wallet_txn.no of the lot, credits, amount, fee, number of the draw from its lot, wallet_txn.no of the
	                 -- transaction that drew from it before, if that is neither prev nor none], …]
	reference TEXT,
	more    TEXT CHECK (more >= '{' AND more < '|'), -- {…}: what most transactions do not have
	CHECK ((prev IS NULL) = (seq = 1))
) STRICT;

CREATE UNIQUE INDEX wallet_txn_id ON wallet_txn (id);
CREATE INDEX wallet_txn_pending ON wallet_txn (wallet, id) WHERE state = 0;
CREATE INDEX wallet_txn_rare ON wallet_txn (wallet, id) WHERE kind <> 2;
CREATE INDEX wallet_txn_reference ON wallet_txn (reference, id) WHERE reference IS NOT NULL;

-- Milestones in the chains of a wallet's transactions (owner: its ID; n: their seq) and of a lot's draws (owner: the lot's ID;
-- n: the number of the draw): every so many, and the last draw of a closed lot.
CREATE TABLE wallet_mark (
	owner BLOB NOT NULL,
	n     INTEGER NOT NULL CHECK (n > 0),
	txn   INTEGER NOT NULL, -- wallet_txn.no
	PRIMARY KEY (owner, n)
) STRICT, WITHOUT ROWID;

-- Retry keys. Keys that are ordered by time are appended.
CREATE TABLE wallet_key (
	key         TEXT NOT NULL,
	customer    INTEGER NOT NULL, -- wallet_customer.no
	fingerprint BLOB NOT NULL, -- of the request
	wallet      INTEGER,          -- wallet_record.no
	txn         INTEGER,          -- wallet_txn.no of the only transaction
	more        TEXT CHECK (more >= '{' AND more < '|'), -- {…}: what else came of it
	PRIMARY KEY (key, customer)
) STRICT, WITHOUT ROWID;

CREATE TABLE wallet_hold (
	id       BLOB PRIMARY KEY CHECK (uuid(id)),
	customer INTEGER NOT NULL, -- wallet_customer.no
	state    TEXT NOT NULL CHECK (state IN ('open', 'captured', 'released', 'expired')),
	credits  ANY NOT NULL CHECK (amount(credits)),
	money    ANY NOT NULL CHECK (amount(money)),
	captured ANY NOT NULL CHECK (amount(captured)), -- money
	created  INTEGER NOT NULL,
	expires  INTEGER,
	closed   INTEGER,
	parts    TEXT CHECK (json_valid(parts)), -- [{wallet, credits, money, lots}, …]: what is still reserved
	more     TEXT NOT NULL CHECK (json_valid(more)) -- {…}: the rest
) STRICT, WITHOUT ROWID;

CREATE INDEX wallet_hold_customer ON wallet_hold (customer, id);
CREATE INDEX wallet_hold_open ON wallet_hold (customer, id) WHERE state = 'open';

-- In which wallets a hold is, or was when it was authorized.
CREATE TABLE wallet_held (
	wallet INTEGER NOT NULL, -- wallet_record.no
	hold   BLOB NOT NULL CHECK (uuid(hold)),
	PRIMARY KEY (wallet, hold)
) STRICT, WITHOUT ROWID;

-- The events that no transaction tells.
CREATE TABLE wallet_event (
	no      INTEGER PRIMARY KEY, -- among the numbers of wallet_txn
	wallet  INTEGER NOT NULL,    -- wallet_record.no
	number  INTEGER NOT NULL CHECK (number > 0), -- within the wallet, from 1 on
	kind    TEXT NOT NULL CHECK (kind <> ''),
	at      INTEGER NOT NULL,
	credits ANY NOT NULL CHECK (amount(credits)),
	txn     INTEGER,             -- wallet_txn.no of the transaction it is about
	more    TEXT CHECK (more IS NULL OR json_valid(more)) -- {…}: the rest
) STRICT;

CREATE INDEX wallet_event_wallet ON wallet_event (wallet, no);

-- For people: plain rows, with UUIDs in their canonical form and readable instants.

CREATE VIEW wallet_wallets AS
SELECT canonical(r.id) AS id, c.id AS customer, r.currency, plain(r.rate) AS rate, r.name, r.code, r.priority, r.applies_to,
	plain(r.min_paid) AS min_paid, plain(r.max_paid) AS max_paid, r.rules, r.metadata, r.status, plain(s.spendable) AS spendable, plain(o.held) AS held,
	plain(o.pending) AS pending, plain(o.ongoing) AS ongoing, plain(s.consumed) AS consumed, plain(o.kept) AS kept, s.len AS transactions,
	instant(r.expires) AS expires_at, instant(r.created) AS created_at, instant(s.updated) AS updated_at,
	instant(r.terminated) AS terminated_at, instant(o.next_due) AS next_due_at
FROM wallet_record r JOIN wallet_state s ON s.no = r.no JOIN wallet_rest o ON o.no = r.no JOIN wallet_customer c ON c.no = r.customer;

CREATE VIEW wallet_transactions AS
SELECT canonical(t.id) AS id, canonical(r.id) AS wallet, c.id AS customer, t.seq AS number,
	CASE t.kind WHEN 0 THEN 'purchased' WHEN 1 THEN 'granted' WHEN 2 THEN 'consumed' WHEN 3 THEN 'voided' WHEN 4 THEN 'expired'
		WHEN 5 THEN 'refunded' WHEN 6 THEN 'transferred_in' ELSE 'transferred_out' END AS kind,
	CASE t.state WHEN 0 THEN 'pending' WHEN 1 THEN 'settled' ELSE 'failed' END AS state,
	CASE t.source WHEN 0 THEN 'manual' WHEN 1 THEN 'interval' ELSE 'threshold' END AS source,
	plain(t.credits) AS credits, plain(t.money) AS money, coalesce(more(currency), r.currency) AS currency,
	plain(t.balance) AS balance_after,
	instant(t.created) AS created_at, instant(t.created + t.settled) AS settled_at, more(failed_at) AS failed_at,
	coalesce(more(priority), 0) AS priority, more(expires_at) AS expires_at, more(expires_in) AS expires_in,
	more(name) AS name, t.reference, more(reason) AS reason, more(corrects) AS corrects, more(pair) AS pair,
	more(rule) AS rule, more(hold) AS hold, more(origin) AS origin, more(since) AS since, more(metadata) AS metadata
FROM wallet_txn t JOIN wallet_record r ON r.no = t.wallet JOIN wallet_customer c ON c.no = r.customer;

-- Open lots.
CREATE VIEW wallet_lots AS
SELECT canonical(l.id) AS id, canonical(r.id) AS wallet, c.id AS customer, CASE l.kind WHEN 0 THEN 'purchased' WHEN 1 THEN 'granted' ELSE 'other' END AS kind,
	plain(l.credits) AS credits, iif(o.hot = l.id, plain(s.remaining), plain(l.remaining)) AS remaining,
	iif(o.hot = l.id, plain(o.hot_held), plain(l.held)) AS held,
	iif(o.hot = l.id, s.drawn, l.drawn) AS draws,
	l.priority, instant(l.expires) AS expires_at, instant(l.opened) AS opened_at
FROM wallet_lot l JOIN wallet_record r ON r.no = l.wallet JOIN wallet_state s ON s.no = l.wallet JOIN wallet_rest o ON o.no = l.wallet JOIN wallet_customer c ON c.no = r.customer;

CREATE VIEW wallet_draws AS
SELECT iif(l.id IS NULL, d.lot, canonical(l.id)) AS lot, canonical(d.txn) AS "by", canonical(r.id) AS wallet,
	CASE d.kind WHEN 2 THEN 'consumed' WHEN 3 THEN 'voided' WHEN 4 THEN 'expired' ELSE 'transferred_out' END AS kind, d.credits, d.amount, d.fee
FROM (
	SELECT json_extract(e.value, '$[0]') AS lot, t.id AS txn, t.wallet, t.kind, json_extract(e.value, '$[1]') AS credits,
		json_extract(e.value, '$[2]') AS amount, json_extract(e.value, '$[3]') AS fee
	FROM wallet_txn t JOIN json_each(t.draws) e
) d JOIN wallet_record r ON r.no = d.wallet LEFT JOIN wallet_txn l ON l.no = d.lot;

CREATE VIEW wallet_holds AS
SELECT canonical(h.id) AS id, c.id AS customer, h.state, plain(h.credits) AS credits, plain(h.money) AS money, plain(h.captured) AS captured, json_extract(h.more, '$.currency') AS currency,
	instant(h.created) AS created_at, instant(h.expires) AS expires_at, instant(h.closed) AS closed_at, h.parts
FROM wallet_hold h JOIN wallet_customer c ON c.no = h.customer;

CREATE VIEW wallet_events AS
SELECT t.no AS cursor, canonical(r.id) AS wallet, c.id AS customer, t.event AS number,
	CASE t.kind WHEN 0 THEN 'topped_up' WHEN 1 THEN 'topped_up' WHEN 2 THEN 'consumed' WHEN 3 THEN 'voided' WHEN 4 THEN 'expired'
		WHEN 5 THEN 'refunded' WHEN 6 THEN 'transferred_in' ELSE 'transferred_out' END AS kind,
	instant(t.created) AS at, plain(t.credits) AS credits, canonical(t.id) AS "transaction", json_extract(t.more, '$.rule') AS rule, NULL AS more
FROM wallet_txn t JOIN wallet_record r ON r.no = t.wallet JOIN wallet_customer c ON c.no = r.customer WHERE t.event IS NOT NULL
UNION ALL
SELECT e.no, canonical(r.id), c.id, e.number, e.kind, instant(e.at), plain(e.credits),
	iif(t.id IS NULL, json_extract(e.more, '$.transaction'), canonical(t.id)), json_extract(e.more, '$.rule'), e.more
FROM wallet_event e JOIN wallet_record r ON r.no = e.wallet JOIN wallet_customer c ON c.no = r.customer LEFT JOIN wallet_txn t ON t.no = e.txn;
