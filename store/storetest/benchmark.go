package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
)

// Benchmark measures the engine on a store: debits, charges over three wallets and top-ups, of more and more callers on more
// and more wallets; debits from more and more open lots; pages and debits deep in a wallet's history. It reports operations a
// second, the median and the 99th percentile of their latency, and the processor time of the whole process for each (where the
// system tells). -short divides all sizes but the callers by 100.
func Benchmark(b *testing.B, open func(testing.TB) store.Store) {
	for _, n := range sizes(1, 1_000, 100_000) {
		b.Run(fmt.Sprintf("wallets=%d", n), func(b *testing.B) { benchmarkCallers(b, open, n) })
	}
	for _, n := range sizes(10, 1_000, 100_000) {
		b.Run(fmt.Sprintf("lots=%d", n), func(b *testing.B) { benchmarkLots(b, open, n) })
	}
	for _, n := range sizes(1_000, 1_000_000) {
		b.Run(fmt.Sprintf("history=%d", n), func(b *testing.B) { benchmarkHistory(b, open, n) })
	}
}

// sizes are those given, or a hundredth of them: at least 1, and each once.
func sizes(of ...int) []int {
	if testing.Short() {
		for i := range of {
			of[i] = max(of[i]/100, 1)
		}
	}
	return slices.Compact(of)
}

var (
	credit = wallet.MustAmount("0.25")
	riches = wallet.MustAmount("5000000")
	types  = []wallet.FeeType{"a", "b", "c"}
)

// A bench has customers with three wallets each, one for each type of fee.
type bench struct {
	eng       *engine.Engine
	customers []wallet.CustomerID
	wallets   []wallet.ID
	keys      atomic.Int64
	raw       float64 // overwrites of the disk, a second
}

func newBench(b *testing.B, s store.Store, wallets int) *bench {
	b.Helper()
	f := &bench{eng: engine.New(s, nil)}
	for i := range (wallets + len(types) - 1) / len(types) {
		f.customers = append(f.customers, wallet.CustomerID(fmt.Sprintf("customer-%06d", i)))
	}
	f.wallets = make([]wallet.ID, len(f.customers)*len(types))
	together(len(f.wallets), 256, func(i int) {
		t := types[i%len(types)]
		w, err := f.eng.Create(b.Context(), wallet.Spec{
			Customer: f.customers[i/len(types)], Currency: "USD", Rate: wallet.MustAmount("1"), TopUp: wallet.TopUp{Granted: riches},
			AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{t}},
		})
		if err != nil {
			b.Error(err)
		}
		f.wallets[i] = w.ID
	})
	f.wallets = f.wallets[:wallets]
	f.raw = rawRate(b)
	return f
}

// rawRate returns how often a second the disk overwrites 4 KB and syncs.
func rawRate(b *testing.B) float64 {
	f, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	const warm, span = 10, 200 * time.Millisecond
	var start time.Time
	for n := -warm; ; n++ {
		if n == 0 {
			start = time.Now()
		}
		if _, err := f.WriteAt(page, 0); err != nil {
			b.Fatal(err)
		}
		if err := flush(f); err != nil {
			b.Fatal(err)
		}
		if elapsed := time.Since(start); n > 0 && elapsed > span {
			return float64(n+1) / elapsed.Seconds()
		}
	}
}

// together does n things, so many at once.
func together(n, atOnce int, do func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, atOnce) {
		group.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				do(int(i))
			}
		})
	}
	group.Wait()
}

func benchmarkCallers(b *testing.B, open func(testing.TB) store.Store, wallets int) {
	f := newBench(b, open(b), wallets)
	for _, op := range []struct {
		name string
		run  func(context.Context) error
	}{{"debit", f.debit}, {"charge", f.charge}, {"topup", f.topUp}} {
		for _, callers := range []int{1, 8, 64, 512} {
			b.Run(fmt.Sprintf("%s/callers=%d", op.name, callers), func(b *testing.B) { f.measure(b, callers, op.run) })
		}
	}
}

// key returns a key that nobody has used, behind those of before, as one that begins with the time.
func (f *bench) key() string { return "order-" + strconv.FormatInt(1e12+f.keys.Add(1), 10) }

func (f *bench) debit(ctx context.Context) error {
	i := rand.IntN(len(f.wallets))
	_, err := f.eng.Debit(ctx, f.wallets[i], wallet.Debit{Credits: credit, Fee: wallet.Fee{Type: types[i%len(types)]}, Key: f.key()})
	return err
}

func (f *bench) charge(ctx context.Context) error {
	c := wallet.Charge{Customer: f.customers[rand.IntN(len(f.customers))], Currency: "USD", Whole: true, Key: f.key()}
	for _, t := range types {
		c.Fees = append(c.Fees, wallet.Fee{ID: string(t), Type: t, Amount: credit})
	}
	_, err := f.eng.Charge(ctx, c)
	return err
}

func (f *bench) topUp(ctx context.Context) error {
	_, err := f.eng.TopUp(ctx, f.wallets[rand.IntN(len(f.wallets))], wallet.TopUp{Granted: credit, Key: f.key()})
	return err
}

// measure runs an operation b.N times, by so many callers at once.
func (f *bench) measure(b *testing.B, callers int, op func(context.Context) error) {
	took := make([]time.Duration, b.N)
	ctx := b.Context()
	b.ReportAllocs()
	b.ResetTimer()
	cpu, disk, began := processorTime(), diskBytes(), time.Now()
	together(b.N, callers, func(i int) {
		from := time.Now()
		if err := op(ctx); err != nil {
			b.Error(err)
		}
		took[i] = time.Since(from)
	})
	elapsed := time.Since(began)
	b.StopTimer()
	cpu, disk = processorTime()-cpu, diskBytes()-disk
	slices.Sort(took)
	micros := func(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
	b.ReportMetric(float64(b.N)/elapsed.Seconds(), "ops/s")
	b.ReportMetric(float64(b.N)/elapsed.Seconds()/f.raw, "×raw")
	b.ReportMetric(micros(took[b.N/2]), "p50-µs")
	b.ReportMetric(micros(took[b.N*99/100]), "p99-µs")
	if cpu > 0 {
		b.ReportMetric(micros(cpu)/float64(b.N), "cpu-µs/op")
	}
	if disk > 0 {
		b.ReportMetric(float64(disk)/float64(b.N), "disk-B/op")
	}
}

// benchmarkLots debits a wallet with many open lots, which expire one after the other, but not now.
func benchmarkLots(b *testing.B, open func(testing.TB) store.Store, lots int) {
	f := newBench(b, open(b), 1)
	over := time.Now().AddDate(1, 0, 0)
	together(lots, 256, func(i int) {
		topUp := wallet.TopUp{Granted: riches, ExpiresAt: over.Add(time.Duration(i*7919%lots) * time.Second)}
		if _, err := f.eng.TopUp(b.Context(), f.wallets[0], topUp); err != nil {
			b.Error(err)
		}
	})
	b.Run("debit", func(b *testing.B) { f.measure(b, 1, f.debit) })
}

// benchmarkHistory pages and debits where a wallet has a long past.
func benchmarkHistory(b *testing.B, open func(testing.TB) store.Store, transactions int) {
	const page = 50
	s := open(b)
	f := newBench(b, s, 1)
	w := f.wallets[0]
	oldest, err := writeHistory(b.Context(), s, w, transactions)
	if err != nil {
		b.Fatal(err)
	}
	b.Run("debit", func(b *testing.B) { f.measure(b, 1, f.debit) })
	for _, depth := range []int{0, transactions * 9 / 10} {
		q := wallet.TransactionQuery{Wallet: w, Limit: page}
		if depth > 0 {
			q.After = oldest[len(oldest)-1-depth/historyStep]
		}
		b.Run(fmt.Sprintf("page/depth=%d", depth), func(b *testing.B) {
			f.measure(b, 1, func(ctx context.Context) error {
				n := 0
				for _, err := range f.eng.Transactions(ctx, q) {
					if n++; err != nil {
						return err
					}
				}
				if n != page && transactions > depth+page {
					return fmt.Errorf("%d on a page", n)
				}
				return nil
			})
		})
	}
}

// historyStep is how many transactions one update of writeHistory adds.
const historyStep = 100

// writeHistory writes transactions past the engine, and returns every so manieth ID.
func writeHistory(ctx context.Context, s store.Store, id wallet.ID, transactions int) (ids []wallet.TransactionID, err error) {
	at := time.Now().UTC().Truncate(time.Microsecond)
	for range (transactions + historyStep - 1) / historyStep {
		var last wallet.TransactionID
		err := s.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
			w, err := tx.Wallet(id)
			if err != nil {
				return err
			}
			state := w.State
			lot, _, err := tx.NextLot(id, nil)
			if err != nil {
				return err
			}
			for range historyStep {
				state.Last = wallet.MintTransactionID(state.Last, at)
				t := wallet.Transaction{
					ID: state.Last, Wallet: id, Customer: w.Customer, Kind: wallet.Consumed, State: wallet.Settled, Source: wallet.SourceManual,
					Credits: credit, Money: w.Money(credit), BalanceAfter: riches, CreatedAt: at, SettledAt: at,
				}
				draw := wallet.Draw{Lot: lot.ID, By: t.ID, Wallet: id, Kind: t.Kind, Credits: credit, Amount: t.Money.Amount}
				if err := tx.AddTransaction(&t, []wallet.Draw{draw}); err != nil {
					return err
				}
			}
			last = state.Last
			return tx.PutState(id, state)
		})
		if err != nil {
			return nil, err
		}
		ids = append(ids, last)
	}
	return ids, nil
}
