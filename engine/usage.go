package engine

import (
	"context"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// usage is what a wallet is to pay of a fee that is not billed yet.
type usage struct {
	Fee    string        `json:"fee,omitempty"`
	Amount wallet.Amount `json:"amount"`
}

// SetOngoing replaces what the customer has used in a currency but was not billed for yet, and returns the wallets in that
// currency, in wallet order. Each fee is spread over the wallets that cover it: each takes what it can still pay, one with a
// threshold rule takes all, and the last one takes the rest, so that a net balance may be negative. What no wallet covers is
// left out. Wallets that come later change nothing until the usage is set again. Whole and Billed do not apply.
func (e *Engine) SetOngoing(ctx context.Context, ch wallet.Charge) (set []wallet.Wallet, err error) {
	if err := checkCharge(ch); err != nil {
		return nil, err
	}
	ch.Fees, ch.Whole, ch.Billed = slices.Clone(ch.Fees), false, false
	c := command{
		scope:    store.Scope{Customer: ch.Customer, Key: ch.Key},
		currency: ch.Currency,
		replay: func(k *work, _ store.Outcome) (err error) {
			set, err = k.inCurrency(ch.Currency)
			return err
		},
		do: func(k *work) error {
			if err := k.setOngoing(ch); err != nil {
				return err
			}
			if set, err = k.inCurrency(ch.Currency); err != nil {
				return err
			}
			return k.remember(store.Outcome{})
		},
	}
	if ch.Key != "" {
		c.print = printCharge("set ongoing", ch)
	}
	if err := e.run(ctx, &c); err != nil {
		return nil, err
	}
	return set, nil
}

func (k *work) setOngoing(ch wallet.Charge) error {
	purses, err := k.payers(ch.Currency, true)
	if err != nil {
		return err
	}
	parts := make([][]usage, len(purses))
	room := make([]wallet.Amount, len(purses))
	for i, p := range purses {
		room[i] = p.worth()
	}
	for _, f := range ch.Fees {
		left, last := f.Amount, -1
		for i, p := range purses {
			if !k.covers(p, f) {
				continue
			}
			last = i
			part := left.Min(room[i])
			if p.hasThreshold(k.at) {
				part = left
			}
			if !part.IsZero() {
				parts[i] = append(parts[i], usage{f.ID, part})
				room[i], left = room[i].Sub(part).Max(wallet.Amount{}), left.Sub(part)
			}
		}
		if last >= 0 && !left.IsZero() {
			parts[last] = addUsage(parts[last], usage{f.ID, left})
		}
	}
	for i, p := range purses {
		if p.use(parts[i]) {
			if err := k.emitUse(p); err != nil {
				return err
			}
			if err := k.save(p); err != nil {
				return err
			}
		}
	}
	return nil
}

// emitUse notes what the usage in progress is from now on.
func (k *work) emitUse(p *purse) error {
	if err := p.check(); err != nil {
		return err
	}
	return k.emit(p, wallet.Event{Kind: wallet.EventUsed, Credits: p.state.Balance.Ongoing})
}

// addUsage adds to the usage that is last in the list if it is of the same fee.
func addUsage(list []usage, u usage) []usage {
	if n := len(list); n > 0 && list[n-1].Fee == u.Fee {
		list[n-1].Amount = list[n-1].Amount.Add(u.Amount)
		return list
	}
	return append(list, u)
}

// use replaces the purse's usage in progress, and reports whether that changes anything. The credits are computed once, from
// the sum.
func (p *purse) use(list []usage) bool {
	same := slices.EqualFunc(p.memo().Usage, list, func(a, b usage) bool { return a.Fee == b.Fee && a.Amount.Equal(b.Amount) })
	if same {
		return false
	}
	var sum wallet.Amount
	for _, u := range list {
		sum = sum.Add(u.Amount)
	}
	credits, err := sum.QuoRound(p.Rate, decimals, wallet.RoundDown)
	if err != nil {
		panic(err) // a rate is never zero
	}
	p.memo().Usage, p.state.Balance.Ongoing, p.rewrite = list, credits, true
	return true
}

// bill takes the fees out of the purse's usage in progress, and reports whether they were in it.
func (p *purse) bill(fees []wallet.Fee) bool {
	if p.state.Balance.Ongoing.IsZero() && len(p.Notes) == 0 {
		return false
	}
	billed := make(map[string]bool, len(fees))
	for _, f := range fees {
		billed[f.ID] = true
	}
	return p.use(slices.DeleteFunc(slices.Clone(p.memo().Usage), func(u usage) bool { return billed[u.Fee] }))
}

// hasThreshold reports whether a threshold rule is in force.
func (p *purse) hasThreshold(at time.Time) bool {
	return slices.ContainsFunc(p.Rules, func(r wallet.Rule) bool {
		return r.Trigger == wallet.TriggerThreshold && inForce(&r, at)
	})
}

// inCurrency returns the customer's active wallets of a currency as their host sees them, in wallet order.
func (k *work) inCurrency(c wallet.Currency) (ws []wallet.Wallet, err error) {
	active, err := k.ActiveWallets(k.customer)
	for _, w := range inOrder(active) {
		if w.Currency == c {
			ws = append(ws, public(w))
		}
	}
	return ws, err
}
