package postgres

import (
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

// Debits of a wallet write the row of its customer alone, until another wallet of the customer is the hot one.
func TestHotWallet(t *testing.T) {
	for name, opts := range map[string]*Options{"": nil, "Distributed": {Distributed: true}} {
		t.Run(name, func(t *testing.T) {
			s := openWith(t, opts)
			a, b, c := create(t, s, "ann", 1000), create(t, s, "ann", 1000), create(t, s, "ann", 1000)
			other := must(New(ctx, s.pool, s.opts)) // that learns what the first one writes
			spent := map[wallet.ID]int64{}
			spend := func(from ...wallet.ID) {
				t.Helper()
				for _, id := range from {
					for _, in := range []*Store{s, other} {
						if err := debit(in, id, ""); err != nil {
							t.Fatal(err)
						}
						spent[id]++
					}
				}
			}
			// written counts the states' rows that a step writes, and tells which wallet is hot after it.
			written := func(step func()) (rows int, hot wallet.ID) {
				t.Helper()
				const states = "SELECT string_agg(ctid::text || xmin::text, ',' ORDER BY wallet) FROM {state} WHERE wallet = $1"
				before, after := map[wallet.ID]string{}, map[wallet.ID]string{}
				look := func(at map[wallet.ID]string) {
					for _, w := range []wallet.ID{a, b, c} {
						var row string
						if err := s.pool.QueryRow(ctx, s.names.in(states), id(w)).Scan(&row); err != nil {
							t.Fatal(err)
						}
						at[w] = row
					}
				}
				look(before)
				step()
				look(after)
				for w := range before {
					if before[w] != after[w] {
						rows++
					}
				}
				if err := s.pool.QueryRow(ctx, s.names.in("SELECT hot FROM {customer}")).Scan(uuid{&hot}); err != nil {
					t.Fatal(err)
				}
				for _, w := range []wallet.ID{a, b, c} {
					audit(t, s, w)
					audit(t, other, w)
					if got, want := spendable(t, s, w), must(wallet.NewAmount(1000-spent[w], 0)).String(); got != want {
						t.Errorf("wallet %s has %s, want %s", w, got, want)
					}
				}
				return rows, hot
			}
			is := func(what string, step func(), rows int, hot wallet.ID) {
				t.Helper()
				if n, id := written(step); n != rows || id != hot {
					t.Errorf("%s: %d rows were written, %s is hot; want %d, %s", what, n, id, rows, hot)
				}
			}
			spend(a, a)
			is("the hot one", func() { spend(a, a, a) }, 0, a)
			spend(b, b)
			is("the new hot one", func() { spend(b) }, 0, b)
			is("another", func() { spend(a) }, 1, a)
			spend(c, b)
			is("by turns", func() { spend(a, b, c) }, 2, c)
			is("all at once", func() {
				most := must(wallet.NewAmount(2001-spent[a]-spent[b], 0))
				must(engine.New(s, nil).Charge(ctx, wallet.Charge{Customer: "ann", Currency: "USD", Fees: []wallet.Fee{{Amount: most}}}))
				spent[a], spent[b], spent[c] = 1000, 1000, spent[c]+1
			}, 2, c)
			is("more than a debit", func() { must(engine.New(s, nil).TopUp(ctx, c, wallet.TopUp{Paid: dollar})) }, 1, wallet.ID{})
			spend(c, c)
			is("the end", func() {
				must(engine.New(other, nil).Terminate(ctx, c))
				spent[c] = 1000
			}, 1, wallet.ID{})

			tx := must(s.pool.Begin(ctx))
			defer tx.Rollback(ctx)
			a = create(t, s.Join(tx), "ann", 3)
			for range 2 {
				if err := debit(s.Join(tx), a, ""); err != nil {
					t.Fatal(err)
				}
			}
			if err := tx.Commit(ctx); err != nil {
				t.Fatal(err)
			}
			if err := debit(other, a, ""); err != nil {
				t.Fatal(err)
			}
			audit(t, s, a)
		})
	}
}
