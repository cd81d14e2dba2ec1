package engine_test

import (
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A preview under the key of a charge already made says what is left to pay with: the charge made again says what it paid.
func TestPreviewKey(t *testing.T) {
	d := liveDesk(newWorld(t))
	c := wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{Amount: amount("1000")}}, Key: "k"}
	first := must(d.Charge(ctx(), c))
	again, preview := must(d.Charge(ctx(), c)), must(d.Preview(ctx(), c))
	if !first.Covered.Equal(again.Covered) || first.Covered.IsZero() || !preview.Covered.IsZero() {
		t.Errorf("charged %s, again %s, preview %s", first.Covered, again.Covered, preview.Covered)
	}
}

// A different request to hold, capture, refund or transfer under a key is told apart, whichever field differs.
func TestLiveFingerprints(t *testing.T) {
	one, two, meta := amount("1"), amount("2"), map[string]string{"a": "1"}
	t.Run("authorize", func(t *testing.T) {
		testKeyed(t, func(d *desk) wallet.Authorization {
			return wallet.Authorization{Wallet: d.id, Credits: one, Key: "k"}
		}, func(d *desk, a wallet.Authorization) (any, error) {
			if a.Wallet.IsZero() && a.Customer == "" {
				a.Wallet = d.to
			}
			return d.Authorize(ctx(), a)
		}, []string{"Customer", "Currency"}, // with the wallet
			map[string]func(*wallet.Authorization){
				"Wallet": func(a *wallet.Authorization) { a.Wallet = wallet.ID{} },
				"customer's": func(a *wallet.Authorization) {
					*a = wallet.Authorization{Customer: "acme", Currency: "USD", Money: one, Key: "k"}
				},
				"Credits":   func(a *wallet.Authorization) { a.Credits = two },
				"Money":     func(a *wallet.Authorization) { a.Credits, a.Money = wallet.Amount{}, one },
				"Fee":       func(a *wallet.Authorization) { a.Fee.ID = "x" },
				"fee type":  func(a *wallet.Authorization) { a.Fee.Type = "x" },
				"metric":    func(a *wallet.Authorization) { a.Fee.Metric = "x" },
				"For":       func(a *wallet.Authorization) { a.For = time.Hour },
				"Reference": func(a *wallet.Authorization) { a.Reference = "x" },
				"Metadata":  func(a *wallet.Authorization) { a.Metadata = meta },
			})
	})
	t.Run("authorize over wallets", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Authorization {
			return wallet.Authorization{Customer: "acme", Currency: "USD", Money: one, Key: "k"}
		}, func(d *desk, a wallet.Authorization) (any, error) { return d.Authorize(ctx(), a) },
			[]string{"Wallet", "Customer", "Credits", "Fee", "For", "Reference", "Metadata"}, // see above
			map[string]func(*wallet.Authorization){
				"Currency": func(a *wallet.Authorization) { a.Currency = "EUR" }, "Money": func(a *wallet.Authorization) { a.Money = two },
			})
	})
	t.Run("capture", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Capture { return wallet.Capture{Credits: one, Key: "k"} },
			func(d *desk, c wallet.Capture) (any, error) { return d.Capture(ctx(), d.hold, c) }, nil,
			map[string]func(*wallet.Capture){
				"Credits": func(c *wallet.Capture) { c.Credits = two }, "Money": func(c *wallet.Capture) { c.Credits, c.Money = wallet.Amount{}, one },
				"More": func(c *wallet.Capture) { c.More = true }, "Over": func(c *wallet.Capture) { c.Over = wallet.Partial },
			})
	})
	t.Run("refund", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Refund { return wallet.Refund{Credits: one, Key: "k"} },
			func(d *desk, r wallet.Refund) (any, error) { return d.Refund(ctx(), d.spent, r) }, nil,
			map[string]func(*wallet.Refund){
				"Credits": func(r *wallet.Refund) { r.Credits = two }, "Money": func(r *wallet.Refund) { r.Credits, r.Money = wallet.Amount{}, one },
				"all":    func(r *wallet.Refund) { r.Credits = wallet.Amount{} },
				"Reason": func(r *wallet.Refund) { r.Reason = "x" }, "Metadata": func(r *wallet.Refund) { r.Metadata = meta },
			})
	})
	t.Run("transfer", func(t *testing.T) {
		testKeyed(t, func(*desk) wallet.Transfer { return wallet.Transfer{Credits: one, Key: "k"} },
			func(d *desk, r wallet.Transfer) (any, error) { return d.Transfer(ctx(), d.id, d.to, r) }, nil,
			map[string]func(*wallet.Transfer){
				"Credits": func(r *wallet.Transfer) { r.Credits = two }, "All": func(r *wallet.Transfer) { r.Credits, r.All = wallet.Amount{}, true },
				"Kind": func(r *wallet.Transfer) { r.Kind = wallet.Granted }, "Metadata": func(r *wallet.Transfer) { r.Metadata = meta },
			})
	})
}

// Under one key, another hold, transaction or wallet is another request.
func TestLiveTargets(t *testing.T) {
	d := liveDesk(newWorld(t))
	one := amount("1")
	other := must(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id, Credits: one})).ID
	spent := d.debit(d.id, "1").ID
	third := d.open("1")
	must(d.Capture(ctx(), d.hold, wallet.Capture{Credits: one, Key: "a"}))
	must(d.Refund(ctx(), d.spent, wallet.Refund{Credits: one, Key: "b"}))
	must(d.Transfer(ctx(), d.id, d.to, wallet.Transfer{Credits: one, Key: "c"}))
	d.unchanged(func() {
		for name, err := range map[string]error{
			"capture":       second(d.Capture(ctx(), other, wallet.Capture{Credits: one, Key: "a"})),
			"refund":        second(d.Refund(ctx(), spent, wallet.Refund{Credits: one, Key: "b"})),
			"transfer to":   second(d.Transfer(ctx(), d.id, third, wallet.Transfer{Credits: one, Key: "c"})),
			"transfer from": second(d.Transfer(ctx(), third, d.to, wallet.Transfer{Credits: one, Key: "c"})),
			"a debit":       second(d.Debit(ctx(), d.id, wallet.Debit{Credits: one, Key: "b"})),
		} {
			t.Run(name, func(t *testing.T) { wantErr(t, err, wallet.ErrKeyReused) })
		}
	})
}
