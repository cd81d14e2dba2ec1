package engine

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// Events yields the events that a query selects, oldest first, from behind a cursor: those of a wallet or a customer as of
// now, those of everything as booked. The feed is written in the commits it tells of; what is committed later comes later, so
// a reader that keeps the last cursor it saw never misses one.
func (e *Engine) Events(ctx context.Context, q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		var c checker
		c.text("customer", string(q.Customer))
		if c.page(0, q.Limit); c.Err() != nil {
			yield(wallet.Event{}, c.Err())
			return
		}
		q := q // a sequence may be read again
		pages(yield, &q.Limit, func(limit int) (page []wallet.Event, err error) {
			next := q
			next.Limit = limit
			err = e.read(ctx, scopeOf(q.Wallet, q.Customer), func(r store.Reader) error {
				page = make([]wallet.Event, 0, min(limit, smallPage))
				for ev, err := range r.Events(next) {
					if err != nil {
						return err
					}
					if ev.Record != nil {
						ev.Record = wallet.Set(copied(*ev.Record))
					}
					page = append(page, ev)
				}
				return nil
			})
			if len(page) > 0 {
				q.After = page[len(page)-1].Cursor
			}
			return page, err
		})
	}
}

// eventOf returns the event that adding a transaction is.
func eventOf(k wallet.Kind) wallet.EventKind {
	switch k {
	case wallet.Purchased, wallet.Granted:
		return wallet.EventToppedUp
	}
	return wallet.EventKind(k) // they bear the same name
}

// emit adds an event to the feed.
func (k *work) emit(p *purse, ev wallet.Event) error {
	if k.tx == nil {
		return nil
	}
	p.state.Events++
	ev.Wallet, ev.Customer, ev.Number, ev.At = p.ID, p.Customer, p.state.Events, k.at
	return k.tx.AddEvent(ev)
}

// written returns the purse's record for an event.
func (p *purse) written() *wallet.Wallet {
	w := copied(p.Wallet.Wallet)
	return &w
}

// alert reports the levels that a group of steps crossed.
func (k *work) alert(p *purse) error {
	alerts := k.e.policy.Alerts
	for i := range alerts {
		a := &alerts[i]
		if a.Of == policy.Expiring {
			continue
		}
		was, is := p.before.Spendable, p.state.Balance.Spendable
		if a.Of == policy.Net {
			was, is = p.before.Net(), p.state.Balance.Net()
		}
		ev := wallet.Event{Kind: wallet.EventAlerted, Credits: is.Max(wallet.Amount{}), Alert: a.Name}
		switch low := is.Cmp(a.Level) <= 0; {
		case low == (was.Cmp(a.Level) <= 0):
			continue
		case !low:
			ev.Kind = wallet.EventRecovered
		}
		if err := k.emit(p, ev); err != nil {
			return err
		}
	}
	p.before = p.state.Balance
	return nil
}

// warn reports the credits that from now on expire within an alert's time: each lot when it comes that near, or when it comes
// into the wallet nearer than that.
func (k *work) warn(p *purse) error {
	var opened []wallet.TransactionID
	for _, a := range k.e.policy.Alerts {
		if a.Of != policy.Expiring {
			continue
		}
		var sum wallet.Amount
		for l, err := range k.ExpiringLots(p.ID, k.at.Add(a.Within)) {
			if err != nil {
				return err
			}
			switch isNew := l.OpenedAt.Equal(k.at) || l.ID.Compare(wallet.FirstAt(k.at)) >= 0; {
			case isNew && !p.warnedOf(l.ID, k.at):
				opened = append(opened, l.ID)
			case isNew, p.memo().Partial.Again, !l.ExpiresAt.Add(-a.Within).Equal(k.at):
				continue
			}
			sum = sum.Add(l.Free())
		}
		if sum.IsZero() {
			continue
		}
		p.state.UpdatedAt = k.at
		if err := k.emit(p, wallet.Event{Kind: wallet.EventAlerted, Credits: sum, Alert: a.Name}); err != nil {
			return err
		}
	}
	if len(opened) > 0 {
		if last := p.memo().Warned; last != nil && last.At.Equal(k.at) {
			opened = append(opened, last.Lots...)
		}
		p.memo().Warned, p.rewrite = &warned{k.at, opened}, true
	}
	return nil
}

// warnedOf reports whether a lot that opened now was reported already.
func (p *purse) warnedOf(id wallet.TransactionID, at time.Time) bool {
	w := p.memo().Warned
	return w != nil && w.At.Equal(at) && slices.Contains(w.Lots, id)
}

// nextWarning returns the first instant after this one at which an alert reports that credits are to expire, or zero.
func (k *work) nextWarning(p *purse) (next time.Time, err error) {
	for _, a := range k.e.policy.Alerts {
		if a.Of != policy.Expiring {
			continue
		}
		for l, err := range k.ExpiringLots(p.ID, lastInstant) {
			if err != nil {
				return next, err
			}
			if at := l.ExpiresAt.Add(-a.Within); at.After(k.at) && !l.Free().IsZero() {
				next = earliest(next, at)
				break // the others expire later
			}
		}
	}
	return next, nil
}

// warnOf makes the warnings of a lot that opens now due.
func (k *work) warnOf(p *purse, l wallet.Lot) {
	for _, a := range k.e.policy.Alerts {
		if a.Of == policy.Expiring && !l.ExpiresAt.IsZero() {
			p.state.NextDue = earliest(p.state.NextDue, later(k.at, l.ExpiresAt.Add(-a.Within)))
		}
	}
}
