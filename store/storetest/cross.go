package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
)

// Many debits cross one threshold at once: each of its rules makes one purchase, each level is reported once.
func testCrossing(t *testing.T, a *arena) {
	n := func(amount int) wallet.Amount { return wallet.MustAmount(fmt.Sprint(amount)) }
	least := n(*callers / 2) // what is left when half of them have debited
	rule := func(r wallet.Rule) wallet.Rule {
		r.Trigger, r.Threshold = wallet.TriggerThreshold, least
		return r
	}
	for i, p := range []policy.Policy{{}, {AutoComplete: policy.Always}} {
		p.Alerts = []policy.Alert{{Name: "low", Level: n(*callers * 3 / 4)}}
		a := &arena{store: a.store, eng: engine.New(a.store, &engine.Options{Policy: p, Now: func() time.Time { return start }})}
		for name, rules := range map[string][]wallet.Rule{
			"fixed":  {rule(wallet.Rule{Paid: n(1000)})},
			"target": {rule(wallet.Rule{Method: wallet.MethodTarget, Target: n(1000)})},
			"pair":   {rule(wallet.Rule{Paid: n(1000), Granted: n(1)})},
			"two":    {rule(wallet.Rule{Paid: n(1000)}), rule(wallet.Rule{Paid: n(2000)})}, // the first is enough
		} {
			customer := wallet.CustomerID(fmt.Sprint(name, i))
			w := a.create(t, wallet.Spec{Customer: customer, Rules: rules, TopUp: wallet.TopUp{Granted: n(*callers)}})
			a.all(*callers, func(i int) {
				var err error
				if i%2 == 0 {
					_, err = a.eng.Debit(t.Context(), w.ID, wallet.Debit{Credits: n(1)})
				} else {
					_, err = a.eng.Charge(t.Context(), wallet.Charge{Customer: customer, Currency: "USD", Fees: []wallet.Fee{{Amount: n(1)}}, Whole: true})
				}
				if err != nil {
					t.Errorf("%s: caller %d: %v", customer, i, err)
				}
			})
			b := a.audit(t, w.ID)
			purchases := 0
			for _, tx := range b.Transactions {
				if tx.Source == wallet.SourceThreshold && tx.Kind == wallet.Purchased {
					purchases++
				}
			}
			count := make(map[wallet.EventKind]int)
			for _, e := range b.Events {
				count[e.Kind]++
			}
			if alerted := count[wallet.EventAlerted]; purchases != 1 || count[wallet.EventFired] != 1 || alerted != 1 {
				t.Errorf("%s: %d purchases, %d rules fired, %d alerts, want one of each", customer, purchases, count[wallet.EventFired], alerted)
			}
		}
	}
}
