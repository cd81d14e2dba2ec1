package storetest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// testLots puts lots in, changes their keys, draws from them and closes them, at random; open lots are read in the order of
// their keys, and of their expiry, like a sorted slice of them.
func testLots(t *testing.T, open func(testing.TB) store.Store) {
	check(t, func(rt *rapid.T) {
		s := open(during(t, rt))
		w, other := newWallet("c0", moment(0)), newWallet("c0", moment(1))
		update(t, s, "c0", func(tx store.Tx) error { return errors.Join(tx.PutWallet(w), tx.PutWallet(other)) })
		var lots []store.Lot // all there ever were
		var last wallet.TransactionID
		rt.Repeat(map[string]func(*rapid.T){
			"several": func(rt *rapid.T) { // in one update, with a look at them in between
				var puts []store.Lot
				var ts []wallet.Transaction
				for range rapid.IntRange(1, 5).Draw(rt, "puts") {
					if len(lots) == 0 || one(rt, "new", 2) {
						of := pick(rt, "wallet", w, w, w, other)
						in := newInbound(of, last, moment(2), "4")
						in.ExpiresAt = pick(rt, "expiry", time.Time{}, moment(10), moment(11), moment(11).Add(time.Microsecond), latest)
						l := lotOf(in, "")
						l.Key = newKey(rt, l)
						last, ts, puts, lots = in.ID, append(ts, in), append(puts, l), append(lots, l)
						continue
					}
					i := rapid.IntRange(0, len(lots)-1).Draw(rt, "lot")
					if lots[i].Remaining.IsZero() {
						continue
					}
					if one(rt, "rekey", 3) {
						lots[i].Key = newKey(rt, lots[i])
					} else {
						lots[i].Remaining = pick(rt, "remaining", lots[i].Remaining, lots[i].Remaining.Min(wallet.MustAmount("1")), wallet.Amount{})
						lots[i].Held = pick(rt, "held", wallet.Amount{}, lots[i].Remaining)
					}
					puts = append(puts, lots[i])
				}
				state := slices.Clone(lots)
				var wrong error
				err := s.Update(rt.Context(), store.Scope{Customer: "c0"}, func(tx store.Tx) error {
					wrong = nil
					for _, t := range ts {
						if err := tx.AddTransaction(&t, nil); err != nil {
							return err
						}
					}
					for _, l := range puts {
						if err := tx.PutLot(l); err != nil {
							return err
						}
					}
					wrong = lotsAre(tx, w.ID, state)
					return nil
				})
				if err := errors.Join(err, wrong); err != nil {
					rt.Fatalf("within: %v", err)
				}
			},
			"": func(rt *rapid.T) {
				err := s.View(rt.Context(), func(r store.Reader) error {
					return errors.Join(lotsAre(r, w.ID, lots), lotsAre(r, other.ID, lots))
				})
				if err != nil {
					rt.Fatal(err)
				}
			},
		})
	})
}

// newKey is unique, for it ends with the lot's ID; what comes before compares as bytes, whatever its length.
func newKey(rt *rapid.T, l store.Lot) []byte {
	id := l.ID.Bytes()
	return append(pick(rt, "key", []byte{0}, []byte{0, 0}, []byte{1, 255}, []byte{128}, []byte{255, 0, 1}), id[:]...)
}

// lotsAre compares what can be read of a wallet's open lots with all the lots there are.
func lotsAre(r store.Reader, w wallet.ID, lots []store.Lot) error {
	lots = slices.DeleteFunc(slices.Clone(lots), func(l store.Lot) bool { return l.Wallet != w })
	closed := slices.DeleteFunc(slices.Clone(lots), func(l store.Lot) bool { return !l.Remaining.IsZero() })
	lots = slices.DeleteFunc(lots, func(l store.Lot) bool { return l.Remaining.IsZero() })
	for _, l := range closed {
		if _, err := r.Lot(l.ID); !errors.Is(err, wallet.ErrNotFound) {
			return fmt.Errorf("closed lot: %v", err)
		}
	}
	slices.SortFunc(lots, func(a, b store.Lot) int { return bytes.Compare(a.Key, b.Key) })
	var after []byte
	for i := 0; ; i++ {
		l, more, err := r.NextLot(w, after)
		switch {
		case err != nil:
			return err
		case more != (i < len(lots)):
			return fmt.Errorf("lot %d of %d: there is one: %v", i, len(lots), more)
		case !more:
		default:
			if err := sameLot(lots[i], l); err != nil {
				return fmt.Errorf("lot %d of %d: %w", i, len(lots), err)
			}
			byID, err := r.Lot(l.ID)
			if err == nil {
				err = sameLot(lots[i], byID)
			}
			if err != nil {
				return fmt.Errorf("lot by ID: %w", err)
			}
			after = slices.Clone(l.Key)
			continue
		}
		break
	}
	if len(lots) > 0 { // a key that no lot has: one before the second byte of a lot's
		if l, more, err := r.NextLot(w, lots[0].Key[:1]); err != nil || !more || sameLot(lots[0], l) != nil {
			return fmt.Errorf("after %x: %x, %v, %w", lots[0].Key[:1], l.Key, more, err)
		}
	}
	slices.SortStableFunc(lots, func(a, b store.Lot) int { return cmp.Or(a.ExpiresAt.Compare(b.ExpiresAt), bytes.Compare(a.Key, b.Key)) })
	for _, upTo := range []time.Time{moment(10).Add(-time.Microsecond), moment(10), moment(11), latest} {
		want := slices.DeleteFunc(slices.Clone(lots), func(l store.Lot) bool { return l.ExpiresAt.IsZero() || l.ExpiresAt.After(upTo) })
		n := 0
		for l, err := range r.ExpiringLots(w, upTo) {
			if err != nil {
				return err
			}
			if n >= len(want) {
				return fmt.Errorf("expiring up to %s: more than %d", upTo, len(want))
			}
			if err := sameLot(want[n], l); err != nil {
				return fmt.Errorf("expiring up to %s, lot %d of %d: %w", upTo, n, len(want), err)
			}
			n++
		}
		if n != len(want) {
			return fmt.Errorf("expiring up to %s: %d, want %d", upTo, n, len(want))
		}
		for range r.ExpiringLots(w, upTo) {
			break // may be abandoned
		}
	}
	return nil
}

func sameLot(want, got store.Lot) error {
	same := got.ID == want.ID && got.Wallet == want.Wallet && got.Kind == want.Kind && got.Priority == want.Priority &&
		got.Credits.Equal(want.Credits) && got.Remaining.Equal(want.Remaining) && got.Held.Equal(want.Held) &&
		got.ExpiresAt.Equal(want.ExpiresAt) && got.OpenedAt.Equal(want.OpenedAt) && bytes.Equal(got.Key, want.Key)
	if same {
		return nil
	}
	return fmt.Errorf("got %+v, want %+v", got, want)
}

// Draws of an outbound transaction come in the order it made them, those of an inbound one in the order of their
// transactions; the first few may be skipped.
func testDraws(t *testing.T, s store.Store) {
	const outbound, perTx = 40, 3
	w := newWallet("c0", moment(0))
	first := newInbound(w, wallet.TransactionID{}, moment(0), "1000")
	second := newInbound(w, first.ID, moment(0), "1000")
	unused := newInbound(w, second.ID, moment(0), "1000")
	update(t, s, "c0", func(tx store.Tx) error {
		err := tx.PutWallet(w)
		for i, in := range []wallet.Transaction{first, second, unused} {
			err = errors.Join(err, tx.AddTransaction(&in, nil), tx.PutLot(lotOf(in, string(rune('a'+i)))))
		}
		return err
	})
	want := make(map[wallet.TransactionID][]wallet.Draw)
	last := unused.ID
	for i := range outbound {
		out, draws := newOutbound(w, last, moment(i), "1", lotOf(second, "b"), lotOf(first, "a"), lotOf(second, "b"))
		for j := range draws {
			draws[j].Fee = fmt.Sprintf("f%d", (j+i)%perTx) // no order but the one they were made in
		}
		last, want[out.ID] = out.ID, draws
		for _, d := range draws {
			want[d.Lot] = append(want[d.Lot], d)
		}
		update(t, s, "c0", func(tx store.Tx) error {
			if err := tx.AddTransaction(&out, draws); err != nil {
				return err
			}
			return drawsAre(tx, second.ID, want[second.ID])
		})
	}
	view(t, s, func(r store.Reader) error {
		for _, of := range []wallet.TransactionID{first.ID, second.ID, unused.ID, last} {
			if err := drawsAre(r, of, want[of]); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
}

func drawsAre(r store.Reader, of wallet.TransactionID, want []wallet.Draw) error {
	for _, skip := range []int{0, 1, len(want) - 1, len(want), len(want) + 1} {
		if skip < 0 {
			continue
		}
		got, err := wallet.Collect(r.Draws(of, skip))
		if err != nil {
			return err
		}
		if rest := want[min(skip, len(want)):]; !slices.EqualFunc(got, rest, sameDraw) {
			return fmt.Errorf("draws but %d: got %v, want %v", skip, got, rest)
		}
	}
	for range r.Draws(of, 0) {
		break // may be abandoned
	}
	return nil
}

func sameDraw(a, b wallet.Draw) bool {
	sameFigures := a.Credits.Equal(b.Credits) && a.Amount.Equal(b.Amount)
	a.Credits, a.Amount, b.Credits, b.Amount = wallet.Amount{}, wallet.Amount{}, wallet.Amount{}, wallet.Amount{}
	return sameFigures && a.Lot == b.Lot && a.By == b.By && a.Wallet == b.Wallet && a.Kind == b.Kind && a.Fee == b.Fee
}

// Due yields each customer with an active wallet that has something due once, the earliest first.
func testDue(t *testing.T, s store.Store) {
	for customer, due := range map[wallet.CustomerID][]time.Time{
		"c0": {moment(30), moment(5)},
		"c1": {moment(10)},
		"c2": {{}, moment(1)}, // whose second wallet will be terminated
		"c3": {moment(6), moment(6), moment(2)},
		"c4": {{}},
		"c5": {moment(20), moment(40)},
	} {
		for _, next := range due {
			w := newWallet(customer, moment(0))
			w.State.NextDue = next
			update(t, s, customer, func(tx store.Tx) error { return tx.PutWallet(w) })
			if customer == "c2" && !next.IsZero() {
				w.Status, w.TerminatedAt = wallet.Terminated, moment(0)
				update(t, s, customer, func(tx store.Tx) error { return tx.PutWallet(w) })
			}
		}
	}
	check := func(upTo time.Time, want ...wallet.CustomerID) {
		t.Helper()
		view(t, s, func(r store.Reader) error {
			if got, err := wallet.Collect(r.Due(upTo)); err != nil || !slices.Equal(got, want) {
				t.Errorf("due up to %s: %q, %v, want %q", upTo, got, err, want)
			}
			for range r.Due(upTo) {
				break // may be abandoned
			}
			return nil
		})
	}
	check(moment(1))
	check(moment(2).Add(-time.Microsecond))
	check(moment(2), "c3")
	check(moment(5), "c3", "c0")
	check(latest, "c3", "c0", "c1", "c5")
	update(t, s, "c3", func(tx store.Tx) error { // caught up
		active, err := tx.ActiveWallets("c3")
		for _, w := range active {
			state := w.State
			state.NextDue = moment(15)
			err = errors.Join(err, tx.PutState(w.ID, state))
		}
		if due, dueErr := wallet.Collect(tx.Due(moment(14))); dueErr != nil || len(due) > 0 {
			return fmt.Errorf("due within: %q, %w", due, dueErr)
		}
		return err
	})
	check(latest, "c0", "c1", "c3", "c5")
}
