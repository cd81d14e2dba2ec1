package storetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/store"
)

// testFlood lets more be due at one instant than one commit books: lots expire, then their wallet does, while the store fails
// between the commits. All of it happens once, at that instant, in spending order.
func testFlood(t *testing.T, s store.Store) {
	const lots = 2300
	over := start.Add(time.Hour)
	broken := &interrupted{Store: s}
	a := newArena(broken)
	w := a.create(t, wallet.Spec{Customer: "c0", ExpiresAt: over, TopUp: wallet.TopUp{Paid: wallet.MustAmount("5"), ExpiresAt: over}})
	other := a.create(t, wallet.Spec{Customer: "c0", TopUp: wallet.TopUp{Granted: wallet.MustAmount("1"), ExpiresAt: over}})
	together(lots, *callers, func(i int) {
		expiry := over
		if i%3 == 0 {
			expiry = time.Time{} // ends with the wallet
		}
		if _, err := a.eng.TopUp(t.Context(), w.ID, wallet.TopUp{Granted: tiny, Priority: i % 4, ExpiresAt: expiry}); err != nil {
			t.Error(err)
		}
	})
	var own, end []wallet.TransactionID // what expires by itself, and what with the wallet
	for l, err := range a.eng.Lots(t.Context(), w.ID) {
		if err != nil {
			t.Fatal(err)
		}
		if l.ExpiresAt.IsZero() {
			end = append(end, l.ID)
		} else {
			own = append(own, l.ID)
		}
	}
	a.clock.Store(2 * time.Hour.Microseconds())
	for n := range 10 { // each time one more commit gets through
		broken.after = n
		broken.armed = true
		_, err := a.eng.Tick(t.Context())
		broken.armed = false
		if err == nil {
			break
		}
		if !errors.Is(err, errFault) {
			t.Fatal(err)
		}
	}
	b := a.audit(t, w.ID)
	want := append(own, end...)
	for i, tx := range b.Transactions {
		if tx.Kind != wallet.Expired {
			continue
		}
		if len(want) == 0 || b.Draws[i][0].Lot != want[0] || !tx.CreatedAt.Equal(over) {
			t.Fatalf("transaction %d: %s at %s of lot %s, want %s of %v", i, tx.Credits, tx.CreatedAt, b.Draws[i][0].Lot, over, want[:min(1, len(want))])
		}
		want = want[1:]
	}
	if last := b.Wallet; len(want) > 0 || last.Status != wallet.Terminated || !last.TerminatedAt.Equal(over) || b.Transactions[0].State != wallet.Failed {
		t.Errorf("%d lots have not expired; the wallet is %s since %s, its purchase %s", len(want), last.Status, last.TerminatedAt, b.Transactions[0].State)
	}
	if last := a.audit(t, other.ID).Wallet; last.Balance.Total().Sign() != 0 || !last.UpdatedAt.Equal(over) {
		t.Errorf("the other wallet has %s, changed at %s", last.Balance.Total(), last.UpdatedAt)
	}
}

// An interrupted store fails, if armed, after so many updates.
type interrupted struct {
	store.Store
	armed bool
	after int
}

func (i *interrupted) Update(ctx context.Context, scope store.Scope, fn func(store.Tx) error) error {
	if i.armed {
		if i.after == 0 {
			return errFault
		}
		i.after--
	}
	return i.Store.Update(ctx, scope, fn)
}
