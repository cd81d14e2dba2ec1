package memory

import (
	"context"
	"math"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// TestRefused puts what the checks of package store cannot know. A function that goes on after it was refused has put nothing.
func TestRefused(t *testing.T) {
	s := New()
	p := newPurse(t, s, 1, 1)
	q := newPurse(t, s, 2, 0)
	q.customer = p.customer // the customer's second wallet
	q.update(store.Scope{Customer: q.customer}, func(tx store.Tx) error {
		q.wallet = wallet.MintID(q.wallet, epoch)
		return tx.PutWallet(store.Wallet{Wallet: wallet.Wallet{
			ID: q.wallet, Customer: q.customer, Currency: "USD", Rate: credit, Status: wallet.Active, CreatedAt: epoch,
		}})
	})
	pending := p.transaction(wallet.Purchased, credit)
	pending.State, pending.SettledAt = wallet.Pending, time.Time{}
	p.update(p.scope(), func(tx store.Tx) error { return tx.AddTransaction(&pending, nil) })
	before := dump(t, s)
	p.update(p.scope(), func(tx store.Tx) error {
		lot, _, err := tx.NextLot(p.wallet, nil)
		if err != nil {
			return err
		}
		booked, err := tx.Transaction(lot.ID)
		if err != nil {
			return err
		}
		elsewhere := lot
		elsewhere.Wallet = q.wallet
		twin := lot
		twin.ID = wallet.MintTransactionID(lot.ID, epoch)
		again := booked
		again.Wallet = q.wallet
		strange := booked
		strange.ID, strange.Kind = wallet.MintTransactionID(p.last, epoch), "strange"
		far := booked
		far.ID, far.Priority = wallet.MintTransactionID(p.last, epoch), math.MaxUint8+1
		vast := pending
		vast.State, vast.SettledAt, vast.BalanceAfter = wallet.Settled, epoch, fortune.Mul(fortune)
		if err := tx.PutLot(lot); err != nil {
			return err
		}
		spent := q.transaction(wallet.Consumed, credit)
		draw := wallet.Draw{Lot: lot.ID, By: spent.ID, Wallet: q.wallet, Kind: spent.Kind, Credits: credit, Amount: credit}
		for name, err := range map[string]error{
			"a draw across wallets":        tx.AddTransaction(&spent, []wallet.Draw{draw}),
			"a lot in two wallets":         tx.PutLot(elsewhere),
			"two lots with one key":        tx.PutLot(twin),
			"a transaction in two wallets": tx.AddTransaction(&again, nil),
			"a transaction twice":          tx.AddTransaction(&booked, nil),
			"an unknown kind":              tx.AddTransaction(&strange, nil),
			"a priority beyond 255":        tx.AddTransaction(&far, nil),
			"a balance beyond its digits":  tx.Finish(&vast),
		} {
			if err == nil {
				t.Errorf("%s: not refused", name)
			}
		}
		return nil
	})
	if after := dump(t, s); len(after) != len(before) {
		t.Errorf("got\n%v\nwant\n%v", after, before)
	}
	check(t, s)
}

// TestUntimelyIDs queries by time what has IDs from other times.
func TestUntimelyIDs(t *testing.T) {
	s := New()
	p := newPurse(t, s, 1, 0)
	for i := range 4 {
		p.update(p.scope(), func(tx store.Tx) error {
			made := p.transaction(wallet.Granted, credit)
			made.CreatedAt = epoch.AddDate(0, 0, 3-i)
			return tx.AddTransaction(&made, nil)
		})
	}
	for _, q := range []wallet.TransactionQuery{{Wallet: p.wallet}, {Customer: p.customer}, {}} {
		q.From, q.To = epoch.AddDate(0, 0, 1), epoch.AddDate(0, 0, 2).Add(time.Microsecond)
		err := s.View(context.Background(), func(r store.Reader) error {
			found, err := wallet.Collect(r.Transactions(q))
			if len(found) != 2 {
				t.Errorf("%+v: got %d transactions, want 2", q, len(found))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
