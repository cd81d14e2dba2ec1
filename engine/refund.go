package engine

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Refund returns consumed credits of a transaction, or as many as an amount of money paid: all that is left of it if neither
// is given. The last drawn return first, a transaction for each draw (a lot that paid for two fees was drawn twice): they keep
// the lot's origin, priority, expiry and place in the order. Credits whose lot has expired meanwhile expire at once, or live
// for the policy's RefundGrace. More than is left to refund is [wallet.ErrInsufficient].
func (e *Engine) Refund(ctx context.Context, id wallet.TransactionID, r wallet.Refund) (made []wallet.Transaction, err error) {
	if err := checkRefund(r); err != nil {
		return nil, err
	}
	c := command{
		scope: store.Scope{Transaction: id, Key: r.Key},
		replay: func(k *work, o store.Outcome) (err error) {
			made, err = k.transactions(o.Transactions)
			return err
		},
		do: func(k *work) error {
			t, err := k.Transaction(id)
			if err != nil {
				return err
			}
			if t.Kind != wallet.Consumed {
				var c checker
				c.Add("transaction", id.String(), fmt.Sprintf("is %s: only consumed credits can be refunded", t.Kind))
				return c.Err()
			}
			p, err := k.open(k.target)
			if err != nil {
				return err
			}
			if made, err = k.refund(p, t, r); err != nil {
				return err
			}
			return k.remember(store.Outcome{Transactions: idsOf(made)})
		},
	}
	if r.Key != "" {
		f := newPrint("refund")
		f.id("transaction", id.Bytes())
		f.amount("credits", r.Credits)
		f.amount("money", r.Money)
		f.text("reason", r.Reason)
		f.metadata(r.Metadata)
		c.print = f.sum()
	}
	if err := e.run(ctx, &c); err != nil {
		return nil, err
	}
	return made, nil
}

func (k *work) refund(p *purse, t wallet.Transaction, r wallet.Refund) ([]wallet.Transaction, error) {
	left, err := k.refundable(t)
	if err != nil {
		return nil, err
	}
	parts, err := refundParts(r, p, left)
	if err != nil {
		return nil, err
	}
	k.seen()
	var made []wallet.Transaction
	for _, d := range parts {
		origin, err := k.Transaction(d.Lot)
		if err != nil {
			return nil, err
		}
		in := k.begin(p, wallet.Refunded, d.Credits)
		in.Money.Amount = d.Amount
		in.Corrects, in.Reason, in.Metadata = t.ID, r.Reason, maps.Clone(r.Metadata)
		inherit(&in, origin)
		if grace := k.e.policy.RefundGrace; grace > 0 && lapsed(in, k.at) {
			in.ExpiresAt = after(k.at, grace)
		}
		b := &p.state.Balance
		b.Consumed = b.Consumed.Sub(d.Credits)
		if err := k.reopen(p, &in); err != nil {
			return nil, err
		}
		made = append(made, cloned(in))
	}
	return made, k.save(p)
}

// inherit gives credits that move the priority, expiry and origin of the lot they come from.
func inherit(in *wallet.Transaction, from wallet.Transaction) {
	in.Priority, in.ExpiresAt, in.Name = from.Priority, from.ExpiresAt, from.Name
	in.Origin, in.Since = from.Kind, from.SettledAt
	if from.Origin != "" {
		in.Origin, in.Since = from.Origin, from.Since
	}
}

// reopen books credits that move into a lot of their own. If their time is over, they expire at once.
func (k *work) reopen(p *purse, in *wallet.Transaction) error {
	b := &p.state.Balance
	b.Spendable = b.Spendable.Add(in.Credits)
	in.BalanceAfter = b.Total()
	if err := p.check(); err != nil {
		return err
	}
	if err := k.record(p, in, nil); err != nil {
		return err
	}
	if !lapsed(*in, k.at) {
		return k.addLot(p, in)
	}
	due := p.state.NextDue
	if err := k.addLot(p, in); err != nil {
		return err
	}
	p.state.NextDue = due // nothing is left of it to expire later
	l, err := k.Lot(in.ID)
	if err != nil {
		return err
	}
	return k.expire(p, l)
}

// refundable returns what is left to refund of an outbound transaction: its draws, last first, without what refunds so far
// have taken of them.
func (k *work) refundable(t wallet.Transaction) ([]wallet.Draw, error) {
	left, err := wallet.Collect(k.Draws(t.ID, 0))
	if err != nil {
		return nil, err
	}
	left = slices.DeleteFunc(left, func(d wallet.Draw) bool { return d.Credits.IsZero() })
	slices.Reverse(left)
	earlier := wallet.TransactionQuery{Wallet: t.Wallet, Kinds: []wallet.Kind{wallet.Refunded}, From: t.CreatedAt, OldestFirst: true}
	for r, err := range k.Reader.Transactions(earlier) {
		if err != nil {
			return nil, err
		}
		if r.Corrects != t.ID {
			continue
		}
		d := &left[0]
		d.Credits, d.Amount = d.Credits.Sub(r.Credits), d.Amount.Sub(r.Money.Amount)
		if d.Credits.IsZero() {
			left = left[1:]
		}
	}
	return left, nil
}

// refundParts returns what a refund takes of what is left: whole draws, and of the last one as much as it needs.
func refundParts(r wallet.Refund, p *purse, left []wallet.Draw) (parts []wallet.Draw, err error) {
	var credits, money wallet.Amount
	for _, d := range left {
		credits, money = credits.Add(d.Credits), money.Add(d.Amount)
	}
	switch {
	case r.Credits.Cmp(credits) > 0, credits.IsZero():
		return nil, &wallet.InsufficientError{Wallet: p.ID, Needed: r.Credits, Available: credits}
	case r.Money.Cmp(money) > 0:
		return nil, &wallet.InsufficientError{Wallet: p.ID, Needed: r.Money, Available: money, Currency: p.Currency}
	case r.Credits.IsZero() && r.Money.IsZero():
		return left, nil
	}
	inMoney := !r.Money.IsZero()
	for _, d := range left {
		switch {
		case inMoney && r.Money.Cmp(d.Amount) < 0:
			part, err := r.Money.Mul(d.Credits).QuoRound(d.Amount, decimals, wallet.RoundDown)
			if err != nil {
				return nil, err
			}
			d.Credits, d.Amount = part.Max(leastCredits).Min(d.Credits), r.Money
		case !inMoney && r.Credits.Cmp(d.Credits) < 0:
			part, err := r.Credits.Mul(d.Amount).QuoRound(d.Credits, decimals, wallet.RoundDown)
			if err != nil {
				return nil, err
			}
			d.Credits, d.Amount = r.Credits, part
		}
		parts = append(parts, d)
		r.Credits, r.Money = r.Credits.Sub(d.Credits), r.Money.Sub(d.Amount)
		if inMoney && r.Money.Sign() <= 0 || !inMoney && r.Credits.Sign() <= 0 {
			break
		}
	}
	return parts, nil
}

func checkRefund(r wallet.Refund) error {
	var c checker
	c.amount("credits", r.Credits)
	c.amount("money", r.Money)
	if !r.Credits.IsZero() && !r.Money.IsZero() {
		c.Add("money", r.Money.String(), "and credits exclude each other")
	}
	c.text("reason", r.Reason)
	c.metadata("metadata", r.Metadata)
	c.text("key", r.Key)
	return c.Err()
}
