package postgres

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A querier is a connection, or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

// A base reads what is in the database, in a transaction that others have begun.
type base struct {
	names *names
	ctx   context.Context
	q     querier
	ahead *ahead // what was read for a batch; nil: nothing

	partial bool // there is no feed of all customers
	batch   bool // functions of several callers read, and are repeated
}

var _ unit.Base = (*base)(nil)

// rows calls each with every row.
func (b *base) rows(sql string, each func(pgx.Rows) error, args ...any) (err error) {
	if b.q == nil {
		return errOver
	}
	if b.batch {
		defer func() {
			if err = retryable(err); codeOf(err) == inFailedTransaction { // by the function of somebody else
				err = retryError{err}
			}
		}()
	}
	rows, err := b.q.Query(b.ctx, b.names.in(sql), args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// collect returns what scan makes of every row. All are read before any is looked at: a connection does one thing at a time.
func collect[T any](b *base, scan func(pgx.Rows) (T, error), sql string, args ...any) (all []T, err error) {
	err = b.rows(sql, func(r pgx.Rows) error {
		v, err := scan(r)
		all = append(all, v)
		return err
	}, args...)
	return all, err
}

// one returns what scan makes of the first row, or ErrNotFound.
func one[T any](b *base, scan func(pgx.Rows) (T, error), what string, of fmt.Stringer, sql string, args ...any) (v T, err error) {
	all, err := collect(b, scan, sql, args...)
	if err == nil && len(all) == 0 {
		err = fmt.Errorf("%w: %s %s", wallet.ErrNotFound, what, of)
	}
	if err != nil {
		return v, err
	}
	return all[0], nil
}

// What collect scans.
func toWallet(r pgx.Rows) (*unit.Wallet, error) { return scanWallet(r) }
func toLot(r pgx.Rows) (*unit.Lot, error)       { return scanLot(r) }
func toRecord(r pgx.Rows) (*record, error)      { return scanTransaction(r) }

// customerOf returns the customer that a scope names.
func (b *base) customerOf(s store.Scope) (wallet.CustomerID, error) {
	switch {
	case s.Customer != "":
		return s.Customer, nil
	case !s.Wallet.IsZero():
		return one(b, scanCustomer, "wallet", s.Wallet, "SELECT customer FROM {record} WHERE wallet = $1", id(s.Wallet))
	case !s.Transaction.IsZero():
		return one(b, scanCustomer, "transaction", s.Transaction, "SELECT customer FROM {transaction} WHERE id = $1", id(s.Transaction))
	case !s.Hold.IsZero():
		return one(b, scanCustomer, "hold", s.Hold, "SELECT customer FROM {hold} WHERE id = $1", id(s.Hold))
	}
	return "", errors.New("store: refused an update whose scope names no customer, wallet, transaction or hold")
}

func scanCustomer(r pgx.Rows) (c wallet.CustomerID, err error) {
	err = r.Scan(text(&c))
	return c, err
}

const activeWallets = selectWallet + "WHERE r.customer = $1 AND s.active ORDER BY r.wallet"

func (b *base) Load(s store.Scope) (*unit.Customer, []*unit.Wallet, error) {
	customer, err := b.customerOf(s)
	if err != nil {
		return nil, nil, err
	}
	now := b.ahead.locked[customer]
	c := &unit.Customer{ID: customer, Version: now.version, Cursor: now.cursor, Hot: now.hot}
	if wallets, ok := b.ahead.wallets(customer); ok {
		return c, wallets, nil
	}
	wallets, err := collect(b, toWallet, activeWallets, string(customer))
	return c, wallets, err
}

func (b *base) LoadWallet(of wallet.ID) (*unit.Wallet, error) {
	return one(b, toWallet, "wallet", of, selectWallet+"WHERE r.wallet = $1", id(of))
}

func (b *base) Wallet(id wallet.ID) (*store.Wallet, error) {
	w, err := b.LoadWallet(id)
	if err != nil {
		return nil, err
	}
	return &w.Wallet, nil
}

func (b *base) ActiveWallets(id wallet.CustomerID) (active []*store.Wallet, err error) {
	wallets, err := collect(b, toWallet, activeWallets, string(id))
	for _, w := range wallets {
		active = append(active, &w.Wallet)
	}
	return active, err
}

const lotsBehind = selectLot + `WHERE l.customer = $1 AND l.wallet = $2 AND l.key > $3 ORDER BY l.key LIMIT $4`

func (b *base) LoadLots(w *unit.Wallet, after []byte, n int) ([]*unit.Lot, error) {
	if w.No == 0 {
		return nil, nil
	}
	if after == nil {
		if lots, ok := b.ahead.lots(w.ID, n); ok {
			return lots, nil
		}
		after = []byte{}
	}
	return collect(b, toLot, lotsBehind, string(w.Wallet.Wallet.Customer), id(w.ID), after, n)
}

func (b *base) LoadLot(of wallet.TransactionID) (*unit.Lot, error) {
	return one(b, toLot, "open lot", of, selectLot+"WHERE l.id = $1", id(of))
}

// LoadDrawn has nothing to tell: who drew from a lot is in an index.
func (b *base) LoadDrawn(wallet.TransactionID) (c unit.Chain, err error) { return c, nil }

func (b *base) Lot(id wallet.TransactionID) (store.Lot, error) {
	l, err := b.LoadLot(id)
	if err != nil {
		return store.Lot{}, err
	}
	return l.Lot, nil
}

func (b *base) NextLot(w wallet.ID, after []byte) (store.Lot, bool, error) {
	if after == nil {
		after = []byte{}
	}
	lots, err := collect(b, toLot, selectLot+`WHERE l.customer = (SELECT customer FROM {record} WHERE wallet = $1) AND l.wallet = $1 AND l.key > $2
ORDER BY l.key LIMIT 1`, id(w), after)
	if err != nil || len(lots) == 0 {
		return store.Lot{}, false, err
	}
	return lots[0].Lot, true, nil
}

const lotsExpired = selectLot + `WHERE l.customer = $1 AND l.wallet = $2 AND l.expires IS NOT NULL AND (l.expires, l.key) > ($3, $4) AND l.expires <= $5
ORDER BY l.expires, l.key LIMIT $6`

func (b *base) LoadExpiring(w *unit.Wallet, upTo time.Time) iter.Seq2[*unit.Lot, error] {
	return func(yield func(*unit.Lot, error) bool) {
		after, key := time.Unix(-1, 0), []byte{}
		for w.No != 0 {
			lots, err := collect(b, toLot, lotsExpired, string(w.Wallet.Wallet.Customer), id(w.ID), after, key, upTo, page)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, l := range lots {
				after, key = l.ExpiresAt, l.Key
				if !yield(l, nil) {
					return
				}
			}
			if len(lots) < page {
				return
			}
		}
	}
}

func (b *base) ExpiringLots(id wallet.ID, upTo time.Time) iter.Seq2[store.Lot, error] {
	return func(yield func(store.Lot, error) bool) {
		w, err := b.LoadWallet(id)
		if err != nil {
			yield(store.Lot{}, err)
			return
		}
		for l, err := range b.LoadExpiring(w, upTo) {
			if err != nil {
				yield(store.Lot{}, err)
				return
			}
			if !yield(l.Lot, nil) {
				return
			}
		}
	}
}

func (b *base) Outcome(customer wallet.CustomerID, key string) (store.Outcome, bool, error) {
	if o, known := b.ahead.outcome(customer, key); known {
		if o == nil {
			return store.Outcome{}, false, nil
		}
		return *o, true, nil
	}
	found, err := collect(b, func(r pgx.Rows) (o store.Outcome, err error) {
		err = r.Scan(outcome(&o)...)
		return o, err
	}, "SELECT fingerprint, wallet, hold, transaction, transactions FROM {key} WHERE customer = $1 AND key = $2", string(customer), key)
	if err != nil || len(found) == 0 {
		return store.Outcome{}, false, err
	}
	return found[0], true, nil
}

// outcome scans the columns fingerprint, wallet, hold, transaction and transactions.
func outcome(o *store.Outcome) []any {
	return []any{&o.Fingerprint, uuid{&o.Wallet}, uuid{&o.Hold}, only{&o.Transactions}, ids[wallet.TransactionID, *wallet.TransactionID]{&o.Transactions}}
}

// only scans the one ID of a list.
type only struct{ to *[]wallet.TransactionID }

func (o only) ScanUUID(v pgtype.UUID) error {
	if *o.to = nil; v.Valid {
		*o.to = make([]wallet.TransactionID, 1)
		(*o.to)[0].SetBytes(v.Bytes)
	}
	return nil
}

const selectDue = `SELECT next_due, customer FROM {state} WHERE active AND next_due IS NOT NULL AND (next_due, customer) > ($1, $2) AND next_due <= $3
ORDER BY next_due, customer LIMIT $4`

func (b *base) Due(upTo time.Time) iter.Seq2[wallet.CustomerID, error] {
	type due struct {
		at       time.Time
		customer wallet.CustomerID
	}
	return func(yield func(wallet.CustomerID, error) bool) {
		seen := map[wallet.CustomerID]bool{}
		last := due{at: time.Unix(-1, 0)}
		for {
			found, err := collect(b, func(r pgx.Rows) (d due, err error) {
				err = r.Scan(instant{&d.at}, text(&d.customer))
				return d, err
			}, selectDue, last.at, string(last.customer), upTo, page)
			if err != nil {
				yield("", err)
				return
			}
			for _, last = range found {
				if !seen[last.customer] && !yield(last.customer, nil) {
					return
				}
				seen[last.customer] = true
			}
			if len(found) < page {
				return
			}
		}
	}
}

// page is how many rows are read at a time.
const page = 64

func isAbsent(err error) bool { return errors.Is(err, wallet.ErrNotFound) }
