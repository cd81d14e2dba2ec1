package engine

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// maxEvents is about how many events one commit books; what is due beyond that is booked by the next.
const maxEvents = 1000

// clock reads the clock for a command.
func (e *Engine) clock() (time.Time, error) {
	now := e.now().UTC().Truncate(time.Microsecond)
	if now.Before(firstInstant) || now.After(lastInstant) {
		var c checker
		c.Add("now", now.Format(time.RFC3339Nano), "is not in the years 1970 to 9999")
		return now, c.Err()
	}
	return now, nil
}

// isDue reports whether something is due on the customer's wallets at the instant of the command.
func (k *work) isDue() bool {
	for _, w := range k.active {
		if w.State.IsDue(k.at) {
			return true
		}
	}
	return false
}

// catchUp books what is due on the customer's wallets up to the instant of the command, instant by instant, each at its own.
// It reports whether there was anything; if so the caller commits and starts afresh, for there may be more.
func (k *work) catchUp() (bool, error) {
	if !k.isDue() {
		return false, nil
	}
	until := k.at
	var purses []*purse
	for _, w := range inOrder(k.active) {
		p, err := k.open(w)
		if err != nil {
			return false, err
		}
		purses = append(purses, p)
	}
	for budget := maxEvents; budget > 0; {
		k.at = time.Time{}
		for _, p := range purses {
			if p.state.IsDue(until) {
				k.at = earliest(k.at, p.state.NextDue)
			}
		}
		if k.at.IsZero() {
			break
		}
		if err := k.catchUpInstant(purses, &budget); err != nil {
			return false, err
		}
	}
	return true, nil
}

// catchUpInstant books what is due at this instant: for each wallet in wallet order all its steps, then, once, the threshold
// rules of those that fell. If the budget runs out on the way, the rest stays due at this instant.
func (k *work) catchUpInstant(purses []*purse, budget *int) error {
	k.newest = wallet.TransactionID{}
	var due []*purse
	for _, p := range purses {
		if !p.state.IsDue(k.at) {
			continue
		}
		due = append(due, p)
		if p.before = p.state.Balance; p.memo().Partial == nil {
			again := !p.state.UpdatedAt.Before(k.at)
			p.memo().Partial = &partial{Before: p.before, Again: again, Lapsed: again}
		} else {
			p.before = p.memo().Partial.Before
		}
	}
	whole := true
	for _, p := range due {
		if part := p.memo().Partial; whole && !part.Done {
			var err error
			if whole, err = k.steps(p, budget); err != nil {
				return err
			}
			part.Done = whole
		}
	}
	for _, p := range due {
		if whole && p.Status != wallet.Terminated {
			if err := k.thresholds(p); err != nil {
				return err
			}
		}
	}
	for _, p := range due {
		if p.Status == wallet.Terminated {
			continue
		}
		if p.rewrite = p.rewrite || !whole || bytes.Contains(p.Notes, []byte(`"partial"`)); whole {
			p.memo().Partial = nil
			if err := k.alert(p); err != nil {
				return err
			}
			var err error
			if p.state.NextDue, err = k.nextDue(p); err != nil {
				return err
			}
		}
		if err := k.write(p); err != nil {
			return err
		}
	}
	return nil
}

// steps books what is due on one wallet at this instant, in order, and reports whether all of it was within the budget:
// lots that expire, purchases that lapse, the wallet's own expiry or else its interval rules.
func (k *work) steps(p *purse, budget *int) (bool, error) {
	if *budget <= 0 {
		return false, nil
	}
	*budget--
	if err := k.endHolds(p); err != nil {
		return false, err
	}
	if whole, err := k.expireLots(p, k.ExpiringLots(p.ID, k.at), budget); err != nil || !whole {
		return whole, err
	}
	if part := p.memo().Partial; !part.Lapsed {
		if err := k.lapse(p); err != nil {
			return false, err
		}
		part.Lapsed = true
	}
	if !p.ExpiresAt.IsZero() && !k.at.Before(p.ExpiresAt) {
		whole, err := k.expireLots(p, k.openLots(p.ID), budget)
		if err != nil || !whole {
			return whole, err
		}
		if err := k.failPending(p, "the wallet expired"); err != nil {
			return false, err
		}
		return true, k.end(p)
	}
	if err := k.intervals(p); err != nil {
		return false, err
	}
	return true, k.warn(p)
}

// expireLots lets what is free in the lots expire, in spending order, and reports whether it came to their end within the
// budget.
func (k *work) expireLots(p *purse, lots func(func(store.Lot, error) bool), budget *int) (bool, error) {
	var due []store.Lot
	for l, err := range lots {
		if err != nil {
			return false, err
		}
		if len(due) > *budget && !isLate(due[0], k.at) { // all expire now: they are in spending order
			break
		}
		if !l.Free().IsZero() {
			due = append(due, l)
		}
	}
	slices.SortFunc(due, func(a, b store.Lot) int { return bytes.Compare(a.Key, b.Key) })
	for _, l := range due {
		if *budget == 0 {
			return false, nil
		}
		*budget--
		if err := k.expire(p, l); err != nil {
			return false, err
		}
	}
	return true, nil
}

// isLate reports whether a lot was over before: a hold kept something of it.
func isLate(l store.Lot, at time.Time) bool { return !l.ExpiresAt.IsZero() && l.ExpiresAt.Before(at) }

// openLots yields the wallet's open lots in spending order.
func (k *work) openLots(id wallet.ID) func(func(store.Lot, error) bool) {
	return func(yield func(store.Lot, error) bool) {
		for l, more, err := k.NextLot(id, nil); more || err != nil; l, more, err = k.NextLot(id, l.Key) {
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// expire books the expiry of what is free in a lot.
func (k *work) expire(p *purse, l store.Lot) error {
	credits := l.Free()
	if err := k.draw(p, l, credits); err != nil {
		return err
	}
	t := k.begin(p, wallet.Expired, credits)
	_, err := k.remove(p, &t, []portion{{l.ID, credits}})
	return err
}

// lapse books that the purchases whose time is over now do not count as pending any more.
func (k *work) lapse(p *purse) error {
	pending, err := wallet.Collect(k.pending(p.ID))
	if err != nil {
		return err
	}
	for _, t := range pending {
		if t.ExpiresAt.Equal(k.at) {
			p.state.Balance.Pending = p.state.Balance.Pending.Sub(t.Credits)
			p.state.UpdatedAt = k.at
			if err := k.emit(p, wallet.Event{Kind: wallet.EventLapsed, Credits: t.Credits, Transaction: t.ID}); err != nil {
				return err
			}
		}
	}
	return nil
}

// nextDue returns the first instant after this one at which something is due on the wallet, or zero.
func (k *work) nextDue(p *purse) (time.Time, error) {
	next := p.ExpiresAt
	for l, err := range k.ExpiringLots(p.ID, lastInstant) {
		if err != nil {
			return next, err
		}
		if !l.Free().IsZero() {
			next = earliest(next, l.ExpiresAt)
			break
		}
	}
	for t, err := range k.pending(p.ID) {
		if err != nil {
			return next, err
		}
		if t.ExpiresAt.After(k.at) {
			next = earliest(next, t.ExpiresAt)
		}
	}
	for i := range p.Rules {
		next = earliest(next, p.occurrence(&p.Rules[i]))
	}
	for h, err := range k.openHolds(p.ID) {
		if err != nil {
			return next, err
		}
		next = earliest(next, h.ExpiresAt)
	}
	warning, err := k.nextWarning(p)
	return earliest(next, warning), err
}

// pending yields the wallet's pending transactions, oldest first.
func (k *work) pending(id wallet.ID) func(func(wallet.Transaction, error) bool) {
	return k.Reader.Transactions(wallet.TransactionQuery{Wallet: id, States: []wallet.State{wallet.Pending}, OldestFirst: true})
}

// inOrder returns wallets in wallet order: set priority first and lowest number first, then older, then by ID.
func inOrder(active []*store.Wallet) []*store.Wallet {
	if len(active) < 2 {
		return active
	}
	sorted := slices.Clone(active)
	slices.SortFunc(sorted, func(a, b *store.Wallet) int {
		return cmp.Or(
			cmp.Compare(uint8(a.Priority-1), uint8(b.Priority-1)), // not set becomes 255
			a.CreatedAt.Compare(b.CreatedAt),
			a.ID.Compare(b.ID))
	})
	return sorted
}

// Tick brings every wallet with something due up to the present, and returns the number of customers it did so for. One
// customer's error does not stop the others; all errors are returned, joined. A customer that someone else has is left out:
// whoever has it does the same.
func (e *Engine) Tick(ctx context.Context) (int, error) {
	now, err := e.clock()
	if err != nil {
		return 0, err
	}
	done := 0
	var failed []error
	tried := make(map[wallet.CustomerID]bool)
	for {
		page, err := e.due(ctx, now, tried)
		if err != nil {
			return done, errors.Join(append(failed, err)...)
		}
		if len(page) == 0 {
			return done, errors.Join(failed...)
		}
		for _, customer := range page {
			tried[customer] = true
			catchUp := command{scope: store.Scope{Customer: customer, Try: true}, now: now, do: func(*work) error { return nil }}
			switch err := e.run(ctx, &catchUp); {
			case err == nil:
				done++
			case ctx.Err() != nil:
				return done, errors.Join(append(failed, err)...)
			case !errors.Is(err, store.ErrBusy):
				failed = append(failed, fmt.Errorf("wallet: customer %q: %w", customer, err))
			}
		}
	}
}

// due returns a page of the customers that have something due and were not tried yet.
func (e *Engine) due(ctx context.Context, now time.Time, tried map[wallet.CustomerID]bool) (page []wallet.CustomerID, err error) {
	err = e.store.View(ctx, func(r store.Reader) error {
		page = page[:0]
		for customer, err := range r.Due(now) {
			if err != nil {
				return err
			}
			if !tried[customer] {
				page = append(page, customer)
			}
			if len(page) == pageSize {
				break
			}
		}
		return nil
	})
	return page, err
}

// Run calls Tick now and then every so often, until ctx ends; it returns the context's error. Errors of Tick are logged. No
// result depends on it: what is due is also booked by the next command or read. Running it keeps that work small.
func (e *Engine) Run(ctx context.Context, every time.Duration) error {
	if every <= 0 {
		var c checker
		c.Add("every", every.String(), "is not positive")
		return c.Err()
	}
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if _, err := e.Tick(ctx); err != nil && ctx.Err() == nil {
			e.logger.LogAttrs(ctx, slog.LevelError, "wallet: tick", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-ticker.C:
		}
	}
}
