package sqlite

import (
	"bytes"
	"database/sql/driver"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A writer writes the changes of a unit, inside a transaction that others have begun.
type writer struct {
	session
	text  []byte                 // of draws
	prevs []wallet.TransactionID // of each draw, the one that drew from its lot before
	marks []driver.Value         // owner, n, txn; and so on
}

var (
	insertCustomer = newQuery("INSERT INTO wallet_customer (id) VALUES (?1)")
	insertRecord   = newQuery(`INSERT INTO wallet_record (id, customer, currency, rate, created, name, code, priority, applies_to, expires, min_paid,
	max_paid, rules, metadata, status, terminated, lot_order, notes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)`)
	updateRecord = newQuery(`UPDATE wallet_record SET name = ?1, code = ?2, priority = ?3, applies_to = ?4, expires = ?5, min_paid = ?6, max_paid = ?7,
	rules = ?8, metadata = ?9, status = ?10, terminated = ?11, lot_order = ?12, notes = ?13 WHERE no = ?14`)
	putState = newQuery(`REPLACE INTO wallet_state (no, spendable, consumed, updated, last, events, len, remaining, drawn, event)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`)
	putRest = newQuery(`REPLACE INTO wallet_rest (no, held, pending, ongoing, kept, next_due, tail, hot, hot_held, hot_by)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)`)
	insertLot = newQuery(`INSERT INTO wallet_lot (wallet, key, id, kind, credits, remaining, held, priority, expires, opened, drawn, drawn_by)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`)
	updateLot   = newQuery("UPDATE wallet_lot SET key = ?1, priority = ?2, expires = ?3, opened = ?4, remaining = ?5, held = ?6, drawn = ?7, drawn_by = ?8 WHERE id = ?9")
	cooledLot   = newQuery("UPDATE wallet_lot SET remaining = ?1, held = ?2, drawn = ?3, drawn_by = ?4 WHERE id = ?5")
	deleteLot   = newQuery("DELETE FROM wallet_lot WHERE id = ?1")
	insertDebit = newQuery(`INSERT INTO wallet_txn (id, wallet, seq, prev, kind, state, source, credits, money, balance, created, settled, draws)
VALUES (?1, ?2, ?3, ?4, 2, 1, 0, ?5, ?6, ?7, ?8, 0, ?9)`)
	insertTxn = newQuery(`INSERT INTO wallet_txn (id, wallet, seq, prev, kind, state, source, credits, money, balance, created, settled, draws,
	reference, more) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)`)
	updateTxn  = newQuery(`UPDATE wallet_txn SET state = ?1, source = ?2, balance = ?3, settled = ?4, reference = ?5, more = ?6 WHERE id = ?7`)
	insertKey  = newQuery("INSERT INTO wallet_key (key, customer, outcome) VALUES (?1, ?2, ?3)")
	insertMark = newQuery("INSERT INTO wallet_mark (owner, n, txn) VALUES (?1, ?2, ?3)")
)

// write writes the changes, and brings what the unit knows of the rows up to date. After an error the unit is of no use.
func (w *writer) write(c *unit.Changes) error {
	w.marks = w.marks[:0]
	for _, step := range []func(*unit.Changes) error{w.records, w.transactions, w.lots, w.holds, w.events, w.states, w.keys} {
		if err := step(c); err != nil {
			return err
		}
	}
	for m := range slices.Chunk(w.marks, 3) {
		if _, err := w.exec(insertMark, m...); err != nil {
			return err
		}
	}
	return nil
}

// holdMark says that the ID behind it in an outcome is of a hold.
var holdMark = [16]byte(bytes.Repeat([]byte{255}, 16))

func (w *writer) mark(owner interface{ Bytes() [16]byte }, end unit.Chain) {
	w.marks = append(w.marks, uuid(owner), end.Len, uuid(end.Last))
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

func (w *writer) transactions(c *unit.Changes) error {
	for _, t := range c.Transactions {
		if err := w.transaction(t); err != nil {
			return err
		}
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

// transaction adds t to the chains of its wallet and of the lots it draws from.
func (w *writer) transaction(t *unit.Transaction) error {
	chain := &t.Of.Chain
	prev := chain.Last
	var draws driver.Value
	if len(t.Draws) > 0 {
		w.text, w.prevs = append(w.text[:0], '['), w.prevs[:0]
		for i := range t.Draws {
			if i > 0 {
				w.text = append(w.text, ',')
			}
			d, from := draw{Draw: t.Draws[i]}, &t.Lots[i].Drawn
			d.n, d.prev = from.Len+1, from.Last
			if d.prev == t.ID { // it has drawn from the lot before
				d.prev = w.prevs[slices.Index(t.Lots, t.Lots[i])]
			}
			w.prevs = append(w.prevs, d.prev)
			w.text = appendDraw(w.text, d, !d.prev.IsZero() && d.prev != prev)
			from.Len++
			from.Last = t.ID
			if from.Len%every == 0 {
				w.mark(d.Lot, *from)
			}
		}
		w.text = append(w.text, ']')
		draws = string(w.text)
	}
	chain.Len++
	chain.Last = t.ID
	if chain.Len%every == 0 {
		w.mark(t.Wallet, *chain)
	}
	more, err := moreOf(&t.Transaction, t.Of.Currency)
	if err != nil {
		return err
	}
	if t.Kind == wallet.Consumed && t.Source == wallet.SourceManual && t.SettledAt.Equal(t.CreatedAt) && more == nil && t.Reference == "" {
		_, err = w.exec(insertDebit, uuid(t.ID), t.Of.No, chain.Len, someUUID(prev), amount(t.Credits), amount(t.Money.Amount),
			amount(t.BalanceAfter), instant(t.CreatedAt), draws)
		return err
	}
	_, err = w.exec(insertTxn, uuid(t.ID), t.Of.No, chain.Len, someUUID(prev), code(kinds, t.Kind), code(states, t.State), code(sources, t.Source),
		amount(t.Credits), amount(t.Money.Amount), amount(t.BalanceAfter), instant(t.CreatedAt), settled(t), draws, orNull(t.Reference), more)
	return err
}

// settled is the time from creation to settlement.
func settled(t *unit.Transaction) driver.Value {
	if t.SettledAt.IsZero() {
		return nil
	}
	return t.SettledAt.Sub(t.CreatedAt).Microseconds()
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
			_, err = w.exec(insertLot, of.No, l.Key, uuid(l.ID), code(kinds, l.Kind), amount(l.Credits), amount(l.Remaining), amount(l.Held),
				int64(l.Priority), instant(l.ExpiresAt), instant(l.OpenedAt), l.Drawn.Len, someUUID(l.Drawn.Last))
		case l.Moved:
			_, err = w.exec(updateLot, l.Key, int64(l.Priority), instant(l.ExpiresAt), instant(l.OpenedAt), amount(l.Remaining), amount(l.Held),
				l.Drawn.Len, someUUID(l.Drawn.Last), uuid(l.ID))
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
	_, err := w.exec(cooledLot, amount(cold.Remaining), amount(cold.Held), cold.Drawn.Len, someUUID(cold.Drawn.Last), uuid(cold.ID))
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
	_, err := w.exec(putState, s.No, amount(b.Spendable), amount(b.Consumed), instant(s.State.UpdatedAt), someUUID(s.State.Last), s.State.Events,
		s.Chain.Len, remaining, drawn, someInt(s.LastEvent))
	now := s.RestNow()
	if err != nil || !s.Fresh && now.Equal(&s.Rest) {
		return err
	}
	var hot, held driver.Value
	if !h.ID.IsZero() {
		hot, held = uuid(h.ID), amount(h.Held)
	}
	s.Rest, s.Fresh = now, false
	_, err = w.exec(putRest, s.No, amount(now.Held), amount(now.Pending), amount(now.Ongoing), amount(now.Kept), instant(now.NextDue), someUUID(now.Tail),
		hot, held, someUUID(now.HotBy))
	return err
}

func (w *writer) keys(c *unit.Changes) error {
	for _, k := range c.Keys {
		if err := w.number(k.Of); err != nil {
			return err
		}
		outcome, of := append(make([]byte, 0, 64), k.Fingerprint[:]...), k.Wallet.Bytes()
		outcome = append(outcome, of[:]...)
		if !k.Hold.IsZero() {
			hold := k.Hold.Bytes()
			outcome = append(append(outcome, holdMark[:]...), hold[:]...)
		}
		for _, id := range k.Transactions {
			b := id.Bytes()
			outcome = append(outcome, b[:]...)
		}
		if _, err := w.exec(insertKey, k.Name, k.Of.No, outcome); err != nil {
			return err
		}
	}
	return nil
}
