package sqlite

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
)

// hostOf opens the database as a host does.
func hostOf(tb testing.TB, path, options string) *sql.DB {
	db, err := sql.Open("sqlite", "file:"+path+options)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

func TestJoin(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s := openFile(t, path)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	host := hostOf(t, path, "?_txlock=immediate")
	must(host.Exec("CREATE TABLE invoice (n INTEGER)"))
	boom := errors.New("boom")
	for _, end := range []string{"commit", "rollback"} {
		before := spendable(s, id)
		tx := must(host.Begin())
		must(tx.Exec("INSERT INTO invoice VALUES (1)"))
		j := Join(tx)
		first := must(doDebit(j, id, "1", end))
		if again := must(doDebit(j, id, "1", end)); again != first {
			t.Error("the key has two outcomes")
		}
		if err := j.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
			if _, err := debit(tx, id, one1, ""); err != nil {
				return err
			}
			return boom
		}); err != boom {
			t.Error(err)
		}
		if err := j.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error { // the database refuses its second half
			if _, err := debit(tx, id, one1, ""); err != nil {
				return err
			}
			return tx.Remember(end, store.Outcome{})
		}); err == nil {
			t.Error("one key was taken twice")
		}
		func() {
			defer func() {
				if v := recover(); v != any(boom) {
					t.Error("recovered", v)
				}
			}()
			j.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
				if _, err := debit(tx, id, one1, ""); err != nil {
					return err
				}
				panic(boom)
			})
		}()
		exited := make(chan bool)
		go func() {
			defer close(exited)
			j.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
				debit(tx, id, one1, "")
				runtime.Goexit()
				return nil
			})
		}()
		<-exited
		if err := j.Update(ctx, store.Scope{Wallet: id}, func(store.Tx) error {
			return errors.Join(j.Update(ctx, store.Scope{Wallet: id}, nil), j.View(ctx, nil))
		}); !errors.Is(err, lane.ErrNested) {
			t.Error(err)
		}
		if got, want := stateOf(j, id).State.Balance.Spendable, wallet.MustAmount(before).Sub(one1); !got.Equal(want) {
			t.Errorf("within: %s, want %s", got, want)
		}
		audit(t, j, id)
		if spendable(s, id) != before {
			t.Error("others see what is not committed")
		}
		if end == "commit" {
			if err := tx.Commit(); err != nil {
				t.Error(err)
			}
			before = wallet.MustAmount(before).Sub(one1).String()
		} else if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		if got := spendable(s, id); got != before {
			t.Errorf("after %s: %s, want %s", end, got, before)
		}
		audit(t, s, id)
		must(doDebit(s, id, "0.5", "")) // with what others have done
	}
	var n int
	if err := host.QueryRow("SELECT count(*) FROM invoice").Scan(&n); err != nil || n != 1 {
		t.Error(n, err)
	}
}

// A deferred transaction takes the lock before it reads; one that has read before, and was overtaken, is told what to do.
func TestJoinDeferred(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s := openFile(t, path)
	s.busy = time.Millisecond
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	host := hostOf(t, path, "")
	tx := must(host.Begin())
	j := Join(tx)
	stateOf(j, id)
	if _, err := doDebit(s, id, "1", ""); !errors.Is(err, wallet.ErrConflict) {
		t.Error("a read did not take the lock:", err)
	}
	must(doDebit(j, id, "1", ""))
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	tx = must(host.Begin())
	must(tx.Exec("SELECT * FROM wallet_meta"))
	rows := must(tx.Query("SELECT * FROM wallet_meta"))
	rows.Next()
	rows.Close()
	must(doDebit(s, id, "1", ""))
	j = Join(tx)
	if _, err := doDebit(j, id, "1", ""); !errors.Is(err, wallet.ErrConflict) || !strings.Contains(err.Error(), "_txlock=immediate") {
		t.Error(err)
	}
	if got := stateOf(j, id).State.Balance.Spendable.String(); got != "99" { // reading its old snapshot still works
		t.Error(got)
	}
	if err := tx.Rollback(); err != nil {
		t.Error(err)
	}
}

func TestJoinBusy(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s := openFile(t, path)
	id := must(create(s, "ann"))
	host := hostOf(t, path, "")
	c := must(s.take(ctx, 0))
	defer c.close()
	must(c.exec(beginImmediate))
	tx := must(host.Begin())
	defer tx.Rollback()
	if err := Join(tx).Update(ctx, store.Scope{Wallet: id, Try: true}, func(store.Tx) error { return nil }); !errors.Is(err, store.ErrBusy) {
		t.Error(err)
	}
	waited := make(chan error)
	go func() { _, err := doGrant(Join(tx), id, "1"); waited <- err }()
	must(c.exec(rollback))
	if err := <-waited; err != nil {
		t.Error(err)
	}
}

func TestJoinUnmigrated(t *testing.T) {
	host := hostOf(t, t.TempDir()+"/host.db", "")
	tx := must(host.Begin())
	defer tx.Rollback()
	if _, err := create(Join(tx), "ann"); err == nil || !strings.Contains(err.Error(), "migrated") {
		t.Error(err)
	}
}

// A host whose transaction holds the lock, and who calls the store beside it, gets an error that names the way.
func TestNotJoined(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	for name, most := range map[string]int{"unlimited": 0, "one connection": 1} {
		t.Run(name, func(t *testing.T) {
			host := hostOf(t, path, "?_txlock=immediate")
			host.SetMaxOpenConns(most)
			s := must(New(ctx, host, &Options{BusyTimeout: 20 * time.Millisecond}))
			defer s.Close()
			id := must(create(s, "ann"))
			tx := must(host.Begin())
			defer tx.Rollback()
			if _, err := doGrant(s, id, "1"); !errors.Is(err, wallet.ErrConflict) || !strings.Contains(err.Error(), "sqlite.Join") {
				t.Error(err)
			}
			if most == 1 {
				err := s.View(ctx, func(store.Reader) error { return nil })
				if !errors.Is(err, wallet.ErrConflict) || !strings.Contains(err.Error(), "sqlite.Join") {
					t.Error(err)
				}
			}
			must(doGrant(Join(tx), id, "1"))
		})
	}
}

// A store on the host's pool, however small, works beside it, and leaves its connections as they were.
func TestNew(t *testing.T) {
	for _, most := range []int{1, 2, 4, 0} {
		host := hostOf(t, t.TempDir()+"/host.db", "?_pragma=busy_timeout(1234)&_pragma=synchronous(1)&_pragma=cache_size(-999)")
		host.SetMaxOpenConns(most)
		s := must(New(ctx, host, nil))
		id := must(create(s, "ann"))
		must(doGrant(s, id, "1000"))
		var group sync.WaitGroup
		for range 8 {
			group.Go(func() {
				for range 10 {
					must(doDebit(s, id, "1", ""))
					stateOf(s, id)
					var n int
					if err := host.QueryRow("SELECT count(*) FROM wallet_txn").Scan(&n); err != nil {
						t.Error(err)
					}
				}
			})
		}
		group.Wait()
		audit(t, s, id)
		if got := spendable(s, id); got != "920" {
			t.Error(got)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, err := doDebit(s, id, "1", ""); err == nil {
			t.Error("a closed store works")
		}
		if err := s.View(ctx, func(store.Reader) error { return nil }); err == nil {
			t.Error("a closed store reads")
		}
		conns := []*sql.Conn{must(host.Conn(ctx))}
		for len(conns) < max(1, host.Stats().OpenConnections) {
			conns = append(conns, must(host.Conn(ctx)))
		}
		for _, c := range conns {
			for pragma, want := range map[string]int{"busy_timeout": 1234, "synchronous": 1, "cache_size": -999} {
				var got int
				if err := c.QueryRowContext(ctx, "PRAGMA "+pragma).Scan(&got); err != nil || got != want {
					t.Errorf("pool of %d: %s is %d, %v, want %d", most, pragma, got, err, want)
				}
			}
			c.Close()
		}
	}
}

func TestInMemory(t *testing.T) {
	for _, path := range []string{"", ":memory:", "file::memory:?cache=shared", "file:x?mode=memory"} {
		if s, err := Open(path, nil); err == nil || !strings.Contains(err.Error(), "memory") {
			t.Errorf("%q: %v %v", path, s, err)
		}
	}
	host, err := sql.Open("sqlite", ":memory:")
	if err != nil {
		t.Fatal(err)
	}
	defer host.Close()
	if _, err := New(ctx, host, nil); err == nil || !strings.Contains(err.Error(), "memory") {
		t.Error(err)
	}
	host.SetMaxOpenConns(1)
	s := must(New(context.Background(), host, nil))
	id := must(create(s, "ann"))
	must(doGrant(s, id, "5"))
	must(doDebit(s, id, "1", "k"))
	audit(t, s, id)
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// Checkpoints are the host's if it has said so: something of its own may copy the WAL. Else there are fewer than usual.
func TestCheckpoints(t *testing.T) {
	for option, want := range map[string]int64{"": 4000, "?_pragma=wal_autocheckpoint(0)": 0, "?_pragma=wal_autocheckpoint(50)": 50} {
		s := must(New(ctx, hostOf(t, t.TempDir()+"/host.db", option), nil))
		if got := must(number(s.writer.c, queryOf("PRAGMA wal_autocheckpoint"))); got != want {
			t.Errorf("%q: the WAL is copied back every %d pages, want %d", option, got, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// SQLite rolls the host's transaction back when the disk is full. What is joined to it afterwards is refused: it would be durable
// at once, whatever becomes of the host's.
func TestJoinFull(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s := openFile(t, path)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	tx := must(hostOf(t, path, "?_txlock=immediate").Begin())
	must(tx.Exec("PRAGMA max_page_count = 1")) // as many as there are
	var full error
	for range 10_000 {
		if _, full = doDebit(Join(tx), id, "0.001", ""); full != nil {
			break
		}
	}
	if codeOf(full) != 13 {
		t.Fatal("the disk is not full:", full)
	}
	must(tx.Exec("PRAGMA max_page_count = 1000000"))
	if _, err := doDebit(Join(tx), id, "1", ""); !errors.Is(err, errEnded) {
		t.Error(err)
	}
	tx.Rollback()
	if got := spendable(s, id); got != "100" {
		t.Error("the host has rolled back, and there are", got)
	}
	audit(t, s, id)
}

// Several stores may be joined to one transaction and used at once: they take turns.
func TestJoinTwice(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s := openFile(t, path)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	tx := must(hostOf(t, path, "?_txlock=immediate").Begin())
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 5 {
				must(doDebit(Join(tx), id, "1", ""))
			}
		})
	}
	group.Wait()
	if err := tx.Commit(); err != nil {
		t.Error(err)
	}
	if got := spendable(s, id); got != "60" {
		t.Error("40 debits of 1 have left", got)
	}
	audit(t, s, id)
	if len(turns.of) > 0 {
		t.Error("transactions that have ended are kept:", len(turns.of))
	}
}

// A function given to a joined store does not wait for itself, whichever store joined to the transaction it uses.
func TestJoinNested(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s := openFile(t, path)
	id := must(create(s, "ann"))
	tx := must(hostOf(t, path, "?_txlock=immediate").Begin())
	defer tx.Rollback()
	j := Join(tx)
	for _, k := range []store.Store{j, Join(tx)} {
		use := func() error {
			_, err := doGrant(k, id, "1")
			if !errors.Is(err, lane.ErrNested) {
				t.Error(err)
			}
			return k.View(ctx, nil)
		}
		if err := j.View(ctx, func(store.Reader) error { return use() }); !errors.Is(err, lane.ErrNested) {
			t.Error(err)
		}
		if err := j.Update(ctx, store.Scope{Wallet: id}, func(store.Tx) error { return use() }); !errors.Is(err, lane.ErrNested) {
			t.Error(err)
		}
	}
	must(doGrant(j, id, "1"))
}

// A panicky connection panics at one of its statements.
type panicky struct {
	driver.Conn
	left int // statements before
}

func (p *panicky) Connect(context.Context) (driver.Conn, error) { return p, nil }
func (p *panicky) Driver() driver.Driver                        { return nil }

func (p *panicky) Prepare(text string) (driver.Stmt, error) {
	if p.left--; p.left == 0 {
		panic(errBoom)
	}
	return p.Conn.Prepare(text)
}

// Whichever statement of a joined call panics: a host that commits all the same commits the whole call, or nothing of it.
func TestJoinPanic(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s := openFile(t, path)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	other := hostOf(t, path, "")
	for n, panicked := 1, true; panicked; n++ {
		p := &panicky{Conn: must(other.Driver().Open("file:" + path + "?_txlock=immediate"))}
		host := sql.OpenDB(p)
		tx := must(host.Begin())
		before := spendable(s, id)
		func() {
			defer func() { panicked = recover() != nil }()
			p.left = n
			must(doDebit(Join(tx), id, "1", ""))
		}()
		p.left = 0
		if err := tx.Commit(); err != nil {
			t.Error(n, err)
		}
		if got := spendable(s, id); panicked && got != before {
			t.Errorf("panic at statement %d: %s left of %s", n, got, before)
		}
		audit(t, s, id)
		host.Close()
		if t.Failed() {
			return
		}
	}
}
