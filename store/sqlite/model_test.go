package sqlite

import (
	"cmp"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// Batches of functions that do everything at random, of which some fail, read and leave behind what they do in memory, one
// after the other.
func TestBatchesLikeMemory(t *testing.T) {
	for seed := range uint64(4) {
		s, m := openNew(t), memory.New()
		customers := []wallet.CustomerID{"ann", "bob", "eve"}
		random := rand.New(rand.NewPCG(seed, 0))
		for range 30 {
			if random.IntN(10) == 0 {
				s.writer.forget() // as if others had written
			}
			var jobs []job
			var want, got []*script
			for range 1 + random.IntN(6) {
				at, of := now(), customers[random.IntN(len(customers))]
				a := &script{seed: random.Uint64(), at: at, customer: of}
				b := *a
				want, got = append(want, a), append(got, &b)
				jobs = append(jobs, job{scope: store.Scope{Customer: of}, fn: b.run})
			}
			together(s, jobs...)
			for i, a := range want {
				m.Update(ctx, store.Scope{Customer: a.customer}, a.run)
				if d := a.unlike(got[i]); d != "" {
					t.Fatalf("seed %d: function %d of %d%s", seed, i, len(want), d)
				}
			}
			for _, of := range customers {
				var a, b script
				a.customer, b.customer = of, of
				if err := errors.Join(m.View(ctx, a.look), s.View(ctx, b.look)); err != nil || a.log != b.log {
					t.Fatalf("seed %d: %v%s", seed, err, a.unlike(&b))
				}
			}
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A script is a function that does a few things at random, the same in every store, and writes down what it sees.
type script struct {
	seed     uint64
	at       time.Time
	customer wallet.CustomerID
	log      string
}

func (s *script) note(format string, args ...any) { s.log += fmt.Sprintf(format, args...) + "\n" }

// unlike returns the first line in which two logs differ.
func (s *script) unlike(other *script) string {
	a, b := strings.Split(s.log, "\n"), strings.Split(other.log, "\n")
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

func (s *script) run(tx store.Tx) (err error) {
	s.log = ""
	defer func() { s.note("%v", err) }()
	random := rand.New(rand.NewPCG(s.seed, 1))
	for range 1 + random.IntN(5) {
		if err := s.step(tx, random); err != nil {
			return err
		}
		if random.IntN(8) == 0 {
			if err := s.look(tx); err != nil {
				return err
			}
		}
	}
	if random.IntN(4) == 0 {
		return errors.New("undo me")
	}
	return nil
}

func (s *script) id(random *rand.Rand) (b [16]byte) {
	for i := range b {
		b[i] = byte(random.IntN(256))
	}
	return b
}

func (s *script) step(tx store.Tx, random *rand.Rand) error {
	active, err := tx.ActiveWallets(s.customer)
	if err != nil {
		return err
	}
	if len(active) == 0 || len(active) < 3 && random.IntN(8) == 0 {
		var w store.Wallet
		w.ID.SetBytes(s.id(random))
		w.Customer, w.Currency, w.Rate, w.Status, w.CreatedAt = s.customer, "USD", one1, wallet.Active, s.at
		w.State.UpdatedAt = s.at
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
		at := wallet.FirstAt(s.at).Bytes()
		if string(at[:]) > string(last[:]) {
			last = at
			of := w.ID.Bytes()
			copy(last[9:13], of[:]) // unlike those of other wallets
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
	x := wallet.Transaction{ID: mint(), Wallet: w.ID, Customer: s.customer, Kind: wallet.Granted, State: wallet.Settled, Source: wallet.SourceManual,
		Credits: wallet.MustAmount("3"), Money: wallet.Money{Amount: wallet.MustAmount("3"), Currency: "USD"}, CreatedAt: s.at, SettledAt: s.at}
	tell := func(e wallet.Event) error {
		n := 0
		for _, err := range tx.Events(wallet.EventQuery{Wallet: w.ID}) {
			if err != nil {
				return err
			}
			n++
		}
		e.Wallet, e.Customer, e.Number, e.At = w.ID, s.customer, int64(n+1), s.at
		return tx.AddEvent(e)
	}
	switch what := random.IntN(16); what {
	case 0, 1, 2: // a lot
		key := []byte{byte(random.IntN(6))}
		id := x.ID.Bytes()
		l := store.Lot{Lot: wallet.Lot{ID: x.ID, Wallet: w.ID, Kind: x.Kind, Credits: x.Credits, Remaining: x.Credits, OpenedAt: s.at}, Key: append(key, id[:]...)}
		if random.IntN(2) == 0 {
			l.ExpiresAt = s.at.Add(time.Duration(random.IntN(50)) * time.Microsecond)
		}
		state.Last = x.ID
		err = errors.Join(tx.AddTransaction(x, nil), tx.PutLot(l), tx.PutState(w.ID, state))
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
		err = errors.Join(err, tx.AddTransaction(x, draws), tx.PutState(w.ID, state))
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
				l.ExpiresAt = s.at.Add(time.Duration(random.IntN(50)) * time.Microsecond)
			}
			err = errors.Join(err, tx.PutLot(l))
		}
	case 8: // a purchase
		x.Kind, x.State, x.SettledAt, x.Name = wallet.Purchased, wallet.Pending, time.Time{}, "name"
		state.Last, state.Balance.Pending = x.ID, one1
		err = errors.Join(tx.AddTransaction(x, nil), tx.PutState(w.ID, state))
	case 9: // settles, or fails
		for p, e := range tx.Transactions(wallet.TransactionQuery{Wallet: w.ID, States: []wallet.State{wallet.Pending}, Limit: 1}) {
			if p.State, p.SettledAt = wallet.Settled, s.at; random.IntN(2) == 0 {
				p.State, p.SettledAt, p.FailedAt, p.Reason = wallet.Failed, time.Time{}, s.at, "why"
			}
			err = errors.Join(err, e, tx.Finish(p))
		}
	case 10: // changes the wallet
		changed := *w
		changed.Name, changed.Notes, changed.State.NextDue = fmt.Sprint(random.IntN(9)), []byte{1}, s.at
		if random.IntN(6) == 0 {
			changed.Status, changed.TerminatedAt = wallet.Terminated, s.at
		}
		err = tx.PutWallet(changed)
	case 12: // an event that no transaction tells
		record := w.Wallet
		err = tell(wallet.Event{Kind: wallet.EventUpdated, Credits: one1, Record: &record})
	case 13: // a hold
		h := wallet.Hold{Customer: s.customer, Currency: "USD", State: wallet.HoldOpen, Credits: one1, Money: x.Money, Captured: wallet.Money{Currency: "USD"}, CreatedAt: s.at}
		h.ID.SetBytes(s.id(random))
		for _, w := range active[:1+random.IntN(len(active))] {
			h.Parts = append(h.Parts, wallet.HoldPart{Wallet: w.ID, Credits: one1})
		}
		err = tx.PutHold(h)
	case 14: // less of a hold, or no more
		for h, e := range tx.Holds(wallet.HoldQuery{Wallet: w.ID, States: []wallet.State{wallet.HoldOpen}, Limit: 1}) {
			if h.Parts = h.Parts[1:]; random.IntN(2) == 0 || len(h.Parts) == 0 {
				h.State, h.Parts, h.ClosedAt = wallet.HoldReleased, nil, s.at
			}
			err = errors.Join(e, tx.PutHold(h))
		}
	case 15: // a lot that is soon to expire, wherever in the order it is
		for l, e := range tx.ExpiringLots(w.ID, s.at.Add(time.Hour)) {
			if err = e; random.IntN(2) == 0 {
				l.Held = wallet.Amount{}
				err = errors.Join(e, tx.PutLot(l))
				break
			}
		}
	case 11: // remembers
		key := fmt.Sprint(random.IntN(20))
		if _, ok, e := tx.Outcome(s.customer, key); ok || e != nil {
			return e
		}
		err = tx.Remember(key, store.Outcome{Fingerprint: [16]byte{byte(what)}, Wallet: w.ID, Transactions: []wallet.TransactionID{state.Last, x.ID}[:random.IntN(3)]})
	}
	return err
}

// look writes down all there is to see of the customer.
func (s *script) look(r store.Reader) error {
	for w, err := range r.Wallets(wallet.WalletQuery{Customer: s.customer}) {
		if err != nil {
			return err
		}
		c := *w
		c.Metadata, c.Rules = nil, nil
		s.note("%+v", c)
		for after, more := []byte(nil), true; more; {
			var l store.Lot
			if l, more, err = r.NextLot(w.ID, after); err != nil {
				return err
			}
			if after = l.Key; more {
				s.note("%+v", l)
				if same, err := r.Lot(l.ID); err != nil || !same.Remaining.Equal(l.Remaining) {
					return fmt.Errorf("lot %s: %+v, %w", l.ID, same, err)
				}
			}
		}
		for l, err := range r.ExpiringLots(w.ID, start.Add(time.Hour)) {
			s.note("expires %s %v", l.ID, err)
		}
		n, err := r.CountTransactions(wallet.TransactionQuery{Wallet: w.ID, Kinds: []wallet.Kind{wallet.Consumed, wallet.Purchased}})
		s.note("count %d %v", n, err)
		for x, err := range r.Transactions(wallet.TransactionQuery{Wallet: w.ID}) {
			s.note("%+v %v", x, err)
			for d, err := range r.Draws(x.ID, 1) {
				s.note("%+v %v", d, err)
			}
		}
	}
	var within []wallet.Event
	for e, err := range r.Events(wallet.EventQuery{Customer: s.customer}) {
		if err != nil {
			return err
		}
		e.Cursor = ""
		if e.Record != nil {
			s.note("record %s", e.Record.ID)
			e.Record = nil
		}
		within = append(within, e)
	}
	slices.SortFunc(within, func(a, b wallet.Event) int {
		return cmp.Or(a.Wallet.Compare(b.Wallet), cmp.Compare(a.Number, b.Number))
	})
	s.note("events %+v", within)
	for _, states := range [][]wallet.State{nil, {wallet.HoldOpen}} {
		for h, err := range r.Holds(wallet.HoldQuery{Customer: s.customer, States: states}) {
			s.note("hold %+v %v", h, err)
		}
	}
	for key := range 20 {
		o, ok, err := r.Outcome(s.customer, fmt.Sprint(key))
		s.note("%v %t %v", o, ok, err)
	}
	n, err := r.CountWallets(wallet.WalletQuery{Customer: s.customer, Status: wallet.Active})
	s.note("wallets %d %v", n, err)
	return nil
}
