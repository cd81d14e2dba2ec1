package postgres

import (
	"sync"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/storetest"
)

func TestStore(t *testing.T) { storetest.Test(t, open) }

// With the option for distributed engines everything but the feed of all customers is the same.
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
