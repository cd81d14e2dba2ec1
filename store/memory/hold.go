package memory

import (
	"fmt"
	"iter"
	"slices"
	"sort"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// holds are a customer's holds: all of them, and those that are open.
type holds struct{ all, open shelf }

// A shelf has holds by their IDs.
type shelf []*held

type held struct {
	id      uid
	wallets []wallet.ID // that it reserved something of when it was put first
	wallet.Hold
}

type oldHold struct {
	hold   *held
	before wallet.Hold // without a customer: it was not there
}

// search returns where in the shelf a hold is, or would be.
func (s shelf) search(id uid) int {
	return sort.Search(len(s), func(i int) bool { return !s[i].id.less(id) })
}

// find returns the hold with the ID, or nil.
func (s shelf) find(id wallet.HoldID) *held {
	u := uidOf(id.Bytes())
	if i := s.search(u); i < len(s) && s[i].id == u {
		return s[i]
	}
	return nil
}

func (s *shelf) add(h *held) { *s = slices.Insert(*s, s.search(h.id), h) }

func (s *shelf) remove(h *held) {
	i := s.search(h.id)
	*s = slices.Delete(*s, i, i+1)
}

func (t *tx) PutHold(given wallet.Hold) error {
	if given.Customer != t.account.customer {
		return fmt.Errorf("store: put of hold %s of customer %q in an Update of %q", given.ID, given.Customer, t.account.customer)
	}
	for i := range given.Parts {
		if _, err := t.own(given.Parts[i].Wallet); err != nil {
			return err
		}
	}
	h := t.account.holds.all.find(given.ID)
	if h == nil {
		return t.addHold(given)
	}
	if err := store.CheckHold(&given, &h.Hold); err != nil {
		return err
	}
	t.journal.holds = append(t.journal.holds, oldHold{h, h.Hold})
	if h.Hold = given; h.State != wallet.HoldOpen {
		t.account.holds.open.remove(h)
	}
	return nil
}

// addHold adds a hold, whose parts are of wallets that the customer has.
func (t *tx) addHold(given wallet.Hold) error {
	if err := store.CheckHold(&given, nil); err != nil {
		return err
	}
	h := &held{id: uidOf(given.ID.Bytes()), Hold: given}
	for i := range given.Parts {
		h.wallets = append(h.wallets, given.Parts[i].Wallet)
	}
	if _, added := t.store.holds.add(h.id, t.account.ledger(h.wallets[0])); !added {
		return fmt.Errorf("store: hold %s is another customer's", given.ID)
	}
	t.account.holds.all.add(h)
	if h.State == wallet.HoldOpen {
		t.account.holds.open.add(h)
	}
	t.journal.holds = append(t.journal.holds, oldHold{hold: h})
	return nil
}

// undo puts a hold back as it was.
func (o *oldHold) undo(a *account, s *Store) {
	h, list := o.hold, &a.holds
	if o.before.Customer != "" {
		if h.State != wallet.HoldOpen {
			list.open.add(h) // only open ones are replaced
		}
		h.Hold = o.before
		return
	}
	list.all.remove(h)
	if h.State == wallet.HoldOpen {
		list.open.remove(h)
	}
	s.holds.remove(h.id)
}

func (r *reader) Hold(id wallet.HoldID) (wallet.Hold, error) {
	l, err := r.within(r.store.holds.get(uidOf(id.Bytes())))
	if err != nil {
		return wallet.Hold{}, err
	}
	if h := l.account.holds.all.find(id); h != nil {
		return h.Hold, nil
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
		var found shelf
		for _, a := range accounts {
			found = append(found, a.holds.selected(&q)...)
		}
		if len(accounts) > 1 {
			slices.SortFunc(found, func(a, b *held) int { // newest first
				if a.id.less(b.id) {
					return 1
				}
				return -1
			})
		}
		for i, h := range found {
			if q.Limit > 0 && i == q.Limit || !yield(h.Hold, nil) {
				return
			}
		}
	}
}

// selected returns the holds that the query selects, newest first, and no more than its limit.
func (list *holds) selected(q *wallet.HoldQuery) (found shelf) {
	from := list.all
	if len(q.States) == 1 && q.States[0] == wallet.HoldOpen {
		from = list.open
	}
	end := len(from)
	if !q.After.IsZero() {
		end = from.search(uidOf(q.After.Bytes()))
	}
	for _, h := range slices.Backward(from[:end]) {
		if len(q.States) > 0 && !slices.Contains(q.States, h.State) || !q.Wallet.IsZero() && !h.reserves(q.Wallet) {
			continue
		}
		if found = append(found, h); len(found) == q.Limit {
			break
		}
	}
	return found
}

// reserves reports whether the hold reserves something of a wallet, or did so when it was put first.
func (h *held) reserves(id wallet.ID) bool {
	return slices.Contains(h.wallets, id) || slices.ContainsFunc(h.Parts, func(p wallet.HoldPart) bool { return p.Wallet == id })
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
	for _, l := range r.every() {
		if a := l.account; !seen[a] {
			seen[a] = true
			all = append(all, a)
		}
	}
	return all, nil
}
