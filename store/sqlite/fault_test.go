package sqlite

import (
	"errors"
	"fmt"
	"strings"
	"testing"

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
