package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

// A step is something that happens at an instant of a story.
type step struct {
	at    string // 2006-01-02 15:04, UTC
	title string
	do    func() error
}

// A story happens to one customer, and is told as it happens.
type story struct {
	ctx      context.Context
	eng      *engine.Engine
	out      io.Writer
	now      time.Time
	customer wallet.CustomerID

	wallets map[wallet.ID]wallet.Wallet           // as last told
	told    map[wallet.TransactionID]wallet.State // likewise
}

const margin = "            " // as wide as a date and what follows it

func (s *story) say(format string, args ...any) {
	fmt.Fprintf(s.out, margin+format+"\n", args...)
}

// tell lets the steps happen, one after the other, and says what each has changed.
func (s *story) tell(steps []step) error {
	s.wallets = make(map[wallet.ID]wallet.Wallet)
	s.told = make(map[wallet.TransactionID]wallet.State)
	for _, step := range steps {
		s.now = instant(step.at)
		fmt.Fprintf(s.out, "\n%s  %s\n", s.now.Format(time.DateOnly), strings.ReplaceAll(step.title, "\n", "\n"+margin))
		if err := step.do(); err != nil {
			return err
		}
		if err := s.changes(); err != nil {
			return err
		}
	}
	return nil
}

// changes says which balances and transactions are not as they were last told.
func (s *story) changes() error {
	all, err := s.all()
	if err != nil {
		return err
	}
	quiet := true
	for _, w := range all {
		fresh, err := s.fresh(w.ID)
		if err != nil {
			return err
		}
		was, known := s.wallets[w.ID]
		if s.wallets[w.ID] = w; known && was.Status == w.Status && len(fresh) == 0 {
			continue
		}
		quiet = false
		s.say("%s", moved(was, w))
		for _, t := range fresh {
			s.say("  %s %12s %s %16s  %s", pad(label(t), 33), signed(t.Kind, money(t.Money)), t.Money.Currency,
				signed(t.Kind, credits(t.Credits))+" credits", stateOf(t))
		}
	}
	if quiet {
		s.say("nothing changes")
	}
	return nil
}

// fresh returns the wallet's transactions that are new, or in another state than last told.
func (s *story) fresh(id wallet.ID) (fresh []wallet.Transaction, err error) {
	for t, err := range s.eng.Transactions(s.ctx, wallet.TransactionQuery{Wallet: id, OldestFirst: true}) {
		if err != nil {
			return nil, err
		}
		if s.told[t.ID] != t.State {
			s.told[t.ID] = t.State
			fresh = append(fresh, t)
		}
	}
	return fresh, nil
}

// moved says how a wallet has changed.
func moved(was, is wallet.Wallet) string {
	line := fmt.Sprintf("%s %8s → %8s credits %14s %s", cut(is.Name, 11), credits(was.Balance.Spendable), credits(is.Balance.Spendable),
		money(is.Money(is.Balance.Spendable)), is.Currency)
	if p := is.Balance.Pending; p.Sign() > 0 {
		line += ", " + credits(p) + " pending"
	}
	if is.Status == wallet.Terminated {
		line += ", terminated"
	}
	return line
}

// charge pays a bill and says who paid what.
func (s *story) charge(c wallet.Charge) error {
	receipt, err := s.eng.Charge(s.ctx, c)
	if err != nil {
		return err
	}
	for _, line := range receipt.Lines {
		var paid []string
		for _, p := range line.Payments {
			w, err := s.eng.Wallet(s.ctx, p.Wallet)
			if err != nil {
				return err
			}
			paid = append(paid, fmt.Sprintf("%s %s", w.Name, figure(p.Amount, 2)))
		}
		if line.Uncovered.Sign() > 0 {
			paid = append(paid, "not covered "+figure(line.Uncovered, 2))
		}
		s.say("  %s %8s  =  %s", pad(line.Fee.ID, 12), figure(line.Fee.Amount, 2), strings.Join(paid, " + "))
	}
	return nil
}

// ending prints the transactions of every wallet, and the proof that they add up.
func (s *story) ending() error {
	all, err := s.all()
	if err != nil {
		return err
	}
	for _, w := range all {
		fmt.Fprintf(s.out, "\n%s: transactions\n\n", w.Name)
		if err := s.section(w); err != nil {
			return err
		}
	}
	fmt.Fprint(s.out, "\nAll figures, computed again from transactions, lots and draws\n\n")
	var proofs []proof
	for _, w := range all {
		book, err := readLedger(s.ctx, s.eng, w.ID)
		if err != nil {
			return err
		}
		proofs = both(proofs, book.prove())
	}
	return printProofs(s.out, proofs)
}

// section prints the transactions of a wallet as a billing page shows them.
func (s *story) section(w wallet.Wallet) error {
	const row = "%s  %-12s  %-11s  %8s  %11s  %8s  %s\n"
	heading := fmt.Sprintf(row, cut("Transaction", 28), "Payment date", "Expiry date", "Priority", "Amount "+string(w.Currency), "Credits", "State")
	fmt.Fprintf(s.out, "%s%s\n", heading, strings.Repeat("─", 98))
	for t, err := range s.eng.Transactions(s.ctx, wallet.TransactionQuery{Wallet: w.ID, OldestFirst: true}) {
		if err != nil {
			return err
		}
		paid := t.SettledAt
		if paid.IsZero() {
			paid = t.CreatedAt
		}
		priority := "--"
		if t.Priority > 0 {
			priority = fmt.Sprint(t.Priority)
		}
		fmt.Fprintf(s.out, row, cut(label(t), 28), date(paid), date(t.ExpiresAt), priority,
			signed(t.Kind, money(t.Money)), signed(t.Kind, credits(t.Credits)), stateOf(t))
	}
	return nil
}

// all returns the customer's wallets, oldest first.
func (s *story) all() ([]wallet.Wallet, error) {
	all, err := wallet.Collect(s.eng.Wallets(s.ctx, wallet.WalletQuery{Customer: s.customer}))
	slices.Reverse(all)
	return all, err
}

// label says what a transaction is for, in the words of a billing page.
func label(t wallet.Transaction) string {
	kind := map[wallet.Kind]string{
		wallet.Purchased: "Purchased (invoiced)",
		wallet.Granted:   "Free credits",
		wallet.Consumed:  "Debited",
		wallet.Voided:    "Voided",
		wallet.Expired:   "Expired",
	}[t.Kind]
	switch {
	case t.Name != "":
		return kind + ": " + t.Name
	case t.Reference != "":
		return kind + ": " + t.Reference
	case t.Reason != "":
		return kind + ": " + t.Reason
	}
	return kind
}

// stateOf says completed for what is settled: that is the word on a billing page.
func stateOf(t wallet.Transaction) string {
	if t.State == wallet.Settled {
		return "completed"
	}
	return string(t.State)
}

func date(t time.Time) string {
	if t.IsZero() {
		return "--"
	}
	return t.Format(time.DateOnly)
}
