package rest

import "testing"

func TestHold(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	held := w.do("POST", "/holds", `{"wallet_id":"`+id+`","credits_to_hold":"40","fee":{"fee_type":"CHARGE"},"expires_in":600,"reference":"call 1"}`)
	held.is(t, "status", "OPEN", "external_customer_id", "acme", "wallet_id", id, "credits", "40.0", "amount.value", "20", "captured_amount.value", "0",
		"parts.0.lots.0.credits", "40.0", "fee.fee_type", "CHARGE", "reference", "call 1", "expiration_at", "2026-01-05T09:10:02Z")
	path := "/holds/" + held.at("id")
	w.do("GET", "/wallets/"+id, "").is(t, "available_credits", "60.0", "held_credits", "40.0")
	w.do("GET", path, "").is(t, "status", "OPEN")

	w.ask(hostSecret, "POST", path+"/capture", `{"credits_to_capture":"41"}`).is(t, "details.0.issue", "INSUFFICIENT_CREDITS")
	w.do("POST", path+"/capture", `{"credits_to_capture":"10","more":true}`).is(t, "wallet_transactions.0.hold_id", held.at("id"), "shortfall", "0.0")
	w.do("POST", path+"/capture", `{"credits_to_capture":"35","over":"EXTEND"}`).is(t, "wallet_transactions.0.transaction_status", "INVOICED")
	w.ask(hostSecret, "POST", path+"/capture", `{"credits_to_capture":"1"}`).is(t, "details.0.issue", "NOT_PENDING")
	w.do("GET", path, "").is(t, "status", "CAPTURED", "parts", "[]")
	w.do("GET", "/wallets/"+id, "").is(t, "available_credits", "55.0", "consumed_credits", "45.0", "held_credits", "")

	over := w.do("POST", "/holds", `{"external_customer_id":"acme","currency":"USD","amount_to_hold":"5"}`)
	over.is(t, "wallet_id", "", "amount.value", "5", "expiration_at", "2026-01-06T09:00:11Z")
	w.do("GET", "/holds?external_customer_id=acme&status=OPEN", "").is(t, "holds.0.id", over.at("id"), "holds.1", "", "meta.next_after", "")
	w.do("POST", "/holds/"+over.at("id")+"/release", "").is(t, "status", "RELEASED")
	first := w.do("GET", "/holds?wallet_id="+id+"&per_page=1", "")
	first.is(t, "holds.0.id", over.at("id"), "holds.1", "")
	w.do("GET", "/holds?wallet_id="+id+"&per_page=1&after="+first.at("meta.next_after"), "").is(t, "holds.0.id", held.at("id"))
}
