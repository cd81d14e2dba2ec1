package storetest

import (
	"bytes"
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// Records for the tests of the contract, in which no engine takes part.

// moment is so many seconds after the start of all stories.
func moment(n int) time.Time { return start.Add(time.Duration(n) * time.Second) }

func newWallet(c wallet.CustomerID, created time.Time) store.Wallet {
	return store.Wallet{
		Wallet: wallet.Wallet{
			ID: wallet.MintID(wallet.ID{}, created), Customer: c, Currency: "USD", Rate: wallet.MustAmount("3"), Status: wallet.Active, CreatedAt: created,
		},
		State: store.State{UpdatedAt: created},
		Order: "priority,id",
	}
}

// newInbound is a settled grant, greater by ID than what its wallet had.
func newInbound(w store.Wallet, after wallet.TransactionID, at time.Time, credits string) wallet.Transaction {
	t := wallet.Transaction{
		ID: wallet.MintTransactionID(after, at), Wallet: w.ID, Customer: w.Customer, Kind: wallet.Granted, State: wallet.Settled,
		Source: wallet.SourceManual, Credits: wallet.MustAmount(credits), CreatedAt: at, SettledAt: at,
	}
	t.Money = wallet.Money{Amount: w.Money(t.Credits).Amount, Currency: w.Currency}
	return t
}

func newPurchase(w store.Wallet, after wallet.TransactionID, at time.Time, credits string) wallet.Transaction {
	t := newInbound(w, after, at, credits)
	t.Kind, t.State, t.SettledAt = wallet.Purchased, wallet.Pending, time.Time{}
	return t
}

// newOutbound consumes some credits of each lot.
func newOutbound(w store.Wallet, after wallet.TransactionID, at time.Time, credits string, lots ...store.Lot) (wallet.Transaction, []wallet.Draw) {
	t := newInbound(w, after, at, credits)
	t.Kind, t.Credits, t.Money.Amount = wallet.Consumed, wallet.Amount{}, wallet.Amount{}
	var draws []wallet.Draw
	for _, l := range lots {
		d := wallet.Draw{Lot: l.ID, By: t.ID, Wallet: w.ID, Kind: t.Kind, Credits: wallet.MustAmount(credits), Fee: "f"}
		d.Amount = w.Money(d.Credits).Amount
		t.Credits, t.Money.Amount = t.Credits.Add(d.Credits), t.Money.Amount.Add(d.Amount)
		draws = append(draws, d)
	}
	return t, draws
}

func lotOf(t wallet.Transaction, key string) store.Lot {
	return store.Lot{
		Lot: wallet.Lot{
			ID: t.ID, Wallet: t.Wallet, Kind: t.Kind, Credits: t.Credits, Remaining: t.Credits,
			Priority: t.Priority, ExpiresAt: t.ExpiresAt, OpenedAt: t.SettledAt,
		},
		Key: []byte(key),
	}
}

// update runs fn, which must succeed.
func update(t testing.TB, s store.Store, c wallet.CustomerID, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), store.Scope{Customer: c, Create: true}, fn); err != nil {
		t.Fatalf("update of %q: %v", c, err)
	}
}

// view runs fn, which must succeed.
func view(t testing.TB, s store.Store, fn func(store.Reader) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("view: %v", err)
	}
}

// everything reads all there is to read, by every way there is to read it, as text. IDs are the same for the same records.
func everything(r store.Reader, customers ...wallet.CustomerID) (string, error) {
	var b bytes.Buffer
	var all []store.Wallet
	for w, err := range r.Wallets(wallet.WalletQuery{}) {
		if err != nil {
			return "", err
		}
		all = append(all, *w)
		line(&b, "wallet", storedWallet(*w))
	}
	for _, w := range all {
		if err := everythingOf(&b, r, w.ID); err != nil {
			return "", err
		}
	}
	transactions, err := wallet.Collect(r.Transactions(wallet.TransactionQuery{}))
	if err != nil {
		return "", err
	}
	for _, t := range transactions {
		line(&b, "transaction", t)
		draws, err := wallet.Collect(r.Draws(t.ID, 0))
		if err != nil {
			return "", err
		}
		line(&b, "draws", draws)
	}
	wallets, err := r.CountWallets(wallet.WalletQuery{})
	if err != nil {
		return "", err
	}
	count, err := r.CountTransactions(wallet.TransactionQuery{})
	if err != nil {
		return "", err
	}
	holds, err := wallet.Collect(r.Holds(wallet.HoldQuery{}))
	if err != nil {
		return "", err
	}
	for _, h := range holds {
		line(&b, "hold", h)
	}
	events, _, err := feed(r, wallet.EventQuery{})
	if err != nil {
		return "", err
	}
	b.WriteString(events)
	due, err := wallet.Collect(r.Due(time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))
	fmt.Fprintf(&b, "%d wallets, %d transactions, due %q\n", wallets, count, due)
	for _, c := range customers {
		for i := range 6 { // the keys of stories, and those of contract tests
			o, known, err := r.Outcome(c, "k"+strconv.Itoa(i))
			if err != nil {
				return "", err
			}
			line(&b, fmt.Sprintf("outcome %v", known), o)
		}
	}
	return b.String(), err
}

func everythingOf(b *bytes.Buffer, r store.Reader, id wallet.ID) error {
	one, err := r.Wallet(id)
	if err != nil {
		return err
	}
	line(b, "by id", storedWallet(*one))
	active, err := r.ActiveWallets(one.Customer)
	if err != nil {
		return err
	}
	for _, w := range active {
		line(b, "active", storedWallet(*w))
	}
	for l, more, err := r.NextLot(id, nil); more || err != nil; l, more, err = r.NextLot(id, l.Key) {
		if err != nil {
			return err
		}
		line(b, "lot", storedLot(l))
		again, err := r.Lot(l.ID)
		if err != nil {
			return err
		}
		line(b, "by id", storedLot(again))
	}
	expiring, err := wallet.Collect(r.ExpiringLots(id, time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)))
	for _, l := range expiring {
		line(b, "expiring", storedLot(l))
	}
	return err
}

// storedWallet is a wallet for comparison: its Balance and UpdatedAt are not kept there, but in the State.
func storedWallet(w store.Wallet) any {
	w.Balance, w.UpdatedAt = wallet.Balance{}, time.Time{}
	return []any{w.Wallet, w.State, w.Order, string(w.Notes)}
}

func storedLot(l store.Lot) any { return []any{l.Lot, fmt.Sprintf("%x", l.Key)} }
