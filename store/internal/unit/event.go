package unit

import (
	"errors"
	"fmt"
	"iter"

	"github.com/seed-12493b23/wallet"
)

// An Event is one that was added in this batch. It gets its cursor when it is written.
type Event struct {
	wallet.Event
	Of *Wallet
}

func (t *tx) AddEvent(add wallet.Event) error {
	if err := t.change(); err != nil {
		return err
	}
	w, err := t.wallet(add.Wallet)
	if err != nil {
		return err
	}
	if add.Number != w.events+1 || add.Customer != t.c.ID {
		return fmt.Errorf("store: refused event %d of wallet %s: it has %d", add.Number, add.Wallet, w.events)
	}
	w.events++
	t.u.log.events = append(t.u.log.events, Event{add, w})
	return nil
}

// Events yields those of the database, then those of this batch: they have no cursor yet.
func (t *tx) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return func(yield func(wallet.Event, error) bool) {
		if t.u == nil {
			yield(wallet.Event{}, errClosed)
			return
		}
		if q.Customer != "" && q.Customer != t.c.ID {
			return
		}
		q.Customer = t.c.ID
		left := q.Limit
		for e, err := range t.u.Base.Events(q) {
			if !yield(e, err) || err != nil {
				return
			}
			if left--; left == 0 {
				return
			}
		}
		for _, e := range t.u.log.events {
			if e.Of.customer != t.c || !q.Wallet.IsZero() && e.Wallet != q.Wallet {
				continue
			}
			if !yield(e.Event, nil) {
				return
			}
			if left--; left == 0 {
				return
			}
		}
	}
}

func isAbsent(err error) bool { return errors.Is(err, wallet.ErrNotFound) }
