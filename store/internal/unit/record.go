package unit

import (
	"iter"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A Customer and those of its wallets that are loaded.
type Customer struct {
	ID wallet.CustomerID
	No int64 // the database's number of it; 0: not written yet

	Version, Cursor int64     // for a database that has them
	Hot             wallet.ID // the wallet whose state is beside the customer's, where a database keeps the one that changed last

	wallets  []*Wallet // by ID
	complete bool      // every active wallet is among them
}

// A Wallet is a loaded wallet. The fields behind the record are the database's own.
type Wallet struct {
	store.Wallet

	No     int64                // the database's number of it; 0: not written yet
	Fresh  bool                 // only the record is written yet
	Chain  Chain                // its transactions
	Tail   wallet.TransactionID // the last of them
	Events int64                // how many were added
	Hot    Hot
	Rest   Rest // as the database has it

	customer *Customer
	added    []*Transaction // in this batch
	numbered int            // of the added, those that have their numbers
	lots     lots
	parts    int // see cache.count

	stateAt, recordAt uint64 // the Changes that have it
}

// Customer returns whose wallet it is.
func (w *Wallet) Customer() *Customer { return w.customer }

// Unnumbered yields the transactions that were added in this batch and have no number yet, in order, up to one of them: the
// caller gives them their numbers.
func (w *Wallet) Unnumbered(upTo *Transaction) iter.Seq[*Transaction] {
	return func(yield func(*Transaction) bool) {
		for upTo.No == 0 && yield(w.added[w.numbered]) {
			w.numbered++
		}
	}
}

// Find returns a loaded wallet of the customer, or nil.
func (c *Customer) Find(id wallet.ID) *Wallet {
	i, found := slices.BinarySearchFunc(c.wallets, id, (*Wallet).compare)
	if !found {
		return nil
	}
	return c.wallets[i]
}

func (w *Wallet) compare(id wallet.ID) int { return w.ID.Compare(id) }

// A Chain is a sequence of transactions of which the end is known, and each knows the one before it. They are known by the
// numbers that the database gives them.
type Chain struct{ Len, Last int64 }

// Hot is the part of a lot that debits change, where a database keeps it beside the wallet's state: for the one lot that was
// changed last. The zero ID is none.
type Hot struct {
	ID              wallet.TransactionID
	Remaining, Held wallet.Amount
	Drawn           Chain
	Kept            bool // for now, while changes are written
}

// Rest is what of a wallet's state debits leave as it is, so that a database may keep it apart.
type Rest struct {
	Held, Pending, Ongoing, Kept wallet.Amount
	NextDue                      time.Time
	Tail                         wallet.TransactionID // the last transaction; zero if its ID is the one minted last
	Unnumbered                   int64                // by how many the state's events are more than were added
	Hot                          wallet.TransactionID
	HotHeld                      wallet.Amount
	HotBy                        int64 // the transaction that drew from it last; 0 if it is the wallet's last
}

// RestNow returns the rest as it is.
func (w *Wallet) RestNow() Rest {
	b := &w.State.Balance
	r := Rest{Held: b.Held, Pending: b.Pending, Ongoing: b.Ongoing, Kept: b.Kept, NextDue: w.State.NextDue, Hot: w.Hot.ID, HotHeld: w.Hot.Held}
	r.Unnumbered = w.State.Events - w.Events
	if w.Tail != w.State.Last {
		r.Tail = w.Tail
	}
	if w.Hot.Drawn.Last != w.Chain.Last {
		r.HotBy = w.Hot.Drawn.Last
	}
	return r
}

// Equal reports whether r and s are the same.
func (r *Rest) Equal(s *Rest) bool {
	return r.Held.Equal(s.Held) && r.Pending.Equal(s.Pending) && r.Ongoing.Equal(s.Ongoing) && r.Kept.Equal(s.Kept) && r.NextDue.Equal(s.NextDue) &&
		r.Tail == s.Tail && r.Unnumbered == s.Unnumbered && r.Hot == s.Hot && r.HotHeld.Equal(s.HotHeld) && r.HotBy == s.HotBy
}

// A Lot is a loaded lot. One that was closed in this batch has nothing remaining.
type Lot struct {
	store.Lot

	No    int64 // of its transaction; 0: unknown
	Drawn Chain // the draws made from it
	Fresh bool  // not written yet
	Moved bool  // something other than what a Hot has was put
	Of    *Wallet

	changedAt uint64
}

// Closed reports that nothing remains.
func (l *Lot) Closed() bool { return l.Remaining.IsZero() }

// A Transaction is one that was added or finished in this batch.
type Transaction struct {
	wallet.Transaction
	Draws []wallet.Draw

	Of     *Wallet
	Lots   []*Lot              // of the draws
	Before *wallet.Transaction // as it is in the database; nil: it was added
	Event  int64               // the number of the event that it tells; 0: none
	No     int64               // that the database gives it as it is written

	finishedAt uint64
	lot        [1]*Lot        // room for the usual Lots
	draw       [1]wallet.Draw // and Draws
}

// Tells reports whether the added transaction t tells all there is in an event, so that a database need not keep the event.
func (t *Transaction) Tells(e *wallet.Event) bool {
	return t.Before == nil && e.Kind == EventOf(t.Kind) && e.At.Equal(t.CreatedAt) && e.Credits.Equal(t.Credits) && e.Rule == t.Rule &&
		e.Hold.IsZero() && e.Alert == "" && e.Record == nil
}

// EventOf returns the kind of event that adding a transaction is.
func EventOf(k wallet.Kind) wallet.EventKind {
	switch k {
	case wallet.Purchased, wallet.Granted:
		return wallet.EventToppedUp
	}
	return wallet.EventKind(k) // they bear the same name
}

// An Event was added in this batch.
type Event struct {
	wallet.Event
	Of   *Wallet
	Told *Transaction // that tells it; nil: it is kept for itself
	No   int64        // that the database gives it as it is written, among those of the transactions
}

// A Hold is a loaded hold.
type Hold struct {
	wallet.Hold
	Of    *Customer   // nil unless it was put
	First []wallet.ID // the wallets that it reserved something of when it was put first
	Fresh bool        // not written yet

	changedAt uint64
}

// Selected reports whether a query for holds selects it; After and Limit are not looked at.
func (h *Hold) Selected(q *wallet.HoldQuery) bool {
	return (q.Customer == "" || q.Customer == h.Customer) && (len(q.States) == 0 || slices.Contains(q.States, h.State)) &&
		(q.Wallet.IsZero() || slices.Contains(h.First, q.Wallet) ||
			slices.ContainsFunc(h.Parts, func(p wallet.HoldPart) bool { return p.Wallet == q.Wallet }))
}

// A Key is an outcome that was remembered in this batch.
type Key struct {
	Of   *Customer
	Name string
	store.Outcome
}
