package rest

import "testing"

func TestWallet(t *testing.T) {
	w := newWorld(t)
	made := w.do("POST", "/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"0.5","name":"Prepaid","paid_credits":"200.0",
		"granted_credits":"10.5","expiration_at":"2027-01-01T00:00:00Z","applies_to":{"fee_types":["SUBSCRIPTION","STORAGE"],"metrics":["gpu"]},
		"recurring_transaction_rules":[{"trigger":"THRESHOLD","threshold_credits":"5.0","paid_credits":"20.0"}],
		"code":"main","priority":3,"limits":{"max_paid_credits":"500"},"metadata":[{"key":"team","value":"red"}]}`)
	made.is(t, "external_customer_id", "acme", "status", "ACTIVE", "name", "Prepaid", "rate_amount", "0.5",
		"available_balance", `{"currency_code":"USD","value":5.25}`, "net_balance.value", "5.25", "ongoing_usage.value", "0",
		"available_credits", "10.5", "net_balance_credits", "10.5", "ongoing_usage_credits", "0.0", "consumed_credits", "0.0", "pending_credits", "200.0",
		"applies_to.fee_types.1", "STORAGE", "applies_to.metrics.0", "gpu", "recurring_transaction_rules.0.method", "FIXED",
		"recurring_transaction_rules.0.threshold_credits", "5.0", "code", "main", "priority", "3", "limits.max_paid_credits", "500.0",
		"metadata.0.value", "red", "created_at", "2026-01-05T09:00:01Z", "expiration_at", "2027-01-01T00:00:00Z", "terminated_at", "")
	path := "/wallets/" + made.at("id")
	if got := w.do("GET", path, ""); string(got.body) != string(made.body) {
		t.Errorf("got %s, created %s", got.body, made.body)
	}

	ruleID := made.at("recurring_transaction_rules.0.id")
	w.do("PUT", path, `{}`).is(t, "name", "Prepaid", "expiration_at", "2027-01-01T00:00:00Z", "recurring_transaction_rules.0.id", ruleID)
	w.do("PUT", path, `{"name":"","expiration_at":null,"recurring_transaction_rules":[{"id":"`+ruleID+`","trigger":"INTERVAL","interval":"MONTHLY",
		"method":"TARGET","target_ongoing_balance":"50","transaction_until_next":true},{"trigger":"INTERVAL","interval":"YEARLY","granted_credits":"1",
		"transaction_expires_in":86400.5,"started_at":"2026-02-01T00:00:00Z","transaction_metadata":[{"key":"a","value":"b"}]}],"metadata":[]}`).is(t,
		"name", "", "expiration_at", "", "recurring_transaction_rules.0.id", ruleID, "recurring_transaction_rules.0.target_ongoing_balance", "50.0",
		"recurring_transaction_rules.1.transaction_expires_in", "86400.5", "recurring_transaction_rules.1.transaction_metadata.0.value", "b",
		"code", "main", "metadata", "", "limits.max_paid_credits", "500.0")
	w.do("PUT", path, `{"recurring_transaction_rules":[],"applies_to":{}}`).is(t, "recurring_transaction_rules", "", "applies_to", "")

	w.do("DELETE", path, "").is(t, "status", "TERMINATED", "available_credits", "0.0", "terminated_at", "2026-01-05T09:00:06Z")
	w.do("DELETE", path, "").is(t, "status", "TERMINATED")
	w.ask(hostSecret, "PUT", path, `{"name":"again"}`).is(t, "name", "UNPROCESSABLE_ENTITY", "details.0.issue", "WALLET_TERMINATED")
}

func TestListWallets(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for range 5 {
		ids = append(ids, w.wallet())
	}
	w.do("POST", "/wallets", `{"external_customer_id":"other","currency":"EUR","rate_amount":"1"}`)
	w.do("DELETE", "/wallets/"+ids[0], "")

	w.do("GET", "/wallets?external_customer_id=acme&page=1&per_page=2", "").is(t, "metadata", `{"current_page":1,"total_count":5,"total_pages":3}`,
		"wallets.0.id", ids[4], "wallets.1.id", ids[3], "wallets.2", "")
	w.do("GET", "/wallets?external_customer_id=acme&page=3&per_page=2", "").is(t, "wallets.0.id", ids[0], "wallets.1", "")
	w.do("GET", "/wallets?external_customer_id=acme&page=9", "").is(t, "metadata.total_count", "5", "wallets", "[]")
	w.do("GET", "/wallets?external_customer_id=nobody", "").is(t, "metadata", `{"current_page":1,"total_count":0,"total_pages":0}`, "wallets", "[]")
	w.do("GET", "/wallets", "").is(t, "metadata.total_count", "6", "wallets.0.external_customer_id", "other")
	w.do("GET", "/wallets?status=TERMINATED", "").is(t, "metadata.total_count", "1", "wallets.0.id", ids[0])
	w.do("GET", "/wallets?currency=EUR", "").is(t, "metadata.total_count", "1")
	w.ask(hostSecret, "GET", "/wallets?page=0&per_page=101&colour=red&status=DEAD", "").is(t, "name", "INVALID_REQUEST")
}

func TestLots(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	w.do("POST", "/wallets/"+id+"/wallet-transactions", `{"type":"TOPUP","granted_credits":"5","priority":1,"expires_in":3600}`)
	w.do("GET", "/wallets/"+id+"/lots?per_page=1", "").is(t, "lots.0.remaining_credits", "5.0", "lots.0.priority", "1", "lots.0.origin", "GRANTED",
		"lots.1", "", "meta", `{"current_page":1,"next_page":2,"prev_page":null}`)
	w.do("GET", "/wallets/"+id+"/lots?per_page=1&page=2", "").is(t, "lots.0.credits", "100.0", "meta", `{"current_page":2,"next_page":null,"prev_page":1}`)
}
