package memory

import (
	"context"
	"errors"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/seed-12493b23/wallet/store"
)

// errNested is returned to who waits for a lock that the same goroutine holds further up.
var errNested = errors.New("store: Update or View within the function of another; that has a Tx or Reader to use")

// patience is how long a waiter waits before it looks whether it waits for itself.
const patience = 100 * time.Millisecond

// A mode is how a lock is held.
type mode bool

const (
	exclusive mode = false
	shared    mode = true
)

// A lock is held by one, or shared by many. Those who wait get it in the order they came, and may give up.
type lock struct {
	mu      sync.Mutex
	holders int // −1: one, exclusively
	first   *waiter
	last    *waiter
}

type waiter struct {
	mode  mode
	ready chan struct{} // closed once it has the lock
	next  *waiter
}

// acquire takes the lock. Where it would have to wait it returns [store.ErrBusy] if try is set, and else the context's error
// if that ends first.
func (l *lock) acquire(ctx context.Context, m mode, try bool) error {
	l.mu.Lock()
	if l.first == nil && l.take(m) {
		l.mu.Unlock()
		return nil
	}
	if try {
		l.mu.Unlock()
		return store.ErrBusy
	}
	w := &waiter{mode: m, ready: make(chan struct{})}
	if l.first == nil {
		l.first = w
	} else {
		l.last.next = w
	}
	l.last = w
	l.mu.Unlock()

	err := w.wait(ctx)
	if err != nil && !l.abandon(w) {
		return nil // got it in the meantime
	}
	return err
}

func (l *lock) release(m mode) {
	l.mu.Lock()
	if m == shared {
		l.holders--
	} else {
		l.holders = 0
	}
	l.admit()
	l.mu.Unlock()
}

// take takes the lock if nobody holds it otherwise.
func (l *lock) take(m mode) bool {
	switch {
	case m == shared && l.holders >= 0:
		l.holders++
	case m == exclusive && l.holders == 0:
		l.holders = -1
	default:
		return false
	}
	return true
}

// admit gives the lock to those who are first in the queue and can have it.
func (l *lock) admit() {
	for l.first != nil && l.take(l.first.mode) {
		close(l.first.ready)
		l.first = l.first.next
	}
}

// abandon takes a waiter out of the queue, and returns false if it is not there any more because it has the lock.
func (l *lock) abandon(w *waiter) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	var before *waiter
	for at := l.first; at != nil; before, at = at, at.next {
		if at != w {
			continue
		}
		if before == nil {
			l.first = w.next
		} else {
			before.next = w.next
		}
		if l.last == w {
			l.last = before
		}
		l.admit() // those behind it may share what it could not have
		return true
	}
	return false
}

func (w *waiter) wait(ctx context.Context) error {
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case <-w.ready:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-timer.C:
			if nested() {
				return errNested
			}
		}
	}
}

// nested reports whether this goroutine, which is in an Update or View, was already in another one further up. That it could
// be one of another store does not matter to a function given to Update, which does nothing outside of its Tx; one given to
// View that has been waiting for another store all this time is refused too.
func nested() bool {
	var pcs [256]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs[:])])
	within := 0
	for {
		frame, more := frames.Next()
		if name, ok := strings.CutPrefix(frame.Function, methods); ok && (name == "Update" || name == "View") {
			within++
		}
		if within > 1 || !more {
			return within > 1
		}
	}
}

// methods is what the names of a Store's methods begin with.
var methods = reflect.TypeFor[Store]().PkgPath() + ".(*Store)."

// gates let Updates pass, until a View closes them all. Every account has its gate; there are several so that the
// processors do not have to share one.
type gates [64]struct {
	lock
	_ [64]byte // keeps neighbours out of a gate's cache line
}

func (g *gates) of(a *account) *lock { return &g[a.gate].lock }

// close waits for the Updates that have passed. Those that follow wait for open, holding nothing that a View needs then.
func (g *gates) close(ctx context.Context) error {
	for i := range g {
		if err := g[i].acquire(ctx, exclusive, false); err != nil {
			g.open(i)
			return err
		}
	}
	return nil
}

// open opens the first n gates.
func (g *gates) open(n int) {
	for i := range n {
		g[i].release(exclusive)
	}
}
