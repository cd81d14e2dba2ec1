package storetest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
)

// wideDeck is what reserves credits, or moves them within a customer's wallets.
var wideDeck = []command{doAuthorize, doAuthorize, doCapture, doCapture, doRelease, doRefund, doRefund, doTransfer, doOngoing, doOngoing}

// fillWide makes up the request of such a command.
func (a *author) fillWide(t *rapid.T, s *step) {
	if len(a.held) > 0 {
		s.Hold = rapid.IntRange(0, len(a.held)-1).Draw(t, "hold")
		if open := a.openHolds(); len(open) > 0 && !one(t, "any", 4) {
			s.Hold = pick(t, "open", open...)
		}
	}
	switch s.Do {
	case doAuthorize:
		s.Authorization = a.authorization(t, s)
	case doCapture:
		a.capture(t, s)
	case doRelease:
		if s.Hold == none {
			s.Hold = unknown
		}
	case doRefund:
		a.refund(t, s)
	case doTransfer:
		s.Transfer = &wallet.Transfer{Kind: pick(t, "kind", "", "", wallet.Granted, wallet.Purchased), Key: pick(t, "key", keys...)}
		if s.To = a.someWallet(t, false); s.To == s.Wallet {
			s.To = rapid.IntRange(0, len(a.books)-1).Draw(t, "to")
		}
		if s.Transfer.All = one(t, "all", 4); !s.Transfer.All {
			s.Transfer.Credits = tiny
		}
		if !s.Transfer.All && s.Wallet >= 0 {
			s.Transfer.Credits = part(t, credits, a.books[s.Wallet].Wallet.Balance.Spendable)
		}
	case doOngoing:
		s.Charge = a.charge(t)
		s.Charge.Whole, s.Charge.Billed = false, false
	}
}

// openHolds are those that have not ended.
func (a *author) openHolds() (open []int) {
	for i, id := range a.held {
		if slices.ContainsFunc(a.books, func(b books) bool {
			return slices.ContainsFunc(b.Holds, func(h wallet.Hold) bool { return h.ID == id && h.State == wallet.HoldOpen })
		}) {
			open = append(open, i)
		}
	}
	return open
}

// shared are the active wallets of open holds over several.
func (a *author) shared() (wallets []int) {
	for i, b := range a.books {
		if b.Wallet.Status == wallet.Active && slices.ContainsFunc(b.Holds, func(h wallet.Hold) bool { return h.State == wallet.HoldOpen && len(h.Parts) > 1 }) {
			wallets = append(wallets, i)
		}
	}
	return wallets
}

// sooner lets a wallet expire soon, mostly, if there is a hold in it.
func (a *author) sooner(t *rapid.T, w int, c *wallet.Changes) {
	if w < 0 || !slices.ContainsFunc(a.books[w].Holds, func(h wallet.Hold) bool { return h.State == wallet.HoldOpen }) {
		return
	}
	if one(t, "sooner", 2) {
		c.ExpiresAt = wallet.Set(a.clock.Truncate(time.Microsecond).Add(pick(t, "in", spans...)))
	}
}

func (a *author) authorization(t *rapid.T, s *step) *wallet.Authorization {
	u := &wallet.Authorization{Reference: pick(t, "reference", "", "card-1"), Metadata: pick(t, "metadata", metadatas...), For: pick(t, "for", append(spans, 0, 0, time.Hour, time.Hour)...), Key: pick(t, "key", keys...)}
	if s.Wallet == unknown {
		u.Credits = tiny
		return u
	}
	have := a.books[s.Wallet].Wallet
	u.Fee = a.fee(t, pick(t, "fee", "", "f1"), s.Wallet)
	switch pick(t, "of", "credits", "money", "customer", "customer") {
	case "credits":
		u.Credits = part(t, credits, have.Balance.Spendable)
	case "money":
		u.Money = part(t, moneys, have.Balance.Spendable.Mul(have.Rate))
	case "customer":
		u.Customer, u.Currency, s.Wallet = have.Customer, have.Currency, none
		var worth wallet.Amount
		for _, b := range a.books {
			if b.Wallet.Customer == have.Customer && b.Wallet.Currency == have.Currency {
				worth = worth.Add(b.Wallet.Balance.Spendable.Mul(b.Wallet.Rate))
			}
		}
		u.Money = part(t, moneys, worth)
	}
	return u
}

func (a *author) capture(t *rapid.T, s *step) {
	s.Capture = &wallet.Capture{More: one(t, "more", 2), Over: pick(t, "over", wallet.Reject, wallet.Extend, wallet.Partial), Key: pick(t, "key", keys...)}
	if s.Hold == none {
		s.Hold = unknown
	}
	var credit, money wallet.Amount // what is held of it
	for _, b := range a.books {
		for _, h := range b.Holds {
			if s.Hold >= 0 && h.ID == a.held[s.Hold] {
				credit, money = wallet.Amount{}, wallet.Amount{}
				for _, p := range h.Parts {
					credit, money = credit.Add(p.Credits), money.Add(p.Money)
				}
			}
		}
	}
	switch {
	case one(t, "least", 8): // it may take less than the least credits
		s.Capture.Money = tiny
	case one(t, "in money", 2):
		s.Capture.Money = part(t, moneys, money)
	default:
		s.Capture.Credits = part(t, credits, credit)
	}
}

func (a *author) refund(t *rapid.T, s *step) {
	s.Refund = &wallet.Refund{Reason: pick(t, "reason", "", "returned"), Key: pick(t, "key", keys...)}
	s.Tx = unknown
	spent := a.which(func(t wallet.Transaction) bool { return t.Kind == wallet.Consumed })
	if len(spent) == 0 {
		return
	}
	s.Tx = pick(t, "of", spent...)
	for _, b := range a.books {
		for _, tx := range b.Transactions {
			if tx.ID == a.came[s.Tx] {
				switch pick(t, "how much", "all", "credits", "money") {
				case "credits":
					s.Refund.Credits = part(t, credits, tx.Credits)
				case "money":
					s.Refund.Money = part(t, moneys, tx.Money.Amount)
				}
			}
		}
	}
}

// rules are mostly none.
func (a *author) rules(t *rapid.T) []wallet.Rule {
	var rules []wallet.Rule
	at := a.clock.Truncate(time.Microsecond)
	for range pick(t, "rules", 0, 0, 1, 1, 2) {
		r := wallet.Rule{
			Method: pick(t, "method", wallet.MethodFixed, wallet.MethodTarget), Priority: pick(t, "priority", 0, 1), GrantTarget: one(t, "grant", 2),
			Trigger: pick(t, "trigger", wallet.TriggerThreshold, wallet.TriggerInterval),
		}
		few := []string{"1", "3", "0.333333333333", "10"}
		if r.Method == wallet.MethodFixed {
			r.Granted = wallet.MustAmount(pick(t, "granted", few...))
			if one(t, "paid", 2) {
				r.Paid = wallet.MustAmount(pick(t, "paid", few...))
			}
		} else {
			r.Target = wallet.MustAmount(pick(t, "target", "20", "7.5"))
		}
		if r.Trigger == wallet.TriggerThreshold {
			r.Threshold = wallet.MustAmount(pick(t, "threshold", "0", "1", "5"))
		} else {
			r.Every = pick(t, "every", wallet.Weekly, wallet.Monthly)
			r.UntilNext = one(t, "until next", 3)
		}
		if one(t, "starts", 2) {
			r.StartsAt = at.Add(pick(t, "in", append(spans, 0)...))
		}
		if one(t, "ends", 3) {
			r.ExpiresAt = later(at, r.StartsAt).Add(pick(t, "in", spans...))
		}
		rules = append(rules, r)
	}
	return rules
}
