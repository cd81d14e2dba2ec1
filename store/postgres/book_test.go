package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
)

// What tests do with wallets, through an engine.

var (
	ctx    = context.Background()
	dollar = wallet.MustAmount("1")
)

// create adds a wallet of so many credits.
func create(tb testing.TB, s store.Store, c wallet.CustomerID, credits int) wallet.ID {
	tb.Helper()
	w, err := engine.New(s, nil).Create(ctx, wallet.Spec{Customer: c, Currency: "USD", Rate: dollar, TopUp: wallet.TopUp{Granted: wallet.MustAmount(fmt.Sprint(credits))}})
	if err != nil {
		tb.Fatal(err)
	}
	return w.ID
}

// debit takes one credit.
func debit(s store.Store, id wallet.ID, key string) error {
	_, err := engine.New(s, nil).Debit(ctx, id, wallet.Debit{Credits: dollar, Key: key})
	return err
}

func spendable(tb testing.TB, s store.Store, id wallet.ID) string {
	tb.Helper()
	w, err := engine.New(s, nil).Wallet(ctx, id)
	if err != nil {
		tb.Fatal(err)
	}
	return w.Balance.Spendable.String()
}

// audit checks what must always be true of a wallet, by itself and against its history and its feed.
func audit(tb testing.TB, s store.Store, id wallet.ID) {
	tb.Helper()
	err := s.View(ctx, func(r store.Reader) error {
		w, err := r.Wallet(id)
		if err != nil {
			return err
		}
		var in, out, lots wallet.Amount
		txns, n, late := 0, int64(0), false
		for t, err := range r.Transactions(wallet.TransactionQuery{Wallet: id, OldestFirst: true}) {
			if err != nil {
				return err
			}
			txns++
			if t.Kind.Inbound() {
				if late = late || t.Kind == wallet.Purchased; t.State == wallet.Settled {
					in = in.Add(t.Credits)
				}
				continue
			}
			out = out.Add(t.Credits)
			draws, err := wallet.Collect(r.Draws(t.ID, 0))
			if err != nil {
				return err
			}
			var drawn wallet.Amount
			for _, d := range draws {
				drawn = drawn.Add(d.Credits)
			}
			if !drawn.Equal(t.Credits) {
				tb.Errorf("transaction %s of %s credits draws %s", t.ID, t.Credits, drawn)
			}
			if left := in.Sub(out); !late && !left.Equal(t.BalanceAfter) {
				tb.Errorf("transaction %s leaves %s, not %s", t.ID, t.BalanceAfter, left)
			}
		}
		for l, more, err := r.NextLot(id, nil); more || err != nil; l, more, err = r.NextLot(id, l.Key) {
			if err != nil {
				return err
			}
			if lots = lots.Add(l.Remaining); l.Remaining.Sign() <= 0 || l.Held.Sign() < 0 || l.Held.Cmp(l.Remaining) > 0 || l.Remaining.Cmp(l.Credits) > 0 {
				tb.Errorf("lot %+v", l)
			}
		}
		if b := w.State.Balance.Total(); !b.Equal(in.Sub(out)) || !b.Equal(lots) || b.Sign() < 0 {
			tb.Errorf("balance %s, %s came in, %s went out, %s in lots", b, in, out, lots)
		}
		if count, err := r.CountTransactions(wallet.TransactionQuery{Wallet: id}); count != txns || err != nil {
			tb.Errorf("%d transactions are counted, %d found: %v", count, txns, err)
		}
		for e, err := range r.Events(wallet.EventQuery{Wallet: id}) {
			if n++; err != nil || e.Number != n {
				tb.Errorf("event %d comes as number %d: %v", e.Number, n, err)
				break
			}
		}
		if n != w.State.Events {
			tb.Errorf("%d events, %d counted", n, w.State.Events)
		}
		return nil
	})
	if err != nil {
		tb.Error(err)
	}
}
