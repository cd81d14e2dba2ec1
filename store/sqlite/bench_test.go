//go:build linux

package sqlite

import (
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// cpu returns the processor time that the process has used.
func cpu() time.Duration {
	var u syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// rawCommits returns how long a 4 KB overwrite and its sync take.
func rawCommits(b *testing.B, dir string) time.Duration {
	f, err := os.Create(filepath.Join(dir, "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	const n = 2000
	var from time.Time
	for i := -10; i < n; i++ {
		if i == 0 {
			from = time.Now()
		}
		f.WriteAt(page, 0)
		syscall.Fdatasync(int(f.Fd()))
	}
	return time.Since(from) / n
}

// books makes wallets, each with lots of 100 credits.
func books(tb testing.TB, s *Store, wallets, lots int) []wallet.ID {
	ids := make([]wallet.ID, wallets)
	const together = 256
	var group sync.WaitGroup
	gate := make(chan struct{}, together)
	for i := range ids {
		gate <- struct{}{}
		group.Go(func() {
			defer func() { <-gate }()
			ids[i] = must(create(s, wallet.CustomerID(fmt.Sprintf("customer-%06d", i))))
			for from := 0; from < lots; from += 200 {
				err := s.Update(ctx, store.Scope{Wallet: ids[i]}, func(tx store.Tx) error {
					for range min(200, lots-from) {
						if _, err := grant(tx, ids[i], wallet.MustAmount("100000")); err != nil {
							return err
						}
					}
					return nil
				})
				if err != nil {
					tb.Error(err)
				}
			}
		})
	}
	group.Wait()
	return ids
}

var keys atomic.Int64

// debits has callers make n debits from wallets drawn at random.
func debits(tb testing.TB, s *Store, ids []wallet.ID, callers, n int, random bool) {
	var left atomic.Int64
	left.Store(int64(n))
	var group sync.WaitGroup
	amount := wallet.MustAmount("0.25")
	for range callers {
		group.Go(func() {
			for left.Add(-1) >= 0 {
				id := ids[rand.IntN(len(ids))]
				key := fmt.Sprintf("key-%020d", keys.Add(1))
				if random {
					key = fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())
				}
				if err := s.Update(ctx, store.Scope{Wallet: id, Key: key}, func(tx store.Tx) error {
					_, err := debit(tx, id, amount, key)
					return err
				}); err != nil {
					tb.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
}

// commits returns how many transactions were committed to a database, each with one fsync, as the index of its WAL counts them.
func commits(b *testing.B, path string) uint32 {
	f, err := os.Open(path + "-shm")
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	var header [12]byte
	if _, err := io.ReadFull(f, header[:]); err != nil {
		b.Fatal(err)
	}
	return binary.NativeEndian.Uint32(header[8:])
}

func BenchmarkDebit(b *testing.B) {
	for _, c := range []struct {
		wallets, lots, callers int
		keys                   string
	}{
		{1000, 2, 1, "ordered"}, {1000, 2, 8, "ordered"}, {1000, 2, 64, "ordered"}, {1000, 2, 512, "ordered"}, {1000, 2, 512, "random"},
		{1000, 50, 512, "ordered"}, {100_000, 1, 512, "ordered"}, {1, 2, 512, "ordered"},
	} {
		if testing.Short() {
			c.wallets = (c.wallets + 99) / 100
		}
		b.Run(fmt.Sprintf("wallets=%d/lots=%d/callers=%d/keys=%s", c.wallets, c.lots, c.callers, c.keys), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "wallets.db")
			s := openFile(b, path)
			ids := books(b, s, c.wallets, c.lots)
			random := c.keys == "random"
			debits(b, s, ids, c.callers, 2*c.callers, random)
			raw := rawCommits(b, filepath.Dir(path))
			from, before := cpu(), commits(b, path)
			b.ResetTimer()
			debits(b, s, ids, c.callers, b.N, random)
			b.StopTimer()
			used := cpu() - from
			b.ReportMetric(float64(b.N)/float64(commits(b, path)-before), "op/fsync")
			raw = (raw + rawCommits(b, filepath.Dir(path))) / 2 // a disk has moods
			b.ReportMetric(float64(raw)*float64(b.N)/float64(b.Elapsed()), "×raw")
			b.ReportMetric(float64(used.Nanoseconds())/float64(b.N)/1000, "cpu-µs/op")
			// WAL written by some more.
			c0 := must(s.readers.take(ctx, s))
			c0.exec(queryOf("PRAGMA wal_checkpoint(TRUNCATE)"))
			s.readers.give(c0)
			s.writer.c.exec(queryOf("PRAGMA wal_autocheckpoint = 0"))
			n := max(20*c.callers, 200)
			debits(b, s, ids, c.callers, n, random)
			info, err := os.Stat(path + "-wal")
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/float64(n), "wal-B/op")
		})
	}
}
