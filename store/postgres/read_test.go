package postgres

import (
	"errors"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// What fails because the database refused to read for somebody else's function, or the connection was lost, is to be repeated; the
// guilty one is told what it did.
func TestReadFails(t *testing.T) {
	for _, opts := range []*Options{nil, {Distributed: true}} {
		s := openWith(t, opts)
		ids := []wallet.ID{create(t, s, "ann", 10), create(t, s, "bob", 10)}
		read := func(n int, before func() error, reference string) job {
			return job{scope: store.Scope{Wallet: ids[n]}, fn: func(tx store.Tx) error {
				if err := before(); err != nil {
					return err
				}
				if _, err := tx.CountTransactions(wallet.TransactionQuery{Wallet: ids[n], Reference: reference}); err != nil {
					return err
				}
				return take(ids[n], "").fn(tx)
			}}
		}
		nothing := func() error { return nil }
		s.common[0].unit.Forget() // so that it does not dare: then there is no transaction yet
		got := together(s, read(0, nothing, ""), read(0, nothing, "\x00"), read(0, nothing, ""), read(1, nothing, ""))
		if err, _ := got[1].(error); codeOf(err) != "22021" {
			t.Errorf("the guilty one got %v", got[1])
		}
		var again retryError
		for _, n := range []int{0, 2, 3} {
			if err, _ := got[n].(error); err != nil && !errors.As(err, &again) {
				t.Errorf("call %d: %v", n, err)
			}
		}
		for n, id := range ids {
			before, cuts := spendable(t, s, id), 0
			cut := func() error {
				if cuts++; cuts > 1 {
					return nil
				}
				_, err := s.pool.Exec(ctx, "SELECT pg_terminate_backend($1, 5000)", int32(s.common[0].conn.Conn().PgConn().PID()))
				return err
			}
			j := read(n, cut, "")
			if err := s.Update(ctx, j.scope, j.fn); err != nil || cuts != 2 {
				t.Errorf("run %d times: %v", cuts, err)
			}
			if left := must(wallet.ParseAmount(before)).Sub(dollar).String(); spendable(t, s, id) != left {
				t.Errorf("%s are left, want %s", spendable(t, s, id), left)
			}
			audit(t, s, id)
		}
	}
}
