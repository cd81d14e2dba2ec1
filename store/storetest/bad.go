package storetest

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
)

var (
	negative = wallet.MustAmount("-1")
	longText = strings.Repeat("x", 256)
	manyKeys = func() map[string]string {
		m := make(map[string]string)
		for i := range 51 {
			m[strconv.Itoa(i)] = ""
		}
		return m
	}()
)

// The requests that are never valid, by what is wrong with them.
var (
	badSpecs = map[string]func(*wallet.Spec){
		"no customer":        func(s *wallet.Spec) { s.Customer = "" },
		"long customer":      func(s *wallet.Spec) { s.Customer = wallet.CustomerID(longText) },
		"control characters": func(s *wallet.Spec) { s.Customer = "c\x00" },
		"not UTF-8":          func(s *wallet.Spec) { s.Name = "\xff" },
		"no currency":        func(s *wallet.Spec) { s.Currency = "" },
		"unknown currency":   func(s *wallet.Spec) { s.Currency = "QQQ" },
		"no rate":            func(s *wallet.Spec) { s.Rate = wallet.Amount{} },
		"negative rate":      func(s *wallet.Spec) { s.Rate = negative },
		"fine rate":          func(s *wallet.Spec) { s.Rate = wallet.MustAmount("1.0000001") },
		"small rate":         func(s *wallet.Spec) { s.Rate = wallet.MustAmount("0.0000009") },
		"great rate":         func(s *wallet.Spec) { s.Rate = wallet.MustAmount("1000000") },
		"long name":          func(s *wallet.Spec) { s.Name = longText },
		"long code":          func(s *wallet.Spec) { s.Code = longText },
		"long key":           func(s *wallet.Spec) { s.Key = longText },
		"priority":           func(s *wallet.Spec) { s.Priority = 256 },
		"fee type":           func(s *wallet.Spec) { s.AppliesTo.FeeTypes = []wallet.FeeType{"Big"} },
		"far expiry":         func(s *wallet.Spec) { s.ExpiresAt = time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC) },
		"negative limit":     func(s *wallet.Spec) { s.Limits.MinPaid = negative },
		"crossed limits": func(s *wallet.Spec) {
			s.Limits = wallet.Limits{MinPaid: wallet.MustAmount("2"), MaxPaid: wallet.MustAmount("1")}
		},
		"many keys":    func(s *wallet.Spec) { s.Metadata = manyKeys },
		"long meta":    func(s *wallet.Spec) { s.Metadata = map[string]string{longText: ""} },
		"long value":   func(s *wallet.Spec) { s.Metadata = map[string]string{"a": longText + longText} },
		"top-up's key": func(s *wallet.Spec) { s.TopUp = wallet.TopUp{Granted: tiny, Key: "k"} },
		"no top-up":    func(s *wallet.Spec) { s.TopUp = wallet.TopUp{Name: "nothing"} },
	}
	badChanges = map[string]func(*wallet.Changes){
		"long name":      func(c *wallet.Changes) { c.Name = &longText },
		"priority":       func(c *wallet.Changes) { c.Priority = wallet.Set(-1) },
		"fee type":       func(c *wallet.Changes) { c.AppliesTo = &wallet.AppliesTo{FeeTypes: []wallet.FeeType{""}} },
		"negative limit": func(c *wallet.Changes) { c.Limits = &wallet.Limits{MaxPaid: negative} },
		"many keys":      func(c *wallet.Changes) { c.Metadata = manyKeys },
	}
	badTopUps = map[string]func(*wallet.TopUp){
		"nothing":          func(u *wallet.TopUp) { *u = wallet.TopUp{} },
		"negative paid":    func(u *wallet.TopUp) { u.Paid = negative },
		"negative granted": func(u *wallet.TopUp) { u.Granted = negative },
		"negative money":   func(u *wallet.TopUp) { u.Money = negative },
		"paid and money":   func(u *wallet.TopUp) { u.Paid, u.Money = tiny, tiny },
		"no purchase":      func(u *wallet.TopUp) { *u = wallet.TopUp{Granted: tiny, GrantOnSettle: true} },
		"two expiries":     func(u *wallet.TopUp) { u.ExpiresAt, u.ExpiresIn = start.AddDate(9, 0, 0), time.Hour },
		"negative expiry":  func(u *wallet.TopUp) { u.ExpiresAt, u.ExpiresIn = time.Time{}, -time.Second },
		"short expiry":     func(u *wallet.TopUp) { u.ExpiresAt, u.ExpiresIn = time.Time{}, time.Nanosecond },
		"priority":         func(u *wallet.TopUp) { u.Priority = 256 },
		"long reference":   func(u *wallet.TopUp) { u.Reference = longText },
	}
	badDebits = map[string]func(*wallet.Debit){
		"nothing":           func(d *wallet.Debit) { d.Credits, d.Money = wallet.Amount{}, wallet.Amount{} },
		"both":              func(d *wallet.Debit) { d.Credits, d.Money = tiny, tiny },
		"negative":          func(d *wallet.Debit) { d.Credits, d.Money = negative, wallet.Amount{} },
		"fee with amount":   func(d *wallet.Debit) { d.Fee.Amount = tiny },
		"fee type":          func(d *wallet.Debit) { d.Fee.Type = "9lives" },
		"long metric":       func(d *wallet.Debit) { d.Fee.Metric = longText },
		"control character": func(d *wallet.Debit) { d.Reference = "a\tb" },
	}
	badCharges = map[string]func(*wallet.Charge){
		"no customer":  func(c *wallet.Charge) { c.Customer = "" },
		"no currency":  func(c *wallet.Charge) { c.Currency = "usd" },
		"negative fee": func(c *wallet.Charge) { c.Fees = []wallet.Fee{{Amount: negative}} },
		"no IDs":       func(c *wallet.Charge) { c.Fees = []wallet.Fee{{ID: "a"}, {}} },
		"same IDs":     func(c *wallet.Charge) { c.Fees = []wallet.Fee{{ID: "a"}, {ID: "b"}, {ID: "a"}} },
		"many fees": func(c *wallet.Charge) {
			c.Fees = nil
			for i := range 1001 {
				c.Fees = append(c.Fees, wallet.Fee{ID: strconv.Itoa(i)})
			}
		},
	}
	badVoids = map[string]func(*wallet.Void){
		"nothing":     func(v *wallet.Void) { v.Credits, v.All = wallet.Amount{}, false },
		"both":        func(v *wallet.Void) { v.Credits, v.All = tiny, true },
		"negative":    func(v *wallet.Void) { v.Credits, v.All = negative, false },
		"long reason": func(v *wallet.Void) { v.Reason = longText },
	}
)

// spoil makes a request invalid in one way.
func spoil(t *rapid.T, s step) step {
	switch s.Do {
	case doCreate:
		s.Bad = spoilIn(t, badSpecs, s.Spec)
	case doUpdate:
		s.Bad = spoilIn(t, badChanges, s.Changes)
	case doTopUp:
		s.Bad = spoilIn(t, badTopUps, s.TopUp)
	case doDebit:
		s.Bad = spoilIn(t, badDebits, s.Debit)
	case doCharge, doPreview:
		s.Bad = spoilIn(t, badCharges, s.Charge)
	case doVoid:
		s.Bad = spoilIn(t, badVoids, s.Void)
	}
	return s
}

func spoilIn[T any](t *rapid.T, ways map[string]func(*T), request *T) string {
	way := rapid.SampledFrom(slices.Sorted(maps.Keys(ways))).Draw(t, "bad")
	ways[way](request)
	return way
}
