package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store/sqlite"
)

// What 64 keep-alive clients get done over HTTP, and the share of what as many callers get done in process, on one file in
// one run, with a retry key for each command. They take turns, so that what else the machine does is fair to both. Over HTTP
// there is work for two processors, in process mostly for one: of a machine that is busy otherwise, the share says little, and
// the processor time more.
func BenchmarkServe(b *testing.B) {
	const clients = 64
	amount := wallet.MustAmount
	for _, c := range []struct {
		name, path, body string
		do               func(ctx context.Context, eng *engine.Engine, id wallet.ID, key string) error
	}{
		{"debit", "debit", `{"credits_to_debit":"0.01","fee":{"fee_type":"CHARGE"}}`, func(ctx context.Context, eng *engine.Engine, id wallet.ID, key string) error {
			_, err := eng.Debit(ctx, id, wallet.Debit{Credits: amount("0.01"), Fee: wallet.Fee{Type: wallet.FeeCharge}, Key: key})
			return err
		}},
		{"topup", "wallet-transactions", `{"type":"TOPUP","granted_credits":"1.0"}`, func(ctx context.Context, eng *engine.Engine, id wallet.ID, key string) error {
			_, err := eng.TopUp(ctx, id, wallet.TopUp{Granted: amount("1"), Key: key})
			return err
		}},
	} {
		b.Run(c.name, func(b *testing.B) {
			db, err := sqlite.Open(filepath.Join(b.TempDir(), "wallets.db"), nil)
			if err != nil {
				b.Fatal(err)
			}
			defer db.Close()
			eng := engine.New(db, nil)
			ids := make([]wallet.ID, clients)
			for i := range ids {
				w, err := eng.Create(b.Context(), wallet.Spec{Customer: wallet.CustomerID(fmt.Sprint("customer ", i)), Currency: "USD", Rate: amount("1"),
					TopUp: wallet.TopUp{Granted: amount("1000000")}})
				if err != nil {
					b.Fatal(err)
				}
				ids[i] = w.ID
			}
			address := startServer(b, eng)
			conns := make(map[wallet.ID]*conn, clients)
			for _, id := range ids {
				conns[id] = dial(b, address, fmt.Sprintf("POST /v1/commerce/billing/wallets/%s/%s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer secret\r\n"+
					"Content-Type: application/json\r\nIdempotency-Key: %s\r\nContent-Length: %d\r\n\r\n%s", id, c.path, keyOf(0), len(c.body), c.body))
			}

			var keys atomic.Int64
			// each runs one n times by all clients together.
			each := func(n int, one func(id wallet.ID, key string) error) (took, cpu time.Duration) {
				var wait sync.WaitGroup
				used, start := processorTime(), time.Now()
				for i, id := range ids {
					wait.Go(func() {
						for range (n + clients - 1 - i) / clients {
							if err := one(id, keyOf(keys.Add(1))); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				wait.Wait()
				return time.Since(start), processorTime() - used
			}
			b.ResetTimer()
			var inProcess, overHTTP struct{ took, cpu time.Duration }
			const turns = 10
			for turn := range turns {
				n := b.N*(turn+1)/turns - b.N*turn/turns
				took, cpu := each(n, func(id wallet.ID, key string) error { return c.do(b.Context(), eng, id, key) })
				inProcess.took, inProcess.cpu = inProcess.took+took, inProcess.cpu+cpu
				took, cpu = each(n, func(id wallet.ID, key string) error { return conns[id].ask(key) })
				overHTTP.took, overHTTP.cpu = overHTTP.took+took, overHTTP.cpu+cpu
			}
			b.StopTimer()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(b.N)/inProcess.took.Seconds(), "engine/s")
			b.ReportMetric(float64(b.N)/overHTTP.took.Seconds(), "http/s")
			b.ReportMetric(float64(inProcess.took)/float64(overHTTP.took), "share")
			b.ReportMetric(float64(inProcess.cpu.Microseconds())/float64(b.N), "engine-cpu-µs")
			b.ReportMetric(float64(overHTTP.cpu.Microseconds())/float64(b.N), "http-cpu-µs")
		})
	}
}

// keyOf returns the n-th key; all are of one length.
func keyOf(n int64) string { return "order-" + strconv.FormatInt(1_000_000_000+n, 10) }

// startServer serves as the command does, and returns where.
func startServer(b *testing.B, eng *engine.Engine) (address string) {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	before := debug.SetGCPercent(garbage)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error)
	go func() {
		ended <- serve{}.run(ctx, listener, eng, "secret", slog.New(slog.NewTextHandler(io.Discard, nil)))
	}()
	b.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
		debug.SetGCPercent(before)
	})
	return listener.Addr().String()
}

// A conn is a keep-alive client that sends one request again and again, with other keys. It does as little as a client can:
// what is measured is the server, though they share the machine.
type conn struct {
	net.Conn
	request, answer []byte
	key             int // where it is in the request
}

func dial(b *testing.B, address, request string) *conn {
	c, err := net.Dial("tcp", address)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { c.Close() })
	return &conn{c, []byte(request), make([]byte, 4096), strings.Index(request, keyOf(0))}
}

func (c *conn) ask(key string) error {
	copy(c.request[c.key:], key)
	if _, err := c.Write(c.request); err != nil {
		return err
	}
	for n := 0; ; {
		more, err := c.Read(c.answer[n:])
		if err != nil {
			return fmt.Errorf("%w after %q", err, c.answer[:n])
		}
		n += more
		head, body, ok := bytes.Cut(c.answer[:n], []byte("\r\n\r\n"))
		if !ok {
			continue
		}
		_, length, _ := bytes.Cut(head, []byte("\r\nContent-Length: "))
		length, _, _ = bytes.Cut(length, []byte("\r\n"))
		want, err := strconv.Atoi(string(length))
		switch {
		case err != nil || !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) || len(body) > want:
			return fmt.Errorf("answered %q", c.answer[:n])
		case len(body) == want:
			return nil
		}
	}
}
