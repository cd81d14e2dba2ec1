package storetest

import (
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// A remembered command is what came with a key, and what it brought about.
type remembered struct {
	request string
	account *account
	entries []*entry
	lines   []wallet.Line
	hold    *hold
	short   *big.Rat // of a capture
}

// do takes a step, and returns what the engine should. created is the ID that the engine gave to a wallet created by it.
func (m *model) do(s step, created wallet.ID) (any, error) {
	const longest = 30 * 24 * time.Hour // of holds
	if s.Bad != "" || s.Do == doTransfer && s.To == s.Wallet && s.To != unknown || s.Do == doAuthorize && s.Authorization.For > longest {
		return nil, wallet.ErrInvalid
	}
	var a *account
	var e *entry
	var h *hold
	var customer wallet.CustomerID
	at := s.At.Truncate(time.Microsecond)
	switch s.Do {
	case doTick:
		m.tick(at)
		return nil, nil
	case doCreate:
		customer = s.Spec.Customer
	case doCharge, doPreview, doOngoing:
		customer = s.Charge.Customer
		at = m.behind(customer, s.Charge.Currency, at)
	case doCapture, doRelease:
		if s.Hold == unknown {
			return nil, wallet.ErrNotFound
		}
		h = m.holds[s.Hold]
		if customer = h.Customer; h.Wallet.IsZero() {
			at = m.behind(customer, h.Currency, at)
		}
		for _, a := range m.of(customer) {
			if a.ID == h.Wallet {
				at = later(at, a.UpdatedAt)
			}
		}
	case doSettle, doFail, doRefund:
		if s.Tx == unknown {
			return nil, wallet.ErrNotFound
		}
		e = m.came[s.Tx]
		a = e.account
	default:
		switch s.Wallet {
		case unknown:
			return nil, wallet.ErrNotFound
		case none: // of all that the customer has in a currency
			customer = s.Authorization.Customer
			at = m.behind(customer, s.Authorization.Currency, at)
		default:
			a = m.accounts[s.Wallet]
		}
	}
	if a != nil {
		customer, at = a.Customer, later(at, a.UpdatedAt)
	}
	if s.Do == doUpdate && s.Changes.ExpiresAt != nil {
		at = a.sharing(*s.Changes.ExpiresAt, at)
	}
	_, key := s.key(customer)
	memo, known := m.memory[string(customer)+"\n"+key]
	switch {
	case key == "":
	case known && memo.request != s.String():
		return nil, wallet.ErrKeyReused
	}
	if s.Do == doTransfer {
		to, err := m.target(a, s)
		if err != nil {
			return nil, err
		}
		at = later(at, to.UpdatedAt)
	}
	m.catchUp(customer, at)
	group := m.begin(customer)
	if key != "" && known {
		return m.answer(memo, s), nil
	}

	memo = remembered{request: s.String(), account: a}
	var err error
	switch s.Do {
	case doCreate:
		memo.account, err = m.create(*s.Spec, created, at)
	case doUpdate:
		err = m.update(a, *s.Changes, s.Keep, at)
	case doTopUp:
		memo.entries, err = m.topUp(a, *s.TopUp, s.Other, at)
	case doSettle:
		memo.entries, err = m.settle(e, *s.Settlement, at)
	case doFail:
		memo.entries, err = m.fail(e, s.Reason, at)
	case doDebit:
		memo.entries, err = m.debit(a, *s.Debit, s.Other, at)
	case doCharge, doPreview:
		memo.entries, memo.lines, err = m.charge(*s.Charge, s.Do == doPreview, at)
	case doVoid:
		memo.entries, err = m.void(a, *s.Void, s.Lot, s.Other, at)
	case doTerminate:
		m.terminate(a, at)
	case doRefund:
		memo.entries, err = m.refund(e, *s.Refund, at)
	case doTransfer:
		memo.entries, err = m.transfer(a, m.accounts[s.To], *s.Transfer, at)
	case doOngoing:
		err = m.setOngoing(*s.Charge, at)
	case doAuthorize:
		memo.hold, err = m.authorize(a, *s.Authorization, at)
	case doCapture:
		memo.entries, memo.short, err = m.capture(h, *s.Capture, at)
	case doRelease:
		memo.hold, err = h, m.release(h, at)
	}
	if err != nil {
		return nil, err
	}
	group.end(at)
	if key != "" && s.Do != doPreview {
		m.memory[string(customer)+"\n"+key] = memo
	}
	return m.answer(memo, s), nil
}

// answer returns what the step has brought about, as it is now.
func (m *model) answer(memo remembered, s step) any {
	ts := make([]wallet.Transaction, len(memo.entries))
	for i, e := range memo.entries {
		ts[i] = e.Transaction
	}
	switch s.Do {
	case doCreate, doUpdate, doTerminate:
		return memo.account.public()
	case doDebit, doVoid:
		return ts[0]
	case doAuthorize, doRelease:
		return memo.hold.public()
	case doCapture:
		return wallet.Captured{Transactions: ts, Shortfall: amount(memo.short)}
	case doOngoing:
		var all []wallet.Wallet
		for _, a := range m.payers(*s.Charge) {
			all = append(all, a.public())
		}
		return all
	case doCharge, doPreview:
		return receipt(*s.Charge, memo.lines, ts)
	}
	return ts
}

// behind is no earlier than the latest change of what the customer has in a currency.
func (m *model) behind(customer wallet.CustomerID, currency wallet.Currency, at time.Time) time.Time {
	for _, a := range m.of(customer) {
		if a.Currency == currency {
			at = later(at, a.UpdatedAt)
		}
	}
	return at
}

// note remembers the transactions that came up first now.
func (m *model) note(made ...*entry) {
	for _, e := range made {
		if !slices.Contains(m.came, e) {
			m.came = append(m.came, e)
		}
	}
}

func (m *model) create(s wallet.Spec, id wallet.ID, at time.Time) (*account, error) {
	a := &account{number: len(m.accounts), Wallet: wallet.Wallet{
		ID: id, Customer: s.Customer, Currency: s.Currency, Rate: s.Rate, Name: s.Name, Priority: s.Priority,
		AppliesTo: s.AppliesTo, ExpiresAt: s.ExpiresAt, Limits: s.Limits, Metadata: maps.Clone(s.Metadata),
		Status: wallet.Active, CreatedAt: at, UpdatedAt: at,
	}}
	if !m.codeIsFree(a, s.Code) || past(s.ExpiresAt, at) {
		return nil, wallet.ErrInvalid
	}
	a.Code = s.Code
	a.setRules(nil, s.Rules, at)
	m.accounts = append(m.accounts, a)
	if s.TopUp.Paid.IsZero() && s.TopUp.Granted.IsZero() && s.TopUp.Money.IsZero() {
		return a, nil
	}
	if _, err := m.topUp(a, s.TopUp, none, at); err != nil {
		m.accounts = m.accounts[:len(m.accounts)-1]
		return nil, err
	}
	return a, nil
}

func (m *model) codeIsFree(a *account, code string) bool {
	return code == "" || !slices.ContainsFunc(m.of(a.Customer), func(b *account) bool { return b != a && b.Code == code })
}

func past(expiry, at time.Time) bool { return !expiry.IsZero() && !at.Before(expiry) }

func (m *model) update(a *account, c wallet.Changes, kept []int, at time.Time) error {
	if a.Status == wallet.Terminated {
		return wallet.ErrTerminated
	}
	if c.Code != nil && !m.codeIsFree(a, *c.Code) || c.ExpiresAt != nil && past(*c.ExpiresAt, at) {
		return wallet.ErrInvalid
	}
	if c.Name != nil {
		a.Name = *c.Name
	}
	if c.Code != nil {
		a.Code = *c.Code
	}
	if c.Priority != nil {
		a.Priority = *c.Priority
	}
	if c.AppliesTo != nil {
		a.AppliesTo = *c.AppliesTo
	}
	if c.ExpiresAt != nil {
		a.ExpiresAt = *c.ExpiresAt
		for _, h := range a.openHolds() {
			h.endBy(a.ExpiresAt)
		}
	}
	if c.Limits != nil {
		a.Limits = *c.Limits
	}
	if c.Metadata != nil {
		a.Metadata = maps.Clone(c.Metadata)
	}
	if c.Rules != nil {
		a.setRules(kept, c.Rules, at)
	}
	a.UpdatedAt = at
	return nil
}

func (m *model) terminate(a *account, at time.Time) {
	const reason = "the wallet was terminated"
	if a.Status == wallet.Terminated {
		return
	}
	m.leaveHolds(a, at)
	if left := a.total(); m.policy.OnTerminate == policy.VoidRemaining && left.Sign() > 0 {
		lots := [][]*entry{m.lots(a)}
		if !fits(a.money(left)) { // too much money for one transaction: one for each lot
			lots = nil
			for _, l := range m.lots(a) {
				lots = append(lots, []*entry{l})
			}
		}
		for _, some := range lots {
			credits := new(big.Rat)
			for _, l := range some {
				credits = add(credits, l.left())
			}
			m.take(a, wallet.Voided, some, []share{{"", credits, a.money(credits)}}, at).Reason = reason
		}
	}
	a.end(reason, at)
}

// end fails what is pending and makes the wallet a terminated one.
func (a *account) end(reason string, at time.Time) {
	for _, e := range a.entries {
		if e.State == wallet.Pending {
			e.fail(reason, at)
		}
	}
	a.Status, a.TerminatedAt, a.UpdatedAt, a.usage = wallet.Terminated, at, at, nil
}
