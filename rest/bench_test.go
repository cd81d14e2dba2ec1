package rest

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/seed-12493b23/wallet"
)

// What the handler itself costs: a debit through it, and the same on the engine, over wallets in memory.
func BenchmarkDebit(b *testing.B) {
	w := newWorld(b)
	id, err := wallet.ParseID(w.do("POST", "/wallets", `{"external_customer_id":"acme","currency":"USD","rate_amount":"0.5","granted_credits":"1000000000"}`).at("id"))
	if err != nil {
		b.Fatal(err)
	}
	b.Run("engine", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := w.eng.Debit(b.Context(), id, wallet.Debit{Credits: wallet.MustAmount("0.01")}); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("handler", func(b *testing.B) {
		r := httptest.NewRequest("POST", Base+"/wallets/"+id.String()+"/debit", nil)
		r.Header.Set("Authorization", "Bearer "+hostSecret)
		r.Header.Set("Content-Type", "application/json")
		body := strings.NewReader("")
		r.Body = noClose{body}
		rec := httptest.NewRecorder()
		b.ReportAllocs()
		for b.Loop() {
			body.Reset(`{"credits_to_debit":"0.01","fee":{"fee_type":"CHARGE"}}`)
			rec.Body.Reset()
			w.handler.ServeHTTP(rec, r)
			if rec.Code != 200 {
				b.Fatal(rec.Body)
			}
		}
	})
}

type noClose struct{ *strings.Reader }

func (noClose) Close() error { return nil }
