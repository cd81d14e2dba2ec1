package engine_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
)

// say tells a transaction: "w.3 consumed 60: 30 of w.1, 30 of w.2; balance 20".
func (l *teller) say(t wallet.Transaction) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s", l.name(t.ID, t.Wallet), t.Kind, t.Credits)
	if !t.Money.Amount.Equal(t.Credits) {
		fmt.Fprintf(&b, " for %s", t.Money)
	}
	if t.Priority != 0 {
		fmt.Fprintf(&b, ", priority %d", t.Priority)
	}
	if !t.ExpiresAt.IsZero() {
		fmt.Fprintf(&b, ", until %s", sayTime(t.ExpiresAt))
	} else if t.ExpiresIn != 0 {
		fmt.Fprintf(&b, ", for %s once settled", t.ExpiresIn)
	}
	if t.Source != wallet.SourceManual {
		fmt.Fprintf(&b, ", by %s rule", t.Source)
	}
	if t.Reference != "" {
		fmt.Fprintf(&b, ", reference %s", t.Reference)
	}
	for _, k := range slices.Sorted(maps.Keys(t.Metadata)) {
		fmt.Fprintf(&b, ", %s=%s", k, t.Metadata[k])
	}
	if !t.Corrects.IsZero() {
		fmt.Fprintf(&b, ", corrects %s", l.names[t.Corrects.String()])
	}
	if t.State != wallet.Settled {
		fmt.Fprintf(&b, ", %s", t.State)
	}
	if t.Reason != "" {
		fmt.Fprintf(&b, " (%s)", t.Reason)
	}
	if !t.Kind.Inbound() && !t.ID.IsZero() {
		var parts []string
		for _, d := range l.draws(t.ID) {
			parts = append(parts, l.sayDraw(d))
		}
		fmt.Fprintf(&b, ": %s", strings.Join(parts, ", "))
	}
	fmt.Fprintf(&b, "; balance %s", t.BalanceAfter)
	return b.String()
}

// sayAll tells transactions, which from here on bear the names.
func (l *teller) sayAll(all []wallet.Transaction, names []string) (lines []string) {
	for i, t := range all {
		if t.ID.IsZero() {
			return nil // there was an error
		}
		if i < len(names) {
			l.named[names[i]], l.names[t.ID.String()] = t.ID, names[i]
		}
	}
	for _, t := range all {
		lines = append(lines, l.say(t))
	}
	return lines
}

// sayBooked tells transactions, and when each came about.
func (l *teller) sayBooked(all []wallet.Transaction) (lines []string) {
	for i, said := range l.sayAll(all, nil) {
		lines = append(lines, sayTime(all[i].CreatedAt)+" "+said)
	}
	return lines
}

func (l *teller) sayDraw(d wallet.Draw) string {
	s := fmt.Sprintf("%s of %s", d.Credits, l.name(d.Lot, d.Wallet))
	if d.Fee != "" {
		s += " for " + d.Fee
	}
	return s
}

func (l *teller) sayDraws(all []wallet.Draw) (lines []string) {
	for _, d := range all {
		lines = append(lines, fmt.Sprintf("%s %s %s, worth %s", l.name(d.By, d.Wallet), d.Kind, l.sayDraw(d), d.Amount))
	}
	return lines
}

func (l *teller) sayLots(lots []wallet.Lot) (lines []string) {
	for _, lot := range lots {
		s := fmt.Sprintf("%s %s, %s of %s left", l.name(lot.ID, lot.Wallet), lot.Kind, lot.Remaining, lot.Credits)
		if lot.Priority != 0 {
			s += fmt.Sprintf(", priority %d", lot.Priority)
		}
		if !lot.ExpiresAt.IsZero() {
			s += ", until " + sayTime(lot.ExpiresAt)
		}
		lines = append(lines, s)
	}
	return lines
}

// sayBalance tells what can be spent and its worth, and what else is not zero.
func (l *teller) sayBalance(w wallet.Wallet) string {
	b := w.Balance
	s := fmt.Sprintf("%s credits worth %s", b.Spendable, w.Money(b.Spendable))
	for _, part := range []struct {
		name   string
		amount wallet.Amount
	}{{"held", b.Held}, {"pending", b.Pending}, {"ongoing", b.Ongoing}, {"consumed", b.Consumed}, {"kept", b.Kept}} {
		if !part.amount.IsZero() {
			s += fmt.Sprintf(", %s %s", part.amount, part.name)
		}
	}
	if w.Status != wallet.Active {
		s += fmt.Sprintf(", %s %s", w.Status, sayTime(w.TerminatedAt))
	}
	return s
}

func (l *teller) sayReceipt(r wallet.Receipt) (lines []string) {
	for _, line := range r.Lines {
		s := fmt.Sprintf("%s: %s covered", line.Fee.ID, line.Covered)
		if !line.Uncovered.IsZero() {
			s += fmt.Sprintf(", %s not", line.Uncovered)
		}
		for _, p := range line.Payments {
			s += fmt.Sprintf("; %s from %s", p.Amount, l.names[p.Wallet.String()])
			if !p.Credits.Equal(p.Amount) {
				s += fmt.Sprintf(" for %s credits", p.Credits)
			}
		}
		lines = append(lines, s)
	}
	lines = append(lines, fmt.Sprintf("in all: %s covered, %s not", wallet.Money{Amount: r.Covered, Currency: r.Currency}, r.Uncovered))
	return append(lines, l.sayAll(r.Transactions, nil)...)
}

// sayTime leaves out midnight.
func sayTime(t time.Time) string { return strings.TrimSuffix(t.Format(time.RFC3339Nano), "T00:00:00Z") }

// name returns what a transaction is called: a new name, if it was not talked of before.
func (l *teller) name(id wallet.TransactionID, of wallet.ID) string {
	if name, known := l.names[id.String()]; known {
		return name
	}
	l.counts[of]++
	name := fmt.Sprintf("%s.%d", l.names[of.String()], l.counts[of])
	l.named[name], l.names[id.String()] = id, name
	return name
}

var uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// rename puts names in the place of IDs.
func (l *teller) rename(s string) string {
	return uuids.ReplaceAllStringFunc(s, func(id string) string {
		if name, known := l.names[id]; known {
			return name
		}
		return id
	})
}
