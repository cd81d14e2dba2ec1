package storetest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// testFaults lets every command fail at every point there is: as an update begins, at each read and write, as it commits, and
// behind the commit, when the outcome is unknown. Nothing may be left behind, and the repeat under the same key must do what
// the command should have done, once. The same with a context that ends at every point.
func testFaults(t *testing.T, open func(testing.TB) store.Store) {
	for _, test := range faultCases() {
		t.Run(test.name, func(t *testing.T) {
			base := setUp(t, open(t))
			want := base.outcome(t, test.step)
			for _, cancels := range []bool{false, true} {
				f := &faultTest{step: test.step, due: test.due, want: want}
				for n := 1; f.at(t, open, n, cancels); n++ {
					if t.Failed() {
						t.Fatalf("at point %d, context ends: %v", n, cancels)
					}
				}
			}
		})
	}
}

// faultStory leaves: w0 with three lots, a pending pair and an expiry; w1 before it, with one lot; nothing due for an hour.
func faultStory() []step {
	n := func(a string) wallet.Amount { return wallet.MustAmount(a) }
	over := start.Add(time.Hour)
	return []step{
		{Do: doCreate, Spec: &wallet.Spec{Customer: "c0", Currency: "USD", Rate: n("3"), ExpiresAt: over.Add(time.Hour), TopUp: wallet.TopUp{Granted: n("10"), ExpiresAt: over}}},
		{Do: doCreate, Spec: &wallet.Spec{Customer: "c0", Currency: "USD", Rate: n("0.5"), Priority: 1, TopUp: wallet.TopUp{Granted: n("7"), ExpiresAt: over}}},
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Granted: n("1"), Priority: 1}},
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Granted: n("2"), Priority: 2}},
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Paid: n("4"), Granted: n("5"), GrantOnSettle: true, ExpiresIn: time.Hour}}, // came 4 and 5
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Paid: n("6"), ExpiresAt: over}},
	}
}

type faultCase struct {
	name string
	step step
	due  bool // something is due before it
}

func faultCases() (cases []faultCase) {
	n := func(a string) wallet.Amount { return wallet.MustAmount(a) }
	for _, s := range []step{
		{Do: doCreate, Spec: &wallet.Spec{Customer: "c0", Currency: "USD", Rate: n("1"), TopUp: wallet.TopUp{Paid: n("1"), Granted: n("2")}, Key: "k1"}},
		{Do: doUpdate, Wallet: 0, Changes: &wallet.Changes{Name: wallet.Set("new"), Priority: wallet.Set(9), Key: "k1"}},
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Paid: n("1"), Granted: n("2"), GrantOnSettle: true, Key: "k1"}},
		{Do: doSettle, Tx: 4, Settlement: &wallet.Settlement{Metadata: map[string]string{"a": "b"}}},
		{Do: doFail, Tx: 5, Reason: "declined for good"},
		{Do: doDebit, Wallet: 0, Debit: &wallet.Debit{Credits: n("2.5"), Key: "k1"}},
		{Do: doCharge, Charge: &wallet.Charge{Customer: "c0", Currency: "USD", Fees: []wallet.Fee{{ID: "f0", Amount: n("3")}, {ID: "f1", Amount: n("5")}}, Key: "k1"}},
		{Do: doVoid, Wallet: 0, Lot: none, Void: &wallet.Void{Credits: n("2.5"), Key: "k1"}},
		{Do: doVoid, Wallet: 0, Lot: 2, Void: &wallet.Void{All: true, Key: "k1"}},
		{Do: doTerminate, Wallet: 0},
	} {
		if s.Other = none; s.Do != doVoid {
			s.Lot = none
		}
		name := string(s.Do)
		if s.Do == doVoid && s.Lot != none {
			name = "void a lot"
		}
		s.At = start
		cases = append(cases, faultCase{name, s, false})
		s.At = start.Add(time.Hour)
		cases = append(cases, faultCase{name + " when something is due", s, true})
	}
	return append(cases, faultCase{"tick", step{Do: doTick, At: start.Add(2 * time.Hour)}, true})
}

// setUp tells the story on a store.
func setUp(t *testing.T, s store.Store) *world {
	t.Helper()
	w := newWorld(s, policy.Policy{})
	for _, s := range faultStory() {
		s.At, s.Other, s.Lot = start, none, none
		if _, err := w.do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// outcome takes a step, and returns what it said and what can be read afterwards.
func (w *world) outcome(t *testing.T, s step) string {
	t.Helper()
	got, err := w.do(t.Context(), s)
	all, readErr := w.read(t.Context())
	if readErr != nil {
		t.Fatalf("read: %v", readErr)
	}
	return namesOf(all).say(got, err) + dump(all)
}

// A faultTest goes through the points of one command. It stays with one store as long as nothing can have changed there.
type faultTest struct {
	step step
	due  bool
	want string // what a run without faults brings about

	w      *world
	before string
}

// at lets the command fail at point n, and reports whether there is such a point.
func (f *faultTest) at(t *testing.T, open func(testing.TB) store.Store, n int, cancels bool) bool {
	t.Helper()
	if f.w == nil {
		f.w = setUp(t, open(t))
		f.before = all(t, f.w.store)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	plain, bad := f.w.store, &faulty{at: n, Store: f.w.store}
	if cancels {
		bad.cancel = cancel
	}
	f.w.store = bad
	f.w.setPolicy(policy.Policy{})
	_, err := f.w.do(ctx, f.step)
	f.w.store = plain
	f.w.setPolicy(policy.Policy{})

	switch {
	case !bad.fired && err != nil:
		t.Errorf("there is no point %d, and yet: %v", n, err)
		return false
	case !bad.fired:
		return false
	case bad.committed && cancels: // the outcome was awaited, and may be that there was nothing else to do
	case cancels && !errors.Is(err, context.Canceled), !cancels && !errors.Is(err, errFault):
		t.Errorf("point %d: %v", n, err)
	}
	if !f.due && !bad.committed {
		if d := diff(f.before, all(t, f.w.store)); d != "" {
			t.Errorf("point %d left behind:\n%s", n, d)
		}
		return true
	}
	if d := diff(f.want, f.w.outcome(t, f.step)); d != "" {
		t.Errorf("point %d, and then the same again:\n%s", n, d)
	}
	f.w = nil
	return true
}

var errFault = errors.New("fault on purpose")

// A faulty store fails, or ends a context, at one of the points it goes through.
type faulty struct {
	store.Store
	at, points       int
	fired, committed bool   // committed: something, before or after
	cancel           func() // nil: fails
}

func (f *faulty) point() error {
	f.points++
	if f.points != f.at {
		return nil
	}
	f.fired = true
	if f.cancel != nil {
		f.cancel()
		return nil
	}
	return fmt.Errorf("point %d: %w", f.at, errFault)
}

func (f *faulty) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := f.point(); err != nil {
		return err
	}
	return f.Store.View(ctx, func(r store.Reader) error { return fn(faultyReader{r, f}) })
}

func (f *faulty) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err := f.point(); err != nil {
		return err
	}
	err := f.Store.Update(ctx, scope, func(tx store.Tx) error {
		if err := fn(faultyTx{faultyReader{tx, f}, tx}); err != nil {
			return err
		}
		return f.point() // as if the commit failed
	})
	if err != nil {
		return err
	}
	f.committed = true
	return f.point()
}
