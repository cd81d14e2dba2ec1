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

	// LoadHold returns a hold.
	LoadHold(wallet.HoldID) (*Hold, error)
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
	holds map[wallet.HoldID]*Hold               // put in this batch, or loaded for it
	keys  map[keyName]*Key                      // remembered in this batch
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
	u.txns, u.holds, u.keys = map[wallet.TransactionID]*Transaction{}, map[wallet.HoldID]*Hold{}, map[keyName]*Key{}
	u.ghost, u.room = nil, nil
	u.log = journal{}
	u.changes = Changes{}
}

// Changed reports whether there is something to write.
func (u *Unit) Changed() bool { return u.log.mark() != mark{} }

// Written tells the unit that its changes are in the database: what is loaded is what is there.
func (u *Unit) Written() {
	for _, s := range u.log.lots {
		s.lot.Of.lots.prune()
		u.cache.count(s.lot.Of)
	}
	for _, t := range u.log.added {
		t.Of.added, t.Of.numbered = t.Of.added[:0], 0
	}
	if clear(u.room); cap(u.room) > batchRoom {
		u.room = nil
	}
	u.room = u.room[:0]
	clear(u.txns)
	clear(u.holds)
	clear(u.keys)
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
	if c := u.Loaded(s); c != nil {
		return c, nil
	}
	switch {
	case s.Customer != "":
		return u.load(store.Scope{Customer: s.Customer})
	case !s.Wallet.IsZero():
		return u.load(store.Scope{Wallet: s.Wallet})
	case !s.Transaction.IsZero():
		if t := u.txns[s.Transaction]; t != nil {
			return t.Of.customer, nil
		}
		return u.load(store.Scope{Transaction: s.Transaction})
	case !s.Hold.IsZero():
		h, err := u.hold(s.Hold)
		if err != nil {
			return nil, err
		}
		return u.resolve(store.Scope{Customer: h.Customer})
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
	w.Rest = w.RestNow()
	i, _ := slices.BinarySearchFunc(c.wallets, w.ID, (*Wallet).compare)
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
		u.cache.count(w)
	}
}

// hold returns a hold, whoever's it is.
func (u *Unit) hold(id wallet.HoldID) (*Hold, error) {
	if h := u.holds[id]; h != nil {
		return h, nil
	}
	h, err := u.Base.LoadHold(id)
	if err == nil {
		u.holds[id] = h
	}
	return h, err
}

func noWallet(id wallet.ID) error { return fmt.Errorf("%w: wallet %s", wallet.ErrNotFound, id) }
func noTransaction(id wallet.TransactionID) error {
	return fmt.Errorf("%w: transaction %s", wallet.ErrNotFound, id)
}
func noHold(id wallet.HoldID) error { return fmt.Errorf("%w: hold %s", wallet.ErrNotFound, id) }
func noLot(id wallet.TransactionID) error {
	return fmt.Errorf("%w: open lot %s", wallet.ErrNotFound, id)
}
