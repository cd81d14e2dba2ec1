package postgres

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// Join returns a store whose reads and writes are part of the host's transaction: they become durable, and visible to others,
// when the host commits.
//
// An Update locks its customer until the transaction ends, and waits for whoever has it. Nothing is repeated and no savepoint is
// set: after an error of the database, which stays in the chain of the error returned, the transaction can only be rolled back.
// A host that works for several customers in one transaction does so in the same order everywhere, or is prepared for the
// database to break a deadlock. An Update whose function fails has written nothing.
func (s *Store) Join(tx pgx.Tx) store.Store {
	j := &joined{s: s, tx: tx}
	j.lane = lane.Beside(&s.functions, nil)
	return j
}

type joined struct {
	s    *Store
	tx   pgx.Tx
	lane *lane.Lane

	mu   sync.Mutex // one use at a time
	ctx  context.Context
	base *base
}

var _ unit.Database = (*joined)(nil)

func (j *joined) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	c := lane.NewCall(ctx, scope, fn)
	func() {
		defer j.mu.Unlock()
		j.ctx = context.WithoutCancel(ctx)
		unit.Run(j, j.lane, []*lane.Call{c})
	}()
	return c.Outcome()
}

func (j *joined) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := j.enter(ctx); err != nil {
		return err
	}
	defer j.mu.Unlock()
	v := &view{&base{names: j.s.names, ctx: ctx, q: j.tx, partial: j.s.partial}}
	defer v.end()
	return j.lane.Look(func() error { return fn(v) })
}

// enter waits until nobody else uses the transaction.
func (j *joined) enter(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if j.lane.Running() && lane.Nested() {
		return lane.ErrNested
	}
	j.mu.Lock()
	return nil
}

func (j *joined) Begin(calls []*lane.Call) (*unit.Unit, error) {
	scope := &calls[0].Scope
	j.base = &base{names: j.s.names, ctx: j.ctx, q: j.tx, partial: j.s.partial}
	customer, err := j.base.customerOf(*scope)
	if err != nil {
		return nil, err
	}
	scope.Customer = customer
	now, locked, err := j.lock(customer, scope.Try)
	if err == nil && !locked && scope.Try {
		return nil, store.ErrBusy
	}
	if err != nil {
		return nil, err
	}
	a := newAhead()
	a.locked[customer] = now
	j.base.ahead = a
	return unit.New(j.base), nil
}

// lock locks the customer, who is added if new.
func (j *joined) lock(c wallet.CustomerID, try bool) (now edition, locked bool, err error) {
	look := func(sql string) error {
		a := newAhead()
		rows, err := j.tx.Query(j.ctx, j.s.names.in(sql), string(c))
		if err == nil {
			err = a.readLocked(rows)
		}
		now, locked = a.locked[c]
		return err
	}
	sql := lockCustomer
	if try {
		sql = tryCustomer
	}
	if err := look(sql); locked || err != nil {
		return now, locked, err
	}
	if there, err := collect(j.base, scanCustomer, "SELECT customer FROM {customer} WHERE customer = $1", string(c)); len(there) > 0 || err != nil {
		return now, false, err
	}
	if _, err := j.tx.Exec(j.ctx, j.s.names.in(addCustomers), []string{string(c)}); err != nil {
		return now, false, err
	}
	if err = look(lockCustomer); err == nil && !locked {
		err = fmt.Errorf("postgres: customer %q was added and is not there: the transaction is older", c)
	}
	return now, locked, err
}

func (j *joined) Commit(u *unit.Unit) error {
	var b pgx.Batch
	w := newWriting()
	if err := w.queue(&b, j.s.names, u.Changes(), nil, true); err != nil {
		return err
	}
	r := j.tx.SendBatch(j.ctx, &b)
	return errors.Join(w.read(r), r.Close())
}

// Rollback has nothing to do: what was collected is not written.
func (j *joined) Rollback(*unit.Unit) {}
