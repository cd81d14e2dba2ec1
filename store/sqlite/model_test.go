package sqlite

import (
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/script"
	"github.com/seed-12493b23/wallet/store/memory"
	"github.com/seed-12493b23/wallet/store/storetest"
)

// Batches of functions that do everything at random, of which some fail, read and leave behind what they do in memory, one
// after the other.
func TestBatchesLikeMemory(t *testing.T) {
	for seed := range uint64(4) {
		s, m := openNew(t), memory.New()
		customers := []wallet.CustomerID{"ann", "bob", "eve"}
		most, forgets := 6, 10
		if seed%2 == 1 { // much is to be read ahead
			customers = append(customers, "dan", "fay", "gus", "hal", "ida", "jim", "kit")
			most, forgets = 20, 2
		}
		random := rand.New(rand.NewPCG(seed, 0))
		for range 30 {
			if random.IntN(forgets) == 0 {
				s.writer.forget() // as if others had written
			}
			var jobs []job
			var want, got []*script.Script
			for range 1 + random.IntN(most) {
				at, of := now(), customers[random.IntN(len(customers))]
				a := &script.Script{Seed: random.Uint64(), At: at, Customer: of}
				b := *a
				want, got = append(want, a), append(got, &b)
				scope := store.Scope{Customer: of}
				if ids := walletsOf(m, of); len(ids) > 0 && random.IntN(2) == 0 {
					scope = store.Scope{Wallet: ids[random.IntN(len(ids))]}
				}
				jobs = append(jobs, job{scope: scope, fn: b.Run})
			}
			together(s, jobs...)
			for i, a := range want {
				m.Update(ctx, store.Scope{Customer: a.Customer}, a.Run)
				if d := a.Unlike(got[i]); d != "" {
					t.Fatalf("seed %d: function %d of %d%s", seed, i, len(want), d)
				}
			}
			for _, of := range customers {
				var a, b script.Script
				a.Customer, a.At = of, now()
				b = a
				if err := errors.Join(m.View(ctx, a.Look), s.View(ctx, b.Look)); err != nil || a.Log != b.Log {
					t.Fatalf("seed %d: %v%s", seed, err, a.Unlike(&b))
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// walletsOf returns all wallets of a customer.
func walletsOf(s store.Store, of wallet.CustomerID) (ids []wallet.ID) {
	s.View(ctx, func(r store.Reader) error {
		for w := range r.Wallets(wallet.WalletQuery{Customer: of}) {
			ids = append(ids, w.ID)
		}
		return nil
	})
	return ids
}

// A store that reads everything again for each batch, as if others had written in between, is as right as one that remembers.
// It takes as long as TestStore, and is left out by -short.
func TestForgetful(t *testing.T) {
	if testing.Short() {
		t.Skip("-short")
	}
	storetest.Test(t, func(tb testing.TB) store.Store {
		s := openNew(tb)
		s.fault = func(text string) error {
			if text == beginImmediate.text {
				s.writer.forget()
			}
			return nil
		}
		return s
	})
}
