package sqlite

import (
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
)

// TestDates is on connections of a host's that read text as an instant where it looks like one and its column does not say that
// it is text.
func TestDates(t *testing.T) {
	const date, instant = "2026-01-01", "2026-01-01 12:00:00"
	path := t.TempDir() + "/wallets.db"
	for range 2 { // the second time, nothing is in memory
		s := must(New(ctx, hostOf(t, path, "?_txlock=immediate&_texttotime=1"), nil))
		eng := engine.New(s, nil)
		w := must(eng.Create(ctx, wallet.Spec{Customer: date, Currency: "USD", Rate: wallet.MustAmount("1"), Name: date, Code: instant,
			Metadata: map[string]string{date: date}, TopUp: wallet.TopUp{Granted: wallet.MustAmount("5"), Name: date, Reference: instant}, Key: date}))
		if w.Customer != date || w.Name != date || w.Code != instant {
			t.Errorf("created %q of %q, code %q", w.Name, w.Customer, w.Code)
		}
		debited := must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("1"), Reference: date, Key: instant}))
		if debited.Reference != date {
			t.Errorf("debited with reference %q", debited.Reference)
		}
		if again := must(eng.Debit(ctx, w.ID, wallet.Debit{Credits: wallet.MustAmount("1"), Reference: date, Key: instant})); again.ID != debited.ID {
			t.Error("one key debited twice")
		}
		for tx, err := range eng.Transactions(ctx, wallet.TransactionQuery{Customer: date}) {
			if err != nil || tx.Customer != date {
				t.Errorf("%v: %v", tx, err)
			}
		}
		for _, err := range eng.Wallets(ctx, wallet.WalletQuery{Customer: date}) {
			if err != nil {
				t.Error(err)
			}
		}
		for _, err := range eng.Events(ctx, wallet.EventQuery{}) {
			if err != nil {
				t.Error(err)
			}
		}
	}
}
