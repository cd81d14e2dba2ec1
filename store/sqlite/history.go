package sqlite

import (
	"bytes"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
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
	no    int64 // its own
	of    int64 // its wallet's
	seq   int64 // within the wallet
	prev  int64 // the wallet's previous transaction
	event int64 // the number of the event that it tells; 0: none
	draws string
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
		t.SettledAt = t.CreatedAt.Add(time.Duration(r.int()) * time.Microsecond)
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
	txnByID = newQuery("SELECT " + selectTxn + "FROM wallet_txn t WHERE t.id = ?1")
	txnByNo = newQuery("SELECT " + selectTxn + "FROM wallet_txn t WHERE t.no = ?1")
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

func (b *base) recordNo(no int64) (t record, err error) {
	page, err := b.records(txnByNo, no)
	if err == nil && len(page) == 0 {
		err = fmt.Errorf("sqlite: transaction number %d is not there", no)
	}
	if err != nil {
		return t, err
	}
	return page[0], nil
}

func (b *base) Transaction(id wallet.TransactionID) (wallet.Transaction, error) {
	t, err := b.record(id)
	return t.Transaction, err
}

// A span is the IDs that a query is about: from ≤ id < to.
type span struct{ from, to []byte }

// lastID is behind every ID.
var lastID = bytes.Repeat([]byte{0xff}, 17)

func spanOf(q *wallet.TransactionQuery) span {
	s := span{make([]byte, 16), lastID}
	if !q.From.IsZero() {
		s.from = bytesOf(wallet.FirstAt(q.From))
	}
	if !q.To.IsZero() {
		s.to = bytesOf(wallet.FirstAt(q.To))
	}
	if q.After.IsZero() {
		return s
	}
	after := bytesOf(q.After)
	if !q.OldestFirst && bytes.Compare(after, s.to) < 0 {
		s.to = after
	}
	if next := append(after, 0); q.OldestFirst && bytes.Compare(next, s.from) > 0 {
		s.from = next // of 17 bytes: the least one behind it
	}
	return s
}

func bytesOf(id wallet.TransactionID) []byte {
	b := id.Bytes()
	return b[:]
}

// page is how many transactions are read at a time.
const page = 64

// A cursor yields transactions by ID, in the direction it was made for.
type cursor interface {
	next() (wallet.Transaction, bool, error)
}

func (b *base) Transactions(q wallet.TransactionQuery) iter.Seq2[wallet.Transaction, error] {
	return func(yield func(wallet.Transaction, error) bool) {
		skip, left := max(q.Offset, 0), q.Limit
		c, err := b.cursor(&q, &skip)
		if err != nil {
			yield(wallet.Transaction{}, err)
			return
		}
		for c != nil {
			t, ok, err := c.next()
			if err != nil {
				yield(t, err)
				return
			}
			if !ok {
				return
			}
			if !q.Selects(t) {
				continue
			}
			if skip > 0 {
				skip--
				continue
			}
			if !yield(t, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

// cursor returns one that yields what the query selects, and perhaps more; nil if it selects nothing. It may do some of the
// skipping.
func (b *base) cursor(q *wallet.TransactionQuery, skip *int) (cursor, error) {
	s := spanOf(q)
	rare := len(q.Kinds) > 0 && !slices.Contains(q.Kinds, wallet.Consumed)
	pending := len(q.States) > 0 && !slices.ContainsFunc(q.States, func(s wallet.State) bool { return s != wallet.Pending })
	where := ""
	switch {
	case q.Reference != "":
		return newIndexed(b, q, s, "INDEXED BY wallet_txn_reference WHERE t.reference = ?1", q.Reference), nil
	case pending:
		where = "INDEXED BY wallet_txn_pending WHERE t.state = 0"
	case rare:
		where = "INDEXED BY wallet_txn_rare WHERE t.kind <> 2"
	}
	if !q.Wallet.IsZero() {
		w, err := b.LoadWallet(q.Wallet)
		if errors.Is(err, wallet.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		if where != "" {
			return newIndexed(b, q, s, where+" AND t.wallet = ?1", w.No), nil
		}
		return b.newChained(q, w, s, skip)
	}
	if q.Customer == "" {
		if !pending {
			where = "INDEXED BY wallet_txn_id WHERE ?1 IS NULL"
		}
		return newIndexed(b, q, s, where, nil), nil
	}
	m := &merged{oldestFirst: q.OldestFirst}
	for w, err := range b.Wallets(wallet.WalletQuery{Customer: q.Customer}) {
		if err != nil {
			return nil, err
		}
		of, none := *q, 0
		of.Wallet = w.ID
		c, err := b.cursor(&of, &none)
		if err != nil {
			return nil, err
		}
		if err := m.add(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// An indexed cursor pages through an index, or the table.
type indexed struct {
	b    *base
	q    *query
	s    span
	key  driver.Value
	asc  bool
	rows []record
	last bool // there are no more rows than these
}

func newIndexed(b *base, q *wallet.TransactionQuery, s span, where string, key driver.Value) *indexed {
	order := "DESC"
	if q.OldestFirst {
		order = "ASC"
	}
	text := fmt.Sprintf("SELECT %s FROM wallet_txn t %s AND t.id >= ?2 AND t.id < ?3 ORDER BY t.id %s LIMIT %d", selectTxn, where, order, page)
	return &indexed{b: b, q: queryOf(text), s: s, key: key, asc: q.OldestFirst}
}

func (c *indexed) next() (t wallet.Transaction, ok bool, err error) {
	if len(c.rows) == 0 {
		if c.last {
			return t, false, nil
		}
		if c.rows, err = c.b.records(c.q, c.key, c.s.from, c.s.to); err != nil {
			return t, false, err
		}
		c.last = len(c.rows) < page
		if len(c.rows) == 0 {
			return t, false, nil
		}
		end := bytesOf(c.rows[len(c.rows)-1].ID)
		if c.asc {
			c.s.from = append(end, 0)
		} else {
			c.s.to = end
		}
	}
	t, c.rows = c.rows[0].Transaction, c.rows[1:]
	return t, true, nil
}

// A chained cursor follows the chain of a wallet. Its transactions are those numbered from to to.
type chained struct {
	b        *base
	w        *unit.Wallet
	from, to int64
	asc      bool
	id       int64 // wallet_txn.no of number to; 0: unknown
	rows     []record
}

func (b *base) newChained(q *wallet.TransactionQuery, w *unit.Wallet, s span, skip *int) (*chained, error) {
	c := &chained{b: b, w: w, from: 1, to: w.Chain.Len, asc: q.OldestFirst}
	var err error
	if !q.From.IsZero() || q.OldestFirst && !q.After.IsZero() {
		if c.from, err = b.number(w, s.from); err != nil {
			return nil, err
		}
		c.from++
	}
	if !q.After.IsZero() && !q.OldestFirst && bytes.Equal(s.to, bytesOf(q.After)) {
		at, err := b.record(q.After)
		if err == nil && at.of == w.No { // the usual way to page
			c.to, c.id = at.seq-1, at.prev
			return c, nil
		}
		if err != nil && !errors.Is(err, wallet.ErrNotFound) {
			return nil, err
		}
	}
	if len(s.to) == 16 {
		if c.to, err = b.number(w, s.to); err != nil {
			return nil, err
		}
	}
	if len(q.Kinds) == 0 && len(q.States) == 0 { // nothing is filtered, so what is skipped need not be read
		n := min(int64(*skip), max(0, c.to-c.from+1))
		*skip -= int(n)
		if c.asc {
			c.from += n
		} else {
			c.to -= n
		}
	}
	return c, nil
}

func (c *chained) next() (t wallet.Transaction, ok bool, err error) {
	if len(c.rows) == 0 {
		if c.from > c.to {
			return t, false, nil
		}
		if c.asc {
			to := min(c.to, c.from+page-1)
			c.rows, err = c.b.chain(c.w, 0, c.from, to)
			slices.Reverse(c.rows)
			c.from = to + 1
		} else {
			from := max(c.from, c.to-page+1)
			c.rows, err = c.b.chain(c.w, c.id, from, c.to)
			if n := len(c.rows); n > 0 {
				c.id = c.rows[n-1].prev
			}
			c.to = from - 1
		}
		if err != nil {
			return t, false, err
		}
		if len(c.rows) == 0 {
			return t, false, fmt.Errorf("sqlite: the chain of wallet %s is broken", c.w.ID)
		}
	}
	t, c.rows = c.rows[0].Transaction, c.rows[1:]
	return t, true, nil
}

var (
	selectMark     = newQuery("SELECT n, txn FROM wallet_mark WHERE owner = ?1 AND n >= ?2 ORDER BY n LIMIT 1")
	selectLastMark = newQuery("SELECT n, txn FROM wallet_mark WHERE owner = ?1 AND n >= ?2 ORDER BY n DESC LIMIT 1")

	// selectChain follows ?2 steps from the transaction ?1 back, and reads those numbered ?3 or less.
	selectChain = newQuery(`WITH RECURSIVE step (no, n) AS (
	SELECT ?1, 1
	UNION ALL
	SELECT p.prev, n + 1 FROM step CROSS JOIN wallet_txn p ON p.no = step.no WHERE n < ?2)
SELECT ` + selectTxn + `FROM step CROSS JOIN wallet_txn t ON t.no = step.no WHERE t.seq <= ?3`)

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
	return b.records(selectChain, start.Last, start.Len-from+1, to)
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

// A merged cursor merges the cursors of a customer's wallets.
type merged struct {
	heads       []head
	oldestFirst bool
}

type head struct {
	t    wallet.Transaction
	rest cursor
}

func (m *merged) add(c cursor) error {
	if c == nil {
		return nil
	}
	t, ok, err := c.next()
	if ok {
		m.heads = append(m.heads, head{t, c})
	}
	return err
}

func (m *merged) next() (wallet.Transaction, bool, error) {
	if len(m.heads) == 0 {
		return wallet.Transaction{}, false, nil
	}
	best := 0
	for i := range m.heads {
		if c := m.heads[i].t.ID.Compare(m.heads[best].t.ID); m.oldestFirst && c < 0 || !m.oldestFirst && c > 0 {
			best = i
		}
	}
	t := m.heads[best].t
	following, ok, err := m.heads[best].rest.next()
	if err != nil {
		return t, false, err
	}
	if ok {
		m.heads[best].t = following
	} else {
		m.heads = slices.Delete(m.heads, best, best+1)
	}
	return t, true, nil
}
