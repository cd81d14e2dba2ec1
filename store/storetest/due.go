package storetest

import (
	"math/big"
	"time"

	"github.com/seed-12493b23/wallet"
)

// tick brings every customer up to an instant.
func (m *model) tick(at time.Time) {
	for _, a := range m.accounts {
		m.catchUp(a.Customer, at)
	}
}

// catchUp books what is due on a customer's wallets up to an instant: instant by instant, and within one wallet by wallet.
func (m *model) catchUp(customer wallet.CustomerID, until time.Time) {
	for {
		var next time.Time
		for _, a := range m.of(customer) {
			if at := a.nextDue(); !at.IsZero() && !at.After(until) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
		if next.IsZero() {
			return
		}
		group := m.begin(customer)
		for _, a := range m.of(customer) {
			m.due(a, next)
		}
		group.end(next)
	}
}

// A group is all that is booked for a customer at an instant. It ends with threshold rules.
type group struct {
	model    *model
	accounts []*account
	net      []*big.Rat // of each account, before
}

func (m *model) begin(customer wallet.CustomerID) *group {
	g := &group{model: m, accounts: m.of(customer)}
	for _, a := range g.accounts {
		g.net = append(g.net, a.net())
	}
	return g
}

func (g *group) end(at time.Time) {
	for i, a := range g.accounts {
		g.model.thresholds(a, g.net[i], at)
	}
}

// nextDue is the earliest instant that is still to come, or zero.
func (a *account) nextDue() (next time.Time) {
	if a.Status == wallet.Terminated {
		return next
	}
	note := func(at time.Time) {
		if !at.IsZero() && (next.IsZero() || at.Before(next)) {
			next = at
		}
	}
	note(a.ExpiresAt)
	for _, r := range a.rules {
		note(a.next(r))
	}
	for _, h := range a.openHolds() {
		note(h.ExpiresAt)
	}
	for _, e := range a.entries {
		if e.free().Sign() > 0 || e.State == wallet.Pending && !e.lapsed {
			note(e.ExpiresAt)
		}
	}
	return next
}

// due books all the steps of one account at one instant, in their order.
func (m *model) due(a *account, at time.Time) {
	m.endHolds(a, at)
	for _, l := range m.lots(a) {
		if past(l.ExpiresAt, at) && l.free().Sign() > 0 { // it was over before if it was held
			m.expire(a, l, at)
		}
	}
	for _, e := range a.entries {
		if e.State == wallet.Pending && !e.lapsed && e.ExpiresAt.Equal(at) {
			e.lapsed = true
			a.UpdatedAt = at
		}
	}
	if a.ExpiresAt.Equal(at) {
		for _, l := range m.lots(a) {
			m.expire(a, l, at)
		}
		a.end("the wallet expired", at)
		return
	}
	m.intervals(a, at)
}

// expire takes out of a lot what is free in it.
func (m *model) expire(a *account, l *entry, at time.Time) {
	free := l.free()
	m.take(a, wallet.Expired, []*entry{l}, []share{{"", free, a.money(free)}}, at)
}
