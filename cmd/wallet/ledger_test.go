package main

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store/memory"
)

// Every figure of a ledger, once it is changed, breaks the rule it is under.
func TestProofs(t *testing.T) {
	one := wallet.MustAmount("1")
	for name, c := range map[string]struct {
		spoil func(l *ledger, first wallet.Transaction)
		rule  string // "" if all hold
	}{
		"nothing":           {func(*ledger, wallet.Transaction) {}, ""},
		"the balance":       {func(l *ledger, _ wallet.Transaction) { l.wallet.Balance.Spendable = one }, "balance ="},
		"what remains":      {func(l *ledger, _ wallet.Transaction) { l.open[0].Remaining = l.open[0].Remaining.Add(one) }, "balance ="},
		"what is held":      {func(l *ledger, _ wallet.Transaction) { l.open[0].Held = wallet.MustAmount("9") }, "0 ≤ held"},
		"draws of a lot":    {func(l *ledger, _ wallet.Transaction) { l.from[l.open[0].ID] = nil }, "credits of a lot"},
		"credits of a draw": {func(l *ledger, t wallet.Transaction) { l.by[t.ID][0].Credits = one }, "credits and money"},
		"money of a draw":   {func(l *ledger, t wallet.Transaction) { l.by[t.ID][0].Amount = l.by[t.ID][0].Credits }, "credits and money"},
		"a balance after":   {func(l *ledger, _ wallet.Transaction) { l.transactions[0].BalanceAfter = one }, "each balance"},
		"the lot of a draw": {func(l *ledger, t wallet.Transaction) { l.by[t.ID][0].Lot = l.open[0].ID }, "no later lot"},
		"an unknown lot":    {func(l *ledger, t wallet.Transaction) { l.by[t.ID][0].Lot = t.ID }, "nothing taken"},
		"the time of use":   {func(l *ledger, t wallet.Transaction) { late(l, t.ID, 90*time.Minute) }, "nothing taken"},
		"use before it was": {func(l *ledger, t wallet.Transaction) { late(l, t.ID, -90*time.Minute) }, "nothing taken"},
	} {
		t.Run(name, func(t *testing.T) {
			l, first := burnt(t)
			c.spoil(&l, first)
			broken := ""
			for _, p := range l.prove() {
				if p.fault != "" {
					broken += p.rule + "\n"
				}
				if p.count == 0 {
					t.Errorf("nothing was checked: %s", p.rule)
				}
			}
			if c.rule == "" && broken != "" || !strings.Contains(broken, c.rule) {
				t.Errorf("broken: %q, want %q", broken, c.rule)
			}
		})
	}
}

// late moves a transaction in time, but not in the order of booking.
func late(l *ledger, id wallet.TransactionID, by time.Duration) {
	for i := range l.transactions {
		if t := &l.transactions[i]; t.ID == id {
			t.CreatedAt = t.CreatedAt.Add(by)
		}
	}
}

// burnt returns the ledger of a wallet that has had all there is, and its first payment.
func burnt(t *testing.T) (ledger, wallet.Transaction) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	eng := engine.New(memory.New(), &engine.Options{
		Now: func() time.Time { return now }, Policy: policy.Policy{AutoComplete: policy.Always},
	})
	ctx := t.Context()
	w, err := eng.Create(ctx, wallet.Spec{Customer: "c", Currency: "USD", Rate: wallet.MustAmount("0.3")})
	check(t, err)
	_, err = eng.TopUp(ctx, w.ID, wallet.TopUp{Granted: wallet.MustAmount("10"), ExpiresIn: time.Hour})
	check(t, err)
	_, err = eng.TopUp(ctx, w.ID, wallet.TopUp{Paid: wallet.MustAmount("8")})
	check(t, err)

	now = now.Add(time.Minute)
	first, err := eng.Debit(ctx, w.ID, wallet.Debit{Money: wallet.MustAmount("1")})
	check(t, err)
	now = now.Add(time.Minute)
	_, err = eng.Void(ctx, w.ID, wallet.Void{Credits: wallet.MustAmount("2")})
	check(t, err)
	now = now.Add(2 * time.Hour)
	_, err = eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("2.5")})
	check(t, err)

	l, err := readLedger(ctx, eng, w.ID)
	check(t, err)
	return l, first
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
