package memory

import (
	"context"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

func BenchmarkPieces(b *testing.B) {
	ctx := context.Background()
	run := func(name string, fn func(p *purse, tx store.Tx, i int) error) {
		b.Run(name, func(b *testing.B) {
			s := New()
			p := newPurse(b, s, 1, 3)
			i := 0
			f := func(tx store.Tx) error { return fn(p, tx, i) }
			b.ReportAllocs()
			b.ResetTimer()
			for i = range b.N {
				if err := s.Update(ctx, p.scope(), f); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	run("empty", func(p *purse, tx store.Tx, i int) error { return nil })
	run("active", func(p *purse, tx store.Tx, i int) error { _, err := tx.ActiveWallets(p.customer); return err })
	run("wallet", func(p *purse, tx store.Tx, i int) error { _, err := tx.Wallet(p.wallet); return err })
	run("outcome", func(p *purse, tx store.Tx, i int) error {
		_, _, err := tx.Outcome(p.customer, "abcdefghabcdefghabcdefghabcdefgh1234")
		return err
	})
	run("nextlot", func(p *purse, tx store.Tx, i int) error { _, _, err := tx.NextLot(p.wallet, nil); return err })
	run("nextlot+putlot", func(p *purse, tx store.Tx, i int) error {
		l, _, err := tx.NextLot(p.wallet, nil)
		if err != nil {
			return err
		}
		l.Remaining = l.Remaining.Sub(credit)
		return tx.PutLot(l)
	})
	run("state", func(p *purse, tx store.Tx, i int) error {
		w, err := tx.Wallet(p.wallet)
		if err != nil {
			return err
		}
		s := w.State
		s.Events++
		return tx.PutState(p.wallet, s)
	})
	run("key", func(p *purse, tx store.Tx, i int) error { sink = key(i); return nil })
	run("mint", func(p *purse, tx store.Tx, i int) error { p.mint(); return nil })
	draws := make([]wallet.Draw, 1)
	run("add", func(p *purse, tx store.Tx, i int) error {
		l, _, err := tx.NextLot(p.wallet, nil)
		if err != nil {
			return err
		}
		t := p.transaction(wallet.Consumed, credit)
		draws[0] = wallet.Draw{Lot: l.ID, By: t.ID, Wallet: p.wallet, Kind: t.Kind, Credits: credit, Amount: credit}
		return tx.AddTransaction(t, draws)
	})
	ids := make([]wallet.TransactionID, 1)
	run("remember", func(p *purse, tx store.Tx, i int) error {
		ids[0] = p.last
		return tx.Remember(key(i), store.Outcome{Wallet: p.wallet, Transactions: ids})
	})
}

var sink string
