package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// A policy's Applies takes the place of AppliesTo, for debits and charges, and sees the wallet as it is at that moment.
func TestApplies(t *testing.T) {
	w := newWorld(t)
	var seen []string
	w.use(policy.Policy{Applies: func(w wallet.Wallet, f wallet.Fee) bool {
		seen = append(seen, fmt.Sprintf("%s %s %s", w.Name, w.Balance.Spendable, f.ID))
		return w.Name == f.Metric
	}})
	gpu := w.create(wallet.Spec{Name: "gpu", Priority: 2, TopUp: wallet.TopUp{Granted: amount("10")}})
	cpu := w.create(wallet.Spec{Name: "cpu", Priority: 1, AppliesTo: wallet.AppliesTo{Metrics: []string{"gpu"}}, TopUp: wallet.TopUp{Granted: amount("10")}})
	_, err := w.Debit(ctx(), cpu, wallet.Debit{Credits: amount("1"), Fee: wallet.Fee{ID: "a", Metric: "gpu"}})
	wantErr(t, err, wallet.ErrNotApplicable)
	must(w.Debit(ctx(), gpu, wallet.Debit{Credits: amount("1"), Fee: wallet.Fee{ID: "b", Metric: "gpu"}}))
	wantEqual(t, seen, []string{"cpu 10 a", "gpu 10 b"}, "what the policy saw of the debits")

	seen = nil
	r := must(w.Charge(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{
		{ID: "c", Metric: "gpu", Amount: amount("20")}, {ID: "d", Amount: amount("5")}}}))
	wantEqual(t, r.Covered.String(), "9", "covered")
	for _, line := range []string{"cpu 10 c", "gpu 9 c", "cpu 10 d", "gpu 9 d"} {
		found := false
		for _, s := range seen {
			found = found || s == line
		}
		if !found {
			t.Errorf("the policy was not asked about %q but %q", line, seen)
		}
	}
}

// AutoComplete decides purchase by purchase.
func TestAutoComplete(t *testing.T) {
	w := newWorld(t)
	w.use(policy.Policy{AutoComplete: func(w wallet.Wallet, t wallet.Transaction) bool {
		if t.Kind != wallet.Purchased || t.State != wallet.Pending || t.ID.IsZero() || t.Wallet != w.ID || t.Customer != "acme" {
			panic(fmt.Sprintf("the policy saw %+v of %+v", t, w))
		}
		return t.Reference == "invoiced" && w.Balance.Spendable.Cmp(amount("100")) < 0
	}})
	id := w.open("0.5")
	for _, test := range []struct {
		reference string
		want      wallet.State
	}{{"", wallet.Pending}, {"invoiced", wallet.Settled}, {"invoiced", wallet.Settled}, {"invoiced", wallet.Pending}} {
		made := w.topUp(id, wallet.TopUp{Paid: amount("60"), Granted: amount("1"), GrantOnSettle: true, Reference: test.reference})
		wantEqual(t, []wallet.State{made[0].State, made[1].State}, []wallet.State{test.want, test.want}, "states")
		wantEqual(t, made[0].SettledAt.IsZero(), test.want == wallet.Pending, "unsettled")
	}
	wantEqual(t, fmt.Sprint(w.read(id).Balance.Spendable, w.read(id).Balance.Pending), "122.5 122", "spendable and pending")
}

// A purchase that completes at once counts its time from then.
func TestAutoCompleteExpiry(t *testing.T) {
	w := newWorld(t)
	w.use(policy.Policy{AutoComplete: policy.Always})
	made := w.topUp(w.open("0"), wallet.TopUp{Paid: amount("1"), Granted: amount("1"), ExpiresIn: time.Hour})
	for _, tx := range made {
		wantEqual(t, tx.ExpiresAt, start.Add(time.Hour), "expiry")
		wantEqual(t, tx.ExpiresIn, time.Hour, "duration")
	}
}

// An engine with another order on the same store puts a customer's lots into its own, and back again.
func TestOrders(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		id, idle := w.open("0"), w.create(wallet.Spec{Customer: "umbrella", TopUp: wallet.TopUp{Granted: amount("1")}})
		const n = 300 // more than a page
		for i := range n {
			w.clock = start.Add(time.Duration(i) * time.Second)
			w.topUp(id, wallet.TopUp{Granted: amount(fmt.Sprint(i + 1))})
		}
		orders := map[bool]policy.Order{true: {policy.NewestFirst}, false: {policy.OldestFirst}}
		for round, newest := range []bool{false, true, false, true, true, false} {
			w.use(policy.Policy{Order: orders[newest]})
			var got wallet.Lot
			switch round % 3 { // whatever comes first must re-key
			case 0:
				first := must(w.Debit(ctx(), id, wallet.Debit{Credits: amount("0.001")}))
				got = wallet.Lot{ID: w.draws(first.ID)[0].Lot}
			case 1:
				got = w.lots(id)[0]
			default:
				r := must(w.Preview(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: amount("0.001")}}}))
				got = wallet.Lot{ID: r.Lines[0].Payments[0].Draws[0].Lot}
			}
			lots := w.lots(id)
			wantEqual(t, len(lots), n, "lots")
			wantEqual(t, got.ID, lots[0].ID, "the first lot")
			for i := range lots[1:] {
				if lots[i].OpenedAt.Before(lots[i+1].OpenedAt) == newest {
					t.Fatalf("round %d: lot %d opened at %s, the next at %s", round, i, lots[i].OpenedAt, lots[i+1].OpenedAt)
				}
			}
		}
		wantEqual(t, w.spendable(idle), "1", "another customer's balance")
	})
}

// With is the same engine over another store.
func TestWith(t *testing.T) {
	w := newWorld(t)
	w.use(policy.Policy{AutoComplete: policy.Always, OnTerminate: policy.KeepRemaining, Order: policy.Order{policy.NewestFirst}})
	w.clock = start.AddDate(1, 0, 0)
	id := w.open("5")
	there := w.With(memory.New())
	_, err := there.Wallet(ctx(), id)
	wantErr(t, err, wallet.ErrNotFound)
	other := must(there.Create(ctx(), wallet.Spec{Customer: "acme", Currency: "USD", Rate: amount("1"), TopUp: wallet.TopUp{Paid: amount("5")}}))
	wantEqual(t, other.CreatedAt, w.clock, "the clock")
	wantEqual(t, other.Balance.Spendable.String(), "5", "spendable")
	wantEqual(t, must(there.Terminate(ctx(), other.ID)).Balance.Kept.String(), "5", "kept")
	wantEqual(t, w.spendable(id), "5", "spendable here")
	back := there.With(w.store)
	wantEqual(t, must(back.Wallet(ctx(), id)).Balance.Spendable.String(), "5", "spendable here again")
}

// What a termination keeps stays as it was, whatever time and other engines do.
func TestKeepRemaining(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{OnTerminate: policy.KeepRemaining})
		id := w.create(wallet.Spec{ExpiresAt: start.Add(2 * time.Hour)})
		w.topUp(id, wallet.TopUp{Granted: amount("2")})
		w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresAt: start.Add(time.Hour)})
		w.topUp(id, wallet.TopUp{Paid: amount("4"), ExpiresAt: start.Add(3 * time.Hour)})
		ended := must(w.Terminate(ctx(), id))
		wantEqual(t, fmt.Sprint(ended.Balance.Spendable, ended.Balance.Kept, ended.Balance.Pending), "0 3 0", "spendable, kept and pending")
		wantEqual(t, ended.Balance.Total().String(), "3", "total")
		w.unchanged(func() {
			w.wait(240 * time.Hour)
			wantEqual(t, must(w.Tick(ctx())), 0, "customers with something due")
			w.use(policy.Policy{Order: policy.Order{policy.NewestFirst}})
			r := must(w.Charge(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: amount("1")}}}))
			wantEqual(t, r.Covered.String(), "0", "covered")
			must(w.Terminate(ctx(), id))
		})
	})
}

// A wallet that expires keeps nothing, whatever the policy says of terminations.
func TestExpiryKeepsNothing(t *testing.T) {
	w := newWorld(t)
	w.use(policy.Policy{OnTerminate: policy.KeepRemaining})
	id := w.create(wallet.Spec{ExpiresAt: start.Add(time.Hour), TopUp: wallet.TopUp{Granted: amount("2")}})
	w.wait(time.Hour)
	got := w.read(id)
	wantEqual(t, fmt.Sprint(got.Status, got.Balance.Total(), got.TerminatedAt.Equal(start.Add(time.Hour))), "terminated0 true", "the wallet")
}

// What a policy lists is copied: the engine keeps its order and its alerts, whatever becomes of the lists.
func TestPolicyLists(t *testing.T) {
	w, order := newWorld(t), policy.Order{policy.OldestFirst}
	alerts := []policy.Alert{{Name: "low", Level: amount("5")}}
	w.use(policy.Policy{Order: order, Alerts: alerts})
	id := w.open("1")
	order[0], alerts[0].Name = policy.NewestFirst, "other"
	var got []string
	for _, n := range []string{"2", "3", "4"} {
		w.wait(time.Second)
		w.topUp(id, wallet.TopUp{Granted: amount(n)})
	}
	for _, l := range w.lots(id) {
		got = append(got, l.Credits.String())
	}
	if want := []string{"1", "2", "3", "4"}; !slices.Equal(got, want) {
		t.Errorf("spent in the order %v, want %v", got, want)
	}
	for _, ev := range must(wallet.Collect(w.Events(ctx(), wallet.EventQuery{Wallet: id}))) {
		if ev.Alert != "" && ev.Alert != "low" {
			t.Errorf("%s %q", ev.Kind, ev.Alert)
		}
	}
}
