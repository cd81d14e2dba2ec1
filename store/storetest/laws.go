package storetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// testLaws takes commands after random stories that undo each other, or come to the same.
func testLaws(t *testing.T, open func(testing.TB) store.Store) {
	p := policies[0]
	p.Alerts = nil
	check(t, func(rt *rapid.T) {
		story, _ := writeStory(rt, p)
		if len(story) == 0 {
			return
		}
		l := &laws{rt: rt, one: newWorld(open(during(t, rt)), p), other: newWorld(open(during(t, rt)), p)}
		for _, s := range story {
			l.one.do(rt.Context(), s) // whatever they say: it is the same
			l.other.do(rt.Context(), s)
		}
		if !l.choose() {
			return
		}
		if l.holdAndRelease() && l.holdAndCapture() {
			l.payAndRefund()
		}
	})
}

// laws are two engines that were told the same, and what of whose they are asked for.
type laws struct {
	rt         *rapid.T
	one, other *world
	wallet     int // unless of all the customer's
	spec       wallet.Authorization
}

// choose makes up what is to be paid, and reports whether there is anything to pay from.
func (l *laws) choose() bool {
	var rich []int
	all := l.read(l.one)
	for i, b := range all {
		if b.Wallet.Status == wallet.Active && b.Wallet.Balance.Spendable.Sign() > 0 {
			rich = append(rich, i)
		}
	}
	if len(rich) == 0 {
		return false
	}
	l.wallet = pick(l.rt, "of", rich...)
	w := all[l.wallet].Wallet
	l.spec.Fee = wallet.Fee{ID: "f", Type: pick(l.rt, "type", feeTypes...), Metric: pick(l.rt, "metric", metrics...)}
	switch pick(l.rt, "in", "credits", "money", "all") {
	case "credits":
		l.spec.Credits = part(l.rt, credits, w.Balance.Spendable)
	case "money":
		l.spec.Money = part(l.rt, moneys, w.Balance.Spendable.Mul(w.Rate))
	case "all":
		l.wallet, l.spec.Customer, l.spec.Currency = none, w.Customer, w.Currency
		l.spec.Money = part(l.rt, moneys, w.Balance.Spendable.Mul(w.Rate).Mul(wallet.MustAmount("1.5")).Round(decimals, wallet.RoundUp))
	}
	return true
}

// pay takes what was chosen by a debit, or by a charge of the whole.
func (l *laws) pay(ctx context.Context, w *world) ([]wallet.Transaction, error) {
	if l.wallet != none {
		t, err := w.eng.Debit(ctx, w.wallets[l.wallet], wallet.Debit{Credits: l.spec.Credits, Money: l.spec.Money, Fee: l.spec.Fee})
		return []wallet.Transaction{t}, err
	}
	f := l.spec.Fee
	f.Amount = l.spec.Money
	r, err := w.eng.Charge(ctx, wallet.Charge{Customer: l.spec.Customer, Currency: l.spec.Currency, Fees: []wallet.Fee{f}, Whole: true})
	return r.Transactions, err
}

func (l *laws) authorize(ctx context.Context, w *world) (wallet.Hold, error) {
	a := l.spec
	if l.wallet != none {
		a.Wallet = w.wallets[l.wallet]
	}
	return w.eng.Authorize(ctx, a)
}

// What is held and released is as it was, unless rules did something meanwhile. It reports whether all is as it was.
func (l *laws) holdAndRelease() bool {
	ctx, before := l.rt.Context(), l.read(l.one)
	h, err := l.authorize(ctx, l.one)
	if err != nil {
		return true
	}
	if h, err = l.one.eng.Release(ctx, h.ID); err != nil || h.State != wallet.HoldReleased || len(h.Parts) > 0 {
		l.rt.Fatalf("release: %+v, %v", h, err)
	}
	after := l.read(l.one)
	if fired(before, after) {
		return false
	}
	if d := diff(standing(before, false), standing(after, false)); d != "" {
		l.rt.Fatalf("held and released:\n%s", d)
	}
	return true
}

// What is held and captured whole is as if it had been debited, or charged. It reports whether no rules did something.
func (l *laws) holdAndCapture() bool {
	ctx := l.rt.Context()
	before := l.read(l.other)
	paid, err := l.pay(ctx, l.other)
	debited := l.read(l.other)
	h, holdErr := l.authorize(ctx, l.one)
	if errors.Is(err, wallet.ErrLimit) && holdErr == nil { // more would be consumed than there are digits for, but not held
		if _, err := l.one.eng.Capture(ctx, h.ID, wallet.Capture{Credits: l.spec.Credits, Money: l.spec.Money}); !errors.Is(err, wallet.ErrLimit) {
			l.rt.Fatalf("paid: %v, captured: %v", wallet.ErrLimit, err)
		}
		return false
	}
	if err != nil || holdErr != nil {
		if (err == nil) != (holdErr == nil) {
			l.rt.Fatalf("paid: %v, held: %v", err, holdErr)
		}
		return true
	}
	captured, err := l.one.eng.Capture(ctx, h.ID, wallet.Capture{Credits: l.spec.Credits, Money: l.spec.Money})
	if err != nil || !captured.Shortfall.IsZero() {
		l.rt.Fatalf("capture: %+v, %v", captured, err)
	}
	if fired(before, debited) {
		return false // they came before the capture, but behind the debit
	}
	both := [2]string{}
	for i, made := range [][]wallet.Transaction{paid, captured.Transactions} {
		w := []*world{l.other, l.one}[i]
		for _, t := range made {
			n := slices.Index(w.wallets, t.Wallet)
			both[i] += fmt.Sprintf("w%d %s for %s, then %s\n", n, t.Credits, t.Money, t.BalanceAfter)
			draws, err := wallet.Collect(w.eng.Draws(ctx, t.ID))
			if err != nil {
				l.rt.Fatal(err)
			}
			for _, d := range draws {
				both[i] += fmt.Sprintf("  %s for %s of %s\n", d.Credits, d.Amount, d.Fee)
			}
		}
	}
	if d := diff(both[0], both[1]); d != "" {
		l.rt.Fatalf("debited, and held and captured:\n%s", d)
	}
	if d := diff(standing(debited, true), standing(l.read(l.one), true)); d != "" {
		l.rt.Fatalf("debited, and held and captured:\n%s", d)
	}
	return true
}

// A debit, or a charge, that is refunded whole leaves what there was, but for the history.
func (l *laws) payAndRefund() {
	ctx, before := l.rt.Context(), l.read(l.one)
	paid, err := l.pay(ctx, l.one)
	if err != nil {
		return
	}
	for _, t := range slices.Backward(paid) {
		_, err := l.one.eng.Refund(ctx, t.ID, wallet.Refund{})
		if errors.Is(err, wallet.ErrLimit) { // a rule bought meanwhile
			return
		}
		if err != nil {
			l.rt.Fatalf("refund: %v", err)
		}
	}
	after := l.read(l.one)
	if d := diff(standing(before, true), standing(after, true)); d != "" && !fired(before, after) {
		l.rt.Fatalf("paid and refunded:\n%s", d)
	}
}

func (l *laws) read(w *world) []books {
	all, err := w.read(l.rt.Context())
	if err != nil {
		l.rt.Fatalf("read: %v", err)
	}
	return all
}

// fired reports whether rules did something in between.
func fired(before, after []books) bool {
	count := func(all []books) (n int) {
		for _, b := range all {
			for _, e := range b.Events {
				if e.Kind == wallet.EventFired {
					n++
				}
			}
		}
		return n
	}
	return count(before) != count(after)
}

// standing tells all figures, and the lots in their order; merged, lots of one origin that follow each other are one.
func standing(all []books, merged bool) string {
	var b bytes.Buffer
	for i, w := range all {
		fmt.Fprintf(&b, "w%d %+v\n", i, w.Wallet.Balance)
		var lots []wallet.Lot
		for _, l := range w.Lots {
			if merged {
				l.ID, l.Credits = wallet.TransactionID{}, wallet.Amount{}
				if n := len(lots) - 1; n >= 0 && compare(policy.DefaultOrder, lots[n], l) == 0 {
					lots[n].Remaining, lots[n].Held = lots[n].Remaining.Add(l.Remaining), lots[n].Held.Add(l.Held)
					continue
				}
			}
			l.Wallet = wallet.ID{}
			lots = append(lots, l)
		}
		for _, l := range lots {
			line(&b, "  lot", l)
		}
	}
	return b.String()
}
