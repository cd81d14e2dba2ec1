package engine

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Charge pays a list of fees from all the customer's wallets in one currency, as much of them as the wallets cover, and
// writes one outbound transaction per wallet used. With Whole, a shortfall is [wallet.ErrInsufficient]. A customer without
// wallets is no error: all is uncovered.
func (e *Engine) Charge(ctx context.Context, ch wallet.Charge) (receipt wallet.Receipt, err error) {
	if err := checkCharge(ch); err != nil {
		return receipt, err
	}
	ch.Fees = slices.Clone(ch.Fees)
	c := command{
		scope:    store.Scope{Customer: ch.Customer, Key: ch.Key},
		currency: ch.Currency,
		replay: func(k *work, o store.Outcome) (err error) {
			receipt, err = k.receipt(ch, o.Transactions)
			return err
		},
		do: func(k *work) (err error) {
			if receipt, err = k.charge(ch); err != nil {
				return err
			}
			return k.remember(store.Outcome{Transactions: idsOf(receipt.Transactions)})
		},
	}
	if ch.Key != "" {
		c.print = printCharge("charge", ch)
	}
	if err := e.run(ctx, &c); err != nil {
		return wallet.Receipt{}, err
	}
	return receipt, nil
}

// Preview returns the receipt that a new [Engine.Charge] would, and charges nothing. IDs of transactions are zero. The key is
// ignored: a charge already made is not told again, but computed from what is left.
func (e *Engine) Preview(ctx context.Context, ch wallet.Charge) (receipt wallet.Receipt, err error) {
	if err := checkCharge(ch); err != nil {
		return receipt, err
	}
	ch.Fees = slices.Clone(ch.Fees)
	err = e.lookIn(ctx, store.Scope{Customer: ch.Customer}, ch.Currency, true, func(k *work) (err error) {
		receipt, err = k.charge(ch)
		return err
	})
	if err != nil {
		return wallet.Receipt{}, err
	}
	return receipt, nil
}

// charge pays fees: it lets cover decide which wallet pays how much of which, and each wallet's lots, in spending order, meet
// its fees in list order.
func (k *work) charge(ch wallet.Charge) (wallet.Receipt, error) {
	purses, err := k.payers(ch.Currency, ch.Billed)
	if err != nil {
		return wallet.Receipt{}, err
	}
	paid := k.spread(purses, ch.Currency, ch.Fees)
	if ch.Whole {
		var needed, available wallet.Amount
		for _, f := range ch.Fees {
			needed = needed.Add(f.Amount)
		}
		for _, row := range paid {
			available = available.Add(totalOf(row))
		}
		if available.Cmp(needed) < 0 {
			return wallet.Receipt{}, &wallet.InsufficientError{Needed: needed, Available: available, Currency: ch.Currency}
		}
	}
	r := newReceipt(ch)
	k.seen()
	for i, p := range purses {
		if err := k.pay(p, ch, paid[i], &r); err != nil {
			return r.Receipt, err
		}
	}
	r.total()
	for i, p := range purses {
		billed := ch.Billed && k.tx != nil && p.bill(ch.Fees)
		if !billed && totalOf(paid[i]).IsZero() {
			continue
		}
		if billed {
			if err := k.emitUse(p); err != nil {
				return r.Receipt, err
			}
		}
		if err := k.save(p); err != nil {
			return r.Receipt, err
		}
	}
	return r.Receipt, nil
}

// spread returns how much of each fee each purse pays.
func (k *work) spread(purses []*purse, c wallet.Currency, fees []wallet.Fee) [][]wallet.Amount {
	capacity := make([]wallet.Amount, len(purses))
	for i, p := range purses {
		capacity[i] = p.worth()
	}
	amounts := make([]wallet.Amount, len(fees))
	for j, f := range fees {
		amounts[j] = f.Amount
	}
	minor, _ := c.Decimals()
	return cover(capacity, amounts, func(i, j int) bool { return k.covers(purses[i], fees[j]) }, minor)
}

// worth returns the money that the purse can pay, rounded down.
func (p *purse) worth() wallet.Amount {
	return p.state.Balance.Spendable.Mul(p.Rate).Round(decimals, wallet.RoundDown)
}

// payers returns the purses of a currency in wallet order: all, or those that have something to spend.
func (k *work) payers(c wallet.Currency, all bool) (purses []*purse, err error) {
	for _, w := range inOrder(k.active) {
		if w.Currency != c || !all && w.State.Balance.Spendable.IsZero() {
			continue
		}
		p, err := k.open(w)
		if err != nil {
			return nil, err
		}
		purses = append(purses, p)
	}
	return purses, nil
}

// pay books what one wallet pays: amounts[j] of fee j. Credits are computed once, from the total; the boundary between two
// fees is the amount so far ÷ rate, rounded down.
func (k *work) pay(p *purse, ch wallet.Charge, amounts []wallet.Amount, r *receipt) error {
	total := totalOf(amounts)
	if total.IsZero() {
		return nil
	}
	credits := p.price(total)
	var shares []share
	var soFar, spent wallet.Amount
	for j, a := range amounts {
		if a.IsZero() {
			continue
		}
		soFar = soFar.Add(a)
		upTo := credits
		if !soFar.Equal(total) {
			q, err := soFar.QuoRound(p.Rate, decimals, wallet.RoundDown)
			if err != nil {
				return err
			}
			upTo = q.Min(credits)
		}
		shares = append(shares, share{ch.Fees[j].ID, upTo.Sub(spent), a})
		spent = upTo
	}
	portions, err := k.take(p, credits)
	if err != nil {
		return err
	}
	t := k.begin(p, wallet.Consumed, credits)
	t.Money.Amount = total
	t.Reference, t.Metadata = ch.Reference, ch.Metadata
	draws, err := k.remove(p, &t, portions, shares...)
	if err != nil {
		return err
	}
	r.add(cloned(t), draws)
	return nil
}

func totalOf(amounts []wallet.Amount) (total wallet.Amount) {
	for _, a := range amounts {
		total = total.Add(a)
	}
	return total
}

// A receipt is a receipt being written.
type receipt struct {
	wallet.Receipt
	line map[string]int // by fee ID
}

func newReceipt(ch wallet.Charge) receipt {
	r := receipt{wallet.Receipt{Currency: ch.Currency, Lines: make([]wallet.Line, len(ch.Fees))}, make(map[string]int, len(ch.Fees))}
	for j, f := range ch.Fees {
		r.Lines[j] = wallet.Line{Fee: f, Uncovered: f.Amount}
		r.line[f.ID] = j
	}
	return r
}

// add notes what a transaction paid: a payment for each fee among its draws.
func (r *receipt) add(t wallet.Transaction, draws []wallet.Draw) {
	r.Transactions = append(r.Transactions, t)
	for len(draws) > 0 {
		fee, n := draws[0].Fee, 1
		for n < len(draws) && draws[n].Fee == fee {
			n++
		}
		p := wallet.Payment{Wallet: t.Wallet, Transaction: t.ID, Draws: slices.Clone(draws[:n])}
		for _, d := range p.Draws {
			p.Credits, p.Amount = p.Credits.Add(d.Credits), p.Amount.Add(d.Amount)
		}
		line := &r.Lines[r.line[fee]]
		line.Payments = append(line.Payments, p)
		line.Covered, line.Uncovered = line.Covered.Add(p.Amount), line.Uncovered.Sub(p.Amount)
		draws = draws[n:]
	}
}

func (r *receipt) total() {
	for _, l := range r.Lines {
		r.Covered, r.Uncovered = r.Covered.Add(l.Covered), r.Uncovered.Add(l.Uncovered)
	}
}

// receipt writes the receipt of an earlier charge again: its payments as they were, its transactions as they are.
func (k *work) receipt(ch wallet.Charge, ids []wallet.TransactionID) (wallet.Receipt, error) {
	ts, err := k.transactions(ids)
	if err != nil {
		return wallet.Receipt{}, err
	}
	r := newReceipt(ch)
	for _, t := range ts {
		draws, err := wallet.Collect(k.Draws(t.ID, 0))
		if err != nil {
			return wallet.Receipt{}, err
		}
		r.add(t, draws)
	}
	r.total()
	return r.Receipt, nil
}

func checkCharge(ch wallet.Charge) error {
	var c checker
	c.customer(ch.Customer)
	c.currency(ch.Currency)
	if len(ch.Fees) > maxFees {
		c.Add("fees", fmt.Sprint(len(ch.Fees)), fmt.Sprintf("are more than %d", maxFees))
	}
	ids := make(map[string]bool, len(ch.Fees))
	for j, f := range ch.Fees {
		c.in("fees", j)
		c.fee(f)
		c.amount("amount", f.Amount)
		switch {
		case f.ID == "" && len(ch.Fees) > 1:
			c.Add("id", "", "is required where there are several fees")
		case ids[f.ID]:
			c.Add("id", f.ID, "is there twice")
		}
		ids[f.ID] = true
	}
	c.in("", -1)
	c.text("reference", ch.Reference)
	c.metadata("metadata", ch.Metadata)
	c.text("key", ch.Key)
	return c.Err()
}

func printCharge(command string, ch wallet.Charge) [16]byte {
	f := newPrint(command)
	f.text("customer", string(ch.Customer))
	f.text("currency", string(ch.Currency))
	for _, fee := range ch.Fees {
		f.text("fee", "{")
		f.fee(fee)
	}
	f.flag("whole", ch.Whole)
	f.flag("billed", ch.Billed)
	f.text("reference", ch.Reference)
	f.metadata(ch.Metadata)
	return f.sum()
}
