package engine_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

const many = 300 // more than a page of what a sequence reads at a time

// crowd returns a world with many wallets of acme, one second apart, and their IDs, oldest first.
func crowd(t testing.TB, s store.Store) (*world, []wallet.ID) {
	w := on(t, s, policy.Policy{})
	var ids []wallet.ID
	for range many {
		w.wait(time.Second)
		ids = append(ids, w.open("0"))
	}
	return w, ids
}

// history returns a world with a wallet of many transactions, one second apart, and their IDs, oldest first.
func history(t testing.TB, s store.Store) (*world, wallet.ID, []wallet.TransactionID) {
	w := on(t, s, policy.Policy{})
	id := w.open("1000000")
	all := []wallet.TransactionID{w.list(wallet.TransactionQuery{})[0].ID}
	for len(all) < many {
		w.wait(time.Second)
		all = append(all, w.debit(id, "1").ID)
	}
	return w, id, all
}

func idsOf[T, ID any](t testing.TB, seq func(func(T, error) bool), id func(T) ID) (ids []ID) {
	t.Helper()
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id(v))
	}
	return ids
}

func walletID(w wallet.Wallet) wallet.ID                      { return w.ID }
func transactionID(t wallet.Transaction) wallet.TransactionID { return t.ID }

// Offset skips, Limit ends, After continues: also over pages, in both directions, and as often as one likes.
func TestPages(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w, _, all := history(t, open(t))
		back := slices.Clone(all)
		slices.Reverse(back)
		for _, q := range []wallet.TransactionQuery{
			{}, {Limit: 1}, {Limit: 255}, {Limit: 256}, {Limit: 257}, {Limit: many - 1}, {Limit: many}, {Limit: 10 * many}, {Offset: 1},
			{Offset: 10, Limit: 280}, {Offset: many - 1}, {Offset: many}, {Offset: 10 * many}, {Offset: 40, Limit: 256},
		} {
			for _, oldest := range []bool{false, true} {
				for _, after := range []int{-1, 0, 20, many - 2, many - 1} {
					want := back
					if q.OldestFirst = oldest; oldest {
						want = all
					}
					if q.After = (wallet.TransactionID{}); after >= 0 {
						q.After = want[after]
					}
					want = want[after+1:]
					want = want[min(q.Offset, len(want)):]
					if q.Limit > 0 {
						want = want[:min(q.Limit, len(want))]
					}
					seq := w.Transactions(ctx(), q)
					for range 2 {
						if got := idsOf(t, seq, transactionID); !slices.Equal(got, want) {
							t.Errorf("offset %d, limit %d, after %d, oldest first %t: got %d transactions, want %d", q.Offset, q.Limit, after, oldest, len(got), len(want))
						}
					}
				}
			}
		}
	})
}

func TestPagesOfWallets(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w, ids := crowd(t, open(t))
		slices.Reverse(ids)
		for _, q := range []wallet.WalletQuery{{}, {Limit: 10}, {Limit: 280}, {Offset: 280}, {Offset: 10, Limit: 280}, {After: ids[280]}, {After: ids[10], Offset: 5, Limit: 270}} {
			for _, q.Customer = range []wallet.CustomerID{"", "acme"} {
				want := ids[slices.Index(ids, q.After)+1:][q.Offset:]
				if q.Limit > 0 {
					want = want[:min(q.Limit, len(want))]
				}
				seq := w.Wallets(ctx(), q)
				for range 2 {
					if got := idsOf(t, seq, walletID); !slices.Equal(got, want) {
						t.Errorf("%+v: got %d wallets, want %d", q, len(got), len(want))
					}
				}
				n, err := w.CountWallets(ctx(), q)
				if err != nil || n != many {
					t.Errorf("%+v: got count %d, error %v", q, n, err)
				}
			}
		}
	})
}

// Lots and draws come in pages too.
func TestPagesOfLots(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		id := w.open("0")
		var want []wallet.TransactionID
		for range many {
			want = append(want, w.topUp(id, wallet.TopUp{Granted: amount("1")})[0].ID)
		}
		lots := w.Lots(ctx(), id)
		all := must(w.Void(ctx(), id, wallet.Void{Credits: amount("299.5")}))
		draws := w.Draws(ctx(), all.ID)
		for range 2 {
			wantEqual(t, idsOf(t, lots, func(l wallet.Lot) wallet.TransactionID { return l.ID }), want[many-1:], "open lots")
			wantEqual(t, idsOf(t, draws, func(d wallet.Draw) wallet.TransactionID { return d.Lot }), want, "lots drawn from")
		}
		for range many - 1 {
			w.topUp(id, wallet.TopUp{Granted: amount("1")})
		}
		wantEqual(t, len(w.lots(id)), many, "open lots")
		lot := w.topUp(w.create(wallet.Spec{Customer: "other"}), wallet.TopUp{Granted: amount("1000")})[0]
		want = nil
		for range many {
			want = append(want, w.debit(lot.Wallet, "1").ID)
		}
		wantEqual(t, idsOf(t, w.Draws(ctx(), lot.ID), func(d wallet.Draw) wallet.TransactionID { return d.By }), want, "what the lot paid")
	})
}

// The body of a loop over a sequence may call the engine, whatever for, and may leave.
func TestSequenceBodies(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w, id, all := history(t, open(t))
		n := 0
		for tx, err := range w.Transactions(ctx(), wallet.TransactionQuery{Wallet: id, OldestFirst: true, Limit: many}) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; n%100 == 0 {
				w.wait(time.Second)
				w.debit(id, "1")
				must(w.Transaction(ctx(), tx.ID))
				must(w.Tick(ctx()))
				must(w.Create(ctx(), wallet.Spec{Customer: "acme", Currency: "USD", Rate: amount("1")}))
			}
		}
		wantEqual(t, n, len(all), "transactions")
		for range w.Wallets(ctx(), wallet.WalletQuery{}) {
			w.topUp(id, wallet.TopUp{Granted: amount("1")})
		}
		for lot, err := range w.Lots(ctx(), id) { // which go as they come
			if err != nil {
				t.Fatal(err)
			}
			must(w.Void(ctx(), id, wallet.Void{All: true, Lot: lot.ID}))
		}
		wantEqual(t, w.spendable(id), "0", "spendable")
		for range w.Transactions(ctx(), wallet.TransactionQuery{}) {
			break
		}
	})
}

// An error ends a sequence, and comes once.
func TestSequenceErrors(t *testing.T) {
	w, id, _ := history(t, openers["memory"](t))
	for name, seq := range map[string]func(context.Context) func(func(wallet.Transaction, error) bool){
		"all": func(c context.Context) func(func(wallet.Transaction, error) bool) {
			return w.Transactions(c, wallet.TransactionQuery{})
		},
		"of a wallet": func(c context.Context) func(func(wallet.Transaction, error) bool) {
			return w.Transactions(c, wallet.TransactionQuery{Wallet: id})
		},
	} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		n, failed := 0, 0
		for _, err := range seq(ctx) {
			if err != nil {
				failed++
				wantEqual(t, errors.Is(err, context.Canceled), true, name+": the context's error")
			}
			if n++; n == 10 {
				cancel()
			}
		}
		if failed != 1 || n >= many {
			t.Errorf("%s: got %d errors among %d", name, failed, n)
		}
	}
}

// What a query lists is copied: the caller may change the list while the sequence is read.
func TestQueryLists(t *testing.T) {
	w := newWorld(t)
	id := w.open("1000000")
	for range many {
		w.topUp(id, wallet.TopUp{Granted: amount("1")})
		w.debit(id, "1")
		must(w.Release(ctx(), must(w.Authorize(ctx(), wallet.Authorization{Wallet: id, Credits: amount("1")})).ID))
		must(w.Authorize(ctx(), wallet.Authorization{Wallet: id, Credits: amount("1")}))
	}
	kinds, states, holds := []wallet.Kind{wallet.Consumed}, []wallet.State{wallet.Settled}, []wallet.State{wallet.HoldOpen}
	n := 0
	for x, err := range w.Transactions(ctx(), wallet.TransactionQuery{Wallet: id, Kinds: kinds, States: states}) {
		if n++; err != nil || x.Kind != wallet.Consumed {
			t.Fatal(n, x.Kind, err)
		}
		kinds[0], states[0] = wallet.Granted, wallet.Failed
	}
	for h, err := range w.Holds(ctx(), wallet.HoldQuery{Wallet: id, States: holds}) {
		if n++; err != nil || h.State != wallet.HoldOpen {
			t.Fatal(n, h.State, err)
		}
		holds[0] = wallet.HoldReleased
	}
	if n != 2*many {
		t.Errorf("%d were read, want %d", n, 2*many)
	}
}
