package rest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

// No request panics, or is answered with a fault; every answer is JSON, and every refusal says what it is. Whatever a
// customer's token asks for, it never sees the other's name.
func FuzzRequest(f *testing.F) {
	operations := table()
	for i, o := range operations {
		path, query, _ := strings.Cut(examples[o.name].path, "?")
		f.Add(uint8(i), path, query, examples[o.name].body, "key "+itoa(i%3), uint8(i))
		f.Add(uint8(i), path, query, "", "", uint8(2))
	}
	f.Add(uint8(0), "/wallets", "%", `{"external_customer_id":"\ud800","currency":"USD","rate_amount":"1"}`, "\x00", uint8(0))
	w := newWorld(f)
	const secretName = "a name that only acme knows"
	w.do("POST", "/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"1","granted_credits":"1000","name":"`+secretName+`"}`)
	acme := w.things()
	secrets := []string{hostSecret, acmeSecret, otherSecret, lookSecret, "", "nobody"}
	f.Fuzz(func(t *testing.T, op uint8, path, query, body, key string, who uint8) {
		o := operations[int(op)%len(operations)]
		secret := secrets[int(who)%len(secrets)]
		r := &http.Request{
			Method: o.method, URL: &url.URL{Path: Base + acme.Replace(path), RawQuery: acme.Replace(query)}, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + secret}},
			Body:   http.NoBody, Host: "x",
		}
		if body != "" {
			r = r.WithContext(t.Context())
			r.Body = httptest.NewRequest(o.method, "/", strings.NewReader(acme.Replace(body))).Body
		}
		if key != "" {
			r.Header.Set("Idempotency-Key", key)
		}
		rec := httptest.NewRecorder()
		w.handler.ServeHTTP(rec, r)
		answer := rec.Body.Bytes()
		if rec.Code >= 500 || !json.Valid(answer) {
			t.Fatalf("%s %q %q %q: %d %s\n%s", o.method, path, query, body, rec.Code, answer, w.log)
		}
		if rec.Code != http.StatusOK && (answered{body: answer}).at("name") != problemName(rec.Code) {
			t.Errorf("%s %q %q %q: %d %s", o.method, path, query, body, rec.Code, answer)
		}
		if secret == otherSecret && strings.Contains(string(answer), secretName) {
			t.Errorf("%s %q %q %q: other learns %s", o.method, path, query, body, answer)
		}
	})
}

func problemName(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return errTooBig.name
	case http.StatusUnsupportedMediaType:
		return errMedia.name
	}
	return messages[status][0]
}

// What parse reads is what encoding/json reads; what it refuses is no JSON, is nested too deeply, or has a name twice.
func FuzzParse(f *testing.F) {
	for _, s := range []string{`{"a":[1,-2.50,1e3,true,false,null,"x\n\u00e9\ud83d\ude00\ud800"],"b":{"":{}}}`, `{"a":1,"a":2}`, `[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]`,
		"\"\x00\"", `"\"`, `"\\"`, `[1,]`, `{"a"}`, `01`, ` 1 2`, `tru`, `{"a":1,}`, "\xff", `"`, `{`, ``, `nullx`, `[1"a"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := parse(s)
		if valid := utf8.ValidString(s) && json.Valid([]byte(s)); !valid || err != nil {
			bad, _ := err.(invalid)
			if valid != (err == nil) && (!valid || bad[0].Issue != duplicate && !strings.Contains(bad[0].Description, "deeply")) {
				t.Errorf("%q: %v %v", s, n, bad)
			}
			return
		}
		if got, want := n.plain(), decoded([]byte(s)); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: read %v, want %v", s, got, want)
		}
	})
}

// plain returns the value as encoding/json would.
func (n *node) plain() any {
	switch n.kind {
	case '{':
		m := make(map[string]any)
		for i, name := range n.names {
			m[name] = n.items[i].plain()
		}
		return m
	case '[':
		list := []any{}
		for i := range n.items {
			list = append(list, n.items[i].plain())
		}
		return list
	case '"':
		return n.text
	case '0':
		return json.Number(n.text)
	case 't':
		return n.text == "true"
	}
	return nil
}
