package engine_test

import (
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/sqlite"
)

// The feed of a wallet, of a customer and of everything goes on from any cursor, in pages of any size, however long it is.
func TestFeed(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) { testFeed(t, on(t, open(t), policy.Policy{})) })
}

func testFeed(t *testing.T, w *world) (all []wallet.Event, ids []wallet.ID) {
	const rounds = 120 // the feed of everything has more than two pages of a sequence
	for i := range 3 {
		ids = append(ids, w.create(wallet.Spec{Customer: wallet.CustomerID(fmt.Sprint("c", i/2)), TopUp: wallet.TopUp{Granted: amount("1000")}}))
	}
	for range rounds {
		for _, id := range ids {
			w.debit(id, "1")
		}
		h := must(w.Authorize(ctx(), wallet.Authorization{Customer: "c0", Currency: "USD", Money: amount("1")}))
		must(w.Release(ctx(), h.ID))
	}
	all = must(wallet.Collect(w.Events(ctx(), wallet.EventQuery{})))
	wantEqual(t, len(all), 3*3+rounds*5, "events")
	queries := []wallet.EventQuery{{}, {Customer: "c0"}, {Customer: "c1"}}
	for _, id := range ids {
		queries = append(queries, wallet.EventQuery{Wallet: id})
	}
	for _, q := range queries {
		var want []wallet.Event
		next := make(map[wallet.ID]int64)
		for _, e := range all {
			if (q.Customer == "" || q.Customer == e.Customer) && (q.Wallet.IsZero() || q.Wallet == e.Wallet) {
				want = append(want, e)
				if next[e.Wallet]++; e.Number != next[e.Wallet] {
					t.Fatalf("event %d of a wallet comes as its number %d", e.Number, next[e.Wallet])
				}
			}
		}
		wantSame(t, must(wallet.Collect(w.Events(ctx(), q))), want, "the whole feed")
		for range 10 {
			from := rand.IntN(len(want) - 1)
			q := q
			q.After = want[from].Cursor
			wantSame(t, must(wallet.Collect(w.Events(ctx(), q))), want[from+1:], "the rest of the feed")
			q.Limit = 1 + rand.IntN(400)
			rest := want[from+1:]
			wantSame(t, must(wallet.Collect(w.Events(ctx(), q))), rest[:min(q.Limit, len(rest))], "a page of the feed")
		}
	}
	return all, ids
}

// The feed survives a restart: who kept a cursor goes on, and sees what came since.
func TestFeedAfterRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallets.db")
	open := func() *sqlite.Store { return must(sqlite.Open(path, nil)) }
	s := open()
	before, ids := testFeed(t, on(t, s, policy.Policy{}))
	wantErr(t, s.Close(), nil)
	s = open()
	defer s.Close()
	w := on(t, s, policy.Policy{})
	wantSame(t, must(wallet.Collect(w.Events(ctx(), wallet.EventQuery{}))), before, "the feed")
	w.debit(ids[2], "1")
	news := must(wallet.Collect(w.Events(ctx(), wallet.EventQuery{After: before[len(before)-1].Cursor})))
	wantEqual(t, len(news), 1, "new events")
	wantEqual(t, news[0].Kind, wallet.EventConsumed, "the new event")
}
