package storetest

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// testTime proves that no result depends on when due work is booked.
func testTime(t *testing.T, open func(testing.TB) store.Store, p policy.Policy) {
	t.Run("Ticks", func(t *testing.T) {
		check(t, func(rt *rapid.T) {
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
	t.Run("Instant", func(t *testing.T) { testInstant(t, open, p) })
}

// writeStory makes up a story in which the clock runs forward, by way of an engine in memory. It ends when all spans are over.
func writeStory(rt *rapid.T, p policy.Policy) ([]step, time.Time) {
	a, w := author{forward: true, wide: true}, newWorld(memory.New(), p)
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

// testInstant takes the order of steps within one instant: wallet by wallet, lots expire, then purchases lapse, then the
// wallet itself expires.
func testInstant(t *testing.T, open func(testing.TB) store.Store, p policy.Policy) {
	ctx := t.Context()
	over := start.Add(time.Hour)
	spec := func(priority int, expiry time.Time) *wallet.Spec {
		return &wallet.Spec{Customer: "c0", Currency: "USD", Rate: wallet.MustAmount("1"), Priority: priority, ExpiresAt: expiry}
	}
	grant := func(credits string, priority int, expiry time.Time) *wallet.TopUp {
		return &wallet.TopUp{Granted: wallet.MustAmount(credits), Priority: priority, ExpiresAt: expiry}
	}
	buy := func(credits string, expiry time.Time) *wallet.TopUp {
		return &wallet.TopUp{Paid: wallet.MustAmount(credits), ExpiresAt: expiry}
	}
	story := []step{
		{Do: doCreate, Spec: spec(2, over)},        // w0 comes second, and ends at the instant
		{Do: doCreate, Spec: spec(1, time.Time{})}, // w1 comes first, and stays
		{Do: doTopUp, Wallet: 0, TopUp: grant("1", 2, over)},
		{Do: doTopUp, Wallet: 0, TopUp: grant("2", 1, time.Time{})},
		{Do: doTopUp, Wallet: 0, TopUp: grant("3", 1, over)},
		{Do: doTopUp, Wallet: 0, TopUp: buy("4", time.Time{})},
		{Do: doTopUp, Wallet: 1, TopUp: grant("5", 2, over)},
		{Do: doTopUp, Wallet: 1, TopUp: grant("6", 1, over)},
		{Do: doTopUp, Wallet: 1, TopUp: buy("7", over)},
		{Do: doTopUp, Wallet: 1, TopUp: grant("8", 0, time.Time{})},
	}
	for _, late := range []time.Duration{-time.Microsecond, 0, time.Microsecond, time.Hour} {
		w, m := newWorld(open(t), p), newModel(p)
		for _, s := range story {
			s.At, s.Other, s.Lot = start, none, none
			made, err := w.do(ctx, s)
			if err != nil {
				t.Fatal(err)
			}
			created, _ := made.(wallet.Wallet)
			if _, err := m.do(s, created.ID); err != nil {
				t.Fatal(err)
			}
		}
		w.clock = over.Add(late)
		all, err := w.read(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if d := diff(dump(m.read(w.clock)), dump(all)); d != "" {
			t.Errorf("%v after the instant:\n%s", late, d)
		}
		if late < 0 || p.Order != nil || p.AutoComplete != nil {
			continue
		}
		var got string
		for tx, err := range w.eng.Transactions(ctx, wallet.TransactionQuery{Customer: "c0", Kinds: []wallet.Kind{wallet.Expired}, OldestFirst: true}) {
			if err != nil {
				t.Fatal(err)
			}
			got += tx.Credits.String() + " "
			if !tx.CreatedAt.Equal(over) {
				t.Errorf("%s credits expired at %s, want %s", tx.Credits, tx.CreatedAt, over)
			}
		}
		if want := "6 5 3 1 2 "; got != want {
			t.Errorf("expired: %q, want %q", got, want)
		}
	}
}
