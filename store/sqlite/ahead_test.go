package sqlite

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/seed-12493b23/wallet"
)

// What several calls need is read together. If that fails, each is as well off as alone.
func TestAhead(t *testing.T) {
	const n = 2*several + worth
	s := openNew(t)
	ids := books(t, s, n, 2)
	left := make([]wallet.Amount, n)
	for i := range left {
		left[i] = wallet.MustAmount("200000")
	}
	debit := func(fail int, f fault) (operations int) {
		s.writer.forget()
		var jobs []job
		for i, id := range ids {
			jobs = append(jobs, debiting(id, "1", fmt.Sprint(fail, f, i), nil, nil))
		}
		count := failNth(s, fail, f, false)
		got := together(s, jobs...)
		s.fault = nil
		for i, err := range got {
			switch err, _ := err.(error); {
			case err == nil:
				left[i] = left[i].Sub(wallet.MustAmount("1"))
			case !errors.Is(err, f) && !errors.Is(err, errBroken):
				t.Errorf("operation %d: %v", fail, err)
			}
			if have := stateOf(s, ids[i]).State.Balance.Spendable; !have.Equal(left[i]) {
				t.Fatalf("operation %d: %s left, want %s (%v)", fail, have, left[i], err)
			}
		}
		return *count
	}
	operations := debit(0, generic)
	if operations > 3*n { // two of them write a wallet's state
		t.Errorf("%d operations for %d wallets", operations, n)
	}
	for _, f := range []fault{generic, ioError} {
		for fail := 1; fail <= operations; fail++ {
			debit(fail, f)
		}
	}

	// An error that may have ended the transaction does not make a batch of single ones.
	s.writer.forget()
	var jobs []job
	for i, id := range ids {
		jobs = append(jobs, debiting(id, "1", fmt.Sprint("last ", i), nil, nil))
	}
	failed, commits := false, 0
	s.fault = func(op string) error {
		if op == commit.text {
			commits++
		}
		if op == familiesByWallet.text && !failed {
			failed = true
			return ioError
		}
		return nil
	}
	got := together(s, jobs...)
	s.fault = nil
	if !failed || commits != 1 || slices.ContainsFunc(got, func(err any) bool { return err != nil }) {
		t.Errorf("%t, %d commits: %v", failed, commits, got)
	}
	for _, id := range slices.Concat(ids[:2], ids[n-2:]) {
		audit(t, s, id)
	}
}
