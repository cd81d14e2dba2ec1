// Package lane lets many callers share one transaction. Callers queue; the first of them becomes the leader, takes everything
// that is queued, has it run as one batch, wakes everybody with their own result and hands over. What queues while a batch is
// being written is the next batch, so there are no timers and no goroutines in the background.
//
// The package knows nothing of databases: what a batch is, is up to the function a [Lane] is made with. [Each] runs the
// functions of a batch so that an error, a panic or a runtime.Goexit of one reaches nobody but its caller.
package lane

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-12493b23/wallet/store"
)

// most is how many calls a batch takes.
const most = 1024

// A Lane is a queue with at most one leader at a time. Make one with [New].
type Lane struct {
	run func([]*Call)

	running *atomic.Int64 // batches whose functions are being run, see Running

	mu    sync.Mutex
	queue []*Call // first in, first out; those that left are skipped
	led   bool
	batch []*Call // the leader's, or as long as the last one's
}

// New returns a lane whose batches are run by run. It ends each of its calls by [Call.End], as soon as the call's outcome is
// known; calls that it leaves are ended as failed.
func New(run func([]*Call)) *Lane { return Beside(new(atomic.Int64), run) }

// Beside returns a lane like [New], one of several: running counts the batches of all of them whose functions are being run.
func Beside(running *atomic.Int64, run func([]*Call)) *Lane { return &Lane{run: run, running: running} }

// Do has fn run as part of a batch, and returns its outcome: the error of fn or of the commit. If fn panics or exits its
// goroutine, Do does. A caller whose context ends while it is still in the queue leaves it; once taken, it waits.
func (l *Lane) Do(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if l.Running() && Nested() {
		return ErrNested
	}
	c := NewCall(ctx, scope, fn)
	l.mu.Lock()
	l.queue = append(l.queue, c)
	lead := !l.led
	if lead {
		l.led = true
		c.state.Store(taken)
	}
	l.mu.Unlock()
	if !lead {
		var left bool
		if lead, left = c.wait(); left {
			return ctx.Err()
		}
	}
	if lead {
		l.lead()
	}
	return c.Outcome()
}

// Running tells that functions of this lane, or of one beside it, are being run at this moment, so that a caller may ask whether
// it is [Nested].
func (l *Lane) Running() bool { return l.running.Load() > 0 }

// Each runs the functions of a batch, see [Each].
func (l *Lane) Each(calls []*Call, do func(*Call)) {
	l.running.Add(1)
	defer l.running.Add(-1)
	Each(calls, do)
}

// Look runs a function that only reads, of which others that ask must know as of those of a batch: see [Nested].
func (l *Lane) Look(fn func() error) error {
	l.running.Add(1)
	defer l.running.Add(-1)
	return invoke(func(store.Tx) error { return fn() }, nil)
}

// lead runs exactly one batch. The yield at its end lets the next leader go before whatever else this processor has to do.
func (l *Lane) lead() {
	l.gather()
	calls := l.take()
	calls[0].alone = len(calls) == 1
	defer func() { // also when a function ends the leader's goroutine
		for _, c := range calls {
			c.End()
		}
		clear(calls)
		if l.handOver() {
			runtime.Gosched()
		}
	}()
	l.run(calls)
}

// patience is how long the leader yields, when the processors are busy with something else: then yielding takes long, and there is
// always somebody else who has come meanwhile. A test shortens it.
var patience = time.Millisecond

// gather yields as long as that makes others queue, up to most of them: those whom the last batch woke, and who else is ready to
// run. Where there is time it does so twice at least: what runs beside a batch slows it down. A caller that is alone, as in the
// last batch, does not yield.
func (l *Lane) gather() {
	queued, before := l.size()
	if queued == 1 && before <= 1 {
		return
	}
	start := time.Now()
	for last := 0; queued < most; last = queued {
		runtime.Gosched()
		if queued, _ = l.size(); queued == last || time.Since(start) > patience {
			return
		}
	}
}

// size returns how many are queued, and how many the last batch had.
func (l *Lane) size() (queued, before int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.queue), len(l.batch)
}

// take returns what is queued, up to most calls; the leader's own is the first.
func (l *Lane) take() []*Call {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batch = l.batch[:0]
	n := 0
	for _, c := range l.queue {
		if len(l.batch) == most {
			break
		}
		n++
		if c.take() || n == 1 { // the first was taken when it was made the leader
			l.batch = append(l.batch, c)
		}
	}
	l.drop(n)
	return l.batch
}

// handOver makes the next caller the leader, and reports whether there is one.
func (l *Lane) handOver() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for n, c := range l.queue {
		if c.take() {
			l.drop(n)
			c.wake <- true
			return true
		}
	}
	l.drop(len(l.queue))
	l.led = false
	return false
}

// drop removes the first n calls from the queue.
func (l *Lane) drop(n int) {
	rest := copy(l.queue, l.queue[n:])
	clear(l.queue[rest:])
	l.queue = l.queue[:rest]
}
