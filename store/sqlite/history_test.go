package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
)

// Long histories, with many milestones: every query yields what a filter over everything does, from outside, and within a
// function whose own changes are part of it. -short asks a tenth.
func TestHistory(t *testing.T) {
	s := openNew(t)
	many := 10
	if testing.Short() {
		many = 1
	}
	random := rand.New(rand.NewPCG(1, 2))
	var ids []wallet.ID
	for _, c := range []wallet.CustomerID{"ann", "ann", "bob"} {
		ids = append(ids, must(create(s, c)))
	}
	lots := map[wallet.ID][]wallet.TransactionID{}
	var open []wallet.TransactionID // pending
	act := func(tx store.Tx, id wallet.ID) error {
		w, err := tx.Wallet(id)
		if err != nil {
			return err
		}
		state, at := w.State, now()
		x := wallet.Transaction{ID: wallet.MintTransactionID(state.Last, at), Wallet: id, Customer: w.Customer, Kind: wallet.Consumed, State: wallet.Settled,
			Source: wallet.SourceManual, Credits: wallet.MustAmount("2"), Money: wallet.Money{Amount: wallet.MustAmount("2"), Currency: "USD"}, CreatedAt: at, SettledAt: at}
		var draws []wallet.Draw
		switch random.IntN(8) {
		case 0:
			x.Kind = wallet.Granted
		case 1:
			x.Kind, x.State, x.SettledAt = wallet.Purchased, wallet.Pending, time.Time{}
		case 2:
			x.Kind = wallet.Voided
		}
		if len(lots[id]) == 0 {
			x.Kind, x.State, x.SettledAt = wallet.Granted, wallet.Settled, at
		}
		if x.Reference = ""; random.IntN(5) == 0 {
			x.Reference = fmt.Sprint("r", random.IntN(2))
		}
		if !x.Kind.Inbound() {
			for range 2 { // from two lots, or from one twice
				draws = append(draws, wallet.Draw{Lot: lots[id][random.IntN(len(lots[id]))], By: x.ID, Wallet: id, Kind: x.Kind, Credits: one1, Amount: one1,
					Fee: `fee "1"`})
			}
		}
		state.Last = x.ID
		if err := errors.Join(tx.AddTransaction(&x, draws), tx.PutState(id, state)); err != nil {
			return err
		}
		if x.Kind == wallet.Granted {
			key := x.ID.Bytes()
			l := wallet.Lot{ID: x.ID, Wallet: id, Kind: x.Kind, Credits: x.Credits, Remaining: x.Credits, OpenedAt: at}
			if len(lots[id]) < 4 { // or one that is not open, and drawn from all the same
				if err := tx.PutLot(store.Lot{Lot: l, Key: key[:]}); err != nil {
					return err
				}
			}
			lots[id] = append(lots[id], x.ID)
		}
		if x.State == wallet.Pending {
			open = append(open, x.ID)
		}
		if len(open) > 6 {
			end, err := tx.Transaction(open[0])
			if errors.Is(err, wallet.ErrNotFound) { // another customer's
				return nil
			}
			open = open[1:]
			if end.State, end.SettledAt = wallet.Settled, at; random.IntN(2) == 0 {
				end.State, end.SettledAt, end.FailedAt = wallet.Failed, time.Time{}, at
			}
			return errors.Join(err, tx.Finish(&end))
		}
		return nil
	}
	for range 12 {
		id := ids[random.IntN(len(ids))]
		if err := s.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
			for range 30 + random.IntN(40) {
				if err := act(tx, id); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.View(ctx, func(r store.Reader) error { return interrogate(t, r, random, ids, 40*many) }); err != nil {
		t.Error(err)
	}
	for range 4 {
		if err := s.Update(ctx, store.Scope{Customer: "ann"}, func(tx store.Tx) error {
			for range 20 {
				if err := act(tx, ids[random.IntN(2)]); err != nil {
					return err
				}
			}
			return interrogate(t, tx, random, ids[:2], 15*many)
		}); err != nil {
			t.Error(err)
		}
	}
	if err := s.View(ctx, func(r store.Reader) error { return interrogate(t, r, random, ids, 10*many) }); err != nil {
		t.Error(err)
	}
}

// However long a chain gets, there is a milestone nearby.
func TestMilestones(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	lot := must(doGrant(s, id, "1000"))
	for range 2*every + 10 {
		must(doDebit(s, id, "1", ""))
	}
	c := must(s.take(ctx, 0))
	defer c.close()
	for _, owner := range []interface{ Bytes() [16]byte }{id, lot} {
		if n := must(number(c, queryOf("SELECT count(*) FROM wallet_mark WHERE owner = ?1"), uuid(owner))); n != 2 {
			t.Errorf("%s has %d milestones, want 2", owner, n)
		}
	}
}

// Events are read in the order of their numbers, in whatever order their transactions were added.
func TestEventsOutOfOrder(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	if err := s.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
		var added []wallet.Transaction
		last := wallet.TransactionID{}
		for range 4 {
			at := now()
			x := wallet.Transaction{ID: wallet.MintTransactionID(last, at), Wallet: id, Customer: "ann", Kind: wallet.Granted, State: wallet.Settled,
				Source: wallet.SourceManual, Credits: one1, Money: wallet.Money{Currency: "USD"}, CreatedAt: at}
			last = x.ID
			added = append(added, x)
			if err := tx.AddTransaction(&x, nil); err != nil {
				return err
			}
		}
		for n, i := range []int{1, 0, 3, 2} {
			if err := tx.AddEvent(eventOf(added[i], wallet.EventToppedUp, int64(n+1))); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if err := s.View(ctx, func(r store.Reader) error {
		for _, q := range []wallet.EventQuery{{}, {Customer: "ann"}, {Wallet: id}} {
			n := int64(0)
			for e, err := range r.Events(q) {
				if n++; err != nil || e.Number != n {
					t.Errorf("%+v: event %d comes as number %d, %v", q, e.Number, n, err)
				}
			}
			if n != 4 {
				t.Errorf("%+v: %d events", q, n)
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// interrogate asks a reader n random queries.
func interrogate(t *testing.T, r store.Reader, random *rand.Rand, ids []wallet.ID, n int) error {
	all, err := wallet.Collect(r.Transactions(wallet.TransactionQuery{}))
	if err != nil {
		return err
	}
	by := map[wallet.TransactionID][]wallet.Draw{}
	for _, x := range slices.Backward(all) {
		if x.Kind.Inbound() {
			continue
		}
		draws, err := wallet.Collect(r.Draws(x.ID, 0))
		if err != nil || len(draws) != 2 {
			return fmt.Errorf("%d draws, %w", len(draws), err)
		}
		for _, d := range draws {
			by[d.Lot] = append(by[d.Lot], d)
		}
	}
	for lot, want := range by {
		for _, skip := range []int{0, 1, len(want) / 2, len(want) - 1, len(want), len(want) + 1, 63, 64, 65} {
			got, err := wallet.Collect(r.Draws(lot, skip))
			if err != nil || fmt.Sprint(got) != fmt.Sprint(want[min(skip, len(want)):]) {
				t.Errorf("draws of %s behind %d of %d: %d, %v", lot, skip, len(want), len(got), err)
			}
		}
	}
	pick := func(n int) bool { return random.IntN(n) == 0 }
	for range n {
		var q wallet.TransactionQuery
		q.OldestFirst = pick(2)
		if pick(2) {
			q.Wallet = ids[random.IntN(len(ids))]
		} else if pick(2) {
			q.Customer = []wallet.CustomerID{"ann", "bob", "nobody"}[random.IntN(3)]
		}
		if pick(3) {
			q.Kinds = [][]wallet.Kind{{wallet.Consumed}, {wallet.Purchased, wallet.Voided}, {wallet.Granted, wallet.Consumed}}[random.IntN(3)]
		}
		if pick(3) {
			q.States = [][]wallet.State{{wallet.Pending}, {wallet.Settled}, {wallet.Pending, wallet.Failed}}[random.IntN(3)]
		}
		if pick(5) {
			q.Reference = "r1"
		}
		some := func() wallet.Transaction { return all[random.IntN(len(all))] }
		if pick(3) {
			q.From = some().CreatedAt.Add(time.Duration(random.IntN(3)-1) * time.Microsecond)
		}
		if pick(3) {
			q.To = some().CreatedAt.Add(time.Duration(random.IntN(3)-1) * time.Microsecond)
		}
		var want []wallet.TransactionID
		for _, x := range all {
			if q.Selects(x) {
				want = append(want, x.ID)
			}
		}
		if count, err := r.CountTransactions(q); err != nil || count != len(want) {
			t.Errorf("%+v: counted %d, %v, want %d", q, count, err, len(want))
		}
		if q.OldestFirst {
			slices.Reverse(want)
		}
		if pick(2) {
			q.After = some().ID
			want = slices.DeleteFunc(want, func(id wallet.TransactionID) bool {
				return id == q.After || (id.Compare(q.After) < 0) == q.OldestFirst
			})
		}
		if pick(3) {
			q.Offset = random.IntN(100)
			want = want[min(q.Offset, len(want)):]
		}
		if pick(2) {
			q.Limit = 1 + random.IntN(100)
			want = want[:min(q.Limit, len(want))]
		}
		var got []wallet.TransactionID
		for x, err := range r.Transactions(q) {
			if err != nil {
				return err
			}
			got = append(got, x.ID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%+v:\ngot  %v\nwant %v", q, got, want)
		}
	}
	return nil
}

// A purchase may be settled centuries after it was made: a Duration is too short for that.
func TestSettledLate(t *testing.T) {
	s, clock := openNew(t), time.Unix(0, 0).UTC()
	e := engine.New(s, &engine.Options{Now: func() time.Time { return clock }})
	w := must(e.Create(ctx, wallet.Spec{Customer: "ann", Currency: "USD", Rate: one1}))
	bought := must(e.TopUp(ctx, w.ID, wallet.TopUp{Paid: one1}))[0]
	clock = time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)
	must(e.Settle(ctx, bought.ID, wallet.Settlement{}))
	if got := must(e.Transaction(ctx, bought.ID)); !got.SettledAt.Equal(clock) {
		t.Errorf("settled at %s, want %s", got.SettledAt, clock)
	}
}
