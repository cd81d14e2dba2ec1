package sqlite

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A span is the IDs that a query is about: from ≤ id < to.
type span struct{ from, to []byte }

const idLen = 16

// lastID is behind every ID.
var lastID = bytes.Repeat([]byte{0xff}, idLen+1)

func spanOf(q *wallet.TransactionQuery) span {
	s := span{make([]byte, idLen), lastID}
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
	m := &merged{last: -1, oldestFirst: q.OldestFirst}
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
	size     int64 // of a page
	rows     []record
}

func (b *base) newChained(q *wallet.TransactionQuery, w *unit.Wallet, s span, skip *int) (*chained, error) {
	c := &chained{b: b, w: w, from: 1, to: w.Chain.Len, asc: q.OldestFirst, size: page}
	all := len(q.Kinds) == 0 && len(q.States) == 0
	if all && q.Limit > 0 {
		c.size = int64(min(page, q.Limit))
	}
	after, err := b.placeOf(q.After, w)
	if err != nil {
		return nil, err
	}
	switch usual := after.seq != 0; {
	case usual && q.OldestFirst && len(s.from) > idLen:
		c.from = after.seq + 1
	case usual && !q.OldestFirst && bytes.Equal(s.to, bytesOf(q.After)):
		c.to, c.id = after.seq-1, after.prev
	}
	if c.from == 1 && (!q.From.IsZero() || len(s.from) > idLen) {
		if c.from, err = b.number(w, s.from); err != nil {
			return nil, err
		}
		c.from++
	}
	if c.id == 0 && len(s.to) == idLen {
		if c.to, err = b.number(w, s.to); err != nil {
			return nil, err
		}
	}
	if all { // what is skipped need not be read
		n := min(int64(*skip), max(0, c.to-c.from+1))
		*skip -= int(n)
		if c.asc {
			c.from += n
		} else if n > 0 {
			c.to, c.id = c.to-n, 0
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
			to := min(c.to, c.from+c.size-1)
			c.rows, err = c.b.chain(c.w, 0, c.from, to)
			slices.Reverse(c.rows)
			c.from = to + 1
		} else {
			from := max(c.from, c.to-c.size+1)
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

// A merged cursor merges the cursors of a customer's wallets.
type merged struct {
	heads       []head
	last        int // the head that was yielded last and is to be replaced; -1: none
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

func (m *merged) next() (t wallet.Transaction, ok bool, err error) {
	if m.last >= 0 {
		h := &m.heads[m.last]
		if h.t, ok, err = h.rest.next(); err != nil {
			return t, false, err
		}
		if !ok {
			m.heads = slices.Delete(m.heads, m.last, m.last+1)
		}
	}
	m.last = -1
	for i := range m.heads {
		if m.last < 0 || before(m.heads[i].t.ID, m.heads[m.last].t.ID) == m.oldestFirst {
			m.last = i
		}
	}
	if m.last < 0 {
		return t, false, nil
	}
	return m.heads[m.last].t, true, nil
}

func before(a, b wallet.TransactionID) bool { return a.Compare(b) < 0 }
