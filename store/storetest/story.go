package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/policy"
	"github.com/seed-12493b23/wallet/store"
)

// A step is one command of a story. It names no ID but counts: the how-manieth wallet that was created, the how-manieth
// transaction that a command brought about. So one story can be told to several engines, and to the model.
type step struct {
	At     time.Time `json:"at"` // what the clock says
	Do     command   `json:"do"`
	Wallet int       `json:"wallet"`         // unknown: one that is not there
	Tx     int       `json:"tx"`             // what to settle or fail
	Other  int       `json:"other"`          // what it corrects
	Lot    int       `json:"lot"`            // what to void
	Keep   []int     `json:"keep,omitempty"` // which of the wallet's rules stay, when its rules change
	Bad    string    `json:"bad,omitempty"`

	Spec       *wallet.Spec       `json:"spec,omitempty"`
	Changes    *wallet.Changes    `json:"changes,omitempty"`
	TopUp      *wallet.TopUp      `json:"top_up,omitempty"`
	Settlement *wallet.Settlement `json:"settlement,omitempty"`
	Reason     string             `json:"reason,omitempty"`
	Debit      *wallet.Debit      `json:"debit,omitempty"`
	Charge     *wallet.Charge     `json:"charge,omitempty"`
	Void       *wallet.Void       `json:"void,omitempty"`
	Policy     int                `json:"policy,omitempty"`

	Hold          int                   `json:"hold,omitempty"` // what to capture or release
	To            int                   `json:"to,omitempty"`   // the wallet to transfer to
	Authorization *wallet.Authorization `json:"authorization,omitempty"`
	Capture       *wallet.Capture       `json:"capture,omitempty"`
	Refund        *wallet.Refund        `json:"refund,omitempty"`
	Transfer      *wallet.Transfer      `json:"transfer,omitempty"`
}

type command string

const (
	doCreate    command = "create"
	doUpdate    command = "update"
	doTopUp     command = "top up"
	doSettle    command = "settle"
	doFail      command = "fail"
	doDebit     command = "debit"
	doCharge    command = "charge"
	doPreview   command = "preview"
	doVoid      command = "void"
	doTerminate command = "terminate"
	doTick      command = "tick"
	doPolicy    command = "policy" // from now on the engine has another policy

	doAuthorize command = "authorize"
	doCapture   command = "capture"
	doRelease   command = "release"
	doRefund    command = "refund"
	doTransfer  command = "transfer"
	doOngoing   command = "set ongoing"
)

// What a step's counts say when they name nothing.
const (
	none    = -1 // no such field in the request
	unknown = -2 // an ID that nobody has
)

// String tells the step without its clock, and says the same for the same request only.
func (s step) String() string {
	s.At = time.Time{}
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// key is the retry key of the step, and whose it is; customer is that of the step's wallet.
func (s step) key(customer wallet.CustomerID) (wallet.CustomerID, string) {
	switch s.Do {
	case doCreate:
		return s.Spec.Customer, s.Spec.Key
	case doUpdate:
		return customer, s.Changes.Key
	case doTopUp:
		return customer, s.TopUp.Key
	case doDebit:
		return customer, s.Debit.Key
	case doCharge:
		return s.Charge.Customer, s.Charge.Key
	case doVoid:
		return customer, s.Void.Key
	case doAuthorize:
		return customer, s.Authorization.Key
	case doCapture:
		return customer, s.Capture.Key
	case doRefund:
		return customer, s.Refund.Key
	case doTransfer:
		return customer, s.Transfer.Key
	case doOngoing:
		return s.Charge.Customer, s.Charge.Key
	}
	return "", ""
}

// A world is an engine at work: it takes steps, and knows by which IDs the engine calls what came up.
type world struct {
	store   store.Store
	eng     *engine.Engine
	clock   time.Time
	owners  []wallet.CustomerID    // for whom wallets were asked for
	wallets []wallet.ID            // in the order they were created
	came    []wallet.TransactionID // in the order commands returned them
	held    []wallet.HoldID        // in the order they were authorized
}

// newWorld returns a world of no wallets over s.
func newWorld(s store.Store, p policy.Policy) *world {
	w := &world{store: s}
	w.setPolicy(p)
	return w
}

func (w *world) setPolicy(p policy.Policy) {
	w.eng = engine.New(w.store, &engine.Options{Policy: p, Now: func() time.Time { return w.clock }})
}

func (w *world) wallet(n int) wallet.ID {
	if n == unknown {
		return wallet.MintID(wallet.ID{}, w.clock)
	}
	return w.wallets[n]
}

func (w *world) tx(n int) wallet.TransactionID {
	switch n {
	case none:
		return wallet.TransactionID{}
	case unknown:
		return wallet.MintTransactionID(wallet.TransactionID{}, w.clock)
	}
	return w.came[n]
}

func (w *world) hold(n int) wallet.HoldID {
	if n == unknown {
		return wallet.MintHoldID(wallet.HoldID{}, w.clock)
	}
	return w.held[n]
}

// do takes a step, and returns what the engine returned.
func (w *world) do(ctx context.Context, s step) (any, error) {
	w.clock = s.At
	switch s.Do {
	case doCreate:
		if s.Bad == "" && !slices.Contains(w.owners, s.Spec.Customer) {
			w.owners = append(w.owners, s.Spec.Customer)
		}
		created, err := w.eng.Create(ctx, *s.Spec)
		if err != nil || slices.Contains(w.wallets, created.ID) {
			return created, err
		}
		w.wallets = append(w.wallets, created.ID)
		for t, err := range w.eng.Transactions(ctx, wallet.TransactionQuery{Wallet: created.ID, OldestFirst: true}) {
			if err != nil {
				return created, err
			}
			if t.Source == wallet.SourceManual { // a rule may have fired at once
				w.note(t)
			}
		}
		return created, nil
	case doUpdate:
		c := *s.Changes
		if len(s.Keep) > 0 {
			now, err := w.eng.Wallet(ctx, w.wallet(s.Wallet))
			if err != nil {
				return nil, err
			}
			c.Rules = []wallet.Rule{} // not nil, even if none of them is there any more
			for _, i := range s.Keep {
				if i < len(now.Rules) {
					c.Rules = append(c.Rules, now.Rules[i])
				}
			}
			c.Rules = append(c.Rules, s.Changes.Rules...)
		}
		return w.eng.Update(ctx, w.wallet(s.Wallet), c)
	case doTopUp:
		t := *s.TopUp
		t.Corrects = w.tx(s.Other)
		made, err := w.eng.TopUp(ctx, w.wallet(s.Wallet), t)
		w.note(made...)
		return made, err
	case doSettle:
		return w.eng.Settle(ctx, w.tx(s.Tx), *s.Settlement)
	case doFail:
		return w.eng.Fail(ctx, w.tx(s.Tx), s.Reason)
	case doDebit:
		d := *s.Debit
		d.Corrects = w.tx(s.Other)
		made, err := w.eng.Debit(ctx, w.wallet(s.Wallet), d)
		if err == nil {
			w.note(made)
		}
		return made, err
	case doCharge:
		r, err := w.eng.Charge(ctx, *s.Charge)
		w.note(r.Transactions...)
		return r, err
	case doPreview:
		return w.eng.Preview(ctx, *s.Charge)
	case doVoid:
		v := *s.Void
		v.Corrects, v.Lot = w.tx(s.Other), w.tx(s.Lot)
		made, err := w.eng.Void(ctx, w.wallet(s.Wallet), v)
		if err == nil {
			w.note(made)
		}
		return made, err
	case doTerminate:
		return w.eng.Terminate(ctx, w.wallet(s.Wallet))
	case doTick:
		_, err := w.eng.Tick(ctx)
		return nil, err
	}
	return w.doMore(ctx, s)
}

// doMore takes a step that reserves credits, or moves them within a customer's wallets.
func (w *world) doMore(ctx context.Context, s step) (any, error) {
	switch s.Do {
	case doAuthorize:
		a := *s.Authorization
		if s.Wallet != none {
			a.Wallet = w.wallet(s.Wallet)
		}
		h, err := w.eng.Authorize(ctx, a)
		if err == nil && !slices.Contains(w.held, h.ID) {
			w.held = append(w.held, h.ID)
		}
		return h, err
	case doCapture:
		done, err := w.eng.Capture(ctx, w.hold(s.Hold), *s.Capture)
		w.note(done.Transactions...)
		return done, err
	case doRelease:
		return w.eng.Release(ctx, w.hold(s.Hold))
	case doRefund:
		made, err := w.eng.Refund(ctx, w.tx(s.Tx), *s.Refund)
		w.note(made...)
		return made, err
	case doTransfer:
		made, err := w.eng.Transfer(ctx, w.wallet(s.Wallet), w.wallet(s.To), *s.Transfer)
		w.note(made...)
		return made, err
	case doOngoing:
		return w.eng.SetOngoing(ctx, *s.Charge)
	}
	return nil, fmt.Errorf("storetest: no such command: %q", s.Do)
}

// note remembers the transactions that came up first now.
func (w *world) note(made ...wallet.Transaction) {
	for _, t := range made {
		if !slices.Contains(w.came, t.ID) {
			w.came = append(w.came, t.ID)
		}
	}
}
