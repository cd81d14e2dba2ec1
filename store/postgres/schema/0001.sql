-- Version 1: everything.
--
-- The key of every table begins with the customer, and there are no foreign keys, sequences, triggers or types of our own, so
-- that the tables can be distributed by customer as they are. Amounts are numeric: amounts(x, …) is replaced by a condition that
-- refuses what is negative, NaN, Infinity, or beyond 18 digits. Names in braces are replaced by the names of the tables.
--
-- The server plans the CHECKs anew for every statement. In those of what debits write, literals therefore have the type that they
-- are compared with: it would compute a cast, or a list of values, each time.

CREATE TABLE {meta} (
	id      integer PRIMARY KEY CHECK (id = 1),
	version integer NOT NULL -- of this schema
);

INSERT INTO {meta} VALUES (1, 1);

-- One row a customer, to be locked by who works for it. A row without wallets does no harm. It is narrow and has room on its
-- pages, so that an update stays on its page and touches no index. Its hot wallet is the one that a debit changed last: what
-- debits change of it is kept here, and its own row is behind.
CREATE TABLE {customer} (
	customer  text COLLATE "C" PRIMARY KEY,
	version   bigint NOT NULL, -- of all there is of the customer: grows with every commit that changes it
	cursor    bigint NOT NULL, -- no event of the customer has a greater one
	hot       uuid,            -- the hot wallet, if there is one; the rest is as in its row
	spendable numeric,
	consumed  numeric,
	hot_held  numeric,
	remaining numeric,
	txns      bigint,
	events    bigint,
	updated   timestamptz,
	last      uuid,
	CHECK (amounts(spendable, consumed, remaining, hot_held) AND hot_held <= remaining)
) WITH (fillfactor = 50);

-- What of a wallet seldom changes.
CREATE TABLE {record} (
	customer   text COLLATE "C" NOT NULL,
	wallet     uuid NOT NULL,
	currency   text NOT NULL,
	rate       numeric NOT NULL CHECK (rate > 0 AND rate < 1000000),
	name       text NOT NULL,
	code       text NOT NULL,
	priority   smallint NOT NULL CHECK (priority BETWEEN 0 AND 255), -- 0: not set, comes last
	applies_to json,
	expires    timestamptz,
	min_paid   numeric NOT NULL,
	max_paid   numeric NOT NULL,
	rules      json,
	metadata   json,
	status     text NOT NULL CHECK (status IN ('active', 'terminated')),
	created    timestamptz NOT NULL,
	terminated timestamptz,
	lot_order  text NOT NULL, -- that the keys of its lots were written in
	notes      bytea,         -- the engine's own
	PRIMARY KEY (customer, wallet),
	CHECK (amounts(min_paid, max_paid))
);

CREATE INDEX wallet_record_id ON {record} (wallet);
CREATE INDEX wallet_record_code ON {record} (code, wallet) WHERE code <> '';

-- What of a wallet commands change. Its hot lot is the one that changed last: what debits change of it is kept here, and its own
-- row is behind.
CREATE TABLE {state} (
	customer   text COLLATE "C" NOT NULL,
	wallet     uuid NOT NULL,
	active     boolean NOT NULL,
	held       numeric NOT NULL,
	pending    numeric NOT NULL,
	ongoing    numeric NOT NULL,
	kept       numeric NOT NULL,
	next_due   timestamptz,     -- nothing is due before
	tail       uuid,            -- its last transaction; NULL: it is the ID minted last, or there is none
	unnumbered bigint NOT NULL, -- by how many events is more than it has
	hot        uuid,            -- the hot lot, if there is one
	hot_held   numeric,
	hot_by     bigint,          -- the number of the last transaction that drew from it first; NULL: it is the last of all
	spendable  numeric NOT NULL,
	consumed   numeric NOT NULL,
	remaining  numeric, -- of the hot lot
	txns       bigint NOT NULL, -- how many transactions it has
	events     bigint NOT NULL,
	updated    timestamptz,     -- the latest change booked
	last       uuid,            -- the ID minted last
	PRIMARY KEY (customer, wallet),
	CHECK (amounts(spendable, held, pending, ongoing, consumed, kept, remaining, hot_held) AND hot_held <= remaining)
) WITH (fillfactor = 50);

CREATE INDEX wallet_state_due ON {state} (next_due, customer) WHERE next_due IS NOT NULL AND active;

-- The states as they are, of hot wallets too.
CREATE VIEW {balance} AS SELECT s.customer, s.wallet, s.active, s.held, s.pending, s.ongoing, s.kept, s.next_due, s.tail, s.unnumbered, s.hot, s.hot_held, s.hot_by,
	CASE WHEN c.hot = s.wallet THEN c.spendable ELSE s.spendable END AS spendable,
	CASE WHEN c.hot = s.wallet THEN c.consumed ELSE s.consumed END AS consumed,
	CASE WHEN c.hot = s.wallet THEN c.remaining ELSE s.remaining END AS remaining,
	CASE WHEN c.hot = s.wallet THEN c.txns ELSE s.txns END AS txns,
	CASE WHEN c.hot = s.wallet THEN c.events ELSE s.events END AS events,
	CASE WHEN c.hot = s.wallet THEN c.updated ELSE s.updated END AS updated,
	CASE WHEN c.hot = s.wallet THEN c.last ELSE s.last END AS last
FROM {state} s CROSS JOIN LATERAL (SELECT * FROM {customer} c WHERE c.customer = s.customer OFFSET 0) c;

-- Open lots, by wallet in spending order.
CREATE TABLE {lot} (
	customer  text COLLATE "C" NOT NULL,
	wallet    uuid NOT NULL,
	key       bytea NOT NULL, -- its place in the spending order
	id        uuid NOT NULL,  -- its transaction's
	kind      text NOT NULL,
	credits   numeric NOT NULL,
	remaining numeric NOT NULL,
	held      numeric NOT NULL,
	priority  smallint NOT NULL CHECK (priority BETWEEN 0 AND 255),
	expires   timestamptz,
	opened    timestamptz NOT NULL,
	PRIMARY KEY (customer, wallet, key),
	CHECK (amounts(credits, held) AND held <= remaining AND remaining > 0.0 AND remaining <= credits)
) WITH (fillfactor = 70);

CREATE INDEX wallet_lot_id ON {lot} (id);
CREATE INDEX wallet_lot_expires ON {lot} (customer, wallet, expires, key) WHERE expires IS NOT NULL;

-- Transactions, with their draws.
CREATE TABLE {transaction} (
	customer  text COLLATE "C" NOT NULL,
	wallet    uuid NOT NULL,
	id        uuid NOT NULL,
	kind      text NOT NULL,
	source    text,          -- NULL: manual
	credits   numeric NOT NULL,
	money     numeric NOT NULL,
	currency  text NOT NULL,
	balance   numeric NOT NULL,
	created   timestamptz NOT NULL,
	settled   timestamptz,
	failed    timestamptz, -- NULL, as settled is: pending
	reference text,
	lot       uuid, -- that it drew from first
	draws     json, -- [[lot, credits, amount, fee], …]; NULL: one, of all its credits, for all its money, for no fee
	more      json, -- {…}: what most transactions do not have
	event     bigint, -- the number, within the wallet, of the event that it tells: that it was added
	cursor    bigint, -- of this event
	PRIMARY KEY (customer, wallet, id),
	CHECK (amounts(credits, money, balance) AND credits > 0.0),
	CHECK ((lot IS NULL) = (kind = ANY ('{purchased,granted,refunded,transferred_in}'))),
	CHECK ((settled IS NULL OR failed IS NULL) AND (lot IS NULL OR settled IS NOT NULL))
);

CREATE INDEX wallet_transaction_id ON {transaction} (id);
CREATE INDEX wallet_transaction_feed ON {transaction} (cursor) WHERE cursor IS NOT NULL;
CREATE INDEX wallet_transaction_pending ON {transaction} (customer, wallet, id) WHERE settled IS NULL AND failed IS NULL;
CREATE INDEX wallet_transaction_rare ON {transaction} (customer, wallet, id) WHERE kind <> 'consumed';
CREATE INDEX wallet_transaction_reference ON {transaction} (reference, id) WHERE reference IS NOT NULL;

-- Who drew from a lot: the first of a run of transactions of one wallet that drew from it first, and all that drew from it later.
CREATE TABLE {drawn} (
	customer    text COLLATE "C" NOT NULL,
	lot         uuid NOT NULL,
	transaction uuid NOT NULL,
	wallet      uuid NOT NULL,
	PRIMARY KEY (customer, lot, transaction)
);

-- Retry keys, and what came of the first command with each.
CREATE TABLE {key} (
	customer     text COLLATE "C" NOT NULL,
	key          text COLLATE "C" NOT NULL,
	fingerprint  uuid NOT NULL, -- of the request
	wallet       uuid,
	hold         uuid,
	transaction  uuid,   -- the only one
	transactions uuid[], -- several
	PRIMARY KEY (customer, key)
);

CREATE TABLE {hold} (
	customer text COLLATE "C" NOT NULL,
	id       uuid NOT NULL,
	state    text NOT NULL CHECK (state IN ('open', 'captured', 'released', 'expired')),
	credits  numeric NOT NULL,
	wallets  uuid[] NOT NULL, -- that it reserves something of, or did at first
	hold     json NOT NULL,
	PRIMARY KEY (customer, id),
	CHECK (amounts(credits))
);

CREATE INDEX wallet_hold_id ON {hold} (id);
CREATE INDEX wallet_hold_open ON {hold} (customer, id) WHERE state = 'open';

-- The events that no transaction tells. Within a customer, cursors increase in the order of the commits. Across customers, what
-- is still to come has a greater cursor than the ID of the oldest running transaction times 2^20.
CREATE TABLE {event} (
	customer text COLLATE "C" NOT NULL,
	wallet   uuid NOT NULL,
	number   bigint NOT NULL CHECK (number > 0), -- within the wallet
	cursor   bigint NOT NULL,
	event    json NOT NULL, -- {kind, at, credits, …}
	PRIMARY KEY (customer, wallet, number)
);

CREATE INDEX wallet_event_feed ON {event} (cursor);
