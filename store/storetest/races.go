package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// testRaces lets many callers want the same thing at once.
func testRaces(t *testing.T, open func(testing.TB) store.Store) {
	for _, test := range []struct {
		name string
		run  func(*testing.T, *arena)
	}{
		{"Drain", testDrain},
		{"Retries", testRetries},
		{"Keys", testKeys},
		{"Crossing", testCrossing},
		{"Holds", testHolds},
		{"Ends", testEnds},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, newArena(open(t))) })
	}
}

// An arena is an engine for many callers, with a clock that they may move.
type arena struct {
	store store.Store
	eng   *engine.Engine
	clock atomic.Int64 // microseconds after the start
}

func newArena(s store.Store) *arena {
	a := &arena{store: s}
	a.eng = engine.New(s, &engine.Options{Now: func() time.Time { return start.Add(time.Duration(a.clock.Load()) * time.Microsecond) }})
	return a
}

// all runs so many callers at once, and waits for them.
func (a *arena) all(n int, call func(n int)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		group.Go(func() { <-begin; call(i) })
	}
	close(begin)
	group.Wait()
}

func (a *arena) create(t *testing.T, spec wallet.Spec) wallet.Wallet {
	t.Helper()
	spec.Currency, spec.Rate = "USD", wallet.MustAmount("1")
	w, err := a.eng.Create(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// audit returns the books of a wallet, of which everything must be true that always is.
func (a *arena) audit(t *testing.T, id wallet.ID) books {
	t.Helper()
	w := newWorld(a.store, policy.Policy{})
	w.clock, w.wallets = start.Add(time.Duration(a.clock.Load())*time.Microsecond), []wallet.ID{id}
	b, _, err := w.readOne(t.Context(), id, books{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range violations(&policy.DefaultOrder, nil, b) {
		t.Error(v)
	}
	return b
}

// One wallet is drained by debits, charges and voids: exactly what was in it is taken out.
func testDrain(t *testing.T, a *arena) {
	const lots, each = 10, 30
	w := a.create(t, wallet.Spec{Customer: "c0"})
	for i := range lots {
		topUp := wallet.TopUp{Granted: wallet.MustAmount(fmt.Sprint(each)), Priority: 1 + i%3}
		if _, err := a.eng.TopUp(t.Context(), w.ID, topUp); err != nil {
			t.Fatal(err)
		}
	}
	one := wallet.MustAmount("1")
	var took atomic.Int64
	a.all(*callers, func(n int) {
		for {
			var err error
			switch n % 3 {
			case 0:
				_, err = a.eng.Debit(t.Context(), w.ID, wallet.Debit{Credits: one})
			case 1:
				_, err = a.eng.Charge(t.Context(), wallet.Charge{Customer: "c0", Currency: "USD", Fees: []wallet.Fee{{Amount: one}}, Whole: true})
			case 2:
				_, err = a.eng.Void(t.Context(), w.ID, wallet.Void{Credits: one})
			}
			if errors.Is(err, wallet.ErrInsufficient) {
				return
			}
			if err != nil {
				t.Errorf("caller %d: %v", n, err)
				return
			}
			took.Add(1)
		}
	})
	b := a.audit(t, w.ID)
	if got, want := took.Load(), int64(lots*each); got != want || len(b.Transactions) != lots+int(want) || b.Wallet.Balance.Total().Sign() != 0 {
		t.Errorf("%d were taken, of %d; %d transactions, balance %s", got, want, len(b.Transactions), b.Wallet.Balance.Total())
	}
}

// One command is repeated by all under one key: it happens once, and all get the same answer.
func testRetries(t *testing.T, a *arena) {
	times := *retries
	if testing.Short() {
		times /= 10
	}
	w := a.create(t, wallet.Spec{Customer: "c0", TopUp: wallet.TopUp{Granted: wallet.MustAmount(fmt.Sprint(times))}})
	var first atomic.Pointer[wallet.Transaction]
	a.all(*callers, func(n int) {
		for i := n; i < times; i += *callers {
			made, err := a.eng.Debit(t.Context(), w.ID, wallet.Debit{Credits: wallet.MustAmount("1"), Key: "k1"})
			if err != nil {
				t.Errorf("retry %d: %v", i, err)
				return
			}
			first.CompareAndSwap(nil, &made)
			if got, want := made, *first.Load(); got.ID != want.ID || !got.BalanceAfter.Equal(want.BalanceAfter) {
				t.Errorf("retry %d: %+v, want %+v", i, got, want)
				return
			}
		}
	})
	if b := a.audit(t, w.ID); len(b.Transactions) != 2 {
		t.Errorf("%d transactions, want 2", len(b.Transactions))
	}
}

// Different commands race for each of several keys: one gets it, the others are refused.
func testKeys(t *testing.T, a *arena) {
	const rounds = 20
	w := a.create(t, wallet.Spec{Customer: "c0", TopUp: wallet.TopUp{Granted: wallet.MustAmount("1000000")}})
	for round := range rounds {
		var won atomic.Int64
		a.all(8, func(n int) {
			_, err := a.eng.Debit(t.Context(), w.ID, wallet.Debit{Credits: wallet.MustAmount(fmt.Sprint(n + 1)), Key: fmt.Sprint("k", round)})
			switch {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, wallet.ErrKeyReused):
				t.Errorf("key %d: %v", round, err)
			}
		})
		if got := won.Load(); got != 1 {
			t.Errorf("key %d: %d commands got it", round, got)
		}
	}
	if b := a.audit(t, w.ID); len(b.Transactions) != 1+rounds {
		t.Errorf("%d transactions, want %d", len(b.Transactions), 1+rounds)
	}
}

// A wallet is reserved to its end; then capture, release and expiry race for every hold.
func testHolds(t *testing.T, a *arena) {
	const each, most = 3, 33
	w := a.create(t, wallet.Spec{Customer: "c0", TopUp: wallet.TopUp{Granted: wallet.MustAmount(fmt.Sprint(each*most + 2))}})
	var mutex sync.Mutex
	var holds []wallet.HoldID
	a.all(*callers, func(n int) {
		for {
			h, err := a.eng.Authorize(t.Context(), wallet.Authorization{Wallet: w.ID, Credits: wallet.MustAmount(fmt.Sprint(each)), For: 5 * time.Microsecond})
			if errors.Is(err, wallet.ErrInsufficient) {
				return
			}
			if err != nil {
				t.Errorf("caller %d: %v", n, err)
				return
			}
			mutex.Lock()
			holds = append(holds, h.ID)
			mutex.Unlock()
		}
	})
	if a.audit(t, w.ID); len(holds) != most {
		t.Errorf("%d holds, want %d", len(holds), most)
	}
	var captured atomic.Int64
	a.all(*callers, func(n int) {
		for i := range holds {
			h := holds[(i*7+n)%len(holds)]
			var err error
			switch n % 4 {
			case 0, 1:
				if _, err = a.eng.Capture(t.Context(), h, wallet.Capture{Credits: wallet.MustAmount("2")}); err == nil {
					captured.Add(2)
				}
			case 2:
				_, err = a.eng.Release(t.Context(), h)
			case 3:
				if i == n/4 { // half way the time of all of them is over
					a.clock.Add(1)
				}
				_, err = a.eng.Tick(t.Context())
			}
			if err != nil && !errors.Is(err, wallet.ErrNotPending) && !errors.Is(err, wallet.ErrExpired) {
				t.Errorf("caller %d: %v", n, err)
			}
		}
	})
	if got := a.audit(t, w.ID).Wallet.Balance; !got.Consumed.Equal(wallet.MustAmount(fmt.Sprint(captured.Load()))) || got.Held.Sign() != 0 {
		t.Errorf("%s consumed and %s held, want %d and 0", got.Consumed, got.Held, captured.Load())
	}
}

// Settlement, failure, termination and expiry race for a purchase and its wallet, while others spend and the clock runs.
func testEnds(t *testing.T, a *arena) {
	const rounds = 40
	for round := range rounds {
		customer := wallet.CustomerID(fmt.Sprint("c", round))
		a.clock.Store(0)
		expiry := start.Add(5 * time.Microsecond)
		spec := wallet.Spec{Customer: customer, TopUp: wallet.TopUp{Granted: wallet.MustAmount("10"), ExpiresAt: expiry}}
		if round%2 == 1 {
			spec.ExpiresAt = expiry.Add(3 * time.Microsecond)
		}
		w := a.create(t, spec)
		made, err := a.eng.TopUp(t.Context(), w.ID, wallet.TopUp{Paid: wallet.MustAmount("7"), Granted: wallet.MustAmount("3"), GrantOnSettle: true, ExpiresIn: 3 * time.Microsecond})
		if err != nil {
			t.Fatal(err)
		}
		var settled, failed, ended, taken atomic.Int64
		a.all(16, func(n int) {
			for range 1 + rand.IntN(4) {
				var err error
				switch n % 8 {
				case 0, 1:
					if _, err = a.eng.Settle(t.Context(), made[n%2].ID, wallet.Settlement{}); err == nil {
						settled.Add(1)
					}
				case 2:
					if round%4 >= 2 {
						if _, err = a.eng.Fail(t.Context(), made[0].ID, "declined for good"); err == nil {
							failed.Add(1)
						}
					}
				case 3:
					if round%3 == 0 {
						if _, err = a.eng.Terminate(t.Context(), w.ID); err == nil {
							ended.Add(1)
						}
					}
				case 4, 5:
					if _, err = a.eng.Debit(t.Context(), w.ID, wallet.Debit{Credits: wallet.MustAmount("1")}); err == nil {
						taken.Add(1)
					}
				case 6:
					_, err = a.eng.Tick(t.Context())
				case 7:
					a.clock.Add(1)
				}
				lost := errors.Is(err, wallet.ErrNotPending) || errors.Is(err, wallet.ErrTerminated) || errors.Is(err, wallet.ErrInsufficient)
				if err != nil && !lost {
					t.Errorf("round %d, caller %d: %v", round, n, err)
				}
			}
		})
		b := a.audit(t, w.ID)
		state := b.Transactions[1].State
		switch {
		case settled.Load() > 0 && failed.Load() > 0:
			t.Errorf("round %d: settled and failed", round)
		case settled.Load() > 0 != (state == wallet.Settled), failed.Load() > 0 && state != wallet.Failed, state != b.Transactions[2].State:
			t.Errorf("round %d: settled %d, failed %d times, and is %s, its pair %s", round, settled.Load(), failed.Load(), state, b.Transactions[2].State)
		case ended.Load() > 0 && b.Wallet.Status != wallet.Terminated:
			t.Errorf("round %d: ended, and is %s", round, b.Wallet.Status)
		case !b.Wallet.Balance.Consumed.Equal(wallet.MustAmount(fmt.Sprint(taken.Load()))):
			t.Errorf("round %d: %s consumed, %d debits", round, b.Wallet.Balance.Consumed, taken.Load())
		}
	}
}
