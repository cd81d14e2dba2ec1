package storetest

import (
	"fmt"
	"math/big"
	"reflect"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/policy"
)

// violations lists what must always be true of the books of a wallet, and is not. o is the order its lots were always spent
// in, if there is one; before are its earlier books, if any. It looks at the books alone: no model is needed, so that it also
// serves where nobody knows what happened in which order.
func violations(o *policy.Order, before *books, b books) []string {
	v := &auditor{b: b}
	v.figures()
	v.sums()
	v.holds()
	v.times()
	v.feed()
	v.alerts()
	if o != nil && len(b.Holds) == 0 {
		v.order(*o)
	}
	if before != nil {
		v.history(*before)
	}
	return v.found
}

type auditor struct {
	b     books
	found []string
}

func (v *auditor) note(format string, args ...any) {
	v.found = append(v.found, fmt.Sprintf("wallet %s: ", v.b.Wallet.ID)+fmt.Sprintf(format, args...))
}

// figures: 0 ≤ held ≤ remaining ≤ credits; no balance is negative.
func (v *auditor) figures() {
	for _, l := range v.b.Lots {
		if l.Held.Sign() < 0 || l.Held.Cmp(l.Remaining) > 0 || l.Remaining.Sign() <= 0 || l.Remaining.Cmp(l.Credits) > 0 {
			v.note("lot %s: held %s of remaining %s of %s", l.ID, l.Held, l.Remaining, l.Credits)
		}
	}
	w := v.b.Wallet.Balance
	for _, a := range []wallet.Amount{w.Spendable, w.Held, w.Pending, w.Ongoing, w.Consumed, w.Kept} {
		if a.Sign() < 0 || !a.Fits() {
			v.note("balance %+v", w)
		}
	}
}

// sums: balance = Σ remaining = Σ settled inbound − Σ outbound; per lot credits = remaining + Σ draws from it; per outbound
// credits and money = Σ its draws.
func (v *auditor) sums() {
	remaining, flow, pending, consumed := new(big.Rat), new(big.Rat), new(big.Rat), new(big.Rat)
	left := make(map[wallet.TransactionID]*big.Rat)
	for _, l := range v.b.Lots {
		remaining.Add(remaining, rat(l.Remaining))
		left[l.ID] = rat(l.Remaining)
	}
	for i, t := range v.b.Transactions {
		credits, money := new(big.Rat), new(big.Rat)
		for _, d := range v.b.Draws[i] {
			credits, money = add(credits, rat(d.Credits)), add(money, rat(d.Amount))
			switch {
			case t.Kind.Inbound() && d.Lot != t.ID, !t.Kind.Inbound() && d.By != t.ID, d.Wallet != t.Wallet, d.Credits.Sign() < 0, d.Amount.Sign() < 0:
				v.note("transaction %s has draw %+v", t.ID, d)
			}
		}
		switch {
		case t.Credits.Sign() <= 0:
			v.note("transaction %s of %s credits", t.ID, t.Credits)
		case !t.Kind.Inbound() && (credits.Cmp(rat(t.Credits)) != 0 || money.Cmp(rat(t.Money.Amount)) != 0):
			v.note("transaction %s: %s for %s, draws %s for %s", t.ID, t.Credits, t.Money, credits.FloatString(decimals), money.FloatString(decimals))
		case t.Kind.Inbound() && t.State == wallet.Settled:
			flow.Add(flow, rat(t.Credits))
			if rest := left[t.ID]; rest != nil {
				credits = add(credits, rest)
			}
			if credits.Cmp(rat(t.Credits)) != 0 {
				v.note("lot %s: %s credits, %s drawn or remaining", t.ID, t.Credits, credits.FloatString(decimals))
			}
		case t.Kind.Inbound() && len(v.b.Draws[i]) > 0:
			v.note("transaction %s is %s and has draws", t.ID, t.State)
		case !t.Kind.Inbound():
			flow.Sub(flow, rat(t.Credits))
		}
		if t.State == wallet.Pending {
			pending.Add(pending, rat(t.Credits))
		}
		switch t.Kind {
		case wallet.Consumed:
			consumed.Add(consumed, rat(t.Credits))
		case wallet.Refunded:
			consumed.Sub(consumed, rat(t.Credits))
		}
	}
	balance := v.b.Wallet.Balance
	if total := rat(balance.Total()); total.Cmp(remaining) != 0 || total.Cmp(flow) != 0 {
		v.note("balance %s, lots %s, transactions %s", balance.Total(), remaining.FloatString(decimals), flow.FloatString(decimals))
	}
	if rat(balance.Pending).Cmp(pending) > 0 || rat(balance.Consumed).Cmp(consumed) != 0 {
		v.note("balance %+v, transactions pending %s, consumed %s", balance, pending.FloatString(decimals), consumed.FloatString(decimals))
	}
}

// holds: what open holds reserve of a lot is what is held of it, and all of that is the balance's.
func (v *auditor) holds() {
	held, sum := make(map[wallet.TransactionID]*big.Rat), new(big.Rat)
	for _, h := range v.b.Holds {
		for _, p := range h.Parts {
			credits := new(big.Rat)
			for _, l := range p.Lots {
				credits = add(credits, rat(l.Credits))
				if p.Wallet != v.b.Wallet.ID {
					continue
				}
				if held[l.Lot] == nil {
					held[l.Lot] = new(big.Rat)
				}
				held[l.Lot], sum = add(held[l.Lot], rat(l.Credits)), add(sum, rat(l.Credits))
			}
			if credits.Cmp(rat(p.Credits)) != 0 {
				v.note("hold %s: a part of %s credits has lots of %s", h.ID, p.Credits, credits.FloatString(decimals))
			}
		}
	}
	for _, l := range v.b.Lots {
		if h := held[l.ID]; h == nil && l.Held.Sign() != 0 || h != nil && h.Cmp(rat(l.Held)) != 0 {
			v.note("lot %s: %s is held, not %v", l.ID, l.Held, h)
		}
	}
	if sum.Cmp(rat(v.b.Wallet.Balance.Held)) != 0 {
		v.note("held %s, holds have %s", v.b.Wallet.Balance.Held, sum.FloatString(decimals))
	}
}

// times: nothing is consumed or voided from a lot before it was settled, or at or after its expiry (but what a hold reserved
// before it); what expires does so at its own instant or the wallet's, or when it returns later; booking never goes back in
// time.
func (v *auditor) times() {
	in := v.inbound()
	var last time.Time
	for i, t := range v.b.Transactions {
		if t.CreatedAt.Before(last) {
			v.note("transaction %s at %s is behind one at %s", t.ID, t.CreatedAt, last)
		}
		if last = t.CreatedAt; t.CreatedAt.Location() != time.UTC || !t.CreatedAt.Equal(t.CreatedAt.Truncate(time.Microsecond)) {
			v.note("transaction %s: %v is not UTC in whole microseconds", t.ID, t.CreatedAt)
		}
		if latest := slices.MaxFunc([]time.Time{t.CreatedAt, t.SettledAt, t.FailedAt}, time.Time.Compare); latest.After(v.b.Wallet.UpdatedAt) {
			v.note("transaction %s changed at %s, after its wallet", t.ID, latest)
		}
		if t.Kind.Inbound() {
			continue
		}
		for _, d := range v.b.Draws[i] {
			lot, ok := in[d.Lot]
			over := past(lot.ExpiresAt, t.CreatedAt) && t.Hold.IsZero()
			late := past(lot.ExpiresAt, t.CreatedAt) && (len(v.b.Holds) > 0 || lot.SettledAt.Equal(t.CreatedAt))
			onTime := late || t.CreatedAt.Equal(lot.ExpiresAt) || t.CreatedAt.Equal(v.b.Wallet.ExpiresAt) && t.CreatedAt.Equal(v.b.Wallet.TerminatedAt)
			switch {
			case !ok, lot.State != wallet.Settled, t.CreatedAt.Before(lot.SettledAt):
				v.note("%s %s draws from %s, which was not open", t.Kind, t.ID, d.Lot)
			case t.Kind != wallet.Expired && over, t.Kind == wallet.Expired && !onTime:
				v.note("%s %s at %s draws from %s, which expires at %s", t.Kind, t.ID, t.CreatedAt, lot.ID, lot.ExpiresAt)
			}
		}
	}
	if w := v.b.Wallet; w.Status == wallet.Active && past(w.ExpiresAt, w.UpdatedAt) {
		v.note("is active at %s, after its expiry at %s", w.UpdatedAt, w.ExpiresAt)
	}
}

func (v *auditor) inbound() map[wallet.TransactionID]wallet.Transaction {
	in := make(map[wallet.TransactionID]wallet.Transaction)
	for _, t := range v.b.Transactions {
		if t.Kind.Inbound() {
			in[t.ID] = t
		}
	}
	return in
}

// order: no later lot is touched while an earlier one, open at that instant, has anything left. A void of a single lot may
// have asked for that lot, and a transfer for one kind. Of lots that settled at the very instant nobody can tell from outside
// whether they came before, nor what of a lot was held.
func (v *auditor) order(o policy.Order) {
	in := v.inbound()
	left := make(map[wallet.TransactionID]*big.Rat)
	for id, t := range in {
		left[id] = rat(t.Credits)
	}
	for i, t := range v.b.Transactions {
		if t.Kind.Inbound() {
			continue
		}
		touched := make(map[wallet.TransactionID]bool)
		for _, d := range v.b.Draws[i] {
			touched[d.Lot] = true
			if rest := left[d.Lot]; rest != nil {
				rest.Sub(rest, rat(d.Credits))
			}
		}
		if t.Kind == wallet.TransferredOut || t.Kind != wallet.Consumed && len(touched) < 2 {
			continue
		}
		for id, rest := range left {
			open := in[id].State == wallet.Settled && in[id].SettledAt.Before(t.CreatedAt) && !past(in[id].ExpiresAt, t.CreatedAt)
			if rest.Sign() == 0 || !open {
				continue
			}
			for later := range touched {
				if before(o, in[id], in[later]) {
					v.note("%s %s draws from %s while %s, which comes before, has %s left", t.Kind, t.ID, later, id, rest.FloatString(decimals))
				}
			}
		}
	}
}

// before reports whether the lot of x is spent before that of y.
func before(o policy.Order, x, y wallet.Transaction) bool {
	lot := func(t wallet.Transaction) wallet.Lot {
		l := wallet.Lot{ID: t.ID, Kind: t.Kind, Priority: t.Priority, ExpiresAt: t.ExpiresAt, OpenedAt: t.SettledAt}
		if t.Origin != "" { // it keeps the place of the lot it comes from
			l.Kind, l.OpenedAt = t.Origin, t.Since
		}
		return l
	}
	if c := compare(o, lot(x), lot(y)); c != 0 {
		return c < 0
	}
	return x.ID.Compare(y.ID) < 0
}

// alerts: a level that is crossed is crossed back before it is crossed again.
func (v *auditor) alerts() {
	last := make(map[string]wallet.EventKind) // of those that recover at all
	for _, e := range v.b.Events {
		if e.Kind == wallet.EventRecovered {
			last[e.Alert] = wallet.EventAlerted // nothing was there at first
		}
	}
	for _, e := range v.b.Events {
		if before, level := last[e.Alert]; level && (e.Kind == wallet.EventAlerted || e.Kind == wallet.EventRecovered) {
			if last[e.Alert] = e.Kind; before == e.Kind {
				v.note("event %d: %s of %q comes twice", e.Number, e.Kind, e.Alert)
			}
		}
	}
}

// history: a finished transaction never changes, nor does a terminated wallet; nothing is lost, and nothing booked in between.
func (v *auditor) history(old books) {
	if now := v.b; old.Wallet.Status == wallet.Terminated {
		if old.Holds, now.Holds = nil, nil; !reflect.DeepEqual(old, now) { // a hold may go on in other wallets
			v.note("was terminated and has changed")
		}
	}
	if len(old.Transactions) > len(v.b.Transactions) {
		v.note("has lost transactions")
		return
	}
	for i, t := range old.Transactions {
		switch now := v.b.Transactions[i]; {
		case t.State != wallet.Pending && !reflect.DeepEqual(t, now):
			v.note("transaction %s was finished and has changed to %+v", t.ID, now)
		case t.ID != now.ID:
			v.note("transaction %s has moved, or something was booked before it", t.ID)
		case !t.Kind.Inbound() && !reflect.DeepEqual(old.Draws[i], v.b.Draws[i]):
			v.note("the draws of transaction %s have changed", t.ID)
		}
	}
	if v.b.Wallet.UpdatedAt.Before(old.Wallet.UpdatedAt) {
		v.note("its time runs backwards, from %s to %s", old.Wallet.UpdatedAt, v.b.Wallet.UpdatedAt)
	}
}
