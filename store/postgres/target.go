package postgres

// What is written of each table, by insert, update or delete.
var (
	newRecords = newTarget("{record}", 2, `customer text, wallet uuid, currency text, rate numeric, created timestamptz, name text, code text,
		priority smallint, applies_to json, expires timestamptz, min_paid numeric, max_paid numeric, rules json, metadata json, status text,
		terminated timestamptz, lot_order text, notes bytea`)
	oldRecords = newTarget("{record}", 2, `customer text, wallet uuid, name text, code text, priority smallint, applies_to json, expires timestamptz,
		min_paid numeric, max_paid numeric, rules json, metadata json, status text, terminated timestamptz, lot_order text, notes bytea`)
	states = newTarget("{state}", 2, `customer text, wallet uuid, active boolean, held numeric, pending numeric, ongoing numeric, kept numeric,
		next_due timestamptz, tail uuid, unnumbered bigint, hot uuid, hot_held numeric, hot_by bigint, spendable numeric, consumed numeric,
		remaining numeric, txns bigint, events bigint, updated timestamptz, last uuid`)
	debited = newTarget("{state}", 2, `customer text, wallet uuid, spendable numeric, consumed numeric, remaining numeric, txns bigint, events bigint,
		updated timestamptz, last uuid`)
	newLots = newTarget("{lot}", 3, `customer text, wallet uuid, key bytea, id uuid, kind text, credits numeric, remaining numeric, held numeric,
		priority smallint, expires timestamptz, opened timestamptz`)
	oldLots   = newTarget("{lot}", 3, "customer text, wallet uuid, id uuid, remaining numeric, held numeric")
	movedLots = newTarget("{lot}", 3, `customer text, wallet uuid, id uuid, remaining numeric, held numeric, key bytea, priority smallint,
		expires timestamptz, opened timestamptz`)
	goneLots = newTarget("{lot}", 3, "customer text, wallet uuid, id uuid")
	added    = newTarget("{transaction}", 3, `customer text, wallet uuid, id uuid, kind text, source text, credits numeric, money numeric,
		currency text, balance numeric, created timestamptz, settled timestamptz, failed timestamptz, reference text, lot uuid, draws json, more json,
		event bigint, base bigint, cursor bigint`)
	consumed = newTarget("{transaction}", 3, `customer text, wallet uuid, id uuid, credits numeric, money numeric, currency text, balance numeric,
		created timestamptz, lot uuid, event bigint, base bigint, cursor bigint`, [2]string{"kind", "'consumed'"}, [2]string{"settled", "created"})
	finished = newTarget("{transaction}", 3, `customer text, wallet uuid, id uuid, source text, balance numeric, settled timestamptz,
		failed timestamptz, reference text, more json`)
	drawn    = newTarget("{drawn}", 3, "customer text, lot uuid, transaction uuid, wallet uuid")
	keys     = newTarget("{key}", 2, "customer text, key text, fingerprint uuid, wallet uuid, hold uuid, transaction uuid, transactions uuid[]")
	newHolds = newTarget("{hold}", 2, "customer text, id uuid, state text, credits numeric, hold json, wallets uuid[]")
	oldHolds = newTarget("{hold}", 2, "customer text, id uuid, state text, hold json, wallets uuid[] merge")
	events   = newTarget("{event}", 3, "customer text, wallet uuid, number bigint, base bigint, cursor bigint, event json")
)
