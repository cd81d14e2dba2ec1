package memory

import (
	"strconv"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// TestCursorsInOrderOfCommits begins an Update first and ends it last.
func TestCursorsInOrderOfCommits(t *testing.T) {
	s := New()
	first, second := newPurse(t, s, 1, 1), newPurse(t, s, 2, 1)
	report := func(p *purse) func(store.Tx) error {
		return func(tx store.Tx) error {
			return tx.AddEvent(wallet.Event{Wallet: p.wallet, Customer: p.customer, Number: 1, Kind: wallet.EventUsed, At: epoch})
		}
	}
	cursor := func(p *purse) (n uint64) {
		t.Helper()
		err := s.View(t.Context(), func(r store.Reader) error {
			events, err := wallet.Collect(r.Events(wallet.EventQuery{Customer: p.customer}))
			if err == nil {
				n, err = strconv.ParseUint(string(events[0].Cursor), 10, 64)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var read uint64
	first.update(first.scope(), func(tx store.Tx) error {
		if err := report(first)(tx); err != nil {
			return err
		}
		done := make(chan bool)
		go func() { // an Update within this one would be against the rules
			defer close(done)
			second.update(second.scope(), report(second))
			read = cursor(second)
		}()
		<-done
		return nil
	})
	if committed := cursor(first); committed <= read {
		t.Errorf("cursor %d was committed after %d was read", committed, read)
	}
}
