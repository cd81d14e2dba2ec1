package engine_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// The clock is read once a command, in whole microseconds of UTC.
func TestClock(t *testing.T) {
	w := newWorld(t)
	w.clock = time.Date(2026, 5, 1, 12, 0, 0, 123_456_789, time.FixedZone("", 2*3600))
	id := w.open("1")
	want := time.Date(2026, 5, 1, 10, 0, 0, 123_456_000, time.UTC)
	got := w.debit(id, "1")
	for _, at := range []time.Time{got.CreatedAt, got.SettledAt, w.read(id).CreatedAt, w.read(id).UpdatedAt} {
		wantEqual(t, fmt.Sprint(at, at.Location()), fmt.Sprint(want, time.UTC), "instant")
	}
}

// The clock shows the years 1970 to 9999, or no command runs.
func TestClockBounds(t *testing.T) {
	for _, test := range []struct {
		clock time.Time
		want  error
	}{
		{time.Unix(0, 0), nil},
		{time.Unix(0, -1), wallet.ErrInvalid},
		{time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), wallet.ErrInvalid},
		{time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC), nil},
		{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), wallet.ErrInvalid},
		{time.Date(300_000, 1, 1, 0, 0, 0, 0, time.UTC), wallet.ErrInvalid},
	} {
		d := newDesk(newWorld(t))
		d.unchanged(func() {
			before := d.clock
			d.clock = test.clock
			for name, try := range map[string]func(*desk) error{
				"create": create(wallet.Spec{}), "debit": debit(wallet.Debit{Credits: amount("1")}),
				"wallet": func(d *desk) error { return second(d.Wallet(ctx(), d.id)) },
				"tick":   func(d *desk) error { return second(d.Tick(ctx())) },
			} {
				if test.want != nil || name == "wallet" || name == "tick" {
					t.Run(name, func(t *testing.T) { wantErr(t, try(d), test.want) })
				}
			}
			d.clock = before
		})
	}
}

// Transactions can be booked in the first microsecond there is, and in the last.
func TestFirstAndLastInstant(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		w.clock = time.Unix(0, 0)
		id := w.open("9")
		w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresAt: time.Unix(0, 1000)})
		w.clock = time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)
		w.debit(id, "1")
		w.debit(id, "1")
		all := w.list(wallet.TransactionQuery{Wallet: id, OldestFirst: true})
		var kinds []wallet.Kind
		for _, tx := range all {
			kinds = append(kinds, tx.Kind)
		}
		wantEqual(t, kinds, []wallet.Kind{wallet.Granted, wallet.Granted, wallet.Expired, wallet.Consumed, wallet.Consumed}, "kinds")
		for _, to := range []time.Time{{}, w.clock.Add(time.Nanosecond), w.clock.Add(time.Microsecond), w.clock.AddDate(1, 0, 0)} {
			got := w.list(wallet.TransactionQuery{Wallet: id, From: w.clock, To: to})
			wantSame(t, got, w.list(wallet.TransactionQuery{Wallet: id, Limit: 2}), fmt.Sprint("the last instant's, up to ", to))
		}
	})
}

// What would expire beyond the last instant there is never does.
func TestLongDurations(t *testing.T) {
	w := newWorld(t)
	w.clock = time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)
	id := w.open("0")
	made := w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresIn: 1<<63 - 1})[0]
	if made.ExpiresAt.Year() > 9999 {
		t.Errorf("got expiry %s", made.ExpiresAt)
	}
	w.clock = time.Date(9999, 12, 31, 23, 59, 59, 999_998_000, time.UTC)
	wantEqual(t, w.spendable(id), "1", "spendable")
	w.wait(time.Microsecond)
	w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresIn: time.Hour})
	for _, l := range w.lots(id) {
		if !l.ExpiresAt.IsZero() && !w.clock.Before(l.ExpiresAt) {
			t.Errorf("an open lot has expired: %+v", l)
		}
	}
}

// No instant that is written lies beyond the last there is.
func TestEndOfTime(t *testing.T) {
	w := newWorld(t)
	w.use(policy.Policy{RefundGrace: 240 * time.Hour})
	w.clock = time.Date(9999, 12, 31, 23, 0, 0, 0, time.UTC)
	id := w.open("10")
	w.topUp(id, wallet.TopUp{Granted: amount("1"), ExpiresAt: w.clock.Add(time.Minute)})
	used := w.debit(id, "1")
	w.wait(time.Minute)
	hold := must(w.Authorize(ctx(), wallet.Authorization{Wallet: id, Credits: amount("1")}))
	back := must(w.Refund(ctx(), used.ID, wallet.Refund{}))
	for what, at := range map[string]time.Time{"hold": hold.ExpiresAt, "refund": back[0].ExpiresAt} {
		if at.Year() > 9999 {
			t.Errorf("the %s expires at %s", what, at)
		}
	}
}

// Behind its latest change a wallet's commands happen at that change's instant, and their IDs increase whatever the clock does.
func TestClockBackwards(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		id := w.open("1000")
		for _, back := range []time.Duration{0, time.Hour, -time.Minute, -24 * time.Hour, time.Microsecond, 0, -time.Hour, 48 * time.Hour, -1000 * time.Hour} {
			w.wait(back)
			w.debit(id, "1")
			must(w.Charge(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: amount("1")}}}))
			w.topUp(id, wallet.TopUp{Paid: amount("1")})
			must(w.Void(ctx(), id, wallet.Void{Credits: amount("1")}))
			must(w.Update(ctx(), id, wallet.Changes{Name: wallet.Set(fmt.Sprint(back))}))
		}
		all := w.list(wallet.TransactionQuery{Wallet: id, OldestFirst: true})
		inTurn(t, all)
		wantEqual(t, must(w.Terminate(ctx(), id)).TerminatedAt, all[len(all)-1].CreatedAt, "the wallet's end")
	})
}

// inTurn fails the test unless IDs, instants and balances follow each other.
func inTurn(t testing.TB, all []wallet.Transaction) {
	t.Helper()
	var balance wallet.Amount
	for i, tx := range all {
		if i > 0 && (tx.ID.Compare(all[i-1].ID) <= 0 || tx.CreatedAt.Before(all[i-1].CreatedAt)) {
			t.Errorf("%+v\ncomes after\n%+v", tx, all[i-1])
		}
		switch {
		case tx.State != wallet.Settled:
		case tx.Kind.Inbound():
			balance = balance.Add(tx.Credits)
		default:
			balance = balance.Sub(tx.Credits)
		}
		if !tx.BalanceAfter.Equal(balance) {
			t.Errorf("%+v\nhas balance %s after it, want %s", tx, tx.BalanceAfter, balance)
		}
	}
}

// A wallet whose time is ahead does not drag the customer's others along, unless a command touches both.
func TestClockOfOneWallet(t *testing.T) {
	w := newWorld(t)
	behind, ahead := w.open("10"), w.open("10")
	euro := w.create(wallet.Spec{Currency: "EUR", TopUp: wallet.TopUp{Granted: amount("10")}})
	w.wait(time.Hour)
	w.debit(ahead, "1")
	w.wait(-30 * time.Minute)
	half := w.clock
	wantEqual(t, w.debit(behind, "1").CreatedAt, half, "instant of a debit")
	bill := wallet.Charge{Customer: "acme", Currency: "EUR", Fees: []wallet.Fee{{Amount: amount("1")}}}
	wantEqual(t, must(w.Charge(ctx(), bill)).Transactions[0].CreatedAt, half, "instant of a charge in euro")
	bill.Currency = "USD"
	wantEqual(t, must(w.Charge(ctx(), bill)).Transactions[0].CreatedAt, start.Add(time.Hour), "instant of a charge in dollars")
	wantEqual(t, w.debit(euro, "1").CreatedAt, half, "instant of a debit in euro")
	wantEqual(t, w.read(ahead).UpdatedAt, start.Add(time.Hour), "the latest change of the wallet that is ahead")
}

// A list over a customer's wallets tells the order of booking, also while the clock stands still.
func TestBookingOrder(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		ids := []wallet.ID{w.open("0"), w.open("0"), w.open("0")}
		var want []wallet.TransactionID
		for i := range 60 {
			id := ids[i*7%3]
			want = append(want, w.topUp(id, wallet.TopUp{Granted: amount("10")})[0].ID)
			r := must(w.Charge(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: amount("12")}}}))
			for _, tx := range r.Transactions {
				want = append(want, tx.ID)
			}
		}
		got := idsOf(t, w.Transactions(ctx(), wallet.TransactionQuery{Customer: "acme", OldestFirst: true}), transactionID)
		if !slices.Equal(got, want) {
			t.Errorf("got %d transactions in another order than they were booked in", len(got))
		}
		created := idsOf(t, w.Wallets(ctx(), wallet.WalletQuery{Customer: "acme"}), walletID)
		slices.Reverse(created)
		wantEqual(t, created, ids, "wallets, newest first, reversed")
	})
}

// So it does of the first transaction of a wallet that is created beside another.
func TestBookingOrderOfNew(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		for i := range 20 { // by chance, half of them would be in order anyhow
			spec := wallet.Spec{Customer: wallet.CustomerID(fmt.Sprint("customer ", i)), TopUp: wallet.TopUp{Granted: amount("1")}}
			ids := []wallet.ID{w.create(spec), w.create(spec), w.create(spec)}
			var got []wallet.ID
			for _, tx := range w.list(wallet.TransactionQuery{Customer: spec.Customer, OldestFirst: true}) {
				got = append(got, tx.Wallet)
			}
			wantEqual(t, fmt.Sprint(got), fmt.Sprint(ids), "wallets, by their first transactions")
		}
	})
}

// A day on which more is due than one commit takes comes out the same.
func TestManyDue(t *testing.T) {
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		w := on(t, open(t), policy.Policy{})
		const lots = 1100
		a, b := w.open("0"), w.create(wallet.Spec{ExpiresAt: start.Add(3 * time.Hour)})
		for i := range lots {
			w.topUp([]wallet.ID{a, b}[i%2], wallet.TopUp{Granted: amount("1"), ExpiresAt: start.Add(time.Duration(1+i%2) * time.Hour)})
		}
		w.topUp(a, wallet.TopUp{Granted: amount("5")})
		w.topUp(b, wallet.TopUp{Granted: amount("5")})
		w.wait(10 * time.Hour)
		wantEqual(t, must(w.Tick(ctx())), 1, "customers brought up to date")
		wantEqual(t, fmt.Sprint(w.spendable(a), " ", w.read(b).Status), "5 terminated", "the wallets")
		for id, want := range map[wallet.ID]int{a: lots / 2, b: lots/2 + 1} {
			all := w.list(wallet.TransactionQuery{Wallet: id, OldestFirst: true})
			inTurn(t, all)
			expired := 0
			for _, tx := range all {
				if tx.Kind == wallet.Expired {
					expired++
				}
			}
			wantEqual(t, expired, want, "expiries")
		}
	})
}
