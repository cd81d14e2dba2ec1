package rest

import (
	"net/http"
	"time"

	"github.com/seed-12493b23/wallet"
)

func wallets() []operation {
	return []operation{
		op(CreateWallet, http.MethodPost, "/wallets", "Create a wallet, with first credits if some are given", (*call).createWallet),
		op(ListWallets, http.MethodGet, "/wallets", "List wallets, newest first", (*call).listWallets),
		op(GetWallet, http.MethodGet, "/wallets/{wallet_id}", "Get a wallet with its balances", (*call).getWallet),
		op(UpdateWallet, http.MethodPut, "/wallets/{wallet_id}", "Change a wallet; what is not given stays", (*call).updateWallet),
		op(TerminateWallet, http.MethodDelete, "/wallets/{wallet_id}", "Terminate a wallet for good; what remains is voided", (*call).terminateWallet),
		op(ListLots, http.MethodGet, "/wallets/{wallet_id}/lots", "List what remains of purchases and grants, in the order it will be spent", (*call).listLots),
	}
}

// walletBody is a wallet as it is answered.
type walletBody struct {
	ID       wallet.ID         `json:"id"`
	Customer wallet.CustomerID `json:"external_customer_id"`
	Status   string            `json:"status" enum:"ACTIVE TERMINATED"`
	Name     string            `json:"name,omitempty"`
	Rate     quantity          `json:"rate_amount"`

	AvailableBalance money    `json:"available_balance"`
	OngoingUsage     money    `json:"ongoing_usage"`
	NetBalance       money    `json:"net_balance"`
	AvailableCredits quantity `json:"available_credits"`
	OngoingCredits   quantity `json:"ongoing_usage_credits"`
	NetCredits       quantity `json:"net_balance_credits"`
	ConsumedCredits  quantity `json:"consumed_credits"`
	PendingCredits   quantity `json:"pending_credits,omitzero"` // purchases to be settled, and the grants that wait for them
	HeldCredits      quantity `json:"held_credits,omitzero"`    // reserved by holds
	KeptCredits      quantity `json:"kept_credits,omitzero"`    // left over by a termination

	AppliesTo *appliesTo `json:"applies_to,omitempty"`
	Rules     []rule     `json:"recurring_transaction_rules,omitempty"`
	Code      string     `json:"code,omitempty"`
	Priority  int        `json:"priority,omitempty"`
	Limits    *limits    `json:"limits,omitempty"`
	Metadata  metadata   `json:"metadata,omitempty"`

	CreatedAt    time.Time `json:"created_at"`
	ExpiresAt    time.Time `json:"expiration_at,omitzero"`
	TerminatedAt time.Time `json:"terminated_at,omitzero"`
}

// feeTypes is the name of the enum of fee types, which the host can extend.
const feeTypes = "fee_types"

type appliesTo struct {
	FeeTypes []string `json:"fee_types,omitempty" enum:"@fee_types"`
	Metrics  []string `json:"metrics,omitempty"`
}

type limits struct {
	MinPaid quantity `json:"min_paid_credits,omitzero"`
	MaxPaid quantity `json:"max_paid_credits,omitzero"`
}

func showWallet(w wallet.Wallet) walletBody {
	b := w.Balance
	worth := func(credits wallet.Amount) money { return moneyOf(w.Money(credits).Amount, w.Currency) }
	out := walletBody{
		ID: w.ID, Customer: w.Customer, Status: capitals(w.Status), Name: w.Name, Rate: quantity{w.Rate},
		AvailableBalance: worth(b.Spendable), OngoingUsage: worth(b.Ongoing), NetBalance: worth(b.Net()),
		AvailableCredits: quantity{b.Spendable}, OngoingCredits: quantity{b.Ongoing}, NetCredits: quantity{b.Net()},
		ConsumedCredits: quantity{b.Consumed}, PendingCredits: quantity{b.Pending}, HeldCredits: quantity{b.Held}, KeptCredits: quantity{b.Kept},
		Rules: showRules(w.Rules), Code: w.Code, Priority: w.Priority, Metadata: metadataOf(w.Metadata),
		CreatedAt: w.CreatedAt, ExpiresAt: w.ExpiresAt, TerminatedAt: w.TerminatedAt,
	}
	if a := w.AppliesTo; len(a.FeeTypes)+len(a.Metrics) > 0 {
		out.AppliesTo = &appliesTo{FeeTypes: allCapitals(a.FeeTypes), Metrics: a.Metrics}
	}
	if l := w.Limits; !l.MinPaid.IsZero() || !l.MaxPaid.IsZero() {
		out.Limits = &limits{MinPaid: quantity{l.MinPaid}, MaxPaid: quantity{l.MaxPaid}}
	}
	return out
}

func (a *appliesTo) value() *wallet.AppliesTo {
	if a == nil {
		return nil
	}
	return &wallet.AppliesTo{FeeTypes: words[wallet.FeeType](a.FeeTypes), Metrics: a.Metrics}
}

func (l *limits) value() *wallet.Limits {
	if l == nil {
		return nil
	}
	return &wallet.Limits{MinPaid: l.MinPaid.Amount, MaxPaid: l.MaxPaid.Amount}
}

type createWallet struct {
	ofCustomer
	Currency  wallet.Currency `json:"currency" need:"true"`
	Rate      positive        `json:"rate_amount" need:"true"`
	Name      string          `json:"name"`
	Paid      positive        `json:"paid_credits"`
	Granted   positive        `json:"granted_credits"`
	ExpiresAt time.Time       `json:"expiration_at"`
	AppliesTo *appliesTo      `json:"applies_to"`
	Rules     []rule          `json:"recurring_transaction_rules"`
	Code      string          `json:"code"`
	Priority  int             `json:"priority"`
	Limits    *limits         `json:"limits"`
	Metadata  metadata        `json:"metadata"`
}

func (c *call) createWallet(in *createWallet) (out walletBody, err error) {
	spec := wallet.Spec{
		Customer: in.Customer, Currency: in.Currency, Rate: in.Rate.Amount, Name: in.Name, Code: in.Code, Priority: in.Priority,
		ExpiresAt: in.ExpiresAt, TopUp: wallet.TopUp{Paid: in.Paid.Amount, Granted: in.Granted.Amount}, Key: c.key,
	}
	if in.AppliesTo != nil {
		spec.AppliesTo = *in.AppliesTo.value()
	}
	if in.Limits != nil {
		spec.Limits = *in.Limits.value()
	}
	if spec.Rules, err = readRules(in.Rules); err != nil {
		return out, err
	}
	if spec.Metadata, err = in.Metadata.values("/metadata"); err != nil {
		return out, err
	}
	w, err := c.eng.Create(c, spec)
	return showWallet(w), err
}

type listWallets struct {
	Customer wallet.CustomerID `query:"external_customer_id"`
	Status   string            `query:"status" enum:"ACTIVE TERMINATED"`
	Currency wallet.Currency   `query:"currency"`
	Code     string            `query:"code"`
	paging
}

func (in listWallets) customer(*call) (wallet.CustomerID, bool, error) {
	return in.Customer, false, nil
}

type walletList struct {
	Wallets  []walletBody `json:"wallets"`
	Metadata struct {
		Total   int `json:"total_count"`
		Pages   int `json:"total_pages"`
		Current int `json:"current_page"`
	} `json:"metadata"`
}

func (c *call) listWallets(in *listWallets) (out walletList, err error) {
	page, size, offset, err := in.bounds()
	if err != nil {
		return out, err
	}
	q := wallet.WalletQuery{Customer: in.Customer, Status: word[wallet.Status](in.Status), Currency: in.Currency, Code: in.Code,
		Offset: offset, Limit: size}
	total, err := c.eng.CountWallets(c, q)
	if err != nil {
		return out, err
	}
	n := countOf(total, page, size)
	out.Metadata.Total, out.Metadata.Pages, out.Metadata.Current = n.Total, n.Pages, n.Current
	out.Wallets, err = all(c.eng.Wallets(c, q), showWallet)
	return out, err
}

type getWallet struct{ ofWallet }

func (c *call) getWallet(in *getWallet) (walletBody, error) {
	w, err := c.eng.Wallet(c, in.WalletID)
	return showWallet(w), err
}

type updateWallet struct {
	ofWallet
	Name      *string    `json:"name"`
	ExpiresAt *time.Time `json:"expiration_at" null:"clears"`
	AppliesTo *appliesTo `json:"applies_to"`
	Rules     []rule     `json:"recurring_transaction_rules"` // replaces the list: a rule with the id of a present one stays that rule
	Code      *string    `json:"code"`
	Priority  *int       `json:"priority"`
	Limits    *limits    `json:"limits"`
	Metadata  metadata   `json:"metadata"`
}

func (c *call) updateWallet(in *updateWallet) (out walletBody, err error) {
	changes := wallet.Changes{
		Name: in.Name, Code: in.Code, Priority: in.Priority, ExpiresAt: in.ExpiresAt,
		AppliesTo: in.AppliesTo.value(), Limits: in.Limits.value(), Key: c.key,
	}
	if changes.Rules, err = readRules(in.Rules); err != nil {
		return out, err
	}
	if changes.Metadata, err = in.Metadata.values("/metadata"); err != nil {
		return out, err
	}
	w, err := c.eng.Update(c, in.WalletID, changes)
	return showWallet(w), err
}

type terminateWallet struct{ ofWallet }

func (c *call) terminateWallet(in *terminateWallet) (walletBody, error) {
	w, err := c.eng.Terminate(c, in.WalletID)
	return showWallet(w), err
}

type listLots struct {
	ofWallet
	paging
}

type lotBody struct {
	ID        wallet.TransactionID `json:"wallet_transaction_id"` // of the inbound transaction that opened it
	Wallet    wallet.ID            `json:"wallet_id"`
	Origin    string               `json:"origin" enum:"PURCHASED GRANTED"`
	Credits   quantity             `json:"credits"`
	Remaining quantity             `json:"remaining_credits"`
	Held      quantity             `json:"held_credits"`
	Priority  int                  `json:"priority,omitempty"`
	ExpiresAt time.Time            `json:"expiration_at,omitzero"`
	OpenedAt  time.Time            `json:"opened_at"`
}

type lotList struct {
	Lots []lotBody `json:"lots"`
	Meta place     `json:"meta"`
}

func (c *call) listLots(in *listLots) (out lotList, err error) {
	page, size, offset, err := in.bounds()
	if err != nil {
		return out, err
	}
	lots, more, err := skim(c.eng.Lots(c, in.WalletID), offset, size, func(l wallet.Lot) lotBody {
		return lotBody{ID: l.ID, Wallet: l.Wallet, Origin: capitals(l.Kind), Credits: quantity{l.Credits}, Remaining: quantity{l.Remaining},
			Held: quantity{l.Held}, Priority: l.Priority, ExpiresAt: l.ExpiresAt, OpenedAt: l.OpenedAt}
	})
	return lotList{lots, placeOf(page, more)}, err
}
