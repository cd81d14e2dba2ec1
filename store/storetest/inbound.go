package storetest

import (
	"maps"
	"math/big"
	"time"

	"github.com/seed-12493b23/wallet"
)

// corrected returns the ID of what a request corrects, and false if the customer has no such transaction.
func (m *model) corrected(a *account, other int) (wallet.TransactionID, bool) {
	switch other {
	case none:
		return wallet.TransactionID{}, true
	case unknown:
		return wallet.TransactionID{}, false
	}
	e := m.came[other]
	return e.ID, e.Customer == a.Customer
}

func (m *model) topUp(a *account, t wallet.TopUp, other int, at time.Time) (made []*entry, err error) {
	if a.Status == wallet.Terminated {
		return nil, wallet.ErrTerminated
	}
	corrects, ok := m.corrected(a, other)
	if past(t.ExpiresAt, at) || !ok {
		return nil, wallet.ErrInvalid
	}
	paid, granted := rat(t.Paid), rat(t.Granted)
	money := a.money(paid)
	if !t.Money.IsZero() {
		money = rat(t.Money)
		paid = up(quo(money, rat(a.Rate)), decimals)
	}
	if paid.Sign() > 0 {
		tooFew := paid.Cmp(rat(a.Limits.MinPaid)) < 0
		tooMany := !a.Limits.MaxPaid.IsZero() && paid.Cmp(rat(a.Limits.MaxPaid)) > 0
		if tooFew || tooMany {
			return nil, wallet.ErrLimit
		}
	}
	if !fits(paid) || !fits(a.money(paid)) || !fits(a.money(granted)) {
		return nil, wallet.ErrLimit
	}
	before, updated := len(a.entries), a.UpdatedAt
	made = m.add(a, t, paid, money, granted, at)
	for _, e := range made {
		e.Corrects = corrects
	}
	if !fits(a.total()) || !fits(a.pending()) {
		a.entries, a.UpdatedAt = a.entries[:before], updated
		return nil, wallet.ErrLimit
	}
	m.note(made...)
	return made, nil
}

// add books a purchase that was paid with so much money, a grant, or both.
func (m *model) add(a *account, t wallet.TopUp, paid, money, granted *big.Rat, at time.Time) (made []*entry) {
	begin := func(kind wallet.Kind, credits, money *big.Rat) *entry {
		e := m.book(a, kind, credits, money, at)
		e.State, e.SettledAt = wallet.Pending, time.Time{}
		e.BalanceAfter = amount(a.total())
		e.Priority, e.ExpiresAt, e.ExpiresIn = t.Priority, t.ExpiresAt, t.ExpiresIn
		e.Name, e.Reference, e.Metadata = t.Name, t.Reference, maps.Clone(t.Metadata)
		made = append(made, e)
		return e
	}
	waits := false
	if paid.Sign() > 0 {
		purchase := begin(wallet.Purchased, paid, money)
		waits = m.policy.AutoComplete == nil || !m.policy.AutoComplete(a.public(), purchase.Transaction)
		if !waits {
			purchase.open(at)
		}
	}
	if granted.Sign() > 0 {
		grant := begin(wallet.Granted, granted, a.money(granted))
		if t.GrantOnSettle {
			grant.pair, made[0].pair = made[0], grant
			grant.Pair, made[0].Pair = made[0].ID, grant.ID
		}
		if !t.GrantOnSettle || !waits {
			grant.open(at)
		}
	}
	return made
}

// open settles an inbound transaction: it is a lot from now on.
func (e *entry) open(at time.Time) {
	e.State, e.SettledAt = wallet.Settled, at
	if e.ExpiresIn != 0 {
		e.ExpiresAt = at.Add(e.ExpiresIn)
	}
	e.account.UpdatedAt = at
	if total := e.account.total(); fits(total) {
		e.BalanceAfter = amount(total)
	}
}

// both returns an entry, and the other half of its pair: the purchase first.
func (e *entry) both() []*entry {
	switch {
	case e.pair == nil:
		return []*entry{e}
	case e.Kind == wallet.Purchased:
		return []*entry{e, e.pair}
	}
	return []*entry{e.pair, e}
}

func (e *entry) notPending() error {
	at := e.SettledAt
	if e.State == wallet.Failed {
		at = e.FailedAt
	}
	return &wallet.NotPendingError{State: e.State, At: at, Reason: e.Reason}
}

func (m *model) settle(e *entry, s wallet.Settlement, at time.Time) ([]*entry, error) {
	switch {
	case e.State == wallet.Settled:
		return e.both(), nil
	case e.State == wallet.Failed:
		return nil, e.notPending()
	case e.lapsed:
		return nil, wallet.ErrExpired
	}
	total := e.account.total()
	for _, e := range e.both() {
		total = add(total, e.credits)
	}
	if !fits(total) {
		return nil, wallet.ErrLimit
	}
	for _, e := range e.both() {
		if e.Kind == wallet.Purchased && len(s.Metadata) > 0 {
			merged := make(map[string]string)
			maps.Copy(merged, e.Metadata)
			maps.Copy(merged, s.Metadata)
			e.Metadata = merged
		}
		e.open(at)
	}
	return e.both(), nil
}

func (m *model) fail(e *entry, reason string, at time.Time) ([]*entry, error) {
	switch e.State {
	case wallet.Failed:
		return e.both(), nil
	case wallet.Settled:
		return nil, e.notPending()
	}
	for _, e := range e.both() {
		e.fail(reason, at)
	}
	return e.both(), nil
}

func (e *entry) fail(reason string, at time.Time) {
	e.State, e.FailedAt, e.Reason = wallet.Failed, at, reason
	e.account.UpdatedAt = at
	e.noteFailure(at)
}
