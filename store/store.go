// Package store is the contract between the engine and a database: where wallets, lots and transactions are kept.
//
// A [Store] gives one customer's wallets to one function at a time ([Store.Update]) and consistent reads to everybody
// ([Store.View]). It holds no rules: it keeps what it is given, and refuses what cannot be (see [Wallet.Check], [Lot.Check],
// [CheckTransaction], [CheckFinish] and [CheckEvent]). Package storetest proves a store, and measures it.
//
// Instants have whole microseconds and lie in UTC, in the years 1970 to 9999. Amounts of records are within 18 digits before
// the point and 12 after. Maps and slices given to a store are the store's from then on, and those it returns are not
// changed by their reader.
package store

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/seed-12493b23/wallet"
)

// ErrBusy is returned by an Update with Scope.Try when someone else has the customer.
var ErrBusy = errors.New("store: customer is busy")

// A Store keeps wallets. It is safe for concurrent use.
type Store interface {
	// View runs fn with a consistent snapshot. What fn is given is not used after it returns.
	View(ctx context.Context, fn func(Reader) error) error

	// Update runs fn with one customer's wallets to itself and returns once the result is durable. fn may share one
	// physical transaction with other callers' functions, may run on another goroutine, and may run again: it resets what
	// it captured, and does nothing outside tx. An error or a panic of fn undoes fn alone.
	//
	// If the wallet, transaction or hold that the scope names is not there, Update returns [wallet.ErrNotFound] and does not run
	// fn. Within fn, other customers' records do not exist. If ctx ends before the commit starts, fn is undone and the
	// context's error returned; once it has started, its outcome is awaited and returned.
	Update(ctx context.Context, scope Scope, fn func(Tx) error) error
}

// A Scope names the customer of an Update: itself, or by one of its wallets, transactions or holds. The rest is advice.
type Scope struct {
	Customer    wallet.CustomerID // may be new to the store
	Wallet      wallet.ID
	Transaction wallet.TransactionID
	Hold        wallet.HoldID

	Key    string // the retry key that fn will look up, if any
	Create bool   // fn may create the customer's first wallet
	Try    bool   // return ErrBusy at once rather than wait for the customer
}

// A Reader reads records. A record that is not there is [wallet.ErrNotFound]. In an Update it also reads what fn has put; a
// sequence is read before the next Put, or abandoned.
type Reader interface {
	// Wallet returns a wallet. The record belongs to the store: its reader copies what it changes or keeps beyond fn. A
	// record read before a Put may or may not show what was put.
	Wallet(wallet.ID) (*Wallet, error)

	// ActiveWallets returns the customer's active wallets by ID, as Wallet would return them; none for an unknown customer.
	ActiveWallets(wallet.CustomerID) ([]*Wallet, error)

	// Wallets yields the wallets that the query selects, newest (greatest ID) first.
	Wallets(wallet.WalletQuery) iter.Seq2[*Wallet, error]

	// CountWallets counts what the query selects, without regard to After, Offset and Limit.
	CountWallets(wallet.WalletQuery) (int, error)

	// Transaction returns a transaction.
	Transaction(wallet.TransactionID) (wallet.Transaction, error)

	// Transactions yields the transactions that the query selects, by ID, greatest first unless OldestFirst.
	Transactions(wallet.TransactionQuery) iter.Seq2[wallet.Transaction, error]

	// CountTransactions counts what the query selects, without regard to After, Offset and Limit.
	CountTransactions(wallet.TransactionQuery) (int, error)

	// Lot returns an open lot: one of which something remains.
	Lot(wallet.TransactionID) (Lot, error)

	// NextLot returns the wallet's first open lot, in the order of their keys, whose key is greater than after (nil: the
	// first of all), and false behind the last. It does not load the others.
	NextLot(w wallet.ID, after []byte) (Lot, bool, error)

	// ExpiringLots yields the wallet's open lots that expire at or before upTo, soonest first, at one instant by key.
	ExpiringLots(w wallet.ID, upTo time.Time) iter.Seq2[Lot, error]

	// Draws yields the draws that an outbound transaction made, in the order it made them, or the draws made from the lot
	// of an inbound one, in the order of their transactions; the first skip of them are left out.
	Draws(of wallet.TransactionID, skip int) iter.Seq2[wallet.Draw, error]

	// Hold returns a hold.
	Hold(wallet.HoldID) (wallet.Hold, error)

	// Holds yields the holds that the query selects, newest (greatest ID) first. A query for a wallet's holds selects those
	// that reserve something of it now, or reserved something when they were first put.
	Holds(wallet.HoldQuery) iter.Seq2[wallet.Hold, error]

	// Events yields the events that the query selects, in the order of their cursors, which is the order of the commits. What
	// is committed later has a greater cursor than what could be read before.
	Events(wallet.EventQuery) iter.Seq2[wallet.Event, error]

	// Outcome returns what a command of the customer had under the key, and false if none succeeded.
	Outcome(customer wallet.CustomerID, key string) (Outcome, bool, error)

	// Due yields the customers with an active wallet whose State.NextDue is set and at or before upTo, each once, the
	// earliest first.
	Due(upTo time.Time) iter.Seq2[wallet.CustomerID, error]
}

// A Tx reads and writes the records of one customer. Putting another customer's record is an error, as is what the Check
// functions of this package refuse.
type Tx interface {
	Reader

	// PutWallet adds a wallet, or replaces the whole record of a present one.
	PutWallet(Wallet) error

	// PutState replaces the state of a present wallet: the part that nearly every command changes.
	PutState(wallet.ID, State) error

	// PutLot adds a lot or replaces it, key included. One of which nothing remains is closed: it is not read any more.
	PutLot(Lot) error

	// AddTransaction adds a transaction; its ID is greater than any other of its wallet. An outbound one comes with its
	// draws: they stand for all of its credits. Neither the transaction nor the list is changed, and they are the caller's
	// again afterwards, but for the metadata.
	AddTransaction(*wallet.Transaction, []wallet.Draw) error

	// Finish replaces a pending transaction by its settled or failed self, which is the caller's again in the same way.
	Finish(*wallet.Transaction) error

	// PutHold adds a hold, or replaces an open one.
	PutHold(wallet.Hold) error

	// AddEvent adds the next event of a wallet: its number is one more than that of the one before. The store gives it its
	// cursor.
	AddEvent(wallet.Event) error

	// Remember keeps the outcome of the command that came with the key, which has none yet.
	Remember(key string, o Outcome) error
}

// A Wallet is a wallet as it is stored.
type Wallet struct {
	wallet.Wallet // its Balance and UpdatedAt are not kept here, but in State

	State State
	Order string // the policy.Order that the keys of its open lots were written in
	Notes []byte // the engine's own
}

// State is the part of a wallet that nearly every command changes.
type State struct {
	Balance   wallet.Balance
	UpdatedAt time.Time            // the instant of the latest change booked
	NextDue   time.Time            // nothing is due before; zero: nothing at all
	Last      wallet.TransactionID // the ID minted last
	Events    int64                // how many events the wallet has had
}

// A Lot is an open lot as it is stored.
type Lot struct {
	wallet.Lot
	Key []byte // its place in the spending order; unique within the wallet
}

// An Outcome is what a command that came with a key has brought about.
type Outcome struct {
	Fingerprint  [16]byte // of the request
	Wallet       wallet.ID
	Transactions []wallet.TransactionID
	Hold         wallet.HoldID
}

// IsDue reports whether something may be due at an instant.
func (s *State) IsDue(at time.Time) bool { return !s.NextDue.IsZero() && !s.NextDue.After(at) }
