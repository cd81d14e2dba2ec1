package engine_test

import (
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// The most that can be recorded: 18 digits before the point and 12 after it.
const most = "999999999999999999.999999999999"

// No recorded figure has more digits than that; a command that would make one writes nothing.
func TestDigits(t *testing.T) {
	least := amount("0.000000000001")
	grant := func(w *world, id wallet.ID, credits string) { w.topUp(id, wallet.TopUp{Granted: amount(credits)}) }
	for _, test := range []struct {
		name  string
		rate  string
		given func(w *world, id wallet.ID)
		try   func(w *world, id wallet.ID) error
	}{
		{"balance", "1", func(w *world, id wallet.ID) { grant(w, id, most) },
			func(w *world, id wallet.ID) error { return second(w.TopUp(ctx(), id, wallet.TopUp{Granted: least})) }},
		{"balance with what is held", "1", func(w *world, id wallet.ID) {
			grant(w, id, most)
			must(w.Authorize(ctx(), wallet.Authorization{Wallet: id, Credits: amount("1000")}))
		}, func(w *world, id wallet.ID) error {
			return second(w.TopUp(ctx(), id, wallet.TopUp{Granted: amount("500")}))
		}},
		{"pending", "1", func(w *world, id wallet.ID) { w.topUp(id, wallet.TopUp{Paid: amount(most)}) },
			func(w *world, id wallet.ID) error { return second(w.TopUp(ctx(), id, wallet.TopUp{Paid: least})) }},
		{"balance of a grant beside a purchase", "1", func(w *world, id wallet.ID) { grant(w, id, most) },
			func(w *world, id wallet.ID) error {
				return second(w.TopUp(ctx(), id, wallet.TopUp{Paid: least, Granted: least}))
			}},
		{"balance when settled", "1", func(w *world, id wallet.ID) {
			w.topUp(id, wallet.TopUp{Paid: least, Reference: "late"})
			grant(w, id, most)
		}, func(w *world, id wallet.ID) error {
			late := w.list(wallet.TransactionQuery{Wallet: id, Reference: "late"})[0]
			return second(w.Settle(ctx(), late.ID, wallet.Settlement{}))
		}},
		{"consumed", "1", func(w *world, id wallet.ID) {
			grant(w, id, most)
			w.debit(id, most)
			grant(w, id, "1")
		}, func(w *world, id wallet.ID) error {
			return second(w.Debit(ctx(), id, wallet.Debit{Credits: least}))
		}},
		{"money of a top-up", "999999.999999", nothing,
			func(w *world, id wallet.ID) error {
				return second(w.TopUp(ctx(), id, wallet.TopUp{Granted: amount("1100000000000")}))
			}},
		{"money of a purchase", "2", nothing,
			func(w *world, id wallet.ID) error {
				return second(w.TopUp(ctx(), id, wallet.TopUp{Paid: amount(most)}))
			}},
		{"credits for money", "0.000001", nothing,
			func(w *world, id wallet.ID) error {
				return second(w.TopUp(ctx(), id, wallet.TopUp{Money: amount("1000000000000")}))
			}},
		{"money of a debit", "999999.999999", func(w *world, id wallet.ID) { grant(w, id, "900000000000"); grant(w, id, "900000000000") },
			func(w *world, id wallet.ID) error {
				return second(w.Debit(ctx(), id, wallet.Debit{Credits: amount("1800000000000")}))
			}},
		{"money captured of a hold", "999999.999999", func(w *world, id wallet.ID) {
			grant(w, id, "900000000000")
			grant(w, id, "900000000000")
			must(w.Authorize(ctx(), wallet.Authorization{Wallet: id, Credits: amount("1")}))
			must(w.Capture(ctx(), must(wallet.Collect(w.Holds(ctx(), wallet.HoldQuery{Wallet: id})))[0].ID,
				wallet.Capture{Credits: amount("900000000000"), More: true, Over: wallet.Extend}))
		}, func(w *world, id wallet.ID) error {
			return second(w.Capture(ctx(), must(wallet.Collect(w.Holds(ctx(), wallet.HoldQuery{Wallet: id})))[0].ID,
				wallet.Capture{Credits: amount("900000000000"), More: true, Over: wallet.Extend}))
		}},
		{"money of a void", "999999.999999", func(w *world, id wallet.ID) { grant(w, id, "900000000000"); grant(w, id, "900000000000") },
			func(w *world, id wallet.ID) error { return second(w.Void(ctx(), id, wallet.Void{All: true})) }},
		{"money of a charge", "999999.999999", func(w *world, id wallet.ID) { grant(w, id, "900000000000"); grant(w, id, "900000000000") },
			func(w *world, id wallet.ID) error {
				return second(w.Charge(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{
					{ID: "a", Amount: amount("900000000000000000")}, {ID: "b", Amount: amount("800000000000000000")}}}))
			}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(wallet.Spec{Rate: amount(test.rate)})
			test.given(w, id)
			w.unchanged(func() { wantErr(t, test.try(w, id), wallet.ErrLimit) })
		})
	}
}

func nothing(*world, wallet.ID) {}

// Up to the last digit everything works.
func TestMost(t *testing.T) {
	w := newWorld(t)
	id := w.open(most)
	if got := w.debit(id, most); got.Credits.String() != most || got.Money.Amount.String() != most || !got.BalanceAfter.IsZero() {
		t.Errorf("got %+v", got)
	}
	w = newWorld(t)
	id = w.open("0.000000000001")
	wantEqual(t, w.debit(id, "0.000000000001").Credits.String(), "0.000000000001", "credits")
}

// What is worth more money than one transaction can tell can still end.
func TestEndOfRiches(t *testing.T) {
	rich := func(w *world, expiry time.Time) wallet.ID {
		id := w.create(wallet.Spec{Rate: amount("999999.999999"), ExpiresAt: expiry})
		for range 3 {
			w.topUp(id, wallet.TopUp{Granted: amount("900000000000")})
		}
		return id
	}
	out := func(w *world, id wallet.ID, k wallet.Kind) int {
		return len(w.list(wallet.TransactionQuery{Wallet: id, Kinds: []wallet.Kind{k}}))
	}
	w := newWorld(t)
	id := rich(w, time.Time{})
	must(w.Terminate(ctx(), id))
	wantEqual(t, out(w, id, wallet.Voided), 3, "voids")
	wantEqual(t, w.read(id).Status, wallet.Terminated, "status")
	wantEqual(t, w.read(id).Balance.Total().String(), "0", "balance")

	id = rich(w, w.clock.Add(time.Hour))
	w.wait(time.Hour)
	wantEqual(t, w.read(id).Status, wallet.Terminated, "status")
	wantEqual(t, out(w, id, wallet.Expired), 3, "expiries")

	w.use(policy.Policy{OnTerminate: policy.KeepRemaining})
	id = rich(w, time.Time{})
	ended := must(w.Terminate(ctx(), id))
	wantEqual(t, ended.Balance.Kept.String(), "2700000000000", "kept")
}

// A wallet's limits bind what is paid, however it is asked for.
func TestTopUpLimits(t *testing.T) {
	limits := wallet.Limits{MinPaid: amount("10"), MaxPaid: amount("20")}
	for _, test := range []struct {
		name string
		t    wallet.TopUp
		want error
	}{
		{"least", wallet.TopUp{Paid: amount("10")}, nil},
		{"most", wallet.TopUp{Paid: amount("20")}, nil},
		{"less", wallet.TopUp{Paid: amount("9.999999999999")}, wallet.ErrLimit},
		{"more", wallet.TopUp{Paid: amount("20.000000000001")}, wallet.ErrLimit},
		{"granted", wallet.TopUp{Granted: amount("1000")}, nil},
		{"money for the least", wallet.TopUp{Money: amount("30")}, nil},
		{"money for less", wallet.TopUp{Money: amount("29.99")}, wallet.ErrLimit},
		{"money for more", wallet.TopUp{Money: amount("60.000000000001")}, wallet.ErrLimit},
		{"beside a grant", wallet.TopUp{Paid: amount("1"), Granted: amount("15")}, wallet.ErrLimit},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			id := w.create(wallet.Spec{Rate: amount("3"), Limits: limits})
			_, err := w.TopUp(ctx(), id, test.t)
			wantErr(t, err, test.want)
			_, err = w.Create(ctx(), wallet.Spec{Customer: "new", Currency: "USD", Rate: amount("3"), Limits: limits, TopUp: test.t})
			wantErr(t, err, test.want)
			n, _ := w.CountWallets(ctx(), wallet.WalletQuery{Customer: "new"})
			wantEqual(t, n == 1, test.want == nil, "a wallet is there")
		})
	}
}
