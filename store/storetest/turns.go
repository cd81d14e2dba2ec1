package storetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// patience is how long a test lets a call wait that need not wait at all, but may: then it gives way.
const patience = 200 * time.Millisecond

// A View sees one instant: what changes together is seen together, however long it looks and whatever happens meanwhile.
func testSnapshot(t *testing.T, s store.Store) {
	const rounds = 50
	w := newWallet("c0", moment(0))
	update(t, s, "c0", func(tx store.Tx) error { return tx.PutWallet(w) })
	var writer sync.WaitGroup
	writer.Go(func() {
		var last wallet.TransactionID
		for i := range rounds {
			in := newInbound(w, last, moment(i), "1")
			last = in.ID
			err := s.Update(t.Context(), store.Scope{Wallet: w.ID}, func(tx store.Tx) error {
				state := w.State
				state.Events, state.Last = int64(i+1), in.ID
				return errors.Join(tx.AddTransaction(&in, nil), tx.PutLot(lotOf(in, fmt.Sprintf("%04d", i))), tx.PutState(w.ID, state))
			})
			if err != nil {
				t.Errorf("update: %v", err)
				return
			}
		}
	})
	look := func(r store.Reader) (events int64, err error) {
		got, err := r.Wallet(w.ID)
		if err != nil {
			return 0, err
		}
		events = got.State.Events
		n, err := r.CountTransactions(wallet.TransactionQuery{})
		lots := int64(0)
		for l, more, lotErr := r.NextLot(w.ID, nil); more && lotErr == nil; l, more, lotErr = r.NextLot(w.ID, l.Key) {
			lots++
		}
		if err == nil && (int64(n) != events || lots != events) {
			err = fmt.Errorf("%d events, %d transactions, %d lots", events, n, lots)
		}
		return events, err
	}
	for events := int64(0); events < rounds && !t.Failed(); {
		err := s.View(t.Context(), func(r store.Reader) (err error) {
			if events, err = look(r); err != nil {
				return err
			}
			for range 20 {
				runtime.Gosched()
			}
			again, err := look(r)
			if err == nil && again != events {
				err = fmt.Errorf("%d events, and %d in the same view", events, again)
			}
			return err
		})
		if err != nil {
			t.Errorf("view: %v", err)
		}
	}
	writer.Wait()
}

// If ctx ends before the commit starts, fn is undone and the context's error returned.
func testCancelled(t *testing.T, s store.Store) {
	w, _, _, _ := seed(t, s, "c0")
	before := all(t, s)
	put := func(tx store.Tx) error {
		state := w.State
		state.Events = 100
		return tx.PutState(w.ID, state)
	}
	check := func(when string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", when, err, want)
		}
		if d := diff(before, all(t, s)); d != "" {
			t.Errorf("%s: left behind:\n%s", when, d)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := s.Update(ctx, store.Scope{Wallet: w.ID}, func(tx store.Tx) error { cancel(); return put(tx) })
	check("ended within fn", err, context.Canceled)
	err = s.Update(ctx, store.Scope{Wallet: w.ID}, put)
	check("ended before", err, context.Canceled)
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	check("ended by a deadline", s.Update(late, store.Scope{Customer: "c0"}, put), context.DeadlineExceeded)

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	queued := make(chan error, 1)
	var calls sync.Once
	err = s.Update(t.Context(), store.Scope{Wallet: w.ID}, func(store.Tx) error {
		calls.Do(func() { // someone waits behind this, and loses its patience
			go func() { queued <- s.Update(ctx, store.Scope{Wallet: w.ID}, put) }()
			for range 20 {
				runtime.Gosched()
			}
			cancel()
		})
		return nil
	})
	if err != nil {
		t.Errorf("the one that was waited for: %v", err)
	}
	check("ended while waiting", <-queued, context.Canceled)
	update(t, s, "c0", put)
}

// With Try, an Update that would wait for its customer returns ErrBusy. That is advice: a store may wait all the same.
func testTry(t *testing.T, s store.Store) {
	w, _, _, _ := seed(t, s, "c0")
	tried := make(chan error, 1)
	var calls sync.Once
	err := s.Update(t.Context(), store.Scope{Wallet: w.ID}, func(store.Tx) error {
		calls.Do(func() {
			answered := make(chan struct{})
			go func() {
				defer close(answered)
				tried <- s.Update(t.Context(), store.Scope{Wallet: w.ID, Try: true}, func(store.Tx) error { return nil })
			}()
			select {
			case <-answered:
			case <-time.After(patience):
			}
		})
		return nil
	})
	if err != nil {
		t.Errorf("the one that has the customer: %v", err)
	}
	if err := <-tried; err != nil && !errors.Is(err, store.ErrBusy) {
		t.Errorf("the one that tried: %v, want nil or %v", err, store.ErrBusy)
	}
	if err := s.Update(t.Context(), store.Scope{Wallet: w.ID, Try: true}, func(store.Tx) error { return nil }); err != nil {
		t.Errorf("nobody has the customer: %v", err)
	}
}

// One function at a time has a customer; whoever succeeded is remembered, whoever failed is not.
func testTurns(t *testing.T, s store.Store) {
	const each = 20
	wallets := make([]store.Wallet, 4)
	for i := range wallets {
		c := wallet.CustomerID(fmt.Sprintf("c%d", i))
		wallets[i] = newWallet(c, moment(0))
		update(t, s, c, func(tx store.Tx) error { return tx.PutWallet(wallets[i]) })
	}
	failure := errors.New("on purpose")
	var group sync.WaitGroup
	for n := range *callers {
		w := wallets[n%len(wallets)]
		group.Go(func() {
			for i := range each {
				fails := i%5 == n%5
				err := s.Update(t.Context(), store.Scope{Wallet: w.ID}, func(tx store.Tx) error {
					now, err := tx.Wallet(w.ID)
					if err != nil {
						return err
					}
					state := now.State
					state.Events++
					runtime.Gosched()
					if err := tx.PutState(w.ID, state); err != nil || !fails {
						return err
					}
					return failure
				})
				if fails && !errors.Is(err, failure) || !fails && err != nil {
					t.Errorf("update: %v", err)
				}
			}
		})
	}
	group.Wait()
	view(t, s, func(r store.Reader) error {
		for i, w := range wallets {
			got, err := r.Wallet(w.ID)
			if err != nil {
				return err
			}
			turns := (*callers + len(wallets) - 1 - i) / len(wallets)
			if want := int64(turns * each * 4 / 5); got.State.Events != want {
				t.Errorf("%d events, want %d", got.State.Events, want)
			}
		}
		return nil
	})
}
