package wallet_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store/memory"
)

var ctx = context.Background()

// A wallet with free credits and bought ones pays a bill.
func Example() {
	eng := engine.New(memory.New(), nil)

	w, err := eng.Create(ctx, wallet.Spec{
		Customer: "acme", Currency: "USD", Rate: wallet.MustAmount("0.50"), // a credit is worth 50 cents
		TopUp: wallet.TopUp{Granted: wallet.MustAmount("20"), Name: "welcome"},
	})
	if err != nil {
		log.Fatal(err)
	}

	bought, err := eng.TopUp(ctx, w.ID, wallet.TopUp{Money: wallet.MustAmount("100"), Reference: "INV-1"})
	if err != nil {
		log.Fatal(err)
	}
	if _, err := eng.Settle(ctx, bought[0].ID, wallet.Settlement{}); err != nil { // when INV-1 is paid
		log.Fatal(err)
	}

	receipt, err := eng.Charge(ctx, wallet.Charge{
		Customer: "acme", Currency: "USD", Key: "bill 2026-01", // asking again under this key pays nothing twice
		Fees: []wallet.Fee{
			{ID: "plan", Type: wallet.FeeSubscription, Amount: wallet.MustAmount("49")},
			{ID: "calls", Type: wallet.FeeCharge, Amount: wallet.MustAmount("70.25")},
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("covered", receipt.Covered, "not covered", receipt.Uncovered)

	// Output:
	// covered 110 not covered 9.25
}

// A purchase changes no balance before it is settled; a grant is there at once.
func ExampleTopUp() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{})

	added := must(eng.TopUp(ctx, w.ID, wallet.TopUp{Paid: wallet.MustAmount("15"), Granted: wallet.MustAmount("5")}))
	b := must(eng.Wallet(ctx, w.ID)).Balance
	fmt.Println(added[0].Kind, added[0].State, "-", added[1].Kind, added[1].State, "- balance", b.Spendable, "pending", b.Pending)

	must(eng.Settle(ctx, added[0].ID, wallet.Settlement{Metadata: map[string]string{"payment": "ch_1"}}))
	b = must(eng.Wallet(ctx, w.ID)).Balance
	fmt.Println("settled - balance", b.Spendable, "pending", b.Pending)

	// Output:
	// purchased pending - granted settled - balance 5 pending 15
	// settled - balance 20 pending 0
}

// A policy that completes purchases by card as they are made.
func ExampleTopUp_autoComplete() {
	byCard := func(_ wallet.Wallet, t wallet.Transaction) bool { return t.Metadata["payment"] == "card" }
	eng := engine.New(memory.New(), &engine.Options{Policy: policy.Policy{AutoComplete: byCard}})
	w := create(eng, wallet.Spec{})

	for _, payment := range []string{"card", "invoice"} {
		added := must(eng.TopUp(ctx, w.ID, wallet.TopUp{
			Paid: wallet.MustAmount("10"), Metadata: map[string]string{"payment": payment},
		}))
		fmt.Println(payment, added[0].State)
	}

	// Output:
	// card settled
	// invoice pending
}

// A debit takes credits from one wallet: all of them, or none.
func ExampleDebit() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("10")}})

	t := must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("7.5"), Fee: wallet.Fee{Type: wallet.FeeCharge}}))
	fmt.Println(t.Kind, t.Credits, "left", t.BalanceAfter)

	_, err := eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("5")})
	var short *wallet.InsufficientError
	if errors.As(err, &short) {
		fmt.Println("needed", short.Needed, "available", short.Available)
	}

	// Output:
	// consumed 7.5 left 2.5
	// needed 5 available 2.5
}

// A charge is paid by all of a customer's wallets that cover its fees, in order of their priority.
func ExampleCharge() {
	eng := engine.New(memory.New(), nil)
	create(eng, wallet.Spec{
		Name: "promotional", Priority: 1, AppliesTo: wallet.AppliesTo{FeeTypes: []wallet.FeeType{wallet.FeeCharge}},
		TopUp: wallet.TopUp{Granted: wallet.MustAmount("30")},
	})
	create(eng, wallet.Spec{Name: "prepaid", Priority: 2, TopUp: wallet.TopUp{Granted: wallet.MustAmount("60")}})

	receipt := must(eng.Charge(ctx, wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{
		{ID: "plan", Type: wallet.FeeSubscription, Amount: wallet.MustAmount("49")},
		{ID: "calls", Type: wallet.FeeCharge, Amount: wallet.MustAmount("50")},
	}}))
	for _, line := range receipt.Lines {
		fmt.Print(line.Fee.ID, ": not covered ", line.Uncovered)
		for _, p := range line.Payments {
			fmt.Print(", ", must(eng.Wallet(ctx, p.Wallet)).Name, " ", p.Amount)
		}
		fmt.Println()
	}

	// Output:
	// plan: not covered 0, prepaid 49
	// calls: not covered 9, promotional 30, prepaid 11
}

// The same request under the same key is answered as before, and changes nothing.
func ExampleCharge_retry() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("100")}})

	bill := wallet.Charge{Customer: "acme", Currency: "USD", Key: "bill 2026-01", Fees: []wallet.Fee{{Amount: wallet.MustAmount("40")}}}
	first := must(eng.Charge(ctx, bill))
	again := must(eng.Charge(ctx, bill))
	fmt.Println("the same:", first.Transactions[0].ID == again.Transactions[0].ID, "- left", must(eng.Wallet(ctx, w.ID)).Balance.Spendable)

	bill.Fees[0].Amount = wallet.MustAmount("41")
	_, err := eng.Charge(ctx, bill)
	fmt.Println("another bill:", errors.Is(err, wallet.ErrKeyReused))

	// Output:
	// the same: true - left 60
	// another bill: true
}

// A void takes credits back. It can name the lot, and what it corrects.
func ExampleVoid() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{})
	typo := must(eng.TopUp(ctx, w.ID, wallet.TopUp{Granted: wallet.MustAmount("500")}))[0]

	t := must(eng.Void(ctx, w.ID, wallet.Void{
		Credits: wallet.MustAmount("450"), Lot: typo.ID, Corrects: typo.ID, Reason: "500 was 50",
	}))
	fmt.Println(t.Kind, t.Credits, "left", t.BalanceAfter)

	// Output:
	// voided 450 left 50
}

// Credits are reserved before the work, and spent as far as it took them.
func ExampleAuthorization() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("100")}})

	hold := must(eng.Authorize(ctx, wallet.Authorization{Wallet: w.ID, Credits: wallet.MustAmount("30"), For: time.Hour}))
	b := must(eng.Wallet(ctx, w.ID)).Balance
	fmt.Println("spendable", b.Spendable, "held", b.Held)

	must(eng.Capture(ctx, hold.ID, wallet.Capture{Credits: wallet.MustAmount("12.5")}))
	b = must(eng.Wallet(ctx, w.ID)).Balance
	fmt.Println("spendable", b.Spendable, "held", b.Held, "consumed", b.Consumed)

	// Output:
	// spendable 70 held 30
	// spendable 87.5 held 0 consumed 12.5
}

// A refund returns consumed credits to what they were.
func ExampleRefund() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("100")}})
	paid := must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("40")}))

	back := must(eng.Refund(ctx, paid.ID, wallet.Refund{Credits: wallet.MustAmount("15"), Reason: "outage"}))
	fmt.Println(back[0].Kind, back[0].Credits, "balance", back[0].BalanceAfter)

	_, err := eng.Refund(ctx, paid.ID, wallet.Refund{Credits: wallet.MustAmount("26")})
	fmt.Println("more than was paid:", errors.Is(err, wallet.ErrInsufficient))

	// Output:
	// refunded 15 balance 75
	// more than was paid: true
}

// Credits move between two wallets of a customer, and keep their origin, priority and expiry.
func ExampleTransfer() {
	eng := engine.New(memory.New(), nil)
	from := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("100")}})
	to := create(eng, wallet.Spec{})

	for _, t := range must(eng.Transfer(ctx, from.ID, to.ID, wallet.Transfer{Credits: wallet.MustAmount("30")})) {
		fmt.Println(t.Kind, t.Credits, "balance", t.BalanceAfter)
	}

	// Output:
	// transferred_out 30 balance 70
	// transferred_in 30 balance 30
}

// Every change is an event, written in the same commit. A reader keeps the last cursor it saw.
func ExampleEvent() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("10")}})
	must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("4")}))

	var seen wallet.Cursor
	for e, err := range eng.Events(ctx, wallet.EventQuery{Wallet: w.ID}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(e.Number, e.Kind, e.Credits)
		seen = e.Cursor
	}

	must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("1")}))
	for e, err := range eng.Events(ctx, wallet.EventQuery{Wallet: w.ID, After: seen}) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("then", e.Number, e.Kind, e.Credits)
	}

	// Output:
	// 1 created 0
	// 2 topped_up 10
	// 3 settled 10
	// 4 consumed 4
	// then 5 consumed 1
}

// Draws tell which lots paid for what.
func ExampleDraw() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("30"), Name: "first"}})
	must(eng.TopUp(ctx, w.ID, wallet.TopUp{Granted: wallet.MustAmount("50"), Name: "second"}))

	t := must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("60")}))
	for d, err := range eng.Draws(ctx, t.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(d.Credits, "from the", must(eng.Transaction(ctx, d.Lot)).Name)
	}

	// Output:
	// 30 from the first
	// 30 from the second
}

// The order in which credits are spent is a policy.
func Example_order() {
	order := policy.Order{policy.PurchasedFirst, policy.SoonestExpiry, policy.OldestFirst}
	eng := engine.New(memory.New(), &engine.Options{Policy: policy.Policy{Order: order, AutoComplete: policy.Always}})
	w := create(eng, wallet.Spec{})
	must(eng.TopUp(ctx, w.ID, wallet.TopUp{Paid: wallet.MustAmount("10"), Granted: wallet.MustAmount("10")}))

	must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("15")}))
	for lot, err := range eng.Lots(ctx, w.ID) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(lot.Kind, lot.Remaining)
	}

	// Output:
	// granted 5
}

// A preview says what a charge would pay, and writes nothing.
func ExampleReceipt() {
	eng := engine.New(memory.New(), nil)
	create(eng, wallet.Spec{Rate: wallet.MustAmount("3"), TopUp: wallet.TopUp{Granted: wallet.MustAmount("10")}})

	receipt := must(eng.Preview(ctx, wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: wallet.MustAmount("10")}}}))
	fmt.Println("covers", receipt.Covered, "with", receipt.Lines[0].Payments[0].Credits, "credits")

	// Output:
	// covers 10 with 3.333333333333 credits
}

// A wallet can change while it is active; terminated, it never changes again.
func ExampleChanges() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("10")}})

	w = must(eng.Update(ctx, w.ID, wallet.Changes{Name: wallet.Set("Team"), Priority: wallet.Set(3)}))
	fmt.Println(w.Name, w.Priority, w.Status)

	w = must(eng.Terminate(ctx, w.ID))
	_, err := eng.Update(ctx, w.ID, wallet.Changes{Name: wallet.Set("Again")})
	fmt.Println(w.Status, w.Balance.Spendable, errors.Is(err, wallet.ErrTerminated))

	// Output:
	// Team 3 active
	// terminated 0 true
}

// A page of the history, and the one behind it.
func ExampleTransactionQuery() {
	eng := engine.New(memory.New(), nil)
	w := create(eng, wallet.Spec{TopUp: wallet.TopUp{Granted: wallet.MustAmount("100")}})
	for _, credits := range []string{"1", "2", "3"} {
		must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount(credits)}))
	}

	page := wallet.TransactionQuery{Customer: "acme", Limit: 2} // newest first
	for number := range 2 {
		fmt.Println("page", number+1)
		for t, err := range eng.Transactions(ctx, page) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(t.Kind, t.Credits)
			page.After = t.ID
		}
	}

	// Output:
	// page 1
	// consumed 3
	// consumed 2
	// page 2
	// consumed 1
	// granted 100
}

// Amounts are exact; only what is named Round loses digits.
func ExampleAmount() {
	tenth := wallet.MustAmount("0.1")
	fmt.Println(tenth.Add(tenth).Add(tenth))

	third, err := wallet.MustAmount("1").QuoRound(wallet.MustAmount("3"), 12, wallet.RoundDown)
	fmt.Println(third, err)

	_, err = wallet.ParseAmount("1e400")
	fmt.Println(errors.Is(err, wallet.ErrInvalid))

	// Output:
	// 0.3
	// 0.333333333333 <nil>
	// true
}

// create creates a wallet of acme's, in dollars, one a credit if the spec does not say otherwise.
func create(eng *engine.Engine, spec wallet.Spec) wallet.Wallet {
	spec.Customer, spec.Currency = "acme", "USD"
	if spec.Rate.IsZero() {
		spec.Rate = wallet.MustAmount("1")
	}
	return must(eng.Create(ctx, spec))
}

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}
