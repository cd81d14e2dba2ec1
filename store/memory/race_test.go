package memory

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// TestRace runs Updates beside Views of one customer, of two and of all. Every Update moves all of a customer's wallets, and
// no View sees it half done; under the race detector, nor does anything else.
func TestRace(t *testing.T) {
	const customers, wallets, rounds = 3, 2, 150
	s := New()
	ids := make([][]wallet.ID, customers)
	name := func(c int) wallet.CustomerID { return wallet.CustomerID(fmt.Sprint("customer ", c)) }
	for c := range ids {
		p := newPurse(t, s, 0, 0)
		p.customer = name(c)
		p.update(store.Scope{Customer: p.customer}, func(tx store.Tx) error {
			for range wallets {
				id := wallet.MintID(p.wallet, epoch)
				p.wallet = id
				ids[c] = append(ids[c], id)
				w := wallet.Wallet{ID: id, Customer: p.customer, Currency: "USD", Rate: credit, Status: wallet.Active, CreatedAt: epoch}
				if err := tx.PutWallet(store.Wallet{Wallet: w}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var failed atomic.Int32
	move := func(c, round int) error {
		err := s.Update(t.Context(), store.Scope{Wallet: ids[c][0]}, func(tx store.Tx) error {
			for i, id := range ids[c] {
				w, err := tx.Wallet(id)
				if err != nil {
					return err
				}
				state := w.State
				state.Events++
				if err := tx.PutState(id, state); err != nil {
					return err
				}
				p := &purse{customer: name(c), wallet: id, last: state.Last, now: epoch}
				if _, err := p.grant(tx, credit, epoch.AddDate(0, 0, 1)); err != nil {
					return err
				}
				state.Last, state.NextDue = p.last, epoch.AddDate(0, 0, round%7)
				if err := tx.PutState(id, state); err != nil {
					return err
				}
				if round%5 == 4 && i == 1 {
					return errNested // any error
				}
			}
			return nil
		})
		if err != nil {
			failed.Add(1)
		}
		return nil
	}
	same := func(r store.Reader, c int) error {
		var events []int64
		for _, id := range ids[c] {
			w, err := r.Wallet(id)
			if err != nil {
				return err
			}
			n, err := r.CountTransactions(wallet.TransactionQuery{Wallet: id})
			if err != nil {
				return err
			}
			events = append(events, w.State.Events, int64(n))
		}
		for _, e := range events {
			if e != events[0] {
				return fmt.Errorf("customer %d: torn: %v", c, events)
			}
		}
		return nil
	}
	look := func(c, round int) error {
		return s.View(t.Context(), func(r store.Reader) error {
			if err := same(r, c); err != nil || round%3 == 0 {
				return err
			}
			if err := same(r, (c+1)%customers); err != nil || round%3 == 1 {
				return err
			}
			before, err := r.CountTransactions(wallet.TransactionQuery{})
			if err != nil {
				return err
			}
			for _, err := range r.Due(epoch.AddDate(1, 0, 0)) {
				if err != nil {
					return err
				}
			}
			n := 0
			for _, err := range r.Transactions(wallet.TransactionQuery{}) {
				if err != nil {
					return err
				}
				n++
			}
			if n != before {
				return fmt.Errorf("counted %d transactions, read %d", before, n)
			}
			return same(r, c)
		})
	}
	var wg sync.WaitGroup
	for c := range customers {
		for range 2 {
			for _, do := range []func(c, round int) error{move, look} {
				wg.Go(func() {
					for round := range rounds {
						if err := do(c, round); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
	}
	wg.Wait()
	if n := failed.Load(); n != customers*2*rounds/5 {
		t.Errorf("%d Updates failed, want %d", n, customers*2*rounds/5)
	}
	check(t, s)
}
