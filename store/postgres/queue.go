package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"sync"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
)

// A busyError is the outcome of a call whose customer somebody else had locked, in a lane that does not wait.
type busyError struct{ customer wallet.CustomerID }

func (e busyError) Error() string { return fmt.Sprintf("postgres: customer %q is locked", e.customer) }

// queues are lanes for customers that somebody else had locked. Everything that is queued for such a customer waits there, so
// that it neither holds up the others nor takes turns with itself.
type queues struct {
	slots chan struct{} // a connection of the pool for each

	mu sync.Mutex
	of map[wallet.CustomerID]*queue
}

type queue struct {
	lane    *lane.Lane
	callers int
}

// enter returns the customer's queue, which is there until everybody has left. Unless add is set, it may be nil.
func (q *queues) enter(s *Store, c wallet.CustomerID, add bool) *queue {
	if c == "" {
		return nil
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	found := q.of[c]
	if found == nil && add {
		found = &queue{lane: newWriter(s, c).lane}
		q.of[c] = found
	}
	if found != nil {
		found.callers++
	}
	return found
}

func (q *queues) leave(c wallet.CustomerID, of *queue) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if of.callers--; of.callers == 0 {
		delete(q.of, c)
	}
}

// Update runs fn as [store.Store] says: with those of other callers, in one transaction. What fails for no fault of its own, is
// repeated.
func (s *Store) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := s.enter(ctx); err != nil {
		return err
	}
	customer := scope.Customer
	if known, ok := s.owners.get(scope.Wallet); ok && customer == "" {
		customer = known
	}
	waited := false
	for start, wait := time.Now(), time.Millisecond; ; wait = min(2*wait, 200*time.Millisecond) {
		err := s.update(ctx, customer, waited, scope, fn)
		var busy busyError
		var again retryError
		switch {
		case errors.As(err, &busy) && scope.Try:
			return store.ErrBusy
		case errors.As(err, &busy):
			customer, waited = busy.customer, true
			continue
		case !errors.As(err, &again):
			return err
		case time.Since(start) > s.opts.Timeout:
			return fmt.Errorf("%w: it was tried for %v: %w", wallet.ErrConflict, time.Since(start).Round(time.Millisecond), again.error)
		}
		if err := pause(ctx, wait); err != nil {
			return err
		}
	}
}

// update runs fn in the lane of its customer, or in the common one.
func (s *Store) update(ctx context.Context, c wallet.CustomerID, add bool, scope store.Scope, fn func(store.Tx) error) error {
	q := s.queues.enter(s, c, add)
	if q == nil {
		return s.together(ctx, c, scope, fn)
	}
	defer s.queues.leave(c, q)
	if scope.Try {
		return store.ErrBusy
	}
	scope.Customer = c
	return q.lane.Do(ctx, scope, fn)
}

// Both common lanes are used when there are many calls, and only one again when there have been few for long.
const (
	many = 24
	few  = 10
	long = 1024 // calls
)

// together runs fn in a common lane. With many callers there are two, each for its half of the customers: while the server writes
// for one, the other computes. Where a customer changes lanes, one may find it locked by the other, and waits.
func (s *Store) together(ctx context.Context, c wallet.CustomerID, scope store.Scope, fn func(store.Tx) error) error {
	n := s.calls.Add(1)
	defer s.calls.Add(-1)
	switch wide := s.wide.Load(); {
	case !wide && n > many:
		s.lull.Store(0)
		s.wide.Store(true)
	case wide && n >= few:
		if s.lull.Load() > 0 {
			s.lull.Store(0)
		}
	case wide && s.lull.Add(1) > long:
		s.wide.Store(false)
	}
	w := s.common[0]
	if s.wide.Load() {
		w = s.common[maphash.String(seed, string(c))%uint64(len(s.common))]
	}
	return w.lane.Do(ctx, scope, fn)
}

var seed = maphash.MakeSeed()
