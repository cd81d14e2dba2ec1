package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// The events of a wallet are numbered without gaps, are read as they were put, and come by their cursors.
func testEvents(t *testing.T, s store.Store) {
	w, other := newWallet("c0", moment(0)), newWallet("c1", moment(0))
	in := newInbound(w, wallet.TransactionID{}, moment(1), "5")
	purchase := newPurchase(w, in.ID, moment(1), "2")
	settled := purchase
	settled.State, settled.SettledAt = wallet.Settled, moment(2)
	out, draws := newOutbound(w, purchase.ID, moment(3), "1", lotOf(in, "a"))
	hold := newHold("c0", moment(3), w.ID)
	var rule wallet.RuleID
	rule.SetBytes([16]byte{1})
	record := w.Wallet
	record.Metadata = map[string]string{"a": "b"}
	mine := []wallet.Event{
		{Kind: wallet.EventCreated, At: moment(0), Record: &record},
		{Kind: wallet.EventToppedUp, At: moment(1), Credits: in.Credits, Transaction: in.ID},
		{Kind: wallet.EventSettled, At: moment(1), Credits: in.Credits, Transaction: in.ID},
		{Kind: wallet.EventToppedUp, At: moment(1), Credits: purchase.Credits, Transaction: purchase.ID},
		{Kind: wallet.EventSettled, At: moment(2), Credits: purchase.Credits, Transaction: purchase.ID},
		{Kind: wallet.EventConsumed, At: moment(3), Credits: out.Credits, Transaction: out.ID},
		{Kind: wallet.EventHeld, At: moment(3), Credits: tiny, Hold: hold.ID},
		{Kind: wallet.EventFired, At: moment(4), Rule: rule},
		{Kind: wallet.EventAlerted, At: moment(4), Credits: greatest, Alert: "low"},
		{Kind: wallet.EventLapsed, At: moment(5), Credits: tiny, Transaction: purchase.ID},
		{Kind: wallet.EventUsed, At: moment(6)},
	}
	for i := range mine {
		mine[i].Wallet, mine[i].Customer, mine[i].Number = w.ID, "c0", int64(i+1)
	}
	var within string
	update(t, s, "c0", func(tx store.Tx) (err error) {
		err = errors.Join(tx.PutWallet(w), tx.AddTransaction(&in, nil), tx.PutLot(lotOf(in, "a")), tx.AddTransaction(&purchase, nil), tx.Finish(&settled), tx.PutHold(hold), tx.AddTransaction(&out, draws))
		for _, e := range mine[:8] {
			err = errors.Join(err, tx.AddEvent(e))
		}
		if err != nil {
			return err
		}
		within, _, err = feed(tx, wallet.EventQuery{})
		return err
	})
	if d := diff(lines(mine[:8]), within); d != "" {
		t.Errorf("within:\n%s", d)
	}
	others := []wallet.Event{{Kind: wallet.EventCreated, At: moment(9), Wallet: other.ID, Customer: "c1", Number: 1}}
	update(t, s, "c1", func(tx store.Tx) error {
		if err := errors.Join(tx.PutWallet(other), tx.AddEvent(others[0])); err != nil {
			return err
		}
		if seen, _, err := feed(tx, wallet.EventQuery{}); err != nil || strings.Count(seen, "\n") != 1 {
			return fmt.Errorf("within: %s, %w", seen, err)
		}
		return nil
	})
	for _, e := range mine[8:] {
		update(t, s, "c0", func(tx store.Tx) error { return tx.AddEvent(e) })
	}
	numbered := func(n int64, id wallet.ID) func(store.Tx) error {
		return func(tx store.Tx) error {
			return tx.AddEvent(wallet.Event{Kind: wallet.EventUsed, At: moment(7), Wallet: id, Customer: "c0", Number: n})
		}
	}
	refuses(t, s, "c0", map[string]func(store.Tx) error{
		"the same number":    numbered(int64(len(mine)), w.ID),
		"a gap":              numbered(int64(len(mine))+2, w.ID),
		"no number":          numbered(0, w.ID),
		"another customer's": numbered(2, other.ID),
		"negative credits": func(tx store.Tx) error {
			return tx.AddEvent(wallet.Event{Kind: wallet.EventAlerted, At: moment(7), Wallet: w.ID, Customer: "c0", Number: int64(len(mine)) + 1, Credits: tiny.Neg()})
		},
		"the event of no wallet": numbered(1, wallet.MintID(wallet.ID{}, moment(3))),
		"the same in one update": func(tx store.Tx) error {
			return errors.Join(numbered(int64(len(mine))+1, w.ID)(tx), numbered(int64(len(mine))+1, w.ID)(tx))
		},
	})

	everything := slices.Concat(mine[:8], others, mine[8:])
	for _, test := range []struct {
		q    wallet.EventQuery
		want []wallet.Event
	}{
		{wallet.EventQuery{}, everything},
		{wallet.EventQuery{Customer: "c0"}, mine},
		{wallet.EventQuery{Wallet: w.ID}, mine},
		{wallet.EventQuery{Customer: "c1"}, others},
		{wallet.EventQuery{Customer: "c1", Wallet: w.ID}, nil},
		{wallet.EventQuery{Customer: "c2"}, nil},
	} {
		view(t, s, func(r store.Reader) error {
			got, cursors, err := feed(r, test.q)
			if d := diff(lines(test.want), got); err != nil || d != "" {
				t.Errorf("%+v: %v\n%s", test.q, err, d)
				return nil
			}
			for i := range cursors { // from everywhere, a page at a time
				for _, limit := range []int{0, 1, 3} {
					q := test.q
					q.After, q.Limit = cursors[i], limit
					got, _, err := feed(r, q)
					if d := diff(lines(paged(test.want[i+1:], 0, limit)), got); err != nil || d != "" {
						t.Errorf("%+v: %v\n%s", q, err, d)
					}
				}
			}
			return nil
		})
	}
}

// feed returns the events that a query selects, as text without their cursors, and the cursors.
func feed(r store.Reader, q wallet.EventQuery) (text string, cursors []wallet.Cursor, err error) {
	all, err := wallet.Collect(r.Events(q))
	for _, e := range all {
		cursors = append(cursors, e.Cursor)
	}
	return lines(all), cursors, err
}

func lines(all []wallet.Event) string {
	var b strings.Builder
	for _, e := range all {
		e.Cursor = ""
		line(&b, "event", e)
	}
	return b.String()
}

// What is committed later has a greater cursor than what could be read before: a reader that goes on from the last cursor it
// saw misses nothing and sees nothing twice, while many write.
func testFeed(t *testing.T, s store.Store) {
	const writers, each = 8, 30
	wallets := make([]store.Wallet, writers)
	for i := range wallets {
		wallets[i] = newWallet(wallet.CustomerID(fmt.Sprint("c", i)), moment(0))
		update(t, s, wallets[i].Customer, func(tx store.Tx) error { return tx.PutWallet(wallets[i]) })
	}
	var group sync.WaitGroup
	for _, w := range wallets {
		group.Go(func() {
			for n := int64(1); n <= each; n += 2 {
				err := s.Update(t.Context(), store.Scope{Wallet: w.ID}, func(tx store.Tx) error {
					e := wallet.Event{Kind: wallet.EventUsed, At: moment(1), Wallet: w.ID, Customer: w.Customer, Number: n}
					next := e
					next.Number++
					return errors.Join(tx.AddEvent(e), tx.AddEvent(next))
				})
				if err != nil {
					t.Errorf("update: %v", err)
					return
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { group.Wait(); close(done) }()
	defer group.Wait()
	seen, after, last := make(map[wallet.ID]int64), wallet.Cursor(""), false
	for {
		select {
		case <-done:
			last = true
		default:
		}
		var page []wallet.Event
		err := s.View(t.Context(), func(r store.Reader) (err error) {
			page, err = wallet.Collect(r.Events(wallet.EventQuery{After: after, Limit: 7}))
			return err
		})
		if err != nil {
			t.Fatalf("view: %v", err)
		}
		if len(page) == 0 && last {
			break
		}
		for _, e := range page {
			if seen[e.Wallet]++; e.Number != seen[e.Wallet] {
				t.Fatalf("wallet %s: event %d comes as number %d", e.Wallet, e.Number, seen[e.Wallet])
			}
			after = e.Cursor
		}
	}
	for _, w := range wallets {
		if seen[w.ID] != each {
			t.Errorf("wallet %s: %d events seen, want %d", w.ID, seen[w.ID], each)
		}
	}
}
