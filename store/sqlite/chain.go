package sqlite

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"sort"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A wallet's transactions are a chain: each row knows the one before it, the wallet's row the last, and every so many there is
// a milestone in wallet_mark. So a page is read by following the chain from where the page before ended, or from the first
// milestone behind it, and no index has to be written with every debit. Where a chain is long and few are wanted, the kinds
// and states that are rare have indexes of their own.

// every is the distance of milestones.
const every = 64

const selectTxn = `t.no, t.id, t.wallet, t.kind, t.state, t.source, t.credits, t.money, t.balance, t.created, t.settled, t.draws, t.seq, t.prev, t.event,
	t.reference, t.more `

// A record is a transaction with its place in the chain of its wallet.
type record struct {
	wallet.Transaction
	no int64 // its own
	of int64 // its wallet's
	place
	event int64 // the number of the event that it tells; 0: none
	draws string
}

// A place in a chain.
type place struct {
	seq  int64 // within the wallet, from 1 on
	prev int64 // the number of the wallet's previous transaction; 0: none
}

// scanTxn reads a row of selectTxn; what the wallet knows is filled in by complete.
func scanTxn(row []driver.Value) (t record, err error) {
	r := reader{row: row}
	t.no, t.ID, t.of = r.int(), r.txn(), r.int()
	t.Kind, t.State, t.Source = word(&r, kinds), word(&r, states), word(&r, sources)
	t.Credits, t.Money.Amount, t.BalanceAfter = r.amount(), r.amount(), r.amount()
	t.CreatedAt = r.time()
	if v := r.next(); v != nil {
		r.at--
		t.SettledAt = time.UnixMicro(t.CreatedAt.UnixMicro() + r.int()).UTC()
	}
	t.draws, t.seq, t.prev, t.event = r.text(), r.int(), r.int(), r.int()
	t.Reference = r.text()
	if text := r.text(); text != "" {
		var m more
		if err := json.Unmarshal([]byte(text), &m); err != nil {
			r.wrong(text, "JSON: "+err.Error())
		}
		m.to(&t.Transaction)
	}
	return t, r.err
}

var selectOwner = newQuery("SELECT r.id, c.id, r.currency FROM wallet_record r JOIN wallet_customer c ON c.no = r.customer WHERE r.no = ?1")

// complete fills in what the row of a transaction leaves to its wallet's.
func (b *base) complete(t *record) error {
	o, ok := b.owners[t.of]
	if !ok {
		found, err := one(b, selectOwner, func(row []driver.Value) error {
			r := reader{row: row}
			o.wallet.SetBytes(r.uuid())
			o.customer, o.currency = wallet.CustomerID(r.text()), wallet.Currency(r.text())
			return r.err
		}, t.of)
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("sqlite: transaction %s is of a wallet that is not there", t.ID)
		}
		const most = 10_000
		if len(b.owners) >= most {
			clear(b.owners)
		}
		b.owners[t.of] = o
	}
	t.Wallet, t.Customer = o.wallet, o.customer
	if t.Money.Currency == "" {
		t.Money.Currency = o.currency
	}
	return nil
}

// records reads rows of selectTxn.
func (b *base) records(q *query, args ...driver.Value) (page []record, err error) {
	err = b.rows(q, func(row []driver.Value) error {
		t, err := scanTxn(row)
		page = append(page, t)
		return err
	}, args...)
	for i := range page {
		if err == nil {
			err = b.complete(&page[i])
		}
	}
	return page, err
}

var (
	txnByID     = newQuery("SELECT " + selectTxn + "FROM wallet_txn t WHERE t.id = ?1")
	selectPlace = newQuery("SELECT seq, prev FROM wallet_txn WHERE id = ?1 AND wallet = ?2")
)

func (b *base) record(id wallet.TransactionID) (t record, err error) {
	page, err := b.records(txnByID, uuid(id))
	if err != nil {
		return t, err
	}
	if len(page) == 0 {
		return t, fmt.Errorf("%w: transaction %s", wallet.ErrNotFound, id)
	}
	return page[0], nil
}

// placeOf returns the place of a transaction in the wallet, if it has one there.
func (b *base) placeOf(id wallet.TransactionID, w *unit.Wallet) (p place, err error) {
	if !id.IsZero() {
		_, err = one(b, selectPlace, func(row []driver.Value) error {
			r := reader{row: row}
			p.seq, p.prev = r.int(), r.int()
			return r.err
		}, uuid(id), w.No)
	}
	return p, err
}

func (b *base) Transaction(id wallet.TransactionID) (wallet.Transaction, error) {
	t, err := b.record(id)
	return t.Transaction, err
}

var (
	selectMark     = newQuery("SELECT n, txn FROM wallet_mark WHERE owner = ?1 AND n >= ?2 ORDER BY n LIMIT 1")
	selectLastMark = newQuery("SELECT n, txn FROM wallet_mark WHERE owner = ?1 AND n >= ?2 ORDER BY n DESC LIMIT 1")

	// selectChain reads ?2 transactions from ?1 back, but for the first ?3.
	selectChain = newQuery(`WITH RECURSIVE step (no, n) AS (
	SELECT ?1, 1
	UNION ALL
	SELECT p.prev, n + 1 FROM step CROSS JOIN wallet_txn p ON p.no = step.no WHERE n < ?2)
SELECT ` + selectTxn + `FROM step CROSS JOIN wallet_txn t ON t.no = step.no WHERE step.n > ?3`)

	// selectBefore and selectUpTo follow the chain from the transaction ?1 back to the first whose ID is less than ?2, or
	// whose number is not greater.
	selectBefore = newQuery(`WITH RECURSIVE step (no) AS (
	SELECT ?1
	UNION ALL
	SELECT p.prev FROM step CROSS JOIN wallet_txn p ON p.no = step.no WHERE p.id >= ?2 AND p.prev IS NOT NULL)
SELECT t.seq FROM step CROSS JOIN wallet_txn t ON t.no = step.no WHERE t.id < ?2 LIMIT 1`)
	selectUpTo = newQuery(`WITH RECURSIVE step (no) AS (
	SELECT ?1
	UNION ALL
	SELECT p.prev FROM step CROSS JOIN wallet_txn p ON p.no = step.no WHERE p.no > ?2 AND p.prev IS NOT NULL)
SELECT t.seq FROM step CROSS JOIN wallet_txn t ON t.no = step.no WHERE t.no <= ?2 LIMIT 1`)

	selectID = newQuery("SELECT id FROM wallet_txn WHERE no = ?1")
	selectNo = newQuery("SELECT no FROM wallet_txn WHERE id = ?1")
)

// mark returns the first milestone of an owner at number n or behind, or the last of all; Len is 0 if there is none.
func (b *base) mark(owner interface{ Bytes() [16]byte }, n int64) (unit.Chain, error) {
	return b.markBy(selectMark, owner, n)
}

// lastMark returns the last milestone of an owner.
func (b *base) lastMark(owner interface{ Bytes() [16]byte }) (unit.Chain, error) {
	return b.markBy(selectLastMark, owner, 0)
}

func (b *base) markBy(q *query, owner interface{ Bytes() [16]byte }, n int64) (at unit.Chain, err error) {
	_, err = one(b, q, func(row []driver.Value) error {
		r := reader{row: row}
		at.Len, at.Last = r.int(), r.int()
		return r.err
	}, uuid(owner), n)
	return at, err
}

// chain returns the wallet's transactions numbered from to to, newest first. no is the database's number of the last, or 0.
func (b *base) chain(w *unit.Wallet, no, from, to int64) ([]record, error) {
	start := unit.Chain{Len: to, Last: no}
	if no == 0 {
		start = w.Chain
		if to+every/8 < start.Len {
			at, err := b.mark(w.ID, to)
			if err != nil {
				return nil, err
			}
			if at.Len > 0 {
				start = at
			}
		}
	}
	return b.records(selectChain, start.Last, start.Len-from+1, start.Len-to)
}

// number returns how many transactions of the wallet have an ID less than id: the number of the last of them.
func (b *base) number(w *unit.Wallet, id []byte) (int64, error) {
	if w.Chain.Len == 0 || bytes.Compare(bytesOf(w.Tail), id) < 0 {
		return w.Chain.Len, nil
	}
	start, err := b.search(w, func(no int64) (bool, error) {
		at, err := b.idOf(no)
		return bytes.Compare(bytesOf(at), id) < 0, err
	})
	if err != nil {
		return 0, err
	}
	return number(b, selectBefore, start, id)
}

// numberUpTo returns how many transactions of the wallet have a number up to no.
func (b *base) numberUpTo(w *unit.Wallet, no int64) (int64, error) {
	if w.Chain.Len == 0 || w.Chain.Last <= no {
		return w.Chain.Len, nil
	}
	start, err := b.search(w, func(at int64) (bool, error) { return at <= no, nil })
	if err != nil {
		return 0, err
	}
	return number(b, selectUpTo, start, no)
}

// search returns the first milestone of a wallet's chain that is not before what is searched, or the end of the chain.
func (b *base) search(w *unit.Wallet, before func(no int64) (bool, error)) (start int64, err error) {
	start = w.Chain.Last
	sort.Search(int(w.Chain.Len/every), func(i int) bool {
		if err != nil {
			return true
		}
		var at unit.Chain
		if at, err = b.mark(w.ID, int64(i+1)*every); err != nil || at.Len == 0 {
			return true
		}
		var is bool
		if is, err = before(at.Last); err == nil && !is {
			start = at.Last // each one found is before the last
		}
		return !is
	})
	return start, err
}

// idOf returns the ID of the transaction with a number.
func (b *base) idOf(no int64) (id wallet.TransactionID, err error) {
	id, known := b.ids[no]
	if known {
		return id, nil
	}
	found, err := one(b, selectID, func(row []driver.Value) error {
		r := reader{row: row}
		id = r.txn()
		return r.err
	}, no)
	if err == nil && !found {
		err = fmt.Errorf("sqlite: transaction number %d is not there", no)
	}
	const most = 10_000
	if len(b.ids) >= most {
		clear(b.ids)
	}
	if err == nil {
		b.ids[no] = id
	}
	return id, err
}
