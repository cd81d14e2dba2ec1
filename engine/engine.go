// Package engine is the rules of prepaid credits over a store: what wallets take in, what they pay out, and what time does to
// them. [New] makes an [Engine]; its commands are methods, in the order of a wallet's life: Create, TopUp, Settle, Debit,
// Charge, Void, Terminate. Each is atomic, durable when it returns, and safe to repeat under the same key.
package engine

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// Options are the optional parts of an [Engine]; nil options, and zero fields, are the defaults.
type Options struct {
	Policy policy.Policy    // the choices; zero is complete
	Now    func() time.Time // the clock, read once a command; nil is time.Now
	Logger *slog.Logger     // for what Run cannot return; nil is slog.Default
}

// An Engine runs commands on the wallets in a store. It is safe for concurrent use, keeps no state of its own, and starts no
// goroutine.
type Engine struct {
	store  store.Store
	policy policy.Policy
	order  string // names policy.Order
	now    func() time.Time
	logger *slog.Logger
}

// New returns an engine over s.
func New(s store.Store, opts *Options) *Engine {
	if opts == nil {
		opts = new(Options)
	}
	e := &Engine{store: s, policy: opts.Policy, order: opts.Policy.Order.String(), now: opts.Now, logger: opts.Logger}
	e.policy.Order, e.policy.Alerts = slices.Clone(e.policy.Order), slices.Clone(e.policy.Alerts)
	if e.now == nil {
		e.now = time.Now
	}
	if e.logger == nil {
		e.logger = slog.Default()
	}
	return e
}

// With returns an engine of the same rules over another store, such as a transaction of the host's database:
//
//	eng.With(sqlite.Join(tx)).Debit(ctx, id, debit)
func (e *Engine) With(s store.Store) *Engine {
	other := *e
	other.store = s
	return &other
}

// A command is one request to change the wallets of one customer.
type command struct {
	scope    store.Scope     // whose wallets; its Key is the request's
	currency wallet.Currency // with scope.Customer: the wallets it touches
	also     wallet.ID       // another wallet it touches
	expiry   time.Time       // that the wallet is to have: it touches those that it shares holds with, which end sooner
	print    [16]byte        // the request's fingerprint, if it has a key

	now   time.Time // what the clock shows, if it was read
	again bool      // something was due, and was booked first

	replay func(k *work, o store.Outcome) error // answers a repeat from what the first success brought about
	do     func(k *work) error
}

// work is a command, or a read, while it runs: one customer's wallets at one instant.
type work struct {
	store.Reader
	*command
	e   *Engine
	tx  store.Tx             // nil: nothing is written
	try func(store.Tx) error // runs the command, in an Update

	at       time.Time
	customer wallet.CustomerID
	target   *store.Wallet   // the wallet that the scope names, by itself or by its transaction
	holds    *wallet.Hold    // or the hold
	active   []*store.Wallet // the customer's, by ID
	newest   wallet.TransactionID
	purses   []*purse      // open
	room     purse         // for the first
	few      [2]*purse     // so many need no room of their own
	taken    []portion     // from all lots so far
	drawn    []wallet.Draw // by the last outbound transaction
}

var works = sync.Pool{New: func() any {
	k := new(work)
	k.try = k.run
	return k
}}

// run runs a command. What is due by its time is booked first, in commits of its own.
func (e *Engine) run(ctx context.Context, c *command) error {
	if isEmpty(c.scope) {
		return named(wallet.ErrNotFound, c.scope)
	}
	if c.now.IsZero() {
		now, err := e.clock()
		if err != nil {
			return err
		}
		c.now = now
	}
	k := works.Get().(*work)
	k.e, k.command = e, c
	var err error
	for c.again = true; c.again && err == nil; {
		err = e.store.Update(ctx, c.scope, k.try)
	}
	works.Put(k)
	return named(err, c.scope)
}

// run runs the command once, or books what is due before it.
func (k *work) run(tx store.Tx) error {
	c := k.command
	*k = work{Reader: tx, tx: tx, e: k.e, command: c, try: k.try, taken: k.taken[:0], drawn: k.drawn[:0]}
	c.again = false
	if err := k.find(c.scope); err != nil {
		return err
	}
	var o store.Outcome
	var known bool
	if c.scope.Key != "" {
		var err error
		switch o, known, err = tx.Outcome(k.customer, c.scope.Key); {
		case err != nil:
			return err
		case known && o.Fingerprint != c.print:
			return fmt.Errorf("%w: %q of customer %q", wallet.ErrKeyReused, c.scope.Key, k.customer)
		}
	}
	if err := k.setTime(c.now, c.currency); err != nil {
		return err
	}
	due, err := k.catchUp()
	switch {
	case err != nil || due:
		c.again = due
		return err
	case known:
		return c.replay(k, o)
	}
	return c.do(k)
}

// look runs a read of one customer's wallets, as they are after everything due by now was booked: fn runs in a View unless
// something is, which is booked first.
func (e *Engine) look(ctx context.Context, scope store.Scope, fn func(k *work) error) error {
	return e.lookIn(ctx, scope, "", false, fn)
}

// lookIn is look at the instant of a command that touches the customer's wallets in a currency. If fn needs open lots in
// their order, they are put into this engine's order first.
func (e *Engine) lookIn(ctx context.Context, scope store.Scope, c wallet.Currency, ordered bool, fn func(k *work) error) error {
	if isEmpty(scope) {
		return named(wallet.ErrNotFound, scope)
	}
	now, err := e.clock()
	if err != nil {
		return err
	}
	for {
		late := false
		err := e.store.View(ctx, func(r store.Reader) error {
			k := &work{e: e, Reader: r}
			if err := k.find(scope); err != nil {
				return err
			}
			if err := k.setTime(now, c); err != nil {
				return err
			}
			if late = k.isDue() || ordered && k.isForeign(); late {
				return nil
			}
			return fn(k)
		})
		if err != nil || !late {
			return named(err, scope)
		}
		catchUp := command{scope: scope, currency: c, now: now, do: func(k *work) error { return k.adopt() }}
		if err := e.run(ctx, &catchUp); err != nil {
			return err
		}
	}
}

// remember keeps the outcome of a command that came with a key.
func (k *work) remember(o store.Outcome) error {
	if k.scope.Key == "" {
		return nil
	}
	o.Fingerprint = k.print
	return k.tx.Remember(k.scope.Key, o)
}

// isEmpty reports whether a scope names nothing, as that of a zero ID.
func isEmpty(s store.Scope) bool {
	return s.Wallet.IsZero() && s.Transaction.IsZero() && s.Hold.IsZero() && s.Customer == ""
}

// named says what a scope did not find.
func named(err error, s store.Scope) error {
	switch {
	case err != wallet.ErrNotFound: // or it says by itself
		return err
	case isEmpty(s):
		return fmt.Errorf("%w: the zero ID", err)
	case !s.Wallet.IsZero():
		return fmt.Errorf("%w: wallet %s", err, s.Wallet)
	case !s.Transaction.IsZero():
		return fmt.Errorf("%w: transaction %s", err, s.Transaction)
	case !s.Hold.IsZero():
		return fmt.Errorf("%w: hold %s", err, s.Hold)
	}
	return err
}

// find loads what the scope names.
func (k *work) find(s store.Scope) (err error) {
	k.customer = s.Customer
	id := s.Wallet
	if !s.Transaction.IsZero() {
		t, err := k.Transaction(s.Transaction)
		if err != nil {
			return err
		}
		id = t.Wallet
	}
	if !s.Hold.IsZero() {
		h, err := k.Hold(s.Hold)
		if err != nil {
			return err
		}
		k.holds, k.customer = &h, h.Customer
	}
	if !id.IsZero() {
		if k.target, err = k.Wallet(id); err != nil {
			return err
		}
		k.customer = k.target.Customer
	}
	k.active, err = k.ActiveWallets(k.customer)
	return err
}

// setTime sets the instant of the command: now, or that of the latest change of the wallets it touches.
func (k *work) setTime(now time.Time, c wallet.Currency) error {
	k.at = now
	if k.target != nil {
		k.at = later(k.at, k.target.State.UpdatedAt)
	} else {
		for _, w := range k.active {
			if w.Currency == c || k.holds != nil && w.Currency == k.holds.Currency && (k.holds.Wallet.IsZero() || k.holds.Involves(w.ID)) {
				k.at = later(k.at, w.State.UpdatedAt)
			}
		}
	}
	if k.command != nil && !k.expiry.IsZero() {
		if err := k.setTimeSharing(); err != nil {
			return err
		}
	}
	if k.command == nil || k.also.IsZero() {
		return nil
	}
	w, err := k.Wallet(k.also)
	if err == wallet.ErrNotFound {
		return fmt.Errorf("%w: wallet %s of customer %q", err, k.also, k.customer)
	}
	if err == nil {
		k.at = later(k.at, w.State.UpdatedAt)
	}
	return err
}

// setTimeSharing sets the instant of a command that lets the holds of a wallet end sooner, in other wallets too.
func (k *work) setTimeSharing() error {
	for h, err := range k.openHolds(k.target.ID) {
		if err != nil {
			return err
		}
		if !k.expiry.Before(h.ExpiresAt) {
			continue
		}
		for _, part := range h.Parts {
			w, err := k.Wallet(part.Wallet)
			if err != nil {
				return err
			}
			k.at = later(k.at, w.State.UpdatedAt)
		}
	}
	return nil
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
