package memory

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

var (
	epoch   = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	credit  = wallet.MustAmount("1")
	fortune = wallet.MustAmount("1000000000")
)

// A purse is a customer with one wallet, and commands on it that do what an engine does.
type purse struct {
	tb       testing.TB
	store    *Store
	customer wallet.CustomerID
	wallet   wallet.ID
	last     wallet.TransactionID
	now      time.Time
	made     wallet.Transaction // by the last debit
	random   *rand.Rand         // for IDs; nil: those of the engine
}

// newPurse creates the n-th customer's wallet with so many lots of a fortune each.
func newPurse(tb testing.TB, s *Store, n, lots int) *purse {
	tb.Helper()
	p := &purse{tb: tb, store: s, customer: wallet.CustomerID(fmt.Sprintf("customer-%d", n)), now: epoch}
	p.wallet = wallet.MintID(wallet.ID{}, epoch)
	p.update(store.Scope{Customer: p.customer, Create: true}, func(tx store.Tx) error {
		w := store.Wallet{Wallet: wallet.Wallet{
			ID: p.wallet, Customer: p.customer, Currency: "USD", Rate: credit, Status: wallet.Active, CreatedAt: epoch,
		}}
		if err := tx.PutWallet(w); err != nil {
			return err
		}
		for range lots {
			if _, err := p.grant(tx, fortune, time.Time{}); err != nil {
				return err
			}
		}
		return nil
	})
	return p
}

func (p *purse) update(scope store.Scope, fn func(store.Tx) error) {
	p.tb.Helper()
	if err := p.store.Update(context.Background(), scope, fn); err != nil {
		p.tb.Fatal(err)
	}
}

func (p *purse) scope() store.Scope { return store.Scope{Wallet: p.wallet} }

func (p *purse) mint() wallet.TransactionID {
	if p.random != nil {
		first := uidOf(wallet.FirstAt(p.now).Bytes())
		if last := uidOf(p.last.Bytes()); first.less(last) {
			first = last
		}
		first.lo += 1 + p.random.Uint64N(1000)
		p.last.SetBytes(first.bytes())
		return p.last
	}
	p.last = wallet.MintTransactionID(p.last, p.now)
	return p.last
}

func (p *purse) transaction(kind wallet.Kind, credits wallet.Amount) wallet.Transaction {
	return wallet.Transaction{
		ID: p.mint(), Wallet: p.wallet, Customer: p.customer, Kind: kind, State: wallet.Settled, Source: wallet.SourceManual,
		Credits: credits, Money: wallet.Money{Amount: credits, Currency: "USD"}, CreatedAt: p.now, SettledAt: p.now,
	}
}

// grant opens a lot.
func (p *purse) grant(tx store.Tx, credits wallet.Amount, expires time.Time) (store.Lot, error) {
	t := p.transaction(wallet.Granted, credits)
	t.ExpiresAt = expires
	l := store.Lot{Lot: wallet.Lot{
		ID: t.ID, Wallet: p.wallet, Kind: t.Kind, Credits: credits, Remaining: credits, ExpiresAt: expires, OpenedAt: p.now,
	}}
	l.Key = policy.DefaultOrder.AppendKey(nil, l.Lot)
	if err := tx.AddTransaction(&t, nil); err != nil {
		return l, err
	}
	return l, tx.PutLot(l)
}

// debit takes one credit from the first lot, under a key. The slices have room for one element
// each; this store happens not to keep them.
func (p *purse) debit(tx store.Tx, key string, draws []wallet.Draw, ids []wallet.TransactionID) error {
	if _, err := tx.ActiveWallets(p.customer); err != nil {
		return err
	}
	w, err := tx.Wallet(p.wallet)
	if err != nil {
		return err
	}
	if _, known, err := tx.Outcome(p.customer, key); known || err != nil {
		return fmt.Errorf("known %t: %w", known, err)
	}
	l, _, err := tx.NextLot(p.wallet, nil)
	if err != nil {
		return err
	}
	l.Remaining = l.Remaining.Sub(credit)
	if err := tx.PutLot(l); err != nil {
		return err
	}
	p.made = p.transaction(wallet.Consumed, credit)
	t := &p.made
	draws[0] = wallet.Draw{Lot: l.ID, By: t.ID, Wallet: p.wallet, Kind: t.Kind, Credits: credit, Amount: credit}
	if err := tx.AddTransaction(t, draws); err != nil {
		return err
	}
	ids[0] = t.ID
	state := w.State
	state.UpdatedAt, state.Last = p.now, t.ID
	state.Balance.Consumed = state.Balance.Consumed.Add(credit)
	state.Events++
	ev := wallet.Event{
		Wallet: p.wallet, Customer: p.customer, Number: state.Events, Kind: wallet.EventConsumed, At: p.now,
		Credits: credit, Transaction: t.ID,
	}
	if err := tx.AddEvent(ev); err != nil {
		return err
	}
	if err := tx.PutState(p.wallet, state); err != nil {
		return err
	}
	return tx.Remember(key, store.Outcome{Fingerprint: t.ID.Bytes(), Wallet: p.wallet, Transactions: ids})
}

// key returns the n-th retry key, of 36 bytes.
func key(n int) string {
	b := []byte("0b5e55ed-0000-7000-0000-000000000000")
	x := uint64(n) * 0x9e3779b97f4a7c15 // takes each value once
	for at := len(b) - 1; at > 18; at-- {
		if b[at] != '-' {
			b[at] = "0123456789abcdef"[x&15]
			x >>= 4
		}
	}
	return string(b)
}
