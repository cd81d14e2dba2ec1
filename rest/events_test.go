package rest

import "testing"

func TestEvents(t *testing.T) {
	w := newWorld(t)
	id := w.wallet()
	w.do("POST", "/wallets/"+id+"/debit", `{"credits_to_debit":"30"}`)
	w.do("DELETE", "/wallets/"+id, "")
	var kinds []string
	after := ""
	for range 10 {
		page := w.do("GET", "/events?wallet_id="+id+"&per_page=2&after="+after, "")
		if page.at("events") == "[]" {
			break
		}
		for _, i := range []string{"0", "1"} {
			if kind := page.at("events." + i + ".kind"); kind != "" {
				kinds = append(kinds, kind)
				page.is(t, "events."+i+".number", itoa(len(kinds)), "events."+i+".wallet_id", id, "events."+i+".external_customer_id", "acme")
			}
		}
		after = page.at("meta.next_after")
	}
	if len(kinds) < 5 || kinds[0] != "CREATED" || kinds[len(kinds)-1] != "TERMINATED" {
		t.Error(kinds)
	}
	w.ask(hostSecret, "GET", "/events?after=nowhere", "").is(t, "name", "INVALID_REQUEST", "details.0.location", "query", "details.0.field", "/after")
}
