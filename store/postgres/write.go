package postgres

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A writing is the changes of a unit on their way into the database.
type writing struct {
	customers []*unit.Customer // who change
	seen      map[*unit.Customer]bool
	hot       map[*unit.Customer]*unit.Wallet // the hot wallets that change; nil: there is none any more
	places    int64                           // of the feed, that are given away
	xid       int64                           // the first cursor of the transaction, once known

	sheets sheets

	changed, heated []any // rows of the guards
	guards, others  int   // statements: that guard, and behind them
}

type sheets struct {
	newRecords, oldRecords, newStates, oldStates, debited, goneLots, movedLots, oldLots, newLots, added, consumed, drawn, finished, keys, newHolds, oldHolds,
	events sheet
}

// all returns the sheets in the order they are written in.
func (s *sheets) all() []*sheet {
	return []*sheet{&s.newRecords, &s.oldRecords, &s.newStates, &s.oldStates, &s.debited, &s.goneLots, &s.movedLots, &s.oldLots,
		&s.newLots, &s.added, &s.consumed, &s.drawn, &s.finished, &s.keys, &s.newHolds, &s.oldHolds, &s.events}
}

func newWriting() *writing {
	w := &writing{seen: map[*unit.Customer]bool{}, hot: map[*unit.Customer]*unit.Wallet{}}
	s := &w.sheets
	for _, use := range []struct {
		*sheet
		*target
		forms [2]string
	}{
		{&s.newRecords, newRecords, newRecords.inserts}, {&s.oldRecords, oldRecords, oldRecords.updates},
		{&s.newStates, states, states.inserts}, {&s.oldStates, states, states.updates}, {&s.debited, debited, debited.updates},
		{&s.goneLots, goneLots, goneLots.deletes}, {&s.oldLots, oldLots, oldLots.updates}, {&s.movedLots, movedLots, movedLots.updates},
		{&s.newLots, newLots, newLots.inserts}, {&s.added, added, added.inserts}, {&s.consumed, consumed, consumed.inserts}, {&s.drawn, drawn, drawn.inserts},
		{&s.finished, finished, finished.updates}, {&s.keys, keys, keys.inserts}, {&s.newHolds, newHolds, newHolds.inserts},
		{&s.oldHolds, oldHolds, oldHolds.updates}, {&s.events, events, events.inserts},
	} {
		use.sheet.target, use.sheet.forms = use.target, use.forms
	}
	return w
}

// reset empties the writing and keeps its room, unless that is a lot.
func (w *writing) reset() {
	for _, s := range w.sheets.all() {
		if clear(s.rows); cap(s.rows) > spare {
			s.rows = nil
		}
		s.rows = s.rows[:0]
	}
	clear(w.customers)
	clear(w.seen)
	clear(w.hot)
	clear(w.changed)
	clear(w.heated)
	w.changed, w.heated = w.changed[:0], w.heated[:0]
	w.customers, w.guards, w.others, w.places, w.xid = w.customers[:0], 0, 0, 0, 0
}

// spare is how many values of a table are kept room for.
const spare = 1 << 15

// queue collects the changes, and adds the statements that write them; guarded are customers whose edition must be right even if
// nothing of them changes. With each set, every row has a statement of its own.
// What the unit knows of the rows is brought up to date: if they are not committed, it is of no use any more.
func (w *writing) queue(b *pgx.Batch, n *names, c *unit.Changes, guarded []*unit.Customer, each bool) error {
	for _, of := range guarded {
		w.change(of)
	}
	for _, collect := range []func(*unit.Changes) error{w.records, w.events, w.transactions, w.lots, w.holds, w.remembered, w.states} {
		if err := collect(c); err != nil {
			return err
		}
	}
	w.queueGuard(b, n, each)
	for _, sheet := range w.sheets.all() {
		w.others += sheet.queue(b, n, each)
	}
	return nil
}

// change notes that something of a customer changes.
func (w *writing) change(c *unit.Customer) {
	if !w.seen[c] {
		w.seen[c] = true
		w.customers = append(w.customers, c)
	}
}

// read reads the results of the queued statements.
func (w *writing) read(r pgx.BatchResults) error {
	for range w.guards {
		var one int
		var xid int64
		if err := r.QueryRow().Scan(&one, &xid); err != nil {
			return err
		}
		w.xid = xid
	}
	for _, c := range w.customers {
		c.Cursor = max(w.xid, c.Cursor) + w.places
	}
	for range w.others {
		switch _, err := r.Exec(); {
		case codeOf(err) == divisionByZero: // see counted
			return fmt.Errorf("postgres: rows are missing, somebody has changed the tables: %w", err)
		case err != nil:
			return err
		}
	}
	return nil
}

func customerOf(w *unit.Wallet) string { return string(w.Wallet.Wallet.Customer) }

func (w *writing) records(c *unit.Changes) error {
	for _, r := range c.Records {
		w.change(r.Customer())
		appliesTo, err1 := asJSON(r.AppliesTo, len(r.AppliesTo.FeeTypes)+len(r.AppliesTo.Metrics) > 0)
		rules, err2 := asJSON(r.Rules, r.Rules != nil)
		metadata, err3 := asJSON(r.Metadata, r.Metadata != nil)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return err
			}
		}
		key := []any{customerOf(r), id(r.ID)}
		rest := []any{r.Name, r.Code, int16(r.Priority), appliesTo, at(r.ExpiresAt), digits(r.Limits.MinPaid), digits(r.Limits.MaxPaid), rules, metadata,
			string(r.Status), at(r.TerminatedAt), r.Order, bytesOf(r.Notes)}
		if r.No == 0 {
			w.sheets.newRecords.add(append(append(key, string(r.Currency), digits(r.Rate), at(r.CreatedAt)), rest...)...)
		} else {
			w.sheets.oldRecords.add(append(key, rest...)...)
		}
	}
	return nil
}

func bytesOf(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

func (w *writing) transactions(c *unit.Changes) error {
	for _, t := range c.Transactions {
		w.change(t.Of.Customer())
		more, err := moreOf(&t.Transaction)
		if err != nil {
			return err
		}
		lot, draws, err := drawsOf(&t.Transaction, t.Draws)
		if err != nil {
			return err
		}
		var event, cursor any
		if t.Event != 0 {
			event, cursor = t.Event, t.No
		}
		w.draws(t)
		if t.Kind == wallet.Consumed && t.Source == wallet.SourceManual && t.SettledAt.Equal(t.CreatedAt) && t.Reference == "" && draws == nil && more == nil {
			w.sheets.consumed.add(string(t.Customer), id(t.Wallet), id(t.ID), digits(t.Credits), digits(t.Money.Amount), string(t.Money.Currency),
				digits(t.BalanceAfter), at(t.CreatedAt), lot, event, t.Of.Customer().Cursor, cursor)
			continue
		}
		var source any
		if t.Source != wallet.SourceManual {
			source = string(t.Source)
		}
		w.sheets.added.add(string(t.Customer), id(t.Wallet), id(t.ID), string(t.Kind), source, digits(t.Credits), digits(t.Money.Amount),
			string(t.Money.Currency), digits(t.BalanceAfter), at(t.CreatedAt), at(t.SettledAt), at(t.FailedAt), some(t.Reference), lot, draws, more,
			event, t.Of.Customer().Cursor, cursor)
	}
	for _, t := range c.Finished {
		w.change(t.Of.Customer())
		more, err := moreOf(&t.Transaction)
		if err != nil {
			return err
		}
		w.sheets.finished.add(string(t.Customer), id(t.Wallet), id(t.ID), string(t.Source), digits(t.BalanceAfter), at(t.SettledAt),
			at(t.FailedAt), some(t.Reference), more)
	}
	return nil
}

// draws makes t the last of its wallet, and notes from which lots it drew where the transaction before it did not.
func (w *writing) draws(t *unit.Transaction) {
	of := t.Of
	for i, l := range t.Lots {
		switch {
		case i == 0 && (l.Drawn.Last <= 0 || l.Drawn.Last != of.Chain.Len),
			i > 0 && slices.IndexFunc(t.Draws, func(d wallet.Draw) bool { return d.Lot == t.Draws[i].Lot }) == i:
			w.sheets.drawn.add(string(t.Customer), id(t.Draws[i].Lot), id(t.ID), id(t.Wallet))
		}
	}
	of.Chain = unit.Chain{Len: of.Chain.Len + 1, Last: of.Chain.Len + 1}
	of.Tail = t.ID
	if len(t.Lots) > 0 {
		t.Lots[0].Drawn.Last = of.Chain.Last
	}
}

// never is the number of the last transaction that drew from a lot first, if none is known to have done so.
const never = -1

// lots writes the lots. Of each wallet, at most one that changed is left to the wallet's own row.
func (w *writing) lots(c *unit.Changes) error {
	for _, l := range c.Lots {
		w.change(l.Of.Customer())
		customer, of, lot := customerOf(l.Of), id(l.Wallet), id(l.ID)
		switch {
		case l.Closed() && l.Fresh: // never written
		case l.Closed():
			w.sheets.goneLots.add(customer, of, lot)
			if l.Of.Hot.ID == l.ID {
				l.Of.Hot = unit.Hot{}
			}
		case l.Fresh:
			w.sheets.newLots.add(customer, of, l.Key, lot, string(l.Kind), digits(l.Credits), digits(l.Remaining), digits(l.Held), int16(l.Priority),
				at(l.ExpiresAt), at(l.OpenedAt))
		case l.Moved:
			w.sheets.movedLots.add(customer, of, lot, digits(l.Remaining), digits(l.Held), l.Key, int16(l.Priority), at(l.ExpiresAt), at(l.OpenedAt))
		}
	}
	for _, l := range c.Lots {
		if l.Drawn.Last == 0 {
			l.Drawn.Last = never
		}
	}
	for _, l := range c.Lots { // the hot ones stay where they are
		if h := &l.Of.Hot; !l.Closed() && h.ID == l.ID {
			h.Remaining, h.Held, h.Drawn, h.Kept = l.Remaining, l.Held, l.Drawn, true
		}
	}
	for _, l := range c.Lots {
		if !l.Closed() && !l.Fresh && !l.Moved && l.Of.Hot.ID != l.ID {
			w.heat(l)
		}
		l.Fresh, l.Moved = false, false
	}
	return nil
}

// heat makes l the hot lot of its wallet, unless another one already is; one of the two is written to its own row.
func (w *writing) heat(l *unit.Lot) {
	now := unit.Hot{ID: l.ID, Remaining: l.Remaining, Held: l.Held, Drawn: l.Drawn, Kept: true}
	cold := now
	if h := &l.Of.Hot; !h.Kept {
		cold, *h = *h, now
	}
	if !cold.ID.IsZero() {
		w.sheets.oldLots.add(customerOf(l.Of), id(l.Wallet), id(cold.ID), digits(cold.Remaining), digits(cold.Held))
	}
}

func (w *writing) holds(c *unit.Changes) error {
	for _, h := range c.Holds {
		w.change(h.Of)
		text, err := asJSON(h.Hold, true)
		if err != nil {
			return err
		}
		var in []wallet.ID
		for _, p := range h.Parts {
			in = append(in, p.Wallet)
		}
		if h.Fresh {
			in = h.First
		}
		if h.Fresh {
			w.sheets.newHolds.add(string(h.Customer), id(h.ID), string(h.State), digits(h.Credits), text, list(in))
		} else {
			w.sheets.oldHolds.add(string(h.Customer), id(h.ID), string(h.State), text, list(in))
		}
	}
	return nil
}

// list writes IDs as an array.
func list[T fmt.Stringer](ids []T) any {
	if ids == nil {
		return nil
	}
	all := make([]string, len(ids))
	for i := range ids {
		all[i] = ids[i].String()
	}
	return "{" + strings.Join(all, ",") + "}"
}

func (w *writing) remembered(c *unit.Changes) error {
	for _, k := range c.Keys {
		w.change(k.Of)
		var only any
		several := k.Transactions
		if len(several) == 1 {
			only, several = id(several[0]), nil
		}
		w.sheets.keys.add(string(k.Of.ID), k.Name, pgtype.UUID{Bytes: k.Fingerprint, Valid: true}, someID(k.Wallet), someID(k.Hold), only, list(several))
	}
	return nil
}

// events gives the events their places in the feed: behind all that the customer had before, even if others, whose transactions
// began later, wrote those. Most events are the transactions that tell them.
func (w *writing) events(c *unit.Changes) error {
	for i := range c.Events {
		e := &c.Events[i]
		w.change(e.Of.Customer())
		w.places++
		if e.Told != nil {
			e.Told.No = w.places
			continue
		}
		text, err := json.Marshal(happening{e.Kind, e.At.UnixMicro(), e.Credits, e.Transaction, e.Hold, e.Rule, e.Alert, e.Record})
		if err != nil {
			return err
		}
		w.sheets.events.add(string(e.Customer), id(e.Wallet), e.Number, e.Of.Customer().Cursor, w.places, string(text))
	}
	return nil
}
