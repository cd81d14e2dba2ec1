package rest

import (
	"strings"
)

// examples are a request for each operation. Words that begin with a dollar sign stand for acme's things.
var examples = map[Operation]struct{ path, body string }{
	CreateWallet: {"/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"0.5","name":"n","paid_credits":"1","granted_credits":"1",
		"expiration_at":"2030-01-01T00:00:00Z","applies_to":{"fee_types":["CHARGE"],"metrics":["gpu"]},"code":"second","priority":1,
		"limits":{"min_paid_credits":"1","max_paid_credits":"9"},"metadata":[{"key":"a","value":"b"}],"recurring_transaction_rules":[
		{"trigger":"INTERVAL","method":"TARGET","interval":"MONTHLY","target_ongoing_balance":"9","threshold_credits":"0","grants_target_top_up":true,
		"started_at":"2026-02-01T00:00:00Z","expiration_at":"2027-01-01T00:00:00Z","transaction_name":"n","transaction_metadata":[{"key":"a","value":"b"}],
		"transaction_priority":2,"transaction_expires_in":60.5},
		{"trigger":"INTERVAL","interval":"WEEKLY","paid_credits":"2","granted_credits":"1","transaction_until_next":true}]}`},
	ListWallets:  {"/wallets?external_customer_id=acme&status=ACTIVE&currency=USD&code=c&page=1&per_page=10", ""},
	GetWallet:    {"/wallets/$wallet", ""},
	UpdateWallet: {"/wallets/$wallet", `{"name":"new","expiration_at":null,"applies_to":{},"recurring_transaction_rules":[],"code":"c","priority":2,"limits":{},"metadata":[]}`},
	ListLots:     {"/wallets/$wallet/lots?page=1&per_page=10", ""},
	CreateTransaction: {"/wallets/$wallet/wallet-transactions", `{"type":"TOPUP","paid_credits":"5","granted_credits":"5","grant_on_settle":true,"priority":1,
		"expiration_at":"2030-01-01T00:00:00Z","name":"n","reference":"r","corrects_transaction_id":"$grant","metadata":[{"key":"a","value":"b"}]}`},
	ListTransactions:  {"/wallets/$wallet/wallet-transactions?page=1&per_page=10&payment_status=SETTLED&kind=GRANTED,CONSUMED&reference=r&from=2020-01-01T00:00:00Z&to=2030-01-01T00:00:00Z", ""},
	GetTransaction:    {"/wallet-transactions/$grant", ""},
	SettleTransaction: {"/wallet-transactions/$purchase/settle", `{"metadata":[{"key":"a","value":"b"}]}`},
	FailTransaction:   {"/wallet-transactions/$pending/fail", `{"reason":"r"}`},
	ListDraws:         {"/wallet-transactions/$debit/draws?page=1&per_page=10", ""},
	DebitWallet: {"/wallets/$wallet/debit", `{"credits_to_debit":"1","fee":{"id":"f","fee_type":"CHARGE","metric":"gpu"},"reference":"r",
		"corrects_transaction_id":"$debit","metadata":[{"key":"a","value":"b"}]}`},
	RefundTransaction: {"/wallet-transactions/$debit/refund", `{"credits_to_refund":"1","reason":"r","metadata":[{"key":"a","value":"b"}]}`},
	TransferCredits:   {"/wallets/$wallet/transfer", `{"to_wallet_id":"$second","credits_to_transfer":"1","origin":"GRANTED","metadata":[{"key":"a","value":"b"}]}`},
	CreateCharge: {"/charges", `{"external_customer_id":"acme","currency":"USD","fees":[{"id":"f","fee_type":"CHARGE","metric":"gpu","fee_amount":"1"}],
		"reference":"r","metadata":[{"key":"a","value":"b"}],"whole":true,"billed":true}`},
	PreviewCharge:   {"/charges/preview", `{"external_customer_id":"acme","currency":"USD","fees":[{"fee_amount":"1"}],"reference":"r","metadata":[],"whole":false,"billed":false}`},
	SetOngoingUsage: {"/ongoing-usage", `{"external_customer_id":"acme","currency":"USD","fees":[{"fee_amount":"1"}],"reference":"r","metadata":[]}`},
	CreateHold: {"/holds", `{"wallet_id":"$wallet","credits_to_hold":"1","fee":{"id":"f","fee_type":"CHARGE","metric":"gpu"},"expires_in":60,"reference":"r",
		"metadata":[{"key":"a","value":"b"}]}`},
	ListHolds:       {"/holds?external_customer_id=acme&wallet_id=$wallet&status=OPEN,EXPIRED&per_page=10", ""},
	GetHold:         {"/holds/$hold", ""},
	CaptureHold:     {"/holds/$hold/capture", `{"credits_to_capture":"1","more":true,"over":"REJECT"}`},
	ReleaseHold:     {"/holds/$hold/release", ""},
	ListEvents:      {"/events?external_customer_id=acme&wallet_id=$wallet&after=&per_page=10", ""},
	GetDocument:     {"/openapi.json", ""},
	TerminateWallet: {"/wallets/$wallet", ""},
}

// things makes a replacer for the things of an example; the second wallet is the last.
func things(wallet, grant, debit, purchase, hold string) *strings.Replacer {
	return strings.NewReplacer("$wallet", wallet, "$grant", grant, "$debit", debit, "$purchase", purchase, "$pending", purchase, "$hold", hold, "$second", wallet)
}

// things makes acme have one of everything.
func (w *world) things() *strings.Replacer {
	w.t.Helper()
	id, second := w.wallet(), w.wallet()
	buy := func() string {
		return w.do("POST", "/wallets/"+id+"/wallet-transactions", `{"type":"TOPUP","paid_credits":"10"}`).at("wallet_transactions.0.wallet_transaction_id")
	}
	return strings.NewReplacer("$wallet", id, "$second", second,
		"$grant", w.do("GET", "/wallets/"+id+"/lots", "").at("lots.0.wallet_transaction_id"),
		"$debit", w.do("POST", "/wallets/"+id+"/debit", `{"credits_to_debit":"30"}`).at("wallet_transaction_id"),
		"$purchase", buy(), "$pending", buy(),
		"$hold", w.do("POST", "/holds", `{"wallet_id":"`+id+`","credits_to_hold":"10"}`).at("id"))
}
