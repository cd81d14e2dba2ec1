-- Version 1: everything.
--
-- The key of every table begins with the customer, and there are no foreign keys, sequences, triggers or types of our own, so
-- that the tables can be distributed by customer as they are. Amounts are numeric: amount(x) is replaced by a condition that
-- refuses what is negative, NaN, Infinity, or beyond 18 digits. Names in braces are replaced by the names of the tables.

CREATE TABLE {meta} (
	id      integer PRIMARY KEY CHECK (id = 1),
	version integer NOT NULL -- of this schema
);

INSERT INTO {meta} VALUES (1, 1);

-- One row a customer, to be locked by who works for it. A row without wallets does no harm.
CREATE TABLE {customer} (
	customer text COLLATE "C" PRIMARY KEY CHECK (customer <> '')
);

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
	min_paid   numeric NOT NULL CHECK (amount(min_paid)),
	max_paid   numeric NOT NULL CHECK (amount(max_paid)),
	rules      json,
	metadata   json,
	status     text NOT NULL CHECK (status IN ('active', 'terminated')),
	created    timestamptz NOT NULL,
	terminated timestamptz,
	lot_order  text NOT NULL, -- that the keys of its lots were written in
	notes      bytea,         -- the engine's own
	PRIMARY KEY (customer, wallet)
);

CREATE INDEX wallet_record_id ON {record} (wallet);
CREATE INDEX wallet_record_code ON {record} (code, wallet) WHERE code <> '';

-- What of a wallet every debit changes. It is narrow and has room on its pages, so that an update stays on its page and touches
-- no index.
CREATE TABLE {state} (
	customer  text COLLATE "C" NOT NULL,
	wallet    uuid NOT NULL,
	active    boolean NOT NULL,
	version   bigint NOT NULL, -- of all there is of the wallet: grows with every commit that changes it
	spendable numeric NOT NULL CHECK (amount(spendable)),
	held      numeric NOT NULL CHECK (amount(held)),
	pending   numeric NOT NULL CHECK (amount(pending)),
	ongoing   numeric NOT NULL CHECK (amount(ongoing)),
	consumed  numeric NOT NULL CHECK (amount(consumed)),
	kept      numeric NOT NULL CHECK (amount(kept)),
	updated   timestamptz,     -- the latest change booked
	next_due  timestamptz,     -- nothing is due before
	last      uuid,            -- the ID minted last
	tail      uuid,            -- its last transaction
	txns      bigint NOT NULL, -- how many transactions it has
	minted    bigint NOT NULL, -- how many events the engine has counted
	events    bigint NOT NULL, -- how many events there are
	cursor    bigint NOT NULL, -- in the feed, of its last events
	PRIMARY KEY (customer, wallet)
) WITH (fillfactor = 70);

CREATE INDEX wallet_state_due ON {state} (next_due, customer) WHERE next_due IS NOT NULL AND active;

-- Open lots, by wallet in spending order.
CREATE TABLE {lot} (
	customer  text COLLATE "C" NOT NULL,
	wallet    uuid NOT NULL,
	key       bytea NOT NULL, -- its place in the spending order
	id        uuid NOT NULL,  -- its transaction's
	kind      text NOT NULL,
	credits   numeric NOT NULL CHECK (amount(credits)),
	remaining numeric NOT NULL,
	held      numeric NOT NULL,
	priority  smallint NOT NULL CHECK (priority BETWEEN 0 AND 255),
	expires   timestamptz,
	opened    timestamptz NOT NULL,
	PRIMARY KEY (customer, wallet, key),
	CHECK (held >= 0 AND held <= remaining AND remaining > 0 AND remaining <= credits)
) WITH (fillfactor = 70);

CREATE INDEX wallet_lot_id ON {lot} (id);
CREATE INDEX wallet_lot_expires ON {lot} (customer, wallet, expires, key) WHERE expires IS NOT NULL;

-- Transactions, with their draws.
CREATE TABLE {transaction} (
	customer  text COLLATE "C" NOT NULL,
	wallet    uuid NOT NULL,
	id        uuid NOT NULL,
	kind      text NOT NULL,
	state     text NOT NULL CHECK (state IN ('pending', 'settled', 'failed')),
	source    text NOT NULL,
	credits   numeric NOT NULL CHECK (credits > 0 AND amount(credits)),
	money     numeric NOT NULL CHECK (amount(money)),
	currency  text NOT NULL,
	balance   numeric NOT NULL CHECK (amount(balance)),
	created   timestamptz NOT NULL,
	settled   timestamptz,
	failed    timestamptz,
	reference text,
	lot       uuid, -- that it drew from first
	draws     json, -- [[lot, credits, amount, fee], …]; NULL: one, of all its credits, for all its money, for no fee
	more      json, -- {…}: what most transactions do not have
	PRIMARY KEY (customer, wallet, id),
	CHECK ((state = 'settled') = (settled IS NOT NULL) AND (state = 'failed') = (failed IS NOT NULL)),
	CHECK ((lot IS NULL) = (kind IN ('purchased', 'granted', 'refunded', 'transferred_in'))),
	CHECK (lot IS NULL OR state = 'settled')
);

CREATE INDEX wallet_transaction_id ON {transaction} (id);
CREATE INDEX wallet_transaction_lot ON {transaction} (customer, lot, id) WHERE lot IS NOT NULL;
CREATE INDEX wallet_transaction_pending ON {transaction} (customer, wallet, id) WHERE state = 'pending';
CREATE INDEX wallet_transaction_rare ON {transaction} (customer, wallet, id) WHERE kind <> 'consumed';
CREATE INDEX wallet_transaction_reference ON {transaction} (reference, id) WHERE reference IS NOT NULL;

-- Lots that a transaction drew from, besides the first.
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
	key          text COLLATE "C" NOT NULL CHECK (key <> ''),
	fingerprint  uuid NOT NULL, -- of the request
	wallet       uuid,
	hold         uuid,
	transactions uuid[],
	PRIMARY KEY (customer, key)
);

CREATE TABLE {hold} (
	customer text COLLATE "C" NOT NULL,
	id       uuid NOT NULL,
	state    text NOT NULL CHECK (state IN ('open', 'captured', 'released', 'expired')),
	credits  numeric NOT NULL CHECK (amount(credits)),
	wallets  uuid[] NOT NULL, -- that it reserves something of, or did at first
	hold     json NOT NULL,
	PRIMARY KEY (customer, id)
);

CREATE INDEX wallet_hold_id ON {hold} (id);
CREATE INDEX wallet_hold_open ON {hold} (customer, id) WHERE state = 'open';

-- The feed: events of one wallet that one commit booked one after the other. Within a customer, cursors increase in the order of
-- the commits. Across customers, what is still to come has a greater cursor than the ID of the oldest running transaction
-- times 2^20.
CREATE TABLE {event} (
	customer text COLLATE "C" NOT NULL,
	wallet   uuid NOT NULL,
	number   bigint NOT NULL CHECK (number > 0), -- of the first
	cursor   bigint NOT NULL,
	events   json NOT NULL, -- [{kind, at, credits, …}, …]
	PRIMARY KEY (customer, wallet, number)
);

CREATE INDEX wallet_event_feed ON {event} (cursor, wallet);
