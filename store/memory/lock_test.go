package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// hold runs an Update or View of p's customer that lasts until the returned function is called.
func hold(t *testing.T, p *purse, view bool) (end func()) {
	t.Helper()
	begun, ending, ended := make(chan bool), make(chan bool), make(chan error)
	go func() {
		if view {
			ended <- p.store.View(context.Background(), func(r store.Reader) error {
				_, err := r.Wallet(p.wallet)
				close(begun)
				<-ending
				return err
			})
			return
		}
		ended <- p.store.Update(context.Background(), p.scope(), func(store.Tx) error {
			close(begun)
			<-ending
			return nil
		})
	}()
	<-begun
	return func() {
		t.Helper()
		close(ending)
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}
}

func nothing(store.Tx) error { return nil }

func TestCustomersDoNotWaitForEachOther(t *testing.T) {
	s := New()
	var all []*purse
	for i := range 200 { // more than there are gates
		all = append(all, newPurse(t, s, i, 1))
	}
	defer hold(t, all[0], false)()
	defer hold(t, all[1], true)()
	for _, p := range all[2:] {
		p.update(p.scope(), nothing)
		if err := s.View(t.Context(), func(r store.Reader) error { _, err := r.Wallet(p.wallet); return err }); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTry(t *testing.T) {
	s := New()
	p, q := newPurse(t, s, 1, 1), newPurse(t, s, 2, 1)
	try := p.scope()
	try.Try = true
	for _, view := range []bool{false, true} {
		end := hold(t, p, view)
		if err := s.Update(t.Context(), try, nothing); !errors.Is(err, store.ErrBusy) {
			t.Errorf("view %t: got %v, want ErrBusy", view, err)
		}
		end()
		p.update(try, nothing)
	}
	err := s.View(t.Context(), func(r store.Reader) error {
		if _, err := r.CountWallets(wallet.WalletQuery{}); err != nil {
			return err
		}
		if err := s.Update(t.Context(), try, nothing); !errors.Is(err, store.ErrBusy) {
			t.Errorf("while all Updates are stopped: got %v, want ErrBusy", err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	try.Wallet = q.wallet
	q.update(try, nothing)
}

func TestWaitEndsWithContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		p, q := newPurse(t, s, 1, 1), newPurse(t, s, 2, 1)
		end := hold(t, p, false)
		waits := map[string]func(context.Context) error{
			"update": func(ctx context.Context) error {
				return s.Update(ctx, p.scope(), func(store.Tx) error { t.Error("ran"); return nil })
			},
			"view": func(ctx context.Context) error {
				return s.View(ctx, func(r store.Reader) error { _, err := r.Wallet(p.wallet); return err })
			},
			"view of two": func(ctx context.Context) error {
				return s.View(ctx, func(r store.Reader) error {
					if _, err := r.Wallet(q.wallet); err != nil {
						return err
					}
					_, err := r.Wallet(p.wallet)
					return err
				})
			},
			"view of all": func(ctx context.Context) error {
				return s.View(ctx, func(r store.Reader) error { _, err := r.CountWallets(wallet.WalletQuery{}); return err })
			},
		}
		for name, wait := range waits {
			ctx, cancel := context.WithCancelCause(context.Background())
			result := make(chan error)
			go func() { result <- wait(ctx) }()
			synctest.Wait() // it waits
			cancel(nil)
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Errorf("%s: got %v, want Canceled", name, err)
			}
			q.update(q.scope(), nothing) // it holds nothing any more
		}
		end()
		p.update(p.scope(), nothing)
	})
}

func TestOrderOfArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		p := newPurse(t, s, 1, 1)
		end := hold(t, p, false)
		var got []int
		var wg sync.WaitGroup
		for i := range 20 {
			ctx, cancel := context.WithCancel(context.Background())
			wg.Go(func() {
				err := s.Update(ctx, p.scope(), func(store.Tx) error { got = append(got, i); return nil })
				if (i%3 == 1) != errors.Is(err, context.Canceled) {
					t.Errorf("%d: %v", i, err)
				}
			})
			synctest.Wait()
			if i%3 == 1 { // leaves the queue
				cancel()
				synctest.Wait()
			}
			defer cancel()
		}
		end()
		wg.Wait()
		if want := "[0 2 3 5 6 8 9 11 12 14 15 17 18]"; fmt.Sprint(got) != want {
			t.Errorf("got %v, want %v", got, want)
		}
	})
}

func TestNested(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		p, q := newPurse(t, s, 1, 1), newPurse(t, s, 2, 1)
		ctx := context.Background()
		update := func() error { return s.Update(ctx, p.scope(), nothing) }
		view := func() error {
			return s.View(ctx, func(r store.Reader) error { _, err := r.Wallet(p.wallet); return err })
		}
		viewAll := func() error {
			return s.View(ctx, func(r store.Reader) error { _, err := r.CountWallets(wallet.WalletQuery{}); return err })
		}
		for name, inner := range map[string]func() error{"update": update, "view": view, "view of all": viewAll} {
			p.update(p.scope(), func(store.Tx) error {
				if err := inner(); err != errNested {
					t.Errorf("%s in an update: got %v, want %v", name, err, errNested)
				}
				return nil
			})
			p.update(p.scope(), nothing) // and no lock is left behind
		}
		err := s.View(ctx, func(r store.Reader) error {
			if _, err := r.Wallet(p.wallet); err != nil {
				return err
			}
			if err := update(); err != errNested {
				t.Errorf("update in a view: got %v, want %v", err, errNested)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
		// Who waits for somebody else for long is not taken for nested.
		end := hold(t, q, false)
		waited := make(chan error)
		go func() { waited <- s.Update(ctx, q.scope(), nothing) }()
		synctest.Wait()
		time.Sleep(3 * patience)
		end()
		if err := <-waited; err != nil {
			t.Error(err)
		}
	})
}

// TestRace runs Updates beside Views of one customer, of two and of all. Every Update moves all of a customer's wallets, and
// no View sees it half done; under the race detector, nor does anything else.
func TestRace(t *testing.T) {
	const customers, wallets, rounds = 3, 2, 150
	s := New()
	ids := make([][]wallet.ID, customers)
	name := func(c int) wallet.CustomerID { return wallet.CustomerID(fmt.Sprint("customer ", c)) }
	for c := range ids {
		p := newPurse(t, s, 0, 0)
		p.customer = name(c)
		p.update(store.Scope{Customer: p.customer}, func(tx store.Tx) error {
			for range wallets {
				id := wallet.MintID(p.wallet, epoch)
				p.wallet = id
				ids[c] = append(ids[c], id)
				w := wallet.Wallet{ID: id, Customer: p.customer, Currency: "USD", Rate: credit, Status: wallet.Active, CreatedAt: epoch}
				if err := tx.PutWallet(store.Wallet{Wallet: w}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	var failed atomic.Int32
	move := func(c, round int) error {
		err := s.Update(t.Context(), store.Scope{Wallet: ids[c][0]}, func(tx store.Tx) error {
			for i, id := range ids[c] {
				w, err := tx.Wallet(id)
				if err != nil {
					return err
				}
				state := w.State
				state.Events++
				if err := tx.PutState(id, state); err != nil {
					return err
				}
				p := &purse{customer: name(c), wallet: id, last: state.Last, now: epoch}
				if _, err := p.grant(tx, credit, epoch.AddDate(0, 0, 1)); err != nil {
					return err
				}
				state.Last, state.NextDue = p.last, epoch.AddDate(0, 0, round%7)
				if err := tx.PutState(id, state); err != nil {
					return err
				}
				if round%5 == 4 && i == 1 {
					return errNested // any error
				}
			}
			return nil
		})
		if err != nil {
			failed.Add(1)
		}
		return nil
	}
	same := func(r store.Reader, c int) error {
		var events []int64
		for _, id := range ids[c] {
			w, err := r.Wallet(id)
			if err != nil {
				return err
			}
			n, err := r.CountTransactions(wallet.TransactionQuery{Wallet: id})
			if err != nil {
				return err
			}
			events = append(events, w.State.Events, int64(n))
		}
		for _, e := range events {
			if e != events[0] {
				return fmt.Errorf("customer %d: torn: %v", c, events)
			}
		}
		return nil
	}
	look := func(c, round int) error {
		return s.View(t.Context(), func(r store.Reader) error {
			if err := same(r, c); err != nil || round%3 == 0 {
				return err
			}
			if err := same(r, (c+1)%customers); err != nil || round%3 == 1 {
				return err
			}
			before, err := r.CountTransactions(wallet.TransactionQuery{})
			if err != nil {
				return err
			}
			for _, err := range r.Due(epoch.AddDate(1, 0, 0)) {
				if err != nil {
					return err
				}
			}
			n := 0
			for _, err := range r.Transactions(wallet.TransactionQuery{}) {
				if err != nil {
					return err
				}
				n++
			}
			if n != before {
				return fmt.Errorf("counted %d transactions, read %d", before, n)
			}
			return same(r, c)
		})
	}
	var wg sync.WaitGroup
	for c := range customers {
		for range 2 {
			for _, do := range []func(c, round int) error{move, look} {
				wg.Go(func() {
					for round := range rounds {
						if err := do(c, round); err != nil {
							t.Error(err)
							return
						}
					}
				})
			}
		}
	}
	wg.Wait()
	if n := failed.Load(); n != customers*2*rounds/5 {
		t.Errorf("%d Updates failed, want %d", n, customers*2*rounds/5)
	}
	check(t, s)
}
