package storetest

import (
	"context"
	"flag"
	"iter"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// Every bug planted here must be caught by the machine.
func TestCanaries(t *testing.T) {
	for name, bug := range map[string]func(store.Tx) store.Tx{
		"none":        func(tx store.Tx) store.Tx { return tx },
		"order":       func(tx store.Tx) store.Tx { return backwards{tx} },
		"expiry":      func(tx store.Tx) store.Tx { return everlasting{tx} },
		"due":         func(tx store.Tx) store.Tx { return timeless{tx} },
		"rounding":    func(tx store.Tx) store.Tx { return shifted{tx} },
		"balance":     func(tx store.Tx) store.Tx { return rounded{tx} },
		"key replay":  func(tx store.Tx) store.Tx { return forgetful{tx} },
		"fingerprint": func(tx store.Tx) store.Tx { return gullible{tx} },
		"settlement":  func(tx store.Tx) store.Tx { return lossy{tx} },
	} {
		t.Run(name, func(t *testing.T) {
			cases := many
			if name == "none" {
				cases = few
			}
			if got, want := caught(t, cases, func(s store.Store) store.Store { return planted{s, bug} }), name != "none"; got != want {
				t.Errorf("caught: %v, want %v", got, want)
			}
		})
	}
	for name, bug := range map[string]func(store.Tx) store.Tx{
		"none":  func(tx store.Tx) store.Tx { return tx },
		"holds": func(tx store.Tx) store.Tx { return loose{tx} },
		"feed":  func(tx store.Tx) store.Tx { return mute{tx} },
		"limbo": func(tx store.Tx) store.Tx { return everlasting{tx} },
	} {
		t.Run("without model/"+name, func(t *testing.T) {
			cases := many
			if name == "none" {
				cases = few
			}
			got := fails(t, cases, func(tb rapid.TB) {
				check(tb, func(rt *rapid.T) {
					m := newMachine(t, rt, func(testing.TB) store.Store { return planted{memory.New(), bug} }, &policy.Policy{})
					m.model = nil
					m.run(rt)
				})
			})
			if want := name != "none"; got != want {
				t.Errorf("caught: %v, want %v", got, want)
			}
		})
	}
	t.Run("rollback", func(t *testing.T) {
		if !caught(t, many, func(s store.Store) store.Store { return stubborn{s} }) {
			t.Error("not caught")
		}
	})
}

// How many cases are tried: more than a bug takes to be found, and as many as show that there is none.
const many, few = "2000", "100"

// caught runs the machine on a store, and reports whether it finds fault with it.
func caught(t *testing.T, cases string, wrap func(store.Store) store.Store) bool {
	return fails(t, cases, func(tb rapid.TB) {
		check(tb, func(rt *rapid.T) {
			open := func(testing.TB) store.Store { return wrap(memory.New()) }
			newMachine(t, rt, open, &policy.Policy{}).run(rt)
		})
	})
}

// fails runs a test that nobody hears on so many cases, the same each time, and reports whether it fails.
func fails(t *testing.T, cases string, test func(rapid.TB)) bool {
	for name, value := range map[string]string{
		"rapid.nofailfile": "true", "rapid.shrinktime": "0s", "rapid.seed": "1", "rapid.checks": cases, "storetest.checks": cases,
	} {
		before := flag.Lookup(name).Value.String()
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
		defer flag.Set(name, before)
	}
	quiet := &silent{TB: t}
	done := make(chan struct{})
	go func() { // a test that fails ends its goroutine
		defer close(done)
		test(quiet)
	}()
	<-done
	return quiet.Failed()
}

// silent is a test that nobody hears.
type silent struct {
	testing.TB
	failed atomic.Bool
}

func (s *silent) Helper()               {}
func (s *silent) Log(...any)            {}
func (s *silent) Logf(string, ...any)   {}
func (s *silent) Fail()                 { s.failed.Store(true) }
func (s *silent) FailNow()              { s.failed.Store(true); runtime.Goexit() }
func (s *silent) Error(...any)          { s.Fail() }
func (s *silent) Errorf(string, ...any) { s.Fail() }
func (s *silent) Fatal(...any)          { s.FailNow() }
func (s *silent) Fatalf(string, ...any) { s.FailNow() }
func (s *silent) Failed() bool          { return s.failed.Load() }

// planted is a store with a bug in its Tx.
type planted struct {
	store.Store
	bug func(store.Tx) store.Tx
}

func (p planted) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	return p.Store.Update(ctx, scope, func(tx store.Tx) error { return fn(p.bug(tx)) })
}

// backwards spends the last lot first.
type backwards struct{ store.Tx }

func (b backwards) PutLot(l store.Lot) error {
	l.Key = slices.Clone(l.Key)
	for i := range l.Key {
		l.Key[i] = ^l.Key[i]
	}
	return b.Tx.PutLot(l)
}

// everlasting lots never expire.
type everlasting struct{ store.Tx }

func (everlasting) ExpiringLots(wallet.ID, time.Time) iter.Seq2[store.Lot, error] {
	return func(func(store.Lot, error) bool) {}
}

// timeless forgets when something will be due.
type timeless struct{ store.Tx }

func (f timeless) PutState(id wallet.ID, s store.State) error {
	s.NextDue = time.Time{}
	return f.Tx.PutState(id, s)
}

// shifted rounds the first of several draws up instead of down.
type shifted struct{ store.Tx }

func (s shifted) AddTransaction(t *wallet.Transaction, draws []wallet.Draw) error {
	if last := len(draws) - 1; last > 0 && draws[last].Amount.Cmp(tiny) >= 0 {
		draws = slices.Clone(draws)
		draws[0].Amount, draws[last].Amount = draws[0].Amount.Add(tiny), draws[last].Amount.Sub(tiny)
	}
	return s.Tx.AddTransaction(t, draws)
}

// rounded keeps balances to one digit less.
type rounded struct{ store.Tx }

func (r rounded) PutState(id wallet.ID, s store.State) error {
	s.Balance.Spendable = s.Balance.Spendable.Round(decimals-1, wallet.RoundHalfEven)
	return r.Tx.PutState(id, s)
}

// forgetful does not know that it has seen a key before.
type forgetful struct{ store.Tx }

func (forgetful) Outcome(wallet.CustomerID, string) (store.Outcome, bool, error) {
	return store.Outcome{}, false, nil
}
func (forgetful) Remember(string, store.Outcome) error { return nil }

// gullible takes every request that comes under a key for the same.
type gullible struct{ store.Tx }

func (g gullible) Remember(key string, o store.Outcome) error {
	o.Fingerprint = [16]byte{}
	return g.Tx.Remember(key, o)
}

// lossy forgets what a settlement adds.
type lossy struct{ store.Tx }

func (l lossy) Finish(t *wallet.Transaction) error {
	less := *t
	less.Metadata = nil
	return l.Tx.Finish(&less)
}

// loose forgets what is held of a lot.
type loose struct{ store.Tx }

func (l loose) PutLot(lot store.Lot) error {
	lot.Held = wallet.Amount{}
	return l.Tx.PutLot(lot)
}

// mute does not tell how many credits an expiry is about.
type mute struct{ store.Tx }

func (m mute) AddEvent(e wallet.Event) error {
	if e.Kind == wallet.EventExpired {
		e.Credits = wallet.Amount{}
	}
	return m.Tx.AddEvent(e)
}

// stubborn keeps what a failed command has written.
type stubborn struct{ store.Store }

func (s stubborn) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	var failed error
	err := s.Store.Update(ctx, scope, func(tx store.Tx) error {
		failed = fn(tx)
		return nil
	})
	if err != nil {
		return err
	}
	return failed
}

// A policy that answers now so, now otherwise, is caught.
func TestFickle(t *testing.T) {
	n := 0
	for name, p := range map[string]policy.Policy{
		"applies":   {Applies: func(wallet.Wallet, wallet.Fee) bool { n++; return n%2 == 0 }},
		"completes": {AutoComplete: func(wallet.Wallet, wallet.Transaction) bool { n++; return n%2 == 0 }},
		"meddles":   {Applies: func(w wallet.Wallet, _ wallet.Fee) bool { delete(w.Metadata, "a"); return true }},
	} {
		if !fails(t, many, func(tb rapid.TB) { testFunctions(tb, p) }) {
			t.Errorf("%s: not caught", name)
		}
	}
}

func TestPolicy(t *testing.T) {
	Policy(t, policy.Policy{Order: policy.Order{policy.NewestFirst}, AutoComplete: policy.Always, OnTerminate: policy.KeepRemaining})
}
