package postgres

import (
	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// states writes the states, most of them without what debits leave as it is. Of each customer, at most one of these is left to
// the customer's own row.
func (w *writing) states(c *unit.Changes) error {
	var cold []*unit.Wallet
	for _, s := range c.States {
		of, now := s.Customer(), s.RestNow()
		w.change(of)
		s.Hot.Kept = false
		switch debit := s.No != 0 && s.Status == wallet.Active && now.Equal(&s.Rest); {
		case debit && of.Hot == s.ID:
			w.hot[of] = s
		case debit:
			cold = append(cold, s)
		default:
			w.state(s, &now)
			if of.Hot == s.ID {
				of.Hot, w.hot[of] = wallet.ID{}, nil
			}
		}
	}
	for _, s := range cold {
		of := s.Customer()
		before := of.Find(of.Hot)
		if w.hot[of] != nil || before == nil && !of.Hot.IsZero() { // what is not loaded stays
			w.sheets.debited.add(append([]any{customerOf(s), id(s.ID)}, figures(s)...)...)
			continue
		}
		if before != nil {
			w.sheets.debited.add(append([]any{customerOf(before), id(before.ID)}, figures(before)...)...)
		}
		of.Hot, w.hot[of] = s.ID, s
	}
	return nil
}

// state writes all of a state.
func (w *writing) state(s *unit.Wallet, now *unit.Rest) {
	b, h := &s.State.Balance, &s.Hot
	var by any
	if now.HotBy != 0 {
		by = now.HotBy
	}
	to := &w.sheets.oldStates
	if s.No == 0 {
		to = &w.sheets.newStates
	}
	s.No, s.Rest = 1, *now
	held, _ := hotLot(s)
	to.add(append([]any{customerOf(s), id(s.ID), s.Status == wallet.Active, digits(b.Held), digits(b.Pending), digits(b.Ongoing), digits(b.Kept),
		at(s.State.NextDue), someID(now.Tail), now.Unnumbered, someID(h.ID), held, by}, figures(s)...)...)
}

// figures are what debits change of a state.
func figures(s *unit.Wallet) []any {
	b, st := &s.State.Balance, &s.State
	_, remaining := hotLot(s)
	return []any{digits(b.Spendable), digits(b.Consumed), remaining, s.Chain.Len, st.Events, at(st.UpdatedAt), someID(st.Last)}
}

// hotLot returns what is held and what remains of the hot lot, if there is one.
func hotLot(s *unit.Wallet) (held, remaining any) {
	if s.Hot.ID.IsZero() {
		return nil, nil
	}
	return digits(s.Hot.Held), digits(s.Hot.Remaining)
}

// queueGuard adds the statements that give the customers their new edition, with what debits change of their hot wallets.
func (w *writing) queueGuard(b *pgx.Batch, n *names, each bool) {
	for _, c := range w.customers {
		row := []any{string(c.ID), c.Version, c.Cursor}
		s, ok := w.hot[c]
		switch {
		case !ok:
			w.changed = append(w.changed, row...)
		case s == nil:
			w.heated = append(append(w.heated, row...), make([]any, len(heated.columns)-len(row))...)
		default:
			held, _ := hotLot(s)
			w.heated = append(append(append(w.heated, row...), id(s.ID), held), figures(s)...)
		}
		c.Version++
	}
	w.guards = changed.queue(b, n, w.changed, w.places, each) + heated.queue(b, n, w.heated, w.places, each)
}
