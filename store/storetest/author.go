package storetest

import (
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// start is when stories begin: late in January, so that a month is not always as long.
var start = time.Date(2026, 1, 31, 23, 59, 59, 999_000_000, time.UTC)

// What stories are made of. The odd figures are there for a reason: they do not divide, or are the least or greatest there is.
var (
	customers  = []wallet.CustomerID{"c0", "c0", "c0", "c1"}
	currencies = []wallet.Currency{"USD", "USD", "USD", "USD", "USD", "JPY", "KWD"}
	rates      = []string{"1", "1", "3", "0.5", "0.333333", "0.000001", "999999", "999999.999999"}
	credits    = []string{"1", "2", "3", "10", "100", "12.5", "0.333333333333", "33.333333333334", "0.000000000001", "1000000", "999999999999999999.999999999999"}
	moneys     = []string{"1", "10", "30", "0.01", "0.015", "29.99", "33.33", "100", "7.777777", "1000000", "0.000000000001", "999999999999999999.999999999999"}
	keys       = []string{"", "", "", "", "", "", "k0", "k1", "k2", "k3", "k4", "k5"}
	applies    = []wallet.AppliesTo{
		{}, {}, {}, {FeeTypes: []wallet.FeeType{wallet.FeeCharge}}, {Metrics: []string{"gpu"}},
		{FeeTypes: []wallet.FeeType{wallet.FeeSubscription}, Metrics: []string{"cpu"}},
	}
	feeTypes  = []wallet.FeeType{"", wallet.FeeCharge, wallet.FeeCharge, wallet.FeeSubscription, "setup_1"}
	metrics   = []string{"", "", "gpu", "cpu"}
	metadatas = []map[string]string{nil, nil, {}, {"a": "1"}, {"a": "2", "b": ""}}
	spans     = []time.Duration{time.Microsecond, 2 * time.Microsecond, time.Second, time.Hour, 24 * time.Hour, 31 * 24 * time.Hour}
	alerts    = []policy.Alert{
		{Name: "low", Level: wallet.MustAmount("5")}, {Name: "net", Of: policy.Net, Level: wallet.MustAmount("10")},
		{Name: "soon", Of: policy.Expiring, Within: time.Hour}, {Name: "now", Of: policy.Expiring, Within: 2 * time.Microsecond},
	}
	policies = []policy.Policy{
		{Alerts: alerts},
		{Alerts: alerts, AutoComplete: policy.Always, OnTerminate: policy.KeepRemaining},
		{Alerts: alerts, Order: policy.Order{policy.PurchasedFirst, policy.NewestFirst}, RefundGrace: time.Second},
		{Alerts: alerts, Order: policy.Order{}, AutoComplete: func(w wallet.Wallet, t wallet.Transaction) bool { return t.Reference == "" }},
		{Alerts: alerts, Order: policy.Order{policy.SoonestExpiry, policy.ByPriority}, Applies: func(w wallet.Wallet, f wallet.Fee) bool { return f.Metric != "gpu" }},
	}
)

// deck is what the next command is drawn from.
var deck = []command{
	doCreate, doUpdate, doTopUp, doTopUp, doTopUp, doSettle, doSettle, doFail, doDebit, doDebit, doDebit, doCharge, doCharge,
	doPreview, doVoid, doVoid, doTerminate, doTick, doPolicy,
}

const mostWallets = 6

// An author makes up stories: each next step from how things stand.
type author struct {
	forward bool // the clock never runs backwards, nothing ticks, and the policy stays
	strange bool // requests may be invalid, and name what is not there
	steps   []step
	clock   time.Time

	// how things stand
	books []books
	came  []wallet.TransactionID
	held  []wallet.HoldID
}

func pick[T any](t *rapid.T, label string, from ...T) T {
	return rapid.SampledFrom(from).Draw(t, label)
}

// one reports true about every so often.
func one(t *rapid.T, label string, outOf int) bool {
	return rapid.IntRange(0, outOf-1).Draw(t, label) == outOf-1 // shrinks to false
}

// next makes up the next step.
func (a *author) next(t *rapid.T) step {
	a.clock = a.at(t)
	s := step{At: a.clock, Do: pick(t, "do", deck...), Wallet: none, Tx: none, Other: none, Lot: none, Hold: none, To: none}
	if one(t, "more", 3) {
		s.Do = pick(t, "do", wideDeck...)
	}
	if len(a.shared()) > 0 && one(t, "tear", 4) {
		s.Do = doTerminate
	} else if s.Do == doTerminate && !one(t, "really", 3) {
		s.Do = doCreate
	}
	switch {
	case len(a.steps) > 0 && one(t, "again", 8): // what was asked before is asked again
		s = pick(t, "of", a.steps...)
		s.At = a.clock
		if s.Bad == "" && one(t, "otherwise", 4) {
			s = s.otherwise()
		}
		a.steps = append(a.steps, s)
		return s
	case len(a.books) < 1+len(a.steps)/2 && len(a.books) < 3, (s.Do == doSettle || s.Do == doFail) && len(a.came) == 0:
		s.Do = doCreate
	}
	if s.Do == doCreate && len(a.books) >= mostWallets || len(a.books) > 0 && a.forward && (s.Do == doTick || s.Do == doPolicy) {
		s.Do = doDebit
	}
	a.fill(t, &s)
	if a.strange && one(t, "bad", 16) {
		s = spoil(t, s)
	}
	a.steps = append(a.steps, s)
	return s
}

// at moves the clock: not at all, by a span, back, or to the very edge of something that is due.
func (a *author) at(t *rapid.T) time.Time {
	if a.clock.IsZero() {
		return start
	}
	at := a.clock
	switch pick(t, "clock", "stands", "stands", "stands", "stands", "stands", "runs", "edge", "edge", "back") {
	case "runs":
		at = at.Add(pick(t, "by", spans...))
	case "edge":
		if edges := a.edges(); len(edges) > 0 {
			at = pick(t, "edge", edges...).Add(pick(t, "side", 0, -time.Microsecond, time.Microsecond))
		}
	case "back":
		at = at.Add(-pick(t, "by", spans...))
	}
	at = at.Truncate(time.Microsecond).Add(pick(t, "ns", 0, 0, time.Duration(1), time.Duration(999)))
	if at.Before(a.clock) && (a.forward || !one(t, "back", 3)) {
		return a.clock
	}
	return at
}

// edges are the instants ahead at which something is due.
func (a *author) edges() (edges []time.Time) {
	note := func(at time.Time) {
		if at.After(a.clock) {
			edges = append(edges, at)
		}
	}
	for _, b := range a.books {
		if b.Wallet.Status == wallet.Active {
			note(b.Wallet.ExpiresAt)
			for _, t := range b.Transactions {
				note(t.ExpiresAt)
			}
		}
	}
	for _, b := range a.books {
		for _, h := range b.Holds {
			note(h.ExpiresAt)
		}
		for _, r := range b.Wallet.Rules {
			note(r.StartsAt)
			note(r.StartsAt.AddDate(0, 1, 0))
			note(r.ExpiresAt)
		}
	}
	slices.SortFunc(edges, time.Time.Compare)
	return edges
}

// otherwise is the same command under the same key, with another body.
func (s step) otherwise() step {
	switch s.Do {
	case doCreate:
		spec := *s.Spec
		spec.Name += "!"
		s.Spec = &spec
	case doUpdate:
		c := *s.Changes
		c.Name = wallet.Set("other")
		s.Changes = &c
	case doTopUp:
		u := *s.TopUp
		u.Reference += "!"
		s.TopUp = &u
	case doDebit:
		d := *s.Debit
		d.Fee.ID += "!"
		s.Debit = &d
	case doCharge, doPreview:
		c := *s.Charge
		c.Whole = !c.Whole
		s.Charge = &c
	case doVoid:
		v := *s.Void
		v.Reason += "!"
		s.Void = &v
	}
	return s
}

// fill makes up the request.
func (a *author) fill(t *rapid.T, s *step) {
	if len(a.books) > 0 {
		s.Wallet = a.someWallet(t, s.Do == doDebit || s.Do == doVoid)
	}
	if len(a.came) > 0 {
		s.Tx = rapid.IntRange(0, len(a.came)-1).Draw(t, "tx")
		if waiting := a.which(func(t wallet.Transaction) bool { return t.State == wallet.Pending }); len(waiting) > 0 && !one(t, "any", 4) {
			s.Tx = pick(t, "pending", waiting...)
		}
		if one(t, "corrects", 8) {
			s.Other = s.Tx
		}
	}
	if a.strange && one(t, "unknown", 32) {
		*pick(t, "what", &s.Wallet, &s.Other, &s.Lot, &s.Tx) = unknown
	}
	switch s.Do {
	case doCreate:
		s.Spec = a.spec(t)
	case doUpdate:
		s.Changes = a.changes(t)
		a.sooner(t, s.Wallet, s.Changes)
		if s.Changes.Rules != nil && s.Wallet >= 0 {
			for i := range a.books[s.Wallet].Wallet.Rules {
				if one(t, "keep", 2) {
					s.Keep = append(s.Keep, i)
					s.Changes.Key = "" // which rules these are depends on when it is asked
				}
			}
		}
	case doTopUp:
		s.TopUp = a.topUp(t)
		s.TopUp.Key = pick(t, "key", keys...)
	case doSettle:
		s.Settlement = &wallet.Settlement{Metadata: pick(t, "metadata", metadatas...)}
	case doFail:
		s.Reason = pick(t, "reason", "", "declined for good")
	case doDebit:
		s.Debit = a.debit(t, s.Wallet)
	case doCharge, doPreview:
		s.Charge = a.charge(t)
	case doVoid:
		a.void(t, s)
	case doTerminate:
		if shared := a.shared(); len(shared) > 0 && !one(t, "any", 4) {
			s.Wallet = pick(t, "shared", shared...)
		}
	case doPolicy:
		s.Policy = rapid.IntRange(0, len(policies)-1).Draw(t, "policy")
	default:
		a.fillWide(t, s)
	}
	s.forget()
}

// someWallet is mostly an active one, with something to spend if that matters.
func (a *author) someWallet(t *rapid.T, funded bool) int {
	var good []int
	for i, b := range a.books {
		if b.Wallet.Status == wallet.Active && (!funded || b.Wallet.Balance.Spendable.Sign() > 0) {
			good = append(good, i)
		}
	}
	if len(good) == 0 || one(t, "any", 8) {
		return rapid.IntRange(0, len(a.books)-1).Draw(t, "wallet")
	}
	return pick(t, "wallet", good...)
}

// forget clears what the command does not have.
func (s *step) forget() {
	switch s.Do {
	case doCreate, doCharge, doPreview, doTick, doPolicy, doSettle, doFail, doCapture, doRelease, doRefund, doOngoing:
		s.Wallet = none
	}
	if s.Do != doSettle && s.Do != doFail && s.Do != doRefund {
		s.Tx = none
	}
	if s.Do != doTopUp && s.Do != doDebit && s.Do != doVoid {
		s.Other = none
	}
	if s.Do != doVoid {
		s.Lot = none
	}
	if s.Do != doCapture && s.Do != doRelease {
		s.Hold = none
	}
}

// which are the transactions that came up and are like this.
func (a *author) which(like func(wallet.Transaction) bool) (which []int) {
	for i, id := range a.came {
		if slices.ContainsFunc(a.books, func(b books) bool {
			return slices.ContainsFunc(b.Transactions, func(t wallet.Transaction) bool { return t.ID == id && like(t) })
		}) {
			which = append(which, i)
		}
	}
	return which
}
