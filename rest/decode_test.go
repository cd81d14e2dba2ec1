package rest

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store"
	"github.com/seed-12493b23/wallet/store/memory"
)

// Every bad field of a request is told, with its pointer and why.
func TestBadFields(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	for _, c := range []struct {
		method, path, body string
		want               []string // location, pointer and issue of each
	}{
		{"POST", "/wallets", `{}`, []string{"body /external_customer_id " + missing, "body /currency " + missing, "body /rate_amount " + missing}},
		{"POST", "/wallets", ``, []string{"body /external_customer_id " + missing, "body /currency " + missing, "body /rate_amount " + missing}},
		{"POST", "/wallets", `{"external_customer_id":"","currency":"XXX","rate_amount":"0.0000001"}`,
			[]string{"body /external_customer_id " + invalidValue, "body /currency " + invalidValue, "body /rate_amount " + invalidValue}},
		{"POST", "/wallets", `{"external_customer_id":7,"currency":["USD"],"rate_amount":1.5,"colour":"red","Name":"x","paid_credits":"0","granted_credits":"1e3",
			"expiration_at":"tomorrow","applies_to":{"fee_types":["charge","CHARGE",3]},"metadata":[{"key":"a"},{"key":"a","value":"b","c/d":1}],"priority":1.5}`,
			[]string{"body /external_customer_id " + invalidSyntax, "body /currency " + invalidSyntax, "body /rate_amount " + invalidSyntax,
				"body /colour " + unknown, "body /Name " + unknown, "body /paid_credits " + invalidSyntax, "body /granted_credits " + invalidSyntax,
				"body /expiration_at " + invalidSyntax, "body /applies_to/fee_types/0 " + invalidValue, "body /applies_to/fee_types/2 " + invalidSyntax,
				"body /metadata/0/value " + missing, "body /metadata/1/c~1d " + unknown, "body /priority " + invalidSyntax}},
		{"POST", "/wallets", `{"external_customer_id":"a","currency":"USD","rate_amount":"1","name":"` + strings.Repeat("x", 256) + `","priority":256,
			"metadata":[{"key":"ok","value":""},{"key":"k.` + strings.Repeat("x", 100) + `","value":""},{"key":"v.w","value":"` + strings.Repeat("x", 501) + `"}],
			"recurring_transaction_rules":[{"trigger":"INTERVAL","interval":"WEEKLY","paid_credits":"1"},{"trigger":"INTERVAL","interval":"WEEKLY",
			"transaction_priority":-1,"transaction_metadata":[{"key":"","value":""}],"transaction_name":"\u0007"}]}`,
			[]string{"body /name " + invalidValue, "body /priority " + invalidValue, "body /recurring_transaction_rules/1/paid_credits " + invalidValue,
				"body /recurring_transaction_rules/1/transaction_name " + invalidValue,
				"body /recurring_transaction_rules/1/transaction_metadata " + invalidValue, "body /recurring_transaction_rules/1/transaction_priority " + invalidValue,
				"body /metadata " + invalidValue, "body /metadata/2 " + invalidValue}},
		{"POST", "/wallets", `{"external_customer_id":"a","currency":"USD","rate_amount":"1","recurring_transaction_rules":[{"trigger":"INTERVAL"},
			{"trigger":"THRESHOLD","method":"TARGET"},{"trigger":"NEVER"},{}]}`,
			[]string{"body /recurring_transaction_rules/2/trigger " + invalidValue, "body /recurring_transaction_rules/3/trigger " + missing}},
		{"POST", "/wallets", `{"external_customer_id":"a","currency":"USD","rate_amount":"1","recurring_transaction_rules":[{"trigger":"INTERVAL"},
			{"trigger":"THRESHOLD","method":"TARGET"}]}`,
			[]string{"body /recurring_transaction_rules/0/interval " + missing, "body /recurring_transaction_rules/1/threshold_credits " + missing,
				"body /recurring_transaction_rules/1/target_ongoing_balance " + missing}},
		{"POST", "/wallets", `{"external_customer_id":"a","external_customer_id":"b","applies_to":{"metrics":[],"metrics":[]}}`,
			[]string{"body /external_customer_id " + duplicate, "body /applies_to/metrics " + duplicate}},
		{"POST", "/wallets", `{"a":0,"b":0,"c":0,"d":0,"e":0,"f":0,"g":0,"h":0,"i":0,"j":0,"k":0,"l":0,"m":0,"n":0,"o":0,"p":0,"q":0,"r":0,"c":1,"r":1}`,
			[]string{"body /c " + duplicate, "body /r " + duplicate}},
		{"POST", "/wallets", `{"currency":"USD"}{}`, []string{"body  MALFORMED_REQUEST_JSON"}},
		{"POST", "/wallets", `{"currency":"USD"`, []string{"body  MALFORMED_REQUEST_JSON"}},
		{"POST", "/wallets", `{"currency":'USD'}`, []string{"body  MALFORMED_REQUEST_JSON"}},
		{"POST", "/wallets", "{\"name\":\"\xff\"}", []string{"body  MALFORMED_REQUEST_JSON"}},
		{"POST", "/wallets", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), []string{"body  MALFORMED_REQUEST_JSON"}},
		{"POST", "/wallets", `[]`, []string{"body  " + invalidSyntax}},
		{"POST", "/wallets", `null`, []string{"body  " + invalidSyntax}},
		{"GET", "/wallets?page=0&per_page=101", "", []string{"query /page " + invalidValue, "query /per_page " + invalidValue}},
		{"GET", "/wallets?page=1.5", "", []string{"query /page " + invalidSyntax}},
		{"GET", "/wallets?page=1&page=2", "", []string{"query /page " + duplicate}},
		{"GET", "/wallets?colour=red", "", []string{"query /colour " + unknown}},
		{"GET", "/wallets?external_customer_id=", "", []string{"query /external_customer_id " + invalidValue}},
		{"GET", "/events?external_customer_id=", "", []string{"query /external_customer_id " + invalidValue}},
		{"GET", "/holds?external_customer_id=%00", "", []string{"query /external_customer_id " + invalidValue}},
		{"GET", "/events?wallet_id=00000000-0000-0000-0000-000000000000", "", []string{"query /wallet_id " + invalidValue}},
		{"GET", "/wallets/" + id + "/wallet-transactions?reference=", "", []string{"query /reference " + invalidValue}},
		{"GET", "/wallets/" + id + "/wallet-transactions?from=0001-01-01T00:00:00Z", "", []string{"query /from " + invalidValue}},
		{"PUT", "/wallets/" + id, `{"expiration_at":"0001-01-01T00:00:00Z"}`, []string{"body /expiration_at " + invalidValue}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"VOID","credits_to_void":"1","lot_id":"00000000-0000-0000-0000-000000000000"}`, []string{"body /lot_id " + invalidValue}},
		{"GET", "/wallets?status=active", "", []string{"query /status " + invalidValue}},
		{"GET", "/wallets?a=%zz", "", []string{"query / " + invalidSyntax}},
		{"GET", "/wallets/42", "", []string{"path /wallet_id " + invalidSyntax}},
		{"PUT", "/wallets/" + id, `{"name":null}`, []string{"body /name " + invalidSyntax}},
		{"PUT", "/wallets/" + id, `{"expiration_at":"2020-01-01T00:00:00Z","recurring_transaction_rules":[{"id":"` + id + `","trigger":"INTERVAL","interval":"WEEKLY","paid_credits":"1"}]}`,
			[]string{"body /expiration_at " + invalidValue, "body /recurring_transaction_rules/0/id " + invalidValue}},
		{"PUT", "/wallets/" + id, `{"recurring_transaction_rules":[{"id":"` + id + `","trigger":"INTERVAL","interval":"WEEKLY","paid_credits":"1"}]}`,
			[]string{"body /recurring_transaction_rules/0/id " + invalidValue}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"GIFT"}`, []string{"body /type " + invalidValue}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","paid_credits":20}`, []string{"body /paid_credits " + invalidSyntax}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","paid_credits":"NaN","expires_in":"60"}`, []string{"body /paid_credits " + invalidSyntax, "body /expires_in " + invalidSyntax}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","paid_credits":"-1","expires_in":0}`, []string{"body /paid_credits " + invalidSyntax, "body /expires_in " + invalidSyntax}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","paid_credits":"1","expires_in":1e9}`, []string{"body /expires_in " + invalidSyntax}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP"}`, []string{"body /paid_credits " + missing}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"VOID"}`, []string{"body /credits_to_void " + missing}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","granted_credits":"1","credits_to_void":"1"}`, []string{"body /credits_to_void " + invalidValue}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"VOID","credits_to_void":"1","paid_credits":"1","metadata":[{"key":"a","value":"1"},{"key":"a","value":"2"}]}`,
			[]string{"body /paid_credits " + invalidValue, "body /metadata/1/key " + duplicate}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","paid_credits":"1","paid_amount":"1","expires_in":1,"expiration_at":"2030-01-01T00:00:00Z"}`,
			[]string{"body /paid_amount " + invalidValue, "body /expires_in " + invalidValue}},
		{"POST", "/wallets/" + id + "/wallet-transactions", `{"type":"VOID","credits_to_void":"1","lot_id":"` + id + `"}`, []string{"body /lot_id " + invalidValue}},
		{"POST", "/holds", `{"credits_to_hold":"1"}`, []string{"body /external_customer_id " + invalidValue, "body /currency " + invalidValue, "body /credits_to_hold " + invalidValue}},
		{"POST", "/holds", `{"wallet_id":"` + id + `","amount_to_hold":"1","expires_in":2592001}`, []string{"body /expires_in " + invalidValue}},
	} {
		a := w.ask(hostSecret, c.method, c.path, c.body)
		var got []string
		for i := 0; a.at("details."+itoa(i)) != ""; i++ {
			at := "details." + itoa(i) + "."
			got = append(got, a.at(at+"location")+" "+a.at(at+"field")+" "+a.at(at+"issue"))
		}
		if a.status != http.StatusBadRequest || a.at("name") != "INVALID_REQUEST" || strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s %s %s: %d\n%s\nwant\n%s", c.method, c.path, c.body, a.status, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
	w.do("GET", "/wallets", "").is(t, "metadata.total_count", "1", "wallets.0.available_credits", "100.0")
}

// What the engine says of a field, it says in the words of the request.
func TestBadFieldsAreCalledAsInTheRequest(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	long := strings.Repeat("k", 256)
	for _, c := range []struct {
		path, body, header        string
		field, value, description string
	}{
		{"/wallets/" + id + "/debit", `{"credits_to_debit":"1"}`, "Paypal-Request-Id", "/Paypal-Request-Id", long[:64] + "…", "is longer than 255 bytes"},
		{"/wallets/" + id + "/debit", `{"credits_to_debit":"1"}`, "Idempotency-Key", "/Idempotency-Key", long[:64] + "…", "is longer than 255 bytes"},
		{"/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","paid_credits":"1","expires_in":60,"expiration_at":"2030-01-01T00:00:00Z"}`, "",
			"/expires_in", "60", "and expiration_at exclude each other"},
		{"/wallets/" + id + "/wallet-transactions", `{"type":"TOPUP","paid_credits":"1","paid_amount":"1"}`, "",
			"/paid_amount", "1", "and paid_credits exclude each other"},
		{"/wallets/" + id + "/debit", `{"credits_to_debit":"1","amount_to_debit":"1"}`, "", "/amount_to_debit", "1", "and credits_to_debit exclude each other"},
		{"/holds", `{"wallet_id":"` + id + `","credits_to_hold":"1","expires_in":9999999}`, "", "/expires_in", "9999999", "is more than 30 days"},
		{"/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"1","limits":{"min_paid_credits":"2","max_paid_credits":"1"}}`, "",
			"/limits/min_paid_credits", "2", "is more than max_paid_credits 1"},
		{"/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"1","recurring_transaction_rules":[{"trigger":"INTERVAL","interval":"WEEKLY",
			"paid_credits":"1","transaction_expires_in":5,"transaction_until_next":true}]}`, "",
			"/recurring_transaction_rules/0/transaction_expires_in", "5", "and transaction_until_next exclude each other"},
	} {
		var headers []string
		if c.header != "" {
			headers = []string{c.header, long}
		}
		w.ask(hostSecret, "POST", c.path, c.body, headers...).is(t, "details.0.field", c.field, "details.0.value", c.value, "details.0.description", c.description, "details.1.field", "")
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	big := `{"name":"` + strings.Repeat("x", 1<<20-len(`{"name":""}`)+1) + `"}`
	for _, c := range []struct {
		method, path, body, media string
		status                    int
		name                      string
	}{
		{"GET", "/wallets/00000000-0000-7000-8000-000000000000", "", "", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/wallets/00000000-0000-0000-0000-000000000000", "", "", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/wallet", "", "", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/wallets/", "", "", 404, "RESOURCE_NOT_FOUND"},
		{"GET", "/v1/elsewhere", "", "", 404, "RESOURCE_NOT_FOUND"},
		{"PATCH", "/wallets/" + id, "{}", "", 405, "METHOD_NOT_SUPPORTED"},
		{"PUT", "/wallets/" + id, big, "", 413, "PAYLOAD_TOO_LARGE"},
		{"PUT", "/wallets/" + id, `{"name":"x"` + strings.Repeat(" ", 1<<20-len(`{"name":"x"}`)) + "}", "", 200, ""},
		{"PUT", "/wallets/" + id, "{}", "text/plain", 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"PUT", "/wallets/" + id, "{}", "application/x-www-form-urlencoded", 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"PUT", "/wallets/" + id, "{}", "application/json; charset=latin1", 415, "UNSUPPORTED_MEDIA_TYPE"},
		{"PUT", "/wallets/" + id, "{}", "application/json; charset=UTF-8", 200, ""},
		{"POST", "/wallets/" + id + "/debit", `{"credits_to_debit":"101"}`, "", 422, "UNPROCESSABLE_ENTITY"},
	} {
		media := c.media
		if media == "" {
			media = "application/json"
		}
		a := w.ask(hostSecret, c.method, c.path, c.body, "Content-Type", media)
		if a.status != c.status || c.name != "" && a.at("name") != c.name {
			t.Errorf("%s %s %.40s: %d %s, want %d %s", c.method, c.path, c.body, a.status, a.body, c.status, c.name)
		}
		if id := a.header.Get(DebugIDHeader); id == "" || c.name != "" && a.at("debug_id") != id {
			t.Errorf("%s %s: header has debug_id %q, body %s", c.method, c.path, id, a.body)
		}
	}
	if allow := w.ask(hostSecret, "PATCH", "/wallets/"+id, "").header.Get("Allow"); allow != "GET, HEAD, PUT, DELETE" {
		t.Error(allow)
	}
	w.ask(hostSecret, "POST", "/wallets/"+id+"/debit", `{"credits_to_debit":"101"}`).is(t, "details.0.issue", "INSUFFICIENT_CREDITS",
		"details.0.description", "insufficient credits: 101 credits needed, 100 available in wallet "+id)
}

// faulty is a store that fails, or panics.
type faulty struct {
	store.Store
	fault any
}

func (f faulty) View(context.Context, func(store.Reader) error) error {
	if err, ok := f.fault.(error); ok {
		return err
	}
	panic(f.fault)
}

// What goes wrong inside is in the log under the debug_id, and not in the answer.
func TestFaultsStayInside(t *testing.T) {
	for _, fault := range []any{errors.New("the disk of db-7 is full"), "the disk of db-7 is full", wallet.ErrConflict} {
		w := newWorld(t)
		f := faulty{memory.New(), fault}
		h := w.handler.(*handler)
		h.eng = engine.New(f, nil)
		a := w.ask(hostSecret, "GET", "/wallets/00000000-0000-7000-8000-000000000001", "")
		want := http.StatusInternalServerError
		if fault == wallet.ErrConflict {
			want = http.StatusServiceUnavailable
		}
		if a.status != want || strings.Contains(string(a.body), "db-7") || len(a.at("debug_id")) != 16 {
			t.Errorf("%d %s", a.status, a.body)
		}
		if log := w.log.String(); !strings.Contains(log, a.at("debug_id")) || want == 500 && !strings.Contains(log, "db-7") {
			t.Errorf("%s is not in the log: %s", a.at("debug_id"), log)
		}
	}
}
