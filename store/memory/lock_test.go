package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
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

// TestQueue has one reader that holds the lock, a writer that waits for it, and readers behind the writer.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l lock
		if err := l.acquire(t.Context(), shared, false); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		got := make(chan error, 6)
		go func() { got <- l.acquire(ctx, exclusive, false) }()
		synctest.Wait()
		for range 2 {
			go func() { got <- l.acquire(t.Context(), shared, false) }()
		}
		synctest.Wait()
		if len(got) != 0 {
			t.Errorf("%d were let in, past the writer", len(got))
		}
		cancel()
		synctest.Wait()
		gone := 0
		for range len(got) { // in any order
			if errors.Is(<-got, context.Canceled) {
				gone++
			}
		}
		if gone != 1 || l.holders != 3 {
			t.Errorf("%d writers gone, %d hold the lock, want 1 and 3", gone, l.holders)
		}
		if err := l.acquire(t.Context(), exclusive, true); err != store.ErrBusy {
			t.Errorf("got %v, want ErrBusy", err)
		}
		go func() { got <- l.acquire(t.Context(), exclusive, false) }()
		synctest.Wait()
		for range 2 {
			go func() { got <- l.acquire(t.Context(), shared, false) }()
		}
		synctest.Wait()
		for range 3 {
			l.release(shared)
		}
		if l.holders != -1 {
			t.Errorf("%d holders, want the writer alone", l.holders)
		}
		l.release(exclusive)
		if l.holders != 2 {
			t.Errorf("%d holders, want the two readers", l.holders)
		}
	})
}

// TestDroppedAccount waits for the account of a customer who has nothing, and gets nothing.
func TestDroppedAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New()
		scope := store.Scope{Customer: "ada"}
		w := wallet.Wallet{ID: wallet.MintID(wallet.ID{}, epoch), Customer: "ada", Currency: "USD", Rate: credit, Status: wallet.Active}
		result := make(chan error)
		err := s.Update(t.Context(), scope, func(store.Tx) error {
			go func() {
				result <- s.Update(context.Background(), scope, func(tx store.Tx) error { return tx.PutWallet(store.Wallet{Wallet: w}) })
			}()
			synctest.Wait()
			return nil
		})
		if err := errors.Join(err, <-result); err != nil {
			t.Fatal(err)
		}
		err = s.View(t.Context(), func(r store.Reader) error {
			active, err := r.ActiveWallets("ada")
			if len(active) != 1 {
				t.Errorf("%d wallets, want 1", len(active))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		check(t, s)
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
