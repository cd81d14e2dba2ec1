package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store/storetest"
)

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }

// pgbench returns how many transactions a second the server does of the simplest update there is, with so many clients, once their
// connections are warm.
func (s *server) pgbench(b *testing.B, clients int) (rate float64) {
	out, err := s.command("pgbench", "-h", s.dir, "-U", "postgres", "-n", "-b", "simple-update", "-M", "prepared", "-T", "3", "-P", "1",
		"-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)), "postgres").CombinedOutput()
	seconds := regexp.MustCompile(`progress: [0-9.]+ s, ([0-9.]+) tps`).FindAllSubmatch(out, -1)
	if err != nil || len(seconds) < 2 {
		b.Fatal(err, string(out))
	}
	for _, second := range seconds[1:] {
		tps, _ := strconv.ParseFloat(string(second[1]), 64)
		rate += tps / float64(len(seconds)-1)
	}
	return rate
}

// BenchmarkDebit measures debits, each with a key of its own, beside pgbench on the same server, which keeps what it commits. They
// take turns, so that what else the machine does is fair to both.
func BenchmarkDebit(b *testing.B) {
	s := ownServer(b, "autovacuum=off") // or it would burden one of the two
	scale := "10"
	if testing.Short() {
		scale = "1"
	}
	if out, err := s.command("pgbench", "-h", s.dir, "-U", "postgres", "-i", "-q", "-s", scale, "postgres").CombinedOutput(); err != nil {
		b.Skip("no pgbench: ", err, string(out))
	}
	st, err := Open(b.Context(), s.dsn, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer st.Close()
	eng := engine.New(st, nil)
	wallets := 1000
	if testing.Short() {
		wallets = 50
	}
	ids := make([]wallet.ID, wallets)
	var group sync.WaitGroup
	for i := range ids {
		group.Go(func() {
			w, err := eng.Create(b.Context(), wallet.Spec{Customer: wallet.CustomerID(fmt.Sprintf("customer-%06d", i)), Currency: "USD",
				Rate: wallet.MustAmount("1"), TopUp: wallet.TopUp{Granted: wallet.MustAmount("1000000000")}})
			if err != nil {
				b.Error(err)
			}
			ids[i] = w.ID
		})
	}
	group.Wait()
	if b.Failed() {
		return
	}
	conn := must(st.pool.Acquire(b.Context()))
	must(conn.Exec(b.Context(), "VACUUM ANALYZE"))
	conn.Release()
	for _, c := range []struct{ callers, wallets int }{{1, 0}, {8, 0}, {32, 0}, {64, 0}, {512, 0}, {512, 1}} {
		of := ids
		if c.wallets > 0 {
			of = ids[:c.wallets]
		}
		clients := []int{32, 64} // of which one is its best
		if c.callers <= 32 {
			clients = []int{c.callers}
		}
		b.Run(fmt.Sprintf("wallets=%d/callers=%d", len(of), c.callers), func(b *testing.B) {
			turns := min(4, 1+b.N/2000)
			var used time.Duration
			than := make([]float64, len(clients))
			for turn := range turns {
				b.StopTimer()
				for i := range than {
					than[i] += s.pgbench(b, clients[i]) / float64(turns)
				}
				before := cpu()
				b.StartTimer()
				debits(b, eng, of, c.callers, b.N*(turn+1)/turns-b.N*turn/turns)
				used += cpu() - before
			}
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "debits/s")
			b.ReportMetric(rate/slices.Max(than), "×pgbench")
			b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

var keyNumber atomic.Int64

// debits has callers make n debits from wallets drawn at random.
func debits(tb testing.TB, eng *engine.Engine, ids []wallet.ID, callers, n int) {
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	amount := wallet.MustAmount("0.25")
	for range callers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				debit := wallet.Debit{Credits: amount, Key: fmt.Sprintf("key-%020d", keyNumber.Add(1))}
				if _, err := eng.Debit(context.Background(), ids[rand.IntN(len(ids))], debit); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}
