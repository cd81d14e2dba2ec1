package storetest

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A hold is what an authorization reserves; its Parts are not used.
type hold struct {
	wallet.Hold
	parts []*reserve // never changed but replaced; none once it has ended
}

// A reserve is credits of one account, out of some lots in the order they will be spent, and the money that they are to pay.
type reserve struct {
	account        *account
	credits, money *big.Rat
	lots           []portion
}

type portion struct {
	lot     *entry
	credits *big.Rat
}

// portions are what lots give, in this order, of so many credits: each as much as is free.
func portions(lots []*entry, credits *big.Rat) (all []portion) {
	for _, l := range lots {
		if part := least(l.free(), credits); part.Sign() > 0 {
			all = append(all, portion{l, part})
			credits = sub(credits, part)
		}
	}
	return all
}

// held is what holds reserve of a lot.
func (e *entry) held() *big.Rat {
	sum := new(big.Rat)
	for _, h := range e.account.holds {
		for _, r := range h.parts {
			for _, p := range r.lots {
				if p.lot == e {
					sum = add(sum, p.credits)
				}
			}
		}
	}
	return sum
}

// free is what remains of a lot that no hold reserves.
func (e *entry) free() *big.Rat { return sub(e.left(), e.held()) }

func (a *account) held() *big.Rat {
	sum := new(big.Rat)
	for _, h := range a.holds {
		for _, r := range h.parts {
			if r.account == a {
				sum = add(sum, r.credits)
			}
		}
	}
	return sum
}

// openHolds are those that are in the account still, oldest first.
func (a *account) openHolds() (open []*hold) {
	for _, h := range a.holds {
		if h.part(a) != nil {
			open = append(open, h)
		}
	}
	return open
}

// part is what the hold has of an account, or nil.
func (h *hold) part(a *account) *reserve {
	for _, r := range h.parts {
		if r.account == a {
			return r
		}
	}
	return nil
}

// afford is which wallets pay a fee, as a charge would take it, and how much they pay in all.
func (m *model) afford(customer wallet.CustomerID, currency wallet.Currency, f wallet.Fee, money *big.Rat) (parts []*reserve, paid *big.Rat) {
	paid, f.Amount = new(big.Rat), amount(money)
	c := wallet.Charge{Customer: customer, Currency: currency, Fees: []wallet.Fee{f}}
	payers := m.payers(c)
	for i, row := range m.table(payers, c) {
		if x := row[0]; x.Sign() > 0 {
			parts = append(parts, &reserve{account: payers[i], credits: payers[i].price(x), money: x})
			paid = add(paid, x)
		}
	}
	return parts, paid
}

// authorize holds credits or money of one account, or money of all that a customer has in a currency if there is none.
func (m *model) authorize(a *account, u wallet.Authorization, at time.Time) (*hold, error) {
	h := &hold{Hold: wallet.Hold{
		Customer: u.Customer, Currency: u.Currency, State: wallet.HoldOpen, Fee: u.Fee, Reference: u.Reference, Metadata: maps.Clone(u.Metadata),
		CreatedAt: at, ExpiresAt: at.Add(cmp.Or(u.For, 24*time.Hour)),
	}}
	if a == nil {
		var paid *big.Rat
		if h.parts, paid = m.afford(u.Customer, u.Currency, u.Fee, rat(u.Money)); paid.Cmp(rat(u.Money)) < 0 {
			return nil, &wallet.InsufficientError{Needed: u.Money, Available: amount(paid), Currency: u.Currency}
		}
	} else {
		switch {
		case a.Status == wallet.Terminated:
			return nil, wallet.ErrTerminated
		case !m.covers(a, u.Fee):
			return nil, wallet.ErrNotApplicable
		}
		credits, money, err := a.afford(u.Credits, u.Money)
		if err != nil {
			return nil, err
		}
		h.Customer, h.Wallet, h.Currency = a.Customer, a.ID, a.Currency
		h.parts = []*reserve{{account: a, credits: credits, money: money}}
	}
	credits, money := new(big.Rat), new(big.Rat)
	for _, r := range h.parts {
		credits, money = add(credits, r.credits), add(money, r.money)
		h.endBy(r.account.ExpiresAt)
	}
	if !fits(credits) || !fits(money) {
		return nil, wallet.ErrLimit
	}
	h.Credits, h.Money.Amount = amount(credits), amount(money)
	h.Money.Currency, h.Captured.Currency = h.Currency, h.Currency
	var id [16]byte
	id[0] = 0xdd
	binary.BigEndian.PutUint32(id[12:], uint32(len(m.holds)))
	h.ID.SetBytes(id)
	for _, r := range h.parts {
		r.lots = portions(m.lots(r.account), r.credits)
		r.account.holds, r.account.UpdatedAt = append(r.account.holds, h), at
	}
	m.holds = append(m.holds, h)
	return h, nil
}

// endBy makes the hold end no later than a wallet.
func (h *hold) endBy(expiry time.Time) {
	if past(expiry, h.ExpiresAt) {
		h.ExpiresAt = expiry
	}
}

// sharing is no earlier than the latest change of the wallets whose holds end sooner if this one does.
func (a *account) sharing(expiry, at time.Time) time.Time {
	for _, h := range a.openHolds() {
		if !expiry.IsZero() && expiry.Before(h.ExpiresAt) {
			for _, r := range h.parts {
				at = later(at, r.account.UpdatedAt)
			}
		}
	}
	return at
}

// release ends a hold by command.
func (m *model) release(h *hold, at time.Time) error {
	switch h.State {
	case wallet.HoldCaptured:
		return h.notPending()
	case wallet.HoldOpen:
		for _, r := range h.parts {
			m.leave(h, r, at)
			m.expireOver(r, at)
		}
		h.State, h.ClosedAt = wallet.HoldReleased, at
	}
	return nil
}

func (h *hold) notPending() error { return &wallet.NotPendingError{State: h.State, At: h.ClosedAt} }

// leave returns to an account what the hold has of it.
func (m *model) leave(h *hold, r *reserve, at time.Time) {
	h.parts = slices.DeleteFunc(slices.Clone(h.parts), func(p *reserve) bool { return p == r })
	r.account.UpdatedAt = at
}

// expireOver lets credits that were held until now expire, if their lot is over.
func (m *model) expireOver(r *reserve, at time.Time) {
	for _, p := range r.lots {
		if past(p.lot.ExpiresAt, at) {
			m.expire(r.account, p.lot, at)
		}
	}
}

// endHolds ends the holds in an account whose time is over, whole. Lots that are over expire with all others then.
func (m *model) endHolds(a *account, at time.Time) {
	for _, h := range a.openHolds() {
		if past(h.ExpiresAt, at) {
			for _, r := range h.parts {
				m.leave(h, r, at)
			}
			h.State, h.ClosedAt = wallet.HoldExpired, at
		}
	}
}

// leaveHolds takes an account that is terminated out of its holds; one that is in no other is released.
func (m *model) leaveHolds(a *account, at time.Time) {
	for _, h := range a.openHolds() {
		r := h.part(a)
		m.leave(h, r, at)
		m.expireOver(r, at)
		if len(h.parts) == 0 {
			h.State, h.ClosedAt = wallet.HoldReleased, at
		}
	}
}

// public is the hold as its host sees it.
func (h *hold) public() wallet.Hold {
	p := h.Hold
	p.Metadata = maps.Clone(h.Metadata)
	for _, r := range h.parts {
		part := wallet.HoldPart{Wallet: r.account.ID, Credits: amount(r.credits), Money: amount(r.money)}
		for _, l := range r.lots {
			part.Lots = append(part.Lots, wallet.HoldLot{Lot: l.lot.ID, Credits: amount(l.credits)})
		}
		p.Parts = append(p.Parts, part)
	}
	return p
}

// allHolds are those that are, or were, in the account, newest first.
func (a *account) allHolds() (all []wallet.Hold) {
	for _, h := range slices.Backward(a.holds) {
		all = append(all, h.public())
	}
	return all
}
