package storetest

import (
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// What moves credits within a customer's wallets, or reserves none of them: usage in progress, refunds and transfers.

// A usage is an amount of money that was used for a fee and is not billed yet.
type usage struct {
	fee    string
	amount *big.Rat
}

// ongoing is the usage in progress, in credits.
func (a *account) ongoing() *big.Rat {
	sum := new(big.Rat)
	for _, u := range a.usage {
		sum.Add(sum, u.amount)
	}
	return down(quo(sum, rat(a.Rate)), decimals)
}

func (a *account) net() *big.Rat { return sub(a.spendable(), a.ongoing()) }

// setOngoing spreads usage: each fee over the wallets that cover it, as far as they can pay; one with a threshold rule takes
// all, and the last one too.
func (m *model) setOngoing(c wallet.Charge, at time.Time) error {
	payers := m.payers(c)
	parts, room := make([]map[string]*big.Rat, len(payers)), make([]*big.Rat, len(payers))
	for i, a := range payers {
		parts[i], room[i] = make(map[string]*big.Rat), down(mul(a.spendable(), rat(a.Rate)), decimals)
	}
	for _, f := range c.Fees {
		var cover []int
		for i, a := range payers {
			if m.covers(a, f) {
				cover = append(cover, i)
			}
		}
		left := rat(f.Amount)
		for n, i := range cover {
			takes := least(left, room[i])
			if n == len(cover)-1 || payers[i].refills(at) {
				takes = left
			}
			parts[i][f.ID] = takes
			left = sub(left, takes)
			if room[i] = sub(room[i], takes); room[i].Sign() < 0 {
				room[i] = new(big.Rat)
			}
		}
	}
	before := make([][]usage, len(payers))
	for i, a := range payers {
		before[i], a.usage = a.usage, nil
		for _, f := range c.Fees {
			if x := parts[i][f.ID]; x != nil && x.Sign() > 0 {
				a.usage = append(a.usage, usage{f.ID, x})
			}
		}
	}
	for _, a := range payers {
		if !fits(a.ongoing()) {
			for i, a := range payers {
				a.usage = before[i]
			}
			return wallet.ErrLimit
		}
	}
	for i, a := range payers {
		if !sameUsage(a.usage, before[i]) {
			a.UpdatedAt = at
		}
	}
	return nil
}

// refills reports whether a threshold rule of the account is in force.
func (a *account) refills(at time.Time) bool {
	return slices.ContainsFunc(a.rules, func(r *rule) bool {
		return r.Trigger == wallet.TriggerThreshold && !at.Before(r.StartsAt) && !past(r.ExpiresAt, at)
	})
}

func sameUsage(x, y []usage) bool {
	return slices.EqualFunc(x, y, func(x, y usage) bool { return x.fee == y.fee && x.amount.Cmp(y.amount) == 0 })
}

// bill takes the fees of a charge that bills them out of the usage in progress.
func (m *model) bill(payers []*account, c wallet.Charge, at time.Time) {
	for _, a := range payers {
		left := slices.DeleteFunc(slices.Clone(a.usage), func(u usage) bool {
			return c.Billed && slices.ContainsFunc(c.Fees, func(f wallet.Fee) bool { return f.ID == u.fee })
		})
		if len(left) < len(a.usage) {
			a.usage, a.UpdatedAt = left, at
		}
	}
}

// refund returns what an outbound transaction drew: the last drawn first, without what was returned before.
func (m *model) refund(e *entry, r wallet.Refund, at time.Time) (made []*entry, err error) {
	a := e.account
	switch {
	case e.Kind != wallet.Consumed:
		return nil, wallet.ErrInvalid
	case a.Status == wallet.Terminated:
		return nil, wallet.ErrTerminated
	}
	type piece struct {
		of             *draw
		credits, money *big.Rat
	}
	var pieces []piece
	credits, money := new(big.Rat), new(big.Rat)
	for i := range slices.Backward(e.draws) {
		d := &e.draws[i]
		if d.back == nil {
			d.back, d.paidBack = new(big.Rat), new(big.Rat)
		}
		if p := (piece{d, sub(d.credits, d.back), sub(d.amount, d.paidBack)}); p.credits.Sign() > 0 {
			pieces = append(pieces, p)
			credits, money = add(credits, p.credits), add(money, p.money)
		}
	}
	wantCredits, wantMoney := rat(r.Credits), rat(r.Money)
	switch {
	case wantCredits.Cmp(credits) > 0, credits.Sign() == 0:
		return nil, &wallet.InsufficientError{Wallet: a.ID, Needed: r.Credits, Available: amount(credits)}
	case wantMoney.Cmp(money) > 0:
		return nil, &wallet.InsufficientError{Wallet: a.ID, Needed: r.Money, Available: amount(money), Currency: a.Currency}
	}
	if all := wantCredits.Sign() == 0 && wantMoney.Sign() == 0; !all {
		for i, p := range pieces {
			switch {
			case wantMoney.Sign() > 0 && wantMoney.Cmp(p.money) < 0:
				part := down(quo(mul(wantMoney, p.credits), p.money), decimals)
				if part.Sign() == 0 {
					part = rat(tiny)
				}
				pieces[i].credits, pieces[i].money = least(part, p.credits), wantMoney
			case wantCredits.Sign() > 0 && wantCredits.Cmp(p.credits) < 0:
				pieces[i].credits, pieces[i].money = wantCredits, down(quo(mul(wantCredits, p.money), p.credits), decimals)
			}
			wantCredits, wantMoney = sub(wantCredits, pieces[i].credits), sub(wantMoney, pieces[i].money)
			if r.Money.IsZero() && wantCredits.Sign() <= 0 || r.Credits.IsZero() && wantMoney.Sign() <= 0 {
				pieces = pieces[:i+1]
				break
			}
		}
	}
	total := a.total()
	for _, p := range pieces {
		if !fits(add(total, p.credits)) {
			return nil, wallet.ErrLimit
		}
		if !past(p.of.from.ExpiresAt, at) || m.policy.RefundGrace > 0 {
			total = add(total, p.credits)
		}
	}
	for _, p := range pieces {
		p.of.back, p.of.paidBack = add(p.of.back, p.credits), add(p.of.paidBack, p.money)
		in := m.book(a, wallet.Refunded, p.credits, p.money, at)
		in.Corrects, in.Reason, in.Metadata = e.ID, r.Reason, maps.Clone(r.Metadata)
		in.inherit(p.of.from)
		over := past(in.ExpiresAt, at)
		if over && m.policy.RefundGrace > 0 {
			in.ExpiresAt, over = at.Add(m.policy.RefundGrace), false
		}
		in.BalanceAfter = amount(a.total())
		if made = append(made, in); over {
			m.expire(a, in, at)
		}
	}
	m.note(made...)
	return made, nil
}

// inherit makes an entry a descendant of the lot that its credits come from.
func (e *entry) inherit(from *entry) {
	l := from.lot()
	e.Priority, e.ExpiresAt, e.Name, e.Origin, e.Since = l.Priority, l.ExpiresAt, from.Name, l.Kind, l.OpenedAt
}

// target is the account that a transfer goes to.
func (m *model) target(from *account, s step) (*account, error) {
	if s.To == unknown || m.accounts[s.To].Customer != from.Customer {
		return nil, wallet.ErrNotFound
	}
	return m.accounts[s.To], nil
}

// transfer moves credits between two wallets: lot by lot, in spending order.
func (m *model) transfer(from, to *account, t wallet.Transfer, at time.Time) ([]*entry, error) {
	switch {
	case from.Status == wallet.Terminated || to.Status == wallet.Terminated:
		return nil, wallet.ErrTerminated
	case from.Currency != to.Currency || !from.Rate.Equal(to.Rate):
		return nil, wallet.ErrCurrency
	}
	var lots []*entry
	free, credits := new(big.Rat), rat(t.Credits)
	for _, l := range m.lots(from) {
		if t.Kind == "" || l.lot().Kind == t.Kind {
			lots = append(lots, l)
			free = add(free, l.free())
		}
	}
	if free.Cmp(credits) < 0 || free.Sign() == 0 {
		return nil, &wallet.InsufficientError{Wallet: from.ID, Needed: t.Credits, Available: amount(free)}
	}
	if t.All {
		credits = free
	}
	if !fits(from.money(credits)) || !fits(add(to.total(), credits)) {
		return nil, wallet.ErrLimit
	}
	out := m.take(from, wallet.TransferredOut, lots, []share{{"", credits, from.money(credits)}}, at)
	out.Metadata = maps.Clone(t.Metadata)
	made := []*entry{out}
	for _, d := range out.draws {
		in := m.book(to, wallet.TransferredIn, d.credits, d.amount, at)
		in.Pair, in.Metadata = out.ID, maps.Clone(t.Metadata)
		if in.inherit(d.from); !from.ExpiresAt.IsZero() && (in.ExpiresAt.IsZero() || from.ExpiresAt.Before(in.ExpiresAt)) {
			in.ExpiresAt = from.ExpiresAt
		}
		in.BalanceAfter = amount(to.total())
		made = append(made, in)
	}
	m.note(made...)
	return made, nil
}
