package engine

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// decimals is how many digits behind the point are recorded.
const decimals = 12

// TopUp adds credits to a wallet. It returns the purchase first, then the grant.
//
// Granted credits can be spent at once, unless they wait for the purchase beside them (GrantOnSettle). Paid credits are
// pending until [Engine.Settle], unless the policy completes them. Paid credits outside the wallet's limits are
// [wallet.ErrLimit].
func (e *Engine) TopUp(ctx context.Context, id wallet.ID, t wallet.TopUp) (made []wallet.Transaction, err error) {
	var check checker
	check.topUp(t)
	check.text("key", t.Key)
	if err := check.Err(); err != nil {
		return nil, err
	}
	t.ExpiresAt = instant(t.ExpiresAt)
	c := command{
		scope: store.Scope{Wallet: id, Key: t.Key},
		replay: func(k *work, o store.Outcome) (err error) {
			made, err = k.transactions(o.Transactions)
			return err
		},
		do: func(k *work) error {
			p, err := k.open(k.target)
			if err != nil {
				return err
			}
			var c checker
			if err := k.checkTopUp(&c, t); err != nil {
				return err
			}
			if err := c.Err(); err != nil {
				return err
			}
			if made, err = k.topUp(p, t); err != nil {
				return err
			}
			return k.remember(store.Outcome{Transactions: idsOf(made)})
		},
	}
	if t.Key != "" {
		f := newPrint("top up")
		f.id("wallet", id.Bytes())
		f.topUp(t)
		c.print = f.sum()
	}
	if err := e.run(ctx, &c); err != nil {
		return nil, err
	}
	return made, nil
}

// checkTopUp notes what only the customer's wallets and the clock can tell of a top-up.
func (k *work) checkTopUp(c *checker, t wallet.TopUp) error {
	c.future("expires_at", t.ExpiresAt, k.at)
	return k.checkCorrects(c, t.Corrects)
}

// topUp books a top-up.
func (k *work) topUp(p *purse, t wallet.TopUp) ([]wallet.Transaction, error) {
	credits := t.Paid
	if !t.Money.IsZero() {
		var err error
		if credits, err = t.Money.QuoRound(p.Rate, decimals, wallet.RoundUp); err != nil {
			return nil, err
		}
	}
	if !credits.IsZero() {
		if err := p.limit(credits); err != nil {
			return nil, err
		}
	}
	k.seen()
	made := k.inbounds(p, t, credits)
	if err := k.book(p, made); err != nil {
		return nil, err
	}
	return made, k.save(p)
}

// inbounds returns what a top-up asks for, the paid part being so many credits: the purchase first, then the grant.
func (k *work) inbounds(p *purse, t wallet.TopUp, paid wallet.Amount) (made []wallet.Transaction) {
	if !paid.IsZero() {
		made = append(made, k.inbound(p, wallet.Purchased, paid, t))
		if !t.Money.IsZero() {
			made[0].Money.Amount = t.Money
		}
	}
	if !t.Granted.IsZero() {
		made = append(made, k.inbound(p, wallet.Granted, t.Granted, t))
		if t.GrantOnSettle {
			made[0].Pair, made[1].Pair = made[1].ID, made[0].ID
		}
	}
	return made
}

// limit refuses paid credits outside the wallet's limits.
func (p *purse) limit(paid wallet.Amount) error {
	l := p.Limits
	if paid.Cmp(l.MinPaid) < 0 || !l.MaxPaid.IsZero() && paid.Cmp(l.MaxPaid) > 0 {
		return fmt.Errorf("%w: %s paid credits asked for, the limits of wallet %s are %s to %s (0: none)",
			wallet.ErrLimit, paid, p.ID, l.MinPaid, l.MaxPaid)
	}
	return nil
}

// inbound returns a transaction that adds credits as t says, pending for now.
func (k *work) inbound(p *purse, kind wallet.Kind, credits wallet.Amount, t wallet.TopUp) wallet.Transaction {
	in := k.begin(p, kind, credits)
	in.State, in.SettledAt = wallet.Pending, time.Time{}
	in.Priority, in.ExpiresAt, in.ExpiresIn = t.Priority, t.ExpiresAt, t.ExpiresIn.Truncate(time.Microsecond)
	in.Name, in.Reference, in.Corrects, in.Metadata = t.Name, t.Reference, t.Corrects, maps.Clone(t.Metadata)
	return in
}

// book adds new inbound transactions to the purse: settled, or pending if they are a purchase that waits for its payment or
// a grant that waits for the purchase.
func (k *work) book(p *purse, made []wallet.Transaction) error {
	waits := false
	for i := range made {
		t := &made[i]
		if t.Kind == wallet.Purchased || t.Pair.IsZero() {
			waits = t.Kind == wallet.Purchased && !k.completes(p, t)
		}
		if worth := p.Money(t.Credits); !worth.Amount.Fits() {
			return fmt.Errorf("%w: %s credits would be worth %s", wallet.ErrLimit, t.Credits, worth)
		}
		if waits {
			b := &p.state.Balance
			b.Pending = b.Pending.Add(t.Credits)
			t.BalanceAfter = b.Total()
			p.state.NextDue = earliest(p.state.NextDue, t.ExpiresAt)
		} else if err := k.settle(p, t); err != nil {
			return err
		}
		if err := k.record(p, t, nil); err != nil {
			return err
		}
		if t.State != wallet.Settled {
			continue
		}
		if err := k.emit(p, wallet.Event{Kind: wallet.EventSettled, Credits: t.Credits, Transaction: t.ID}); err != nil {
			return err
		}
		if err := k.addLot(p, t); err != nil {
			return err
		}
	}
	return nil
}

// completes reports whether a purchase needs no payment to wait for.
func (k *work) completes(p *purse, t *wallet.Transaction) bool {
	return k.e.policy.AutoComplete != nil && k.e.policy.AutoComplete(*k.seenBy(p), cloned(*t))
}

// settle makes an inbound transaction settled now, with the balance after it.
func (k *work) settle(p *purse, t *wallet.Transaction) error {
	t.State, t.SettledAt = wallet.Settled, k.at
	if t.ExpiresIn != 0 {
		t.ExpiresAt = after(k.at, t.ExpiresIn)
	}
	b := &p.state.Balance
	b.Spendable = b.Spendable.Add(t.Credits)
	t.BalanceAfter = b.Total()
	return p.check()
}

// Settle books that a pending purchase was paid: its credits, and those of the grant that waits for it, can be spent from
// now on. It returns the purchase first, then the grant. Settling a settled transaction returns it unchanged; a failed one is
// [wallet.ErrNotPending], and a purchase whose time is over [wallet.ErrExpired].
func (e *Engine) Settle(ctx context.Context, id wallet.TransactionID, s wallet.Settlement) ([]wallet.Transaction, error) {
	var check checker
	check.metadata("metadata", s.Metadata)
	if err := check.Err(); err != nil {
		return nil, err
	}
	return e.finish(ctx, id, wallet.Settled, func(k *work, p *purse, t *wallet.Transaction) error {
		if lapsed(*t, k.at) {
			return fmt.Errorf("%w: purchase %s could be settled until %s", wallet.ErrExpired, t.ID, t.ExpiresAt.Format(time.RFC3339Nano))
		}
		if t.Kind == wallet.Purchased && len(s.Metadata) > 0 {
			merged := maps.Clone(t.Metadata)
			if merged == nil {
				merged = make(map[string]string)
			}
			maps.Copy(merged, s.Metadata)
			var c checker
			c.metadata("metadata", merged)
			if err := c.Err(); err != nil {
				return err
			}
			t.Metadata = merged
		}
		p.state.Balance.Pending = p.state.Balance.Pending.Sub(t.Credits)
		if err := k.settle(p, t); err != nil {
			return err
		}
		ended := cloned(*t)
		if err := k.tx.Finish(&ended); err != nil {
			return err
		}
		if err := k.emit(p, wallet.Event{Kind: wallet.EventSettled, Credits: t.Credits, Transaction: t.ID}); err != nil {
			return err
		}
		return k.addLot(p, t)
	})
}

// Fail books that a pending purchase will never be paid. It returns the purchase first, then the grant that waited for it
// and fails with it. Failing a failed transaction returns it unchanged; a settled one is [wallet.ErrNotPending].
//
// A threshold rule whose purchase fails does not fire for an hour, unless the net balance rises above its threshold before:
// what was declined is not asked for again by the next debit.
func (e *Engine) Fail(ctx context.Context, id wallet.TransactionID, reason string) ([]wallet.Transaction, error) {
	var check checker
	check.text("reason", reason)
	if err := check.Err(); err != nil {
		return nil, err
	}
	return e.finish(ctx, id, wallet.Failed, func(k *work, p *purse, t *wallet.Transaction) error {
		return k.fail(p, t, reason)
	})
}

// fail books the failure of a pending transaction.
func (k *work) fail(p *purse, t *wallet.Transaction, reason string) error {
	event := wallet.Event{Kind: wallet.EventFailed, Transaction: t.ID}
	if !lapsed(*t, k.at) {
		p.state.Balance.Pending = p.state.Balance.Pending.Sub(t.Credits)
		event.Credits = t.Credits
	}
	t.State, t.FailedAt, t.Reason = wallet.Failed, k.at, reason
	if t.Source == wallet.SourceThreshold {
		p.backOff(t.Rule, k.at)
	}
	ended := cloned(*t)
	if err := k.tx.Finish(&ended); err != nil {
		return err
	}
	return k.emit(p, event)
}

// lapsed reports whether a pending purchase does not count any more at an instant.
func lapsed(t wallet.Transaction, at time.Time) bool {
	return !t.ExpiresAt.IsZero() && !at.Before(t.ExpiresAt)
}

// finish ends a pending transaction, and the other half of its pair, in the state wanted; each is ended by one.
func (e *Engine) finish(ctx context.Context, id wallet.TransactionID, want wallet.State,
	one func(*work, *purse, *wallet.Transaction) error) (done []wallet.Transaction, err error) {
	c := command{
		scope: store.Scope{Transaction: id},
		do: func(k *work) error {
			ts, err := k.withPair(id)
			if err != nil {
				return err
			}
			switch t := ts[0]; t.State {
			case want:
				done = ts
				return nil
			case wallet.Pending:
			default:
				at := t.SettledAt
				if t.State == wallet.Failed {
					at = t.FailedAt
				}
				return &wallet.NotPendingError{State: t.State, At: at, Reason: t.Reason}
			}
			p, err := k.open(k.target)
			if err != nil {
				return err
			}
			for i := range ts {
				if err := one(k, p, &ts[i]); err != nil {
					return err
				}
			}
			done = ts
			return k.save(p)
		},
	}
	if err := e.run(ctx, &c); err != nil {
		return nil, err
	}
	return done, nil
}

// withPair returns a transaction and the other half of its pair, the purchase first.
func (k *work) withPair(id wallet.TransactionID) ([]wallet.Transaction, error) {
	ts, err := k.transactions([]wallet.TransactionID{id})
	if err != nil || ts[0].Pair.IsZero() || ts[0].Kind != wallet.Purchased && ts[0].Kind != wallet.Granted {
		return ts, err
	}
	ids := []wallet.TransactionID{id, ts[0].Pair}
	if ts[0].Kind != wallet.Purchased {
		ids[0], ids[1] = ids[1], ids[0]
	}
	return k.transactions(ids)
}

// transactions returns transactions as their host sees them.
func (k *work) transactions(ids []wallet.TransactionID) ([]wallet.Transaction, error) {
	ts := make([]wallet.Transaction, len(ids))
	for i, id := range ids {
		t, err := k.Transaction(id)
		if err != nil {
			return nil, err
		}
		ts[i] = cloned(t)
	}
	return ts, nil
}

// cloned returns a transaction that shares nothing.
func cloned(t wallet.Transaction) wallet.Transaction {
	t.Metadata = maps.Clone(t.Metadata)
	return t
}

func (c *checker) topUp(t wallet.TopUp) {
	c.amount("paid", t.Paid)
	c.amount("granted", t.Granted)
	c.amount("money", t.Money)
	if t.Paid.IsZero() && t.Granted.IsZero() && t.Money.IsZero() {
		c.Add("paid", "0", "is zero, as are granted and money: nothing to add")
	}
	if !t.Paid.IsZero() && !t.Money.IsZero() {
		c.Add("money", t.Money.String(), "and paid exclude each other")
	}
	if t.GrantOnSettle && t.Paid.IsZero() && t.Money.IsZero() {
		c.Add("grant_on_settle", "true", "needs a purchase to wait for")
	}
	c.priority("priority", t.Priority)
	c.instant("expires_at", t.ExpiresAt)
	c.duration("expires_in", t.ExpiresIn)
	if !t.ExpiresAt.IsZero() && t.ExpiresIn != 0 {
		c.Add("expires_in", t.ExpiresIn.String(), "and expires_at exclude each other")
	}
	c.text("name", t.Name)
	c.text("reference", t.Reference)
	c.metadata("metadata", t.Metadata)
}
