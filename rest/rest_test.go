package rest

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
	"github.com/seed-12493b23/wallet/engine"
	"github.com/seed-12493b23/wallet/store/memory"
)

// The secrets of the tests: of the host itself, of two customers, and of one who may only look.
const (
	hostSecret  = "host secret"
	acmeSecret  = "acme secret"
	otherSecret = "other secret"
	lookSecret  = "look secret"
)

// A world is a handler over wallets in memory, at a time of its own.
type world struct {
	t       testing.TB
	eng     *engine.Engine
	handler http.Handler
	now     time.Time
	log     *bytes.Buffer
	seen    func(method, path string, status int, body []byte) // told of every answer, if set
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, now: time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC), log: new(bytes.Buffer)}
	var mu sync.Mutex // connections have goroutines of their own
	w.eng = engine.New(memory.New(), &engine.Options{Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		w.now = w.now.Add(time.Second)
		return w.now
	}})
	w.handler = New(w.eng, &Options{
		Authorize: Bearer(Token{Secret: hostSecret}, Token{Secret: acmeSecret, Customer: "acme"},
			Token{Secret: otherSecret, Customer: "other"}, Token{Secret: lookSecret, ReadOnly: true}),
		FeeTypes: []wallet.FeeType{"storage"},
		Logger:   slog.New(slog.NewTextHandler(w.log, nil)),
	})
	return w
}

// An answer is what a request was answered.
type answered struct {
	status int
	header http.Header
	body   []byte
}

// at returns the text of a string or number in the answer, found by the names and indices on the way: "meta.total_count".
func (a answered) at(path string) string {
	var v any
	d := json.NewDecoder(bytes.NewReader(a.body))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "no JSON: " + string(a.body)
	}
	for name := range strings.SplitSeq(path, ".") {
		switch in := v.(type) {
		case map[string]any:
			v = in[name]
		case []any:
			v = nil
			for i := range in {
				if itoa(i) == name {
					v = in[i]
				}
			}
		}
	}
	switch v := v.(type) {
	case string:
		return v
	case nil:
		return ""
	}
	text, _ := json.Marshal(v)
	return string(text)
}

// ask sends a request with a secret of the tests. A body is sent as JSON.
func (w *world) ask(secret, method, path, body string, headers ...string) answered {
	w.t.Helper()
	if !strings.HasPrefix(path, "/v1") {
		path = Base + path
	}
	var r *http.Request
	if body == "" {
		r = httptest.NewRequest(method, path, nil)
	} else {
		r = httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	got, _ := io.ReadAll(rec.Body)
	if w.seen != nil {
		w.seen(method, path, rec.Code, got)
	}
	return answered{rec.Code, rec.Header(), got}
}

// do is ask by the host, to succeed.
func (w *world) do(method, path, body string, headers ...string) answered {
	w.t.Helper()
	a := w.ask(hostSecret, method, path, body, headers...)
	if a.status != http.StatusOK {
		w.t.Fatalf("%s %s %s: %d %s %s", method, path, body, a.status, a.body, w.log)
	}
	return a
}

// wallet creates a wallet of acme's, with 100 granted credits of 0.50 USD.
func (w *world) wallet() string {
	w.t.Helper()
	return w.do("POST", "/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"0.5","granted_credits":"100"}`).at("id")
}

// is checks parts of an answer: paths and what is there, by turns.
func (a answered) is(t testing.TB, want ...string) {
	t.Helper()
	for i := 0; i < len(want); i += 2 {
		if got := a.at(want[i]); got != want[i+1] {
			t.Errorf("%s is %q, want %q, in %s", want[i], got, want[i+1], a.body)
		}
	}
}
