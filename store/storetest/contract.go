package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// testContract takes what package store promises, sentence by sentence. Functions given to a store may run on another
// goroutine, and twice: they return errors rather than fail the test, and set what they capture afresh.
func testContract(t *testing.T, open func(testing.TB) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, store.Store)
	}{
		{"Scope", testScope},
		{"OwnWrites", testOwnWrites},
		{"OtherCustomers", testOtherCustomers},
		{"OthersRefused", testOthersRefused},
		{"Undo", testUndo},
		{"Nested", testNested},
		{"RoundTrip", testRoundTrip},
		{"Refused", testRefused},
		{"Active", testActive},
		{"Finish", testFinish},
		{"Outcome", testOutcome},
		{"Draws", testDraws},
		{"Due", testDue},
		{"Hold", testHold},
		{"Events", testEvents},
		{"Feed", testFeed},
		{"Snapshot", testSnapshot},
		{"Cancelled", testCancelled},
		{"Try", testTry},
		{"Turns", testTurns},
		{"Many", testMany},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, open(t)) })
	}
	t.Run("Lots", func(t *testing.T) { testLots(t, open) })
	t.Run("WalletQueries", func(t *testing.T) { testWalletQueries(t, open) })
	t.Run("TransactionQueries", func(t *testing.T) { testTransactionQueries(t, open) })
	t.Run("HoldQueries", func(t *testing.T) { testHoldQueries(t, open) })
}

// A scope names its customer by itself, by a wallet or by a transaction; what is not there is ErrNotFound, and fn not run.
func testScope(t *testing.T, s store.Store) {
	w := newWallet("c0", moment(0))
	in := newInbound(w, wallet.TransactionID{}, moment(0), "1")
	update(t, s, "c0", func(tx store.Tx) error {
		return errors.Join(tx.PutWallet(w), tx.AddTransaction(&in, nil), tx.PutLot(lotOf(in, "a")))
	})
	for _, scope := range []store.Scope{{Customer: "c0"}, {Wallet: w.ID}, {Transaction: in.ID}, {Wallet: w.ID, Key: "k1", Create: true, Try: true}} {
		err := s.Update(t.Context(), scope, func(tx store.Tx) error {
			_, err := tx.Wallet(w.ID)
			return err
		})
		if err != nil {
			t.Errorf("scope %+v: %v", scope, err)
		}
	}
	for _, scope := range []store.Scope{{Wallet: wallet.MintID(wallet.ID{}, moment(1))}, {Transaction: wallet.MintTransactionID(in.ID, moment(1))}} {
		ran := false
		err := s.Update(t.Context(), scope, func(store.Tx) error { ran = true; return nil })
		if !errors.Is(err, wallet.ErrNotFound) || ran {
			t.Errorf("scope %+v: error %v, ran %v, want %v and not run", scope, err, ran, wallet.ErrNotFound)
		}
	}
	ran := false
	if err := s.Update(t.Context(), store.Scope{Customer: "new"}, func(store.Tx) error { ran = true; return nil }); err != nil || !ran {
		t.Errorf("a new customer: error %v, ran %v", err, ran)
	}
	view(t, s, func(r store.Reader) error {
		if _, err := r.Wallet(wallet.MintID(wallet.ID{}, moment(1))); !errors.Is(err, wallet.ErrNotFound) {
			t.Errorf("a wallet that is not there: %v", err)
		}
		if _, err := r.Transaction(wallet.MintTransactionID(in.ID, moment(1))); !errors.Is(err, wallet.ErrNotFound) {
			t.Errorf("a transaction that is not there: %v", err)
		}
		if _, err := r.Lot(wallet.MintTransactionID(in.ID, moment(1))); !errors.Is(err, wallet.ErrNotFound) {
			t.Errorf("a lot that is not there: %v", err)
		}
		return nil
	})
}

// A Tx reads what fn has put; afterwards everybody does.
func testOwnWrites(t *testing.T, s store.Store) {
	w := newWallet("c0", moment(0))
	in := newInbound(w, wallet.TransactionID{}, moment(0), "5")
	purchase := newPurchase(w, in.ID, moment(1), "2")
	lot := lotOf(in, "a")
	out, draws := newOutbound(w, purchase.ID, moment(2), "1", lot)
	var within string
	update(t, s, "c0", func(tx store.Tx) (err error) {
		lot := lot
		if err := errors.Join(tx.PutWallet(w), tx.AddTransaction(&in, nil), tx.PutLot(lot), tx.AddTransaction(&purchase, nil)); err != nil {
			return err
		}
		lot.Remaining = lot.Remaining.Sub(out.Credits)
		settled := purchase
		settled.State, settled.SettledAt = wallet.Settled, moment(2)
		state := w.State
		state.Events, state.NextDue, state.Balance.Spendable = 7, moment(9), wallet.MustAmount("6")
		err = errors.Join(tx.PutLot(lot), tx.AddTransaction(&out, draws), tx.Finish(&settled), tx.PutLot(lotOf(settled, "b")),
			tx.PutState(w.ID, state), tx.Remember("k1", store.Outcome{Fingerprint: [16]byte{1}, Wallet: w.ID}))
		if err != nil {
			return err
		}
		within, err = everything(tx, "c0")
		return err
	})
	var after string
	view(t, s, func(r store.Reader) (err error) {
		after, err = everything(r, "c0")
		return err
	})
	if d := diff(within, after); d != "" {
		t.Errorf("within the update, and after it:\n%s", d)
	}
	for _, part := range []string{`"remaining":"4"`, `"state":"settled"`, `"spendable":"6"`, `due ["c0"]`, "outcome true"} {
		if !strings.Contains(after, part) {
			t.Errorf("%s is not there:\n%s", part, after)
		}
	}
}

// seed puts one wallet with a lot, a pending purchase, a draw and an outcome.
func seed(t testing.TB, s store.Store, c wallet.CustomerID) (w store.Wallet, purchase, out wallet.Transaction, lot store.Lot) {
	t.Helper()
	w = newWallet(c, moment(0))
	in := newInbound(w, wallet.TransactionID{}, moment(0), "5")
	in.ExpiresAt = moment(100)
	lot = lotOf(in, "a")
	purchase = newPurchase(w, in.ID, moment(1), "2")
	out, draws := newOutbound(w, purchase.ID, moment(2), "1", lot)
	w.State.NextDue = moment(100)
	w.State.Balance.Spendable = wallet.MustAmount("4")
	lot.Remaining = lot.Remaining.Sub(out.Credits)
	update(t, s, c, func(tx store.Tx) error {
		return errors.Join(tx.PutWallet(w), tx.AddTransaction(&in, nil), tx.PutLot(lot), tx.AddTransaction(&purchase, nil),
			tx.AddTransaction(&out, draws), tx.Remember("k1", store.Outcome{Wallet: w.ID, Transactions: []wallet.TransactionID{out.ID}}))
	})
	return w, purchase, out, lot
}

// Within fn, other customers' records do not exist.
func testOtherCustomers(t *testing.T, s store.Store) {
	w, purchase, out, lot := seed(t, s, "c0")
	update(t, s, "c1", func(tx store.Tx) error {
		var bad []error
		hidden := func(what string, seen bool, err error) {
			if seen || err != nil && !errors.Is(err, wallet.ErrNotFound) {
				bad = append(bad, fmt.Errorf("%s of another customer: seen %v, error %v", what, seen, err))
			}
		}
		_, err := tx.Wallet(w.ID)
		hidden("wallet", err == nil, err)
		active, err := tx.ActiveWallets("c0")
		hidden("active wallets", len(active) > 0, err)
		for _, q := range []wallet.WalletQuery{{}, {Customer: "c0"}} {
			wallets, err := wallet.Collect(tx.Wallets(q))
			hidden("wallets", len(wallets) > 0, err)
			n, err := tx.CountWallets(q)
			hidden("count of wallets", n > 0, err)
		}
		_, err = tx.Transaction(purchase.ID)
		hidden("transaction", err == nil, err)
		for _, q := range []wallet.TransactionQuery{{}, {Customer: "c0"}, {Wallet: w.ID}} {
			ts, err := wallet.Collect(tx.Transactions(q))
			hidden("transactions", len(ts) > 0, err)
			n, err := tx.CountTransactions(q)
			hidden("count of transactions", n > 0, err)
		}
		_, err = tx.Lot(lot.ID)
		hidden("lot", err == nil, err)
		_, more, err := tx.NextLot(w.ID, nil)
		hidden("next lot", more, err)
		lots, err := wallet.Collect(tx.ExpiringLots(w.ID, moment(1000)))
		hidden("expiring lots", len(lots) > 0, err)
		draws, err := wallet.Collect(tx.Draws(out.ID, 0))
		hidden("draws", len(draws) > 0, err)
		_, known, err := tx.Outcome("c0", "k1")
		hidden("outcome", known, err)
		due, err := wallet.Collect(tx.Due(moment(1000)))
		hidden("due work", len(due) > 0, err)
		return errors.Join(bad...)
	})
}

// Putting another customer's record is an error.
func testOthersRefused(t *testing.T, s store.Store) {
	w, purchase, _, lot := seed(t, s, "c0")
	mine := newWallet("c1", moment(0))
	update(t, s, "c1", func(tx store.Tx) error { return tx.PutWallet(mine) })
	failed := purchase
	failed.State, failed.FailedAt = wallet.Failed, moment(3)
	refuses(t, s, "c1", map[string]func(store.Tx) error{
		"wallet":     func(tx store.Tx) error { return tx.PutWallet(w) },
		"new wallet": func(tx store.Tx) error { return tx.PutWallet(newWallet("c2", moment(0))) },
		"state":      func(tx store.Tx) error { return tx.PutState(w.ID, w.State) },
		"lot":        func(tx store.Tx) error { return tx.PutLot(lot) },
		"transaction": func(tx store.Tx) error {
			unnamed := newInbound(w, wallet.TransactionID{}, moment(4), "1")
			return tx.AddTransaction(&unnamed, nil)
		},
		"finish": func(tx store.Tx) error { return tx.Finish(&failed) },
	})
}

// refuses runs each function in an Update of its own; it must get an error, and leave nothing behind.
func refuses(t *testing.T, s store.Store, c wallet.CustomerID, cases map[string]func(store.Tx) error) {
	t.Helper()
	before := all(t, s)
	for name, fn := range cases {
		var refused error
		if err := s.Update(t.Context(), store.Scope{Customer: c}, func(tx store.Tx) error { refused = fn(tx); return refused }); err == nil {
			t.Errorf("%s was not refused", name)
		}
		if refused == nil {
			t.Errorf("%s was not refused when it was put", name)
		}
		if d := diff(before, all(t, s)); d != "" {
			t.Errorf("%s was refused, and left behind:\n%s", name, d)
		}
	}
}

func all(t testing.TB, s store.Store) (text string) {
	t.Helper()
	view(t, s, func(r store.Reader) (err error) {
		text, err = everything(r, "c0", "c1")
		return err
	})
	return text
}

// An error, a panic or an exit of fn undoes fn alone; a panic reaches the caller.
func testUndo(t *testing.T, s store.Store) {
	w, purchase, _, lot := seed(t, s, "c0")
	before := all(t, s)
	puts := func(tx store.Tx) error {
		second := newWallet("c0", moment(5))
		in := newInbound(second, wallet.TransactionID{}, moment(5), "3")
		settled := purchase
		settled.State, settled.SettledAt = wallet.Settled, moment(5)
		lot, less := lot, lot
		less.Remaining = wallet.MustAmount("1")
		lot.Remaining = wallet.Amount{}
		out, draws := newOutbound(w, settled.ID, moment(6), "1", lot)
		changed := w
		changed.Name = "changed"
		state := w.State
		state.Events, state.NextDue = 9, moment(50)
		return errors.Join(tx.PutWallet(second), tx.AddTransaction(&in, nil), tx.PutLot(lotOf(in, "c")), tx.PutWallet(changed),
			tx.PutState(w.ID, state), tx.Finish(&settled), tx.PutLot(lotOf(settled, "0")), tx.PutLot(less), tx.PutLot(lot),
			tx.AddTransaction(&out, draws), tx.PutHold(newHold("c0", moment(6), w.ID)), tx.Remember("k2", store.Outcome{Wallet: w.ID}),
			tx.AddEvent(wallet.Event{Kind: wallet.EventUpdated, At: moment(6), Wallet: w.ID, Customer: "c0", Number: 1}))
	}
	failure := errors.New("on purpose")
	run := func(end func()) (recovered any, err error) {
		done := make(chan struct{})
		go func() { // an exit ends its goroutine, or does not come so far
			defer close(done)
			defer func() { recovered = recover() }()
			err = errors.New("exited")
			err = s.Update(t.Context(), store.Scope{Wallet: w.ID}, func(tx store.Tx) error {
				if err := puts(tx); err != nil {
					return err
				}
				end()
				return failure
			})
		}()
		<-done
		return recovered, err
	}
	for name, end := range map[string]func(){
		"error": func() {}, "panic": func() { panic(failure) }, "exit": runtime.Goexit,
	} {
		recovered, err := run(end)
		switch {
		case name == "error" && !errors.Is(err, failure):
			t.Errorf("error: got %v, want %v", err, failure)
		case name == "panic" && !strings.Contains(fmt.Sprint(recovered), failure.Error()):
			t.Errorf("panic: recovered %v, error %v, want a panic with %q", recovered, err, failure)
		case err == nil:
			t.Errorf("%s: no error", name)
		}
		if d := diff(before, all(t, s)); d != "" {
			t.Errorf("%s: left behind:\n%s", name, d)
		}
	}
	update(t, s, "c0", puts) // the same is no trouble when it succeeds
	if diff(before, all(t, s)) == "" {
		t.Error("after a success nothing has changed")
	}
}

// Calls from within fn do not wait for themselves for ever.
func testNested(t *testing.T, s store.Store) {
	w, _, _, _ := seed(t, s, "c0")
	for name, call := range map[string]func(context.Context) error{
		"update": func(ctx context.Context) error {
			return s.Update(ctx, store.Scope{Wallet: w.ID}, func(tx store.Tx) error {
				state := w.State
				state.Events = 100
				return tx.PutState(w.ID, state)
			})
		},
		"view": func(ctx context.Context) error { return s.View(ctx, func(store.Reader) error { return nil }) },
	} {
		var inner error
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		err := s.Update(ctx, store.Scope{Wallet: w.ID}, func(store.Tx) error { inner = call(ctx); return nil })
		cancel()
		if name == "update" && inner == nil {
			t.Errorf("an update within an update of the same customer had it to itself (outer error %v)", err)
		}
	}
	update(t, s, "c0", func(tx store.Tx) error { return tx.PutState(w.ID, w.State) })
}
