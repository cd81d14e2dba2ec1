package wallet_test

import (
	"fmt"
	"log"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store/memory"
)

// Credits expire at their own instant, whoever looks and whenever.
func ExampleLot() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	eng := engine.New(memory.New(), &engine.Options{Now: func() time.Time { return now }})
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("50")}})
	must(eng.TopUp(ctx, w.ID, wallet.TopUp{Granted: wallet.MustAmount("30"), ExpiresIn: 24 * time.Hour}))

	for lot, err := range eng.Lots(ctx, w.ID) { // in the order they will be spent
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(lot.Remaining, "credits, expiring:", !lot.ExpiresAt.IsZero())
	}

	now = now.AddDate(0, 1, 0)
	fmt.Println("a month later:", must(eng.Wallet(ctx, w.ID)).Balance.Spendable)
	for t, err := range eng.Transactions(ctx, wallet.TransactionQuery{Wallet: w.ID, Kinds: []wallet.Kind{wallet.Expired}}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(t.Kind, t.Credits, "at", t.CreatedAt.Format(time.DateTime))
	}

	// Output:
	// 30 credits, expiring: true
	// 50 credits, expiring: false
	// a month later: 50
	// expired 30 at 2026-01-02 00:00:00
}

// A rule tops a wallet up by itself; month ends do not drift.
func ExampleRule() {
	now := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	eng := engine.New(memory.New(), &engine.Options{Now: func() time.Time { return now }})
	w := create(eng, wallet.Spec{Rules: []wallet.Rule{{
		Trigger: wallet.TriggerInterval, Every: wallet.Monthly, Granted: wallet.MustAmount("100"), UntilNext: true,
	}}})

	now = now.AddDate(0, 3, 0)
	for t, err := range eng.Transactions(ctx, wallet.TransactionQuery{Wallet: w.ID, OldestFirst: true}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(t.CreatedAt.Format(time.DateOnly), t.Kind, t.Credits)
	}

	// Output:
	// 2026-02-28 granted 100
	// 2026-03-31 expired 100
	// 2026-03-31 granted 100
	// 2026-04-30 expired 100
	// 2026-04-30 granted 100
}

// Usage that is not billed yet lowers the net balance, and lets a threshold rule buy in time.
func ExampleRule_threshold() {
	eng := engine.New(memory.New(), nil)
	create(eng, wallet.Spec{
		TopUp: wallet.TopUp{Granted: wallet.MustAmount("20")},
		Rules: []wallet.Rule{{Trigger: wallet.TriggerThreshold, Threshold: wallet.MustAmount("10"), Paid: wallet.MustAmount("50")}},
	})

	for _, used := range []string{"8", "15"} {
		set := must(eng.SetOngoing(ctx, wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: wallet.MustAmount(used)}}}))
		b := must(eng.Wallet(ctx, set[0].ID)).Balance
		fmt.Println("spendable", b.Spendable, "ongoing", b.Ongoing, "net", b.Net(), "pending", b.Pending)
	}

	// Output:
	// spendable 20 ongoing 8 net 12 pending 0
	// spendable 20 ongoing 15 net 5 pending 50
}

// Nothing depends on when it runs, but a Tick now and then books what is due of customers that nobody asks about.
func Example_tick() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	eng := engine.New(memory.New(), &engine.Options{Now: func() time.Time { return now }})
	create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("30"), ExpiresIn: 24 * time.Hour}})

	fmt.Println(must(eng.Tick(ctx)), "customers had something due")
	now = now.AddDate(0, 0, 2)
	fmt.Println(must(eng.Tick(ctx)), "had, two days later")

	// Output:
	// 0 customers had something due
	// 1 had, two days later
}
