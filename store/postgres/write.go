package postgres

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// What is written of each table, by insert, update or delete.
var (
	newRecords = newTarget("{record}", 2, `customer text, wallet uuid, currency text, rate numeric, created timestamptz, name text, code text,
		priority smallint, applies_to json, expires timestamptz, min_paid numeric, max_paid numeric, rules json, metadata json, status text,
		terminated timestamptz, lot_order text, notes bytea`)
	oldRecords = newTarget("{record}", 2, `customer text, wallet uuid, name text, code text, priority smallint, applies_to json, expires timestamptz,
		min_paid numeric, max_paid numeric, rules json, metadata json, status text, terminated timestamptz, lot_order text, notes bytea`)
	states = newTarget("{state}", 2, `customer text, wallet uuid, active boolean, version bigint, spendable numeric, held numeric, pending numeric,
		ongoing numeric, consumed numeric, kept numeric, updated timestamptz, next_due timestamptz, last uuid, tail uuid, txns bigint, minted bigint,
		events bigint, cursor bigint`)
	newLots = newTarget("{lot}", 3, `customer text, wallet uuid, key bytea, id uuid, kind text, credits numeric, remaining numeric, held numeric,
		priority smallint, expires timestamptz, opened timestamptz`)
	oldLots   = newTarget("{lot}", 3, "customer text, wallet uuid, id uuid, remaining numeric, held numeric")
	movedLots = newTarget("{lot}", 3, `customer text, wallet uuid, id uuid, remaining numeric, held numeric, key bytea, priority smallint,
		expires timestamptz, opened timestamptz`)
	goneLots = newTarget("{lot}", 3, "customer text, wallet uuid, id uuid")
	added    = newTarget("{transaction}", 3, `customer text, wallet uuid, id uuid, kind text, state text, source text, credits numeric, money numeric,
		currency text, balance numeric, created timestamptz, settled timestamptz, failed timestamptz, reference text, lot uuid, draws json, more json`)
	finished = newTarget("{transaction}", 3, `customer text, wallet uuid, id uuid, state text, source text, balance numeric, settled timestamptz,
		failed timestamptz, reference text, more json`)
	drawn    = newTarget("{drawn}", 3, "customer text, lot uuid, transaction uuid, wallet uuid")
	keys     = newTarget("{key}", 2, "customer text, key text, fingerprint uuid, wallet uuid, hold uuid, transactions uuid[]")
	newHolds = newTarget("{hold}", 2, "customer text, id uuid, state text, credits numeric, hold json, wallets uuid[]")
	oldHolds = newTarget("{hold}", 2, "customer text, id uuid, state text, hold json, wallets uuid[] merge")
	events   = newTarget("{event}", 3, "customer text, wallet uuid, number bigint, cursor bigint, events json")
)

// A writing is the changes of a unit on their way into the database.
type writing struct {
	sheets struct {
		newRecords, oldRecords, newStates, oldStates, goneLots, oldLots, movedLots, newLots, added, drawn, finished, keys, newHolds, oldHolds, events sheet
	}
	affected []int64 // rows that the queued statements must affect
}

func newWriting() *writing {
	w := new(writing)
	s := &w.sheets
	for _, use := range []struct {
		*sheet
		*target
		forms [2]string
	}{
		{&s.newRecords, newRecords, newRecords.inserts}, {&s.oldRecords, oldRecords, oldRecords.updates},
		{&s.newStates, states, states.inserts}, {&s.oldStates, states, states.updates},
		{&s.goneLots, goneLots, goneLots.deletes}, {&s.oldLots, oldLots, oldLots.updates}, {&s.movedLots, movedLots, movedLots.updates},
		{&s.newLots, newLots, newLots.inserts}, {&s.added, added, added.inserts}, {&s.drawn, drawn, drawn.inserts},
		{&s.finished, finished, finished.updates}, {&s.keys, keys, keys.inserts}, {&s.newHolds, newHolds, newHolds.inserts},
		{&s.oldHolds, oldHolds, oldHolds.updates}, {&s.events, events, events.inserts},
	} {
		use.sheet.target, use.sheet.forms = use.target, use.forms
	}
	return w
}

// queue collects the changes, and adds the statements that write them. next is the least cursor that the feed has for
// them, last those of its last events.
// What the unit knows of the rows is brought up to date: if they are not committed, it is of no use any more.
func (w *writing) queue(b *pgx.Batch, n *names, c *unit.Changes, next int64, last cursors, each bool) error {
	for _, collect := range []func(*unit.Changes) error{
		w.records, w.transactions, w.lots, w.holds, w.remembered, func(c *unit.Changes) error { return w.events(c, next, last) },
		func(c *unit.Changes) error { return w.states(c, last) },
	} {
		if err := collect(c); err != nil {
			return err
		}
	}
	s := &w.sheets
	for _, sheet := range []*sheet{&s.newRecords, &s.oldRecords, &s.newStates, &s.oldStates, &s.goneLots, &s.movedLots, &s.oldLots, &s.newLots, &s.added,
		&s.drawn, &s.finished, &s.keys, &s.newHolds, &s.oldHolds, &s.events} {
		sheet.queue(b, n, each, func(rows int64) { w.affected = append(w.affected, rows) })
	}
	return nil
}

// read reads the results of the queued statements.
func (w *writing) read(r pgx.BatchResults) error {
	for _, want := range w.affected {
		switch tag, err := r.Exec(); {
		case err != nil:
			return err
		case tag.RowsAffected() != want:
			return fmt.Errorf("postgres: %s affected %d rows, not %d: somebody has changed the tables", tag, tag.RowsAffected(), want)
		}
	}
	return nil
}

func customerOf(w *unit.Wallet) string { return string(w.Wallet.Wallet.Customer) }

func (w *writing) records(c *unit.Changes) error {
	for _, r := range c.Records {
		appliesTo, err1 := asJSON(r.AppliesTo, len(r.AppliesTo.FeeTypes)+len(r.AppliesTo.Metrics) > 0)
		rules, err2 := asJSON(r.Rules, r.Rules != nil)
		metadata, err3 := asJSON(r.Metadata, r.Metadata != nil)
		for _, err := range []error{err1, err2, err3} {
			if err != nil {
				return err
			}
		}
		key := []any{customerOf(r), id(r.ID)}
		rest := []any{r.Name, r.Code, r.Priority, appliesTo, at(r.ExpiresAt), digits(r.Limits.MinPaid), digits(r.Limits.MaxPaid), rules, metadata,
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
		more, err := moreOf(&t.Transaction)
		if err != nil {
			return err
		}
		lot, draws, err := drawsOf(&t.Transaction, t.Draws)
		if err != nil {
			return err
		}
		customer, of := string(t.Customer), id(t.Wallet)
		w.sheets.added.add(customer, of, id(t.ID), string(t.Kind), string(t.State), string(t.Source), digits(t.Credits), digits(t.Money.Amount),
			string(t.Money.Currency), digits(t.BalanceAfter), at(t.CreatedAt), at(t.SettledAt), at(t.FailedAt), some(t.Reference), lot, draws, more)
		for i := 1; i < len(t.Draws); i++ {
			is := func(d wallet.Draw) bool { return d.Lot == t.Draws[i].Lot }
			if slices.IndexFunc(t.Draws, is) == i {
				w.sheets.drawn.add(customer, id(t.Draws[i].Lot), id(t.ID), of)
			}
		}
		t.Of.Chain.Len++
		t.Of.Tail = t.ID
	}
	for _, t := range c.Finished {
		more, err := moreOf(&t.Transaction)
		if err != nil {
			return err
		}
		w.sheets.finished.add(string(t.Customer), id(t.Wallet), id(t.ID), string(t.State), string(t.Source), digits(t.BalanceAfter), at(t.SettledAt),
			at(t.FailedAt), some(t.Reference), more)
	}
	return nil
}

func (w *writing) lots(c *unit.Changes) error {
	for _, l := range c.Lots {
		customer, of, lot := customerOf(l.Of), id(l.Wallet), id(l.ID)
		switch {
		case l.Closed() && l.Fresh: // never written
		case l.Closed():
			w.sheets.goneLots.add(customer, of, lot)
		case l.Fresh:
			w.sheets.newLots.add(customer, of, l.Key, lot, string(l.Kind), digits(l.Credits), digits(l.Remaining), digits(l.Held), l.Priority,
				at(l.ExpiresAt), at(l.OpenedAt))
		case l.Moved:
			w.sheets.movedLots.add(customer, of, lot, digits(l.Remaining), digits(l.Held), l.Key, l.Priority, at(l.ExpiresAt), at(l.OpenedAt))
		default:
			w.sheets.oldLots.add(customer, of, lot, digits(l.Remaining), digits(l.Held))
		}
		l.Fresh, l.Moved = false, false
	}
	return nil
}

func (w *writing) holds(c *unit.Changes) error {
	for _, h := range c.Holds {
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
		w.sheets.keys.add(string(k.Of.ID), k.Name, k.Fingerprint, someID(k.Wallet), someID(k.Hold), list(k.Transactions))
	}
	return nil
}

// events writes the events, in runs of one wallet. The cursors of a customer's are greater than those of its earlier ones, even
// if others, whose transactions began later, wrote those.
func (w *writing) events(c *unit.Changes, next int64, last cursors) error {
	byCustomer := slices.Clone(c.Events) // the functions of several customers may have taken turns
	if len(last.customers) > 1 {
		slices.SortStableFunc(byCustomer, func(a, b unit.Event) int { return strings.Compare(string(a.Customer), string(b.Customer)) })
	}
	for len(byCustomer) > 0 {
		first := &byCustomer[0]
		n, of := 0, first.Of
		text := []byte{'['}
		for ; n < len(byCustomer) && byCustomer[n].Of == of; n++ {
			if n > 0 {
				text = append(text, ',')
			}
			var err error
			if text, err = appendEvent(text, &byCustomer[n].Event); err != nil {
				return err
			}
		}
		cursor := max(next, last.customers[first.Customer]+1)
		next++
		last.add(first.Customer, of.ID, cursor)
		w.sheets.events.add(string(first.Customer), id(of.ID), first.Number, cursor, string(append(text, ']')))
		byCustomer = byCustomer[n:]
	}
	return nil
}

func (w *writing) states(c *unit.Changes, last cursors) error {
	for _, s := range c.States {
		b, st := &s.State.Balance, &s.State
		to := &w.sheets.oldStates
		if s.No == 0 {
			to = &w.sheets.newStates
		}
		s.No++
		to.add(customerOf(s), id(s.ID), s.Status == wallet.Active, s.No, digits(b.Spendable), digits(b.Held), digits(b.Pending), digits(b.Ongoing),
			digits(b.Consumed), digits(b.Kept), at(st.UpdatedAt), at(st.NextDue), someID(st.Last), someID(s.Tail), s.Chain.Len, st.Events,
			s.Events, last.wallets[s.ID])
	}
	return nil
}
