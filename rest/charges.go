package rest

import (
	"net/http"

	"github.com/seed-12493b23/wallet"
)

func charges() []operation {
	return []operation{
		op(CreateCharge, http.MethodPost, "/charges", "Pay a bill from all the customer's wallets that cover its fees", (*call).createCharge),
		op(PreviewCharge, http.MethodPost, "/charges/preview", "Tell what a bill would be paid from, and pay nothing", (*call).previewCharge),
		op(SetOngoingUsage, http.MethodPut, "/ongoing-usage", "Replace what the customer has used and was not billed for yet", (*call).setOngoingUsage),
	}
}

// usage is what a customer is to pay for in a currency.
type usage struct {
	ofCustomer
	Currency  wallet.Currency `json:"currency" need:"true"`
	Fees      []feeBody       `json:"fees" need:"true"`
	Reference string          `json:"reference"`
	Metadata  metadata        `json:"metadata"`
}

type feeBody struct {
	ID     string    `json:"id,omitempty"` // unique among the fees, and required if there are several
	Type   string    `json:"fee_type,omitempty" enum:"@fee_types"`
	Metric string    `json:"metric,omitempty"`
	Amount *quantity `json:"fee_amount" need:"true"`
}

func (u usage) charge(c *call) (wallet.Charge, error) {
	values, err := u.Metadata.values("/metadata")
	ch := wallet.Charge{Customer: u.Customer, Currency: u.Currency, Reference: u.Reference, Metadata: values, Key: c.key}
	for _, f := range u.Fees {
		ch.Fees = append(ch.Fees, wallet.Fee{ID: f.ID, Type: word[wallet.FeeType](f.Type), Metric: f.Metric, Amount: f.Amount.Amount})
	}
	return ch, err
}

func (usage) rename(field string) string { return map[string]string{"amount": "fee_amount"}[field] }

type bill struct {
	usage
	Whole  bool `json:"whole"`  // all of it, or nothing
	Billed bool `json:"billed"` // the fees leave the usage in progress
}

type receipt struct {
	Currency     wallet.Currency `json:"currency"`
	Covered      money           `json:"covered_amount"`
	Uncovered    money           `json:"uncovered_amount"`
	Lines        []line          `json:"lines"` // a line per fee, in order
	Transactions []transaction   `json:"wallet_transactions"`
}

type line struct {
	Fee       feeBody   `json:"fee"`
	Covered   money     `json:"covered_amount"`
	Uncovered money     `json:"uncovered_amount"`
	Payments  []payment `json:"payments"`
}

type payment struct {
	Wallet      wallet.ID            `json:"wallet_id"`
	Transaction wallet.TransactionID `json:"wallet_transaction_id,omitzero"` // not in a preview
	Credits     quantity             `json:"credits"`
	Amount      money                `json:"amount"`
	Draws       []portion            `json:"draws"`
}

// portion is what a payment takes of a lot.
type portion struct {
	Lot     wallet.TransactionID `json:"lot_id"`
	Credits quantity             `json:"credits"`
	Amount  money                `json:"amount"`
}

func showReceipt(r wallet.Receipt) receipt {
	in := func(a wallet.Amount) money { return moneyOf(a, r.Currency) }
	out := receipt{Currency: r.Currency, Covered: in(r.Covered), Uncovered: in(r.Uncovered), Lines: []line{}, Transactions: []transaction{}}
	for _, l := range r.Lines {
		f := l.Fee
		one := line{
			Fee:     feeBody{ID: f.ID, Type: capitals(f.Type), Metric: f.Metric, Amount: &quantity{f.Amount}},
			Covered: in(l.Covered), Uncovered: in(l.Uncovered), Payments: []payment{},
		}
		for _, p := range l.Payments {
			paid := payment{Wallet: p.Wallet, Transaction: p.Transaction, Credits: quantity{p.Credits}, Amount: in(p.Amount), Draws: []portion{}}
			for _, d := range p.Draws {
				paid.Draws = append(paid.Draws, portion{d.Lot, quantity{d.Credits}, in(d.Amount)})
			}
			one.Payments = append(one.Payments, paid)
		}
		out.Lines = append(out.Lines, one)
	}
	for _, t := range r.Transactions {
		if t.ID.IsZero() {
			continue // of a preview
		}
		out.Transactions = append(out.Transactions, showTransaction(t))
	}
	return out
}

type createCharge struct{ bill }

func (c *call) createCharge(in *createCharge) (out receipt, err error) {
	ch, err := in.charge(c)
	if err != nil {
		return out, err
	}
	ch.Whole, ch.Billed = in.Whole, in.Billed
	r, err := c.eng.Charge(c, ch)
	return showReceipt(r), err
}

type previewCharge struct{ bill }

func (c *call) previewCharge(in *previewCharge) (out receipt, err error) {
	ch, err := in.charge(c)
	if err != nil {
		return out, err
	}
	ch.Whole, ch.Billed = in.Whole, in.Billed
	r, err := c.eng.Preview(c, ch)
	return showReceipt(r), err
}

type setOngoingUsage struct{ usage }

type usedWallets struct {
	Wallets []walletBody `json:"wallets"` // the customer's in that currency, in the order they pay
}

func (c *call) setOngoingUsage(in *setOngoingUsage) (out usedWallets, err error) {
	ch, err := in.charge(c)
	if err != nil {
		return out, err
	}
	ws, err := c.eng.SetOngoing(c, ch)
	out.Wallets = make([]walletBody, len(ws))
	for i, w := range ws {
		out.Wallets[i] = showWallet(w)
	}
	return out, err
}
