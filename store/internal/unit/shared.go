package unit

import (
	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Where others may write to the database while state stays loaded, it is for the database to find out whose state is still
// right, customer by customer.

// Loaded returns the customer that the scope names, by itself or by one of its wallets, if all its active wallets are loaded; else
// nil.
func (u *Unit) Loaded(s store.Scope) *Customer {
	var c *Customer
	if s.Customer != "" {
		c = u.cache.customer(s.Customer)
	} else if w := u.cache.wallet(s.Wallet); w != nil {
		c = w.customer
	}
	if c == nil || !c.complete {
		return nil
	}
	return c
}

// Drop drops what is loaded of a customer. Nothing of it has been changed.
func (u *Unit) Drop(id wallet.CustomerID) {
	if c := u.cache.customer(id); c != nil {
		u.cache.young.remove(c)
	}
}

// Refresh drops what is never kept for another batch, if a batch without changes has left it. A batch begins with it.
func (u *Unit) Refresh() {
	clear(u.holds)
	u.ghost = nil
}
