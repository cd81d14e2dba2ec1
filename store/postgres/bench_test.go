package postgres

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store/storetest"
)

func BenchmarkStore(b *testing.B) { storetest.Benchmark(b, open) }

// pgbench is how many transactions a second the server does of the simplest update there is, with so many clients.
func (s *server) pgbench(b *testing.B, clients int) float64 {
	seconds := 4
	if testing.Short() {
		seconds = 1
	}
	out, err := s.command("pgbench", "-h", s.dir, "-U", "postgres", "-n", "-b", "simple-update", "-M", "prepared", "-T", strconv.Itoa(seconds),
		"-c", strconv.Itoa(clients), "-j", strconv.Itoa(min(clients, 2)), "postgres").CombinedOutput()
	m := regexp.MustCompile(`tps = ([0-9.]+)`).FindSubmatch(out)
	if err != nil || m == nil {
		b.Fatal(err, string(out))
	}
	tps, _ := strconv.ParseFloat(string(m[1]), 64)
	return tps
}

// BenchmarkDebit measures debits, each with a key of its own, beside pgbench on the same server, which keeps what it commits.
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
		than := 0.0
		for _, n := range clients { // just before, as the machine may have others to serve
			than = max(than, s.pgbench(b, n))
		}
		fmt.Fprintf(os.Stderr, "pgbench with %v clients: %.0f/s\n", clients, than)
		b.Run(fmt.Sprintf("wallets=%d/callers=%d", len(of), c.callers), func(b *testing.B) {
			used := cpu()
			debits(b, eng, of, c.callers, b.N)
			rate := float64(b.N) / b.Elapsed().Seconds()
			b.ReportMetric(rate, "debits/s")
			b.ReportMetric(rate/than, "×pgbench")
			b.ReportMetric(float64((cpu()-used).Microseconds())/float64(b.N), "cpu-µs/op")
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
