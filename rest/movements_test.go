package rest

import "testing"

func TestRefund(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	spent := w.do("POST", "/wallets/"+id+"/debit", `{"credits_to_debit":"30"}`).at("wallet_transaction_id")
	w.do("POST", "/wallet-transactions/"+spent+"/refund", `{"credits_to_refund":"12","reason":"outage"}`).is(t,
		"wallet_transactions.0.kind", "REFUNDED", "wallet_transactions.0.transaction_status", "GRANTED", "wallet_transactions.0.transaction_type", "INBOUND",
		"wallet_transactions.0.corrects_transaction_id", spent, "wallet_transactions.0.reason", "outage", "meta.total_count", "1")
	w.do("POST", "/wallet-transactions/"+spent+"/refund", "").is(t, "wallet_transactions.0.credits", "18.0")
	w.ask(hostSecret, "POST", "/wallet-transactions/"+spent+"/refund", `{"credits_to_refund":"1"}`).is(t, "details.0.issue", "INSUFFICIENT_CREDITS")
	grant := w.do("GET", "/wallets/"+id+"/lots", "").at("lots.0.wallet_transaction_id")
	w.ask(hostSecret, "POST", "/wallet-transactions/"+grant+"/refund", "").is(t, "details.0.field", "/wallet_transaction_id", "details.0.location", "path")
}

func TestTransfer(t *testing.T) {
	w := newWorld(t)
	from, to := w.wallet(), w.wallet()
	w.do("POST", "/wallets/"+from+"/transfer", `{"to_wallet_id":"`+to+`","credits_to_transfer":"25","origin":"GRANTED"}`).is(t,
		"wallet_transactions.0.kind", "TRANSFERRED_OUT", "wallet_transactions.0.transaction_status", "VOIDED", "wallet_transactions.0.wallet_id", from,
		"wallet_transactions.1.kind", "TRANSFERRED_IN", "wallet_transactions.1.transaction_status", "GRANTED", "wallet_transactions.1.wallet_id", to)
	w.do("POST", "/wallets/"+from+"/transfer", `{"to_wallet_id":"`+to+`","all":true}`)
	w.do("GET", "/wallets/"+to, "").is(t, "available_credits", "200.0")
	euros := w.do("POST", "/wallets", `{"external_customer_id":"acme","currency":"EUR","rate_amount":"1"}`).at("id")
	w.ask(hostSecret, "POST", "/wallets/"+to+"/transfer", `{"to_wallet_id":"`+euros+`","all":true}`).is(t, "details.0.issue", "CURRENCY_MISMATCH")
}
