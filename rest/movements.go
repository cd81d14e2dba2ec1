package rest

import (
	"net/http"

	"github.com/seed-12493b23/wallet"
)

func movements() []operation {
	return []operation{
		op(DebitWallet, http.MethodPost, "/wallets/{wallet_id}/debit", "Spend credits of one wallet, all or nothing", (*call).debitWallet),
		op(RefundTransaction, http.MethodPost, "/wallet-transactions/{wallet_transaction_id}/refund", "Return spent credits to the lots they came from", (*call).refundTransaction),
		op(TransferCredits, http.MethodPost, "/wallets/{wallet_id}/transfer", "Move credits to another wallet of the customer", (*call).transferCredits),
	}
}

// purpose is what credits are spent on; the wallet must cover it.
type purpose struct {
	ID     string `json:"id"`
	Type   string `json:"fee_type" enum:"@fee_types"`
	Metric string `json:"metric"`
}

func (p *purpose) fee() wallet.Fee {
	if p == nil {
		return wallet.Fee{}
	}
	return wallet.Fee{ID: p.ID, Type: word[wallet.FeeType](p.Type), Metric: p.Metric}
}

type debitWallet struct {
	ofWallet
	Credits   positive             `json:"credits_to_debit"`
	Amount    positive             `json:"amount_to_debit"` // instead of credits: money
	Fee       *purpose             `json:"fee"`
	Reference string               `json:"reference"`
	Corrects  wallet.TransactionID `json:"corrects_transaction_id"`
	Metadata  metadata             `json:"metadata"`
}

func (debitWallet) rename(field string) string {
	return map[string]string{"credits": "credits_to_debit", "money": "amount_to_debit"}[field]
}

func (c *call) debitWallet(in *debitWallet) (transaction, error) {
	values, err := in.Metadata.values("/metadata")
	if err != nil {
		return transaction{}, err
	}
	t, err := c.eng.Debit(c, in.WalletID, wallet.Debit{
		Credits: in.Credits.Amount, Money: in.Amount.Amount, Fee: in.Fee.fee(), Reference: in.Reference, Corrects: in.Corrects,
		Metadata: values, Key: c.key,
	})
	return showTransaction(t), err
}

type refundTransaction struct {
	ofTransaction
	Credits  positive `json:"credits_to_refund"`
	Amount   positive `json:"amount_to_refund"` // instead of credits: money; all that is left if neither is given
	Reason   string   `json:"reason"`
	Metadata metadata `json:"metadata"`
}

func (refundTransaction) rename(field string) string {
	return map[string]string{"credits": "credits_to_refund", "money": "amount_to_refund"}[field]
}

func (c *call) refundTransaction(in *refundTransaction) (transactionList, error) {
	values, err := in.Metadata.values("/metadata")
	if err != nil {
		return transactionList{}, err
	}
	return listOf(c.eng.Refund(c, in.TransactionID, wallet.Refund{
		Credits: in.Credits.Amount, Money: in.Amount.Amount, Reason: in.Reason, Metadata: values, Key: c.key,
	}))
}

type transferCredits struct {
	ofWallet
	To       wallet.ID `json:"to_wallet_id" need:"true"`
	Credits  positive  `json:"credits_to_transfer"`
	All      bool      `json:"all"`                             // instead of credits
	Origin   string    `json:"origin" enum:"PURCHASED GRANTED"` // only credits that were; else both
	Metadata metadata  `json:"metadata"`
}

func (transferCredits) rename(field string) string {
	return map[string]string{"credits": "credits_to_transfer", "to": "to_wallet_id", "kind": "origin"}[field]
}

func (c *call) transferCredits(in *transferCredits) (transactionList, error) {
	values, err := in.Metadata.values("/metadata")
	if err != nil {
		return transactionList{}, err
	}
	return listOf(c.eng.Transfer(c, in.WalletID, in.To, wallet.Transfer{
		Credits: in.Credits.Amount, All: in.All, Kind: word[wallet.Kind](in.Origin), Metadata: values, Key: c.key,
	}))
}
