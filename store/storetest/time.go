package storetest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// testTime proves that no result depends on when due work is booked.
func testTime(t *testing.T, open func(testing.TB) store.Store, under ...policy.Policy) {
	t.Run("Ticks", func(t *testing.T) {
		check(t, func(rt *rapid.T) {
			p := under[rapid.IntRange(0, len(under)-1).Draw(rt, "policy")]
			story, end := writeStory(rt, p)
			never := tell(rt, newWorld(open(during(t, rt)), p), story, end, false, false)
			each := tell(rt, newWorld(open(during(t, rt)), p), story, end, true, false)
			once := tell(rt, newWorld(open(during(t, rt)), p), story, end, false, true)
			if d := diff(never, each); d != "" {
				rt.Fatalf("without a tick, and with one after each command:\n%s", d)
			}
			if d := diff(never, once); d != "" {
				rt.Fatalf("without a tick, and with one at the end:\n%s", d)
			}
		})
	})
	t.Run("Instant", func(t *testing.T) { testInstant(t, open, under[0]) })
}

// writeStory makes up a story in which the clock runs forward, by way of an engine in memory. It ends when all spans are over.
func writeStory(rt *rapid.T, p policy.Policy) ([]step, time.Time) {
	a, w := author{forward: true}, newWorld(memory.New(), p)
	rt.Repeat(map[string]func(*rapid.T){"step": func(rt *rapid.T) {
		s := a.next(rt)
		rt.Logf("%s %s", s.At.Format(time.RFC3339Nano), s)
		w.do(rt.Context(), s) // whatever it says: all that matters is that the others say the same
		var err error
		if a.books, err = w.read(rt.Context()); err != nil {
			rt.Fatalf("read: %v", err)
		}
		a.came, a.held = w.came, w.held
	}})
	return a.steps, later(a.clock, start).AddDate(0, 2, 0)
}

// tell tells a story to an engine, and returns what it answered and what can be read in the end.
func tell(rt *rapid.T, w *world, story []step, end time.Time, tickEach, tickOnce bool) string {
	ctx := rt.Context()
	results, errs := make([]any, len(story)), make([]error, len(story))
	tick := func(at time.Time) {
		if _, err := w.do(ctx, step{At: at, Do: doTick}); err != nil {
			rt.Fatalf("tick: %v", err)
		}
	}
	for i, s := range story {
		results[i], errs[i] = w.do(ctx, s)
		if tickEach {
			tick(s.At)
		}
	}
	if w.clock = end; tickOnce {
		tick(end)
	}
	all, err := w.read(ctx)
	if err != nil {
		rt.Fatalf("read: %v", err)
	}
	text := ""
	for i := range story {
		text += namesOf(all).say(results[i], errs[i])
	}
	return text + dumpAll(all)
}
