package rest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/seed-12493b23/wallet"
)

// Every command of the API's own guide works as it stands, with real curl over a real connection.
func TestCurl(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no curl")
		}
		t.Skip("no curl")
	}
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	id := w.do("POST", "/wallets", `{"external_customer_id":"5eb02857-a71e-4ea2-bcf9-1753842358","currency":"USD","rate_amount":"1.0"}`).at("id")
	text, err := os.ReadFile("testdata/commands.sh")
	if err != nil {
		t.Fatal(err)
	}
	wants := [][]string{
		{"name", "INVALID_REQUEST", "details.0.field", "/paid_credits"},
		{"wallet_transactions.0.transaction_status", "PURCHASED", "wallet_transactions.0.credits", "200.0", "wallet_transactions.0.payment_status", "PENDING",
			"wallet_transactions.1.transaction_status", "GRANTED", "wallet_transactions.1.metadata.0.value", "customer purchase"},
		{"wallet_transactions.0.transaction_status", "VOIDED", "wallet_transactions.0.credits", "50.0", "wallet_transactions.0.transaction_type", "OUTBOUND"},
		{"meta.total_count", "3", "wallet_transactions.2.transaction_status", "PURCHASED"},
		{"metadata.total_count", "1", "wallets.0.id", id},
		{"id", id, "status", "ACTIVE", "available_credits", "50.0"},
		{"name", "Updated Prepaid Wallet", "expiration_at", "2026-12-31T00:00:00Z", "applies_to.fee_types.2", "COMMITMENT",
			"recurring_transaction_rules.0.trigger", "THRESHOLD", "recurring_transaction_rules.0.method", "FIXED"},
		{"status", "TERMINATED"},
	}
	for block := range strings.SplitSeq(string(text), "\n\n") {
		_, command, ok := strings.Cut("\n"+block, "\ncurl ")
		if !ok {
			continue
		}
		want := "200"
		if _, after, ok := strings.Cut(block, "# answers "); ok {
			want = after[:3]
		}
		cmd := exec.CommandContext(t.Context(), "sh", "-c", "curl --silent --write-out '\n%{http_code}' "+command)
		cmd.Env = append(os.Environ(), "HOST="+server.URL, "TOKEN="+hostSecret, "WALLET="+id)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, command)
		}
		body, status, _ := strings.Cut(string(out), "\n")
		if status != want {
			t.Errorf("answered %s: %s, to %s", status, body, command)
		}
		if len(wants) == 0 {
			t.Fatal("more commands than answers")
		}
		answered{body: []byte(body)}.is(t, wants[0]...)
		wants = wants[1:]
	}
	if len(wants) > 0 {
		t.Errorf("commands are missing: %v", wants)
	}
}

// The API's own sample decodes into the types of the answers, whole, and is written as it was; the figures of the engine make it.
func TestSample(t *testing.T) {
	text, err := os.ReadFile("testdata/transactions.json")
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	var list transactionList
	if err := d.Decode(&list); err != nil {
		t.Fatal(err)
	}
	same := func(list transactionList) {
		t.Helper()
		again, err := json.Marshal(list)
		if err != nil || !reflect.DeepEqual(decoded(again), decoded(text)) {
			t.Errorf("%v: read\n%s\nwrote\n%s", err, text, again)
		}
	}
	same(list)

	at := time.Date(2022, 4, 29, 8, 59, 51, 0, time.UTC)
	one := list.Transactions[0]
	shown := showTransaction(wallet.Transaction{
		ID: one.ID, Wallet: one.Wallet, Kind: wallet.Purchased, State: wallet.Settled, Source: wallet.SourceManual,
		Credits: wallet.MustAmount("100"), Money: wallet.Money{Amount: wallet.MustAmount("120.35"), Currency: "USD"},
		SettledAt: at, FailedAt: at, CreatedAt: at, Metadata: map[string]string{"reason": "balance depleted"},
	})
	shown.Kind, shown.BalanceAfter = "", nil // more than the sample has
	list.Transactions[0] = shown
	same(list)
}

// Who sends slowly, or goes away, holds nobody up and leaves nothing behind.
func TestSlowAndGoneClients(t *testing.T) {
	w := newWorld(t)
	server := httptest.NewServer(w.handler)
	defer server.Close()
	id := w.wallet()
	body := `{"credits_to_debit":"1"}`
	head := fmt.Sprintf("POST %s/wallets/%s/debit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		Base, id, hostSecret, len(body))
	dial := func(text string) net.Conn {
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, text); err != nil {
			t.Fatal(err)
		}
		return conn
	}
	slow, gone := dial(head+body[:10]), dial(head+body[:10])
	gone.Close()
	defer slow.Close()
	for range 3 {
		w.do("POST", "/wallets/"+id+"/debit", body)
	}
	w.do("GET", "/wallets/"+id, "").is(t, "consumed_credits", "3.0")
	io.WriteString(slow, body[10:])
	if resp, err := http.ReadResponse(bufio.NewReader(slow), nil); err != nil || resp.StatusCode != http.StatusOK {
		t.Errorf("the slow one: %v %v", resp, err)
	}
	w.do("GET", "/wallets/"+id, "").is(t, "consumed_credits", "4.0")
}
