package storetest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
)

// Requests as an author makes them up: mostly such that they can succeed, and near the edge of it.

// expiry is none mostly, every so often soon, and now and then over already.
func (a *author) expiry(t *rapid.T, outOf int) time.Time {
	if !one(t, "expires", outOf) {
		return time.Time{}
	}
	at := a.clock.Truncate(time.Microsecond)
	if a.strange && one(t, "over", 16) {
		return at.Add(-pick(t, "since", 0, time.Microsecond))
	}
	return at.Add(pick(t, "in", spans...))
}

func (a *author) spec(t *rapid.T) *wallet.Spec {
	s := &wallet.Spec{
		Customer: pick(t, "customer", customers...), Currency: pick(t, "currency", currencies...),
		Rate: wallet.MustAmount(pick(t, "rate", rates...)), Priority: pick(t, "priority", 0, 0, 1, 2, 255),
		Code: pick(t, "code", "", "", "main", "spare"), AppliesTo: pick(t, "applies", applies...), ExpiresAt: a.expiry(t, 12),
		Limits: a.limits(t), Metadata: pick(t, "metadata", metadatas...), Key: pick(t, "key", keys...),
	}
	s.Rules = a.rules(t)
	if !one(t, "empty", 4) {
		s.TopUp = *a.topUp(t)
	}
	return s
}

func (a *author) limits(t *rapid.T) wallet.Limits {
	return pick(t, "limits", wallet.Limits{}, wallet.Limits{}, wallet.Limits{MinPaid: wallet.MustAmount("2")},
		wallet.Limits{MinPaid: wallet.MustAmount("1"), MaxPaid: wallet.MustAmount("33.333333333333")})
}

func (a *author) changes(t *rapid.T) *wallet.Changes {
	c := &wallet.Changes{Key: pick(t, "key", keys...)}
	for _, what := range rapid.SliceOfN(rapid.IntRange(0, 7), 0, 3).Draw(t, "what") {
		switch what {
		case 0:
			c.Name = wallet.Set(pick(t, "name", "", "Ada"))
		case 1:
			c.Code = wallet.Set(pick(t, "code", "", "main", "spare"))
		case 2:
			c.Priority = wallet.Set(pick(t, "priority", 0, 1, 2, 255))
		case 3:
			c.AppliesTo = wallet.Set(pick(t, "applies", applies...))
		case 4:
			c.ExpiresAt = wallet.Set(a.expiry(t, 2))
		case 5:
			c.Limits = wallet.Set(a.limits(t))
		case 6:
			c.Metadata = pick(t, "metadata", metadatas...)
		case 7:
			c.Rules = append([]wallet.Rule{}, a.rules(t)...) // not nil, even if there are none
		}
	}
	return c
}

func (a *author) topUp(t *rapid.T) *wallet.TopUp {
	u := &wallet.TopUp{
		Priority: pick(t, "priority", 0, 0, 0, 1, 2, 255), Name: pick(t, "name", "", "welcome"), Reference: pick(t, "reference", "", "inv-1"),
		Metadata: pick(t, "metadata", metadatas...), ExpiresAt: a.expiry(t, 4),
	}
	what := pick(t, "what", "granted", "granted", "both", "paid", "money", "pair", "money pair")
	switch what {
	case "paid", "both", "pair":
		u.Paid = wallet.MustAmount(pick(t, "paid", credits...))
	case "money", "money pair":
		u.Money = wallet.MustAmount(pick(t, "money", moneys...))
	}
	switch what {
	case "granted", "both", "pair", "money pair":
		u.Granted = wallet.MustAmount(pick(t, "granted", credits...))
	}
	u.GrantOnSettle = what == "pair" || what == "money pair"
	if u.ExpiresAt.IsZero() && one(t, "expires in", 4) {
		u.ExpiresIn = pick(t, "in", spans...)
	}
	return u
}

// fee is for something, mostly for what the wallet pays; how much it is, is for the caller to say.
func (a *author) fee(t *rapid.T, id string, w int) wallet.Fee {
	f := wallet.Fee{ID: id, Type: pick(t, "type", feeTypes...), Metric: pick(t, "metric", metrics...)}
	if w < 0 || one(t, "whatever", 4) {
		return f
	}
	if l := a.books[w].Wallet.AppliesTo; len(l.FeeTypes) > 0 {
		f.Type = l.FeeTypes[0]
	} else if len(l.Metrics) > 0 {
		f.Metric = l.Metrics[0]
	}
	return f
}

var tiny = wallet.MustAmount("0.000000000001")

// part is a pooled amount, or one near what there is: all of it, a bit more, or a bit less.
func part(t *rapid.T, pool []string, whole wallet.Amount) wallet.Amount {
	near := pick(t, "near", "third", "third", "third", "", "less", "all", "more")
	if whole = whole.Round(decimals, wallet.RoundDown); near == "" || whole.Cmp(tiny) <= 0 || !whole.Add(tiny).Fits() {
		return wallet.MustAmount(pick(t, "amount", pool...))
	}
	switch near {
	case "more":
		return whole.Add(tiny)
	case "less":
		return whole.Sub(tiny)
	case "third":
		third, err := whole.QuoRound(wallet.MustAmount("3"), decimals, wallet.RoundUp)
		if err != nil {
			t.Fatal(err)
		}
		return third
	}
	return whole
}

func (a *author) debit(t *rapid.T, w int) *wallet.Debit {
	d := &wallet.Debit{Fee: a.fee(t, pick(t, "fee", "", "f1"), w), Reference: pick(t, "reference", "", "inv-2"), Metadata: pick(t, "metadata", metadatas...), Key: pick(t, "key", keys...)}
	var have wallet.Wallet
	if w >= 0 {
		have = a.books[w].Wallet
	}
	if one(t, "in money", 2) {
		d.Money = part(t, moneys, have.Balance.Spendable.Mul(have.Rate))
	} else {
		d.Credits = part(t, credits, have.Balance.Spendable)
	}
	return d
}

func (a *author) charge(t *rapid.T) *wallet.Charge {
	c := &wallet.Charge{
		Customer: pick(t, "customer", append(slices.Clone(customers), "nobody")...), Currency: pick(t, "currency", currencies...),
		Whole: one(t, "whole", 4), Reference: pick(t, "reference", "", "inv-3"), Metadata: pick(t, "metadata", metadatas...), Key: pick(t, "key", keys...),
	}
	w := none
	if len(a.books) > 0 && !one(t, "whoever", 6) {
		w = a.someWallet(t, true)
		c.Customer, c.Currency = a.books[w].Wallet.Customer, a.books[w].Wallet.Currency
	}
	var worth wallet.Amount
	for _, b := range a.books {
		if b.Wallet.Customer == c.Customer && b.Wallet.Currency == c.Currency {
			worth = worth.Add(b.Wallet.Balance.Spendable.Mul(b.Wallet.Rate))
		}
	}
	n := pick(t, "fees", 2, 3, 1, 2, 3, 1, 0)
	for i := range n {
		f := a.fee(t, fmt.Sprintf("f%d", i), w)
		if n == 1 && one(t, "no id", 2) {
			f.ID = ""
		}
		if !one(t, "zero", 8) {
			f.Amount = part(t, moneys, worth)
		}
		c.Fees = append(c.Fees, f)
	}
	c.Billed = one(t, "billed", 4)
	return c
}

func (a *author) void(t *rapid.T, s *step) {
	s.Void = &wallet.Void{Reason: pick(t, "reason", "", "mistake"), Metadata: pick(t, "metadata", metadatas...), Key: pick(t, "key", keys...)}
	var have wallet.Amount
	if s.Wallet >= 0 {
		have = a.books[s.Wallet].Wallet.Balance.Spendable
	}
	if s.Lot == none && one(t, "from one lot", 2) {
		anyone := one(t, "of anyone", 8)
		lots := a.which(func(t wallet.Transaction) bool {
			return t.Kind.Inbound() && (anyone || s.Wallet >= 0 && t.Wallet == a.books[s.Wallet].Wallet.ID)
		})
		if len(lots) > 0 {
			s.Lot = pick(t, "lot", lots...)
		}
	}
	if s.Void.All = one(t, "all", 4); !s.Void.All {
		s.Void.Credits = part(t, credits, have)
	}
}
