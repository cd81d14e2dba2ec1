// Package memory keeps wallets in memory, for as long as the program runs: for tests, for prototypes, and as the fastest
// store there is.
//
// It builds wherever Go does, has no files, starts no goroutine, and reads no clock but to end a wait that cannot end by
// itself. What it keeps of a debit (the transaction, its draw and its event, their places in every index, the retry key with
// its outcome) is about a quarter of a kilobyte; it forgets nothing.
//
// # Locking
//
// Every customer has a lock, which an Update holds exclusively and a View of that customer shares. It is taken in the order
// of arrival, and waiting for it ends with the context. Customers never wait for each other, except that a View which goes
// beyond one customer stops all Updates until it ends: one that reads a second customer, or asks a question that names
// none (what is due, all wallets, the feed of everybody's events). Keep those short.
//
// What a View has read stays as it was until the View ends. The customer is locked when it is first read, so an ID that was
// looked up in vain before anything else was read may be found later in the same View.
//
// A function given to Update or View that calls Update or View itself, and would have to wait for itself, gets an error a
// tenth of a second later. That the function waits for another goroutine which does so is not noticed.
//
// # Undo
//
// What a function puts is put in place. A journal holds what was there before, and is played back if the function fails,
// panics, ends its goroutine, or outlives its context.
package memory

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Store is a [store.Store] in memory. Make one with [New].
type Store struct {
	customers    directory
	wallets      index // every wallet's ledger
	transactions index // the ledger of every transaction, and of its lot
	holds        index // of every hold the ledger of one of its wallets
	feed         feed
	agenda       agenda
	gates        gates
	untimely     atomic.Bool // some transaction's ID does not begin with the millisecond it was created in
}

var _ store.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	s := new(Store)
	s.customers.init()
	return s
}

// View runs fn with a consistent snapshot.
func (s *Store) View(ctx context.Context, fn func(store.Reader) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	r := readers.Get().(*reader)
	r.store, r.ctx = s, ctx
	defer r.close()
	return fn(r)
}

// Update runs fn with one customer's wallets to itself.
func (s *Store) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	a, err := s.admit(ctx, scope)
	if err != nil {
		return err
	}
	t := txs.Get().(*tx)
	t.store, t.ctx, t.account, t.alone = s, ctx, a, true
	defer t.close()
	if err := fn(t); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	t.done = true
	return nil
}

// admit returns the account that the scope names, locked for an Update whose context has not ended.
func (s *Store) admit(ctx context.Context, scope store.Scope) (*account, error) {
	for {
		a, err := s.resolve(scope)
		if err != nil {
			return nil, err
		}
		if err := a.acquire(ctx, exclusive, scope.Try); err != nil {
			return nil, err
		}
		if a.gone { // it was dropped while we waited for it
			a.release(exclusive)
			continue
		}
		if err := s.gates.of(a).acquire(ctx, shared, scope.Try); err != nil {
			s.leave(a)
			return nil, err
		}
		if err = ctx.Err(); err == nil && !a.has(s, scope) {
			err = wallet.ErrNotFound
		}
		if err != nil {
			s.gates.of(a).release(shared)
			s.leave(a)
			return nil, err
		}
		return a, nil
	}
}

// resolve finds the account that the scope names. That of a customer is opened if need be; that of a wallet or transaction
// may turn out not to have it, once it is locked.
func (s *Store) resolve(scope store.Scope) (*account, error) {
	var l *ledger
	switch {
	case scope.Customer != "":
		return s.customers.open(scope.Customer), nil
	case !scope.Wallet.IsZero():
		l = s.wallets.get(uidOf(scope.Wallet.Bytes()))
	case !scope.Transaction.IsZero():
		l = s.transactions.get(uidOf(scope.Transaction.Bytes()))
	case !scope.Hold.IsZero():
		l = s.holds.get(uidOf(scope.Hold.Bytes()))
	default:
		return nil, errors.New("store: scope names no customer, wallet, transaction or hold")
	}
	if l == nil {
		return nil, wallet.ErrNotFound
	}
	return l.account, nil
}

// has reports whether what the scope names is in the account.
func (a *account) has(s *Store, scope store.Scope) bool {
	switch {
	case scope.Customer != "":
		return true
	case !scope.Wallet.IsZero():
		return a.ledger(scope.Wallet) != nil
	case !scope.Hold.IsZero():
		return a.holds.all.find(scope.Hold) != nil
	}
	id := uidOf(scope.Transaction.Bytes())
	l := s.transactions.get(id)
	return l != nil && l.account == a && l.find(id) >= 0
}

// leave unlocks an account, and drops it if there is nothing in it.
func (s *Store) leave(a *account) {
	if len(a.ledgers)+a.keys.outcomes.n+len(a.keys.receipts) == 0 {
		s.customers.drop(a)
	}
	a.release(exclusive)
}
