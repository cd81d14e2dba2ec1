package sqlite

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A fault is an error with a result code of SQLite's.
type fault int

func (f fault) Error() string { return fmt.Sprintf("injected fault %d", int(f)) }
func (f fault) Code() int     { return int(f) }

const (
	generic = fault(1)
	ioError = fault(10 | 3<<8)
)

// failNth makes the nth operation of the store from now on fail, and the ones behind it if the fault lasts. It returns how many
// operations there were.
func failNth(s *Store, n int, f fault, lasts bool) (count *int) {
	count = new(int)
	s.fault = func(string) error {
		if *count++; *count == n || lasts && *count > n {
			return f
		}
		return nil
	}
	return count
}

// Whatever operation fails: who was told of success has it, who was told of failure left nothing, and the store goes on.
// -short takes every third operation.
func TestFaultAtEveryOperation(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 3
	}
	for _, f := range []fault{generic, ioError} {
		for _, lasts := range []bool{false, true} {
			for n := 1; sweep(t, n, f, lasts); n += step {
				if t.Failed() {
					t.Fatalf("fault %d at operation %d, lasting %t", f, n, lasts)
				}
			}
		}
	}
}

// sweep reports whether there were n operations to fail.
func sweep(t *testing.T, n int, f fault, lasts bool) bool {
	s := openNew(t)
	id, other := must(create(s, "ann")), must(create(s, "bob"))
	must(doGrant(s, id, "2.5"))
	must(doGrant(s, id, "100"))
	must(doGrant(s, other, "100"))
	s.writer.forget() // so that it has to be read
	var by [3]wallet.TransactionID
	boom := errors.New("boom")
	count := failNth(s, n, f, lasts)
	got := together(s,
		debiting(id, "3", "a", &by[0], nil),
		debiting(other, "3", "a", &by[1], nil),
		debiting(id, "3", "b", nil, func(store.Tx) error { return boom }),
		debiting(id, "5", "c", &by[2], nil),
		job{scope: store.Scope{Customer: "eve"}, fn: func(tx store.Tx) error {
			return tx.Remember("k", store.Outcome{Fingerprint: [16]byte{7}})
		}})
	s.fault = nil
	if got[2] == nil {
		t.Error("a failure became a success")
	}
	want := map[wallet.ID]wallet.Amount{id: wallet.MustAmount("102.5"), other: wallet.MustAmount("100")}
	for i, d := range []struct {
		at      int
		of      wallet.ID
		credits string
	}{{0, id, "3"}, {1, other, "3"}, {3, id, "5"}} {
		err, _ := got[d.at].(error)
		there := false
		if err := s.View(ctx, func(r store.Reader) error {
			_, err := r.Transaction(by[i])
			there = err == nil
			return nil
		}); err != nil {
			t.Error(err)
		}
		unknown := errors.Is(err, wallet.ErrConflict)
		if there != (err == nil) && !unknown {
			t.Errorf("debit %d: %v, there: %t", d.at, err, there)
		}
		if there {
			want[d.of] = want[d.of].Sub(wallet.MustAmount(d.credits))
		}
	}
	for of, amount := range want {
		if got := stateOf(s, of).State.Balance.Spendable; !got.Equal(amount) {
			t.Errorf("%s left, want %s", got, amount)
		}
		must(doDebit(s, of, "1", ""))
		audit(t, s, of)
	}
	if _, err := doDebit(s, id, "1", "a"); err != nil {
		t.Error("the store does not go on:", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return *count >= n
}

// A commit whose answer got lost is looked up: it is a success if it is there, and else unknown, because the disk may yet have it.
func TestUnknownCommit(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	at := func(op string) {
		s.fault = func(text string) error {
			if text == op {
				s.fault = nil
				return ioError
			}
			return nil
		}
	}
	at("COMMITTED")
	if got := together(s, debiting(id, "1", "a", nil, nil), debiting(id, "1", "b", nil, nil)); got[0] != nil || got[1] != nil {
		t.Error("it is there, but:", got)
	}
	at("COMMIT")
	runs := 0
	count := func(store.Tx) error { runs++; return nil }
	for i, got := range together(s, debiting(id, "1", "c", nil, count), debiting(id, "1", "d", nil, count)) {
		if err, _ := got.(error); !errors.Is(err, wallet.ErrConflict) || !strings.Contains(err.Error(), "unknown") {
			t.Errorf("caller %d: %v", i, got)
		}
	}
	if runs != 2 || spendable(s, id) != "98" {
		t.Error(runs, spendable(s, id))
	}
	must(doDebit(s, id, "1", "c"))
	audit(t, s, id)
}

// Wherever the database panics or exits, whoever is told of success has it, whoever is refused has nothing, and the store goes on.
// -short takes every third operation.
func TestPanicAtEveryOperation(t *testing.T) {
	step := 1
	if testing.Short() {
		step = 3
	}
	for name, end := range map[string]func() error{
		"panic": func() error { panic(errBoom) },
		"exit":  func() error { runtime.Goexit(); return nil },
	} {
		for _, lasts := range []bool{false, true} {
			for n := 1; panicAt(t, n, lasts, end); n += step {
				if t.Failed() {
					t.Fatalf("%s at operation %d, lasting %t", name, n, lasts)
				}
			}
		}
	}
}

var errBoom = errors.New("boom")

// panicAt reports whether there were n operations.
func panicAt(t *testing.T, n int, lasts bool, end func() error) bool {
	s := openNew(t)
	id, other := must(create(s, "ann")), must(create(s, "bob"))
	must(doGrant(s, id, "100"))
	must(doGrant(s, other, "100"))
	s.writer.forget() // so that it has to be read
	of, by, count := []wallet.ID{id, other, id, id}, [4]wallet.TransactionID{}, 0
	got := queued(t, s, func(string) error {
		if count++; count == n || lasts && count > n {
			return end()
		}
		return nil
	}, debiting(id, "3", "a", &by[0], nil), debiting(other, "3", "a", &by[1], nil),
		debiting(id, "3", "b", &by[2], func(store.Tx) error { return errBoom }), debiting(id, "3", "c", &by[3], nil))
	want := map[wallet.ID]wallet.Amount{id: wallet.MustAmount("100"), other: wallet.MustAmount("100")}
	for i := range got {
		found := s.View(ctx, func(r store.Reader) error {
			_, err := r.Transaction(by[i])
			return err
		})
		if found == nil {
			want[of[i]] = want[of[i]].Sub(wallet.MustAmount("3"))
		} else if !errors.Is(found, wallet.ErrNotFound) {
			t.Error("the store does not read any more:", found)
		}
		switch err, _ := got[i].(error); {
		case got[i] == nil && found != nil:
			t.Errorf("caller %d was told of success, and has nothing", i)
		case err != nil && err != errBoom && !errors.Is(err, wallet.ErrConflict) && found == nil:
			t.Errorf("caller %d was refused, and has it: %v", i, err)
		}
	}
	for id, amount := range want {
		if left := spendable(s, id); left != amount.String() {
			t.Errorf("%s left, want %s", left, amount)
		}
		if _, err := doDebit(s, id, "1", ""); err != nil {
			t.Error("the store does not go on:", err)
		}
		audit(t, s, id)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return count >= n
}

// Panics where connections are taken and given back leave room for as many readers as before, and none with a transaction.
func TestReaderPanics(t *testing.T) {
	for _, op := range []string{"PRAGMA cache_size", begin.text, rollback.text} {
		s := openNew(t)
		for range 2 * cap(s.readers.slots) {
			s.fault = func(text string) error {
				if text == op {
					panic(errBoom)
				}
				return nil
			}
			func() {
				defer func() { recover() }()
				s.View(ctx, func(store.Reader) error { return nil })
			}()
			s.fault = nil
			if len(s.readers.slots) > 0 {
				t.Fatalf("%s: a reader has gone and keeps its place", op)
			}
			if err := s.View(ctx, func(r store.Reader) error { _, err := r.CountWallets(wallet.WalletQuery{}); return err }); err != nil {
				t.Fatalf("%s: %v", op, err)
			}
			s.readers.close() // so that there is one to take
			s.readers.closed = false
		}
	}
}

// SQLite rolls back by itself when it cannot read. What the other functions of the batch do then is not written piece by piece.
func TestTransactionLost(t *testing.T) {
	s := openNew(t)
	id, other := must(create(s, "ann")), must(create(s, "bob"))
	must(doGrant(s, id, "100"))
	must(doGrant(s, other, "100"))
	s.writer.forget()
	lost, refused, runs := false, false, 0
	s.fault = func(op string) error {
		switch {
		case !lost && runs == 1 && strings.HasPrefix(op, "SELECT"): // the second function's
			lost = true
			undo := must(s.writer.c.raw.Prepare(rollback.text))
			defer undo.Close()
			must(undo.(driver.StmtExecContext).ExecContext(ctx, nil))
			return ioError
		case lost && !refused && strings.HasPrefix(op, "INSERT OR FAIL INTO wallet_key"):
			refused = true
			return generic
		}
		return nil
	}
	got := together(s, debiting(id, "1", "a", nil, func(store.Tx) error { runs++; return nil }), debiting(other, "1", "b", nil, nil))
	s.fault = nil
	if got[0] == nil && spendable(s, id) != "99" || got[0] != nil && spendable(s, id) != "100" {
		t.Error(got[0], spendable(s, id))
	}
	for _, id := range []wallet.ID{id, other} {
		audit(t, s, id)
		must(doDebit(s, id, "1", ""))
	}
}

// A connection of the host's that cannot be set up is given back as it was; a caller whose time is up before there is one is told so.
func TestNotSetUp(t *testing.T) {
	host := hostOf(t, t.TempDir()+"/host.db", "?_pragma=synchronous(1)")
	host.SetMaxOpenConns(1)
	s := must(New(ctx, host, nil))
	view := func(ctx context.Context) error { return s.View(ctx, func(store.Reader) error { return nil }) }
	s.fault = func(op string) error {
		if op == "PRAGMA cache_size" {
			return generic
		}
		return nil
	}
	if err := view(ctx); !errors.Is(err, generic) {
		t.Error(err)
	}
	c := must(host.Conn(ctx))
	defer c.Close()
	var mode int
	if err := c.QueryRowContext(ctx, "PRAGMA synchronous").Scan(&mode); mode != 1 || err != nil {
		t.Error(mode, err)
	}
	late, cancel := context.WithTimeout(ctx, time.Millisecond)
	defer cancel()
	if err := view(late); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}
