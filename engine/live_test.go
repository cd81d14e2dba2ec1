package engine_test

import (
	"fmt"
	"slices"
	"strings"

	"github.com/seed-12493b23/wallet"
)

// tellLive runs the commands of a live product:
//
//	rule w monthly granted 5 untilnext; rule w threshold 10 paid 50   adds a rule; words: from, until, target, grants
//	ongoing acme fee a 80 fee b metric gpu 20
//	bill acme fee a 80                                                a charge that takes the fee out of what is ongoing
//	authorize w 40 in 2h as h; authorize acme money 60 as h
//	capture h 20 more; capture h money 70 partial; release h
//	refund w.3 10 reason mistake; transfer w to v 7 purchased
//	holds w; events w
func (l *teller) tellLive(verb string, q *request) []string {
	switch verb {
	case "rule":
		id := q.wallet()
		found, err := l.Wallet(ctx(), id)
		if err != nil {
			return l.or(err)
		}
		_, err = l.Update(ctx(), id, wallet.Changes{Rules: append(found.Rules, q.rule())})
		return l.or(err)
	case "ongoing":
		customer := wallet.CustomerID(q.next())
		o := q.options()
		set, err := l.SetOngoing(ctx(), wallet.Charge{Customer: customer, Currency: o.currency, Fees: o.fees})
		var lines []string
		for _, w := range set {
			lines = append(lines, fmt.Sprintf("%s: %s ongoing, %s net", l.names[w.ID.String()], w.Balance.Ongoing, w.Balance.Net()))
		}
		return l.or(err, lines...)
	case "bill":
		customer := wallet.CustomerID(q.next())
		o := q.options()
		r, err := l.Charge(ctx(), wallet.Charge{Customer: customer, Currency: o.currency, Fees: o.fees, Billed: true, Whole: o.whole, Key: o.key})
		return l.or(err, l.sayReceipt(r)...)
	case "authorize":
		return l.authorize(q)
	case "capture":
		name := q.next()
		o := q.options()
		done, err := l.Capture(ctx(), l.holds[name], wallet.Capture{Credits: o.credits, Money: o.money, More: o.more, Over: o.over, Key: o.key})
		lines := l.sayAll(done.Transactions, nil)
		if !done.Shortfall.IsZero() {
			lines = append(lines, fmt.Sprintf("short of %s", done.Shortfall))
		}
		return l.or(err, lines...)
	case "release":
		h, err := l.Release(ctx(), l.holds[q.next()])
		return l.or(err, l.sayHold(h))
	case "refund":
		id := q.transaction()
		o := q.options()
		made, err := l.Refund(ctx(), id, wallet.Refund{Credits: o.credits, Money: o.money, Reason: o.reason, Key: o.key})
		return l.or(err, l.sayAll(made, nil)...)
	case "transfer":
		from := q.wallet()
		q.next() // to
		to := q.wallet()
		o := q.options()
		made, err := l.Transfer(ctx(), from, to, wallet.Transfer{Credits: o.credits, All: o.all, Kind: o.kind, Key: o.key})
		return l.or(err, l.sayAll(made, nil)...)
	case "holds":
		all, err := wallet.Collect(l.Holds(ctx(), wallet.HoldQuery{Wallet: q.wallet()}))
		var lines []string
		for _, h := range all {
			lines = append(lines, l.sayHold(h))
		}
		return l.or(err, lines...)
	case "events":
		all, err := wallet.Collect(l.Events(ctx(), wallet.EventQuery{Wallet: q.wallet()}))
		var lines []string
		for _, ev := range all {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %d %s %s %s", sayTime(ev.At), ev.Number, ev.Kind, ev.Credits, ev.Alert)))
		}
		return l.or(err, lines...)
	}
	l.t.Fatalf("no such command: %q", verb)
	return nil
}

func (l *teller) authorize(q *request) []string {
	var a wallet.Authorization
	if id, known := l.wallets[q.words[0]]; known {
		a.Wallet = id
		q.next()
	} else {
		a.Customer, a.Currency = wallet.CustomerID(q.next()), "USD"
	}
	o := q.options()
	a.Credits, a.Money, a.For, a.Key = o.credits, o.money, o.expiresIn, o.key
	a.Fee = wallet.Fee{Type: o.feeType, Metric: o.metric}
	h, err := l.Authorize(ctx(), a)
	if err != nil {
		return l.or(err)
	}
	if l.holds == nil {
		l.holds = make(map[string]wallet.HoldID)
	}
	l.holds[q.as[0]], l.names[h.ID.String()] = h.ID, q.as[0]
	return []string{l.sayHold(h)}
}

// sayHold tells a hold: "h open until 2026-01-02: 30 of w.1 in w; 20 USD captured".
func (l *teller) sayHold(h wallet.Hold) string {
	if h.ID.IsZero() {
		return ""
	}
	s := fmt.Sprintf("%s %s until %s", l.names[h.ID.String()], h.State, sayTime(h.ExpiresAt))
	var parts []string
	for _, p := range h.Parts {
		for _, lot := range p.Lots {
			parts = append(parts, fmt.Sprintf("%s of %s", lot.Credits, l.name(lot.Lot, p.Wallet)))
		}
	}
	if len(parts) > 0 {
		s += ": " + strings.Join(parts, ", ")
	}
	if !h.Captured.Amount.IsZero() {
		s += fmt.Sprintf("; %s captured", h.Captured)
	}
	return s
}

func (q *request) rule() (r wallet.Rule) {
	switch word := q.next(); word {
	case "threshold":
		r.Trigger, r.Threshold = wallet.TriggerThreshold, q.amount()
	default:
		r.Trigger, r.Every = wallet.TriggerInterval, wallet.Period(word)
	}
	for len(q.words) > 0 {
		switch word := q.next(); word {
		case "paid":
			r.Paid = q.amount()
		case "granted":
			r.Granted = q.amount()
		case "target":
			r.Method, r.Target = wallet.MethodTarget, q.amount()
		case "grants":
			r.GrantTarget = true
		case "from":
			r.StartsAt = q.instant()
		case "until":
			r.ExpiresAt = q.instant()
		case "untilnext":
			r.UntilNext = true
		default:
			q.t.Fatalf("what is %q?", word)
		}
	}
	return r
}

// live reads the options that only the commands of a live product have.
func (o *options) live(word string) bool {
	switch {
	case word == "more":
		o.more = true
	case word == "extend" || word == "partial":
		o.over = wallet.Over(word)
	case slices.Contains([]string{"purchased", "granted"}, word):
		o.kind = wallet.Kind(word)
	default:
		return false
	}
	return true
}
