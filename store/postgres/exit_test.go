package postgres

import (
	"errors"
	"runtime"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
)

// exit is a job that ends its goroutine.
func exit(id wallet.ID) job {
	return job{scope: store.Scope{Wallet: id}, fn: func(store.Tx) error { runtime.Goexit(); return nil }}
}

// A function that exits leaves nothing behind for the next batches: they lock, or make sure of, what they decide by.
func TestAfterExit(t *testing.T) {
	s := openWith(t, nil)
	other := must(New(ctx, s.pool, &Options{Schema: s.opts.Schema}))
	id := create(t, s, "ann", 1)
	wants(t, together(s, take(id, ""), exit(id)), nil, "exited")
	wants(t, together(s, exit(id)), "exited")
	must(engine.New(other, nil).TopUp(ctx, id, wallet.TopUp{Granted: dollar}))
	s.common[0].careful = 1 // the next one does not dare
	if err := debit(s, id, ""); err != nil {
		t.Error("another store's top-up was not seen: ", err)
	}
	wants(t, together(s, exit(id)), "exited")
	create(t, s, "bob", 1) // of whom nothing is loaded
}

// Whichever function exits, on its own or beside others, the others of the batch are run, and told what came of them.
func TestExits(t *testing.T) {
	for _, opts := range []*Options{nil, {Distributed: true}} {
		for _, warm := range []bool{false, true} {
			s := openWith(t, opts)
			ann, bob, carl := create(t, s, "ann", 1000), create(t, s, "bob", 1000), create(t, s, "carl", 1000)
			if !warm {
				s.common[0].unit.Forget()
			}
			huge := job{scope: store.Scope{Wallet: bob}, fn: func(tx store.Tx) error {
				for range 300 {
					if err := take(bob, "").fn(tx); err != nil {
						return err
					}
				}
				runtime.Goexit()
				return nil
			}}
			clash := job{scope: store.Scope{Wallet: carl}, fn: func(tx store.Tx) error { // a lot at a place that is taken
				w, _ := tx.Wallet(carl)
				state := w.State
				l, _, err := tx.NextLot(carl, nil)
				state.Last = wallet.MintTransactionID(state.Last, state.UpdatedAt)
				l.ID = state.Last
				return errors.Join(err, tx.PutLot(l), tx.PutState(carl, state))
			}}
			got := together(s, take(ann, ""), exit(bob), huge, take(ann, ""), clash, take(carl, ""))
			wants(t, got[:4], nil, "exited", "exited", nil)
			wants(t, got[5:], nil)
			if err, _ := got[4].(error); codeOf(err) != "23505" {
				t.Errorf("the guilty one got %v", got[4])
			}
			for id, want := range map[wallet.ID]string{ann: "998", bob: "1000", carl: "999"} {
				if left := spendable(t, s, id); left != want {
					t.Errorf("%s are left, want %s", left, want)
				}
				audit(t, s, id)
			}
		}
	}
}
