package postgres

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
)

// process is another process: 64 callers drain a wallet, and it says how much they got.
func process(dsn string) int {
	s, err := Open(ctx, dsn, &Options{Schema: os.Getenv("WALLET_TEST_SCHEMA"), Timeout: time.Minute})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer s.Close()
	got, err := drain(s, must(wallet.ParseID(os.Getenv("WALLET_TEST_WALLET"))))
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println(got)
	return 0
}

// drain has 64 callers take one credit after the other until there are none.
func drain(s *Store, id wallet.ID) (int64, error) {
	var took atomic.Int64
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range 64 {
		group.Go(func() {
			for {
				switch err := debit(s, id, ""); {
				case err == nil:
					took.Add(1)
				case errors.Is(err, wallet.ErrInsufficient):
					return
				default:
					mu.Lock()
					failed = errors.Join(failed, err)
					mu.Unlock()
					return
				}
			}
		})
	}
	group.Wait()
	return took.Load(), failed
}

// Two processes with 64 callers each take exactly what was there.
func TestProcesses(t *testing.T) {
	const funded = 1000
	s := openWith(t, &Options{Timeout: time.Minute})
	id := create(t, s, "ann", funded)
	var outs [2]strings.Builder
	var procs [2]*exec.Cmd
	for i := range procs {
		procs[i] = exec.Command(os.Args[0])
		procs[i].Env = append(os.Environ(), "WALLET_TEST_PROCESS="+serve(t).dsn, "WALLET_TEST_SCHEMA="+s.opts.Schema, "WALLET_TEST_WALLET="+id.String())
		procs[i].Stdout = &outs[i]
		procs[i].Stderr = &outs[i]
		if err := procs[i].Start(); err != nil {
			t.Fatal(err)
		}
	}
	total := 0
	for i := range procs {
		err := procs[i].Wait()
		n, bad := strconv.Atoi(strings.TrimSpace(outs[i].String()))
		if err != nil || bad != nil {
			t.Errorf("process %d: %v, %s", i, err, outs[i].String())
		}
		total += n
	}
	if total != funded || spendable(t, s, id) != "0" {
		t.Errorf("%d were taken, of %d; %s are left", total, funded, spendable(t, s, id))
	}
	audit(t, s, id)
}

// Two stores keep state of the same wallets, and never act on what the other has changed.
func TestTwoStores(t *testing.T) {
	a := openWith(t, nil)
	b := must(New(ctx, a.pool, &Options{Schema: a.opts.Schema}))
	stores := []*Store{a, b}
	id := create(t, a, "ann", 5)
	eng := []*engine.Engine{engine.New(a, nil), engine.New(b, nil)}
	for i := range 20 {
		if i%5 == 0 {
			if _, err := eng[i%2].TopUp(ctx, id, wallet.TopUp{Granted: wallet.MustAmount("5")}); err != nil {
				t.Fatal(err)
			}
		}
		if err := debit(stores[i%2], id, ""); err != nil {
			t.Fatal(err)
		}
		if i == 10 { // a second wallet, and its end
			w := create(t, b, "ann", 3)
			if _, err := eng[0].Terminate(ctx, w); err != nil {
				t.Fatal(err)
			}
			if err := debit(b, w, ""); !errors.Is(err, wallet.ErrTerminated) {
				t.Error(err)
			}
		}
	}
	audit(t, a, id)
	if got := spendable(t, b, id); got != "5" {
		t.Errorf("%s, want 5", got)
	}
	hold, err := eng[0].Authorize(ctx, wallet.Authorization{Wallet: id, Credits: dollar})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := eng[1].Release(ctx, hold.ID); err != nil {
		t.Fatal(err)
	}
	if err := a.Update(ctx, store.Scope{Hold: hold.ID}, func(tx store.Tx) error {
		h, err := tx.Hold(hold.ID)
		if err == nil && h.State != wallet.HoldReleased {
			err = fmt.Errorf("the hold is %s", h.State)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
}
