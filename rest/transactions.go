package rest

import (
	"net/http"
	"time"

	"github.com/seed-12493b23/wallet"
)

func transactions() []operation {
	return []operation{
		op(CreateTransaction, http.MethodPost, "/wallets/{wallet_id}/wallet-transactions", "Add credits (TOPUP), or remove some (VOID)", (*call).createTransaction),
		op(ListTransactions, http.MethodGet, "/wallets/{wallet_id}/wallet-transactions", "List a wallet's transactions, newest first", (*call).listTransactions),
		op(GetTransaction, http.MethodGet, "/wallet-transactions/{wallet_transaction_id}", "Get a transaction", (*call).getTransaction),
		op(SettleTransaction, http.MethodPost, "/wallet-transactions/{wallet_transaction_id}/settle", "Settle a pending purchase: it was paid", (*call).settleTransaction),
		op(FailTransaction, http.MethodPost, "/wallet-transactions/{wallet_transaction_id}/fail", "Fail a pending purchase: it will never be paid", (*call).failTransaction),
		op(ListDraws, http.MethodGet, "/wallet-transactions/{wallet_transaction_id}/draws", "List the lots that paid for an outbound transaction, or what an inbound one paid for", (*call).listDraws),
	}
}

// transaction is a transaction as it is answered.
type transaction struct {
	ID            wallet.TransactionID `json:"wallet_transaction_id"`
	Wallet        wallet.ID            `json:"wallet_id"`
	PaymentStatus string               `json:"payment_status" enum:"PENDING SETTLED FAILED"`
	Source        string               `json:"source" enum:"MANUAL INTERVAL THRESHOLD"`
	Status        string               `json:"transaction_status" enum:"PURCHASED GRANTED VOIDED INVOICED"`
	Type          string               `json:"transaction_type" enum:"INBOUND OUTBOUND"`
	Amount        money                `json:"amount"`
	Credits       quantity             `json:"credits"`
	SettledAt     time.Time            `json:"settled_at,omitzero"`
	FailedAt      time.Time            `json:"failed_at,omitzero"`
	CreatedAt     time.Time            `json:"created_at"`
	Metadata      metadata             `json:"metadata"`

	Kind         string               `json:"kind,omitempty" enum:"PURCHASED GRANTED REFUNDED TRANSFERRED_IN CONSUMED VOIDED EXPIRED TRANSFERRED_OUT"`
	BalanceAfter *quantity            `json:"balance_after_credits,omitempty"`
	Name         string               `json:"name,omitempty"`
	Reference    string               `json:"reference,omitempty"`
	Reason       string               `json:"reason,omitempty"`
	Priority     int                  `json:"priority,omitempty"`
	ExpiresAt    time.Time            `json:"expiration_at,omitzero"`
	ExpiresIn    seconds              `json:"expires_in,omitempty"`
	Corrects     wallet.TransactionID `json:"corrects_transaction_id,omitzero"`
	Pair         wallet.TransactionID `json:"pair_transaction_id,omitzero"`
	Rule         wallet.RuleID        `json:"rule_id,omitzero"`
	Hold         wallet.HoldID        `json:"hold_id,omitzero"`
}

func showTransaction(t wallet.Transaction) transaction {
	direction := "OUTBOUND"
	if t.Kind.Inbound() {
		direction = "INBOUND"
	}
	return transaction{
		ID: t.ID, Wallet: t.Wallet, PaymentStatus: capitals(t.State), Source: capitals(t.Source), Status: status(t), Type: direction,
		Amount: moneyOf(t.Money.Amount, t.Money.Currency), Credits: quantity{t.Credits}, SettledAt: t.SettledAt, FailedAt: t.FailedAt,
		CreatedAt: t.CreatedAt, Metadata: metadataOf(t.Metadata), Kind: capitals(t.Kind), BalanceAfter: &quantity{t.BalanceAfter},
		Name: t.Name, Reference: t.Reference, Reason: t.Reason, Priority: t.Priority, ExpiresAt: t.ExpiresAt,
		ExpiresIn: seconds(t.ExpiresIn), Corrects: t.Corrects, Pair: t.Pair, Rule: t.Rule, Hold: t.Hold,
	}
}

// status is one of the four that the API knows.
func status(t wallet.Transaction) string {
	switch t.Kind {
	case wallet.Consumed:
		return "INVOICED"
	case wallet.Expired, wallet.TransferredOut:
		return "VOIDED"
	case wallet.Refunded, wallet.TransferredIn:
		return capitals(t.Origin)
	}
	return capitals(t.Kind)
}

type transactionList struct {
	Transactions []transaction `json:"wallet_transactions"`
	Meta         count         `json:"meta"`
}

// listOf is the answer to a command that wrote these transactions.
func listOf(ts []wallet.Transaction, err error) (transactionList, error) {
	if err != nil {
		return transactionList{}, err
	}
	out := transactionList{make([]transaction, len(ts)), countOf(len(ts), 1, max(1, len(ts)))}
	for i, t := range ts {
		out.Transactions[i] = showTransaction(t)
	}
	return out, nil
}

type createTransaction struct {
	ofWallet
	Type     string   `json:"type" need:"true" enum:"TOPUP VOID"`
	Metadata metadata `json:"metadata"`

	// Of a TOPUP.
	Paid          positive             `json:"paid_credits"`
	PaidAmount    positive             `json:"paid_amount"` // instead of paid_credits: as many as this money buys
	Granted       positive             `json:"granted_credits"`
	GrantOnSettle bool                 `json:"grant_on_settle"` // the grant waits for the purchase, and fails with it
	Priority      int                  `json:"priority"`
	ExpiresAt     time.Time            `json:"expiration_at"`
	ExpiresIn     seconds              `json:"expires_in"` // instead of expiration_at, counted from settlement
	Name          string               `json:"name"`
	Reference     string               `json:"reference"`
	Corrects      wallet.TransactionID `json:"corrects_transaction_id"` // of a VOID, too

	// Of a VOID.
	Voided positive             `json:"credits_to_void"`
	Lot    wallet.TransactionID `json:"lot_id"` // the inbound transaction whose credits to remove; else in spending order
	Reason string               `json:"reason"`
}

func (createTransaction) rename(field string) string {
	switch field {
	case "money":
		return "paid_amount"
	case "credits":
		return "credits_to_void"
	}
	return ""
}

// typeFields are those that only one of the types has.
var typeFields = map[string][]string{
	"TOPUP": {"paid_credits", "paid_amount", "granted_credits", "grant_on_settle", "priority", "expiration_at", "expires_in", "name",
		"reference"},
	"VOID": {"credits_to_void", "lot_id", "reason"},
}

func (c *call) createTransaction(in *createTransaction) (transactionList, error) {
	var bad invalid
	refuse := func(field, issue, description string) {
		bad = append(bad, detail{Field: "/" + field, Location: "body", Issue: issue, Description: description})
	}
	for name, fields := range typeFields {
		for _, f := range fields {
			if name != in.Type && c.body.member(f) != nil {
				refuse(f, invalidValue, "does not go with type "+in.Type)
			}
		}
	}
	switch {
	case in.Type == "VOID" && in.Voided.IsZero():
		refuse("credits_to_void", missing, "is required with type VOID")
	case in.Type == "TOPUP" && in.Paid.IsZero() && in.PaidAmount.IsZero() && in.Granted.IsZero():
		refuse("paid_credits", missing, "or paid_amount or granted_credits is required with type TOPUP")
	}
	values, err := in.Metadata.values("/metadata")
	if err != nil {
		bad = append(bad, err.(invalid)...)
	}
	if bad != nil {
		return transactionList{}, bad
	}
	if in.Type == "VOID" {
		t, err := c.eng.Void(c, in.WalletID, wallet.Void{
			Credits: in.Voided.Amount, Lot: in.Lot, Reason: in.Reason, Corrects: in.Corrects, Metadata: values, Key: c.key,
		})
		return listOf([]wallet.Transaction{t}, err)
	}
	return listOf(c.eng.TopUp(c, in.WalletID, wallet.TopUp{
		Paid: in.Paid.Amount, Money: in.PaidAmount.Amount, Granted: in.Granted.Amount, GrantOnSettle: in.GrantOnSettle,
		Priority: in.Priority, ExpiresAt: in.ExpiresAt, ExpiresIn: time.Duration(in.ExpiresIn), Name: in.Name, Reference: in.Reference,
		Corrects: in.Corrects, Metadata: values, Key: c.key,
	}))
}

type listTransactions struct {
	ofWallet
	paging
	PaymentStatus []string  `query:"payment_status" enum:"PENDING SETTLED FAILED"`
	Kind          []string  `query:"kind" enum:"PURCHASED GRANTED REFUNDED TRANSFERRED_IN CONSUMED VOIDED EXPIRED TRANSFERRED_OUT"`
	Type          string    `query:"transaction_type" enum:"INBOUND OUTBOUND"`
	Reference     string    `query:"reference"`
	From          time.Time `query:"from"` // created at or after
	To            time.Time `query:"to"`   // created before
}

var kindsOf = map[string][]wallet.Kind{
	"INBOUND":  {wallet.Purchased, wallet.Granted, wallet.Refunded, wallet.TransferredIn},
	"OUTBOUND": {wallet.Consumed, wallet.Voided, wallet.Expired, wallet.TransferredOut},
}

func (c *call) listTransactions(in *listTransactions) (out transactionList, err error) {
	page, size, offset, err := in.bounds()
	if err != nil {
		return out, err
	}
	q := wallet.TransactionQuery{
		Wallet: in.WalletID, Kinds: words[wallet.Kind](in.Kind), States: words[wallet.State](in.PaymentStatus),
		Reference: in.Reference, From: in.From, To: in.To, Offset: offset, Limit: size,
	}
	if in.Type != "" {
		if q.Kinds != nil {
			return out, invalid{{Field: "/kind", Location: "query", Issue: invalidValue, Description: "and transaction_type exclude each other"}}
		}
		q.Kinds = kindsOf[in.Type]
	}
	total, err := c.eng.CountTransactions(c, q)
	if err != nil {
		return out, err
	}
	out.Meta = countOf(total, page, size)
	out.Transactions, err = all(c.eng.Transactions(c, q), showTransaction)
	return out, err
}

type getTransaction struct{ ofTransaction }

func (c *call) getTransaction(in *getTransaction) (transaction, error) {
	t, err := c.eng.Transaction(c, in.TransactionID)
	return showTransaction(t), err
}

type settleTransaction struct {
	ofTransaction
	Metadata metadata `json:"metadata"` // joins that of the purchase
}

func (c *call) settleTransaction(in *settleTransaction) (transactionList, error) {
	values, err := in.Metadata.values("/metadata")
	if err != nil {
		return transactionList{}, err
	}
	return listOf(c.eng.Settle(c, in.TransactionID, wallet.Settlement{Metadata: values}))
}

type failTransaction struct {
	ofTransaction
	Reason string `json:"reason"`
}

func (c *call) failTransaction(in *failTransaction) (transactionList, error) {
	return listOf(c.eng.Fail(c, in.TransactionID, in.Reason))
}

type listDraws struct {
	ofTransaction
	paging
}

type draw struct {
	Lot     wallet.TransactionID `json:"lot_id"`                // the inbound transaction
	By      wallet.TransactionID `json:"wallet_transaction_id"` // the outbound one
	Wallet  wallet.ID            `json:"wallet_id"`
	Kind    string               `json:"kind" enum:"CONSUMED VOIDED EXPIRED TRANSFERRED_OUT"` // of the outbound one
	Credits quantity             `json:"credits"`
	Amount  money                `json:"amount"`
	Fee     string               `json:"fee_id,omitempty"`
}

func showDraw(d wallet.Draw, c wallet.Currency) draw {
	return draw{Lot: d.Lot, By: d.By, Wallet: d.Wallet, Kind: capitals(d.Kind), Credits: quantity{d.Credits}, Amount: moneyOf(d.Amount, c), Fee: d.Fee}
}

type drawList struct {
	Draws []draw `json:"draws"`
	Meta  place  `json:"meta"`
}

func (c *call) listDraws(in *listDraws) (out drawList, err error) {
	page, size, offset, err := in.bounds()
	if err != nil {
		return out, err
	}
	t, err := c.eng.Transaction(c, in.TransactionID)
	if err != nil {
		return out, err
	}
	draws, more, err := skim(c.eng.Draws(c, in.TransactionID), offset, size, func(d wallet.Draw) draw { return showDraw(d, t.Money.Currency) })
	return drawList{draws, placeOf(page, more)}, err
}
