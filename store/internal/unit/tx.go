package unit

import (
	"errors"
	"fmt"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

var (
	errClosed = errors.New("store: a Tx was used after its function returned")
	errHuge   = errors.New("store: too many changes to share a transaction: the function runs again on its own")
)

// A tx is what a function reads and writes through: one customer of the unit.
type tx struct {
	u *Unit // nil: closed
	c *Customer
}

var _ store.Tx = (*tx)(nil)

func (t *tx) close() { t.u = nil }

// change counts a change, and refuses it if the function is too large for a batch, or has returned.
func (t *tx) change() error {
	if t.u == nil {
		return errClosed
	}
	if t.u.count++; t.u.most > 0 && t.u.count > t.u.most {
		return errHuge
	}
	return nil
}

func (t *tx) wallet(id wallet.ID) (*Wallet, error) {
	if t.u == nil {
		return nil, errClosed
	}
	return t.u.wallet(t.c, id)
}

func (t *tx) PutWallet(w store.Wallet) error {
	if err := t.change(); err != nil {
		return err
	}
	u := t.u
	if w.Customer != t.c.ID {
		return fmt.Errorf("store: refused wallet %s: it is of customer %q, not %q", w.ID, w.Customer, t.c.ID)
	}
	switch before, err := u.wallet(t.c, w.ID); {
	case errors.Is(err, wallet.ErrNotFound):
		if err := w.Check(nil); err != nil {
			return err
		}
		added := &Wallet{Wallet: w, lots: lots{all: true}}
		u.adopt(t.c, added)
		u.log.records = append(u.log.records, savedRecord{w: added})
	case err != nil:
		return err
	default:
		if err := w.Check(&before.Wallet); err != nil {
			return err
		}
		old := before.Wallet
		u.log.records = append(u.log.records, savedRecord{before, &old})
		u.log.states = append(u.log.states, savedState{before, old.State})
		before.Wallet = w
	}
	return nil
}

func (t *tx) PutState(id wallet.ID, s store.State) error {
	if err := t.change(); err != nil {
		return err
	}
	w, err := t.wallet(id)
	if err != nil {
		return err
	}
	if err := s.Check(&w.Wallet); err != nil {
		return err
	}
	t.u.log.states = append(t.u.log.states, savedState{w, w.State})
	w.State = s
	return nil
}

func (t *tx) PutLot(l store.Lot) error {
	if err := t.change(); err != nil {
		return err
	}
	u := t.u
	w, err := t.wallet(l.Wallet)
	if err != nil {
		return err
	}
	before, err := t.openLot(w, l.ID)
	if err != nil {
		return err
	}
	if before == nil {
		if err := l.Check(nil); err != nil {
			return err
		}
		added := &Lot{Lot: l, Fresh: true, Of: w}
		u.log.lots = append(u.log.lots, savedLot{lot: added})
		w.lots.insert(added)
		return nil
	}
	if err := l.Check(&before.Lot); err != nil {
		return err
	}
	u.log.lots = append(u.log.lots, savedLot{before, before.Lot})
	before.Moved = before.Moved || string(before.Key) != string(l.Key) || before.Priority != l.Priority ||
		!before.ExpiresAt.Equal(l.ExpiresAt) || !before.OpenedAt.Equal(l.OpenedAt)
	before.replace(l)
	return nil
}

// openLot returns a lot of the wallet, or nil if there is none. It asks the database only where the lot may be there.
func (t *tx) openLot(w *Wallet, id wallet.TransactionID) (*Lot, error) {
	if l := w.lots.find(id); l != nil {
		return l, nil
	}
	if by := t.u.txns[id]; by != nil && by.Before == nil {
		return nil, nil // its transaction is new
	}
	l, err := t.u.lot(w, id)
	if errors.Is(err, wallet.ErrNotFound) {
		return nil, nil
	}
	return l, err
}

func (t *tx) AddTransaction(add *wallet.Transaction, draws []wallet.Draw) error {
	if err := t.change(); err != nil {
		return err
	}
	u := t.u
	w, err := t.wallet(add.Wallet)
	if err != nil {
		return err
	}
	if add.Customer != t.c.ID {
		return fmt.Errorf("store: refused transaction %s: it is of customer %q, not %q", add.ID, add.Customer, t.c.ID)
	}
	if err := store.CheckTransaction(add, draws); err != nil {
		return err
	}
	if last := w.last(); add.ID.Compare(last) <= 0 {
		return fmt.Errorf("store: refused transaction %s: it is not behind %s, the wallet's last", add.ID, last)
	}
	added := u.newTransaction()
	added.Transaction, added.Draws, added.Of = *add, append(added.draw[:0], draws...), w
	if added.Lots = added.lot[:min(1, len(draws))]; len(draws) > 1 {
		added.Lots = make([]*Lot, len(draws))
	}
	for i := range draws {
		l, err := u.drawn(w, draws[i].Lot)
		if err != nil {
			return err
		}
		added.Lots[i] = l
		u.log.lots = append(u.log.lots, savedLot{l, l.Lot}) // its chain of draws changes
	}
	w.added = append(w.added, added)
	u.txns[add.ID] = added
	u.log.added = append(u.log.added, added)
	return nil
}

// last returns the ID of the wallet's last transaction.
func (w *Wallet) last() wallet.TransactionID {
	if n := len(w.added); n > 0 {
		return w.added[n-1].ID
	}
	return w.Tail
}

func (t *tx) Finish(end *wallet.Transaction) error {
	if err := t.change(); err != nil {
		return err
	}
	u := t.u
	cur, first := u.txns[end.ID], false
	if cur == nil {
		before, err := t.Transaction(end.ID)
		if err != nil {
			return err
		}
		w, err := t.wallet(before.Wallet)
		if err != nil {
			return err
		}
		cur, first = &Transaction{Transaction: before, Of: w, Before: &before}, true
	}
	if cur.Of.customer != t.c || end.Customer != t.c.ID {
		return noTransaction(end.ID)
	}
	if err := store.CheckFinish(&cur.Transaction, end); err != nil {
		return err
	}
	u.log.finished = append(u.log.finished, savedFinish{cur, cur.Transaction, first})
	cur.Transaction = *end
	if first {
		u.txns[end.ID] = cur
	}
	return nil
}

func (t *tx) PutHold(h wallet.Hold) error {
	if err := t.change(); err != nil {
		return err
	}
	if h.Customer != t.c.ID {
		return fmt.Errorf("store: refused hold %s: it is of customer %q, not %q", h.ID, h.Customer, t.c.ID)
	}
	for i := range h.Parts {
		if _, err := t.wallet(h.Parts[i].Wallet); err != nil {
			return err
		}
	}
	before, err := t.u.hold(h.ID)
	if errors.Is(err, wallet.ErrNotFound) {
		if err := store.CheckHold(&h, nil); err != nil {
			return err
		}
		added := &Hold{Hold: h, Of: t.c, Fresh: true}
		for i := range h.Parts {
			added.First = append(added.First, h.Parts[i].Wallet)
		}
		t.u.holds[h.ID] = added
		t.u.log.holds = append(t.u.log.holds, savedHold{h: added})
		return nil
	}
	if err != nil {
		return err
	}
	if err := store.CheckHold(&h, &before.Hold); err != nil {
		return err
	}
	t.u.log.holds = append(t.u.log.holds, savedHold{before, before.Hold})
	before.Hold, before.Of = h, t.c
	return nil
}

func (t *tx) AddEvent(e wallet.Event) error {
	if err := t.change(); err != nil {
		return err
	}
	w, err := t.wallet(e.Wallet)
	if err != nil {
		return err
	}
	if e.Number != w.Events+1 || e.Customer != t.c.ID {
		return fmt.Errorf("store: refused event %d of wallet %s and customer %q: it has %d", e.Number, e.Wallet, e.Customer, w.Events)
	}
	if err := store.CheckEvent(&e); err != nil {
		return err
	}
	added := Event{Event: e, Of: w}
	if by := t.u.txns[e.Transaction]; by != nil && by.Of == w && by.Event == 0 && by.Tells(&e) && w.tellsNext(by) {
		by.Event, added.Told = e.Number, by
	}
	w.Events++
	t.u.log.events = append(t.u.log.events, added)
	return nil
}

// tellsNext reports whether no transaction behind t tells an event: they are told in the order of the chain.
func (w *Wallet) tellsNext(t *Transaction) bool {
	for _, later := range slices.Backward(w.added) {
		if later == t {
			return true
		}
		if later.Event != 0 {
			return false
		}
	}
	return false
}

func (t *tx) Remember(key string, o store.Outcome) error {
	if err := t.change(); err != nil {
		return err
	}
	name := keyName{t.c.ID, key}
	if key == "" || t.u.keys[name] != nil {
		return fmt.Errorf("store: refused key %q of customer %q: it has an outcome", key, t.c.ID)
	}
	k := &Key{t.c, key, o}
	t.u.keys[name] = k
	t.u.log.keys = append(t.u.log.keys, k)
	return nil
}
