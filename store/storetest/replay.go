package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
)

// A replica is a wallet as one who reads nothing but the feed knows it.
type replica struct {
	wallet.Wallet
	transactions []wallet.Transaction // in the order they came up: ID, kind, credits, state and instants
	held         map[wallet.HoldID]wallet.Amount
}

// feed: events are numbered without gaps, and replayed into nothing they give the wallet, its transactions, and what is held.
func (v *auditor) feed() {
	r := replica{held: make(map[wallet.HoldID]wallet.Amount)}
	for i, e := range v.b.Events {
		if e.Number != int64(i+1) || i > 0 && e.At.Before(v.b.Events[i-1].At) || i == 0 != (e.Kind == wallet.EventCreated) {
			v.note("event %d, %s, is numbered %d, at %s", i+1, e.Kind, e.Number, e.At)
		}
		if err := r.play(e); err != nil {
			v.note("event %d, %s: %v", e.Number, e.Kind, err)
		}
	}
	if got, want := fmt.Sprintf("%+v", r.Wallet), fmt.Sprintf("%+v", v.b.Wallet); got != want {
		v.note("the feed tells of %s, want %s", got, want)
	}
	var want []wallet.Transaction
	for _, t := range v.b.Transactions {
		want = append(want, wallet.Transaction{ID: t.ID, Kind: t.Kind, Credits: t.Credits, State: t.State, CreatedAt: t.CreatedAt, SettledAt: t.SettledAt, FailedAt: t.FailedAt})
	}
	for i := range r.transactions {
		if t := &r.transactions[i]; t.Kind == "" { // topped up: the feed does not say whether it was bought
			if at := slices.IndexFunc(want, func(w wallet.Transaction) bool { return w.ID == t.ID }); at >= 0 && (want[at].Kind == wallet.Purchased || want[at].Kind == wallet.Granted) {
				t.Kind = want[at].Kind
			}
		}
	}
	if got, want := fmt.Sprintf("%+v", r.transactions), fmt.Sprintf("%+v", want); got != want {
		v.note("the feed tells of transactions\n%s\nwant\n%s", got, want)
	}
	for _, h := range v.b.Holds {
		for _, p := range h.Parts {
			if p.Wallet == v.b.Wallet.ID {
				r.held[h.ID] = r.held[h.ID].Sub(p.Credits)
			}
		}
	}
	for id, credits := range r.held {
		if !credits.IsZero() {
			v.note("the feed tells of %s credits more in hold %s", credits, id)
		}
	}
}

// play lets an event happen.
func (r *replica) play(e wallet.Event) error {
	b := r.Balance
	if e.Record != nil {
		r.Wallet = *e.Record
	}
	r.UpdatedAt = e.At
	from, to := new(wallet.Amount), new(wallet.Amount)
	switch e.Kind {
	case wallet.EventToppedUp:
		to = &b.Pending
		r.add(e, "", wallet.Pending, time.Time{})
	case wallet.EventSettled:
		from, to = &b.Pending, &b.Spendable
		if t := r.transaction(e); t == nil || t.State != wallet.Pending || !t.Credits.Equal(e.Credits) {
			return fmt.Errorf("%s credits of %+v", e.Credits, t)
		} else {
			t.State, t.SettledAt = wallet.Settled, e.At
		}
	case wallet.EventLapsed:
		from = &b.Pending
	case wallet.EventFailed:
		from = &b.Pending
		if t := r.transaction(e); t == nil || t.State != wallet.Pending {
			return fmt.Errorf("%+v", t)
		} else {
			t.State, t.FailedAt = wallet.Failed, e.At
		}
	case wallet.EventConsumed:
		from, to = &b.Spendable, &b.Consumed
		r.add(e, wallet.Consumed, wallet.Settled, e.At)
	case wallet.EventVoided, wallet.EventExpired, wallet.EventTransferredOut:
		from = &b.Spendable
		kinds := map[wallet.EventKind]wallet.Kind{wallet.EventVoided: wallet.Voided, wallet.EventExpired: wallet.Expired, wallet.EventTransferredOut: wallet.TransferredOut}
		r.add(e, kinds[e.Kind], wallet.Settled, e.At)
	case wallet.EventHeld:
		from, to = &b.Spendable, &b.Held
		r.held[e.Hold] = r.held[e.Hold].Add(e.Credits)
	case wallet.EventCaptured, wallet.EventReleased:
		from, to = &b.Held, &b.Spendable
		r.held[e.Hold] = r.held[e.Hold].Sub(e.Credits)
	case wallet.EventRefunded:
		from, to = &b.Consumed, &b.Spendable
		r.add(e, wallet.Refunded, wallet.Settled, e.At)
	case wallet.EventTransferredIn:
		to = &b.Spendable
		r.add(e, wallet.TransferredIn, wallet.Settled, e.At)
	case wallet.EventTerminated:
		from, to, b.Ongoing = &b.Spendable, &b.Kept, wallet.Amount{}
		r.Status, r.TerminatedAt = wallet.Terminated, e.At
	case wallet.EventUsed:
		b.Ongoing = e.Credits
	case wallet.EventCreated, wallet.EventUpdated:
		if e.Record == nil {
			return fmt.Errorf("without a record")
		}
	case wallet.EventFired, wallet.EventAlerted, wallet.EventRecovered:
	default:
		return fmt.Errorf("is not known")
	}
	*from, *to = from.Sub(e.Credits), to.Add(e.Credits)
	if r.Balance = b; b.Spendable.Sign() < 0 || b.Held.Sign() < 0 || b.Pending.Sign() < 0 || b.Consumed.Sign() < 0 {
		return fmt.Errorf("balance %+v", b)
	}
	return nil
}

func (r *replica) add(e wallet.Event, kind wallet.Kind, s wallet.State, settled time.Time) {
	r.transactions = append(r.transactions, wallet.Transaction{ID: e.Transaction, Kind: kind, Credits: e.Credits, State: s, CreatedAt: e.At, SettledAt: settled})
}

func (r *replica) transaction(e wallet.Event) *wallet.Transaction {
	for i := range r.transactions {
		if r.transactions[i].ID == e.Transaction {
			return &r.transactions[i]
		}
	}
	return nil
}
