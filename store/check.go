package store

import (
	"fmt"

	"github.com/seed-12493b23/wallet"
)

// A store calls these checks before it writes, so that no fault above it can break what must always be true of money. What
// they refuse is a bug of the caller, never a condition a host has to handle.

// Check reports why w must not replace before, which is nil if w is new.
func (w *Wallet) Check(before *Wallet) error {
	switch {
	case before == nil && (w.ID.IsZero() || w.Customer == ""):
		return fmt.Errorf("store: refused wallet %s of customer %q", w.ID, w.Customer)
	case before == nil:
	case w.Customer != before.Customer || w.Currency != before.Currency || !w.Rate.Equal(before.Rate) || !w.CreatedAt.Equal(before.CreatedAt):
		return fmt.Errorf("store: refused wallet %s: customer, currency, rate and creation never change", w.ID)
	case before.Status == wallet.Terminated:
		return fmt.Errorf("store: refused wallet %s: it is terminated", w.ID)
	}
	return w.State.check(w.ID)
}

// Check reports why s must not become the state of w.
func (s *State) Check(w *Wallet) error {
	if w.Status == wallet.Terminated {
		return fmt.Errorf("store: refused state of wallet %s: it is terminated", w.ID)
	}
	return s.check(w.ID)
}

func (s *State) check(id wallet.ID) error {
	b := &s.Balance
	for _, a := range [...]*wallet.Amount{&b.Spendable, &b.Held, &b.Pending, &b.Ongoing, &b.Consumed, &b.Kept} {
		if a.Sign() < 0 || !a.Fits() {
			return fmt.Errorf("store: refused state of wallet %s: balance %+v", id, *b)
		}
	}
	return nil
}

// Check reports why l must not replace before, which is nil if l is new.
func (l *Lot) Check(before *Lot) error {
	switch {
	case len(l.Key) == 0, l.Held.Sign() < 0, l.Held.Cmp(l.Remaining) > 0, l.Remaining.Cmp(l.Credits) > 0, !l.Credits.Fits():
		return fmt.Errorf("store: refused lot %s: held %s of remaining %s of %s", l.ID, l.Held, l.Remaining, l.Credits)
	case before != nil && (before.Wallet != l.Wallet || before.Kind != l.Kind || !before.Credits.Equal(l.Credits)):
		return fmt.Errorf("store: refused lot %s: wallet, kind and credits never change", l.ID)
	case before != nil && before.Remaining.Cmp(l.Remaining) < 0:
		return fmt.Errorf("store: refused lot %s: remaining rises from %s to %s", l.ID, before.Remaining, l.Remaining)
	}
	return nil
}

// CheckEvent reports why e must not be added.
func CheckEvent(e *wallet.Event) error {
	if e.Credits.Sign() < 0 || !e.Credits.Fits() {
		return fmt.Errorf("store: refused event %d of wallet %s: %s credits", e.Number, e.Wallet, e.Credits)
	}
	return nil
}

// CheckTransaction reports why t with its draws must not be added.
func CheckTransaction(t *wallet.Transaction, draws []wallet.Draw) error {
	switch {
	case t.Credits.Sign() <= 0 || !t.Credits.Fits(),
		t.Money.Amount.Sign() < 0 || !t.Money.Amount.Fits(),
		t.BalanceAfter.Sign() < 0 || !t.BalanceAfter.Fits():
		return fmt.Errorf("store: refused transaction %s: %s credits, %s, balance %s", t.ID, t.Credits, t.Money, t.BalanceAfter)
	case t.State == wallet.Failed, t.State == wallet.Pending && !t.Kind.Inbound(), t.Kind.Inbound() && len(draws) > 0:
		return fmt.Errorf("store: refused transaction %s: %s, %s, %d draws", t.ID, t.Kind, t.State, len(draws))
	case t.Kind.Inbound():
		return nil
	}
	var credits, money wallet.Amount
	for i := range draws {
		d := &draws[i]
		if d.Credits.Sign() < 0 || d.Amount.Sign() < 0 || d.By != t.ID || d.Wallet != t.Wallet {
			return fmt.Errorf("store: refused transaction %s: draw %+v", t.ID, *d)
		}
		credits, money = credits.Add(d.Credits), money.Add(d.Amount)
	}
	if !credits.Equal(t.Credits) || !money.Equal(t.Money.Amount) {
		return fmt.Errorf("store: refused transaction %s: draws of %s for %s, not %s for %s", t.ID, credits, money, t.Credits, t.Money)
	}
	return nil
}

// CheckFinish reports why t must not replace before.
func CheckFinish(before, t *wallet.Transaction) error {
	switch {
	case before.State != wallet.Pending, t.State != wallet.Settled && t.State != wallet.Failed:
		return fmt.Errorf("store: refused to finish transaction %s: from %s to %s", t.ID, before.State, t.State)
	case before.Wallet != t.Wallet, before.Kind != t.Kind, !before.Credits.Equal(t.Credits),
		!before.Money.Amount.Equal(t.Money.Amount), !before.CreatedAt.Equal(t.CreatedAt):
		return fmt.Errorf("store: refused to finish transaction %s: wallet, kind, credits, money and creation never change", t.ID)
	}
	return nil
}

// CheckHold reports why h must not replace before, which is nil if h is new.
func CheckHold(h, before *wallet.Hold) error {
	switch {
	case h.ID.IsZero() || h.Customer == "" || before == nil && len(h.Parts) == 0:
		return fmt.Errorf("store: refused hold %s of customer %q with %d parts", h.ID, h.Customer, len(h.Parts))
	case before != nil && (before.State != wallet.HoldOpen || before.Customer != h.Customer || !before.CreatedAt.Equal(h.CreatedAt)):
		return fmt.Errorf("store: refused hold %s: it is %s, and its customer and creation never change", h.ID, before.State)
	case h.State != wallet.HoldOpen && len(h.Parts) > 0:
		return fmt.Errorf("store: refused hold %s: %s with %d parts", h.ID, h.State, len(h.Parts))
	}
	return nil
}
