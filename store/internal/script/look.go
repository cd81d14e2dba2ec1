package script

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Look writes down all there is to see of the customer.
func (s *Script) Look(r store.Reader) error {
	for w, err := range r.Wallets(wallet.WalletQuery{Customer: s.Customer}) {
		if err != nil {
			return err
		}
		c := *w
		c.Metadata, c.Rules = nil, nil
		s.note("%+v", c)
		for after, more := []byte(nil), true; more; {
			var l store.Lot
			if l, more, err = r.NextLot(w.ID, after); err != nil {
				return err
			}
			if after = l.Key; more {
				s.note("%+v", l)
				if same, err := r.Lot(l.ID); err != nil || !same.Remaining.Equal(l.Remaining) {
					return fmt.Errorf("lot %s: %+v, %w", l.ID, same, err)
				}
			}
		}
		for l, err := range r.ExpiringLots(w.ID, s.At.Add(time.Hour)) {
			s.note("expires %s %v", l.ID, err)
		}
		n, err := r.CountTransactions(wallet.TransactionQuery{Wallet: w.ID, Kinds: []wallet.Kind{wallet.Consumed, wallet.Purchased}})
		s.note("count %d %v", n, err)
		for x, err := range r.Transactions(wallet.TransactionQuery{Wallet: w.ID}) {
			s.note("%+v %v", x, err)
			for d, err := range r.Draws(x.ID, 1) {
				s.note("%+v %v", d, err)
			}
		}
	}
	var within []wallet.Event
	for e, err := range r.Events(wallet.EventQuery{Customer: s.Customer}) {
		if err != nil {
			return err
		}
		e.Cursor = ""
		if e.Record != nil {
			s.note("record %s", e.Record.ID)
			e.Record = nil
		}
		within = append(within, e)
	}
	slices.SortFunc(within, func(a, b wallet.Event) int {
		return cmp.Or(a.Wallet.Compare(b.Wallet), cmp.Compare(a.Number, b.Number))
	})
	s.note("events %+v", within)
	for _, states := range [][]wallet.State{nil, {wallet.HoldOpen}} {
		for h, err := range r.Holds(wallet.HoldQuery{Customer: s.Customer, States: states}) {
			s.note("hold %+v %v", h, err)
		}
	}
	for key := range 20 {
		o, ok, err := r.Outcome(s.Customer, fmt.Sprint(key))
		s.note("%v %t %v", o, ok, err)
	}
	n, err := r.CountWallets(wallet.WalletQuery{Customer: s.Customer, Status: wallet.Active})
	s.note("wallets %d %v", n, err)
	return nil
}
