package rest

import (
	"fmt"
	"testing"
)

const bill49 = `{"external_customer_id":"acme","currency":"USD","reference":"2026-01","fees":[
	{"id":"plan","fee_type":"SUBSCRIPTION","fee_amount":"30"},{"id":"calls","fee_type":"CHARGE","metric":"api","fee_amount":"40.50"}]%s}`

func TestCharge(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	w.do("POST", "/charges/preview", fmt.Sprintf(bill49, "")).is(t, "covered_amount.value", "50", "uncovered_amount.value", "20.5",
		"lines.0.covered_amount.value", "30", "lines.1.payments.0.credits", "40.0", "lines.1.payments.0.wallet_transaction_id", "", "wallet_transactions", "[]")
	short := w.ask(hostSecret, "POST", "/charges", fmt.Sprintf(bill49, `,"whole":true`))
	short.is(t, "name", "UNPROCESSABLE_ENTITY", "details.0.issue", "INSUFFICIENT_CREDITS")
	paid := w.do("POST", "/charges", fmt.Sprintf(bill49, ""))
	paid.is(t, "currency", "USD", "covered_amount", `{"currency_code":"USD","value":50}`, "lines.1.fee.id", "calls", "lines.1.fee.fee_amount", "40.5",
		"lines.1.payments.0.wallet_id", id, "lines.1.payments.0.draws.0.credits", "40.0", "wallet_transactions.0.transaction_status", "INVOICED",
		"lines.1.payments.0.wallet_transaction_id", paid.at("wallet_transactions.0.wallet_transaction_id"))
	w.ask(hostSecret, "POST", "/charges", `{"external_customer_id":"acme","currency":"USD","fees":[{"fee_amount":"1"},{"id":"b","fee_amount":"-1"}]}`).is(t,
		"details.0.field", "/fees/0/id", "details.1.field", "/fees/1/fee_amount", "details.1.value", "-1", "details.2", "")
}

func TestOngoingUsage(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	w.do("PUT", "/ongoing-usage", `{"external_customer_id":"acme","currency":"USD","fees":[{"id":"calls","fee_amount":"60"}]}`).is(t,
		"wallets.0.id", id, "wallets.0.ongoing_usage.value", "60", "wallets.0.net_balance.value", "-10", "wallets.0.net_balance_credits", "-20.0",
		"wallets.0.available_balance.value", "50")
	w.do("POST", "/charges", `{"external_customer_id":"acme","currency":"USD","billed":true,"fees":[{"id":"calls","fee_amount":"10"}]}`)
	w.do("GET", "/wallets/"+id, "").is(t, "ongoing_usage.value", "0", "available_balance.value", "40")
}
