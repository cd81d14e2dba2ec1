package rest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// A described operation, as the served document has it.
type described struct {
	method, path string // the path with its parameters in braces
	id           Operation
	query        []string
	body         any            // schema, nil if it takes none
	answer       map[string]any // schema
}

// describedBy returns the operations of the document that the world serves.
func describedBy(w *world) (s schemas, all []described) {
	s = schemas{decoded(w.do("GET", "/openapi.json", "").body).(map[string]any), make(map[string]bool)}
	content := func(v any) any {
		m, _ := s.resolve(v)
		return m["content"].(map[string]any)["application/json"].(map[string]any)["schema"]
	}
	for path, methods := range s.doc["paths"].(map[string]any) {
		for method, v := range methods.(map[string]any) {
			m := v.(map[string]any)
			d := described{method: strings.ToUpper(method), path: path, id: Operation(m["operationId"].(string))}
			d.answer = content(m["responses"].(map[string]any)["200"]).(map[string]any)
			if body := m["requestBody"]; body != nil {
				d.body = content(body)
			}
			params, _ := m["parameters"].([]any)
			for _, p := range params {
				if p := p.(map[string]any); p["in"] == "query" {
					d.query = append(d.query, p["name"].(string))
				}
			}
			all = append(all, d)
		}
	}
	return s, all
}

// What the document describes is what there is: every path and method, no other.
func TestDocumentHasEveryOperation(t *testing.T) {
	w := newWorld(t)
	s, all := describedBy(w)
	if v := s.doc["openapi"]; v != "3.1.0" {
		t.Error(v)
	}
	for _, o := range table() {
		if !slices.ContainsFunc(all, func(d described) bool { return d.id == o.name }) {
			t.Errorf("%s is not described", o.name)
		}
	}
	for path, methods := range s.doc["paths"].(map[string]any) {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			_, is := methods.(map[string]any)[strings.ToLower(method)]
			a := w.ask(hostSecret, method, strings.NewReplacer("{", "", "}", "").Replace(path), "")
			if there := a.status != http.StatusMethodNotAllowed; there != is {
				t.Errorf("%s %s: described: %t, answered %d %s", method, path, is, a.status, a.body)
			}
		}
	}
}

// Requests and answers are as described, and all that is described can be asked for and is answered.
func TestDocumentDescribesRequestsAndAnswers(t *testing.T) {
	w := newWorld(t)
	s, all := describedBy(w)
	problem, _ := s.resolve(s.doc["components"].(map[string]any)["responses"].(map[string]any)["problem"])
	byPath := func(method, path string) *described {
		path, _, _ = strings.Cut(strings.TrimPrefix(path, Base), "?")
		for i, d := range all {
			if match(strings.Split(d.path, "/")[1:], strings.Split(path, "/")[1:]) && d.method == method {
				return &all[i]
			}
		}
		return nil
	}
	w.seen = func(method, path string, status int, body []byte) {
		schema := problem["content"].(map[string]any)["application/json"].(map[string]any)["schema"]
		if status == http.StatusOK {
			schema = byPath(method, path).answer
		}
		if bad := s.check(schema, decoded(body), ""); bad != nil {
			t.Errorf("%s %s: %d %s: %s", method, path, status, body, strings.Join(bad, "; "))
		}
	}
	acme := w.things()
	for _, o := range table() {
		request := examples[o.name]
		d := byPath(o.method, acme.Replace(request.path))
		if body := acme.Replace(request.body); body != "" {
			if bad := s.check(d.body, decoded([]byte(body)), ""); bad != nil {
				t.Errorf("%s: the example: %s", o.name, strings.Join(bad, "; "))
			}
		}
		if o.name != TerminateWallet {
			w.do(o.method, acme.Replace(request.path), acme.Replace(request.body))
		}
	}
	w.rest(acme)
	w.do("DELETE", acme.Replace("/wallets/$wallet"), "")
	w.ask(hostSecret, "GET", "/wallets?colour=red", "")

	never := []string{"event.alert", "wallet.kept_credits"} // need a policy
	for name, v := range s.doc["components"].(map[string]any)["schemas"].(map[string]any) {
		if strings.HasSuffix(name, "_request") {
			continue
		}
		for property := range v.(map[string]any)["properties"].(map[string]any) {
			if field := name + "." + property; !s.seen[field] && !slices.Contains(never, field) {
				t.Errorf("%s is described, but was never answered", field)
			}
		}
	}
}

// rest does what the examples leave out, so that every field is answered once.
func (w *world) rest(acme *strings.Replacer) {
	do := func(method, path, body string) answered { return w.do(method, acme.Replace(path), acme.Replace(body)) }
	do("POST", "/wallets/$wallet/wallet-transactions", `{"type":"VOID","credits_to_void":"1","lot_id":"$grant","reason":"r","corrects_transaction_id":"$grant"}`)
	do("POST", "/wallets/$wallet/wallet-transactions", `{"type":"TOPUP","paid_amount":"1","expires_in":9}`)
	do("POST", "/wallets/$wallet/wallet-transactions", `{"type":"TOPUP","granted_credits":"1","priority":9,"expiration_at":"2030-01-01T00:00:00Z"}`)
	spent := do("POST", "/wallets/$wallet/debit", `{"amount_to_debit":"0.25","fee":{"id":"f"}}`).at("wallet_transaction_id")
	do("GET", "/wallet-transactions/"+spent+"/draws", "")
	do("PUT", "/wallets/$wallet", `{"expiration_at":"2030-01-01T00:00:00Z","applies_to":{"metrics":["gpu"]},"limits":{"min_paid_credits":"1"},"metadata":[{"key":"a","value":"b"}],
		"recurring_transaction_rules":[{"trigger":"INTERVAL","interval":"WEEKLY","granted_credits":"1"},{"trigger":"THRESHOLD","threshold_credits":"1","paid_credits":"1"}]}`)
	w.now = w.now.AddDate(0, 0, 8)
	do("GET", "/wallets/$wallet/wallet-transactions?transaction_type=INBOUND", "")
	do("GET", "/wallets/$wallet", "")
	do("GET", "/wallet-transactions/$pending", "")
	do("GET", "/wallets/$wallet/lots", "")
	do("GET", "/holds?external_customer_id=acme&per_page=1", "")
	do("POST", "/holds", `{"external_customer_id":"acme","currency":"USD","amount_to_hold":"1","fee":{"id":"f","fee_type":"CHARGE","metric":"gpu"},"metadata":[]}`)
	do("POST", "/charges/preview", bill49[:len(bill49)-3]+"}")
	do("GET", "/events?external_customer_id=acme&per_page=100", "")
}

// Each field of a request is what the document says: those described are known, needed and typed as it says, others are not
// known.
func TestDocumentDescribesEveryField(t *testing.T) {
	w := newWorld(t)
	s, all := describedBy(w)
	acme := w.things()
	names := map[string]bool{"": true, "colour": true}
	for _, d := range all {
		for _, q := range d.query {
			names[q] = true
		}
		if d.body != nil {
			m, _ := s.resolve(d.body)
			maps.Copy(names, keys(m["properties"].(map[string]any)))
		}
	}
	for _, d := range all {
		request := examples[d.id]
		path, body := acme.Replace(request.path), acme.Replace(request.body)
		path, _, _ = strings.Cut(path, "?")
		issues := func(location, body, query string) map[string]string {
			a := w.ask(hostSecret, d.method, path+query, body)
			found := make(map[string]string)
			details, _ := decoded(a.body).(map[string]any)["details"].([]any)
			for _, one := range details {
				one := one.(map[string]any)
				if field, _ := one["field"].(string); one["location"] == location {
					found[field] = one["issue"].(string)
				}
			}
			return found
		}
		for name := range names {
			given := issues("query", "", "?"+url.QueryEscape(name)+"=%20")
			if known := given["/"+name] != unknown; known != slices.Contains(d.query, name) {
				t.Errorf("%s: parameter %s: known: %t", d.id, name, known)
			}
			if d.body == nil || body == "" {
				continue
			}
			m, _ := s.resolve(d.body)
			properties, required := m["properties"].(map[string]any), m["required"]
			_, is := properties[name]

			fields := decoded([]byte(body)).(map[string]any)
			fields[name] = map[string]any{"nested": map[string]any{}}
			text, _ := json.Marshal(fields)
			wrong := issues("body", string(text), "")
			issue, bad := wrong["/"+name]
			if nested, ok := wrong["/"+name+"/nested"]; ok { // an object
				issue, bad = nested, true
			}
			if !bad || is != (issue != unknown || wrong["/"+name+"/nested"] == unknown) {
				t.Errorf("%s: field %q: described: %t, but %v", d.id, name, is, wrong)
			}

			needed := false
			if list, ok := required.([]any); ok {
				needed = slices.Contains(list, any(name))
			}
			delete(fields, name)
			if name == "" || !is {
				continue
			}
			text, _ = json.Marshal(fields)
			if absent := issues("body", string(text), "")["/"+name] == missing; needed != absent {
				t.Errorf("%s: %s: described as needed: %t, but %t", d.id, name, needed, absent)
			}
		}
	}
}

// A page is as large as the document says: by default, at least and at most.
func TestDocumentHasTheBoundsOfPages(t *testing.T) {
	w := newWorld(t)
	acme := w.things()
	paged := 0
	for path, methods := range decoded(w.do("GET", "/openapi.json", "").body).(map[string]any)["paths"].(map[string]any) {
		get, _ := methods.(map[string]any)["get"].(map[string]any)
		params, _ := get["parameters"].([]any)
		for _, p := range params {
			name, _ := p.(map[string]any)["name"].(string)
			if name != "page" && name != "per_page" {
				continue
			}
			paged++
			schema := p.(map[string]any)["schema"].(map[string]any)
			number := func(keyword string) int { n, _ := schema[keyword].(json.Number).Int64(); return int(n) }
			path := acme.Replace(strings.NewReplacer("{wallet_id}", "$wallet", "{wallet_transaction_id}", "$debit").Replace(path))
			for n, want := range map[int]int{
				number("minimum") - 1: 400, number("minimum"): 200, number("default"): 200, number("maximum"): 200, number("maximum") + 1: 400,
			} {
				if a := w.ask(hostSecret, "GET", path+"?"+name+"="+itoa(n), ""); a.status != want {
					t.Errorf("%s: %s %d: %d %s", path, name, n, a.status, a.body)
				}
			}
		}
	}
	if paged < 8 {
		t.Errorf("only %d parameters of pages", paged)
	}
}

func keys(m map[string]any) map[string]bool {
	all := make(map[string]bool)
	for k := range m {
		all[k] = true
	}
	return all
}
