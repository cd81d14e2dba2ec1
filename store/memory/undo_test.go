package memory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// TestUndo runs random Updates on two stores. On one of them every second one fails first, in some way, and may not be run
// again. Nothing tells the stores apart, or is out of place in them.
func TestUndo(t *testing.T) {
	for seed := range uint64(12) {
		random := rand.New(rand.NewPCG(seed, 0))
		both, clean := New(), New()
		g := &gambler{random: random, now: epoch}
		for step := range 150 {
			customer := wallet.CustomerID(fmt.Sprint("customer ", random.IntN(4)))
			fn := g.plan(customer, 1+random.IntN(12))
			if step%2 == 0 {
				if ruin(t, both, customer, fn, random.IntN(4)); step%6 == 0 {
					check(t, both)
				}
				if random.IntN(2) == 0 {
					continue
				}
			}
			for _, s := range []*Store{both, clean} {
				if err := s.Update(context.Background(), store.Scope{Customer: customer}, fn); err != nil {
					t.Fatalf("seed %d, step %d: %v", seed, step, err)
				}
			}
		}
		check(t, both)
		got, want := dump(t, both), dump(t, clean)
		for i := range max(len(got), len(want)) {
			if i >= min(len(got), len(want)) || got[i] != want[i] {
				t.Fatalf("seed %d: line %d of %d and %d: got\n%v\nwant\n%v", seed, i, len(got), len(want), got[min(i, len(got)-1)], want[min(i, len(want)-1)])
			}
		}
	}
}

// ruin runs fn in an Update that fails, and checks that it fails the right way.
func ruin(t *testing.T, s *Store, customer wallet.CustomerID, fn func(store.Tx) error, way int) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	scope := store.Scope{Customer: customer}
	failure := errors.New("failure")
	switch way {
	case 0:
		if err := s.Update(ctx, scope, func(tx store.Tx) error { return cmp.Or(fn(tx), failure) }); err != failure {
			t.Fatalf("after an error: %v", err)
		}
	case 1:
		err := s.Update(ctx, scope, func(tx store.Tx) error { err := fn(tx); cancel(); return err })
		if !errors.Is(err, context.Canceled) {
			t.Fatalf("after a cancellation: %v", err)
		}
	case 2:
		defer func() {
			if got := recover(); got != failure {
				t.Fatalf("after a panic: %v", got)
			}
		}()
		_ = s.Update(ctx, scope, func(tx store.Tx) error { _ = fn(tx); panic(failure) })
	case 3:
		done := make(chan bool)
		go func() {
			defer close(done)
			_ = s.Update(ctx, scope, func(tx store.Tx) error { _ = fn(tx); runtime.Goexit(); return nil })
			t.Error("after a Goexit: still there")
		}()
		<-done
	}
}

// A gambler plans what an Update puts.
type gambler struct {
	random *rand.Rand
	now    time.Time
	last   wallet.TransactionID
	wallet wallet.ID
	keys   int
}

// plan returns a function that puts the same whenever it finds the same.
func (g *gambler) plan(customer wallet.CustomerID, steps int) func(store.Tx) error {
	seed := g.random.Uint64()
	now, last, id, keys := g.now, g.last, g.wallet, g.keys
	fn := func(tx store.Tx) error {
		g := &gambler{random: rand.New(rand.NewPCG(seed, 1)), now: now, last: last, wallet: id, keys: keys}
		for range steps {
			if err := g.put(tx, customer); err != nil {
				return err
			}
		}
		return nil
	}
	g.now = g.now.Add(time.Duration(steps) * time.Hour)
	g.last = wallet.FirstAt(g.now)
	g.wallet.SetBytes(g.last.Bytes())
	g.keys += steps
	return fn
}

// put takes a random step in the history of a customer.
func (g *gambler) put(tx store.Tx, customer wallet.CustomerID) error {
	g.now = g.now.Add(time.Minute)
	r := g.random
	active, err := tx.ActiveWallets(customer)
	if err != nil {
		return err
	}
	if len(active) == 0 || r.IntN(10) == 0 {
		g.wallet.SetBytes(uidOf(g.wallet.Bytes()).next().bytes())
		return tx.PutWallet(store.Wallet{Wallet: wallet.Wallet{
			ID: g.wallet, Customer: customer, Currency: "USD", Rate: credit, Status: wallet.Active, CreatedAt: g.now,
		}})
	}
	w := active[r.IntN(len(active))]
	p := &purse{customer: customer, wallet: w.ID, last: g.last, now: g.now, random: r}
	defer func() { g.last = p.last }()
	amount := func(below int64) wallet.Amount { a, _ := wallet.NewAmount(1+r.Int64N(below), 0); return a }
	expires := time.Time{}
	if r.IntN(2) == 0 {
		expires = g.now.Add(time.Duration(r.IntN(100)) * time.Hour)
	}
	first, found, err := tx.NextLot(w.ID, [][]byte{nil, {byte(r.IntN(256))}}[r.IntN(2)])
	if err != nil {
		return err
	}
	switch step := r.IntN(12); {
	case step == 0:
		changed := *w
		changed.Name = fmt.Sprint(r.IntN(100))
		if r.IntN(8) == 0 {
			changed.Status, changed.TerminatedAt = wallet.Terminated, g.now
		}
		return tx.PutWallet(changed)
	case step == 1:
		state := w.State
		state.Events++
		state.NextDue = expires
		return tx.PutState(w.ID, state)
	case step == 2:
		t := p.transaction(wallet.Purchased, amount(100))
		t.State, t.SettledAt = wallet.Pending, time.Time{}
		return tx.AddTransaction(&t, nil)
	case step == 3:
		for t, err := range tx.Transactions(wallet.TransactionQuery{Wallet: w.ID, States: []wallet.State{wallet.Pending}}) {
			if err != nil {
				return err
			}
			t.State, t.SettledAt = wallet.Settled, g.now
			if r.IntN(2) == 0 {
				t.State, t.SettledAt, t.FailedAt, t.Reason = wallet.Failed, time.Time{}, g.now, "declined"
			}
			return tx.Finish(&t)
		}
		return nil
	case step == 4 && found: // the order changes
		if first.ExpiresAt = expires; r.IntN(3) > 0 {
			first.Key = slices.Concat([]byte{byte(r.IntN(256))}, first.Key)
		}
		return tx.PutLot(first)
	case step <= 6 && found:
		t := p.transaction(wallet.Consumed, wallet.Amount{})
		var draws []wallet.Draw
		for range 1 + r.IntN(3) {
			took := amount(30).Min(first.Remaining)
			if took.IsZero() {
				break
			}
			first.Remaining = first.Remaining.Sub(took)
			t.Credits = t.Credits.Add(took)
			draws = append(draws, wallet.Draw{
				Lot: first.ID, By: t.ID, Wallet: w.ID, Kind: t.Kind, Credits: took, Amount: took, Fee: fmt.Sprint(len(draws)),
			})
		}
		t.Money.Amount = t.Credits
		if err := tx.AddTransaction(&t, draws); err != nil {
			return err
		}
		return tx.PutLot(first)
	case step == 7:
		g.keys++
		o := store.Outcome{Wallet: w.ID}
		for t := range tx.Transactions(wallet.TransactionQuery{Customer: customer, Limit: r.IntN(3)}) {
			o.Transactions = append(o.Transactions, t.ID)
		}
		return tx.Remember(fmt.Sprint("key ", g.keys), o)
	case step == 8:
		return g.hold(tx, w, amount(10))
	case step >= 9:
		return g.event(tx, w)
	}
	_, err = p.grant(tx, amount(100), expires)
	return err
}

// hold opens a hold, or changes an open one.
func (g *gambler) hold(tx store.Tx, w *store.Wallet, credits wallet.Amount) error {
	part := wallet.HoldPart{Wallet: w.ID, Credits: credits}
	for h, err := range tx.Holds(wallet.HoldQuery{States: []wallet.State{wallet.HoldOpen}}) {
		if err != nil || g.random.IntN(2) == 0 {
			return err
		}
		if h.Parts = append(h.Parts[:len(h.Parts):len(h.Parts)], part); g.random.IntN(2) == 0 {
			h.State, h.ClosedAt, h.Parts = wallet.HoldReleased, g.now, nil
		}
		return tx.PutHold(h)
	}
	h := wallet.Hold{Customer: w.Customer, State: wallet.HoldOpen, Credits: credits, Parts: []wallet.HoldPart{part}, CreatedAt: g.now}
	h.ID.SetBytes(uidOf(wallet.FirstAt(g.now).Bytes()).next().bytes())
	return tx.PutHold(h)
}

// event reports something: that there was a hold, or the last transaction.
func (g *gambler) event(tx store.Tx, w *store.Wallet) error {
	number := int64(1)
	for range tx.Events(wallet.EventQuery{Wallet: w.ID}) {
		number++
	}
	ev := wallet.Event{Wallet: w.ID, Customer: w.Customer, Number: number, At: g.now, Kind: wallet.EventHeld, Credits: credit}
	if g.random.IntN(2) == 0 {
		for t := range tx.Transactions(wallet.TransactionQuery{Wallet: w.ID, Limit: 1}) {
			ev.Transaction, ev.Credits, ev.At, ev.Kind = t.ID, t.Credits, t.CreatedAt, wallet.EventToppedUp
			if t.State == wallet.Settled && !t.SettledAt.Equal(t.CreatedAt) {
				ev.At, ev.Kind = t.SettledAt, wallet.EventSettled
			}
			if t.Kind == wallet.Consumed {
				ev.Kind = wallet.EventConsumed
			}
		}
	}
	return tx.AddEvent(ev)
}
