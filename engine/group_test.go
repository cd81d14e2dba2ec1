package engine_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// lotsUntil grants a wallet n lots of one credit that expire at an instant.
func (w *world) lotsUntil(id wallet.ID, n int, at time.Time) {
	w.t.Helper()
	for range n {
		w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresAt: at})
	}
}

// However many steps of other wallets are due at an instant, a wallet's own come whole, and in order.
func TestInstantOfManySteps(t *testing.T) {
	noon := start.Add(12 * time.Hour)
	for _, lots := range []int{0, 996, 997, 998, 999, 1000, 1001, 1999, 2000, 2001} {
		t.Run(fmt.Sprint(lots), func(t *testing.T) {
			w := newWorld(t)
			w.lotsUntil(w.create(wallet.Spec{Priority: 1}), lots, noon)
			w.create(wallet.Spec{Priority: 2, ExpiresAt: noon})
			ends := w.create(wallet.Spec{Priority: 3, ExpiresAt: noon, TopUp: wallet.TopUp{Granted: amount("5")}})
			goes := w.create(wallet.Spec{Priority: 4, Rules: []wallet.Rule{{Trigger: wallet.TriggerInterval, Every: wallet.Weekly, StartsAt: noon, Granted: amount("2")}},
				TopUp: wallet.TopUp{Granted: amount("7"), ExpiresAt: noon}})
			w.clock = noon
			ended := w.read(ends)
			if ended.Status != wallet.Terminated || !ended.Balance.Total().IsZero() {
				t.Errorf("the wallet that ends is %s, with balance %+v", ended.Status, ended.Balance)
			}
			var kinds []wallet.Kind
			all := w.list(wallet.TransactionQuery{Wallet: goes, OldestFirst: true})
			inTurn(t, all)
			for _, tx := range all {
				kinds = append(kinds, tx.Kind)
			}
			wantEqual(t, kinds, []wallet.Kind{wallet.Granted, wallet.Expired, wallet.Granted}, "steps of the wallet that goes on")
		})
	}
}

// A hold over two wallets and the lots it reserves end at one instant: what both wallets can spend is what it was before, so
// no threshold rule fires.
func TestHoldEndsInAllItsWallets(t *testing.T) {
	noon := start.Add(12 * time.Hour)
	w := newWorld(t)
	var ids []wallet.ID
	for range 2 {
		ids = append(ids, w.create(wallet.Spec{TopUp: wallet.TopUp{Granted: amount("10"), ExpiresAt: noon},
			Rules: []wallet.Rule{{Trigger: wallet.TriggerThreshold, Threshold: amount("5"), Paid: amount("100"), StartsAt: start.Add(time.Hour)}}}))
	}
	must(w.Authorize(ctx(), wallet.Authorization{Customer: "acme", Currency: "USD", Money: amount("20"), For: 12 * time.Hour}))
	w.clock = noon
	for i, id := range ids {
		found := w.read(id)
		wantEqual(t, fmt.Sprint(found.Balance.Spendable, found.Balance.Held, found.Balance.Pending), "0 0 0", fmt.Sprint("spendable, held and pending of wallet ", i))
	}
}

// A level that is crossed within an instant is reported once, however many commits the instant takes.
func TestAlertOfManySteps(t *testing.T) {
	noon := start.Add(12 * time.Hour)
	for _, level := range []string{"1300", "700", "100"} {
		for _, lots := range []int{1, 1500} {
			w := newWorld(t)
			w.use(policy.Policy{Alerts: []policy.Alert{{Name: "low", Of: policy.Spendable, Level: amount(level)}}})
			id := w.open("0")
			for range lots {
				w.topUp(id, wallet.TopUp{Granted: must(amount("1500").QuoRound(amount(fmt.Sprint(lots)), 0, wallet.RoundDown)), ExpiresAt: noon})
			}
			w.clock = noon
			alerts := 0
			for ev, err := range w.Events(ctx(), wallet.EventQuery{Wallet: id}) {
				if err != nil {
					t.Fatal(err)
				}
				if ev.Kind == wallet.EventAlerted && ev.At.Equal(noon) {
					alerts++
				}
			}
			wantEqual(t, alerts, 1, fmt.Sprintf("alerts at level %s of 1500 credits in %d lots", level, lots))
		}
	}
}

// A read ends also if the clock jumps back while it reads.
func TestReadWhileClockJumpsBack(t *testing.T) {
	w := newWorld(t)
	id := w.open("0")
	w.lotsUntil(id, 1, start.Add(time.Hour))
	early, late := w.clock, start.Add(2*time.Hour)
	readings := 0
	w.tell = func() time.Time {
		if readings++; readings > 100 {
			panic(errors.New("the clock is read again and again"))
		}
		if readings == 1 {
			return late
		}
		return early
	}
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("%v", p)
		}
	}()
	w.read(id)
}
