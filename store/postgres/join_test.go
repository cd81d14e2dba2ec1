package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
)

// What is done in the host's transaction is there with it, or not at all.
func TestJoin(t *testing.T) {
	s := openWith(t, nil)
	id := create(t, s, "ann", 10)
	boom := errors.New("boom")
	for _, end := range []string{"commit", "rollback"} {
		before := spendable(t, s, id)
		tx := must(s.pool.Begin(ctx))
		j := s.Join(tx)
		if err := errors.Join(debit(j, id, end), debit(j, id, end), debit(j, id, "")); err != nil { // one is a repeat
			t.Fatal(err)
		}
		fresh := create(t, j, wallet.CustomerID("new "+end), 3)
		if err := debit(j, fresh, ""); err != nil {
			t.Error(err)
		}
		if err := j.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
			w, err := tx.Wallet(id)
			if err != nil {
				return err
			}
			state := w.State
			state.Balance.Consumed = state.Balance.Consumed.Add(dollar)
			return errors.Join(tx.PutState(id, state), boom)
		}); !errors.Is(err, boom) {
			t.Error(err)
		}
		if err := j.Update(ctx, store.Scope{Wallet: id}, func(store.Tx) error {
			return errors.Join(j.Update(ctx, store.Scope{Wallet: id}, nil), j.View(ctx, nil))
		}); !errors.Is(err, lane.ErrNested) {
			t.Error(err)
		}
		for _, stores := range [][2]store.Store{{j, s.Join(tx)}, {j, s}, {s, s.Join(tx)}} {
			scope := store.Scope{Wallet: id}
			if stores[0] == s { // the host has ann
				scope = store.Scope{Customer: "somebody"}
			}
			if err := stores[0].Update(ctx, scope, func(store.Tx) error {
				return stores[1].Update(ctx, scope, func(store.Tx) error { return nil })
			}); !errors.Is(err, lane.ErrNested) {
				t.Error(err)
			}
		}
		if err := j.View(ctx, func(store.Reader) error { return debit(j, id, "") }); !errors.Is(err, lane.ErrNested) {
			t.Error(err)
		}
		audit(t, j, id)
		audit(t, j, fresh)
		if spendable(t, s, id) != before {
			t.Error("others see what is not committed")
		}
		want := before
		if end == "commit" {
			want = wallet.MustAmount(before).Sub(dollar).Sub(dollar).String()
			if err := tx.Commit(ctx); err != nil {
				t.Error(err)
			}
			audit(t, s, fresh)
		} else if err := tx.Rollback(ctx); err != nil {
			t.Error(err)
		}
		if got := spendable(t, s, id); got != want {
			t.Errorf("after %s: %s, want %s", end, got, want)
		}
		if err := debit(s, id, ""); err != nil { // with what others have done
			t.Error(err)
		}
		audit(t, s, id)
	}
}

// An error of the database stays in the chain, and nothing is repeated.
func TestJoinError(t *testing.T) {
	s := openWith(t, nil)
	id := create(t, s, "ann", 10)
	tx := must(s.pool.Begin(ctx))
	defer tx.Rollback(ctx)
	if _, err := tx.Exec(ctx, "SELECT 1/0"); err == nil {
		t.Fatal("no error")
	}
	var p *pgconn.PgError
	if err := debit(s.Join(tx), id, ""); !errors.As(err, &p) || p.Code != "25P02" {
		t.Errorf("%v, want that the transaction is aborted", err)
	}
}

// Without a savepoint, what the database refuses aborts the host's transaction: it can only be rolled back, and nothing of it
// stays. What a function refuses does not.
func TestJoinAborts(t *testing.T) {
	s := openWith(t, nil)
	id := create(t, s, "ann", 10)
	tx := must(s.pool.Begin(ctx))
	defer tx.Rollback(ctx)
	j := s.Join(tx)
	if err := debit(j, id, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := engine.New(j, nil).Debit(ctx, id, wallet.Debit{Credits: wallet.MustAmount("11")}); !errors.Is(err, wallet.ErrInsufficient) {
		t.Error(err)
	}
	must(tx.Exec(ctx, "SELECT 1")) // it goes on
	err := j.Update(ctx, store.Scope{Wallet: id}, func(jt store.Tx) error {
		w, err := jt.Wallet(id)
		if err != nil {
			return err
		}
		state := w.State
		l, _, err := jt.NextLot(id, nil)
		state.Last = wallet.MintTransactionID(state.Last, state.UpdatedAt)
		l.ID = state.Last // at the place of the other
		return errors.Join(err, jt.PutLot(l), jt.PutState(id, state))
	})
	if codeOf(err) != "23505" {
		t.Errorf("%v, want that the place is taken", err)
	}
	if err := debit(j, id, ""); codeOf(err) != "25P02" {
		t.Errorf("%v, want that the transaction is aborted", err)
	}
	if err := tx.Commit(ctx); err == nil {
		t.Error("it was committed")
	}
	if got := spendable(t, s, id); got != "10" {
		t.Errorf("%s, want 10", got)
	}
	audit(t, s, id)
}

// A host's transaction that is older than what it meets cannot go on, and is told so: it begins again.
func TestJoinSerialization(t *testing.T) {
	s := openWith(t, nil)
	id := create(t, s, "ann", 10)
	for _, level := range []pgx.TxIsoLevel{pgx.RepeatableRead, pgx.Serializable} {
		tx := must(s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: level}))
		must(tx.Exec(ctx, s.names.in("SELECT * FROM {meta}"))) // its snapshot
		if err := debit(s, id, ""); err != nil {
			t.Fatal(err)
		}
		if err := debit(s.Join(tx), id, ""); codeOf(err) != serializationFailure {
			t.Errorf("%s: %v, want %s", level, err, serializationFailure)
		}
		tx.Rollback(ctx)
		tx = must(s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: level}))
		if err := debit(s.Join(tx), id, ""); err != nil {
			t.Error(err)
		}
		if err := tx.Commit(ctx); err != nil {
			t.Error(err)
		}
	}
	if got := spendable(t, s, id); got != "6" {
		t.Errorf("%s, want 6", got)
	}
	audit(t, s, id)
}

// A host that is in a transaction and does not use it gets an error that names the way, rather than waiting for itself for ever.
func TestNotJoined(t *testing.T) {
	s := openWith(t, &Options{Timeout: 100 * time.Millisecond})
	id := create(t, s, "ann", 10)
	tx := must(s.pool.Begin(ctx))
	defer tx.Rollback(ctx)
	if err := debit(s.Join(tx), id, ""); err != nil {
		t.Fatal(err)
	}
	if err := debit(s, id, ""); !errors.Is(err, wallet.ErrConflict) || !strings.Contains(err.Error(), "Join") {
		t.Error(err)
	}
	if err := s.Update(ctx, store.Scope{Wallet: id, Try: true}, func(store.Tx) error { return nil }); !errors.Is(err, store.ErrBusy) {
		t.Error(err)
	}

	one := must(pgxpool.New(ctx, serve(t).with("pool_max_conns=1")))
	defer one.Close()
	small := must(New(ctx, one, &Options{Schema: s.opts.Schema, Timeout: 100 * time.Millisecond}))
	host := must(one.Begin(ctx))
	defer host.Rollback(ctx)
	for _, err := range []error{debit(small, id, ""), small.View(ctx, func(store.Reader) error { return nil })} {
		if !errors.Is(err, wallet.ErrConflict) || !strings.Contains(err.Error(), "Join") {
			t.Error(err)
		}
	}
}

// locked locks a customer as a host's transaction does, until the end of the test or the call of what it returns.
func locked(t *testing.T, s *Store, id wallet.ID) (j store.Store, release func()) {
	tx := must(s.pool.Begin(ctx))
	j = s.Join(tx)
	if err := debit(j, id, ""); err != nil {
		t.Fatal(err)
	}
	var once sync.Once
	release = func() { once.Do(func() { tx.Commit(ctx) }) }
	t.Cleanup(release)
	return j, release
}

// A customer that somebody else has locked holds up nobody but those who want that customer, and they see what was done
// meanwhile.
func TestLockedCustomer(t *testing.T) {
	s := openWith(t, nil)
	ann, bob := create(t, s, "ann", 10), create(t, s, "bob", 100)
	_, release := locked(t, s, ann)
	waiting := make(chan error, 8)
	for range cap(waiting) {
		go func() { waiting <- debit(s, ann, "") }()
	}
	var group sync.WaitGroup
	for range 20 {
		group.Go(func() {
			if err := debit(s, bob, ""); err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait() // for ever, if a batch waited for ann
	select {
	case err := <-waiting:
		t.Error("the lock was not waited for:", err)
	default:
	}
	release()
	for range cap(waiting) {
		if err := <-waiting; err != nil {
			t.Error(err)
		}
	}
	if got := spendable(t, s, ann); got != "1" {
		t.Errorf("%s, want 1", got)
	}
	if len(s.queues.of) != 0 {
		t.Error("lanes are left over")
	}
	audit(t, s, ann)
	audit(t, s, bob)
}

// A host's transaction that has bob and wants ann does not meet a batch that has ann and waits for bob: nobody is the victim of
// a deadlock.
func TestOppositeOrders(t *testing.T) {
	s := openWith(t, nil)
	ids := []wallet.ID{create(t, s, "ann", 1000), create(t, s, "bob", 1000)}
	stop, stopped := context.WithCancel(ctx)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for stop.Err() == nil {
				if err := debit(s, ids[i%2], ""); err != nil && !errors.Is(err, wallet.ErrInsufficient) {
					t.Error(err)
					return
				}
			}
		})
	}
	for round := range 50 {
		tx := must(s.pool.Begin(ctx))
		j := s.Join(tx)
		for i := range ids {
			if err := debit(j, ids[(round+i)%2], ""); err != nil && !errors.Is(err, wallet.ErrInsufficient) {
				t.Fatalf("round %d: %v", round, err)
			}
		}
		if err := tx.Commit(ctx); err != nil {
			t.Fatal(err)
		}
	}
	stopped()
	group.Wait()
	for _, id := range ids {
		audit(t, s, id)
	}
}

// A new customer whom a host's transaction has added, and not committed, holds up nobody else.
func TestUncommittedCustomer(t *testing.T) {
	s := openWith(t, nil)
	bob := create(t, s, "bob", 100)
	tx := must(s.pool.Begin(ctx))
	defer tx.Rollback(ctx)
	create(t, s.Join(tx), "ann", 10)
	waiting := make(chan wallet.ID)
	go func() { waiting <- create(t, s, "ann", 5) }()
	for range 20 {
		if err := debit(s, bob, ""); err != nil {
			t.Fatal(err)
		}
	}
	create(t, s, "carl", 1) // others can be added
	select {
	case <-waiting:
		t.Error("the uncommitted customer was not waited for")
	default:
	}
	if err := tx.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	audit(t, s, <-waiting)
}

// The events of a transaction that began before others, and committed after them, come after theirs: a reader of everything
// misses none.
func TestFeedOfOldTransaction(t *testing.T) {
	s := openWith(t, nil)
	ann, bob := create(t, s, "ann", 100), create(t, s, "bob", 100)
	var after wallet.Cursor
	seen := map[wallet.ID]int64{}
	read := func(q wallet.EventQuery) {
		t.Helper()
		q.After = after
		if err := s.View(ctx, func(r store.Reader) error {
			for e, err := range r.Events(q) {
				if err != nil {
					return err
				}
				if seen[e.Wallet]++; seen[e.Wallet] != e.Number {
					t.Errorf("%s: event %d, want %d", e.Customer, e.Number, seen[e.Wallet])
				}
				after = e.Cursor
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	for _, q := range []wallet.EventQuery{{}, {Customer: "ann"}, {Wallet: ann}} {
		after, seen = "", map[wallet.ID]int64{}
		for range 5 {
			old := must(s.pool.Begin(ctx))
			must(old.Exec(ctx, "SELECT pg_current_xact_id()"))
			if err := errors.Join(debit(s, ann, ""), debit(s, bob, "")); err != nil {
				t.Fatal(err)
			}
			read(q)
			if q.Customer == "" && q.Wallet.IsZero() && seen[ann] == stateOf(t, s, ann).Events {
				t.Error("an event was read that may get a neighbour before it")
			}
			if err := errors.Join(debit(s.Join(old), ann, ""), debit(s.Join(old), bob, "")); err != nil {
				t.Fatal(err)
			}
			if err := debit(s, create(t, s, wallet.CustomerID(fmt.Sprint("c", seen)), 5), ""); err != nil {
				t.Fatal(err)
			}
			read(q)
			if err := old.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			read(q)
			if want := stateOf(t, s, ann).Events; seen[ann] != want {
				t.Errorf("%+v: %d events of ann seen, want %d", q, seen[ann], want)
			}
		}
	}
}

func stateOf(t *testing.T, s store.Store, id wallet.ID) (state store.State) {
	t.Helper()
	if err := s.View(ctx, func(r store.Reader) error {
		w, err := r.Wallet(id)
		if err == nil {
			state = w.State
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return state
}
