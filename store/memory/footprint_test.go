package memory

import (
	"context"
	"runtime"
	"runtime/debug"
	"slices"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// inUse returns the bytes that are in use once all garbage is collected.
func inUse() uint64 {
	var m runtime.MemStats
	for range 3 { // pools are emptied in two
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// skipIfRacing skips what cannot be measured under the race detector, which keeps pools from keeping.
func skipIfRacing(t *testing.T) {
	info, ok := debug.ReadBuildInfo()
	if ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"}) {
		t.Skip("under the race detector")
	}
}

// TestFootprint bounds what is kept of a debit with one draw, its retry key included.
func TestFootprint(t *testing.T) {
	skipIfRacing(t)
	const debitsMade, most = 200_000, 400
	for _, customers := range []int{1, 100, 1000} {
		s := New()
		purses := make([]*purse, customers)
		for i := range purses {
			purses[i] = newPurse(t, s, i, 1)
		}
		before := inUse()
		debits(t, purses, debitsMade)
		kept := float64(inUse()-before) / debitsMade
		t.Logf("%d customers: %.0f bytes a debit", customers, kept)
		if kept > most {
			t.Errorf("%d customers: %.0f bytes a debit, want at most %d", customers, kept, most)
		}
		runtime.KeepAlive(s)
	}
}

// TestAllocations counts what commands allocate: a debit only what is kept, in chunks; a read of one record nothing.
func TestAllocations(t *testing.T) {
	skipIfRacing(t)
	s := New()
	p := newPurse(t, s, 1, 3)
	ctx := context.Background()

	var lot store.Lot
	var spent wallet.TransactionID
	var failure error
	draws, ids := make([]wallet.Draw, 1), make([]wallet.TransactionID, 1)
	var name string
	debit := func(tx store.Tx) error {
		if err := p.debit(tx, name, draws, ids); err != nil {
			return err
		}
		if failure == nil {
			lot.ID, spent = draws[0].Lot, draws[0].By
		}
		return failure
	}
	const runs = 5000
	names := make([]string, 2*runs)
	for i := range names {
		names[i] = key(i)
	}
	update := func() {
		name, names = names[0], names[1:]
		if err := s.Update(ctx, p.scope(), debit); err != failure {
			t.Fatal(err)
		}
	}
	view := func(fn func(store.Reader) error) func() {
		return func() {
			if err := s.View(ctx, fn); err != nil {
				t.Fatal(err)
			}
		}
	}
	undone := func() {
		failure = context.Canceled // any error
		update()
		failure = nil
	}
	for _, test := range []struct {
		name string
		most float64
		do   func()
	}{
		{"debit", 0.25, update},
		{"debit undone", 0.25, undone},
		{"wallet", 0.001, view(func(r store.Reader) error { _, err := r.Wallet(p.wallet); return err })},
		{"wallets", 0.001, view(func(r store.Reader) error { _, err := r.ActiveWallets(p.customer); return err })},
		{"transaction", 0.001, view(func(r store.Reader) error { _, err := r.Transaction(spent); return err })},
		{"lot", 0.001, view(func(r store.Reader) error { _, err := r.Lot(lot.ID); return err })},
		{"next lot", 0.001, view(func(r store.Reader) error { _, _, err := r.NextLot(p.wallet, nil); return err })},
		{"no outcome", 0.001, view(func(r store.Reader) error { _, _, err := r.Outcome(p.customer, "none"); return err })},
	} {
		if got := mallocs(runs, test.do); got > test.most {
			t.Errorf("%s: %.3f allocations, want at most %.3f", test.name, got, test.most)
		}
	}
}

// mallocs returns how many allocations a run of fn makes, on average: those made in chunks count in part.
func mallocs(runs int, fn func()) float64 {
	var before, after runtime.MemStats
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	runtime.ReadMemStats(&before)
	for range runs {
		fn()
	}
	runtime.ReadMemStats(&after)
	return float64(after.Mallocs-before.Mallocs) / float64(runs)
}
