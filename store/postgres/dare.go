package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/unit"
)

// A batch dares if everything it needs was loaded before: its functions run on that, without a trip to the server, and then one
// statement locks the customers and makes sure that nobody has changed them since, before the others write. If it refuses, the
// batch is run again, with the customers locked first. What does not write is told only when it is sure that it was not decided by
// what is out of date, or by a retry key that was not looked up.

// mostCaution is how many batches at most do not dare after one that should not have.
const mostCaution = 64

// attempt runs the calls of a batch that dares. It returns those that are to be run again.
func (w *writer) attempt(calls []*lane.Call) []*lane.Call {
	var again, idle []*lane.Call
	func() {
		w.daring, w.unknown = true, nil
		defer func() { w.daring = false }() // also when a function ends this goroutine
		again, idle = unit.Attempt(w, w.lane, calls)
	}()
	if w.unknown != nil {
		for _, c := range append(again, idle...) {
			c.Fail(w.unknown)
			c.End()
		}
		return nil
	}
	if len(idle) > 0 {
		again = append(again, w.confirm(idle)...)
	}
	if len(again)*4 <= len(calls) {
		w.caution /= 2
	} else {
		w.caution = min(max(2*w.caution, 2), mostCaution)
		w.careful = w.caution
	}
	return again
}

// confirm ends calls that have changed nothing, if all that decided it is as it was loaded. It returns the others.
func (w *writer) confirm(calls []*lane.Call) (others []*lane.Call) {
	ctx, cancel := context.WithTimeout(context.Background(), w.s.opts.Timeout)
	defer cancel()
	a := newAhead()
	if err := w.s.acquire(ctx, func(conn *pgx.Conn) error {
		var b pgx.Batch
		var all, of, keys []string
		for _, c := range calls {
			all = append(all, string(c.Scope.Customer))
			if c.Scope.Key != "" {
				of, keys = append(of, string(c.Scope.Customer)), append(keys, c.Scope.Key)
			}
		}
		b.Queue(w.s.names.in(editions), all).Query(a.readLocked)
		a.queueOutcomes(&b, w.s.names, of, keys)
		return conn.SendBatch(ctx, &b).Close()
	}); err != nil {
		return calls
	}
	for _, c := range calls {
		if a.isRight(w.unit, c.Scope.Customer) && a.outcomes[keyName{c.Scope.Customer, c.Scope.Key}] == nil {
			c.End()
		} else {
			others = append(others, c)
		}
	}
	return others
}

// isDaring reports whether the calls of a batch may dare.
func (w *writer) isDaring(calls []*lane.Call) bool {
	if w.careful > 0 {
		w.careful--
		return false
	}
	if w.s.opts.Distributed || w.wait != "" {
		return false
	}
	for _, c := range calls {
		if c.Scope.Try || w.loaded(c) == nil {
			return false
		}
	}
	return true
}

// loaded returns the customer of a call, if it is loaded.
func (w *writer) loaded(c *lane.Call) *unit.Customer {
	of := c.Scope.Customer
	if of == "" && !c.Scope.Wallet.IsZero() {
		of, _ = w.s.owners.get(c.Scope.Wallet)
	}
	if of == "" {
		return nil
	}
	return w.unit.Loaded(store.Scope{Customer: of})
}

// dare notes whom the batch is about.
func (w *writer) dare(calls []*lane.Call) {
	seen := make(map[wallet.CustomerID]bool, len(calls))
	for _, c := range calls {
		of := w.loaded(c)
		if c.Scope.Customer = of.ID; !seen[of.ID] {
			seen[of.ID] = true
			w.guarded = append(w.guarded, of)
		}
		if c.Scope.Key != "" { // if it has an outcome, the key cannot be written
			w.base.ahead.outcomes[keyName{of.ID, c.Scope.Key}] = nil
		}
	}
}
