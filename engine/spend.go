package engine

import (
	"context"
	"fmt"
	"maps"
	"sync"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// leastCredits is the smallest number of credits there is.
var leastCredits = wallet.MustAmount("0.000000000001")

// Debit consumes credits, or as many as an amount of money takes, from one wallet in spending order: all of it, or
// [wallet.ErrInsufficient]. A fee that the wallet does not cover is [wallet.ErrNotApplicable].
func (e *Engine) Debit(ctx context.Context, id wallet.ID, d wallet.Debit) (made wallet.Transaction, err error) {
	if err := checkDebit(&d); err != nil {
		return made, err
	}
	c := debitings.Get().(*debiting)
	c.scope, c.asked = store.Scope{Wallet: id, Key: d.Key}, d
	if d.Key != "" {
		f := newPrint("debit")
		f.id("wallet", id.Bytes())
		f.amount("credits", d.Credits)
		f.amount("money", d.Money)
		f.fee(d.Fee)
		f.text("reference", d.Reference)
		f.id("corrects", d.Corrects.Bytes())
		f.metadata(d.Metadata)
		c.print = f.sum()
	}
	if err = e.run(ctx, &c.command); err == nil {
		made = c.made
	}
	c.command = command{do: c.do, replay: c.replay}
	debitings.Put(c)
	return made, err
}

// A debiting is a debit while it runs. Debits are the most frequent commands by far, so theirs are used again.
type debiting struct {
	command
	asked wallet.Debit
	made  wallet.Transaction
}

var debitings = sync.Pool{New: func() any {
	c := new(debiting)
	c.do, c.replay = c.debit, c.answer
	return c
}}

func (c *debiting) debit(k *work) error {
	p, err := k.open(k.target)
	if err != nil {
		return err
	}
	if err := k.debit(p, &c.asked, &c.made); err != nil {
		return err
	}
	return k.remember(store.Outcome{Transactions: []wallet.TransactionID{c.made.ID}})
}

// answer answers a repeat.
func (c *debiting) answer(k *work, o store.Outcome) error {
	ts, err := k.transactions(o.Transactions)
	if err == nil {
		c.made = ts[0]
	}
	return err
}

func (k *work) debit(p *purse, d *wallet.Debit, t *wallet.Transaction) error {
	if !k.covers(p, d.Fee) {
		return notApplicable(p, d.Fee)
	}
	if err := k.correction(d.Corrects); err != nil {
		return err
	}
	credits, err := p.afford(d.Credits, d.Money)
	if err != nil {
		return err
	}
	k.seen()
	portions, err := k.take(p, credits)
	if err != nil {
		return err
	}
	*t = k.begin(p, wallet.Consumed, credits)
	if !d.Money.IsZero() {
		t.Money.Amount = d.Money
	}
	t.Reference, t.Corrects, t.Metadata = d.Reference, d.Corrects, maps.Clone(d.Metadata)
	if _, err := k.remove(p, t, portions, share{d.Fee.ID, credits, t.Money.Amount}); err != nil {
		return err
	}
	return k.save(p)
}

func notApplicable(p *purse, f wallet.Fee) error {
	return fmt.Errorf("%w: wallet %s, fee type %q, metric %q", wallet.ErrNotApplicable, p.ID, f.Type, f.Metric)
}

// afford returns the credits asked for, or those that pay the money asked for, if there are as many.
func (p *purse) afford(credits, money wallet.Amount) (wallet.Amount, error) {
	free := p.state.Balance.Spendable
	if money.IsZero() {
		if free.Cmp(credits) < 0 {
			return credits, &wallet.InsufficientError{Wallet: p.ID, Needed: credits, Available: free}
		}
		return credits, nil
	}
	if worth := free.Mul(p.Rate); worth.Cmp(money) < 0 {
		return credits, &wallet.InsufficientError{Wallet: p.ID, Needed: money,
			Available: worth.Round(decimals, wallet.RoundDown), Currency: p.Currency}
	}
	return p.price(money), nil
}

// price returns the credits that pay an amount of money of which the purse is worth at least as much: rounded down, at least
// the smallest number of credits, at most what there is.
func (p *purse) price(money wallet.Amount) wallet.Amount {
	credits, err := money.QuoRound(p.Rate, decimals, wallet.RoundDown)
	if err != nil {
		panic(err) // a rate is never zero
	}
	return credits.Max(leastCredits).Min(p.state.Balance.Spendable)
}

func checkDebit(d *wallet.Debit) error {
	var c checker
	c.creditsOrMoney(d.Credits, d.Money)
	c.in("fee", -1)
	c.fee(d.Fee)
	c.zeroAmount(d.Fee)
	c.in("", -1)
	c.text("reference", d.Reference)
	c.metadata("metadata", d.Metadata)
	c.text("key", d.Key)
	return c.Err()
}

// creditsOrMoney checks the two ways to say how much.
func (c *checker) creditsOrMoney(credits, money wallet.Amount) {
	c.amount("credits", credits)
	c.amount("money", money)
	switch {
	case credits.IsZero() && money.IsZero():
		c.Add("credits", "0", "is zero, as is money")
	case !credits.IsZero() && !money.IsZero():
		c.Add("money", money.String(), "and credits exclude each other")
	}
}

func (c *checker) fee(f wallet.Fee) {
	c.text("id", f.ID)
	c.feeType("type", f.Type)
	c.text("metric", f.Metric)
}

// zeroAmount checks a fee whose amount is said elsewhere.
func (c *checker) zeroAmount(f wallet.Fee) {
	if !f.Amount.IsZero() {
		c.Add("amount", f.Amount.String(), "is not zero: credits or money say how much")
	}
}
