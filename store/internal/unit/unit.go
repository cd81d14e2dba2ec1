// Package unit is the unit of work that the SQL stores run functions on. It loads a customer's state once, keeps what the
// functions of a batch put, so that each reads what those before it have put, undoes one function alone, and has the changes
// written once, at the end. What it loaded stays for the next batch, as long as the database says that nobody else has
// written.
//
//   - A [Base] reads what is in the database, without the changes of the unit.
//   - A [Unit] is state and changes; [Unit.Changes] is what there is to write.
//   - [Run] runs the calls of a lane on a unit, through a [Database] that begins and commits.
//
// A unit is used by one goroutine at a time.
package unit

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// A Base reads the database as it was before the unit's changes. Absent is [wallet.ErrNotFound].
type Base interface {
	store.Reader

	// Load returns the customer that the scope names, with its active wallets and the one that the scope names. A customer
	// that is new to the database has no number and no wallets.
	Load(store.Scope) (*Customer, []*Wallet, error)

	// LoadWallet returns a wallet and its customer's ID.
	LoadWallet(wallet.ID) (*Wallet, error)

	// LoadLots returns the wallet's first n open lots by key behind after (nil: the first of all).
	LoadLots(w *Wallet, after []byte, n int) ([]*Lot, error)

	// LoadExpiring yields the wallet's open lots as ExpiringLots does.
	LoadExpiring(w *Wallet, upTo time.Time) iter.Seq2[*Lot, error]

	// LoadLot returns an open lot.
	LoadLot(wallet.TransactionID) (*Lot, error)

	// LoadDrawn returns the draws made from a lot that is not open.
	LoadDrawn(lot wallet.TransactionID) (Chain, error)
}

// A Customer and those of its wallets that are loaded.
type Customer struct {
	ID wallet.CustomerID
	No int64 // the database's number of it; 0: not written yet

	wallets  []*Wallet // by ID
	complete bool      // every active wallet is among them
}

// A Wallet is a loaded wallet. The fields behind the record are the database's own.
type Wallet struct {
	store.Wallet

	No    int64 // the database's number of it; 0: not written yet
	Fresh bool  // only the record is written yet
	Chain Chain // its transactions
	Hot   Hot
	Rest  Rest // as the database has it

	LastEvent int64 // the cursor of its last event, if the database gives cursors; 0: it has none
	events    int64 // how many it has had

	customer *Customer
	added    []*Transaction // in this batch
	lots     lots

	stateAt, recordAt uint64 // the Changes that have it
}

// Customer returns whose wallet it is.
func (w *Wallet) Customer() *Customer { return w.customer }

// A Chain is a sequence of which the end is known, and each element knows the one before it.
type Chain struct {
	Len  int64
	Last wallet.TransactionID
}

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
	Tail                         wallet.TransactionID // of the chain; zero if it is the ID minted last
	Hot                          wallet.TransactionID
	HotHeld                      wallet.Amount
	HotBy                        wallet.TransactionID // that drew from it last; zero if it is the last of the wallet's chain
}

// RestNow returns the rest as it is.
func (w *Wallet) RestNow() Rest {
	b := &w.State.Balance
	r := Rest{Held: b.Held, Pending: b.Pending, Ongoing: b.Ongoing, Kept: b.Kept, NextDue: w.State.NextDue, Hot: w.Hot.ID, HotHeld: w.Hot.Held}
	if w.Chain.Last != w.State.Last {
		r.Tail = w.Chain.Last
	}
	if w.Hot.Drawn.Last != w.Chain.Last {
		r.HotBy = w.Hot.Drawn.Last
	}
	return r
}

// Equal reports whether r and s are the same.
func (r *Rest) Equal(s *Rest) bool {
	return r.Held.Equal(s.Held) && r.Pending.Equal(s.Pending) && r.Ongoing.Equal(s.Ongoing) && r.Kept.Equal(s.Kept) && r.NextDue.Equal(s.NextDue) &&
		r.Tail == s.Tail && r.Hot == s.Hot && r.HotHeld.Equal(s.HotHeld) && r.HotBy == s.HotBy
}

// A Lot is a loaded lot. One that was closed in this batch has nothing remaining.
type Lot struct {
	store.Lot

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

	finishedAt uint64
	lot        [1]*Lot // room for the usual Lots
}

// A Key is an outcome that was remembered in this batch.
type Key struct {
	Of   *Customer
	Name string
	store.Outcome
}

type keyName struct {
	customer wallet.CustomerID
	name     string
}

// A Unit is loaded state, and the changes since the last [Unit.Written].
type Unit struct {
	Base Base

	cache cache
	log   journal
	txns  map[wallet.TransactionID]*Transaction // added or finished in this batch
	keys  map[keyName]*Key                      // remembered in this batch
	holds map[wallet.HoldID]*Hold               // put in this batch
	ghost map[wallet.TransactionID]*Lot         // lots that are not open, and drawn from all the same

	room []Transaction // for those of this batch; used again for the next

	most  int // changes that a function may make; 0: any number
	count int // changes that the running function has made

	round   uint64
	changes Changes
}

// New returns a unit with nothing loaded.
func New(base Base) *Unit {
	u := &Unit{Base: base}
	u.Forget()
	return u
}

// Forget drops what is loaded, and every change. It is for when the database turned out to be different.
func (u *Unit) Forget() {
	u.cache.clear()
	u.txns, u.keys, u.ghost = map[wallet.TransactionID]*Transaction{}, map[keyName]*Key{}, nil
	u.holds = map[wallet.HoldID]*Hold{}
	u.log = journal{}
	u.changes = Changes{}
}

// Changed reports whether there is something to write.
func (u *Unit) Changed() bool { return u.log.mark() != mark{} }

// Written tells the unit that its changes are in the database: what is loaded is what is there.
func (u *Unit) Written() {
	for _, s := range u.log.lots {
		s.lot.Of.lots.prune()
	}
	for _, t := range u.log.added {
		t.Of.added = t.Of.added[:0]
	}
	if clear(u.room); cap(u.room) > batchRoom {
		u.room = nil
	}
	u.room = u.room[:0]
	clear(u.txns)
	clear(u.keys)
	clear(u.holds)
	u.ghost = nil
	u.log.clear()
	u.changes.clear()
	u.cache.age()
}

// batchRoom is how many transactions of a batch room is kept for.
const batchRoom = 2048

// newTransaction returns a zero transaction that lasts as long as the batch.
func (u *Unit) newTransaction() *Transaction {
	if len(u.room) == cap(u.room) { // those handed out stay where they are
		u.room = make([]Transaction, 0, max(16, 2*cap(u.room)))
	}
	u.room = u.room[:len(u.room)+1]
	return &u.room[len(u.room)-1]
}

// open returns the transaction of a function, with the customer that the scope names.
func (u *Unit) open(s store.Scope) (*tx, error) {
	c, err := u.resolve(s)
	if err != nil {
		return nil, err
	}
	return &tx{u: u, c: c}, nil
}

func (u *Unit) resolve(s store.Scope) (*Customer, error) {
	switch {
	case s.Customer != "":
		if c := u.cache.customer(s.Customer); c != nil && c.complete {
			return c, nil
		}
		return u.load(store.Scope{Customer: s.Customer})
	case !s.Wallet.IsZero():
		if w := u.cache.wallet(s.Wallet); w != nil && w.customer.complete {
			return w.customer, nil
		}
		return u.load(store.Scope{Wallet: s.Wallet})
	case !s.Transaction.IsZero():
		if t := u.txns[s.Transaction]; t != nil {
			return t.Of.customer, nil
		}
		return u.load(store.Scope{Transaction: s.Transaction})
	case !s.Hold.IsZero():
		if h := u.holds[s.Hold]; h != nil {
			return h.Of, nil
		}
		return u.load(store.Scope{Hold: s.Hold})
	}
	return nil, fmt.Errorf("store: refused an update whose scope names no customer, wallet, transaction or hold")
}

// load reads a customer and its active wallets; those already loaded stay as they are.
func (u *Unit) load(s store.Scope) (*Customer, error) {
	c, wallets, err := u.Base.Load(s)
	if err != nil {
		return nil, err
	}
	if known := u.cache.customer(c.ID); known != nil {
		c = known
	} else {
		u.cache.addCustomer(c)
	}
	for _, w := range wallets {
		if u.cache.wallet(w.ID) == nil {
			u.adopt(c, w)
		}
	}
	c.complete = true
	return c, nil
}

// adopt makes w one of the loaded wallets of c.
func (u *Unit) adopt(c *Customer, w *Wallet) {
	w.customer = c
	w.Rest, w.events = w.RestNow(), w.State.Events
	i, _ := slices.BinarySearchFunc(c.wallets, w.ID, func(w *Wallet, id wallet.ID) int { return w.ID.Compare(id) })
	c.wallets = slices.Insert(c.wallets, i, w)
	u.cache.addWallet(w)
}

// disown is the reverse of adopt.
func (u *Unit) disown(w *Wallet) {
	w.customer.wallets = slices.DeleteFunc(w.customer.wallets, func(other *Wallet) bool { return other == w })
	u.cache.dropWallet(w)
}

// wallet returns a wallet of c.
func (u *Unit) wallet(c *Customer, id wallet.ID) (*Wallet, error) {
	w := u.cache.wallet(id)
	if w == nil {
		loaded, err := u.Base.LoadWallet(id)
		if err != nil {
			return nil, err
		}
		if loaded.Wallet.Customer != c.ID {
			return nil, noWallet(id)
		}
		w = loaded
		u.adopt(c, w)
	}
	if w.customer != c {
		return nil, noWallet(id)
	}
	return w, nil
}

// lot returns a lot of the wallet: one that was open when the batch began, or was opened in it.
func (u *Unit) lot(w *Wallet, id wallet.TransactionID) (*Lot, error) {
	if l := w.lots.find(id); l != nil {
		return l, nil
	}
	if w.lots.all {
		return nil, noLot(id)
	}
	l, err := u.Base.LoadLot(id)
	if err != nil {
		return nil, err
	}
	if l.Wallet != w.ID {
		return nil, noLot(id)
	}
	w.attach(l)
	return l, nil
}

// drawn returns a lot to draw from. That it is open is the caller's to know; the record is kept in any case.
func (u *Unit) drawn(w *Wallet, id wallet.TransactionID) (*Lot, error) {
	l, err := u.lot(w, id)
	if !errors.Is(err, wallet.ErrNotFound) {
		return l, err
	}
	if l := u.ghost[id]; l != nil {
		return l, nil
	}
	drawn, err := u.Base.LoadDrawn(id)
	if err != nil {
		return nil, err
	}
	l = &Lot{Lot: store.Lot{Lot: wallet.Lot{ID: id, Wallet: w.ID}, Key: []byte{0}}, Drawn: drawn, Fresh: true, Of: w}
	if u.ghost == nil {
		u.ghost = map[wallet.TransactionID]*Lot{}
	}
	u.ghost[id] = l
	return l, nil
}

// attach makes l, just read, one of the loaded lots of w.
func (w *Wallet) attach(l *Lot) {
	w.own(l)
	w.lots.insert(l)
}

// own completes a lot that was just read.
func (w *Wallet) own(l *Lot) {
	l.Of = w
	if l.ID == w.Hot.ID {
		l.Remaining, l.Held, l.Drawn = w.Hot.Remaining, w.Hot.Held, w.Hot.Drawn
	}
}

// next returns the first open lot behind a key, or nil.
func (u *Unit) next(w *Wallet, after []byte) (*Lot, error) {
	for {
		if l := w.lots.next(after); l != nil || w.lots.all {
			return l, nil
		}
		rows, err := u.Base.LoadLots(w, w.lots.bound, w.lots.page())
		if err != nil {
			return nil, err
		}
		for _, l := range rows {
			w.own(l)
		}
		w.lots.extend(rows)
	}
}

func noWallet(id wallet.ID) error { return fmt.Errorf("%w: wallet %s", wallet.ErrNotFound, id) }
func noTransaction(id wallet.TransactionID) error {
	return fmt.Errorf("%w: transaction %s", wallet.ErrNotFound, id)
}
func noLot(id wallet.TransactionID) error {
	return fmt.Errorf("%w: open lot %s", wallet.ErrNotFound, id)
}
