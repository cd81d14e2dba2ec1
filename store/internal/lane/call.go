package lane

import (
	"context"
	"errors"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/seed-12493b23/wallet/store"
)

// ErrNested is returned to a function that uses the store it is run by, rather than the Tx it was given.
var ErrNested = errors.New("store: used inside a function that it runs: use its Tx, which is a Reader")

// errAbandoned is the outcome of a call whose batch ended without giving it one.
var errAbandoned = errors.New("store: the batch was abandoned")

// The states of a call. Only those still queued can be taken, or leave.
const (
	queued = iota
	taken
	left
)

// A Call is one caller's function on its way through a [Lane].
type Call struct {
	Scope store.Scope

	ctx   context.Context
	fn    func(store.Tx) error
	state atomic.Uint32
	wake  chan bool // true makes the caller the leader; false tells that its call has ended
	ended bool      // the leader's
	alone bool      // in its batch: the leader's own

	err      error
	panicked any
	stack    []byte // of the panic
	exited   bool   // by runtime.Goexit
}

// NewCall returns a call that is in no lane.
func NewCall(ctx context.Context, scope store.Scope, fn func(store.Tx) error) *Call {
	return &Call{Scope: scope, ctx: ctx, fn: fn, wake: make(chan bool, 2), err: errAbandoned}
}

// Cancelled returns the error of the caller's context.
func (c *Call) Cancelled() error { return c.ctx.Err() }

// Failed reports whether the call's outcome, so far, is a failure.
func (c *Call) Failed() bool { return c.err != nil || c.panicked != nil || c.exited }

// Fail makes err the call's outcome; nil makes it a success.
func (c *Call) Fail(err error) { c.err, c.panicked, c.stack, c.exited = err, nil, nil, false }

// End wakes the caller with its outcome, which is final. The call is not run again.
func (c *Call) End() {
	if !c.ended {
		c.ended = true
		c.wake <- false
	}
}

// Ended reports whether the outcome is final.
func (c *Call) Ended() bool { return c.ended }

// Outcome returns the call's error, or panics or exits as its function did. It is for the caller's goroutine.
func (c *Call) Outcome() error {
	switch {
	case c.exited:
		runtime.Goexit()
	case c.panicked != nil:
		// Two panics: whoever recovers gets the value of the second, and a crash shows both, with the stack of the first.
		defer panic(c.panicked)
		panic(trace(c.stack))
	}
	return c.err
}

// trace is the stack of a panic, printed when a program crashes of it.
type trace []byte

func (t trace) String() string { return "in a function run by the store:\n" + string(t) }

func (c *Call) take() bool { return c.state.CompareAndSwap(queued, taken) }

// wait returns when the call has ended, or its caller is to lead, or has left.
func (c *Call) wait() (lead, gone bool) {
	select {
	case lead = <-c.wake:
		return lead, false
	case <-c.ctx.Done():
		if c.state.CompareAndSwap(queued, left) {
			return false, true
		}
		return <-c.wake, false
	}
}

// Invoke runs the call's function and keeps what came of it. It reports success; it does not return if the function exits its
// goroutine, so what follows a failure is for a defer.
func (c *Call) Invoke(tx store.Tx) bool {
	c.Fail(errAbandoned)
	c.exited = true
	defer func() {
		if c.exited {
			if v := recover(); v != nil {
				c.exited, c.panicked, c.stack = false, v, debug.Stack()
			}
		}
	}()
	c.err = invoke(c.fn, tx)
	c.exited = false
	return c.err == nil
}

// Each calls do for one call after the other. If the function of a call exits its goroutine, do is left by that, and the next
// call goes on: unless it is the only one of its lane's batch, a call is run on another goroutine, so that it is never an
// innocent caller's.
func Each(calls []*Call, do func(*Call)) {
	if len(calls) == 1 && calls[0].alone {
		do(calls[0])
		return
	}
	for i := 0; i < len(calls); {
		done := make(chan any)
		go func() {
			defer func() { done <- recover() }()
			for i < len(calls) {
				i++
				do(calls[i-1])
			}
		}()
		if fault := <-done; fault != nil { // of do, not of a call's function
			panic(fault)
		}
	}
}

// Nested reports whether the caller's own stack has a function that a lane runs. It costs about a microsecond.
func Nested() bool {
	const deep = 256
	var pcs [deep]uintptr
	site := callSite()
	for skip := 1; ; skip += deep {
		n := runtime.Callers(skip, pcs[:])
		if slices.Contains(pcs[:n], site) {
			return true
		}
		if n < deep {
			return false
		}
	}
}

// callSite is where invoke calls the functions of a lane.
var callSite = sync.OnceValue(func() (site uintptr) {
	invoke(func(store.Tx) error {
		var pcs [1]uintptr
		runtime.Callers(2, pcs[:]) // 0: Callers, 1: this function, 2: invoke
		site = pcs[0]
		return nil
	}, nil)
	return site
})

// invoke has the one instruction that calls a function of a lane. It is a function of its own for [Nested] to find.
//
//go:noinline
func invoke(fn func(store.Tx) error, tx store.Tx) error {
	err := fn(tx)
	runtime.KeepAlive(tx) // no tail call
	return err
}
