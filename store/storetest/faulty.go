package storetest

import (
	"iter"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Every method of a faulty store's Reader and Tx is a point at which it may fail.
type faultyReader struct {
	store.Reader
	f *faulty
}

type faultyTx struct {
	faultyReader
	tx store.Tx
}

func try[T any](f *faulty, read func() (T, error)) (none T, err error) {
	if err := f.point(); err != nil {
		return none, err
	}
	return read()
}

func tryAll[T any](f *faulty, seq iter.Seq2[T, error]) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		if err := f.point(); err != nil {
			var none T
			yield(none, err)
			return
		}
		seq(yield)
	}
}

func tryPut(f *faulty, put func() error) error {
	if err := f.point(); err != nil {
		return err
	}
	return put()
}

func (r faultyReader) Wallet(id wallet.ID) (*store.Wallet, error) {
	return try(r.f, func() (*store.Wallet, error) { return r.Reader.Wallet(id) })
}

func (r faultyReader) ActiveWallets(c wallet.CustomerID) ([]*store.Wallet, error) {
	return try(r.f, func() ([]*store.Wallet, error) { return r.Reader.ActiveWallets(c) })
}

func (r faultyReader) Wallets(q wallet.WalletQuery) iter.Seq2[*store.Wallet, error] {
	return tryAll(r.f, r.Reader.Wallets(q))
}

func (r faultyReader) CountWallets(q wallet.WalletQuery) (int, error) {
	return try(r.f, func() (int, error) { return r.Reader.CountWallets(q) })
}

func (r faultyReader) Transaction(id wallet.TransactionID) (wallet.Transaction, error) {
	return try(r.f, func() (wallet.Transaction, error) { return r.Reader.Transaction(id) })
}

func (r faultyReader) Transactions(q wallet.TransactionQuery) iter.Seq2[wallet.Transaction, error] {
	return tryAll(r.f, r.Reader.Transactions(q))
}

func (r faultyReader) CountTransactions(q wallet.TransactionQuery) (int, error) {
	return try(r.f, func() (int, error) { return r.Reader.CountTransactions(q) })
}

func (r faultyReader) Lot(id wallet.TransactionID) (store.Lot, error) {
	return try(r.f, func() (store.Lot, error) { return r.Reader.Lot(id) })
}

func (r faultyReader) NextLot(w wallet.ID, after []byte) (l store.Lot, more bool, err error) {
	if err := r.f.point(); err != nil {
		return l, false, err
	}
	return r.Reader.NextLot(w, after)
}

func (r faultyReader) ExpiringLots(w wallet.ID, upTo time.Time) iter.Seq2[store.Lot, error] {
	return tryAll(r.f, r.Reader.ExpiringLots(w, upTo))
}

func (r faultyReader) Draws(of wallet.TransactionID, skip int) iter.Seq2[wallet.Draw, error] {
	return tryAll(r.f, r.Reader.Draws(of, skip))
}

func (r faultyReader) Hold(id wallet.HoldID) (wallet.Hold, error) {
	return try(r.f, func() (wallet.Hold, error) { return r.Reader.Hold(id) })
}

func (r faultyReader) Holds(q wallet.HoldQuery) iter.Seq2[wallet.Hold, error] {
	return tryAll(r.f, r.Reader.Holds(q))
}

func (r faultyReader) Events(q wallet.EventQuery) iter.Seq2[wallet.Event, error] {
	return tryAll(r.f, r.Reader.Events(q))
}

func (r faultyReader) Outcome(c wallet.CustomerID, key string) (o store.Outcome, known bool, err error) {
	if err := r.f.point(); err != nil {
		return o, false, err
	}
	return r.Reader.Outcome(c, key)
}

func (r faultyReader) Due(upTo time.Time) iter.Seq2[wallet.CustomerID, error] {
	return tryAll(r.f, r.Reader.Due(upTo))
}

func (t faultyTx) PutWallet(w store.Wallet) error {
	return tryPut(t.f, func() error { return t.tx.PutWallet(w) })
}

func (t faultyTx) PutState(id wallet.ID, s store.State) error {
	return tryPut(t.f, func() error { return t.tx.PutState(id, s) })
}

func (t faultyTx) PutLot(l store.Lot) error {
	return tryPut(t.f, func() error { return t.tx.PutLot(l) })
}

func (t faultyTx) AddTransaction(tx *wallet.Transaction, draws []wallet.Draw) error {
	return tryPut(t.f, func() error { return t.tx.AddTransaction(tx, draws) })
}

func (t faultyTx) Finish(tx *wallet.Transaction) error {
	return tryPut(t.f, func() error { return t.tx.Finish(tx) })
}

func (t faultyTx) PutHold(h wallet.Hold) error {
	return tryPut(t.f, func() error { return t.tx.PutHold(h) })
}

func (t faultyTx) AddEvent(e wallet.Event) error {
	return tryPut(t.f, func() error { return t.tx.AddEvent(e) })
}

func (t faultyTx) Remember(key string, o store.Outcome) error {
	return tryPut(t.f, func() error { return t.tx.Remember(key, o) })
}
