package storetest

import (
	"math/big"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A rule is a recurring top-up of an account, with its history.
type rule struct {
	wallet.Rule
	from   time.Time // nothing before fires
	failed time.Time // when a purchase of a threshold rule failed, unless the net balance rose above the threshold since
}

// backOff is how long a threshold rule waits after its purchase failed.
const backOff = time.Hour

// setRules replaces the account's rules: those kept, by position, and new ones behind.
func (a *account) setRules(kept []int, added []wallet.Rule, at time.Time) {
	var rules []*rule
	for _, i := range kept {
		if i >= len(a.rules) {
			continue
		}
		r := a.rules[i]
		r.from = later(r.from, at)
		rules = append(rules, r)
	}
	for _, r := range added {
		r.ID.SetBytes([16]byte{0: 0xee, 1: byte(a.number), 2: byte(len(a.everRules))})
		a.everRules = append(a.everRules, r.ID)
		rules = append(rules, &rule{Rule: r, from: at})
	}
	a.rules = rules
}

// occurrence returns the first occurrence of an interval rule at or after an instant: the n-th is n periods after the anchor.
func (a *account) occurrence(r *rule, from time.Time) time.Time {
	anchor, n := r.StartsAt, 0
	if anchor.IsZero() {
		anchor, n = a.CreatedAt, 1
	}
	for ; ; n++ {
		at := anchor.AddDate(0, 0, 7*n)
		if months := map[wallet.Period]int{wallet.Monthly: n, wallet.Quarterly: 3 * n, wallet.Semiannual: 6 * n, wallet.Yearly: 12 * n}; r.Every != wallet.Weekly {
			at = inMonths(anchor, months[r.Every])
		}
		if !at.Before(from) {
			return at
		}
	}
}

// inMonths is the same time n months later, on the last day of a month that has no such day.
func inMonths(t time.Time, n int) time.Time {
	for day := t.Day(); ; day-- {
		at := time.Date(t.Year(), t.Month()+time.Month(n), day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
		if at.Day() == day {
			return at
		}
	}
}

// next returns when an interval rule is due, or zero.
func (a *account) next(r *rule) time.Time {
	if r.Trigger != wallet.TriggerInterval {
		return time.Time{}
	}
	at := a.occurrence(r, r.from)
	if past(r.ExpiresAt, at) {
		return time.Time{}
	}
	return at
}

// intervals fires the interval rules that are due now.
func (m *model) intervals(a *account, at time.Time) {
	for _, r := range a.rules {
		if !a.next(r).Equal(at) {
			continue
		}
		r.from = at.Add(time.Microsecond)
		var until time.Time
		if r.UntilNext {
			until = a.occurrence(r, r.from)
		}
		if r.Method == wallet.MethodTarget {
			m.aim(a, r, until, at)
		} else {
			m.repeat(a, r, new(big.Rat), until, at)
		}
	}
}

// thresholds fires the threshold rules of an account whose net balance was so much before.
func (m *model) thresholds(a *account, before *big.Rat, at time.Time) {
	if a.Status == wallet.Terminated {
		return
	}
	fell := a.net().Cmp(before) < 0
	for _, r := range a.rules {
		if r.Trigger != wallet.TriggerThreshold {
			continue
		}
		net, level := a.net(), rat(r.Threshold)
		if net.Cmp(level) > 0 {
			r.failed = time.Time{}
			continue
		}
		waits := !r.failed.IsZero() && at.Before(r.failed.Add(backOff))
		gap := sub(sub(level, net), a.pending())
		if !fell || gap.Sign() < 0 || at.Before(r.StartsAt) || past(r.ExpiresAt, at) || waits {
			continue
		}
		if r.Method == wallet.MethodTarget {
			m.aim(a, r, time.Time{}, at)
		} else {
			m.repeat(a, r, gap, time.Time{}, at)
		}
	}
}

// aim tops up to the target, within the limits of what may be bought.
func (m *model) aim(a *account, r *rule, until, at time.Time) {
	lack := sub(sub(rat(r.Target), a.net()), a.pending())
	switch most := rat(a.Limits.MaxPaid); {
	case lack.Sign() <= 0:
		return
	case r.GrantTarget:
		m.fire(a, r, new(big.Rat), lack, until, at)
		return
	case most.Sign() > 0:
		lack = least(lack, most)
	}
	if few := rat(a.Limits.MinPaid); lack.Cmp(few) < 0 {
		lack = few
	}
	m.fire(a, r, lack, new(big.Rat), until, at)
}

// repeat tops up by the rule's credits, as often as it takes to get past the gap.
func (m *model) repeat(a *account, r *rule, gap *big.Rat, until, at time.Time) {
	paid, granted, one := rat(r.Paid), rat(r.Granted), big.NewRat(1, 1)
	times := add(down(quo(gap, add(paid, granted)), 0), one)
	if paid.Sign() > 0 {
		if most := rat(a.Limits.MaxPaid); most.Sign() > 0 {
			times = least(times, down(quo(most, paid), 0))
		}
		if times.Sign() == 0 {
			times = one
		}
		if few := up(quo(rat(a.Limits.MinPaid), paid), 0); times.Cmp(few) < 0 {
			times = few
		}
	}
	m.fire(a, r, mul(times, paid), mul(times, granted), until, at)
}

// fire books what a rule creates, unless it cannot be recorded.
func (m *model) fire(a *account, r *rule, paid, granted *big.Rat, until, at time.Time) {
	sum := add(paid, granted)
	if !fits(sum) || !fits(a.money(sum)) || !fits(add(a.total(), sum)) || !fits(add(a.pending(), sum)) {
		return
	}
	source := wallet.SourceThreshold
	if r.Trigger == wallet.TriggerInterval {
		source = wallet.SourceInterval
	}
	pair := paid.Sign() > 0 && granted.Sign() > 0
	for _, e := range m.add(a, wallet.TopUp{Priority: r.Priority, ExpiresAt: until, ExpiresIn: r.ExpiresIn, Name: r.Name, Metadata: r.Metadata, GrantOnSettle: pair}, paid, a.money(paid), granted, at) {
		e.Source, e.Rule = source, r.ID
	}
}

// noteFailure lets the rule of a failed purchase wait.
func (e *entry) noteFailure(at time.Time) {
	i := slices.IndexFunc(e.account.rules, func(r *rule) bool { return r.ID == e.Rule })
	if e.Source == wallet.SourceThreshold && i >= 0 {
		e.account.rules[i].failed = at
	}
}
