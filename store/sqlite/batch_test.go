package sqlite

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/internal/lane"
)

// A job is a call of a batch under test.
type job struct {
	scope store.Scope
	ctx   context.Context
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
	got := make([]any, len(jobs))
	done := make(chan struct{})
	go func() { // that a function may exit
		defer close(done)
		s.writer.run(calls)
	}()
	<-done
	var group sync.WaitGroup
	for i, c := range calls {
		group.Go(func() {
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
	group.Wait()
	return got
}

// arriving is a context that tells when the call it is of has queued.
type arriving struct {
	context.Context
	once   sync.Once
	queued chan struct{}
}

func (a *arriving) Done() <-chan struct{} {
	a.once.Do(func() { close(a.queued) })
	return a.Context.Done()
}

// queued runs jobs as one batch as together does, by way of Update; fault is the store's from the batch on.
func queued(tb testing.TB, s *Store, fault func(string) error, jobs ...job) []any {
	hold, held := make(chan struct{}), make(chan struct{})
	var group sync.WaitGroup
	group.Go(func() {
		if err := s.Update(ctx, store.Scope{Customer: "nobody"}, func(store.Tx) error {
			close(held)
			<-hold
			return nil
		}); err != nil {
			tb.Error(err)
		}
	})
	<-held
	got := make([]any, len(jobs))
	for i, j := range jobs {
		a := &arriving{Context: ctx, queued: make(chan struct{})}
		group.Go(func() {
			got[i] = "exited"
			defer func() {
				if v := recover(); v != nil {
					got[i] = v
				}
			}()
			if err := s.Update(a, j.scope, j.fn); err != nil {
				got[i] = err
			} else {
				got[i] = nil
			}
		})
		<-a.queued
	}
	begun := false
	s.fault = func(op string) error {
		if !begun {
			begun = op == rollback.text // of who held the others up
			return nil
		}
		return fault(op)
	}
	close(hold)
	group.Wait()
	s.fault = nil
	return got
}

// debiting is a job that debits, and then does something else.
func debiting(id wallet.ID, credits, key string, by *wallet.TransactionID, then func(store.Tx) error) job {
	return job{scope: store.Scope{Wallet: id, Key: key}, fn: func(tx store.Tx) (err error) {
		t, err := debit(tx, id, wallet.MustAmount(credits), key)
		if by != nil {
			*by = t
		}
		if err == nil && then != nil {
			err = then(tx)
		}
		return err
	}}
}

func spendable(s store.Store, id wallet.ID) string {
	return stateOf(s, id).State.Balance.Spendable.String()
}

// An error, a panic and an exit undo one function, wherever in the batch, and nothing else.
func TestUndo(t *testing.T) {
	boom := errors.New("boom")
	endings := []struct {
		then func(store.Tx) error
		want any
	}{
		{nil, nil},
		{func(store.Tx) error { return boom }, boom},
		{func(store.Tx) error { panic(boom) }, boom},
		{func(store.Tx) error { runtime.Goexit(); return nil }, "exited"},
		{func(tx store.Tx) error { // touch everything before failing
			w, err := tx.ActiveWallets("ann")
			if err != nil {
				return err
			}
			other := *w[0]
			other.ID, other.Name = wallet.MintID(other.ID, now()), "other"
			first := *w[0]
			first.Name, first.Status = "changed", wallet.Terminated
			l, _, err := tx.NextLot(first.ID, nil)
			l.Key = append([]byte{0xff}, l.Key...)
			return errors.Join(err, tx.PutWallet(other), tx.PutLot(l), tx.PutWallet(first), boom)
		}, boom},
	}
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "7"))
	must(doGrant(s, id, "1000"))
	want := wallet.MustAmount("1007")
	for round := range 30 {
		var jobs []job
		for i := range endings {
			e := endings[(i+round)%len(endings)]
			jobs = append(jobs, debiting(id, "1.5", fmt.Sprint(round, " ", i), nil, e.then))
		}
		got := together(s, jobs...)
		for i := range endings {
			e := endings[(i+round)%len(endings)]
			if err, ok := got[i].(error); got[i] != e.want && !(ok && e.want != nil && errors.Is(err, boom)) {
				t.Errorf("round %d: caller %d got %v, want %v", round, i, got[i], e.want)
			}
		}
		want = want.Sub(wallet.MustAmount("1.5"))
		if w := stateOf(s, id); !w.State.Balance.Spendable.Equal(want) || w.Name != "" || w.Status != wallet.Active {
			t.Fatalf("round %d: %+v, want %s", round, w, want)
		}
	}
	audit(t, s, id)
	if err := s.View(ctx, func(r store.Reader) error {
		if n, err := r.CountWallets(wallet.WalletQuery{}); n != 1 || err != nil {
			t.Error(n, err)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// Two functions with one key: the second gets what the first has done, unless that was undone.
func TestOneKeyInOneBatch(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	boom := errors.New("boom")
	var undone, first, second, other wallet.TransactionID
	got := together(s,
		debiting(id, "1", "k", &undone, func(store.Tx) error { return boom }),
		debiting(id, "1", "k", &first, nil), debiting(id, "1", "k", &second, nil), debiting(id, "1", "l", &other, nil))
	if got[0] != any(boom) || got[1] != nil || got[2] != nil || got[3] != nil || first != second || first == undone || first == other {
		t.Error(got, undone, first, second, other)
	}
	if later := must(doDebit(s, id, "1", "k")); later != first {
		t.Errorf("later: %s, want %s", later, first)
	}
	if left := spendable(s, id); left != "98" {
		t.Error(left)
	}
}

// A function that is too large for a batch runs again on its own, and the others do not notice.
func TestHuge(t *testing.T) {
	s := openNew(t)
	id, other := must(create(s, "ann")), must(create(s, "bob"))
	must(doGrant(s, other, "100"))
	runs := 0
	huge := job{scope: store.Scope{Wallet: id}, fn: func(tx store.Tx) error {
		runs++
		for range 200 {
			if _, err := grant(tx, id, one1); err != nil {
				return err
			}
		}
		return nil
	}}
	if got := together(s, debiting(other, "1", "a", nil, nil), huge, debiting(other, "1", "b", nil, nil)); got[0] != nil || got[1] != nil || got[2] != nil {
		t.Error(got)
	}
	if runs != 2 || spendable(s, id) != "200" || spendable(s, other) != "98" {
		t.Error(runs, spendable(s, id), spendable(s, other))
	}
	must(doDebit(s, id, "150.5", ""))
	audit(t, s, id)
	audit(t, s, other)
}

// A caller that has gone before the commit leaves nothing behind, and what ran behind it runs again without it.
func TestGone(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "10"))
	gone, leave := context.WithCancel(ctx)
	var seen []string
	look := func(tx store.Tx) error {
		w, err := tx.Wallet(id)
		seen = append(seen, w.State.Balance.Spendable.String())
		return err
	}
	leaving := debiting(id, "5", "a", nil, look)
	leaving.ctx = gone
	poor := debiting(id, "6", "b", nil, look) // enough only if the first is undone
	got := together(s, leaving, poor, debiting(id, "1", "c", nil, func(tx store.Tx) error { leave(); return look(tx) }))
	if err, _ := got[0].(error); !errors.Is(err, context.Canceled) || got[1] != nil || got[2] != nil {
		t.Error(got)
	}
	if want := []string{"5", "4", "4", "3"}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
	if spendable(s, id) != "3" {
		t.Error(spendable(s, id))
	}
	audit(t, s, id)
}

// What the database refuses fails the guilty function alone.
func TestGuilty(t *testing.T) {
	s := openNew(t)
	id, other := must(create(s, "ann")), must(create(s, "bob"))
	must(doGrant(s, id, "100"))
	lot := must(doGrant(s, other, "100"))
	twice := job{scope: store.Scope{Wallet: id}, fn: func(tx store.Tx) error { // the ID of a transaction of another wallet
		w, err := tx.Wallet(id)
		if err != nil {
			return err
		}
		state := w.State
		state.Balance.Kept = one1
		t := wallet.Transaction{ID: lot, Wallet: id, Customer: "ann", Kind: wallet.Granted, State: wallet.Settled, Source: wallet.SourceManual,
			Credits: one1, Money: wallet.Money{Currency: "USD"}, CreatedAt: now()}
		return errors.Join(tx.AddTransaction(&t, nil), tx.PutState(id, state))
	}}
	got := together(s, debiting(id, "1", "a", nil, nil), twice, debiting(other, "1", "b", nil, nil))
	if err, _ := got[1].(error); got[0] != nil || err == nil || got[2] != nil {
		t.Error(got)
	}
	if spendable(s, id) != "99" || spendable(s, other) != "99" || !stateOf(s, id).State.Balance.Kept.IsZero() {
		t.Error(spendable(s, id), spendable(s, other), stateOf(s, id).State)
	}
	audit(t, s, id)
	audit(t, s, other)
}

// While somebody else writes, a function waits, and gives up naming the way to take part; Try does not wait.
func TestBusy(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s, host := openFile(t, path), openFile(t, path)
	s.busy = 50 * time.Millisecond
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	c := must(host.take(ctx, 0))
	defer c.close()
	must(c.exec(beginImmediate))
	if _, err := doDebit(s, id, "1", ""); !errors.Is(err, wallet.ErrConflict) || !strings.Contains(err.Error(), "sqlite.Join") {
		t.Error(err)
	}
	s.busy = 10 * time.Second
	waiting := make(chan error)
	go func() { _, err := doDebit(s, id, "1", ""); waiting <- err }()
	for !s.blocked.Load() {
		runtime.Gosched()
	}
	try := func() error {
		return s.Update(ctx, store.Scope{Wallet: id, Try: true}, func(store.Tx) error { return nil })
	}
	if err := try(); !errors.Is(err, store.ErrBusy) { // somebody is waiting already
		t.Error(err)
	}
	must(c.exec(rollback))
	if err := <-waiting; err != nil {
		t.Error(err)
	}
	must(c.exec(beginImmediate))
	if err := try(); !errors.Is(err, store.ErrBusy) { // it would be the first
		t.Error(err)
	}
	must(c.exec(rollback))
	if err := try(); err != nil {
		t.Error(err)
	}
}

// Readers see what is committed while a batch is under way, and cannot be used afterwards; a Tx neither.
func TestView(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "100"))
	var late store.Reader
	err := s.Update(ctx, store.Scope{Wallet: id}, func(tx store.Tx) error {
		late = tx
		if _, err := debit(tx, id, one1, ""); err != nil {
			return err
		}
		seen := make(chan string)
		go func() { seen <- spendable(s, id) }()
		if got := <-seen; got != "100" {
			t.Error("a reader saw what was not committed:", got)
		}
		if err := s.View(ctx, func(store.Reader) error { return nil }); !errors.Is(err, lane.ErrNested) {
			t.Error(err)
		}
		if _, err := doDebit(s, id, "1", ""); !errors.Is(err, lane.ErrNested) {
			t.Error(err)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := late.Wallet(id); err == nil {
		t.Error("a Tx outlived its function")
	}
	s.View(ctx, func(r store.Reader) error { late = r; return nil })
	if _, err := late.Wallet(id); err == nil {
		t.Error("a Reader outlived its function")
	}
}

// A caller whose time is up leaves a batch that waits for the lock, and does not wait with it.
func TestGoneWhileLocked(t *testing.T) {
	path := t.TempDir() + "/wallets.db"
	s, host := openFile(t, path), openFile(t, path)
	s.busy = time.Minute
	id := must(create(s, "ann"))
	c := must(host.take(ctx, 0))
	defer c.close()
	must(c.exec(beginImmediate))
	defer c.exec(rollback)
	gone, leave := context.WithCancel(ctx)
	ended := make(chan error)
	go func() { ended <- s.Update(gone, store.Scope{Wallet: id}, func(store.Tx) error { return nil }) }()
	for !s.blocked.Load() {
		runtime.Gosched()
	}
	leave()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Closing a store inside a function that it runs is refused; a View inside a View that takes the last connection gives up.
func TestNestedUse(t *testing.T) {
	s := openNew(t)
	if err := s.Update(ctx, store.Scope{Customer: "ann"}, func(store.Tx) error { return s.Close() }); !errors.Is(err, lane.ErrNested) {
		t.Error(err)
	}
	host := hostOf(t, t.TempDir()+"/host.db", "")
	host.SetMaxOpenConns(1)
	s = must(New(ctx, host, &Options{BusyTimeout: time.Millisecond}))
	nothing := func(store.Reader) error { return nil }
	if err := s.View(ctx, func(store.Reader) error { return s.View(ctx, nothing) }); !errors.Is(err, wallet.ErrConflict) {
		t.Error(err)
	}
	if err := errors.Join(s.View(ctx, nothing), s.Close()); err != nil {
		t.Error(err)
	}
}

// A sequence that a View's function has left behind reads nothing.
func TestSequenceLeftBehind(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "1"))
	var left iter.Seq2[wallet.Transaction, error]
	s.View(ctx, func(r store.Reader) error {
		left = r.Transactions(wallet.TransactionQuery{Wallet: id})
		return nil
	})
	for x, err := range left {
		if err == nil {
			t.Error("read", x.ID)
		}
	}
}
