package sqlite

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

var kills = flag.Int("sqlite.kills", 20, "processes that TestCrash kills at random points; -short takes a tenth")

// roles are what the test binary can be as another process, with an engine on the file.
var roles = map[string]func(*engine.Engine, *Store, wallet.CustomerID) error{"drain": drain, "churn": churn}

// drain makes 5,000 debits of 1 from 64 goroutines, and says how many succeeded.
func drain(e *engine.Engine, s *Store, customer wallet.CustomerID) error {
	ws, err := wallet.Collect(e.Wallets(ctx, wallet.WalletQuery{Customer: customer}))
	if err != nil {
		return err
	}
	const callers, each = 64, 5_000
	var group sync.WaitGroup
	var mu sync.Mutex
	succeeded, tries := 0, 0
	var failed error
	for range callers {
		group.Go(func() {
			for {
				mu.Lock()
				tries++
				done := tries > each || failed != nil
				mu.Unlock()
				if done {
					return
				}
				_, err := e.Debit(ctx, ws[0].ID, wallet.Debit{Credits: wallet.MustAmount("1")})
				mu.Lock()
				switch {
				case err == nil:
					succeeded++
				case !errors.Is(err, wallet.ErrInsufficient):
					failed = err
				}
				mu.Unlock()
			}
		})
	}
	group.Wait()
	fmt.Println("done:", succeeded)
	return failed
}

// churn does a little of everything from four goroutines until it is killed, writing the key of every command that succeeded.
func churn(e *engine.Engine, s *Store, customer wallet.CustomerID) error {
	one, key := wallet.MustAmount("1"), fmt.Sprint(customer)
	w, err := e.Create(ctx, wallet.Spec{Customer: customer, Currency: "USD", Rate: one, Key: key,
		Rules: []wallet.Rule{{Trigger: wallet.TriggerThreshold, Threshold: wallet.MustAmount("20"), Granted: wallet.MustAmount("100")}},
		TopUp: wallet.TopUp{Granted: wallet.MustAmount("50")}})
	if err != nil {
		return err
	}
	fmt.Println("wallet:", w.ID)
	var mu sync.Mutex
	var group sync.WaitGroup
	var failed error
	for caller := range 4 {
		group.Go(func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("%s-%d-%06d", customer, caller, i)
				err := churnOnce(e, w.ID, i, key)
				mu.Lock()
				if err != nil {
					failed = errors.Join(failed, err)
				} else {
					fmt.Println("done:", key)
				}
				stop := failed != nil
				mu.Unlock()
				if stop {
					return
				}
			}
		})
	}
	group.Wait()
	return failed
}

const churns = 8

// churnOnce runs one command under a key; its debits, charges and top-ups bear the key as their reference.
func churnOnce(e *engine.Engine, id wallet.ID, i int, key string) error {
	one := wallet.MustAmount("1")
	switch i % churns {
	case 0:
		made, err := e.TopUp(ctx, id, wallet.TopUp{Paid: one, Reference: key, Key: key})
		if err == nil {
			_, err = e.Settle(ctx, made[0].ID, wallet.Settlement{})
		}
		return err
	case 1:
		_, err := e.TopUp(ctx, id, wallet.TopUp{Granted: one, ExpiresIn: time.Millisecond, Reference: key, Key: key})
		return err
	case 2:
		h, err := e.Authorize(ctx, wallet.Authorization{Wallet: id, Credits: one, Reference: key, Key: key})
		if err == nil {
			_, err = e.Capture(ctx, h.ID, wallet.Capture{Credits: one, Key: key + "-capture"})
		}
		return err
	case 3:
		spent, err := e.Debit(ctx, id, wallet.Debit{Credits: one, Reference: key, Key: key})
		if err == nil {
			_, err = e.Refund(ctx, spent.ID, wallet.Refund{Key: key + "-refund"})
		}
		return err
	case 4:
		w, err := e.Wallet(ctx, id)
		if err != nil {
			return err
		}
		fees := []wallet.Fee{{ID: key, Amount: one}}
		if _, err = e.SetOngoing(ctx, wallet.Charge{Customer: w.Customer, Currency: "USD", Fees: fees, Key: key + "-use"}); err == nil {
			_, err = e.Charge(ctx, wallet.Charge{Customer: w.Customer, Currency: "USD", Fees: fees, Billed: true, Whole: true, Reference: key, Key: key})
		}
		return err
	case 5:
		w, err := e.Wallet(ctx, id)
		if err != nil {
			return err
		}
		to, err := e.Create(ctx, wallet.Spec{Customer: w.Customer, Currency: "USD", Rate: one, AppliesTo: wallet.AppliesTo{Metrics: []string{"none"}}, Key: "other"})
		if err == nil {
			_, err = e.Transfer(ctx, id, to.ID, wallet.Transfer{Credits: one, Key: key + "-transfer"})
		}
		if err != nil {
			return err
		}
	}
	_, err := e.Debit(ctx, id, wallet.Debit{Credits: one, Reference: key, Key: key})
	return err
}

// Two processes with 64 goroutines each drain a wallet of 1,000 credits with 10,000 debits of 1: exactly 1,000 succeed.
func TestDrain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "wallets.db")
	s := openFile(t, path)
	e := engine.New(s, nil)
	w := must(e.Create(ctx, wallet.Spec{Customer: "ann", Currency: "USD", Rate: wallet.MustAmount("1"), TopUp: wallet.TopUp{Granted: wallet.MustAmount("1000")}}))
	t.Setenv("SQLITE_TEST_ROLE", "drain")
	sum := 0
	processes := []*process{begun(t, path, "ann"), begun(t, path, "ann")}
	for _, p := range processes {
		for p.next(t) {
		}
		if err := p.Wait(); err != nil {
			t.Error(err)
		}
		n := 0
		fmt.Sscan(strings.Join(p.keys, ""), &n)
		sum += n
	}
	w = must(e.Wallet(ctx, w.ID))
	if sum != 1000 || !w.Balance.Spendable.IsZero() || !w.Balance.Consumed.Equal(wallet.MustAmount("1000")) {
		t.Errorf("%d debits succeeded, the balance is %+v", sum, w.Balance)
	}
	audit(t, s, w.ID)
}

// A process that writes is killed at random points. Everything it was told of is there, nothing twice, and what must always be
// true is.
func TestCrash(t *testing.T) {
	n := *kills
	if testing.Short() {
		n = max(1, n/10)
	}
	t.Setenv("SQLITE_TEST_ROLE", "churn")
	path := filepath.Join(t.TempDir(), "wallets.db")
	for round := range n {
		p := begun(t, path, fmt.Sprint("customer", round))
		for enough := rand.N(60); p.next(t) && len(p.keys) < enough; {
		}
		p.Process.Kill()
		for p.next(t) { // what it still had said
		}
		p.Wait()
		if p.id.IsZero() {
			continue // killed before it had a wallet
		}
		s := openFile(t, path)
		checkCrashed(t, engine.New(s, nil), s, p)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

func checkCrashed(t *testing.T, e *engine.Engine, s *Store, p *process) {
	t.Helper()
	all := must(wallet.Collect(e.Transactions(ctx, wallet.TransactionQuery{Wallet: p.id})))
	count := make(map[string]int)
	for _, tx := range all {
		if tx.Reference != "" {
			count[tx.Reference]++
		}
	}
	for _, key := range p.keys {
		if count[key] != 1 {
			t.Errorf("%s succeeded, and is there %d times", key, count[key])
		}
	}
	for key, n := range count {
		if n != 1 {
			t.Errorf("%s is there %d times", key, n)
		}
	}
	if len(count) > len(p.keys)+4 {
		t.Errorf("%d commands are there, of which %d were reported", len(count), len(p.keys))
	}
	events := must(wallet.Collect(e.Events(ctx, wallet.EventQuery{Wallet: p.id})))
	for i, ev := range events {
		if ev.Number != int64(i)+1 {
			t.Fatalf("event %d has number %d", i+1, ev.Number)
		}
	}
	audit(t, s, p.id)
	for i := range churns { // repeats write nothing, the rest goes on
		for _, key := range p.keys {
			if strings.HasSuffix(key, fmt.Sprintf("%06d", i)) {
				if err := churnOnce(e, p.id, i, key); err != nil {
					t.Errorf("repeat of %s: %v", key, err)
				}
			}
		}
	}
	if n := must(e.CountTransactions(ctx, wallet.TransactionQuery{Wallet: p.id, Kinds: []wallet.Kind{wallet.Consumed, wallet.Purchased}})); n > 0 {
		again := 0
		for _, tx := range all {
			if tx.Kind == wallet.Consumed || tx.Kind == wallet.Purchased {
				again++
			}
		}
		if n != again {
			t.Errorf("repeats have made %d transactions of %d", n, again)
		}
	}
}

// role runs what the environment says this process is.
func role(path, name string, customer wallet.CustomerID) error {
	s, err := Open(path, nil)
	if err != nil {
		return err
	}
	defer s.Close()
	return roles[name](engine.New(s, nil), s, customer)
}
