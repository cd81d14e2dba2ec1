package main

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A report is what a replay says at its end.
type report struct {
	replay replay
	usage  usage
	burn   *burn
	book   *ledger
	place  database
}

func (r report) print(out io.Writer) error {
	r.head(out)
	r.chart(out)
	r.sums(out)
	fmt.Fprint(out, "\nAll figures, read back from the database and computed again from transactions, lots and draws\n\n")
	return printProofs(out, append(r.book.prove(), r.told()))
}

func (r report) head(out io.Writer) {
	rows, w := r.usage.rows, r.book.wallet
	fmt.Fprintf(out, "usage     %s: %s, %s to %s UTC\n",
		filepath.Base(r.replay.Usage), count(len(rows), "rows"), moment(rows[0].at), moment(rows[len(rows)-1].at))
	if n := r.usage.moved; n > 0 {
		fmt.Fprintf(out, "          not in order of time in %s; charged in order of time\n", count(n, "places"))
	}
	var terms []string
	for _, p := range r.replay.Price {
		terms = append(terms, p.column+" × "+p.each.String())
	}
	fmt.Fprintf(out, "price     %s = %s %s\n", strings.Join(terms, " + "), r.money(r.usage.total), w.Currency)
	fmt.Fprintf(out, "wallet    %s granted and %s paid credits of %s %s, opened at %s\n",
		credits(r.replay.Granted), credits(r.replay.Paid), r.money(w.Rate), w.Currency, moment(w.CreatedAt))
	fmt.Fprintf(out, "database  %s\n", r.place)
}

// sums prints what came in, what went out, what is left, and what the credits did not cover.
func (r report) sums(out io.Writer) {
	type total struct{ credits, money wallet.Amount }
	by := make(map[wallet.Kind]total)
	for _, t := range r.book.booked() {
		by[t.Kind] = total{by[t.Kind].credits.Add(t.Credits), by[t.Kind].money.Add(t.Money.Amount)}
	}
	var covered, uncovered wallet.Amount
	for _, u := range r.burn.receipts {
		covered, uncovered = covered.Add(u.covered), uncovered.Add(u.uncovered)
	}
	w := r.book.wallet
	equal := func(money wallet.Amount) wallet.Amount { // what it would have taken to pay it
		c, _ := money.QuoRound(w.Rate, 12, wallet.RoundUp) // a rate is never zero
		return c
	}
	line := func(name, sign string, credits, money wallet.Amount) {
		if credits.IsZero() && money.IsZero() {
			sign = ""
		}
		fmt.Fprintf(out, "%s %28s %28s\n", pad(name, 10), sign+figure(credits, 0), sign+r.money(money))
	}

	fmt.Fprintf(out, "\n%s %28s %28s\n", pad("", 10), "credits", string(w.Currency))
	line("granted", "+", by[wallet.Granted].credits, by[wallet.Granted].money)
	line("paid", "+", by[wallet.Purchased].credits, by[wallet.Purchased].money)
	line("consumed", "-", by[wallet.Consumed].credits, by[wallet.Consumed].money)
	line("expired", "-", by[wallet.Expired].credits, by[wallet.Expired].money)
	line("left", "", w.Balance.Total(), w.Money(w.Balance.Total()).Amount)
	fmt.Fprintln(out)
	line("price", "", equal(r.usage.total), r.usage.total)
	line("covered", "", by[wallet.Consumed].credits, covered)
	line("uncovered", "", equal(uncovered), uncovered)
}

// told proves that the history holds every receipt as it was given, and nothing else.
func (r report) told() proof {
	p := proof{rule: "every row is there as its receipt said: covered + uncovered = price", unit: "rows"}
	var consumed []wallet.Transaction
	for _, t := range r.book.transactions {
		if t.Kind == wallet.Consumed {
			consumed = append(consumed, t)
		}
	}
	for i, row := range r.usage.rows {
		u := r.burn.receipts[i]
		holds := u.covered.Add(u.uncovered).Equal(row.price)
		if !u.id.IsZero() {
			holds = holds && len(consumed) > 0 && consumed[0].ID == u.id && consumed[0].Money.Amount.Equal(u.covered) &&
				consumed[0].BalanceAfter.Equal(u.after) && consumed[0].CreatedAt.Equal(row.at)
			consumed = consumed[min(1, len(consumed)):]
		}
		p.check(holds, "%s:%d: price %s, covered %s, uncovered %s", r.burn.name, row.line, row.price, u.covered, u.uncovered)
	}
	if len(consumed) > 0 {
		p.check(false, "%s more than the receipts say", count(len(consumed), "payments"))
	}
	return p
}

func (r report) money(a wallet.Amount) string { return figure(a, minorDigits(r.replay.Currency)) }

// printProofs prints what was proved, and returns an error if something was not.
func printProofs(out io.Writer, proofs []proof) error {
	broken := 0
	for _, p := range proofs {
		mark := "ok "
		if p.fault != "" {
			mark = "NO "
			broken++
		}
		fmt.Fprintf(out, "%s  %s  %s\n", mark, pad(p.rule, 72), count(p.count, p.unit))
		if p.fault != "" {
			fmt.Fprintf(out, "     %s\n", p.fault)
		}
	}
	if broken > 0 {
		return fmt.Errorf("%s did not hold", count(broken, "rules"))
	}
	return nil
}

func moment(t time.Time) string { return t.Format(time.DateTime) }
