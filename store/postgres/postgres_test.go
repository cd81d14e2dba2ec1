package postgres

import (
	"errors"
	"flag"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/storetest"
)

func TestStore(t *testing.T) { storetest.Test(t, open) }

var distributed = flag.Bool("postgres.distributed", false, "run the whole suite with Options.Distributed, too")

// With the option for distributed engines the same holds. The feed of all customers is borrowed for the test.
func TestStoreDistributed(t *testing.T) {
	if !*distributed {
		t.Skip("without -postgres.distributed")
	}
	checks := flag.Lookup("storetest.checks")
	defer checks.Value.Set(checks.Value.String())
	checks.Value.Set("1")
	storetest.Test(t, func(tb testing.TB) store.Store {
		s := openWith(tb, &Options{Distributed: true})
		s.partial, s.names.xid = false, newNames(&Options{}).xid
		return s
	})
}

// Commits, voids and expiry race for what is in a wallet.
func TestCommitVoidExpiry(t *testing.T) {
	s := openWith(t, nil)
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for round := range 20 {
		var clock atomic.Int64
		eng := engine.New(s, &engine.Options{Now: func() time.Time { return start.Add(time.Duration(clock.Load()) * time.Microsecond) }})
		w := must(eng.Create(ctx, wallet.Spec{Customer: wallet.CustomerID(fmt.Sprint("c", round)), Currency: "USD", Rate: dollar,
			TopUp: wallet.TopUp{Granted: wallet.MustAmount("20"), ExpiresAt: start.Add(8 * time.Microsecond)}}))
		var holds []wallet.HoldID
		for range 4 {
			holds = append(holds, must(eng.Authorize(ctx, wallet.Authorization{Wallet: w.ID, Credits: dollar, For: time.Duration(6+round%4) * time.Microsecond})).ID)
		}
		bought := must(eng.TopUp(ctx, w.ID, wallet.TopUp{Paid: wallet.MustAmount("5"), ExpiresAt: start.Add(6 * time.Microsecond)}))
		var consumed, voided atomic.Int64
		var group sync.WaitGroup
		begin := make(chan struct{})
		for n := range 24 {
			group.Go(func() {
				<-begin
				for i := range 4 {
					var err error
					switch n % 6 {
					case 0:
						if _, err = eng.Capture(ctx, holds[i], wallet.Capture{Credits: dollar}); err == nil {
							consumed.Add(1)
						}
					case 1:
						if _, err = eng.Debit(ctx, w.ID, wallet.Debit{Credits: dollar}); err == nil {
							consumed.Add(1)
						}
					case 2:
						if _, err = eng.Void(ctx, w.ID, wallet.Void{Credits: dollar}); err == nil {
							voided.Add(1)
						}
					case 3:
						_, err = eng.Settle(ctx, bought[0].ID, wallet.Settlement{})
					case 4:
						_, err = eng.Tick(ctx)
					case 5:
						clock.Add(1)
					}
					lost := errors.Is(err, wallet.ErrInsufficient) || errors.Is(err, wallet.ErrNotPending) || errors.Is(err, wallet.ErrExpired)
					if err != nil && !lost {
						t.Errorf("round %d, caller %d: %v", round, n, err)
					}
				}
			})
		}
		close(begin)
		group.Wait()
		audit(t, s, w.ID)
		var out [2]wallet.Amount
		for i, kind := range []wallet.Kind{wallet.Consumed, wallet.Voided} {
			for x, err := range eng.Transactions(ctx, wallet.TransactionQuery{Wallet: w.ID, Kinds: []wallet.Kind{kind}}) {
				if err != nil {
					t.Fatal(err)
				}
				out[i] = out[i].Add(x.Credits)
			}
		}
		if got, want := fmt.Sprint(out[0], out[1]), fmt.Sprint(consumed.Load(), voided.Load()); got != want {
			t.Errorf("round %d: consumed and voided %s, told %s", round, got, want)
		}
	}
}

// A pool that would fail at the first write is refused; what is not refused works, and so does joining a transaction in any mode.
func TestModes(t *testing.T) {
	s := openWith(t, nil)
	id := create(t, s, "bob", 10)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		host := must(pgxpool.New(ctx, serve(t).with("default_query_exec_mode="+mode)))
		t.Cleanup(host.Close)
		tx := must(host.Begin(ctx))
		if err := debit(s.Join(tx), id, "k"); err != nil {
			t.Errorf("%s: %v", mode, err)
		}
		tx.Rollback(ctx)
		for _, distributed := range []bool{false, true} {
			schema := dropped(t, host, "modes")
			switch of, err := New(ctx, host, &Options{Schema: schema, Distributed: distributed}); {
			case !distributed && (mode == "exec" || mode == "simple_protocol"):
				if err == nil || !strings.Contains(err.Error(), "default_query_exec_mode") {
					t.Errorf("%s: %v", mode, err)
				}
			case err != nil:
				t.Errorf("%s: %v", mode, err)
			default:
				story(t, of)
			}
		}
	}
}

// With the option for distributed engines there is no feed of all customers.
func TestDistributed(t *testing.T) {
	s := openWith(t, &Options{Distributed: true, Timeout: time.Minute})
	story(t, s)
	ids := []wallet.ID{create(t, s, "bob", 100), create(t, s, "carl", 100)}
	var group sync.WaitGroup
	for i := range 64 {
		group.Go(func() {
			for range 3 {
				if err := debit(s, ids[i%2], ""); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, id := range ids {
		if got := spendable(t, s, id); got != "4" {
			t.Errorf("%s, want 4", got)
		}
		audit(t, s, id)
	}
	if err := s.View(ctx, func(r store.Reader) error {
		_, err := wallet.Collect(r.Events(wallet.EventQuery{}))
		return err
	}); err == nil {
		t.Error("the feed of everything is not refused")
	}
}
