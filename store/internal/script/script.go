// Package script has functions for a store that do everything at random, and write down what they see: the same in every store,
// so that a store can be compared with another.
package script

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

var one1 = wallet.MustAmount("1")

// A Script is a function that does a few things at random, the same in every store, and writes down what it sees.
type Script struct {
	Seed     uint64
	At       time.Time
	Customer wallet.CustomerID
	Log      string
}

func (s *Script) note(format string, args ...any) { s.Log += fmt.Sprintf(format, args...) + "\n" }

// Unlike returns the first line in which two logs differ.
func (s *Script) Unlike(other *Script) string {
	a, b := strings.Split(s.Log, "\n"), strings.Split(other.Log, "\n")
	for i := range max(len(a), len(b)) {
		x, y := "", ""
		if i < len(a) {
			x = a[i]
		}
		if i < len(b) {
			y = b[i]
		}
		if x != y {
			return "\nin memory: " + x + "\nhere:      " + y
		}
	}
	return ""
}

// Run does a few things, and may fail at the end.
func (s *Script) Run(tx store.Tx) (err error) {
	s.Log = ""
	defer func() { s.note("%v", err) }()
	random := rand.New(rand.NewPCG(s.Seed, 1))
	for range 1 + random.IntN(5) {
		if err := s.step(tx, random); err != nil {
			return err
		}
		if random.IntN(8) == 0 {
			if err := s.Look(tx); err != nil {
				return err
			}
		}
	}
	if random.IntN(4) == 0 {
		return errors.New("undo me")
	}
	return nil
}

func (s *Script) id(random *rand.Rand) (b [16]byte) {
	for i := range b {
		b[i] = byte(random.IntN(256))
	}
	return b
}

func (s *Script) step(tx store.Tx, random *rand.Rand) error {
	active, err := tx.ActiveWallets(s.Customer)
	if err != nil {
		return err
	}
	if len(active) == 0 || len(active) < 3 && random.IntN(8) == 0 {
		var w store.Wallet
		w.ID.SetBytes(s.id(random))
		w.Customer, w.Currency, w.Rate, w.Status, w.CreatedAt = s.Customer, "USD", one1, wallet.Active, s.At
		w.State.UpdatedAt = s.At
		return tx.PutWallet(w)
	}
	w := active[random.IntN(len(active))]
	state := w.State
	lot := func() (l store.Lot, ok bool) { // some open lot
		var after []byte
		for range 1 + random.IntN(4) {
			next, more, e := tx.NextLot(w.ID, after)
			if err = errors.Join(err, e); !more {
				break
			}
			l, ok, after = next, true, next.Key
		}
		return l, ok
	}
	mint := func() wallet.TransactionID { // the next ID without chance
		last := state.Last.Bytes()
		at := wallet.FirstAt(s.At).Bytes()
		if string(at[:]) > string(last[:]) {
			last = at
			of := w.ID.Bytes()
			copy(last[9:13], of[:]) // Unlike those of other wallets
		}
		for i := len(last) - 1; ; i-- {
			if last[i]++; last[i] != 0 {
				break
			}
		}
		var id wallet.TransactionID
		id.SetBytes(last)
		return id
	}
	x := wallet.Transaction{ID: mint(), Wallet: w.ID, Customer: s.Customer, Kind: wallet.Granted, State: wallet.Settled, Source: wallet.SourceManual,
		Credits: wallet.MustAmount("3"), Money: wallet.Money{Amount: wallet.MustAmount("3"), Currency: "USD"}, CreatedAt: s.At, SettledAt: s.At}
	tell := func(e wallet.Event) error {
		n := 0
		for _, err := range tx.Events(wallet.EventQuery{Wallet: w.ID}) {
			if err != nil {
				return err
			}
			n++
		}
		e.Wallet, e.Customer, e.Number, e.At = w.ID, s.Customer, int64(n+1), s.At
		return tx.AddEvent(e)
	}
	switch what := random.IntN(16); what {
	case 0, 1, 2: // a lot
		key := []byte{byte(random.IntN(6))}
		id := x.ID.Bytes()
		l := store.Lot{Lot: wallet.Lot{ID: x.ID, Wallet: w.ID, Kind: x.Kind, Credits: x.Credits, Remaining: x.Credits, OpenedAt: s.At}, Key: append(key, id[:]...)}
		if random.IntN(2) == 0 {
			l.ExpiresAt = s.At.Add(time.Duration(random.IntN(50)) * time.Microsecond)
		}
		state.Last = x.ID
		err = errors.Join(tx.AddTransaction(&x, nil), tx.PutLot(l), tx.PutState(w.ID, state))
		if random.IntN(3) > 0 {
			err = errors.Join(err, tell(wallet.Event{Kind: wallet.EventToppedUp, Credits: x.Credits, Transaction: x.ID}),
				tell(wallet.Event{Kind: wallet.EventSettled, Credits: x.Credits, Transaction: x.ID}))
		}
	case 3, 4, 5, 6: // draws from one lot or two, of which the first may be closed by it
		first, ok := lot()
		second, _ := lot()
		if !ok {
			return err
		}
		x.Kind, x.Credits, x.Money.Amount = wallet.Consumed, wallet.Amount{}, wallet.Amount{}
		var draws []wallet.Draw
		for i, l := range []store.Lot{first, second} {
			if i == 1 && l.ID == first.ID {
				break
			}
			take := []wallet.Amount{one1, l.Remaining}[random.IntN(2)].Min(l.Remaining)
			l.Remaining = l.Remaining.Sub(take)
			draws = append(draws, wallet.Draw{Lot: l.ID, By: x.ID, Wallet: w.ID, Kind: x.Kind, Credits: take, Amount: take, Fee: "f"})
			x.Credits, x.Money.Amount = x.Credits.Add(take), x.Money.Amount.Add(take)
			err = errors.Join(err, tx.PutLot(l))
		}
		state.Last, state.Events, state.Balance.Consumed = x.ID, state.Events+1, state.Balance.Consumed.Add(x.Credits)
		err = errors.Join(err, tx.AddTransaction(&x, draws), tx.PutState(w.ID, state))
		if random.IntN(4) > 0 {
			err = errors.Join(err, tell(wallet.Event{Kind: wallet.EventConsumed, Credits: x.Credits, Transaction: x.ID}))
		}
	case 7: // another place in the order, another expiry, holds
		if l, ok := lot(); ok {
			l.Key = append([]byte{byte(random.IntN(6))}, l.Key[1:]...)
			if l.Held = (wallet.Amount{}); random.IntN(2) == 0 {
				l.Held = one1.Min(l.Remaining)
			}
			if l.ExpiresAt = (time.Time{}); random.IntN(2) == 0 {
				l.ExpiresAt = s.At.Add(time.Duration(random.IntN(50)) * time.Microsecond)
			}
			err = errors.Join(err, tx.PutLot(l))
		}
	case 8: // a purchase
		x.Kind, x.State, x.SettledAt, x.Name = wallet.Purchased, wallet.Pending, time.Time{}, "name"
		state.Last, state.Balance.Pending = x.ID, one1
		err = errors.Join(tx.AddTransaction(&x, nil), tx.PutState(w.ID, state))
	case 9: // settles, or fails
		for p, e := range tx.Transactions(wallet.TransactionQuery{Wallet: w.ID, States: []wallet.State{wallet.Pending}, Limit: 1}) {
			if p.State, p.SettledAt = wallet.Settled, s.At; random.IntN(2) == 0 {
				p.State, p.SettledAt, p.FailedAt, p.Reason = wallet.Failed, time.Time{}, s.At, "why"
			}
			err = errors.Join(err, e, tx.Finish(&p))
		}
	case 10: // changes the wallet
		changed := *w
		changed.Name, changed.Notes, changed.State.NextDue = fmt.Sprint(random.IntN(9)), []byte{1}, s.At
		if random.IntN(6) == 0 {
			changed.Status, changed.TerminatedAt = wallet.Terminated, s.At
		}
		err = tx.PutWallet(changed)
	case 12: // an event that no transaction tells
		record := w.Wallet
		err = tell(wallet.Event{Kind: wallet.EventUpdated, Credits: one1, Record: &record})
	case 13: // a hold
		h := wallet.Hold{Customer: s.Customer, Currency: "USD", State: wallet.HoldOpen, Credits: one1, Money: x.Money, Captured: wallet.Money{Currency: "USD"}, CreatedAt: s.At}
		h.ID.SetBytes(s.id(random))
		for _, w := range active[:1+random.IntN(len(active))] {
			h.Parts = append(h.Parts, wallet.HoldPart{Wallet: w.ID, Credits: one1})
		}
		err = tx.PutHold(h)
	case 14: // less of a hold, or no more
		for h, e := range tx.Holds(wallet.HoldQuery{Wallet: w.ID, States: []wallet.State{wallet.HoldOpen}, Limit: 1}) {
			if h.Parts = h.Parts[1:]; random.IntN(2) == 0 || len(h.Parts) == 0 {
				h.State, h.Parts, h.ClosedAt = wallet.HoldReleased, nil, s.At
			}
			err = errors.Join(e, tx.PutHold(h))
		}
	case 15: // a lot that is soon to expire, wherever in the order it is
		for l, e := range tx.ExpiringLots(w.ID, s.At.Add(time.Hour)) {
			if err = e; random.IntN(2) == 0 {
				l.Held = wallet.Amount{}
				err = errors.Join(e, tx.PutLot(l))
				break
			}
		}
	case 11: // remembers
		key := fmt.Sprint(random.IntN(20))
		if _, ok, e := tx.Outcome(s.Customer, key); ok || e != nil {
			return e
		}
		err = tx.Remember(key, store.Outcome{Fingerprint: [16]byte{byte(what)}, Wallet: w.ID, Transactions: []wallet.TransactionID{state.Last, x.ID}[:random.IntN(3)]})
	}
	return err
}
