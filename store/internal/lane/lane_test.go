package lane

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-12493b23/wallet/store"
)

// A log is a lane that invokes every call and keeps what its batches were.
type log struct {
	*Lane
	mu      sync.Mutex
	batches [][]string // the keys of each batch's calls
	gate    func(batch int)
}

func newLog() *log {
	l := &log{gate: func(int) {}}
	l.Lane = New(func(calls []*Call) {
		l.mu.Lock()
		var names []string
		for _, c := range calls {
			names = append(names, c.Scope.Key)
		}
		l.batches = append(l.batches, names)
		n := len(l.batches)
		l.mu.Unlock()
		l.gate(n)
		l.Each(calls, func(c *Call) { c.Invoke(nil) })
	})
	return l
}

func (l *log) do(ctx context.Context, name string, fn func() error) error {
	return l.Do(ctx, store.Scope{Key: name}, func(store.Tx) error { return fn() })
}

var nothing = func() error { return nil }

// hold starts a first batch and returns once it is under way; the lane stays there until release is closed.
func (l *log) hold(t *testing.T) (release chan struct{}) {
	release = make(chan struct{})
	l.gate = func(batch int) {
		if batch == 1 {
			<-release
		}
	}
	go l.do(t.Context(), "first", nothing)
	synctest.Wait()
	return release
}

func TestBatches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		release := l.hold(t)
		const n = most + 10
		var want []string
		for i := range n {
			want = append(want, fmt.Sprint(i))
			go l.do(t.Context(), want[i], nothing)
			synctest.Wait() // so that they queue in this order
		}
		close(release)
		synctest.Wait()
		if len(l.batches) != 3 || !slices.Equal(l.batches[1], want[:most]) || !slices.Equal(l.batches[2], want[most:]) {
			t.Errorf("%d batches: %v", len(l.batches), l.batches)
		}
		if l.led || len(l.queue) != 0 {
			t.Errorf("left behind: led %t, %d in the queue", l.led, len(l.queue))
		}
	})
}

// Everybody gets the outcome of their own function.
func TestOutcomes(t *testing.T) {
	l := newLog()
	var group sync.WaitGroup
	for i := range 200 {
		group.Go(func() {
			want := fmt.Errorf("%d", i)
			if i%3 == 0 {
				want = nil
			}
			ran := 0
			if err := l.do(t.Context(), fmt.Sprint(i), func() error { ran++; return want }); err != want || ran != 1 {
				t.Errorf("%d: %v, ran %d times", i, err, ran)
			}
		})
	}
	group.Wait()
}

// Who is cancelled in the queue leaves it; who was taken waits for the outcome.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		release := l.hold(t)
		leaving, leave := context.WithCancel(t.Context())
		staying, stay := context.WithCancel(t.Context())
		var left, stayed error
		ran := false
		go func() { left = l.do(leaving, "leaves", func() error { ran = true; return nil }) }()
		synctest.Wait()
		go func() { stayed = l.do(staying, "stays", func() error { stay(); return nil }) }()
		synctest.Wait()
		leave()
		synctest.Wait()
		if !errors.Is(left, context.Canceled) {
			t.Errorf("a queued caller that was cancelled got %v", left)
		}
		close(release)
		synctest.Wait()
		if ran || stayed != nil || !slices.Equal(l.batches[1], []string{"stays"}) {
			t.Errorf("ran %t, %v, batches %v", ran, stayed, l.batches)
		}
	})
}

// A caller that is made the leader and cancelled at once still leads.
func TestPromotedAndCancelled(t *testing.T) {
	for range 200 {
		l := newLog()
		ctx, cancel := context.WithCancel(t.Context())
		var group sync.WaitGroup
		inside, release := make(chan struct{}), make(chan struct{})
		group.Go(func() { l.do(t.Context(), "first", func() error { close(inside); <-release; return nil }) })
		<-inside
		group.Go(func() { l.do(ctx, "second", nothing) })
		group.Go(func() {
			if err := l.do(t.Context(), "third", nothing); err != nil {
				t.Error(err)
			}
		})
		go cancel()
		close(release)
		group.Wait() // or nobody leads
		if err := l.do(t.Context(), "last", nothing); err != nil {
			t.Error(err)
		}
	}
}

// Of callers that come one after another whenever the leader yields, each is in its batch, unless it has waited for too long.
func TestGather(t *testing.T) {
	const n = 5
	if got := gathered(t, n, 1000); got != n+1 {
		t.Errorf("%d callers in a batch, want %d", got, n+1)
	}
	defer func(was time.Duration) { patience = was }(patience)
	patience = 0
	if got := gathered(t, n, 10); got > 3 {
		t.Errorf("%d callers in a batch of an impatient leader", got)
	}
}

// gathered tries to have n callers follow a leader, each when it yields, and returns the size of the largest batch.
func gathered(t *testing.T, n, tries int) (most int) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	for try := 0; try < tries && most < n+1; try++ { // the scheduler is now and then unfair
		l := newLog()
		l.batch = make([]*Call, 2) // the leader was not alone
		var all sync.WaitGroup
		var call func(left int)
		call = func(left int) {
			runtime.Gosched() // behind the leader
			if left > 1 {
				all.Go(func() { call(left - 1) })
			}
			l.do(t.Context(), "", nothing)
		}
		all.Go(func() { call(n) })
		runtime.Gosched()
		l.do(t.Context(), "", nothing)
		all.Wait()
		most = max(most, len(l.batches[0]))
	}
	return most
}

// runTogether runs functions as one batch and returns what each caller met: an error, a panic's value or an exit.
func runTogether(t *testing.T, fns ...func() error) []any {
	t.Helper()
	got := make([]any, len(fns))
	synctest.Test(t, func(t *testing.T) {
		l := newLog()
		release := l.hold(t)
		for i, fn := range fns {
			go func() {
				got[i] = "exited"
				defer func() {
					if v := recover(); v != nil {
						got[i] = v
					}
				}()
				got[i] = l.do(t.Context(), fmt.Sprint(i), fn)
			}()
			synctest.Wait()
		}
		close(release)
		synctest.Wait()
		if len(l.batches) != 2 || len(l.batches[1]) != len(fns) {
			t.Errorf("batches %v", l.batches)
		}
		if err := l.do(t.Context(), "after", nothing); err != nil || l.Running() {
			t.Errorf("after: %v, running %t", err, l.Running())
		}
	})
	return got
}

// A panic and an exit reach the function's own caller, wherever in the batch it is.
func TestIsolation(t *testing.T) {
	boom := errors.New("boom")
	fns := []func() error{
		func() error { panic(boom) }, nothing, func() error { runtime.Goexit(); return nil }, nothing,
		func() error { return boom }, func() error { panic(nil) }, func() error { runtime.Goexit(); return nil }, nothing,
	}
	for shift := range fns { // each takes its turn as the leader's
		order := append(slices.Clone(fns[shift:]), fns[:shift]...)
		got := runTogether(t, order...)
		for i := range got {
			want := [...]any{boom, nil, "exited", nil, boom, new(runtime.PanicNilError), "exited", nil}[(i+shift)%len(fns)]
			if _, isNil := want.(*runtime.PanicNilError); isNil {
				if _, ok := got[i].(*runtime.PanicNilError); ok {
					continue
				}
			}
			if got[i] != want {
				t.Errorf("shift %d: caller %d met %v, want %v", shift, i, got[i], want)
			}
		}
	}
	for i, want := range []any{boom, nil, "exited"} { // alone in its batch
		if got := runTogether(t, fns[i]); got[0] != want {
			t.Errorf("alone: %v, want %v", got[0], want)
		}
	}
}

// A run that ends without an outcome is no success.
func TestAbandoned(t *testing.T) {
	l := New(func([]*Call) {})
	if err := l.Do(t.Context(), store.Scope{}, func(store.Tx) error { return nil }); err == nil {
		t.Error("success of a call that was not run")
	}
}

// A crash shows where the function panicked, although its caller waited in another goroutine.
func TestCrash(t *testing.T) {
	if os.Getenv("LANE_CRASH") != "" {
		l := newLog()
		inside, release := make(chan struct{}), make(chan struct{})
		go l.do(context.Background(), "first", func() error { close(inside); <-release; return nil })
		<-inside
		go l.do(context.Background(), "leads", func() error { return nil })
		for range 100 {
			runtime.Gosched()
		}
		go func() { close(release) }()
		l.do(context.Background(), "panics", func() error { explode(); return nil })
		return
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), "LANE_CRASH=1")
	out, err := cmd.CombinedOutput()
	for _, want := range []string{"the original value", "lane.explode", "goroutine"} {
		if err == nil || !bytes.Contains(out, []byte(want)) {
			t.Errorf("no %q in the output of a crash (%v):\n%s", want, err, out)
		}
	}
}

//go:noinline
func explode() { panic("the original value") }

func TestNested(t *testing.T) {
	l := newLog()
	if Nested() {
		t.Error("nested in nothing")
	}
	var deep func(n int) error
	deep = func(n int) error {
		if n > 0 {
			return deep(n - 1)
		}
		return l.do(t.Context(), "inner", nothing)
	}
	for _, depth := range []int{0, 100, 253, 1000} {
		if err := l.do(t.Context(), "outer", func() error { return deep(depth) }); !errors.Is(err, ErrNested) {
			t.Errorf("at depth %d: %v", depth, err)
		}
	}
	err := l.do(t.Context(), "outer", func() error { // others may call meanwhile
		done := make(chan error)
		go func() {
			if Nested() {
				done <- errors.New("another goroutine is nested")
			}
			close(done)
		}()
		return <-done
	})
	if err != nil {
		t.Error(err)
	}
	if !strings.Contains(ErrNested.Error(), "Tx") {
		t.Error(ErrNested)
	}
}

func BenchmarkNested(b *testing.B) {
	for b.Loop() {
		Nested()
	}
}
