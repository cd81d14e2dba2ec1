package storetest

import (
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// split takes out of a reserve so much of what it has, in its order: of its credits, or of its money.
func (r *reserve) split(want *big.Rat, inMoney bool) (taken, rest *reserve) {
	have := r.credits
	if inMoney {
		have = r.money
	}
	want = least(want, have)
	taken = &reserve{account: r.account, credits: r.credits, money: r.money}
	switch {
	case want.Sign() == 0:
		taken.credits, taken.money = want, want
	case want.Cmp(have) == 0:
	case inMoney:
		taken.credits, taken.money = least(r.account.creditsFor(want), r.credits), want
	default:
		taken.credits, taken.money = want, least(r.account.money(want), r.money)
	}
	rest = &reserve{account: r.account, credits: sub(r.credits, taken.credits), money: sub(r.money, taken.money)}
	if rest.credits.Sign() == 0 { // nothing is left to pay with
		rest.money = new(big.Rat)
	}
	need := taken.credits
	for _, p := range r.lots {
		part := least(p.credits, need)
		need = sub(need, part)
		if part.Sign() > 0 {
			taken.lots = append(taken.lots, portion{p.lot, part})
		}
		if left := sub(p.credits, part); left.Sign() > 0 {
			rest.lots = append(rest.lots, portion{p.lot, left})
		}
	}
	return taken, rest
}

// capture spends from a hold, and releases the rest unless there is more to come. What is not in the hold may come from what
// else can be spent, also of what was just released. It returns by how much it falls short.
func (m *model) capture(h *hold, c wallet.Capture, at time.Time) (made []*entry, left *big.Rat, err error) {
	switch {
	case h.State == wallet.HoldExpired && c.Over != wallet.Extend:
		return nil, nil, wallet.ErrExpired
	case h.State == wallet.HoldCaptured, h.State == wallet.HoldReleased:
		return nil, nil, h.notPending()
	case !c.Credits.IsZero() && h.Wallet.IsZero():
		return nil, nil, wallet.ErrInvalid
	}
	undo := m.undo(h)
	defer func() {
		if err != nil {
			undo()
		}
	}()
	inMoney := !c.Money.IsZero()
	asked := add(rat(c.Credits), rat(c.Money))
	in := func(r *reserve) *big.Rat {
		if inMoney {
			return r.money
		}
		return r.credits
	}
	left = asked
	var spent, rests []*reserve
	for _, r := range h.parts {
		taken, rest := r.split(left, inMoney)
		left = sub(left, in(taken))
		spent, rests = append(spent, taken), append(rests, rest)
	}
	ends := h.State == wallet.HoldOpen && !c.More
	if ends {
		h.parts = spent // until it is booked
		for _, r := range rests {
			r.account.UpdatedAt = at
			m.expireOver(r, at)
		}
	}
	if left.Sign() > 0 && c.Over != wallet.Reject {
		more, err := m.excess(h, left, inMoney)
		if err != nil {
			return nil, nil, err
		}
		for _, r := range more {
			r.lots = portions(m.lots(r.account), r.credits)
			left = sub(left, in(r))
			i := slices.IndexFunc(spent, func(s *reserve) bool { return s.account == r.account })
			if i < 0 {
				spent = append(spent, r)
				continue
			}
			s := spent[i]
			spent[i] = &reserve{r.account, add(s.credits, r.credits), add(s.money, r.money), slices.Concat(s.lots, r.lots)}
		}
	}
	if left.Sign() > 0 && c.Over != wallet.Partial {
		short := &wallet.InsufficientError{Wallet: h.Wallet, Needed: amount(asked), Available: amount(sub(asked, left))}
		if inMoney {
			short.Currency = h.Currency
		}
		return nil, nil, short
	}
	captured := rat(h.Captured.Amount)
	for _, s := range spent {
		captured = add(captured, s.money)
		if !fits(s.money) || !fits(add(s.account.consumed(), s.credits)) || h.State == wallet.HoldOpen && !fits(captured) {
			return nil, nil, wallet.ErrLimit
		}
	}
	switch {
	case ends:
		h.parts, h.State, h.ClosedAt, h.Captured.Amount = nil, wallet.HoldCaptured, at, amount(captured)
	case h.State == wallet.HoldOpen:
		h.parts, h.Captured.Amount = rests, amount(captured)
	}
	for _, s := range spent {
		if s.credits.Sign() > 0 {
			e := m.pay(s.account, wallet.Consumed, s.lots, []share{{h.Fee.ID, s.credits, s.money}}, at)
			e.Hold, e.Reference, e.Metadata = h.ID, h.Reference, maps.Clone(h.Metadata)
			made = append(made, e)
		}
	}
	m.note(made...)
	return made, left, nil
}

// excess is what else pays for a hold's fee, as much of it as there is.
func (m *model) excess(h *hold, want *big.Rat, inMoney bool) ([]*reserve, error) {
	if h.Wallet.IsZero() {
		parts, _ := m.afford(h.Customer, h.Currency, h.Fee, want)
		return parts, nil
	}
	a := m.accounts[slices.IndexFunc(m.accounts, func(a *account) bool { return a.ID == h.Wallet })]
	if a.Status == wallet.Terminated {
		return nil, wallet.ErrTerminated
	}
	r := &reserve{account: a, credits: least(want, a.spendable())}
	r.money = a.money(r.credits)
	if inMoney {
		if r.money = want; mul(a.spendable(), rat(a.Rate)).Cmp(want) < 0 {
			minor, _ := a.Currency.Decimals()
			r.money = down(mul(a.spendable(), rat(a.Rate)), minor)
		}
		if r.credits = new(big.Rat); r.money.Sign() > 0 {
			r.credits = a.price(r.money)
		}
	}
	if r.credits.Sign() == 0 || !m.covers(a, h.Fee) {
		return nil, nil
	}
	return []*reserve{r}, nil
}

// undo returns what takes back all that is done with a hold from now on.
func (m *model) undo(h *hold) func() {
	before, accounts := *h, m.of(h.Customer)
	var entries []int
	var updated []time.Time
	for _, a := range accounts {
		entries, updated = append(entries, len(a.entries)), append(updated, a.UpdatedAt)
	}
	return func() {
		*h = before
		for i, a := range accounts {
			a.entries, a.UpdatedAt = a.entries[:entries[i]], updated[i]
		}
	}
}
