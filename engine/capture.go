package engine

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Capture spends credits or money of a hold, in the order they were reserved, and releases the rest, unless more captures are
// to come. Over says what happens if there is not enough in it; by default that is [wallet.ErrInsufficient]. A hold whose
// time is over is [wallet.ErrExpired], unless Extend spends afresh; one that is closed is [wallet.ErrNotPending].
func (e *Engine) Capture(ctx context.Context, id wallet.HoldID, ca wallet.Capture) (done wallet.Captured, err error) {
	if err := checkCapture(ca); err != nil {
		return done, err
	}
	c := command{
		scope: store.Scope{Hold: id, Key: ca.Key},
		replay: func(k *work, o store.Outcome) (err error) {
			done, err = k.captured(ca, o)
			return err
		},
		do: func(k *work) error {
			h, err := k.hold(id)
			if err != nil {
				return err
			}
			if done, err = k.capture(&h, ca); err != nil {
				return err
			}
			return k.remember(store.Outcome{Hold: id, Transactions: idsOf(done.Transactions)})
		},
	}
	if ca.Key != "" {
		f := newPrint("capture")
		f.id("hold", id.Bytes())
		f.amount("credits", ca.Credits)
		f.amount("money", ca.Money)
		f.flag("more", ca.More)
		f.text("over", string(ca.Over))
		c.print = f.sum()
	}
	if err := e.run(ctx, &c); err != nil {
		return wallet.Captured{}, err
	}
	return done, nil
}

// A spending is what a capture takes from one purse: from its part of the hold, and from what else is spendable there.
type spending struct {
	p              *purse
	portions       []portion
	held           wallet.Amount // of the credits
	credits, money wallet.Amount
}

func (k *work) capture(h *wallet.Hold, ca wallet.Capture) (done wallet.Captured, err error) {
	switch {
	case h.State == wallet.HoldExpired && ca.Over != wallet.Extend:
		return done, fmt.Errorf("%w: hold %s could be captured until %s", wallet.ErrExpired, h.ID, h.ExpiresAt.Format(time.RFC3339Nano))
	case h.State != wallet.HoldOpen && h.State != wallet.HoldExpired:
		return done, &wallet.NotPendingError{State: h.State, At: h.ClosedAt}
	}
	if !ca.Credits.IsZero() && h.Wallet.IsZero() {
		var c checker
		c.Add("credits", ca.Credits.String(), "cannot be captured of a hold over several wallets: ask for money")
		return done, c.Err()
	}
	purses, err := k.holders(h)
	if err != nil {
		return done, err
	}
	k.seen()
	asked, inMoney := ca.Credits, false
	if !ca.Money.IsZero() {
		asked, inMoney = ca.Money, true
	}
	left := asked
	var spent []*spending
	for i := range h.Parts {
		s := &spending{p: purses[i]}
		if err := k.takeHeld(s, &h.Parts[i], &left, inMoney); err != nil {
			return done, err
		}
		if !s.credits.IsZero() {
			if err := k.emit(s.p, wallet.Event{Kind: wallet.EventCaptured, Credits: s.credits, Hold: h.ID}); err != nil {
				return done, err
			}
		}
		spent = append(spent, s)
	}
	if !ca.More && h.State == wallet.HoldOpen {
		for i, part := range h.Parts { // before the excess is taken, which may need it
			if part.Credits.IsZero() && !spent[i].credits.IsZero() {
				continue // captured whole
			}
			if err := k.free(purses[i], h, part, true); err != nil {
				return done, err
			}
		}
		h.Parts, h.State, h.ClosedAt = nil, wallet.HoldCaptured, k.at
	}
	if left.Sign() > 0 {
		if spent, err = k.excess(h, ca, spent, &left, inMoney); err != nil {
			return done, err
		}
		if left.Sign() > 0 && ca.Over != wallet.Partial {
			short := &wallet.InsufficientError{Wallet: h.Wallet, Needed: asked, Available: asked.Sub(left)}
			if inMoney {
				short.Currency = h.Currency
			}
			return done, short
		}
	}
	done.Shortfall = left
	for _, s := range spent {
		if s.credits.IsZero() {
			continue
		}
		t, err := k.spend(s, h)
		if err != nil {
			return done, err
		}
		done.Transactions = append(done.Transactions, t)
		if h.Captured.Amount = h.Captured.Amount.Add(t.Money.Amount); !h.Captured.Amount.Fits() {
			return done, fmt.Errorf("%w: captures of hold %s would come to %s", wallet.ErrLimit, h.ID, h.Captured)
		}
	}
	for _, s := range spent {
		if s.p.state.Events == s.p.State.Events { // nothing of it was touched
			continue
		}
		if err := k.save(s.p); err != nil {
			return done, err
		}
	}
	if h.State == wallet.HoldExpired {
		return done, nil // it is closed; what was spent afresh names it
	}
	return done, k.tx.PutHold(clonedHold(*h))
}

// takeHeld spends what is left to spend from a part of a hold, in the order of its lots.
func (k *work) takeHeld(s *spending, part *wallet.HoldPart, left *wallet.Amount, inMoney bool) error {
	have := part.Credits
	if inMoney {
		have = part.Money
	}
	amount := have.Min(*left)
	if amount.IsZero() {
		return nil
	}
	*left = left.Sub(amount)
	switch {
	case amount.Equal(have):
		s.credits, s.money = part.Credits, part.Money
	case inMoney:
		credits, err := amount.QuoRound(s.p.Rate, decimals, wallet.RoundDown)
		if err != nil {
			return err
		}
		s.credits, s.money = credits.Max(leastCredits).Min(part.Credits), amount
	default:
		s.credits, s.money = amount, s.p.Money(amount).Amount.Min(part.Money)
	}
	part.Credits, part.Money = part.Credits.Sub(s.credits), part.Money.Sub(s.money)
	if part.Credits.IsZero() {
		part.Money = wallet.Amount{} // there is nothing left to pay it with
	}
	s.held = s.credits // until it is booked: what is released may expire before
	for need := s.credits; need.Sign() > 0; {
		hl := &part.Lots[0]
		l, err := k.Lot(hl.Lot)
		if err != nil {
			return err
		}
		credits := hl.Credits.Min(need)
		l.Held, l.Remaining = l.Held.Sub(credits), l.Remaining.Sub(credits)
		if err := k.tx.PutLot(l); err != nil {
			return err
		}
		s.portions = append(s.portions, portion{hl.Lot, credits})
		hl.Credits, need = hl.Credits.Sub(credits), need.Sub(credits)
		if hl.Credits.IsZero() {
			part.Lots = part.Lots[1:]
		}
	}
	return nil
}

// excess spends what is left to spend beyond the hold from what else can be spent, as far as it goes.
func (k *work) excess(h *wallet.Hold, ca wallet.Capture, spent []*spending, left *wallet.Amount, inMoney bool) ([]*spending, error) {
	if ca.Over == wallet.Reject {
		return spent, nil
	}
	var taken []reservation
	if h.Wallet.IsZero() {
		var err error
		if taken, _, err = k.afford(h.Currency, h.Fee, *left); err != nil {
			return spent, err
		}
	} else {
		w, err := k.Wallet(h.Wallet)
		if err != nil {
			return spent, err
		}
		p, err := k.open(w)
		if err != nil {
			return spent, err
		}
		if r := p.most(*left, inMoney, h.Currency); !r.credits.IsZero() && k.covers(p, h.Fee) {
			taken = []reservation{r}
		}
	}
	for _, r := range taken {
		i := slices.IndexFunc(spent, func(s *spending) bool { return s.p.ID == r.p.ID })
		if i < 0 {
			i, spent = len(spent), append(spent, &spending{p: r.p})
		}
		s := spent[i]
		portions, err := k.take(s.p, r.credits)
		if err != nil {
			return spent, err
		}
		s.portions = append(s.portions, portions...)
		s.credits, s.money = s.credits.Add(r.credits), s.money.Add(r.money)
		if inMoney {
			*left = left.Sub(r.money)
		} else {
			*left = left.Sub(r.credits)
		}
	}
	return spent, nil
}

// most returns as much of an amount as the purse can spend.
func (p *purse) most(amount wallet.Amount, inMoney bool, c wallet.Currency) reservation {
	free := p.state.Balance.Spendable
	switch {
	case !inMoney:
		credits := amount.Min(free)
		return reservation{p, credits, p.Money(credits).Amount}
	case free.Mul(p.Rate).Cmp(amount) < 0:
		minor, _ := c.Decimals()
		amount = p.worth().Round(minor, wallet.RoundDown)
	}
	if amount.IsZero() {
		return reservation{p: p}
	}
	return reservation{p, p.price(amount), amount}
}

// spend books what a capture took from one purse.
func (k *work) spend(s *spending, h *wallet.Hold) (wallet.Transaction, error) {
	b := &s.p.state.Balance
	b.Held = b.Held.Sub(s.held)
	t := k.begin(s.p, wallet.Consumed, s.credits)
	t.Money.Amount = s.money
	t.Hold, t.Reference, t.Metadata = h.ID, h.Reference, h.Metadata
	_, err := k.remove(s.p, &t, s.portions, share{h.Fee.ID, s.credits, s.money})
	return cloned(t), err
}

// captured answers a repeat: the transactions as they are, and the shortfall as it was.
func (k *work) captured(ca wallet.Capture, o store.Outcome) (done wallet.Captured, err error) {
	if done.Transactions, err = k.transactions(o.Transactions); err != nil {
		return done, err
	}
	done.Shortfall = ca.Credits.Add(ca.Money)
	for _, t := range done.Transactions {
		if ca.Money.IsZero() {
			done.Shortfall = done.Shortfall.Sub(t.Credits)
		} else {
			done.Shortfall = done.Shortfall.Sub(t.Money.Amount)
		}
	}
	return done, nil
}

func checkCapture(ca wallet.Capture) error {
	var c checker
	c.creditsOrMoney(ca.Credits, ca.Money)
	if ca.Over != wallet.Reject && ca.Over != wallet.Extend && ca.Over != wallet.Partial {
		c.Add("over", string(ca.Over), "is not extend or partial")
	}
	c.text("key", ca.Key)
	return c.Err()
}
