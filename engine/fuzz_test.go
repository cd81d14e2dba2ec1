package engine_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

// Whatever a request holds, it either does what it says and the books add up, or is refused with an error of a known kind and
// leaves no trace. It never panics.

func FuzzCreate(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		s := wallet.Spec{Customer: wallet.CustomerID(b.text()), Currency: wallet.Currency(b.text()), Rate: b.amount(), Name: b.text(), Code: b.text(),
			Priority: b.number(), AppliesTo: b.appliesTo(), ExpiresAt: b.instant(), Limits: wallet.Limits{MinPaid: b.amount(), MaxPaid: b.amount()},
			Metadata: b.metadata(), TopUp: b.topUp(), Key: b.text()}
		if b.next()%2 == 0 { // what is hard to guess
			s.Customer, s.Currency, s.Rate = "acme", "USD", amount("0.3")
		}
		if b.next()%2 == 0 {
			s.TopUp.Key = ""
		}
		for range b.next() % 4 {
			s.Rules = append(s.Rules, b.rule())
		}
		return second(d.Create(ctx(), s))
	})
}

func FuzzUpdate(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		c := wallet.Changes{Metadata: b.metadata(), Key: b.text()}
		if b.next()%2 == 0 {
			c.Name, c.Code, c.Priority = wallet.Set(b.text()), wallet.Set(b.text()), wallet.Set(b.number())
		}
		if b.next()%2 == 0 {
			c.AppliesTo, c.Limits = wallet.Set(b.appliesTo()), &wallet.Limits{MinPaid: b.amount(), MaxPaid: b.amount()}
		}
		if b.next()%2 == 0 {
			c.ExpiresAt = wallet.Set(b.instant())
		}
		for range b.next() % 4 {
			c.Rules = append(c.Rules, b.rule())
		}
		return second(d.Update(ctx(), d.id, c))
	})
}

func FuzzTopUp(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error { return second(d.TopUp(ctx(), d.id, b.topUp())) })
}

func FuzzSettle(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		if b.next()%2 == 0 {
			return second(d.Fail(ctx(), b.transaction(d), b.text()))
		}
		return second(d.Settle(ctx(), b.transaction(d), wallet.Settlement{Metadata: b.metadata()}))
	})
}

func FuzzDebit(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		return second(d.Debit(ctx(), d.id, wallet.Debit{Credits: b.amount(), Money: b.amount(), Fee: b.fee(), Reference: b.text(),
			Corrects: b.transaction(d), Metadata: b.metadata(), Key: b.text()}))
	})
}

func FuzzCharge(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		c := wallet.Charge{Customer: wallet.CustomerID(b.text()), Currency: wallet.Currency(b.text()), Whole: b.next()%2 == 0, Billed: b.next()%2 == 0,
			Reference: b.text(), Metadata: b.metadata(), Key: b.text()}
		if b.next()%2 == 0 {
			c.Customer, c.Currency = "acme", "USD"
		}
		for range b.next() % 5 {
			c.Fees = append(c.Fees, b.fee())
		}
		r, err := d.Preview(ctx(), c)
		before := len(d.list(wallet.TransactionQuery{}))
		charged, chargeErr := d.Charge(ctx(), c)
		if c.Key != "" && len(charged.Transactions) > 0 && len(d.list(wallet.TransactionQuery{})) == before { // by its key, as it was
			return chargeErr
		}
		if (err == nil) != (chargeErr == nil) {
			d.t.Errorf("preview: error %v, charge: error %v", err, chargeErr)
		}
		if err == nil && (!r.Covered.Equal(charged.Covered) || !r.Uncovered.Equal(charged.Uncovered) || len(r.Lines) != len(c.Fees)) {
			d.t.Errorf("preview: %+v, charge: %+v", r, charged)
		}
		return chargeErr
	})
}

func FuzzVoid(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		return second(d.Void(ctx(), d.id, wallet.Void{Credits: b.amount(), Lot: b.transaction(d), All: b.next()%2 == 0, Reason: b.text(),
			Corrects: b.transaction(d), Metadata: b.metadata(), Key: b.text()}))
	})
}

func FuzzAuthorize(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		a := wallet.Authorization{Wallet: d.id, Credits: b.amount(), Money: b.amount(), Fee: b.fee(), For: b.duration(), Reference: b.text(), Metadata: b.metadata(), Key: b.text()}
		switch b.next() % 3 {
		case 0:
			a.Customer, a.Currency = wallet.CustomerID(b.text()), wallet.Currency(b.text())
		case 1:
			a.Wallet, a.Customer, a.Currency, a.Credits = wallet.ID{}, "acme", "USD", wallet.Amount{}
		}
		return second(d.Authorize(ctx(), a))
	})
}

func FuzzCapture(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		holds := must(wallet.Collect(d.Holds(ctx(), wallet.HoldQuery{})))
		id := holds[int(b.next())%len(holds)].ID
		if b.next()%8 == 7 {
			return second(d.Release(ctx(), id))
		}
		over := []wallet.Over{wallet.Reject, wallet.Extend, wallet.Partial, wallet.Over(b.text())}
		return second(d.Capture(ctx(), id, wallet.Capture{Credits: b.amount(), Money: b.amount(), More: b.next()%2 == 0, Over: over[b.next()%4], Key: b.text()}))
	})
}

func FuzzRefund(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		id := d.spent
		if b.next()%4 == 3 {
			id = b.transaction(d)
		}
		return second(d.Refund(ctx(), id, wallet.Refund{Credits: b.amount(), Money: b.amount(), Reason: b.text(), Metadata: b.metadata(), Key: b.text()}))
	})
}

func FuzzTransfer(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		kinds := []wallet.Kind{"", wallet.Granted, wallet.Purchased, wallet.Kind(b.text())}
		ids := []wallet.ID{d.id, d.to, d.other}
		return second(d.Transfer(ctx(), ids[b.next()%3], ids[b.next()%3], wallet.Transfer{Credits: b.amount(), All: b.next()%2 == 1, Kind: kinds[b.next()%4], Metadata: b.metadata(), Key: b.text()}))
	})
}

func FuzzOngoing(f *testing.F) {
	fuzz(f, func(d *desk, b *bites) error {
		c := wallet.Charge{Customer: wallet.CustomerID(b.text()), Currency: wallet.Currency(b.text())}
		if b.next()%2 == 0 {
			c.Customer, c.Currency = "acme", "USD"
		}
		for range b.next() % 5 {
			c.Fees = append(c.Fees, b.fee())
		}
		if err := second(d.SetOngoing(ctx(), c)); err != nil || b.next()%2 == 0 {
			return err
		}
		c.Billed = true
		return second(d.Charge(ctx(), c))
	})
}

// fuzz makes a request of random bytes, twice; the first byte sets the clock.
func fuzz(f *testing.F, try func(*desk, *bites) error) {
	f.Add([]byte{})
	for i := range byte(40) {
		seed := make([]byte, 120)
		for j := range seed {
			seed[j] = i + byte(j)*(i+1)*i
		}
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b := bites(data)
		d := liveDesk(newWorld(t))
		d.topUp(d.id, wallet.TopUp{Granted: amount("7.000000000001"), ExpiresAt: start.Add(30 * time.Minute), Priority: 3})
		d.other = d.create(wallet.Spec{Rate: amount("0.3"), TopUp: wallet.TopUp{Granted: amount("11")}})
		must(d.Authorize(ctx(), wallet.Authorization{Customer: "acme", Currency: "USD", Money: amount("95"), For: 30 * time.Minute}))
		d.wait(time.Duration(b.next()%3) * 30 * time.Minute)
		d.read(d.id) // what is due is written also by what is refused
		for range 2 {
			again, before := b, d.dump()
			err := try(d, &again)
			if err != nil {
				known(t, err)
				if after := d.dump(); after != before {
					t.Errorf("error %v, but something was written: before\n%s\nafter\n%s", err, before, after)
				}
			}
		}
		for found, err := range d.Wallets(ctx(), wallet.WalletQuery{}) {
			if err != nil {
				t.Fatal(err)
			}
			balanced(d, d.read(found.ID)) // with what is due since, as a rule that starts at once
		}
	})
}

// known fails the test unless the error is of exactly one kind.
func known(t *testing.T, err error) {
	t.Helper()
	kinds := 0
	for _, kind := range []error{wallet.ErrInvalid, wallet.ErrNotFound, wallet.ErrTerminated, wallet.ErrNotPending, wallet.ErrExpired,
		wallet.ErrInsufficient, wallet.ErrNotApplicable, wallet.ErrCurrency, wallet.ErrLimit, wallet.ErrKeyReused} {
		if errors.Is(err, kind) {
			kinds++
		}
	}
	if kinds != 1 || !strings.HasPrefix(err.Error(), "wallet: ") {
		t.Errorf("got error %v of %d kinds", err, kinds)
	}
}

// balanced fails the test unless the wallet's balance is what its lots and its transactions say.
func balanced(d *desk, w wallet.Wallet) {
	d.t.Helper()
	var remaining, booked, pending wallet.Amount
	for _, l := range d.lots(w.ID) {
		if l.Remaining.Sign() <= 0 || l.Remaining.Cmp(l.Credits) > 0 || l.Held.Sign() < 0 || l.Held.Cmp(l.Remaining) > 0 {
			d.t.Errorf("got lot %+v", l)
		}
		remaining = remaining.Add(l.Remaining)
	}
	for _, t := range d.list(wallet.TransactionQuery{Wallet: w.ID}) {
		switch {
		case t.State == wallet.Pending:
			pending = pending.Add(t.Credits)
		case t.State == wallet.Failed:
		case t.Kind.Inbound():
			booked = booked.Add(t.Credits)
		default:
			booked = booked.Sub(t.Credits)
		}
	}
	if total := w.Balance.Total(); !total.Equal(remaining) || !total.Equal(booked) || w.Balance.Pending.Cmp(pending) > 0 {
		d.t.Errorf("got balance %+v, lots of %s, transactions of %s, %s of them pending", w.Balance, remaining, booked, pending)
	}
}
