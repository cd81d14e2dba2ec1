package engine_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// What is nil in Changes stays, what is empty is cleared; customer, currency and rate have no field.
func TestUpdate(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		full := wallet.Spec{Name: "n", Code: "c", Priority: 7, AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{"charge"}, Metrics: []string{"gpu"}},
			ExpiresAt: start.Add(time.Hour), Limits: wallet.Limits{MinPaid: amount("1"), MaxPaid: amount("2")}, Metadata: map[string]string{"a": "1"}}
		id := w.create(full)
		before := w.read(id)
		for name, change := range map[string]struct {
			changes wallet.Changes
			want    func(*wallet.Wallet)
		}{
			"nothing":  {wallet.Changes{}, func(*wallet.Wallet) {}},
			"name":     {wallet.Changes{Name: wallet.Set("x")}, func(w *wallet.Wallet) { w.Name = "x" }},
			"no name":  {wallet.Changes{Name: wallet.Set("")}, func(w *wallet.Wallet) { w.Name = "" }},
			"code":     {wallet.Changes{Code: wallet.Set("x")}, func(w *wallet.Wallet) { w.Code = "x" }},
			"no code":  {wallet.Changes{Code: wallet.Set("")}, func(w *wallet.Wallet) { w.Code = "" }},
			"own code": {wallet.Changes{Code: wallet.Set("c")}, func(*wallet.Wallet) {}},
			"priority": {wallet.Changes{Priority: wallet.Set(0)}, func(w *wallet.Wallet) { w.Priority = 0 }},
			"applies": {wallet.Changes{AppliesTo: &wallet.AppliesTo{Metrics: []string{"cpu"}}},
				func(w *wallet.Wallet) { w.AppliesTo = wallet.AppliesTo{Metrics: []string{"cpu"}} }},
			"applies to all": {wallet.Changes{AppliesTo: &wallet.AppliesTo{}}, func(w *wallet.Wallet) { w.AppliesTo = wallet.AppliesTo{} }},
			"expiry": {wallet.Changes{ExpiresAt: wallet.Set(start.Add(90 * time.Minute).In(time.FixedZone("", 3600)))},
				func(w *wallet.Wallet) { w.ExpiresAt = start.Add(90 * time.Minute) }},
			"no expiry":   {wallet.Changes{ExpiresAt: &time.Time{}}, func(w *wallet.Wallet) { w.ExpiresAt = time.Time{} }},
			"limits":      {wallet.Changes{Limits: &wallet.Limits{MaxPaid: amount("9")}}, func(w *wallet.Wallet) { w.Limits = wallet.Limits{MaxPaid: amount("9")} }},
			"no limits":   {wallet.Changes{Limits: &wallet.Limits{}}, func(w *wallet.Wallet) { w.Limits = wallet.Limits{} }},
			"metadata":    {wallet.Changes{Metadata: map[string]string{"b": "2"}}, func(w *wallet.Wallet) { w.Metadata = map[string]string{"b": "2"} }},
			"no metadata": {wallet.Changes{Metadata: map[string]string{}}, func(w *wallet.Wallet) { w.Metadata = nil }},
		} {
			w.clock = start.Add(time.Second)
			spec := full
			spec.Customer = wallet.CustomerID(name)
			id := w.create(spec)
			want := before
			want.ID, want.Customer, want.CreatedAt, want.UpdatedAt = id, spec.Customer, w.clock, w.clock.Add(time.Minute)
			change.want(&want)
			w.wait(time.Minute)
			got, err := w.Update(ctx(), id, change.changes)
			wantErr(t, err, nil)
			if len(got.Metadata) == 0 {
				got.Metadata = nil
			}
			wantSame(t, got, want, name)
			wantSame(t, w.read(id), got, name+", read")
		}
	})
}

// An update that is refused changes nothing, not even the fields that are in order.
func TestUpdateRefused(t *testing.T) {
	w := newWorld(t)
	w.create(wallet.Spec{Code: "taken"})
	id := w.create(wallet.Spec{Name: "n"})
	for name, c := range map[string]wallet.Changes{
		"code":   {Code: wallet.Set("taken"), Name: wallet.Set("x"), Priority: wallet.Set(3)},
		"expiry": {ExpiresAt: wallet.Set(start), Name: wallet.Set("x"), Metadata: map[string]string{"a": "b"}},
	} {
		w.unchanged(func() {
			_, err := w.Update(ctx(), id, c)
			t.Logf("%s: %v", name, err)
			wantErr(t, err, wallet.ErrInvalid)
		})
	}
}

// A code is unique among a customer's active wallets, of whatever currency.
func TestCodes(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		refused := func(err error) {
			t.Helper()
			wantEqual(t, paths(err), []string{"code"}, "bad fields")
		}
		spec := wallet.Spec{Customer: "acme", Currency: "USD", Rate: amount("1"), Code: "main"}
		first := w.create(spec)
		_, err := w.Create(ctx(), spec)
		refused(err)
		euro := spec
		euro.Currency = "EUR"
		_, err = w.Create(ctx(), euro)
		refused(err)
		other := w.create(wallet.Spec{Code: "other"})
		_, err = w.Update(ctx(), other, wallet.Changes{Code: wallet.Set("main")})
		refused(err)

		w.create(wallet.Spec{Customer: "umbrella", Code: "main"}) // another customer's is free
		w.create(wallet.Spec{Code: "Main"})                       // capitals count
		w.create(wallet.Spec{})
		w.create(wallet.Spec{}) // no code is no code

		must(w.Update(ctx(), first, wallet.Changes{Code: wallet.Set("moved")})) // what was given up is free
		must(w.Update(ctx(), other, wallet.Changes{Code: wallet.Set("main")}))
		must(w.Terminate(ctx(), other)) // what a terminated wallet had is free
		must(w.Update(ctx(), first, wallet.Changes{Code: wallet.Set("main"), ExpiresAt: wallet.Set(start.Add(time.Hour))}))
		w.wait(time.Hour) // and so is what an expired one had, though nothing has booked that
		last := w.create(spec)

		named := must(wallet.Collect(w.Wallets(ctx(), wallet.WalletQuery{Customer: "acme", Code: "main"})))
		got := make([]wallet.ID, len(named))
		for i, found := range named {
			got[i] = found.ID
		}
		wantEqual(t, got, []wallet.ID{last, other, first}, "wallets of the code")
		n := must(w.CountWallets(ctx(), wallet.WalletQuery{Customer: "acme", Code: "main", Status: wallet.Active}))
		wantEqual(t, n, 1, "active ones")
	})
}

// Maps and slices are copied on their way in, and on their way out.
func TestCopies(t *testing.T) {
	w := newWorld(t)
	spoil := func(m map[string]string) { m["a"] = "spoilt" }
	fresh := func() map[string]string { return map[string]string{"a": "1"} }

	spec := wallet.Spec{Customer: "acme", Currency: "USD", Rate: amount("1"), Metadata: fresh(),
		AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{"charge"}, Metrics: []string{"gpu"}}, TopUp: wallet.TopUp{Granted: amount("9"), Metadata: fresh()}}
	created := must(w.Create(ctx(), spec))
	changes := wallet.Changes{Metadata: fresh(), AppliesTo: &wallet.AppliesTo{FeeTypes: []wallet.FeeType{"charge"}, Metrics: []string{"gpu"}}}
	updated := must(w.Update(ctx(), created.ID, changes))
	read := w.read(created.ID)
	for _, m := range []map[string]string{spec.Metadata, spec.TopUp.Metadata, created.Metadata, changes.Metadata, updated.Metadata, read.Metadata} {
		spoil(m)
	}
	for _, a := range []wallet.AppliesTo{spec.AppliesTo, created.AppliesTo, *changes.AppliesTo, updated.AppliesTo, read.AppliesTo} {
		a.FeeTypes[0], a.Metrics[0] = "spoilt", "spoilt"
	}

	top := wallet.TopUp{Paid: amount("1"), Granted: amount("1"), Metadata: fresh()}
	made := w.topUp(created.ID, top)
	bill := wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{ID: "a", Type: "charge", Amount: amount("1")}}, Metadata: fresh()}
	receipt := must(w.Charge(ctx(), bill))
	use := wallet.Debit{Credits: amount("1"), Fee: wallet.Fee{Type: "charge"}, Metadata: fresh()}
	used := must(w.Debit(ctx(), created.ID, use))
	back := wallet.Void{Credits: amount("1"), Metadata: fresh()}
	voided := must(w.Void(ctx(), created.ID, back))
	payment := wallet.Settlement{Metadata: fresh()}
	settled := must(w.Settle(ctx(), made[0].ID, payment))
	for _, m := range []map[string]string{top.Metadata, made[0].Metadata, made[1].Metadata, bill.Metadata, receipt.Transactions[0].Metadata,
		use.Metadata, used.Metadata, back.Metadata, voided.Metadata, payment.Metadata, settled[0].Metadata} {
		spoil(m)
	}
	bill.Fees[0].ID = "spoilt"
	receipt.Lines[0].Payments[0].Draws[0].Fee = "spoilt"
	for _, spoilt := range w.list(wallet.TransactionQuery{}) {
		spoil(spoilt.Metadata)
	}
	spoil(must(w.Transaction(ctx(), used.ID)).Metadata)
	records := func() (all []map[string]string) {
		for ev, err := range w.Events(ctx(), wallet.EventQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			if ev.Record != nil {
				all = append(all, ev.Record.Metadata)
			}
		}
		return all
	}
	for _, m := range records() {
		spoil(m)
	}

	again := w.read(created.ID)
	all := append(records(), again.Metadata)
	for _, tx := range w.list(wallet.TransactionQuery{}) {
		all = append(all, tx.Metadata)
		for _, d := range w.draws(tx.ID) {
			if d.Fee == "spoilt" {
				t.Errorf("draws of %s were shared", tx.ID)
			}
		}
	}
	for i, m := range all {
		if !maps.Equal(m, fresh()) {
			t.Errorf("metadata %d was shared: %v", i, m)
		}
	}
	if slices.Contains(again.AppliesTo.FeeTypes, "spoilt") || slices.Contains(again.AppliesTo.Metrics, "spoilt") {
		t.Errorf("what the wallet applies to was shared: %v", again.AppliesTo)
	}
}
