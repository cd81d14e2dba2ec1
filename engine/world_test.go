package engine_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
	"github.com/seed-12493b23/wallet/store/sqlite"
)

// openers open the stores that the rules are tested on.
var openers = map[string]func(testing.TB) store.Store{
	"memory": func(testing.TB) store.Store { return memory.New() },
	"sqlite": func(t testing.TB) store.Store {
		s, err := sqlite.Open(filepath.Join(t.TempDir(), "wallet.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	},
}

// onEveryStore runs a test for each of the stores; open opens a new, empty one.
func onEveryStore(t *testing.T, test func(t *testing.T, open func(testing.TB) store.Store)) {
	for _, name := range slices.Sorted(maps.Keys(openers)) {
		t.Run(name, func(t *testing.T) { test(t, openers[name]) })
	}
}

// start is what the clock of every test shows first.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A world is an engine on a store of its own, with a clock that stands still until it is set. Its methods fail the test where
// the engine's would return an error.
type world struct {
	*engine.Engine
	t     testing.TB
	store store.Store
	clock time.Time
	tell  func() time.Time // instead of clock, if set
}

// on returns a world over s.
func on(t testing.TB, s store.Store, p policy.Policy) *world {
	w := &world{t: t, store: s, clock: start}
	w.use(p)
	return w
}

// newWorld returns a world over a new memory store, with the default policy.
func newWorld(t testing.TB) *world { return on(t, memory.New(), policy.Policy{}) }

// use makes the policy that of every command from here on.
func (w *world) use(p policy.Policy) {
	w.Engine = engine.New(w.store, &engine.Options{Policy: p, Now: func() time.Time {
		if w.tell != nil {
			return w.tell()
		}
		return w.clock
	}})
}

func (w *world) wait(d time.Duration) { w.clock = w.clock.Add(d) }

func ctx() context.Context { return context.Background() }

func amount(s string) wallet.Amount { return wallet.MustAmount(s) }

// must returns v, unless there was an error.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err) // a test that gets here has nothing left to say
	}
	return v
}

// open creates a wallet of customer acme in USD at rate 1, with so many granted credits, if any.
func (w *world) open(granted string) wallet.ID {
	w.t.Helper()
	return w.create(wallet.Spec{TopUp: wallet.TopUp{Granted: amount(granted)}})
}

// create creates a wallet; what the spec does not say is acme, USD and 1.
func (w *world) create(spec wallet.Spec) wallet.ID {
	w.t.Helper()
	if spec.Customer == "" {
		spec.Customer = "acme"
	}
	if spec.Currency == "" {
		spec.Currency = "USD"
	}
	if spec.Rate.IsZero() {
		spec.Rate = amount("1")
	}
	created, err := w.Create(ctx(), spec)
	if err != nil {
		w.t.Fatalf("create: %v", err)
	}
	return created.ID
}

func (w *world) topUp(id wallet.ID, t wallet.TopUp) []wallet.Transaction {
	w.t.Helper()
	made, err := w.TopUp(ctx(), id, t)
	if err != nil {
		w.t.Fatalf("top up: %v", err)
	}
	return made
}

func (w *world) debit(id wallet.ID, credits string) wallet.Transaction {
	w.t.Helper()
	made, err := w.Debit(ctx(), id, wallet.Debit{Credits: amount(credits)})
	if err != nil {
		w.t.Fatalf("debit: %v", err)
	}
	return made
}

func (w *world) read(id wallet.ID) wallet.Wallet {
	w.t.Helper()
	found, err := w.Wallet(ctx(), id)
	if err != nil {
		w.t.Fatalf("wallet: %v", err)
	}
	return found
}

func (w *world) spendable(id wallet.ID) string { return w.read(id).Balance.Spendable.String() }

// list returns what a query selects.
func (w *world) list(q wallet.TransactionQuery) []wallet.Transaction {
	w.t.Helper()
	all, err := wallet.Collect(w.Transactions(ctx(), q))
	if err != nil {
		w.t.Fatalf("transactions: %v", err)
	}
	return all
}

func (w *world) lots(id wallet.ID) []wallet.Lot {
	w.t.Helper()
	all, err := wallet.Collect(w.Lots(ctx(), id))
	if err != nil {
		w.t.Fatalf("lots: %v", err)
	}
	return all
}

func (w *world) draws(id wallet.TransactionID) []wallet.Draw {
	w.t.Helper()
	all, err := wallet.Collect(w.Draws(ctx(), id))
	if err != nil {
		w.t.Fatalf("draws: %v", err)
	}
	return all
}

// dump tells all that is booked, a record a line.
func (w *world) dump() string {
	w.t.Helper()
	var b strings.Builder
	line := func(v any) { fmt.Fprintf(&b, "%T %s\n", v, must(json.Marshal(v))) }
	wallets, err := wallet.Collect(w.Wallets(ctx(), wallet.WalletQuery{}))
	if err != nil {
		w.t.Fatalf("wallets: %v", err)
	}
	for _, found := range wallets {
		line(found)
		for _, l := range w.lots(found.ID) {
			line(l)
		}
	}
	for _, t := range w.list(wallet.TransactionQuery{OldestFirst: true}) {
		line(t)
		for _, d := range w.draws(t.ID) {
			line(d)
		}
	}
	for h, err := range w.Holds(ctx(), wallet.HoldQuery{}) {
		if err != nil {
			w.t.Fatalf("holds: %v", err)
		}
		line(h)
	}
	for e, err := range w.Events(ctx(), wallet.EventQuery{}) {
		if err != nil {
			w.t.Fatalf("events: %v", err)
		}
		line(e)
	}
	return b.String()
}

// unchanged fails the test if do changes anything.
func (w *world) unchanged(do func()) {
	w.t.Helper()
	before := w.dump()
	do()
	for _, line := range strings.Split(w.dump(), "\n") {
		if !strings.Contains(before, line) {
			w.t.Errorf("something was written: %s", line)
		}
	}
}

// wantErr fails the test unless got is want.
func wantErr(t testing.TB, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("got error %v, want %v", got, want)
	}
	if got != nil && !strings.HasPrefix(got.Error(), "wallet: ") {
		t.Errorf("got message %q, want one that begins with %q", got, "wallet: ")
	}
}

// wantEqual fails the test unless got and want say the same.
func wantEqual[T any](t testing.TB, got, want T, what string) {
	t.Helper()
	g, w := fmt.Sprint(got), fmt.Sprint(want)
	if g != w {
		t.Errorf("%s: got %s, want %s", what, g, w)
	}
}

// wantSame fails the test unless got and want are the same as JSON, in which no list is an empty one.
func wantSame(t testing.TB, got, want any, what string) {
	t.Helper()
	text := func(v any) string { return strings.ReplaceAll(string(must(json.Marshal(v))), ":null", ":[]") }
	if g, w := text(got), text(want); g != w {
		t.Errorf("%s: got\n%s\nwant\n%s", what, g, w)
	}
}
