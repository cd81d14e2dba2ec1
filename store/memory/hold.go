package memory

import (
	"iter"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// holds are a customer's holds by ID: all of them, and those that are open.
type holds struct{ all, open []*held }

type held struct {
	wallet.Hold
	wallets []wallet.ID // that it reserved something of when it was put first
}

type oldHold struct {
	hold   *held
	before wallet.Hold // without a customer: it was not there
}

func search(list []*held, id wallet.HoldID) (int, bool) {
	return slices.BinarySearchFunc(list, id, func(h *held, id wallet.HoldID) int { return h.ID.Compare(id) })
}

func insert(list []*held, h *held) []*held {
	at, _ := search(list, h.ID)
	return slices.Insert(list, at, h)
}

func remove(list []*held, h *held) []*held {
	at, _ := search(list, h.ID)
	return slices.Delete(list, at, at+1)
}

func (t *tx) PutHold(given wallet.Hold) error {
	list := &t.account.holds
	at, known := search(list.all, given.ID)
	if !known {
		if err := store.CheckHold(&given, nil); err != nil {
			return err
		}
		h := &held{Hold: given}
		for _, p := range given.Parts {
			h.wallets = append(h.wallets, p.Wallet)
		}
		l, err := t.own(h.wallets[0])
		if err != nil {
			return err
		}
		if _, added := t.store.holds.add(uidOf(given.ID.Bytes()), l); !added {
			return wallet.ErrNotFound // it is another customer's
		}
		list.all, list.open = insert(list.all, h), insert(list.open, h)
		t.journal.holds = append(t.journal.holds, oldHold{hold: h})
		return nil
	}
	h := list.all[at]
	if err := store.CheckHold(&given, &h.Hold); err != nil {
		return err
	}
	t.journal.holds = append(t.journal.holds, oldHold{h, h.Hold})
	if h.Hold = given; h.State != wallet.HoldOpen {
		list.open = remove(list.open, h)
	}
	return nil
}

// undo puts a hold back as it was.
func (o *oldHold) undo(a *account, s *Store) {
	h, list := o.hold, &a.holds
	if o.before.Customer == "" {
		list.all, list.open = remove(list.all, h), remove(list.open, h)
		s.holds.remove(uidOf(h.ID.Bytes()))
		return
	}
	if h.State != wallet.HoldOpen {
		list.open = insert(list.open, h)
	}
	h.Hold = o.before
}

func (r *reader) Hold(id wallet.HoldID) (wallet.Hold, error) {
	l, err := r.within(r.store.holds.get(uidOf(id.Bytes())))
	if err != nil {
		return wallet.Hold{}, err
	}
	if at, known := search(l.account.holds.all, id); known {
		return l.account.holds.all[at].Hold, nil
	}
	return wallet.Hold{}, wallet.ErrNotFound
}

func (r *reader) Holds(q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return func(yield func(wallet.Hold, error) bool) {
		accounts, err := r.accounts(q.Customer, q.Wallet)
		if err != nil {
			yield(wallet.Hold{}, err)
			return
		}
		var found []*held
		for _, a := range accounts {
			list := a.holds.all
			if len(q.States) == 1 && q.States[0] == wallet.HoldOpen {
				list = a.holds.open
			}
			end := len(list)
			if !q.After.IsZero() {
				end, _ = search(list, q.After)
			}
			for _, h := range slices.Backward(list[:end]) {
				if (q.Wallet.IsZero() || slices.Contains(h.wallets, q.Wallet)) && (len(q.States) == 0 || slices.Contains(q.States, h.State)) {
					found = append(found, h)
				}
				if len(accounts) == 1 && q.Limit > 0 && len(found) == q.Limit {
					break
				}
			}
		}
		slices.SortStableFunc(found, func(a, b *held) int { return b.ID.Compare(a.ID) })
		for i, h := range found {
			if q.Limit > 0 && i == q.Limit || !yield(h.Hold, nil) {
				return
			}
		}
	}
}

// accounts enters the accounts that a query is about: a customer's, a wallet's, or all.
func (r *reader) accounts(c wallet.CustomerID, id wallet.ID) ([]*account, error) {
	switch {
	case !id.IsZero():
		l, err := r.ledger(id)
		if err == wallet.ErrNotFound || err == nil && c != "" && l.account.customer != c {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return []*account{l.account}, nil
	case c != "":
		a, err := r.customer(c)
		if a == nil || err != nil {
			return nil, err
		}
		return []*account{a}, nil
	case r.alone:
		return []*account{r.account}, nil
	}
	if err := r.enterAll(); err != nil {
		return nil, err
	}
	var all []*account
	seen := make(map[*account]bool)
	for _, s := range r.store.wallets.streams(uid{}, greatest, true) {
		for _, more := s.current(); more; _, more = s.current() {
			if a := s.owner().account; !seen[a] {
				seen[a] = true
				all = append(all, a)
			}
			s.next()
		}
	}
	return all, nil
}
