package engine_test

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A desk is a world with a wallet that has something of everything, for requests to be made at.
type desk struct {
	*world
	id       wallet.ID
	purchase wallet.TransactionID // pending

	// a live desk's
	hold  wallet.HoldID        // open
	spent wallet.TransactionID // consumed
	to    wallet.ID            // another wallet
	other wallet.ID            // one of another rate
}

func newDesk(w *world) *desk {
	id := w.open("100")
	return &desk{world: w, id: id, purchase: w.topUp(id, wallet.TopUp{Paid: amount("10")})[0].ID}
}

// A field is one field of a request: try makes the request with the field so and everything else in order.
type field[T any] struct {
	path string
	try  func(d *desk, v T) error
}

func inCreate[T any](set func(*wallet.Spec, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		s := wallet.Spec{Customer: "acme", Currency: "USD", Rate: amount("1")}
		set(&s, v)
		_, err := d.Create(ctx(), s)
		return err
	}
}

func inUpdate[T any](set func(*wallet.Changes, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		var c wallet.Changes
		set(&c, v)
		_, err := d.Update(ctx(), d.id, c)
		return err
	}
}

func inTopUp[T any](set func(*wallet.TopUp, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		t := wallet.TopUp{Granted: amount("1")}
		set(&t, v)
		_, err := d.TopUp(ctx(), d.id, t)
		return err
	}
}

// inFirst is the top-up that comes with a wallet.
func inFirst[T any](set func(*wallet.TopUp, T)) func(*desk, T) error {
	return inCreate(func(s *wallet.Spec, v T) {
		s.TopUp.Granted = amount("1")
		set(&s.TopUp, v)
	})
}

func inSettle[T any](set func(*wallet.Settlement, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		var s wallet.Settlement
		set(&s, v)
		_, err := d.Settle(ctx(), d.purchase, s)
		return err
	}
}

func inDebit[T any](set func(*wallet.Debit, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		b := wallet.Debit{Credits: amount("1")}
		set(&b, v)
		_, err := d.Debit(ctx(), d.id, b)
		return err
	}
}

func inCharge[T any](set func(*wallet.Charge, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		c := wallet.Charge{Customer: "acme", Currency: "USD", Fees: []wallet.Fee{{ID: "fee", Amount: amount("1")}}}
		set(&c, v)
		if _, err := d.Preview(ctx(), c); err != nil {
			return err
		}
		_, err := d.Charge(ctx(), c)
		return err
	}
}

func inVoid[T any](set func(*wallet.Void, T)) func(*desk, T) error {
	return func(d *desk, v T) error {
		o := wallet.Void{Credits: amount("1")}
		set(&o, v)
		_, err := d.Void(ctx(), d.id, o)
		return err
	}
}

// testFields makes every request with each of the bad values, which must be reported by the field's path and leave no trace,
// and with each of the good ones.
func testFields[T any](t *testing.T, fields []field[T], bad, good map[string]T) {
	t.Helper()
	testFieldsAt(t, newDesk, fields, bad, good)
}

func testFieldsAt[T any](t *testing.T, newDesk func(*world) *desk, fields []field[T], bad, good map[string]T) {
	t.Helper()
	for _, f := range fields {
		for _, name := range slices.Sorted(maps.Keys(bad)) {
			d := newDesk(newWorld(t))
			d.unchanged(func() {
				err := f.try(d, bad[name])
				if got := paths(err); !slices.Equal(got, []string{f.path}) {
					t.Errorf("%s, %s: got error %v about %q", f.path, name, err, got)
				}
			})
		}
		for _, name := range slices.Sorted(maps.Keys(good)) {
			if err := f.try(newDesk(newWorld(t)), good[name]); err != nil {
				t.Errorf("%s, %s: got error %v", f.path, name, err)
			}
		}
	}
}

// paths are the fields that an error is about.
func paths(err error) (all []string) {
	var invalid *wallet.InvalidError
	if errors.Is(err, wallet.ErrInvalid) && errors.As(err, &invalid) && strings.HasPrefix(err.Error(), "wallet: ") {
		for _, f := range invalid.Fields {
			all = append(all, f.Field)
		}
	}
	return all
}

var (
	badTexts = map[string]string{
		"too long": strings.Repeat("x", 256), "too long in bytes": strings.Repeat("é", 128),
		"NUL": "a\x00b", "newline": "a\n", "tab": "\ta", "DEL": "\x7f", "C1": "a\u0085",
		"no UTF-8": "\xff", "half a rune": "\xe2\x82",
	}
	goodTexts = map[string]string{
		"longest": strings.Repeat("x", 255), "spaces": "  ", "SQL": "'); DROP TABLE wallets; --", "quotes": `"'` + "`", "wildcards": `%_\`,
		"words": "NULL", "number": "0", "emoji": "💶", "right to left": "\u202eabc", "replacement": "\uFFFD", "JSON": `{"a":[]}`,
	}
)

func TestTexts(t *testing.T) {
	testFields(t, []field[string]{
		{"customer", inCreate(func(s *wallet.Spec, v string) { s.Customer = wallet.CustomerID(v) })},
		{"name", inCreate(func(s *wallet.Spec, v string) { s.Name = v })},
		{"code", inCreate(func(s *wallet.Spec, v string) { s.Code = v })},
		{"key", inCreate(func(s *wallet.Spec, v string) { s.Key = v })},
		{"applies_to.metrics[0]", inCreate(func(s *wallet.Spec, v string) { s.AppliesTo.Metrics = []string{v} })},
		{"top_up.name", inFirst(func(p *wallet.TopUp, v string) { p.Name = v })},
		{"top_up.reference", inFirst(func(p *wallet.TopUp, v string) { p.Reference = v })},
		{"name", inUpdate(func(c *wallet.Changes, v string) { c.Name = &v })},
		{"code", inUpdate(func(c *wallet.Changes, v string) { c.Code = &v })},
		{"key", inUpdate(func(c *wallet.Changes, v string) { c.Key = v })},
		{"applies_to.metrics[1]", inUpdate(func(c *wallet.Changes, v string) { c.AppliesTo = &wallet.AppliesTo{Metrics: []string{"a", v}} })},
		{"name", inTopUp(func(p *wallet.TopUp, v string) { p.Name = v })},
		{"reference", inTopUp(func(p *wallet.TopUp, v string) { p.Reference = v })},
		{"key", inTopUp(func(p *wallet.TopUp, v string) { p.Key = v })},
		{"reason", func(d *desk, v string) error { _, err := d.Fail(ctx(), d.purchase, v); return err }},
		{"fee.id", inDebit(func(b *wallet.Debit, v string) { b.Fee.ID = v })},
		{"fee.metric", inDebit(func(b *wallet.Debit, v string) { b.Fee.Metric = v })},
		{"reference", inDebit(func(b *wallet.Debit, v string) { b.Reference = v })},
		{"key", inDebit(func(b *wallet.Debit, v string) { b.Key = v })},
		{"customer", inCharge(func(c *wallet.Charge, v string) { c.Customer = wallet.CustomerID(v) })},
		{"fees[0].id", inCharge(func(c *wallet.Charge, v string) { c.Fees[0].ID = v })},
		{"fees[0].metric", inCharge(func(c *wallet.Charge, v string) { c.Fees[0].Metric = v })},
		{"reference", inCharge(func(c *wallet.Charge, v string) { c.Reference = v })},
		{"key", inCharge(func(c *wallet.Charge, v string) { c.Key = v })},
		{"reason", inVoid(func(o *wallet.Void, v string) { o.Reason = v })},
		{"key", inVoid(func(o *wallet.Void, v string) { o.Key = v })},
	}, badTexts, goodTexts)
}

func TestFeeTypes(t *testing.T) {
	bad := map[string]wallet.FeeType{"capital": "Charge", "digit first": "1a", "hyphen": "a-b", "space": "a b", "accent": "é",
		"NUL": "a\x00", "no UTF-8": "\xff", "too long": wallet.FeeType(strings.Repeat("a", 65)), "SQL": "a'--"}
	good := map[string]wallet.FeeType{"one letter": "z", "longest": wallet.FeeType(strings.Repeat("a", 64)), "all kinds": "a_0z9_", "known": wallet.FeeCommitment}
	testFields(t, []field[wallet.FeeType]{
		{"applies_to.fee_types[0]", inCreate(func(s *wallet.Spec, v wallet.FeeType) { s.AppliesTo.FeeTypes = []wallet.FeeType{v} })},
		{"applies_to.fee_types[1]", inUpdate(func(c *wallet.Changes, v wallet.FeeType) {
			c.AppliesTo = &wallet.AppliesTo{FeeTypes: []wallet.FeeType{"charge", v}}
		})},
		{"fee.type", inDebit(func(b *wallet.Debit, v wallet.FeeType) { b.Fee.Type = v })},
		{"fees[0].type", inCharge(func(c *wallet.Charge, v wallet.FeeType) { c.Fees[0].Type = v })},
	}, bad, good)
}

var badAmounts = map[string]wallet.Amount{
	"negative": amount("-1"), "just negative": amount("-0.000000000001"),
	"13 decimals": amount("0.1").Mul(amount("0.000000000001")), "24 decimals": amount("0.000000000001").Mul(amount("1.000000000001")),
	"19 digits": amount("999999999999999999.999999999999").Add(amount("0.000000000001")), "36 digits": amount("999999999999999999").Mul(amount("999999999999999999")),
}

func TestAmounts(t *testing.T) {
	good := map[string]wallet.Amount{"least": amount("0.000000000001"), "plain": amount("1.50")}
	testFields(t, []field[wallet.Amount]{
		{"limits.min_paid", inCreate(func(s *wallet.Spec, v wallet.Amount) { s.Limits.MinPaid = v })},
		{"limits.max_paid", inCreate(func(s *wallet.Spec, v wallet.Amount) { s.Limits.MaxPaid = v })},
		{"limits.min_paid", inUpdate(func(c *wallet.Changes, v wallet.Amount) { c.Limits = &wallet.Limits{MinPaid: v} })},
		{"limits.max_paid", inUpdate(func(c *wallet.Changes, v wallet.Amount) { c.Limits = &wallet.Limits{MaxPaid: v} })},
		{"top_up.paid", inFirst(func(p *wallet.TopUp, v wallet.Amount) { p.Paid = v })},
		{"top_up.granted", inFirst(func(p *wallet.TopUp, v wallet.Amount) { p.Granted = v })},
		{"top_up.money", inFirst(func(p *wallet.TopUp, v wallet.Amount) { p.Money = v })},
		{"paid", inTopUp(func(p *wallet.TopUp, v wallet.Amount) { p.Paid = v })},
		{"granted", inTopUp(func(p *wallet.TopUp, v wallet.Amount) { p.Granted = v })},
		{"money", inTopUp(func(p *wallet.TopUp, v wallet.Amount) { p.Money = v })},
		{"credits", inDebit(func(b *wallet.Debit, v wallet.Amount) { b.Credits = v })},
		{"money", inDebit(func(b *wallet.Debit, v wallet.Amount) { b.Credits, b.Money = wallet.Amount{}, v })},
		{"fees[0].amount", inCharge(func(c *wallet.Charge, v wallet.Amount) { c.Fees[0].Amount = v })},
		{"credits", inVoid(func(o *wallet.Void, v wallet.Amount) { o.Credits = v })},
	}, badAmounts, good)
}

func TestRates(t *testing.T) {
	testFields(t, []field[wallet.Amount]{{"rate", inCreate(func(s *wallet.Spec, v wallet.Amount) { s.Rate = v })}},
		map[string]wallet.Amount{"zero": {}, "negative": amount("-1"), "7 decimals": amount("0.1234567"), "too small": amount("0.0000009"),
			"13 decimals": amount("1.1").Mul(amount("0.000000000001")), "too great": amount("1000000"), "just too great": amount("999999.9999995")},
		map[string]wallet.Amount{"least": amount("0.000001"), "greatest": amount("999999.999999")})
}

func TestCurrencies(t *testing.T) {
	testFields(t, []field[wallet.Currency]{
		{"currency", inCreate(func(s *wallet.Spec, v wallet.Currency) { s.Currency = v })},
		{"currency", inCharge(func(c *wallet.Charge, v wallet.Currency) { c.Currency = v })},
	}, map[string]wallet.Currency{"empty": "", "small": "usd", "short": "US", "long": "USDT", "unknown": "ABC", "gold": "XAU", "NUL": "US\x00", "no UTF-8": "\xff\xff\xff"},
		map[string]wallet.Currency{"yen": "JPY", "dinar": "KWD"})
}

func TestPriorities(t *testing.T) {
	testFields(t, []field[int]{
		{"priority", inCreate(func(s *wallet.Spec, v int) { s.Priority = v })},
		{"priority", inUpdate(func(c *wallet.Changes, v int) { c.Priority = &v })},
		{"top_up.priority", inFirst(func(p *wallet.TopUp, v int) { p.Priority = v })},
		{"priority", inTopUp(func(p *wallet.TopUp, v int) { p.Priority = v })},
	}, map[string]int{"negative": -1, "256": 256, "least": math.MinInt, "greatest": math.MaxInt}, map[string]int{"not set": 0, "first": 1, "last": 255})
}

func TestInstants(t *testing.T) {
	testFields(t, []field[time.Time]{
		{"expires_at", inCreate(func(s *wallet.Spec, v time.Time) { s.ExpiresAt = v })},
		{"expires_at", inUpdate(func(c *wallet.Changes, v time.Time) { c.ExpiresAt = &v })},
		{"top_up.expires_at", inFirst(func(p *wallet.TopUp, v time.Time) { p.ExpiresAt = v })},
		{"expires_at", inTopUp(func(p *wallet.TopUp, v time.Time) { p.ExpiresAt = v })},
	}, map[string]time.Time{
		"now": start, "almost later": start.Add(999 * time.Nanosecond), "past": start.Add(-time.Hour), "epoch": time.Unix(0, 0),
		"before the epoch": time.Unix(-1, 0), "year 10000": time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC),
		"just after zero": time.Time{}.Add(1), "far future": time.Unix(math.MaxInt64>>8, 0), "far past": time.Unix(math.MinInt64>>8, 0),
	}, map[string]time.Time{
		"never": {}, "soonest": start.Add(time.Microsecond), "last": time.Date(9999, 12, 31, 23, 59, 59, 999_999_999, time.UTC),
		"elsewhere": start.Add(time.Hour).In(time.FixedZone("", 14*3600)),
	})
}

func TestDurations(t *testing.T) {
	testFields(t, []field[time.Duration]{
		{"top_up.expires_in", inFirst(func(p *wallet.TopUp, v time.Duration) { p.ExpiresIn = v })},
		{"expires_in", inTopUp(func(p *wallet.TopUp, v time.Duration) { p.ExpiresIn = v })},
	}, map[string]time.Duration{"negative": -1, "least": math.MinInt64, "less than a microsecond": 999},
		map[string]time.Duration{"none": 0, "shortest": time.Microsecond, "longest": math.MaxInt64})
}

func TestMetadata(t *testing.T) {
	many := func(n int) map[string]string {
		m := make(map[string]string)
		for i := range n {
			m[fmt.Sprint(i)] = "x"
		}
		return m
	}
	fields := []field[map[string]string]{
		{"metadata", inCreate(func(s *wallet.Spec, v map[string]string) { s.Metadata = v })},
		{"metadata", inUpdate(func(c *wallet.Changes, v map[string]string) { c.Metadata = v })},
		{"top_up.metadata", inFirst(func(p *wallet.TopUp, v map[string]string) { p.Metadata = v })},
		{"metadata", inTopUp(func(p *wallet.TopUp, v map[string]string) { p.Metadata = v })},
		{"metadata", inSettle(func(s *wallet.Settlement, v map[string]string) { s.Metadata = v })},
		{"metadata", inDebit(func(b *wallet.Debit, v map[string]string) { b.Metadata = v })},
		{"metadata", inCharge(func(c *wallet.Charge, v map[string]string) { c.Metadata = v })},
		{"metadata", inVoid(func(o *wallet.Void, v map[string]string) { o.Metadata = v })},
	}
	testFields(t, fields, map[string]map[string]string{
		"51 keys": many(51), "empty key": {"": "x"}, "long key": {strings.Repeat("k", 101): "x"}, "bad key": {"\xff": "x"},
	}, map[string]map[string]string{
		"50 keys": many(50), "longest": {strings.Repeat("k", 100): strings.Repeat("v", 500)}, "empty value": {"k": ""},
		"SQL": {"'); --": "'); DROP TABLE wallets; --"},
	})
	for i := range fields {
		fields[i].path += ".k"
	}
	testFields(t, fields, badValues, nil)
}

var badValues = map[string]map[string]string{"long value": {"k": strings.Repeat("v", 501)}, "bad value": {"k": "\xff"}}
