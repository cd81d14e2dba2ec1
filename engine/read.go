package engine

import (
	"context"
	"iter"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

const (
	pageSize  = 256 // how many records a sequence reads at a time
	smallPage = 8   // for how many there is room at first: most sequences are short
)

// Wallet returns a wallet, with its balance as of now.
func (e *Engine) Wallet(ctx context.Context, id wallet.ID) (found wallet.Wallet, err error) {
	err = e.look(ctx, store.Scope{Wallet: id}, func(k *work) error {
		found = public(k.target)
		return nil
	})
	return found, err
}

// Wallets yields the wallets that a query selects, newest first: as of now if it names a customer, else as booked.
func (e *Engine) Wallets(ctx context.Context, q wallet.WalletQuery) iter.Seq2[wallet.Wallet, error] {
	return func(yield func(wallet.Wallet, error) bool) {
		if err := checkWalletQuery(q); err != nil {
			yield(wallet.Wallet{}, err)
			return
		}
		q := q // a sequence may be read again
		pages(yield, &q.Limit, func(limit int) (page []wallet.Wallet, err error) {
			next := q
			next.Limit = limit
			err = e.read(ctx, store.Scope{Customer: q.Customer}, func(r store.Reader) error {
				page = make([]wallet.Wallet, 0, min(limit, smallPage))
				for w, err := range r.Wallets(next) {
					if err != nil {
						return err
					}
					page = append(page, public(w))
				}
				return nil
			})
			if len(page) > 0 {
				q.After, q.Offset = page[len(page)-1].ID, 0
			}
			return page, err
		})
	}
}

// CountWallets counts what a query selects, without regard to After, Offset and Limit.
func (e *Engine) CountWallets(ctx context.Context, q wallet.WalletQuery) (n int, err error) {
	if err := checkWalletQuery(q); err != nil {
		return 0, err
	}
	err = e.read(ctx, store.Scope{Customer: q.Customer}, func(r store.Reader) (err error) {
		n, err = r.CountWallets(q)
		return err
	})
	return n, err
}

// Transaction returns a transaction.
func (e *Engine) Transaction(ctx context.Context, id wallet.TransactionID) (found wallet.Transaction, err error) {
	err = e.look(ctx, store.Scope{Transaction: id}, func(k *work) error {
		t, err := k.Transaction(id)
		found = cloned(t)
		return err
	})
	return found, err
}

// Transactions yields the transactions that a query selects, newest first unless it says otherwise: as of now if it names a
// wallet or a customer, else as booked.
func (e *Engine) Transactions(ctx context.Context, q wallet.TransactionQuery) iter.Seq2[wallet.Transaction, error] {
	q.Kinds, q.States = slices.Clone(q.Kinds), slices.Clone(q.States)
	return func(yield func(wallet.Transaction, error) bool) {
		if err := checkTransactionQuery(q); err != nil {
			yield(wallet.Transaction{}, err)
			return
		}
		q := q // a sequence may be read again
		q.From, q.To = within(q.From), within(q.To)
		pages(yield, &q.Limit, func(limit int) (page []wallet.Transaction, err error) {
			next := q
			next.Limit = limit
			err = e.read(ctx, scopeOf(q.Wallet, q.Customer), func(r store.Reader) error {
				page = make([]wallet.Transaction, 0, min(limit, smallPage))
				for t, err := range r.Transactions(next) {
					if err != nil {
						return err
					}
					page = append(page, cloned(t))
				}
				return nil
			})
			if len(page) > 0 {
				q.After, q.Offset = page[len(page)-1].ID, 0
			}
			return page, err
		})
	}
}

// CountTransactions counts what a query selects, without regard to After, Offset and Limit.
func (e *Engine) CountTransactions(ctx context.Context, q wallet.TransactionQuery) (n int, err error) {
	if err := checkTransactionQuery(q); err != nil {
		return 0, err
	}
	q.From, q.To = within(q.From), within(q.To)
	err = e.read(ctx, scopeOf(q.Wallet, q.Customer), func(r store.Reader) (err error) {
		n, err = r.CountTransactions(q)
		return err
	})
	return n, err
}

// Lots yields the open lots of a wallet in the order they will be spent.
func (e *Engine) Lots(ctx context.Context, id wallet.ID) iter.Seq2[wallet.Lot, error] {
	return func(yield func(wallet.Lot, error) bool) {
		var after []byte
		var all int
		pages(yield, &all, func(limit int) (page []wallet.Lot, err error) {
			next := after
			err = e.lookIn(ctx, store.Scope{Wallet: id}, "", true, func(k *work) error {
				page, next = make([]wallet.Lot, 0, min(limit, smallPage)), after
				for len(page) < limit {
					l, more, err := k.NextLot(id, next)
					if err != nil || !more {
						return err
					}
					page, next = append(page, l.Lot), l.Key
				}
				return nil
			})
			after = append([]byte(nil), next...)
			return page, err
		})
	}
}

// Draws yields the draws of a transaction: of an outbound one what paid it, in the order it was drawn; of an inbound one what
// it paid, oldest first.
func (e *Engine) Draws(ctx context.Context, id wallet.TransactionID) iter.Seq2[wallet.Draw, error] {
	return func(yield func(wallet.Draw, error) bool) {
		skip, all := 0, 0
		pages(yield, &all, func(limit int) (page []wallet.Draw, err error) {
			err = e.look(ctx, store.Scope{Transaction: id}, func(k *work) error {
				page = make([]wallet.Draw, 0, min(limit, smallPage))
				for d, err := range k.Draws(id, skip) {
					if err != nil {
						return err
					}
					if page = append(page, d); len(page) == limit {
						break
					}
				}
				return nil
			})
			skip += len(page)
			return page, err
		})
	}
}

// scopeOf returns what a query names.
func scopeOf(id wallet.ID, customer wallet.CustomerID) store.Scope {
	if !id.IsZero() {
		return store.Scope{Wallet: id}
	}
	return store.Scope{Customer: customer}
}

// within returns a bound of a query in whole microseconds and within the years there are, where it selects the same.
func within(t time.Time) time.Time {
	switch {
	case t.IsZero():
		return t
	case t.Before(firstInstant):
		return firstInstant
	case t.After(lastInstant):
		return lastInstant.Add(time.Microsecond)
	}
	return instant(t.Add(time.Microsecond - 1))
}

// read runs a read of one customer's records as of now if the scope names one, else of what is booked.
func (e *Engine) read(ctx context.Context, scope store.Scope, fn func(store.Reader) error) error {
	if scope == (store.Scope{}) {
		return e.store.View(ctx, fn)
	}
	return e.look(ctx, scope, func(k *work) error { return fn(k.Reader) })
}

// pages yields what read returns, page after page, until a page is not full or left items were yielded (0: no end).
func pages[T any](yield func(T, error) bool, left *int, read func(limit int) ([]T, error)) {
	bounded := *left > 0
	for {
		limit := pageSize
		if bounded {
			limit = min(limit, *left)
		}
		page, err := read(limit)
		if err != nil {
			var none T
			yield(none, err)
			return
		}
		for _, item := range page {
			if !yield(item, nil) {
				return
			}
		}
		*left -= len(page)
		if len(page) < limit || bounded && *left == 0 {
			return
		}
	}
}

// A text that no record can have is refused, for not every database can look for it.
func checkWalletQuery(q wallet.WalletQuery) error {
	var c checker
	c.text("customer", string(q.Customer))
	c.text("code", q.Code)
	c.text("status", string(q.Status))
	c.text("currency", string(q.Currency))
	c.page(q.Offset, q.Limit)
	return c.Err()
}

func checkTransactionQuery(q wallet.TransactionQuery) error {
	var c checker
	c.text("customer", string(q.Customer))
	c.text("reference", q.Reference)
	for _, k := range q.Kinds {
		c.text("kinds", string(k))
	}
	for _, st := range q.States {
		c.text("states", string(st))
	}
	c.page(q.Offset, q.Limit)
	return c.Err()
}
