package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
)

// A ledger is all that an engine tells about one wallet.
type ledger struct {
	wallet       wallet.Wallet
	transactions []wallet.Transaction // oldest first
	open         []wallet.Lot
	by           map[wallet.TransactionID][]wallet.Draw // what each outbound transaction says that it took
	from         map[wallet.TransactionID][]wallet.Draw // what each inbound one says was taken from it
}

func readLedger(ctx context.Context, eng *engine.Engine, id wallet.ID) (l ledger, err error) {
	if l.wallet, err = eng.Wallet(ctx, id); err != nil {
		return l, err
	}
	if l.transactions, err = wallet.Collect(eng.Transactions(ctx, wallet.TransactionQuery{Wallet: id, OldestFirst: true})); err != nil {
		return l, err
	}
	if l.open, err = wallet.Collect(eng.Lots(ctx, id)); err != nil {
		return l, err
	}
	l.by, l.from = make(map[wallet.TransactionID][]wallet.Draw), make(map[wallet.TransactionID][]wallet.Draw)
	for _, t := range l.transactions {
		draws, err := wallet.Collect(eng.Draws(ctx, t.ID))
		if err != nil {
			return l, err
		}
		if t.Kind.Inbound() {
			l.from[t.ID] = draws
		} else {
			l.by[t.ID] = draws
		}
	}
	return l, nil
}

// lots returns the lot of every settled inbound transaction as it was when it opened, in spending order.
func (l *ledger) lots() []wallet.Lot {
	var lots []wallet.Lot
	for _, t := range l.transactions {
		if t.Kind.Inbound() && t.State == wallet.Settled {
			lots = append(lots, wallet.Lot{ID: t.ID, Wallet: t.Wallet, Kind: t.Kind, Credits: t.Credits, Remaining: t.Credits,
				Priority: t.Priority, ExpiresAt: t.ExpiresAt, OpenedAt: t.SettledAt})
		}
	}
	slices.SortFunc(lots, policy.DefaultOrder.Compare)
	return lots
}

// booked returns the settled transactions in the order they changed the balance. A purchase has its ID since it was made, not
// since it settled, so that within an instant it is the balances that tell.
func (l *ledger) booked() []wallet.Transaction {
	var all []wallet.Transaction
	for _, t := range l.transactions {
		if t.State == wallet.Settled {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b wallet.Transaction) int {
		return cmp.Or(a.SettledAt.Compare(b.SettledAt), a.ID.Compare(b.ID))
	})
	var total wallet.Amount
	for i := range all {
		for j := i; j < len(all) && all[j].SettledAt.Equal(all[i].SettledAt); j++ {
			if all[j].BalanceAfter.Equal(total.Add(change(all[j]))) {
				t := all[j]
				copy(all[i+1:j+1], all[i:j])
				all[i] = t
				break
			}
		}
		total = total.Add(change(all[i]))
	}
	return all
}

// change returns what a settled transaction adds to the balance.
func change(t wallet.Transaction) wallet.Amount {
	if t.Kind.Inbound() {
		return t.Credits
	}
	return t.Credits.Neg()
}

// A proof is one thing that must be true of every wallet: of how many things it was checked, and the first that broke it.
type proof struct {
	rule  string
	count int
	unit  string
	fault string
}

func (p *proof) check(holds bool, fault string, args ...any) {
	p.count++
	if !holds && p.fault == "" {
		p.fault = fmt.Sprintf(fault, args...)
	}
}

// both adds up what was proved of several wallets.
func both(a, b []proof) []proof {
	if a == nil {
		return b
	}
	for i := range a {
		a[i].count += b[i].count
		a[i].fault = cmp.Or(a[i].fault, b[i].fault)
	}
	return a
}

// prove computes every figure of the ledger again, from its transactions and draws alone.
func (l *ledger) prove() []proof {
	within := proof{rule: "0 ≤ held ≤ remaining ≤ credits", unit: "open lots"}
	balance := proof{rule: "balance = what remains = what settled in − what went out", unit: "balances"}
	lots := proof{rule: "credits of a lot = what remains of it + its draws", unit: "lots"}
	draws := proof{rule: "credits and money of a transaction = those of its draws", unit: "transactions"}
	chain := proof{rule: "each balance follows from the one before it", unit: "transactions"}
	inTime := proof{rule: "nothing taken before settlement or after expiry; expired on time", unit: "draws"}
	inOrder := proof{rule: "no later lot touched while an earlier one has credits", unit: "payments"}

	remains := make(map[wallet.TransactionID]wallet.Amount)
	var remaining, in, out, total wallet.Amount
	for _, o := range l.open {
		within.check(o.Held.Sign() >= 0 && o.Held.Cmp(o.Remaining) <= 0 && o.Remaining.Cmp(o.Credits) <= 0 && o.Remaining.Sign() > 0,
			"lot %s: %s held, %s remaining, %s credits", o.ID, o.Held, o.Remaining, o.Credits)
		remains[o.ID] = o.Remaining
		remaining = remaining.Add(o.Remaining)
	}

	table := l.lots()
	for _, t := range l.booked() {
		if t.Kind.Inbound() {
			drawn, _ := sum(l.from[t.ID])
			lots.check(t.Credits.Equal(drawn.Add(remains[t.ID])),
				"lot %s: %s credits, %s remain, %s drawn", t.ID, t.Credits, remains[t.ID], drawn)
			in = in.Add(t.Credits)
		} else {
			credits, money := sum(l.by[t.ID])
			draws.check(t.Credits.Equal(credits) && t.Money.Amount.Equal(money),
				"%s: %s credits, %s; its draws %s and %s", t.ID, t.Credits, t.Money, credits, money)
			l.spend(table, t, &inTime, &inOrder)
			out = out.Add(t.Credits)
		}
		total = total.Add(change(t))
		chain.check(t.BalanceAfter.Equal(total), "%s: balance %s; adding up gives %s", t.ID, t.BalanceAfter, total)
	}
	b := l.wallet.Balance
	balance.check(b.Total().Sign() >= 0 && b.Total().Equal(remaining) && b.Total().Equal(in.Sub(out)),
		"balance %s, %s remains, %s in − %s out", b.Total(), remaining, in, out)
	return []proof{within, balance, lots, draws, chain, inTime, inOrder}
}

// spend applies the draws of an outbound transaction to the lots, which are in spending order.
func (l *ledger) spend(lots []wallet.Lot, t wallet.Transaction, inTime, inOrder *proof) {
	last := -1
	for _, d := range l.by[t.ID] {
		i := slices.IndexFunc(lots, func(l wallet.Lot) bool { return l.ID == d.Lot })
		if i < 0 {
			inTime.check(false, "%s drew from %s, which never settled", t.ID, d.Lot)
			continue
		}
		lots[i].Remaining = lots[i].Remaining.Sub(d.Credits)
		last = max(last, i)
		fits := lots[i].ExpiresAt.IsZero() || t.CreatedAt.Before(lots[i].ExpiresAt)
		if t.Kind == wallet.Expired {
			fits = t.CreatedAt.Equal(lots[i].ExpiresAt) || t.CreatedAt.Equal(l.wallet.ExpiresAt)
		}
		inTime.check(fits && !t.CreatedAt.Before(lots[i].OpenedAt),
			"%s, %s at %s, drew from %s, open from %s to %s", t.ID, t.Kind, t.CreatedAt, d.Lot, lots[i].OpenedAt, lots[i].ExpiresAt)
	}
	if t.Kind != wallet.Consumed || last < 0 { // a void may name its lot, and what expires is not chosen
		return
	}
	skipped := slices.IndexFunc(lots[:last], func(l wallet.Lot) bool { return spendable(l, t.CreatedAt) })
	inOrder.check(skipped < 0, "%s drew from lot %d, %s, while lot %d had credits", t.ID, last+1, lots[last].ID, skipped+1)
}

// spendable reports whether a lot, which nothing holds, can be spent at an instant. One opened at that very instant may have
// been opened after the payment.
func spendable(l wallet.Lot, at time.Time) bool {
	return l.OpenedAt.Before(at) && (l.ExpiresAt.IsZero() || at.Before(l.ExpiresAt)) && l.Remaining.Sign() > 0
}

func sum(draws []wallet.Draw) (credits, money wallet.Amount) {
	for _, d := range draws {
		credits, money = credits.Add(d.Credits), money.Add(d.Amount)
	}
	return credits, money
}
