package engine_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// due creates a wallet for each of n customers, with one credit that expires after an hour.
func due(w *world, n int) (ids []wallet.ID) {
	for i := range n {
		ids = append(ids, w.create(wallet.Spec{Customer: wallet.CustomerID(fmt.Sprint("customer ", i)),
			TopUp: wallet.TopUp{Granted: amount("1"), ExpiresAt: start.Add(time.Hour)}}))
	}
	return ids
}

// Tick tells how many customers it brought up to date: each once, however many wallets and steps, and nobody else.
func TestTick(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		const customers = 300 // more than a page
		due(w, customers)
		for i := range 5 { // a second wallet, a second instant
			w.create(wallet.Spec{Customer: wallet.CustomerID(fmt.Sprint("customer ", i)), TopUp: wallet.TopUp{Granted: amount("1"), ExpiresIn: time.Minute}})
		}
		w.open("1") // nothing due
		for _, step := range []struct {
			wait time.Duration
			want int
		}{{0, 0}, {time.Minute - time.Microsecond, 0}, {time.Microsecond, 5}, {0, 0}, {59*time.Minute - time.Microsecond, 0}, {time.Microsecond, customers}, {0, 0}, {time.Hour, 0}} {
			w.wait(step.wait)
			n, err := w.Tick(ctx())
			if n != step.want || err != nil {
				t.Errorf("after %s: got %d customers, error %v, want %d", w.clock.Sub(start), n, err, step.want)
			}
		}
		wantEqual(t, must(w.CountTransactions(ctx(), wallet.TransactionQuery{Kinds: []wallet.Kind{wallet.Expired}})), customers+5, "expiries")
	})
}

// A troubled store fails the updates of some customers.
type troubled struct {
	store.Store
	trouble *sync.Map // of errors, by customer
}

func (s troubled) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if err, found := s.trouble.Load(scope.Customer); found {
		return err.(error)
	}
	return s.Store.Update(ctx, scope, fn)
}

// One customer's error does not stop the others, and all errors are told; who is busy is left out.
func TestTickErrors(t *testing.T) {
	one, two := errors.New("one"), errors.New("two")
	w := newWorld(t)
	ids := due(w, 6)
	w.wait(time.Hour)
	var trouble sync.Map
	trouble.Store(wallet.CustomerID("customer 1"), one)
	trouble.Store(wallet.CustomerID("customer 2"), store.ErrBusy)
	trouble.Store(wallet.CustomerID("customer 4"), two)
	n, err := w.With(troubled{w.store, &trouble}).Tick(ctx())
	wantEqual(t, n, 3, "customers brought up to date")
	for _, want := range []error{one, two} {
		if !errors.Is(err, want) {
			t.Errorf("got error %v, want %v in it", err, want)
		}
	}
	for _, part := range []string{"customer 1", "customer 4"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q does not say %q", err, part)
		}
	}
	if errors.Is(err, store.ErrBusy) {
		t.Errorf("got error %v, which tells of somebody busy", err)
	}
	for i, want := range []int{2, 1, 1, 2, 1, 2} {
		booked := 0
		for _, tx := range w.list(wallet.TransactionQuery{}) {
			if tx.Wallet == ids[i] {
				booked++
			}
		}
		wantEqual(t, booked, want, fmt.Sprint("transactions booked for customer ", i))
	}
	wantEqual(t, must(w.Tick(ctx())), 3, "customers the next time")
}

// A context that ends stops Tick, which tells what it has done.
func TestTickStops(t *testing.T) {
	w := newWorld(t)
	due(w, 10)
	w.wait(time.Hour)
	ctx, cancel := context.WithCancel(context.Background())
	trouble := counting{w.store, func(n int) {
		if n == 4 {
			cancel()
		}
	}, new(int)}
	n, err := w.With(trouble).Tick(ctx)
	if n > 4 || !errors.Is(err, context.Canceled) {
		t.Errorf("got %d customers, error %v", n, err)
	}
}

// A counting store tells how many updates there were.
type counting struct {
	store.Store
	tell func(n int)
	n    *int
}

func (s counting) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	*s.n++
	s.tell(*s.n)
	return s.Store.Update(ctx, scope, fn)
}

// Run ticks now and then every so often, logs what fails and goes on, and ends with its context.
func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log page
		var trouble sync.Map
		e := engine.New(troubled{memory.New(), &trouble}, &engine.Options{Logger: slog.New(slog.NewTextHandler(&log, nil))})
		grant := func(customer wallet.CustomerID, d time.Duration) {
			t.Helper()
			_, err := e.Create(t.Context(), wallet.Spec{Customer: customer, Currency: "USD", Rate: amount("1"),
				TopUp: wallet.TopUp{Granted: amount("1"), ExpiresIn: d}})
			if err != nil {
				t.Fatal(err)
			}
		}
		expired := func() int {
			return must(e.CountTransactions(t.Context(), wallet.TransactionQuery{Kinds: []wallet.Kind{wallet.Expired}}))
		}
		grant("a", time.Minute)
		time.Sleep(time.Minute)
		grant("b", time.Minute)
		grant("c", 5*time.Minute+time.Second)

		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- e.Run(ctx, 5*time.Minute) }()
		synctest.Wait()
		wantEqual(t, expired(), 1, "expiries at once")
		time.Sleep(5*time.Minute - time.Nanosecond)
		synctest.Wait()
		wantEqual(t, expired(), 1, "expiries just before the second tick")
		trouble.Store(wallet.CustomerID("c"), errors.New("the disk is full"))
		time.Sleep(time.Nanosecond)
		synctest.Wait()
		wantEqual(t, expired(), 2, "expiries at the second tick")
		wantEqual(t, log.take(), "", "what was logged")
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		wantEqual(t, expired(), 2, "expiries at the third tick")
		if got := log.take(); !strings.Contains(got, "the disk is full") || !strings.Contains(got, "level=ERROR") {
			t.Errorf("got log %q", got)
		}
		trouble.Delete(wallet.CustomerID("c"))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		wantEqual(t, expired(), 3, "expiries at the fourth tick")
		log.take()
		cancel()
		if err := <-done; err != context.Canceled {
			t.Errorf("got error %v, want %v", err, context.Canceled)
		}
		wantEqual(t, log.take(), "", "what was logged in the end")
	})
}

// A page is written and read by several goroutines.
type page struct {
	mu   sync.Mutex
	text []byte
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.text = append(p.text, b...)
	return len(b), nil
}

// take returns what was written since the last time.
func (p *page) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.text = nil }()
	return string(p.text)
}

// Nobody has to call Run: what would be due is the same without it.
func TestNoTick(t *testing.T) {
	told := make(map[string]string)
	for _, how := range []string{"never", "at the end", "always"} {
		w := newWorld(t)
		tick := func(when string) {
			if how == when {
				must(w.Tick(ctx()))
			}
		}
		id := w.create(wallet.Spec{ExpiresAt: start.Add(12 * time.Hour)})
		for i := range 10 {
			w.topUp(id, wallet.TopUp{Granted: amount("3"), Paid: amount("2"), ExpiresAt: w.clock.Add(time.Duration(1+i*5%7) * time.Hour)})
			w.debit(id, "1")
			w.wait(time.Hour)
			tick("always")
		}
		w.wait(10 * time.Hour)
		tick("at the end")
		w.read(id)
		told[how] = w.dump()
	}
	for how, got := range told {
		if got, want := uuids.ReplaceAllString(got, ""), uuids.ReplaceAllString(told["never"], ""); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", how, got, want)
		}
	}
}
