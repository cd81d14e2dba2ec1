package engine_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// A query's filters hold together, for lists and for counts.
func TestTransactionQueries(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		a, b := w.open("0"), w.open("0")
		c := w.create(wallet.Spec{Customer: "umbrella"})
		for i, id := range []wallet.ID{a, b, c} {
			w.wait(time.Hour)
			made := w.topUp(id, wallet.TopUp{Paid: amount("5"), Granted: amount("5"), Reference: fmt.Sprint("invoice-", i%2)})
			w.wait(time.Hour)
			w.debit(id, "1")
			must(w.Void(ctx(), id, wallet.Void{Credits: amount("1")}))
			if i > 0 {
				must(w.Fail(ctx(), made[0].ID, ""))
			}
		}
		for _, test := range []struct {
			q    wallet.TransactionQuery
			want int
		}{
			{wallet.TransactionQuery{}, 12},
			{wallet.TransactionQuery{Customer: "acme"}, 8},
			{wallet.TransactionQuery{Wallet: b}, 4},
			{wallet.TransactionQuery{Wallet: b, Customer: "acme"}, 4},
			{wallet.TransactionQuery{Wallet: b, Customer: "umbrella"}, 0},
			{wallet.TransactionQuery{Customer: "nobody"}, 0},
			{wallet.TransactionQuery{Customer: "'; --"}, 0},
			{wallet.TransactionQuery{Kinds: []wallet.Kind{wallet.Voided}}, 3},
			{wallet.TransactionQuery{Kinds: []wallet.Kind{wallet.Voided, wallet.Purchased}}, 6},
			{wallet.TransactionQuery{Kinds: []wallet.Kind{"'; --", ""}}, 0},
			{wallet.TransactionQuery{States: []wallet.State{wallet.Pending}}, 1},
			{wallet.TransactionQuery{States: []wallet.State{wallet.Pending, wallet.Failed}}, 3},
			{wallet.TransactionQuery{States: []wallet.State{wallet.Failed}, Customer: "acme"}, 1},
			{wallet.TransactionQuery{Reference: "invoice-0"}, 4},
			{wallet.TransactionQuery{Reference: "invoice-0", Wallet: a, Kinds: []wallet.Kind{wallet.Granted}}, 1},
			{wallet.TransactionQuery{Reference: "invoice_0"}, 0},
			{wallet.TransactionQuery{Reference: "invoice%"}, 0},
			{wallet.TransactionQuery{From: start.Add(2 * time.Hour)}, 10},
			{wallet.TransactionQuery{From: start.Add(2*time.Hour + time.Microsecond)}, 8},
			{wallet.TransactionQuery{From: start.Add(2*time.Hour + time.Nanosecond)}, 8},
			{wallet.TransactionQuery{To: start.Add(2 * time.Hour)}, 2},
			{wallet.TransactionQuery{To: start.Add(2*time.Hour + time.Nanosecond)}, 4},
			{wallet.TransactionQuery{To: start.Add(2*time.Hour + time.Microsecond)}, 4},
			{wallet.TransactionQuery{From: start.Add(2 * time.Hour), To: start.Add(3 * time.Hour), Wallet: a}, 2},
			{wallet.TransactionQuery{From: start.Add(3 * time.Hour), To: start.Add(3 * time.Hour)}, 0},
			{wallet.TransactionQuery{From: start.Add(9 * time.Hour)}, 0},
			{wallet.TransactionQuery{From: time.Time{}.Add(time.Hour), To: time.Date(20000, 1, 1, 0, 0, 0, 0, time.UTC)}, 12},
		} {
			got := w.list(test.q)
			n, err := w.CountTransactions(ctx(), test.q)
			if len(got) != test.want || n != test.want || err != nil {
				t.Errorf("%+v: got %d transactions, count %d, error %v, want %d", test.q, len(got), n, err, test.want)
			}
			for _, tx := range got {
				if !test.q.Selects(tx) {
					t.Errorf("%+v does not select %+v", test.q, tx)
				}
			}
			test.q.Limit, test.q.Offset, test.q.After = 1, 1, someID
			if n, err := w.CountTransactions(ctx(), test.q); n != test.want || err != nil {
				t.Errorf("%+v: got count %d, error %v, want %d", test.q, n, err, test.want)
			}
		}
	})
}

// A read of a wallet or a customer tells what is due as done; a query that names neither tells what is booked.
func TestReadsAsOfNow(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		for name, read := range map[string]func(w *world, id wallet.ID, lot wallet.TransactionID) int{
			"wallet": func(w *world, id wallet.ID, _ wallet.TransactionID) int { return w.read(id).Balance.Spendable.Sign() },
			"lots":   func(w *world, id wallet.ID, _ wallet.TransactionID) int { return len(w.lots(id)) },
			"draws":  func(w *world, _ wallet.ID, lot wallet.TransactionID) int { return 1 - len(w.draws(lot)) },
			"wallets of a customer": func(w *world, _ wallet.ID, _ wallet.TransactionID) int {
				return must(wallet.Collect(w.Wallets(ctx(), wallet.WalletQuery{Customer: "acme"})))[0].Balance.Spendable.Sign()
			},
			"transactions of a customer": func(w *world, _ wallet.ID, _ wallet.TransactionID) int {
				return 2 - len(w.list(wallet.TransactionQuery{Customer: "acme"}))
			},
			"transactions of a wallet": func(w *world, id wallet.ID, _ wallet.TransactionID) int {
				return 2 - len(w.list(wallet.TransactionQuery{Wallet: id}))
			},
			"transactions of both": func(w *world, id wallet.ID, _ wallet.TransactionID) int {
				return 2 - len(w.list(wallet.TransactionQuery{Wallet: id, Customer: "acme"}))
			},
			"count of a customer": func(w *world, _ wallet.ID, _ wallet.TransactionID) int {
				return 2 - must(w.CountTransactions(ctx(), wallet.TransactionQuery{Customer: "acme"}))
			},
			"count of a wallet": func(w *world, id wallet.ID, _ wallet.TransactionID) int {
				return 2 - must(w.CountTransactions(ctx(), wallet.TransactionQuery{Wallet: id}))
			},
			"preview": func(w *world, _ wallet.ID, _ wallet.TransactionID) int {
				return must(w.Preview(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: amount("1")}}})).Covered.Sign()
			},
		} {
			w := on(t, open(t), policy.Policy{})
			id := w.open("0")
			lot := w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresAt: start.Add(time.Hour)})[0].ID
			w.wait(time.Hour)
			wantEqual(t, len(w.list(wallet.TransactionQuery{})), 1, "transactions booked")
			wantEqual(t, must(w.CountTransactions(ctx(), wallet.TransactionQuery{})), 1, "count of what is booked")
			booked := must(wallet.Collect(w.Wallets(ctx(), wallet.WalletQuery{})))
			wantEqual(t, booked[0].Balance.Spendable.String(), "1", "spendable as booked")
			wantEqual(t, read(w, id, lot), 0, name)
		}
		w := on(t, open(t), policy.Policy{})
		w.create(wallet.Spec{ExpiresAt: start.Add(time.Hour)})
		w.wait(time.Hour)
		wantEqual(t, must(w.CountWallets(ctx(), wallet.WalletQuery{Status: wallet.Active})), 1, "active wallets as booked")
		wantEqual(t, must(w.CountWallets(ctx(), wallet.WalletQuery{Customer: "acme", Status: wallet.Active})), 0, "active wallets of the customer")
	})
}

// A query may name a wallet and a customer whose wallet it is not, whatever is due.
func TestContradictoryQuery(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		id := w.open("0")
		w.create(wallet.Spec{Customer: "umbrella"})
		w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresAt: start.Add(time.Hour)})
		w.wait(time.Hour)
		got, err := wallet.Collect(w.Transactions(ctx(), wallet.TransactionQuery{Wallet: id, Customer: "umbrella"}))
		if len(got) != 0 || err != nil {
			t.Errorf("got %d transactions, error %v", len(got), err)
		}
	})
}
