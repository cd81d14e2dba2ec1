package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
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
			f := &faultTest{faultCase: test, store: open(t)}
			w := f.setUp(t)
			f.want = w.outcome(t, test.step(f.customer()))
			stride := 1
			if test.due && testing.Short() {
				stride = 3
			}
			for _, cancels := range []bool{false, true} {
				f.w = nil
				for n := 1; f.at(t, n, cancels); n += stride {
					if t.Failed() {
						t.Fatalf("at point %d, context ends: %v", n, cancels)
					}
				}
			}
		})
	}
}

// faultStory leaves: w0 with three lots, a pending pair, a hold and an expiry; w1 before it, with one lot; w2 with a threshold
// rule; nothing due for an hour.
func faultStory(c wallet.CustomerID) []step {
	n := func(a string) wallet.Amount { return wallet.MustAmount(a) }
	over := start.Add(time.Hour)
	return []step{
		{Do: doCreate, Spec: &wallet.Spec{Customer: c, Currency: "USD", Rate: n("3"), ExpiresAt: over.Add(time.Hour), TopUp: wallet.TopUp{Granted: n("10"), ExpiresAt: over}}},
		{Do: doCreate, Spec: &wallet.Spec{Customer: c, Currency: "USD", Rate: n("0.5"), Priority: 1, TopUp: wallet.TopUp{Granted: n("7"), ExpiresAt: over}}},
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Granted: n("1"), Priority: 1}},
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Granted: n("2"), Priority: 2}},
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Paid: n("4"), Granted: n("5"), GrantOnSettle: true, ExpiresIn: time.Hour}}, // came 4 and 5
		{Do: doTopUp, Wallet: 0, TopUp: &wallet.TopUp{Paid: n("6"), ExpiresAt: over}},
		{Do: doCreate, Spec: &wallet.Spec{Customer: c, Currency: "USD", Rate: n("3"), Rules: []wallet.Rule{{Trigger: wallet.TriggerThreshold, Threshold: n("1"), Paid: n("3"), Granted: n("1")}}}},
		{Do: doDebit, Wallet: 0, Debit: &wallet.Debit{Credits: n("1.5")}}, // came 7
		{Do: doAuthorize, Wallet: 0, Authorization: &wallet.Authorization{Credits: n("3"), For: 2 * time.Hour}},
	}
}

// A faultCase is a command of a customer.
type faultCase struct {
	name string
	at   time.Time
	due  bool // something is due before it
	do   step
}

// step is the command, for a customer.
func (c faultCase) step(customer wallet.CustomerID) step {
	s := c.do
	s.At = c.at
	if s.Spec != nil {
		spec := *s.Spec
		spec.Customer, s.Spec = customer, &spec
	}
	if s.Charge != nil {
		charge := *s.Charge
		charge.Customer, s.Charge = customer, &charge
	}
	if s.Authorization != nil {
		a := *s.Authorization
		a.Customer, s.Authorization = customer, &a
	}
	return s
}

func faultCases() (cases []faultCase) {
	n := func(a string) wallet.Amount { return wallet.MustAmount(a) }
	for _, s := range []step{
		{Do: doCreate, Spec: &wallet.Spec{Currency: "USD", Rate: n("1"), TopUp: wallet.TopUp{Paid: n("1"), Granted: n("2")}, Key: "k1"}},
		{Do: doUpdate, Changes: &wallet.Changes{Name: wallet.Set("new"), Priority: wallet.Set(9), Key: "k1"}},
		{Do: doTopUp, TopUp: &wallet.TopUp{Paid: n("1"), Granted: n("2"), GrantOnSettle: true, Key: "k1"}},
		{Do: doSettle, Tx: 4, Settlement: &wallet.Settlement{Metadata: map[string]string{"a": "b"}}},
		{Do: doFail, Tx: 5, Reason: "declined for good"},
		{Do: doDebit, Debit: &wallet.Debit{Credits: n("2.5"), Key: "k1"}},
		{Do: doCharge, Charge: &wallet.Charge{Currency: "USD", Fees: []wallet.Fee{{ID: "f0", Amount: n("3")}, {ID: "f1", Amount: n("5")}}, Key: "k1"}},
		{Do: doVoid, Lot: none, Void: &wallet.Void{Credits: n("2.5"), Key: "k1"}},
		{Do: doVoid, Lot: 0, Void: &wallet.Void{All: true, Reason: "mistake", Key: "k1"}},
		{Do: doTerminate},
		{Do: doAuthorize, Wallet: none, Authorization: &wallet.Authorization{Currency: "USD", Money: n("7"), Key: "k1"}},
		{Do: doCapture, Hold: 0, Capture: &wallet.Capture{Credits: n("2"), More: true, Key: "k1"}},
		{Do: doRelease, Hold: 0},
		{Do: doRefund, Tx: 7, Refund: &wallet.Refund{Credits: n("1.25"), Key: "k1"}},
		{Do: doTransfer, Wallet: 0, To: 2, Transfer: &wallet.Transfer{Credits: n("1.25"), Key: "k1"}},
		{Do: doOngoing, Charge: &wallet.Charge{Currency: "USD", Fees: []wallet.Fee{{ID: "f0", Amount: n("3")}, {ID: "f1", Amount: n("50")}}, Key: "k1"}},
	} {
		s.Other = none
		name := string(s.Do)
		if s.Void != nil && s.Lot != none {
			name = "void a lot"
		}
		cases = append(cases, faultCase{name, start, false, s})
		switch s.Do {
		case doSettle, doCharge, doTerminate, doCapture:
			cases = append(cases, faultCase{name + " when something is due", start.Add(time.Hour), true, s})
		}
	}
	return append(cases, faultCase{"tick", start.Add(2 * time.Hour), true, step{Do: doTick}})
}

// outcome takes a step, and returns what it said and what can be read afterwards.
func (w *world) outcome(t *testing.T, s step) string {
	t.Helper()
	got, err := w.do(t.Context(), s)
	all, readErr := w.read(t.Context())
	if readErr != nil {
		t.Fatalf("read: %v", readErr)
	}
	return namesOf(all).say(got, err) + dumpAll(all)
}

// A faultTest goes through the points of one command. It stays with one customer as long as nothing can have changed there.
type faultTest struct {
	faultCase
	store     store.Store
	customers int
	want      string // what a run without faults brings about

	w      *world // of the customer at hand; nil: another one is due
	before string
}

func (f *faultTest) customer() wallet.CustomerID {
	return wallet.CustomerID(fmt.Sprintf("c%03d", f.customers))
}

// setUp tells the story of another customer.
func (f *faultTest) setUp(t *testing.T) *world {
	t.Helper()
	f.customers++
	w := newWorld(f.store, policy.Policy{})
	for _, s := range faultStory(f.customer()) {
		s.At, s.Other, s.Lot = start, none, none
		if _, err := w.do(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

// all is all that can be read, whoever's it is.
func (f *faultTest) all(t *testing.T) (text string) {
	t.Helper()
	view(t, f.store, func(r store.Reader) (err error) {
		text, err = everything(r, f.customer())
		return err
	})
	return text
}

// at lets the command fail at point n, and reports whether there is such a point.
func (f *faultTest) at(t *testing.T, n int, cancels bool) bool {
	t.Helper()
	if f.w == nil {
		if f.w = f.setUp(t); !f.due {
			f.before = f.all(t)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	bad := &faulty{at: n, Store: f.store}
	if cancels {
		bad.cancel = cancel
	}
	f.w.store = bad
	f.w.setPolicy(policy.Policy{})
	_, err := f.w.do(ctx, f.step(f.customer()))
	f.w.store = f.store
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
		if d := diff(f.before, f.all(t)); d != "" {
			t.Errorf("point %d left behind:\n%s", n, d)
		}
		return true
	}
	customer := string(f.customer())
	got := strings.ReplaceAll(f.w.outcome(t, f.step(f.customer())), customer, "c001")
	if d := diff(f.want, got); d != "" {
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
