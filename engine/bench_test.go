package engine_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
	"github.com/seed-12493b23/wallet/store/sqlite"
)

// BenchmarkDebit takes debits with a key from the wallets of a memory store in turn, on one processor and on each there is.
func BenchmarkDebit(b *testing.B) {
	for _, customers := range []int{1, 1000} {
		b.Run(fmt.Sprintf("customers=%d", customers), func(b *testing.B) {
			debit := debits(b, customers)
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				debit(i)
			}
		})
	}
	b.Run("parallel", func(b *testing.B) {
		const each = 500
		debit := debits(b, 16*each)
		var workers atomic.Int64
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			first := int(workers.Add(1)-1) * each
			for i := 0; pb.Next(); i++ {
				debit(i/each*16*each + first + i%each)
			}
		})
	})
}

// debits returns a function that takes the n-th debit: from the wallet of one of so many customers, each in turn.
func debits(b *testing.B, customers int) func(n int) {
	e := engine.New(memory.New(), nil)
	one := amount("1")
	wallets := make([]wallet.ID, customers)
	for i := range wallets {
		w, err := e.Create(ctx(), wallet.Spec{
			Customer: wallet.CustomerID("customer-" + strconv.Itoa(i)), Currency: "USD", Rate: one, TopUp: wallet.TopUp{Granted: amount("1000000000")},
		})
		if err != nil {
			b.Fatal(err)
		}
		wallets[i] = w.ID
	}
	return func(n int) {
		key := "order-" + strconv.Itoa(1_000_000_000+n)
		if _, err := e.Debit(ctx(), wallets[n%customers], wallet.Debit{Credits: one, Key: key}); err != nil {
			b.Error(err)
		}
	}
}

// BenchmarkLive takes debits in turn from a wallet with rules, alerts and open holds, and from one without, and reports how
// many times as long the first take.
func BenchmarkLive(b *testing.B) {
	for _, test := range []struct {
		name string
		open func() (store.Store, error)
	}{
		{"memory", func() (store.Store, error) { return memory.New(), nil }},
		{"sqlite", func() (store.Store, error) { return sqlite.Open(filepath.Join(b.TempDir(), "wallets.db"), nil) }},
	} {
		b.Run(test.name, func(b *testing.B) {
			s, err := test.open()
			if err != nil {
				b.Fatal(err)
			}
			if c, ok := s.(interface{ Close() error }); ok {
				b.Cleanup(func() { c.Close() })
			}
			benchmarkLive(b, s)
		})
	}
}

func benchmarkLive(b *testing.B, s store.Store) {
	const each = 20 // debits before it is the other wallet's turn
	clock := start
	options := engine.Options{Now: func() time.Time { return clock }}
	plain := engine.New(s, &options)
	options.Policy.Alerts = []policy.Alert{
		{Name: "low", Level: amount("100")}, {Name: "net", Of: policy.Net, Level: amount("50")}, {Name: "soon", Of: policy.Expiring, Within: time.Hour},
	}
	live := engine.New(s, &options)
	one, most := amount("1"), amount("1000000000")
	create := func(e *engine.Engine, spec wallet.Spec) wallet.ID {
		spec.Currency, spec.Rate, spec.TopUp.Granted = "USD", one, most
		w, err := e.Create(ctx(), spec)
		if err != nil {
			b.Fatal(err)
		}
		return w.ID
	}
	without := create(plain, wallet.Spec{Customer: "without"})
	with := create(live, wallet.Spec{Customer: "with", Rules: []wallet.Rule{
		{Trigger: wallet.TriggerInterval, Every: wallet.Monthly, Granted: one, UntilNext: true},
		{Trigger: wallet.TriggerInterval, Every: wallet.Yearly, Paid: one},
		{Trigger: wallet.TriggerThreshold, Threshold: amount("10"), Paid: one, Name: "refill", Metadata: map[string]string{"plan": "pro"}},
		{Trigger: wallet.TriggerThreshold, Threshold: amount("20"), Method: wallet.MethodTarget, Target: amount("50")},
	}})
	for i := range 10 {
		if _, err := live.Authorize(ctx(), wallet.Authorization{Wallet: with, Credits: one, For: 24 * time.Hour, Reference: fmt.Sprint("job ", i)}); err != nil {
			b.Fatal(err)
		}
	}
	debit := func(e *engine.Engine, id wallet.ID) time.Duration {
		begin := time.Now()
		for range each {
			if _, err := e.Debit(ctx(), id, wallet.Debit{Credits: one}); err != nil {
				b.Fatal(err)
			}
		}
		return time.Since(begin)
	}
	var first, second []time.Duration
	for b.Loop() {
		clock = clock.Add(time.Millisecond)
		first, second = append(first, debit(plain, without)), append(second, debit(live, with))
	}
	median := func(all []time.Duration) float64 { // what others do on the machine does not matter
		slices.Sort(all)
		return float64(all[len(all)/2].Nanoseconds()) / each
	}
	b.ReportMetric(median(second)/median(first), "times")
	b.ReportMetric(median(first), "ns/without")
	b.ReportMetric(median(second), "ns/with")
}
