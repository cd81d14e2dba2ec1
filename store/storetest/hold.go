package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

func newHold(c wallet.CustomerID, at time.Time, wallets ...wallet.ID) wallet.Hold {
	h := wallet.Hold{
		ID: wallet.MintHoldID(wallet.HoldID{}, at), Customer: c, Currency: "USD", State: wallet.HoldOpen, Credits: tiny,
		Money: wallet.Money{Amount: tiny, Currency: "USD"}, Captured: wallet.Money{Currency: "USD"}, CreatedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	for i, id := range wallets {
		lot := wallet.HoldLot{Lot: wallet.MintTransactionID(wallet.TransactionID{}, at), Credits: tiny}
		h.Parts = append(h.Parts, wallet.HoldPart{Wallet: id, Credits: tiny, Money: wallet.MustAmount(strconv.Itoa(i)), Lots: []wallet.HoldLot{lot, lot}})
	}
	if len(wallets) == 1 {
		h.Wallet = wallets[0]
	}
	return h
}

// closed is a hold that has ended.
func closed(h wallet.Hold, s wallet.State) wallet.Hold {
	h.State, h.Parts, h.ClosedAt = s, nil, h.CreatedAt.Add(time.Minute)
	return h
}

// A hold is read as it was put, names its customer in a scope, and is finished once.
func testHold(t *testing.T, s store.Store) {
	w, other := newWallet("c0", moment(0)), newWallet("c1", moment(0))
	h := newHold("c0", moment(1), w.ID)
	h.Fee = wallet.Fee{ID: "f'", Type: "charge", Metric: "客", Amount: tiny}
	h.Credits, h.Captured.Amount, h.Reference, h.Metadata = greatest, greatest, "r", map[string]string{"a": ""}
	foreign := newHold("c1", moment(1), other.ID)
	update(t, s, "c0", func(tx store.Tx) error { return errors.Join(tx.PutWallet(w), tx.PutHold(h)) })
	update(t, s, "c1", func(tx store.Tx) error { return errors.Join(tx.PutWallet(other), tx.PutHold(foreign)) })
	is := func(want wallet.Hold) {
		t.Helper()
		view(t, s, func(r store.Reader) error {
			got, err := r.Hold(want.ID)
			same(t, "hold", want, err, func() any { return got })
			return nil
		})
	}
	is(h)
	if err := s.Update(t.Context(), store.Scope{Hold: wallet.MintHoldID(wallet.HoldID{}, moment(9))}, func(store.Tx) error { return nil }); !errors.Is(err, wallet.ErrNotFound) {
		t.Errorf("a scope of no hold: %v", err)
	}
	h.Parts[0].Lots, h.Metadata = h.Parts[0].Lots[:1], nil
	err := s.Update(t.Context(), store.Scope{Hold: h.ID}, func(tx store.Tx) error {
		if _, err := tx.Hold(foreign.ID); !errors.Is(err, wallet.ErrNotFound) {
			return fmt.Errorf("another customer's hold: %v", err)
		}
		if all, err := wallet.Collect(tx.Holds(wallet.HoldQuery{})); err != nil || len(all) != 1 {
			return fmt.Errorf("%d holds within, %w", len(all), err)
		}
		if err := tx.PutHold(h); err != nil {
			return err
		}
		got, err := tx.Hold(h.ID)
		if err == nil && len(got.Parts[0].Lots) != 1 {
			err = fmt.Errorf("what was put is not read within: %+v", got)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	is(h)
	moved, empty, partly := h, newHold("c0", moment(2)), closed(h, wallet.HoldReleased)
	moved.CreatedAt, partly.Parts = moment(3), h.Parts
	nobody := newHold("c0", moment(2), w.ID)
	nobody.ID = wallet.HoldID{}
	refuses(t, s, "c0", map[string]func(store.Tx) error{
		"another customer's hold": func(tx store.Tx) error { return tx.PutHold(foreign) },
		"another creation":        func(tx store.Tx) error { return tx.PutHold(moved) },
		"a hold of nothing":       func(tx store.Tx) error { return tx.PutHold(empty) },
		"a hold without ID":       func(tx store.Tx) error { return tx.PutHold(nobody) },
		"ended with parts":        func(tx store.Tx) error { return tx.PutHold(partly) },
	})
	over := closed(h, wallet.HoldCaptured)
	update(t, s, "c0", func(tx store.Tx) error { return tx.PutHold(over) })
	is(over)
	refuses(t, s, "c0", map[string]func(store.Tx) error{
		"ended again":  func(tx store.Tx) error { return tx.PutHold(closed(over, wallet.HoldReleased)) },
		"opened again": func(tx store.Tx) error { return tx.PutHold(h) },
	})
	if err := s.Update(t.Context(), store.Scope{Hold: h.ID}, func(tx store.Tx) error { return tx.PutWallet(w) }); err != nil {
		t.Errorf("a scope of a hold that has ended: %v", err)
	}
}

// testHoldQueries asks random queries of random holds; a plain filter over a slice knows the answers.
func testHoldQueries(t *testing.T, open func(testing.TB) store.Store) {
	states := []wallet.State{wallet.HoldOpen, wallet.HoldCaptured, wallet.HoldReleased, wallet.HoldExpired}
	check(t, func(rt *rapid.T) {
		s := open(during(t, rt))
		wallets := []store.Wallet{newWallet("c0", moment(0)), newWallet("c0", moment(1)), newWallet("c1", moment(0))}
		for _, w := range wallets {
			update(t, s, w.Customer, func(tx store.Tx) error { return tx.PutWallet(w) })
		}
		type held struct {
			wallet.Hold
			of []wallet.ID // what it reserved something of at first, or does now
		}
		var all []held
		for range rapid.IntRange(0, 10).Draw(rt, "holds") {
			of := pick(rt, "of", []int{0}, []int{1}, []int{0, 1}, []int{1, 0}, []int{2})
			h := held{}
			for _, i := range of {
				h.of = append(h.of, wallets[i].ID)
			}
			h.Hold = newHold(wallets[of[0]].Customer, moment(rapid.IntRange(0, 2).Draw(rt, "at")), h.of...)
			update(t, s, h.Customer, func(tx store.Tx) error { return tx.PutHold(h.Hold) })
			if len(h.Parts) > 1 && one(rt, "less", 2) {
				h.Parts = h.Parts[1:]
				update(t, s, h.Customer, func(tx store.Tx) error { return tx.PutHold(h.Hold) })
			}
			if state := pick(rt, "state", states...); state != wallet.HoldOpen {
				h.Hold = closed(h.Hold, state)
				update(t, s, h.Customer, func(tx store.Tx) error { return tx.PutHold(h.Hold) })
			}
			all = append(all, h)
		}
		slices.SortFunc(all, func(a, b held) int { return -a.ID.Compare(b.ID) })
		for range 20 {
			q := wallet.HoldQuery{
				Customer: pick(rt, "customer", "", "", "c0", "c1", wallet.CustomerID("c2")), Limit: rapid.IntRange(0, 4).Draw(rt, "limit"),
				States: rapid.SliceOfNDistinct(rapid.SampledFrom(states), 0, 2, rapid.ID).Draw(rt, "states"),
			}
			if one(rt, "by wallet", 2) {
				q.Wallet = pick(rt, "wallet", wallets...).ID
			}
			if len(all) > 0 && one(rt, "after", 2) {
				q.After = pick(rt, "last", all...).ID
			}
			want := slices.DeleteFunc(slices.Clone(all), func(h held) bool {
				return q.Customer != "" && q.Customer != h.Customer || len(q.States) > 0 && !slices.Contains(q.States, h.State) ||
					!q.Wallet.IsZero() && !slices.Contains(h.of, q.Wallet) || !q.After.IsZero() && h.ID.Compare(q.After) >= 0
			})
			want = paged(want, 0, q.Limit)
			ask := func(r store.Reader) error {
				got, err := wallet.Collect(r.Holds(q))
				if err != nil {
					return err
				}
				if !slices.EqualFunc(got, want, func(a wallet.Hold, b held) bool {
					return a.ID == b.ID && a.State == b.State && len(a.Parts) == len(b.Parts)
				}) {
					return fmt.Errorf("%+v: got %v, want %v", q, got, want)
				}
				return nil
			}
			if err := s.View(rt.Context(), ask); err != nil {
				rt.Fatal(err)
			}
			if q.Customer != "" {
				if err := s.Update(rt.Context(), store.Scope{Customer: q.Customer}, func(tx store.Tx) error { return ask(tx) }); err != nil {
					rt.Fatalf("within: %v", err)
				}
			}
		}
	})
}
