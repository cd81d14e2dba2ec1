package sqlite

import (
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

// A hold over several wallets ends in any way after one of them was terminated, also where that one is not loaded any more.
func TestHoldOutlivesWallet(t *testing.T) {
	for name, end := range map[string]func(*engine.Engine, wallet.HoldID) error{
		"released": func(e *engine.Engine, id wallet.HoldID) error { _, err := e.Release(ctx, id); return err },
		"captured": func(e *engine.Engine, id wallet.HoldID) error {
			_, err := e.Capture(ctx, id, wallet.Capture{Money: wallet.MustAmount("0.25")})
			return err
		},
		"expired": func(e *engine.Engine, id wallet.HoldID) error { _, err := e.Tick(ctx); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s, clock := openNew(t), start
			e := engine.New(s, &engine.Options{Now: func() time.Time { return clock }})
			open := func() wallet.ID {
				return must(e.Create(ctx, wallet.Spec{Customer: "ann", Currency: "USD", Rate: one1, TopUp: wallet.TopUp{Granted: one1}})).ID
			}
			gone, left := open(), open()
			h := must(e.Authorize(ctx, wallet.Authorization{Customer: "ann", Currency: "USD", Money: wallet.MustAmount("1.5")}))
			must(e.Terminate(ctx, gone))
			s.writer.forget() // as if others had written
			if name == "expired" {
				clock = h.ExpiresAt
			}
			if err := end(e, h.ID); err != nil {
				t.Fatal(err)
			}
			if got := must(e.Hold(ctx, h.ID)); string(got.State) != name {
				t.Errorf("the hold is %s", got.State)
			}
			for _, id := range []wallet.ID{gone, left} {
				if all := must(wallet.Collect(e.Holds(ctx, wallet.HoldQuery{Wallet: id}))); len(all) != 1 {
					t.Errorf("wallet %s has %d holds", id, len(all))
				}
			}
		})
	}
}

// A panic while a batch is written leaves no transaction open.
func TestPanicInCommit(t *testing.T) {
	s := openNew(t)
	id := must(create(s, "ann"))
	must(doGrant(s, id, "2"))
	s.fault = func(text string) error {
		if strings.HasPrefix(text, "UPDATE wallet_state") {
			s.fault = nil
			panic("a bug")
		}
		return nil
	}
	func() {
		defer func() { recover() }()
		doDebit(s, id, "1", "a")
	}()
	if must(doDebit(s, id, "1", "a")); spendable(s, id) != "1" {
		t.Error(spendable(s, id))
	}
	audit(t, s, id)
}
