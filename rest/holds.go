package rest

import (
	"net/http"
	"time"

	"github.com/seed-12493b23/wallet"
)

func holds() []operation {
	return []operation{
		op(CreateHold, http.MethodPost, "/holds", "Reserve credits of a wallet, or money of all the customer's wallets", (*call).createHold),
		op(ListHolds, http.MethodGet, "/holds", "List holds, newest first", (*call).listHolds),
		op(GetHold, http.MethodGet, "/holds/{hold_id}", "Get a hold", (*call).getHold),
		op(CaptureHold, http.MethodPost, "/holds/{hold_id}/capture", "Spend what is held, and release the rest", (*call).captureHold),
		op(ReleaseHold, http.MethodPost, "/holds/{hold_id}/release", "Release a hold", (*call).releaseHold),
	}
}

// hold is a hold as it is answered.
type hold struct {
	ID        wallet.HoldID     `json:"id"`
	Customer  wallet.CustomerID `json:"external_customer_id"`
	Wallet    wallet.ID         `json:"wallet_id,omitzero"` // not of one over the customer's wallets
	Status    string            `json:"status" enum:"OPEN CAPTURED RELEASED EXPIRED"`
	Credits   quantity          `json:"credits"` // reserved at first
	Amount    money             `json:"amount"`
	Captured  money             `json:"captured_amount"` // so far
	Parts     []holdPart        `json:"parts"`           // still reserved, in the order it will be spent
	Fee       *feeShown         `json:"fee,omitempty"`
	Reference string            `json:"reference,omitempty"`
	Metadata  metadata          `json:"metadata"`
	CreatedAt time.Time         `json:"created_at"`
	ExpiresAt time.Time         `json:"expiration_at"`
	ClosedAt  time.Time         `json:"closed_at,omitzero"`
}

type holdPart struct {
	Wallet  wallet.ID `json:"wallet_id"`
	Credits quantity  `json:"credits"`
	Amount  money     `json:"amount"`
	Lots    []heldLot `json:"lots"`
}

type heldLot struct {
	Lot     wallet.TransactionID `json:"lot_id"`
	Credits quantity             `json:"credits"`
}

type feeShown struct {
	ID     string `json:"id,omitempty"`
	Type   string `json:"fee_type,omitempty" enum:"@fee_types"`
	Metric string `json:"metric,omitempty"`
}

func showHold(h wallet.Hold) hold {
	out := hold{
		ID: h.ID, Customer: h.Customer, Wallet: h.Wallet, Status: capitals(h.State), Credits: quantity{h.Credits},
		Amount: moneyOf(h.Money.Amount, h.Money.Currency), Captured: moneyOf(h.Captured.Amount, h.Captured.Currency), Parts: []holdPart{},
		Reference: h.Reference, Metadata: metadataOf(h.Metadata), CreatedAt: h.CreatedAt, ExpiresAt: h.ExpiresAt, ClosedAt: h.ClosedAt,
	}
	if f := h.Fee; f.ID != "" || f.Type != "" || f.Metric != "" {
		out.Fee = &feeShown{f.ID, capitals(f.Type), f.Metric}
	}
	for _, p := range h.Parts {
		part := holdPart{p.Wallet, quantity{p.Credits}, moneyOf(p.Money, h.Currency), []heldLot{}}
		for _, l := range p.Lots {
			part.Lots = append(part.Lots, heldLot{l.Lot, quantity{l.Credits}})
		}
		out.Parts = append(out.Parts, part)
	}
	return out
}

type createHold struct {
	WalletID  wallet.ID         `json:"wallet_id"`
	Customer  wallet.CustomerID `json:"external_customer_id"` // instead of wallet_id, with currency
	Currency  wallet.Currency   `json:"currency"`
	Credits   positive          `json:"credits_to_hold"` // of one wallet
	Amount    positive          `json:"amount_to_hold"`  // instead of credits: money
	Fee       *purpose          `json:"fee"`
	ExpiresIn seconds           `json:"expires_in"` // 24 hours if not given, at most 30 days
	Reference string            `json:"reference"`
	Metadata  metadata          `json:"metadata"`
}

func (createHold) rename(field string) string {
	return map[string]string{"credits": "credits_to_hold", "money": "amount_to_hold", "wallet": "wallet_id"}[field]
}

func (in createHold) customer(c *call) (wallet.CustomerID, bool, error) {
	if in.WalletID.IsZero() {
		return in.Customer, false, nil
	}
	return ofWallet{in.WalletID}.customer(c)
}

func (c *call) createHold(in *createHold) (hold, error) {
	values, err := in.Metadata.values("/metadata")
	if err != nil {
		return hold{}, err
	}
	h, err := c.eng.Authorize(c, wallet.Authorization{
		Wallet: in.WalletID, Customer: in.Customer, Currency: in.Currency, Credits: in.Credits.Amount, Money: in.Amount.Amount,
		Fee: in.Fee.fee(), For: time.Duration(in.ExpiresIn), Reference: in.Reference, Metadata: values, Key: c.key,
	})
	return showHold(h), err
}

type listHolds struct {
	ofAnyone
	Status  []string      `query:"status" enum:"OPEN CAPTURED RELEASED EXPIRED"`
	After   wallet.HoldID `query:"after"`    // the last ID seen
	PerPage *int          `query:"per_page"` // at most 100
}

type holdList struct {
	Holds []hold `json:"holds"`
	Meta  behind `json:"meta"`
}

// behind is the meta of a page that says where the next one starts.
type behind struct {
	After string `json:"next_after,omitempty"` // to be given as after, if the page is full
}

func (c *call) listHolds(in *listHolds) (out holdList, err error) {
	_, size, _, err := paging{PerPage: in.PerPage}.bounds()
	if err != nil {
		return out, err
	}
	out.Holds, err = all(c.eng.Holds(c, wallet.HoldQuery{
		Customer: in.Customer, Wallet: in.WalletID, States: words[wallet.State](in.Status), After: in.After, Limit: size,
	}), showHold)
	if len(out.Holds) == size {
		out.Meta.After = out.Holds[size-1].ID.String()
	}
	return out, err
}

type getHold struct{ ofHold }

func (c *call) getHold(in *getHold) (hold, error) {
	h, err := c.eng.Hold(c, in.HoldID)
	return showHold(h), err
}

type captureHold struct {
	ofHold
	Credits positive `json:"credits_to_capture"`
	Amount  positive `json:"amount_to_capture"`                 // instead of credits: money
	More    bool     `json:"more"`                              // more captures are to come: keep the rest
	Over    string   `json:"over" enum:"REJECT EXTEND PARTIAL"` // if there is not enough in the hold; REJECT if not given
}

func (captureHold) rename(field string) string {
	return map[string]string{"credits": "credits_to_capture", "money": "amount_to_capture"}[field]
}

type captured struct {
	Transactions []transaction `json:"wallet_transactions"`
	Shortfall    quantity      `json:"shortfall"` // in the unit the capture was asked in
}

func (c *call) captureHold(in *captureHold) (captured, error) {
	over := word[wallet.Over](in.Over)
	if over == "reject" {
		over = wallet.Reject
	}
	done, err := c.eng.Capture(c, in.HoldID, wallet.Capture{Credits: in.Credits.Amount, Money: in.Amount.Amount, More: in.More, Over: over, Key: c.key})
	list, err := listOf(done.Transactions, err)
	return captured{list.Transactions, quantity{done.Shortfall}}, err
}

type releaseHold struct{ ofHold }

func (c *call) releaseHold(in *releaseHold) (hold, error) {
	h, err := c.eng.Release(c, in.HoldID)
	return showHold(h), err
}
