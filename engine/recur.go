package engine

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// backOffTime is how long a threshold rule whose purchase failed waits, unless the net balance rises above its threshold before.
const backOffTime = time.Hour

// checkRules notes rules with an ID that is none of the purse's, or there twice.
func (p *purse) checkRules(c *checker, rules []wallet.Rule) {
	seen := make(map[wallet.RuleID]bool, len(rules))
	for i, r := range rules {
		if r.ID.IsZero() {
			continue
		}
		if present := slices.ContainsFunc(p.Rules, func(old wallet.Rule) bool { return old.ID == r.ID }); !present || seen[r.ID] {
			c.in("rules", i)
			c.Add("id", r.ID.String(), "is not the ID of another rule of the wallet")
			c.in("", -1)
		}
		seen[r.ID] = true
	}
}

// setRules replaces the purse's list of rules. A rule with the ID of a present one stays that rule; one without is added.
// Nothing that lies before this instant fires any more.
func (k *work) setRules(p *purse, rules []wallet.Rule) {
	var last wallet.RuleID
	for _, r := range p.Rules {
		if r.ID.Compare(last) > 0 {
			last = r.ID
		}
	}
	kept := make(map[string]ruleNote, len(rules))
	rules = cloneRules(rules)
	for i := range rules {
		r := &rules[i]
		note := ruleNote{From: k.at}
		if r.ID.IsZero() {
			last = wallet.MintRuleID(last, k.at)
			r.ID = last
		} else {
			before := p.memo().Rules[r.ID.String()]
			note.From, note.Failed = later(note.From, before.From), before.Failed
		}
		kept[r.ID.String()] = note
	}
	p.change(func(w *wallet.Wallet) { w.Rules = rules })
	p.memo().Rules = kept
	for i := range rules {
		p.state.NextDue = earliest(p.state.NextDue, p.occurrence(&rules[i]))
	}
}

// occurrence returns the next instant at which an interval rule fires, or zero.
func (p *purse) occurrence(r *wallet.Rule) time.Time {
	if r.Trigger != wallet.TriggerInterval {
		return time.Time{}
	}
	next := p.scheduled(r, p.memo().Rules[r.ID.String()].From)
	if !r.ExpiresAt.IsZero() && !next.Before(r.ExpiresAt) {
		return time.Time{}
	}
	return next
}

// scheduled returns the first occurrence of an interval rule at or after from, its end left aside. Occurrence n is n periods
// after the anchor, so that month ends clamp without drift: 31 January, 28 February, 31 March.
func (p *purse) scheduled(r *wallet.Rule, from time.Time) time.Time {
	anchor, n := r.StartsAt, 0
	if anchor.IsZero() {
		anchor, n = p.CreatedAt, 1 // the wallet's creation is the anchor, and no occurrence
	}
	if r.Every == wallet.Weekly {
		const week = 7 * 24 * time.Hour
		if gap := from.Sub(anchor); gap > time.Duration(n)*week { // a Duration spans 292 years, and saturates
			n = int((gap + week - 1) / week)
		}
		at := anchor.AddDate(0, 0, 7*n)
		for at.Before(from) {
			at = at.AddDate(0, 0, 7)
		}
		return bounded(at)
	}
	step := months[r.Every]
	if gap := (from.Year()-anchor.Year())*12 + int(from.Month()-anchor.Month()); gap/step > n {
		n = gap / step
	}
	at := addMonths(anchor, n*step)
	for at.Before(from) {
		n++
		at = addMonths(anchor, n*step)
	}
	return bounded(at)
}

// months are the lengths of the periods, but for the week.
var months = map[wallet.Period]int{wallet.Monthly: 1, wallet.Quarterly: 3, wallet.Semiannual: 6, wallet.Yearly: 12}

// addMonths returns the same day and time of day n months later, or the last day of that month if it is shorter.
func addMonths(t time.Time, n int) time.Time {
	first := time.Date(t.Year(), t.Month(), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC).AddDate(0, n, 0)
	lastDay := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), lastDay)-1)
}

// bounded returns t, or zero if it lies beyond the last instant there is.
func bounded(t time.Time) time.Time {
	if t.After(lastInstant) {
		return time.Time{}
	}
	return t
}

// intervals fires the interval rules that occur now, in list order.
func (k *work) intervals(p *purse) error {
	for i := range p.Rules {
		r := &p.Rules[i]
		if !p.occurrence(r).Equal(k.at) {
			continue
		}
		id := r.ID.String()
		note := p.memo().Rules[id]
		note.From = k.at.Add(time.Microsecond)
		p.memo().Rules[id] = note
		p.rewrite = true
		t := ruleTopUp(r)
		if r.UntilNext {
			t.ExpiresAt = p.scheduled(r, note.From)
		}
		if r.Method == wallet.MethodTarget {
			b := p.state.Balance
			p.aim(r, &t, r.Target.Sub(b.Net()).Sub(b.Pending))
		} else {
			p.repeat(r, &t, wallet.Amount{})
		}
		if err := k.fire(p, r, t, wallet.SourceInterval); err != nil {
			return err
		}
	}
	return nil
}

// thresholds fires the threshold rules, in list order, if the net balance is below what it was before.
func (k *work) thresholds(p *purse) error {
	if len(p.Rules) == 0 {
		return nil
	}
	fell := p.state.Balance.Net().Cmp(p.before.Net()) < 0
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Trigger != wallet.TriggerThreshold {
			continue
		}
		b := p.state.Balance
		net := b.Net()
		if net.Cmp(r.Threshold) > 0 {
			p.recovered(r)
			continue
		}
		gap := r.Threshold.Sub(net).Sub(b.Pending)
		if !fell || gap.Sign() < 0 || !inForce(r, k.at) {
			continue
		}
		if failed := p.memo().Rules[r.ID.String()].Failed; !failed.IsZero() && k.at.Before(failed.Add(backOffTime)) {
			continue
		}
		t := ruleTopUp(r)
		if r.Method == wallet.MethodTarget {
			p.aim(r, &t, r.Target.Sub(net).Sub(b.Pending))
		} else {
			p.repeat(r, &t, gap)
		}
		if err := k.fire(p, r, t, wallet.SourceThreshold); err != nil {
			return err
		}
		p.recovered(r)
	}
	return nil
}

// inForce reports whether a rule has started and not ended.
func inForce(r *wallet.Rule, at time.Time) bool {
	return !at.Before(r.StartsAt) && (r.ExpiresAt.IsZero() || at.Before(r.ExpiresAt))
}

// backOff notes that a purchase of a threshold rule failed.
func (p *purse) backOff(id wallet.RuleID, at time.Time) {
	if note, present := p.memo().Rules[id.String()]; present {
		note.Failed = at
		p.memo().Rules[id.String()] = note
		p.rewrite = true
	}
}

// recovered ends a rule's back-off.
func (p *purse) recovered(r *wallet.Rule) {
	if !p.mayHaveFailed() { // as in every debit
		return
	}
	id := r.ID.String()
	if note := p.memo().Rules[id]; !note.Failed.IsZero() {
		note.Failed = time.Time{}
		p.memo().Rules[id] = note
		p.rewrite = true
	}
}

func ruleTopUp(r *wallet.Rule) wallet.TopUp {
	return wallet.TopUp{Priority: r.Priority, ExpiresIn: r.ExpiresIn, Name: r.Name, Metadata: maps.Clone(r.Metadata)}
}

// aim asks for the credits that a target lacks; paid ones are clamped to the wallet's limits.
func (p *purse) aim(r *wallet.Rule, t *wallet.TopUp, lack wallet.Amount) {
	switch {
	case lack.Sign() <= 0:
	case r.GrantTarget:
		t.Granted = lack
	default:
		t.Paid = lack
		if max := p.Limits.MaxPaid; !max.IsZero() {
			t.Paid = t.Paid.Min(max)
		}
		t.Paid = t.Paid.Max(p.Limits.MinPaid)
	}
}

// repeat asks for a fixed rule's credits as many times as it takes to get past a gap: whole multiples, within the wallet's
// maximum but at least one, and enough for its minimum.
func (p *purse) repeat(r *wallet.Rule, t *wallet.TopUp, gap wallet.Amount) {
	one := wallet.MustAmount("1")
	n := over(gap, r.Paid.Add(r.Granted), wallet.RoundDown).Add(one)
	if !r.Paid.IsZero() {
		if max := p.Limits.MaxPaid; !max.IsZero() {
			n = n.Min(over(max, r.Paid, wallet.RoundDown)).Max(one)
		}
		n = n.Max(over(p.Limits.MinPaid, r.Paid, wallet.RoundUp))
	}
	t.Paid, t.Granted = r.Paid.Mul(n), r.Granted.Mul(n)
	t.GrantOnSettle = !t.Paid.IsZero() && !t.Granted.IsZero()
}

// over returns how many times b, which is positive, goes into a.
func over(a, b wallet.Amount, r wallet.Rounding) wallet.Amount {
	n, err := a.QuoRound(b, 0, r)
	if err != nil {
		panic(err)
	}
	return n
}

// fire books what a rule asks for. What cannot be recorded is not created.
func (k *work) fire(p *purse, r *wallet.Rule, t wallet.TopUp, source wallet.Source) error {
	b := p.state.Balance
	sum := t.Paid.Add(t.Granted)
	if sum.IsZero() || !sum.Fits() || !p.Money(sum).Amount.Fits() || !b.Total().Add(sum).Fits() || !b.Pending.Add(sum).Fits() {
		return nil
	}
	if err := k.emit(p, wallet.Event{Kind: wallet.EventFired, Credits: sum, Rule: r.ID}); err != nil {
		return err
	}
	made := k.inbounds(p, t, t.Paid)
	for i := range made {
		made[i].Source, made[i].Rule = source, r.ID
	}
	return k.book(p, made)
}

// checkRules checks a list of rules.
func (c *checker) rules(rules []wallet.Rule) {
	if len(rules) > maxRules {
		c.Add("rules", fmt.Sprint(len(rules)), fmt.Sprintf("are more than %d", maxRules))
	}
	for i := range rules {
		c.in("rules", i)
		c.rule(&rules[i])
	}
	c.in("", -1)
}

func (c *checker) rule(r *wallet.Rule) {
	c.amount("threshold", r.Threshold)
	c.amount("paid", r.Paid)
	c.amount("granted", r.Granted)
	c.amount("target", r.Target)
	switch r.Trigger {
	case wallet.TriggerInterval:
		if _, ok := months[r.Every]; !ok && r.Every != wallet.Weekly {
			c.Add("every", string(r.Every), "is not a period")
		}
	case wallet.TriggerThreshold:
		if r.UntilNext {
			c.Add("until_next", "true", "needs an interval")
		}
	default:
		c.Add("trigger", string(r.Trigger), "is not a trigger")
	}
	switch r.Method {
	case wallet.MethodFixed:
		if r.Paid.Add(r.Granted).Sign() <= 0 {
			c.Add("paid", r.Paid.String(), "and granted are zero: nothing to add")
		}
	case wallet.MethodTarget:
		if r.Target.Cmp(r.Threshold) <= 0 {
			c.Add("target", r.Target.String(), "is not more than threshold "+r.Threshold.String())
		}
	default:
		c.Add("method", string(r.Method), "is not a method")
	}
	c.instant("starts_at", r.StartsAt)
	c.instant("expires_at", r.ExpiresAt)
	if !r.ExpiresAt.IsZero() && !r.ExpiresAt.After(r.StartsAt) {
		c.Add("expires_at", r.ExpiresAt.Format(time.RFC3339Nano), "is not after starts_at")
	}
	c.text("name", r.Name)
	c.metadata("metadata", r.Metadata)
	c.priority("priority", r.Priority)
	c.duration("expires_in", r.ExpiresIn)
	if r.UntilNext && r.ExpiresIn != 0 {
		c.Add("expires_in", r.ExpiresIn.String(), "and until_next exclude each other")
	}
}
