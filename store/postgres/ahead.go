package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// ahead is what was read for a whole batch, in the trip that locked its customers.
type ahead struct {
	locked   map[wallet.CustomerID]edition
	loaded   map[wallet.CustomerID][]*unit.Wallet
	heads    map[wallet.ID][]*unit.Lot // at most unit.Head of them
	outcomes map[keyName]*store.Outcome
}

// An edition tells one state of a customer from others.
type edition struct {
	version, cursor int64
	hot             wallet.ID
}

type keyName struct {
	customer wallet.CustomerID
	key      string
}

func newAhead() *ahead {
	return &ahead{map[wallet.CustomerID]edition{}, map[wallet.CustomerID][]*unit.Wallet{}, map[wallet.ID][]*unit.Lot{}, map[keyName]*store.Outcome{}}
}

func (a *ahead) wallets(id wallet.CustomerID) ([]*unit.Wallet, bool) {
	if a == nil {
		return nil, false
	}
	wallets, ok := a.loaded[id]
	return wallets, ok
}

func (a *ahead) lots(id wallet.ID, n int) ([]*unit.Lot, bool) {
	if a == nil {
		return nil, false
	}
	lots, ok := a.heads[id]
	if !ok || len(lots) == unit.Head && n > unit.Head {
		return nil, false
	}
	delete(a.heads, id) // they are the unit's now
	return lots[:min(n, len(lots))], true
}

func (a *ahead) outcome(customer wallet.CustomerID, key string) (*store.Outcome, bool) {
	if a == nil {
		return nil, false
	}
	o, ok := a.outcomes[keyName{customer, key}]
	return o, ok
}

// Statements about many customers are driven from an array of them, row by row through an index, whatever the planner believes of
// the sizes of tables: a LATERAL subquery with a LIMIT or an OFFSET is never turned around.
const (
	// FOR NO KEY UPDATE lets others read, and refer to the row.
	lockCustomers = `SELECT c.* FROM unnest($1::text[]) u (customer) CROSS JOIN LATERAL (
	SELECT customer, version, cursor, hot FROM {customer} WHERE customer = u.customer FOR NO KEY UPDATE SKIP LOCKED LIMIT 1) c`
	lockCustomer = `SELECT customer, version, cursor, hot FROM {customer} WHERE customer = $1 FOR NO KEY UPDATE`
	tryCustomer  = lockCustomer + ` SKIP LOCKED`
	editions     = `SELECT c.* FROM unnest($1::text[]) u (customer) CROSS JOIN LATERAL (
	SELECT customer, version, cursor, hot FROM {customer} WHERE customer = u.customer LIMIT 1) c`
	addCustomers  = `INSERT INTO {customer} (customer, version, cursor) SELECT customer, 0, 0 FROM unnest($1::text[]) u (customer) ON CONFLICT DO NOTHING`
	findCustomers = `SELECT c.customer FROM unnest($1::text[]) u (customer) CROSS JOIN LATERAL (
	SELECT customer FROM {customer} WHERE customer = u.customer LIMIT 1) c`

	loadWallets = `SELECT w.* FROM unnest($1::text[]) u (customer) CROSS JOIN LATERAL (` + selectWallet + `WHERE r.customer = u.customer AND s.active OFFSET 0) w`
	loadHeads   = `SELECT l.* FROM unnest($1::text[]) u (customer) CROSS JOIN LATERAL (
	SELECT wallet FROM {state} WHERE customer = u.customer AND active OFFSET 0) w CROSS JOIN LATERAL (
	` + selectLot + `WHERE l.customer = u.customer AND l.wallet = w.wallet ORDER BY l.key LIMIT 4) l`
	selectOutcomes = `SELECT k.* FROM unnest($1::text[], $2::text[]) u (customer, key) CROSS JOIN LATERAL (
	SELECT customer, key, fingerprint, wallet, hold, transaction, transactions FROM {key} WHERE customer = u.customer AND key = u.key LIMIT 1) k`
)

// queueLoad asks for the wallets of customers, with their first lots.
func (a *ahead) queueLoad(b *pgx.Batch, n *names, customers []string) {
	if len(customers) == 0 {
		return
	}
	for _, c := range customers {
		a.loaded[wallet.CustomerID(c)] = nil
	}
	b.Queue(n.in(loadWallets), customers).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			w, err := scanWallet(rows)
			if err != nil {
				return err
			}
			of := w.Wallet.Wallet.Customer
			a.loaded[of] = append(a.loaded[of], w)
			a.heads[w.ID] = nil
		}
		return rows.Err()
	})
	b.Queue(n.in(loadHeads), customers).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			l, err := scanLot(rows)
			if err != nil {
				return err
			}
			a.heads[l.Wallet] = append(a.heads[l.Wallet], l)
		}
		return rows.Err()
	})
}

// readLocked notes the customers that a statement has locked.
func (a *ahead) readLocked(rows pgx.Rows) error {
	for rows.Next() {
		var c wallet.CustomerID
		var e edition
		if err := rows.Scan(text(&c), &e.version, &e.cursor, uuid{&e.hot}); err != nil {
			return err
		}
		a.locked[c] = e
	}
	return rows.Err()
}

// queueOutcomes asks for what the keys of calls have brought about.
func (a *ahead) queueOutcomes(b *pgx.Batch, n *names, customers, keys []string) {
	if len(keys) == 0 {
		return
	}
	for i := range keys {
		a.outcomes[keyName{wallet.CustomerID(customers[i]), keys[i]}] = nil
	}
	b.Queue(n.in(selectOutcomes), customers, keys).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var k keyName
			o := new(store.Outcome)
			if err := rows.Scan(append([]any{text(&k.customer), &k.key}, outcome(o)...)...); err != nil {
				return err
			}
			a.outcomes[k] = o
		}
		return rows.Err()
	})
}

// isRight reports whether the unit has a customer as it is in the database.
func (a *ahead) isRight(u *unit.Unit, id wallet.CustomerID) bool {
	c := u.Loaded(store.Scope{Customer: id})
	return c != nil && c.Version == a.locked[id].version
}
