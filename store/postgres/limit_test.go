package postgres

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet"
)

// A host's own limits end a wait sooner; that is a conflict like any other.
func TestHostsLimits(t *testing.T) {
	s := openWith(t, nil)
	id := create(t, s, "ann", 10)
	_, release := locked(t, s, id)
	for _, limit := range []string{"statement_timeout=50", "lock_timeout=50", "idle_in_transaction_session_timeout=50"} {
		pool := must(pgxpool.New(ctx, serve(t).with(limit)))
		defer pool.Close()
		limited := must(New(ctx, pool, &Options{Schema: s.opts.Schema, Timeout: 200 * time.Millisecond}))
		if err := debit(limited, id, ""); !errors.Is(err, wallet.ErrConflict) {
			t.Errorf("%s: %v, want %v", limit, err, wallet.ErrConflict)
		}
	}
	release()
	audit(t, s, id)
}

// Who finds no connection in a host's pool waits once.
func TestNoConnection(t *testing.T) {
	s := openWith(t, nil)
	pool := must(pgxpool.New(ctx, serve(t).with("pool_max_conns=1")))
	defer pool.Close()
	small := must(New(ctx, pool, &Options{Schema: s.opts.Schema, Timeout: 100 * time.Millisecond}))
	id := create(t, small, "ann", 10)
	host := must(pool.Acquire(ctx))
	before := pool.Stat().CanceledAcquireCount()
	if err := debit(small, id, ""); !errors.Is(err, wallet.ErrConflict) {
		t.Errorf("%v, want %v", err, wallet.ErrConflict)
	}
	if waits := pool.Stat().CanceledAcquireCount() - before; waits != 1 {
		t.Errorf("it waited %d times", waits)
	}
	host.Release()
	if err := debit(small, id, ""); err != nil {
		t.Error(err)
	}
}

// Where more customers are locked than there are connections to wait with, nobody waits for one of these for ever.
func TestManyLocked(t *testing.T) {
	s := openWith(t, nil)
	pool := must(pgxpool.New(ctx, serve(t).with("pool_max_conns=2"))) // one to wait with
	defer pool.Close()
	small := must(New(ctx, pool, &Options{Schema: s.opts.Schema, Timeout: 100 * time.Millisecond}))
	tx := must(s.pool.Begin(ctx))
	defer tx.Rollback(ctx)
	told := make(chan error, 8)
	for n := range cap(told) {
		id := create(t, s, wallet.CustomerID(fmt.Sprint("customer", n)), 10)
		if err := debit(s.Join(tx), id, ""); err != nil {
			t.Fatal(err)
		}
		go func() { told <- debit(small, id, "") }()
	}
	crowded := 0
	for range cap(told) {
		err := <-told
		if !errors.Is(err, wallet.ErrConflict) {
			t.Error(err)
		}
		if strings.Contains(fmt.Sprint(err), "connections to wait with") {
			crowded++
		}
	}
	if crowded == 0 {
		t.Error("everybody had a connection to wait with, one after the other")
	}
}
