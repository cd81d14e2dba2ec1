package unit

import (
	"fmt"
	"iter"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A Hold is one that was put in this batch.
type Hold struct {
	wallet.Hold
	Of    *Customer
	Fresh bool      // not written yet
	In    []*Wallet // that a fresh one reserves something of

	putID     wallet.HoldID // where it is in the unit
	changedAt uint64
}

type savedHold struct {
	h   *Hold
	old wallet.Hold
	new bool // it was not yet one of this batch
}

func (t *tx) PutHold(put wallet.Hold) error {
	if err := t.change(); err != nil {
		return err
	}
	u := t.u
	if put.Customer != t.c.ID {
		return fmt.Errorf("store: refused hold %s: it is of customer %q, not %q", put.ID, put.Customer, t.c.ID)
	}
	h := u.holds[put.ID]
	saved := savedHold{h: h}
	if h == nil {
		h = &Hold{Of: t.c, putID: put.ID}
		saved.h, saved.new = h, true
		switch before, err := u.Base.Hold(put.ID); {
		case err == nil:
			h.Hold = before
		case isAbsent(err):
			h.Fresh = true
			for _, p := range put.Parts {
				w, err := t.wallet(p.Wallet)
				if err != nil {
					return err
				}
				h.In = append(h.In, w)
			}
		default:
			return err
		}
	}
	if h.Of != t.c || !h.Hold.ID.IsZero() && h.Customer != t.c.ID {
		return noHold(put.ID)
	}
	before := &h.Hold
	if before.ID.IsZero() {
		before = nil
	}
	if err := store.CheckHold(&put, before); err != nil {
		return err
	}
	saved.old, h.Hold = h.Hold, put
	u.log.holds = append(u.log.holds, saved)
	u.holds[put.ID] = h
	return nil
}

func (t *tx) Hold(id wallet.HoldID) (wallet.Hold, error) {
	if t.u == nil {
		return wallet.Hold{}, errClosed
	}
	if h := t.u.holds[id]; h != nil {
		if h.Of != t.c {
			return wallet.Hold{}, noHold(id)
		}
		return h.Hold, nil
	}
	h, err := t.u.Base.Hold(id)
	if err == nil && h.Customer != t.c.ID {
		return wallet.Hold{}, noHold(id)
	}
	return h, err
}

func (t *tx) Holds(q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return func(yield func(wallet.Hold, error) bool) {
		found, err := t.selectHolds(q)
		if err != nil {
			yield(wallet.Hold{}, err)
			return
		}
		for i, h := range found {
			if q.Limit > 0 && i == q.Limit || !yield(h, nil) {
				return
			}
		}
	}
}

// selectHolds returns what the query selects, and perhaps more than its limit: newest first.
func (t *tx) selectHolds(q wallet.HoldQuery) (found []wallet.Hold, err error) {
	if t.u == nil {
		return nil, errClosed
	}
	if q.Customer != "" && q.Customer != t.c.ID {
		return nil, nil
	}
	if !q.Wallet.IsZero() {
		if _, err := t.wallet(q.Wallet); isAbsent(err) {
			return nil, nil
		} else if err != nil {
			return nil, err
		}
	}
	base := q
	if base.Customer = t.c.ID; len(t.u.holds) > 0 {
		base.Limit = 0
	}
	for h, err := range t.u.Base.Holds(base) {
		if err != nil {
			return nil, err
		}
		if t.u.holds[h.ID] == nil {
			found = append(found, h)
		}
	}
	for _, h := range t.u.holds {
		if h.Of == t.c && h.selected(&q) {
			found = append(found, h.Hold)
		}
	}
	slices.SortFunc(found, func(a, b wallet.Hold) int { return b.ID.Compare(a.ID) })
	return found, nil
}

func (h *Hold) selected(q *wallet.HoldQuery) bool {
	return (len(q.States) == 0 || slices.Contains(q.States, h.State)) &&
		(q.After.IsZero() || h.ID.Compare(q.After) < 0) &&
		(q.Wallet.IsZero() || h.Involves(q.Wallet) || slices.ContainsFunc(h.In, func(w *Wallet) bool { return w.ID == q.Wallet }))
}

func noHold(id wallet.HoldID) error { return fmt.Errorf("%w: hold %s", wallet.ErrNotFound, id) }
