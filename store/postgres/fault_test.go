package postgres

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
)

// A proxy is a socket before the server's, whose connections break as a test wants them to.
type proxy struct {
	dir      string
	listener net.Listener
	server   string

	next  atomic.Int32 // the next fault
	count atomic.Int64 // of faults
	down  atomic.Bool  // no connection is let through
	all   sync.Map     // connections
}

// Faults of a proxy: they befall the connection that comes next to the point.
const (
	none      = iota
	cutAsk    // closed instead of forwarding what the client says
	cutReply  // closed instead of forwarding the news that a commit succeeded
	cutAfter  // closed as soon as the client's words are forwarded
	holdReply // from the news of a commit on nothing is forwarded, and nothing is closed
)

var faults = flag.Int("postgres.faults", 60, "faults that befall connections and the server")

func newProxy(t *testing.T, s *server) *proxy {
	p := &proxy{dir: must(os.MkdirTemp("", "wallet-proxy-")), server: s.dir + "/.s.PGSQL.5432"}
	p.listener = must(net.Listen("unix", p.dir+"/.s.PGSQL.5432"))
	t.Cleanup(func() {
		p.listener.Close()
		p.all.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
		os.RemoveAll(p.dir)
	})
	go func() {
		for {
			c, err := p.listener.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	}()
	return p
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	if p.down.Load() {
		return
	}
	server, err := net.Dial("unix", p.server)
	if err != nil {
		return
	}
	p.all.Store(client, nil)
	p.all.Store(server, nil)
	defer server.Close()
	var held atomic.Bool
	go func() { // the server's words
		defer client.Close()
		defer server.Close()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if err != nil {
				return
			}
			if bytes.Contains(buf[:n], []byte("COMMIT\x00")) {
				if p.strike(cutReply) {
					return
				}
				if p.strike(holdReply) {
					held.Store(true)
				}
			}
			if held.Load() {
				continue
			}
			if _, err := client.Write(buf[:n]); err != nil {
				return
			}
		}
	}()
	buf := make([]byte, 64<<10)
	for {
		n, err := client.Read(buf)
		if err != nil && held.Load() {
			time.Sleep(50 * time.Millisecond) // the server does not know that the client has gone
			return
		}
		if err != nil || p.strike(cutAsk) {
			return
		}
		if held.Load() {
			continue
		}
		if _, err := server.Write(buf[:n]); err != nil || p.strike(cutAfter) {
			return
		}
	}
}

// strike reports whether it is this fault's turn.
func (p *proxy) strike(fault int32) bool {
	if p.next.Load() != fault || !p.next.CompareAndSwap(fault, none) {
		return false
	}
	p.count.Add(1)
	return true
}

// Connections are cut at every point, sessions are ended, the server crashes: what was acknowledged is there, once; what was not
// is done by repeating it; and callers are told nothing else.
func TestFaults(t *testing.T) {
	server := ownServer(t, "fsync=off")
	p := newProxy(t, server)
	dsn := fmt.Sprintf("host=%s user=postgres dbname=postgres pool_max_conns=8 application_name=victim", p.dir)
	s := must(Open(ctx, dsn, &Options{Timeout: 2 * time.Second}))
	defer s.Close()
	const wallets, workers = 10, 12
	want := int64(*faults)
	ids := make([]wallet.ID, wallets)
	for i := range ids {
		ids[i] = create(t, s, wallet.CustomerID(fmt.Sprint("customer", i)), 1_000_000)
	}
	var stop atomic.Bool
	var group sync.WaitGroup
	var done, maybe [wallets]atomic.Int64
	var unknown, repeats atomic.Int64
	for worker := range workers {
		group.Go(func() {
			for i := 0; !stop.Load(); i++ {
				n := rand.IntN(wallets)
				key := ""
				if worker%2 == 0 {
					key = fmt.Sprintf("%d-%d", worker, i)
				}
				for {
					err := debit(s, ids[n], key)
					if err == nil {
						break
					}
					if !errors.Is(err, wallet.ErrConflict) {
						t.Errorf("neither done nor to be repeated: %v", err)
						return
					}
					if repeats.Add(1); strings.Contains(err.Error(), "unknown") {
						unknown.Add(1)
						if key == "" { // nobody can tell
							maybe[n].Add(1)
							done[n].Add(-1)
							break
						}
					}
				}
				done[n].Add(1)
			}
		})
	}
	boss := func() (*pgx.Conn, error) { return pgx.Connect(ctx, server.dsn) }
	ended := int64(0)
	for round := 0; p.count.Load()+ended < want && !t.Failed(); round++ {
		switch kind := round % 100; {
		case kind == 50:
			server.halt(syscall.SIGQUIT)
			if err := server.start(); err != nil {
				t.Fatal(err)
			}
			ended++
		case kind%4 == 1:
			c, err := boss()
			if err != nil {
				t.Fatal(err)
			}
			var n int64
			if err := c.QueryRow(ctx, `SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity
				WHERE application_name = 'victim' AND state <> 'idle' LIMIT 1) s`).Scan(&n); err != nil {
				t.Error(err)
			}
			ended += n
			c.Close(ctx)
		default:
			fault := []int32{cutAsk, cutReply, cutAfter, cutReply}[round/4%4]
			if kind == 98 {
				fault = holdReply
			}
			p.next.Store(fault)
			for i := 0; p.next.Load() != none && i < 2000; i++ {
				time.Sleep(time.Millisecond)
			}
		}
	}
	stop.Store(true)
	p.next.Store(none)
	group.Wait()
	t.Logf("%d faults, %d calls repeated, of these %d of unknown outcome", p.count.Load()+ended, repeats.Load(), unknown.Load())
	total := int64(0)
	for n, id := range ids {
		audit(t, s, id)
		total += done[n].Load()
		if err := s.View(ctx, func(r store.Reader) error {
			got, err := r.CountTransactions(wallet.TransactionQuery{Wallet: id, Kinds: []wallet.Kind{wallet.Consumed}})
			if least := done[n].Load(); int64(got) < least || int64(got) > least+maybe[n].Load() {
				t.Errorf("%d debits of wallet %d, %d were acknowledged, and %d may have been done", got, n, least, maybe[n].Load())
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
	if total == 0 {
		t.Error("nothing was done")
	}
}

// Behind a commit that was looked up, because nobody answered, the feed goes on.
func TestFeedOfUnanswered(t *testing.T) {
	p := newProxy(t, ownServer(t, "fsync=off"))
	s := must(Open(ctx, fmt.Sprintf("host=%s user=postgres dbname=postgres", p.dir), &Options{Distributed: true}))
	defer s.Close()
	id := create(t, s, "ann", 10)
	p.next.Store(cutReply)
	for range 3 {
		if err := debit(s, id, ""); err != nil {
			t.Fatal(err)
		}
	}
	if p.count.Load() != 1 {
		t.Fatal("every commit was answered")
	}
	if err := s.View(ctx, func(r store.Reader) error {
		last := place{}
		for e, err := range r.Events(wallet.EventQuery{Wallet: id}) {
			if err != nil {
				return err
			}
			at := must(parsePlace(e.Cursor))
			if at.cursor <= last.cursor {
				t.Errorf("event %d is at %d, the one before it at %d", e.Number, at.cursor, last.cursor)
			}
			last = at
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	audit(t, s, id)
}

// The outcome of a commit that nobody answered is found out with the only connection that there may be.
func TestOneConnection(t *testing.T) {
	p := newProxy(t, ownServer(t, "fsync=off"))
	s := must(Open(ctx, fmt.Sprintf("host=%s user=postgres dbname=postgres pool_max_conns=1", p.dir), nil))
	defer s.Close()
	id := create(t, s, "ann", 10)
	p.next.Store(cutReply)
	if err := debit(s, id, ""); err != nil || p.count.Load() != 1 {
		t.Errorf("after %d faults: %v", p.count.Load(), err)
	}
	if got := spendable(t, s, id); got != "9" {
		t.Errorf("%s, want 9", got)
	}
	audit(t, s, id)
}

// A tripwire is a tracer of a host's pool that panics once, at the nth thing it is told of.
type tripwire struct{ left atomic.Int64 }

func (w *tripwire) step() {
	if w.left.Add(-1) == 0 {
		panic(w)
	}
}

func (w *tripwire) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	w.step()
	return ctx
}

func (w *tripwire) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	w.step()
	return ctx
}
func (w *tripwire) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (w *tripwire) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (w *tripwire) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// Wherever the driver panics, the command has done nothing, no connection is kept, and the next commands go on.
func TestDriverPanics(t *testing.T) {
	for _, opts := range []Options{{}, {Distributed: true}} {
		s := openWith(t, nil)
		config := must(pgxpool.ParseConfig(serve(t).with("pool_max_conns=2")))
		wire := new(tripwire)
		config.ConnConfig.Tracer = wire
		host := must(pgxpool.NewWithConfig(ctx, config))
		t.Cleanup(func() { go host.Close() }) // it waits for connections that are kept
		opts.Schema, opts.Timeout = s.opts.Schema, time.Second
		victim := must(New(ctx, host, &opts))
		id := create(t, victim, "ann", 1000)
		eng := engine.New(victim, nil)
		left := 1000
		for name, do := range map[string]func() error{
			"debit":  func() error { return debit(victim, id, "") },
			"rename": func() error { _, err := eng.Update(ctx, id, wallet.Changes{Name: wallet.Set("renamed")}); return err },
			"fail": func() error {
				_, err := eng.Debit(ctx, id, wallet.Debit{Credits: wallet.MustAmount("2000")})
				return err
			},
			"read": func() error { _, err := eng.Wallet(ctx, id); return err },
		} {
			for n, panicked := int64(1), true; panicked; n++ {
				for _, careful := range []int{0, 9} {
					victim.common[0].careful = careful
					wire.left.Store(n)
					panicked = false
					func() {
						defer func() { panicked = recover() == wire }()
						do()
					}()
					wire.left.Store(0)
					if !panicked && name == "debit" {
						left--
					}
					for range 2 {
						victim.common[0].careful = careful
						if err := debit(victim, id, ""); err != nil {
							t.Fatalf("behind %s at %d: %v", name, n, err)
						}
						left--
					}
					if w := must(engine.New(s, nil).Wallet(ctx, id)); w.Balance.Spendable.String() != fmt.Sprint(left) || panicked && w.Name != "" {
						t.Fatalf("behind %s at %d: %s of %q are left, want %d", name, n, w.Balance.Spendable, w.Name, left)
					}
					must(engine.New(s, nil).Update(ctx, id, wallet.Changes{Name: wallet.Set("")}))
				}
			}
		}
		if kept := host.Stat().AcquiredConns(); kept > 0 {
			t.Errorf("%d connections are kept", kept)
		}
		audit(t, s, id)
	}
}

// Where a commit leaves nothing to look for, one that was not made is still known not to be: neither before its statements are
// prepared, nor after.
func TestUnsaid(t *testing.T) {
	for _, opts := range []Options{{}, {Distributed: true}} {
		p := newProxy(t, ownServer(t, "fsync=off"))
		s := must(Open(ctx, fmt.Sprintf("host=%s user=postgres dbname=postgres pool_max_conns=1", p.dir), &opts))
		defer s.Close()
		id := create(t, s, "ann", 10)
		for round := range int64(3) {
			runs := 0
			if err := s.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
				w, err := tx.Wallet(id)
				if runs++; runs == 1 && round != 1 {
					p.next.Store(cutAsk)
				}
				w.State.Balance.Ongoing = wallet.MustAmount(fmt.Sprint(1 + round))
				return errors.Join(err, tx.PutState(id, w.State))
			}); err != nil {
				t.Errorf("round %d: %v", round, err)
			}
		}
		if n := p.count.Load(); n != 2 {
			t.Errorf("%d faults, want 2", n)
		}
		if got := stateOf(t, s, id).Balance.Ongoing.String(); got != "3" {
			t.Errorf("%s, want 3", got)
		}
		audit(t, s, id)
	}
}

// A commit whose outcome cannot be found out is told as such; the repeat finds it.
func TestUnknownOutcome(t *testing.T) {
	server := ownServer(t, "fsync=off")
	p := newProxy(t, server)
	s := must(Open(ctx, fmt.Sprintf("host=%s user=postgres dbname=postgres", p.dir), &Options{Timeout: 200 * time.Millisecond}))
	defer s.Close()
	id := create(t, s, "ann", 10)
	p.next.Store(cutReply)
	watch := make(chan struct{})
	go func() {
		defer close(watch)
		for p.next.Load() != none {
			time.Sleep(100 * time.Microsecond)
		}
		p.down.Store(true)
		p.all.Range(func(c, _ any) bool { c.(net.Conn).Close(); return true })
	}()
	err := debit(s, id, "k")
	<-watch
	if err == nil { // it was quicker to find out
		t.Log("found out")
	} else if !errors.Is(err, wallet.ErrConflict) {
		t.Errorf("%v, want %v", err, wallet.ErrConflict)
	}
	p.down.Store(false)
	for err = debit(s, id, "k"); errors.Is(err, wallet.ErrConflict); {
		err = debit(s, id, "k")
	}
	if err != nil {
		t.Error(err)
	}
	if got := spendable(t, s, id); got != "9" {
		t.Errorf("%s, want 9", got)
	}
	audit(t, s, id)
}
