package storetest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// testInstant looks at two wallets just before, at and after the instant at which everything in them ends.
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
		w, m := newWorld(open(t), unwarned(p)), newModel(p)
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
	}
}

// testSteps takes the order of the steps within one instant from the feed: for each wallet in wallet order, holds that end,
// lots that expire in spending order, purchases that lapse, the wallet's own expiry (dropping its later steps), interval rules
// in list order; then threshold rules; then alerts.
func testSteps(t *testing.T, s store.Store) {
	n := func(a string) wallet.Amount { return wallet.MustAmount(a) }
	over, never := start.Add(time.Hour), time.Time{}
	interval := func(granted string) wallet.Rule {
		return wallet.Rule{Trigger: wallet.TriggerInterval, Every: wallet.Monthly, Granted: n(granted), StartsAt: over}
	}
	threshold := func(level, granted string) wallet.Rule {
		return wallet.Rule{Trigger: wallet.TriggerThreshold, Threshold: n(level), Granted: n(granted)}
	}
	create := func(priority int, expiry time.Time, rules ...wallet.Rule) step {
		return step{Do: doCreate, Spec: &wallet.Spec{Customer: "c0", Currency: "USD", Rate: n("1"), Priority: priority, ExpiresAt: expiry, Rules: rules}}
	}
	topUp := func(w int, t wallet.TopUp) step { return step{Do: doTopUp, Wallet: w, TopUp: &t} }
	hold := func(w int, credits string) step {
		return step{Do: doAuthorize, Wallet: w, Authorization: &wallet.Authorization{Credits: n(credits), For: time.Hour}}
	}
	story := []step{
		create(2, over, interval("90")), // w0 ends at the instant
		topUp(0, wallet.TopUp{Granted: n("3"), Priority: 1, ExpiresAt: over}),
		topUp(0, wallet.TopUp{Granted: n("2"), ExpiresAt: never}),
		topUp(0, wallet.TopUp{Paid: n("4"), ExpiresAt: over}),
		hold(0, "1"),
		create(3, never, threshold("35", "40")), // w1 is last
		topUp(1, wallet.TopUp{Granted: n("10"), ExpiresAt: over}),
		topUp(1, wallet.TopUp{Granted: n("31")}),
		create(1, never, interval("1"), threshold("25", "50"), interval("1.5")), // w2 is first
		topUp(2, wallet.TopUp{Granted: n("5"), Priority: 2, ExpiresAt: over}),
		topUp(2, wallet.TopUp{Granted: n("6"), Priority: 1, ExpiresAt: over}),
		topUp(2, wallet.TopUp{Paid: n("7"), ExpiresAt: over}),
		topUp(2, wallet.TopUp{Granted: n("20")}),
		hold(2, "2"),
	}
	w := newWorld(s, policy.Policy{Alerts: []policy.Alert{{Name: "low", Level: n("30")}}})
	for _, s := range story {
		s.At, s.Other, s.Lot = start, none, none
		if _, err := w.do(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
	w.clock = over.Add(time.Minute)
	if _, err := w.eng.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	name := make(map[wallet.ID]string)
	for i, id := range w.wallets {
		name[id] = fmt.Sprint("w", i)
	}
	var got []string
	for e, err := range w.eng.Events(t.Context(), wallet.EventQuery{}) {
		if err != nil {
			t.Fatal(err)
		}
		if e.At.After(start) {
			got = append(got, fmt.Sprintf("%s %s %s", name[e.Wallet], e.Kind, e.Credits))
		}
		if e.At.After(start) && !e.At.Equal(over) {
			t.Errorf("%s at %s, want %s", e.Kind, e.At, over)
		}
	}
	want := []string{
		"w2 released 2", "w2 expired 6", "w2 expired 5", "w2 lapsed 7",
		"w2 fired 1", "w2 topped_up 1", "w2 settled 1", "w2 fired 1.5", "w2 topped_up 1.5", "w2 settled 1.5",
		"w0 released 1", "w0 expired 3", "w0 lapsed 4", "w0 expired 2", "w0 failed 0", "w0 terminated 0",
		"w1 expired 10",
		"w2 fired 50", "w2 topped_up 50", "w2 settled 50", "w1 fired 40", "w1 topped_up 40", "w1 settled 40",
		"w2 recovered 72.5",
	}
	if d := diff(strings.Join(want, "\n"), strings.Join(got, "\n")); d != "" {
		t.Errorf("%s", d)
	}
}
