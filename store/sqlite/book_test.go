package sqlite

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// The tests of this package keep books by hand: what the engine does, without its rules.

var (
	ctx   = context.Background()
	one1  = wallet.MustAmount("1")
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	ticks atomic.Int64 // microseconds since start
)

func now() time.Time { return start.Add(time.Duration(ticks.Add(1)) * time.Microsecond) }

func openFile(tb testing.TB, path string) *Store {
	tb.Helper()
	s, err := Open(path, nil)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func openNew(tb testing.TB) *Store { return openFile(tb, filepath.Join(tb.TempDir(), "wallets.db")) }

func create(s store.Store, customer wallet.CustomerID) (id wallet.ID, err error) {
	err = s.Update(ctx, store.Scope{Customer: customer, Create: true}, func(tx store.Tx) error {
		at := now()
		id = wallet.MintID(wallet.ID{}, at)
		w := store.Wallet{Order: "o"}
		w.ID, w.Customer, w.Currency, w.Rate, w.Status, w.CreatedAt = id, customer, "USD", one1, wallet.Active, at
		w.State.UpdatedAt = at
		return tx.PutWallet(w)
	})
	return id, err
}

func grant(tx store.Tx, id wallet.ID, credits wallet.Amount) (lot wallet.TransactionID, err error) {
	w, err := tx.Wallet(id)
	if err != nil {
		return lot, err
	}
	at, s := now(), w.State
	t := wallet.Transaction{ID: wallet.MintTransactionID(s.Last, at), Wallet: id, Customer: w.Customer, Kind: wallet.Granted, State: wallet.Settled,
		Source: wallet.SourceManual, Credits: credits, Money: wallet.Money{Amount: credits, Currency: w.Currency}, CreatedAt: at, SettledAt: at}
	s.Balance.Spendable = s.Balance.Spendable.Add(credits)
	s.Last, s.UpdatedAt, s.Events = t.ID, at, s.Events+1
	t.BalanceAfter = s.Balance.Total()
	l := wallet.Lot{ID: t.ID, Wallet: id, Kind: t.Kind, Credits: credits, Remaining: credits, OpenedAt: at}
	return t.ID, errors.Join(tx.AddTransaction(&t, nil), tx.PutLot(store.Lot{Lot: l, Key: policy.Order(nil).AppendKey(nil, l)}), tx.PutState(id, s),
		tx.AddEvent(eventOf(t, wallet.EventToppedUp, s.Events)))
}

func eventOf(t wallet.Transaction, kind wallet.EventKind, number int64) wallet.Event {
	return wallet.Event{Wallet: t.Wallet, Customer: t.Customer, Number: number, Kind: kind, At: t.CreatedAt, Credits: t.Credits, Transaction: t.ID}
}

func debit(tx store.Tx, id wallet.ID, credits wallet.Amount, key string) (by wallet.TransactionID, err error) {
	w, err := tx.Wallet(id)
	if err != nil {
		return by, err
	}
	if key != "" {
		if o, ok, err := tx.Outcome(w.Customer, key); ok || err != nil {
			if ok {
				by = o.Transactions[0]
			}
			return by, err
		}
	}
	s := w.State
	if s.Balance.Spendable.Cmp(credits) < 0 {
		return by, wallet.ErrInsufficient
	}
	at := now()
	t := wallet.Transaction{ID: wallet.MintTransactionID(s.Last, at), Wallet: id, Customer: w.Customer, Kind: wallet.Consumed, State: wallet.Settled,
		Source: wallet.SourceManual, Credits: credits, Money: wallet.Money{Amount: credits, Currency: w.Currency}, CreatedAt: at, SettledAt: at}
	var draws []wallet.Draw
	left, after := credits, []byte(nil)
	for !left.IsZero() {
		l, ok, err := tx.NextLot(id, after)
		if err != nil || !ok {
			return by, fmt.Errorf("no lot for %s: %w", left, err)
		}
		take := left.Min(l.Remaining)
		left, l.Remaining, after = left.Sub(take), l.Remaining.Sub(take), l.Key
		draws = append(draws, wallet.Draw{Lot: l.ID, By: t.ID, Wallet: id, Kind: t.Kind, Credits: take, Amount: take})
		if err := tx.PutLot(l); err != nil {
			return by, err
		}
	}
	s.Balance.Spendable, s.Balance.Consumed = s.Balance.Spendable.Sub(credits), s.Balance.Consumed.Add(credits)
	s.Last, s.UpdatedAt, s.Events = t.ID, at, s.Events+1
	t.BalanceAfter = s.Balance.Total()
	if err := errors.Join(tx.AddTransaction(&t, draws), tx.PutState(id, s), tx.AddEvent(eventOf(t, wallet.EventConsumed, s.Events))); err != nil || key == "" {
		return t.ID, err
	}
	return t.ID, tx.Remember(key, store.Outcome{Fingerprint: [16]byte{1}, Wallet: id, Transactions: []wallet.TransactionID{t.ID}})
}

func doGrant(s store.Store, id wallet.ID, credits string) (lot wallet.TransactionID, err error) {
	err = s.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
		lot, err = grant(tx, id, wallet.MustAmount(credits))
		return err
	})
	return lot, err
}

func doDebit(s store.Store, id wallet.ID, credits, key string) (by wallet.TransactionID, err error) {
	err = s.Update(ctx, store.Scope{Wallet: id, Key: key}, func(tx store.Tx) error {
		by, err = debit(tx, id, wallet.MustAmount(credits), key)
		return err
	})
	return by, err
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// stateOf reads a wallet.
func stateOf(s store.Store, id wallet.ID) (w store.Wallet) {
	if err := s.View(ctx, func(r store.Reader) error {
		found, err := r.Wallet(id)
		if err == nil {
			w = *found
		}
		return err
	}); err != nil {
		panic(err)
	}
	return w
}

// audit checks what must be true of a wallet's rows: balances, lots, transactions and draws.
func audit(tb testing.TB, s store.Store, id wallet.ID) {
	tb.Helper()
	err := s.View(ctx, func(r store.Reader) error {
		w, err := r.Wallet(id)
		if err != nil {
			return err
		}
		var remaining, booked wallet.Amount
		open := map[wallet.TransactionID]store.Lot{}
		for after, ok := []byte(nil), true; ok; {
			var l store.Lot
			if l, ok, err = r.NextLot(id, after); err != nil {
				return err
			}
			if ok {
				remaining, after = remaining.Add(l.Remaining), l.Key
				open[l.ID] = l
			}
		}
		var newest []wallet.TransactionID
		for t, err := range r.Transactions(wallet.TransactionQuery{Wallet: id}) {
			if err != nil {
				return err
			}
			newest = append(newest, t.ID)
			var drawn, paid wallet.Amount
			n := 0
			for d, err := range r.Draws(t.ID, 0) {
				if err != nil {
					return err
				}
				drawn, paid = drawn.Add(d.Credits), paid.Add(d.Amount)
				n++
			}
			skipped := 0
			for _, err := range r.Draws(t.ID, n/2) {
				if err != nil {
					return err
				}
				skipped++
			}
			if skipped != n-n/2 {
				return fmt.Errorf("%s: %d draws, %d behind %d", t.ID, n, skipped, n/2)
			}
			switch {
			case !t.Kind.Inbound():
				booked = booked.Sub(t.Credits)
				if !drawn.Equal(t.Credits) || !paid.Equal(t.Money.Amount) {
					return fmt.Errorf("%s of %s has draws of %s for %s", t.ID, t.Credits, drawn, paid)
				}
			case t.State == wallet.Settled:
				booked = booked.Add(t.Credits)
				if left := open[t.ID].Remaining; !drawn.Add(left).Equal(t.Credits) {
					return fmt.Errorf("lot %s of %s has draws of %s and %s left", t.ID, t.Credits, drawn, left)
				}
			}
		}
		if total := w.State.Balance.Total(); !total.Equal(remaining) || !total.Equal(booked) {
			return fmt.Errorf("wallet %s: balance %s, lots %s, booked %s", id, total, remaining, booked)
		}
		var numbers int64
		for e, err := range r.Events(wallet.EventQuery{Wallet: id}) {
			if numbers++; err != nil || e.Number != numbers {
				return fmt.Errorf("wallet %s: event %d comes as number %d: %w", id, e.Number, numbers, err)
			}
		}
		if numbers != w.State.Events {
			return fmt.Errorf("wallet %s: %d events of %d", id, numbers, w.State.Events)
		}
		n, err := r.CountTransactions(wallet.TransactionQuery{Wallet: id})
		if err == nil && n != len(newest) {
			err = fmt.Errorf("wallet %s: counted %d transactions of %d", id, n, len(newest))
		}
		return err
	})
	if err != nil {
		tb.Error(err)
	}
}

func TestBook(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallets.db")
	s := openFile(t, path)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	must(doGrant(s, id, "50.5"))
	for i := range 140 {
		must(doDebit(s, id, "1.05", fmt.Sprint("k", i)))
	}
	if _, err := doDebit(s, id, "1000", ""); !errors.Is(err, wallet.ErrInsufficient) {
		t.Error(err)
	}
	audit(t, s, id)
	other := openFile(t, path) // as another process would
	must(doDebit(other, id, "0.5", "x"))
	must(doDebit(s, id, "0.5", "y"))
	if a, b := must(doDebit(other, id, "0.5", "y")), must(doDebit(s, id, "0.5", "y")); a != b {
		t.Errorf("one key, two outcomes: %s, %s", a, b)
	}
	must(doDebit(other, id, "0.5", "z"))
	audit(t, s, id)
	audit(t, other, id)
	if got := stateOf(s, id).State.Balance.Spendable.String(); got != "2" {
		t.Errorf("spendable %s", got)
	}
}
