package engine_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// testKeyed makes a request under a key, then again, then with each of its fields changed: which must be for every field of
// the request but the key itself and those named otherwise.
func testKeyed[T any](t *testing.T, base func(d *desk) T, do func(d *desk, request T) (any, error), otherwise []string, changed map[string]func(*T)) {
	t.Helper()
	fields := reflect.TypeFor[T]()
	skip := map[string]bool{"Key": true}
	for _, name := range otherwise {
		skip[name] = true
	}
	for i := range fields.NumField() {
		if name := fields.Field(i).Name; !skip[name] && changed[name] == nil {
			t.Errorf("no test changes %s.%s", fields, name)
		}
	}
	for name, change := range changed {
		t.Run(name, func(t *testing.T) {
			d := liveDesk(newWorld(t))
			request := base(d)
			first, err := do(d, request)
			if err != nil {
				t.Fatal(err)
			}
			d.unchanged(func() {
				again, err := do(d, request)
				if err != nil || fmt.Sprint(again) != fmt.Sprint(first) {
					t.Errorf("got %v, error %v\nwant %v", again, err, first)
				}
				other := base(d)
				change(&other)
				_, err = do(d, other)
				wantErr(t, err, wallet.ErrKeyReused)
			})
		})
	}
}

// A different request under a key is told apart, whichever field differs.
func TestFingerprints(t *testing.T) {
	one, two := amount("1"), amount("2")
	later := start.Add(time.Hour)
	meta := map[string]string{"a": "1"}
	t.Run("create", func(t *testing.T) {
		rule := wallet.Rule{Trigger: wallet.TriggerInterval, Every: wallet.Monthly, Granted: one}
		testKeyed(t, func(*desk) wallet.Spec {
			return wallet.Spec{Customer: "acme", Currency: "USD", Rate: one, Rules: []wallet.Rule{rule}, TopUp: wallet.TopUp{Granted: one}, Key: "k"}
		}, func(d *desk, s wallet.Spec) (any, error) { return d.Create(ctx(), s) }, []string{"Customer"},
			map[string]func(*wallet.Spec){
				"Currency": func(s *wallet.Spec) { s.Currency = "EUR" }, "Rate": func(s *wallet.Spec) { s.Rate = two },
				"Name": func(s *wallet.Spec) { s.Name = "x" }, "Code": func(s *wallet.Spec) { s.Code = "x" },
				"Priority": func(s *wallet.Spec) { s.Priority = 1 }, "ExpiresAt": func(s *wallet.Spec) { s.ExpiresAt = later },
				"AppliesTo": func(s *wallet.Spec) { s.AppliesTo.Metrics = []string{"x"} },
				"fee types": func(s *wallet.Spec) { s.AppliesTo.FeeTypes = []wallet.FeeType{"x"} },
				"Limits":    func(s *wallet.Spec) { s.Limits.MaxPaid = one }, "minimum": func(s *wallet.Spec) { s.Limits.MinPaid = one },
				"Metadata":          func(s *wallet.Spec) { s.Metadata = meta },
				"Rules":             func(s *wallet.Spec) { s.Rules = nil },
				"every":             func(s *wallet.Spec) { s.Rules[0].Every = wallet.Weekly },
				"rule metadata":     func(s *wallet.Spec) { s.Rules[0].Metadata = meta },
				"two rules":         func(s *wallet.Spec) { s.Rules = append(s.Rules, rule) },
				"TopUp":             func(s *wallet.Spec) { s.TopUp = wallet.TopUp{} },
				"first paid":        func(s *wallet.Spec) { s.TopUp.Paid = one },
				"first metadata":    func(s *wallet.Spec) { s.TopUp.Metadata = meta },
				"first name":        func(s *wallet.Spec) { s.TopUp.Name = "x" },
				"first priority":    func(s *wallet.Spec) { s.TopUp.Priority = 1 },
				"first granted":     func(s *wallet.Spec) { s.TopUp.Granted = two },
				"first expiry":      func(s *wallet.Spec) { s.TopUp.ExpiresAt = later },
				"first expiry time": func(s *wallet.Spec) { s.TopUp.ExpiresIn = time.Hour },
			})
	})
	t.Run("whose metadata", func(t *testing.T) {
		w := newWorld(t)
		rule := wallet.Rule{Trigger: wallet.TriggerInterval, Every: wallet.Monthly, Granted: one}
		spec := wallet.Spec{Customer: "acme", Currency: "USD", Rate: one, Rules: []wallet.Rule{rule}, Metadata: meta, Key: "k"}
		w.create(spec)
		spec.Rules[0].Metadata, spec.Metadata = meta, nil
		_, err := w.Create(ctx(), spec)
		wantErr(t, err, wallet.ErrKeyReused)
	})
	t.Run("update", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Changes { return wallet.Changes{Key: "k"} },
			func(d *desk, c wallet.Changes) (any, error) { return d.Update(ctx(), d.id, c) }, nil,
			map[string]func(*wallet.Changes){
				"Name": func(c *wallet.Changes) { c.Name = wallet.Set("") }, "Code": func(c *wallet.Changes) { c.Code = wallet.Set("") },
				"Priority": func(c *wallet.Changes) { c.Priority = wallet.Set(0) }, "AppliesTo": func(c *wallet.Changes) { c.AppliesTo = &wallet.AppliesTo{} },
				"ExpiresAt": func(c *wallet.Changes) { c.ExpiresAt = &time.Time{} }, "Limits": func(c *wallet.Changes) { c.Limits = &wallet.Limits{} },
				"Rules": func(c *wallet.Changes) { c.Rules = []wallet.Rule{} }, "Metadata": func(c *wallet.Changes) { c.Metadata = map[string]string{} },
			})
	})
	t.Run("top up", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.TopUp { return wallet.TopUp{Paid: one, Granted: one, Key: "k"} },
			func(d *desk, p wallet.TopUp) (any, error) { return d.TopUp(ctx(), d.id, p) }, nil,
			map[string]func(*wallet.TopUp){
				"Paid": func(p *wallet.TopUp) { p.Paid = two }, "Granted": func(p *wallet.TopUp) { p.Granted = two },
				"Money":         func(p *wallet.TopUp) { p.Paid, p.Money = wallet.Amount{}, one },
				"GrantOnSettle": func(p *wallet.TopUp) { p.GrantOnSettle = true }, "Priority": func(p *wallet.TopUp) { p.Priority = 1 },
				"ExpiresAt": func(p *wallet.TopUp) { p.ExpiresAt = later }, "ExpiresIn": func(p *wallet.TopUp) { p.ExpiresIn = time.Hour },
				"Name": func(p *wallet.TopUp) { p.Name = "x" }, "Reference": func(p *wallet.TopUp) { p.Reference = "x" },
				"Corrects": func(p *wallet.TopUp) { p.Corrects = someID }, "Metadata": func(p *wallet.TopUp) { p.Metadata = meta },
			})
	})
	t.Run("debit", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Debit { return wallet.Debit{Credits: one, Key: "k"} },
			func(d *desk, b wallet.Debit) (any, error) { return d.Debit(ctx(), d.id, b) }, nil,
			map[string]func(*wallet.Debit){
				"Credits": func(b *wallet.Debit) { b.Credits = two }, "Money": func(b *wallet.Debit) { b.Credits, b.Money = wallet.Amount{}, one },
				"Fee": func(b *wallet.Debit) { b.Fee.ID = "x" }, "fee type": func(b *wallet.Debit) { b.Fee.Type = "x" },
				"metric": func(b *wallet.Debit) { b.Fee.Metric = "x" }, "Reference": func(b *wallet.Debit) { b.Reference = "x" },
				"Corrects": func(b *wallet.Debit) { b.Corrects = someID }, "Metadata": func(b *wallet.Debit) { b.Metadata = meta },
			})
	})
	t.Run("charge", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Charge {
			return wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{ID: "a", Amount: one}, {ID: "b", Amount: one}}, Key: "k"}
		}, func(d *desk, c wallet.Charge) (any, error) { return d.Charge(ctx(), c) }, []string{"Customer"},
			map[string]func(*wallet.Charge){
				"Currency": func(c *wallet.Charge) { c.Currency = "EUR" }, "Fees": func(c *wallet.Charge) { c.Fees = c.Fees[:1] },
				"order": func(c *wallet.Charge) { c.Fees[0], c.Fees[1] = c.Fees[1], c.Fees[0] }, "amount": func(c *wallet.Charge) { c.Fees[1].Amount = two },
				"type": func(c *wallet.Charge) { c.Fees[0].Type = "x" }, "metric": func(c *wallet.Charge) { c.Fees[0].Metric = "x" },
				"Whole": func(c *wallet.Charge) { c.Whole = true }, "Billed": func(c *wallet.Charge) { c.Billed = true },
				"Reference": func(c *wallet.Charge) { c.Reference = "x" }, "Metadata": func(c *wallet.Charge) { c.Metadata = meta },
			})
	})
	t.Run("void", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Void { return wallet.Void{Credits: one, Key: "k"} },
			func(d *desk, v wallet.Void) (any, error) { return d.Void(ctx(), d.id, v) }, nil,
			map[string]func(*wallet.Void){
				"Credits": func(v *wallet.Void) { v.Credits = two }, "Lot": func(v *wallet.Void) { v.Lot = someID },
				"All":    func(v *wallet.Void) { v.Credits, v.All = wallet.Amount{}, true },
				"Reason": func(v *wallet.Void) { v.Reason = "x" }, "Corrects": func(v *wallet.Void) { v.Corrects = someID },
				"Metadata": func(v *wallet.Void) { v.Metadata = meta },
			})
	})
}

var someID = wallet.MintTransactionID(wallet.TransactionID{}, start)

// The same field can be in a place where it means something else.
func TestFingerprintsOfAlikes(t *testing.T) {
	one := amount("1")
	w := newWorld(t)
	id := w.open("100")
	for i, pair := range [][2]wallet.AppliesTo{
		{{FeeTypes: []wallet.FeeType{"a", "b"}}, {FeeTypes: []wallet.FeeType{"a"}, Metrics: []string{"b"}}},
		{{Metrics: []string{"a", "b"}}, {Metrics: []string{"b", "a"}}},
		{{Metrics: []string{"ab"}}, {Metrics: []string{"a", "b"}}},
	} {
		key := fmt.Sprint("applies ", i)
		for j, a := range pair {
			_, err := w.Update(ctx(), id, wallet.Changes{AppliesTo: &a, Key: key})
			if j == 0 && err != nil || j == 1 && !errors.Is(err, wallet.ErrKeyReused) {
				t.Errorf("%v, number %d: got error %v", pair, j, err)
			}
		}
	}
	w.Update(ctx(), id, wallet.Changes{AppliesTo: &wallet.AppliesTo{}})
	for i, pair := range [][2]map[string]string{
		{{"a": "bc"}, {"ab": "c"}}, {{"a": "", "b": "x"}, {"a": "x", "b": ""}}, {{"a": "value"}, {"a": "", "value": ""}}, {{"a": ""}, nil},
	} {
		key := fmt.Sprint("metadata ", i)
		for j, m := range pair {
			_, err := w.Debit(ctx(), id, wallet.Debit{Credits: one, Metadata: m, Key: key})
			if j == 0 && err != nil || j == 1 && !errors.Is(err, wallet.ErrKeyReused) {
				t.Errorf("%v, number %d: got error %v", pair, j, err)
			}
		}
	}
}

// A repeated charge has the receipt it had, whatever became of the lots since.
func TestReceiptAgain(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		a := w.create(wallet.Spec{Rate: amount("3"), Priority: 1, AppliesTo: wallet.AppliesTo{Metrics: []string{"gpu"}}})
		b := w.create(wallet.Spec{Rate: amount("0.7")})
		for range 3 {
			w.topUp(a, wallet.TopUp{Granted: amount("1.1"), ExpiresAt: start.Add(time.Hour)})
			w.topUp(b, wallet.TopUp{Granted: amount("10")})
		}
		bill := wallet.Charge{Customer: "acme", Currency: "USD", Key: "k", Metadata: map[string]string{"a": "b"}, Fees: []wallet.Fee{
			{ID: "none"}, {ID: "gpu", Metric: "gpu", Amount: amount("15")}, {ID: "cpu", Amount: amount("3.333")}, {ID: "rest", Amount: amount("99")}}}
		first := must(w.Charge(ctx(), bill))
		if len(first.Transactions) != 2 || first.Uncovered.IsZero() || len(first.Lines[1].Payments) != 2 {
			t.Fatalf("the charge is too simple: %+v", first)
		}
		w.wait(time.Hour)
		w.topUp(b, wallet.TopUp{Granted: amount("1000")})
		must(w.Terminate(ctx(), a))
		must(w.Void(ctx(), b, wallet.Void{All: true}))
		w.unchanged(func() {
			again, err := w.Charge(ctx(), bill)
			wantErr(t, err, nil)
			wantSame(t, again, first, "receipt")
		})
	})
}
