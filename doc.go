// Package wallet is the vocabulary of prepaid credits: what a customer's wallets take in, pay out and hold, as exact figures.
//
// There are only a few types:
//
//   - A [Wallet] belongs to one customer, in one currency, at one rate of money per credit. It says which fees it pays.
//   - A [Transaction] is one change of its credits: purchased or granted, consumed, refunded, transferred, voided or
//     expired. It never changes once it is settled or failed.
//   - A [Lot] is what remains of one settled purchase or grant: until when, and in what order it is spent.
//   - A [Draw] says how much of which lot an outbound transaction took. Nothing is spent without one.
//   - A [Hold] is credits reserved for what is yet to be spent.
//   - An [Event] tells of one change, in the same commit.
//   - An [Amount] is an exact decimal, and [Money] an amount of a currency.
//
// The rules are in package engine. Open a store (package memory, sqlite or another), make an engine over it, and call, in
// about this order:
//
//	eng := engine.New(store, nil)
//	w, err := eng.Create(ctx, wallet.Spec{…})             // a wallet
//	ts, err := eng.TopUp(ctx, w.ID, wallet.TopUp{…})      // credits: granted ones at once, …
//	ts, err = eng.Settle(ctx, ts[0].ID, …)                // … purchased ones when they are paid
//	receipt, err := eng.Charge(ctx, wallet.Charge{…})     // a bill, paid from all the customer's wallets
//	t, err := eng.Debit(ctx, w.ID, wallet.Debit{…})       // or a single use, from one
//	h, err := eng.Authorize(ctx, wallet.Authorization{…}) // or reserve first, …
//	c, err := eng.Capture(ctx, h.ID, wallet.Capture{…})   // … and spend as much as it took
//	for t, err := range eng.Transactions(ctx, …) { … }    // everything that ever happened
//
// There is a runnable example of each below. What a command refuses is one of the errors named Err…, to be matched with
// [errors.Is].
package wallet
