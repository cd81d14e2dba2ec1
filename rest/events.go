package rest

import (
	"net/http"
	"time"

	"github.com/seed-12493b23/wallet"
)

func events() []operation {
	return []operation{
		op(ListEvents, http.MethodGet, "/events", "Read the feed of changes, oldest first, from behind a cursor", (*call).listEvents),
	}
}

type listEvents struct {
	ofAnyone
	After   wallet.Cursor `query:"after"`    // the last cursor seen
	PerPage *int          `query:"per_page"` // at most 100
}

type event struct {
	Cursor      wallet.Cursor        `json:"cursor"`
	Wallet      wallet.ID            `json:"wallet_id"`
	Customer    wallet.CustomerID    `json:"external_customer_id"`
	Number      int64                `json:"number"` // of the wallet's events; 1 is the first
	Kind        string               `json:"kind" enum:"CREATED UPDATED TOPPED_UP SETTLED FAILED LAPSED CONSUMED VOIDED EXPIRED HELD CAPTURED RELEASED REFUNDED TRANSFERRED_OUT TRANSFERRED_IN USED FIRED ALERTED RECOVERED TERMINATED"`
	At          time.Time            `json:"occurred_at"`
	Credits     quantity             `json:"credits"`
	Transaction wallet.TransactionID `json:"wallet_transaction_id,omitzero"`
	Hold        wallet.HoldID        `json:"hold_id,omitzero"`
	Rule        wallet.RuleID        `json:"rule_id,omitzero"`
	Alert       string               `json:"alert,omitempty"`
}

type eventList struct {
	Events []event `json:"events"`
	Meta   behind  `json:"meta"`
}

func (c *call) listEvents(in *listEvents) (out eventList, err error) {
	_, size, _, err := paging{PerPage: in.PerPage}.bounds()
	if err != nil {
		return out, err
	}
	q := wallet.EventQuery{Customer: in.Customer, Wallet: in.WalletID, After: in.After, Limit: size}
	out.Events, err = all(c.eng.Events(c, q), func(e wallet.Event) event {
		return event{Cursor: e.Cursor, Wallet: e.Wallet, Customer: e.Customer, Number: e.Number, Kind: capitals(e.Kind), At: e.At,
			Credits: quantity{e.Credits}, Transaction: e.Transaction, Hold: e.Hold, Rule: e.Rule, Alert: e.Alert}
	})
	if len(out.Events) > 0 {
		out.Meta.After = string(out.Events[len(out.Events)-1].Cursor)
	}
	return out, err
}
