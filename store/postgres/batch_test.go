package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
	"github.com/seed-12493b23/wallet/store/internal/script"
	"github.com/seed-12493b23/wallet/store/memory"
)

// A job is an Update of a batch.
type job struct {
	ctx   context.Context
	scope store.Scope
	fn    func(store.Tx) error
}

// together runs jobs as one batch, and returns what each caller gets: its error, "exited" or what it panicked with.
func together(s *Store, jobs ...job) []any {
	calls := make([]*lane.Call, len(jobs))
	for i, j := range jobs {
		if j.ctx == nil {
			j.ctx = ctx
		}
		calls[i] = lane.NewCall(j.ctx, j.scope, j.fn)
	}
	in := func(do func()) {
		done := make(chan struct{})
		go func() { // that a function may exit
			defer close(done)
			do()
		}()
		<-done
	}
	in(func() { s.common[0].run(calls) })
	got := make([]any, len(jobs))
	for i, c := range calls {
		in(func() {
			got[i] = "exited"
			defer func() {
				if v := recover(); v != nil {
					got[i] = v
				}
			}()
			if err := c.Outcome(); err != nil {
				got[i] = err
			} else {
				got[i] = nil
			}
		})
	}
	return got
}

// Batches of functions that do everything at random, of which some fail, read and leave behind what they do in memory, one
// after the other; also where others write in between.
func TestBatchesLikeMemory(t *testing.T) {
	rounds := 30
	if testing.Short() {
		rounds = 10
	}
	for _, opts := range []*Options{nil, {Distributed: true}} {
		for seed := range uint64(3) {
			s, m := openWith(t, opts), memory.New()
			o := *s.opts
			other := must(New(ctx, s.pool, &o))
			customers := []wallet.CustomerID{"ann", "bob", "eve"}
			random := rand.New(rand.NewPCG(seed, 0))
			at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
			tick := func() time.Time { at = at.Add(time.Microsecond); return at }
			for range rounds {
				on := s
				if random.IntN(6) == 0 {
					on = other
				}
				var jobs []job
				var want, got []*script.Script
				for range 1 + random.IntN(6) {
					of := customers[random.IntN(len(customers))]
					a := &script.Script{Seed: random.Uint64(), At: tick(), Customer: of}
					b := *a
					want, got = append(want, a), append(got, &b)
					jobs = append(jobs, job{scope: store.Scope{Customer: of, Create: true}, fn: b.Run})
				}
				if opts != nil { // a customer after the other: there is no order among them
					for _, j := range jobs {
						together(on, j)
					}
				} else {
					together(on, jobs...)
				}
				for i, a := range want {
					m.Update(ctx, store.Scope{Customer: a.Customer}, a.Run)
					if d := a.Unlike(got[i]); d != "" {
						t.Fatalf("seed %d: function %d of %d%s", seed, i, len(want), d)
					}
				}
				for _, of := range customers {
					a := script.Script{Customer: of, At: tick()}
					b := a
					if err := errors.Join(m.View(ctx, a.Look), s.View(ctx, b.Look)); err != nil || a.Log != b.Log {
						t.Fatalf("seed %d: %v%s", seed, err, a.Unlike(&b))
					}
				}
			}
		}
	}
}

// take is a job that debits a credit.
func take(id wallet.ID, key string) job {
	return job{scope: store.Scope{Wallet: id, Key: key}, fn: func(tx store.Tx) error {
		w, err := tx.Wallet(id)
		if err != nil {
			return err
		}
		l, ok, err := tx.NextLot(id, nil)
		if err != nil || !ok {
			return errors.Join(err, wallet.ErrInsufficient)
		}
		state := w.State
		if key != "" {
			if _, done, err := tx.Outcome(w.Customer, key); done || err != nil {
				return err
			}
		}
		at := state.UpdatedAt.Add(time.Microsecond)
		state.Last, state.UpdatedAt = wallet.MintTransactionID(state.Last, at), at
		state.Balance.Spendable, state.Balance.Consumed = state.Balance.Spendable.Sub(dollar), state.Balance.Consumed.Add(dollar)
		x := wallet.Transaction{ID: state.Last, Wallet: id, Customer: w.Customer, Kind: wallet.Consumed, State: wallet.Settled, Source: wallet.SourceManual,
			Credits: dollar, Money: w.Money(dollar), BalanceAfter: state.Balance.Total(), CreatedAt: at, SettledAt: at}
		l.Remaining = l.Remaining.Sub(dollar)
		err = errors.Join(tx.PutLot(l), tx.AddTransaction(&x, []wallet.Draw{{Lot: l.ID, By: x.ID, Wallet: id, Kind: x.Kind, Credits: dollar, Amount: x.Money.Amount}}))
		state.Events++
		err = errors.Join(err, tx.AddEvent(wallet.Event{Wallet: id, Customer: w.Customer, Number: state.Events, Kind: wallet.EventConsumed, At: at,
			Credits: dollar, Transaction: x.ID}))
		if key != "" {
			err = errors.Join(err, tx.Remember(key, store.Outcome{Transactions: []wallet.TransactionID{x.ID}}))
		}
		return errors.Join(err, tx.PutState(id, state))
	}}
}

// wants compares what came of a batch.
func wants(t *testing.T, got []any, want ...any) {
	t.Helper()
	for i := range want {
		err, isError := got[i].(error)
		wantErr, wantError := want[i].(error)
		if isError && wantError && errors.Is(err, wantErr) {
			continue
		}
		if got[i] != want[i] {
			t.Errorf("call %d: %v, want %v", i, got[i], want[i])
		}
	}
}

// In a batch an error, a panic, a caller who has gone, a function that the database refuses, and a huge one reach nobody but
// their own callers; the second use of a key has the outcome of the first.
func TestBatch(t *testing.T) {
	boom := errors.New("boom")
	gone, leave := context.WithCancel(ctx)
	leave()
	for _, warm := range []bool{false, true} { // warm: with all that is needed loaded
		s := openWith(t, nil)
		ann, bob := create(t, s, "ann", 1000), create(t, s, "bob", 1000)
		if !warm {
			s.common[0].unit.Forget()
		}
		if dares := s.common[0].isDaring([]*lane.Call{lane.NewCall(ctx, store.Scope{Wallet: ann}, nil)}); dares != warm {
			t.Fatalf("the batch dares: %t", dares)
		}
		fails := job{scope: store.Scope{Wallet: ann}, fn: func(tx store.Tx) error { return errors.Join(take(ann, "").fn(tx), boom) }}
		panics := job{scope: store.Scope{Wallet: bob}, fn: func(tx store.Tx) error { take(bob, "").fn(tx); panic("eek") }}
		left := take(ann, "")
		left.ctx = gone
		clash := job{scope: store.Scope{Wallet: bob}, fn: func(tx store.Tx) error { // a lot at a place that is taken
			w, _ := tx.Wallet(bob)
			state := w.State
			l, _, err := tx.NextLot(bob, nil)
			state.Last = wallet.MintTransactionID(state.Last, state.UpdatedAt)
			l.ID, l.Lot.ID = state.Last, state.Last
			return errors.Join(err, tx.PutLot(l), tx.PutState(bob, state))
		}}
		huge := job{scope: store.Scope{Wallet: ann}, fn: func(tx store.Tx) error {
			for range 300 {
				if err := take(ann, "").fn(tx); err != nil {
					return err
				}
			}
			return nil
		}}
		got := together(s, take(ann, "k"), fails, take(bob, "k"), panics, left, take(ann, "k"), clash, huge, take(bob, "l"))
		wants(t, got[:6], nil, boom, nil, "eek", context.Canceled, nil)
		wants(t, got[7:], nil, nil)
		if err, _ := got[6].(error); codeOf(err) != "23505" {
			t.Errorf("the guilty one got %v", got[6])
		}
		if a, b := spendable(t, s, ann), spendable(t, s, bob); a != "699" || b != "998" {
			t.Errorf("%s and %s are left, want 699 and 998", a, b)
		}
		audit(t, s, ann)
		audit(t, s, bob)
	}
}

// A row that somebody has taken away is missed before the commit.
func TestMissingRow(t *testing.T) {
	for _, opts := range []*Options{nil, {Distributed: true}} {
		s := openWith(t, opts)
		id := create(t, s, "ann", 2)
		if err := debit(s, id, ""); err != nil {
			t.Fatal(err)
		}
		must(s.pool.Exec(ctx, s.names.in("DELETE FROM {lot}")))
		err := debit(s, id, "") // the last of the lot
		if err == nil || codeOf(err) == divisionByZero && !strings.Contains(err.Error(), "somebody has changed the tables") {
			t.Error(err)
		}
		if got := spendable(t, s, id); got != "1" {
			t.Errorf("%s are left, want 1", got)
		}
	}
}

// A customer that was locked, and was lost while others were added, is not taken for locked.
func TestLockedBefore(t *testing.T) {
	s := openWith(t, nil)
	create(t, s, "ann", 10)
	tx := must(s.pool.Begin(ctx))
	defer tx.Rollback(ctx)
	must(tx.Exec(ctx, s.names.in(addCustomers), []string{"bob"})) // to be waited for, for a while
	had := make(chan error)
	go func() {
		const waits = "SELECT EXISTS (SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid)))"
		for waiting := false; !waiting; {
			if err := s.pool.QueryRow(ctx, waits, int32(tx.Conn().PgConn().PID())).Scan(&waiting); err != nil {
				had <- err
				return
			}
		}
		_, err := tx.Exec(ctx, s.names.in(lockCustomer), "ann")
		had <- err
	}()
	s.common[0].unit.Forget()
	ran := false
	got := together(s, job{scope: store.Scope{Customer: "ann"}, fn: func(store.Tx) error { ran = true; return nil }},
		job{scope: store.Scope{Customer: "bob"}, fn: func(store.Tx) error { return nil }})
	if err := <-had; err != nil {
		t.Fatal(err)
	}
	if wants(t, got, busyError{"ann"}, busyError{"bob"}); ran {
		t.Error("a function ran while somebody else had its customer")
	}
}

// What is decided by loaded state that others have changed is decided again: successes, failures, and repeats of what others did.
func TestOutOfDate(t *testing.T) {
	s := openWith(t, nil)
	other := must(New(ctx, s.pool, &Options{Schema: s.opts.Schema}))
	id := create(t, s, "ann", 1)
	if err := debit(s, id, "k"); err != nil { // s has loaded that nothing is left
		t.Fatal(err)
	}
	if err := debit(s, id, "k"); err != nil {
		t.Error("the repeat of the last one failed: ", err)
	}
	must(engine.New(other, nil).TopUp(ctx, id, wallet.TopUp{Granted: dollar}))
	if err := debit(s, id, ""); err != nil {
		t.Error("another store's top-up was not seen: ", err)
	}
	if err := debit(other, id, ""); !errors.Is(err, wallet.ErrInsufficient) {
		t.Error("another store's debit was not seen: ", err)
	}
	must(engine.New(s, nil).TopUp(ctx, id, wallet.TopUp{Granted: wallet.MustAmount("5")}))
	if err := debit(other, id, "o"); err != nil {
		t.Fatal(err)
	}
	if err := debit(s, id, "o"); err != nil {
		t.Error(err)
	}
	w := must(engine.New(other, nil).Create(ctx, wallet.Spec{Customer: "ann", Currency: "USD", Rate: dollar, TopUp: wallet.TopUp{Granted: wallet.MustAmount("7")}}))
	r := must(engine.New(s, nil).Charge(ctx, wallet.Charge{Customer: "ann", Currency: "USD", Fees: []wallet.Fee{{Amount: wallet.MustAmount("11")}}, Whole: true}))
	if len(r.Transactions) != 2 {
		t.Error("another store's wallet was not seen")
	}
	if err := s.Update(ctx, store.Scope{Customer: "ann"}, func(tx store.Tx) error { // that only reads
		active, err := tx.ActiveWallets("ann")
		if len(active) != 2 {
			err = fmt.Errorf("%d wallets", len(active))
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	must(engine.New(other, nil).Terminate(ctx, w.ID))
	n := -1
	if err := s.Update(ctx, store.Scope{Customer: "ann"}, func(tx store.Tx) error {
		active, err := tx.ActiveWallets("ann")
		n = len(active)
		return err
	}); err != nil || n != 1 {
		t.Errorf("%d active wallets, want 1: %v", n, err)
	}
	audit(t, s, id)
	audit(t, s, w.ID)
}

// Debits touch no index of what they update, nor the row of a lot.
func TestHot(t *testing.T) {
	s := openWith(t, nil)
	ids := []wallet.ID{create(t, s, "ann", 1000), create(t, s, "bob", 1000)}
	row := func() (version string) {
		if err := s.pool.QueryRow(ctx, s.names.in("SELECT string_agg(ctid::text || xmin::text, ',' ORDER BY id) FROM {lot}")).Scan(&version); err != nil {
			t.Fatal(err)
		}
		return version
	}
	for range 2 { // the lots are hot from now on
		wants(t, together(s, take(ids[0], ""), take(ids[1], "")), nil, nil)
	}
	before := row()
	for range 10 {
		wants(t, together(s, take(ids[0], ""), take(ids[1], "")), nil, nil)
	}
	if after := row(); after != before {
		t.Errorf("lots were written: %s, then %s", before, after)
	}
	var drawn, marked int
	if err := s.pool.QueryRow(ctx, s.names.in("SELECT (SELECT count(*) FROM {transaction} WHERE lot IS NOT NULL), (SELECT count(*) FROM {drawn})")).Scan(&drawn, &marked); err != nil {
		t.Fatal(err)
	}
	if drawn != 24 || marked != 2 {
		t.Errorf("%d transactions drew from lots in %d runs, want 24 in 2", drawn, marked)
	}
	for _, id := range ids {
		audit(t, s, id)
	}
}

// However transactions take turns with lots, with holds and with other stores, the draws from a lot are all found, once.
func TestDrawsOfLots(t *testing.T) {
	s := openWith(t, nil)
	id := create(t, s, "ann", 4)
	other := func() *engine.Engine { return engine.New(must(New(ctx, s.pool, &Options{Schema: s.opts.Schema})), nil) }
	eng := engine.New(s, nil)
	must(eng.Release(ctx, must(eng.Authorize(ctx, wallet.Authorization{Wallet: id, Credits: dollar})).ID)) // the lot is hot, and nobody drew from it
	want := map[wallet.TransactionID][]wallet.TransactionID{}
	for i, credits := range []string{"1", "1", "0.5", "3", "1", "2", "1", "0.25"} {
		on := eng
		if i%3 != 1 {
			on = other()
		}
		made := must(on.Debit(ctx, id, wallet.Debit{Credits: wallet.MustAmount(credits)}))
		for _, d := range must(wallet.Collect(on.Draws(ctx, made.ID))) {
			want[d.Lot] = append(want[d.Lot], d.By)
		}
		if i%2 == 0 {
			must(on.TopUp(ctx, id, wallet.TopUp{Granted: wallet.MustAmount("3")}))
		}
	}
	for lot, by := range want {
		for skip := range len(by) + 1 {
			var got []wallet.TransactionID
			if err := s.View(ctx, func(r store.Reader) error {
				for d, err := range r.Draws(lot, skip) {
					if err != nil {
						return err
					}
					got = append(got, d.By)
				}
				return nil
			}); err != nil || !slices.Equal(got, by[skip:]) {
				t.Errorf("drawn from %s but %d: %v, want %v: %v", lot, skip, got, by, err)
			}
		}
	}
	audit(t, s, id)
}

// Places in the feed are behind those that the customer has had, whatever the transaction's ID.
func TestPlaces(t *testing.T) {
	const far = 1 << 60
	s := openWith(t, nil)
	ann, bob := create(t, s, "ann", 10), create(t, s, "bob", 10)
	must(s.pool.Exec(ctx, s.names.in("UPDATE {customer} SET cursor = $1, version = version + 1"), int64(far)))
	last := int64(far)
	for range 3 {
		if errs := []any{debit(s, ann, ""), together(s, take(bob, ""), take(ann, ""))[1]}; errs[0] != nil || errs[1] != nil {
			t.Fatal(errs...)
		}
		var n, most, customer int64
		if err := s.pool.QueryRow(ctx, s.names.in(`SELECT count(*), max(t.cursor), min(c.cursor) FROM {transaction} t JOIN {customer} c USING (customer)
			WHERE customer = 'ann' AND t.cursor > $1`), last).Scan(&n, &most, &customer); err != nil {
			t.Fatal(err)
		}
		if last = customer; n != 2 || most > customer {
			t.Errorf("%d places behind the last, up to %d; the customer's last is %d", n, most, customer)
		}
	}
}

// A transaction for a distributed engine is about one customer, any other about all of a batch.
func TestOneCustomer(t *testing.T) {
	for _, distributed := range []bool{false, true} {
		s := openWith(t, &Options{Distributed: distributed})
		ann, bob := create(t, s, "ann", 10), create(t, s, "bob", 10)
		wants(t, together(s, take(ann, ""), take(bob, ""), take(ann, ""), take(bob, "")), nil, nil, nil, nil)
		var shared int
		if err := s.pool.QueryRow(ctx, s.names.in("SELECT count(*) FROM (SELECT xmin::text FROM {transaction} GROUP BY xmin::text HAVING count(DISTINCT customer) > 1) s")).Scan(&shared); err != nil {
			t.Fatal(err)
		}
		var cursor int64
		if err := s.pool.QueryRow(ctx, s.names.in("SELECT max(cursor) FROM {customer}")).Scan(&cursor); err != nil {
			t.Fatal(err)
		}
		if (cursor < ordinals) != distributed {
			t.Errorf("distributed %t: cursor %d is made of a transaction's ID, or not", distributed, cursor)
		}
		if (shared > 0) == distributed {
			t.Errorf("distributed %t: %d transactions are about several customers", distributed, shared)
		}
	}
}
