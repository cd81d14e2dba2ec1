package memory

import (
	"context"
	"sync"

	"github.com/seed-12493b23/wallet"
)

// A reader is a [store.Reader]. In an Update it is confined to the account that the Update holds. In a View it locks the
// first account that it reads, and closes the gates when it is to read more.
type reader struct {
	store   *Store
	ctx     context.Context
	account *account // locked; nil: none yet
	alone   bool     // of an Update: other accounts do not exist
	closed  bool     // the gates are: every account can be read

	last struct { // of an Update: what was looked for last, and often is next
		ledger *ledger
		lot    *lot
	}
}

var readers = sync.Pool{New: func() any { return new(reader) }}

// close ends the View.
func (r *reader) close() {
	if r.closed {
		r.store.gates.open(len(r.store.gates))
	}
	if r.account != nil {
		r.account.release(shared)
	}
	*r = reader{}
	readers.Put(r)
}

// enter makes an account readable; for an Update, another customer's is not found.
func (r *reader) enter(a *account) error {
	switch {
	case a == r.account || r.closed:
		return nil
	case r.alone:
		return wallet.ErrNotFound
	case r.account != nil:
		return r.enterAll()
	}
	if err := a.acquire(r.ctx, shared, false); err != nil {
		return err
	}
	r.account = a
	return nil
}

// enterAll makes all accounts readable. No Update is at work then; those that hold an account have not begun.
func (r *reader) enterAll() error {
	if r.closed {
		return nil
	}
	if err := r.store.gates.close(r.ctx); err != nil {
		return err
	}
	r.closed = true
	return nil
}

// customer enters a customer's account; it returns nil if there is none.
func (r *reader) customer(c wallet.CustomerID) (*account, error) {
	if r.alone {
		if c != r.account.customer {
			return nil, nil
		}
		return r.account, nil
	}
	a := r.store.customers.get(c)
	if a == nil {
		return nil, nil
	}
	return a, r.enter(a)
}

// ledger enters the ledger of a wallet.
func (r *reader) ledger(id wallet.ID) (*ledger, error) {
	if r.alone {
		last := &r.last.ledger
		if *last == nil || (*last).id != uidOf(id.Bytes()) {
			*last = r.account.ledger(id)
		}
		if *last == nil {
			return nil, wallet.ErrNotFound
		}
		return *last, nil
	}
	return r.within(r.store.wallets.get(uidOf(id.Bytes())))
}

// within enters a ledger that an index gave, nil if it gave none.
func (r *reader) within(l *ledger) (*ledger, error) {
	if l == nil {
		return nil, wallet.ErrNotFound
	}
	if err := r.enter(l.account); err != nil {
		return nil, err
	}
	if l.wallet == nil { // undone while we waited for it
		return nil, wallet.ErrNotFound
	}
	return l, nil
}

// record enters the ledger of a transaction and returns the transaction's position there.
func (r *reader) record(id wallet.TransactionID) (*ledger, int, error) {
	u := uidOf(id.Bytes())
	l, err := r.within(r.store.transactions.get(u))
	if err != nil {
		return nil, 0, err
	}
	position := l.find(u)
	if position < 0 {
		return nil, 0, wallet.ErrNotFound
	}
	return l, position, nil
}
