package rest

import (
	"testing"
	"time"
)

func TestTopUpAndVoid(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	path := "/wallets/" + id + "/wallet-transactions"

	made := w.do("POST", path, `{"type":"TOPUP","paid_credits":"200.0","granted_credits":"100.0","metadata":[{"key":"reason","value":"customer purchase"}]}`)
	made.is(t, "wallet_transactions.0.transaction_status", "PURCHASED", "wallet_transactions.0.payment_status", "PENDING",
		"wallet_transactions.0.amount", `{"currency_code":"USD","value":100}`, "wallet_transactions.0.credits", "200.0",
		"wallet_transactions.0.transaction_type", "INBOUND", "wallet_transactions.0.source", "MANUAL", "wallet_transactions.0.settled_at", "",
		"wallet_transactions.0.metadata", `[{"key":"reason","value":"customer purchase"}]`, "wallet_transactions.0.wallet_id", id,
		"wallet_transactions.1.transaction_status", "GRANTED", "wallet_transactions.1.payment_status", "SETTLED",
		"wallet_transactions.1.settled_at", "2026-01-05T09:00:02Z", "wallet_transactions.2", "",
		"meta", `{"current_page":1,"next_page":null,"prev_page":null,"total_count":2,"total_pages":1}`)
	purchase := made.at("wallet_transactions.0.wallet_transaction_id")
	w.do("GET", "/wallets/"+id, "").is(t, "available_credits", "200.0", "pending_credits", "200.0")

	settle := "/wallet-transactions/" + purchase + "/settle"
	w.do("POST", settle, `{"metadata":[{"key":"payment","value":"wire"}]}`).is(t, "wallet_transactions.0.payment_status", "SETTLED",
		"wallet_transactions.0.metadata.0.key", "payment", "wallet_transactions.0.metadata.1.key", "reason")
	w.do("POST", settle, "").is(t, "wallet_transactions.0.payment_status", "SETTLED")
	w.ask(hostSecret, "POST", "/wallet-transactions/"+purchase+"/fail", `{"reason":"bounced"}`).is(t, "name", "UNPROCESSABLE_ENTITY", "details.0.issue", "NOT_PENDING")

	w.do("POST", path, `{"type":"VOID","credits_to_void":"50.0","reason":"billing correction"}`).is(t, "wallet_transactions.0.transaction_status", "VOIDED",
		"wallet_transactions.0.transaction_type", "OUTBOUND", "wallet_transactions.0.credits", "50.0", "wallet_transactions.0.reason", "billing correction",
		"wallet_transactions.0.balance_after_credits", "350.0")
	w.ask(hostSecret, "POST", path, `{"type":"VOID","credits_to_void":"1000"}`).is(t, "details.0.issue", "INSUFFICIENT_CREDITS")

	money := w.do("POST", path, `{"type":"TOPUP","paid_amount":"10.01","granted_credits":"1","grant_on_settle":true}`)
	money.is(t, "wallet_transactions.0.amount.value", "10.01", "wallet_transactions.0.credits", "20.02", "wallet_transactions.1.payment_status", "PENDING")
	w.do("POST", "/wallet-transactions/"+money.at("wallet_transactions.1.wallet_transaction_id")+"/fail", `{"reason":"bounced"}`).is(t,
		"wallet_transactions.0.payment_status", "FAILED", "wallet_transactions.1.reason", "bounced", "meta.total_count", "2")

	w.do("GET", path+"?page=2&per_page=2", "").is(t, "meta", `{"current_page":2,"next_page":3,"prev_page":1,"total_count":6,"total_pages":3}`,
		"wallet_transactions.0.transaction_status", "VOIDED", "wallet_transactions.1.transaction_status", "GRANTED")
	w.do("GET", path+"?payment_status=FAILED,PENDING", "").is(t, "meta.total_count", "2")
	w.do("GET", path+"?transaction_type=OUTBOUND", "").is(t, "meta.total_count", "1")
	w.do("GET", path+"?kind=PURCHASED&payment_status=SETTLED", "").is(t, "meta.total_count", "1", "wallet_transactions.0.wallet_transaction_id", purchase)
	w.do("GET", path+"?from=2026-01-05T09:00:02Z&to=2026-01-05T09:00:03Z", "").is(t, "meta.total_count", "2")
	w.do("GET", "/wallet-transactions/"+purchase, "").is(t, "wallet_transaction_id", purchase, "credits", "200.0")
}

// What expires is voided, in the words of the API.
func TestExpiry(t *testing.T) {
	w := newWorld(t)
	path := "/wallets/" + w.wallet() + "/wallet-transactions"
	w.do("POST", path, `{"type":"TOPUP","granted_credits":"7","expires_in":60}`)
	w.now = w.now.Add(time.Hour)
	w.do("GET", path, "").is(t, "wallet_transactions.0.transaction_status", "VOIDED", "wallet_transactions.0.kind", "EXPIRED", "wallet_transactions.0.credits", "7.0",
		"wallet_transactions.0.transaction_type", "OUTBOUND", "wallet_transactions.1.expiration_at", "2026-01-05T09:01:02Z")
}

func TestDebitAndDraws(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	spent := w.do("POST", "/wallets/"+id+"/debit", `{"amount_to_debit":"12.34","fee":{"id":"calls","fee_type":"CHARGE","metric":"api"},"reference":"INV-1"}`)
	spent.is(t, "transaction_status", "INVOICED", "transaction_type", "OUTBOUND", "kind", "CONSUMED", "amount.value", "12.34", "credits", "24.68", "reference", "INV-1")
	w.do("GET", "/wallet-transactions/"+spent.at("wallet_transaction_id")+"/draws", "").is(t, "draws.0.credits", "24.68",
		"draws.0.amount.value", "12.34", "draws.0.fee_id", "calls", "draws.0.kind", "CONSUMED", "draws.1", "", "meta.next_page", "")
	w.ask(hostSecret, "POST", "/wallets/"+id+"/debit", `{"credits_to_debit":"1","amount_to_debit":"1"}`).is(t, "details.0.field", "/amount_to_debit")
	w.ask(hostSecret, "POST", "/wallets/"+id+"/debit", `{}`).is(t, "details.0.field", "/credits_to_debit")
}

// The same request under the same key is answered as before; another one is refused.
func TestKey(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	path := "/wallets/" + id + "/debit"
	for _, header := range []string{"Idempotency-Key", "PayPal-Request-Id"} {
		first := w.do("POST", path, `{"credits_to_debit":"3"}`, header, header)
		again := w.do("POST", path, `{"credits_to_debit":"3.0"}`, header, header)
		if string(first.body) != string(again.body) {
			t.Errorf("%s: %s then %s", header, first.body, again.body)
		}
		if other := w.ask(hostSecret, "POST", path, `{"credits_to_debit":"4"}`, header, header); other.status != 409 {
			t.Errorf("%s: reused: %d %s", header, other.status, other.body)
		}
	}
	w.do("GET", "/wallets/"+id, "").is(t, "consumed_credits", "6.0")
	w.ask(hostSecret, "POST", path, `{"credits_to_debit":"3"}`, "Idempotency-Key", "a", "PayPal-Request-Id", "b").is(t,
		"details.0.location", "header", "details.0.field", "/Paypal-Request-Id")
	w.ask(hostSecret, "POST", path, `{"credits_to_debit":"3"}`, "Idempotency-Key", "a\tb").is(t, "details.0.location", "header", "details.0.field", "/Idempotency-Key")
}
