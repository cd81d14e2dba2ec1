package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// testWalletQueries asks random queries of random wallets; a plain filter over a slice knows the answers.
func testWalletQueries(t *testing.T, open func(testing.TB) store.Store) {
	check(t, func(rt *rapid.T) {
		s := open(during(t, rt))
		var all []store.Wallet
		for range rapid.IntRange(0, 12).Draw(rt, "wallets") {
			w := newWallet(pick(rt, "customer", customers...), moment(rapid.IntRange(0, 2).Draw(rt, "at")))
			w.Code, w.Currency = pick(rt, "code", "", "", "a", "b", "A"), pick(rt, "currency", currencies...)
			update(t, s, w.Customer, func(tx store.Tx) error { return tx.PutWallet(w) })
			if one(rt, "changes", 2) {
				w.Code = pick(rt, "code", "", "a", "b")
				w.Status = pick(rt, "status", wallet.Active, wallet.Terminated)
				update(t, s, w.Customer, func(tx store.Tx) error { return tx.PutWallet(w) })
			}
			all = append(all, w)
		}
		slices.SortFunc(all, func(a, b store.Wallet) int { return -a.ID.Compare(b.ID) })
		for range 20 {
			q := wallet.WalletQuery{
				Customer: pick(rt, "of", "", "", "c0", "c1", wallet.CustomerID("c2")), Code: pick(rt, "code", "", "", "a", "b", "c"),
				Status:   pick(rt, "status", "", "", wallet.Active, wallet.Terminated),
				Currency: pick(rt, "currency", append([]wallet.Currency{"", "", ""}, currencies...)...),
				Offset:   rapid.IntRange(0, 3).Draw(rt, "offset"), Limit: rapid.IntRange(0, 4).Draw(rt, "limit"),
			}
			if len(all) > 0 && one(rt, "after", 2) {
				q.After = pick(rt, "last", all...).ID
			}
			selected := slices.DeleteFunc(slices.Clone(all), func(w store.Wallet) bool {
				return q.Customer != "" && q.Customer != w.Customer || q.Code != "" && q.Code != w.Code ||
					q.Status != "" && q.Status != w.Status || q.Currency != "" && q.Currency != w.Currency
			})
			page := slices.DeleteFunc(slices.Clone(selected), func(w store.Wallet) bool { return !q.After.IsZero() && w.ID.Compare(q.After) >= 0 })
			page = paged(page, q.Offset, q.Limit)
			ask := func(r store.Reader) error {
				n := 0
				for w, err := range r.Wallets(q) {
					if err != nil {
						return err
					}
					if n >= len(page) || w.ID != page[n].ID || w.Code != page[n].Code || w.Status != page[n].Status {
						return fmt.Errorf("%+v: wallet %d is %+v of %d", q, n, *w, len(page))
					}
					n++
				}
				if n != len(page) {
					return fmt.Errorf("%+v: %d wallets, want %d", q, n, len(page))
				}
				if n, err := r.CountWallets(q); err != nil || n != len(selected) {
					return fmt.Errorf("%+v: count %d, %w, want %d", q, n, err, len(selected))
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

func paged[T any](all []T, offset, limit int) []T {
	all = all[min(offset, len(all)):]
	if limit > 0 {
		all = all[:min(limit, len(all))]
	}
	return all
}

// testTransactionQueries does the same for transactions.
func testTransactionQueries(t *testing.T, open func(testing.TB) store.Store) {
	kinds := []wallet.Kind{wallet.Purchased, wallet.Granted, wallet.Consumed, wallet.Voided, wallet.Expired}
	states := []wallet.State{wallet.Pending, wallet.Settled, wallet.Failed}
	check(t, func(rt *rapid.T) {
		s := open(during(t, rt))
		wallets := []store.Wallet{newWallet("c0", moment(0)), newWallet("c0", moment(0)), newWallet("c1", moment(0))}
		last := make([]wallet.TransactionID, len(wallets))
		for _, w := range wallets {
			update(t, s, w.Customer, func(tx store.Tx) error { return tx.PutWallet(w) })
		}
		var all []wallet.Transaction
		for range rapid.IntRange(0, 20).Draw(rt, "transactions") {
			i := rapid.IntRange(0, len(wallets)-1).Draw(rt, "wallet")
			w, kind, at := wallets[i], pick(rt, "kind", kinds...), moment(len(all)/4)
			tx := newPurchase(w, last[i], at, "1")
			var draws []wallet.Draw
			if kind != wallet.Purchased {
				tx = newInbound(w, last[i], at, "1")
			}
			if !kind.Inbound() {
				tx, draws = newOutbound(w, last[i], at, "1", lotOf(tx, "a"))
				draws[0].Kind = kind
			}
			tx.Kind, tx.Reference = kind, pick(rt, "reference", "", "", "r1", "R1", "r%")
			last[i] = tx.ID
			update(t, s, w.Customer, func(s store.Tx) error { return s.AddTransaction(&tx, draws) })
			if tx.State == wallet.Pending && one(rt, "finish", 2) {
				tx.State, tx.SettledAt, tx.FailedAt = wallet.Settled, at, time.Time{}
				if one(rt, "fail", 2) {
					tx.State, tx.SettledAt, tx.FailedAt = wallet.Failed, time.Time{}, at
				}
				update(t, s, w.Customer, func(s store.Tx) error { return s.Finish(&tx) })
			}
			all = append(all, tx)
		}
		for range 20 {
			q := wallet.TransactionQuery{
				Customer: pick(rt, "of", "", "", "c0", "c1", wallet.CustomerID("c2")), Reference: pick(rt, "reference", "", "", "", "r1", "r%", "r2"),
				Kinds:  rapid.SliceOfNDistinct(rapid.SampledFrom(kinds), 0, 3, rapid.ID).Draw(rt, "kinds"),
				States: rapid.SliceOfNDistinct(rapid.SampledFrom(states), 0, 2, rapid.ID).Draw(rt, "states"),
				From:   pick(rt, "from", time.Time{}, time.Time{}, moment(1), moment(1).Add(time.Microsecond), moment(3)),
				To:     pick(rt, "to", time.Time{}, time.Time{}, moment(2), moment(2).Add(time.Microsecond), moment(9)),
				Offset: rapid.IntRange(0, 3).Draw(rt, "offset"), Limit: rapid.IntRange(0, 6).Draw(rt, "limit"),
				OldestFirst: rapid.Bool().Draw(rt, "oldest first"),
			}
			if one(rt, "by wallet", 3) {
				q.Wallet = pick(rt, "wallet", wallets...).ID
			}
			if len(all) > 0 && one(rt, "after", 2) {
				q.After = pick(rt, "last", all...).ID
			}
			selected := slices.DeleteFunc(slices.Clone(all), func(t wallet.Transaction) bool { return !selects(q, t) })
			slices.SortFunc(selected, func(a, b wallet.Transaction) int {
				if q.OldestFirst {
					return a.ID.Compare(b.ID)
				}
				return b.ID.Compare(a.ID)
			})
			page := slices.DeleteFunc(slices.Clone(selected), func(t wallet.Transaction) bool {
				c := t.ID.Compare(q.After)
				return !q.After.IsZero() && (q.OldestFirst && c <= 0 || !q.OldestFirst && c >= 0)
			})
			page = paged(page, q.Offset, q.Limit)
			ask := func(r store.Reader) error {
				got, err := wallet.Collect(r.Transactions(q))
				if err != nil {
					return err
				}
				if !slices.EqualFunc(got, page, func(a, b wallet.Transaction) bool { return a.ID == b.ID && a.State == b.State && a.Kind == b.Kind }) {
					return fmt.Errorf("%+v: got %v, want %v", q, got, page)
				}
				if n, err := r.CountTransactions(q); err != nil || n != len(selected) {
					return fmt.Errorf("%+v: count %d, %w, want %d", q, n, err, len(selected))
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

// selects is the meaning of a query's filters.
func selects(q wallet.TransactionQuery, t wallet.Transaction) bool {
	in := t.Customer == q.Customer || q.Customer == ""
	in = in && (t.Wallet == q.Wallet || q.Wallet.IsZero())
	in = in && (len(q.Kinds) == 0 || slices.Contains(q.Kinds, t.Kind))
	in = in && (len(q.States) == 0 || slices.Contains(q.States, t.State))
	in = in && (t.Reference == q.Reference || q.Reference == "")
	in = in && (q.From.IsZero() || !t.CreatedAt.Before(q.From))
	return in && (q.To.IsZero() || t.CreatedAt.Before(q.To))
}
