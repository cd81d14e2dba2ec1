package engine_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// liveDesk returns a desk with an open hold, something consumed, and another wallet.
func liveDesk(w *world) *desk {
	d := newDesk(w)
	d.spent = d.debit(d.id, "5").ID
	d.hold = must(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id, Credits: amount("5")})).ID
	d.to = d.open("3")
	return d
}

func inAuthorize[T any](set func(*wallet.Authorization, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		a := wallet.Authorization{Wallet: d.id, Credits: amount("1")}
		set(&a, v)
		return second(d.Authorize(ctx(), a))
	}
}

// inCustomer authorizes over a customer's wallets.
func inCustomer[T any](set func(*wallet.Authorization, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		a := wallet.Authorization{Customer: "acme", Currency: "USD", Money: amount("1")}
		set(&a, v)
		return second(d.Authorize(ctx(), a))
	}
}

func inCapture[T any](set func(*wallet.Capture, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		c := wallet.Capture{Credits: amount("1")}
		set(&c, v)
		return second(d.Capture(ctx(), d.hold, c))
	}
}

func inRefund[T any](set func(*wallet.Refund, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		r := wallet.Refund{Credits: amount("1")}
		set(&r, v)
		return second(d.Refund(ctx(), d.spent, r))
	}
}

func inTransfer[T any](set func(*wallet.Transfer, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		tr := wallet.Transfer{Credits: amount("1")}
		set(&tr, v)
		return second(d.Transfer(ctx(), d.id, d.to, tr))
	}
}

func inOngoing[T any](set func(*wallet.Charge, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		c := wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{ID: "fee", Amount: amount("1")}}}
		set(&c, v)
		return second(d.SetOngoing(ctx(), c))
	}
}

// The fields of requests to hold, refund, transfer and note usage have the bounds of all others.
func TestLiveTexts(t *testing.T) {
	fields := []field[string]{
		{"fee.id", inAuthorize(func(a *wallet.Authorization, v string) { a.Fee.ID = v })},
		{"fee.metric", inAuthorize(func(a *wallet.Authorization, v string) { a.Fee.Metric = v })},
		{"reference", inAuthorize(func(a *wallet.Authorization, v string) { a.Reference = v })},
		{"key", inAuthorize(func(a *wallet.Authorization, v string) { a.Key = v })},
		{"key", inCapture(func(c *wallet.Capture, v string) { c.Key = v })},
		{"reason", inRefund(func(r *wallet.Refund, v string) { r.Reason = v })},
		{"key", inRefund(func(r *wallet.Refund, v string) { r.Key = v })},
		{"key", inTransfer(func(r *wallet.Transfer, v string) { r.Key = v })},
		{"customer", inOngoing(func(c *wallet.Charge, v string) { c.Customer = wallet.CustomerID(v) })},
		{"fees[0].id", inOngoing(func(c *wallet.Charge, v string) { c.Fees[0].ID = v })},
		{"fees[0].metric", inOngoing(func(c *wallet.Charge, v string) { c.Fees[0].Metric = v })},
	}
	testFieldsAt(t, liveDesk, fields, badTexts, goodTexts)
	testFieldsAt(t, liveDesk, []field[string]{
		{"customer", inCustomer(func(a *wallet.Authorization, v string) { a.Customer = wallet.CustomerID(v) })},
	}, map[string]string{"empty": "", "NUL": "a\x00b", "long": strings.Repeat("x", 256), "no UTF-8": "\xff"}, nil)
	types := map[string]wallet.FeeType{"capital": "Charge", "NUL": "a\x00", "no UTF-8": "\xff", "SQL": "a'--", "long": wallet.FeeType(strings.Repeat("a", 65))}
	testFieldsAt(t, liveDesk, []field[wallet.FeeType]{
		{"fee.type", inAuthorize(func(a *wallet.Authorization, v wallet.FeeType) { a.Fee.Type = v })},
		{"fees[0].type", inOngoing(func(c *wallet.Charge, v wallet.FeeType) { c.Fees[0].Type = v })},
	}, types, map[string]wallet.FeeType{"known": wallet.FeeCharge})
	testFieldsAt(t, liveDesk, []field[wallet.Currency]{
		{"currency", inCustomer(func(a *wallet.Authorization, v wallet.Currency) { a.Currency = v })},
		{"currency", inOngoing(func(c *wallet.Charge, v wallet.Currency) { c.Currency = v })},
	}, map[string]wallet.Currency{"empty": "", "small": "usd", "unknown": "ABC", "NUL": "US\x00", "SQL": "US'"}, nil)
	testFieldsAt(t, liveDesk, []field[wallet.Over]{{"over", inCapture(func(c *wallet.Capture, v wallet.Over) { c.Over = v })}},
		map[string]wallet.Over{"other": "reject", "capital": "Extend", "NUL": "\x00", "SQL": "'; --"},
		map[string]wallet.Over{"reject": wallet.Reject, "extend": wallet.Extend, "partial": wallet.Partial})
	testFieldsAt(t, liveDesk, []field[wallet.Kind]{{"kind", inTransfer(func(r *wallet.Transfer, v wallet.Kind) { r.Kind = v })}},
		map[string]wallet.Kind{"other": "gift", "consumed": wallet.Consumed, "refunded": wallet.Refunded, "NUL": "\x00", "SQL": "'; --"},
		map[string]wallet.Kind{"both": "", "granted": wallet.Granted})
}

func TestLiveAmounts(t *testing.T) {
	testFieldsAt(t, liveDesk, []field[wallet.Amount]{
		{"credits", inAuthorize(func(a *wallet.Authorization, v wallet.Amount) { a.Credits = v })},
		{"money", inAuthorize(func(a *wallet.Authorization, v wallet.Amount) { a.Credits, a.Money = wallet.Amount{}, v })},
		{"money", inCustomer(func(a *wallet.Authorization, v wallet.Amount) { a.Money = v })},
		{"credits", inCapture(func(c *wallet.Capture, v wallet.Amount) { c.Credits = v })},
		{"money", inCapture(func(c *wallet.Capture, v wallet.Amount) { c.Credits, c.Money = wallet.Amount{}, v })},
		{"credits", inRefund(func(r *wallet.Refund, v wallet.Amount) { r.Credits = v })},
		{"money", inRefund(func(r *wallet.Refund, v wallet.Amount) { r.Credits, r.Money = wallet.Amount{}, v })},
		{"credits", inTransfer(func(r *wallet.Transfer, v wallet.Amount) { r.Credits = v })},
		{"fees[0].amount", inOngoing(func(c *wallet.Charge, v wallet.Amount) { c.Fees[0].Amount = v })},
	}, badAmounts, map[string]wallet.Amount{"least": amount("0.000000000001"), "plain": amount("1.50")})
	testFieldsAt(t, liveDesk, []field[time.Duration]{
		{"for", inAuthorize(func(a *wallet.Authorization, v time.Duration) { a.For = v })},
		{"for", inCustomer(func(a *wallet.Authorization, v time.Duration) { a.For = v })},
	}, map[string]time.Duration{"negative": -1, "least": math.MinInt64, "less than a microsecond": 999,
		"31 days": 31 * 24 * time.Hour, "just more than 30 days": 30*24*time.Hour + 1, "longest": math.MaxInt64},
		map[string]time.Duration{"default": 0, "shortest": time.Microsecond, "30 days": 30 * 24 * time.Hour})
	metadata := []field[map[string]string]{
		{"metadata", inAuthorize(func(a *wallet.Authorization, v map[string]string) { a.Metadata = v })},
		{"metadata", inRefund(func(r *wallet.Refund, v map[string]string) { r.Metadata = v })},
		{"metadata", inTransfer(func(r *wallet.Transfer, v map[string]string) { r.Metadata = v })},
	}
	testFieldsAt(t, liveDesk, metadata, map[string]map[string]string{"empty key": {"": "x"}, "long key": {strings.Repeat("k", 101): "x"}, "bad key": {"\xff": "x"}},
		map[string]map[string]string{"longest": {strings.Repeat("k", 100): strings.Repeat("v", 500)}, "SQL": {"'); --": "'); DROP TABLE wallets; --"}})
	for i := range metadata {
		metadata[i].path += ".k"
	}
	testFieldsAt(t, liveDesk, metadata, badValues, nil)
}

// All bad fields of a live request are reported at once, and what excludes each other.
func TestLiveAtOnce(t *testing.T) {
	bad, less, one, meta := "\x00", amount("-1"), amount("1"), map[string]string{"": "x"}
	fee := wallet.Fee{ID: bad, Type: "A", Metric: bad, Amount: less}
	fees := []string{"fee.amount", "fee.id", "fee.metric", "fee.type"}
	for _, test := range []struct {
		name string
		want []string
		try  func(d *desk) error
	}{
		{"authorize", append(fees, "credits", "currency", "customer", "for", "key", "metadata", "money", "reference"), func(d *desk) error {
			return second(d.Authorize(ctx(), wallet.Authorization{Customer: wallet.CustomerID(bad), Credits: less, Money: less, Fee: fee, For: -1,
				Reference: bad, Metadata: meta, Key: bad}))
		}},
		{"authorize in a wallet", append(fees, "customer", "credits", "money", "for", "key", "metadata", "reference"), func(d *desk) error {
			return second(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id, Customer: "acme", Credits: less, Money: less, Fee: fee,
				For: 1 << 62, Reference: bad, Metadata: meta, Key: bad}))
		}},
		{"authorize nothing", []string{"credits"}, func(d *desk) error { return second(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id})) }},
		{"authorize both", []string{"money"}, func(d *desk) error {
			return second(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id, Credits: one, Money: one}))
		}},
		{"credits of a customer", []string{"credits"}, func(d *desk) error {
			return second(d.Authorize(ctx(), wallet.Authorization{Customer: "acme", Currency: "USD", Credits: one}))
		}},
		{"a currency beside a wallet", []string{"customer"}, func(d *desk) error {
			return second(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id, Currency: "USD", Credits: one}))
		}},
		{"capture", []string{"credits", "key", "money", "over"}, func(d *desk) error {
			return second(d.Capture(ctx(), d.hold, wallet.Capture{Credits: less, Money: less, Over: "x", Key: bad}))
		}},
		{"capture nothing", []string{"credits"}, func(d *desk) error { return second(d.Capture(ctx(), d.hold, wallet.Capture{})) }},
		{"capture both", []string{"money"}, func(d *desk) error { return second(d.Capture(ctx(), d.hold, wallet.Capture{Credits: one, Money: one})) }},
		{"refund", []string{"credits", "key", "metadata", "money", "reason"}, func(d *desk) error {
			return second(d.Refund(ctx(), d.spent, wallet.Refund{Credits: less, Money: less, Reason: bad, Metadata: meta, Key: bad}))
		}},
		{"refund a grant", []string{"transaction"}, func(d *desk) error { return second(d.Refund(ctx(), d.lots(d.id)[0].ID, wallet.Refund{})) }},
		{"refund a void", []string{"transaction"}, func(d *desk) error {
			return second(d.Refund(ctx(), must(d.Void(ctx(), d.to, wallet.Void{Credits: one})).ID, wallet.Refund{}))
		}},
		{"transfer", []string{"all", "key", "kind", "metadata", "credits", "to"}, func(d *desk) error {
			return second(d.Transfer(ctx(), d.id, d.id, wallet.Transfer{Credits: less, All: true, Kind: "x", Metadata: meta, Key: bad}))
		}},
		{"transfer nothing", []string{"credits"}, func(d *desk) error { return second(d.Transfer(ctx(), d.id, d.to, wallet.Transfer{})) }},
		{"usage", []string{"customer", "currency", "fees[0].amount", "fees[0].id", "fees[0].metric", "fees[0].type"}, func(d *desk) error {
			return second(d.SetOngoing(ctx(), wallet.Charge{Customer: wallet.CustomerID(bad), Fees: []wallet.Fee{fee}}))
		}},
		{"usage of one fee twice", []string{"fees[1].id"}, func(d *desk) error {
			f := wallet.Fee{ID: "a", Amount: one}
			return second(d.SetOngoing(ctx(), wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{f, f}}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := paths(test.try(liveDesk(newWorld(t))))
			slices.Sort(got)
			slices.Sort(test.want)
			wantEqual(t, slices.Compact(got), test.want, "bad fields")
		})
	}
}

// What a live request names must be there, be the customer's own, and be open.
func TestLiveUnknown(t *testing.T) {
	one, nobody := amount("1"), wallet.MintID(wallet.ID{}, start)
	noHold, noTx := wallet.MintHoldID(wallet.HoldID{}, start), wallet.MintTransactionID(wallet.TransactionID{}, start)
	onEveryStore(t, func(t *testing.T, open func(testing.TB) store.Store) {
		d := liveDesk(on(t, open(t), policy.Policy{}))
		other := d.create(wallet.Spec{Customer: "umbrella", TopUp: wallet.TopUp{Granted: one}})
		yen := d.create(wallet.Spec{Currency: "JPY"})
		dear := d.create(wallet.Spec{Rate: amount("0.5")})
		over := d.create(wallet.Spec{})
		must(d.Terminate(ctx(), over))
		capture, transfer := wallet.Capture{Credits: one}, wallet.Transfer{Credits: one}
		d.unchanged(func() {
			for name, test := range map[string]struct{ got, want error }{
				"authorize":                    {second(d.Authorize(ctx(), wallet.Authorization{Wallet: nobody, Credits: one})), wallet.ErrNotFound},
				"authorize over nobody's":      {second(d.Authorize(ctx(), wallet.Authorization{Customer: "' OR 1=1", Currency: "USD", Money: one})), wallet.ErrInsufficient},
				"authorize of a closed wallet": {second(d.Authorize(ctx(), wallet.Authorization{Wallet: over, Credits: one})), wallet.ErrTerminated},
				"authorize too much":           {second(d.Authorize(ctx(), wallet.Authorization{Wallet: d.id, Credits: amount(most)})), wallet.ErrInsufficient},
				"capture":                      {second(d.Capture(ctx(), noHold, capture)), wallet.ErrNotFound},
				"capture of zero":              {second(d.Capture(ctx(), wallet.HoldID{}, capture)), wallet.ErrNotFound},
				"release":                      {second(d.Release(ctx(), noHold)), wallet.ErrNotFound},
				"hold":                         {second(d.Hold(ctx(), noHold)), wallet.ErrNotFound},
				"refund":                       {second(d.Refund(ctx(), noTx, wallet.Refund{})), wallet.ErrNotFound},
				"refund of zero":               {second(d.Refund(ctx(), wallet.TransactionID{}, wallet.Refund{})), wallet.ErrNotFound},
				"refund too much":              {second(d.Refund(ctx(), d.spent, wallet.Refund{Credits: amount("5.000000000001")})), wallet.ErrInsufficient},
				"refund too much money":        {second(d.Refund(ctx(), d.spent, wallet.Refund{Money: amount("5.000000000001")})), wallet.ErrInsufficient},
				"transfer from nowhere":        {second(d.Transfer(ctx(), nobody, d.id, transfer)), wallet.ErrNotFound},
				"transfer to nowhere":          {second(d.Transfer(ctx(), d.id, nobody, transfer)), wallet.ErrNotFound},
				"transfer to zero":             {second(d.Transfer(ctx(), d.id, wallet.ID{}, transfer)), wallet.ErrNotFound},
				"transfer to another customer": {second(d.Transfer(ctx(), d.id, other, transfer)), wallet.ErrNotFound},
				"transfer to a closed wallet":  {second(d.Transfer(ctx(), d.id, over, transfer)), wallet.ErrTerminated},
				"transfer to another currency": {second(d.Transfer(ctx(), d.id, yen, transfer)), wallet.ErrCurrency},
				"transfer to another rate":     {second(d.Transfer(ctx(), d.id, dear, transfer)), wallet.ErrCurrency},
				"usage beyond any limit": {second(d.SetOngoing(ctx(), wallet.Charge{Customer: "acme", Currency: "USD",
					Fees: []wallet.Fee{{ID: "a", Amount: amount(most)}, {ID: "b", Amount: amount(most)}}})), wallet.ErrLimit},
				"holds of no wallet":     {last(d.Holds(ctx(), wallet.HoldQuery{Wallet: nobody})), wallet.ErrNotFound},
				"less than no holds":     {last(d.Holds(ctx(), wallet.HoldQuery{Limit: -1})), wallet.ErrInvalid},
				"events of no wallet":    {last(d.Events(ctx(), wallet.EventQuery{Wallet: nobody})), wallet.ErrNotFound},
				"less than no events":    {last(d.Events(ctx(), wallet.EventQuery{Limit: -1})), wallet.ErrInvalid},
				"events after nonsense":  {last(d.Events(ctx(), wallet.EventQuery{After: "'; DROP TABLE wallets; --"})), wallet.ErrInvalid},
				"events after a NUL":     {last(d.Events(ctx(), wallet.EventQuery{After: "\x00"})), wallet.ErrInvalid},
				"events after less":      {last(d.Events(ctx(), wallet.EventQuery{After: "-1"})), wallet.ErrInvalid},
				"events after too much":  {last(d.Events(ctx(), wallet.EventQuery{After: wallet.Cursor(strings.Repeat("9", 300))})), wallet.ErrInvalid},
				"events after a wonder":  {last(d.Events(ctx(), wallet.EventQuery{Wallet: d.id, After: "NaN"})), wallet.ErrInvalid},
				"holds of strange":       {last(d.Holds(ctx(), wallet.HoldQuery{Customer: "' OR 1=1 --"})), nil},
				"holds of strange state": {last(d.Holds(ctx(), wallet.HoldQuery{States: []wallet.State{"' OR 1=1 --", ""}})), nil},
				"events of strange":      {last(d.Events(ctx(), wallet.EventQuery{Customer: "' OR 1=1 --"})), nil},
			} {
				t.Run(name, func(t *testing.T) { wantErr(t, test.got, test.want) })
			}
		})
		for name, n := range map[string]int{
			"holds":  len(must(wallet.Collect(d.Holds(ctx(), wallet.HoldQuery{Customer: "' OR 1=1 --"})))) + len(must(wallet.Collect(d.Holds(ctx(), wallet.HoldQuery{States: []wallet.State{"x"}})))),
			"events": len(must(wallet.Collect(d.Events(ctx(), wallet.EventQuery{Customer: "' OR 1=1 --"})))),
		} {
			wantEqual(t, n, 0, fmt.Sprint(name, " of nobody"))
		}
	})
}
