package sqlite

import (
	"database/sql/driver"
	"slices"
	"strings"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A writer writes the changes of a unit, inside a transaction that others have begun.
type writer struct {
	session
	last  int64 // the last number that a transaction or an event has
	text  []byte
	many  []driver.Value // rows of a bulk, one after the other
	marks []driver.Value // owner, n, txn; and so on
}

var (
	insertCustomer = newQuery("INSERT INTO wallet_customer (id) VALUES (?1)")
	insertRecord   = newQuery(`INSERT INTO wallet_record (id, customer, currency, rate, created, name, code, priority, applies_to, expires, min_paid,
	max_paid, rules, metadata, status, terminated, lot_order, notes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)`)
	updateRecord = newQuery(`UPDATE wallet_record SET name = ?1, code = ?2, priority = ?3, applies_to = ?4, expires = ?5, min_paid = ?6, max_paid = ?7,
	rules = ?8, metadata = ?9, status = ?10, terminated = ?11, lot_order = ?12, notes = ?13 WHERE no = ?14`)
	insertState = newQuery(`INSERT INTO wallet_state (spendable, consumed, updated, last, events, len, tail, remaining, drawn, no)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`)
	updateState = newQuery(`UPDATE wallet_state SET spendable = ?1, consumed = ?2, updated = ?3, last = ?4, events = ?5, len = ?6, tail = ?7,
	remaining = ?8, drawn = ?9 WHERE no = ?10`)
	insertRest = newQuery(`INSERT INTO wallet_rest (held, pending, ongoing, kept, next_due, tail, unnumbered, hot, hot_held, hot_by, no)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)`)
	updateRest = newQuery(`UPDATE wallet_rest SET held = ?1, pending = ?2, ongoing = ?3, kept = ?4, next_due = ?5, tail = ?6, unnumbered = ?7, hot = ?8,
	hot_held = ?9, hot_by = ?10 WHERE no = ?11`)
	insertLot = newQuery(`INSERT INTO wallet_lot (wallet, key, id, txn, kind, credits, remaining, held, priority, expires, opened, drawn, drawn_by)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`)
	updateLot = newQuery("UPDATE wallet_lot SET key = ?1, priority = ?2, expires = ?3, opened = ?4, remaining = ?5, held = ?6, drawn = ?7, drawn_by = ?8 WHERE id = ?9")
	cooledLot = newQuery("UPDATE wallet_lot SET remaining = ?1, held = ?2, drawn = ?3, drawn_by = ?4 WHERE id = ?5")
	deleteLot = newQuery("DELETE FROM wallet_lot WHERE id = ?1")

	selectLast  = newQuery("SELECT max(ifnull((SELECT max(no) FROM wallet_txn), 0), ifnull((SELECT max(no) FROM wallet_event), 0))")
	insertDebit = newBulk("INSERT OR FAIL INTO wallet_txn (no, id, wallet, seq, prev, event, kind, state, source, credits, money, balance, created, settled, draws)",
		"(?, ?, ?, ?, ?, ?, 2, 1, 0, ?, ?, ?, ?, 0, ?)")
	insertTxn = newQuery(`INSERT INTO wallet_txn (no, id, wallet, seq, prev, event, kind, state, source, credits, money, balance, created, settled, draws,
	reference, more) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)`)
	updateTxn  = newQuery(`UPDATE wallet_txn SET state = ?1, source = ?2, balance = ?3, settled = ?4, reference = ?5, more = ?6 WHERE id = ?7`)
	insertKey  = newBulk("INSERT OR FAIL INTO wallet_key (key, customer, fingerprint, wallet, txn)", "(?, ?, ?, ?, ?)")
	insertMore = newQuery("INSERT INTO wallet_key (key, customer, fingerprint, wallet, txn, more) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")
	insertMark = newBulk("INSERT OR FAIL INTO wallet_mark (owner, n, txn)", "(?, ?, ?)")
)

// write writes the changes, and brings what the unit knows of the rows up to date. After an error the unit is of no use.
func (w *writer) write(c *unit.Changes) error {
	w.marks = w.marks[:0]
	for _, step := range []func(*unit.Changes) error{w.records, w.numbers, w.transactions, w.lots, w.holds, w.events, w.states, w.keys} {
		if err := step(c); err != nil {
			return err
		}
	}
	return insertAll(w, insertMark, w.marks)
}

func (w *writer) mark(owner interface{ Bytes() [16]byte }, end unit.Chain) {
	w.marks = append(w.marks, uuid(owner), end.Len, end.Last)
}

// number gives a customer its number.
func (w *writer) number(c *unit.Customer) error {
	if c.No != 0 {
		return nil
	}
	done, err := w.exec(insertCustomer, string(c.ID))
	if err == nil {
		c.No, err = done.LastInsertId()
	}
	return err
}

func (w *writer) records(c *unit.Changes) error {
	for _, r := range c.Records {
		appliesTo, err1 := asJSON(r.AppliesTo, len(r.AppliesTo.FeeTypes)+len(r.AppliesTo.Metrics) > 0)
		rules, err2 := asJSON(r.Rules, r.Rules != nil)
		metadata, err3 := asJSON(r.Metadata, r.Metadata != nil)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return err
			}
		}
		var notes driver.Value
		if r.Notes != nil {
			notes = r.Notes
		}
		rest := []driver.Value{orNull(r.Name), orNull(r.Code), int64(r.Priority), appliesTo, instant(r.ExpiresAt), someAmount(r.Limits.MinPaid),
			someAmount(r.Limits.MaxPaid), rules, metadata, string(r.Status), instant(r.TerminatedAt), orNull(r.Order), notes}
		if r.No != 0 {
			if _, err := w.exec(updateRecord, append(rest, r.No)...); err != nil {
				return err
			}
			continue
		}
		customer := r.Customer()
		if err := w.number(customer); err != nil {
			return err
		}
		done, err := w.exec(insertRecord, append([]driver.Value{uuid(r.ID), customer.No, string(r.Currency), amount(r.Rate), instant(r.CreatedAt)}, rest...)...)
		if err != nil {
			return err
		}
		if r.No, err = done.LastInsertId(); err != nil {
			return err
		}
		r.Fresh = true
	}
	return nil
}

// numbers gives the transactions and events their numbers, in the order of the events, and within a wallet in that of its
// transactions too.
func (w *writer) numbers(c *unit.Changes) (err error) {
	if len(c.Transactions)+len(c.Events) > 0 && w.last == 0 {
		if w.last, err = number(w, selectLast); err != nil {
			return err
		}
	}
	next := func() int64 {
		w.last++
		return w.last
	}
	for i := range c.Events {
		e := &c.Events[i]
		if e.Told == nil {
			e.No = next()
			continue
		}
		for t := range e.Of.Unnumbered(e.Told) {
			t.No = next()
		}
	}
	for _, t := range c.Transactions {
		if t.No == 0 {
			t.No = next()
		}
	}
	return nil
}

func (w *writer) transactions(c *unit.Changes) error {
	w.many = w.many[:0]
	for _, t := range c.Transactions {
		if err := w.transaction(c, t); err != nil {
			return err
		}
	}
	if err := insertAll(w, insertDebit, w.many); err != nil {
		return err
	}
	for _, t := range c.Finished {
		more, err := moreOf(&t.Transaction, t.Of.Currency)
		if err != nil {
			return err
		}
		if _, err := w.exec(updateTxn, code(states, t.State), code(sources, t.Source), amount(t.BalanceAfter), settled(t), orNull(t.Reference),
			more, uuid(t.ID)); err != nil {
			return err
		}
	}
	return nil
}

// transaction writes t, or leaves it to a bulk, and adds it to the chains of its wallet and of the lots it draws from.
func (w *writer) transaction(c *unit.Changes, t *unit.Transaction) error {
	draws, err := w.draws(c, t)
	if err != nil {
		return err
	}
	chain := &t.Of.Chain
	prev := chain.Last
	*chain = unit.Chain{Len: chain.Len + 1, Last: t.No}
	t.Of.Tail = t.ID
	if chain.Len%every == 0 {
		w.mark(t.Wallet, *chain)
	}
	more, err := moreOf(&t.Transaction, t.Of.Currency)
	if err != nil {
		return err
	}
	if t.Kind == wallet.Consumed && t.Source == wallet.SourceManual && t.SettledAt.Equal(t.CreatedAt) && more == nil && t.Reference == "" {
		w.many = append(w.many, t.No, uuid(t.ID), t.Of.No, chain.Len, someInt(prev), someInt(t.Event), amount(t.Credits), amount(t.Money.Amount),
			amount(t.BalanceAfter), instant(t.CreatedAt), draws)
		return nil
	}
	_, err = w.exec(insertTxn, t.No, uuid(t.ID), t.Of.No, chain.Len, someInt(prev), someInt(t.Event), code(kinds, t.Kind), code(states, t.State),
		code(sources, t.Source), amount(t.Credits), amount(t.Money.Amount), amount(t.BalanceAfter), instant(t.CreatedAt), settled(t), draws,
		orNull(t.Reference), more)
	return err
}

// draws returns the draws of t as JSON, and adds them to the chains of their lots. The chain of the wallet ends before t.
func (w *writer) draws(c *unit.Changes, t *unit.Transaction) (driver.Value, error) {
	if len(t.Draws) == 0 {
		return nil, nil
	}
	w.text = append(w.text[:0], '[')
	for i, l := range t.Lots {
		if err := w.find(c, l); err != nil {
			return nil, err
		}
		if i > 0 {
			w.text = append(w.text, ',')
		}
		d := draw{Draw: t.Draws[i], lot: l.No, n: l.Drawn.Len + 1, prev: l.Drawn.Last}
		w.text = appendDraw(w.text, &d, t.Of.Chain.Last)
		l.Drawn = unit.Chain{Len: d.n, Last: t.No}
		if d.n%every == 0 {
			w.mark(d.Lot, l.Drawn)
		}
	}
	return string(append(w.text, ']')), nil
}

// find looks for the number of the transaction that opened a lot.
func (w *writer) find(c *unit.Changes, l *unit.Lot) (err error) {
	if l.No == 0 && l.Fresh {
		l.No, err = w.numberOf(c, l.ID)
	}
	return err
}

// numberOf returns the number of a transaction, 0 if it is not there.
func (w *writer) numberOf(c *unit.Changes, id wallet.TransactionID) (int64, error) {
	if t := c.Transaction(id); t != nil && t.No != 0 {
		return t.No, nil
	}
	return number(w, selectNo, uuid(id))
}

// settled is the time from creation to settlement.
func settled(t *unit.Transaction) driver.Value {
	if t.SettledAt.IsZero() {
		return nil
	}
	return t.SettledAt.UnixMicro() - t.CreatedAt.UnixMicro() // a Duration ends at 292 years
}

// lots writes the lots. Of each wallet, at most one that changed is left to the wallet's own row.
func (w *writer) lots(c *unit.Changes) error {
	for _, l := range c.Lots {
		var err error
		switch of := l.Of; {
		case l.Closed() && l.Fresh: // never written
		case l.Closed():
			_, err = w.exec(deleteLot, uuid(l.ID))
			if of.Hot.ID == l.ID {
				of.Hot = unit.Hot{}
			}
		case l.Fresh:
			if err = w.find(c, l); err != nil {
				return err
			}
			_, err = w.exec(insertLot, of.No, l.Key, uuid(l.ID), someInt(l.No), code(kinds, l.Kind), amount(l.Credits), amount(l.Remaining), amount(l.Held),
				int64(l.Priority), instant(l.ExpiresAt), instant(l.OpenedAt), l.Drawn.Len, someInt(l.Drawn.Last))
		case l.Moved:
			_, err = w.exec(updateLot, l.Key, int64(l.Priority), instant(l.ExpiresAt), instant(l.OpenedAt), amount(l.Remaining), amount(l.Held),
				l.Drawn.Len, someInt(l.Drawn.Last), uuid(l.ID))
		}
		if err != nil {
			return err
		}
		if l.Closed() && l.Drawn.Len%every != 0 {
			w.mark(l.ID, l.Drawn)
		}
	}
	for _, l := range c.Lots { // the hot ones stay where they are
		if h := &l.Of.Hot; !l.Closed() && h.ID == l.ID {
			h.Remaining, h.Held, h.Drawn, h.Kept = l.Remaining, l.Held, l.Drawn, true
		}
	}
	for _, l := range c.Lots {
		if l.Closed() || l.Fresh || l.Moved || l.Of.Hot.ID == l.ID {
			l.Fresh, l.Moved = false, false
			continue
		}
		if err := w.heat(l); err != nil {
			return err
		}
	}
	return nil
}

// heat makes l the hot lot of its wallet, unless another one already is; one of the two is written to its own row.
func (w *writer) heat(l *unit.Lot) error {
	now := unit.Hot{ID: l.ID, Remaining: l.Remaining, Held: l.Held, Drawn: l.Drawn, Kept: true}
	cold := now
	if h := &l.Of.Hot; !h.Kept {
		cold, *h = *h, now
	}
	if cold.ID.IsZero() {
		return nil
	}
	_, err := w.exec(cooledLot, amount(cold.Remaining), amount(cold.Held), cold.Drawn.Len, someInt(cold.Drawn.Last), uuid(cold.ID))
	return err
}

func (w *writer) states(c *unit.Changes) error {
	for _, s := range c.States {
		s.Hot.Kept = false
		if err := w.state(s); err != nil {
			return err
		}
	}
	return nil
}

func (w *writer) state(s *unit.Wallet) error {
	b, h := &s.State.Balance, &s.Hot
	var remaining, drawn driver.Value
	if !h.ID.IsZero() {
		remaining, drawn = amount(h.Remaining), h.Drawn.Len
	}
	state, rest := updateState, updateRest
	if s.Fresh {
		state, rest = insertState, insertRest
	}
	_, err := w.exec(state, amount(b.Spendable), amount(b.Consumed), instant(s.State.UpdatedAt), someUUID(s.State.Last), s.State.Events,
		s.Chain.Len, someInt(s.Chain.Last), remaining, drawn, s.No)
	now := s.RestNow()
	if err != nil || !s.Fresh && now.Equal(&s.Rest) {
		return err
	}
	var hot, held driver.Value
	if !h.ID.IsZero() {
		hot, held = uuid(h.ID), amount(h.Held)
	}
	s.Rest, s.Fresh = now, false
	_, err = w.exec(rest, amount(now.Held), amount(now.Pending), amount(now.Ongoing), amount(now.Kept), instant(now.NextDue), someUUID(now.Tail),
		now.Unnumbered, hot, held, someInt(now.HotBy), s.No)
	return err
}

func (w *writer) keys(c *unit.Changes) error {
	w.many = w.many[:0]
	slices.SortFunc(c.Keys, func(a, b *unit.Key) int { return strings.Compare(a.Name, b.Name) }) // most are put behind all others
	for _, k := range c.Keys {
		if err := w.number(k.Of); err != nil {
			return err
		}
		var of, txn driver.Value
		rest := came{Wallet: k.Wallet, Transactions: k.Transactions, Hold: k.Hold}
		if in := k.Of.Find(k.Wallet); in != nil {
			of, rest.Wallet = in.No, wallet.ID{}
		}
		if len(k.Transactions) == 1 {
			if by := c.Transaction(k.Transactions[0]); by != nil && by.No != 0 {
				txn, rest.Transactions = by.No, nil
			}
		}
		more, err := asJSON(&rest, !rest.Wallet.IsZero() || len(rest.Transactions) > 0 || !rest.Hold.IsZero())
		if err != nil {
			return err
		}
		if more != nil {
			_, err = w.exec(insertMore, k.Name, k.Of.No, k.Fingerprint[:], of, txn, more)
		} else {
			w.many = append(w.many, k.Name, k.Of.No, k.Fingerprint[:], of, txn)
		}
		if err != nil {
			return err
		}
	}
	return insertAll(w, insertKey, w.many)
}
