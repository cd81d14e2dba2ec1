package postgres

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A writer runs the batches of a lane: one trip to lock the customers and read what is needed, one to write and commit. It never
// waits for a lock while it has another: a customer that somebody else has locked is left to a lane of its own, whose writer
// waits for this one lock.
type writer struct {
	s    *Store
	wait wallet.CustomerID // the one customer of the lane; empty: any

	unit *unit.Unit // what it has loaded stays for the next batch
	base *base
	lane *lane.Lane

	ctx     context.Context // of the batch
	cancel  context.CancelFunc
	conn    *pgxpool.Conn
	xid     int64            // of the transaction; 0: unknown
	guarded []*unit.Customer // whose editions the commit is about, besides those who change
	writing *writing
	unknown error // the outcome of a commit, or that there was no connection to begin with

	daring           bool // see dare.go
	careful, caution int  // batches to come that do not dare; how many the last disappointment has cost
}

var _ unit.Database = (*writer)(nil)

// begin begins a transaction, whatever a host's connections begin by themselves.
const begin = "BEGIN ISOLATION LEVEL READ COMMITTED"

func newWriter(s *Store, wait wallet.CustomerID) *writer {
	w := &writer{s: s, wait: wait, base: &base{names: s.names, partial: s.partial, batch: true}, writing: newWriting()}
	w.unit, w.lane = unit.New(w.base), lane.Beside(&s.functions, w.run)
	return w
}

// run runs the calls of a batch.
func (w *writer) run(calls []*lane.Call) {
	if w.wait != "" {
		select {
		case w.s.queues.slots <- struct{}{}:
			defer func() { <-w.s.queues.slots }()
		case <-time.After(w.s.opts.Timeout):
			for _, c := range calls {
				c.Fail(fmt.Errorf("%w: somebody else has locked the customer, and others, so that all connections to wait with (%d) were in use for %v",
					wallet.ErrConflict, cap(w.s.queues.slots), w.s.opts.Timeout))
			}
			return
		}
	}
	if !w.s.opts.Distributed || w.wait != "" {
		w.together(calls)
		return
	}
	for len(calls) > 0 { // each customer may be somewhere else
		same := slices.Clone(calls[:1])
		var rest []*lane.Call
		for _, c := range calls[1:] {
			if c.Scope.Customer != "" && c.Scope.Customer == same[0].Scope.Customer || c.Scope.Wallet != (wallet.ID{}) && c.Scope.Wallet == same[0].Scope.Wallet {
				same = append(same, c)
			} else {
				rest = append(rest, c)
			}
		}
		w.together(same)
		calls = rest
	}
}

func (w *writer) together(calls []*lane.Call) {
	if w.isDaring(calls) {
		if calls = w.attempt(calls); len(calls) == 0 {
			return
		}
	}
	unit.Run(w, w.lane, calls)
}

// Begin begins a transaction in which the customers of the calls are locked.
func (w *writer) Begin(calls []*lane.Call) (_ *unit.Unit, err error) {
	begun := false
	// Nobody's own context may end what others are part of.
	patience := w.s.opts.Timeout
	if w.wait != "" {
		patience *= 2 // the first half for the lock
	}
	w.ctx, w.cancel = context.WithTimeout(context.Background(), patience)
	defer func() {
		if !begun { // also after a panic, of the host's tracer
			w.done()
		}
	}()
	if w.conn, err = w.s.take(context.Background()); err != nil {
		if err = retryable(err); w.daring {
			w.unknown = err // no second wait, to lock the customers first
		}
		return nil, err
	}
	if err = w.meet(); err != nil {
		return nil, retryable(err)
	}
	w.base.ctx, w.base.q, w.base.ahead = w.ctx, w.conn.Conn(), newAhead()
	w.unit.Refresh()
	w.guarded = w.guarded[:0]
	if w.daring {
		w.dare(calls)
		begun = true
		return w.unit, nil
	}
	b := &boarding{w: w, ahead: w.base.ahead}
	if err := b.board(calls); err != nil {
		rollback(w.conn.Conn())
		return nil, retryable(err)
	}
	begun = true
	return w.unit, nil
}

// done gives the connection back.
func (w *writer) done() {
	if w.conn != nil {
		w.conn.Release()
		w.conn = nil
	}
	w.cancel()
}

func (w *writer) Rollback(u *unit.Unit) {
	defer w.done()
	if u.Changed() {
		u.Forget()
	}
	rollback(w.conn.Conn())
}

// Commit writes the changes and commits, in one trip.
func (w *writer) Commit(u *unit.Unit) error {
	ended := false
	defer func() {
		if !ended { // a panic, which must not leave changes for the next batch
			u.Forget()
		}
		w.done()
	}()
	c := u.Changes()
	if err := w.commit(c); err != nil {
		if w.conn != nil {
			rollback(w.conn.Conn())
		}
		u.Forget()
		ended = true
		return err
	}
	for _, r := range c.Records {
		w.s.owners.put(r.ID, r.Wallet.Wallet.Customer)
	}
	u.Written()
	ended = true
	return nil
}

func (w *writer) commit(c *unit.Changes) error {
	var b pgx.Batch
	if w.daring {
		b.Queue(begin)
		w.queueSettings(&b)
	}
	if w.xid = 0; !leavesTrace(c) && !w.s.opts.Distributed {
		b.Queue("SELECT pg_current_xact_id()::text::bigint").QueryRow(func(r pgx.Row) error { return r.Scan(&w.xid) })
		if err := w.conn.Conn().SendBatch(w.ctx, &b).Close(); err != nil {
			return retryable(err)
		}
		b = pgx.Batch{}
	}
	first := b.Len()
	wr := w.writing
	defer wr.reset()
	if err := wr.queue(&b, w.s.names, c, w.guarded, w.s.opts.Distributed); err != nil {
		return err
	}
	b.Queue("COMMIT")
	r := w.conn.Conn().SendBatch(w.ctx, &b)
	err := error(nil)
	for range first {
		if _, err = r.Exec(); err != nil {
			break
		}
	}
	if err == nil {
		err = wr.read(r)
	}
	if err == nil {
		_, err = r.Exec()
		if err == nil {
			r.Close() // the commit was acknowledged, whatever comes behind it
			return nil
		}
	}
	r.Close()
	if isCertain(err) {
		return retryable(err)
	}
	if err = w.resolve(c, err); err == nil {
		for _, of := range wr.customers { // where their feeds end, was not read
			of.Version = never
		}
	}
	var again retryError
	if err != nil && !errors.As(err, &again) {
		w.unknown = err
	}
	return err
}

// queueSettings asks the planner of a host's connection to do as those of the store's own do.
func (w *writer) queueSettings(b *pgx.Batch) {
	if !w.s.owned && !w.s.opts.Distributed {
		b.Queue(setLocal)
	}
}
