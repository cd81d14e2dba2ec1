package rest

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWithoutAuthorizeNothingIsAllowed(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	w.handler = New(w.eng, nil)
	for _, o := range table() {
		path := "/" + strings.Join(o.path, "/")
		if a := w.ask(hostSecret, o.method, strings.NewReplacer("{wallet_id}", id).Replace(path), ""); a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", o.name, a.status, a.body)
		}
	}
}

func TestBearer(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	for _, c := range []struct {
		header, method, path, body string
		want                       int
	}{
		{"", "GET", "/wallets", "", 401},
		{"Bearer", "GET", "/wallets", "", 401},
		{"Bearer ", "GET", "/wallets", "", 401},
		{"Basic " + hostSecret, "GET", "/wallets", "", 401},
		{"Bearer " + hostSecret + "x", "GET", "/wallets", "", 401},
		{"Bearer nobody", "GET", "/nowhere", "", 401},
		{"Bearer nobody", "POST", "/wallets", "{", 401},
		{"bearer " + hostSecret, "GET", "/wallets", "", 200},
		{"Bearer " + hostSecret, "GET", "/nowhere", "", 404},
		{"Bearer " + lookSecret, "GET", "/wallets/" + id, "", 200},
		{"Bearer " + lookSecret, "DELETE", "/wallets/" + id, "", 403},
		{"Bearer " + lookSecret, "POST", "/wallets/" + id + "/debit", `{"credits_to_debit":"1"}`, 403},
		{"Bearer " + lookSecret, "DELETE", "/wallets/00000000-0000-7000-8000-000000000000", "", 404},
		{"Bearer " + acmeSecret, "GET", "/wallets/" + id, "", 200},
		{"Bearer " + acmeSecret, "GET", "/wallets?external_customer_id=acme", "", 200},
		{"Bearer " + acmeSecret, "GET", "/wallets", "", 403},
		{"Bearer " + acmeSecret, "GET", "/wallets?external_customer_id=other", "", 403},
		{"Bearer " + acmeSecret, "POST", "/wallets", `{"external_customer_id":"other","currency":"USD","rate_amount":"1"}`, 403},
		{"Bearer " + acmeSecret, "GET", "/openapi.json", "", 200},
		{"Bearer " + otherSecret, "GET", "/wallets/" + id, "", 404},
		{"Bearer " + otherSecret, "GET", "/events?wallet_id=" + id, "", 404},
		{"Bearer " + otherSecret, "GET", "/events?external_customer_id=other&wallet_id=" + id, "", 404},
	} {
		a := w.ask("", c.method, c.path, c.body, "Authorization", c.header)
		if a.status != c.want {
			t.Errorf("%q %s %s: %d %s, want %d", c.header, c.method, c.path, a.status, a.body, c.want)
		}
		if a.status == 401 && a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%q: no challenge", c.header)
		}
	}
	if Bearer(Token{Secret: ""})(httptest.NewRequest("GET", "/", nil), Access{}) != ErrUnauthenticated {
		t.Error("an empty secret lets in who has none")
	}
}

// One customer's token never reads or writes another's: what there is of theirs is answered like what is not there.
func TestNobodyTouchesAnothers(t *testing.T) {
	w := newWorld(t)
	theirs := w.things()
	before := w.do("GET", "/events?per_page=100", "").body
	nowhere := "00000000-0000-7000-8000-000000000000"
	for _, o := range table() {
		if o.name == GetDocument {
			continue
		}
		request := examples[o.name]
		if request.path == "" {
			t.Errorf("%s: no example", o.name)
		}
		a := w.ask(otherSecret, o.method, theirs.Replace(request.path), theirs.Replace(request.body))
		if a.status != http.StatusNotFound && a.status != http.StatusForbidden {
			t.Errorf("%s: %d %s", o.name, a.status, a.body)
		}
		absent := w.ask(otherSecret, o.method, things(nowhere, nowhere, nowhere, nowhere, nowhere).Replace(request.path),
			things(nowhere, nowhere, nowhere, nowhere, nowhere).Replace(request.body))
		hide := func(a answered) string { return strings.Replace(string(a.body), a.at("debug_id"), "", 1) }
		if strings.Contains(request.path+request.body, "$") && (absent.status != a.status || hide(absent) != hide(a)) {
			t.Errorf("%s: of another %d %s, of nobody %d %s", o.name, a.status, a.body, absent.status, absent.body)
		}
	}
	mine := w.do("POST", "/wallets", `{"external_customer_id":"other","currency":"USD","rate_amount":"0.5","granted_credits":"100"}`).at("id")
	for _, c := range []struct{ path, body string }{ // its own wallet, another's thing
		{"/wallets/" + mine + "/transfer", `{"to_wallet_id":"$wallet","all":true}`},
		{"/wallets/" + mine + "/wallet-transactions", `{"type":"VOID","credits_to_void":"1","lot_id":"$grant"}`},
		{"/wallets/" + mine + "/debit", `{"credits_to_debit":"1","corrects_transaction_id":"$debit"}`},
	} {
		a := w.ask(otherSecret, "POST", c.path, theirs.Replace(c.body))
		b := w.ask(otherSecret, "POST", c.path, things(nowhere, nowhere, nowhere, nowhere, nowhere).Replace(c.body))
		if a.status/100 != 4 || a.status != b.status || a.at("details.0.issue") != b.at("details.0.issue") {
			t.Errorf("%s %s: %d %s, of nobody %d %s", c.path, c.body, a.status, a.body, b.status, b.body)
		}
	}
	if after := w.do("GET", "/events?external_customer_id=acme&per_page=100", "").body; string(after) != string(before) {
		t.Errorf("acme's wallets changed: from\n%s to\n%s", before, after)
	}
}
