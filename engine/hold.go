package engine

import (
	"cmp"
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// How long a hold lasts that does not say, and how long one can last.
const (
	defaultHold = 24 * time.Hour
	longestHold = 30 * 24 * time.Hour
)

// Authorize reserves credits of one wallet, or money of all the customer's wallets in a currency as a charge would take it:
// all of it, or [wallet.ErrInsufficient]. What is held is spent by [Engine.Capture], and returns by [Engine.Release] or when
// the hold's time is over, which is no later than the expiry of a wallet that it is in.
func (e *Engine) Authorize(ctx context.Context, a wallet.Authorization) (made wallet.Hold, err error) {
	if err := checkAuthorization(a); err != nil {
		return made, err
	}
	scope := store.Scope{Wallet: a.Wallet, Key: a.Key}
	if a.Wallet.IsZero() {
		scope.Customer = a.Customer
	}
	c := command{
		scope:    scope,
		currency: a.Currency,
		replay: func(k *work, o store.Outcome) (err error) {
			made, err = k.hold(o.Hold)
			return err
		},
		do: func(k *work) (err error) {
			if made, err = k.authorize(a); err != nil {
				return err
			}
			return k.remember(store.Outcome{Hold: made.ID})
		},
	}
	if a.Key != "" {
		f := newPrint("authorize")
		f.id("wallet", a.Wallet.Bytes())
		f.text("customer", string(a.Customer))
		f.text("currency", string(a.Currency))
		f.amount("credits", a.Credits)
		f.amount("money", a.Money)
		f.fee(a.Fee)
		f.number("for", a.For.Microseconds())
		f.text("reference", a.Reference)
		f.metadata(a.Metadata)
		c.print = f.sum()
	}
	if err := e.run(ctx, &c); err != nil {
		return wallet.Hold{}, err
	}
	return made, nil
}

func (k *work) authorize(a wallet.Authorization) (h wallet.Hold, err error) {
	shares, err := k.reservable(a)
	if err != nil {
		return h, err
	}
	last, err := k.lastHold()
	if err != nil {
		return h, err
	}
	h = wallet.Hold{
		ID: wallet.MintHoldID(last, k.at), Customer: k.customer, Wallet: a.Wallet, Currency: shares[0].p.Currency, State: wallet.HoldOpen,
		Fee: a.Fee, ExpiresAt: after(k.at, cmp.Or(a.For, defaultHold)),
		Reference: a.Reference, Metadata: maps.Clone(a.Metadata), CreatedAt: k.at,
	}
	h.Money.Currency, h.Captured.Currency = h.Currency, h.Currency
	for _, s := range shares {
		part, err := k.reserve(s.p, s.credits)
		if err != nil {
			return h, err
		}
		part.Money = s.money
		h.Parts = append(h.Parts, part)
		h.Credits, h.Money.Amount = h.Credits.Add(part.Credits), h.Money.Amount.Add(part.Money)
		h.ExpiresAt = earliest(h.ExpiresAt, s.p.ExpiresAt)
	}
	if !h.Credits.Fits() || !h.Money.Amount.Fits() {
		return h, fmt.Errorf("%w: a hold of %s credits worth %s", wallet.ErrLimit, h.Credits, h.Money)
	}
	for _, s := range shares {
		s.p.state.NextDue = earliest(s.p.state.NextDue, h.ExpiresAt)
		if err := k.emit(s.p, wallet.Event{Kind: wallet.EventHeld, Credits: s.credits, Hold: h.ID}); err != nil {
			return h, err
		}
		if err := k.save(s.p); err != nil {
			return h, err
		}
	}
	return h, k.tx.PutHold(clonedHold(h))
}

// lastHold returns the greatest ID that a hold of the customer has from this very instant, so that the next is greater.
func (k *work) lastHold() (last wallet.HoldID, err error) {
	var next wallet.HoldID
	next.SetBytes(wallet.FirstAt(k.at.Add(time.Microsecond)).Bytes())
	for h, err := range k.Holds(wallet.HoldQuery{Customer: k.customer, After: next, Limit: 1}) { // others may be ahead of it
		if err != nil {
			return last, err
		}
		if h.CreatedAt.Equal(k.at) {
			last = h.ID
		}
	}
	return last, nil
}

// A reservation is what a hold takes from one wallet.
type reservation struct {
	p              *purse
	credits, money wallet.Amount
}

// reservable returns what an authorization takes from which wallet, the whole of it.
func (k *work) reservable(a wallet.Authorization) ([]reservation, error) {
	if a.Wallet.IsZero() {
		taken, paid, err := k.afford(a.Currency, a.Fee, a.Money)
		if err == nil && !paid.Equal(a.Money) {
			err = &wallet.InsufficientError{Needed: a.Money, Available: paid, Currency: a.Currency}
		}
		return taken, err
	}
	p, err := k.open(k.target)
	if err != nil {
		return nil, err
	}
	if !k.covers(p, a.Fee) {
		return nil, notApplicable(p, a.Fee)
	}
	credits, err := p.afford(a.Credits, a.Money)
	if err != nil {
		return nil, err
	}
	r := reservation{p, credits, a.Money}
	if a.Money.IsZero() {
		r.money = p.Money(credits).Amount
	}
	return []reservation{r}, nil
}

// afford returns what the customer's wallets in a currency would take of one fee, as a charge of it, and how much of it they pay.
func (k *work) afford(c wallet.Currency, f wallet.Fee, money wallet.Amount) (taken []reservation, paid wallet.Amount, err error) {
	purses, err := k.payers(c, false)
	if err != nil {
		return nil, paid, err
	}
	f.Amount = money
	for i, row := range k.spread(purses, c, []wallet.Fee{f}) {
		if m := row[0]; !m.IsZero() {
			taken = append(taken, reservation{purses[i], purses[i].price(m), m})
			paid = paid.Add(m)
		}
	}
	return taken, paid, nil
}

// reserve holds credits, of which there are enough, in spending order.
func (k *work) reserve(p *purse, credits wallet.Amount) (part wallet.HoldPart, err error) {
	part = wallet.HoldPart{Wallet: p.ID, Credits: credits}
	b := &p.state.Balance
	b.Spendable, b.Held = b.Spendable.Sub(credits), b.Held.Add(credits)
	var after []byte
	for credits.Sign() > 0 {
		l, more, err := k.NextLot(p.ID, after)
		if err != nil {
			return part, err
		}
		if !more {
			return part, short(p, credits)
		}
		after = l.Key
		free := l.Free().Min(credits)
		if free.IsZero() {
			continue
		}
		l.Held = l.Held.Add(free)
		if err := k.tx.PutLot(l); err != nil {
			return part, err
		}
		part.Lots = append(part.Lots, wallet.HoldLot{Lot: l.ID, Credits: free})
		credits = credits.Sub(free)
	}
	return part, nil
}

// Release ends a hold: what it still reserves can be spent again, but for credits whose lot has expired meanwhile, which
// expire now. Releasing a hold that was released, or whose time was over, returns it unchanged; a captured one is
// [wallet.ErrNotPending].
func (e *Engine) Release(ctx context.Context, id wallet.HoldID) (ended wallet.Hold, err error) {
	c := command{
		scope: store.Scope{Hold: id},
		do: func(k *work) (err error) {
			if ended, err = k.hold(id); err != nil {
				return err
			}
			switch ended.State {
			case wallet.HoldOpen:
			case wallet.HoldCaptured:
				return &wallet.NotPendingError{State: ended.State, At: ended.ClosedAt}
			default:
				return nil
			}
			return k.closeHold(&ended, wallet.HoldReleased)
		},
	}
	if err := e.run(ctx, &c); err != nil {
		return wallet.Hold{}, err
	}
	return ended, nil
}

// closeHold ends an open hold by a command: what it still reserves is freed, and its wallets are saved.
func (k *work) closeHold(h *wallet.Hold, state wallet.State) error {
	purses, err := k.holders(h)
	if err != nil {
		return err
	}
	for i, part := range h.Parts {
		if err := k.free(purses[i], h, part, true); err != nil {
			return err
		}
	}
	for _, p := range purses {
		if err := k.save(p); err != nil {
			return err
		}
	}
	h.Parts, h.State, h.ClosedAt = nil, state, k.at
	return k.tx.PutHold(clonedHold(*h))
}

// holders returns the purses of a hold's parts.
func (k *work) holders(h *wallet.Hold) ([]*purse, error) {
	purses := make([]*purse, len(h.Parts))
	for i, part := range h.Parts {
		w, err := k.Wallet(part.Wallet)
		if err == nil {
			purses[i], err = k.open(w)
		}
		if err != nil {
			return nil, err
		}
	}
	return purses, nil
}

// free returns what a part of a hold reserves to its lots. With expire, what is past its lot's expiry expires now; without,
// the caller sees to it.
func (k *work) free(p *purse, h *wallet.Hold, part wallet.HoldPart, expire bool) error {
	b := &p.state.Balance
	b.Spendable, b.Held = b.Spendable.Add(part.Credits), b.Held.Sub(part.Credits)
	p.state.UpdatedAt = k.at
	if err := k.emit(p, wallet.Event{Kind: wallet.EventReleased, Credits: part.Credits, Hold: h.ID}); err != nil {
		return err
	}
	var over []store.Lot
	for _, hl := range part.Lots {
		l, err := k.Lot(hl.Lot)
		if err != nil {
			return err
		}
		l.Held = l.Held.Sub(hl.Credits)
		if err := k.tx.PutLot(l); err != nil {
			return err
		}
		if !l.ExpiresAt.IsZero() && !k.at.Before(l.ExpiresAt) {
			over = append(over, l)
		}
	}
	if !expire {
		return nil
	}
	k.seen()
	for _, l := range over {
		if err := k.expire(p, l); err != nil {
			return err
		}
	}
	return nil
}

// endHolds ends the holds of a purse whose time is over now, by ID, in all the wallets they are in.
func (k *work) endHolds(p *purse) error {
	open, err := wallet.Collect(k.openHolds(p.ID))
	if err != nil {
		return err
	}
	slices.Reverse(open)
	for _, h := range open {
		if h.ExpiresAt.After(k.at) {
			continue
		}
		purses, err := k.holders(&h)
		if err != nil {
			return err
		}
		for i, part := range h.Parts {
			if err := k.free(purses[i], &h, part, false); err != nil {
				return err
			}
		}
		h.Parts, h.State, h.ClosedAt = nil, wallet.HoldExpired, k.at
		if err := k.tx.PutHold(clonedHold(h)); err != nil {
			return err
		}
	}
	return nil
}

// leaveHolds frees what the open holds reserve of a wallet that is terminated. A hold of which nothing is left is released.
func (k *work) leaveHolds(p *purse) error {
	open, err := wallet.Collect(k.openHolds(p.ID))
	if err != nil {
		return err
	}
	slices.Reverse(open)
	for _, h := range open {
		h = clonedHold(h)
		for _, part := range h.Parts {
			if part.Wallet != p.ID {
				continue
			}
			if err := k.free(p, &h, part, true); err != nil {
				return err
			}
		}
		h.Parts = slices.DeleteFunc(h.Parts, func(part wallet.HoldPart) bool { return part.Wallet == p.ID })
		if len(h.Parts) == 0 {
			h.State, h.ClosedAt = wallet.HoldReleased, k.at
		}
		if err := k.tx.PutHold(h); err != nil {
			return err
		}
	}
	return nil
}

// shortenHolds makes the open holds of a wallet end no later than its new expiry.
func (k *work) shortenHolds(p *purse, expiry time.Time) error {
	if expiry.IsZero() {
		return nil
	}
	open, err := wallet.Collect(k.openHolds(p.ID))
	if err != nil {
		return err
	}
	for _, h := range open {
		if !expiry.Before(h.ExpiresAt) {
			continue
		}
		h.ExpiresAt = expiry
		if err := k.tx.PutHold(clonedHold(h)); err != nil {
			return err
		}
		for _, part := range h.Parts {
			if part.Wallet == p.ID {
				continue
			}
			other, err := k.Wallet(part.Wallet)
			if err != nil {
				return err
			}
			state := other.State
			state.NextDue = earliest(state.NextDue, expiry)
			if err := k.tx.PutState(other.ID, state); err != nil {
				return err
			}
		}
	}
	return nil
}

// openHolds yields the open holds of a wallet, newest first: also those that have nothing left of it.
func (k *work) openHolds(id wallet.ID) iter.Seq2[wallet.Hold, error] {
	return k.Holds(wallet.HoldQuery{Wallet: id, States: []wallet.State{wallet.HoldOpen}})
}

// hold returns a hold as its host sees it.
func (k *work) hold(id wallet.HoldID) (wallet.Hold, error) {
	h, err := k.Hold(id)
	return clonedHold(h), err
}

func clonedHold(h wallet.Hold) wallet.Hold {
	h.Metadata = maps.Clone(h.Metadata)
	h.Parts = slices.Clone(h.Parts)
	for i := range h.Parts {
		h.Parts[i].Lots = slices.Clone(h.Parts[i].Lots)
	}
	return h
}

// Hold returns a hold.
func (e *Engine) Hold(ctx context.Context, id wallet.HoldID) (found wallet.Hold, err error) {
	err = e.look(ctx, store.Scope{Hold: id}, func(k *work) (err error) {
		found, err = k.hold(id)
		return err
	})
	return found, err
}

// Holds yields the holds that a query selects, newest first: as of now if it names a wallet or a customer, else as booked.
func (e *Engine) Holds(ctx context.Context, q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	q.States = slices.Clone(q.States)
	return func(yield func(wallet.Hold, error) bool) {
		var c checker
		c.text("customer", string(q.Customer))
		for _, s := range q.States {
			c.text("states", string(s))
		}
		if c.page(0, q.Limit); c.Err() != nil {
			yield(wallet.Hold{}, c.Err())
			return
		}
		q := q // a sequence may be read again
		pages(yield, &q.Limit, func(limit int) (page []wallet.Hold, err error) {
			next := q
			next.Limit = limit
			err = e.read(ctx, scopeOf(q.Wallet, q.Customer), func(r store.Reader) error {
				page = make([]wallet.Hold, 0, min(limit, smallPage))
				for h, err := range r.Holds(next) {
					if err != nil {
						return err
					}
					page = append(page, clonedHold(h))
				}
				return nil
			})
			if len(page) > 0 {
				q.After = page[len(page)-1].ID
			}
			return page, err
		})
	}
}

func checkAuthorization(a wallet.Authorization) error {
	var c checker
	if a.Wallet.IsZero() {
		c.customer(a.Customer)
		c.currency(a.Currency)
		if !a.Credits.IsZero() {
			c.Add("credits", a.Credits.String(), "need one wallet: over a customer's wallets, ask for money")
		}
	} else if a.Customer != "" || a.Currency != "" {
		c.Add("customer", string(a.Customer), "and currency go without a wallet")
	}
	c.creditsOrMoney(a.Credits, a.Money)
	c.in("fee", -1)
	c.fee(a.Fee)
	c.zeroAmount(a.Fee)
	c.in("", -1)
	c.duration("for", a.For)
	if a.For > longestHold {
		c.Add("for", a.For.String(), "is more than 30 days")
	}
	c.text("reference", a.Reference)
	c.metadata("metadata", a.Metadata)
	c.text("key", a.Key)
	return c.Err()
}
