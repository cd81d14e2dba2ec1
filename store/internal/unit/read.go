package unit

import (
	"errors"
	"iter"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

func (t *tx) Wallet(id wallet.ID) (*store.Wallet, error) {
	w, err := t.wallet(id)
	if err != nil {
		return nil, err
	}
	return &w.Wallet, nil
}

func (t *tx) ActiveWallets(id wallet.CustomerID) ([]*store.Wallet, error) {
	if t.u == nil {
		return nil, errClosed
	}
	if id != t.c.ID {
		return nil, nil
	}
	active := make([]*store.Wallet, 0, len(t.c.wallets))
	for _, w := range t.c.wallets {
		if w.Status == wallet.Active {
			active = append(active, &w.Wallet)
		}
	}
	return active, nil
}

func (t *tx) Lot(id wallet.TransactionID) (store.Lot, error) {
	if t.u == nil {
		return store.Lot{}, errClosed
	}
	for _, w := range t.c.wallets {
		if l := w.lots.find(id); l != nil {
			if l.Closed() {
				return store.Lot{}, noLot(id)
			}
			return l.Lot, nil
		}
	}
	row, err := t.u.Base.LoadLot(id)
	if err != nil {
		return store.Lot{}, err
	}
	w, err := t.wallet(row.Wallet)
	if errors.Is(err, wallet.ErrNotFound) {
		return store.Lot{}, noLot(id)
	}
	if err != nil {
		return store.Lot{}, err
	}
	w.attach(row)
	return row.Lot, nil
}

func (t *tx) NextLot(id wallet.ID, after []byte) (store.Lot, bool, error) {
	w, err := t.wallet(id)
	if err != nil {
		return store.Lot{}, false, err
	}
	l, err := t.u.next(w, after)
	if l == nil || err != nil {
		return store.Lot{}, false, err
	}
	return l.Lot, true, nil
}

func (t *tx) Transaction(id wallet.TransactionID) (wallet.Transaction, error) {
	if t.u == nil {
		return wallet.Transaction{}, errClosed
	}
	if cur := t.u.txns[id]; cur != nil {
		if cur.Of.customer != t.c {
			return wallet.Transaction{}, noTransaction(id)
		}
		return cur.Transaction, nil
	}
	found, err := t.u.Base.Transaction(id)
	if err == nil && found.Customer != t.c.ID {
		return wallet.Transaction{}, noTransaction(id)
	}
	return found, err
}

func (t *tx) Hold(id wallet.HoldID) (wallet.Hold, error) {
	if t.u == nil {
		return wallet.Hold{}, errClosed
	}
	h, err := t.u.hold(id)
	if err == nil && h.Customer != t.c.ID {
		err = noHold(id)
	}
	if err != nil {
		return wallet.Hold{}, err
	}
	return h.Hold, nil
}

func (t *tx) Outcome(customer wallet.CustomerID, key string) (store.Outcome, bool, error) {
	if t.u == nil {
		return store.Outcome{}, false, errClosed
	}
	if customer != t.c.ID {
		return store.Outcome{}, false, nil
	}
	if k := t.u.keys[keyName{customer, key}]; k != nil {
		return k.Outcome, true, nil
	}
	return t.u.Base.Outcome(customer, key)
}

func (t *tx) Due(upTo time.Time) iter.Seq2[wallet.CustomerID, error] {
	return func(yield func(wallet.CustomerID, error) bool) {
		active, err := t.ActiveWallets(t.c.ID)
		if err != nil {
			yield("", err)
			return
		}
		for _, w := range active {
			if due := w.State.NextDue; !due.IsZero() && !due.After(upTo) {
				yield(t.c.ID, nil)
				return
			}
		}
	}
}
