package unit

import (
	"errors"
	"fmt"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store/internal/lane"
)

// large is how many changes a function may make beside others. With more it runs on its own, so as not to hold them up.
const large = 256

// A Database begins and commits the transactions that units are written in.
type Database interface {
	// Begin begins a transaction for these calls, and returns the unit to run them on. An error is the outcome of them all.
	// Calls it has ended are not run.
	Begin([]*lane.Call) (*Unit, error)

	// Commit writes the unit's changes and commits. After an error nothing was written; if the error is
	// [wallet.ErrConflict], trying again is of no use, or the outcome is unknown.
	Commit(*Unit) error

	// Rollback ends the transaction without changes.
	Rollback(*Unit)
}

// Run runs the calls of a batch in one transaction, and ends them. What goes wrong with one is undone, and reaches its caller
// only. If the transaction cannot be committed, each call is run again in one of its own, so that only the guilty one fails;
// so is one that is too large to be shared.
func Run(db Database, l *lane.Lane, calls []*lane.Call) {
	again, _ := attempt(db, l, calls)
	for i, c := range calls {
		if !again[i] {
			c.End()
		}
	}
	for i, c := range calls {
		if again[i] {
			attempt(db, l, []*lane.Call{c})
			c.End()
		}
	}
}

// Attempt runs the calls as [Run] does, and ends those that have succeeded and are committed. Of the others, which are undone,
// it returns those that are to be run again, and those that have failed, or have succeeded without changing anything.
func Attempt(db Database, l *lane.Lane, calls []*lane.Call) (again, idle []*lane.Call) {
	alone, end := attempt(db, l, calls)
	for i, c := range calls {
		switch {
		case c.Ended():
		case alone[i] || end == refused:
			again = append(again, c)
		case c.Failed() || end == nothing:
			idle = append(idle, c)
		default:
			c.End()
		}
	}
	return again, idle
}

// errLost is the outcome of a call whose batch was ended by a panic, or an exit, that was not the call's own.
var errLost = fmt.Errorf("%w: the batch has panicked, or exited: whether it was committed is unknown", wallet.ErrConflict)

// How an attempt ends.
const (
	nothing   = iota // has changed
	committed        // with success
	refused          // to begin or to commit
)

// attempt runs the calls and commits. It reports which of them have to be run again, each on its own.
func attempt(db Database, l *lane.Lane, calls []*lane.Call) (again []bool, end int) {
	again = make([]bool, len(calls))
	u, err := db.Begin(calls)
	if err != nil {
		for _, c := range calls {
			if !c.Ended() { // Begin may have told some
				c.Fail(err)
			}
		}
		return again, refused
	}
	ended, done := false, false
	defer func() { // also when a function, or the database, panics or ends this goroutine
		if !done {
			for _, c := range calls {
				if !c.Ended() && !c.Failed() {
					c.Fail(errLost)
				}
			}
		}
		if !ended {
			db.Rollback(u)
		}
	}()
	u.most = large
	if len(calls) == 1 {
		u.most = 0
	}
	b := batch{u, l, calls, make([]mark, len(calls)), again}
	b.run(0)
	for from := b.cancel(); from >= 0; from = b.cancel() {
		b.run(from)
	}
	if !u.Changed() {
		done = true
		return again, nothing
	}
	ended = true
	err = db.Commit(u)
	done = true
	if err == nil {
		return again, committed
	}
	alone := len(calls) > 1 && !errors.Is(err, wallet.ErrConflict)
	for i, c := range calls {
		if again[i] || c.Ended() || c.Failed() {
			continue
		}
		c.Fail(err) // no success, even if it is not run again
		again[i] = alone
	}
	return again, refused
}

// A batch is the calls that run on a unit.
type batch struct {
	u     *Unit
	l     *lane.Lane
	calls []*lane.Call
	marks []mark // where in the journal each began
	again []bool // too large
}

// run runs the calls from an index on.
func (b *batch) run(from int) {
	i := from
	b.l.Each(b.calls[from:], func(c *lane.Call) {
		b.marks[i] = b.u.log.mark()
		i++
		b.call(i-1, c)
	})
}

func (b *batch) call(i int, c *lane.Call) {
	if b.again[i] = false; c.Ended() {
		return
	}
	c.Fail(errLost) // whatever it was before
	if err := c.Cancelled(); err != nil {
		c.Fail(err)
		return
	}
	tx, err := b.u.open(c.Scope)
	if err != nil {
		c.Fail(err)
		return
	}
	b.u.count = 0
	done := false
	defer func() { // also when the function exits its goroutine
		tx.close()
		if !done {
			b.u.undo(b.marks[i])
		}
	}()
	done = c.Invoke(tx)
	if b.u.most > 0 && b.u.count > b.u.most {
		c.Fail(errHuge)
		done, b.again[i] = false, true
	}
}

// cancel undoes the calls whose callers have gone since they ran, and everything that ran behind the first of them. It
// returns from where to run again, or -1.
func (b *batch) cancel() int {
	first := -1
	for i, c := range b.calls {
		if c.Ended() || c.Failed() {
			continue
		}
		if err := c.Cancelled(); err != nil {
			c.Fail(err)
			if first < 0 {
				first = i
			}
		}
	}
	if first >= 0 {
		b.u.undo(b.marks[first])
	}
	return first
}
